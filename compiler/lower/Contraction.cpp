#include "compiler/lower/ContractionTiles.h"
#include "compiler/lower/Nest.h"

using namespace mlir;
using namespace nn;
using namespace nnc;

// A contraction with a packed rhs, on all threads of a team:
//  1. Axes. Batch and m axes that are walked alike in all operands become one; one of those that rhs does not have is
//     the axis of rows, the others are an outer loop.
//  2. Shares. The work is (outer positions x rows) times panels; a thread takes a share of both. Which threads compute
//     an element changes nothing in it.
//  3. Pieces of the result: outer positions, blocks of rows, panels. A piece is a tile; where sums are so long that
//     they are cut it is all of a block's tiles in a panel. With less rows than a full tile a piece has several panels.
//  4. The kernel leaves accumulators on the stack; a walk over the rows of the piece in vectors then applies the
//     epilogue, with masks at the last columns. That is the only place that knows of edges. Full tiles that need no
//     epilogue are written where they belong at once.

namespace {
class Contraction {
public:
  Contraction(ContractOp op, Lowering &l);
  void lower();

private:
  /// A part of the result: some rows of a panel, or of a few.
  struct Piece {
    SmallVector<Value> bases; ///< of the places, at the outer position
    Value row, rows;          ///< first and number
    Value panel, panels;
    Value panelsOfTile;  ///< that a kernel takes at once
    Value scratchStride; ///< from row to row of the accumulators on the stack
  };
  enum { lhs, rhs, firstInit };
  size_t firstExtra() { return firstInit + op.getInits().size(); }
  size_t firstIndex() { return firstExtra() + op.getExtras().size(); }

  Nest collectAxes();
  void chooseRows();
  Value select(Value condition, Value a, Value b) { return arith::SelectOp::create(l.b, l.loc, condition, a, b); }
  void shareWork();
  void lowerPosition(Value position);
  void lowerPiece(const Piece &piece);
  void callKernel(const Piece &piece, Value i, Value kFrom, Value direct);
  void lowerEpilogue(const Piece &piece, Value fromRow, Value from, Value to);
  void lowerVector(const Piece &piece, Value sums, Value row, Value column, Value mask, Value count);
  Value read(size_t place, const Piece &piece, Value row, Value column, Value mask, Value count);
  void write(Value v, size_t place, const Piece &piece, Value row, Value column, Value mask, Value count);
  Value address(size_t place, const Piece &piece, Value row, Value column);

