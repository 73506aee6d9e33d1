// Which operations of a block become one kernel, and how they are brought together.
#ifndef NNC_COMPILER_OPTIMIZE_CLUSTER_H
#define NNC_COMPILER_OPTIMIZE_CLUSTER_H

#include "compiler/optimize/Order.h"
#include "dialect/Dialect.h"

#include "llvm/ADT/SmallPtrSet.h"

namespace nnc {

/// A growing set of operations of one block that can be computed at one place: no value leaves the set, is used
/// outside, and comes back.
class Cluster {
public:
  Cluster(mlir::Operation *seed, Order &order);

  bool contains(mlir::Operation *op) const { return members.contains(op); }
  /// In program order.
  llvm::ArrayRef<mlir::Operation *> operations() const { return sorted; }

  /// Adds an operation of the same block. Refused, false: if the set could not be computed at one place any more, if
  /// its ends would be far apart, or if it would have too many inputs and results.
  bool tryAdd(mlir::Operation *op);

  /// Values from outside that members use, in order of first use; without constants.
  llvm::SmallVector<mlir::Value> inputs() const;
  /// Results of members that are used outside, in program order.
  llvm::SmallVector<mlir::Value> outputs() const;

  /// Where the kernel is to be made. What stands between the members and depends on them is moved behind this place.
  mlir::Operation *gather();
  /// Replaces the outputs by the results of `kernel`, in order, and erases the members.
  void replaceBy(mlir::Operation *kernel);

private:
  /// Walks from the first to the last member. Fills `dependent` with what is not a member but depends on one; false if
  /// a member depends on that, or if the way is too long.
  bool sweep(llvm::SmallVectorImpl<mlir::Operation *> &dependent) const;

  Order &order;
  llvm::SmallPtrSet<mlir::Operation *, 16> members;
  llvm::SmallVector<mlir::Operation *> sorted;
};

/// Constants, sizes and counters: made anew in each kernel that uses them, never an input.
bool isMadeInKernel(mlir::Operation *op);
/// One value per element of its one result, from operands of the same shape. False for what `isMadeInKernel`.
bool isElementwiseOnTensors(mlir::Operation *op);

/// Members of the block that produce operands of `op` and that use its results, in program order.
llvm::SmallVector<mlir::Operation *> neighbours(mlir::Operation *op, Order &order);

/// Erases what nothing uses, from the end to the beginning.
void eraseDead(mlir::Block &block);

/// Calls `see` with the blocks on which tensors flow: bodies of scans, inner ones first, then the function's.
void forEachTensorBlock(mlir::func::FuncOp function, llvm::function_ref<void(mlir::Block &)> see);

} // namespace nnc
#endif // NNC_COMPILER_OPTIMIZE_CLUSTER_H
