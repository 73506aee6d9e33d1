#include "dialect/Dialect.h"

using namespace mlir;
using namespace nn;

#define GET_OP_CLASSES
#include "dialect/Kernels.cpp.inc"

using Effects = SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>>;
void MapOp::getEffects(Effects &effects) { kernelEffects(*this, effects); }
void RowsOp::getEffects(Effects &effects) { kernelEffects(*this, effects); }
void CopyOp::getEffects(Effects &effects) { kernelEffects(*this, effects); }

/// Types of what a kernel writes: its results, or its inits after the memory phase.
static SmallVector<Type> outputs(Operation *op, OperandRange inits) {
  return op->getNumResults() ? SmallVector<Type>(op->getResultTypes()) : SmallVector<Type>(inits.getTypes());
}

LogicalResult MapOp::verify() {
  SmallVector<Type> outs = outputs(*this, getInits());
  if (outs.empty())
    return emitOpError("has neither results nor inits");
  Shape shape = shapeOf(outs[0]);
  Block &body = getBody().front();
  if (body.getNumArguments() != getInputs().size())
    return emitOpError("body takes one scalar of each input");
  for (auto [input, arg] : llvm::zip(getInputs(), body.getArguments())) {
    if (shapeOf(input.getType()) != shape)
      return emitOpError("input has shape ") << shapeOf(input.getType()).str() << ", the result " << shape.str();
    if (arg.getType() != elementOf(input.getType()))
      return emitOpError("argument of the body has type ") << arg.getType();
  }
  auto yield = dyn_cast<YieldOp>(body.getTerminator());
  if (!yield || yield.getValues().size() != outs.size())
    return emitOpError("body must yield one scalar for each result");
  for (auto [out, value] : llvm::zip(outs, yield.getValues()))
    if (shapeOf(out) != shape || elementOf(out) != value.getType())
      return emitOpError("yielded scalars and results differ");
  return success();
}

LogicalResult RowsOp::verify() {
  SmallVector<Type> outs = outputs(*this, getInits());
  const Shape &parallel = getParallel().getValue(), &row = getRow().getValue();
  Shape whole = parallel;
  llvm::append_range(whole.dims, row);
  if (row.rank() != getRowRank())
    return emitOpError("`row` must have row_rank axes");
  auto fits = [&](Type outside, Type inside) {
    bool scalar = shapeOf(inside).rank() == 0;
    return shapeOf(outside) == (scalar ? parallel : whole) && shapeOf(inside) == (scalar ? Shape() : row) &&
           elementOf(outside) == elementOf(inside);
  };
  Block &body = getBody().front();
  if (body.getNumArguments() != getInputs().size())
    return emitOpError("body takes one row or scalar of each input");
  for (auto [input, arg] : llvm::zip(getInputs(), body.getArguments()))
    if (!fits(input.getType(), arg.getType()))
      return emitOpError("input ") << input.getType() << " does not give " << arg.getType();
  auto yield = dyn_cast<YieldOp>(body.getTerminator());
  if (!yield || yield.getValues().size() != outs.size())
    return emitOpError("body must yield one value for each result");
  for (auto [out, value] : llvm::zip(outs, yield.getValues()))
    if (!fits(out, value.getType()))
      return emitOpError("yielded ") << value.getType() << " does not fit result " << out;
  return success();
}
