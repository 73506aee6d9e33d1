#include "compiler/Pipeline.h"
#include "compiler/Passes.h"

#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "mlir/Transforms/Passes.h"
#include "llvm/IR/Module.h"

using namespace mlir;

namespace nnc {
namespace {
void gradient(OpPassManager &p, const PipelineOptions &) {
  p.addPass(createLowerPrecisionPass());
  p.addPass(createDescribeDrawsPass());
  p.addNestedPass<func::FuncOp>(createSelectLengthsPass());
  p.addPass(createInlinePass());
  p.addPass(createPrepareDerivativesPass());
  p.addPass(createDifferentiatePass());
  p.addPass(createSymbolDCEPass()); // layers of which only the two halves are called now
  p.addNestedPass<func::FuncOp>(createDropGradientsPass());
}

void optimize(OpPassManager &p, const PipelineOptions &) {
  auto each = [&](std::unique_ptr<Pass> pass) { p.addNestedPass<func::FuncOp>(std::move(pass)); };
  each(createSelectStoresPass());
  each(createDecomposePass());
  each(createSimplifyPass());
  each(createCSEPass());
  each(createGroupProductsPass());
  each(createMoveProductsPass());
  each(createMoveToNodesPass());
  each(createSimplifyPass());
  each(createCSEPass());
  p.addPass(createTileEdgesPass());
  each(createPrepareNeighbourhoodsPass());
  each(createSimplifyPass());
  each(createCSEPass());
  each(createRecognizeAttentionPass());
  each(createRecognizePairSumsPass());
  each(createCSEPass());
  each(createMergePairSumsPass());
  each(createHoistProjectionsPass());
  each(createSumAfterLoopsPass());
  each(createMergeContractionsPass());
  each(createSimplifyPass());
  each(createFuseEpiloguesPass());
  each(createFuseRowsPass());
  each(createFuseMapsPass());
  each(createCSEPass());
  each(createOwnConstantsPass());
  each(createDropFencesPass());
  each(createYieldTwicePass());
  p.addPass(createCheckLoweredPass());
}

void places(OpPassManager &p, const PipelineOptions &options) {
  p.addPass(createPackPass({options.cpu}));
  p.addPass(createBufferizePass());
  p.addPass(createCommitPass());
  p.addNestedPass<func::FuncOp>(createInPlacePass());
  p.addPass(createWorkspacePass());
  p.addNestedPass<func::FuncOp>(createBarriersPass());
  p.addPass(createSignaturesPass());
}

void memory(OpPassManager &p, const PipelineOptions &options) {
  places(p, options);
  p.addPass(createShareKernelsPass());
}

void lower(OpPassManager &p, const PipelineOptions &options) {
  p.addPass(createLowerKernelsPass({options.cpu}));
  p.addPass(createLowerElementwisePass({options.cpu}));
  p.addPass(createCSEPass());
}

void target(OpPassManager &p, const PipelineOptions &) { p.addPass(createToLLVMPass()); }

const Phase table[] = {
    {"nn", "the program as operations of the nn dialect on tensors, one function per layer",
     [](OpPassManager &, const PipelineOptions &) {}},
    {"grad", "layers dissolved, gradients as operations", gradient},
    {"opt", "operations fused into kernels", optimize},
    {"mem", "every value has a place; weights are packed; functions take sizes, places and a frame", memory},
    {"loops", "kernels as loops over vectors and tiles", lower},
    {"llvm", "the llvm dialect", target},
};
} // namespace

llvm::ArrayRef<Phase> phases() { return table; }

const Phase &placesPhase() {
  static const Phase phase = {"places", "the phase mem before kernels become functions that layers share", places};
  return phase;
}

void registerDialects(DialectRegistry &registry) {
  registry.insert<nn::NNDialect, arith::ArithDialect, cf::ControlFlowDialect, func::FuncDialect, LLVM::LLVMDialect,
                  scf::SCFDialect, vector::VectorDialect>();
  registerBuiltinDialectTranslation(registry);
  registerLLVMDialectTranslation(registry);
}

LogicalResult runPhase(const Phase &phase, ModuleOp module, const PipelineOptions &options) {
  PassManager passes(module.getContext());
  passes.enableVerifier(options.verifyEach);
  phase.build(passes, options);
  return passes.run(module);
}

std::unique_ptr<llvm::Module> translate(ModuleOp module, llvm::LLVMContext &context) {
  // Models and their storage have been described; code has no use for them.
  for (Operation &op : llvm::make_early_inc_range(module.getBody()->getOperations()))
    if (isa<nn::ModelOp, nn::StorageOp, nn::StateOp>(op))
      op.erase();
  return translateModuleToLLVMIR(module, context);
}
} // namespace nnc
