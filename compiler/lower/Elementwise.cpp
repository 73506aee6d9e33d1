// Elementwise operations on scalars and vectors, as arithmetic.
#include "compiler/lower/Lowering.h"
#include "compiler/lower/Math.h"

#include "mlir/IR/Matchers.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace nn;

namespace nnc {
namespace {

bool isHalf(Type element) { return element.isF16() || element.isBF16(); }

/// The scalar that every lane of `v` is known to have.
TypedAttr constantOf(Value v) {
  if (auto constant = v.getDefiningOp<ConstantOp>())
    return constant.getValue();
  if (auto splat = v.getDefiningOp<vector::BroadcastOp>())
    return constantOf(splat.getSource());
  Attribute attribute;
  if (!matchPattern(v, m_Constant(&attribute)))
    return {};
  if (auto dense = dyn_cast<SplatElementsAttr>(attribute))
    attribute = dense.getSplatValue<Attribute>();
  return dyn_cast<TypedAttr>(attribute);
}

/// Functions of f32, and what libm calls them for f64.
struct Function {
  Num (*f32)(Num);
  const char *f64;
};
Num callFunction(const Function &function, Num x) {
  return x.bits() == 64 ? callPerLane(function.f64, x) : function.f32(x);
}

Num sigmoidOf(Num x) {
  if (x.bits() != 64)
    return sigmoid(x);
  Num z = exp64(-abs(x)); // no overflow, and exact denormals
  return select(x < 0, z, like(z, 1)) / (z + 1);
}

/// Small whole exponents are products; the square root has other values than the power at -0 and -inf only.
Num powOf(Num a, Num b, TypedAttr exponent) {
  std::optional<double> n;
  if (auto f = dyn_cast_or_null<FloatAttr>(exponent))
    n = f.getValueAsDouble();
  else if (auto i = dyn_cast_or_null<IntegerAttr>(exponent))
    n = double(i.getValue().getSExtValue());
  if (!a.isFloat())
    return power(a, n.value_or(0));
  if (n == -1)
    return 1 / a;
  if (n == 0.5)
    return select(a == -std::numeric_limits<double>::infinity(), -a, sqrt(a + 0.0));
  if (n && (*n == 0 || *n == 1 || *n == 2 || *n == 3 || *n == 4))
    return power(a, int64_t(*n));
  Num by = convert(b, a.element());
  return a.bits() == 64 ? callPerLane("pow", {a, by}) : pow(a, by);
}

/// Rounded down; a divisor of 0 is taken as 1 (the entry reports it), the quotient of the least number and -1 wraps.
struct Quotient {
  Num floor, mod;
};
Quotient divideIntegers(Num a, Num b) {
  Num negated = b == -1, divisor = select(negated | (b == 0), like(b, 1), b);
  Num q = a / divisor, r = a - q * divisor;
  Num below = (r != 0) & ((r < 0) ^ (divisor < 0));
  return {select(negated, -a, select(below, q - 1, q)), select(negated, like(a, 0), select(below, r + divisor, r))};
}

/// One of a and b; NaN if either is.
Num larger(Num a, Num b) {
  if (!a.isFloat())
    return select(a > b, a, b);
  return select(isNaN(a), a, maximum(a, b));
}
Num smaller(Num a, Num b) {
  if (!a.isFloat())
    return select(a < b, a, b);
  return select(isNaN(a), a, minimum(a, b));
}
Num signOf(Num x) {
  Num sign = select(x > 0, like(x, 1), select(x < 0, like(x, -1), like(x, 0)));
  return x.isFloat() ? select(isNaN(x), x, sign) : sign;
}

/// The operation on operands of f64, f32 or integers.
std::optional<Num> expand(Operation *op, ArrayRef<Num> x) {
  auto function = [&](Num (*f32)(Num), const char *f64) { return callFunction({f32, f64}, x[0]); };
  auto rounded = [&](Num (*rounding)(Num)) { return x[0].isFloat() ? rounding(x[0]) : x[0]; };
  return llvm::TypeSwitch<Operation *, std::optional<Num>>(op)
      .Case([&](AddOp) { return x[0] + x[1]; })
      .Case([&](SubOp) { return x[0] - x[1]; })
      .Case([&](MulOp) { return x[0] * x[1]; })
      .Case([&](DivideOp) { return x[0] / x[1]; })
      .Case([&](PowOp pow) { return powOf(x[0], x[1], constantOf(pow.getB())); })
      .Case([&](DivOp) { return x[0].isFloat() ? floorDiv(x[0], x[1]) : divideIntegers(x[0], x[1]).floor; })
      .Case([&](ModOp) { return x[0].isFloat() ? floorMod(x[0], x[1]) : divideIntegers(x[0], x[1]).mod; })
      .Case([&](MaximumOp) { return larger(x[0], x[1]); })
      .Case([&](MinimumOp) { return smaller(x[0], x[1]); })
      .Case([&](ClampOp) { return smaller(larger(x[0], x[1]), x[2]); })
      .Case([&](Atan2Op) { return x[0].bits() == 64 ? callPerLane("atan2", {x[0], x[1]}) : atan2(x[0], x[1]); })
      .Case([&](NegOp) { return -x[0]; })
      .Case([&](AbsOp) { return x[0].isFloat() ? abs(x[0]) : select(x[0] < 0, -x[0], x[0]); })
      .Case([&](SignOp) { return signOf(x[0]); })
      .Case([&](FloorOp) { return rounded(floor); })
      .Case([&](CeilOp) { return rounded(ceil); })
      .Case([&](RoundOp) { return rounded(roundEven); })
      .Case([&](ExpOp) { return x[0].bits() == 64 ? exp64(x[0]) : exp(x[0]); })
      .Case([&](Expm1Op) { return x[0].bits() == 64 ? expm164(x[0]) : expm1(x[0]); })
      .Case([&](LogOp) { return function(log, "log"); })
      .Case([&](Log1pOp) { return function(log1p, "log1p"); })
      .Case([&](SqrtOp) { return sqrt(x[0]); })
      .Case([&](RsqrtOp) { return 1 / sqrt(x[0]); })
      .Case([&](SinOp) { return function(sin, "sin"); })
      .Case([&](CosOp) { return function(cos, "cos"); })
      .Case([&](TanhOp) { return x[0].bits() == 64 ? tanh64(x[0]) : tanh(x[0]); })
      .Case([&](SigmoidOp) { return sigmoidOf(x[0]); })
      .Case([&](ErfOp) { return function(erf, "erf"); })
      .Case([&](EqOp) { return x[0] == x[1]; })
      .Case([&](NeOp) { return x[0] != x[1]; })
      .Case([&](LtOp) { return x[0] < x[1]; })
      .Case([&](LeOp) { return x[0] <= x[1]; })
      .Case([&](GtOp) { return x[0] > x[1]; })
      .Case([&](GeOp) { return x[0] >= x[1]; })
      .Case([&](AndOp) { return x[0] & x[1]; })
      .Case([&](OrOp) { return x[0] | x[1]; })
      .Case([&](NotOp) { return !x[0]; })
      .Case([&](IsfiniteOp) { return abs(x[0]) < std::numeric_limits<double>::infinity(); })
      .Case([&](WhereOp) { return select(x[0], x[1], x[2]); })
      .Default([](Operation *) { return std::nullopt; });
}

} // namespace

/// 1. Constants and conversions.
/// 2. Otherwise operands of 16-bit floats become f32, the operation is expanded, a result of 16 bits is rounded once.
Value lowerElementwise(Operation *op, OpBuilder &b, const cpu::Cpu &target) {
  Code code{b, op->getLoc(), target};
  if (auto constant = dyn_cast<ConstantOp>(op)) {
    TypedAttr value = constant.getValue();
    if (auto vector = dyn_cast<VectorType>(constant.getType()))
      value = DenseElementsAttr::get(vector, Attribute(value));
    return isa<RankedTensorType>(constant.getType()) ? Value() : arith::ConstantOp::create(b, op->getLoc(), value);
  }
  if (op->getNumResults() != 1 || !op->hasTrait<nn::Elementwise>() || isa<RankedTensorType>(op->getResult(0).getType()))
    return {};
  Type element = elementOf(op->getResult(0).getType());
  if (auto cast = dyn_cast<CastOp>(op))
    return convert({code, cast.getX()}, element).value;
  SmallVector<Num> operands;
  for (Value v : op->getOperands()) {
    Num x(code, v);
    operands.push_back(isHalf(x.element()) ? convert(x, b.getF32Type()) : x);
  }
  std::optional<Num> result = expand(op, operands);
  return result ? convert(*result, element).value : Value();
}

} // namespace nnc
