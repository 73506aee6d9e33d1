#include "compiler/lower/Rows.h"

using namespace mlir;
using namespace nn;
using namespace nnc;

/// Numbers that a sum of floats adds one after the other before the sum becomes part of a larger one.
static constexpr int64_t kPart = 64;
/// Sums of parts of parts: beyond kPart^3 the error grows with the length.
static constexpr int kLevels = 3;

static Shape strided(RowsOp op, Value place, bool rowAxes) {
  auto type = cast<RefType>(place.getType());
  size_t first = op.getParallel().getValue().rank();
  ArrayRef<Dim> strides(type.getStrides().dims);
  if (!rowAxes)
    return Shape(strides.take_front(first));
  Shape s(strides.drop_front(first));
  s.dims.resize(op.getRow().getValue().rank(), Dim(0)); // one value per row: no axes here
  return s;
}
static SmallVector<Shape> strides(RowsOp op, bool rowAxes) {
  SmallVector<Shape> all;
  for (Value v : op->getOperands())
    all.push_back(strided(op, v, rowAxes));
  return all;
}
static bool wantsPositions(RowsOp op) {
  bool wants = false;
  op.getBody().walk([&](IndexOp) { wants = true; });
  return wants;
}

RowsLowering::RowsLowering(RowsOp op, Lowering &l)
    : op(op), l(l), body(op.getBody().front()),
      parallel(op.getParallel().getValue(), strides(op, false), !wantsPositions(op)),
      row(op.getRow().getValue(), strides(op, true), !wantsPositions(op)),
      parallelRank(op.getParallel().getValue().rank()) {
  SmallVector<Value> inside(body.getArguments());
  llvm::append_range(inside, body.getTerminator()->getOperands());
  SmallVector<Type> elements;
  for (auto [outside, v] : llvm::zip(op->getOperands(), inside)) {
    places.push_back({elementOf(outside.getType()), l.pointer(outside), shapeOf(v.getType()).rank() > 0});
    elements.push_back(places.back().element);
  }
  native = l.widthFor(body, elements);
  if (row.rank() == 0)
    row.axes.push_back({Dim(1), std::vector<Dim>(places.size(), Dim(0)), -1});
  rowLength = row.count().asConstant();
}

/// How many elements at once: several vectors, so that operations need not wait for each other. No more than there are.
/// Where each element costs much, half of them unless the row is long: what is left at its end takes a whole turn.
int64_t RowsLowering::widthOf(int64_t cost, bool narrow, std::optional<int64_t> length) const {
  bool costly = cost > 12 && l.target.vectorRegisters >= 32 && (!length || *length < 512);
  int64_t width = native * (narrow ? 1 : costly || cost > 48 ? 2 : 4);
  while (length && width > native && width >= 2 * *length)
    width /= 2;
  return width;
}

/// Rows whose elements lie beside each other are walked along; otherwise, if there is a parallel axis along which rows
/// lie beside each other, each lane takes a row.
void RowsLowering::chooseLanes() {
  auto ofRows = [&](size_t p) { return int64_t(places[p].isRow); };
  int64_t along = 0, across = -1;
  size_t axis = row.contiguousAxis(ofRows, &along), lanes = 0;
  if (parallel.rank())
    lanes = parallel.contiguousAxis(ofRows, &across);
  row.moveLast(axis);
  inLanes = across > along;
  if (inLanes)
    parallel.moveLast(lanes);
}

