#include "compiler/optimize/Simplify.h"

#include "compiler/optimize/Cluster.h"

using namespace mlir;
using namespace nn;
using namespace nnc;

namespace {
/// What a loop does not need: views of values from outside in its body, a sequence twice, a carried value that never
/// changes, a result that another one is equal to, and results, carried values and sequences that nobody asks for.
class Needless {
public:
  Needless(ScanOp loop, PatternRewriter &b)
      : loop(loop), b(b), body(loop.getBody().front()), yield(cast<YieldOp>(body.getTerminator())),
        sequences(loop.getXs().size()), stacked(loop.getNumResults() - loop.getCarries().size()),
        keepResult(loop.getNumResults(), true), keepSequence(sequences, true) {}

  bool run() {
    bool changed = moveViews();
    mergeSequences();
    findUnchanged();
    mergeResults();
    findDead();
    if (llvm::all_of(keepResult, [](bool k) { return k; }) && llvm::all_of(keepSequence, [](bool k) { return k; }))
      return changed;
    rebuild();
    return true;
  }

private:
  BlockArgument slice(unsigned i) { return body.getArgument(1 + i); }
  BlockArgument carry(unsigned i) { return body.getArgument(1 + sequences + i); }
  Value next(unsigned result) { return yield.getValues()[result]; }

  bool moveViews() {
    bool changed = false;
    for (Operation &op : llvm::make_early_inc_range(body.without_terminator()))
      if (op.hasTrait<View>() && llvm::all_of(op.getOperands(), [&](Value v) { return v.getParentBlock() != &body; })) {
        b.moveOpBefore(&op, loop);
        changed = true;
      }
    return changed;
  }

  void mergeSequences() {
    llvm::SmallDenseMap<Value, unsigned> first;
    for (unsigned i = 0; i < sequences; ++i)
      if (auto [at, isNew] = first.insert({loop.getXs()[i], i}); !isNew)
        b.replaceAllUsesWith(slice(i), slice(at->second));
  }

  void findUnchanged() {
    for (unsigned i = 0; i < loop.getCarries().size(); ++i)
      if (next(stacked + i) == carry(i)) {
        b.replaceAllUsesWith(loop.getResult(stacked + i), loop.getCarries()[i]);
        b.replaceAllUsesWith(carry(i), loop.getCarries()[i]);
      }
  }

  void mergeResults() {
    llvm::SmallDenseMap<Value, unsigned> first;
    for (unsigned i = 0; i < stacked; ++i) {
      auto argument = dyn_cast<BlockArgument>(next(i));
      bool isSlice = argument && argument.getOwner() == &body && argument.getArgNumber() > 0 &&
                     argument.getArgNumber() <= sequences && loop.getLengths().empty();
      if (isSlice)
        b.replaceAllUsesWith(loop.getResult(i), loop.getXs()[argument.getArgNumber() - 1]);
      else if (auto [at, isNew] = first.insert({next(i), i}); !isNew)
        b.replaceAllUsesWith(loop.getResult(i), loop.getResult(at->second));
    }
  }

  void findDead() {
    llvm::SmallDenseSet<Value> live;
    SmallVector<Value> work;
    auto need = [&](Value v) {
      if (v.getParentBlock() == &body && live.insert(v).second)
        work.push_back(v);
    };
    auto readBy = [&](Operation *op) {
      op->walk([&](Operation *inner) { llvm::for_each(inner->getOperands(), need); });
    };
    keepResult.assign(loop.getNumResults(), false);
    auto keep = [&](unsigned i) {
      if (!std::exchange(keepResult[i], true))
        need(next(i));
    };
    for (unsigned i = 0; i < loop.getNumResults(); ++i)
      if (!loop.getResult(i).use_empty())
        keep(i);
    for (Operation &op : body.without_terminator())
      if (!isMemoryEffectFree(&op))
        readBy(&op);
    while (!work.empty()) {
      Value v = work.pop_back_val();
      auto argument = dyn_cast<BlockArgument>(v);
      if (!argument)
        readBy(v.getDefiningOp());
      else if (argument.getArgNumber() > sequences)
        keep(stacked + argument.getArgNumber() - 1 - sequences);
    }
    for (unsigned i = 0; i < sequences; ++i)
      keepSequence[i] = live.contains(slice(i));
  }

  void rebuild() {
    SmallVector<Value> xs, carries, yields, old;
    for (unsigned i = 0; i < sequences; ++i)
      if (keepSequence[i])
        xs.push_back(loop.getXs()[i]);
    for (unsigned i = 0; i < loop.getNumResults(); ++i)
      if (keepResult[i]) {
        yields.push_back(next(i));
        old.push_back(loop.getResult(i));
        if (i >= stacked)
          carries.push_back(loop.getCarries()[i - stacked]);
      }
    b.setInsertionPoint(loop);
    auto rest = ScanOp::create(b, loop.getLoc(), ValueRange(old).getTypes(), xs, carries, loop.getLengths(),
                               ValueRange(), loop.getSteps(), loop.getReversed());
    rest->setDiscardableAttrs(loop->getDiscardableAttrDictionary());
    b.modifyOpInPlace(yield, [&] { yield.getValuesMutable().assign(yields); });
    for (Operation &op : llvm::make_early_inc_range(llvm::reverse(body)))
      if (isOpTriviallyDead(&op))
        b.eraseOp(&op);
    for (unsigned i = loop.getCarries().size(); i-- > 0;)
      if (!keepResult[stacked + i])
        body.eraseArgument(1 + sequences + i);
    for (unsigned i = sequences; i-- > 0;)
      if (!keepSequence[i])
        body.eraseArgument(1 + i);
    rest.getBody().takeBody(loop.getBody());
    for (auto [from, to] : llvm::zip_equal(old, rest.getResults()))
      b.replaceAllUsesWith(from, to);
    b.eraseOp(loop);
  }

  ScanOp loop;
  PatternRewriter &b;
  Block &body;
  YieldOp yield;
  unsigned sequences, stacked;
  SmallVector<bool> keepResult, keepSequence;
};

struct NeedlessInLoop : OpRewritePattern<ScanOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ScanOp loop, PatternRewriter &b) const override {
    return success(loop.getInits().empty() && Needless(loop, b).run());
  }
};
} // namespace

void nnc::addLoopPatterns(RewritePatternSet &patterns) { patterns.add<NeedlessInLoop>(patterns.getContext()); }
