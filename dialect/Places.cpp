#include "dialect/Dialect.h"

using namespace mlir;
using namespace nn;

#define GET_OP_CLASSES
#include "dialect/Places.cpp.inc"

void ExtentOp::build(OpBuilder &b, OperationState &state, const Dim &dim) {
  build(b, state, b.getI64Type(), DimAttr::get(b.getContext(), dim));
}

void ViewOp::build(OpBuilder &b, OperationState &state, Value x, const Shape &shape, const Shape &strides,
                   const Dim &offset) {
  auto none = ShapeAttr::get(b.getContext(), Shape());
  build(b, state, RefType::get(b.getContext(), shape, elementOf(x.getType()), strides), x, ValueRange(),
        DimAttr::get(b.getContext(), offset), none, none);
}
