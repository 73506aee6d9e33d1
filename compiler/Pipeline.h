// The phases between the checked program and the library, as one table. It drives --emit, --time, --help and the tests.
#ifndef NNC_COMPILER_PIPELINE_H
#define NNC_COMPILER_PIPELINE_H

#include "compiler/emit/Interface.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/ADT/StringRef.h"

namespace llvm {
class LLVMContext;
class Module;
} // namespace llvm

namespace nnc {

struct PipelineOptions {
  std::string cpu;         ///< a name that cpu::parseCpu takes; empty: this machine's
  bool verifyEach = false; ///< verify the IR after every pass
};

/// A phase turns the module into the form that `--emit=<name>` prints.
struct Phase {
  const char *name;
  const char *sentence;
  void (*build)(mlir::OpPassManager &passes, const PipelineOptions &options);
};

/// In order; the first one takes what the front end made.
llvm::ArrayRef<Phase> phases();

/// Instead of `mem`, for reports: every kernel still stands where it is used.
const Phase &placesPhase();

/// Dialects that modules are written in.
void registerDialects(mlir::DialectRegistry &registry);

/// Runs one phase. Errors have been reported to the context when this fails.
mlir::LogicalResult runPhase(const Phase &phase, mlir::ModuleOp module, const PipelineOptions &options);

/// What the library offers; read from the module between the phases `mem` (or `places`) and `loops`.
emit::Interface describeLibrary(mlir::ModuleOp module);

/// The last form as an LLVM module; null after an error.
std::unique_ptr<llvm::Module> translate(mlir::ModuleOp module, llvm::LLVMContext &context);

} // namespace nnc
#endif // NNC_COMPILER_PIPELINE_H
