#include "compiler/lower/ContractionTiles.h"
#include "compiler/lower/ConvolutionPanels.h"

using namespace mlir;
using namespace nn;
using namespace nnc;

// A convolution, on all threads of a team. For a batch position and a group it is a contraction of the weights
// [channels of the result, channels of x and taps] with the elements of x under the windows; these are never all there:
//  1. Shares. The work is (batch positions, groups and pieces of the result's positions) times channels; a thread takes
//     a share of both. Which threads compute an element changes nothing in it.
//  2. A piece is a few panels of positions. What the windows at these positions see is copied into panels on the stack
//     (ConvolutionPanels.cpp); they stay in the second-level cache. A long sum is cut into parts of channels, and only
//     the panels of a part are there at a time.
//  3. The kernels of contractions take the weights as they are as their rows and these panels as columns: vectors run
//     along neighbouring positions.
//  4. Where elements of x are spread (a transposed convolution), the positions of the result whose numbers leave the
//  same
//     remainders see the same taps, and no gaps: each such phase is a convolution of its own. Its taps are not side by
//     side in the weights; so there is a contraction over the channels for each of them.
//  5. Accumulators of a block of channels wait on the stack; a walk over them in vectors applies the epilogue.

namespace {
/// Which positions of the result, and which taps of the whole window, on both axes of sizes.
struct Phase {
  int64_t first[2] = {0, 0}, step[2] = {1, 1};
  int64_t firstTap[2] = {0, 0}, tapStep[2] = {1, 1};
  int64_t windowWidth = 1, taps = 1; ///< of the whole window
  bool isPart = false;
};

cpu::Tiling tilingOf(ConvolveOp op, const WindowAxes &axes, const Lowering &l) {
  constexpr int64_t many = 1 << 20;
  Type element = elementOf(op.getX().getType());
  // A contraction of a strided lhs has vectors even for one column.
  int64_t columns = std::max<int64_t>(axes.count().asConstant().value_or(many), 1);
  return cpu::tilingFor(element, cpu::panelWidth(element, columns, /*stridedLhs=*/true, l.target), l.target);
}

class Convolution {
public:
  Convolution(ConvolveOp op, Lowering &l, const WindowAxes &axes, const Phase &phase);
  void lower();

private:
  /// Positions of the result that one thread works on for a batch position and a group.
  struct Piece {
    Value b, group;
    Value weights; ///< of the group's first channel
    Value from;    ///< the first position
    Value panels;
  };
  void shareWork();
  void lowerPiece(const Piece &piece);
  void sum(const Piece &piece, const WindowPart &part, Value first, Value rows);
  void pack(const Piece &piece, const WindowPart &part);
  void callKernel(const Piece &piece, Value row, Value rows, Value p, Value weight, Value weightStride, Value panel,
                  Value k, Value more);
  void lowerEpilogue(const Piece &piece, Value first, Value rows);
  void writeRows(const Piece &piece, Value channel, Value sums, Value from, Value to);

  ConvolveOp op;
  Lowering &l;
  Type element, accumulator;
  cpu::Tiling tiling;
  WindowAxes axes;
  Phase phase;
  WindowResults results;
  WindowPanels windows;
  int64_t together; ///< panels of a piece
  int64_t height;   ///< channels of a block
  int64_t channelsOfPart, tapsOfPart;
  bool cut;                           ///< the sums may have several parts
  Value rows, channels, depth, count; ///< channels of the result and of x in a group, products of a sum, positions
  Value groups, pieces;
  Value panels, sums;              ///< on the stack
  int64_t panelStride, sumsStride; ///< from panel to panel there
  Share units, blocks;
};

} // namespace

