#include "compiler/lower/ContractionTiles.h"
#include "compiler/lower/ConvolutionPanels.h"
#include "compiler/lower/Pack.h"

using namespace mlir;
using namespace nn;
using namespace nnc;

// The derivative of a convolution by its weights, on all threads of a team. For a group it is a contraction over batch
// and positions of what the windows see [channels of x and taps, positions] with y [positions, channels of y].
//  1. Shares. A piece is a group, some channels of x with all their taps (or some taps of one), and some panels of
//     channels of y. Threads share the pieces; which thread computes an element changes nothing in it.
//  2. The sums of a piece wait on the stack while it goes through batch and positions, part after part. What windows
//  see
//     in a part is copied into rows (ConvolutionPanels.cpp), y into panels (Pack.cpp); both stay in the second-level
//     cache. Batch positions with few positions of windows are taken several at a time.
//  3. The kernels of contractions take the rows as they are, and the panels as columns.
//  4. At the end the sums, which have channels of y as columns, are written where they belong.

namespace {
class WeightSums {
public:
  WeightSums(ConvolveWeightOp op, Lowering &l);
  void lower();

private:
  struct Piece {
    Value group, panel, panels; ///< the first panel of channels of y in the group
    WindowPart windows;         ///< channels in the group
    Value rows, columns;
  };
  void lowerPiece(const Piece &piece);
  void copy(const Piece &piece, Value batch, Value from, Value to, Value place);
  void multiply(const Piece &piece, Value length);
  void write(const Piece &piece);
  void writeRow(Value sums, Value to, Value first, Value count);

  ConvolveWeightOp op;
  Lowering &l;
  RefType x, y, result;
  Type element, accumulator;
  WindowAxes axes;
  WindowPanels windows;
  Dim channels, outputs; ///< of x and of y in a group
  cpu::Tiling tiling;
  int64_t mostPanels, channelsEach, tapsEach; ///< of a piece
  int64_t positionsEach, batchesEach;         ///< of a part
  int64_t rowStride, sumsStride;              ///< from row to row of windows, from panel to panel of sums
  Value rows, panels, sums;                   ///< on the stack
};
} // namespace

static WindowAxes axesOfWeights(ConvolveWeightOp op) {
  WindowAxes axes(cast<RefType>(op.getX().getType()), shapeOf(op.getY().getType()));
  for (int i = axes.first; i < 2; ++i) {
    axes.window[i] = op.resultShape()[2 + i - axes.first].constant();
    axes.stride[i] = op.getStride()[i - axes.first];
    axes.padding[i] = op.getPadding()[i - axes.first];
    axes.dilation[i] = op.getDilation()[i - axes.first];
  }
  return axes;
}

static cpu::Tiling tilingOf(ConvolveWeightOp op, const Dim &outputs, const cpu::Cpu &target) {
  constexpr int64_t many = 1 << 20;
  Type element = elementOf(op.getX().getType());
  int64_t columns = std::max<int64_t>(outputs.asConstant().value_or(many), 1);
  return cpu::tilingFor(element, cpu::panelWidth(element, columns, /*stridedLhs=*/false, target), target);
}

WeightSums::WeightSums(ConvolveWeightOp op, Lowering &l)
    : op(op), l(l), x(cast<RefType>(op.getX().getType())), y(cast<RefType>(op.getY().getType())),
      result(cast<RefType>(op.getInits()[0].getType())), element(x.getElementType()),
      accumulator(accumulatorOf(element)), axes(axesOfWeights(op)), windows(l, axes, element),
      channels(op.resultShape()[1]), outputs(*Dim::exactDiv(op.resultShape()[0], Dim(op.getGroups()))),
      tiling(tilingOf(op, outputs, l.target)) {
  // The sums, and the rows and panels of a part, fit a second-level cache of 1 MiB together.
  int64_t bytes = element.getIntOrFloatBitWidth() / 8, mostRows = 1152 / std::max<int64_t>(bytes, 4);
  constexpr int64_t mostColumns = 128, mostPositions = 128;
  int64_t panel = tiling.panel(), taps = std::max<int64_t>(1, axes.taps());
  int64_t needed = (outputs.asConstant().value_or(mostColumns) + panel - 1) / panel;
  mostPanels = std::max<int64_t>(1, std::min(needed, mostColumns / panel));
  tapsEach = std::min(taps, mostRows);
  channelsEach = std::clamp<int64_t>(mostRows / taps, 1, channels.asConstant().value_or(mostRows));
  std::optional<int64_t> positions = axes.count().asConstant();
  positionsEach = std::max<int64_t>(1, std::min(mostPositions, positions.value_or(mostPositions)));
  bool whole = positions && *positions == positionsEach;
  batchesEach = whole ? std::max<int64_t>(1, mostPositions / positionsEach) : 1;
  rowStride = positionsEach * batchesEach + l.target.lanes(bytes); // copies may write a vector beyond the end
  sumsStride = (channelsEach * tapsEach + tiling.rows() + tiling.panels()) * panel; // as tiles may
}

