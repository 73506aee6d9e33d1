// The body of a kernel while fusion fills it.
#ifndef NNC_COMPILER_OPTIMIZE_KERNELBODY_H
#define NNC_COMPILER_OPTIMIZE_KERNELBODY_H

#include "dialect/Dialect.h"

#include "mlir/IR/IRMapping.h"

namespace nnc {

/// Copies operations on tensors into the body of a kernel, where they work on what the body sees of a tensor: an
/// element, or a row. 16-bit floats are f32 in there: they are rounded once, where a value leaves the kernel or is cast
/// to one.
class KernelBody {
public:
  /// Appends to `block`. `inside(type)` is what the body sees of a tensor.
  KernelBody(mlir::Block &block, llvm::function_ref<mlir::Type(mlir::Type)> inside);

  /// An argument of the body that holds `tensor`.
  void input(mlir::Value tensor, mlir::Location loc);
  /// The body has `value` where the program has `tensor`.
  void set(mlir::Value tensor, mlir::Value value) { values.map(tensor, value); }
  /// What the body has for `tensor`.
  mlir::Value get(mlir::Value tensor);
  /// Does the work of `op` in the body.
  void add(mlir::Operation *op);
  /// Ends the body: it gives these tensors.
  void yield(mlir::ValueRange tensors, mlir::Location loc);

  mlir::OpBuilder b;

private:
  mlir::Value make(mlir::Operation *op);
  mlir::Type wide(mlir::Type tensor);

  mlir::Block &block;
  llvm::function_ref<mlir::Type(mlir::Type)> inside;
  mlir::IRMapping values;
};

} // namespace nnc
#endif // NNC_COMPILER_OPTIMIZE_KERNELBODY_H
