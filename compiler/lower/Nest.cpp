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

size_t Nest::contiguousAxis(function_ref<int64_t(size_t)> weight, int64_t *score) const {
  size_t best = 0;
  int64_t most = -1;
  for (size_t i = rank(); i-- > 0;) {
    int64_t sum = 0;
    for (size_t p = 0; p < axes[i].strides.size(); ++p)
      if (axes[i].strides[p].isConstant(1))
        sum += weight(p);
    if (sum > most)
      best = i, most = sum;
  }
  if (score)
    *score = most;
  return best;
}

void Nest::walkShare(int64_t grain, Lowering &l, function_ref<void(ValueRange, Value, Value)> body) const {
  Nest rows = *this;
  rows.axes.pop_back();
  Value columns = l.size(axes.back().size), none = l.constant(0);
  Share along = l.share(columns, grain);
  if (rows.rank() == 0)
    return l.ifThen(l.less(along.from, along.to), [&] { body({}, along.from, along.to); });
  Value count = l.size(rows.count());
  Share across = l.share(count);
  Value many = arith::CmpIOp::create(l.b, l.loc, arith::CmpIPredicate::sge, count, l.teamSize());
  auto choose = [&](Value a, Value b) { return arith::SelectOp::create(l.b, l.loc, many, a, b).getResult(); };
  Value from = choose(none, along.from), to = choose(columns, along.to);
  Value firstRow = choose(across.from, none), lastRow = choose(across.to, count);
  l.ifThen(l.less(from, to),
           [&] { l.loop(firstRow, lastRow, 1, [&](Value number) { body(rows.positions(number, l), from, to); }); });
}
