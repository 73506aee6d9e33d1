#include "compiler/Passes.h"

using namespace mlir;
using namespace nn;

namespace nnc {
#define GEN_PASS_DEF_CHECKLOWEREDPASS
#include "compiler/Passes.h.inc"

namespace {
/// Kernels, views, joins, and what stands around them. Everything else should have become part of a kernel by now.
bool isLowered(Operation *op) {
  return op->hasTrait<View>() || isa<KernelOpInterface>(op) ||
         isa<ParameterOp, PackedOp, ConstantOp, SizeOp, ConcatOp, PadOp, CallOp, ScanOp, UpdateOp, StateOp,
             StateValueOp, StoreOp, YieldOp, RequireOp, ModelOp, StorageOp, AddSelfLoopsOp, ReverseOp, TileOp>(op);
}

/// Refuses every operation of the dialect that can not become code, with its name in the language. Bodies of kernels
/// are not looked at: an operation got in there because a kernel can do it.
struct CheckLowered : impl::CheckLoweredPassBase<CheckLowered> {
  void runOnOperation() override {
    bool refused = false;
    getOperation().walk<WalkOrder::PreOrder>([&](Operation *op) {
      if (isa<KernelOpInterface>(op))
        return WalkResult::skip();
      if (isa_and_present<NNDialect>(op->getDialect()) && !isLowered(op)) {
        op->emitError("NN0901: `") << op->getName().stripDialect() << "` can not be compiled yet";
        refused = true;
      }
      return WalkResult::advance();
    });
    if (refused)
      signalPassFailure();
  }
};
} // namespace
} // namespace nnc
