#include "compiler/lower/PairBody.h"
#include "compiler/lower/Reducer.h"

using namespace mlir;
using namespace nn;
using namespace nnc;

PairBody::PairBody(NeighbourhoodOp op, Region &region, Lowering &l, int64_t width)
    : op(op), block(region.front()), l(l), width(width), zero(l.constant(0)), known(1) {}

static bool isScalar(Value v) { return shapeOf(v.getType()).rank() == 0; }

// ---- what is known
// ---------------------------------------------------------------------------------------------------

PairBody::Key PairBody::keyOf(Value v, const Position &p) {
  Key key{v.getAsOpaquePointer(), {}};
  for (auto [axis, at] : llvm::enumerate(p.at)) {
    key.second.push_back(at.getAsOpaquePointer());
    if (int(axis) == p.lanes)
      key.second.push_back(nullptr);
  }
  return key;
}

Value PairBody::find(const Key &key) {
  for (auto &scope : llvm::reverse(known))
    if (auto at = scope.find(key); at != scope.end())
      return at->second;
  return {};
}

void PairBody::set(unsigned index, Value value) { keep(keyOf(block.getArgument(index), {}), value); }

bool PairBody::uses(unsigned index) { return !block.getArgument(index).use_empty(); }

bool PairBody::isOfRow(Value v) {
  auto [at, isNew] = ofRow.try_emplace(v, false);
  if (!isNew)
    return at->second;
  bool same;
  if (auto argument = dyn_cast<BlockArgument>(v)) {
    unsigned first = op.getFree().getValue().rank() + 1, i = argument.getArgNumber();
    same = i < first || i >= op.indexCount();
  } else {
    same = !isa<BoundOp>(v.getDefiningOp()) &&
           llvm::all_of(v.getDefiningOp()->getOperands(), [&](Value x) { return isOfRow(x); });
  }
  return ofRow[v] = same;
}

void PairBody::prepareRow() {
  for (Operation &inner : block.without_terminator())
    for (Value v : inner.getResults())
      if (isScalar(v) && isOfRow(v) && !v.use_empty())
        (void)scalar(v);
}

void PairBody::prepareRow(Value v, const Position &p) {
  DenseSet<Value> seen;
  prepareRow(v, p, seen);
}
void PairBody::prepareRow(Value v, const Position &p, DenseSet<Value> &seen) {
  Operation *maker = v.getDefiningOp();
  if (!maker || isScalar(v) || !seen.insert(v).second)
    return;
  if (isOfRow(v))
    (void)vector(v, p);
  else if (auto broadcast = dyn_cast<BroadcastOp>(maker))
    prepareRow(broadcast.getX(), moved(broadcast, p), seen);
  else if (maker->hasTrait<nn::Elementwise>())
    for (Value x : maker->getOperands())
      prepareRow(x, p, seen);
}

void PairBody::prepare(Value v) {
  DenseSet<Value> seen;
  SmallVector<Value> work{v};
  while (!work.empty()) {
    Value next = work.pop_back_val();
    Operation *maker = next.getDefiningOp();
    if (!maker || !seen.insert(next).second)
      continue;
    if (auto at = dyn_cast<AtOp>(maker); at && !isScalar(next))
      llvm::append_range(work, at.getIndices());
    else if (isScalar(next))
      (void)(isa<BlockArgument>(next) ? next : scalar(next));
    else
      llvm::append_range(work, maker->getOperands());
  }
}

// ---- values
// ----------------------------------------------------------------------------------------------------------

Value PairBody::scalar(Value v) { return vector(v, Position()); }

Value PairBody::vector(Value v, const Position &p) {
  Key key = keyOf(v, p);
  if (Value before = find(key))
    return before;
  Value made = compute(v, p);
  keep(key, made);
  return made;
}

