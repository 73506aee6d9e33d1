#include "compiler/gradient/Split.h"
#include "compiler/gradient/Cut.h"
#include "dialect/Provenance.h"

#include "mlir/IR/IRMapping.h"

using namespace mlir;
using namespace nn;
using namespace nnc;

/// What costs little enough to be computed again.
static bool isCheap(Operation *op) {
  return op->hasTrait<View>() || op->hasTrait<Elementwise>() ||
         (op->getNumOperands() == 0 && op->getNumRegions() == 0) ||
         isa<CastOp, UniformOp, NormalOp, TruncNormalOp, AddSelfLoopsOp, ReverseOp>(op);
}

/// Everything an operation reads, its bodies included.
static void forEachRead(Operation *op, llvm::function_ref<void(Value)> see) {
  op->walk([&](Operation *inner) { llvm::for_each(inner->getOperands(), see); });
}

/// Bytes, where every free dimension is the same middling number.
static int64_t costOf(Value v) {
  if (!isValue(v.getType()))
    return Cut::kForbidden; // graphs
  int64_t bytes = (elementOf(v.getType()).getIntOrFloatBitWidth() + 7) / 8;
  for (const Dim &d : shapeOf(v.getType())) {
    int64_t size = std::max<int64_t>(d.evaluate([](StringRef) { return 64; }).value_or(64), 1);
    bytes = size > Cut::kForbidden / 1024 / bytes ? Cut::kForbidden / 1024 : bytes * size;
  }
  return bytes;
}

Split::Split(Block &block, Operation *last, ValueRange wanted, llvm::function_ref<bool(Value)> isFree)
    : block(block), last(last) {
  findReads(wanted);
  choose(isFree);
  for (Operation &op : block) {
    for (Value v : op.getResults())
      if (reads.contains(v))
        crossing.insert(v);
    if (needed.contains(&op))
      operations.push_back(&op);
  }
  for (Value v : reads)
    if (auto argument = dyn_cast<BlockArgument>(v))
      used.push_back(argument.getArgNumber());
  llvm::sort(used);
}

void Split::findReads(ValueRange wanted) {
  SmallVector<Value> work(wanted);
  while (!work.empty()) {
    Value v = work.pop_back_val();
    if (v.getParentBlock() != &block)
      continue; // of a body, or from outside
    Operation *op = v.getDefiningOp();
    if (!op || isForward(op))
      reads.insert(v);
    else if (needed.insert(op).second)
      forEachRead(op, [&](Value read) { work.push_back(read); });
  }
}

void Split::choose(llvm::function_ref<bool(Value)> isFree) {
  Cut cut;
  llvm::MapVector<Value, int> vertices;
  SmallVector<Value> work;
  auto visit = [&](Value v) {
    auto [at, isNew] = vertices.insert({v, 0});
    if (isNew) {
      bool free = isFree(v);
      at->second = cut.addVertex(free ? 0 : costOf(v));
      if (free || isa<BlockArgument>(v) || !isCheap(v.getDefiningOp()))
        cut.addSource(at->second);
      work.push_back(v);
    }
    return vertices.lookup(v);
  };
  for (Value v : reads)
    cut.addSink(visit(v));
  while (!work.empty()) {
    Value v = work.pop_back_val();
    Operation *op = v.getDefiningOp();
    if (op && isCheap(op))
      forEachRead(op, [&](Value read) {
        if (read.getParentBlock() == &block)
          cut.addEdge(visit(read), vertices.lookup(v));
      });
  }
  std::vector<bool> isCut = cut.run();

  // What is read now: what was cut; the rest is computed from that.
  work.assign(reads.begin(), reads.end());
  reads.clear();
  while (!work.empty()) {
    Value v = work.pop_back_val();
    if (v.getParentBlock() != &block)
      continue;
    Operation *op = v.getDefiningOp();
    if (!op || isCut[vertices.lookup(v)])
      reads.insert(v);
    else if (needed.insert(op).second)
      forEachRead(op, [&](Value read) { work.push_back(read); });
  }
}

void Split::clone(OpBuilder &b, IRMapping &map) const {
  for (Operation *op : operations) {
    Operation *copy = b.clone(*op, map);
    if (isForward(op))
      setWay(copy, Way::Again);
  }
}

void Split::recompute(OpBuilder &b) const {
  IRMapping map;
  for (Operation *op : operations) {
    if (!isForward(op))
      continue;
    forEachRead(op, [&](Value read) {
      if (read.getParentBlock() == &block && isValue(read.getType()) && !map.contains(read))
        map.map(read, FenceOp::create(b, read.getLoc(), read));
    });
    Operation *copy = b.clone(*op, map);
    setWay(copy, Way::Again);
    for (auto [old, now] : llvm::zip(op->getResults(), copy->getResults()))
      old.replaceUsesWithIf(now, [&](OpOperand &use) {
        Operation *user = block.findAncestorOpInBlock(*use.getOwner());
        return user && !isForward(user) && copy->isBeforeInBlock(user);
      });
  }
}
