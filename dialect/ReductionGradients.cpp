// Derivatives of reductions: the cotangent of a row goes to its elements, by what each has to do with the result.
#include "dialect/Dialect.h"

using namespace mlir;
using namespace nn;

namespace {
/// The axes of a reduction, counted from the front; none are all.
SmallVector<int64_t> axesOf(ArrayRef<int64_t> axes, int64_t rank) {
  SmallVector<int64_t> result;
  for (int64_t i = 0; i < rank; ++i)
    if (axes.empty() || llvm::is_contained(axes, i) || llvm::is_contained(axes, i - rank))
      result.push_back(i);
  return result;
}

Dim countOf(Type x, ArrayRef<int64_t> axes) {
  Dim count = 1;
  for (int64_t axis : axes)
    count = count * shapeOf(x)[axis];
  return count;
}

/// One number for each row, on all elements of the row; the axes of the rows may be there with size 1.
Value spread(Pullback &p, Value v, Type x, ArrayRef<int64_t> axes) {
  Shape shape = shapeOf(x), rows;
  SmallVector<int64_t> kept;
  for (int64_t i = 0, rank = shape.rank(); i < rank; ++i)
    if (!llvm::is_contained(axes, i)) {
      kept.push_back(i);
      rows.dims.push_back(shape[i]);
    }
  if (shapeOf(v.getType()) != rows)
    v = ReshapeOp::create(p.b, p.loc, v, rows);
  return BroadcastOp::create(p.b, p.loc, withElement(x, elementOf(v.getType())), v, kept).getResult();
}

/// v / (n - less), in f32 for 16-bit floats, which have not all sizes.
Value overCount(Pullback &p, Value v, const Dim &n, int64_t less = 0) {
  Type element = elementOf(v.getType());
  bool small = element.getIntOrFloatBitWidth() == 16;
  Type wide = withElement(v.getType(), small ? p.b.getF32Type() : element);
  Value x = small ? CastOp::create(p.b, p.loc, wide, v).getResult() : v;
  Value size = SizeOp::create(p.b, p.loc, wide, DimAttr::get(p.b.getContext(), n - Dim(less)));
  return p.cast(p.over(x, size), v);
}

Value sumOver(Pullback &p, Value v, ArrayRef<int64_t> axes) {
  return axes.empty() ? v : SumOp::create(p.b, p.loc, v, axes, false).getResult();
}
int64_t normal(int64_t axis, Type x) { return axis < 0 ? axis + int64_t(shapeOf(x).rank()) : axis; }

/// The first of the elements that the result is equal to, of all axes of the reduction, gets the cotangent.
template <typename Position, typename Op> void extreme(Pullback &p, Op op) {
  p.give(0, [&] {
    OpBuilder &b = p.b;
    Value x = p.operand(0), g = p.cotangent();
    Shape shape = shapeOf(x.getType()), rows;
    SmallVector<int64_t> axes = axesOf(op.getAxes(), shape.rank()), order, inverse(shape.rank());
    for (int64_t i = 0, rank = shape.rank(); i < rank; ++i)
      if (!llvm::is_contained(axes, i)) {
        order.push_back(i);
        rows.dims.push_back(shape[i]);
      }
    int64_t last = rows.rank();
    Shape flat = rows;
    flat.dims.push_back(countOf(x.getType(), axes));
    llvm::append_range(order, axes);
    for (auto [i, from] : llvm::enumerate(order))
      inverse[from] = i;
    Value turned = TransposeOp::create(b, p.loc, x, order);
    Shape apart = shapeOf(turned.getType());
    turned = ReshapeOp::create(b, p.loc, turned, flat);
    Value position = Position::create(b, p.loc, turned, b.getI64IntegerAttr(last));
    Type numbers = tensorType(flat, b.getI64Type());
    Value number = IotaOp::create(b, p.loc, numbers, DimAttr::get(b.getContext(), Dim()), b.getI64IntegerAttr(last));
    Value hit = p.make<EqOp>(number, spread(p, position, numbers, {last}));
    Value wide = spread(p, g, turned.getType(), {last});
    Value result = p.where(hit, wide, p.constant(wide, 0));
    return TransposeOp::create(b, p.loc, ReshapeOp::create(b, p.loc, result, apart), inverse).getResult();
  });
}
} // namespace

void SumOp::pullback(Pullback &p) {
  Type x = getX().getType();
  p.give(0, [&] { return spread(p, p.cotangent(), x, axesOf(getAxes(), shapeOf(x).rank())); });
}
void MeanOp::pullback(Pullback &p) {
  Type x = getX().getType();
  SmallVector<int64_t> axes = axesOf(getAxes(), shapeOf(x).rank());
  p.give(0, [&] { return spread(p, overCount(p, p.cotangent(), countOf(x, axes)), x, axes); });
}
/// 2 (x - mean) / n; the mean's own part sums up to 0.
void VarOp::pullback(Pullback &p) {
  Type type = getX().getType();
  SmallVector<int64_t> axes = axesOf(getAxes(), shapeOf(type).rank());
  p.give(0, [&] {
    Value x = p.operand(0), mean = MeanOp::create(p.b, p.loc, x, axes, false);
    Value g = overCount(p, p.times(p.cotangent(), 2.0), countOf(type, axes), getUnbiased());
    return p.times(spread(p, g, type, axes), p.minus(x, spread(p, mean, type, axes)));
  });
}
void MaxOp::pullback(Pullback &p) { extreme<ArgmaxOp>(p, *this); }
void MinOp::pullback(Pullback &p) { extreme<ArgminOp>(p, *this); }

void LogsumexpOp::pullback(Pullback &p) {
  Type x = getX().getType();
  p.give(0, [&] {
    Value weights = SoftmaxOp::create(p.b, p.loc, p.operand(0), getAxis());
    return p.times(spread(p, p.cotangent(), x, normal(getAxis(), x)), weights);
  });
}
void SoftmaxOp::pullback(Pullback &p) {
  Type x = getX().getType();
  int64_t axis = normal(getAxis(), x);
  p.give(0, [&] {
    Value y = p.result(), g = p.cotangent();
    return p.times(y, p.minus(g, spread(p, sumOver(p, p.times(g, y), axis), x, axis)));
  });
}
void LogSoftmaxOp::pullback(Pullback &p) {
  Type x = getX().getType();
  int64_t axis = normal(getAxis(), x);
  p.give(0, [&] {
    Value g = p.cotangent();
    return p.minus(g, p.times(p.make<ExpOp>(p.result()), spread(p, sumOver(p, g, axis), x, axis)));
  });
}

/// Element i is in the sums from i on.
void CumsumOp::pullback(Pullback &p) {
  p.give(0, [&] { return CumsumOp::create(p.b, p.loc, p.cotangent(), getAxis(), !getReverse()).getResult(); });
}
