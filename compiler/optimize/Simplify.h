// The small rewrites that other passes rely on; see Simplify.cpp.
#ifndef NNC_COMPILER_OPTIMIZE_SIMPLIFY_H
#define NNC_COMPILER_OPTIMIZE_SIMPLIFY_H

#include "dialect/Dialect.h"

#include "mlir/IR/PatternMatch.h"

namespace nnc {

/// Brings views and constants into their simplest form, and drops what nothing uses.
void simplify(mlir::func::FuncOp function);
/// The same in the bodies of a neighbourhood alone.
void simplify(nn::NeighbourhoodOp op);

/// The part of it that is about loops.
void addLoopPatterns(mlir::RewritePatternSet &patterns);

} // namespace nnc
#endif // NNC_COMPILER_OPTIMIZE_SIMPLIFY_H
