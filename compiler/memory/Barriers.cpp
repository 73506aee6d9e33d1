#include "compiler/Passes.h"
#include "compiler/memory/Places.h"

#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace nn;

namespace nnc {
#define GEN_PASS_DEF_BARRIERSPASS
#include "compiler/Passes.h.inc"

namespace {
/// Memory that kernels touch, since the last barrier, and which of them do.
struct Touched {
  using Kernels = llvm::MapVector<Value, llvm::SmallSetVector<Operation *, 2>>;
  Kernels read, written;

  bool empty() const { return read.empty() && written.empty(); }
  void add(const Touched &other) {
    for (auto &[place, kernels] : other.read)
      read[place].insert_range(kernels);
    for (auto &[place, kernels] : other.written)
      written[place].insert_range(kernels);
  }
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

/// Where the arguments of a loop's body stand among the operands of the loop.
struct Carries {
  explicit Carries(ScanOp loop)
      : loop(loop), body(loop.getBody().front()), xs(loop.getXs().size()), carries(loop.getCarries().size()),
        stacked(loop.getInits().size() - 2 * carries) {}
  ScanOp loop;
  Block &body;
  unsigned xs, carries, stacked;

  /// The place that is `place` in the next step: what one step calls `next`, the next one calls `prev`. Null for
  /// slices: each step has its own.
  Value inNextStep(Value place) const {
    auto arg = dyn_cast<BlockArgument>(place);
    if (!arg || arg.getOwner() != &body)
      return place;
    unsigned i = arg.getArgNumber(), first = 1 + xs;
    if (i < first || i >= first + 2 * carries)
      return nullptr;
    return hasOnePlace((i - first) / 2) ? place : body.getArgument((i - first) % 2 ? i - 1 : i + 1);
  }
  /// Whether the body changes a carry where it lies.
  bool hasOnePlace(unsigned carry) const {
    ScanOp op = loop;
    return op.getInits()[stacked + carry] == op.getInits()[stacked + carries + carry];
  }
  /// The places outside that `place` may be.
  SmallVector<Value> outside(Value place) const {
    auto arg = dyn_cast<BlockArgument>(place);
    if (!arg || arg.getOwner() != &body)
      return {place};
    unsigned i = arg.getArgNumber(), first = 1 + xs;
    ScanOp op = loop;
    if (i == 0)
      return {};
    if (i < first)
      return {root(op.getXs()[i - 1])};
    if (i >= first + 2 * carries)
      return {root(op.getInits()[i - first - 2 * carries])};
    unsigned carry = (i - first) / 2;
    SmallVector<Value> places{root(op.getInits()[stacked + carry]), root(op.getInits()[stacked + carries + carry])};
    if ((i - first) % 2 == 0)
      places.push_back(root(op.getCarries()[carry]));
    return places;
  }
};

/// Whether each thread finds in the places of a carry only elements that it wrote itself in the step before: the kernel
/// is a map, which deals out its elements in the same way in each step, and reads and writes them at one position.
bool keepsToItself(Operation *kernel, Value place, Value other) {
  RefType type;
  for (Value v : kernel->getOperands()) {
    if (Value base = root(v); base != place && base != other)
      continue;
    auto here = cast<RefType>(v.getType());
    if (!isa<BlockArgument>(v) || (type && here != type))
      return false;
    type = here;
  }
  return isa<MapOp>(kernel);
}

/// 1. Walk the operations in order and collect the memory that kernels read and write.
/// 2. A kernel that reads what was written, or writes what was read or written since the last barrier, gets a barrier
///    before it: other threads may still be at work there.
/// 3. The verdict on a call has one before it: it has to know what all threads have found.
/// 4. Calls have one before and after, loops one before: what is inside a call is not looked at.
/// 5. A loop's body is walked like a function. It has a barrier at its end if what follows in the next step, up to the
///    first barrier, meets what was done since the last one; that place `next` is `prev` then. A map that is alone with
///    what it carries needs none: its threads find what they wrote themselves.
class Walk {
public:
  explicit Walk(MLIRContext *context) : b(context) {}

  void block(Block &body) {
    for (Operation &op : llvm::make_early_inc_range(body)) {
      if (auto inner = dyn_cast<ScanOp>(op)) {
        loop(inner);
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
          since.written[root(given.getInstead())].insert(&op);
      } else if (isa<KernelOpInterface>(op)) {
        Touched here = touchedBy(&op);
        if (meets(here, since))
          barrier(&op);
        since.add(here);
      }
    }
  }

private:
  void loop(ScanOp op) {
    if (!since.empty())
      barrier(op);
    Carries carries(op);
    block(carries.body);
    if (!since.empty() && needsBarrierAtEnd(carries))
      barrier(carries.body.getTerminator());
    Touched after;
    for (auto &[place, kernels] : since.read)
      for (Value v : carries.outside(place))
        after.read[v].insert_range(kernels);
    for (auto &[place, kernels] : since.written)
      for (Value v : carries.outside(place))
        after.written[v].insert_range(kernels);
    since = after;
  }

  bool needsBarrierAtEnd(const Carries &carries) {
    Block &body = carries.body;
    Touched before;
    auto move = [&](const Touched::Kernels &from, Touched::Kernels &to) {
      for (auto &[place, kernels] : from)
        if (Value next = carries.inNextStep(place))
          to[next].insert_range(kernels);
    };
    move(since.read, before.read);
    move(since.written, before.written);
    // Without any barrier threads may be more than one step apart.
    if (body.getOps<BarrierOp>().empty()) {
      Touched twice;
      std::swap(before, twice);
      move(twice.read, before.read);
      move(twice.written, before.written);
      before.add(twice);
    }
    for (Operation &op : body) {
      if (isa<BarrierOp>(op))
        return false;
      if (isa<ScanOp, CallOp, VerdictOp, GivenOp>(op))
        return true;
      if (auto view = dyn_cast<ViewOp>(op);
          view && llvm::any_of(view.getStarts(), [&](Value v) { return before.written.contains(root(v)); }))
        return true;
      if (isa<KernelOpInterface>(op) && meets(touchedBy(&op), before, &carries, &op))
        return true;
    }
    return false;
  }

  static Touched touchedBy(Operation *op) {
    Touched here;
    SmallVector<MemoryEffects::EffectInstance> effects;
    cast<MemoryEffectOpInterface>(op).getEffects(effects);
    for (auto &effect : effects)
      if (effect.getValue())
        (isa<MemoryEffects::Write>(effect.getEffect()) ? here.written : here.read)[root(effect.getValue())].insert(op);
    return here;
  }

  /// Whether what a kernel does meets what was done before. `carries`: that was in the step before.
  static bool meets(const Touched &here, const Touched &before, const Carries *carries = nullptr,
                    Operation *kernel = nullptr) {
    auto any = [&](const Touched::Kernels &a, const Touched::Kernels &c) {
      return llvm::any_of(a, [&](auto &entry) {
        auto at = c.find(entry.first);
        if (at == c.end())
          return false;
        bool own = carries && at->second.size() == 1 && at->second[0] == kernel;
        return !own || !keepsToItself(kernel, entry.first, carries->inNextStep(entry.first));
      });
    };
    return any(here.read, before.written) || any(here.written, before.written) || any(here.written, before.read);
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
    if (!getOperation().isExternal() && !getOperation()->hasAttr("nn.one_thread"))
      Walk(&getContext()).block(getOperation().getBody().front());
  }
};
} // namespace
} // namespace nnc
