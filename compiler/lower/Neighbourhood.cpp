#include "compiler/lower/Neighbourhood.h"
#include "compiler/lower/Reducer.h"

using namespace mlir;
using namespace nn;
using namespace nnc;

/// Vectors that are accumulated at once, in registers.
static constexpr int64_t kBlock = 8, kAttendBlock = 16;
/// Targets of a dense domain that a thread takes at once.
static constexpr int64_t kGrain = 4;

static int64_t widthOf(NeighbourhoodOp op, Lowering &l) {
  Block &body = op.getBody().front();
  bool scalars = llvm::all_of(body.without_terminator(), [](Operation &inner) {
    return llvm::all_of(inner.getResultTypes(), [](Type t) { return shapeOf(t).rank() == 0; });
  });
  SmallVector<Type> elements;
  for (Value v : body.getTerminator()->getOperands())
    elements.push_back(elementOf(v.getType()));
  if (scalars)
    return l.widthFor(*body.getTerminator()->getBlock(), elements);
  // Indices are i64 and stay scalars.
  int64_t bytes = 0;
  body.walk([&](Operation *inner) {
    for (Type t : inner->getResultTypes())
      if (shapeOf(t).rank() > 0) {
        Type e = elementOf(t);
        int64_t own = std::max<int64_t>(1, e.getIntOrFloatBitWidth() / 8);
        bytes = std::max(bytes, isa<FloatType>(e) ? std::max<int64_t>(own, 4) : own);
      }
  });
  return l.target.lanes(std::max<int64_t>(bytes, 4));
}

NeighbourhoodLowering::NeighbourhoodLowering(NeighbourhoodOp op, Lowering &l)
    : op(op), l(l), code{l.b, l.loc, l.target}, free(op.getFree().getValue()), width(widthOf(op, l)),
      kind(op.getCombine()), body(op, op.getBody(), l, width) {
  Value last = op.getBody().front().getTerminator()->getOperands().back();
  axes = shapeOf(last.getType());
  element = elementOf(last.getType());
  accumulator = sumType(element, element);
  Type score = elementOf(op.getBody().front().getTerminator()->getOperand(0).getType());
  scoreType = sumType(score, score);
  if (op.isOverGraph())
    graph.emplace(op.getGraph()[0], l);
  else
    sources.emplace(op, l);
  bool asks = !op.getWhere().empty();
  if (asks && (op.isOverGraph() || !sources->isExact() || kind == "each"))
    where.emplace(op, op.getWhere(), l, width);
  if (asks && sources)
    bounds.emplace(op, op.getWhere(), l, width);
}

// ---- loops over targets
// ----------------------------------------------------------------------------------------------

void NeighbourhoodLowering::overFree(Values done, function_ref<void(ArrayRef<Value>)> then) {
  if (done.size() == free.rank())
    return then(done);
  l.loop(l.constant(0), l.size(free[done.size()]), 1, [&](Value i) {
    Values more = done;
    more.push_back(i);
    overFree(more, then);
  });
}

/// Targets with their edges are shared so that threads have equally many edges; of dense domains, where the work for a
/// target may grow with its number, each thread takes small groups in turn. A target is never divided: what is computed
/// does not depend on the number of threads.
void NeighbourhoodLowering::rows() {
  auto then = [&](Value target) {
    Row r;
    r.target = target;
    if (graph)
      r.pairs = graph->range(target);
    if (op.mayGoOn())
      r.part = graph->part(target);
    overFree({}, [&](ArrayRef<Value> chosen) {
      r.free.assign(chosen.begin(), chosen.end());
      if (kind == "each")
        eachPair(r);
      else
        row(r);
    });
  };
  if (graph) {
    Share share = graph->shareTargets();
    return l.loop(share.from, share.to, 1, then);
  }
  Value targets = l.size(op.getTargets().getValue());
  Value groups = l.ceilQuotient(targets, kGrain);
  l.loop(l.tid(), groups, l.teamSize(), [&](Value group) {
    Value first = l.mul(group, l.constant(kGrain));
    l.loop(first, l.minimum(l.add(first, l.constant(kGrain)), targets), 1, then);
  });
}

