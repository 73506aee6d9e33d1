#include "compiler/Passes.h"
#include "compiler/memory/Places.h"

using namespace mlir;
using namespace nn;

namespace nnc {
#define GEN_PASS_DEF_BARRIERSPASS
#include "compiler/Passes.h.inc"

namespace {
/// Memory that operations touch, since the last barrier.
struct Touched {
  DenseSet<Value> read, written;
};

/// What a place stands on: an argument, a place of a slab, or the offset of a slot of the frame (places that share a
/// slot share the value of its offset).
Value root(Value place) {
  for (Operation *op = place.getDefiningOp(); isa_and_present<ViewOp, GivenOp>(op); op = place.getDefiningOp()) {
    auto given = dyn_cast<GivenOp>(op); // an input is only read: what matters is who fills its stand-in
    place = given && given.hasDefault() ? given.getInstead() : op->getOperand(0);
  }
  if (auto slot = place.getDefiningOp<SlotOp>()) {
    auto base = cast<BlockArgument>(slot.getFrame());
    return base == base.getOwner()->getArguments().back() ? slot.getOffset() : place;
  }
  return place;
}

/// 1. Walk the operations in order and collect the memory that kernels read and write.
/// 2. A kernel that reads what was written, or writes what was read or written since the last barrier, gets a barrier
///    before it: other threads may still be at work there.
/// 3. The verdict on a call has one before it: it has to know what all threads have found.
/// 4. Calls and loops have one before and after, a loop's body one at its end: what is inside is not looked at.
class Walk {
public:
  explicit Walk(MLIRContext *context) : b(context) {}

  void block(Block &body) {
    for (Operation &op : llvm::make_early_inc_range(body)) {
      if (auto loop = dyn_cast<ScanOp>(op)) {
        barrier(&op);
        Block &inner = loop.getBody().front();
        block(inner);
        barrier(inner.getTerminator());
      } else if (isa<CallOp>(op)) {
        barrier(&op);
        b.setInsertionPointAfter(&op);
        BarrierOp::create(b, op.getLoc());
      } else if (isa<VerdictOp>(op)) {
        barrier(&op);
      } else if (auto view = dyn_cast<ViewOp>(op)) {
        for (Value start : view.getStarts())
          if (since.written.contains(root(start))) {
            barrier(&op);
            break;
          }
      } else if (auto given = dyn_cast<GivenOp>(op)) {
        if (given.hasDefault())
          since.written.insert(root(given.getInstead()));
      } else if (isa<KernelOpInterface>(op)) {
        kernel(&op);
      }
    }
  }

private:
  void kernel(Operation *op) {
    Touched here;
    SmallVector<MemoryEffects::EffectInstance> effects;
    cast<MemoryEffectOpInterface>(op).getEffects(effects);
    for (auto &effect : effects)
      if (effect.getValue())
        (isa<MemoryEffects::Write>(effect.getEffect()) ? here.written : here.read).insert(root(effect.getValue()));
    auto meets = [](const DenseSet<Value> &a, const DenseSet<Value> &c) {
      return llvm::any_of(a, [&](Value v) { return c.contains(v); });
    };
    if (meets(here.read, since.written) || meets(here.written, since.written) || meets(here.written, since.read))
      barrier(op);
    since.read.insert(here.read.begin(), here.read.end());
    since.written.insert(here.written.begin(), here.written.end());
  }

  void barrier(Operation *before) {
    b.setInsertionPoint(before);
    BarrierOp::create(b, before->getLoc());
    since = Touched();
  }

  OpBuilder b;
  Touched since;
};

struct Barriers : impl::BarriersPassBase<Barriers> {
  void runOnOperation() override {
    if (!getOperation().isExternal())
      Walk(&getContext()).block(getOperation().getBody().front());
  }
};
} // namespace
} // namespace nnc
