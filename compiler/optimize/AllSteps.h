// Operations of a loop's body done for all steps at a time: each value gets the steps as a new leading axis.
#ifndef NNC_COMPILER_OPTIMIZE_ALLSTEPS_H
#define NNC_COMPILER_OPTIMIZE_ALLSTEPS_H

#include "dialect/Dialect.h"

namespace nnc {

class AllSteps {
public:
  AllSteps(mlir::OpBuilder &b, nn::Dim steps) : b(b), steps(std::move(steps)) {}

  /// `all` has the values of `one` in all steps.
  void set(mlir::Value one, mlir::Value all) { known[one] = all; }
  mlir::Value get(mlir::Value one) const { return known.lookup(one); }

  /// Whether there is a rule for the operation. `differs` says of an operand whether it differs from step to step; the
  /// others are values from outside the loop.
  static bool isPossible(mlir::Operation *op, llvm::function_ref<bool(mlir::Value)> differs);
  /// Does it; its operands are set or do not differ.
  void apply(mlir::Operation *op);

private:
  /// The values in all steps, whether they differ or not.
  mlir::Value all(mlir::Value one);
  bool differs(mlir::Value v) const { return known.contains(v); }
  mlir::Type with(mlir::Type one) const;
  mlir::Value contract(nn::ContractOp op);
  mlir::Value gather(nn::GatherOp op);
  mlir::Value view(mlir::Operation *op);

  mlir::OpBuilder &b;
  nn::Dim steps;
  llvm::DenseMap<mlir::Value, mlir::Value> known;
};

} // namespace nnc
#endif // NNC_COMPILER_OPTIMIZE_ALLSTEPS_H
