#include "compiler/optimize/Batch.h"
#include "compiler/optimize/Cluster.h"

#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/SmallBitVector.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/ADT/bit.h"

using namespace mlir;
using namespace nn;
using namespace nnc;

/// The numbers of the indices in a set, in order.
static SmallVector<unsigned> indicesIn(Axes axes) {
  SmallVector<unsigned> list;
  for (unsigned i = 0; i < 64; ++i)
    if (axes >> i & 1)
      list.push_back(i);
  return list;
}
static int64_t countOf(Axes axes) { return llvm::popcount(axes); }

Batch::Batch(NeighbourhoodOp op, Residency &residency) : op(op), residency(residency), b(op) {}

Batched Batch::refuse(Operation *op) {
  culprit = culprit ? culprit : op;
  return {};
}

Value Batch::ends(bool target, Location loc) {
  if (!endsOfEdges[0]) {
    auto both = EndpointsOp::create(b, loc, op.getGraph()[0]);
    endsOfEdges[0] = both.getSource();
    endsOfEdges[1] = both.getTarget();
  }
  return endsOfEdges[target];
}

Shape Batch::shapeWith(Axes axes, const Shape &trailing) const {
  Shape shape;
  for (unsigned i : indicesIn(axes))
    shape.dims.push_back(residency.size(i));
  llvm::append_range(shape.dims, trailing);
  return shape;
}

Value Batch::transposed(Value x, ArrayRef<int64_t> order, Location loc) {
  if (llvm::equal(order, llvm::seq<int64_t>(0, order.size())))
    return x;
  return TransposeOp::create(b, loc, x, order);
}

/// `own` where values of `all` are computed: ends of edges become edges.
Axes Batch::lifted(Axes own, Axes all) const {
  Axes ends = residency.target() | residency.source();
  return (all & residency.edge()) && (own & ends) ? (own & ~ends) | residency.edge() : own;
}

Value Batch::expand(Batched x, Axes axes, Location loc) {
  Shape trailing(ArrayRef<Dim>(shapeOf(x.tensor.getType()).dims).drop_front(countOf(x.axes)));
  if (Axes now = lifted(x.axes, axes); now != x.axes) {
    Value index = ends(x.axes & residency.target(), loc);
    if (x.tensor.getDefiningOp<IotaOp>() && countOf(x.axes) == 1 && trailing.rank() == 0)
      x.tensor = index; // the numbers of the nodes
    else
      x.tensor = GatherOp::create(b, loc, x.tensor, index, countOf(x.axes) - 1)->getResult(0);
    x.axes = now;
  }
  if (x.axes == axes)
    return x.tensor;
  SmallVector<int64_t> places;
  for (auto [place, index] : llvm::enumerate(indicesIn(axes)))
    if (x.axes >> index & 1)
      places.push_back(place);
  for (size_t i = 0; i < trailing.rank(); ++i)
    places.push_back(countOf(axes) + i);
  return BroadcastOp::create(b, loc, tensorType(shapeWith(axes, trailing), elementOf(x.tensor.getType())), x.tensor,
                             places);
}

Batched Batch::get(Value v) {
  if (auto at = done.find(v); at != done.end())
    return at->second;
  Batched result;
  if (std::optional<unsigned> capture = residency.captureOf(v)) {
    result = {op.getCaptures()[*capture], 0};
  } else if (std::optional<unsigned> index = residency.indexOf(v)) {
    Type type = tensorType(Shape{residency.size(*index)}, b.getI64Type());
    result = {IotaOp::create(b, v.getLoc(), type, DimAttr::get(b.getContext(), Dim(0)), b.getI64IntegerAttr(0)),
              Axes(1) << *index};
  } else {
    result = compute(v.getDefiningOp(), cast<OpResult>(v).getResultNumber());
  }
  return done[v] = result;
}

