// Derivatives of windows. Convolutions and the sums over positions that are their derivatives by the weights are linear
// in both operands, so the two kernels are each other's derivatives.
#include "dialect/Dialect.h"

using namespace mlir;
using namespace nn;

using Numbers = SmallVector<int64_t, 2>;

namespace {
/// How windows slide, on one or two axes of sizes.
struct Slide {
  Numbers stride, padding, dilation, spread;
  int64_t groups = 1;

  Slide(Type x, int64_t stride, int64_t padding, int64_t dilation, int64_t groups)
      : stride(shapeOf(x).rank() - 2, stride), padding(this->stride.size(), padding),
        dilation(this->stride.size(), dilation), spread(this->stride.size(), 1), groups(groups) {}
  explicit Slide(ConvolveOp op)
      : stride(op.getStride()), padding(op.getPadding()), dilation(op.getDilation()), spread(op.getSpread()),
        groups(op.getGroups()) {}
  explicit Slide(ConvolveWeightOp op)
      : stride(op.getStride()), padding(op.getPadding()), dilation(op.getDilation()), spread(stride.size(), 1),
        groups(op.getGroups()) {}

  /// The same pairs of elements, seen from the other side: p stride + t dilation - padding = i spread.
  Slide turned() const {
    Slide s = *this;
    std::swap(s.stride, s.spread);
    for (int64_t &v : s.padding)
      v = -v;
    for (int64_t &v : s.dilation)
      v = -v;
    return s;
  }
};
} // namespace

static Value convolve(Pullback &p, Value x, Value w, Type result, const Slide &s) {
  return ConvolveOp::create(p.b, p.loc, result, x, w, s.stride, s.padding, s.dilation, s.groups, s.spread).getResult(0);
}

/// Weights [out, in / groups, window..] as [in, out / groups, window..], or back.
static Value exchanged(Pullback &p, Value w, int64_t groups) {
  Shape shape = shapeOf(w.getType());
  if (groups == 1) {
    SmallVector<int64_t> order = llvm::to_vector(llvm::seq<int64_t>(0, shape.rank()));
    std::swap(order[0], order[1]);
    return TransposeOp::create(p.b, p.loc, w, order);
  }
  Shape split = shape, result = shape;
  Dim each = *Dim::exactDiv(shape[0], Dim(groups));
  split[0] = each;
  split.dims.insert(split.dims.begin(), Dim(groups));
  result[0] = shape[1] * Dim(groups), result[1] = each;
  SmallVector<int64_t> order = llvm::to_vector(llvm::seq<int64_t>(0, split.rank()));
  std::swap(order[1], order[2]);
  Value turned = TransposeOp::create(p.b, p.loc, ReshapeOp::create(p.b, p.loc, w, split), order);
  return ReshapeOp::create(p.b, p.loc, turned, result);
}

/// The cotangent of the weights. Where x is spread (or its windows run backwards) x and y change places: seen from the
/// other side it is y that is.
static Value weightOf(Pullback &p, Value x, Value y, Type w, const Slide &s) {
  auto sum = [&](Value x, Value y, Type result, const Slide &s) {
    return ConvolveWeightOp::create(p.b, p.loc, TypeRange(result), x, y, ValueRange(), s.stride, s.padding, s.dilation,
                                    s.groups)
        .getResult(0);
  };
  auto isOne = [](int64_t v) { return v == 1; };
  if (llvm::all_of(s.spread, isOne) && s.dilation[0] > 0)
    return sum(x, y, w, s);
  Shape turned = shapeOf(w);
  turned[0] = shapeOf(x.getType())[1];
  turned[1] = *Dim::exactDiv(shapeOf(y.getType())[1], Dim(s.groups));
  return exchanged(p, sum(y, x, tensorType(turned, elementOf(w)), s.turned()), s.groups);
}

/// Of the result y of a convolution of x with w.
static void linear(Pullback &p, Value x, Value w, const Slide &s) {
  p.give(0, [&] { return convolve(p, p.cotangent(), exchanged(p, p.primal(w), s.groups), x.getType(), s.turned()); });
  p.give(1, [&] { return weightOf(p, p.primal(x), p.cotangent(), w.getType(), s); });
}

void ConvOp::pullback(Pullback &p) {
  Slide s(getX().getType(), getStride(), getPadding(), getDilation(), getGroups());
  if (s.stride.size() == 2)
    s.stride[1] = getStrideW(), s.padding[1] = getPaddingW(), s.dilation[1] = getDilationW();
  linear(p, getX(), getW(), s);
}

