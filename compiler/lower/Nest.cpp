#include "compiler/lower/Nest.h"

using namespace mlir;
using namespace nn;
using namespace nnc;

Nest::Nest(const Shape &shape, ArrayRef<Shape> strides, bool merge) {
  for (size_t i = shape.rank(); i-- > 0;) {
    if (shape[i].isConstant(1))
      continue;
    Axis axis{shape[i], {}, int64_t(i)};
    for (const Shape &s : strides)
      axis.strides.push_back(s[i]);
    bool joins = merge && !axes.empty();
    if (joins)
      for (auto [outer, inner] : llvm::zip(axis.strides, axes.front().strides))
        joins &= outer == inner * axes.front().size;
    if (joins)
      axes.front().size = axes.front().size * axis.size;
    else
      axes.insert(axes.begin(), std::move(axis));
  }
}

Dim Nest::count() const {
  Dim product = 1;
  for (const Axis &a : axes)
    product = product * a.size;
  return product;
}

void Nest::moveLast(size_t axis) { std::rotate(axes.begin() + axis, axes.begin() + axis + 1, axes.end()); }

SmallVector<Value> Nest::positions(Value number, Lowering &l) const {
  SmallVector<Value> at(rank());
  for (size_t i = rank(); i-- > 0;) {
    if (i == 0) {
      at[0] = number;
      break;
    }
    Value size = l.size(axes[i].size);
    at[i] = arith::RemUIOp::create(l.b, l.loc, number, size);
    number = arith::DivUIOp::create(l.b, l.loc, number, size);
  }
  return at;
}

Value Nest::offset(size_t place, ValueRange positions, Lowering &l) const {
  Value sum = l.constant(0);
  for (auto [axis, at] : llvm::zip(axes, positions))
    sum = l.add(sum, l.mul(at, l.size(axis.strides[place])));
  return sum;
}
