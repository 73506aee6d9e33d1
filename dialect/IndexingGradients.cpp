// Derivatives of what is read by number: each element's cotangent goes back to where the element was read.
#include "dialect/Dialect.h"

using namespace mlir;
using namespace nn;

/// Adds the rows of `g` up in something of type `x`. Rows may meet often: 16-bit floats are added up in f32.
static Value scattered(Pullback &p, Value g, Value index, int64_t axis, int64_t batch, Type x) {
  Type element = elementOf(x), wide = element.getIntOrFloatBitWidth() < 32 ? accumulatorOf(element) : element;
  if (wide != element)
    g = CastOp::create(p.b, p.loc, withElement(g.getType(), wide), g);
  Value sum = ScatterOp::create(p.b, p.loc, TypeRange(withElement(x, wide)), g, index, ValueRange(), axis, batch, 0)
                  .getResult(0);
  return wide == element ? sum : CastOp::create(p.b, p.loc, x, sum).getResult();
}

void GatherOp::pullback(Pullback &p) {
  p.give(0, [&] {
    Value index = p.operand(1);
    if (auto ends = index.getDefiningOp<EndpointsOp>(); ends && getBatch() == 0) // rows of nodes, for each edge
      return ends.sumAt(index == ends.getSource(), p.cotangent(), getAxis(), p.b);
    return scattered(p, p.cotangent(), index, getAxis(), getBatch(), getX().getType());
  });
}
void ScatterOp::pullback(Pullback &p) {
  p.give(0,
         [&] { return GatherOp::create(p.b, p.loc, p.cotangent(), p.operand(1), getAxis(), getBatch()).getResult(0); });
}

/// Among zeros, by a comparison: it fuses with the work on the rows. The index is checked again, because nothing may
/// want what was picked.
void PickOp::pullback(Pullback &p) {
  p.give(0, [&] {
    OpBuilder &b = p.b;
    Type x = getX().getType();
    Shape shape = shapeOf(x);
    SmallVector<int64_t> rows = llvm::to_vector(llvm::seq<int64_t>(0, shape.rank() - 1));
    Type bits = withElement(x, b.getI1Type());
    Value here = OneHotOp::create(b, p.loc, bits, p.operand(1), DimAttr::get(b.getContext(), shape.dims.back()),
                                  TypeAttr::get(b.getI1Type()));
    Value g = BroadcastOp::create(b, p.loc, x, p.cotangent(), rows);
    return p.where(here, g, p.constant(g, 0));
  });
}

/// No two elements of a row come from one place.
template <typename Op> static void ordered(Pullback &p, Op op) {
  int64_t last = shapeOf(op.getX().getType()).rank() - 1;
  p.give(0, [&] { return scattered(p, p.cotangent(), p.result(1), last, last, op.getX().getType()); });
}
void TopkOp::pullback(Pullback &p) { ordered(p, *this); }
void SortOp::pullback(Pullback &p) { ordered(p, *this); }
