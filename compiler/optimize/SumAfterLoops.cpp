#include "compiler/Passes.h"
#include "compiler/optimize/AllSteps.h"
#include "compiler/optimize/Cluster.h"
#include "compiler/optimize/Simplify.h"

#include "mlir/IR/IRMapping.h"

using namespace mlir;
using namespace nn;

namespace nnc {
#define GEN_PASS_DEF_SUMAFTERLOOPSPASS
#include "compiler/Passes.h.inc"

namespace {
/// One loop whose late products leave it.
class Late {
public:
  explicit Late(ScanOp loop)
      : loop(loop), body(loop.getBody().front()), yield(cast<YieldOp>(body.getTerminator())),
        stacked(loop.getNumResults() - loop.getCarries().size()), b(loop->getContext()),
        steps(b, loop.getSteps().getValue()) {}
  bool run();

private:
  /// A carried value that is only added to: number of the carry, what is added.
  struct Total {
    unsigned carry;
    Operation *core;                ///< a contraction or a sum in the body
    SmallVector<Operation *> views; ///< from its result to what is added
  };

  bool isInvariant(Value v);
  Value outside(Value v);
  void findTotals();
  void findTails();
  bool stays(Operation *user) const { return !leaving.contains(user); }
  Value all(Value one);
  Value total(const Total &t);
  void stackInputs();
  void rebuild();

