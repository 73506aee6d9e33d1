#include "dialect/Dialect.h"

#include "llvm/ADT/SmallBitVector.h"

using namespace mlir;
using namespace nn;

static LogicalResult concatRule(const RuleInput &in, Report &report, SmallVectorImpl<Type> &results) {
  Shape shape = shapeOf(in.types[0]);
  std::optional<int64_t> axis = normalizeAxis(in.integer("axis", -1), shape.rank(), report);
  if (!axis)
    return failure();
  for (auto [i, t] : llvm::enumerate(in.types.drop_front())) {
    Shape other = shapeOf(t);
    Dim sum = shape.rank() == other.rank() ? shape[*axis] + other[*axis] : Dim();
    if (shape.rank() == other.rank())
      other[*axis] = shape[*axis];
    if (other != shape) {
      report.operand = i + 1;
      return fail(report, "NN0203", "shapes do not match in `concat`",
                  {"first   " + describe(in.types[0]), "here    " + describe(t)},
                  "all axes but the joined one (" + Twine(*axis) + ") must be equal");
    }
    shape[*axis] = sum;
  }
  results.push_back(tensorType(shape, elementOf(in.types[0])));
  return success();
}

static LogicalResult padRule(const RuleInput &in, Report &report, SmallVectorImpl<Type> &results) {
  Shape shape = shapeOf(in.types[0]);
  std::optional<int64_t> axis = normalizeAxis(in.integer("axis", -1), shape.rank(), report);
  if (!axis)
    return failure();
  for (const char *name : {"before", "after"}) {
    std::string text = std::string("`") + name + "` of `pad` is " + in.size(name).str() + ", must be 0 or more";
    if (std::optional<int64_t> c = in.size(name).asConstant(); c && *c < 0)
      return fail(report, "NN0208", text);
    report.conditions.push_back({in.size(name), Dim(), text});
  }
  shape[*axis] = shape[*axis] + in.size("before") + in.size("after");
  results.push_back(tensorType(shape, elementOf(in.types[0])));
  return success();
}

#define GET_OP_CLASSES
#include "dialect/Shape.cpp.inc"

// ---- broadcast
// -------------------------------------------------------------------------------------------------------

void BroadcastOp::build(OpBuilder &b, OperationState &state, Value x, const Shape &shape) {
  int64_t rank = shapeOf(x.getType()).rank(), missing = shape.rank() - rank;
  SmallVector<int64_t> axes;
  for (int64_t i = 0; i < rank; ++i)
    axes.push_back(missing + i);
  build(b, state, tensorType(shape, elementOf(x.getType())), x, b.getDenseI64ArrayAttr(axes));
}
LogicalResult BroadcastOp::verify() {
  Shape from = shapeOf(getX().getType()), to = shapeOf(getType());
  if (getAxes().size() != from.rank())
    return emitOpError("needs one axis for each of the operand's");
  int64_t last = -1;
  for (auto [axis, size] : llvm::zip(getAxes(), from)) {
    if (axis <= last || axis >= int64_t(to.rank()))
      return emitOpError("axes must ascend and exist in the result");
    if (!size.isConstant(1) && size != to[axis])
      return emitOpError("axis of size ") << size.str() << " does not stretch to " << to[axis].str();
    last = axis;
  }
  return success(elementOf(getX().getType()) == elementOf(getType()));
}
OpFoldResult BroadcastOp::fold(FoldAdaptor) {
  if (getX().getType() == getType())
    return getX();
  if (auto inner = getX().getDefiningOp<BroadcastOp>()) { // compose
    SmallVector<int64_t> axes;
    for (int64_t a : inner.getAxes())
      axes.push_back(getAxes()[a]);
    setAxes(axes);
    getXMutable().assign(inner.getX());
    return getResult();
  }
  return {};
}

// ---- transpose
// -------------------------------------------------------------------------------------------------------

void TransposeOp::build(OpBuilder &b, OperationState &state, Value x, ArrayRef<int64_t> permutation) {
  Shape from = shapeOf(x.getType()), to;
  for (int64_t p : permutation)
    to.dims.push_back(from[p]);
  build(b, state, tensorType(to, elementOf(x.getType())), x, b.getDenseI64ArrayAttr(permutation));
}
LogicalResult TransposeOp::verify() {
  Shape from = shapeOf(getX().getType()), to = shapeOf(getType());
  llvm::SmallBitVector seen(from.rank());
  if (getPermutation().size() != from.rank() || to.rank() != from.rank())
    return emitOpError("permutation and ranks differ");
  for (auto [p, size] : llvm::zip(getPermutation(), to)) {
    if (p < 0 || p >= int64_t(from.rank()) || seen[p] || from[p] != size)
      return emitOpError("is not a permutation of the operand's axes");
    seen.set(p);
  }
  return success(elementOf(getX().getType()) == elementOf(getType()));
}
OpFoldResult TransposeOp::fold(FoldAdaptor) {
  if (llvm::equal(getPermutation(), llvm::seq<int64_t>(0, getPermutation().size())))
    return getX();
  if (auto inner = getX().getDefiningOp<TransposeOp>()) {
    SmallVector<int64_t> permutation;
    for (int64_t p : getPermutation())
      permutation.push_back(inner.getPermutation()[p]);
    setPermutation(permutation);
    getXMutable().assign(inner.getX());
    return getResult();
  }
  return {};
}

// ---- reshape
// ---------------------------------------------------------------------------------------------------------

void ReshapeOp::build(OpBuilder &b, OperationState &state, Value x, const Shape &shape) {
  build(b, state, tensorType(shape, elementOf(x.getType())), x);
}
LogicalResult ReshapeOp::verify() {
  if (shapeOf(getX().getType()).count() != shapeOf(getType()).count())
    return emitOpError("changes the number of elements");
  return success(elementOf(getX().getType()) == elementOf(getType()));
}
OpFoldResult ReshapeOp::fold(FoldAdaptor) {
  if (getX().getType() == getType())
    return getX();
  if (auto inner = getX().getDefiningOp<ReshapeOp>()) {
    getXMutable().assign(inner.getX());
    return getResult();
  }
  return {};
}

// ---- slice
// -----------------------------------------------------------------------------------------------------------

void SliceOp::build(OpBuilder &b, OperationState &state, Value x, const Shape &offsets, const Shape &sizes) {
  build(b, state, tensorType(sizes, elementOf(x.getType())), x, ValueRange(), ShapeAttr::get(b.getContext(), offsets),
        b.getDenseI64ArrayAttr({}));
}
LogicalResult SliceOp::verify() {
  size_t rank = shapeOf(getX().getType()).rank();
  if (shapeOf(getType()).rank() != rank || getOffsets().getValue().rank() != rank)
    return emitOpError("keeps all axes");
  if (getStarts().size() != getDynamic().size())
    return emitOpError("needs one start for each dynamic axis");
  return success(elementOf(getX().getType()) == elementOf(getType()));
}
OpFoldResult SliceOp::fold(FoldAdaptor) {
  return getStarts().empty() && getX().getType() == getType() ? getX() : Value();
}

LogicalResult UpdateOp::verify() {
  size_t rank = shapeOf(getX().getType()).rank();
  if (shapeOf(getPart().getType()).rank() != rank || getOffsets().getValue().rank() != rank)
    return emitOpError("writes a range of every axis");
  if (getStarts().size() != getDynamic().size())
    return emitOpError("needs one start for each dynamic axis");
  return success(getX().getType() == getType() && elementOf(getPart().getType()) == elementOf(getType()));
}
