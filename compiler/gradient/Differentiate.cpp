#include "compiler/Passes.h"
#include "compiler/gradient/Adjoint.h"

using namespace mlir;
using namespace nn;

namespace nnc {
#define GEN_PASS_DEF_DIFFERENTIATEPASS
#include "compiler/Passes.h.inc"

namespace {
/// 1. Take gradients in the order of the program: what the first becomes may be derived by the next.
/// 2. Go back from the scalar, whose own cotangent is 1, over the operations of its block before it; cotangents are
///    computed where the gradient was asked for.
/// 3. A value that the scalar does not depend on has gradient 0.
struct Differentiate : impl::DifferentiatePassBase<Differentiate> {
  void runOnOperation() override {
    SmallVector<GradOp> work;
    getOperation().walk([&](GradOp op) { work.push_back(op); });
    for (GradOp op : work)
      if (failed(replace(op)))
        return signalPassFailure();
  }

  static LogicalResult replace(GradOp op) {
    OpBuilder b(op);
    Block *block = op->getBlock();
    auto before = llvm::make_range(block->begin(), Block::iterator(op));
    Adjoint adjoint(b, op.getXs());
    adjoint.mark(before);
    // What is made stands before the gradient as well, behind `last`.
    Operation *last = op->getPrevNode();
    auto forward = [&] { return last ? std::next(Block::iterator(last)) : block->begin(); };
    adjoint.add(op.getE(), ConstantOp::create(b, op.getLoc(), op.getE().getType(), 1.0));
    if (failed(adjoint.reverse(llvm::make_range(block->begin(), forward()))))
      return failure();
    for (auto [x, result] : llvm::zip(op.getXs(), op.getResults())) {
      Value g = adjoint.cotangent(x);
      result.replaceAllUsesWith(g ? g : ConstantOp::create(b, op.getLoc(), x.getType(), 0.0).getResult());
    }
    op.erase();
    return success();
  }
};
} // namespace
} // namespace nnc
