#include "compiler/Passes.h"
#include "compiler/gradient/Functions.h"
#include "compiler/gradient/Split.h"
#include "dialect/Provenance.h"

#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace nn;

namespace nnc {
#define GEN_PASS_DEF_DIFFERENTIATEPASS
#include "compiler/Passes.h.inc"

namespace {
/// 1. Take functions after those that they call, and gradients in the order of the program: what the first one becomes
///    may be derived by the next.
/// 2. Go back from the scalar, whose own cotangent is 1, over the operations of its block before it; cotangents are
///    computed where the gradient was asked for.
/// 3. A value that the scalar does not depend on has gradient 0.
/// 4. Cheap operations before the gradient are done again for it where that lets fewer bytes live that long (see
/// Split).
struct Differentiate : impl::DifferentiatePassBase<Differentiate> {
  void runOnOperation() override {
    SymbolTable symbols(getOperation());
    Functions derived(getOperation());
    llvm::SetVector<func::FuncOp> order;
    for (auto function : getOperation().getOps<func::FuncOp>())
      visit(function, symbols, order);
    for (func::FuncOp function : order) {
      SmallVector<GradOp> work;
      function.walk([&](GradOp op) { work.push_back(op); });
      for (GradOp op : work)
        if (failed(replace(op, derived)))
          return signalPassFailure();
    }
  }

  static void visit(func::FuncOp function, SymbolTable &symbols, llvm::SetVector<func::FuncOp> &order) {
    if (order.contains(function))
      return;
    function.walk([&](CallOp call) {
      if (auto callee = symbols.lookup<func::FuncOp>(call.getCallee()))
        visit(callee, symbols, order);
    });
    order.insert(function);
  }

  static LogicalResult replace(GradOp op, Functions &derived) {
    OpBuilder b(op);
    Block *block = op->getBlock();
    auto before = llvm::make_range(block->begin(), Block::iterator(op));
    for (Operation &forth : before) // for this gradient, what an earlier one has made as well
      setWay(&forth, Way::Forth);
    Adjoint adjoint(b, op.getXs(), &derived);
    adjoint.mark(before);
    // What is made stands before the gradient as well, behind `last`.
    Operation *last = op->getPrevNode();
    auto forward = [&] { return last ? std::next(Block::iterator(last)) : block->begin(); };
    adjoint.add(op.getE(), ConstantOp::create(b, op.getLoc(), op.getE().getType(), 1.0));
    if (failed(adjoint.reverse(llvm::make_range(block->begin(), forward()))))
      return failure();
    SmallVector<Value> gradients;
    for (auto [x, result] : llvm::zip(op.getXs(), op.getResults())) {
      Value g = adjoint.cotangent(x);
      gradients.push_back(g ? g : ConstantOp::create(b, op.getLoc(), x.getType(), 0.0).getResult());
      result.replaceAllUsesWith(gradients.back());
    }
    for (Operation &made : llvm::make_range(forward(), Block::iterator(op)))
      setWay(&made, Way::Back);
    op.erase();
    if (last) {
      Split split(*block, last, gradients,
                  [](Value v) { return isa<BlockArgument>(v) || v.getDefiningOp<ParameterOp>(); });
      b.setInsertionPointAfter(last);
      split.recompute(b);
    }
    return success();
  }
};
} // namespace
} // namespace nnc
