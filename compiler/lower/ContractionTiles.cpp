#include "compiler/lower/ContractionTiles.h"
#include "compiler/lower/Routine.h"

#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace nnc;

// A tile kernel computes out[r, p, j] = sum over k of lhs[r, k] * rhs[p, k, j], or adds to it:
//  1. A pointer per row and per panel. Rows and panels that are not there get the pointer of the last that is: they
//     compute what nobody reads, and no address is out of bounds.
//  2. The k loop. Its accumulators are native vectors carried from turn to turn, so they stay in registers; in each
//     turn a row of each panel is loaded, and each element of lhs is broadcast and multiplied with it.
//  3. After a chain of so many turns the accumulators are added to what `out` has and begin again with zero. An element
//     of the result is thus made in one way, with k ascending, whatever the tile: all tiles give the same bits.
//  4. `out` is written unmasked. Masks are the business of whoever reads it.
// With panels of one column vectors run along k instead; all rows and all tiles add up their lanes in the same order.

namespace {
class TileBuilder {
public:
  TileBuilder(func::FuncOp function, const TileKind &kind, cpu::Tile tile, int64_t vectors, const cpu::Cpu &target)
      : l(function, target), kind(kind), tile(tile), vectors(vectors), panel(kind.tiling.panel()),
        lanes(kind.tiling.lanes) {}
  void build();

private:
  SmallVector<Value> pointers(Value base, Value stride, Value count, int64_t most);
  SmallVector<Value> step(Value k, ValueRange accumulators);
  SmallVector<Value> chain(Value from, Value to, ValueRange accumulators);
  void buildDots(const TileCall &call);
  Value loadAlong(Value base, Value stride, Value k, Value end);
  Value addLanes(Value v);
  Value widen(Value v);
  Value add(Value a, Value b);
  Value multiplyAdd(Value a, Value b, Value sum);

  Lowering l;
  const TileKind &kind;
  cpu::Tile tile;
  int64_t vectors, panel, lanes; ///< vectors of a panel's row that are computed
  SmallVector<Value> rows, panels;
  Value kStride;
};
} // namespace

SmallVector<Value> TileBuilder::pointers(Value base, Value stride, Value count, int64_t most) {
  SmallVector<Value> all{base};
  for (int64_t i = 1; i < most; ++i) {
    Value there = l.less(l.constant(i), count);
    Value next = l.advance(all.back(), stride, kind.element);
    all.push_back(arith::SelectOp::create(l.b, l.loc, there, next, all.back()));
  }
  return all;
}

Value TileBuilder::widen(Value v) {
  if (kind.element == kind.accumulator)
    return v;
  return nn::CastOp::create(l.b, l.loc, nn::withElement(v.getType(), kind.accumulator), v);
}

Value TileBuilder::add(Value a, Value b) {
  if (isa<IntegerType>(kind.accumulator))
    return arith::AddIOp::create(l.b, l.loc, a, b);
  return arith::AddFOp::create(l.b, l.loc, a, b);
}

Value TileBuilder::multiplyAdd(Value a, Value b, Value sum) {
  if (isa<IntegerType>(kind.accumulator))
    return add(sum, arith::MulIOp::create(l.b, l.loc, a, b));
  if (l.target.hasFMA)
    return vector::FMAOp::create(l.b, l.loc, a, b, sum);
  return add(sum, arith::MulFOp::create(l.b, l.loc, a, b));
}

/// One turn: accumulators in the order row, panel, vector.
SmallVector<Value> TileBuilder::step(Value k, ValueRange accumulators) {
  int64_t bytes = std::max<int64_t>(1, kind.element.getIntOrFloatBitWidth() / 8);
  SmallVector<Value> row;
  for (Value base : panels)
    for (int64_t j = 0; j < vectors * lanes; j += lanes) {
      Value at = l.advance(l.advance(base, l.mul(k, l.constant(panel)), kind.element), l.constant(j), kind.element);
      row.push_back(widen(l.load(at, kind.element, lanes, {}, lanes * bytes)));
    }
  SmallVector<Value> next;
  for (Value base : rows) {
    Value at = l.advance(base, l.mul(k, kStride), kind.element);
    Value a = l.splat(widen(l.load(at, kind.element, 1)), lanes);
    for (Value b : row)
      next.push_back(multiplyAdd(a, b, accumulators[next.size()]));
  }
  return next;
}

