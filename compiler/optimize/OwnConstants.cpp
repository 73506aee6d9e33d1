#include "compiler/Passes.h"
#include "compiler/optimize/Cluster.h"

using namespace mlir;
using namespace nn;

namespace nnc {
#define GEN_PASS_DEF_OWNCONSTANTSPASS
#include "compiler/Passes.h.inc"

namespace {
/// Equal operations have become one, constants in the body of a kernel and those outside among them. A kernel reads
/// nothing but its operands: what it was robbed of is made in it again.
struct OwnConstants : impl::OwnConstantsPassBase<OwnConstants> {
  void runOnOperation() override {
    getOperation().walk([](KernelOpInterface kernel) {
      for (Region &body : kernel->getRegions())
        body.walk([&](Operation *op) {
          for (OpOperand &use : op->getOpOperands()) {
            Operation *made = use.get().getDefiningOp();
            if (!made || body.isAncestor(made->getParentRegion()) || !isMadeInKernel(made))
              continue;
            OpBuilder b(op);
            use.set(b.clone(*made)->getResult(0));
          }
        });
    });
  }
};
} // namespace
} // namespace nnc
