#include "compiler/lower/Map.h"
#include "compiler/lower/RowPlan.h"

using namespace mlir;
using namespace nn;
using namespace nnc;

MapLowering::MapLowering(MapOp op, Lowering &l) : op(op), l(l), inputs(op.getInputs().size()) {
  for (Value v : op->getOperands()) {
    auto type = cast<RefType>(v.getType());
    elements.push_back(type.getElementType());
    strides.push_back(type.getStrides());
    bases.push_back(l.pointer(v));
  }
}

/// What does not change along the row is read once; not before the row is known to have an element.
void MapLowering::readSame(Row &row) {
  row.same.resize(inputs);
  for (size_t p = 0; p < inputs; ++p)
    if (row.nest.axes.back().strides[p].isConstant(0))
      row.same[p] = l.load(row.starts[p], elements[p], 1);
}

void MapLowering::vector(const Row &row, int64_t width, Value i, Value mask, Value count) {
  const Nest::Axis &axis = row.nest.axes.back();
  auto address = [&](size_t p) { return l.advance(row.starts[p], l.mul(i, l.size(axis.strides[p])), elements[p]); };
  Values arguments;
  for (size_t p = 0; p < inputs; ++p) {
    if (row.same[p])
      arguments.push_back(row.same[p]);
    else if (!row.tiles.empty() && row.tiles[p])
      arguments.push_back(l.load(row.tiles[p], elements[p], width));
    else if (axis.strides[p].isConstant(1))
      arguments.push_back(l.load(address(p), elements[p], width, mask));
    else
      arguments.push_back(l.loadStrided(address(p), elements[p], l.size(axis.strides[p]), width, count));
  }
  auto index = [&](int64_t wanted) -> Value {
    if (wanted == axis.original)
      return l.lanesFrom(i, width);
    for (auto [other, at] : llvm::zip(row.nest.axes, row.outer))
      if (other.original == wanted)
        return at;
    return l.constant(0); // an axis of size 1
  };
  Values results = l.inlineBody(op.getBody().front(), arguments, width, index);
  for (auto [k, value] : llvm::enumerate(results)) {
    size_t p = inputs + k;
    if (axis.strides[p].isConstant(1))
      l.store(value, address(p), elements[p], mask);
    else
      l.storeStrided(value, address(p), elements[p], l.size(axis.strides[p]), count);
  }
}

void MapLowering::walk(Row &row, Value from, Value to) {
  readSame(row);
  if (several > 1) {
    int64_t wide = several * width;
    Value full = l.add(from, l.mul(l.quotient(l.sub(to, from), wide), l.constant(wide)));
    l.loop(from, full, wide, [&](Value i) { vector(row, wide, i, {}, {}); });
    from = full;
  }
  l.vectorLoop(
      from, to, width, [&](Value i, Value mask, Value count) { vector(row, width, i, mask, count); },
      Dim::alwaysDivides(row.nest.axes.back().size, width));
}

/// Each operation of one vector waits for the one before; those of several vectors need not wait for each other. Not
/// where the code would become long, or more vectors than there are.
int64_t MapLowering::vectorsAtOnce(const Nest::Axis &axis) {
  int64_t cost = 0;
  for (Operation &inner : op.getBody().front().without_terminator())
    cost += costOf(&inner) * (elementOf(inner.getResult(0).getType()).isF64() ? 4 : 1); // libm, lane by lane
  for (const Dim &stride : axis.strides)
    if (!stride.isConstant(0) && !stride.isConstant(1))
      return 1; // lane by lane as well
  int64_t vectors = cost <= 100 ? 4 : cost <= 200 ? 2 : 1;
  std::optional<int64_t> size = axis.size.asConstant();
  while (size && vectors > 1 && *size < vectors * width)
    vectors /= 2;
  return vectors;
}

/// 1. Join axes that all places walk as one. The axis along which they are contiguous becomes the last one; vectors run
///    along it. The positions on all other axes number the rows.
/// 2. Inputs that are contiguous along another axis are turned in tiles, see MapTiles.cpp.
/// 3. Otherwise threads share the rows; where there are fewer rows than threads, every thread does its part of each.
/// 4. Per row: scalars are read once, then several vectors at once, then full ones, then one with a mask.
void MapLowering::lower() {
  bool positions = false;
  op.getBody().walk([&](IndexOp) { positions = true; });
  Shape shape = shapeOf(op.getInits()[0].getType());
  Nest nest(shape, strides, /*merge=*/!positions);
  if (nest.rank() == 0) { // one element: the first thread's
    Value first = arith::CmpIOp::create(l.b, l.loc, arith::CmpIPredicate::eq, l.tid(), l.constant(0));
    l.ifThen(first, [&] {
      nest.axes.push_back({Dim(1), std::vector<Dim>(elements.size(), Dim(0)), -1});
      Row row{nest, bases, {}};
      walk(row, l.constant(0), l.constant(1));
    });
    return;
  }
  int64_t writes = 1 + inputs; // what is written counts most
  nest.moveLast(nest.contiguousAxis([&](size_t p) { return p < inputs ? 1 : writes; }));
  width = l.widthFor(op.getBody().front(), elements);
  if (std::optional<size_t> across = axisAcross(nest)) {
    std::rotate(nest.axes.begin() + *across, nest.axes.begin() + *across + 1, nest.axes.end() - 1);
    return lowerInTiles(nest);
  }
  several = vectorsAtOnce(nest.axes.back());
  nest.walkShare(std::max<int64_t>(several * width, 64), l, [&](ValueRange outer, Value from, Value to) {
    Row row{nest, {}, outer};
    for (auto [p, base] : llvm::enumerate(bases))
      row.starts.push_back(l.advance(base, nest.offset(p, outer, l), elements[p]));
    walk(row, from, to);
  });
}

void nnc::lowerMap(MapOp op, Lowering &l) {
  MapLowering(op, l).lower();
  op.erase();
}
