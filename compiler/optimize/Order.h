// Which of two operations of a block comes first, while operations are moved, made and erased. MLIR numbers the whole
// block anew after each move; a pass that makes a thousand kernels can not afford that.
#ifndef NNC_COMPILER_OPTIMIZE_ORDER_H
#define NNC_COMPILER_OPTIMIZE_ORDER_H

#include "mlir/IR/Block.h"
#include "mlir/IR/Operation.h"
#include "llvm/ADT/DenseMap.h"

namespace nnc {

class Order {
public:
  explicit Order(mlir::Block &block) : block(block) { renumber(); }

  bool before(mlir::Operation *a, mlir::Operation *b) { return number(a) < number(b); }
  /// To be told before an operation is moved or erased. New ones need no word.
  void forget(mlir::Operation *op) { numbers.erase(op); }

private:
  int64_t number(mlir::Operation *op);
  void renumber();

  mlir::Block &block;
  llvm::DenseMap<mlir::Operation *, int64_t> numbers;
};

} // namespace nnc
#endif // NNC_COMPILER_OPTIMIZE_ORDER_H
