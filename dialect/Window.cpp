#include "dialect/Dialect.h"

using namespace mlir;
using namespace nn;

using Results = SmallVectorImpl<Type>;

/// Attributes that must be at least `least`.
static LogicalResult atLeast(const RuleInput &in, Report &report, int64_t least, ArrayRef<const char *> names) {
  for (const char *name : names)
    if (in.attributes.get(name) && in.integer(name) < least)
      return fail(report, "NN0208",
                  Twine("`") + name + "` is " + Twine(in.integer(name)) + ", must be " + Twine(least) + " or more");
  return success();
}

/// floor((size + 2 padding - dilation (k - 1) - 1) / stride) + 1, for windows that fit.
static std::optional<Dim> windows(const Dim &size, int64_t k, int64_t stride, int64_t padding, int64_t dilation,
                                  Report &report) {
  Dim window = Dim(dilation) * (Dim(k) - Dim(1)) + Dim(1), room = size + Dim(2) * Dim(padding) - window;
  if (std::optional<int64_t> c = room.asConstant(); c && *c < 0) {
    (void)fail(report, "NN0208", "the window is larger than what it slides over",
               {"size    " + size.str() + " with padding " + std::to_string(padding) + " on both sides",
                "window  " + window.str()});
    return std::nullopt;
  }
  report.conditions.push_back({room, Dim(), "a window of " + window.str() + " is larger than its input " + size.str()});
  return *Dim::floorDiv(room, stride) + Dim(1);
}

static LogicalResult channels(const RuleInput &in, Report &report, const Shape &x, const Shape &w, bool transposed) {
  if (x.rank() != w.rank() || x.rank() < 3 || x.rank() > 4)
    return fail(report, "NN0203", "shapes do not match in a convolution",
                {"input  " + describe(in.types[0]), "weight " + describe(in.types[1])},
                "the input is [B, in, L] or [B, in, H, W], the weight has the same rank");
  int64_t groups = in.integer("groups", 1);
  std::optional<int64_t> inputs = x[1].asConstant();
  Dim wanted = transposed ? w[0] : w[1] * Dim(groups);
  if (x[1] != wanted)
    return fail(report, "NN0203", "channels do not match in a convolution",
                {"input  " + describe(in.types[0]) + "   channels: " + x[1].str(),
                 "weight " + describe(in.types[1]) + "   for channels: " + wanted.str()});
  std::optional<int64_t> outputs = w[transposed ? 1 : 0].asConstant();
  if ((inputs && *inputs % groups) || (!transposed && outputs && *outputs % groups))
    return fail(report, "NN0208", "`groups` = " + Twine(groups) + " does not divide the channels");
  return success();
}

static LogicalResult convRule(const RuleInput &in, Report &report, Results &results) {
  Shape x = shapeOf(in.types[0]), w = shapeOf(in.types[1]);
  if (failed(atLeast(in, report, 1, {"stride", "dilation", "groups", "stride_w", "dilation_w"})) ||
      failed(atLeast(in, report, 0, {"padding", "padding_w"})) || failed(channels(in, report, x, w, false)))
    return failure();
  Shape out{x[0], w[0]};
  for (size_t i = 2; i < x.rank(); ++i) {
    bool last = i == 3;
    auto of = [&](const char *name, const char *name_w) { return in.integer(last ? name_w : name); };
    std::optional<int64_t> k = w[i].asConstant();
    if (!k)
      return fail(report, "NN0208", "the window of a convolution has a constant size");
    std::optional<Dim> size =
        windows(x[i], *k, of("stride", "stride_w"), of("padding", "padding_w"), of("dilation", "dilation_w"), report);
    if (!size)
      return failure();
    out.dims.push_back(*size);
  }
  results.push_back(tensorType(out, elementOf(in.types[0])));
  return success();
}

static LogicalResult convTransposeRule(const RuleInput &in, Report &report, Results &results) {
  Shape x = shapeOf(in.types[0]), w = shapeOf(in.types[1]);
  if (failed(atLeast(in, report, 1, {"stride", "dilation", "groups"})) ||
      failed(atLeast(in, report, 0, {"padding", "output_padding"})) || failed(channels(in, report, x, w, true)))
    return failure();
  int64_t stride = in.integer("stride"), padding = in.integer("padding"), dilation = in.integer("dilation");
  int64_t extra = in.integer("output_padding");
  if (extra >= std::max(stride, dilation))
    return fail(report, "NN0208", "`output_padding` must be smaller than `stride` or `dilation`");
  Shape out{x[0], w[1] * Dim(in.integer("groups"))};
  for (size_t i = 2; i < x.rank(); ++i) {
    std::optional<int64_t> k = w[i].asConstant();
    if (!k)
      return fail(report, "NN0208", "the window of a convolution has a constant size");
    Dim size = (x[i] - Dim(1)) * Dim(stride) + Dim(dilation) * (Dim(*k) - Dim(1)) + Dim(extra) + Dim(1) -
               Dim(2) * Dim(padding);
    if (std::optional<int64_t> c = size.asConstant(); c && *c < 0)
      return fail(report, "NN0208", "the padding takes away more than there is");
    report.conditions.push_back({size, Dim(), "the padding takes away more than there is: " + size.str()});
    out.dims.push_back(size);
  }
  results.push_back(tensorType(out, elementOf(in.types[0])));
  return success();
}