void NeighbourhoodLowering::setRow(const Row &r) {
  auto give = [&](PairBody &b) {
    for (auto [i, v] : llvm::enumerate(r.free))
      b.set(i, v);
    b.set(free.rank(), r.target);
  };
  give(body);
  if (where)
    give(*where);
  if (bounds)
    give(*bounds);
}

void NeighbourhoodLowering::setPair(Value source, Value edge, Value number) {
  auto give = [&](PairBody &b) {
    b.set(free.rank() + 1, source);
    if (edge)
      b.set(free.rank() + 2, edge);
    b.number = number;
  };
  give(body);
  if (where)
    give(*where);
}

/// 1. Compute what is the same for all sources.
/// 2. For every block of the value's vectors walk the sources, accumulators in registers.
void NeighbourhoodLowering::row(Row &r) {
  PairBody::Scope scope(body);
  std::optional<PairBody::Scope> other, third;
  if (where)
    other.emplace(*where);
  if (bounds)
    third.emplace(*bounds);
  setRow(r);
  body.prepareRow();
  if (where)
    where->prepareRow();
  if (sources)
    r.pairs = sources->range(bounds ? &*bounds : nullptr);
  blocks([&](ArrayRef<Position> block) {
    PairBody::Scope inner(body);
    for (const Position &p : block)
      body.prepareRow(body.yielded(kind == "attend"), p);
    if (kind == "attend")
      attend(r, block);
    else
      combine(r, block);
  });
  bool isMaybeEmpty = axes.count().asConstant().value_or(0) == 0; // such values have no block
  if (kind == "attend" && op.getInits().size() > 1 && isMaybeEmpty)
    l.ifThen(l.less(l.size(axes.count()), l.constant(1)), [&] {
      PairBody::Scope inner(body);
      attend(r, {});
    });
}

/// The ends of a pair, from its number.
void NeighbourhoodLowering::setEnds(const Row &r, Value number) {
  if (graph) {
    unsigned edge = free.rank() + 2;
    bool checks = op->walk([](BoundOp) { return WalkResult::interrupt(); }).wasInterrupted();
    bool wants = checks || body.uses(edge) || (where && where->uses(edge));
    GraphPairs::Pair ends = graph->pair(r.target, number, r.pairs, wants && !graph->isTile());
    Value own = graph->isTile() ? number : ends.edge;
    setPair(ends.source, own, own);
  } else {
    setPair(number, {}, l.add(l.mul(r.target, l.size(op.getSources().getValue())), number));
  }
}

NeighbourhoodLowering::Values NeighbourhoodLowering::pair(const Row &r, Value number, ValueRange otherwise,
                                                          function_ref<Values()> then) {
  PairBody::Scope scope(body);
  std::optional<PairBody::Scope> other;
  if (where)
    other.emplace(*where);
  setEnds(r, number);
  if (!where)
    return then();
  Value keep = where->scalar(where->yielded(0));
  return l.ifThenElse(
      keep, otherwise.getTypes(),
      [&] {
        PairBody::Scope inside(body);
        return then();
      },
      [&] { return Values(otherwise); });
}

// ---- blocks
// ----------------------------------------------------------------------------------------------------------

void NeighbourhoodLowering::blocks(function_ref<void(ArrayRef<Position>)> then) {
  if (axes.rank() == 0)
    return then(Position());
  std::function<void(Position)> outer = [&](Position at) {
    if (at.at.size() + 1 == axes.rank())
      return blocksAlong(at, then);
    l.loop(l.constant(0), l.size(axes[at.at.size()]), 1, [&](Value i) {
      Position more = at;
      more.at.push_back(i);
      outer(more);
    });
  };
  outer(Position());
}

