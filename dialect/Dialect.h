// The `nn` dialect: attributes, types and all operations.
#ifndef NNC_DIALECT_DIALECT_H
#define NNC_DIALECT_DIALECT_H

#include "dialect/Gradients.h"
#include "dialect/Interfaces.h"

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "dialect/Dialect.h.inc"
#include "dialect/Interfaces.h.inc"
#define GET_ATTRDEF_CLASSES
#include "dialect/Attributes.h.inc"
#define GET_TYPEDEF_CLASSES
#include "dialect/Types.h.inc"
#define GET_OP_CLASSES
#include "dialect/Attention.h.inc"
#define GET_OP_CLASSES
#include "dialect/Contraction.h.inc"
#define GET_OP_CLASSES
#include "dialect/Elementwise.h.inc"
#define GET_OP_CLASSES
#include "dialect/Gradient.h.inc"
#define GET_OP_CLASSES
#include "dialect/Indexing.h.inc"
#define GET_OP_CLASSES
#include "dialect/Kernels.h.inc"
#define GET_OP_CLASSES
#include "dialect/Neighbourhood.h.inc"
#define GET_OP_CLASSES
#include "dialect/Parameters.h.inc"
#define GET_OP_CLASSES
#include "dialect/Places.h.inc"
#define GET_OP_CLASSES
#include "dialect/Random.h.inc"
#define GET_OP_CLASSES
#include "dialect/Recurrence.h.inc"
#define GET_OP_CLASSES
#include "dialect/Reduction.h.inc"
#define GET_OP_CLASSES
#include "dialect/Shape.h.inc"
#define GET_OP_CLASSES
#include "dialect/Window.h.inc"

namespace nn {
/// The effects of a kernel: none on tensors; reads inputs and writes inits once they are places.
void kernelEffects(mlir::Operation *,
                   llvm::SmallVectorImpl<mlir::SideEffects::EffectInstance<mlir::MemoryEffects::Effect>> &);
/// The type in which products of this one are added up: f32 for 16-bit floats, i64 for integers.
mlir::Type accumulatorOf(mlir::Type element);
llvm::LogicalResult verifyEpilogue(EpilogueOpInterface op);
} // namespace nn
#endif // NNC_DIALECT_DIALECT_H
