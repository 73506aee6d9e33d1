// Every pass of the compiler, by phase. The class of pass `fuse-maps` is FuseMapsPass in optimize/FuseMaps.cpp.
#ifndef NNC_PASSES_TD
#define NNC_PASSES_TD

include "mlir/Pass/PassBase.td"

class NN_Pass<string argument, string operation> : Pass<argument, operation>;
class NN_TargetPass<string argument, string operation> : NN_Pass<argument, operation> {
  let options = [Option<"cpu", "cpu", "std::string", "\"\"", "processor to compile for; empty: this machine's">];
}

// ---- grad: nn on tensors -> nn on tensors without gradients ---------------------------------------------------------
def LowerPrecisionPass : NN_Pass<"lower-precision", "::mlir::ModuleOp"> {
  let summary = "Rounds operands of products and what layers give to bf16, where a train step says `precision bf16`";
}
def DescribeDrawsPass : NN_Pass<"describe-draws", "::mlir::ModuleOp"> {
  let summary = "First values of parameters that are one scaled draw become data; the others stay functions";
}
def SelectLengthsPass : NN_Pass<"select-lengths", "::mlir::func::FuncOp"> {
  let summary = "Lets rows of a loop end at their own lengths";
}
def InlinePass : NN_Pass<"nn-inline", "::mlir::ModuleOp"> {
  let summary = "Dissolves layers that are used once or small into their users";
}
def PrepareDerivativesPass : NN_Pass<"prepare-derivatives", "::mlir::ModuleOp"> {
  let summary = "Moves what is no work for one pair out of bodies of neighbourhoods that derivatives are taken of";
}
def DifferentiatePass : NN_Pass<"differentiate", "::mlir::ModuleOp"> {
  let summary = "Replaces gradients by the operations that compute them, in reverse mode";
}
def DropGradientsPass : NN_Pass<"drop-gradients", "::mlir::func::FuncOp"> {
  let summary = "Removes what programs say about derivatives, once these have been taken";
}

// ---- optimize: nn on tensors -> nn on tensors ------------------------------------------------------------------------
def DecomposePass : NN_Pass<"decompose", "::mlir::func::FuncOp"> {
  let summary = "Writes softmax, mean, variance and the like with sums, maxima and elementwise operations";
}
def SelectStoresPass : NN_Pass<"select-stores", "::mlir::func::FuncOp"> {
  let summary = "Selects old values or new ones, element by element, where something is stored under a condition";
}
def SimplifyPass : NN_Pass<"simplify", "::mlir::func::FuncOp"> {
  let summary = "Brings views and constants into their simplest form";
}
def GroupProductsPass : NN_Pass<"group-products", "::mlir::func::FuncOp"> {
  let summary = "Makes products with a weight that each edge chooses a loop over the weights";
}
def MoveProductsPass : NN_Pass<"move-products", "::mlir::func::FuncOp"> {
  let summary = "Splits products in bodies of neighbourhoods by the ends of edges, and moves them behind sums";
}
def MoveToNodesPass : NN_Pass<"move-to-nodes", "::mlir::func::FuncOp"> {
  let summary = "Takes what one end of an edge decides out of bodies with work at edges";
}
def TileEdgesPass : NN_Pass<"tile-edges", "::mlir::ModuleOp"> {
  let summary = "Puts what bodies of neighbourhoods compute at edges into functions that work on a tile of them";
}
def PrepareNeighbourhoodsPass : NN_Pass<"prepare-neighbourhoods", "::mlir::func::FuncOp"> {
  let summary = "Moves what is no work for one pair out of the bodies of neighbourhoods, to nodes and edges";
}
def RecognizeAttentionPass : NN_Pass<"recognize-attention", "::mlir::func::FuncOp"> {
  let summary = "Makes attention kernels of neighbourhoods over all pairs whose scores are products of rows";
}
def RecognizePairSumsPass : NN_Pass<"recognize-pair-sums", "::mlir::func::FuncOp"> {
  let summary = "Makes kernels of sums over all pairs of rows that are weighted by what products of rows give";
}
def MergePairSumsPass : NN_Pass<"merge-pair-sums", "::mlir::func::FuncOp"> {
  let summary = "Makes one kernel of sums over the same pairs, so that their products are computed once";
}
def HoistProjectionsPass : NN_Pass<"hoist-projections", "::mlir::func::FuncOp"> {
  let summary = "Takes out of a loop what does not depend on what it carries: done once, for all steps at a time";
}
def SumAfterLoopsPass : NN_Pass<"sum-after-loops", "::mlir::func::FuncOp"> {
  let summary = "Takes sums over the steps of a loop, and products that it only yields, behind the loop";
}
def MergeContractionsPass : NN_Pass<"merge-contractions", "::mlir::func::FuncOp"> {
  let summary = "Makes one contraction of several that share their left operand";
}
def FuseEpiloguesPass : NN_Pass<"fuse-epilogues", "::mlir::func::FuncOp"> {
  let summary = "Moves bias, activation and residual into the contraction whose result they take";
}
def FuseRowsPass : NN_Pass<"fuse-rows", "::mlir::func::FuncOp"> {
  let summary = "Makes one kernel of reductions over the same rows and the elementwise work around them";
}
def FuseMapsPass : NN_Pass<"fuse-maps", "::mlir::func::FuncOp"> {
  let summary = "Makes kernels of the elementwise operations that are left";
}
def YieldTwicePass : NN_Pass<"yield-twice", "::mlir::func::FuncOp"> {
  let summary = "Lets a kernel write what its loop yields twice to both places";
}
def DropFencesPass : NN_Pass<"drop-fences", "::mlir::func::FuncOp"> {
  let summary = "Removes the fences before what is computed again, once equal operations have become one";
}
def OwnConstantsPass : NN_Pass<"own-constants", "::mlir::func::FuncOp"> {
  let summary = "Gives the bodies of kernels constants of their own";
}
def CheckLoweredPass : NN_Pass<"check-lowered", "::mlir::ModuleOp"> {
  let summary = "Refuses what can not be compiled yet, at the place in the program";
}