Batched Batch::compute(Operation *inner, unsigned result) {
  if (isa<ConstantOp, SizeOp, IotaOp>(inner))
    return {b.clone(*inner)->getResult(0), 0};
  return llvm::TypeSwitch<Operation *, Batched>(inner)
      .Case([&](AtOp o) { return at(o); })
      .Case([&](ContractOp o) { return contract(o); })
      .Case([&](SliceOp o) { return slice(o); })
      .Case<UniformOp, NormalOp, TruncNormalOp>([&](auto o) { return draw(o); })
      .Case([&](GatherOp o) { return gather(o, get(o.getX()), get(o.getIndex()), o.getAxis(), o.getBatch()); })
      .Default([&](Operation *o) { return onTrailingAxes(o, result); });
}

/// Elementwise, on tensors of any shape.
static bool isElementwise(Operation *op) {
  auto custom = dyn_cast<CustomGradientOp>(op);
  return isElementwiseOnTensors(op) || isa<StopGradientOp>(op) ||
         (custom && custom.getNumResults() == 1 && llvm::all_of(custom->getRegions(), [](Region &region) {
            return llvm::all_of(region.front().without_terminator(), [](Operation &inner) {
              return isElementwiseOnTensors(&inner) || isa<ConstantOp, SizeOp, BroadcastOp>(inner);
            });
          }));
}

bool Batch::keepsLeadingAxes(Operation *op) {
  return isElementwise(op) ||
         isa<BroadcastOp, TransposeOp, ReshapeOp, ConcatOp, PadOp, SumOp, MeanOp, VarOp, MaxOp, MinOp, AnyOp, AllOp,
             ArgmaxOp, ArgminOp, SoftmaxOp, LogSoftmaxOp, LogsumexpOp, CumsumOp, TopkOp, SortOp>(op);
}

/// Puts `leading` before the axes of all results of an operation whose operands have these, `rank` of their own, and of
/// what its regions hold.
static void addLeading(Operation *op, const Shape &leading, int64_t rank) {
  int64_t added = leading.rank();
  auto wider = [&](Type type) {
    Shape shape = leading;
    llvm::append_range(shape.dims, shapeOf(type));
    return tensorType(shape, elementOf(type));
  };
  for (OpResult r : op->getResults())
    r.setType(wider(r.getType()));
  auto shifted = [&](ArrayRef<int64_t> list, bool keepFirst) {
    SmallVector<int64_t> moved;
    if (keepFirst)
      llvm::append_range(moved, llvm::seq<int64_t>(0, added));
    for (int64_t a : list)
      moved.push_back(a < 0 ? a : a + added);
    return moved;
  };
  llvm::TypeSwitch<Operation *>(op)
      .Case([&](BroadcastOp o) { o.setAxes(shifted(o.getAxes(), true)); })
      .Case([&](TransposeOp o) { o.setPermutation(shifted(o.getPermutation(), true)); })
      .Case<SumOp, MeanOp, VarOp, MaxOp, MinOp, AnyOp, AllOp>([&](auto o) { // no axes are all
        o.setAxes(o.getAxes().empty() ? llvm::to_vector(llvm::seq<int64_t>(added, added + rank))
                                      : shifted(o.getAxes(), false));
      })
      .Case<ConcatOp, PadOp, ArgmaxOp, ArgminOp, SoftmaxOp, LogSoftmaxOp, LogsumexpOp, CumsumOp>([&](auto o) {
        int64_t axis = o.getAxis();
        o.setAxis(axis < 0 ? axis : axis + added);
      })
      .Default([](Operation *) {});
  for (Region &region : op->getRegions()) {
    for (BlockArgument argument : region.front().getArguments())
      argument.setType(wider(argument.getType()));
    for (Operation &inner : region.front().without_terminator())
      addLeading(&inner, leading, 0);
  }
}

/// Operations that treat all of some leading axes alike: their axes move behind the new ones.
Batched Batch::onTrailingAxes(Operation *inner, unsigned number) {
  if (!keepsLeadingAxes(inner))
    return refuse(inner);
  if (Batched each = eachEdge(inner); each.tensor)
    return each;
  SmallVector<Batched> operands;
  Axes axes = 0;
  for (Value v : inner->getOperands()) {
    operands.push_back(get(v));
    if (!operands.back().tensor)
      return {};
    axes = residency.normal(axes | operands.back().axes);
  }
  SmallVector<Value> whole;
  for (Batched &x : operands)
    whole.push_back(expand(x, axes, inner->getLoc()));
  int64_t rank = inner->getNumOperands() ? shapeOf(inner->getOperand(0).getType()).rank() : 0;
  Operation *copy = inner->clone();
  copy->setOperands(whole);
  addLeading(copy, shapeWith(axes, {}), rank);
  b.insert(copy);
  for (auto [before, now] : llvm::zip(inner->getResults(), copy->getResults()))
    done[before] = {now, axes};
  return {copy->getResult(number), axes};
}