  ContractOp op;
  Lowering &l;
  Type element, accumulator;
  cpu::Tiling tiling;
  SmallVector<Value> places;      ///< lhs, rhs, inits, extras
  SmallVector<Dim> columnStrides; ///< by place
  Nest outer;
  Nest::Axis rowAxis;
  Value m, n, k;
  Value positionRows; ///< m, but at least 1: rows of an outer position
  Value depth;        ///< where the sums are cut, a multiple of the chains' length
  Share units, panels;
  Value scratch;
  SmallVector<int64_t, 4> narrow; ///< vectors that the last panel may have in use, if not all
  bool plain;                     ///< the accumulators are the result
  bool cut;                       ///< the sums may be too long to be made at once
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
      tiling(cpu::tilingFor(element, op.getPanel(), l.target)), places(placesOf(op)), outer(collectAxes()) {
  chooseRows();
  plain = op.getEpilogue().empty() && elementOf(op.getInits()[0].getType()) == accumulator &&
          columnStrides[firstInit].isConstant(1);
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
    size_t count = outer.rank() ? outer.axes[0].strides.size() : firstIndex() + op.getBatch() + op.getM();
    rowAxis = {1, std::vector<Dim>(count, Dim(0))};
  } else {
    rowAxis = *rows;
    outer.axes.erase(rows);
  }
}

/// Decides what this thread does. Of the ways to divide the threads into groups by columns, and each group by rows, the
/// best is the one where a thread computes and reads least. In the time that a core takes to read four elements from
/// the third-level cache it can do some 32 products: an element read counts as much as eight products.
void Contraction::shareWork() {
  constexpr int64_t reading = 8;
  Value rows = l.mul(l.size(outer.count()), positionRows), allPanels = l.ceilQuotient(n, tiling.panel());
  Value threads = l.teamSize(), none = l.constant(0), one = l.constant(1);
  auto divided = [&](Value a, Value c) { return arith::DivUIOp::create(l.b, l.loc, a, c).getResult(); };
  // 1, 2, 4, .. groups, and one for each thread.
  Value zeros =
      LLVM::CountLeadingZerosOp::create(l.b, l.loc, l.b.getI64Type(), l.sub(threads, one), /*is_zero_poison=*/false);
  auto best =
      l.loop(none, l.sub(l.constant(65), zeros), 1, {one, l.constant(INT64_MAX)}, [&](Value i, ValueRange best) {
        Value groups = l.minimum(arith::ShLIOp::create(l.b, l.loc, one, i), threads);
        Value rowsEach = l.ceilQuotient(rows, divided(threads, groups));
        Value columnsEach = l.mul(l.ceilQuotient(allPanels, groups), l.constant(tiling.panel()));
        Value cost = l.mul(l.add(rowsEach, l.constant(reading)), l.add(columnsEach, l.constant(reading)));
        Value better = l.less(cost, best[1]);
        return SmallVector<Value>{select(better, groups, best[0]), select(better, cost, best[1])};
      });
  auto part = [&](Value all, Value number, Value parts) -> Share {
    Value each = l.ceilQuotient(all, parts), from = l.minimum(l.mul(number, each), all);
    return {from, l.minimum(l.add(from, each), all)};
  };
  Value groups = best[0];
  units = part(rows, divided(l.tid(), groups), divided(threads, groups));
  panels = part(allPanels, arith::RemUIOp::create(l.b, l.loc, l.tid(), groups), groups);
}

void Contraction::lower() {
  m = l.size(rowAxis.size);
  n = l.size(op.nShape()[0]);
  k = l.size(op.kShape()[0]);
  positionRows = l.maximum(m, l.constant(1));
  std::optional<int64_t> columns = op.nShape()[0].asConstant();
  for (int64_t vectors = tiling.vectors - 1; vectors > 0; --vectors)
    if (!columns || (*columns % tiling.panel() + tiling.lanes - 1) / tiling.lanes == vectors)
      narrow.push_back(vectors);
  std::optional<int64_t> length = op.kShape()[0].asConstant();
  cut = !length || *length > tiling.depth;
  if (cut) { // parts of about the same length
    Value parts = l.maximum(l.ceilQuotient(k, tiling.depth), l.constant(1));
    depth = l.maximum(l.ceilQuotient(l.ceilQuotient(k, tiling.chain), parts), l.constant(1));
    depth = l.mul(depth, l.constant(tiling.chain));
  }
  int64_t waiting = (cut ? tiling.height : tiling.rows()) * tiling.panel();
  for (cpu::Tile tile : tiling.tiles)
    waiting = std::max(waiting, tile.rows * tile.panels * tiling.panel());
  scratch = l.stack(accumulator, waiting);
  shareWork();
  Value from = arith::DivUIOp::create(l.b, l.loc, units.from, positionRows);
  Value to = l.ceilQuotient(units.to, positionRows);
  l.loop(from, to, 1, [&](Value position) { lowerPosition(position); });
}

void Contraction::lowerPosition(Value position) {
  Piece piece;
  SmallVector<Value> at = outer.positions(position, l);
  for (size_t p = 0; p < rowAxis.strides.size(); ++p) {
    Value offset = outer.offset(p, at, l);
    piece.bases.push_back(p < places.size() ? l.advance(l.pointer(places[p]), offset, elementOf(places[p].getType()))
                                            : offset);
  }
  Value first = l.mul(position, positionRows), rowsOfTile = l.constant(tiling.rows());
  Value from = l.maximum(l.sub(units.from, first), l.constant(0));
  Value to = l.minimum(l.sub(units.to, first), m);
  // So few rows that a small tile has them all: then it takes several panels at once.
  piece.panelsOfTile = l.constant(1);
  for (cpu::Tile tile : llvm::drop_begin(llvm::reverse(tiling.tiles))) {
    Value few = l.less(l.sub(to, from), l.constant(tile.rows + 1));
    piece.panelsOfTile = select(few, l.constant(tile.panels), piece.panelsOfTile);
  }
  piece.scratchStride = l.mul(piece.panelsOfTile, l.constant(tiling.panel()));
  Value height = cut ? select(l.less(depth, k), l.constant(tiling.height), rowsOfTile) : rowsOfTile;
  Value blockRows = select(l.less(l.constant(tiling.shallow), k), l.constant(tiling.height), l.constant(tiling.low));
  l.loop(from, to, blockRows, [&](Value block) {
    Value end = l.minimum(l.add(block, blockRows), to);
    l.loop(panels.from, panels.to, piece.panelsOfTile, [&](Value panel) {
      piece.panel = panel;
      piece.panels = l.minimum(piece.panelsOfTile, l.sub(panels.to, panel));
      l.loop(block, end, height, [&](Value row) {
        piece.row = row;
        piece.rows = l.minimum(height, l.sub(end, row));
        lowerPiece(piece);
      });
    });
  });
}

void Contraction::lowerPiece(const Piece &piece) {
  Value none = l.constant(0), direct = none, width = l.constant(tiling.panel());
  Value from = l.mul(piece.panel, width), to = l.add(from, l.mul(piece.panels, width));
  if (plain) {
    Value full = l.mul(l.quotient(piece.rows, tiling.rows()), l.constant(tiling.rows()));
    Value whole = l.mul(l.quotient(n, tiling.lanes), l.constant(tiling.lanes)); // vectors' columns
    direct = select(l.less(l.minimum(whole, to), l.minimum(n, to)), none, full);
  }
  auto part = [&](Value kFrom) {
    l.loop(none, piece.rows, tiling.rows(), [&](Value i) { callKernel(piece, i, kFrom, direct); });
  };
  if (cut)
    l.loop(none, l.maximum(k, l.constant(1)), depth, part);
  else
    part(none);
  lowerEpilogue(piece, direct, from, l.minimum(to, n));
}

/// The tile at row `i` of the piece; rows below `direct` go where the result belongs.
void Contraction::callKernel(const Piece &piece, Value i, Value kFrom, Value direct) {
  Value row = l.add(piece.row, i), width = l.constant(tiling.panel());
  Value panelStride = l.size(cast<RefType>(op.getRhs().getType()).getStrides()[op.getBatch()]);
  TileCall call;
  call.lhs = address(lhs, piece, row, kFrom);
  call.rowStride = l.size(rowAxis.strides[lhs]);
  call.kStride = l.size(columnStrides[lhs]);
  call.rhs = l.advance(piece.bases[rhs], l.add(l.mul(piece.panel, panelStride), l.mul(kFrom, width)), element);
  call.panelStride = panelStride;
  call.k = cut ? l.minimum(l.sub(k, kFrom), depth) : k;
  call.out = l.advance(scratch, l.mul(i, piece.scratchStride), accumulator);
  call.outStride = piece.scratchStride;
  if (plain) {
    Value there = l.less(i, direct);
    call.out = select(there, address(firstInit, piece, row, l.mul(piece.panel, width)), call.out);
    call.outStride = select(there, l.size(rowAxis.strides[firstInit]), call.outStride);
  }
  call.rows = l.minimum(l.sub(piece.rows, i), l.constant(tiling.rows()));
  call.panels = piece.panels;
  call.more = l.less(l.constant(0), kFrom);
  call.vectors = l.ceilQuotient(l.sub(n, l.mul(piece.panel, width)), tiling.lanes);
  callTile(l, {element, accumulator, tiling, columnStrides[lhs].isConstant(1), narrow}, call);
}

/// Rows of the piece from `fromRow` on.
void Contraction::lowerEpilogue(const Piece &piece, Value fromRow, Value from, Value to) {
  std::optional<int64_t> columns = op.nShape()[0].asConstant();
  // A short epilogue is worth to be written out for the whole panel.
  bool brief = op.getEpilogue().empty() || llvm::range_size(op.getEpilogue().front()) <= 8;
  int64_t step = brief && columns && *columns % tiling.panel() == 0 ? tiling.panel() : tiling.lanes;
  l.loop(fromRow, piece.rows, 1, [&](Value i) {
    Value accumulators = l.advance(scratch, l.mul(i, piece.scratchStride), accumulator);
    auto body = [&](Value column, Value mask, Value count) {
      Value at = l.advance(accumulators, l.sub(column, from), accumulator);
      lowerVector(piece, l.load(at, accumulator, tiling.lanes), l.add(piece.row, i), column, mask, count);
    };
    if (tiling.lanes == 1 || (columns && *columns % step == 0))
      l.loop(from, to, step, [&](Value column) {
        for (int64_t j = 0; j < step; j += tiling.lanes)
          body(l.add(column, l.constant(j)), {}, {});
      });
    else
      l.vectorLoop(from, to, tiling.lanes, body);
  });
}

/// The epilogue on one vector.
void Contraction::lowerVector(const Piece &piece, Value sums, Value row, Value column, Value mask, Value count) {
  int64_t lanes = tiling.lanes;
  SmallVector<Value> arguments{sums}, results;
  for (size_t p = firstExtra(); p < firstIndex(); ++p)
    arguments.push_back(read(p, piece, row, column, mask, count));
  Type type = elementOf(op.getInits()[0].getType());
  if (!op.getEpilogue().empty())
    results = l.inlineBody(op.getEpilogue().front(), arguments, lanes, [&](int64_t axis) -> Value {
      if (axis == int64_t(op.getBatch() + op.getM()))
        return l.lanesFrom(column, lanes);
      size_t place = firstIndex() + axis;
      return l.add(piece.bases[place], l.mul(row, l.size(rowAxis.strides[place])));
    });
  else if (type == accumulator)
    results = arguments;
  else
    results = {CastOp::create(l.b, l.loc, l.vectorOf(type, lanes), arguments[0])};
  for (auto [j, v] : llvm::enumerate(results))
    write(v, firstInit + j, piece, row, column, mask, count);
}

Value Contraction::address(size_t place, const Piece &piece, Value row, Value column) {
  Value offset = l.add(l.mul(row, l.size(rowAxis.strides[place])), l.mul(column, l.size(columnStrides[place])));
  return l.advance(piece.bases[place], offset, elementOf(places[place].getType()));
}

Value Contraction::read(size_t place, const Piece &piece, Value row, Value column, Value mask, Value count) {
  Type type = elementOf(places[place].getType());
  Value base = address(place, piece, row, column);
  if (columnStrides[place].isConstant(0))
    return l.splat(l.load(base, type, 1), tiling.lanes);
  if (columnStrides[place].isConstant(1))
    return l.load(base, type, tiling.lanes, mask);
  return l.loadStrided(base, type, l.size(columnStrides[place]), tiling.lanes, count);
}

void Contraction::write(Value v, size_t place, const Piece &piece, Value row, Value column, Value mask, Value count) {
  Type type = elementOf(places[place].getType());
  Value base = address(place, piece, row, column);
  if (columnStrides[place].isConstant(1))
    l.store(v, base, type, mask);
  else
    l.storeStrided(v, base, type, l.size(columnStrides[place]), count);
}

void nnc::lowerContract(ContractOp op, Lowering &l) {
  Contraction(op, l).lower();
  op.erase();
}
