#include "compiler/Passes.h"
#include "compiler/optimize/Cluster.h"

#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace nn;

namespace nnc {
#define GEN_PASS_DEF_MERGEPAIRSUMSPASS
#include "compiler/Passes.h.inc"

namespace {
/// More numbers of a pair would need more room than a strip of them has.
constexpr size_t kMaximalNumbers = 4;

/// Two kernels of a block, the first of which is to do the work of both.
class Merger {
public:
  Merger(PairSumsOp first, PairSumsOp second, Order &order) : first(first), second(second), order(order) {}
  /// Null: they stay two.
  PairSumsOp run();

private:
  bool haveOnePredicate();
  bool isSame(Value x, Value y);
  bool findNeeded();
  PairSumsOp join();
  void copyBody(Region &from, Region &to, ArrayRef<unsigned> products, ArrayRef<unsigned> extras,
                SmallVectorImpl<Value> &yields);

  PairSumsOp first, second;
  Order &order;
  llvm::SetVector<Operation *> needed; ///< by the second one, from behind the first one
};
} // namespace

/// Whether values of the two predicates are computed in one way from the same operands.
bool Merger::isSame(Value x, Value y) {
  auto a = dyn_cast<BlockArgument>(x), c = dyn_cast<BlockArgument>(y);
  if (a || c)
    return a && c && first.getExtras()[a.getArgNumber()] == second.getExtras()[c.getArgNumber()];
  return OperationEquivalence::isEquivalentTo(
      x.getDefiningOp(), y.getDefiningOp(), [&](Value l, Value r) { return success(isSame(l, r)); }, nullptr,
      OperationEquivalence::IgnoreLocations);
}

bool Merger::haveOnePredicate() {
  if (first.getWhere().empty() || second.getWhere().empty())
    return first.getWhere().empty() && second.getWhere().empty();
  return isSame(first.getWhere().front().getTerminator()->getOperand(0),
                second.getWhere().front().getTerminator()->getOperand(0));
}

/// What the second one needs must be there where the first one stands.
bool Merger::findNeeded() {
  SmallVector<Operation *> work{second};
  while (!work.empty()) {
    bool fits = true;
    work.pop_back_val()->walk([&](Operation *inner) {
      for (Value v : inner->getOperands()) {
        Operation *made = v.getDefiningOp();
        if (!made || made->getBlock() != first->getBlock() || order.before(made, first) || !fits)
          continue;
        fits = made != first && isMemoryEffectFree(made);
        if (needed.insert(made))
          work.push_back(made);
      }
    });
    if (!fits)
      return false;
  }
  return true;
}

/// The number of a product among others, or how many there are.
static size_t find(ArrayRef<Value> queries, ArrayRef<Value> keys, Value query, Value key) {
  size_t at = 0;
  while (at < queries.size() && (queries[at] != query || keys[at] != key))
    ++at;
  return at;
}

PairSumsOp Merger::run() {
  SmallVector<Value> queries(first.getQueries()), keys(first.getKeys());
  size_t products = queries.size(), weights = first.getNumResults() + second.getNumResults();
  for (auto [q, k] : llvm::zip(second.getQueries(), second.getKeys()))
    products += find(queries, keys, q, k) == queries.size();
  if (first.getBatch() != second.getBatch() || first.pairShape() != second.pairShape() ||
      first.getAccumulatorType() != second.getAccumulatorType() || products > kMaximalNumbers ||
      weights > kMaximalNumbers || !haveOnePredicate() || !findNeeded())
    return {};
  return join();
}

/// `products` and `extras`: the numbers among the arguments of `to` of those that `from` has.
void Merger::copyBody(Region &from, Region &to, ArrayRef<unsigned> products, ArrayRef<unsigned> extras,
                      SmallVectorImpl<Value> &yields) {
  OpBuilder b = OpBuilder::atBlockEnd(&to.front());
  IRMapping map;
  for (auto [argument, number] : llvm::zip(from.getArguments(), llvm::concat<const unsigned>(products, extras)))
    map.map(argument, to.getArgument(number));
  for (Operation &inner : from.front().without_terminator())
    b.clone(inner, map);
  for (Value v : from.front().getTerminator()->getOperands())
    yields.push_back(map.lookup(v));
}

PairSumsOp Merger::join() {
  SmallVector<Operation *> moved = needed.takeVector();
  llvm::sort(moved, [&](Operation *x, Operation *y) { return order.before(x, y); });
  for (Operation *op : moved) {
    order.forget(op);
    op->moveBefore(first);
  }
  SmallVector<Value> queries(first.getQueries()), keys(first.getKeys()), values, extras(first.getExtras());
  auto all = [](size_t count) { return llvm::to_vector(llvm::seq<unsigned>(0, count)); };
  SmallVector<unsigned> products[2] = {all(queries.size()), {}}, others[2] = {all(extras.size()), {}};
  for (auto [q, k] : llvm::zip(second.getQueries(), second.getKeys())) {
    size_t at = find(queries, keys, q, k);
    if (at == queries.size()) {
      queries.push_back(q);
      keys.push_back(k);
    }
    products[1].push_back(at);
  }
  for (Value extra : second.getExtras()) {
    size_t at = llvm::find(extras, extra) - extras.begin();
    if (at == extras.size())
      extras.push_back(extra);
    others[1].push_back(at);
  }
  // Weights with a value come first.
  SmallVector<std::pair<unsigned, unsigned>> weights; // whose, and which
  SmallVector<Type> types;
  PairSumsOp both[2] = {first, second};
  for (bool multiplied : {true, false})
    for (unsigned i : {0, 1})
      for (unsigned n = 0; n < both[i].getNumResults(); ++n)
        if ((n < both[i].getValues().size()) == multiplied) {
          weights.push_back({i, n});
          types.push_back(both[i].getResult(n).getType());
          if (multiplied)
            values.push_back(both[i].getValues()[n]);
        }
  OpBuilder b(first);
  Location loc = b.getFusedLoc({first.getLoc(), second.getLoc()});
  auto merged = PairSumsOp::create(b, loc, types, queries, keys, values, extras, ValueRange(), first.getBatch());
  Block &where = merged.getWhere().emplaceBlock(), &body = merged.getWeights().emplaceBlock();
  for (size_t i = 0; i < queries.size(); ++i)
    body.addArgument(first.getAccumulatorType(), loc);
  for (Value extra : extras)
    for (Block *block : {&where, &body})
      block->addArgument(elementOf(extra.getType()), loc);
  SmallVector<Value> yields[2], counts;
  for (unsigned i : {0, 1}) {
    SmallVector<unsigned> behind;
    for (unsigned number : others[i])
      behind.push_back(number + queries.size());
    copyBody(both[i].getWeights(), merged.getWeights(), products[i], behind, yields[i]);
  }
  SmallVector<Value> given;
  for (auto [i, n] : weights)
    given.push_back(yields[i][n]);
  auto end = [&](Block &block, ValueRange results) {
    OpBuilder b = OpBuilder::atBlockEnd(&block);
    YieldOp::create(b, loc, results);
  };
  end(body, given);
  if (first.getWhere().empty()) {
    where.erase();
  } else {
    copyBody(first.getWhere(), merged.getWhere(), {}, others[0], counts);
    end(where, counts);
  }
  for (auto [place, result] : llvm::zip(weights, merged.getResults()))
    both[place.first].getResult(place.second).replaceAllUsesWith(result);
  for (PairSumsOp op : both) {
    order.forget(op);
    op.erase();
  }
  return merged;
}

namespace {
/// Two sums over the same pairs, with the same predicate, become one kernel where their operands allow it: it computes
/// the products that both have once. What the second one needs moves up to the first one.
struct MergePairSums : impl::MergePairSumsPassBase<MergePairSums> {
  void runOnOperation() override {
    forEachTensorBlock(getOperation(), [](Block &block) {
      Order order(block);
      SmallVector<PairSumsOp> kernels(block.getOps<PairSumsOp>());
      for (size_t i = 0; i < kernels.size(); ++i)
        for (size_t j = i + 1; j < kernels.size();)
          if (PairSumsOp merged = Merger(kernels[i], kernels[j], order).run()) {
            kernels[i] = merged;
            kernels.erase(kernels.begin() + j);
          } else {
            ++j;
          }
    });
  }
};
} // namespace
} // namespace nnc
