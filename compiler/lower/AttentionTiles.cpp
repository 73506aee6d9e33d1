#include "compiler/lower/Attention.h"
#include "compiler/lower/ContractionTiles.h"
#include "compiler/lower/Pack.h"

#include <limits>

using namespace mlir;
using namespace nn;
using namespace nnc;

// Many targets:
//  1. A unit of work is a tile of targets at a leading position. Threads take units in turns, forward and backward, so
//     that units which grow or shrink along the targets are shared evenly. Which thread does a unit changes nothing.
//  2. The unit's queries are copied, as numbers that are summed. Tiles of sources begin at multiples of their size; of
//     those that the predicate lets through, keys and values are packed into panels.
//  3. Strips of targets, so few that their scores stay in the first-level cache: products of queries and keys by the
//     kernels of contractions; scores, masked unless the predicate lets the whole strip through, and the largest of
//     each row; what was summed so far shrinks by e^(old largest - new largest); exponentials and their sums; products
//     of these with the values, added to the sums, by the same kernels. A strip computes the sources between the bounds
//     of its targets only.
//  4. At the end sums are divided by the sums of the exponentials.
// Rows of queries that do not fit are copied and multiplied in parts, with the whole tile as one strip; features that
// do not fit are done in further turns.

namespace {
constexpr int64_t kTargets = 144; ///< of a unit, at most; a multiple of all heights of register tiles
constexpr int64_t kHeights = 24;
constexpr int64_t kStrip = 48;
constexpr int64_t kSourceBytes = 512; ///< of a row of scores
constexpr int64_t kRowBytes = 1024;   ///< of a query's row, and of sums, on the stack

class Tiles {
public:
  explicit Tiles(Attention &a);
  void lower();

private:
  void lowerUnit(Value unit);
  void lowerFeatures(Value fromFeature);
  void lowerSources(Value from, Value fromFeature);
  void lowerStrip(Value from);
  void copyQueries(size_t pair, Value from, Value rows, Value fromColumn, Value columns, Value to);
  void packKeys(size_t pair, Value fromColumn, Value columns, Value to);
  void packValues(Value fromFeature);
  void pack(size_t place, const PanelKind &kind, Value k, Value row, Value column, Value columns, Value to);
  void multiplyKeys(size_t pair, Value queries, Value keys, Value columns, Value more);
  void computeScores(bool masked);
  void rescale();
  void computeWeights();
  void multiplyValues();
  Value row(Value base, Value number, int64_t width) {
    return l.advance(base, l.mul(number, l.constant(width)), a.sum);
  }
  Dim depthOf(size_t pair) { return shapeOf(a.op.getQueries()[pair].getType()).dims.back(); }

  Attention &a;
  Lowering &l;
  cpu::Tiling keyTiling, valueTiling;
  int64_t block, width, strip; ///< sources of a tile; of a vector; targets of a strip
  int64_t part;                ///< of a query's row
  bool whole;                  ///< the queries of a unit fit
  int64_t featureBlock, sumsWidth;
  SmallVector<int64_t> queryOffsets; ///< of each pair in a row of queries
  int64_t queryWidth = 0;
  Value queries, keys, values, scores, sums, narrow;
  Value largest, base, factor, total, found; ///< of each target of the unit; `found` in this tile
  Attention::Position position;
  Value firstTarget, targets;          ///< of the unit
  Value firstSource, count, padded;    ///< of the tile; the number of rows of its values
  Value features;                      ///< of this turn
  Value stripFrom, stripTo, low, high; ///< the strip, and its sources, relative to the tile
};
} // namespace

