#include "compiler/lower/ConvolutionPanels.h"

using namespace mlir;
using namespace nn;
using namespace nnc;

// For each row of positions, tap and vector of positions the address in x and the lanes that are there are computed
// once; then all channels are copied. A vector may write more columns than the row of positions has left: the next row
// writes these once more, and at the panel's end the store has a mask.

void WindowPanels::copy(Value x, Value channelStride, const WindowPart &part, Value from, Value to, Value panel,
                        int64_t width, int64_t lanes, bool byTap) {
  int64_t step = axes.stride[1];
  if (step > kLargestStep || axes.spread[1] > 1)
    lanes = 1;
  Value none = l.constant(0), taps = l.sub(part.tapEnd, part.tap), channels = l.sub(part.channelEnd, part.channel);
  Value tapStride = l.mul(byTap ? channels : l.constant(1), l.constant(width));
  Value along = l.size(axes.positions[1]), height = l.size(axes.size[0]), length = l.size(axes.size[1]);
  bool oneRow = axes.positions[0].isConstant(1);
  auto quotient = [&](Value a) -> Value { return arith::DivUIOp::create(l.b, l.loc, a, along); };
  Value firstRow = oneRow ? none : quotient(from);
  Value lastRow = oneRow ? l.constant(1) : l.add(quotient(l.sub(to, l.constant(1))), l.constant(1));
  // The element of x under a tap: where elements of x are spread, there is one only if that divides.
  auto under = [&](int axis, Value position, Value tap, Value size, Value &there) {
    Value at = l.add(l.mul(position, l.constant(axes.stride[axis])),
                     l.sub(l.mul(tap, l.constant(axes.dilation[axis])), l.constant(axes.padding[axis])));
    if (int64_t spread = axes.spread[axis]; spread > 1) {
      Value whole = arith::CmpIOp::create(l.b, l.loc, arith::CmpIPredicate::eq,
                                          arith::RemSIOp::create(l.b, l.loc, at, l.constant(spread)), none);
      at = arith::DivSIOp::create(l.b, l.loc, at, l.constant(spread));
      there = there ? arith::AndIOp::create(l.b, l.loc, there, whole).getResult() : whole;
    }
    return at;
  };
  l.loop(firstRow, lastRow, 1, [&](Value row) {
    Value start = l.mul(row, along); // the number of the row's first position
    Value begin = l.maximum(l.sub(from, start), none), end = l.minimum(l.sub(to, start), along);
    l.loop(part.tap, part.tapEnd, 1, [&](Value tap) {
      Value window = l.constant(axes.window[1]), there;
      bool oneTap = axes.taps() == 1;
      Value tapRow = oneTap || axes.window[0] == 1 ? none : arith::DivUIOp::create(l.b, l.loc, tap, window).getResult();
      Value tapColumn = oneTap                ? none
                        : axes.window[0] == 1 ? tap
                                              : arith::RemUIOp::create(l.b, l.loc, tap, window).getResult();
      Value y = under(0, row, tapRow, height, there);
      Value inside = arith::CmpIOp::create(l.b, l.loc, arith::CmpIPredicate::ult, y, height);
      if (there)
        inside = arith::AndIOp::create(l.b, l.loc, inside, there);
      Value line = anywhere(l, x, l.mul(y, l.size(axes.stridesOfX[0])), element);
      l.loop(begin, end, lanes, [&](Value position) {
        Value here = inside, divides;
        Value at = under(1, position, tapColumn, length, divides);
        if (divides)
          here = arith::AndIOp::create(l.b, l.loc, here, divides);
        Value column = l.sub(l.add(start, position), from);
        Chunk chunk;
        chunk.from = l.sub(none, at);
        chunk.to = arith::SelectOp::create(l.b, l.loc, here, l.sub(length, at), none);
        chunk.x = anywhere(l, line, at, element);
        chunk.channelStride = channelStride;
        chunk.panel = l.advance(panel, l.add(l.mul(l.sub(tap, part.tap), tapStride), column), element);
        chunk.room = l.sub(l.constant(width), column);
        chunk.channels = channels;
        chunk.rowStride = l.mul(byTap ? l.constant(1) : taps, l.constant(width));
        chunk.lanes = lanes;
        chunk.step = lanes == 1 ? 1 : step;
        copyChunk(chunk);
      });
    });
  });
}

void WindowPanels::copyChunk(const Chunk &c) {
  Type bits = l.b.getIntegerType(std::max(8u, element.getIntOrFloatBitWidth()));
  auto all = [&](bool whole, Value mask) {
    l.loop(l.constant(0), c.channels, 1, [&](Value channel) {
      Value base = anywhere(l, c.x, l.mul(channel, c.channelStride), element);
      Value v = loadSteps(l, base, element, c.step, c.lanes, c.from, whole ? Value() : c.to);
      l.store(v, l.advance(c.panel, l.mul(channel, c.rowStride), element), bits, mask);
    });
  };
  Value lanes = l.constant(c.lanes), fits = l.less(l.sub(lanes, l.constant(1)), c.room);
  if (c.lanes == 1)
    return all(false, {});
  Value whole =
      arith::AndIOp::create(l.b, l.loc, l.less(c.from, l.constant(1)), l.less(l.constant(c.lanes * c.step - 1), c.to));
  l.ifThenElse(
      arith::AndIOp::create(l.b, l.loc, whole, fits), [&] { all(true, {}); },
      [&] { l.ifThenElse(fits, [&] { all(false, {}); }, [&] { all(false, l.mask(c.room, c.lanes)); }); });
}