Convolution::Convolution(ConvolveOp op, Lowering &l, const WindowAxes &axes, const Phase &phase)
    : op(op), l(l), element(elementOf(op.getX().getType())), accumulator(op.getAccumulatorType()),
      tiling(tilingOf(op, axes, l)), axes(axes), phase(phase),
      results(l, op.getInits(), op.getExtras(), op.getEpilogue().empty() ? nullptr : &op.getEpilogue().front()),
      windows(l, this->axes, element) {
  // Measured on processors with 1 MiB of second-level cache: panels of 160 KiB, and about 64 columns for each time that
  // weights come from further away.
  constexpr int64_t most = 160 << 10, columns = 64;
  int64_t bytes = std::max<int64_t>(1, element.getIntOrFloatBitWidth() / 8);
  together = std::max<int64_t>(1, columns / tiling.panel());
  int64_t products = std::max<int64_t>(1, most / (together * tiling.panel() * bytes));
  tapsOfPart = std::min(axes.taps(), products);
  channelsOfPart = std::max<int64_t>(1, products / std::max<int64_t>(1, axes.taps()));
  Dim ofGroup = shapeOf(op.getW().getType())[1];
  std::optional<int64_t> known = ofGroup.asConstant();
  if (known)
    channelsOfPart = std::clamp<int64_t>(*known, 1, channelsOfPart);
  cut = axes.taps() && (tapsOfPart < axes.taps() || !known || *known > channelsOfPart);
  height = (cut ? 2 : 1) * tiling.low;
  panelStride = channelsOfPart * tapsOfPart * tiling.panel();
  sumsStride = (height + tiling.panels()) * tiling.panel(); // small tiles write that much beyond the last row
}

void Convolution::lower() {
  Dim rowsOfGroup = *Dim::exactDiv(op.resultShape()[1], Dim(op.getGroups()));
  rows = l.size(rowsOfGroup);
  channels = l.size(shapeOf(op.getW().getType())[1]);
  depth = l.size(op.depth());
  count = l.size(axes.count());
  groups = l.constant(op.getGroups());
  pieces = l.ceilQuotient(count, together * tiling.panel());
  int64_t bytes = std::max<int64_t>(1, element.getIntOrFloatBitWidth() / 8);
  panels = l.scratch(0, together * panelStride * bytes);
  sums = l.scratch(1, together * sumsStride * accumulator.getIntOrFloatBitWidth() / 8);
  shareWork();
  l.loop(units.from, units.to, 1, [&](Value unit) {
    auto quotient = [&](Value a, Value c) -> Value {
      return constantOf(c) == 1 ? a : arith::DivUIOp::create(l.b, l.loc, a, c);
    };
    auto rest = [&](Value a, Value c) -> Value {
      return constantOf(c) == 1 ? l.constant(0) : arith::RemUIOp::create(l.b, l.loc, a, c);
    };
    Piece piece;
    Value plane = quotient(unit, pieces);
    piece.b = quotient(plane, groups);
    piece.group = rest(plane, groups);
    piece.weights = l.advance(l.pointer(op.getW()), l.mul(piece.group, l.mul(rows, depth)), element);
    piece.from = l.mul(rest(unit, pieces), l.constant(together * tiling.panel()));
    piece.panels = l.minimum(l.ceilQuotient(l.sub(count, piece.from), tiling.panel()), l.constant(together));
    lowerPiece(piece);
  });
}

