#include "compiler/lower/PairTiles.h"

using namespace mlir;
using namespace nn;
using namespace nnc;

// Many targets:
//  1. A unit of work is a tile of targets at a leading position. Threads take units in turns, forward and backward, so
//     that units which grow or shrink along the targets are shared evenly. Which thread does a unit changes nothing.
//  2. The unit's queries are copied, as numbers that are summed. Tiles of sources begin at multiples of their size; of
//     those that the predicate lets through, keys and values are packed into panels.
//  3. Strips of targets, so few that their numbers stay in the first-level cache: products of queries and keys by the
//     kernels of contractions; weights from these, masked unless the predicate lets the whole strip through; products
//     of these with the values, added to the sums, by the same kernels. A strip computes the sources between the bounds
//     of its targets only.
//  4. At the end the sums are written.
// Rows of queries that do not fit are copied and multiplied in parts, with the whole tile as one strip; features that
// do not fit are done in further turns.

static constexpr int64_t kSourceBytes = 512; ///< of a row of scores
static constexpr int64_t kRowBytes = 1024;   ///< of a query's row, and of sums, on the stack

PairTiles::PairTiles(DensePairs &a, size_t weights, int64_t targets, int64_t strip)
    : a(a), l(a.l), block(kSourceBytes / a.bytes), unitTargets(targets), strip(strip),
      slots(std::max(weights, a.pairs())),
      keyTiling(cpu::tilingFor(a.sum, cpu::panelWidth(a.sum, block, false, l.target), l.target)) {
  width = std::min(block, 2 * a.lanes);
  assert(strip % kHeights == 0 && targets % strip == 0 && kHeights % keyTiling.rows() == 0);
  size_t count = a.op.getValues().size();
  part = featureBlock = kRowBytes / a.bytes;
  if (count > 1)
    featureBlock = std::max<int64_t>(llvm::alignDown(featureBlock / count, 4 * a.lanes), 4 * a.lanes);
  int64_t most = 1;
  for (size_t n = 0; n < count; ++n)
    most = std::max(most, a.features(n).asConstant().value_or(featureBlock));
  featureBlock = std::min(featureBlock, most);
  for (size_t n = 0; n < count; ++n) {
    std::optional<int64_t> columns = a.features(n).asConstant();
    int64_t widest = std::min(featureBlock, std::max<int64_t>(1, columns.value_or(featureBlock)));
    if (columns)
      columns = widest;
    auto tiling = cpu::tilingFor(a.sum, cpu::panelWidth(a.sum, columns, /*stridedLhs=*/true, l.target), l.target);
    assert(kHeights % tiling.rows() == 0);
    values.push_back({tiling, int64_t(llvm::alignTo(widest, tiling.panel())), {}, {}, {}});
  }
  whole = true;
  for (size_t pair = 0; pair < a.pairs(); ++pair) {
    std::optional<int64_t> depth = depthOf(pair).asConstant();
    queryOffsets.push_back(queryWidth);
    queryWidth += depth.value_or(0);
    whole &= depth.has_value();
  }
  if (!whole || queryWidth > part)
    whole = false, queryWidth = part, this->strip = unitTargets;
}

void PairTiles::allocateTiles() {
  auto room = [&](unsigned number, int64_t count) { return l.scratch(number, count * a.bytes); };
  int64_t sumsWidth = 0, panel = 0;
  for (Summed &v : values) {
    sumsWidth += v.width;
    panel = std::max(panel, v.tiling.panel());
  }
  queries = room(0, (unitTargets + kHeights) * queryWidth);
  keys = room(1, block * queryWidth);
  scores = room(3, (strip + kHeights) * block * slots);
  narrow = room(5, std::max(part * keyTiling.panel(), block * panel));
  Value packed = room(2, block * sumsWidth), sums = room(4, (unitTargets + kHeights) * sumsWidth);
  int64_t before = 0;
  for (Summed &v : values) {
    v.packed = l.advance(packed, l.constant(before * block), a.sum);
    v.sums = l.advance(sums, l.constant(before * (unitTargets + kHeights)), a.sum);
    before += v.width;
  }
}

