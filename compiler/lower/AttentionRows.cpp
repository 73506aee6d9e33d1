#include "compiler/lower/Attention.h"

#include <limits>

using namespace mlir;
using namespace nn;
using namespace nnc;

// One target after the other, as when a text is continued word by word:
//  1. Threads share (leading positions x targets).
//  2. The predicate gives an interval of sources. Blocks of it are walked in order: products of the target's row with
//     as many keys as a vector has lanes, whose sums end up in one lane each; scores and their largest; exponentials;
//     sums of values.
//  3. Before the values of a block are added, what is there is multiplied by e^(old largest - new largest).
//  4. Features beyond what the stack holds are done in further turns.

namespace {
constexpr int64_t kBlock = 256;    ///< sources at once
constexpr int64_t kFeatures = 512; ///< of the value at once
constexpr int64_t kVectors = 4;    ///< of features whose sums stay in registers

class Rows {
public:
  explicit Rows(Attention &a) : a(a), l(a.l) {}
  void lower();

private:
  void lowerTarget(Value target, Value fromFeature);
  void lowerBlock(Value target, Value from, Value count, Value fromFeature, Value features);
  Value products(size_t pair, Value target, Value source, Value count);
  Value productsAcross(size_t pair, Value target, Value source, Value count);
  Value dot(size_t pair, Value target, Value source);
  void addValues(Value from, Value count, Value fromFeature, Value features);

  Attention &a;
  Lowering &l;
  DensePairs::Position position;
  Value scores, sums, largest, total; ///< of the block; of the target
};
} // namespace

void Rows::lower() {
  scores = l.scratch(0, kBlock * a.bytes);
  sums = l.scratch(1, (kFeatures + kVectors * a.lanes) * a.bytes);
  largest = l.stack(a.sum, 1);
  total = l.stack(a.sum, 1);
  Value targets = l.size(a.targets);
  Share share = l.share(l.mul(l.size(a.leading.count()), targets));
  l.loop(share.from, share.to, 1, [&](Value unit) {
    Value target = arith::RemUIOp::create(l.b, l.loc, unit, targets);
    position = a.positionOf(arith::DivUIOp::create(l.b, l.loc, unit, targets));
    a.enter(position);
    l.loop(l.constant(0), l.size(a.features(0)), kFeatures, [&](Value from) { lowerTarget(target, from); });
  });
}

void Rows::lowerTarget(Value target, Value fromFeature) {
  Value features = l.minimum(l.constant(kFeatures), l.sub(l.size(a.features(0)), fromFeature)), none = l.constant(0);
  l.loop(none, features, a.lanes, [&](Value f) { l.store(a.number(0, a.lanes), l.advance(sums, f, a.sum), a.sum); });
  l.store(a.number(-std::numeric_limits<double>::infinity(), 1), largest, a.sum);
  l.store(a.number(0, 1), total, a.sum);
  Share all = a.filter.hull(target, target);
  l.loop(all.from, all.to, kBlock, [&](Value from) {
    Value count = l.minimum(l.constant(kBlock), l.sub(all.to, from));
    auto block = [&] { lowerBlock(target, from, count, fromFeature, features); };
    if (Value some = a.filter.meets(target, target, from, l.add(from, count)))
      l.ifThen(some, block);
    else
      block();
  });
  a.finish(position, target, sums, fromFeature, l.add(fromFeature, features), l.load(largest, a.sum, 1),
           l.load(total, a.sum, 1));
}

void Rows::lowerBlock(Value target, Value from, Value count, Value fromFeature, Value features) {
  int64_t lanes = a.lanes;
  Value none = l.constant(0);
  auto place = [&](Value c) { return l.advance(scores, c, a.sum); };
  Value most = l.loop(none, count, lanes, {a.number(-std::numeric_limits<double>::infinity(), lanes)},
                      [&](Value c, ValueRange most) -> SmallVector<Value> {
                        Value source = l.add(from, c), left = l.sub(count, c);
                        SmallVector<Value> all;
                        for (size_t pair = 0; pair < a.pairs(); ++pair)
                          all.push_back(products(pair, target, source, left));
                        DensePairs::Pairs pairs{position, target, source, left, lanes};
                        Value s = a.score(pairs, all, l.mask(left, lanes));
                        l.store(s, place(c), a.sum);
                        return {a.larger(s, most[0])};
                      })[0];
  Value before = l.load(largest, a.sum, 1);
  auto larger = [&](Value x, Value y) { return a.larger(x, y); };
  Value now = a.larger(a.fold(most, larger), before), zero = a.number(0, 1);
  Value nothing = arith::CmpFOp::create(l.b, l.loc, arith::CmpFPredicate::OEQ, now,
                                        a.number(-std::numeric_limits<double>::infinity(), 1));
  Value base = a.select(nothing, zero, now), factor = a.exp(a.minus(before, base));
  Value sum = l.loop(none, count, lanes, {a.number(0, lanes)}, [&](Value c, ValueRange sum) -> SmallVector<Value> {
    Value e = a.exp(a.minus(l.load(place(c), a.sum, lanes), l.splat(base, lanes)));
    l.store(e, place(c), a.sum);
    return {a.plus(sum[0], e)};
  })[0];
  Value added = a.fold(sum, [&](Value x, Value y) { return a.plus(x, y); });
  l.store(a.plus(a.times(l.load(total, a.sum, 1), factor), added), total, a.sum);
  l.store(now, largest, a.sum);
  Value changed = arith::CmpFOp::create(l.b, l.loc, arith::CmpFPredicate::UNE, factor, a.number(1, 1));
  l.ifThen(changed, [&] {
    l.loop(none, features, lanes, [&](Value f) {
      Value at = l.advance(sums, f, a.sum);
      l.store(a.times(l.load(at, a.sum, lanes), l.splat(factor, lanes)), at, a.sum);
    });
  });
  addValues(from, count, fromFeature, features);
}

