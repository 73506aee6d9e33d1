#include "dialect/Dialect.h"

using namespace mlir;
using namespace nn;

#define GET_OP_CLASSES
#include "dialect/Recurrence.cpp.inc"

void ScanOp::getEffects(SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>> &effects) {
  for (OpOperand &operand : (*this)->getOpOperands())
    if (isa<RefType>(operand.get().getType())) {
      effects.emplace_back(MemoryEffects::Read::get(), &operand);
      if (llvm::is_contained(getInits(), operand.get()))
        effects.emplace_back(MemoryEffects::Write::get(), &operand);
    }
}

LogicalResult ScanOp::verify() {
  Dim steps = getSteps().getValue();
  for (Value x : getXs()) {
    Shape shape = shapeOf(x.getType());
    if (shape.rank() == 0 || shape[0] != steps)
      return emitOpError("a sequence has shape ") << shape.str() << " but there are " << steps.str() << " steps";
  }
  if (!getInits().empty())
    return success(); // after the memory phase the body's arguments are places
  Block &body = getBody().front();
  if (body.getNumArguments() != 1 + getXs().size() + getCarries().size())
    return emitOpError("body takes the step, a slice of each sequence and the carried values");
  auto yield = dyn_cast<YieldOp>(body.getTerminator());
  if (!yield || yield.getValues().size() != getNumResults() || getNumResults() < getCarries().size())
    return emitOpError("body must yield one value for each result");
  unsigned stacked = getNumResults() - getCarries().size();
  for (auto [i, carry] : llvm::enumerate(getCarries()))
    if (yield.getValues()[stacked + i].getType() != carry.getType() ||
        getResult(stacked + i).getType() != carry.getType())
      return emitOpError("carried value ") << i << " changes its type";
  return success();
}
