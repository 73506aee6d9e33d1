#include "compiler/Passes.h"

#include "mlir/Conversion/ArithToLLVM/ArithToLLVM.h"
#include "mlir/Conversion/ControlFlowToLLVM/ControlFlowToLLVM.h"
#include "mlir/Conversion/FuncToLLVM/ConvertFuncToLLVM.h"
#include "mlir/Conversion/LLVMCommon/ConversionTarget.h"
#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Conversion/SCFToControlFlow/SCFToControlFlow.h"
#include "mlir/Conversion/UBToLLVM/UBToLLVM.h"
#include "mlir/Conversion/VectorToLLVM/ConvertVectorToLLVM.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"

using namespace mlir;

namespace nnc {
#define GEN_PASS_DEF_TOLLVMPASS
#include "compiler/Passes.h.inc"

namespace {
/// First loops to branches, then branches, vectors, arithmetic and functions to the llvm dialect. (In one conversion
/// the branches of nested loops would be rewritten while they are still being made.) Vectors have one axis here, so no
/// pattern unrolls.
struct ToLLVM : impl::ToLLVMPassBase<ToLLVM> {
  void runOnOperation() override {
    if (failed(branches()) || failed(rest()))
      signalPassFailure();
  }

  LogicalResult branches() {
    RewritePatternSet patterns(&getContext());
    populateSCFToControlFlowConversionPatterns(patterns);
    ConversionTarget target(getContext());
    target.addIllegalDialect<scf::SCFDialect>();
    target.markUnknownOpDynamicallyLegal([](Operation *) { return true; });
    return applyPartialConversion(getOperation(), target, std::move(patterns));
  }

  LogicalResult rest() {
    MLIRContext *context = &getContext();
    LowerToLLVMOptions options(context);
    options.useBarePtrCallConv = true;
    LLVMTypeConverter types(context, options);
    RewritePatternSet patterns(context);
    cf::populateControlFlowToLLVMConversionPatterns(types, patterns);
    arith::populateArithToLLVMConversionPatterns(types, patterns);
    populateVectorToLLVMConversionPatterns(types, patterns);
    populateFuncToLLVMConversionPatterns(types, patterns);
    ub::populateUBToLLVMConversionPatterns(types, patterns);
    LLVMConversionTarget target(*context);
    target.addLegalOp<ModuleOp>();
    // What a library offers is described by these.
    target.addLegalOp<nn::ModelOp, nn::StorageOp, nn::StateOp>();
    return applyFullConversion(getOperation(), target, std::move(patterns));
  }
};
} // namespace
} // namespace nnc
