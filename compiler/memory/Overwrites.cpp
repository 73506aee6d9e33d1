#include "compiler/memory/Overwrites.h"

using namespace mlir;
using namespace nn;
using namespace nnc;

/// Whether all uses of a value, through views as well, stand before `end` in the value's block; `except` does not
/// count.
static bool isUsedBefore(Value v, Operation *end, OpOperand *except) {
  return llvm::all_of(v.getUses(), [&](OpOperand &use) {
    Operation *user = use.getOwner();
    if (&use == except)
      return true;
    if (user->hasTrait<View>())
      return isUsedBefore(user->getResult(0), end, nullptr);
    Operation *at = end->getBlock()->findAncestorOpInBlock(*user);
    return at && at->isBeforeInBlock(end);
  });
}

bool Overwrites::diesAt(OpOperand &use) { return isUsedBefore(use.get(), use.getOwner(), &use); }

/// A loop changes what it carries if each step does: what it yields is a changed form of what it got, and may be
/// written where that lies. Inner loops come before outer ones.
Overwrites::Overwrites(func::FuncOp function) {
  function.walk([&](ScanOp op) { loop(op); });
}

void Overwrites::loop(ScanOp op) {
  Block &body = op.getBody().front();
  unsigned carries = op.getCarries().size(), stacked = op.getNumResults() - carries, first = 1 + op.getXs().size();
  for (unsigned i = 0; i < carries; ++i) {
    Value before = body.getArgument(first + i), after = body.getTerminator()->getOperand(stacked + i);
    if (after != before && originOf(after) == before && mayReplace(before, after))
      changed[op.getResult(stacked + i)] = &op.getCarriesMutable()[i];
  }
}

OpOperand *Overwrites::under(Value made) const {
  if (auto update = made.getDefiningOp<UpdateOp>())
    return &update->getOpOperand(0);
  return changed.lookup(made);
}

Value Overwrites::over(OpOperand &operand) const {
  for (OpResult r : operand.getOwner()->getResults())
    if (under(r) == &operand)
      return r;
  return {};
}

/// The first value of a chain of changes.
Value Overwrites::originOf(Value made) const {
  while (OpOperand *before = under(made))
    made = before->get();
  return made;
}

/// Whether nobody reads `before` any more when something is written to where `made` lies: what is read another way, or
/// joined, is written there when it is made.
bool Overwrites::isWrittenAfter(Value before, Value made) const {
  Operation *maker = made.getDefiningOp();
  if (!maker || maker->getBlock() != before.getParentBlock() || isa<ParameterOp, StateValueOp>(maker))
    return true; // lies elsewhere
  auto part = [&](Value v) { return isWrittenAfter(before, v); };
  if (isa<ReshapeOp, TransposeOp, ConcatOp>(maker))
    return isUsedBefore(before, maker, nullptr) && llvm::all_of(maker->getOperands(), part);
  if (OpOperand *x = under(made))
    return isUsedBefore(before, maker, nullptr) && part(x->get());
  return maker->hasTrait<View>() || isUsedBefore(before, maker, nullptr);
}

/// Nobody may read `before` from then on, and what makes `after` reads an element only before it writes it.
///  - a changed form of `before`, or of a value of which this holds, writes a part of it
///  - an elementwise kernel, and what follows a sum of products, reads the element that it writes; a kernel of rows
///  does
///    so with what it has one value of in each row
///  - a loop over `before` that stacks `after` does so if its body does with each slice
///  - other operations, and those that make what they read another way or join, must not read it at all
bool Overwrites::mayReplace(Value before, Value after) const {
  Operation *maker = after.getDefiningOp();
  Block *block = before.getParentBlock();
  if (after == before)
    return true;
  if (!maker || maker->getBlock() != block)
    return false;
  if (OpOperand *x = under(after))
    return (x->get() == before || (mayReplace(before, x->get()) && isUsedBefore(before, maker, nullptr))) && diesAt(*x);
  if (isa<ReshapeOp, TransposeOp, ConcatOp>(maker))
    return isWrittenAfter(before, after);
  OpOperand *allowed = nullptr;
  if (auto kernel = dyn_cast<KernelOpInterface>(maker)) {
    OperandRange inputs = kernel.getOverwritable();
    for (auto [i, input] : llvm::enumerate(inputs))
      if (input == before)
        allowed = &maker->getOpOperand(inputs.getBeginOperandIndex() + i);
    if (auto rows = dyn_cast<RowsOp>(maker))
      for (OpOperand &input : rows->getOpOperands())
        if (input.get() == before && input.get().getType() == after.getType() &&
            shapeOf(rows.getBody().front().getArgument(input.getOperandNumber()).getType()).rank() == 0)
          allowed = &input;
  } else if (auto scan = dyn_cast<ScanOp>(maker)) {
    unsigned result = cast<OpResult>(after).getResultNumber(),
             stacked = scan.getNumResults() - scan.getCarries().size();
    for (unsigned i = 0; i < scan.getXs().size(); ++i)
      if (scan.getXs()[i] == before) {
        Block &body = scan.getBody().front();
        allowed = &scan->getOpOperand(i);
        if (result >= stacked || !mayReplace(body.getArgument(1 + i), body.getTerminator()->getOperand(result)))
          return false;
      }
  }
  return isUsedBefore(before, maker, allowed);
}