/// Products with `lanes` keys. Each key's products are added up in a vector of their own; then the vectors are added in
/// pairs, evens to odds, until one is left that has the sum of each key in its lane.
Value Rows::products(size_t pair, Value target, Value source, Value count) {
  if (!a.columnStride(a.key(pair)).isConstant(1) || a.lanes == 1)
    return productsAcross(pair, target, source, count);
  SmallVector<Value> rows;
  for (int64_t i = 0; i < a.lanes; ++i) // those that are not there are the last one again
    rows.push_back(dot(pair, target, l.add(source, l.minimum(l.constant(i), l.sub(count, l.constant(1))))));
  SmallVector<int64_t> even, odd;
  for (int64_t i = 0; i < a.lanes; ++i) {
    even.push_back(2 * i);
    odd.push_back(2 * i + 1);
  }
  while (rows.size() > 1) {
    SmallVector<Value> next;
    for (size_t i = 0; i < rows.size(); i += 2)
      next.push_back(a.plus(vector::ShuffleOp::create(l.b, l.loc, rows[i], rows[i + 1], even),
                            vector::ShuffleOp::create(l.b, l.loc, rows[i], rows[i + 1], odd)));
    rows = next;
  }
  return rows[0];
}

/// The products of a query and a key, in as many sums as a vector has lanes.
Value Rows::dot(size_t pair, Value target, Value source) {
  Dim size = shapeOf(a.op.getQueries()[pair].getType()).dims.back();
  int64_t lanes = a.lanes;
  Value sum = a.number(0, lanes), d = l.size(size), full = a.roundDown(d, lanes);
  auto step = [&](Value i, Value count, Value sum) {
    return a.multiplyAdd(a.read(a.query(pair), position, target, i, lanes, count),
                         a.read(a.key(pair), position, source, i, lanes, count), sum);
  };
  std::optional<int64_t> known = size.asConstant();
  if (known && *known <= 8 * lanes) {
    for (int64_t i = 0; i < *known; i += lanes)
      sum = step(l.constant(i), i + lanes <= *known ? Value() : l.constant(*known - i), sum);
    return sum;
  }
  sum = l.loop(l.constant(0), full, lanes, {sum},
               [&](Value i, ValueRange sum) -> SmallVector<Value> { return {step(i, {}, sum[0])}; })[0];
  Value left = l.sub(d, full);
  // A query that does not lie in a row is read one by one, where at least one is there.
  return l.ifThenElse(
      l.less(l.constant(0), left), sum.getType(), [&] { return SmallVector<Value>{step(full, left, sum)}; },
      [&] { return SmallVector<Value>{sum}; })[0];
}

/// The same where the elements of a key do not lie side by side: vectors run across the keys.
Value Rows::productsAcross(size_t pair, Value target, Value source, Value count) {
  size_t q = a.query(pair), k = a.key(pair);
  Value d = l.size(shapeOf(a.op.getQueries()[pair].getType()).dims.back());
  Type type = a.elementOfPlace(k);
  return l.loop(l.constant(0), d, 1, {a.number(0, a.lanes)}, [&](Value i, ValueRange sum) -> SmallVector<Value> {
    Value base = a.at(k, position, source, i), v;
    if (a.rowStride(k).isConstant(1))
      v = l.load(base, type, a.lanes, l.mask(count, a.lanes));
    else
      v = l.loadStrided(base, type, l.size(a.rowStride(k)), a.lanes, count);
    if (type != a.sum)
      v = CastOp::create(l.b, l.loc, l.vectorOf(a.sum, a.lanes), v);
    Value x = l.splat(a.read(q, position, target, i, 1, {}), a.lanes);
    return {a.multiplyAdd(x, v, sum[0])};
  })[0];
}

/// Adds the values of a block, each times its exponential.
void Rows::addValues(Value from, Value count, Value fromFeature, Value features) {
  int64_t lanes = a.lanes;
  auto some = [&](Value f, int64_t vectors, Value left) {
    SmallVector<Value> places, init;
    for (int64_t v = 0; v < vectors; ++v) {
      places.push_back(l.advance(sums, l.add(f, l.constant(v * lanes)), a.sum));
      init.push_back(l.load(places.back(), a.sum, lanes));
    }
    auto result = l.loop(l.constant(0), count, 1, init, [&](Value c, ValueRange sums) {
      Value weight = l.splat(l.load(l.advance(scores, c, a.sum), a.sum, 1), lanes);
      SmallVector<Value> next;
      for (int64_t v = 0; v < vectors; ++v) {
        Value column = l.add(l.add(fromFeature, f), l.constant(v * lanes));
        Value x = a.read(a.value(0), position, l.add(from, c), column, lanes, left);
        next.push_back(a.multiplyAdd(weight, x, sums[v]));
      }
      return next;
    });
    for (auto [place, v] : llvm::zip(places, result))
      l.store(v, place, a.sum);
  };
  Value many = a.roundDown(features, kVectors * lanes), full = a.roundDown(features, lanes);
  l.loop(l.constant(0), many, kVectors * lanes, [&](Value f) { some(f, kVectors, {}); });
  l.loop(many, full, lanes, [&](Value f) { some(f, 1, {}); });
  l.loop(full, features, lanes, [&](Value f) { some(f, 1, l.sub(features, f)); });
}

void nnc::lowerAttentionByRows(Attention &a) { Rows(a).lower(); }
