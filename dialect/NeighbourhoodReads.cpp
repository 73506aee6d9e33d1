// Where the derivative of a neighbourhood collects what its pairs give: in the direction that the indices of a read
// say.
#include "dialect/NeighbourhoodGradients.h"

using namespace mlir;
using namespace nn;

uint64_t NeighbourhoodBack::usedBy(Value v, DenseMap<Value, uint64_t> &known) {
  if (auto argument = dyn_cast<BlockArgument>(v))
    return argument.getArgNumber() < op.indexCount() ? uint64_t(1) << argument.getArgNumber() : 0;
  auto [at, isNew] = known.try_emplace(v, 0);
  if (!isNew)
    return at->second;
  uint64_t used = 0;
  for (Value x : v.getDefiningOp()->getOperands())
    used |= usedBy(x, known);
  return known[v] = used;
}

/// `div(h, c)` of a free index counts as plain where c neighbours share an element.
Reading NeighbourhoodBack::readingOf(AtOp at) {
  Reading reading;
  DenseMap<Value, uint64_t> known;
  for (auto [axis, index] : llvm::zip(at.getAxes(), at.getIndices())) {
    Value v = index;
    int64_t by = 1;
    reading.used |= usedBy(v, known);
    if (auto div = v.getDefiningOp<DivOp>()) {
      Operation *divisor = div.getB().getDefiningOp();
      auto constant = dyn_cast_or_null<ConstantOp>(divisor);
      auto size = dyn_cast_or_null<SizeOp>(divisor);
      auto argument = dyn_cast<BlockArgument>(div.getA());
      std::optional<int64_t> number = size ? size.getValue().getValue().asConstant() : std::nullopt;
      if (constant)
        number = cast<IntegerAttr>(constant.getValue()).getInt();
      if (number && *number > 0 && argument && argument.getArgNumber() < free &&
          op.getFree().getValue()[argument.getArgNumber()] == shapeOf(at.getX().getType())[axis] * Dim(*number))
        v = div.getA(), by = *number;
    }
    auto argument = dyn_cast<BlockArgument>(v);
    std::optional<unsigned> plain;
    if (argument && argument.getArgNumber() < op.indexCount())
      plain = argument.getArgNumber();
    reading.isComputed |= !plain || llvm::is_contained(reading.plain, plain);
    reading.plain.push_back(plain);
    reading.by.push_back(by);
  }
  auto has = [&](unsigned i) { return bool(reading.used >> i & 1); };
  reading.isComputed |= op.isOverGraph() && (has(target) || has(source)) && (has(edge) || (has(target) && has(source)));
  return reading;
}

/// The sum over pairs has the axes `lead`, then those that are not read: from it those of what is read.
Value NeighbourhoodBack::gathered(Value all, ArrayRef<unsigned> lead, AtOp at, const Reading &reading) {
  SmallVector<unsigned> kept;
  SmallVector<int64_t> others;
  for (auto [axis, index] : llvm::enumerate(lead))
    if (llvm::is_contained(reading.plain, std::optional(index)))
      kept.push_back(index);
    else
      others.push_back(axis);
  if (!others.empty())
    all = SumOp::create(b, loc, all, others, false);
  SmallVector<int64_t> order, shared;
  Shape split;
  int64_t unread = kept.size();
  const Shape shape = shapeOf(at.getX().getType());
  for (int64_t axis = 0, rank = shape.rank(); axis < rank; ++axis) {
    auto *found = llvm::find(at.getAxes(), axis);
    split.dims.push_back(shape[axis]);
    if (found == at.getAxes().end()) {
      order.push_back(unread++);
      continue;
    }
    size_t number = found - at.getAxes().begin();
    order.push_back(llvm::find(kept, *reading.plain[number]) - kept.begin());
    if (reading.by[number] != 1) {
      shared.push_back(split.rank());
      split.dims.push_back(Dim(reading.by[number]));
    }
  }
  if (!llvm::is_sorted(order))
    all = TransposeOp::create(b, loc, all, order);
  if (!shared.empty())
    all = SumOp::create(b, loc, ReshapeOp::create(b, loc, all, split).getResult(), shared, false);
  return all;
}

