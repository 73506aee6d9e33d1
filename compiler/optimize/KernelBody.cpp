#include "compiler/optimize/KernelBody.h"

using namespace mlir;
using namespace nn;
using namespace nnc;

static bool is16BitFloat(Type t) { return t.isBF16() || t.isF16(); }

static Value castTo(OpBuilder &b, Location loc, Value v, Type type) {
  return v.getType() == type ? v : CastOp::create(b, loc, type, v).getResult();
}

KernelBody::KernelBody(Block &block, function_ref<Type(Type)> inside)
    : b(OpBuilder::atBlockEnd(&block)), block(block), inside(inside) {}

/// The type a value has in the body while it is computed with.
Type KernelBody::wide(Type tensor) {
  Type type = inside(tensor);
  return is16BitFloat(elementOf(type)) ? withElement(type, b.getF32Type()) : type;
}

void KernelBody::input(Value tensor, Location loc) {
  Value arg = block.addArgument(inside(tensor.getType()), loc);
  values.map(tensor, castTo(b, loc, arg, wide(tensor.getType())));
}

/// Constants, sizes and counters are made where they are first needed.
Value KernelBody::make(Operation *op) {
  Type narrow = op->getResult(0).getType(), type = wide(narrow);
  Location loc = op->getLoc();
  if (auto constant = dyn_cast<ConstantOp>(op)) {
    if (elementOf(type) == elementOf(narrow))
      return ConstantOp::create(b, loc, type, constant.getValue());
    return ConstantOp::create(b, loc, type, cast<FloatAttr>(constant.getValue()).getValueAsDouble());
  }
  if (auto size = dyn_cast<SizeOp>(op)) {
    if (elementOf(type) == elementOf(narrow))
      return SizeOp::create(b, loc, type, size.getValueAttr());
    Value rounded = SizeOp::create(b, loc, inside(narrow), size.getValueAttr());
    return castTo(b, loc, rounded, type);
  }
  auto iota = cast<IotaOp>(op);
  Type counter = withElement(type, b.getI64Type());
  Value index = IndexOp::create(b, loc, counter, iota.getAxis());
  if (!iota.getStart().getValue().isConstant(0))
    index = AddOp::create(b, loc, counter, index, SizeOp::create(b, loc, counter, iota.getStart()).getResult());
  return castTo(b, loc, index, type);
}

Value KernelBody::get(Value tensor) {
  if (Value known = values.lookupOrNull(tensor))
    return known;
  Value made = make(tensor.getDefiningOp());
  values.map(tensor, made);
  return made;
}

void KernelBody::add(Operation *op) {
  for (Value v : op->getOperands())
    (void)get(v);
  Value result = op->getResult(0);
  Type type = wide(result.getType());
  if (isa<BroadcastOp>(op)) { // of one value per row to the row
    values.map(result, BroadcastOp::create(b, op->getLoc(), type, get(op->getOperand(0)), b.getDenseI64ArrayAttr({})));
    return;
  }
  if (auto cast = dyn_cast<CastOp>(op)) {
    if (cast.getMayKeep()) {
      values.map(result, castTo(b, op->getLoc(), get(op->getOperand(0)), type));
      return;
    }
    Value narrow = castTo(b, op->getLoc(), get(op->getOperand(0)), inside(result.getType()));
    values.map(result, castTo(b, op->getLoc(), narrow, type));
    return;
  }
  Operation *copy = b.clone(*op, values);
  copy->getResult(0).setType(type);
  if (copy->hasAttr("axes")) // a reduction: here of all axes that the body sees
    copy->setAttr("axes", b.getDenseI64ArrayAttr({}));
  if (copy->hasAttr("axis"))
    copy->setAttr("axis", b.getI64IntegerAttr(0));
}

void KernelBody::yield(ValueRange tensors, Location loc) {
  SmallVector<Value> given;
  for (Value tensor : tensors) {
    Value v = get(tensor);
    Type type = inside(tensor.getType());
    if (auto widened = v.getDefiningOp<CastOp>(); widened && widened.getX().getType() == type && v.getType() != type)
      v = widened.getX(); // it was rounded before
    given.push_back(castTo(b, loc, v, type));
  }
  YieldOp::create(b, loc, given);
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block)))
    if (op.use_empty() && !isa<YieldOp>(op))
      op.erase();
}