/// Numbers that are drawn are others for each pair.
Batched Batch::draw(Operation *inner) {
  Axes axes = residency.of(inner->getResult(0));
  Operation *copy = inner->clone();
  for (OpOperand &operand : copy->getOpOperands()) {
    Batched x = get(operand.get());
    if (!x.tensor || x.axes)
      return x.tensor ? refuse(inner) : Batched();
    operand.set(x.tensor);
  }
  addLeading(copy, shapeWith(axes, {}), 0);
  b.insert(copy);
  return {copy->getResult(0), axes};
}

/// Whether the elementwise work that ends in `last` reads values of nodes for edges.
bool Batch::meetsEnds(Operation *last) {
  Axes ends = residency.target() | residency.source();
  llvm::SetVector<Operation *> work;
  work.insert(last);
  for (size_t i = 0; i < work.size(); ++i)
    for (Value v : work[i]->getOperands()) {
      if (residency.of(v) & ends)
        return true;
      Operation *maker = v.getDefiningOp();
      if (maker && (isElementwise(maker) || isa<BroadcastOp>(maker)))
        work.insert(maker);
    }
  return false;
}

/// The value of `inner` for every edge, as the neighbourhood `each`; no tensor: it needs no rows of nodes.
Batched Batch::eachEdge(Operation *inner) {
  if (!isElementwise(inner))
    return {};
  Value v = inner->getResult(0);
  Axes all = residency.edge();
  for (size_t i = 0; i < op.getFree().getValue().rank(); ++i)
    all |= Axes(1) << i;
  if (!residency.edge() || residency.of(v) != all || inner->getParentRegion() != &op.getBody() || !meetsEnds(inner))
    return {};
  IRMapping map;
  NeighbourhoodOp each = op.cloneAs(b, "each", map);
  Block &body = each.getBody().front();
  body.getTerminator()->setOperands(map.lookup(v));
  eraseDead(body);
  each->getResult(0).setType(tensorType(shapeWith(all, shapeOf(v.getType())), elementOf(v.getType())));
  edges.push_back(each);
  return {each->getResult(0), all};
}

Batched Batch::contract(ContractOp o) {
  Batched l = get(o.getLhs()), r = get(o.getRhs());
  if (!l.tensor || !r.tensor || !o.getEpilogue().empty() || o.getPanel())
    return l.tensor && r.tensor ? refuse(o) : Batched();
  Location loc = o.getLoc();
  Axes all = residency.normal(l.axes | r.axes);
  l = {expand(l, lifted(l.axes, all), loc), lifted(l.axes, all)};
  r = {expand(r, lifted(r.axes, all), loc), lifted(r.axes, all)};
  Axes both = l.axes & r.axes, left = l.axes & ~both, right = r.axes & ~both;
  int64_t batch = o.getBatch(), m = o.getM(), n = o.getN(), k = o.getK();
  // The leading axes in `first`, then `inner` axes, then the other leading axes, then the rest.
  auto arranged = [&](Batched x, Axes first, int64_t inner) {
    SmallVector<int64_t> order, later;
    for (auto [place, index] : llvm::enumerate(indicesIn(x.axes)))
      (first >> index & 1 ? order : later).push_back(place);
    int64_t rank = shapeOf(x.tensor.getType()).rank(), own = countOf(x.axes);
    llvm::append_range(order, llvm::seq<int64_t>(own, own + inner));
    llvm::append_range(order, later);
    llvm::append_range(order, llvm::seq<int64_t>(own + inner, rank));
    return transposed(x.tensor, order, loc);
  };
  Value product = ContractOp::create(b, loc, arranged(l, both, batch), arranged(r, both, batch + k),
                                     countOf(both) + batch, countOf(left) + m, countOf(right) + n, k)
                      ->getResult(0);
  // [both, batch, left, m, right, n] -> [all, batch, m, n]
  SmallVector<int64_t> order;
  int64_t atLeft = countOf(both) + batch, atRight = atLeft + countOf(left) + m, fromBoth = 0, fromLeft = atLeft,
          fromRight = atRight;
  for (unsigned index : indicesIn(all))
    order.push_back(both >> index & 1 ? fromBoth++ : left >> index & 1 ? fromLeft++ : fromRight++);
  llvm::append_range(order, llvm::seq<int64_t>(countOf(both), atLeft));
  llvm::append_range(order, llvm::seq<int64_t>(atLeft + countOf(left), atRight));
  llvm::append_range(order, llvm::seq<int64_t>(atRight + countOf(right), atRight + countOf(right) + n));
  return {transposed(product, order, loc), all};
}

