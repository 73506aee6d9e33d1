// Functions that kernels of a module share.
#ifndef NNC_COMPILER_LOWER_ROUTINE_H
#define NNC_COMPILER_LOWER_ROUTINE_H

#include "compiler/lower/Lowering.h"

namespace nnc {

/// The function of that name. Whoever needs it first makes it: `build` fills its block, the return included.
mlir::func::FuncOp routine(Lowering &l, llvm::StringRef name, mlir::TypeRange arguments,
                           llvm::function_ref<void(mlir::func::FuncOp)> build);

} // namespace nnc
#endif // NNC_COMPILER_LOWER_ROUTINE_H
