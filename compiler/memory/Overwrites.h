// Which values of a function may be made where others lie.
#ifndef NNC_COMPILER_MEMORY_OVERWRITES_H
#define NNC_COMPILER_MEMORY_OVERWRITES_H

#include "dialect/Dialect.h"

#include "llvm/ADT/DenseMap.h"

namespace nnc {

/// Some values are others of which a part is new: updates, and what loops make with nothing but updates. Where the
/// other value lies they cost only the part.
class Overwrites {
public:
  /// Looks at all loops, before values have places.
  explicit Overwrites(mlir::func::FuncOp function);

  /// What this value is a changed form of; null if it is none.
  mlir::OpOperand *under(mlir::Value made) const;
  /// The result that is a changed form of this operand; null if there is none.
  mlir::Value over(mlir::OpOperand &operand) const;
  /// Whether `after` may be written where `before` lies.
  bool mayReplace(mlir::Value before, mlir::Value after) const;
  /// Whether all that reads this value stands before the operation that changes it.
  static bool diesAt(mlir::OpOperand &use);

private:
  void loop(nn::ScanOp op);
  mlir::Value originOf(mlir::Value made) const;
  bool isWrittenAfter(mlir::Value before, mlir::Value made) const;

  llvm::DenseMap<mlir::Value, mlir::OpOperand *> changed; ///< results of loops
};

} // namespace nnc
#endif // NNC_COMPILER_MEMORY_OVERWRITES_H