/// Blocks as large as fit; what is left of an axis of unknown size are blocks of half the size each, then one vector
/// with a mask.
void NeighbourhoodLowering::blocksAlong(Position at, function_ref<void(ArrayRef<Position>)> then) {
  const Dim &size = axes[axes.rank() - 1];
  int64_t most = kind == "attend" ? kAttendBlock : kBlock;
  at.lanes = axes.rank() - 1;
  auto block = [&](Value from, int64_t vectors, int64_t rest) {
    SmallVector<Position> all;
    for (int64_t i = 0; i < vectors + (rest != 0); ++i) {
      Position p = at;
      p.at.push_back(l.add(from, l.constant(i * width)));
      all.push_back(p);
    }
    if (rest) {
      all.back().count = rest > 0 ? l.constant(rest) : l.sub(l.size(size), all.back().at.back());
      all.back().mask = l.mask(all.back().count, width);
    }
    then(all);
  };
  if (std::optional<int64_t> known = size.asConstant()) {
    int64_t vectors = (*known + width - 1) / width, done = 0;
    // Equal blocks, as few as possible.
    for (int64_t left = (vectors + most - 1) / most; left > 0; --left) {
      int64_t take = (vectors - done + left - 1) / left;
      bool last = done + take == vectors;
      int64_t rest = last ? *known % width : 0;
      block(l.constant(done * width), take - (rest != 0), rest);
      done += take;
    }
    return;
  }
  Value length = l.size(size), step = l.constant(kBlock * width);
  Value done = l.mul(l.quotient(length, kBlock * width), step);
  l.loop(l.constant(0), done, step, [&](Value i) { block(i, kBlock, 0); });
  for (int64_t vectors = kBlock / 2; vectors > 0; vectors /= 2) {
    Value more = l.add(done, l.constant(vectors * width));
    Value fits = l.less(more, l.add(length, l.constant(1)));
    l.ifThen(fits, [&] { block(done, vectors, 0); });
    done = arith::SelectOp::create(l.b, l.loc, fits, more, done);
  }
  if (width > 1)
    l.ifThen(l.less(done, length), [&] { block(done, 0, -1); });
}

// ---- results
// ---------------------------------------------------------------------------------------------------------

void NeighbourhoodLowering::store(Value place, ValueRange leading, const Position &p, Value v) {
  auto type = cast<RefType>(place.getType());
  SmallVector<Value> index(leading);
  llvm::append_range(index, p.at);
  Type stored = type.getElementType();
  v = convert(num(v), stored).value;
  Value to = l.advance(l.pointer(place), l.offset(type.getStrides(), index), stored);
  Dim stride = p.lanes < 0 ? Dim(1) : type.getStrides()[leading.size() + p.lanes];
  if (p.lanes < 0 || stride.isConstant(1))
    l.store(v, to, stored, p.mask);
  else
    l.storeStrided(v, to, stored, l.size(stride), p.count);
}

void NeighbourhoodLowering::write(const Row &r, const Position &p, Value v) {
  Values leading = r.free;
  leading.push_back(r.target);
  store(op.getInits()[0], leading, p, v);
}

/// What accumulators hold before the first pair.
NeighbourhoodLowering::Values NeighbourhoodLowering::neutral(ArrayRef<Position> block) {
  Values start;
  for (const Position &p : block) {
    Num none = num(zero(l.vectorOf(accumulator, lanesAt(p))));
    if (kind == "max" || kind == "min") {
      bool largest = kind == "max";
      if (isa<FloatType>(accumulator))
        none =
            none.constant(largest ? -std::numeric_limits<double>::infinity() : std::numeric_limits<double>::infinity());
      else
        none = none.pattern(
            (largest ? llvm::APInt::getSignedMinValue(none.bits()) : llvm::APInt::getSignedMaxValue(none.bits()))
                .getZExtValue());
    }
    start.push_back(none.value);
  }
  return start;
}

