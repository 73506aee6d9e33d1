// Powers, and the quotients that are rounded down. f32 is computed in f64, where products of two f32 are exact.
#include "compiler/lower/Math.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/BuiltinOps.h"

using namespace mlir;

namespace nnc {

static constexpr double inf = std::numeric_limits<double>::infinity();

/// log2 of a positive f64 that was an f32, to 2^-43 of itself: 2^k m with m in [2/3, 4/3), in (m - 1) / (m + 1).
static Num log2(Num x) {
  Num bits = asInteger(x);
  Num k = shiftRight(bits - 0x3fe5555555555555, 52);
  Num m = asFloat(bits - (k << 52));
  Num s = (m - 1) / (m + 1), t = s * s;
  Num p = polynomial(t, {0x1.71547652b7e9bp1, 0x1.ec709dcb4eecp-1, 0x1.2776bc59330c9p-1, 0x1.a61e97eab9e48p-2,
                         0x1.46f37110bda6ep-2, 0x1.29c7011ba0dacp-2});
  Type i32 = x.code->b.getI32Type();
  return fma(s, p, signedToFloat(truncateInteger(k, i32), x.element()));
}

/// 2^x for |x| < 1000 to 2^-34 of itself.
static Num exp2(Num x) {
  Num sum = x + 0x1.8p52, n = sum - 0x1.8p52;
  Num p =
      polynomial(x - n, {0x1.ffffffffabbccp-1, 0x1.62e42ff116284p-1, 0x1.ebfbe0a4be89bp-3, 0x1.c6b08aaf2fd1dp-5,
                         0x1.3b29dc40d1fb4p-7, 0x1.5d8a708773cc9p-10, 0x1.446a1fddc880cp-13, 0x1.fe1784c35a78ap-17});
  return asFloat(asInteger(p) + (asInteger(sum) << 52));
}

/// 1. |a|^b = 2^(b log2 |a|) with log2 0 = -inf, rounded to f32 once, so that denormals come out right.
/// 2. The sign: that of a where b is odd; NaN where a < 0 and b is no integer.
/// 3. 1^b and a^0 are 1, for NaN as well.
Num pow(Num a, Num b) {
  Type f32 = a.element(), f64 = a.code->b.getF64Type();
  Num magnitude = abs(a), wide = extendFloat(magnitude, f64);
  Num l = log2(wide);
  l = select(wide == 0, like(l, -inf), select(wide < inf, l, wide)); // of inf and NaN: itself
  Num z = extendFloat(b, f64) * l;
  z = maximum(z.constant(-200.0), minimum(z.constant(200.0), z));
  Num y = truncateFloat(exp2(z), f32);
  y = select(isNaN(z), y.pattern(0x7fc00000), y);
  Num half = b * 0.5;
  Num integer = truncate(b) == b, odd = integer & (truncate(half) != half);
  y = select(odd, copySign(y, a), y);
  Num wrong = (a < 0) & !integer & (magnitude < inf);
  y = select(wrong, y.pattern(0x7fc00000), y);
  return select((a == 1) | (b == 0) | ((magnitude == 1) & (abs(b) == inf)), like(y, 1), y);
}

Num power(Num a, int64_t n) {
  if (n == 0)
    return like(a, 1);
  std::optional<Num> product;
  for (Num square = a;; square = square * square) {
    if (n & 1)
      product = product ? *product * square : square;
    if (!(n >>= 1))
      return *product;
  }
}

/// a - b * trunc(a / b) in f64, exact: the product and the difference are. One turn takes up to 53 bits off the
/// quotient, so nearly always one is enough.
static Num remainder(Num a, Num b) {
  OpBuilder &builder = a.code->b;
  Location loc = a.code->loc;
  Num size = abs(b);
  auto loop = scf::WhileOp::create(
      builder, loc, TypeRange(a.value.getType()), ValueRange(a.value),
      [&](OpBuilder &inner, Location loc, ValueRange carried) {
        Code code{inner, loc, a.code->cpu};
        Num r(code, carried[0]);
        Num more = (abs(r) >= Num(code, size.value)) & (abs(r) < inf) & (Num(code, size.value) > 0);
        Value any = more.value;
        if (isa<VectorType>(any.getType()))
          any = vector::ReductionOp::create(inner, loc, vector::CombiningKind::OR, any);
        scf::ConditionOp::create(inner, loc, any, carried);
      },
      [&](OpBuilder &inner, Location loc, ValueRange carried) {
        Code code{inner, loc, a.code->cpu};
        Num r(code, carried[0]), divisor(code, b.value);
        // Towards zero by a part of 2^-53: never further than the quotient, the sign of r stays.
        Num quotient = truncate(r / divisor);
        Num next(code, LLVM::FMAOp::create(inner, loc, (-quotient).value, divisor.value, r.value));
        scf::YieldOp::create(inner, loc, next.value);
      });
  return {*a.code, loop.getResult(0)};
}

/// In f64 for f32. The remainder has the sign of a; one with the other sign than b is moved by b.
Num floorMod(Num a, Num b) {
  Type f64 = a.code->b.getF64Type();
  bool wide = a.bits() == 64;
  Num r = wide ? callPerLane("fmod", {a, b})
               : truncateFloat(remainder(extendFloat(a, f64), extendFloat(b, f64)), a.element());
  r = select((abs(a) == inf) | (b == 0), r.constant(std::nan("")), select(isNaN(b), b, r));
  return select((r != 0) & ((r < 0) ^ (b < 0)), r + b, r);
}

/// Of two f32 the quotient in f64 is exact enough never to reach the integer above. That of two f64 is corrected by the
/// sign of the remainder.
Num floorDiv(Num a, Num b) {
  Type f64 = a.code->b.getF64Type();
  if (a.bits() != 64)
    return truncateFloat(floor(extendFloat(a, f64) / extendFloat(b, f64)), a.element());
  Num q = floor(a / b);
  Num r = fma(-q, b, a);
  Num above = (r != 0) & ((r < 0) ^ (b < 0)) & (abs(r) < abs(b));
  return select(above, q - 1, q);
}

/// Calls a function of libm for each lane. The value of each operand is f64 or f32, as the function wants it.
Num callPerLane(StringRef name, ArrayRef<Num> arguments) {
  const Num &like = arguments.front();
  OpBuilder &b = like.code->b;
  Location loc = like.code->loc;
  auto module = b.getInsertionBlock()->getParentOp()->getParentOfType<ModuleOp>();
  SmallVector<Type> types(arguments.size(), like.element());
  if (!module.lookupSymbol(name)) {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToEnd(module.getBody());
    func::FuncOp::create(b, loc, name, b.getFunctionType(types, like.element())).setPrivate();
  }
  auto call = [&](ValueRange scalars) {
    return func::CallOp::create(b, loc, name, like.element(), scalars).getResult(0);
  };
  if (!isa<VectorType>(like.value.getType()))
    return {*like.code, call(llvm::map_to_vector(arguments, [](Num a) { return a.value; }))};
  Value result = like.constant(0.0).value;
  for (int64_t lane = 0; lane < like.width(); ++lane) {
    SmallVector<Value> scalars;
    for (Num a : arguments)
      scalars.push_back(vector::ExtractOp::create(b, loc, a.value, lane));
    result = vector::InsertOp::create(b, loc, call(scalars), result, lane);
  }
  return {*like.code, result};
}

Num inPieces(int64_t lanes, ArrayRef<Num> values, function_ref<Value(ArrayRef<Value>)> function) {
  const Num &like = values.front();
  OpBuilder &b = like.code->b;
  Location loc = like.code->loc;
  int64_t width = like.width();
  auto part = [&](Value v, int64_t from, int64_t count) -> Value { // beyond the end the last lane again
    auto at = llvm::map_to_vector(llvm::seq(from, from + count), [&](int64_t i) { return std::min(i, width - 1); });
    return vector::ShuffleOp::create(b, loc, v, v, at);
  };
  if (width == lanes)
    return {*like.code, function(llvm::map_to_vector(values, [](Num v) { return v.value; }))};
  if (!isa<VectorType>(like.value.getType())) {
    Value wide = function(llvm::map_to_vector(values, [&](Num v) -> Value {
      return vector::BroadcastOp::create(b, loc, VectorType::get(lanes, v.element()), v.value);
    }));
    return {*like.code, vector::ExtractOp::create(b, loc, wide, 0)};
  }
  if (width < lanes) {
    Value wide = function(llvm::map_to_vector(values, [&](Num v) { return part(v.value, 0, lanes); }));
    width = lanes;
    return {*like.code, part(wide, 0, like.width())};
  }
  SmallVector<Value> pieces;
  for (int64_t at = 0; at < width; at += lanes)
    pieces.push_back(function(llvm::map_to_vector(values, [&](Num v) { return part(v.value, at, lanes); })));
  for (int64_t joined = lanes; pieces.size() > 1; joined *= 2) { // neighbours
    auto all = llvm::to_vector(llvm::seq<int64_t>(0, 2 * joined));
    for (size_t i = 0; i < pieces.size() / 2; ++i)
      pieces[i] = vector::ShuffleOp::create(b, loc, pieces[2 * i], pieces[2 * i + 1], all);
    pieces.resize(pieces.size() / 2);
  }
  return {*like.code, pieces.front()};
}

} // namespace nnc