void PairTiles::lower() {
  allocateTiles();
  allocate();
  // As many targets to a unit as fit, but units for all threads.
  Value targets = l.size(a.targets), positions = l.maximum(l.size(a.leading.count()), l.constant(1));
  Value wanted =
      l.minimum(l.ceilQuotient(l.mul(l.teamSize(), l.constant(2)), positions), l.ceilQuotient(targets, kHeights));
  Value tiles = l.maximum(l.maximum(l.ceilQuotient(targets, unitTargets), wanted), l.constant(1));
  Value height = a.roundUp(l.ceilQuotient(targets, tiles), kHeights);
  tiles = l.ceilQuotient(targets, l.maximum(height, l.constant(1)));
  Value units = l.mul(l.size(a.leading.count()), tiles), one = l.constant(1);
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
      lowerUnit();
    });
  });
}

void PairTiles::lowerUnit() {
  if (whole)
    for (size_t pair = 0; pair < a.pairs(); ++pair)
      copyQueries(pair, firstTarget, targets, l.constant(0), l.size(depthOf(pair)),
                  l.advance(queries, l.constant(queryOffsets[pair]), a.sum));
  Value most = l.constant(1); // without columns there may be sums of weights
  for (size_t n = 0; n < values.size(); ++n)
    most = l.maximum(most, l.size(a.features(n)));
  l.loop(l.constant(0), most, featureBlock, [&](Value from) {
    fromFeature = from;
    lowerTurn();
  });
}

/// The targets' rows of `columns` columns, then rows of zeros up to what the kernels compute.
void PairTiles::copyQueries(size_t pair, Value from, Value rows, Value fromColumn, Value columns, Value to) {
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

void PairTiles::lowerTurn() {
  Value none = l.constant(0), last = l.sub(l.add(firstTarget, targets), l.constant(1));
  for (size_t n = 0; n < values.size(); ++n) {
    Summed &v = values[n];
    v.features = l.maximum(l.minimum(l.constant(featureBlock), l.sub(l.size(a.features(n)), fromFeature)), none);
    l.loop(none, l.mul(a.roundUp(targets, v.tiling.rows()), l.constant(v.width)), a.lanes,
           [&](Value i) { l.store(a.number(0, a.lanes), l.advance(v.sums, i, a.sum), a.sum); });
  }
  begin();
  Share all = a.filter.hull(firstTarget, last);
  l.loop(a.roundDown(all.from, block), all.to, block, [&](Value from) {
    auto tile = [&] { lowerSources(from); };
    if (Value some = a.filter.meets(firstTarget, last, from, l.add(from, l.constant(block))))
      l.ifThen(some, tile);
    else
      tile();
  });
  l.loop(none, targets, 1, [&](Value r) { finish(r); });
}

void PairTiles::lowerSources(Value from) {
  firstSource = from;
  count = l.minimum(l.constant(block), l.sub(l.size(a.sources), from));
  if (whole)
    for (size_t pair = 0; pair < a.pairs(); ++pair)
      packKeys(pair, l.constant(0), l.size(depthOf(pair)),
               l.advance(keys, l.constant(queryOffsets[pair] * block), a.sum));
  for (size_t n = 0; n < values.size(); ++n)
    packValues(n);
  l.loop(l.constant(0), targets, strip, [&](Value s) { lowerStrip(s); });
}

/// One panel, as numbers that are summed.
void PairTiles::pack(size_t place, const PanelKind &kind, Value k, Value row, Value column, Value columns, Value to) {
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

void PairTiles::packKeys(size_t pair, Value fromColumn, Value columns, Value to) {
  size_t place = a.key(pair);
  PanelKind kind(l, a.elementOfPlace(place), keyTiling.panel(), a.columnStride(place), a.rowStride(place));
  l.loop(l.constant(0), count, keyTiling.panel(), [&](Value first) {
    pack(place, kind, columns, l.add(firstSource, first), fromColumn,
         l.minimum(l.constant(keyTiling.panel()), l.sub(count, first)), l.advance(to, l.mul(first, columns), a.sum));
  });
}

/// Rows of zeros follow up to whole vectors of pairs.
void PairTiles::packValues(size_t value) {
  Summed &v = values[value];
  size_t place = a.value(value);
  int64_t panel = v.tiling.panel();
  PanelKind kind(l, a.elementOfPlace(place), panel, a.rowStride(place), a.columnStride(place));
  l.loop(l.constant(0), v.features, panel, [&](Value first) {
    Value to = l.advance(v.packed, l.mul(first, l.constant(block)), a.sum);
    pack(place, kind, count, firstSource, l.add(fromFeature, first),
         l.minimum(l.constant(panel), l.sub(v.features, first)), to);
    l.loop(l.mul(count, l.constant(panel)), l.mul(a.roundUp(count, width), l.constant(panel)), a.lanes,
           [&](Value i) { l.store(a.number(0, a.lanes), l.advance(to, i, a.sum), a.sum); });
  });
}

void PairTiles::lowerStrip(Value from) {
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
      computePairs(true);
    else
      l.ifThenElse(
          arith::AndIOp::create(l.b, l.loc, there, covered), [&] { computePairs(false); }, [&] { computePairs(true); });
    computeWeights();
    for (size_t n = 0; n < values.size(); ++n)
      multiplyValues(n);
  });
}

