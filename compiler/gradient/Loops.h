// Operations with a body that is run again on the way back: loops and checkpoints.
#ifndef NNC_COMPILER_GRADIENT_LOOPS_H
#define NNC_COMPILER_GRADIENT_LOOPS_H

#include "compiler/gradient/Adjoint.h"

namespace nnc {

/// The way back over a loop is a loop from its last step to its first.
///  1. A carried value is active if its first value is, or what the body makes of it; what the body reads from outside
///  is
///     treated like a slice that is the same in each step.
///  2. A copy of the body goes back over its own operations. It gets the cotangents of this step's slices of the
///  results,
///     and those of the next carried values, which it carries itself, backwards.
///  3. What crosses (see Split) is stacked by the loop; slices of its sequences can be sliced again.
///  4. The cotangent of a value from outside is the sum over all steps: another carried value of the loop back.
llvm::LogicalResult reverseLoop(nn::ScanOp loop, Adjoint &adjoint, mlir::OpBuilder &b, Functions *functions);

/// The body is computed again where the way back begins, from what it read: only that is kept. A fence before each
/// value that it reads keeps the second computation apart from the first.
llvm::LogicalResult reverseCheckpoint(nn::CheckpointOp checkpoint, Adjoint &adjoint, mlir::OpBuilder &b);

} // namespace nnc
#endif // NNC_COMPILER_GRADIENT_LOOPS_H
