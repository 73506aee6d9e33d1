#include "compiler/gradient/Split.h"

#include "llvm/ADT/DenseSet.h"

using namespace mlir;
using namespace nn;
using namespace nnc;

static bool costsNothing(Operation *op) { return op->hasTrait<View>() || isa<ConstantOp, SizeOp, IotaOp>(op); }

/// Everything an operation reads, its bodies included.
static void forEachRead(Operation *op, llvm::function_ref<void(Value)> see) {
  op->walk([&](Operation *inner) { llvm::for_each(inner->getOperands(), see); });
}

Split::Split(Block &block, Operation *last, ValueRange wanted) {
  llvm::DenseSet<Operation *> needed;
  llvm::DenseSet<unsigned> arguments;
  llvm::DenseSet<Value> saved;
  SmallVector<Value> work(wanted);
  while (!work.empty()) {
    Value v = work.pop_back_val();
    if (v.getParentBlock() != &block)
      continue; // of a body
    auto argument = dyn_cast<BlockArgument>(v);
    if (argument) {
      arguments.insert(argument.getArgNumber());
      continue;
    }
    Operation *op = v.getDefiningOp();
    bool isForward = last && (op == last || op->isBeforeInBlock(last));
    if (isForward && !costsNothing(op))
      saved.insert(v);
    else if (needed.insert(op).second)
      forEachRead(op, [&](Value read) { work.push_back(read); });
  }
  for (Operation &op : block) {
    for (Value v : op.getResults())
      if (saved.contains(v))
        crossing.insert(v);
    if (needed.contains(&op))
      operations.push_back(&op);
  }
  used.assign(arguments.begin(), arguments.end());
  llvm::sort(used);
}

void Split::clone(OpBuilder &b, IRMapping &map) const {
  for (Operation *op : operations)
    b.clone(*op, map);
}