Value PairTiles::place(size_t n, Value r, Value column) {
  int64_t before = int64_t(n) * (strip + kHeights) * block;
  return l.advance(row(scores, l.sub(r, stripFrom), block), l.add(column, l.constant(before)), a.sum);
}

Value PairTiles::sumsOf(size_t value, Value r) { return row(values[value].sums, r, values[value].width); }

/// Products of the strip's queries and the keys of the panels between `low` and `high`.
void PairTiles::multiplyKeys(size_t pair, Value queries, Value keys, Value columns, Value more) {
  int64_t panel = keyTiling.panel();
  SmallVector<int64_t, 4> narrower;
  for (int64_t vectors = keyTiling.vectors - 1; vectors > 0; --vectors)
    narrower.push_back(vectors);
  l.loop(a.roundDown(low, panel), high, panel, [&](Value first) {
    l.loop(l.constant(0), l.sub(stripTo, stripFrom), keyTiling.rows(), [&](Value r) {
      TileCall call;
      call.lhs = row(queries, r, queryWidth);
      call.rowStride = l.constant(queryWidth);
      call.kStride = l.constant(1);
      call.rhs = l.advance(keys, l.mul(first, columns), a.sum);
      call.panelStride = l.constant(0);
      call.k = columns;
      call.out = place(pair, l.add(stripFrom, r), first);
      call.outStride = l.constant(block);
      call.rows = l.constant(keyTiling.rows());
      call.panels = l.constant(1);
      call.more = more;
      call.vectors = l.ceilQuotient(l.sub(high, first), keyTiling.lanes);
      callTile(l, {a.sum, a.sum, keyTiling, /*unitK=*/true, narrower}, call);
    });
  });
}

/// Adds the products of the strip's weights and the tile's values.
void PairTiles::multiplyValues(size_t value) {
  Summed &v = values[value];
  int64_t panel = v.tiling.panel();
  Value yes = arith::ConstantIntOp::create(l.b, l.loc, l.b.getI1Type(), 1);
  l.loop(l.constant(0), v.features, panel, [&](Value first) {
    l.loop(stripFrom, stripTo, v.tiling.rows(), [&](Value r) {
      TileCall call;
      call.lhs = place(value, r, low);
      call.rowStride = l.constant(block);
      call.kStride = l.constant(1);
      call.rhs = l.advance(v.packed, l.add(l.mul(first, l.constant(block)), l.mul(low, l.constant(panel))), a.sum);
      call.panelStride = l.constant(0);
      call.k = l.sub(high, low);
      call.out = l.advance(sumsOf(value, r), first, a.sum);
      call.outStride = l.constant(v.width);
      call.rows = l.constant(v.tiling.rows());
      call.panels = l.constant(1);
      call.more = yes;
      call.vectors = l.constant(v.tiling.vectors);
      callTile(l, {a.sum, a.sum, v.tiling, /*unitK=*/true, {}}, call);
    });
  });
}

SmallVector<Value> PairTiles::forPairs(Value r, bool masked, ValueRange init,
                                       function_ref<SmallVector<Value>(const Step &, ValueRange)> body) {
  Value target = l.add(firstTarget, r);
  Share interval;
  if (masked) {
    interval = a.filter.interval(target);
    interval = {l.sub(interval.from, firstSource), l.minimum(l.sub(interval.to, firstSource), count)};
  }
  return l.loop(low, high, width, init, [&](Value c, ValueRange carried) -> SmallVector<Value> {
    SmallVector<Value> products;
    for (size_t pair = 0; pair < a.pairs(); ++pair)
      products.push_back(l.load(place(pair, r, c), a.sum, width));
    Value mask, left;
    if (masked) {
      left = l.sub(count, c);
      mask = l.mask(l.sub(interval.to, c), width);
      Value before = l.mask(l.sub(interval.from, c), width);
      mask = a.select(before, l.splat(arith::ConstantIntOp::create(l.b, l.loc, l.b.getI1Type(), 0), width), mask);
    }
    return body({{position, target, l.add(firstSource, c), left, width}, c, products, mask}, carried);
  });
}
