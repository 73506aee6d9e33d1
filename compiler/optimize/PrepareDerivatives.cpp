#include "compiler/Passes.h"
#include "compiler/optimize/Prepare.h"
#include "compiler/optimize/Simplify.h"

#include "mlir/IR/Dominance.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Transforms/CSE.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace nn;

namespace nnc {
#define GEN_PASS_DEF_PREPAREDERIVATIVESPASS
#include "compiler/Passes.h.inc"

namespace {
/// The functions that ask for gradients, and those that they call.
llvm::SetVector<func::FuncOp> derivedFunctions(ModuleOp module) {
  SymbolTable symbols(module);
  llvm::SetVector<func::FuncOp> functions;
  for (auto function : module.getOps<func::FuncOp>())
    if (function.walk([](GradOp) { return WalkResult::interrupt(); }).wasInterrupted())
      functions.insert(function);
  for (size_t i = 0; i < functions.size(); ++i)
    func::FuncOp(functions[i]).walk([&](CallOp call) {
      if (auto callee = symbols.lookup<func::FuncOp>(call.getCallee()))
        functions.insert(callee);
    });
  return functions;
}

/// What is computed again in the backward pass: all of a body is.
void dissolveCheckpoints(NeighbourhoodOp op) {
  op.getBody().walk([](CheckpointOp checkpoint) {
    Block &body = checkpoint.getBody().front();
    Operation *yield = body.getTerminator();
    checkpoint->getBlock()->getOperations().splice(Block::iterator(checkpoint), body.getOperations(), body.begin(),
                                                   Block::iterator(yield));
    checkpoint->replaceAllUsesWith(yield->getOperands());
    checkpoint.erase();
  });
}

/// Only inside: what derivatives are taken by are values of their own, even if they are equal to others.
void tidy(NeighbourhoodOp op) {
  dissolveCheckpoints(op);
  decomposeProducts(op);
  simplify(op);
  DominanceInfo dominance(op);
  IRRewriter rewriter(op.getContext());
  eliminateCommonSubExpressions(rewriter, dominance, op);
}

/// In functions that are differentiated, so that no derivative by a weight is a matrix for each edge:
/// 1. Products in bodies of neighbourhoods are grouped, split and moved as for inference.
/// 2. What is not elementwise work, or a reduction, on values of one pair leaves the bodies: a product that is left is
///    one over all edges, and its derivative by the weight is one as well.
/// 3. Each attend gives the logarithms that its derivative needs.
struct PrepareDerivatives : impl::PrepareDerivativesPassBase<PrepareDerivatives> {
  void runOnOperation() override {
    for (func::FuncOp function : derivedFunctions(getOperation())) {
      for (NeighbourhoodOp op : neighbourhoodsOf(function)) {
        tidy(op);
        groupProducts(op);
      }
      for (NeighbourhoodOp op : neighbourhoodsOf(function))
        moveProducts(op);
      if (failed(prepareAll(neighbourhoodsOf(function), /*forDerivatives=*/true)))
        return signalPassFailure();
      for (NeighbourhoodOp op : neighbourhoodsOf(function))
        if (op.getCombine() == "attend" && op.getNumResults() == 1)
          op.withLogarithms();
    }
  }
};
} // namespace
} // namespace nnc
