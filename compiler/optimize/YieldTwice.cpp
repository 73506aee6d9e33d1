#include "compiler/Passes.h"
#include "dialect/Dialect.h"

using namespace mlir;
using namespace nn;

namespace nnc {
#define GEN_PASS_DEF_YIELDTWICEPASS
#include "compiler/Passes.h.inc"

namespace {
/// The region that says what a kernel writes; null if it has none.
Block *bodyOf(Operation *kernel) {
  if (!isa_and_present<MapOp, RowsOp, ContractOp>(kernel) || kernel->getRegion(0).empty())
    return nullptr;
  return &kernel->getRegion(0).front();
}

/// The same kernel with result `number` once more.
Value addResult(Operation *kernel, unsigned number) {
  OpBuilder b(kernel);
  SmallVector<Type> types(kernel->getResultTypes());
  types.push_back(types[number]);
  OperationState state(kernel->getLoc(), kernel->getName(), kernel->getOperands(), types, kernel->getAttrs());
  state.addRegion()->takeBody(kernel->getRegion(0));
  Operation *made = b.create(state);
  auto yield = cast<YieldOp>(bodyOf(made)->getTerminator());
  yield.getValuesMutable().append(yield.getValues()[number]);
  kernel->replaceAllUsesWith(made->getResults().drop_back());
  kernel->erase();
  return made->getResults().back();
}

/// What a loop yields at two places (an RNN stacks its state and carries it), its kernel writes to both: each result
/// has a place of its own then, and no step copies.
struct YieldTwice : impl::YieldTwicePassBase<YieldTwice> {
  void runOnOperation() override {
    getOperation().walk([](ScanOp loop) {
      auto yield = cast<YieldOp>(loop.getBody().front().getTerminator());
      llvm::SmallDenseSet<Value> seen;
      for (OpOperand &end : yield->getOpOperands())
        if (!seen.insert(end.get()).second) {
          Operation *kernel = end.get().getDefiningOp();
          if (kernel && kernel->getBlock() == yield->getBlock() && bodyOf(kernel)) {
            // The kernel is made anew: so are the values that were seen.
            unsigned number = cast<OpResult>(end.get()).getResultNumber();
            end.set(addResult(kernel, number));
            seen.clear();
            for (OpOperand &before : yield->getOpOperands().take_front(end.getOperandNumber() + 1))
              seen.insert(before.get());
          }
        }
    });
  }
};
} // namespace
} // namespace nnc