/// Of the ways to divide the threads into groups by channels, and each group by pieces, the best is the one where a
/// thread does least; to copy what the windows of a piece see counts as much as a few channels.
void Convolution::shareWork() {
  constexpr int64_t copying = 6;
  Value all = l.mul(l.mul(l.size(op.resultShape()[0]), groups), pieces), threads = l.teamSize(), one = l.constant(1);
  Value tiles = l.ceilQuotient(rows, tiling.rows());
  auto divided = [&](Value a, Value c) { return arith::DivUIOp::create(l.b, l.loc, a, c).getResult(); };
  auto select = [&](Value c, Value a, Value b) { return arith::SelectOp::create(l.b, l.loc, c, a, b).getResult(); };
  // 1, 2, 4, .. groups, and one for each thread.
  Value zeros =
      LLVM::CountLeadingZerosOp::create(l.b, l.loc, l.b.getI64Type(), l.sub(threads, one), /*is_zero_poison=*/false);
  auto best = l.loop(
      l.constant(0), l.sub(l.constant(65), zeros), 1, {one, l.constant(INT64_MAX)}, [&](Value i, ValueRange best) {
        Value parts = l.minimum(arith::ShLIOp::create(l.b, l.loc, one, i), threads);
        Value each = l.mul(l.ceilQuotient(tiles, parts), l.constant(tiling.rows()));
        Value cost = l.mul(l.ceilQuotient(all, divided(threads, parts)), l.add(each, l.constant(copying)));
        Value better = l.less(cost, best[1]);
        return SmallVector<Value>{select(better, parts, best[0]), select(better, cost, best[1])};
      });
  auto part = [&](Value all, Value number, Value parts) -> Share {
    Value each = l.ceilQuotient(all, parts), from = l.minimum(l.mul(number, each), all);
    return {from, l.minimum(l.add(from, each), all)};
  };
  units = part(all, divided(l.tid(), best[0]), divided(threads, best[0]));
  Share share = part(tiles, arith::RemUIOp::create(l.b, l.loc, l.tid(), best[0]), best[0]);
  Value width = l.constant(tiling.rows());
  blocks = {l.mul(share.from, width), l.minimum(l.mul(share.to, width), rows)};
}

void Convolution::lowerPiece(const Piece &piece) {
  WindowPart whole{l.constant(0), channels, l.constant(0), l.constant(axes.taps())};
  if (!cut)
    pack(piece, whole);
  l.loop(blocks.from, blocks.to, height, [&](Value first) {
    Value here = l.minimum(l.constant(height), l.sub(blocks.to, first));
    if (!cut)
      sum(piece, whole, first, here);
    else
      l.loop(l.constant(0), l.maximum(channels, l.constant(1)), channelsOfPart, [&](Value channel) {
        Value end = l.minimum(l.add(channel, l.constant(channelsOfPart)), channels);
        l.loop(l.constant(0), l.constant(axes.taps()), tapsOfPart, [&](Value tap) {
          Value last = l.minimum(l.add(tap, l.constant(tapsOfPart)), l.constant(axes.taps()));
          WindowPart part{channel, end, tap, last};
          pack(piece, part);
          sum(piece, part, first, here);
        });
      });
    lowerEpilogue(piece, first, here);
  });
}

void Convolution::pack(const Piece &piece, const WindowPart &part) {
  auto x = cast<RefType>(op.getX().getType());
  Value channel = l.add(l.mul(piece.group, channels), part.channel);
  Value offset = l.add(l.mul(piece.b, l.size(x.getStrides()[0])), l.mul(channel, l.size(x.getStrides()[1])));
  Value base = l.advance(l.pointer(op.getX()), offset, element);
  l.loop(l.constant(0), piece.panels, 1, [&](Value p) {
    Value from = l.add(piece.from, l.mul(p, l.constant(tiling.panel())));
    Value to = l.minimum(l.add(from, l.constant(tiling.panel())), count);
    windows.copy(base, l.size(x.getStrides()[1]), part, from, to,
                 l.advance(panels, l.mul(p, l.constant(panelStride)), element), tiling.panel(), tiling.lanes,
                 phase.isPart);
  });
}