Tiles::Tiles(Attention &a) : a(a), l(a.l), block(kSourceBytes / a.bytes), width(std::min(block, 2 * a.lanes)) {
  keyTiling = cpu::tilingFor(a.sum, cpu::panelWidth(a.sum, block, false, l.target), l.target);
  std::optional<int64_t> columns = a.features.asConstant();
  featureBlock = kRowBytes / a.bytes;
  if (columns)
    featureBlock = std::min(featureBlock, std::max<int64_t>(*columns, 1));
  if (columns)
    columns = featureBlock;
  valueTiling = cpu::tilingFor(a.sum, cpu::panelWidth(a.sum, columns, /*stridedLhs=*/true, l.target), l.target);
  assert(kHeights % keyTiling.rows() == 0 && kHeights % valueTiling.rows() == 0);
  sumsWidth = llvm::alignTo(featureBlock, valueTiling.panel());
  whole = true;
  for (size_t pair = 0; pair < a.pairs(); ++pair) {
    std::optional<int64_t> depth = depthOf(pair).asConstant();
    queryOffsets.push_back(queryWidth);
    queryWidth += depth.value_or(0);
    whole &= depth.has_value();
  }
  part = kRowBytes / a.bytes;
  if (!whole || queryWidth > part)
    whole = false, queryWidth = part;
  strip = whole ? kStrip : kTargets;
}

void Tiles::lower() {
  auto room = [&](unsigned number, int64_t count) { return l.scratch(number, count * a.bytes); };
  queries = room(0, (kTargets + kHeights) * queryWidth);
  keys = room(1, block * queryWidth);
  values = room(2, block * sumsWidth);
  scores = room(3, (strip + kHeights) * block * a.pairs());
  sums = room(4, (kTargets + kHeights) * sumsWidth);
  narrow = l.scratch(5, std::max(part * keyTiling.panel(), block * valueTiling.panel()) * a.bytes);
  for (Value *v : {&largest, &base, &factor, &total, &found})
    *v = l.stack(a.sum, kTargets + kHeights);
  // As many targets to a unit as fit, but units for all threads.
  Value targets = l.size(a.targets), positions = l.maximum(l.size(a.leading.count()), l.constant(1));
  Value wanted =
      l.minimum(l.ceilQuotient(l.mul(l.teamSize(), l.constant(2)), positions), l.ceilQuotient(targets, kHeights));
  Value tiles = l.maximum(l.maximum(l.ceilQuotient(targets, kTargets), wanted), l.constant(1));
  Value height = a.roundUp(l.ceilQuotient(targets, tiles), kHeights);
  tiles = l.ceilQuotient(targets, l.maximum(height, l.constant(1)));
  Value units = l.mul(l.size(a.leading.count()), tiles), one = l.constant(1);
  this->targets = height;
  l.loop(l.constant(0), l.ceilQuotient(units, l.teamSize()), 1, [&](Value turn) {
    Value odd =
        arith::CmpIOp::create(l.b, l.loc, arith::CmpIPredicate::eq, arith::AndIOp::create(l.b, l.loc, turn, one), one);
    Value place = a.select(odd, l.sub(l.sub(l.teamSize(), one), l.tid()), l.tid());
    Value unit = l.add(l.mul(turn, l.teamSize()), place);
    l.ifThen(l.less(unit, units), [&] {
      position = a.positionOf(arith::DivUIOp::create(l.b, l.loc, unit, tiles));
      firstTarget = l.mul(arith::RemUIOp::create(l.b, l.loc, unit, tiles), height);
      this->targets = l.minimum(height, l.sub(targets, firstTarget));
      a.enter(position);
      lowerUnit(unit);
    });
  });
}

void Tiles::lowerUnit(Value unit) {
  if (whole)
    for (size_t pair = 0; pair < a.pairs(); ++pair)
      copyQueries(pair, firstTarget, targets, l.constant(0), l.size(depthOf(pair)),
                  l.advance(queries, l.constant(queryOffsets[pair]), a.sum));
  l.loop(l.constant(0), l.size(a.features), featureBlock, [&](Value from) { lowerFeatures(from); });
}

/// The targets' rows of `columns` columns, then rows of zeros up to what the kernels compute.
void Tiles::copyQueries(size_t pair, Value from, Value rows, Value fromColumn, Value columns, Value to) {
  Value none = l.constant(0);
  auto into = [&](Value r, Value c) { return l.advance(row(to, r, queryWidth), c, a.sum); };
  l.loop(none, rows, 1, [&](Value r) {
    l.vectorLoop(none, columns, a.lanes, [&](Value c, Value mask, Value count) {
      Value v = a.read(a.query(pair), position, l.add(from, r), l.add(fromColumn, c), a.lanes, count);
      l.store(v, into(r, c), a.sum, mask);
    });
  });
  l.loop(rows, a.roundUp(rows, keyTiling.rows()), 1, [&](Value r) {
    l.vectorLoop(none, columns, a.lanes,
                 [&](Value c, Value mask, Value) { l.store(a.number(0, a.lanes), into(r, c), a.sum, mask); });
  });
}

