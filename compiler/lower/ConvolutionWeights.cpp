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
//  4. At the end the sums, which have channels of y as columns, are written where they belong: turned in registers, a
//     square at a time, because the rows of a channel lie side by side there.

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
  void writeSquares(Value sums, Value to, Value rows, Value columns);
  void writeRow(const Piece &piece, Value sums, Value to);

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
  // As tiles may, or reach beyond it.
  sumsStride = (channelsEach * tapsEach + std::max(tiling.rows() + tiling.panels(), tiling.lanes)) * panel;
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

void WeightSums::write(const Piece &piece) {
  const Shape &shape = result.getShape(), &strides = result.getStrides();
  const WindowPart &part = piece.windows;
  Type type = result.getElementType();
  Value width = l.constant(tiling.panel());
  Value output = l.add(l.mul(piece.group, l.size(outputs)), l.mul(piece.panel, width));
  auto to = [&](Value channel, Value tap) {
    SmallVector<Value> at{output, channel};
    if (axes.first == 0) {
      Value window = l.constant(axes.window[1]);
      at.push_back(arith::DivUIOp::create(l.b, l.loc, tap, window));
      tap = arith::RemUIOp::create(l.b, l.loc, tap, window);
    }
    at.push_back(tap);
    return l.advance(l.pointer(op.getInits()[0]), l.offset(strides, at), type);
  };
  auto behind = [](const Shape &s) { return Shape(ArrayRef<Dim>(s.dims).drop_front()); };
  if (behind(strides) == behind(shape).rowMajorStrides()) {
    Value first = to(part.channel, part.tap);
    return l.loop(l.constant(0), piece.panels, 1, [&](Value p) {
      Value column = l.mul(p, width);
      writeSquares(l.advance(sums, l.mul(p, l.constant(sumsStride)), accumulator),
                   l.advance(first, l.mul(column, l.size(strides[0])), type), piece.rows,
                   l.minimum(width, l.sub(piece.columns, column)));
    });
  }
  Value taps = l.sub(part.tapEnd, part.tap);
  l.loop(part.channel, part.channelEnd, 1, [&](Value channel) {
    l.loop(part.tap, part.tapEnd, 1, [&](Value tap) {
      Value row = l.add(l.mul(l.sub(channel, part.channel), taps), l.sub(tap, part.tap));
      writeRow(piece, l.advance(sums, l.mul(row, width), accumulator), to(channel, tap));
    });
  });
}

/// The sums of a panel. What is read beyond the last row or column is written nowhere.
void WeightSums::writeSquares(Value sums, Value to, Value rows, Value columns) {
  int64_t lanes = tiling.lanes;
  Type type = result.getElementType();
  Value stride = l.size(result.getStrides()[0]);
  bool all = Dim::alwaysDivides(outputs, Dim(lanes));
  l.vectorLoop(l.constant(0), rows, lanes, [&](Value row, Value mask, Value) {
    l.loop(l.constant(0), columns, lanes, [&](Value column) {
      SmallVector<Value> square;
      for (int64_t r = 0; r < lanes; ++r) {
        Value at = l.add(l.mul(l.add(row, l.constant(r)), l.constant(tiling.panel())), column);
        square.push_back(l.load(l.advance(sums, at, accumulator), accumulator, lanes));
      }
      for (auto [c, v] : llvm::enumerate(transposed(square, l))) {
        Value here = l.add(column, l.constant(c));
        auto store = [&, v = v] {
          Value x = type == accumulator ? v : CastOp::create(l.b, l.loc, l.vectorOf(type, lanes), v).getResult();
          l.store(x, l.advance(to, l.add(l.mul(here, stride), row), type), type, mask);
        };
        if (all)
          store();
        else
          l.ifThen(l.less(here, columns), store);
      }
    });
  });
}

/// One row of all panels, where the result has gaps.
void WeightSums::writeRow(const Piece &piece, Value sums, Value to) {
  Type type = result.getElementType();
  Value stride = l.size(result.getStrides()[0]), width = l.constant(tiling.panel());
  l.loop(l.constant(0), piece.columns, 1, [&](Value column) {
    Value panel = l.quotient(column, tiling.panel());
    Value at = l.add(l.mul(panel, l.constant(sumsStride)), l.sub(column, l.mul(panel, width)));
    Value v = l.load(l.advance(sums, at, accumulator), accumulator, 1);
    if (type != accumulator)
      v = CastOp::create(l.b, l.loc, type, v);
    l.store(v, l.advance(to, l.mul(column, stride), type), type);
  });
}

void nnc::lowerConvolveWeight(ConvolveWeightOp op, Lowering &l) {
  WeightSums(op, l).lower();
  op.erase();
}