/// Adds a part to the sums of `here` channels from `first` on.
void Convolution::sum(const Piece &piece, const WindowPart &part, Value first, Value here) {
  Value none = l.constant(0), one = l.constant(1), inPart = l.sub(part.channelEnd, part.channel);
  l.loop(none, here, tiling.rows(), [&](Value i) {
    Value row = l.mul(l.add(first, i), depth), many = l.minimum(l.sub(here, i), l.constant(tiling.rows()));
    l.loop(none, piece.panels, 1, [&](Value p) {
      Value panel = l.mul(p, l.constant(panelStride));
      if (!phase.isPart) {
        Value start = l.add(l.mul(part.channel, l.constant(axes.taps())), part.tap);
        return callKernel(piece, i, many, p, l.add(row, start), one, panel, l.mul(inPart, l.sub(part.tapEnd, part.tap)),
                          l.less(none, start));
      }
      if (axes.taps() == 0)
        return callKernel(piece, i, many, p, row, one, panel, none, l.less(one, none));
      Value taps = l.constant(phase.taps);
      l.loop(part.tap, part.tapEnd, 1, [&](Value tap) {
        Value width = l.constant(axes.window[1]);
        Value y = arith::DivUIOp::create(l.b, l.loc, tap, width), x = arith::RemUIOp::create(l.b, l.loc, tap, width);
        auto whole = [&](int axis, Value at) {
          return l.add(l.constant(phase.firstTap[axis]), l.mul(at, l.constant(phase.tapStep[axis])));
        };
        Value number = l.add(l.mul(whole(0, y), l.constant(phase.windowWidth)), whole(1, x));
        Value rows = l.mul(l.mul(l.sub(tap, part.tap), inPart), l.constant(tiling.panel()));
        callKernel(piece, i, many, p, l.add(row, l.add(l.mul(part.channel, taps), number)), taps, l.add(panel, rows),
                   inPart, l.less(none, l.add(part.channel, tap)));
      });
    });
  });
}

/// The tile of `rows` channels from number `row` of the block on, for panel p; `panel` is where its rows begin.
void Convolution::callKernel(const Piece &piece, Value row, Value rows, Value p, Value weight, Value weightStride,
                             Value panel, Value k, Value more) {
  Value width = l.constant(tiling.panel());
  TileKind kind{element, accumulator, tiling, /*unitK=*/constantOf(weightStride) == 1, {}};
  std::optional<int64_t> columns = axes.count().asConstant();
  for (int64_t vectors = tiling.vectors - 1; vectors > 0; --vectors)
    if (!columns || (*columns % tiling.panel() + tiling.lanes - 1) / tiling.lanes == vectors)
      kind.narrow.push_back(vectors);
  TileCall call;
  call.lhs = l.advance(piece.weights, weight, element);
  call.rowStride = depth;
  call.kStride = weightStride;
  call.rhs = l.advance(panels, panel, element);
  call.panelStride = l.constant(0);
  call.k = k;
  call.out = l.advance(sums, l.add(l.mul(p, l.constant(sumsStride)), l.mul(row, width)), accumulator);
  call.outStride = width;
  call.rows = rows;
  call.panels = l.constant(1);
  call.more = more;
  call.vectors = l.ceilQuotient(l.sub(count, l.add(piece.from, l.mul(p, width))), tiling.lanes);
  callTile(l, kind, call);
}

void Convolution::lowerEpilogue(const Piece &piece, Value first, Value here) {
  Value none = l.constant(0), width = l.constant(tiling.panel());
  l.loop(none, here, 1, [&](Value i) {
    Value channel = l.add(l.mul(piece.group, rows), l.add(first, i));
    l.loop(none, piece.panels, 1, [&](Value p) {
      Value from = l.add(piece.from, l.mul(p, width)), to = l.minimum(width, l.sub(count, from));
      Value row = l.advance(sums, l.add(l.mul(p, l.constant(sumsStride)), l.mul(i, width)), accumulator);
      if (phase.isPart || !results.joined())
        return writeRows(piece, channel, row, from, l.add(from, to));
      l.vectorLoop(
          none, to, tiling.lanes,
          [&](Value j, Value mask, Value number) {
            Value v = l.load(l.advance(row, j, accumulator), accumulator, tiling.lanes);
            results.write(v, piece.b, channel, l.add(from, j), tiling.lanes, mask, number);
          },
          Dim::alwaysDivides(axes.count(), tiling.lanes));
    });
  });
}

