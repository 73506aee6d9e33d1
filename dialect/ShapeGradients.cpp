// Derivatives of shape operations: each is linear, and moves back what it has moved.
#include "dialect/Dialect.h"

using namespace mlir;
using namespace nn;

/// What was repeated is added up.
void BroadcastOp::pullback(Pullback &p) {
  p.give(0, [&] {
    Shape from = shapeOf(getX().getType()), to = shapeOf(getType());
    SmallVector<int64_t> repeated;
    for (int64_t i = 0, rank = to.rank(); i < rank; ++i) {
      auto at = llvm::find(getAxes(), i);
      if (at == getAxes().end() || from[at - getAxes().begin()] != to[i])
        repeated.push_back(i);
    }
    Value g = p.cotangent();
    if (!repeated.empty())
      g = SumOp::create(p.b, p.loc, g, repeated, false);
    return g.getType() == getX().getType() ? g : ReshapeOp::create(p.b, p.loc, g, from).getResult();
  });
}

void TransposeOp::pullback(Pullback &p) {
  p.give(0, [&] {
    SmallVector<int64_t> inverse(getPermutation().size());
    for (auto [i, from] : llvm::enumerate(getPermutation()))
      inverse[from] = i;
    return TransposeOp::create(p.b, p.loc, p.cotangent(), inverse).getResult();
  });
}

void ReshapeOp::pullback(Pullback &p) {
  p.give(0, [&] { return ReshapeOp::create(p.b, p.loc, p.cotangent(), shapeOf(getX().getType())).getResult(); });
}

/// `g` among zeros, where `op` reads or writes its range of something of this shape.
template <typename Op> static Value amongZeros(Pullback &p, Op op, Value g, const Shape &whole) {
  MLIRContext *context = p.b.getContext();
  if (!op.getStarts().empty()) {
    Type type = tensorType(whole, elementOf(g.getType()));
    SmallVector<Value> starts;
    for (Value start : op.getStarts())
      starts.push_back(p.primal(start));
    Value zeros = ConstantOp::create(p.b, p.loc, type, 0.0);
    return UpdateOp::create(p.b, p.loc, type, zeros, g, starts, op.getOffsets(), op.getDynamic()).getResult();
  }
  Shape part = shapeOf(g.getType());
  for (int64_t i = 0, rank = whole.rank(); i < rank; ++i) {
    Dim before = op.getOffsets().getValue()[i], after = whole[i] - before - part[i];
    if (!before.isConstant(0) || !after.isConstant(0))
      g = PadOp::create(p.b, p.loc, g, DimAttr::get(context, before), DimAttr::get(context, after), uint64_t(i),
                        llvm::APFloat(0.0));
  }
  return g;
}

/// The range that `op` is about, of a tensor like x.
template <typename Op> static Value rangeOf(Pullback &p, Op op, Value g, Type part) {
  SmallVector<Value> starts;
  for (Value start : op.getStarts())
    starts.push_back(p.primal(start));
  return SliceOp::create(p.b, p.loc, part, g, starts, op.getOffsets(), op.getDynamic()).getResult();
}

void SliceOp::pullback(Pullback &p) {
  p.give(0, [&] { return amongZeros(p, *this, p.cotangent(), shapeOf(getX().getType())); });
}

void UpdateOp::pullback(Pullback &p) {
  Value g = p.cotangent();
  p.give(0, [&] {
    SmallVector<Value> starts;
    for (Value start : getStarts())
      starts.push_back(p.primal(start));
    Value zeros = ConstantOp::create(p.b, p.loc, getPart().getType(), 0.0);
    return UpdateOp::create(p.b, p.loc, getType(), g, zeros, starts, getOffsets(), getDynamic()).getResult();
  });
  p.give(1, [&] { return rangeOf(p, *this, g, getPart().getType()); });
}

static int64_t normal(int64_t axis, Type x) { return axis < 0 ? axis + int64_t(shapeOf(x).rank()) : axis; }

/// A part of `g` along an axis, as long as `like`.
static Value part(Pullback &p, Value g, int64_t axis, const Dim &from, Type like) {
  Shape offsets;
  offsets.dims.resize(shapeOf(like).rank());
  offsets[axis] = from;
  return SliceOp::create(p.b, p.loc, g, offsets, shapeOf(like)).getResult();
}

void ConcatOp::pullback(Pullback &p) {
  int64_t axis = normal(getAxis(), getType());
  Dim from;
  for (auto [i, x] : llvm::enumerate(getParts())) {
    p.give(i, [&] { return part(p, p.cotangent(), axis, from, x.getType()); });
    from = from + shapeOf(x.getType())[axis];
  }
}

void PadOp::pullback(Pullback &p) {
  int64_t axis = normal(getAxis(), getType());
  p.give(0, [&] { return part(p, p.cotangent(), axis, getBefore().getValue(), getX().getType()); });
}
