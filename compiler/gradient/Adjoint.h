// Reverse mode over a list of operations.
#ifndef NNC_COMPILER_GRADIENT_ADJOINT_H
#define NNC_COMPILER_GRADIENT_ADJOINT_H

#include "dialect/Dialect.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/DenseSet.h"

namespace nnc {
class Functions;

/// Cotangents of the values that depend on some values, from those of what was computed from them.
///  1. A value is active if it is one of `by`, or is a float that an operation computes from an active one; what is
///     behind a `nn.stop_gradient` is not.
///  2. Operations are asked in reverse order for the cotangents of their operands, if one of their results has got one.
///  3. A value that is used several times gets the sum, in this order: the same bits in every run.
/// What is computed for nobody in the end (a cotangent of an operand that no active value comes from) is never made.
class Adjoint {
public:
  /// New operations go where `b` stands. Calls are the matter of `functions`.
  Adjoint(mlir::OpBuilder &b, mlir::ValueRange by, Functions *functions);

  /// Marks what is active among the results of these operations, which are in order.
  void mark(llvm::iterator_range<mlir::Block::iterator> operations);
  /// Adds to the cotangent of a value, if it is active.
  void add(mlir::Value v, mlir::Value cotangent);
  /// All users of a value, and what is known of it, go over to another one.
  void replace(mlir::Value old, mlir::Value now);
  /// Goes back over these operations. Reports an operation that has no rule.
  llvm::LogicalResult reverse(llvm::iterator_range<mlir::Block::iterator> operations);

  bool isActive(mlir::Value v) const { return active.contains(v); }
  /// Null if nothing depends on it.
  mlir::Value cotangent(mlir::Value v) const { return cotangents.lookup(v); }

private:
  bool readsActive(mlir::Operation *op) const;

  mlir::OpBuilder &b;
  Functions *functions;
  llvm::DenseSet<mlir::Value> active;
  llvm::DenseMap<mlir::Value, mlir::Value> cotangents;
};

} // namespace nnc
#endif // NNC_COMPILER_GRADIENT_ADJOINT_H
