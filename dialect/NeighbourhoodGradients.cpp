// Derivatives of neighbourhoods. The body is differentiated like any other code; each value that it reads collects what
// the pairs give for it, in the direction that its indices say.
#include "dialect/NeighbourhoodGradients.h"

using namespace mlir;
using namespace nn;

// ---- copies of the neighbourhood
// ---------------------------------------------------------------------------------------------

/// Seen from the other end, targets are sources.
void NeighbourhoodBack::copy(Region &from, Region &to, bool reversed, TypeRange more, IRMapping &map) {
  Block *block = new Block();
  to.push_back(block);
  for (BlockArgument argument : from.front().getArguments())
    block->addArgument(argument.getType(), loc);
  for (Type type : more)
    block->addArgument(type, loc);
  for (BlockArgument argument : from.front().getArguments()) {
    unsigned i = argument.getArgNumber();
    unsigned there = reversed && i == target ? source : reversed && i == source ? target : i;
    map.map(argument, block->getArgument(there));
  }
  OpBuilder inside = OpBuilder::atBlockEnd(block);
  for (Operation &inner : from.front())
    inside.clone(inner, map);
}

/// What nothing uses goes, from the end to the beginning.
static void eraseUnused(Block &block) {
  for (Operation &inner : llvm::make_early_inc_range(llvm::reverse(block)))
    if (!inner.hasTrait<OpTrait::IsTerminator>() && inner.use_empty())
      inner.erase();
}

/// `yields` writes into the body, a copy of that of the way forward, and says what it gives; nothing: there is no such
/// neighbourhood (null).
NeighbourhoodOp NeighbourhoodBack::derive(StringRef combine, bool reversed, ValueRange more,
                                          function_ref<Values(Inside &)> yields) {
  Values graphs, captures;
  for (Value graph : op.getGraph()) {
    graph = p.primal(graph);
    if (reversed && !reversedGraph) {
      auto type = cast<nn::GraphType>(graph.getType());
      reversedGraph = ReverseOp::create(
          b, loc, nn::GraphType::get(b.getContext(), type.getTargets(), type.getSources(), type.getEdges()), graph);
    }
    graphs.push_back(reversed ? reversedGraph : graph);
  }
  for (Value v : op.getCaptures())
    captures.push_back(p.primal(v));
  llvm::append_range(captures, more);
  auto made = NeighbourhoodOp::create(b, loc, TypeRange(tensorType({}, b.getI64Type())), graphs, captures, ValueRange(),
                                      b.getStringAttr(combine), op.getFreeAttr(),
                                      reversed ? op.getSourcesAttr() : op.getTargetsAttr(),
                                      reversed ? op.getTargetsAttr() : op.getSourcesAttr());
  if (!op.getWhere().empty()) {
    IRMapping map;
    copy(op.getWhere(), made.getWhere(), reversed, more.getTypes(), map);
  }
  Inside in;
  copy(op.getBody(), made.getBody(), reversed, more.getTypes(), in.map);
  in.body = &made.getBody().front();
  Values arguments(in.body->getArguments().take_back(more.size()));
  in.more = arguments;
  OpBuilder::InsertionGuard guard(b);
  Operation *end = in.body->getTerminator();
  b.setInsertionPoint(end);
  Values found = yields(in);
  if (found.empty() || !found[0]) {
    made.erase();
    return {};
  }
  end->setOperands(found);
  eraseUnused(*in.body);
  made.dropCaptures();
  Shape shape = made.leadingShape();
  llvm::append_range(shape.dims, shapeOf(found.back().getType()));
  made->getResult(0).setType(tensorType(shape, elementOf(found.back().getType())));
  return made;
}

/// The indices that are the leading axes of a result.
SmallVector<unsigned> NeighbourhoodBack::leading(bool each, bool reversed) {
  SmallVector<unsigned> lead = llvm::to_vector(llvm::seq<unsigned>(0, free));
  if (each && op.isOverGraph())
    lead.push_back(edge);
  else if (each)
    lead.append({target, source});
  else
    lead.push_back(reversed ? source : target);
  return lead;
}

// ---- cotangents of what a pair gives
// -----------------------------------------------------------------------------------------