/// The sums of positions [from, to), row by row.
void Convolution::writeRows(const Piece &piece, Value channel, Value sums, Value from, Value to) {
  Value none = l.constant(0), along = l.size(axes.positions[1]);
  Value firstRow = arith::DivUIOp::create(l.b, l.loc, from, along), lastRow = l.ceilQuotient(to, along);
  auto whole = [&](int axis, Value at) {
    return l.add(l.constant(phase.first[axis]), l.mul(at, l.constant(phase.step[axis])));
  };
  l.loop(firstRow, lastRow, 1, [&](Value row) {
    Value start = l.mul(row, along);
    Value begin = l.maximum(l.sub(from, start), none), end = l.minimum(l.sub(to, start), along);
    l.vectorLoop(begin, end, tiling.lanes, [&](Value column, Value mask, Value number) {
      Value v = l.load(l.advance(sums, l.sub(l.add(start, column), from), accumulator), accumulator, tiling.lanes);
      SmallVector<Value> at{whole(0, row), whole(1, column)};
      results.write(v, piece.b, channel, at, tiling.lanes, mask, number, phase.step[1]);
    });
  });
}

WindowAxes nnc::axesOf(ConvolveOp op) {
  auto x = cast<RefType>(op.getX().getType());
  WindowAxes axes(x, op.resultShape());
  for (int i = axes.first; i < 2; ++i) {
    axes.window[i] = shapeOf(op.getW().getType())[2 + i - axes.first].constant();
    axes.stride[i] = op.getStride()[i - axes.first];
    axes.padding[i] = op.getPadding()[i - axes.first];
    axes.dilation[i] = op.getDilation()[i - axes.first];
    axes.spread[i] = op.getSpread()[i - axes.first];
  }
  // Windows of one element side by side: the axes of sizes are one where x is walked that way.
  bool single = axes.taps() == 1 && axes.phases() == 1;
  for (int i = 0; i < 2; ++i)
    single &= axes.stride[i] == 1 && axes.padding[i] == 0;
  if (single && axes.stridesOfX[0] == axes.stridesOfX[1] * axes.size[1]) {
    axes.size[1] = axes.positions[1] = axes.count();
    axes.size[0] = axes.positions[0] = 1;
  }
  return axes;
}

/// The phases of a spread x, one after the other. A tap t is seen at position r + spread j where spread divides
/// r + t dilation - padding.
static void lowerPhases(ConvolveOp op, const WindowAxes &whole, Lowering &l) {
  for (int64_t number = 0; number < whole.phases(); ++number) {
    WindowAxes axes = whole;
    Phase phase;
    phase.isPart = true;
    phase.windowWidth = whole.window[1];
    phase.taps = whole.taps();
    for (int i = whole.first; i < 2; ++i) {
      int64_t spread = whole.spread[i], r = i == 0 ? number / whole.spread[1] : number % whole.spread[1], t = 0;
      auto at = [&](int64_t tap) { return r * whole.stride[i] + tap * whole.dilation[i] - whole.padding[i]; };
      while (t < whole.window[i] && at(t) % spread != 0)
        ++t;
      phase.first[i] = r;
      phase.step[i] = spread;
      phase.firstTap[i] = t;
      phase.tapStep[i] = spread / std::gcd(std::abs(whole.dilation[i]), spread);
      axes.positions[i] = *Dim::floorDiv(whole.positions[i] + Dim(spread - 1 - r), spread);
      axes.window[i] = (whole.window[i] - t + phase.tapStep[i] - 1) / phase.tapStep[i];
      axes.dilation[i] = phase.tapStep[i] * whole.dilation[i] / spread;
      axes.padding[i] = t < whole.window[i] ? -at(t) / spread : 0;
      axes.spread[i] = 1;
    }
    Convolution(op, l, axes, phase).lower();
  }
}

void nnc::lowerConvolve(ConvolveOp op, Lowering &l) {
  WindowAxes axes = axesOf(op);
  auto isForward = [](int64_t d) { return d > 0; };
  bool oneWay = llvm::all_of(op.getDilation(), isForward) || llvm::none_of(op.getDilation(), isForward);
  if (axes.phases() == 1 && oneWay && shapeOf(op.getW().getType())[1].isConstant(1) && op.resultShape()[1].isConstant())
    return lowerDepthwise(op, l);
  constexpr int64_t mostPhases = 16; // each has code of its own
  if (axes.phases() == 1 || axes.phases() > mostPhases)
    Convolution(op, l, axes, {}).lower();
  else
    lowerPhases(op, axes, l);
  op.erase();
}