/// What the tile before has left of this target, with the number of pairs that counted.
NeighbourhoodLowering::Values NeighbourhoodLowering::accumulated(const Row &r, ArrayRef<Position> block, bool counts) {
  auto from = [&](Value place, const Position &p, int64_t lanes, Value mask) {
    auto type = cast<RefType>(place.getType());
    SmallVector<Value> index(r.free);
    llvm::append_range(index, p.at);
    Value at = l.advance(l.pointer(place), l.offset(type.getStrides(), index), type.getElementType());
    return l.load(at, type.getElementType(), lanes, mask);
  };
  Values values;
  for (const Position &p : block)
    values.push_back(from(op.getInits()[1], p, lanesAt(p), p.mask));
  if (counts)
    values.push_back(from(op.getInits()[2], block.front(), 1, {}));
  return values;
}

void NeighbourhoodLowering::keep(const Row &r, ArrayRef<Position> block, ValueRange total, bool counts) {
  for (auto [p, a] : llvm::zip(block, total))
    store(op.getInits()[1], r.free, p, a);
  if (!counts)
    return;
  Position first = block.front();
  first.lanes = -1;
  first.mask = Value();
  store(op.getInits()[2], r.free, first, total.back());
}

/// Sum, mean, largest and smallest. Of numbers that are equal the first is kept; NaN wins against all others. The count
/// of sources is carried where `where` decides on it. A target that is cut by a tile takes over what the tile before
/// has accumulated, and hands it on: its sum is one chain wherever tiles end.
void NeighbourhoodLowering::combine(const Row &r, ArrayRef<Position> block) {
  bool sum = kind == "sum" || kind == "mean", largest = kind == "max";
  bool counts = kind != "sum" && where;
  Values carried = neutral(block);
  if (counts)
    carried.push_back(l.constant(0));
  if (r.part)
    carried = l.ifThenElse(
        r.part->wasBefore, ValueRange(carried).getTypes(), [&] { return accumulated(r, block, counts); },
        [&] { return carried; });
  auto better = [&](Num a, Num b) {
    Num wins = largest ? b > a : b < a;
    return select(b.isFloat() ? wins | isNaN(b) : wins, b, a);
  };
  Values total = l.loop(r.pairs.from, r.pairs.to, 1, carried, [&](Value i, ValueRange now) {
    return pair(r, i, now, [&] {
      Value yielded = body.yielded(0);
      body.prepare(yielded);
      Values next;
      for (auto [p, a] : llvm::zip(block, now)) {
        Num x = convert(num(body.vector(yielded, p)), accumulator);
        next.push_back((sum ? num(a) + x : better(num(a), x)).value);
      }
      if (counts)
        next.push_back(l.add(now.back(), l.constant(1)));
      return next;
    });
  });
  auto finish = [&] {
    Value count = counts ? total.back() : r.part ? r.part->degree : l.sub(r.pairs.to, r.pairs.from);
    Value any = l.less(l.constant(0), count);
    Value divisor;
    if (kind == "mean")
      divisor = convert(num(l.maximum(count, l.constant(1))), accumulator).value;
    for (auto [p, a] : llvm::zip(block, total)) {
      int64_t lanes = lanesAt(p);
      if (kind == "mean")
        a = (num(a) / num(l.splat(divisor, lanes))).value;
      else if (!sum)
        a = arith::SelectOp::create(l.b, l.loc, any, a, zero(a.getType()));
      write(r, p, a);
    }
  };
  if (r.part)
    l.ifThenElse(r.part->goesOn, [&] { keep(r, block, total, counts); }, finish);
  else
    finish();
}

void NeighbourhoodLowering::run() {
  if (kind == "each" && graph)
    eachEdge();
  else
    rows();
  op.erase();
}

void nnc::lowerNeighbourhood(NeighbourhoodOp op, Lowering &l) { NeighbourhoodLowering(op, l).run(); }
