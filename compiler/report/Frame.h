// The size of an entry's workspace as an expression of sizes.
#ifndef NNC_COMPILER_REPORT_FRAME_H
#define NNC_COMPILER_REPORT_FRAME_H

#include "compiler/report/Bytes.h"
#include "dialect/Dialect.h"

namespace nnc::report {

/// What the number of threads is called in an expression.
constexpr llvm::StringLiteral kThreads = "<threads>";

/// What `<entry>.frame`, the function that the library itself asks, computes.
Bytes frameOf(mlir::func::FuncOp entry);

} // namespace nnc::report
#endif // NNC_COMPILER_REPORT_FRAME_H
