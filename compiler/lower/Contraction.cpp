#include "compiler/lower/ContractionTiles.h"
#include "compiler/lower/Nest.h"

using namespace mlir;
using namespace nn;
using namespace nnc;

// A contraction with a packed rhs, on all threads of a team:
//  1. Axes. Batch and m axes that are walked alike in all operands become one; one of those that rhs does not have is
//     the axis of rows, the others are an outer loop.
//  2. Shares. The work is (outer positions x tiles of rows) times panels. A thread takes a share of the first or of the
//     second, whichever leaves it less to do; which threads compute an element changes nothing in it.
//  3. Loops: outer positions, then panels, then tiles of rows, so that a panel stays in the second-level cache while
//  the
//     rows pass by. With less rows than a full tile a turn takes several panels (see Tiling).
//  4. A tile: the kernel leaves accumulators in a small piece of the stack; a walk over its rows in vectors then
//  applies
//     the epilogue, with masks at the last columns. That is the only place that knows of edges. A full tile that needs
//     no epilogue is written where it belongs at once.

namespace {
class Contraction {
public:
  Contraction(ContractOp op, Lowering &l);
  void lower();

private:
  /// What a turn of the loops works on.
  struct Turn {
    SmallVector<Value> bases; ///< of the places, at the outer position
    Value row, rows;          ///< first and number
    Value panel, panels;
  };
  enum { lhs, rhs, firstInit };
  size_t firstExtra() { return firstInit + op.getInits().size(); }
  size_t firstIndex() { return firstExtra() + op.getExtras().size(); }

  Nest collectAxes();
  void chooseRows();
  void shareWork();
  void lowerPosition(Value position);
  void lowerTurn(const Turn &turn);
  void callKernel(const Turn &turn, Value out, Value outStride);
  void lowerEpilogue(const Turn &turn);
  void lowerColumns(const Turn &turn, Value i, Value column, Value mask, Value count);
  Value read(size_t place, const Turn &turn, Value row, Value column, Value mask, Value count);
  void write(Value v, size_t place, const Turn &turn, Value row, Value column, Value mask, Value count);
  Value address(size_t place, const Turn &turn, Value row, Value column);

  ContractOp op;
  Lowering &l;
  Type element, accumulator;
  cpu::Tiling tiling;
  SmallVector<Value> places;      ///< lhs, rhs, inits, extras
  SmallVector<Dim> columnStrides; ///< by place
  size_t placeCount = 0;          ///< places, and positions that the epilogue asks for
  Nest outer;
  Nest::Axis rowAxis;
  Value m, n, k, tiles;
  Share units, panels;
  Value scratch;
  int64_t scratchStride;
};
} // namespace

static SmallVector<Value> placesOf(ContractOp op) {
  SmallVector<Value> places{op.getLhs(), op.getRhs()};
  llvm::append_range(places, op.getInits());
  llvm::append_range(places, op.getExtras());
  return places;
}

Contraction::Contraction(ContractOp op, Lowering &l)
    : op(op), l(l), element(elementOf(op.getLhs().getType())), accumulator(op.getAccumulatorType()),
      tiling(cpu::tilingFor(element, op.getPanel(), l.target)), places(placesOf(op)), outer(collectAxes()),
      scratchStride(tiling.panels() * tiling.panel()) {
  chooseRows();
}

Nest Contraction::collectAxes() {
  size_t b = op.getBatch(), axes = b + op.getM();
  Shape shape(ArrayRef<Dim>(op.resultShape().dims).take_front(axes));
  SmallVector<Shape> strides;
  for (Value place : places) {
    const Shape &all = cast<RefType>(place.getType()).getStrides();
    columnStrides.push_back(all.dims.back());
    strides.push_back(ArrayRef<Dim>(all.dims).take_front(strides.size() == rhs ? b : axes));
    strides.back().dims.resize(axes, Dim(0)); // rhs has no m axes
  }
  // An epilogue that asks for positions has each axis as one more place, whose "offset" is the position.
  bool positions = false;
  op.getEpilogue().walk([&](IndexOp) { positions = true; });
  for (size_t i = 0; positions && i < axes; ++i) {
    strides.push_back(ArrayRef<Dim>(std::vector<Dim>(axes, Dim(0))));
    strides.back()[i] = 1;
  }
  placeCount = strides.size();
  return Nest(shape, strides, /*merge=*/true);
}