/// An index where the pair counts, 0 where it does not: nobody reads there.
Value Batch::guarded(Value index, Axes axes, Operation *user) {
  if (op.getWhere().empty() || user->getParentRegion() != &op.getBody())
    return index;
  Value condition = op.getWhere().front().getTerminator()->getOperand(0);
  if (Axes of = residency.of(condition); residency.normal(of | axes) != axes)
    return index;
  Batched counts = get(condition);
  if (!counts.tensor)
    return index;
  Value zero = ConstantOp::create(b, user->getLoc(), index.getType(), int64_t(0));
  return WhereOp::create(b, user->getLoc(), expand(counts, axes, user->getLoc()), index, zero);
}

Batched Batch::at(AtOp o) {
  Batched x = get(o.getX());
  if (!x.tensor)
    return {};
  Location loc = o.getLoc();
  int64_t own = countOf(x.axes), rank = shapeOf(x.tensor.getType()).rank();
  Axes plain = x.axes, all = x.axes;
  bool view = true;
  SmallVector<int64_t> places(64, -1); // of each index: the axis that it reads
  for (auto [place, index] : llvm::enumerate(indicesIn(x.axes)))
    places[index] = place;
  llvm::SmallBitVector read(rank);
  read.set(0, own);
  for (auto [axis, v] : llvm::zip(o.getAxes(), o.getIndices())) {
    std::optional<unsigned> index = residency.indexOf(v);
    view &= index && !(plain >> *index & 1);
    if (index) {
      plain |= Axes(1) << *index;
      places[*index] = own + axis;
    }
    all |= residency.of(v);
    read.set(own + axis);
  }
  all = residency.normal(all);
  SmallVector<int64_t> rest;
  for (int64_t axis = 0; axis < rank; ++axis)
    if (!read[axis])
      rest.push_back(axis);
  if (view && plain == all) {
    SmallVector<int64_t> order;
    for (unsigned index : indicesIn(all))
      order.push_back(places[index]);
    llvm::append_range(order, rest);
    return {transposed(x.tensor, order, loc), all};
  }
  // One flat index of the axes that are read, which come first.
  SmallVector<int64_t> order;
  SmallVector<Batched> indices;
  SmallVector<bool> computed;
  for (auto [place, index] : llvm::enumerate(indicesIn(x.axes))) {
    order.push_back(place);
    computed.push_back(false);
    Block &block = o->getParentRegion()->front();
    indices.push_back(get(block.getArgument(index)));
  }
  for (auto [axis, v] : llvm::zip(o.getAxes(), o.getIndices())) {
    order.push_back(own + axis);
    computed.push_back(!residency.indexOf(v));
    indices.push_back(get(v));
    if (!indices.back().tensor)
      return {};
  }
  llvm::append_range(order, rest);
  Value table = transposed(x.tensor, order, loc);
  Shape shape = shapeOf(table.getType());
  size_t axes = indices.size();
  Value flat;
  for (size_t i = 0; i < axes; ++i) {
    Value index = expand(indices[i], all, loc);
    if (computed[i]) {
      index = guarded(index, all, o);
      if (axes > 1)
        CheckOp::create(b, loc, index, DimAttr::get(b.getContext(), shape[i]), b.getStringAttr("an index"),
                        b.getI64IntegerAttr(0));
    }
    if (flat) {
      Value size = SizeOp::create(b, loc, flat.getType(), DimAttr::get(b.getContext(), shape[i]));
      flat = AddOp::create(b, loc, MulOp::create(b, loc, flat, size), index);
    } else {
      flat = index;
    }
  }
  if (axes > 1) {
    Shape merged{Shape(ArrayRef<Dim>(shape.dims).take_front(axes)).count()};
    llvm::append_range(merged.dims, ArrayRef<Dim>(shape.dims).drop_front(axes));
    table = ReshapeOp::create(b, loc, table, merged);
  }
  return {GatherOp::create(b, loc, table, flat, 0)->getResult(0), all};
}

