// Axes along which several places are walked together.
#ifndef NNC_COMPILER_LOWER_AXES_H
#define NNC_COMPILER_LOWER_AXES_H

#include "compiler/lower/Lowering.h"

namespace nnc {

/// One axis: its size, and for each place the elements to its next position (0 where the place does not have the axis).
struct Axis {
  nn::Dim size;
  llvm::SmallVector<nn::Dim, 4> strides;
};

/// Walks neighbouring axes as one where that is the same walk in all places, and drops axes of size 1.
llvm::SmallVector<Axis> mergeAxes(llvm::ArrayRef<Axis> axes);

/// The number of positions on all axes.
mlir::Value positionsOf(llvm::ArrayRef<Axis> axes, Lowering &l);

/// For each place the offset in elements of a position, counted row-major over the axes.
llvm::SmallVector<mlir::Value> offsetsAt(llvm::ArrayRef<Axis> axes, mlir::Value position, size_t places, Lowering &l);

} // namespace nnc
#endif // NNC_COMPILER_LOWER_AXES_H
