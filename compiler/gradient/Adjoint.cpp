#include "compiler/gradient/Functions.h"

using namespace mlir;
using namespace nn;
using namespace nnc;

namespace {
/// A rule's view of the operation: its values can be used as they are, for what goes back stands behind it.
class Step : public Pullback {
public:
  Step(OpBuilder &b, Operation *op, Adjoint &adjoint) : Pullback(b, op), op(op), adjoint(adjoint) {}

  Value cotangent(unsigned result) override { return adjoint.cotangent(op->getResult(result)); }
  bool isWanted(unsigned operand) override { return adjoint.isActive(op->getOperand(operand)); }
  Value primal(Value v) override { return v; }
  void add(unsigned operand, Value cotangent) override { adjoint.add(op->getOperand(operand), cotangent); }

private:
  Operation *op;
  Adjoint &adjoint;
};

bool isFloat(Value v) { return isValue(v.getType()) && isa<FloatType>(elementOf(v.getType())); }
} // namespace

Adjoint::Adjoint(OpBuilder &b, ValueRange by, Functions *functions) : b(b), functions(functions) {
  active.insert_range(by);
}

void Adjoint::mark(llvm::iterator_range<Block::iterator> operations) {
  for (Operation &op : operations) {
    if (isa<StopGradientOp>(op))
      continue;
    bool reads = llvm::any_of(op.getOperands(), [&](Value v) { return isActive(v); });
    for (Region &region : op.getRegions()) // bodies read values from outside
      region.walk(
          [&](Operation *inner) { reads |= llvm::any_of(inner->getOperands(), [&](Value v) { return isActive(v); }); });
    if (reads)
      active.insert_range(llvm::make_filter_range(op.getResults(), isFloat));
  }
}

void Adjoint::add(Value v, Value cotangent) {
  if (!isActive(v))
    return;
  Value &sum = cotangents[v];
  sum = sum ? AddOp::create(b, cotangent.getLoc(), sum, cotangent).getResult() : cotangent;
}

void Adjoint::replace(Value old, Value now) {
  if (active.erase(old))
    active.insert(now);
  if (Value g = cotangents.lookup(old))
    cotangents[now] = g;
  cotangents.erase(old);
  old.replaceAllUsesWith(now);
}

LogicalResult Adjoint::reverse(llvm::iterator_range<Block::iterator> operations) {
  bool ok = true;
  SmallVector<Operation *> order; // calls are replaced on the way
  for (Operation &op : operations)
    order.push_back(&op);
  for (Operation *op : llvm::reverse(order)) {
    if (llvm::none_of(op->getResults(), [&](Value v) { return isActive(v) && cotangent(v); }))
      continue;
    if (auto call = dyn_cast<CallOp>(op)) {
      ok &= succeeded(functions->reverse(call, *this, b));
      continue;
    }
    auto rule = dyn_cast<DifferentiableOpInterface>(op);
    if (!rule) {
      op->emitError("NN0901: the derivative of `") << op->getName().stripDialect() << "` can not be compiled yet";
      ok = false;
      continue;
    }
    Step step(b, op, *this);
    rule.pullback(step);
  }
  return success(ok);
}
