#include "compiler/lower/PairTiles.h"

using namespace mlir;
using namespace nn;
using namespace nnc;

// Sums over pairs, by tiles whatever their number is: what PairTiles does, where
//  1. the weights take the places of the products, those of pairs that do not count are 0;
//  2. weights without a value are summed row by row, in vectors whose lanes are added up at the end of a tile.
// Tiles begin at multiples of their size, whoever computes them: an element is the same sum with any number of threads.

namespace {
class Sums : public PairTiles {
public:
  Sums(DensePairs &a, Region &region)
      : PairTiles(a, region.front().getTerminator()->getNumOperands(), /*targets=*/192, /*strip=*/48), region(region),
        weights(region.front().getTerminator()->getNumOperands()), multiplied(a.op.getValues().size()) {}

private:
  void allocate() override;
  void begin() override;
  void computePairs(bool masked) override;
  void finish(Value r) override;

  Region &region;
  size_t weights, multiplied;
  SmallVector<Value> totals; ///< of each target of the unit, for each weight without a value
};
} // namespace

void Sums::allocate() {
  for (size_t n = multiplied; n < weights; ++n)
    totals.push_back(numbersOfTargets());
}

void Sums::begin() {
  for (Value total : totals)
    l.loop(l.constant(0), targets, a.lanes,
           [&](Value i) { l.store(a.number(0, a.lanes), l.advance(total, i, a.sum), a.sum); });
}

void Sums::computePairs(bool masked) {
  l.loop(stripFrom, stripTo, 1, [&](Value r) {
    SmallVector<Value> zeros(totals.size(), a.number(0, width));
    auto added = forPairs(r, masked, zeros, [&](const Step &step, ValueRange added) -> SmallVector<Value> {
      SmallVector<Value> all = a.compute(region, step.pairs, step.products, step.mask, 0), next;
      for (size_t n = 0; n < multiplied; ++n)
        l.store(all[n], place(n, r, step.column), a.sum);
      for (auto [sum, weight] : llvm::zip(added, ArrayRef<Value>(all).drop_front(multiplied)))
        next.push_back(a.plus(sum, weight));
      return next;
    });
    for (auto [total, sum] : llvm::zip(totals, added)) {
      Value at = l.advance(total, r, a.sum), more = a.fold(sum, [&](Value x, Value y) { return a.plus(x, y); });
      l.store(a.plus(l.load(at, a.sum, 1), more), at, a.sum);
    }
  });
}

void Sums::finish(Value r) {
  Value target = l.add(firstTarget, r);
  for (size_t n = 0; n < multiplied; ++n)
    a.write(a.init(n), position, target, sumsOf(n, r), fromFeature, columnsEnd(n), {});
  for (auto [i, total] : llvm::enumerate(totals)) {
    size_t place = a.init(multiplied + i);
    Value sum = l.load(l.advance(total, r, a.sum), a.sum, 1);
    if (Type type = a.elementOfPlace(place); type != a.sum)
      sum = CastOp::create(l.b, l.loc, type, sum);
    l.store(sum, a.at(place, position, target, {}), a.elementOfPlace(place));
  }
}

void nnc::lowerPairSums(PairSumsOp op, Lowering &l) {
  DensePairs pairs(op, l);
  Sums(pairs, op.getWeights()).lower();
  op.erase();
}
