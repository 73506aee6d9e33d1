#include "compiler/gradient/Functions.h"
#include "compiler/gradient/Loops.h"

using namespace mlir;
using namespace nn;
using namespace nnc;

namespace {
/// A rule's view of the operation: its values can be used as they are, for what goes back stands behind it.
class Step : public Pullback {
public:
  Step(OpBuilder &b, Operation *op, Adjoint &adjoint, Functions *functions)
      : Pullback(b, op), op(op), adjoint(adjoint), functions(functions) {}

  Value cotangent(unsigned result) override { return adjoint.cotangent(op->getResult(result)); }
  bool isWanted(unsigned operand) override { return adjoint.isActive(op->getOperand(operand)); }
  Value primal(Value v) override { return v; }
  void add(unsigned operand, Value cotangent) override { adjoint.add(op->getOperand(operand), cotangent); }
  SmallVector<Value> differentiate(Block &body, ValueRange by, ArrayRef<Value> cotangents) override;

  bool ok = true; ///< all operations of bodies had rules

private:
  Operation *op;
  Adjoint &adjoint;
  Functions *functions;
};

bool isFloat(Value v) { return isValue(v.getType()) && isa<FloatType>(elementOf(v.getType())); }
} // namespace

SmallVector<Value> Step::differentiate(Block &body, ValueRange by, ArrayRef<Value> cotangents) {
  Operation *yield = body.getTerminator();
  OpBuilder inside(yield);
  Adjoint inner(inside, by, functions);
  Operation *last = yield->getPrevNode();
  inner.mark(body.without_terminator());
  for (auto [v, g] : llvm::zip(yield->getOperands(), cotangents))
    if (g)
      inner.add(v, g);
  if (last)
    ok &= succeeded(inner.reverse(llvm::make_range(body.begin(), std::next(Block::iterator(last)))));
  return llvm::map_to_vector(by, [&](Value v) { return inner.cotangent(v); });
}

Adjoint::Adjoint(OpBuilder &b, ValueRange by, Functions *functions) : b(b), functions(functions) {
  active.insert_range(by);
}

bool Adjoint::readsActive(Operation *op) const {
  return op
      ->walk([&](Operation *inner) { // bodies read values from outside
        bool reads = llvm::any_of(inner->getOperands(), [&](Value v) { return isActive(v); });
        return reads ? WalkResult::interrupt() : WalkResult::advance();
      })
      .wasInterrupted();
}

void Adjoint::mark(llvm::iterator_range<Block::iterator> operations) {
  for (Operation &op : operations) {
    if (isa<StopGradientOp>(op))
      continue;
    if (readsActive(&op))
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
    if (llvm::none_of(op->getResults(), [&](Value v) { return isActive(v) && cotangent(v); }) || !readsActive(op))
      continue;
    if (auto call = dyn_cast<CallOp>(op)) {
      ok &= succeeded(functions->reverse(call, *this, b));
      continue;
    }
    if (auto loop = dyn_cast<ScanOp>(op)) {
      ok &= succeeded(reverseLoop(loop, *this, b, functions));
      continue;
    }
    if (auto checkpoint = dyn_cast<CheckpointOp>(op)) {
      ok &= succeeded(reverseCheckpoint(checkpoint, *this, b));
      continue;
    }
    auto rule = dyn_cast<DifferentiableOpInterface>(op);
    if (!rule) {
      op->emitError("NN0901: the derivative of `") << op->getName().stripDialect() << "` can not be compiled yet";
      ok = false;
      continue;
    }
    Step step(b, op, *this, functions);
    rule.pullback(step);
    ok &= step.ok;
  }
  return success(ok);
}
