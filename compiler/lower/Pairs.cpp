#include "compiler/lower/Pairs.h"
#include "runtime/Abi.h"

#include <cstddef>

using namespace mlir;
using namespace nn;
using namespace nnc;

// ---- graphs
// ----------------------------------------------------------------------------------------------------------

GraphPairs::GraphPairs(Value seen, Lowering &l) : l(l) {
  Value nodes = seen;
  tile = seen.getDefiningOp<TileOp>();
  if (tile) {
    first = l.size(tile.getFirst().getValue());
    count = l.size(cast<nn::GraphType>(tile.getType()).getEdges());
    seen = tile.getGraph();
  }
  while (Operation *view = seen.getDefiningOp()) {
    if (isa<ReverseOp>(view))
      reversed = !reversed;
    else
      ++loops;
    seen = view->getOperand(0);
  }
  graph = l.pointer(seen);
  auto whole = cast<nn::GraphType>(nodes.getType());
  targets = l.size(whole.getTargets());
  ownEdges = l.size(cast<nn::GraphType>(seen.getType()).getEdges());
  start = array(reversed ? offsetof(nn_graph, out_start) : offsetof(nn_graph, in_start));
  sources = array(reversed ? offsetof(nn_graph, out_target) : offsetof(nn_graph, in_source));
  numbers = array(reversed ? offsetof(nn_graph, out_edge) : offsetof(nn_graph, in_edge));
  from = array(reversed ? offsetof(nn_graph, target) : offsetof(nn_graph, source));
  to = array(reversed ? offsetof(nn_graph, source) : offsetof(nn_graph, target));
}

Value GraphPairs::array(size_t offset) {
  Value at = l.advance(graph, l.constant(int64_t(offset)), l.b.getI8Type());
  return LLVM::LoadOp::create(l.b, l.loc, LLVM::LLVMPointerType::get(l.b.getContext()), at, alignof(void *));
}

Value GraphPairs::element(Value array, Value i) {
  Type i32 = l.b.getI32Type();
  Value v = LLVM::LoadOp::create(l.b, l.loc, i32, l.advance(array, i, i32), 4);
  return arith::ExtSIOp::create(l.b, l.loc, l.b.getI64Type(), v);
}

Value GraphPairs::slotsBefore(Value target) { return l.add(element(start, target), l.mul(target, l.constant(loops))); }

GraphPairs::Part GraphPairs::part(Value target) {
  Value from = slotsBefore(target), to = slotsBefore(l.add(target, l.constant(1)));
  return {l.less(from, first), l.less(l.add(first, count), to), l.sub(to, from)};
}

Share GraphPairs::range(Value target) {
  if (tile) {
    Value from = l.sub(slotsBefore(target), first), to = l.sub(slotsBefore(l.add(target, l.constant(1))), first);
    return {l.maximum(from, l.constant(0)), l.minimum(to, count)};
  }
  Value first = element(start, target), last = element(start, l.add(target, l.constant(1)));
  return {first, l.add(last, l.constant(loops))};
}

GraphPairs::Pair GraphPairs::pair(Value target, Value number, const Share &range, bool wantsEdge) {
  Value none = l.constant(0), last = range.to;
  if (tile) {
    number = l.sub(l.add(first, number), l.mul(target, l.constant(loops)));
    last = l.add(element(start, l.add(target, l.constant(1))), l.constant(loops));
  }
  auto own = [&]() -> SmallVector<Value> {
    return {element(sources, number), wantsEdge ? element(numbers, number) : none};
  };
  if (!loops) {
    SmallVector<Value> both = own();
    return {both[0], both[1]};
  }
  last = l.sub(last, l.constant(loops));
  Type i64 = l.b.getI64Type();
  SmallVector<Value> ends = l.ifThenElse(l.less(number, last), {i64, i64}, own, [&]() -> SmallVector<Value> {
    Value loop = l.mul(l.sub(number, last), targets);
    return {target, wantsEdge ? l.add(l.add(ownEdges, loop), target) : none};
  });
  return {ends[0], ends[1]};
}

std::pair<Value, Value> GraphPairs::ends(Value edge) {
  if (tile)
    edge = l.add(first, edge);
  auto own = [&]() -> SmallVector<Value> { return {element(from, edge), element(to, edge)}; };
  if (!loops) {
    SmallVector<Value> both = own();
    return {both[0], both[1]};
  }
  Type i64 = l.b.getI64Type();
  SmallVector<Value> both = l.ifThenElse(l.less(edge, ownEdges), {i64, i64}, own, [&]() -> SmallVector<Value> {
    Value node = arith::RemUIOp::create(l.b, l.loc, l.sub(edge, ownEdges), targets);
    return {node, node};
  });
  return {both[0], both[1]};
}

/// The first target with that much work before it: edges, and so much for each target. Halves the range 32 times.
Value GraphPairs::firstTargetOf(Value work, int64_t perTarget) {
  SmallVector<Value> found =
      l.loop(l.constant(0), l.constant(32), 1, {l.constant(0), targets}, [&](Value, ValueRange r) {
        Value middle = arith::ShRUIOp::create(l.b, l.loc, l.add(r[0], r[1]), l.constant(1));
        Value before = l.add(element(start, middle), l.mul(middle, l.constant(perTarget)));
        Value open = l.less(r[0], r[1]), low = l.less(before, work);
        Value high =
            arith::XOrIOp::create(l.b, l.loc, low, arith::ConstantIntOp::create(l.b, l.loc, l.b.getI1Type(), 1));
        auto pick = [&](Value when, Value a, Value c) {
          return arith::SelectOp::create(l.b, l.loc, arith::AndIOp::create(l.b, l.loc, open, when), a, c).getResult();
        };
        return SmallVector<Value>{pick(low, l.add(middle, l.constant(1)), r[0]), pick(high, middle, r[1])};
      });
  return found[0];
}