/// 1. Choose along what vectors run, plan the stages.
/// 2. Threads share the rows. A row is computed by one thread, in an order that depends on the row's length alone.
/// 3. For each row (or vector of rows): read what it has one value of; run the stages; write what it has one value of.
void RowsLowering::lower() {
  chooseLanes();
  SmallVector<Type> outputs;
  for (size_t p = op.getInputs().size(); p < places.size(); ++p)
    outputs.push_back(places[p].element);
  wholeRow = !inLanes && row.rank() == 1 && rowLength && *rowLength <= 4 * native;
  if (inLanes) {
    RowPlan costs(body, outputs, false);
    int64_t most = 0;
    for (const RowStage &stage : costs.stages)
      most = std::max(most, stage.cost);
    laneWidth = widthOf(most, false, parallel.axes.back().size.asConstant());
  }
  int64_t elements = rowLength.value_or(1 << 30) * laneWidth;
  plan.emplace(body, outputs, /*buffers=*/!wholeRow && elements <= 4096);
  if (!inLanes) {
    Value count = l.size(parallel.count());
    Share share = l.share(count);
    l.loop(share.from, share.to, 1, [&](Value number) {
      SmallVector<Value> outer = parallel.positions(number, l);
      Row one{{}, {}, outer, {}, {}, {}};
      addressRow(one);
      workOn(one);
    });
    return;
  }
  parallel.walkShare(laneWidth, l, [&](ValueRange outer, Value from, Value to) {
    auto vector = [&](Value i, Value mask, Value count) {
      Row rows{{}, {}, outer, i, mask, count};
      addressRow(rows);
      workOn(rows);
    };
    l.vectorLoop(from, to, laneWidth, vector, Dim::alwaysDivides(parallel.axes.back().size, laneWidth));
  });
}

void RowsLowering::addressRow(Row &r) {
  for (auto [p, place] : llvm::enumerate(places)) {
    Value offset = parallel.offset(p, r.outer, l);
    if (inLanes)
      offset = l.add(offset, l.mul(r.lane, l.size(parallel.axes.back().strides[p])));
    r.starts.push_back(l.advance(place.base, offset, place.element));
  }
}

void RowsLowering::workOn(Row &r) {
  size_t inputs = op.getInputs().size();
  Element none{r, r.starts, {}, l.constant(0), {}, {}, {}, laneWidth};
  kept.reset();
  if (wholeRow)
    kept.emplace();
  for (BlockArgument arg : body.getArguments())
    if (!places[arg.getArgNumber()].isRow)
      r.scalars.map(arg, l.splat(read(arg.getArgNumber(), none), laneWidth));
  evaluateScalars(r, 0);
  for (unsigned i = 0; i < plan->stages.size(); ++i)
    runStage(i, r);
  for (auto [i, v] : llvm::enumerate(body.getTerminator()->getOperands()))
    if (!places[inputs + i].isRow)
      write(r.scalars.lookup(v), inputs + i, none);
}

void RowsLowering::evaluateScalars(Row &r, unsigned depth) {
  Element none{r, {}, {}, {}, {}, {}, {}, laneWidth};
  for (Operation &inner : body.without_terminator()) {
    Value v = inner.getResult(0);
    if (shapeOf(v.getType()).rank() || isReduction(&inner) || plan->depth[v] != depth)
      continue;
    auto index = [&](int64_t axis) { return position(none, axis); };
    r.scalars.map(v, l.inlineOperation(inner, r.scalars, laneWidth, index));
  }
}

/// Carried from vector to vector: what the reductions have so far, then the running sums.
void RowsLowering::runStage(unsigned number, Row &r) {
  const RowStage &planned = plan->stages[number];
  Stage stage{planned, laneWidth, {}, {}};
  bool narrow = llvm::any_of(planned.reductions, [](Operation *o) { return isa<ArgmaxOp, ArgminOp>(o); });
  for (Operation *inner : planned.ops)
    if (auto cumsum = dyn_cast<CumsumOp>(inner))
      stage.sums.push_back(inner), narrow = true, stage.reverse |= cumsum.getReverse();
  if (wholeRow)
    stage.width = std::max<int64_t>(llvm::PowerOf2Ceil(*rowLength), std::min<int64_t>(native, 4));
  else if (!inLanes)
    stage.width = widthOf(planned.cost, narrow, row.axes.back().size.asConstant());

  Values carried;
  for (Operation *reduction : planned.reductions) {
    stage.reducers.emplace_back(reduction, l, stage.width);
    llvm::append_range(carried, stage.reducers.back().init());
  }
  for (Operation *sum : stage.sums) {
    Type type =
        l.vectorOf(sumType(elementOf(sum->getOperand(0).getType()), elementOf(sum->getResult(0).getType())), laneWidth);
    carried.push_back(arith::ConstantOp::create(l.b, l.loc, type, l.b.getZeroAttr(type)));
  }
  if (row.rank() == 1) {
    Element element{r, r.starts, {}, l.constant(0), {}, {}, {}, stage.width};
    carried = walk(stage, r, element, carried);
  } else {
    Nest outer = row;
    outer.axes.pop_back();
    Value last = l.size(row.axes.back().size);
    Value none = l.constant(0), count = l.size(outer.count());
    carried = inParts(stage, outer.count(), none, count, 1, kLevels, carried, [&](Value n, ValueRange carried) {
      SmallVector<Value> at = outer.positions(n, l), starts;
      for (auto [p, place] : llvm::enumerate(places))
        starts.push_back(l.advance(r.starts[p], outer.offset(p, at, l), place.element));
      Element element{r, starts, at, l.mul(n, last), {}, {}, {}, stage.width};
      return walk(stage, r, element, carried);
    });
  }
  ValueRange rest(carried);
  for (auto [reduction, reducer] : llvm::zip(planned.reductions, stage.reducers)) {
    size_t n = reducer.carries();
    r.scalars.map(reduction->getResult(0), reducer.finish(rest.take_front(n), !inLanes));
    rest = rest.drop_front(n);
  }
  evaluateScalars(r, number + 1);
}

