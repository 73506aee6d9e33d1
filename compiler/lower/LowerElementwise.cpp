#include "compiler/Passes.h"
#include "compiler/lower/Lowering.h"

using namespace mlir;

namespace nnc {
#define GEN_PASS_DEF_LOWERELEMENTWISEPASS
#include "compiler/Passes.h.inc"

namespace {
/// After the kernels: what stands in their loops are nn operations on scalars and vectors still, so that loops can be
/// read and folded as such. Here each becomes arithmetic of the processor.
struct LowerElementwise : impl::LowerElementwisePassBase<LowerElementwise> {
  using LowerElementwisePassBase::LowerElementwisePassBase;
  void runOnOperation() override {
    FailureOr<cpu::Cpu> target = findCpu(getOperation(), cpu);
    if (failed(target))
      return signalPassFailure();
    SmallVector<Operation *> work;
    getOperation().walk([&](Operation *op) {
      if (op->hasTrait<nn::Elementwise>())
        work.push_back(op);
    });
    OpBuilder b(&getContext());
    for (Operation *op : work) {
      b.setInsertionPoint(op);
      Value value = lowerElementwise(op, b, *target);
      if (!value) {
        op->emitOpError("has no lowering");
        return signalPassFailure();
      }
      op->getResult(0).replaceAllUsesWith(value);
      op->erase();
    }
  }
};
} // namespace
} // namespace nnc
