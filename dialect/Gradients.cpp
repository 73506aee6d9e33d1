#include "dialect/Dialect.h"

using namespace mlir;
using namespace nn;

Value Pullback::plus(Value x, Value y) { return make<AddOp>(x, y); }
Value Pullback::minus(Value x, Value y) { return make<SubOp>(x, y); }
Value Pullback::times(Value x, Value y) { return make<MulOp>(x, y); }
Value Pullback::times(Value x, double y) { return times(x, constant(x, y)); }
Value Pullback::over(Value x, Value y) { return make<DivideOp>(x, y); }
Value Pullback::negative(Value x) { return make<NegOp>(x); }
Value Pullback::where(Value condition, Value x, Value y) {
  return WhereOp::create(b, loc, condition, x, y).getResult();
}
Value Pullback::constant(Value like, double value) { return ConstantOp::create(b, loc, like.getType(), value); }
Value Pullback::cast(Value x, Value like) {
  Type element = elementOf(like.getType());
  return elementOf(x.getType()) == element ? x
                                           : CastOp::create(b, loc, withElement(x.getType(), element), x).getResult();
}
