#include "compiler/optimize/Cluster.h"

#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace nn;
using namespace nnc;

/// Operations that are further apart are not brought together: their values would have to be kept for long, and the
/// search has to end.
static constexpr unsigned kReach = 256;
/// Pointers that a kernel walks with at once.
static constexpr size_t kMaximalValues = 24;

Cluster::Cluster(Operation *seed, Order &order) : order(order) {
  members.insert(seed);
  sorted.push_back(seed);
}

bool Cluster::sweep(SmallVectorImpl<Operation *> &dependent) const {
  llvm::SmallPtrSet<Operation *, 16> outside;
  unsigned steps = 0;
  auto dependsOn = [&](Operation *op, auto &set) {
    bool found = false;
    op->walk([&](Operation *inner) { // the bodies of loops use values from here as well
      for (Value v : inner->getOperands())
        if (Operation *def = v.getDefiningOp())
          found |= set.contains(def);
      return found ? WalkResult::interrupt() : WalkResult::advance();
    });
    return found;
  };
  for (Operation *op = sorted.front();; op = op->getNextNode()) {
    if (++steps > kReach)
      return false;
    if (members.contains(op)) {
      if (!outside.empty() && dependsOn(op, outside))
        return false;
    } else if (dependsOn(op, members) || (!outside.empty() && dependsOn(op, outside))) {
      outside.insert(op);
      dependent.push_back(op);
    }
    if (op == sorted.back())
      return true;
  }
}

bool Cluster::tryAdd(Operation *op) {
  if (members.contains(op) || op->getBlock() != sorted.front()->getBlock())
    return false;
  SmallVector<Operation *> before = sorted, dependent;
  members.insert(op);
  sorted.insert(llvm::upper_bound(sorted, op, [&](Operation *a, Operation *b) { return order.before(a, b); }), op);
  if (sweep(dependent) && inputs().size() + outputs().size() <= kMaximalValues)
    return true;
  members.erase(op);
  sorted = before;
  return false;
}

SmallVector<Value> Cluster::inputs() const {
  llvm::SmallSetVector<Value, 8> values;
  for (Operation *op : sorted)
    for (Value v : op->getOperands()) {
      Operation *def = v.getDefiningOp();
      if (!def || (!members.contains(def) && !isMadeInKernel(def)))
        values.insert(v);
    }
  return values.takeVector();
}

SmallVector<Value> Cluster::outputs() const {
  SmallVector<Value> values;
  for (Operation *op : sorted)
    for (Value v : op->getResults())
      if (llvm::any_of(v.getUsers(), [&](Operation *user) { return !members.contains(user); }))
        values.push_back(v);
  return values;
}

Operation *Cluster::gather() {
  SmallVector<Operation *> dependent;
  bool possible = sweep(dependent);
  assert(possible && "checked when the members were added");
  (void)possible;
  Operation *place = sorted.back();
  for (Operation *op : llvm::reverse(dependent)) {
    order.forget(op);
    op->moveAfter(place);
  }
  return place;
}

void Cluster::replaceBy(Operation *kernel) {
  for (auto [old, now] : llvm::zip_equal(outputs(), kernel->getResults()))
    old.replaceUsesWithIf(now, [&](OpOperand &use) { return !members.contains(use.getOwner()); });
  for (Operation *op : llvm::reverse(sorted)) {
    order.forget(op);
    op->erase();
  }
}

bool nnc::isMadeInKernel(Operation *op) { return isa<ConstantOp, SizeOp, IotaOp>(op); }

bool nnc::isElementwiseOnTensors(Operation *op) {
  return op->hasTrait<Elementwise>() && !isMadeInKernel(op) && op->getNumResults() == 1 &&
         isa<RankedTensorType>(op->getResult(0).getType());
}

SmallVector<Operation *> nnc::neighbours(Operation *op, Order &order) {
  llvm::SmallSetVector<Operation *, 8> found;
  for (Value v : op->getOperands())
    if (Operation *def = v.getDefiningOp())
      found.insert(def);
  for (Operation *user : op->getUsers())
    found.insert(user);
  SmallVector<Operation *> result;
  for (Operation *other : found)
    if (other->getBlock() == op->getBlock())
      result.push_back(other);
  llvm::sort(result, [&](Operation *a, Operation *b) { return order.before(a, b); });
  return result;
}

void nnc::eraseDead(Block &block) {
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block)))
    if (isOpTriviallyDead(&op) || (isa<CustomGradientOp>(op) && op.use_empty()))
      op.erase();
}

void nnc::forEachTensorBlock(func::FuncOp function, function_ref<void(Block &)> see) {
  SmallVector<Block *> blocks;
  function.walk([&](ScanOp scan) { blocks.push_back(&scan.getBody().front()); });
  for (Block *block : blocks)
    see(*block);
  if (!function.isExternal())
    see(function.getBody().front());
}
