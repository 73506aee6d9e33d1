#include "compiler/Passes.h"
#include "compiler/optimize/AllSteps.h"
#include "compiler/optimize/Cluster.h"
#include "compiler/optimize/Simplify.h"
#include "compiler/optimize/Weights.h"

using namespace mlir;
using namespace nn;

namespace nnc {
#define GEN_PASS_DEF_HOISTPROJECTIONSPASS
#include "compiler/Passes.h.inc"

namespace {
/// What a value of the body depends on; the later ones include the earlier.
enum class Depends { Nothing, Step, Carry };

/// Work that is done faster for many steps at a time, or that there is so much of that its result is better kept.
bool isWork(Operation *op) {
  return isa<ContractOp, GatherOp, SumOp, MaxOp, MinOp, AnyOp, AllOp, ArgmaxOp, ArgminOp, CumsumOp, ExpOp, Expm1Op,
             LogOp, Log1pOp, PowOp, SinOp, CosOp, Atan2Op, TanhOp, SigmoidOp, ErfOp>(op);
}

class Hoist {
public:
  explicit Hoist(ScanOp loop) : loop(loop), body(loop.getBody().front()), b(loop) {}
  bool run();

private:
  Depends dependsOn(Value v);
  Depends classify(Operation *op);
  void choose();
  void replace(AllSteps &steps);

  ScanOp loop;
  Block &body;
  OpBuilder b;
  DenseMap<Operation *, Depends> depends;
  llvm::SetVector<Operation *> wanted; ///< what leaves the loop
};

/// Slices of weights differ from copy to copy of a layer: what is computed from them stays.
Depends Hoist::dependsOn(Value v) {
  if (auto arg = dyn_cast<BlockArgument>(v); arg && arg.getOwner() == &body) {
    unsigned i = arg.getArgNumber();
    if (i > loop.getXs().size())
      return Depends::Carry;
    return i > 0 && isWeight(loop.getXs()[i - 1]) ? Depends::Carry : Depends::Step;
  }
  Operation *op = v.getDefiningOp();
  return op && op->getBlock() == &body ? depends.lookup(op) : Depends::Nothing;
}

Depends Hoist::classify(Operation *op) {
  if (op->getNumResults() != 1 || (op->getNumRegions() && !isa<ContractOp>(op)) || !isMemoryEffectFree(op))
    return Depends::Carry;
  Depends most = Depends::Nothing;
  for (Value v : op->getOperands())
    most = std::max(most, dependsOn(v));
  // Without any step it would not have looked at what it checks.
  if (most == Depends::Nothing && isa<CheckedOpInterface>(op))
    return Depends::Carry;
  auto differs = [&](Value v) { return dependsOn(v) == Depends::Step; };
  return most == Depends::Step && !AllSteps::isPossible(op, differs) ? Depends::Carry : most;
}

void Hoist::choose() {
  auto isWanted = [&](Value v) {
    Operation *op = v.getDefiningOp();
    while (op && op->hasTrait<View>() && op->getBlock() == &body)
      op = op->getOperand(0).getDefiningOp();
    return op && wanted.contains(op);
  };
  for (Operation &op : body.without_terminator()) {
    Depends d = depends[&op] = classify(&op);
    bool elementwise = isElementwiseOnTensors(&op);
    bool follows = elementwise && llvm::any_of(op.getOperands(), isWanted);
    if (d == Depends::Nothing ? elementwise || isWork(&op)
                              : d == Depends::Step && (isWork(&op) || follows || loop.getCarries().empty()))
      wanted.insert(&op);
  }
  for (Operation &op : llvm::reverse(body.without_terminator())) // and what these are made of
    if (depends[&op] != Depends::Carry &&
        llvm::any_of(op.getUsers(), [&](Operation *user) { return wanted.contains(user); }))
      wanted.insert(&op);
}

/// A loop without the results that are known already; what the body still wants of the others is sliced in it.
void Hoist::replace(AllSteps &steps) {
  auto yield = cast<YieldOp>(body.getTerminator());
  size_t stacked = loop.getNumResults() - loop.getCarries().size();
  SmallVector<Value> yielded, xs(loop.getXs());
  SmallVector<Type> types;
  SmallVector<Value> old;
  for (auto [i, v] : llvm::enumerate(yield.getValues()))
    if (Value all = i < stacked ? steps.get(v) : Value(); all && wanted.contains(v.getDefiningOp())) {
      loop.getResult(i).replaceAllUsesWith(all);
    } else {
      yielded.push_back(v);
      old.push_back(loop.getResult(i));
      types.push_back(loop.getResult(i).getType());
    }
  yield.getValuesMutable().assign(yielded);
  for (Operation *op : wanted) {
    if (op->getBlock() != &body)
      continue;
    Value v = op->getResult(0);
    auto stays = [&](OpOperand &use) { return !wanted.contains(body.findAncestorOpInBlock(*use.getOwner())); };
    if (llvm::none_of(v.getUses(), stays))
      continue;
    xs.push_back(steps.get(v));
    Value slice = body.insertArgument(xs.size(), v.getType(), v.getLoc());
    v.replaceUsesWithIf(slice, stays);
  }
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(body)))
    if (wanted.contains(&op))
      op.erase();
  eraseDead(body);
  for (size_t i = xs.size(); i-- > 0;)
    if (body.getArgument(1 + i).use_empty()) {
      body.eraseArgument(1 + i);
      xs.erase(xs.begin() + i);
    }
  auto rest = ScanOp::create(b, loop.getLoc(), types, xs, loop.getCarries(), loop.getLengths(), ValueRange(),
                             loop.getSteps(), loop.getReversed());
  rest.getBody().takeBody(loop.getBody());
  for (auto [from, to] : llvm::zip_equal(old, rest.getResults()))
    from.replaceAllUsesWith(to);
  loop.erase();
  if (isOpTriviallyDead(rest))
    rest.erase();
}