/// Of the axes that rhs does not have, the last one that is no small constant has the rows.
void Contraction::chooseRows() {
  auto size = [](const Nest::Axis &a) { return a.size.asConstant().value_or(INT64_MAX); };
  auto rows = outer.axes.end();
  for (auto axis = outer.axes.begin(); axis != outer.axes.end(); ++axis)
    if (axis->strides[rhs].isConstant(0))
      if (rows == outer.axes.end() || size(*axis) >= std::min(size(*rows), tiling.rows()))
        rows = axis;
  if (rows == outer.axes.end()) {
    rowAxis = {1, std::vector<Dim>(placeCount, Dim(0))};
  } else {
    rowAxis = *rows;
    outer.axes.erase(rows);
  }
}

/// Decides what this thread does.
void Contraction::shareWork() {
  Value all = l.mul(l.size(outer.count()), tiles), allPanels = l.ceilQuotient(n, tiling.panel());
  Share shareUnits = l.share(all), sharePanels = l.share(allPanels);
  auto each = [&](Value count) { return l.ceilQuotient(count, l.teamSize()); };
  Value byPanels = l.less(l.mul(each(allPanels), all), l.mul(each(all), allPanels));
  auto select = [&](Value a, Value b) { return arith::SelectOp::create(l.b, l.loc, byPanels, a, b); };
  units = {select(l.constant(0), shareUnits.from), select(all, shareUnits.to)};
  panels = {select(sharePanels.from, l.constant(0)), select(sharePanels.to, allPanels)};
}

void Contraction::lower() {
  m = l.size(rowAxis.size);
  n = l.size(op.nShape()[0]);
  k = l.size(op.kShape()[0]);
  tiles = l.maximum(l.ceilQuotient(m, tiling.rows()), l.constant(1));
  scratch = l.stack(accumulator, tiling.rows() * scratchStride);
  shareWork();
  Value from = arith::DivUIOp::create(l.b, l.loc, units.from, tiles);
  Value to = l.ceilQuotient(units.to, tiles);
  l.loop(from, to, 1, [&](Value position) { lowerPosition(position); });
}

void Contraction::lowerPosition(Value position) {
  Turn turn;
  SmallVector<Value> at = outer.positions(position, l);
  for (size_t p = 0; p < rowAxis.strides.size(); ++p) {
    Value offset = outer.offset(p, at, l);
    turn.bases.push_back(p < places.size() ? l.advance(l.pointer(places[p]), offset, elementOf(places[p].getType()))
                                           : offset);
  }
  Value first = l.mul(position, tiles), rowsOfTile = l.constant(tiling.rows());
  Value from = l.mul(l.maximum(l.sub(units.from, first), l.constant(0)), rowsOfTile);
  Value to = l.minimum(l.mul(l.sub(units.to, first), rowsOfTile), m);
  // So few rows that a small tile has them all: then it takes all its panels in one turn.
  Value group = l.constant(1);
  for (cpu::Tile tile : llvm::reverse(tiling.tiles)) {
    Value few = l.less(l.sub(to, from), l.constant(tile.rows + 1));
    group = arith::SelectOp::create(l.b, l.loc, few, l.constant(tile.panels), group);
  }
  l.loop(panels.from, panels.to, group, [&](Value panel) {
    turn.panel = panel;
    turn.panels = l.minimum(group, l.sub(panels.to, panel));
    l.loop(from, to, tiling.rows(), [&](Value row) {
      turn.row = row;
      turn.rows = l.minimum(rowsOfTile, l.sub(to, row));
      lowerTurn(turn);
    });
  });
}

void Contraction::lowerTurn(const Turn &turn) {
  Value stride = l.constant(scratchStride);
  bool plain = op.getEpilogue().empty() && elementOf(op.getInits()[0].getType()) == accumulator &&
               columnStrides[firstInit].isConstant(1);
  if (!plain) {
    callKernel(turn, scratch, stride);
    return lowerEpilogue(turn);
  }
  Value column = l.mul(turn.panel, l.constant(tiling.panel()));
  Value fullRows = l.less(l.constant(tiling.rows() - 1), turn.rows);
  Value fullPanel = l.less(l.add(column, l.constant(tiling.panel() - 1)), n);
  Value full = arith::AndIOp::create(l.b, l.loc, fullRows, fullPanel);
  Value there = address(firstInit, turn, turn.row, column);
  Value out = arith::SelectOp::create(l.b, l.loc, full, there, scratch);
  Value outStride = arith::SelectOp::create(l.b, l.loc, full, l.size(rowAxis.strides[firstInit]), stride);
  callKernel(turn, out, outStride);
  l.ifThenElse(full, [] {}, [&] { lowerEpilogue(turn); });
}

