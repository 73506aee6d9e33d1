#include "compiler/lower/PairFilter.h"

using namespace mlir;
using namespace nn;
using namespace nnc;

// A predicate on pairs, taken apart:
//  1. It is a tree of `and` and `or` (`not` moves down to the leaves). A leaf that compares sums of positions, each a
//     constant number of times, and numbers that are the same for all pairs is a * i + b * j + c >= 0; one without
//     positions holds for all pairs or none; of others nothing is known.
//  2. A leaf of the first kind is a bound of j for each i. It grows or falls with i, so over a range of targets the
//  ends
//     say the rest: what some of them let through, and what all do.
//  3. Leaves that must hold in any case make one interval of sources for each target. The other parts are asked pair by
//     pair, but not in tiles that they let through as a whole, and not where they let nothing through.

Value nnc::evaluate(Lowering &l, Value v, IRMapping &known, int64_t width, function_ref<Value(int64_t)> index) {
  if (Value there = known.lookupOrNull(v))
    return there;
  Operation *op = v.getDefiningOp();
  for (Value operand : op->getOperands())
    evaluate(l, operand, known, width, index);
  Value made = l.inlineOperation(*op, known, width, index);
  known.map(v, made);
  return made;
}

PairFilter::PairFilter(PairsOpInterface op, Lowering &l) : op(op), l(l), sources(op.pairShape().dims.back()) {
  if (op.getWhere().empty())
    return;
  Part whole = part(op.getWhere().front().getTerminator()->getOperand(0), false);
  std::vector<Part> parts;
  if (whole.kind == Part::All)
    parts = std::move(whole.parts);
  else
    parts.push_back(std::move(whole));
  for (Part &p : parts) {
    bool interval = p.kind == Part::AtLeastZero || p.kind == Part::Whole;
    (interval ? intervals : rest).push_back(std::move(p));
  }
}

PairFilter::Linear PairFilter::Linear::times(int64_t factor) const {
  Linear result{target * factor, source * factor, constant * factor, others};
  for (auto &[times, v] : result.others)
    times *= factor;
  return result;
}
PairFilter::Linear PairFilter::Linear::plus(const Linear &other) const {
  Linear result{target + other.target, source + other.source, constant + other.constant, others};
  llvm::append_range(result.others, other.others);
  return result;
}

bool PairFilter::isWhole(Value v) {
  int64_t batch = op.getBatch();
  if (auto argument = dyn_cast<BlockArgument>(v)) {
    const Shape &strides = cast<RefType>(op.getExtras()[argument.getArgNumber()].getType()).getStrides();
    return strides[batch].isConstant(0) && strides[batch + 1].isConstant(0);
  }
  if (auto index = v.getDefiningOp<IndexOp>())
    return int64_t(index.getAxis()) < batch;
  return llvm::all_of(v.getDefiningOp()->getOperands(), [&](Value o) { return isWhole(o); });
}

static std::optional<int64_t> integerOf(Value v) {
  auto constant = v.getDefiningOp<ConstantOp>();
  auto value = constant ? dyn_cast<IntegerAttr>(constant.getValue()) : IntegerAttr();
  return value ? std::optional(value.getInt()) : std::nullopt;
}

std::optional<PairFilter::Linear> PairFilter::linear(Value v) {
  if (std::optional<int64_t> constant = integerOf(v))
    return Linear{0, 0, *constant, {}};
  if (isWhole(v))
    return Linear{0, 0, 0, {{1, v}}};
  Operation *made = v.getDefiningOp();
  if (auto index = dyn_cast_or_null<IndexOp>(made)) {
    bool target = index.getAxis() == op.getBatch();
    return Linear{target, !target, 0, {}};
  }
  if (isa_and_present<CastOp>(made) && isa<IntegerType>(elementOf(made->getOperand(0).getType())))
    return linear(made->getOperand(0));
  if (isa_and_present<NegOp>(made)) {
    std::optional<Linear> x = linear(made->getOperand(0));
    return x ? std::optional(x->times(-1)) : std::nullopt;
  }
  if (!isa_and_present<AddOp, SubOp, MulOp>(made))
    return std::nullopt;
  Value a = made->getOperand(0), c = made->getOperand(1);
  if (isa<MulOp>(made)) {
    if (integerOf(a))
      std::swap(a, c);
    std::optional<int64_t> factor = integerOf(c);
    std::optional<Linear> x = factor ? linear(a) : std::nullopt;
    return x ? std::optional(x->times(*factor)) : std::nullopt;
  }
  std::optional<Linear> x = linear(a), y = linear(c);
  if (!x || !y)
    return std::nullopt;
  return x->plus(isa<SubOp>(made) ? y->times(-1) : *y);
}

