#include "dialect/Dialect.h"

using namespace mlir;
using namespace nn;

static LogicalResult pickRule(const RuleInput &in, Report &report, SmallVectorImpl<Type> &results) {
  Shape x = shapeOf(in.types[0]), index = shapeOf(in.types[1]);
  if (x.rank() != index.rank() + 1 || !std::equal(index.begin(), index.end(), x.begin()))
    return fail(report, "NN0203", "shapes do not match in `pick`",
                {"rows  " + describe(in.types[0]), "index " + describe(in.types[1])},
                "the index has the leading axes of the rows");
  results.push_back(tensorType(index, elementOf(in.types[0])));
  return success();
}

static LogicalResult oneHotRule(const RuleInput &in, Report &report, SmallVectorImpl<Type> &results) {
  Shape shape = shapeOf(in.types[0]);
  shape.dims.push_back(in.size("n"));
  results.push_back(tensorType(shape, in.attributes.getAs<TypeAttr>("element").getValue()));
  return success();
}

#define GET_OP_CLASSES
#include "dialect/Indexing.cpp.inc"

static Shape gathered(const Shape &x, const Shape &index, int64_t axis) {
  Shape shape(ArrayRef<Dim>(x.dims).take_front(axis));
  llvm::append_range(shape.dims, index);
  llvm::append_range(shape.dims, ArrayRef<Dim>(x.dims).drop_front(axis + 1));
  return shape;
}
void GatherOp::build(OpBuilder &b, OperationState &state, Value x, Value index, int64_t axis) {
  Shape shape = gathered(shapeOf(x.getType()), shapeOf(index.getType()), axis);
  build(b, state, tensorType(shape, elementOf(x.getType())), x, index, b.getI64IntegerAttr(axis));
}
LogicalResult GatherOp::verify() {
  Shape x = shapeOf(getX().getType());
  int64_t axis = getAxis();
  if (axis < 0 || axis >= int64_t(x.rank()))
    return emitOpError("has no axis ") << axis;
  if (gathered(x, shapeOf(getIndex().getType()), axis) != shapeOf(getType()))
    return emitOpError("has the wrong result shape");
  return success(elementOf(getX().getType()) == elementOf(getType()));
}
