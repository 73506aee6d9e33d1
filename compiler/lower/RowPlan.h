// How the body of nn.rows is walked: in stages, each one pass over the row that ends with the values of some
// reductions.
#ifndef NNC_COMPILER_LOWER_ROWPLAN_H
#define NNC_COMPILER_LOWER_ROWPLAN_H

#include "dialect/Dialect.h"

namespace nnc {

bool isReduction(mlir::Operation *op); ///< of a row to a scalar

/// About the number of instructions for one vector.
int64_t costOf(mlir::Operation *op);

/// One pass over the row.
struct RowStage {
  std::vector<mlir::Operation *> ops;        ///< computed for every element, in order
  std::vector<mlir::Operation *> reductions; ///< fed with every element
  std::vector<unsigned> outputs;             ///< numbers of results that are rows and are written here
  /// Values written down for later stages, and values read back. The number is that of an output whose place is used,
  /// or -1 - n for row buffer n.
  llvm::DenseMap<mlir::Value, int> kept, reloaded;
  int64_t cost = 0; ///< about how many instructions per element
};

/// 1. A value of the row belongs to the stage that follows the reductions it depends on; a reduction's scalar is there
///    after the stage of its operand.
/// 2. A stage computes what its reductions and outputs need, from the inputs on, again if earlier stages did so: a few
///    additions are cheaper than memory. Costly values (an exponential) that a later stage needs are kept: in the place
///    of an output that is written later, or in a buffer.
struct RowPlan {
  RowPlan(mlir::Block &body, llvm::ArrayRef<mlir::Type> outputs, bool buffers);

  std::vector<RowStage> stages;
  std::vector<mlir::Type> buffers; ///< element types of row buffers
  /// Stages that must have run before a scalar can be computed.
  llvm::DenseMap<mlir::Value, unsigned> depth;

private:
  void need(mlir::Value v, llvm::ArrayRef<mlir::Value> stops, llvm::SetVector<mlir::Value> &found);
  int64_t recomputation(mlir::Value v);
  void plan(unsigned number);
  void keep(unsigned number);
  llvm::SmallVector<mlir::Value> roots(unsigned number);

  mlir::Block &body;
  llvm::SmallVector<mlir::Type> outputs;
  bool mayBuffer;
  llvm::DenseMap<mlir::Value, int> available; ///< kept by stages so far
  llvm::DenseMap<unsigned, bool> borrowed;    ///< outputs whose place holds something else for now
};

} // namespace nnc
#endif // NNC_COMPILER_LOWER_ROWPLAN_H
