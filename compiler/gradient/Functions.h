// Layers that are used at several places: the two halves of their derivative are functions as well.
#ifndef NNC_COMPILER_GRADIENT_FUNCTIONS_H
#define NNC_COMPILER_GRADIENT_FUNCTIONS_H

#include "compiler/gradient/Adjoint.h"

#include "mlir/IR/SymbolTable.h"

#include <map>

namespace nnc {

/// The way back over a call of f: made once for each set of arguments that want a cotangent and of results that have
/// one.
///  1. A copy of f goes back over its own operations; what that needs is in Split.
///  2. `f.forward` gives what f gives, then what is saved. The call becomes one of this.
///  3. `f.backward` takes the arguments that it needs, what was saved, and the cotangents, and gives those of the
///  arguments.
class Functions {
public:
  explicit Functions(mlir::ModuleOp module) : symbols(module) {}

  llvm::LogicalResult reverse(nn::CallOp call, Adjoint &adjoint, mlir::OpBuilder &b);

private:
  using Flags = std::vector<bool>;
  struct Derived {
    mlir::func::FuncOp forward, backward;  ///< null if an operation has no rule
    llvm::SmallVector<unsigned> arguments; ///< of f, that `backward` takes first
    llvm::SmallVector<unsigned> saved;     ///< results of `forward` that it takes then
  };
  Derived make(mlir::func::FuncOp f, const Flags &wanted, const Flags &given);

  mlir::SymbolTable symbols;
  std::map<std::tuple<mlir::Operation *, Flags, Flags>, Derived> known;
};

} // namespace nnc
#endif // NNC_COMPILER_GRADIENT_FUNCTIONS_H
