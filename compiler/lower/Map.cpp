#include "compiler/lower/Lowering.h"
#include "compiler/lower/Nest.h"

using namespace mlir;
using namespace nn;
using namespace nnc;

namespace {
/// How many elements are worked on at once: as many floats as a vector holds (16-bit floats are computed in 32 bits),
/// or integers where there are no floats. Integers beside floats take several vectors.
int64_t widthOf(MapOp op, ArrayRef<Type> elements, const cpu::Cpu &cpu) {
  int64_t floats = 0, integers = 1;
  bool computes = !llvm::hasSingleElement(op.getBody().front());
  auto see = [&](Type t) {
    int64_t bytes = std::max(1u, t.getIntOrFloatBitWidth() / 8);
    if (isa<FloatType>(t))
      floats = std::max(floats, computes ? std::max<int64_t>(bytes, 4) : bytes);
    else
      integers = std::max(integers, bytes);
  };
  for (Type t : elements)
    see(t);
  op.getBody().walk([&](Operation *inner) {
    for (Type t : inner->getResultTypes())
      see(elementOf(t));
  });
  return cpu.lanes(floats ? floats : integers);
}

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
  size_t vectorAxis(const Nest &nest);

  MapOp op;
  Lowering &l;
  SmallVector<Type> elements;
  SmallVector<Shape> strides;
  SmallVector<Value> bases;
  int64_t width = 1;
};

/// The axis along which most places have neighbours beside each other; what is written counts most. Of equals the last.
size_t Map::vectorAxis(const Nest &nest) {
  size_t best = nest.rank() - 1, inputs = op.getInputs().size();
  int64_t most = -1;
  for (size_t i = nest.rank(); i-- > 0;) {
    int64_t score = 0;
    for (size_t p = 0; p < elements.size(); ++p)
      if (nest.axes[i].strides[p].isConstant(1))
        score += p < inputs ? 1 : 1 + int64_t(inputs);
    if (score > most)
      best = i, most = score;
  }
  return best;
}

void Map::row(const Nest &nest, ArrayRef<Value> starts, ValueRange outer, Value from, Value to) {
  const Nest::Axis &axis = nest.axes.back();
  size_t inputs = op.getInputs().size();
  // What does not change along the row is read once; not before the row is known to have an element.
  SmallVector<Value> same(inputs);
  for (size_t p = 0; p < inputs; ++p)
    if (axis.strides[p].isConstant(0))
      same[p] = l.load(starts[p], elements[p], 1);
  l.vectorLoop(
      from, to, width,
      [&](Value i, Value mask, Value count) {
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
      },
      Dim::alwaysDivides(axis.size, width));
}

/// 1. Join axes that all places walk as one. The axis along which they are contiguous becomes the last one; vectors run
///    along it. The positions on all other axes number the rows.
/// 2. Threads share the rows; where there are fewer rows than threads, every thread does its part of each row. A share
/// of a
///    row is a whole number of vectors, so which elements meet in a vector does not depend on the team.
/// 3. Per row: scalars are read once, then full vectors, then one with a mask.
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
  nest.moveLast(vectorAxis(nest));
  width = widthOf(op, elements, l.target);
  Nest rows = nest;
  rows.axes.pop_back();
  Value columns = l.size(nest.axes.back().size), none = l.constant(0);
  Share along = l.share(columns, std::max<int64_t>(width, 64));
  if (rows.rank() == 0) {
    l.ifThen(l.less(along.from, along.to), [&] { row(nest, bases, {}, along.from, along.to); });
    return;
  }
  Value count = l.size(rows.count());
  Share across = l.share(count);
  Value many = arith::CmpIOp::create(l.b, l.loc, arith::CmpIPredicate::sge, count, l.teamSize());
  auto choose = [&](Value a, Value b) { return arith::SelectOp::create(l.b, l.loc, many, a, b).getResult(); };
  Value from = choose(none, along.from), to = choose(columns, along.to);
  Value firstRow = choose(across.from, none), lastRow = choose(across.to, count);
  l.ifThen(l.less(from, to), [&] {
    l.loop(firstRow, lastRow, 1, [&](Value number) {
      SmallVector<Value> at = rows.positions(number, l), starts;
      for (auto [p, base] : llvm::enumerate(bases))
        starts.push_back(l.advance(base, rows.offset(p, at, l), elements[p]));
      row(nest, starts, at, from, to);
    });
  });
}
} // namespace

void nnc::lowerMap(MapOp op, Lowering &l) {
  Map(op, l).lower();
  op.erase();
}