  ScanOp loop;
  Block &body;
  YieldOp yield;
  unsigned stacked;
  OpBuilder b;
  AllSteps steps;
  SmallVector<Total> totals;
  llvm::SetVector<Operation *> leaving; ///< what only results of the loop want
  llvm::SetVector<Value> inputs;        ///< values of the body that must be stacked for that
};

/// Known before the loop, but for views of it.
bool Late::isInvariant(Value v) {
  if (v.getParentBlock() != &body)
    return true;
  Operation *op = v.getDefiningOp();
  return op && (op->hasTrait<View>() || isMadeInKernel(op)) &&
         llvm::all_of(op->getOperands(), [&](Value operand) { return isInvariant(operand); });
}

Value Late::outside(Value v) {
  if (v.getParentBlock() != &body)
    return v;
  IRMapping map;
  for (Value operand : v.getDefiningOp()->getOperands())
    map.map(operand, outside(operand));
  return b.clone(*v.getDefiningOp(), map)->getResult(0);
}

void Late::findTotals() {
  for (unsigned i = 0; i < loop.getCarries().size(); ++i) {
    BlockArgument before = body.getArgument(1 + loop.getXs().size() + i);
    auto add = yield.getValues()[stacked + i].getDefiningOp<AddOp>();
    if (!add || add->getBlock() != &body || !before.hasOneUse() || !add->hasOneUse() || *before.user_begin() != add)
      continue;
    Total t{i, nullptr, {}};
    Value v = add.getOperand(add.getOperand(0) == before ? 1 : 0);
    while (true) {
      Operation *op = v.getDefiningOp();
      if (!op || op->getBlock() != &body || !v.hasOneUse())
        break;
      if (isa<TransposeOp, ReshapeOp, CastOp>(op)) {
        t.views.insert(t.views.begin(), op);
        v = op->getOperand(0);
        continue;
      }
      auto contract = dyn_cast<ContractOp>(op);
      auto sum = dyn_cast<SumOp>(op);
      if (contract ? contract.getEpilogue().empty() && !contract.getPanel() : sum && !sum.getKeep())
        t.core = op;
      break;
    }
    if (t.core && llvm::any_of(t.core->getOperands(), [&](Value operand) { return !isInvariant(operand); }))
      totals.push_back(t);
  }
}

/// Products with a matrix from outside, and what is done with their results, if the loop does not go on with that.
void Late::findTails() {
  llvm::SmallPtrSet<Operation *, 16> late; // of which only stacked results want anything
  for (Operation &op : llvm::reverse(body.without_terminator())) {
    if (op.getNumResults() != 1 || op.use_empty() || !isMemoryEffectFree(&op) ||
        (op.getNumRegions() && !isa<ContractOp>(op)))
      continue;
    auto isLate = [&](OpOperand &use) {
      return use.getOwner() == yield ? use.getOperandNumber() < stacked : late.contains(use.getOwner());
    };
    auto differs = [&](Value v) { return !isInvariant(v); };
    if (llvm::all_of(op.getUses(), isLate) && differs(op.getResult(0)) && AllSteps::isPossible(&op, differs))
      late.insert(&op);
  }
  for (Operation &op : body.without_terminator())
    if (late.contains(&op) && (isa<ContractOp>(op) || llvm::any_of(op.getOperands(), [&](Value v) {
                                 return v.getDefiningOp() && leaving.contains(v.getDefiningOp());
                               })))
      leaving.insert(&op);
}

/// All steps of a value of the body, after the loop. Only views are computed again.
Value Late::all(Value one) {
  if (Value known = steps.get(one))
    return known;
  Operation *op = one.getDefiningOp();
  for (Value operand : op->getOperands())
    if (!isInvariant(operand))
      (void)all(operand);
  steps.apply(op);
  return steps.get(one);
}

/// The steps are summed with the other axes that are.
Value Late::total(const Total &t) {
  Location loc = t.core->getLoc();
  Value v;
  auto behind = [&](Value x, int64_t axis) { // the first axis, moved there
    SmallVector<int64_t> order(llvm::to_vector(llvm::seq<int64_t>(1, shapeOf(x.getType()).rank())));
    order.insert(order.begin() + axis, 0);
    return TransposeOp::create(b, loc, x, order).getResult();
  };
  auto sumOfLast = [&](Value x, int64_t count) { // with the steps: where reductions have their axes (see Decompose)
    int64_t rank = shapeOf(x.getType()).rank(), axes = count + 1;
    return SumOp::create(b, loc, behind(x, rank - axes), llvm::to_vector(llvm::seq<int64_t>(rank - axes, rank)), false)
        .getResult();
  };
  if (auto c = dyn_cast<ContractOp>(t.core)) {
    bool left = isInvariant(c.getLhs()), right = isInvariant(c.getRhs());
    Value lhs = left    ? outside(c.getLhs())
                : right ? sumOfLast(all(c.getLhs()), 0)
                        : behind(all(c.getLhs()), c.getBatch() + c.getM());
    Value rhs = right  ? outside(c.getRhs())
                : left ? sumOfLast(all(c.getRhs()), 0)
                       : behind(all(c.getRhs()), c.getBatch());
    v = ContractOp::create(b, loc, lhs, rhs, c.getBatch(), c.getM(), c.getN(), c.getK() + !(left || right))
            .getResult(0);
  } else {
    auto sum = cast<SumOp>(t.core);
    size_t axes = sum.getAxes().size();
    v = sumOfLast(all(sum.getX()), axes ? axes : shapeOf(sum.getX().getType()).rank());
  }
  for (Operation *view : t.views) {
    Operation *copy = b.clone(*view);
    copy->setOperand(0, v);
    v = copy->getResult(0);
  }
  return v;
}

/// What `leaving` and the totals read: slices of sequences are there, views of such as well, the rest is stacked. In a
/// loop whose rows end at their own lengths what is stacked is 0 after the last step, a sequence need not be.
void Late::stackInputs() {
  SmallVector<Value> work;
  for (const Total &t : totals)
    llvm::append_range(work, t.core->getOperands());
  for (Operation *op : leaving)
    llvm::append_range(work, op->getOperands());
  while (!work.empty()) {
    Value v = work.pop_back_val();
    Operation *op = v.getDefiningOp();
    if (isInvariant(v) || (op && leaving.contains(op)))
      continue;
    auto argument = dyn_cast<BlockArgument>(v);
    if (argument && argument.getArgNumber() > 0 && argument.getArgNumber() <= loop.getXs().size() &&
        loop.getLengths().empty())
      steps.set(v, loop.getXs()[argument.getArgNumber() - 1]);
    else if (op && op->hasTrait<View>() && AllSteps::isPossible(op, [](Value) { return true; }))
      llvm::append_range(work, op->getOperands());
    else
      inputs.insert(v);
  }
}

void Late::rebuild() {
  // Results that stay, then what is stacked for the late work, then the carried values that stay.
  Dim count = loop.getSteps().getValue();
  SmallVector<Value> yields, old, carries;
  SmallVector<Type> types;
  llvm::SmallDenseSet<unsigned> gone;
  for (const Total &t : totals)
    gone.insert(t.carry);
  auto keep = [&](unsigned i) {
    yields.push_back(yield.getValues()[i]);
    old.push_back(loop.getResult(i));
    types.push_back(loop.getResult(i).getType());
  };
  SmallVector<std::pair<Value, Value>> replaced; // result of the loop, value of the body
  for (unsigned i = 0; i < stacked; ++i)
    if (Operation *op = yield.getValues()[i].getDefiningOp(); op && leaving.contains(op))
      replaced.push_back({loop.getResult(i), yield.getValues()[i]});
    else
      keep(i);
  unsigned first = yields.size();
  for (Value v : inputs) {
    Shape shape{count};
    llvm::append_range(shape.dims, shapeOf(v.getType()));
    yields.push_back(v);
    old.push_back(Value());
    types.push_back(tensorType(shape, elementOf(v.getType())));
  }
  for (unsigned i = 0; i < loop.getCarries().size(); ++i)
    if (!gone.contains(i)) {
      keep(stacked + i);
      carries.push_back(loop.getCarries()[i]);
    }
  b.setInsertionPoint(loop);
  auto rest = ScanOp::create(b, loop.getLoc(), types, loop.getXs(), carries, loop.getLengths(), ValueRange(),
                             loop.getSteps(), loop.getReversed());
  rest->setDiscardableAttrs(loop->getDiscardableAttrDictionary());
  for (auto [i, v] : llvm::enumerate(inputs))
    steps.set(v, rest.getResult(first + i));
  b.setInsertionPointAfter(rest);
  for (Operation *op : leaving) {
    for (Value operand : op->getOperands())
      if (!isInvariant(operand))
        (void)all(operand);
      else if (operand.getParentBlock() == &body && !isMadeInKernel(operand.getDefiningOp()))
        op->replaceUsesOfWith(operand, outside(operand)); // a matrix turned in the body
    steps.apply(op);
  }
  for (auto [result, v] : replaced)
    result.replaceAllUsesWith(steps.get(v));
  for (const Total &t : totals) {
    Value sum = total(t), init = loop.getCarries()[t.carry];
    loop.getResult(stacked + t.carry).replaceAllUsesWith(AddOp::create(b, loop.getLoc(), init, sum).getResult());
  }
  yield.getValuesMutable().assign(yields);
  eraseDead(body);
  for (unsigned i = loop.getCarries().size(); i-- > 0;)
    if (gone.contains(i))
      body.eraseArgument(1 + loop.getXs().size() + i);
  rest.getBody().takeBody(loop.getBody());
  for (auto [from, to] : llvm::zip_equal(old, rest.getResults()))
    if (from)
      from.replaceAllUsesWith(to);
  loop.erase();
}

bool Late::run() {
  findTotals();
  findTails();
  if (totals.empty() && leaving.empty())
    return false;
  stackInputs();
  rebuild();
  return true;
}

/// For each loop, inner ones first, the mirror image of `hoist-projections`:
/// 1. A carried value that each step only adds a product or a sum to becomes one product or sum over all steps, of what
///    the steps multiply or sum, stacked: the gradient of a weight.
/// 2. A product with a matrix from outside whose result the loop only yields is done after it, for all steps at a time,
///    with the work that goes on with its result.
/// Where rows have lengths, what is stacked is 0 after the last step.
struct SumAfterLoops : impl::SumAfterLoopsPassBase<SumAfterLoops> {
  void runOnOperation() override {
    SmallVector<ScanOp> loops;
    getOperation().walk([&](ScanOp loop) { loops.push_back(loop); });
    bool changed = false;
    for (ScanOp loop : loops)
      changed |= Late(loop).run();
    if (changed)
      simplify(getOperation());
  }
};
} // namespace
} // namespace nnc
