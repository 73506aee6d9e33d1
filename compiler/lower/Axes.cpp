#include "compiler/lower/Axes.h"

using namespace mlir;
using namespace nn;
using namespace nnc;

/// True if a step on `outer` is as far as `inner.size` steps on `inner`, in every place.
static bool follow(const Axis &outer, const Axis &inner) {
  for (auto [o, i] : llvm::zip(outer.strides, inner.strides))
    if (o != i * inner.size)
      return false;
  return true;
}

SmallVector<Axis> nnc::mergeAxes(ArrayRef<Axis> axes) {
  SmallVector<Axis> merged;
  for (const Axis &axis : axes) {
    if (axis.size.isConstant(1))
      continue;
    if (merged.empty() || !follow(merged.back(), axis)) {
      merged.push_back(axis);
      continue;
    }
    merged.back().size = merged.back().size * axis.size;
    merged.back().strides = axis.strides;
  }
  return merged;
}

Value nnc::positionsOf(ArrayRef<Axis> axes, Lowering &l) {
  Value count = l.constant(1);
  for (const Axis &axis : axes)
    count = l.mul(count, l.size(axis.size));
  return count;
}

SmallVector<Value> nnc::offsetsAt(ArrayRef<Axis> axes, Value position, size_t places, Lowering &l) {
  SmallVector<Value> offsets(places, l.constant(0));
  for (auto [left, axis] : llvm::enumerate(llvm::reverse(axes))) {
    Value here = position;
    if (left + 1 < axes.size()) { // the outermost axis takes what is left
      here = arith::RemUIOp::create(l.b, l.loc, position, l.size(axis.size));
      position = arith::DivUIOp::create(l.b, l.loc, position, l.size(axis.size));
    }
    for (size_t p = 0; p < places; ++p)
      offsets[p] = l.add(offsets[p], l.mul(here, l.size(axis.strides[p])));
  }
  return offsets;
}