PairFilter::Part PairFilter::part(Value v, bool negated) {
  Operation *made = v.getDefiningOp();
  if (isa_and_present<NotOp>(made))
    return part(made->getOperand(0), !negated);
  if (isa_and_present<AndOp, OrOp>(made)) {
    Part::Kind kind = isa<AndOp>(made) != negated ? Part::All : Part::Any;
    Part both{kind, negated ? Value() : v, {}, {}, {}};
    for (Value operand : made->getOperands()) {
      Part p = part(operand, negated);
      if (p.kind == kind)
        std::move(p.parts.begin(), p.parts.end(), std::back_inserter(both.parts));
      else
        both.parts.push_back(std::move(p));
    }
    if (kind == Part::Any && negated) // it is asked as a whole
      both.value = v, both.sum.constant = -1;
    return both;
  }
  if (!negated && isWhole(v))
    return {Part::Whole, v, {}, {}, {}};
  bool integers = made && made->getNumOperands() == 2 && isa<IntegerType>(elementOf(made->getOperand(0).getType())) &&
                  !elementOf(made->getOperand(0).getType()).isInteger(1);
  if (integers && isa<LtOp, LeOp, GtOp, GeOp, EqOp>(made) && !(negated && isa<EqOp>(made))) {
    std::optional<Linear> x = linear(made->getOperand(0)), y = linear(made->getOperand(1));
    if (x && y) {
      auto atLeast = [&](const Linear &a, const Linear &c, int64_t more) { // a >= c + more
        Linear sum = a.plus(c.times(-1));
        sum.constant -= more;
        return Part{Part::AtLeastZero, v, sum, {}, {}};
      };
      if (isa<EqOp>(made))
        return {Part::All, v, {}, {atLeast(*x, *y, 0), atLeast(*y, *x, 0)}, {}};
      bool less = isa<LtOp, LeOp>(made) != negated, strict = isa<LtOp, GtOp>(made) != negated;
      return less ? atLeast(*y, *x, strict) : atLeast(*x, *y, strict);
    }
  }
  Part unknown{Part::Unknown, v, {}, {}, {}};
  unknown.sum.constant = negated ? -1 : 0;
  return unknown;
}

Value PairFilter::truth(bool value) { return arith::ConstantIntOp::create(l.b, l.loc, l.b.getI1Type(), value); }
Value PairFilter::both(Value a, Value c) {
  if (std::optional<int64_t> known = constantOf(a))
    return *known ? c : a;
  if (std::optional<int64_t> known = constantOf(c))
    return *known ? a : c;
  return arith::AndIOp::create(l.b, l.loc, a, c);
}

void PairFilter::enter(function_ref<Value(unsigned)> element, function_ref<Value(int64_t)> index) {
  if (op.getWhere().empty())
    return;
  IRMapping known;
  for (BlockArgument argument : op.getWhere().getArguments())
    if (isWhole(argument) && !argument.use_empty())
      known.map(argument, element(argument.getArgNumber()));
  for (auto *parts : {&intervals, &rest})
    for (Part &p : *parts)
      enter(p, known, index);
}

void PairFilter::enter(Part &part, IRMapping &known, function_ref<Value(int64_t)> index) {
  for (Part &p : part.parts)
    enter(p, known, index);
  if (part.kind == Part::Whole)
    part.number = evaluate(l, part.value, known, 1, index);
  if (part.kind != Part::AtLeastZero)
    return;
  part.number = l.constant(part.sum.constant);
  for (auto &[times, v] : part.sum.others) {
    Value number = evaluate(l, v, known, 1, index);
    if (!number.getType().isInteger(64))
      number = arith::ExtSIOp::create(l.b, l.loc, l.b.getI64Type(), number);
    part.number = l.add(part.number, l.mul(number, l.constant(times)));
  }
}

/// The sources that a leaf lets through for one target.
Share PairFilter::bounds(const Part &part, Value target) {
  Share all = everything();
  auto select = [&](Value c, Value a, Value b) { return arith::SelectOp::create(l.b, l.loc, c, a, b).getResult(); };
  if (part.kind == Part::Whole)
    return {all.from, select(part.number, all.to, all.from)};
  if (part.kind != Part::AtLeastZero)
    return all;
  Value t = l.add(l.mul(target, l.constant(part.sum.target)), part.number);
  if (part.sum.source == 0)
    return {all.from, select(l.less(t, l.constant(0)), all.from, all.to)};
  int64_t divisor = std::abs(part.sum.source);
  Value q = t; // rounded down
  if (divisor != 1) {
    q = arith::DivSIOp::create(l.b, l.loc, t, l.constant(divisor));
    Value below = l.less(l.sub(t, l.mul(q, l.constant(divisor))), l.constant(0));
    q = select(below, l.sub(q, l.constant(1)), q);
  }
  if (part.sum.source > 0)
    return {l.minimum(l.maximum(l.sub(l.constant(0), q), all.from), all.to), all.to};
  return {all.from, l.minimum(l.maximum(l.add(q, l.constant(1)), all.from), all.to)};
}

