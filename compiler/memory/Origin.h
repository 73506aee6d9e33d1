// Where a packed operand comes from: sources, and the views and joins between them and the operand.
#ifndef NNC_COMPILER_MEMORY_ORIGIN_H
#define NNC_COMPILER_MEMORY_ORIGIN_H

#include "dialect/Dialect.h"

namespace nnc {

struct Origin {
  enum class Kind {
    Parameters, ///< of a model
    Slices,     ///< of sequences that one loop walks over
    Arguments,  ///< of a layer's function, with constant sizes: parameters of its callers
    Value       ///< anything else; one source, no joins
  };
  Kind kind = Kind::Value;
  llvm::SmallVector<mlir::Value> sources;
  llvm::SmallVector<mlir::Operation *> steps; ///< in order, the operand is the last one's result

  /// What the steps do to their sources, as text: two operands of the same sources with one text are the same.
  std::string describe(mlir::Value operand) const;
  /// The steps once more, from other sources.
  mlir::Value clone(mlir::OpBuilder &b, llvm::ArrayRef<mlir::Value> from) const;
  /// The same, from sources that have one more leading axis.
  mlir::Value cloneStacked(mlir::OpBuilder &b, llvm::ArrayRef<mlir::Value> from) const;
};

Origin originOf(mlir::Value operand);
/// Erases views and joins that nothing uses, from `value` up.
void eraseUnusedSteps(mlir::Value value);

} // namespace nnc
#endif // NNC_COMPILER_MEMORY_ORIGIN_H