/// The turns [from, to). The tile that does most of the work has two of them at a time.
SmallVector<Value> TileBuilder::chain(Value from, Value to, ValueRange accumulators) {
  SmallVector<Value> sums = accumulators;
  if (tile.rows == kind.tiling.rows()) {
    Value even = l.add(from, l.mul(l.quotient(l.sub(to, from), 2), l.constant(2)));
    sums = l.loop(from, even, 2, sums,
                  [&](Value k, ValueRange sums) { return step(l.add(k, l.constant(1)), step(k, sums)); });
    from = even;
  }
  return l.loop(from, to, 1, sums, [&](Value k, ValueRange sums) { return step(k, sums); });
}

void TileBuilder::build() {
  Block::BlockArgListType arg = l.function.getArguments();
  TileCall call{arg[0], arg[1], arg[2], arg[3], arg[4], arg[5], arg[6], arg[7], arg[8], arg[9], arg[10], {}};
  kStride = kind.unitK ? l.constant(1) : call.kStride;
  rows = pointers(call.lhs, call.rowStride, call.rows, tile.rows);
  if (panel == 1)
    return buildDots(call);
  panels = pointers(call.rhs, call.panelStride, call.panels, tile.panels);

  Type vector = l.vectorOf(kind.accumulator, lanes);
  int64_t perRow = tile.panels * vectors, count = tile.rows * perRow;
  Value zero = arith::ConstantOp::create(l.b, l.loc, vector, l.b.getZeroAttr(vector)), none = l.constant(0);
  SmallVector<Value> places;
  for (int64_t i = 0; i < count; ++i) {
    Value row = l.advance(call.out, l.mul(l.constant(i / perRow), call.outStride), kind.accumulator);
    places.push_back(l.advance(row, l.constant(i % perRow * lanes), kind.accumulator));
  }
  SmallVector<Value> zeros(count, zero);
  l.loop(none, l.maximum(call.k, l.constant(1)), cpu::Tiling::chain, [&](Value from) {
    Value to = l.minimum(l.add(from, l.constant(cpu::Tiling::chain)), call.k);
    auto sums = chain(from, to, zeros);
    // All is read before anything is written: rows may overlap in the columns of panels that are not there.
    auto write = [&](bool more) {
      SmallVector<Value> results = sums;
      for (size_t i = 0; more && i < places.size(); ++i)
        results[i] = add(l.load(places[i], kind.accumulator, lanes), sums[i]);
      for (auto [place, result] : llvm::zip(places, results))
        l.store(result, place, kind.accumulator);
    };
    Value more = arith::OrIOp::create(l.b, l.loc, call.more, l.less(none, from));
    l.ifThenElse(more, [&] { write(true); }, [&] { write(false); });
  });
  func::ReturnOp::create(l.b, l.loc);
}

/// A vector of elements `stride` apart from number k on; zeros from number `end` on, if there is one.
Value TileBuilder::loadAlong(Value base, Value stride, Value k, Value end) {
  int64_t width = kind.tiling.along;
  Value count = end ? l.sub(end, k) : Value(), mask = end ? l.mask(count, width) : Value();
  if (constantOf(stride) == 1)
    return widen(l.load(l.advance(base, k, kind.element), kind.element, width, mask));
  Value first = end ? l.minimum(k, l.sub(end, l.constant(1))) : k;
  Value v = l.loadStrided(l.advance(base, l.mul(first, stride), kind.element), kind.element, stride, width,
                          end ? l.maximum(count, l.constant(1)) : Value());
  if (end) {
    Value zero = arith::ConstantOp::create(l.b, l.loc, v.getType(), l.b.getZeroAttr(v.getType()));
    v = arith::SelectOp::create(l.b, l.loc, mask, v, zero);
  }
  return widen(v);
}

/// The upper half is added to the lower one until one element is left.
Value TileBuilder::addLanes(Value v) {
  for (int64_t half = kind.tiling.along / 2; half >= 1; half /= 2) {
    SmallVector<int64_t> low, high;
    for (int64_t i = 0; i < half; ++i) {
      low.push_back(i);
      high.push_back(half + i);
    }
    v = add(vector::ShuffleOp::create(l.b, l.loc, v, v, low), vector::ShuffleOp::create(l.b, l.loc, v, v, high));
  }
  return vector::ExtractOp::create(l.b, l.loc, v, 0);
}