/// What pairs have for a value that they read at computed indices: added there, in the order of the pairs.
Value NeighbourhoodBack::scattered(Value all, AtOp at) {
  const Shape shape = shapeOf(at.getX().getType());
  Shape read, rows{Dim(1)};
  SmallVector<int64_t> order(at.getAxes()), back(shape.rank());
  for (int64_t axis : at.getAxes())
    read.dims.push_back(shape[axis]);
  Shape turned = read;
  rows[0] = read.count();
  for (int64_t axis = 0, rank = shape.rank(); axis < rank; ++axis)
    if (!llvm::is_contained(at.getAxes(), axis)) {
      order.push_back(axis);
      rows.dims.push_back(shape[axis]);
      turned.dims.push_back(shape[axis]);
    }
  for (auto [i, axis] : llvm::enumerate(order))
    back[axis] = i;
  Value number = derive("each", false, {}, [&](Inside &in) -> Values {
                   Value flat;
                   for (auto [size, index] : llvm::zip(read, at.getIndices())) {
                     Value i = in.map.lookup(index);
                     Value count = SizeOp::create(b, loc, i.getType(), DimAttr::get(b.getContext(), size));
                     flat = flat ? p.plus(p.times(flat, count), i) : i;
                   }
                   return {flat};
                 }).getResult(0);
  Type element = elementOf(all.getType()),
       wide = element.getIntOrFloatBitWidth() < 32 ? accumulatorOf(element) : element;
  if (wide != element) // where many are added
    all = CastOp::create(b, loc, withElement(all.getType(), wide), all);
  Value sum =
      ScatterOp::create(b, loc, TypeRange(tensorType(rows, wide)), all, number, ValueRange(), 0, 0, 0).getResult(0);
  sum = ReshapeOp::create(b, loc, sum, turned);
  if (!llvm::is_sorted(back))
    sum = TransposeOp::create(b, loc, sum, back);
  return wide == element ? sum : CastOp::create(b, loc, withElement(sum.getType(), element), sum).getResult();
}

/// The cotangent of a captured value from the reads of it that are alike.
Value NeighbourhoodBack::collect(ArrayRef<AtOp> reads) {
  AtOp first = reads.front();
  Reading reading = readingOf(first);
  auto has = [&](unsigned i) { return bool(reading.used >> i & 1); };
  bool each = reading.isComputed || (op.isOverGraph() && has(edge)) || (has(target) && has(source));
  bool reversed = !each && has(source);
  NeighbourhoodOp sum = derive(each ? "each" : "sum", reversed, more, [&](Inside &in) -> Values {
    Value by = in.map.lookup(first.getResult());
    for (AtOp other : reads.drop_front())
      in.map.lookup(other.getResult()).replaceAllUsesWith(by);
    Values cotangents = ofPair(in);
    return {p.differentiate(*in.body, by, cotangents)[0]};
  });
  if (!sum)
    return {};
  return reading.isComputed ? scattered(sum.getResult(0), first)
                            : gathered(sum.getResult(0), leading(each, reversed), first, reading);
}

Value EndpointsOp::sumAt(bool sources, Value rows, int64_t axis, OpBuilder &b) {
  Location loc = getLoc();
  Value graph = getGraph();
  auto type = cast<nn::GraphType>(graph.getType());
  Dim targets = sources ? type.getSources() : type.getTargets(),
      others = sources ? type.getTargets() : type.getSources();
  if (sources)
    graph = ReverseOp::create(b, loc, nn::GraphType::get(b.getContext(), others, targets, type.getEdges()), graph);
  Shape shape = shapeOf(rows.getType()), free(ArrayRef<Dim>(shape.dims).take_front(axis)),
        rest(ArrayRef<Dim>(shape.dims).drop_front(axis + 1));
  Type element = elementOf(rows.getType()), one = tensorType(rest, element);
  shape[axis] = targets;
  auto made = NeighbourhoodOp::create(b, loc, TypeRange(tensorType(shape, element)), graph, rows, ValueRange(),
                                      b.getStringAttr("sum"), ShapeAttr::get(b.getContext(), free),
                                      DimAttr::get(b.getContext(), targets), DimAttr::get(b.getContext(), others));
  OpBuilder::InsertionGuard guard(b);
  Block *body = b.createBlock(&made.getBody());
  SmallVector<Value> indices;
  for (int64_t i = 0; i < axis + 3; ++i) {
    Value index = body->addArgument(tensorType({}, b.getI64Type()), loc);
    if (i < axis || i == axis + 2)
      indices.push_back(index);
  }
  Value all = body->addArgument(rows.getType(), loc);
  Value row = AtOp::create(b, loc, one, all, indices, llvm::to_vector(llvm::seq<int64_t>(0, axis + 1)));
  YieldOp::create(b, loc, row);
  return made.getResult(0);
}