Value PairBody::compute(Value v, const Position &p) {
  Operation *maker = v.getDefiningOp();
  assert(maker && "captured values are read by nn.at");
  if (auto at = dyn_cast<AtOp>(maker))
    return read(at, p);
  if (auto checked = dyn_cast<BoundOp>(maker))
    return bound(checked);
  if (auto broadcast = dyn_cast<BroadcastOp>(maker)) {
    Position from = moved(broadcast, p);
    return l.splat(vector(broadcast.getX(), from), widthAt(p));
  }
  if (auto transpose = dyn_cast<TransposeOp>(maker)) {
    Position from = p;
    for (auto [to, axis] : llvm::enumerate(transpose.getPermutation())) {
      from.at[axis] = p.at[to];
      if (int(to) == p.lanes)
        from.lanes = axis;
    }
    return vector(transpose.getX(), from);
  }
  if (auto iota = dyn_cast<IotaOp>(maker)) {
    Value i = l.add(p.at[iota.getAxis()], l.size(iota.getStart().getValue()));
    int64_t lanes = widthAt(p);
    return p.lanes == int(iota.getAxis()) ? l.lanesFrom(i, lanes) : l.splat(i, lanes);
  }
  if (isa<SumOp, MaxOp, MinOp, AnyOp, AllOp>(maker))
    return reduce(maker, p);
  return elementwise(maker, p);
}

PairBody::Position PairBody::moved(BroadcastOp op, const Position &p) {
  Position from;
  from.mask = p.mask, from.count = p.count;
  Shape x = shapeOf(op.getX().getType()), to = shapeOf(op.getType());
  for (auto [axis, target] : llvm::enumerate(op.getAxes())) {
    bool stretched = x[axis] != to[target];
    from.at.push_back(stretched ? zero : p.at[target]);
    if (int(target) == p.lanes && !stretched)
      from.lanes = axis;
  }
  return from;
}

Value PairBody::elementwise(Operation *maker, const Position &p) {
  IRMapping map;
  for (Value x : maker->getOperands())
    map.map(x, l.splat(vector(x, p), widthAt(p)));
  return l.inlineOperation(*maker, map, widthAt(p), nullptr);
}

/// An index out of range is reported; what would be read there is not (`read`). The value is whether it fits.
Value PairBody::bound(BoundOp checked) {
  Value i = scalar(checked.getX()), limit = l.size(checked.getLimit().getValue());
  if (Type type = i.getType(); !type.isInteger(64))
    i = arith::ExtSIOp::create(l.b, l.loc, l.b.getI64Type(), i);
  Value fits = arith::CmpIOp::create(l.b, l.loc, arith::CmpIPredicate::ult, i, limit);
  l.ifThenElse(
      fits, [] {},
      [&] {
        Value code = arith::ConstantIntOp::create(l.b, l.loc, l.b.getI32Type(), int64_t(checked.getCode()));
        l.call("nnrt_report", {}, {l.team(), l.function.getArgument(1), code, number});
      });
  return fits;
}

Value PairBody::read(AtOp at, const Position &p) {
  auto x = cast<BlockArgument>(at.getX());
  Value place = op.getCaptures()[x.getArgNumber() - op.indexCount()];
  auto type = cast<RefType>(place.getType());
  Type element = type.getElementType();
  SmallVector<Value> index(type.getRank());
  Value fits;
  for (auto [i, axis] : llvm::zip(at.getIndices(), at.getAxes())) {
    Value number = i;
    if (auto checked = i.getDefiningOp<BoundOp>()) {
      number = checked.getX();
      Value one = scalar(i);
      fits = fits ? arith::AndIOp::create(l.b, l.loc, fits, one).getResult() : one;
    }
    number = scalar(number);
    if (!number.getType().isInteger(64))
      number = arith::ExtSIOp::create(l.b, l.loc, l.b.getI64Type(), number);
    index[axis] = number;
  }
  Dim stride(0);
  unsigned next = 0;
  for (auto [axis, value] : llvm::enumerate(index))
    if (!value) {
      if (int(next) == p.lanes)
        stride = type.getStrides()[axis];
      value = p.at[next++];
    }
  Value from = l.advance(l.pointer(place), l.offset(type.getStrides(), index), element);
  int64_t lanes = widthAt(p);
  auto load = [&]() -> Value {
    if (lanes == 1 || stride.isConstant(0))
      return l.splat(l.load(from, element, 1), lanes);
    if (stride.isConstant(1))
      return l.load(from, element, lanes, p.mask);
    return l.loadStrided(from, element, l.size(stride), lanes, p.count);
  };
  if (!fits)
    return load();
  Type result = l.vectorOf(element, lanes);
  return l.ifThenElse(
      fits, result, [&] { return SmallVector<Value>{load()}; },
      [&] { return SmallVector<Value>{arith::ConstantOp::create(l.b, l.loc, result, l.b.getZeroAttr(result))}; })[0];
}