bool Hoist::run() {
  choose();
  if (wanted.empty())
    return false;
  AllSteps steps(b, loop.getSteps().getValue());
  for (auto [i, x] : llvm::enumerate(loop.getXs()))
    steps.set(body.getArgument(1 + i), x);
  Shape count{loop.getSteps().getValue()};
  steps.set(body.getArgument(0), IotaOp::create(b, loop.getLoc(), tensorType(count, b.getI64Type()),
                                                DimAttr::get(b.getContext(), 0), b.getI64IntegerAttr(0)));
  for (Operation &op : llvm::make_early_inc_range(body.without_terminator()))
    if (wanted.contains(&op)) {
      if (depends[&op] == Depends::Nothing)
        op.moveBefore(loop);
      else
        steps.apply(&op);
    }
  replace(steps);
  return true;
}

/// For each loop, inner ones first:
/// 1. See what each operation of the body depends on: on nothing in the loop, on the step and its slices, or on what is
///    carried (or copied layer by layer: slices of weights).
/// 2. Of the first kind, work leaves the loop as it is. Of the second, contractions, reductions, gathers and costly
///    elementwise work leave it as one operation over all steps, with the elementwise work that goes on with their
///    results, and with what they are made of; all of it, if nothing is carried. Cheap work alone stays: in the loop it
///    is part of a kernel that there is anyhow.
/// 3. What the body still wants of that becomes a sequence of the loop; what it only yields becomes the loop's result.
/// An element is computed as before: the same bits.
struct HoistProjections : impl::HoistProjectionsPassBase<HoistProjections> {
  void runOnOperation() override {
    SmallVector<ScanOp> loops;
    getOperation().walk([&](ScanOp loop) { loops.push_back(loop); });
    bool changed = false;
    for (ScanOp loop : loops)
      changed |= Hoist(loop).run();
    if (changed)
      simplify(getOperation());
  }
};
} // namespace
} // namespace nnc
