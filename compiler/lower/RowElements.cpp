// The innermost part of nn.rows: a vector of elements is read, computed, reduced and written.
#include "compiler/lower/Rows.h"

using namespace mlir;
using namespace nn;
using namespace nnc;

/// The position on an axis of the kernel's shape: parallel axes, then those of the row.
Value RowsLowering::position(const Element &e, int64_t axis) {
  if (axis >= parallelRank) {
    for (auto [a, at] : llvm::zip(row.axes, e.outer))
      if (a.original == axis - parallelRank)
        return at;
    if (row.axes.back().original != axis - parallelRank)
      return l.constant(0); // an axis of size 1
    return inLanes ? e.i : l.lanesFrom(e.i, e.width);
  }
  if (inLanes && parallel.axes.back().original == axis)
    return l.lanesFrom(e.row.lane, laneWidth);
  for (auto [a, at] : llvm::zip(parallel.axes, e.row.outer))
    if (a.original == axis)
      return at;
  return l.constant(0);
}

// ---- memory
// ----------------------------------------------------------------------------------------------------------

/// Values that a row has one of have stride 0 on its axes.
Value RowsLowering::address(size_t place, Element &e) {
  if (!e.i)
    return e.starts[place];
  return l.advance(e.starts[place], l.mul(e.i, l.size(row.axes.back().strides[place])), places[place].element);
}

Value RowsLowering::read(size_t place, Element &e) {
  Type type = places[place].element;
  Value from = address(place, e);
  Dim stride = inLanes ? parallel.axes.back().strides[place] : e.i ? row.axes.back().strides[place] : Dim(0);
  if (stride.isConstant(0))
    return l.splat(l.load(from, type, 1), e.width);
  Value mask = inLanes ? e.row.mask : e.mask, count = inLanes ? e.row.count : e.count;
  if (stride.isConstant(1))
    return l.load(from, type, e.width, mask);
  return l.loadStrided(from, type, l.size(stride), e.width, count);
}

void RowsLowering::write(Value v, size_t place, Element &e) {
  Type type = places[place].element;
  Value to = address(place, e);
  if (!inLanes && !e.i)
    return l.store(v, to, type);
  Dim stride = inLanes ? parallel.axes.back().strides[place] : row.axes.back().strides[place];
  Value mask = inLanes ? e.row.mask : e.mask, count = inLanes ? e.row.count : e.count;
  if (stride.isConstant(1))
    return l.store(v, to, type, mask);
  l.storeStrided(v, to, type, l.size(stride), count);
}

/// Buffers hold a row in the order in which it is walked; the vector at its end may be longer than the row.
Value RowsLowering::buffer(int number, Element &e) {
  Type type = plan->buffers[number];
  int64_t bytes = std::max<int64_t>(1, type.getIntOrFloatBitWidth() / 8);
  int64_t elements = inLanes ? *rowLength * laneWidth : *rowLength + 4 * native;
  Value at = l.add(e.first, e.i);
  if (inLanes)
    at = l.mul(at, l.constant(laneWidth));
  return l.advance(l.scratch(number, elements * bytes), at, type);
}

Value RowsLowering::readKept(int where, Type type, Element &e) {
  if (where >= 0)
    return read(op.getInputs().size() + where, e);
  return l.load(buffer(-1 - where, e), type, e.width);
}

void RowsLowering::writeKept(Value v, int where, Element &e) {
  if (where >= 0)
    return write(v, op.getInputs().size() + where, e);
  l.store(v, buffer(-1 - where, e), plan->buffers[-1 - where]);
}

// ---- values
// ----------------------------------------------------------------------------------------------------------

/// A value of the row at this element: computed here already, kept by an earlier stage, or an input.
Value RowsLowering::at(Element &e, Value v, IRMapping &values, const RowStage &stage) {
  if (Value known = values.lookupOrNull(v))
    return known;
  Value found;
  if (auto kept = stage.reloaded.find(v); kept != stage.reloaded.end())
    found = readKept(kept->second, elementOf(v.getType()), e);
  else
    found = read(cast<BlockArgument>(v).getArgNumber(), e);
  values.map(v, found);
  return found;
}

/// 1. Compute the stage's values in order. What later stages want to have is written down at once.
/// 2. Feed the reductions, write the results.
RowsLowering::Values RowsLowering::element(Stage &stage, Element &e, ValueRange carried) {
  IRMapping own;
  IRMapping &values = kept ? *kept : own;
  Values next(carried);
  size_t sum = carried.size() - stage.sums.size();
  auto index = [&](int64_t axis) { return position(e, axis); };
  for (Operation *inner : stage.plan.ops) {
    Value result = inner->getResult(0);
    if (values.contains(result))
      continue; // the row is one vector, an earlier stage computed it
    if (auto broadcast = dyn_cast<BroadcastOp>(inner)) {
      values.map(result, l.splat(e.row.scalars.lookup(broadcast.getX()), e.width));
    } else if (auto cumsum = dyn_cast<CumsumOp>(inner)) {
      Value x = at(e, cumsum.getX(), values, stage.plan);
      if (cumsum.getReverse() && !inLanes && e.mask) // from the end: what is behind it must not count
        x = arith::SelectOp::create(l.b, l.loc, e.mask, x,
                                    arith::ConstantOp::create(l.b, l.loc, x.getType(), l.b.getZeroAttr(x.getType())));
      RunningSum s = runningSum(next[sum], x, !inLanes, cumsum.getReverse(), l);
      values.map(result, s.sums);
      next[sum++] = s.carried;
    } else {
      for (Value operand : inner->getOperands())
        (void)at(e, operand, values, stage.plan);
      values.map(result, l.inlineOperation(*inner, values, e.width, index));
    }
    if (auto place = stage.plan.kept.find(result); !kept && place != stage.plan.kept.end())
      writeKept(values.lookup(result), place->second, e);
  }
  size_t k = 0;
  for (auto [reduction, reducer] : llvm::zip(stage.plan.reductions, stage.reducers)) {
    size_t n = reducer.carries();
    Value x = at(e, reduction->getOperand(0), values, stage.plan), position;
    if (reducer.wantsPositions())
      position = inLanes ? l.splat(e.i, e.width) : l.lanesFrom(e.i, e.width);
    Values stepped = reducer.step(carried.slice(k, n), x, inLanes ? Value() : e.mask, position);
    for (size_t j = 0; j < n; ++j)
      next[k + j] = stepped[j];
    k += n;
  }
  for (unsigned i : stage.plan.outputs)
    write(at(e, body.getTerminator()->getOperand(i), values, stage.plan), op.getInputs().size() + i, e);
  return next;
}