/// From how many sources a target has a value; null: always the same number.
Value NeighbourhoodBack::counts() {
  if (!op.isOverGraph() && op.getWhere().empty())
    return {};
  return derive("sum", false, {},
                [&](Inside &in) -> Values {
                  return {ConstantOp::create(b, loc, tensorType({}, b.getI64Type()), int64_t(1))};
                })
      .getResult(0);
}

/// What each source has of the cotangent of a mean.
Value NeighbourhoodBack::overCounts(Value g) {
  Type element = elementOf(g.getType()), wide = withElement(g.getType(), accumulatorOf(element));
  Value x = wide == g.getType() ? g : CastOp::create(b, loc, wide, g).getResult(), number;
  if (Value count = counts()) {
    count = MaximumOp::create(b, loc, count, ConstantOp::create(b, loc, count.getType(), int64_t(1)));
    count = CastOp::create(b, loc, withElement(count.getType(), elementOf(wide)), count);
    number = BroadcastOp::create(b, loc, wide, count,
                                 llvm::to_vector(llvm::seq<int64_t>(0, shapeOf(count.getType()).rank())));
  } else {
    number = SizeOp::create(b, loc, wide, op.getSourcesAttr());
  }
  return p.cast(p.over(x, number), g);
}

/// The first pair of each target whose value is the largest (smallest), for each element: its edge, or source.
Value NeighbourhoodBack::winners() {
  return derive("min", false, p.result(),
                [&](Inside &in) -> Values {
                  Value y = in.map.lookup(forward.getTerminator()->getOperand(0)), best = readAt(in, 0);
                  Type numbers = withElement(y.getType(), b.getI64Type());
                  Value number = in.index(*this, op.isOverGraph() ? edge : source);
                  number = BroadcastOp::create(b, loc, numbers, number, ArrayRef<int64_t>());
                  Value none = ConstantOp::create(b, loc, numbers, std::numeric_limits<int64_t>::max());
                  return {p.where(p.make<EqOp>(y, best), number, none)};
                })
      .getResult(0);
}

/// What does not depend on the source, once for each target:
/// - sum, each: the cotangent g. mean: g by the number of sources. max, min: g, and the pairs that get it.
/// - attend: what is subtracted from scores before exponentials become weights; g; and, for the scores, g out - dlog.
void NeighbourhoodBack::prepare() {
  Value g = p.cotangent();
  if (kind == "mean") {
    more = {overCounts(g)};
  } else if (kind == "max" || kind == "min") {
    more = {g, winners()};
  } else if (kind != "attend") {
    more = {g};
  } else {
    NeighbourhoodOp both = op;
    if (op.getNumResults() < 2) {
      IRMapping map;
      both = op.cloneAs(b, kind, map).withLogarithms();
    }
    Value logarithms = op.getNumResults() < 2 ? both.getResult(1) : p.result(1), zero = p.constant(logarithms, 0);
    Value none = p.constant(logarithms, -std::numeric_limits<double>::infinity());
    more = {p.where(p.make<EqOp>(logarithms, none), zero, logarithms)};
    Value part = op.getNumResults() < 2 ? Value() : p.cotangent(1), shared;
    if (g) {
      shared = p.times(p.cast(g, logarithms), p.cast(p.result(), logarithms));
      int64_t lead = shapeOf(logarithms.getType()).rank(), rank = shapeOf(g.getType()).rank();
      if (lead < rank)
        shared = SumOp::create(b, loc, shared, llvm::to_vector(llvm::seq<int64_t>(lead, rank)), false);
    }
    more.push_back(!part ? shared : shared ? p.minus(shared, part) : p.negative(part));
    if (g)
      more.push_back(g);
  }
}

/// What belongs to the pair of a captured value whose leading axes are those of the result (of a target, or a pair).
Value NeighbourhoodBack::readAt(Inside &in, unsigned number, bool ofPair) {
  Value x = in.more[number];
  Values indices;
  for (unsigned i : leading(ofPair, false))
    indices.push_back(in.index(*this, i));
  Shape rest(ArrayRef<Dim>(shapeOf(x.getType()).dims).drop_front(indices.size()));
  return AtOp::create(b, loc, tensorType(rest, elementOf(x.getType())), x, indices,
                      llvm::to_vector(llvm::seq<int64_t>(0, indices.size())));
}

