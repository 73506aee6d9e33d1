#include "compiler/Passes.h"

using namespace mlir;
using namespace nn;

namespace nnc {
#define GEN_PASS_DEF_DROPGRADIENTSPASS
#define GEN_PASS_DEF_DROPFENCESPASS
#include "compiler/Passes.h.inc"

namespace {
/// Puts the operations of a body at the place of the operation that has it.
void dissolve(Operation *op, Block &body) {
  for (auto [arg, value] : llvm::zip(body.getArguments(), op->getOperands()))
    arg.replaceAllUsesWith(value);
  Operation *yield = body.getTerminator();
  op->getBlock()->getOperations().splice(Block::iterator(op), body.getOperations(), body.begin(),
                                         Block::iterator(yield));
  op->replaceAllUsesWith(yield->getOperands());
  op->erase();
}

/// Derivatives have been taken: what programs say about them means nothing any more.
/// 1. A value whose derivative is stopped is the value.
/// 2. A checkpoint, and a function with its own derivative, are their bodies; inner ones first.
struct DropGradients : impl::DropGradientsPassBase<DropGradients> {
  void runOnOperation() override {
    getOperation().walk([](Operation *op) {
      if (auto stop = dyn_cast<StopGradientOp>(op)) {
        stop.replaceAllUsesWith(stop.getX());
        stop.erase();
      } else if (auto checkpoint = dyn_cast<CheckpointOp>(op)) {
        dissolve(op, checkpoint.getBody().front());
      } else if (auto custom = dyn_cast<CustomGradientOp>(op)) {
        dissolve(op, custom.getBody().front());
      }
    });
  }
};

/// A fence is its operand.
struct DropFences : impl::DropFencesPassBase<DropFences> {
  void runOnOperation() override {
    getOperation().walk([](FenceOp fence) {
      fence.replaceAllUsesWith(fence.getX());
      fence.erase();
    });
  }
};
} // namespace
} // namespace nnc
