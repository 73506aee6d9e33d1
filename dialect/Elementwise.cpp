#include "dialect/Dialect.h"

using namespace mlir;
using namespace nn;

#define GET_OP_CLASSES
#include "dialect/Elementwise.cpp.inc"

OpFoldResult NegOp::fold(FoldAdaptor) {
  auto inner = getX().getDefiningOp<NegOp>();
  return inner ? inner.getX() : Value();
}

OpFoldResult WhereOp::fold(FoldAdaptor adaptor) {
  if (getA() == getB())
    return getA();
  auto condition = dyn_cast_or_null<IntegerAttr>(adaptor.getCondition());
  return condition ? condition.getValue().isZero() ? getB() : getA() : Value();
}

OpFoldResult CastOp::fold(FoldAdaptor) { return getX().getType() == getType() ? getX() : Value(); }

LogicalResult CastOp::verify() {
  if (withElement(getX().getType(), elementOf(getType())) != getType())
    return emitOpError("operand and result differ in more than the element type");
  return success();
}

OpFoldResult ConstantOp::fold(FoldAdaptor) { return getValue(); }

LogicalResult ConstantOp::verify() {
  if (getValue().getType() != elementOf(getType()))
    return emitOpError("the value has type ") << getValue().getType() << ", the elements " << elementOf(getType());
  return success();
}

void ConstantOp::build(OpBuilder &b, OperationState &state, Type like, double value) {
  Type element = elementOf(like);
  TypedAttr attribute = isa<FloatType>(element) ? TypedAttr(b.getFloatAttr(element, value))
                                                : TypedAttr(b.getIntegerAttr(element, int64_t(value)));
  build(b, state, like, attribute);
}
void ConstantOp::build(OpBuilder &b, OperationState &state, Type like, int64_t value) {
  Type element = elementOf(like);
  TypedAttr attribute = isa<FloatType>(element) ? TypedAttr(b.getFloatAttr(element, double(value)))
                                                : TypedAttr(b.getIntegerAttr(element, value));
  build(b, state, like, attribute);
}