/// Cotangents of what the body yields.
SmallVector<Value> NeighbourhoodBack::ofPair(Inside &in) {
  if (kind != "attend") {
    Value g = readAt(in, 0, kind == "each");
    if (kind != "max" && kind != "min")
      return {g};
    Value winner = readAt(in, 1), number = in.index(*this, op.isOverGraph() ? edge : source);
    number = BroadcastOp::create(b, loc, winner.getType(), number, ArrayRef<int64_t>());
    return {p.where(p.make<EqOp>(winner, number), g, p.constant(g, 0))};
  }
  // Of the weight exp(score - log): by the value weight g, by the score weight (g value - g out + dlog).
  Value score = in.map.lookup(forward.getTerminator()->getOperand(0));
  Value value = in.map.lookup(forward.getTerminator()->getOperand(1)), shift = readAt(in, 0);
  Value weight = p.make<ExpOp>(p.minus(p.cast(score, shift), shift)), shared = readAt(in, 1), slope, ofValue;
  if (in.more.size() == 2) {
    slope = p.negative(shared);
  } else {
    Value g = readAt(in, 2), both = p.times(p.cast(g, shift), p.cast(value, shift));
    if (int64_t rank = shapeOf(g.getType()).rank())
      both = SumOp::create(b, loc, both, llvm::to_vector(llvm::seq<int64_t>(0, rank)), false);
    slope = p.minus(both, shared);
    Value factor = p.cast(weight, g);
    if (shapeOf(g.getType()).rank())
      factor = BroadcastOp::create(b, loc, g.getType(), factor, ArrayRef<int64_t>());
    ofValue = p.times(factor, g);
  }
  return {p.cast(p.times(weight, slope), score), ofValue};
}

/// What a body takes whole it reads without an index.
static void readWhole(BlockArgument argument) {
  auto isRead = [](OpOperand &use) { return isa<AtOp>(use.getOwner()) && use.getOperandNumber() == 0; };
  if (llvm::all_of(argument.getUses(), isRead))
    return;
  OpBuilder b = OpBuilder::atBlockBegin(argument.getOwner());
  Value all = AtOp::create(b, argument.getLoc(), argument.getType(), argument, ValueRange(), ArrayRef<int64_t>());
  argument.replaceUsesWithIf(all, [&](OpOperand &use) { return !isRead(use); });
}

void NeighbourhoodBack::run() {
  prepare();
  for (unsigned i = 0; i < op.getCaptures().size(); ++i) {
    unsigned operand = op.getGraph().size() + i;
    if (!p.isWanted(operand))
      continue;
    BlockArgument captured = forward.getArgument(op.indexCount() + i);
    readWhole(captured);
    SmallVector<SmallVector<AtOp>> alike;
    for (auto at : forward.getOps<AtOp>()) {
      if (at.getX() != captured)
        continue;
      auto isSame = [&](SmallVector<AtOp> &group) {
        return group[0].getIndices() == at.getIndices() && group[0].getAxes() == at.getAxes();
      };
      auto *group = llvm::find_if(alike, isSame);
      if (group == alike.end())
        alike.push_back({at});
      else
        group->push_back(at);
    }
    for (ArrayRef<AtOp> group : alike)
      if (Value g = collect(group))
        p.add(operand, g);
  }
}

/// For each value that the body reads, a neighbourhood whose body computes the pair's values once more and goes back
/// over them, to what the pair gives for the value.
/// 1. The cotangents of what the pair yields follow from those of the target (see `ofPair`).
/// 2. What is read at the target is summed over the sources; what is read at the source over the targets, in the graph
///    turned around (or the domain); what is read at the edge, or the pair, is one value for `each`; what is read by no
///    index is summed over all. A free index that is not read by is summed over afterwards.
/// 3. What is read at computed indices is one value for `each`, added where it was read.
void NeighbourhoodOp::pullback(Pullback &p) { NeighbourhoodBack(*this, p).run(); }
