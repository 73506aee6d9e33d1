#include "compiler/Passes.h"
#include "compiler/memory/Places.h"

using namespace mlir;
using namespace nn;

namespace nnc {
#define GEN_PASS_DEF_INPLACEPASS
#include "compiler/Passes.h.inc"

namespace {
/// The memory that a place is the whole of, element by element in the same order; null if it is a part or turned.
Value wholeOf(Value place) {
  while (cast<RefType>(place.getType()).isContiguous()) {
    auto view = place.getDefiningOp<ViewOp>();
    if (!view)
      return place;
    bool same = shapeOf(view.getType()).count() == shapeOf(view.getX().getType()).count();
    if (!same || !view.getStarts().empty() || !view.getOffset().getValue().isConstant(0))
      return {};
    place = view.getX();
  }
  return {};
}

/// What a place is a part of.
Value memoryOf(Value place) {
  while (auto view = place.getDefiningOp<ViewOp>())
    place = view.getX();
  return place;
}

enum class Side { Before, After };

/// Whether all operations that touch this memory, but for `here` itself, stand on one side of it in its block.
bool isTouchedOnly(Side side, Operation *here, Value place) {
  return llvm::all_of(place.getUses(), [&](OpOperand &use) {
    Operation *user = use.getOwner();
    if (isa<ViewOp, GivenOp>(user) && !isTouchedOnly(side, here, user->getResult(0)))
      return false;
    if (isa<ViewOp>(user) && use.getOperandNumber() == 0)
      return true;
    Operation *at = here->getBlock()->findAncestorOpInBlock(*user);
    return at && (at == here || at->isBeforeInBlock(here) == (side == Side::Before));
  });
}

/// 1. Take the kernels in order, and each result that is the whole of a place of the frame or of a result of the
///    function, in a memory that nobody touches before.
/// 2. If an input that may be written over lies in the same way in a place of the frame, and nobody reads that
///    afterwards, nor the kernel itself in another way, both are one place: that of the result.
/// 3. Not if what made the input stands before a verdict that the result comes after: a call that fails writes nothing.
class InPlace {
public:
  explicit InPlace(MLIRContext *context) : b(context) {}

  void block(Block &body) {
    for (Operation &op : llvm::make_early_inc_range(body)) {
      if (auto loop = dyn_cast<ScanOp>(op))
        block(loop.getBody().front());
      else if (auto kernel = dyn_cast<KernelOpInterface>(op))
        for (OpOperand &init : kernel.getInitsMutable())
          result(kernel, init);
    }
  }

private:
  void result(KernelOpInterface kernel, OpOperand &init) {
    Value to = wholeOf(init.get());
    if (!to || !isNew(to, kernel))
      return;
    for (Value input : kernel.getOverwritable()) {
      Value from = wholeOf(input);
      auto place = from ? from.getDefiningOp<AllocOp>() : AllocOp();
      if (place && place->getBlock() == kernel->getBlock() && mayReplace(kernel, init, from) &&
          !(isa<BlockArgument>(to) && hasVerdictBetween(from, kernel)))
        return join(place, to);
    }
  }

  /// Whether this kernel is the first that touches the memory.
  static bool isNew(Value memory, Operation *kernel) {
    if (auto argument = dyn_cast<BlockArgument>(memory)) {
      if (argument.getOwner() != kernel->getBlock() || !isa<func::FuncOp>(kernel->getParentOp()))
        return false;
    } else if (auto place = memory.getDefiningOp<AllocOp>(); !place || place->getBlock() != kernel->getBlock()) {
      return false;
    }
    auto isHere = [&](Value v) { return memoryOf(v) == memory; };
    return llvm::count_if(kernel->getOperands(), isHere) == 1 && isTouchedOnly(Side::After, kernel, memory);
  }

  /// Whether the kernel may write this result over `memory`: it reads it at the same positions, as the last one.
  static bool mayReplace(KernelOpInterface kernel, OpOperand &init, Value memory) {
    OperandRange overwritable = kernel.getOverwritable();
    unsigned first = overwritable.empty() ? 0 : overwritable.getBeginOperandIndex();
    for (OpOperand &operand : kernel->getOpOperands()) {
      if (memoryOf(operand.get()) != memory)
        continue;
      unsigned number = operand.getOperandNumber();
      bool reads = number >= first && number < first + overwritable.size();
      if (!reads || operand.get().getType() != init.get().getType())
        return false;
    }
    return isTouchedOnly(Side::Before, kernel, memory);
  }

  static bool hasVerdictBetween(Value memory, Operation *kernel) {
    return llvm::any_of(kernel->getBlock()->getOps<VerdictOp>(), [&](VerdictOp verdict) {
      return verdict->isBeforeInBlock(kernel) && !isTouchedOnly(Side::After, verdict, memory);
    });
  }

  void join(AllocOp place, Value to) {
    if (Operation *other = to.getDefiningOp())
      other->moveBefore(&other->getBlock()->front());
    b.setInsertionPointAfterValue(to);
    auto type = cast<RefType>(place.getType());
    if (type != to.getType())
      to = ViewOp::create(b, place.getLoc(), to, type.getShape(), type.getStrides(), 0);
    place.replaceAllUsesWith(to);
    place->erase();
  }

  OpBuilder b;
};

struct WriteInPlace : impl::InPlacePassBase<WriteInPlace> {
  void runOnOperation() override {
    if (!getOperation().isExternal())
      InPlace(&getContext()).block(getOperation().getBody().front());
  }
};
} // namespace
} // namespace nnc