/// Calls the smallest tile that has the rows.
void Contraction::callKernel(const Turn &turn, Value out, Value outStride) {
  Shape rhsStrides = cast<RefType>(op.getRhs().getType()).getStrides();
  Value panelStride = l.size(rhsStrides[op.getBatch()]);
  TileCall call;
  call.lhs = address(lhs, turn, turn.row, l.constant(0));
  call.rowStride = l.size(rowAxis.strides[lhs]);
  call.kStride = l.size(columnStrides[lhs]);
  call.rhs = l.advance(turn.bases[rhs], l.mul(turn.panel, panelStride), element);
  call.panelStride = panelStride;
  call.k = k;
  call.out = out;
  call.outStride = outStride;
  call.rows = turn.rows;
  call.panels = turn.panels;
  std::function<void(ArrayRef<cpu::Tile>)> choose = [&](ArrayRef<cpu::Tile> tiles) {
    auto callFirst = [&] {
      callTile(l, {element, accumulator, tiling, tiles[0], columnStrides[lhs].isConstant(1)}, call);
    };
    if (tiles.size() == 1)
      return callFirst();
    Value enough = l.less(turn.rows, l.constant(tiles[0].rows + 1));
    l.ifThenElse(enough, callFirst, [&] { choose(tiles.drop_front()); });
  };
  choose(tiling.tiles);
}

void Contraction::lowerEpilogue(const Turn &turn) {
  Value from = l.mul(turn.panel, l.constant(tiling.panel()));
  Value to = l.minimum(l.mul(l.add(turn.panel, turn.panels), l.constant(tiling.panel())), n);
  std::optional<int64_t> columns = op.nShape()[0].asConstant();
  l.loop(l.constant(0), turn.rows, 1, [&](Value i) {
    auto body = [&](Value column, Value mask, Value count) { lowerColumns(turn, i, column, mask, count); };
    if (columns && *columns % tiling.lanes == 0)
      l.loop(from, to, tiling.lanes, [&](Value column) { body(column, {}, {}); });
    else
      l.vectorLoop(from, to, tiling.lanes, body);
  });
}

/// The epilogue on one vector of row `i` of the tile.
void Contraction::lowerColumns(const Turn &turn, Value i, Value column, Value mask, Value count) {
  int64_t lanes = tiling.lanes;
  Value row = l.add(turn.row, i), panelColumn = l.mul(turn.panel, l.constant(tiling.panel()));
  Value at = l.add(l.mul(i, l.constant(scratchStride)), l.sub(column, panelColumn));
  SmallVector<Value> arguments{l.load(l.advance(scratch, at, accumulator), accumulator, lanes)}, results;
  for (size_t p = firstExtra(); p < firstIndex(); ++p)
    arguments.push_back(read(p, turn, row, column, mask, count));
  Type type = elementOf(op.getInits()[0].getType());
  if (!op.getEpilogue().empty())
    results = l.inlineBody(op.getEpilogue().front(), arguments, lanes, [&](int64_t axis) -> Value {
      if (axis == int64_t(op.getBatch() + op.getM()))
        return l.lanesFrom(column, lanes);
      size_t place = firstIndex() + axis;
      return l.add(turn.bases[place], l.mul(row, l.size(rowAxis.strides[place])));
    });
  else if (type == accumulator)
    results = arguments;
  else
    results = {CastOp::create(l.b, l.loc, l.vectorOf(type, lanes), arguments[0])};
  for (auto [j, v] : llvm::enumerate(results))
    write(v, firstInit + j, turn, row, column, mask, count);
}

Value Contraction::address(size_t place, const Turn &turn, Value row, Value column) {
  Value offset = l.add(l.mul(row, l.size(rowAxis.strides[place])), l.mul(column, l.size(columnStrides[place])));
  return l.advance(turn.bases[place], offset, elementOf(places[place].getType()));
}

Value Contraction::read(size_t place, const Turn &turn, Value row, Value column, Value mask, Value count) {
  Type type = elementOf(places[place].getType());
  Value base = address(place, turn, row, column);
  if (columnStrides[place].isConstant(0))
    return l.splat(l.load(base, type, 1), tiling.lanes);
  if (columnStrides[place].isConstant(1))
    return l.load(base, type, tiling.lanes, mask);
  return l.loadStrided(base, type, l.size(columnStrides[place]), tiling.lanes, count);
}

void Contraction::write(Value v, size_t place, const Turn &turn, Value row, Value column, Value mask, Value count) {
  Type type = elementOf(places[place].getType());
  Value base = address(place, turn, row, column);
  if (columnStrides[place].isConstant(1))
    l.store(v, base, type, mask);
  else
    l.storeStrided(v, base, type, l.size(columnStrides[place]), count);
}

void nnc::lowerContract(ContractOp op, Lowering &l) {
  Contraction(op, l).lower();
  op.erase();
}
