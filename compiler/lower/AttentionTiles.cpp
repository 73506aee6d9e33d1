#include "compiler/lower/Attention.h"
#include "compiler/lower/PairTiles.h"

#include <limits>

using namespace mlir;
using namespace nn;
using namespace nnc;

// Attention by tiles: what PairTiles does, where
//  1. scores take the place of the first product, and the largest of each row is found;
//  2. what was summed so far shrinks by e^(old largest - new largest); the exponentials are the weights, and their sums
//     are added up;
//  3. at the end sums are divided by the sums of the exponentials.

namespace {
class Tiles : public PairTiles {
public:
  explicit Tiles(Attention &a) : PairTiles(a, 1, /*targets=*/144, /*strip=*/48), attention(a) {}

private:
  void allocate() override;
  void begin() override;
  void computePairs(bool masked) override;
  void computeWeights() override;
  void finish(Value r) override;
  void rescale();

  Attention &attention;
  Value largest, base, factor, total, found; ///< of each target of the unit; `found` in this tile
};
} // namespace

void Tiles::allocate() {
  for (Value *v : {&largest, &base, &factor, &total, &found})
    *v = numbersOfTargets();
}

void Tiles::begin() {
  Value lowest = a.number(-std::numeric_limits<double>::infinity(), a.lanes);
  l.loop(l.constant(0), targets, a.lanes, [&](Value i) {
    l.store(lowest, l.advance(largest, i, a.sum), a.sum);
    l.store(lowest, l.advance(found, i, a.sum), a.sum); // the last vector may reach beyond the targets
    l.store(a.number(0, a.lanes), l.advance(total, i, a.sum), a.sum);
  });
}

/// Scores in the place of the first pair's products, and the largest of each row.
void Tiles::computePairs(bool masked) {
  l.loop(stripFrom, stripTo, 1, [&](Value r) {
    Value lowest = a.number(-std::numeric_limits<double>::infinity(), width);
    Value most = forPairs(r, masked, {lowest}, [&](const Step &step, ValueRange most) -> SmallVector<Value> {
      Value s = attention.score(step.pairs, step.products, step.mask);
      l.store(s, place(0, r, step.column), a.sum);
      return {a.larger(s, most[0])};
    })[0];
    l.store(a.fold(most, [&](Value x, Value y) { return a.larger(x, y); }), l.advance(found, r, a.sum), a.sum);
  });
}

/// The new largest scores, and by what the sums so far are multiplied. Without any source yet, exponentials are of
/// scores that are -inf: what is subtracted from them must be a number.
void Tiles::rescale() {
  l.loop(stripFrom, stripTo, a.lanes, [&](Value r) {
    auto place = [&](Value numbers) { return l.advance(numbers, r, a.sum); };
    auto load = [&](Value numbers) { return l.load(place(numbers), a.sum, a.lanes); };
    Value before = load(largest), now = a.larger(load(found), before);
    Value lowest = a.number(-std::numeric_limits<double>::infinity(), a.lanes);
    Value nothing = arith::CmpFOp::create(l.b, l.loc, arith::CmpFPredicate::OEQ, now, lowest);
    Value from = a.select(nothing, a.number(0, a.lanes), now);
    l.store(a.exp(a.minus(before, from)), place(factor), a.sum);
    l.store(from, place(base), a.sum);
    l.store(now, place(largest), a.sum);
  });
}

void Tiles::computeWeights() {
  rescale();
  l.loop(stripFrom, stripTo, 1, [&](Value r) {
    auto of = [&](Value numbers) { return l.load(l.advance(numbers, r, a.sum), a.sum, 1); };
    Value from = l.splat(of(base), width);
    Value added = l.loop(low, high, width, {a.number(0, width)}, [&](Value c, ValueRange added) -> SmallVector<Value> {
      Value at = place(0, r, c), e = a.exp(a.minus(l.load(at, a.sum, width), from));
      l.store(e, at, a.sum);
      return {a.plus(added[0], e)};
    })[0];
    Value shrink = of(factor), sum = a.fold(added, [&](Value x, Value y) { return a.plus(x, y); });
    l.store(a.plus(a.times(of(total), shrink), sum), l.advance(total, r, a.sum), a.sum);
    l.ifThen(arith::CmpFOp::create(l.b, l.loc, arith::CmpFPredicate::UNE, shrink, a.number(1, 1)), [&] {
      l.loop(l.constant(0), l.constant(sumsWidth(0)), a.lanes, [&](Value f) {
        Value at = l.advance(sumsOf(0, r), f, a.sum);
        l.store(a.times(l.load(at, a.sum, a.lanes), l.splat(shrink, a.lanes)), at, a.sum);
      });
    });
  });
}

void Tiles::finish(Value r) {
  auto of = [&](Value numbers) { return l.load(l.advance(numbers, r, a.sum), a.sum, 1); };
  attention.finish(position, l.add(firstTarget, r), sumsOf(0, r), fromFeature, columnsEnd(0), of(largest), of(total));
}

void nnc::lowerAttentionByTiles(Attention &a) { Tiles(a).lower(); }