/// 1. Compute the scalars that the elements need.
/// 2. Loop over the reduced axes; vectors run along the last one, or along the result's lanes where it has some.
Value PairBody::reduce(Operation *maker, const Position &p) {
  Value x = maker->getOperand(0);
  Shape shape = shapeOf(x.getType());
  SmallVector<int64_t> reduced;
  for (int64_t axis : maker->getAttrOfType<DenseI64ArrayAttr>("axes").asArrayRef())
    reduced.push_back(axis < 0 ? axis + shape.rank() : axis);
  if (reduced.empty())
    llvm::append_range(reduced, llvm::seq<int64_t>(0, shape.rank()));
  llvm::sort(reduced);
  bool kept = maker->getAttrOfType<BoolAttr>("keep") && maker->getAttrOfType<BoolAttr>("keep").getValue();
  Position inner;
  inner.mask = p.mask, inner.count = p.count;
  unsigned next = 0;
  for (unsigned axis = 0; axis < shape.rank(); ++axis) {
    bool gone = llvm::is_contained(reduced, axis);
    inner.at.push_back(gone ? zero : p.at[next]);
    if (!gone && int(next) == p.lanes)
      inner.lanes = axis;
    next += !gone || kept;
  }
  prepare(x);
  bool across = inner.lanes < 0;
  int64_t lanes = across && shape[reduced.back()].isConstant(1) ? 1 : width;
  Reducer reducer(maker, l, lanes);
  using Values = SmallVector<Value>;
  auto step = [&](const Position &at, ValueRange carried) -> Values {
    Scope scope(*this);
    return reducer.step(carried, vector(x, at), at.mask, {});
  };
  std::function<Values(unsigned, Position, ValueRange)> walk = [&](unsigned k, Position at, ValueRange carried) {
    if (k == reduced.size())
      return step(at, carried);
    int64_t axis = reduced[k];
    Value size = l.size(shape[axis]);
    if (!across || lanes == 1 || k + 1 < reduced.size())
      return l.loop(zero, size, 1, carried, [&](Value i, ValueRange now) {
        Position here = at;
        here.at[axis] = i;
        return walk(k + 1, here, now);
      });
    at.lanes = axis;
    at.mask = at.count = Value();
    Value full = l.mul(l.quotient(size, lanes), l.constant(lanes));
    Values sums = l.loop(zero, full, lanes, carried, [&](Value i, ValueRange now) {
      Position here = at;
      here.at[axis] = i;
      return step(here, now);
    });
    if (shape[axis].isConstant() && shape[axis].constant() % lanes == 0)
      return sums;
    Values types = sums;
    return l.ifThenElse(
        l.less(full, size), ValueRange(types).getTypes(),
        [&] {
          Position here = at;
          here.at[axis] = full;
          here.count = l.sub(size, full);
          here.mask = l.mask(here.count, lanes);
          return step(here, sums);
        },
        [&] { return sums; });
  };
  Values total = walk(0, inner, reducer.init());
  return reducer.finish(total, across);
}
