// What neighbourhoods give for every pair, and the ends of edges.
#include "compiler/lower/Neighbourhood.h"

using namespace mlir;
using namespace nn;
using namespace nnc;

/// What one pair gives, or zeros: at `leading` of the result.
void NeighbourhoodLowering::writeEach(ValueRange leading) {
  auto all = [&](function_ref<Value(const Position &)> value) {
    if (axes.rank() == 0)
      return store(op.getInits()[0], leading, Position(), value(Position()));
    std::function<void(Position)> outer = [&](Position at) {
      if (at.at.size() + 1 < axes.rank())
        return l.loop(l.constant(0), l.size(axes[at.at.size()]), 1, [&](Value i) {
          Position more = at;
          more.at.push_back(i);
          outer(more);
        });
      l.vectorLoop(l.constant(0), l.size(axes[axes.rank() - 1]), width, [&](Value i, Value mask, Value count) {
        Position p = at;
        p.at.push_back(i);
        p.lanes = axes.rank() - 1;
        p.mask = mask, p.count = count;
        store(op.getInits()[0], leading, p, value(p));
      });
    };
    outer(Position());
  };
  auto compute = [&] {
    PairBody::Scope scope(body);
    body.prepare(body.yielded(0));
    all([&](const Position &p) {
      PairBody::Scope inner(body);
      return body.vector(body.yielded(0), p);
    });
  };
  if (!where)
    return compute();
  Value keep = where->scalar(where->yielded(0));
  l.ifThenElse(keep, compute, [&] { all([&](const Position &p) { return zero(l.vectorOf(element, lanesAt(p))); }); });
}

/// Over a graph: edges in the caller's order, shared equally; of a tile by target those of one target after the other.
void NeighbourhoodLowering::eachEdge() {
  if (graph->isByTarget()) {
    Share share = graph->shareTargets();
    return l.loop(share.from, share.to, 1, [&](Value target) {
      Row r;
      r.target = target;
      r.pairs = graph->range(target);
      l.loop(r.pairs.from, r.pairs.to, 1, [&](Value number) {
        eachEdge(r, graph->pair(target, number, r.pairs, /*wantsEdge=*/false).source, number);
      });
    });
  }
  Share share = l.share(graph->edges());
  l.loop(share.from, share.to, 1, [&](Value edge) {
    auto [source, target] = graph->ends(edge);
    Row r;
    r.target = target;
    eachEdge(r, source, edge);
  });
}

void NeighbourhoodLowering::eachEdge(Row &r, Value source, Value edge) {
  overFree({}, [&](ArrayRef<Value> chosen) {
    PairBody::Scope scope(body);
    std::optional<PairBody::Scope> other;
    if (where)
      other.emplace(*where);
    r.free.assign(chosen.begin(), chosen.end());
    setRow(r);
    setPair(source, edge, edge);
    Values leading = r.free;
    leading.push_back(edge);
    writeEach(leading);
  });
}

/// Over a dense domain: all sources of a target, in order.
void NeighbourhoodLowering::eachPair(Row &r) {
  PairBody::Scope scope(body);
  std::optional<PairBody::Scope> other;
  if (where)
    other.emplace(*where);
  setRow(r);
  body.prepareRow();
  if (where)
    where->prepareRow();
  Value count = l.size(op.getSources().getValue());
  l.loop(l.constant(0), count, 1, [&](Value source) {
    PairBody::Scope inner(body);
    std::optional<PairBody::Scope> second;
    if (where)
      second.emplace(*where);
    setPair(source, {}, l.add(l.mul(r.target, count), source));
    Values leading = r.free;
    leading.push_back(r.target);
    leading.push_back(source);
    writeEach(leading);
  });
}

/// Threads take shares of the edges.
void nnc::lowerEndpoints(EndpointsOp op, Lowering &l) {
  GraphPairs graph(op.getGraph(), l);
  auto write = [&](Value at, ArrayRef<Value> values) {
    for (auto [place, v] : llvm::zip(op.getInits(), values)) {
      auto type = cast<RefType>(place.getType());
      Type element = type.getElementType();
      Value stored = element.isInteger(64) ? v : arith::TruncIOp::create(l.b, l.loc, element, v).getResult();
      l.store(stored, l.advance(l.pointer(place), l.mul(at, l.size(type.getStrides()[0])), element), element);
    }
  };
  if (graph.isByTarget()) {
    Share share = graph.shareTargets();
    l.loop(share.from, share.to, 1, [&](Value target) {
      Share pairs = graph.range(target);
      l.loop(pairs.from, pairs.to, 1, [&](Value i) {
        GraphPairs::Pair pair = graph.pair(target, i, pairs, /*wantsEdge=*/true);
        write(i, {pair.source, target, pair.edge});
      });
    });
  } else {
    Share share = l.share(graph.edges());
    l.loop(share.from, share.to, 1, [&](Value edge) {
      auto [source, target] = graph.ends(edge);
      if (graph.isTile())
        write(edge, {source, target, l.add(graph.firstOfTile(), edge)});
      else
        write(edge, {source, target});
    });
  }
  op.erase();
}