// ---- memory: from values to places -----------------------------------------------------------------------------------

def PackPass : NN_TargetPass<"pack", "::mlir::ModuleOp"> {
  let summary = "Packs the right operands of contractions into panels: parameters once at load, other values where they are made";
}
def BufferizePass : NN_Pass<"bufferize", "::mlir::ModuleOp"> {
  let summary = "Gives every tensor a place; functions take their sizes, places and frame as arguments";
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::LLVM::LLVMDialect"];
}
def CommitPass : NN_Pass<"commit", "::mlir::ModuleOp"> {
  let summary = "Lets a call that fails while it runs leave its outputs untouched";
}
def InPlacePass : NN_Pass<"in-place", "::mlir::func::FuncOp"> {
  let summary = "Lets kernels write over inputs that nobody reads afterwards";
}
def WorkspacePass : NN_Pass<"workspace", "::mlir::ModuleOp"> {
  let summary = "Shares the frame among places whose lives do not overlap";
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::LLVM::LLVMDialect"];
}
def BarriersPass : NN_Pass<"barriers", "::mlir::func::FuncOp"> {
  let summary = "Lets threads wait where one reads or overwrites what another wrote or reads";
}
def SignaturesPass : NN_Pass<"signatures", "::mlir::ModuleOp"> {
  let summary = "Makes the functions that the runtime calls: measure, check and run of every entry";
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::scf::SCFDialect", "::mlir::LLVM::LLVMDialect"];
}

def ShareKernelsPass : NN_Pass<"share-kernels", "::mlir::ModuleOp"> {
  let summary = "Makes one function of kernels that differ in nothing but the places they work on";
  let dependentDialects = ["::mlir::func::FuncDialect", "::mlir::LLVM::LLVMDialect"];
}

// ---- lower: kernels -> loops and vectors -----------------------------------------------------------------------------
def LowerKernelsPass : NN_TargetPass<"lower-kernels", "::mlir::ModuleOp"> {
  let summary = "Turns kernels into loops over vectors and tiles";
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::scf::SCFDialect", "::mlir::LLVM::LLVMDialect", "::mlir::vector::VectorDialect"];
}
def LowerElementwisePass : NN_TargetPass<"lower-elementwise", "::mlir::ModuleOp"> {
  let summary = "Expands elementwise operations on scalars and vectors into arithmetic";
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::func::FuncDialect", "::mlir::scf::SCFDialect",
                           "::mlir::LLVM::LLVMDialect", "::mlir::vector::VectorDialect"];
}

// ---- target: -> llvm -------------------------------------------------------------------------------------------------
def ToLLVMPass : NN_Pass<"to-llvm", "::mlir::ModuleOp"> {
  let summary = "Converts loops, vectors and functions to the llvm dialect";
  let dependentDialects = ["::mlir::cf::ControlFlowDialect", "::mlir::LLVM::LLVMDialect"];
}

#endif
