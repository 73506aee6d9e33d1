// Every pass of the compiler, by phase. The class of pass `fuse-maps` is FuseMapsPass in optimize/FuseMaps.cpp.
#ifndef NNC_PASSES_TD
#define NNC_PASSES_TD

include "mlir/Pass/PassBase.td"

class NN_Pass<string argument, string operation> : Pass<argument, operation>;
class NN_TargetPass<string argument, string operation> : NN_Pass<argument, operation> {
  let options = [Option<"cpu", "cpu", "std::string", "\"\"", "processor to compile for; empty: this machine's">];
}

// ---- optimize: nn on tensors -> nn on tensors ------------------------------------------------------------------------

// ---- memory: from values to places -----------------------------------------------------------------------------------

def BufferizePass : NN_Pass<"bufferize", "::mlir::ModuleOp"> {
  let summary = "Gives every tensor a place; functions take their sizes, places and frame as arguments";
}

// ---- lower: kernels -> loops and vectors -----------------------------------------------------------------------------
def LowerKernelsPass : NN_TargetPass<"lower-kernels", "::mlir::ModuleOp"> {
  let summary = "Turns kernels into loops over vectors and tiles";
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::scf::SCFDialect", "::mlir::LLVM::LLVMDialect", "::mlir::vector::VectorDialect"];
}

// ---- target: -> llvm -------------------------------------------------------------------------------------------------
def ToLLVMPass : NN_Pass<"to-llvm", "::mlir::ModuleOp"> {
  let summary = "Converts loops, vectors and functions to the llvm dialect";
  let dependentDialects = ["::mlir::LLVM::LLVMDialect"];
}

#endif
