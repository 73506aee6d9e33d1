#include "dialect/Dialect.h"

#include "mlir/IR/IRMapping.h"

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

void FenceOp::pullback(Pullback &p) {
  p.give(0, [&] { return p.cotangent(); });
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

/// The rule that the program has written.
void CustomGradientOp::pullback(Pullback &p) {
  Block &rule = getPullback().front();
  IRMapping map;
  unsigned next = 0;
  for (Value v : getOperands())
    map.map(rule.getArgument(next++), p.primal(v));
  for (Value v : getResults())
    map.map(rule.getArgument(next++), p.primal(v));
  for (unsigned i = 0; i < getNumResults(); ++i) {
    Value g = p.cotangent(i);
    map.map(rule.getArgument(next++), g ? g : p.constant(getResult(i), 0));
  }
  for (Operation &op : rule.without_terminator())
    p.b.clone(op, map);
  for (auto [i, v] : llvm::enumerate(rule.getTerminator()->getOperands()))
    p.give(i, [&] { return map.lookupOrDefault(v); });
}