Share PairFilter::hull(const Part &part, Value first, Value last) {
  if (part.kind == Part::Unknown)
    return everything();
  if (part.kind == Part::AtLeastZero || part.kind == Part::Whole) {
    Share a = bounds(part, first);
    if (part.sum.target == 0 || first == last)
      return a;
    Share c = bounds(part, last);
    return {l.minimum(a.from, c.from), l.maximum(a.to, c.to)};
  }
  bool all = part.kind == Part::All;
  std::optional<Share> so;
  for (const Part &p : part.parts) {
    Share s = hull(p, first, last);
    if (!all) { // nothing is at neither end
      Value some = l.less(s.from, s.to);
      s.from = arith::SelectOp::create(l.b, l.loc, some, s.from, l.size(sources));
      s.to = arith::SelectOp::create(l.b, l.loc, some, s.to, l.constant(0));
    }
    if (!so)
      so = s;
    else if (all)
      so = Share{l.maximum(so->from, s.from), l.minimum(so->to, s.to)};
    else
      so = Share{l.minimum(so->from, s.from), l.maximum(so->to, s.to)};
  }
  return *so;
}

Share PairFilter::hull(Value first, Value last) {
  Share so = everything();
  for (auto *parts : {&intervals, &rest})
    for (const Part &p : *parts)
      if (p.kind != Part::Unknown) {
        Share s = hull(p, first, last);
        so = {l.maximum(so.from, s.from), l.minimum(so.to, s.to)};
      }
  return so;
}

Share PairFilter::interval(Value target) {
  Share so = everything();
  for (const Part &p : intervals) {
    Share s = bounds(p, target);
    so = {l.maximum(so.from, s.from), l.minimum(so.to, s.to)};
  }
  return so;
}

Value PairFilter::covers(const Part &part, Value first, Value last, Value from, Value to) {
  if (part.kind == Part::Unknown)
    return truth(false);
  if (part.kind == Part::All || part.kind == Part::Any) {
    Value result = truth(part.kind == Part::All);
    for (const Part &p : part.parts) {
      Value one = covers(p, first, last, from, to);
      result = part.kind == Part::All ? both(result, one) : arith::OrIOp::create(l.b, l.loc, result, one).getResult();
    }
    return result;
  }
  auto inside = [&](const Share &s) {
    return both(arith::CmpIOp::create(l.b, l.loc, arith::CmpIPredicate::sle, s.from, from),
                arith::CmpIOp::create(l.b, l.loc, arith::CmpIPredicate::sle, to, s.to));
  };
  Value result = inside(bounds(part, first));
  return part.sum.target == 0 ? result : both(result, inside(bounds(part, last)));
}

Value PairFilter::covers(Value first, Value last, Value from, Value to) {
  Value result = truth(true);
  for (auto *parts : {&intervals, &rest})
    for (const Part &p : *parts)
      result = both(result, covers(p, first, last, from, to));
  return result;
}

Value PairFilter::meets(const Part &part, Value first, Value last, Value from, Value to) {
  if (part.kind == Part::All || part.kind == Part::Any) {
    Value result = truth(part.kind == Part::All);
    for (const Part &p : part.parts) {
      Value one = meets(p, first, last, from, to);
      result = part.kind == Part::All ? both(result, one) : arith::OrIOp::create(l.b, l.loc, result, one).getResult();
    }
    return result;
  }
  if (part.kind == Part::Unknown)
    return truth(true);
  Share s = hull(part, first, last);
  return l.less(l.maximum(s.from, from), l.minimum(s.to, to));
}

Value PairFilter::meets(Value first, Value last, Value from, Value to) {
  Value result;
  for (const Part &p : rest)
    if (p.kind == Part::Any) {
      Value one = meets(p, first, last, from, to);
      result = result ? both(result, one) : one;
    }
  return result;
}

Value PairFilter::remains(ValueRange arguments, int64_t width, function_ref<Value(int64_t)> index) {
  IRMapping known;
  for (auto [argument, v] : llvm::zip(op.getWhere().getArguments(), arguments))
    known.map(argument, v);
  Value result;
  for (const Part &p : rest) {
    Value one = l.splat(evaluate(l, p.value, known, width, index), width);
    if (p.sum.constant < 0) { // asked for the opposite
      Value yes = l.splat(truth(true), width);
      one = arith::XOrIOp::create(l.b, l.loc, one, yes);
    }
    result = result ? arith::AndIOp::create(l.b, l.loc, result, one).getResult() : one;
  }
  return result;
}