static LogicalResult poolRule(const RuleInput &in, Report &report, Results &results) {
  Shape x = shapeOf(in.types[0]);
  if (x.rank() < 3 || x.rank() > 4)
    return fail(report, "NN0203", "pooling needs an input [B, channels, L] or [B, channels, H, W]",
                {"given " + describe(in.types[0])});
  int64_t k = in.integer("k"), padding = in.integer("padding");
  if (failed(atLeast(in, report, 1, {"k", "stride", "dilation"})) || failed(atLeast(in, report, 0, {"padding"})))
    return failure();
  if (padding > k / 2)
    return fail(report, "NN0208", "`padding` may be half of the window at most");
  Shape out{x[0], x[1]};
  for (size_t i = 2; i < x.rank(); ++i) {
    std::optional<Dim> size = windows(x[i], k, in.integer("stride"), padding, in.integer("dilation", 1), report);
    if (!size)
      return failure();
    out.dims.push_back(*size);
  }
  results.push_back(tensorType(out, elementOf(in.types[0])));
  return success();
}

#define GET_OP_CLASSES
#include "dialect/Window.cpp.inc"

using Effects = SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>>;
void ConvolveOp::getEffects(Effects &effects) { kernelEffects(*this, effects); }
void ConvolveWeightOp::getEffects(Effects &effects) { kernelEffects(*this, effects); }
void PoolOp::getEffects(Effects &effects) { kernelEffects(*this, effects); }
void PoolPositionsOp::getEffects(Effects &effects) { kernelEffects(*this, effects); }

void ConvolveOp::build(OpBuilder &b, OperationState &state, Type result, Value x, Value w, ArrayRef<int64_t> stride,
                       ArrayRef<int64_t> padding, ArrayRef<int64_t> dilation, int64_t groups,
                       ArrayRef<int64_t> spread) {
  build(b, state, TypeRange(result), x, w, ValueRange(), ValueRange(), stride, padding, dilation, groups, spread);
}

Type ConvolveOp::getAccumulatorType() { return accumulatorOf(elementOf(getX().getType())); }
Shape ConvolveOp::resultShape() { return shapeOf(getNumResults() ? getResult(0).getType() : getInits()[0].getType()); }
Dim ConvolveOp::depth() { return Shape(ArrayRef<Dim>(shapeOf(getW().getType()).dims).drop_front()).count(); }

LogicalResult ConvolveOp::verify() {
  Shape x = shapeOf(getX().getType()), w = shapeOf(getW().getType());
  if (getNumResults() + getInits().size() == 0)
    return emitOpError("has neither results nor inits");
  Shape out = resultShape();
  size_t sizes = getStride().size();
  if (sizes < 1 || sizes > 2 || getPadding().size() != sizes || getDilation().size() != sizes ||
      getSpread().size() != sizes)
    return emitOpError("has a stride, a padding, a dilation and a spread for each of one or two axes");
  if (x.rank() != sizes + 2 || w.rank() != sizes + 2 || out.rank() != sizes + 2)
    return emitOpError("operands and result have rank ") << sizes + 2;
  if (elementOf(getX().getType()) != elementOf(getW().getType()))
    return emitOpError("operands have different element types");
  for (size_t i = 2; i < w.rank(); ++i)
    if (!w[i].isConstant())
      return emitOpError("has a window of unknown size");
  if (out[0] != x[0] || out[1] != w[0] || x[1] != w[1] * Dim(getGroups()))
    return emitOpError("batch or channels differ");
  return verifyEpilogue(*this);
}

Shape ConvolveWeightOp::resultShape() {
  return shapeOf(getNumResults() ? getResult(0).getType() : getInits()[0].getType());
}

LogicalResult ConvolveWeightOp::verify() {
  if (getNumResults() + getInits().size() != 1)
    return emitOpError("has one result or one init");
  Shape x = shapeOf(getX().getType()), y = shapeOf(getY().getType()), w = resultShape();
  size_t sizes = getStride().size();
  if (sizes < 1 || sizes > 2 || getPadding().size() != sizes || getDilation().size() != sizes)
    return emitOpError("has a stride, a padding and a dilation for each of one or two axes");
  if (x.rank() != sizes + 2 || y.rank() != sizes + 2 || w.rank() != sizes + 2)
    return emitOpError("operands and result have rank ") << sizes + 2;
  if (elementOf(getX().getType()) != elementOf(getY().getType()))
    return emitOpError("operands have different element types");
  for (size_t i = 2; i < w.rank(); ++i)
    if (!w[i].isConstant())
      return emitOpError("has a window of unknown size");
  if (llvm::any_of(getStride(), [](int64_t v) { return v < 1; }) ||
      llvm::any_of(getDilation(), [](int64_t v) { return v < 1; }))
    return emitOpError("goes forward");
  if (y[0] != x[0] || y[1] != w[0] || x[1] != w[1] * Dim(getGroups()))
    return emitOpError("batch or channels differ");
  return success();
}

/// One element for each window of x.
template <typename Op> static LogicalResult verifyPool(Op op, Type element) {
  if (op.getNumResults() + op.getInits().size() != 1)
    return op.emitOpError("has one result or one init");
  Type out = op.getNumResults() ? op.getResult(0).getType() : op.getInits()[0].getType();
  Shape x = shapeOf(op.getX().getType()), y = shapeOf(out);
  if (x.rank() < 3 || x.rank() != y.rank() || x[0] != y[0] || x[1] != y[1] || elementOf(out) != element)
    return op.emitOpError("has the wrong result type");
  return success();
}

LogicalResult PoolOp::verify() { return verifyPool(*this, elementOf(getX().getType())); }
LogicalResult PoolPositionsOp::verify() { return verifyPool(*this, IntegerType::get(getContext(), 64)); }
