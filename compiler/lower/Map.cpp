#include "compiler/lower/Lowering.h"
#include "compiler/lower/Nest.h"
#include "compiler/lower/RowPlan.h"

using namespace mlir;
using namespace nn;
using namespace nnc;

namespace {
class Map {
public:
  Map(MapOp op, Lowering &l) : op(op), l(l) {
    for (Value v : op->getOperands()) {
      auto type = cast<RefType>(v.getType());
      elements.push_back(type.getElementType());
      strides.push_back(type.getStrides());
      bases.push_back(l.pointer(v));
    }
  }
  void lower();

private:
  /// The vectors of one row, [from, to) on the last axis. `starts` are the row's addresses.
  void row(const Nest &nest, ArrayRef<Value> starts, ValueRange outer, Value from, Value to);

  int64_t vectorsAtOnce(std::optional<int64_t> size);

  MapOp op;
  Lowering &l;
  SmallVector<Type> elements;
  SmallVector<Shape> strides;
  SmallVector<Value> bases;
  int64_t width = 1, several = 1; ///< lanes of a vector, vectors at once
};

void Map::row(const Nest &nest, ArrayRef<Value> starts, ValueRange outer, Value from, Value to) {
  const Nest::Axis &axis = nest.axes.back();
  size_t inputs = op.getInputs().size();
  // What does not change along the row is read once; not before the row is known to have an element.
  SmallVector<Value> same(inputs);
  for (size_t p = 0; p < inputs; ++p)
    if (axis.strides[p].isConstant(0))
      same[p] = l.load(starts[p], elements[p], 1);
  auto vector = [&](int64_t width, Value i, Value mask, Value count) {
    SmallVector<Value> arguments;
    for (size_t p = 0; p < inputs; ++p) {
      if (same[p])
        arguments.push_back(same[p]);
      else if (axis.strides[p].isConstant(1))
        arguments.push_back(l.load(l.advance(starts[p], i, elements[p]), elements[p], width, mask));
      else {
        Value stride = l.size(axis.strides[p]), at = l.advance(starts[p], l.mul(i, stride), elements[p]);
        arguments.push_back(l.loadStrided(at, elements[p], stride, width, count));
      }
    }
    auto index = [&](int64_t wanted) -> Value {
      if (wanted == axis.original)
        return l.lanesFrom(i, width);
      for (auto [other, at] : llvm::zip(nest.axes, outer))
        if (other.original == wanted)
          return at;
      return l.constant(0); // an axis of size 1
    };
    SmallVector<Value> results = l.inlineBody(op.getBody().front(), arguments, width, index);
    for (auto [k, value] : llvm::enumerate(results)) {
      size_t p = inputs + k;
      if (axis.strides[p].isConstant(1)) {
        l.store(value, l.advance(starts[p], i, elements[p]), elements[p], mask);
      } else {
        Value stride = l.size(axis.strides[p]);
        l.storeStrided(value, l.advance(starts[p], l.mul(i, stride), elements[p]), elements[p], stride, count);
      }
    }
  };
  if (several > 1) {
    int64_t wide = several * width;
    Value full = l.add(from, l.mul(l.quotient(l.sub(to, from), wide), l.constant(wide)));
    l.loop(from, full, wide, [&](Value i) { vector(wide, i, {}, {}); });
    from = full;
  }
  l.vectorLoop(
      from, to, width, [&](Value i, Value mask, Value count) { vector(width, i, mask, count); },
      Dim::alwaysDivides(axis.size, width));
}

/// Each operation of one vector waits for the one before; those of several vectors need not wait for each other. Not
/// where the code would become long, or more vectors than there are.
int64_t Map::vectorsAtOnce(std::optional<int64_t> size) {
  int64_t cost = 0;
  for (Operation &inner : op.getBody().front().without_terminator())
    cost += costOf(&inner) * (elementOf(inner.getResult(0).getType()).isF64() ? 4 : 1); // libm, lane by lane
  int64_t vectors = cost <= 100 ? 4 : cost <= 200 ? 2 : 1;
  while (size && vectors > 1 && *size < vectors * width)
    vectors /= 2;
  return vectors;
}

/// 1. Join axes that all places walk as one. The axis along which they are contiguous becomes the last one; vectors run
///    along it. The positions on all other axes number the rows.
/// 2. Threads share the rows; where there are fewer rows than threads, every thread does its part of each row.
/// 3. Per row: scalars are read once, then several vectors at once, then full ones, then one with a mask.
void Map::lower() {
  bool positions = false;
  op.getBody().walk([&](IndexOp) { positions = true; });
  Shape shape = shapeOf(op.getInits()[0].getType());
  Nest nest(shape, strides, /*merge=*/!positions);
  if (nest.rank() == 0) { // one element: the first thread's
    Value first = arith::CmpIOp::create(l.b, l.loc, arith::CmpIPredicate::eq, l.tid(), l.constant(0));
    l.ifThen(first, [&] {
      nest.axes.push_back({Dim(1), std::vector<Dim>(elements.size(), Dim(0)), -1});
      row(nest, bases, {}, l.constant(0), l.constant(1));
    });
    return;
  }
  int64_t inputs = op.getInputs().size(); // what is written counts most
  nest.moveLast(nest.contiguousAxis([&](size_t p) { return int64_t(p) < inputs ? 1 : 1 + inputs; }));
  width = l.widthFor(op.getBody().front(), elements);
  several = vectorsAtOnce(nest.axes.back().size.asConstant());
  nest.walkShare(std::max<int64_t>(several * width, 64), l, [&](ValueRange outer, Value from, Value to) {
    SmallVector<Value> starts;
    for (auto [p, base] : llvm::enumerate(bases))
      starts.push_back(l.advance(base, nest.offset(p, outer, l), elements[p]));
    row(nest, starts, outer, from, to);
  });
}
} // namespace

void nnc::lowerMap(MapOp op, Lowering &l) {
  Map(op, l).lower();
  op.erase();
}