void Tiles::lowerFeatures(Value fromFeature) {
  features = l.minimum(l.constant(featureBlock), l.sub(l.size(a.features), fromFeature));
  Value none = l.constant(0), last = l.sub(l.add(firstTarget, targets), l.constant(1));
  Value rows = a.roundUp(targets, valueTiling.rows());
  l.loop(none, l.mul(rows, l.constant(sumsWidth)), a.lanes,
         [&](Value i) { l.store(a.number(0, a.lanes), l.advance(sums, i, a.sum), a.sum); });
  Value lowest = a.number(-std::numeric_limits<double>::infinity(), a.lanes);
  l.loop(none, targets, a.lanes, [&](Value i) {
    l.store(lowest, l.advance(largest, i, a.sum), a.sum);
    l.store(a.number(0, a.lanes), l.advance(total, i, a.sum), a.sum);
  });
  Share all = a.filter.hull(firstTarget, last);
  l.loop(a.roundDown(all.from, block), all.to, block, [&](Value from) {
    auto tile = [&] { lowerSources(from, fromFeature); };
    if (Value some = a.filter.meets(firstTarget, last, from, l.add(from, l.constant(block))))
      l.ifThen(some, tile);
    else
      tile();
  });
  l.loop(none, targets, 1, [&](Value r) {
    auto of = [&](Value numbers) { return l.load(l.advance(numbers, r, a.sum), a.sum, 1); };
    a.finish(position, l.add(firstTarget, r), row(sums, r, sumsWidth), fromFeature, l.add(fromFeature, features),
             of(largest), of(total));
  });
}

void Tiles::lowerSources(Value from, Value fromFeature) {
  firstSource = from;
  count = l.minimum(l.constant(block), l.sub(l.size(a.sources), from));
  padded = a.roundUp(count, width);
  if (whole)
    for (size_t pair = 0; pair < a.pairs(); ++pair)
      packKeys(pair, l.constant(0), l.size(depthOf(pair)),
               l.advance(keys, l.constant(queryOffsets[pair] * block), a.sum));
  packValues(fromFeature);
  l.loop(l.constant(0), targets, strip, [&](Value s) { lowerStrip(s); });
}

/// One panel, as numbers that are summed.
void Tiles::pack(size_t place, const PanelKind &kind, Value k, Value row, Value column, Value columns, Value to) {
  Type element = a.elementOfPlace(place);
  Value from = a.at(place, position, row, column);
  if (element == a.sum)
    return packPanel(l, kind, k, from, to, columns);
  packPanel(l, kind, k, from, narrow, columns);
  l.loop(l.constant(0), l.mul(k, l.constant(kind.panel)), a.lanes, [&](Value i) {
    Value v = l.load(l.advance(narrow, i, element), element, a.lanes);
    l.store(CastOp::create(l.b, l.loc, l.vectorOf(a.sum, a.lanes), v), l.advance(to, i, a.sum), a.sum);
  });
}

void Tiles::packKeys(size_t pair, Value fromColumn, Value columns, Value to) {
  size_t place = a.key(pair);
  PanelKind kind(l, a.elementOfPlace(place), keyTiling.panel(), a.columnStride(place), a.rowStride(place));
  l.loop(l.constant(0), count, keyTiling.panel(), [&](Value first) {
    pack(place, kind, columns, l.add(firstSource, first), fromColumn,
         l.minimum(l.constant(keyTiling.panel()), l.sub(count, first)), l.advance(to, l.mul(first, columns), a.sum));
  });
}

