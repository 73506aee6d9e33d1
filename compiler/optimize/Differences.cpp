#include "compiler/optimize/Differences.h"
#include "compiler/optimize/Cluster.h"

#include "mlir/IR/IRMapping.h"

#include <cmath>
#include <limits>

using namespace mlir;
using namespace nn;
using namespace nnc;

static constexpr double kInfinity = std::numeric_limits<double>::infinity();

int Differences::sign(Value v) {
  auto sub = v.getDefiningOp<SubOp>();
  if (!sub)
    return 0;
  if (sub.getOperand(0) == source && sub.getOperand(1) == target)
    return 1;
  return sub.getOperand(0) == target && sub.getOperand(1) == source ? -1 : 0;
}

/// Between which numbers v is; empty if it is not computed from the difference and constants by operations known here.
/// All of them are monotonous also with rounding, so bounds hold for what is computed.
std::optional<Differences::Range> Differences::rangeOf(Value v) {
  if (sign(v))
    return Range{-kInfinity, kInfinity};
  Operation *op = v.getDefiningOp();
  if (!op)
    return std::nullopt;
  if (auto constant = dyn_cast<ConstantOp>(op)) {
    auto real = dyn_cast<FloatAttr>(constant.getValue());
    double value =
        real ? real.getValueAsDouble() : double(cast<IntegerAttr>(constant.getValue()).getValue().getSExtValue());
    if (elementOf(v.getType()).isInteger(1))
      value = value != 0;
    return Range{value, value};
  }
  if (auto size = dyn_cast<SizeOp>(op)) {
    std::optional<int64_t> value = size.getValue().getValue().asConstant();
    return value ? std::optional(Range{double(*value), double(*value)}) : std::nullopt;
  }
  SmallVector<Range> x;
  for (Value operand : op->getOperands()) {
    std::optional<Range> r = rangeOf(operand);
    if (!r)
      return std::nullopt;
    x.push_back(*r);
  }
  auto checked = [](double low, double high) { // inf - inf, 0 * inf
    return Range{std::isnan(low) ? -kInfinity : low, std::isnan(high) ? kInfinity : high};
  };
  auto corners = [&](auto f) {
    double all[] = {f(x[0].low, x[1].low), f(x[0].low, x[1].high), f(x[0].high, x[1].low), f(x[0].high, x[1].high)};
    if (llvm::any_of(all, [](double d) { return std::isnan(d); }))
      return Range{-kInfinity, kInfinity};
    return Range{*std::min_element(all, all + 4), *std::max_element(all, all + 4)};
  };
  if (isa<LtOp, LeOp, GtOp, GeOp, EqOp, NeOp, AndOp, OrOp, NotOp>(op))
    return Range{0, 1};
  if (isa<AddOp>(op))
    return checked(x[0].low + x[1].low, x[0].high + x[1].high);
  if (isa<SubOp>(op))
    return checked(x[0].low - x[1].high, x[0].high - x[1].low);
  if (isa<MulOp>(op))
    return corners([](double a, double b) { return a * b; });
  if (isa<DivideOp>(op) && x[1].low > 0)
    return corners([](double a, double b) { return a / b; });
  if (isa<DivOp>(op) && x[1].low > 0)
    return corners([](double a, double b) { return std::floor(a / b); });
  if (isa<NegOp>(op))
    return Range{-x[0].high, -x[0].low};
  if (isa<AbsOp>(op))
    return Range{x[0].low > 0 ? x[0].low : x[0].high < 0 ? -x[0].high : 0, std::max(-x[0].low, x[0].high)};
  if (isa<MinimumOp>(op))
    return Range{std::min(x[0].low, x[1].low), std::min(x[0].high, x[1].high)};
  if (isa<MaximumOp>(op))
    return Range{std::max(x[0].low, x[1].low), std::max(x[0].high, x[1].high)};
  if (isa<WhereOp>(op)) {
    auto less = op->getOperand(0).getDefiningOp<LtOp>();
    if (less && less.getOperand(0) == op->getOperand(1)) // it is chosen where it is below a bound
      if (std::optional<Range> bound = rangeOf(less.getOperand(1)))
        x[1].high = std::min(x[1].high, bound->high);
    return Range{std::min(x[1].low, x[2].low), std::max(x[1].high, x[2].high)};
  }
  if (isa<LogOp>(op) && x[0].low >= 1)
    return Range{std::log(x[0].low) * (1 - 1e-6), std::log(x[0].high) * (1 + 1e-6)};
  if (isa<CastOp>(op)) { // of a float to an integer: towards zero
    Type to = elementOf(v.getType());
    if (!isa<IntegerType>(to) || to.isInteger(64))
      return Range{std::trunc(x[0].low), isa<IntegerType>(to) ? std::trunc(x[0].high) : x[0].high};
  }
  return std::nullopt;
}

bool Differences::isIndex(Value v, int64_t limit) {
  std::optional<Range> range = rangeOf(v);
  return range && range->low >= 0 && range->high <= double(limit - 1);
}

Value Differences::forAll(Value v, const Dim &targets, const Dim &sources, OpBuilder &b) {
  MLIRContext *context = b.getContext();
  Location loc = v.getLoc();
  Shape shape{targets + sources};
  IRMapping known;
  std::function<Value(Value)> make = [&](Value x) -> Value {
    if (Value there = known.lookupOrNull(x))
      return there;
    Type type = tensorType(shape, elementOf(x.getType()));
    Value made;
    if (int s = sign(x)) {
      made = IotaOp::create(b, loc, type, DimAttr::get(context, Dim(0) - targets), 0);
      if (s < 0)
        made = NegOp::create(b, loc, made);
    } else {
      for (Value operand : x.getDefiningOp()->getOperands())
        make(operand);
      Operation *copy = b.clone(*x.getDefiningOp(), known);
      copy->getResult(0).setType(type);
      made = copy->getResult(0);
    }
    known.map(x, made);
    return made;
  };
  return make(v);
}
