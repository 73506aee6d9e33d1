// What crosses from the forward to the backward pass where these become two functions, or two loops.
#ifndef NNC_COMPILER_GRADIENT_SPLIT_H
#define NNC_COMPILER_GRADIENT_SPLIT_H

#include "dialect/Dialect.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/SetVector.h"

namespace nnc {

/// One block has both passes, the forward one first.
///  1. From the wanted values back: the operations of the backward pass that they need, and the values of the forward
///     pass that these read.
///  2. A value of the forward pass is saved, or computed again from others: the cheapest cut (bytes, all free
///  dimensions
///     taken as equal) between what is there in the backward pass anyhow and what that reads. Work is not done twice:
///     elementwise operations, views and draws can be computed again, everything else is saved or not needed.
///  3. What `isFree` is there in the backward pass anyhow: most arguments of the block, results of the forward pass.
class Split {
public:
  /// `last` is the last operation of the forward pass, null if there is none.
  Split(mlir::Block &block, mlir::Operation *last, mlir::ValueRange wanted,
        llvm::function_ref<bool(mlir::Value)> isFree);

  /// Results of the forward pass that are needed, in its order.
  llvm::ArrayRef<mlir::Value> saved() const { return crossing.getArrayRef(); }
  /// Arguments of the block that are needed, by number.
  llvm::ArrayRef<unsigned> arguments() const { return used; }
  /// For one block that keeps both passes: what is computed again stands before `b`, from fences before what it reads,
  /// and the backward pass reads that.
  void recompute(mlir::OpBuilder &b) const;
  /// Copies the backward pass to where `b` stands; `map` has what crosses and the arguments.
  void clone(mlir::OpBuilder &b, mlir::IRMapping &map) const;

private:
  bool isForward(mlir::Operation *op) const { return last && (op == last || op->isBeforeInBlock(last)); }
  void findReads(mlir::ValueRange wanted);
  void choose(llvm::function_ref<bool(mlir::Value)> isFree);

  mlir::Block &block;
  mlir::Operation *last;
  llvm::DenseSet<mlir::Operation *> needed; ///< by the backward pass, of both
  llvm::SetVector<mlir::Value> reads;       ///< arguments and values of the forward pass that the backward pass reads
  llvm::SetVector<mlir::Value> crossing;
  llvm::SmallVector<unsigned> used;
  llvm::SmallVector<mlir::Operation *> operations;
};

} // namespace nnc
#endif // NNC_COMPILER_GRADIENT_SPLIT_H