/// The adjoint of a convolution in x: its weights are [in, out / groups, window..] as those of the other one.
void ConvTransposeOp::pullback(Pullback &p) {
  Slide s(getX().getType(), getStride(), getPadding(), getDilation(), getGroups());
  p.give(0, [&] { return convolve(p, p.cotangent(), p.operand(1), getX().getType(), s); });
  p.give(1, [&] { return weightOf(p, p.cotangent(), p.operand(0), getW().getType(), s); });
}

/// Differentiated before anything is fused into it.
void ConvolveOp::pullback(Pullback &p) { linear(p, getX(), getW(), Slide(*this)); }

void ConvolveWeightOp::pullback(Pullback &p) {
  Slide s(*this);
  p.give(0, [&] {
    Value w = exchanged(p, p.cotangent(), s.groups);
    return convolve(p, p.operand(1), w, getX().getType(), s.turned());
  });
  p.give(1, [&] { return convolve(p, p.operand(0), p.cotangent(), getY().getType(), s); });
}

/// The axes of sizes as one.
static Shape flat(Type x) {
  Shape shape = shapeOf(x), result(ArrayRef<Dim>(shape.dims).take_front(2));
  result.dims.push_back(Shape(ArrayRef<Dim>(shape.dims).drop_front(2)).count());
  return result;
}

/// To the first of the largest elements of each window.
void MaxPoolOp::pullback(Pullback &p) {
  p.give(0, [&] {
    OpBuilder &b = p.b;
    Type type = getX().getType(), element = elementOf(type);
    Value position = PoolPositionsOp::create(b, p.loc, TypeRange(withElement(getType(), b.getI64Type())), p.operand(0),
                                             ValueRange(), getK(), getStride(), getPadding(), getDilation())
                         .getResult(0);
    position = ReshapeOp::create(b, p.loc, position, flat(getType()));
    Value g = ReshapeOp::create(b, p.loc, p.cotangent(), flat(getType()));
    // Windows may overlap: 16-bit floats are added up in f32.
    bool isShort = element.getIntOrFloatBitWidth() < 32;
    Type wide = isShort ? accumulatorOf(element) : element;
    if (isShort)
      g = CastOp::create(b, p.loc, withElement(g.getType(), wide), g);
    Value sum = ScatterOp::create(b, p.loc, TypeRange(tensorType(flat(type), wide)), g, position, ValueRange(), 2, 2, 0)
                    .getResult(0);
    sum = ReshapeOp::create(b, p.loc, sum, shapeOf(type));
    return isShort ? CastOp::create(b, p.loc, type, sum).getResult() : sum;
  });
}

/// Each element gets the sum over the windows that it is in, by windows of ones. All planes are alike: each is a batch
/// position of one channel.
void AvgPoolOp::pullback(Pullback &p) {
  p.give(0, [&] {
    OpBuilder &b = p.b;
    Type type = getX().getType(), element = elementOf(type);
    Slide s(type, getStride(), getPadding(), 1, 1);
    auto plane = [](Type x, const Dim &planes) {
      Shape shape = shapeOf(x);
      shape[0] = planes, shape[1] = 1;
      return shape;
    };
    Shape window = plane(type, 1);
    for (size_t i = 2; i < window.rank(); ++i)
      window[i] = Dim(int64_t(getK()));
    auto ones = [&](const Shape &shape) -> Value {
      return ConstantOp::create(b, p.loc, tensorType(shape, element), 1.0);
    };
    Dim planes = shapeOf(type)[0] * shapeOf(type)[1];
    Value g = ReshapeOp::create(b, p.loc, p.cotangent(), plane(getType(), planes));
    if (!getCountPad()) { // as many as are there
      Value counts = convolve(p, ones(plane(type, 1)), ones(window), tensorType(plane(getType(), 1), element), s);
      SmallVector<int64_t> axes = llvm::to_vector(llvm::seq<int64_t>(0, window.rank()));
      g = p.over(g, BroadcastOp::create(b, p.loc, g.getType(), counts, axes));
    }
    Value sum = convolve(p, g, ones(window), tensorType(plane(type, planes), element), s.turned());
    if (getCountPad())
      sum = p.over(sum, p.constant(sum, double(window.count().constant())));
    return ReshapeOp::create(b, p.loc, sum, shapeOf(type)).getResult();
  });
}