void Tiles::packValues(Value fromFeature) {
  PanelKind kind(l, a.elementOfPlace(a.value()), valueTiling.panel(), a.rowStride(a.value()),
                 a.columnStride(a.value()));
  int64_t panel = valueTiling.panel();
  l.loop(l.constant(0), features, panel, [&](Value first) {
    Value to = l.advance(values, l.mul(first, l.constant(block)), a.sum);
    pack(a.value(), kind, count, firstSource, l.add(fromFeature, first),
         l.minimum(l.constant(panel), l.sub(features, first)), to);
    l.loop(l.mul(count, l.constant(panel)), l.mul(padded, l.constant(panel)), a.lanes,
           [&](Value i) { l.store(a.number(0, a.lanes), l.advance(to, i, a.sum), a.sum); });
  });
}

void Tiles::lowerStrip(Value from) {
  stripFrom = from;
  stripTo = l.minimum(l.add(from, l.constant(strip)), targets);
  Value first = l.add(firstTarget, from), last = l.sub(l.add(firstTarget, stripTo), l.constant(1)),
        none = l.constant(0);
  Share all = a.filter.hull(first, last);
  low = a.roundDown(l.maximum(l.sub(all.from, firstSource), none), width);
  high = a.roundUp(l.maximum(l.minimum(l.sub(all.to, firstSource), count), none), width);
  l.ifThen(l.less(low, high), [&] {
    for (size_t pair = 0; pair < a.pairs(); ++pair) {
      Value off = l.constant(queryOffsets[pair]), depth = l.size(depthOf(pair));
      Value no = arith::ConstantIntOp::create(l.b, l.loc, l.b.getI1Type(), 0);
      if (whole) {
        multiplyKeys(pair, row(l.advance(queries, off, a.sum), from, queryWidth),
                     l.advance(keys, l.mul(off, l.constant(block)), a.sum), depth, no);
        continue;
      }
      l.loop(none, l.maximum(depth, l.constant(1)), part, [&](Value k) {
        Value columns = l.minimum(l.constant(part), l.sub(depth, k));
        copyQueries(pair, first, l.sub(stripTo, from), k, columns, queries);
        packKeys(pair, k, columns, keys);
        multiplyKeys(pair, queries, keys, columns, l.less(none, k));
      });
    }
    Value there = arith::CmpIOp::create(l.b, l.loc, arith::CmpIPredicate::eq, count, l.constant(block));
    Value covered = a.filter.covers(first, last, firstSource, l.add(firstSource, l.constant(block)));
    if (constantOf(covered) == 0)
      computeScores(true);
    else
      l.ifThenElse(
          arith::AndIOp::create(l.b, l.loc, there, covered), [&] { computeScores(false); },
          [&] { computeScores(true); });
    rescale();
    computeWeights();
    multiplyValues();
  });
}

/// Products of the strip's queries and the keys of the panels between `low` and `high`.
void Tiles::multiplyKeys(size_t pair, Value queries, Value keys, Value columns, Value more) {
  int64_t panel = keyTiling.panel();
  SmallVector<int64_t, 4> narrower;
  for (int64_t vectors = keyTiling.vectors - 1; vectors > 0; --vectors)
    narrower.push_back(vectors);
  Value out = l.advance(scores, l.constant(int64_t(pair) * (strip + kHeights) * block), a.sum), none = l.constant(0);
  l.loop(a.roundDown(low, panel), high, panel, [&](Value first) {
    l.loop(none, l.sub(stripTo, stripFrom), keyTiling.rows(), [&](Value r) {
      TileCall call;
      call.lhs = row(queries, r, queryWidth);
      call.rowStride = l.constant(queryWidth);
      call.kStride = l.constant(1);
      call.rhs = l.advance(keys, l.mul(first, columns), a.sum);
      call.panelStride = none;
      call.k = columns;
      call.out = l.advance(row(out, r, block), first, a.sum);
      call.outStride = l.constant(block);
      call.rows = l.constant(keyTiling.rows());
      call.panels = l.constant(1);
      call.more = more;
      call.vectors = l.ceilQuotient(l.sub(high, first), keyTiling.lanes);
      callTile(l, {a.sum, a.sum, keyTiling, /*unitK=*/true, narrower}, call);
    });
  });
}