void WeightSums::lower() {
  auto quotient = [&](Value a, Value c) -> Value { return arith::DivUIOp::create(l.b, l.loc, a, c); };
  auto rest = [&](Value a, Value c) -> Value { return arith::RemUIOp::create(l.b, l.loc, a, c); };
  int64_t bytes = element.getIntOrFloatBitWidth() / 8, most = channelsEach * tapsEach;
  rows = l.scratch(0, most * rowStride * bytes);
  panels = l.scratch(1, mostPanels * positionsEach * batchesEach * tiling.panel() * bytes);
  sums = l.scratch(2, mostPanels * sumsStride * accumulator.getIntOrFloatBitWidth() / 8);

  Value groups = l.constant(op.getGroups()), channelCount = l.size(channels), taps = l.constant(axes.taps());
  Value outputCount = l.size(outputs), allPanels = l.ceilQuotient(outputCount, tiling.panel());
  Value channelParts = l.ceilQuotient(channelCount, channelsEach), tapParts = l.ceilQuotient(taps, tapsEach);
  Value windowParts = l.mul(channelParts, tapParts);
  // As many panels as leave enough pieces for all threads.
  Value spare = l.ceilQuotient(l.mul(l.mul(groups, windowParts), allPanels), l.mul(l.teamSize(), l.constant(2)));
  Value panelsEach = l.maximum(l.minimum(spare, l.constant(mostPanels)), l.constant(1));
  Value panelParts = l.ceilQuotient(allPanels, panelsEach);
  Share share = l.share(l.mul(l.mul(groups, windowParts), panelParts));
  l.loop(share.from, share.to, 1, [&](Value i) {
    Piece piece;
    piece.panel = l.mul(rest(i, panelParts), panelsEach);
    piece.panels = l.minimum(panelsEach, l.sub(allPanels, piece.panel));
    Value window = quotient(i, panelParts), inGroup = rest(window, windowParts);
    piece.group = quotient(window, windowParts);
    WindowPart &part = piece.windows;
    part.channel = l.mul(quotient(inGroup, tapParts), l.constant(channelsEach));
    part.channelEnd = l.minimum(l.add(part.channel, l.constant(channelsEach)), channelCount);
    part.tap = l.mul(rest(inGroup, tapParts), l.constant(tapsEach));
    part.tapEnd = l.minimum(l.add(part.tap, l.constant(tapsEach)), taps);
    piece.rows = l.mul(l.sub(part.channelEnd, part.channel), l.sub(part.tapEnd, part.tap));
    Value first = l.mul(piece.panel, l.constant(tiling.panel()));
    piece.columns = l.minimum(l.mul(piece.panels, l.constant(tiling.panel())), l.sub(outputCount, first));
    lowerPiece(piece);
  });
}

void WeightSums::lowerPiece(const Piece &piece) {
  Value none = l.constant(0), batches = l.size(x.getShape()[0]), positions = l.size(axes.count());
  Type vector = l.vectorOf(accumulator, tiling.lanes);
  Value zero = arith::ConstantOp::create(l.b, l.loc, vector, l.b.getZeroAttr(vector));
  l.loop(none, l.mul(piece.panels, l.constant(sumsStride)), tiling.lanes,
         [&](Value i) { l.store(zero, l.advance(sums, i, accumulator), accumulator); });
  l.loop(none, batches, batchesEach, [&](Value batch) {
    Value end = l.minimum(l.add(batch, l.constant(batchesEach)), batches);
    l.loop(none, positions, positionsEach, [&](Value from) {
      Value to = l.minimum(l.add(from, l.constant(positionsEach)), positions), length = l.sub(to, from);
      l.loop(batch, end, 1, [&](Value b) { copy(piece, b, from, to, l.mul(l.sub(b, batch), length)); });
      multiply(piece, l.mul(l.sub(end, batch), length));
    });
  });
  write(piece);
}

