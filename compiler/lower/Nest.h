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
  /// The axis along which most places have neighbours beside each other, each place counted `weight` times; of equals
  /// the last. `score`, if given, gets the sum of the weights. The nest must have an axis.
  size_t contiguousAxis(llvm::function_ref<int64_t(size_t place)> weight, int64_t *score = nullptr) const;
  /// Splits a row-major number into positions on the axes.
  llvm::SmallVector<mlir::Value> positions(mlir::Value number, Lowering &l) const;
  /// How far from its first element place `place` is at these positions on the first axes.
  mlir::Value offset(size_t place, mlir::ValueRange positions, Lowering &l) const;
  /// Walks this thread's share: for each position on all axes but the last a range of the last one. Where there are
  /// fewer such positions than threads, every thread does its part of each range, a multiple of `grain`.
  void walkShare(int64_t grain, Lowering &l,
                 llvm::function_ref<void(mlir::ValueRange outer, mlir::Value from, mlir::Value to)> body) const;
};

} // namespace nnc
#endif // NNC_COMPILER_LOWER_NEST_H
