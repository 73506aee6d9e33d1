// From a module of nn operations to files: runs the phases up to the one that is asked for and writes what it gives.
#ifndef NNC_COMPILER_COMPILE_H
#define NNC_COMPILER_COMPILE_H

#include "compiler/Pipeline.h"
#include "compiler/report/Memory.h"

#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/Support/Error.h"

#include <chrono>
#include <vector>

namespace nnc {

struct CompileOptions {
  PipelineOptions pipeline;
  std::string emit = "lib";        ///< nn, opt, mem, loops, llvm, asm, obj or lib
  std::string output;              ///< empty: standard output (not for lib)
  std::vector<std::string> inputs; ///< files of the program, which must not be overwritten
  std::string sanitize;            ///< address or thread: the code that LLVM's sanitizer watches (asm and obj)
  bool time = false;               ///< print how long each phase took, on standard error
  std::chrono::steady_clock::time_point started = std::chrono::steady_clock::now(); ///< when the first phase began
};

/// Whether `emit` is a form that compile() knows.
bool isForm(llvm::StringRef emit);

/// Text or object code to the output file or, without one, to standard output.
llvm::Error write(llvm::StringRef bytes, const CompileOptions &options);
/// Whether that will be possible, before all the work.
llvm::Error checkOutput(const CompileOptions &options);

/// False after errors: those of a phase are the context's diagnostics, those of files go to `report`. No output file
/// has been touched then.
bool compile(mlir::ModuleOp module, const CompileOptions &options, llvm::function_ref<void(llvm::Error)> report);

/// What calls need and training steps save (report/Memory.h); empty after errors, as above.
std::vector<report::ModelMemory> measureMemory(mlir::ModuleOp module, const CompileOptions &options);

} // namespace nnc
#endif // NNC_COMPILER_COMPILE_H
