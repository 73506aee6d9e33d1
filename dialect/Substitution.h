// A function's free dimensions as a call of it has them.
#ifndef NNC_DIALECT_SUBSTITUTION_H
#define NNC_DIALECT_SUBSTITUTION_H

#include "dialect/Dialect.h"

#include "mlir/IR/AttrTypeSubElements.h"
#include "llvm/ADT/StringMap.h"

namespace nn {

/// Replaces a callee's free dimensions in attributes and types.
class Substitution {
public:
  Substitution(mlir::func::FuncOp callee, const Shape &sizes);

  /// In an operation and all that is in it.
  void apply(mlir::Operation *op);
  mlir::Type apply(mlir::Type type) { return identity ? type : replacer.replace(type); }

private:
  bool identity = true;
  llvm::StringMap<Dim> values;
  mlir::AttrTypeReplacer replacer;
};

} // namespace nn
#endif // NNC_DIALECT_SUBSTITUTION_H
