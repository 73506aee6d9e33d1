#include "compiler/lower/Reducer.h"
#include "compiler/lower/RowPlan.h"

#include <limits>

using namespace mlir;
using namespace nn;
using namespace nnc;

Type nnc::sumType(Type element, Type result) {
  if (element.isF16() || element.isBF16())
    return Float32Type::get(element.getContext());
  return isa<FloatType>(element) ? element : result;
}

Reducer::Reducer(Operation *op, Lowering &l, int64_t width)
    : l(l), code{l.b, l.loc, l.target}, width(width), sum(isa<SumOp>(op)), arg(isa<ArgmaxOp, ArgminOp>(op)),
      largest(isa<MaxOp, ArgmaxOp, AnyOp>(op)), result(elementOf(op->getResult(0).getType())) {
  Type element = elementOf(op->getOperand(0).getType());
  accumulator = sum ? sumType(element, result) : element;
  if (accumulator.isF16() || accumulator.isBF16())
    accumulator = l.b.getF32Type(); // compared as f32
}

/// 0 for sums; what every number is larger (smaller) than, for the largest (smallest); for positions, none yet; for NaN
/// 0.
Reducer::Values Reducer::init() {
  Type type = l.vectorOf(accumulator, width);
  Num zero = number(arith::ConstantOp::create(l.b, l.loc, type, l.b.getZeroAttr(type)));
  Num start = zero;
  if (!sum && isa<FloatType>(accumulator)) {
    double infinity = std::numeric_limits<double>::infinity();
    start = zero.constant(largest ? -infinity : infinity);
  } else if (!sum) {
    unsigned bits = zero.bits();
    llvm::APInt low = llvm::APInt::getSignedMinValue(bits), high = llvm::APInt::getSignedMaxValue(bits);
    // true of bool is -1 as a signed number of one bit: here as 0 < 1.
    start = bits == 1 ? zero.constant(int64_t(!largest)) : zero.pattern((largest ? low : high).getZExtValue());
  }
  Values values{start.value};
  if (arg)
    values.push_back(l.splat(l.constant(-1), width));
  if (keepsNaN())
    values.push_back(zero.value);
  return values;
}

/// Of floats a, which is no NaN, if b is one: the instruction gives its second operand then.
Num Reducer::combine(Num a, Num b) {
  if (sum)
    return a + b;
  if (a.bits() == 1)
    return largest ? a | b : a & b;
  if (!a.isFloat())
    return select(largest ? a > b : a < b, a, b);
  return largest ? maximum(b, a) : minimum(b, a);
}

/// Whether (c, j) is to be taken instead of (a, i): position -1 is none, NaN is first, of equals the first position.
Num Reducer::better(Num a, Num i, Num c, Num j) {
  Num wins = largest ? c > a : c < a, equal = c == a;
  if (a.isFloat()) {
    wins = wins | (isNaN(c) & !isNaN(a));
    equal = equal | (isNaN(c) & isNaN(a));
  }
  return (j >= 0) & ((i < 0) | wins | (equal & (j < i)));
}

Reducer::Values Reducer::step(ValueRange carried, Value x, Value mask, Value position) {
  Num a = number(carried[0]), b = convert(number(x), accumulator);
  if (arg) {
    Num i = number(carried[1]), j = number(position);
    Num take = better(a, i, b, j);
    if (mask)
      take = take & number(mask);
    return {select(take, b, a).value, select(take, j, i).value};
  }
  Num next = combine(a, b);
  Values results{mask ? select(number(mask), next, a).value : next.value};
  if (keepsNaN()) { // lanes that the mask leaves out are 0
    Num taken = mask ? isNaN(b) & number(mask) : isNaN(b);
    results.push_back(select(taken, b, number(carried[1])).value);
  }
  return results;
}

Reducer::Values Reducer::addPart(ValueRange total, ValueRange part) {
  return {(number(total[0]) + number(part[0])).value};
}

/// The second half of the lanes with the first, until one is left.
static std::pair<Num, Num> halves(Num a, Lowering &l) {
  int64_t half = a.width() / 2;
  auto part = [&](int64_t from) -> Value {
    if (half == 1)
      return vector::ExtractOp::create(l.b, l.loc, a.value, from);
    return vector::ShuffleOp::create(l.b, l.loc, a.value, a.value,
                                     llvm::to_vector(llvm::seq<int64_t>(from, from + half)));
  };
  return {Num(*a.code, part(0)), Num(*a.code, part(half))};
}

Value Reducer::finish(ValueRange carried, bool acrossLanes) {
  Num a = number(carried[0]);
  if (arg) {
    Num i = number(carried[1]);
    while (acrossLanes && a.width() > 1) {
      auto [a0, a1] = halves(a, l);
      auto [i0, i1] = halves(i, l);
      Num take = better(a0, i0, a1, i1);
      a = select(take, a1, a0);
      i = select(take, i1, i0);
    }
    return i.value;
  }
  std::optional<Num> nan;
  if (keepsNaN())
    nan = number(carried[1]);
  while (acrossLanes && a.width() > 1) {
    auto [a0, a1] = halves(a, l);
    a = combine(a0, a1);
    if (nan) {
      auto [n0, n1] = halves(*nan, l);
      nan = n0 + n1; // the others are 0
    }
  }
  return convert(nan ? select(isNaN(*nan), *nan, a) : a, result).value;
}

/// In log2(width) turns: each lane adds the one 1, 2, 4, .. lanes before it. Then what came before is added to all.
RunningSum nnc::runningSum(Value carried, Value x, bool acrossLanes, bool reverse, Lowering &l) {
  Code code{l.b, l.loc, l.target};
  Num sums = convert(Num(code, x), elementOf(carried.getType()));
  int64_t width = sums.width();
  if (!acrossLanes || width == 1) {
    sums = Num(code, carried) + sums;
    return {convert(sums, elementOf(x.getType())).value, sums.value};
  }
  Num zero = like(sums, 0);
  for (int64_t distance = 1; distance < width; distance *= 2) {
    SmallVector<int64_t> lanes; // of zero and sums, one after the other
    for (int64_t i = 0; i < width; ++i) {
      int64_t from = reverse ? i + distance : i - distance;
      lanes.push_back(from < 0 || from >= width ? i : width + from);
    }
    sums = sums + Num(code, vector::ShuffleOp::create(l.b, l.loc, zero.value, sums.value, lanes));
  }
  sums = Num(code, l.splat(carried, width)) + sums;
  Value last = vector::ExtractOp::create(l.b, l.loc, sums.value, reverse ? 0 : width - 1);
  return {convert(sums, elementOf(x.getType())).value, last};
}
