// From a module of nn operations to files: runs the phases up to the one that is asked for and writes what it gives.
#ifndef NNC_COMPILER_COMPILE_H
#define NNC_COMPILER_COMPILE_H

#include "compiler/Pipeline.h"

#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/Support/Error.h"

#include <vector>

namespace nnc {

struct CompileOptions {
  PipelineOptions pipeline;
  std::string emit = "lib";        ///< nn, opt, mem, loops, llvm, asm, obj or lib
  std::string output;              ///< empty: standard output (not for lib)
  std::vector<std::string> inputs; ///< files of the program, which must not be overwritten
  bool time = false;               ///< print how long each phase took, on standard error
};

/// Whether `emit` is a form that compile() knows.
bool isForm(llvm::StringRef emit);

/// Text or object code to the output, or to standard output where none is named.
llvm::Error writeResult(llvm::StringRef bytes, const CompileOptions &options);

/// False after errors: those of a phase are the context's diagnostics, those of files go to `report`. No output file
/// has been touched then.
bool compile(mlir::ModuleOp module, const CompileOptions &options, llvm::function_ref<void(llvm::Error)> report);

} // namespace nnc
#endif // NNC_COMPILER_COMPILE_H
