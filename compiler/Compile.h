// From a module of nn operations to files: runs the phases up to the one that is asked for and writes what it gives.
#ifndef NNC_COMPILER_COMPILE_H
#define NNC_COMPILER_COMPILE_H

#include "compiler/Pipeline.h"

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

/// Text or object code to a file or, without one, to standard output. Reports errors and returns false after them.
bool write(llvm::StringRef bytes, const std::string &path, llvm::ArrayRef<std::string> inputs);

/// Reports errors on standard error and returns false after them; no output file has been touched then.
bool compile(mlir::ModuleOp module, const CompileOptions &options);

} // namespace nnc
#endif // NNC_COMPILER_COMPILE_H