Share GraphPairs::shareTargets() {
  if (tile)
    return {l.size(tile.getFrom().getValue()), l.size(tile.getTo().getValue())};
  Value all = l.add(ownEdges, l.mul(targets, l.constant(loops + 1)));
  Value each = l.ceilQuotient(all, l.teamSize());
  Value first = l.minimum(l.mul(l.tid(), each), all), last = l.minimum(l.add(first, each), all);
  return {firstTargetOf(first, loops + 1), firstTargetOf(last, loops + 1)};
}

/// By target a tile has the targets whose slots begin in it, and the one that goes on from the tile before. The last
/// tile of a thread has all of its targets that are left; where no target has an edge there is one tile without edges.
void GraphPairs::forTiles(int64_t size, bool byTarget, function_ref<void(Value, Value, const Share &)> then) {
  Value none = l.constant(0), step = l.constant(size);
  auto select = [&](Value condition, Value a, Value c) -> Value {
    return arith::SelectOp::create(l.b, l.loc, condition, a, c);
  };
  if (!byTarget) {
    Value all = edges();
    Share share = l.share(all, size);
    return l.loop(share.from, share.to, size,
                  [&](Value from) { then(from, l.minimum(step, l.sub(all, from)), {none, targets}); });
  }
  Share share = shareTargets();
  Value from = slotsBefore(share.from), to = slotsBefore(share.to), one = l.constant(1);
  Value tiles = l.maximum(l.ceilQuotient(l.sub(to, from), size), select(l.less(share.from, share.to), one, none));
  l.loop(none, tiles, 1, {share.from}, [&](Value i, ValueRange at) {
    Value begin = l.add(from, l.mul(i, step)), end = l.minimum(l.add(begin, step), to);
    Value last = select(l.less(l.add(i, one), tiles), firstTargetOf(end, loops), share.to);
    then(begin, l.sub(end, begin), {at[0], last});
    return SmallVector<Value>{select(l.less(end, slotsBefore(last)), l.sub(last, one), last)};
  });
}

// ---- dense domains
// ---------------------------------------------------------------------------------------------------

SourceRange::SourceRange(NeighbourhoodOp op, Lowering &l) : op(op), l(l) {
  if (!op.getWhere().empty())
    exact = bounds(op.getWhere().front().getTerminator()->getOperand(0));
}

/// Adds times * v to the sum. What does not depend on the source is a term as it is.
bool SourceRange::affine(Value v, int64_t times, Sum &sum) {
  Value source = op.getWhere().front().getArgument(op.getFree().getValue().rank() + 1);
  if (v == source)
    return sum.source += times, true;
  Operation *maker = v.getDefiningOp();
  if (auto constant = dyn_cast_or_null<ConstantOp>(maker))
    return sum.constant += times * cast<IntegerAttr>(constant.getValue()).getInt(), true;
  if (isa_and_present<AddOp, SubOp>(maker))
    return affine(maker->getOperand(0), times, sum) &&
           affine(maker->getOperand(1), isa<SubOp>(maker) ? -times : times, sum);
  if (isa_and_present<NegOp>(maker))
    return affine(maker->getOperand(0), -times, sum);
  sum.terms.emplace_back(times, v);
  return true;
}

/// Takes the comparisons of a conjunction; false if something is left that each pair has to be asked.
bool SourceRange::bounds(Value v) {
  Operation *maker = v.getDefiningOp();
  if (isa_and_present<AndOp>(maker)) {
    bool first = bounds(maker->getOperand(0)), second = bounds(maker->getOperand(1));
    return first && second;
  }
  if (!isa_and_present<LtOp, LeOp, GtOp, GeOp, EqOp>(maker) || !elementOf(maker->getOperand(0).getType()).isInteger(64))
    return false;
  bool turned = isa<GtOp, GeOp>(maker), strict = isa<LtOp, GtOp>(maker);
  Sum sum; // a - b, and a < b or a <= b
  affine(maker->getOperand(turned ? 1 : 0), 1, sum);
  affine(maker->getOperand(turned ? 0 : 1), -1, sum);
  PairBody probe(op, op.getWhere(), l, 1);
  for (auto &[times, term] : sum.terms)
    if (!probe.isOfRow(term))
      return false;
  if (sum.source != 1 && sum.source != -1)
    return false;
  auto add = [&](bool below, int64_t sign, int64_t more) { // sign * rest + more
    Bound b{below, {}};
    b.bound.constant = sign * sum.constant + more;
    for (auto &[times, term] : sum.terms)
      b.bound.terms.emplace_back(sign * times, term);
    all.push_back(b);
  };
  // source + rest < 0: source < -rest. -source + rest < 0: source >= rest + 1.
  if (sum.source == 1) {
    add(true, -1, strict ? 0 : 1);
    if (isa<EqOp>(maker))
      add(false, -1, 0);
  } else {
    add(false, 1, strict ? 1 : 0);
    if (isa<EqOp>(maker))
      add(true, 1, 1);
  }
  return true;
}

Share SourceRange::range(PairBody *where) {
  Value first = l.constant(0), last = l.size(op.getSources().getValue()), end = last;
  for (const Bound &b : all) {
    Value at = l.constant(b.bound.constant);
    for (auto &[times, term] : b.bound.terms)
      at = l.add(at, l.mul(where->scalar(term), l.constant(times)));
    if (b.below)
      last = l.minimum(last, at);
    else
      first = l.maximum(first, at);
  }
  if (!all.empty()) // both may lie anywhere
    last = l.maximum(last, first = l.minimum(first, end));
  return {first, last};
}