void TileBuilder::buildDots(const TileCall &call) {
  constexpr int64_t side = cpu::Tiling::side;
  int64_t along = kind.tiling.along;
  auto turn = [&](Value k, ValueRange sums, Value end) {
    SmallVector<Value> right, next;
    for (int64_t v = 0; v < side; ++v)
      right.push_back(loadAlong(call.rhs, l.constant(1), l.add(k, l.constant(v * along)), end));
    for (Value row : rows)
      for (int64_t v = 0; v < side; ++v) {
        Value left = loadAlong(row, kStride, l.add(k, l.constant(v * along)), end);
        next.push_back(multiplyAdd(left, right[v], sums[next.size()]));
      }
    return next;
  };
  Type vector = l.vectorOf(kind.accumulator, along);
  SmallVector<Value> sums(tile.rows * side, arith::ConstantOp::create(l.b, l.loc, vector, l.b.getZeroAttr(vector)));
  Value turns = l.constant(side * along), whole = l.mul(l.quotient(call.k, side * along), turns);
  sums = l.loop(l.constant(0), whole, side * along, sums, [&](Value k, ValueRange s) { return turn(k, s, {}); });
  sums = l.loop(whole, call.k, side * along, sums, [&](Value k, ValueRange s) { return turn(k, s, call.k); });
  SmallVector<Value> results, places;
  for (int64_t i = 0; i < tile.rows; ++i) {
    Value *s = &sums[i * side];
    results.push_back(addLanes(add(add(s[0], s[1]), add(s[2], s[3]))));
    places.push_back(l.advance(call.out, l.mul(l.constant(i), call.outStride), kind.accumulator));
  }
  auto write = [&](bool more) {
    for (auto [place, result] : llvm::zip(places, results))
      l.store(more ? add(l.load(place, kind.accumulator, 1), result) : result, place, kind.accumulator);
  };
  l.ifThenElse(call.more, [&] { write(true); }, [&] { write(false); });
  func::ReturnOp::create(l.b, l.loc);
}

void nnc::callTile(Lowering &l, const TileKind &kind, const TileCall &call) {
  SmallVector<Value> arguments{call.lhs, call.rowStride, call.kStride, call.rhs,    call.panelStride, call.k,
                               call.out, call.outStride, call.rows,    call.panels, call.more};
  TypeRange types{ValueRange(arguments)};
  std::string suffix =
      llvm::formatv("{0}.{1}{2}", nn::describeElement(kind.element), kind.tiling.panel(), kind.unitK ? "" : ".strided");
  auto kernelFor = [&](cpu::Tile tile, int64_t vectors) -> Value {
    bool narrow = vectors < kind.tiling.vectors;
    std::string name =
        llvm::formatv("tile.{0}x{1}.{2}{3}", tile.rows, tile.panels, suffix, narrow ? "." + Twine(vectors) : "");
    auto function =
        routine(l, name, types, [&](func::FuncOp f) { TileBuilder(f, kind, tile, vectors, l.target).build(); });
    return func::ConstantOp::create(l.b, l.loc, function.getFunctionType(), name);
  };
  auto select = [&](Value number, int64_t most, Value a, Value b) -> Value {
    return arith::SelectOp::create(l.b, l.loc, l.less(number, l.constant(most + 1)), a, b);
  };
  Value kernel = kernelFor(kind.tiling.tiles.back(), kind.tiling.vectors);
  for (int64_t vectors : kind.narrow)
    kernel = select(call.vectors, vectors, kernelFor(kind.tiling.tiles.back(), vectors), kernel);
  std::optional<int64_t> rows = constantOf(call.rows);
  for (cpu::Tile tile : llvm::drop_begin(llvm::reverse(kind.tiling.tiles)))
    if (!rows || *rows <= tile.rows)
      kernel = select(call.rows, tile.rows, kernelFor(tile, kind.tiling.vectors), kernel);
  func::CallIndirectOp::create(l.b, l.loc, kernel, arguments);
}
