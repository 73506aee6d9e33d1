#include "dialect/Dialect.h"

using namespace mlir;
using namespace nn;

#define GET_OP_CLASSES
#include "dialect/Parameters.cpp.inc"

void CallOp::build(OpBuilder &b, OperationState &state, TypeRange results, FlatSymbolRefAttr callee,
                   ValueRange operands, ShapeAttr dims) {
  build(b, state, results, callee, operands, dims, DenseI64ArrayAttr(), b.getI64IntegerAttr(0));
}

/// What the call ends with is no place.
void NumericOp::getEffects(SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>> &effects) {
  kernelEffects(*this, effects);
  effects.emplace_back(MemoryEffects::Write::get());
}

Shape CallOp::tileDims() {
  Shape sizes = getDims().getValue();
  sizes[sizes.rank() - 4] = Dim(int64_t(getTile()));
  for (size_t i = sizes.rank() - 3; i < sizes.rank(); ++i)
    sizes[i] = Dim(0);
  return sizes;
}
