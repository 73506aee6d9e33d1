// What crosses from the forward to the backward pass where these become two functions.
#ifndef NNC_COMPILER_GRADIENT_SPLIT_H
#define NNC_COMPILER_GRADIENT_SPLIT_H

#include "dialect/Dialect.h"

#include "llvm/ADT/SetVector.h"

namespace nnc {

/// One block has both passes, the forward one first.
///  1. From the wanted values back: the operations of the backward pass that they need.
///  2. A value of the forward pass that one of these reads crosses: it is saved. What costs nothing to make again
///     (constants, sizes, views) is made again, from what these are made of.
///  3. Arguments of the block are no matter of the forward pass: who calls the backward pass has them as well.
class Split {
public:
  /// `last` is the last operation of the forward pass, null if there is none.
  Split(mlir::Block &block, mlir::Operation *last, mlir::ValueRange wanted);

  /// Results of the forward pass that are needed, in its order.
  llvm::ArrayRef<mlir::Value> saved() const { return crossing.getArrayRef(); }
  /// Arguments of the block that are needed, by number.
  llvm::ArrayRef<unsigned> arguments() const { return used; }
  /// Copies the backward pass to where `b` stands; `map` has what crosses and the arguments.
  void clone(mlir::OpBuilder &b, mlir::IRMapping &map) const;

private:
  llvm::SetVector<mlir::Value> crossing;
  llvm::SmallVector<unsigned> used;
  llvm::SmallVector<mlir::Operation *> operations;
};

} // namespace nnc
#endif // NNC_COMPILER_GRADIENT_SPLIT_H