/// Scores in the place of the first pair's products, and the largest of each row.
void Tiles::computeScores(bool masked) {
  int64_t pairSize = (strip + kHeights) * block;
  l.loop(stripFrom, stripTo, 1, [&](Value r) {
    Value target = l.add(firstTarget, r), products = row(scores, l.sub(r, stripFrom), block);
    Share interval;
    if (masked) {
      interval = a.filter.interval(target);
      interval = {l.sub(interval.from, firstSource), l.minimum(l.sub(interval.to, firstSource), count)};
    }
    Value lowest = a.number(-std::numeric_limits<double>::infinity(), width);
    Value most = l.loop(low, high, width, {lowest}, [&](Value c, ValueRange most) -> SmallVector<Value> {
      SmallVector<Value> all;
      for (size_t pair = 0; pair < a.pairs(); ++pair)
        all.push_back(l.load(l.advance(products, l.add(c, l.constant(int64_t(pair) * pairSize)), a.sum), a.sum, width));
      Value mask, left;
      if (masked) {
        left = l.sub(count, c);
        mask = l.mask(l.sub(interval.to, c), width);
        Value before = l.mask(l.sub(interval.from, c), width);
        mask = a.select(before, l.splat(arith::ConstantIntOp::create(l.b, l.loc, l.b.getI1Type(), 0), width), mask);
      }
      Value s = a.score({position, target, l.add(firstSource, c), left, width}, all, mask);
      l.store(s, l.advance(products, c, a.sum), a.sum);
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
  l.loop(stripFrom, stripTo, 1, [&](Value r) {
    Value products = row(scores, l.sub(r, stripFrom), block);
    auto of = [&](Value numbers) { return l.load(l.advance(numbers, r, a.sum), a.sum, 1); };
    Value from = l.splat(of(base), width);
    Value added = l.loop(low, high, width, {a.number(0, width)}, [&](Value c, ValueRange added) -> SmallVector<Value> {
      Value at = l.advance(products, c, a.sum), e = a.exp(a.minus(l.load(at, a.sum, width), from));
      l.store(e, at, a.sum);
      return {a.plus(added[0], e)};
    })[0];
    Value shrink = of(factor), sum = a.fold(added, [&](Value x, Value y) { return a.plus(x, y); });
    l.store(a.plus(a.times(of(total), shrink), sum), l.advance(total, r, a.sum), a.sum);
    l.ifThen(arith::CmpFOp::create(l.b, l.loc, arith::CmpFPredicate::UNE, shrink, a.number(1, 1)), [&] {
      l.loop(l.constant(0), l.constant(sumsWidth), a.lanes, [&](Value f) {
        Value at = l.advance(row(sums, r, sumsWidth), f, a.sum);
        l.store(a.times(l.load(at, a.sum, a.lanes), l.splat(shrink, a.lanes)), at, a.sum);
      });
    });
  });
}

/// Adds the products of the strip's exponentials and the tile's values.
void Tiles::multiplyValues() {
  int64_t panel = valueTiling.panel();
  Value yes = arith::ConstantIntOp::create(l.b, l.loc, l.b.getI1Type(), 1);
  l.loop(l.constant(0), features, panel, [&](Value first) {
    l.loop(stripFrom, stripTo, valueTiling.rows(), [&](Value r) {
      TileCall call;
      call.lhs = l.advance(row(scores, l.sub(r, stripFrom), block), low, a.sum);
      call.rowStride = l.constant(block);
      call.kStride = l.constant(1);
      call.rhs = l.advance(values, l.add(l.mul(first, l.constant(block)), l.mul(low, l.constant(panel))), a.sum);
      call.panelStride = l.constant(0);
      call.k = l.sub(high, low);
      call.out = l.advance(row(sums, r, sumsWidth), first, a.sum);
      call.outStride = l.constant(sumsWidth);
      call.rows = l.constant(valueTiling.rows());
      call.panels = l.constant(1);
      call.more = yes;
      call.vectors = l.constant(valueTiling.vectors);
      callTile(l, {a.sum, a.sum, valueTiling, /*unitK=*/true, {}}, call);
    });
  });
}

void nnc::lowerAttentionByTiles(Attention &a) { Tiles(a).lower(); }
