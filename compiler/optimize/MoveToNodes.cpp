#include "compiler/Passes.h"
#include "compiler/optimize/Prepare.h"

#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace nn;

bool nnc::needsEdges(Value v, Residency &residency) {
  llvm::SetVector<Operation *> work;
  auto add = [&](Value x) {
    if (Operation *maker = x.getDefiningOp())
      work.insert(maker);
  };
  add(v);
  for (size_t i = 0; i < work.size(); ++i) {
    for (Value result : work[i]->getResults())
      if (!isWorkOfPair(work[i], residency) && !residency.isNodeSide(residency.of(result)))
        return true;
    for (Value x : work[i]->getOperands())
      add(x);
  }
  return false;
}

bool nnc::needsEdges(NeighbourhoodOp op) {
  Residency residency(op);
  return op.isOverGraph() && llvm::any_of(bodiesOf(op), [&](Block *block) {
           return llvm::any_of(block->getTerminator()->getOperands(),
                               [&](Value v) { return needsEdges(v, residency); });
         });
}

namespace nnc {
#define GEN_PASS_DEF_MOVETONODESPASS
#include "compiler/Passes.h.inc"

namespace {
/// In bodies of neighbourhoods over graphs that hold more than work for one pair: what costs more than a read and
/// depends on one end of an edge at most is computed once per node, outside. What depends on more stays, for the pass
/// `tile-edges`.
struct MoveToNodes : impl::MoveToNodesPassBase<MoveToNodes> {
  void runOnOperation() override {
    for (NeighbourhoodOp op : neighbourhoodsOf(getOperation()))
      if (needsEdges(op))
        moveToNodes(op);
  }
};
} // namespace
} // namespace nnc
