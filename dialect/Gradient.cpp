#include "dialect/Dialect.h"

using namespace mlir;
using namespace nn;

#define GET_OP_CLASSES
#include "dialect/Gradient.cpp.inc"

LogicalResult GradOp::verify() {
  if (shapeOf(getE().getType()).rank() != 0 || !isa<FloatType>(elementOf(getE().getType())))
    return emitOpError("only a float scalar has a gradient");
  if (getXs().getTypes() != getResultTypes())
    return emitOpError("each gradient has the type of its value");
  return success();
}

/// The block's arguments are of `types` in order, and it yields values of the types `yields`.
static LogicalResult checkBody(Operation *op, Block &block, ArrayRef<Type> types, TypeRange yields) {
  auto yield = dyn_cast<YieldOp>(block.getTerminator());
  if (!llvm::equal(block.getArgumentTypes(), types) || !yield || yield.getValues().getTypes() != yields)
    return op->emitOpError("a body has other arguments or results than the operation");
  return success();
}

LogicalResult CustomGradientOp::verify() {
  SmallVector<Type> operands(getOperands().getTypes()), all = operands;
  llvm::append_range(all, getResultTypes());
  llvm::append_range(all, getResultTypes());
  if (failed(checkBody(*this, getBody().front(), operands, getResultTypes())))
    return failure();
  return checkBody(*this, getPullback().front(), all, getOperands().getTypes());
}