/// Inner gathers; the index is a tensor of trailing axes.
Batched Batch::gather(Operation *inner, Batched x, Batched index, int64_t axis, int64_t batch) {
  if (!x.tensor || !index.tensor)
    return {};
  Location loc = inner->getLoc();
  if (x.axes == 0 && batch == 0) {
    Value rows = GatherOp::create(b, loc, x.tensor, index.tensor, axis)->getResult(0);
    SmallVector<int64_t> order = llvm::to_vector(llvm::seq<int64_t>(axis, axis + countOf(index.axes)));
    llvm::append_range(order, llvm::seq<int64_t>(0, axis));
    llvm::append_range(order, llvm::seq<int64_t>(axis + countOf(index.axes), shapeOf(rows.getType()).rank()));
    return {transposed(rows, order, loc), index.axes};
  }
  Axes all = residency.normal(x.axes | index.axes);
  int64_t added = countOf(all);
  return {
      GatherOp::create(b, loc, expand(x, all, loc), expand(index, all, loc), added + axis, added + batch)->getResult(0),
      all};
}

/// A slice; where it starts at an index that differs from pair to pair, a gather of its positions.
Batched Batch::slice(SliceOp o) {
  Batched x = get(o.getX());
  SmallVector<Batched> starts;
  bool same = true;
  for (Value v : o.getStarts()) {
    starts.push_back(get(v));
    if (!starts.back().tensor)
      return {};
    same &= starts.back().axes == 0;
  }
  if (!x.tensor || (!same && starts.size() > 1))
    return x.tensor ? refuse(o) : Batched();
  Location loc = o.getLoc();
  Shape sizes = shapeOf(o.getType()), offsets;
  offsets.dims.assign(countOf(x.axes), Dim(0));
  llvm::append_range(offsets.dims, o.getOffsets().getValue());
  if (same) {
    SmallVector<Value> scalars;
    SmallVector<int64_t> dynamic;
    for (auto [start, axis] : llvm::zip(starts, o.getDynamic())) {
      scalars.push_back(start.tensor);
      dynamic.push_back(axis + countOf(x.axes));
    }
    Type type = tensorType(shapeWith(x.axes, sizes), elementOf(o.getType()));
    return {SliceOp::create(b, loc, type, x.tensor, scalars, ShapeAttr::get(b.getContext(), offsets),
                            b.getDenseI64ArrayAttr(dynamic)),
            x.axes};
  }
  int64_t axis = o.getDynamic()[0];
  Shape rest = sizes;
  rest[axis] = shapeOf(o.getX().getType())[axis];
  offsets[countOf(x.axes) + axis] = Dim(0);
  x.tensor = SliceOp::create(b, loc, x.tensor, offsets, shapeWith(x.axes, rest));
  Type type = tensorType(shapeWith(starts[0].axes, Shape{sizes[axis]}), elementOf(starts[0].tensor.getType()));
  Value from = BroadcastOp::create(b, loc, type, starts[0].tensor,
                                   llvm::to_vector(llvm::seq<int64_t>(0, countOf(starts[0].axes))));
  Value steps =
      IotaOp::create(b, loc, type, DimAttr::get(b.getContext(), Dim(0)), b.getI64IntegerAttr(countOf(starts[0].axes)));
  return gather(o, x, {AddOp::create(b, loc, from, steps), starts[0].axes}, axis, 0);
}