/// From 0 to `to`; sums in parts of kPart steps, those in parts of kPart parts and so on, as many levels as `size`
/// needs.
RowsLowering::Values RowsLowering::inParts(Stage &stage, const Dim &size, Value from, Value to, int64_t step,
                                           int levels, ValueRange carried,
                                           function_ref<Values(Value, ValueRange)> body) {
  int64_t part = step;
  for (int i = 1; i < levels; ++i)
    part *= kPart;
  bool ofParts = llvm::any_of(stage.reducers, [](const Reducer &reducer) { return reducer.isOfParts(); });
  if (levels == 1 || !ofParts)
    return l.loop(from, to, step, carried, body);
  if (size.isConstant() && size.constant() <= part)
    return inParts(stage, size, from, to, step, levels - 1, carried, body);
  return l.loop(from, to, part, carried, [&](Value i, ValueRange total) {
    auto forEachSum = [&](function_ref<void(Reducer &, size_t)> see) {
      size_t k = 0;
      for (Reducer &reducer : stage.reducers) {
        if (reducer.isOfParts())
          see(reducer, k);
        k += reducer.carries();
      }
    };
    Values begin(total);
    forEachSum([&](Reducer &reducer, size_t k) { begin[k] = reducer.init()[0]; });
    Value end = l.minimum(l.add(i, l.constant(part)), to);
    Values sums = inParts(stage, part, i, end, step, levels - 1, begin, body);
    forEachSum([&](Reducer &reducer, size_t k) { sums[k] = reducer.addPart(total[k], sums[k])[0]; });
    return sums;
  });
}

/// Along the last axis: full vectors, then what is left with a mask. From the end it is the other way round.
RowsLowering::Values RowsLowering::walk(Stage &stage, const Row &r, Element &e, ValueRange init) {
  int64_t step = inLanes ? 1 : stage.width;
  const Dim &size = row.axes.back().size;
  Value n = l.size(size);
  bool exact = inLanes || Dim::alwaysDivides(size, step);
  Value full = exact ? n : l.mul(l.quotient(n, step), l.constant(step));
  auto rest = [&](Values carried) {
    if (exact)
      return carried;
    auto masked = [&] {
      e.i = full;
      e.count = l.sub(n, full);
      e.mask = l.mask(e.count, stage.width);
      return element(stage, e, carried);
    };
    return l.ifThenElse(l.less(full, n), ValueRange(carried).getTypes(), masked, [&] { return carried; });
  };
  Values begin = stage.reverse ? rest(init) : Values(init);
  Values end = inParts(stage, size, l.constant(0), full, step, kLevels, begin, [&](Value i, ValueRange carried) {
    e.i = stage.reverse ? l.sub(l.sub(full, l.constant(step)), i) : i;
    e.mask = inLanes ? r.mask : Value();
    e.count = inLanes ? r.count : Value();
    return element(stage, e, carried);
  });
  return stage.reverse ? end : rest(end);
}

void nnc::lowerRows(RowsOp op, Lowering &l) {
  RowsLowering(op, l).lower();
  op.erase();
}