/// The positions [from, to) of a batch position, from number `place` of the part on.
void WeightSums::copy(const Piece &piece, Value batch, Value from, Value to, Value place) {
  Value channel = l.add(l.mul(piece.group, l.size(channels)), piece.windows.channel);
  Value channelStride = l.size(x.getStrides()[1]);
  Value seen = l.advance(l.pointer(op.getX()),
                         l.add(l.mul(batch, l.size(x.getStrides()[0])), l.mul(channel, channelStride)), element);
  windows.copy(seen, channelStride, piece.windows, from, to, l.advance(rows, place, element), rowStride,
               l.target.lanes(std::max<int64_t>(1, element.getIntOrFloatBitWidth() / 8)), /*byTap=*/false);

  int64_t panel = tiling.panel();
  PanelKind kind(l, element, panel, Dim(1), y.getStrides()[1]);
  Value width = l.constant(panel), length = l.constant(positionsEach * batchesEach * panel);
  Value output = l.add(l.mul(piece.group, l.size(outputs)), l.mul(piece.panel, width));
  Value base =
      l.advance(l.pointer(op.getY()),
                l.add(l.mul(batch, l.size(y.getStrides()[0])), l.add(l.mul(output, kind.nStride), from)), kind.type);
  l.loop(l.constant(0), piece.panels, 1, [&](Value p) {
    Value column = l.mul(p, width);
    packPanel(l, kind, l.sub(to, from), l.advance(base, l.mul(column, kind.nStride), kind.type),
              l.advance(panels, l.add(l.mul(p, length), l.mul(place, width)), kind.type),
              l.minimum(width, l.sub(piece.columns, column)));
  });
}

/// Adds a part of that many positions to the sums.
void WeightSums::multiply(const Piece &piece, Value length) {
  TileKind kind{element, accumulator, tiling, /*unitK=*/true, {}};
  std::optional<int64_t> columns = outputs.asConstant();
  for (int64_t vectors = tiling.vectors - 1; vectors > 0; --vectors)
    if (!columns || (*columns % tiling.panel() + tiling.lanes - 1) / tiling.lanes == vectors)
      kind.narrow.push_back(vectors);
  Value width = l.constant(tiling.panel());
  l.loop(l.constant(0), piece.panels, 1, [&](Value p) {
    Value column = l.mul(p, width);
    l.loop(l.constant(0), piece.rows, tiling.rows(), [&](Value row) {
      TileCall call;
      call.lhs = l.advance(rows, l.mul(row, l.constant(rowStride)), element);
      call.rowStride = l.constant(rowStride);
      call.kStride = l.constant(1);
      call.rhs = l.advance(panels, l.mul(column, l.constant(positionsEach * batchesEach)), element);
      call.panelStride = l.constant(0);
      call.k = length;
      call.out = l.advance(sums, l.add(l.mul(p, l.constant(sumsStride)), l.mul(row, width)), accumulator);
      call.outStride = width;
      call.rows = l.minimum(l.sub(piece.rows, row), l.constant(tiling.rows()));
      call.panels = l.constant(1);
      call.more = arith::ConstantIntOp::create(l.b, l.loc, l.b.getI1Type(), 1);
      call.vectors = l.ceilQuotient(l.sub(piece.columns, column), tiling.lanes);
      callTile(l, kind, call);
    });
  });
}

/// Row by row: the columns of a row are as far apart in the result as its channels.
void WeightSums::write(const Piece &piece) {
  const WindowPart &part = piece.windows;
  Value taps = l.sub(part.tapEnd, part.tap), width = l.constant(tiling.panel());
  Value output = l.add(l.mul(piece.group, l.size(outputs)), l.mul(piece.panel, width));
  l.loop(part.channel, part.channelEnd, 1, [&](Value channel) {
    l.loop(part.tap, part.tapEnd, 1, [&](Value tap) {
      Value row = l.add(l.mul(l.sub(channel, part.channel), taps), l.sub(tap, part.tap));
      SmallVector<Value> at{output, channel};
      if (axes.first == 0) {
        Value window = l.constant(axes.window[1]);
        at.push_back(arith::DivUIOp::create(l.b, l.loc, tap, window));
        tap = arith::RemUIOp::create(l.b, l.loc, tap, window);
      }
      at.push_back(tap);
      Value to = l.advance(l.pointer(op.getInits()[0]), l.offset(result.getStrides(), at), result.getElementType());
      l.loop(l.constant(0), piece.panels, 1, [&](Value p) {
        Value first = l.mul(p, width), count = l.minimum(width, l.sub(piece.columns, first));
        Value from = l.advance(sums, l.add(l.mul(p, l.constant(sumsStride)), l.mul(row, width)), accumulator);
        writeRow(from, to, first, count);
      });
    });
  });
}

void WeightSums::writeRow(Value sums, Value to, Value first, Value count) {
  Type type = result.getElementType();
  Value stride = l.size(result.getStrides()[0]);
  l.vectorLoop(l.constant(0), count, tiling.lanes, [&](Value i, Value mask, Value left) {
    Value v = l.load(l.advance(sums, i, accumulator), accumulator, tiling.lanes);
    if (type != accumulator)
      v = CastOp::create(l.b, l.loc, l.vectorOf(type, tiling.lanes), v);
    l.storeStrided(v, l.advance(to, l.mul(l.add(first, i), stride), type), type, stride, left);
  });
}

void nnc::lowerConvolveWeight(ConvolveWeightOp op, Lowering &l) {
  WeightSums(op, l).lower();
  op.erase();
}
