// The axes that a kernel walks: sizes, and for each of its places the strides.
#ifndef NNC_COMPILER_LOWER_NEST_H
#define NNC_COMPILER_LOWER_NEST_H

#include "compiler/lower/Lowering.h"

namespace nnc {

struct Nest {
  struct Axis {
    nn::Dim size;
    std::vector<nn::Dim> strides; ///< one per place
    int64_t original = 0;         ///< number of the (last) axis of the kernel's shape that it stands for
  };
  std::vector<Axis> axes;

  /// Axes of constant size 1 go. With `merge` neighbours become one where every place walks them as one.
  Nest(const nn::Shape &shape, mlir::ArrayRef<nn::Shape> strides, bool merge);

  size_t rank() const { return axes.size(); }
  nn::Dim count() const;
  /// Moves an axis to the end.
  void moveLast(size_t axis);
  /// Splits a row-major number into positions on the axes.
  llvm::SmallVector<mlir::Value> positions(mlir::Value number, Lowering &l) const;
  /// How far from its first element place `place` is at these positions on the first axes.
  mlir::Value offset(size_t place, mlir::ValueRange positions, Lowering &l) const;
};

} // namespace nnc
#endif // NNC_COMPILER_LOWER_NEST_H
