#include "compiler/lower/ConvolutionPanels.h"

#include <limits>

using namespace mlir;
using namespace nn;
using namespace nnc;

// Windows over one channel: pools, and convolutions whose channels do not mix.
//  1. Threads share the rows of the result, over all batch positions and channels.
//  2. A row is walked in vectors of neighbouring positions. Where all lanes of all taps are inside of x, reads have no
//     masks; else what is beside it is masked, and read as what changes nothing.
//  3. The taps of a window are combined in order, those in rows beside x left out.

namespace {
class Windows {
public:
  enum class Kind { Products, Largest, Position, Mean };
  Windows(Lowering &l, Kind kind, Value x, const WindowAxes &axes, const Shape &result)
      : l(l), kind(kind), x(x), axes(axes), result(result), element(elementOf(x.getType())),
        accumulator(isa<FloatType>(element) ? accumulatorOf(element) : element) {
    int64_t bytes = std::max<int64_t>(1, accumulator.getIntOrFloatBitWidth() / 8);
    width = axes.stride[1] > kLargestStep ? 1 : l.target.lanes(bytes);
  }
  void lower(WindowResults &results);

  Value weights;          ///< of products
  int64_t multiplier = 1; ///< channels of the result for one of x
  bool backward = false;  ///< the taps are numbered from the last one
  bool countPadding = true;

private:
  struct Row {
    Value plane, weights;           ///< of x, of the window
    Value position, fromTap, toTap; ///< of the row, and the rows of the window that are inside
  };
  SmallVector<Value> init();
  SmallVector<Value> window(const Row &row, Value column, bool inside);
  SmallVector<Value> tap(const Row &row, Value line, Value tapRow, Value tapColumn, Value column, bool inside,
                         ValueRange carried);
  SmallVector<Value> larger(const Row &row, Value v, Value tapRow, Value at, Value there, ValueRange carried);
  Value constant(double v) { return nn::ConstantOp::create(l.b, l.loc, l.vectorOf(accumulator, width), v); }
  Value nothing();

  Lowering &l;
  Kind kind;
  Value x;
  const WindowAxes &axes;
  const Shape &result;
  Type element, accumulator;
  int64_t width;
};
} // namespace

Value Windows::nothing() {
  if (kind != Kind::Largest && kind != Kind::Position)
    return constant(0.0);
  if (isa<FloatType>(accumulator))
    return constant(-std::numeric_limits<double>::infinity());
  int64_t bits = accumulator.getIntOrFloatBitWidth(),
          least = bits == 1 ? 0 : std::numeric_limits<int64_t>::min() >> (64 - bits);
  return nn::ConstantOp::create(l.b, l.loc, l.vectorOf(accumulator, width), least);
}

/// What a window begins with: the value and, for means without padding, how many elements there were; for positions
/// that of the value, -1 where there is none yet.
SmallVector<Value> Windows::init() {
  SmallVector<Value> carried{nothing()};
  if (kind == Kind::Mean && !countPadding)
    carried.push_back(constant(0.0));
  if (kind == Kind::Position)
    carried.push_back(l.splat(l.constant(-1), width));
  return carried;
}

/// The first element of a window is taken as it is; then one that is larger, or NaN.
SmallVector<Value> Windows::larger(const Row &row, Value v, Value tapRow, Value at, Value there, ValueRange carried) {
  auto both = [&](Value a, Value c) -> Value { return arith::AndIOp::create(l.b, l.loc, a, c); };
  Value first = arith::CmpIOp::create(l.b, l.loc, arith::CmpIPredicate::slt, carried[1], l.splat(l.constant(0), width));
  Value takes;
  if (isa<FloatType>(accumulator)) {
    Value exceeds = arith::CmpFOp::create(l.b, l.loc, arith::CmpFPredicate::OGT, v, carried[0]);
    Value isNaN = arith::CmpFOp::create(l.b, l.loc, arith::CmpFPredicate::UNO, v, v);
    takes = arith::OrIOp::create(l.b, l.loc, exceeds, isNaN);
  } else {
    auto more = element.isInteger(1) ? arith::CmpIPredicate::ugt : arith::CmpIPredicate::sgt;
    takes = arith::CmpIOp::create(l.b, l.loc, more, v, carried[0]);
  }
  takes = arith::OrIOp::create(l.b, l.loc, takes, first);
  if (there)
    takes = both(takes, there);
  Value y = l.add(l.mul(row.position, l.constant(axes.stride[0])),
                  l.sub(l.mul(tapRow, l.constant(axes.dilation[0])), l.constant(axes.padding[0])));
  Value number = l.splat(l.add(l.mul(y, l.size(axes.size[1])), at), width);
  if (width > 1)
    number = arith::AddIOp::create(l.b, l.loc, number,
                                   arith::MulIOp::create(l.b, l.loc, l.lanesFrom(l.constant(0), width),
                                                         l.splat(l.constant(axes.stride[1]), width)));
  return {arith::SelectOp::create(l.b, l.loc, takes, v, carried[0]),
          arith::SelectOp::create(l.b, l.loc, takes, number, carried[1])};
}

/// Adds one tap to `carried`.
SmallVector<Value> Windows::tap(const Row &row, Value line, Value tapRow, Value tapColumn, Value column, bool inside,
                                ValueRange carried) {
  Value at = l.add(l.mul(column, l.constant(axes.stride[1])),
                   l.sub(l.mul(tapColumn, l.constant(axes.dilation[1])), l.constant(axes.padding[1])));
  int64_t step = width == 1 ? 1 : axes.stride[1];
  Value from = l.sub(l.constant(0), at), to = l.sub(l.size(axes.size[1]), at), there;
  Value v = loadSteps(l, anywhere(l, line, at, element), element, step, width, from, inside ? Value() : to);
  if (element.isInteger(1))
    v = arith::CmpIOp::create(l.b, l.loc, arith::CmpIPredicate::ne, v,
                              arith::ConstantOp::create(l.b, l.loc, v.getType(), l.b.getZeroAttr(v.getType())));
  else
    v = arith::BitcastOp::create(l.b, l.loc, l.vectorOf(element, width), v);
  if (element != accumulator)
    v = CastOp::create(l.b, l.loc, l.vectorOf(accumulator, width), v);
  if (!inside && (kind == Kind::Largest || carried.size() > 1))
    there = lanesBetween(l, from, to, axes.stride[1], width);
  if (kind == Kind::Position)
    return larger(row, v, tapRow, at, there, carried);
  SmallVector<Value> next;
  if (kind == Kind::Largest) {
    if (there)
      v = arith::SelectOp::create(l.b, l.loc, there, v, nothing());
    next.push_back(MaximumOp::create(l.b, l.loc, carried[0], v));
  } else if (kind == Kind::Mean) {
    next.push_back(arith::AddFOp::create(l.b, l.loc, carried[0], v));
  } else {
    Value number = l.add(l.mul(tapRow, l.constant(axes.window[1])), tapColumn);
    if (backward)
      number = l.sub(l.constant(axes.taps() - 1), number);
    Value w = l.load(l.advance(row.weights, number, element), element, 1);
    if (element != accumulator)
      w = CastOp::create(l.b, l.loc, accumulator, w);
    w = l.splat(w, width);
    next.push_back(
        l.target.hasFMA && width > 1
            ? vector::FMAOp::create(l.b, l.loc, w, v, carried[0]).getResult()
            : arith::AddFOp::create(l.b, l.loc, carried[0], arith::MulFOp::create(l.b, l.loc, w, v)).getResult());
  }
  if (carried.size() > 1) {
    Value one = constant(1.0);
    if (there)
      one = arith::SelectOp::create(l.b, l.loc, there, one, constant(0.0));
    next.push_back(arith::AddFOp::create(l.b, l.loc, carried[1], one));
  }
  return next;
}

SmallVector<Value> Windows::window(const Row &row, Value column, bool inside) {
  constexpr int64_t unrolled = 8;
  auto sums = l.loop(row.fromTap, row.toTap, 1, init(), [&](Value tapRow, ValueRange carried) {
    Value y = l.add(l.mul(row.position, l.constant(axes.stride[0])),
                    l.sub(l.mul(tapRow, l.constant(axes.dilation[0])), l.constant(axes.padding[0])));
    Value line = l.advance(row.plane, l.mul(y, l.size(axes.stridesOfX[0])), element);
    auto next = [&](Value tapColumn, ValueRange carried) {
      return tap(row, line, tapRow, tapColumn, column, inside, carried);
    };
    if (axes.window[1] > unrolled)
      return l.loop(l.constant(0), l.constant(axes.window[1]), 1, carried, next);
    SmallVector<Value> values(carried);
    for (int64_t t = 0; t < axes.window[1]; ++t)
      values = next(l.constant(t), values);
    return values;
  });
  return sums;
}

void Windows::lower(WindowResults &results) {
  auto place = cast<RefType>(x.getType());
  Value lines = l.size(axes.positions[0]), channels = l.size(result[1]), none = l.constant(0);
  Share share = l.share(l.mul(l.mul(l.size(result[0]), channels), lines));
  auto quotient = [&](Value a, Value c) -> Value { return arith::DivUIOp::create(l.b, l.loc, a, c); };
  auto rest = [&](Value a, Value c) -> Value { return arith::RemUIOp::create(l.b, l.loc, a, c); };
  l.loop(share.from, share.to, 1, [&](Value number) {
    Row row;
    row.position = rest(number, lines);
    Value plane = quotient(number, lines), channel = rest(plane, channels), b = quotient(plane, channels);
    Value offset = l.add(l.mul(b, l.size(place.getStrides()[0])),
                         l.mul(l.quotient(channel, multiplier), l.size(place.getStrides()[1])));
    row.plane = l.advance(l.pointer(x), offset, element);
    if (weights)
      row.weights = l.advance(weights, l.mul(channel, l.constant(axes.taps())), element);
    // Rows of the window at y + tap * dilation with 0 <= .. < size.
    Value y = l.sub(l.mul(row.position, l.constant(axes.stride[0])), l.constant(axes.padding[0]));
    auto taps = [&](Value room) { return l.ceilQuotient(l.maximum(room, none), axes.dilation[0]); };
    row.fromTap = taps(l.sub(none, y));
    row.toTap = l.minimum(taps(l.sub(l.size(axes.size[0]), y)), l.constant(axes.window[0]));
    l.vectorLoop(none, l.size(axes.positions[1]), width, [&](Value column, Value mask, Value count) {
      Value first = l.sub(l.mul(column, l.constant(axes.stride[1])), l.constant(axes.padding[1]));
      Value last = l.add(first, l.constant((axes.window[1] - 1) * axes.dilation[1] + axes.stride[1] * width - 1));
      Value inside =
          arith::AndIOp::create(l.b, l.loc, l.less(l.constant(-1), first), l.less(last, l.size(axes.size[1])));
      auto sums = l.ifThenElse(
          inside, ValueRange(init()).getTypes(), [&] { return window(row, column, true); },
          [&] { return window(row, column, false); });
      if (kind == Kind::Mean)
        sums[0] = arith::DivFOp::create(l.b, l.loc, sums[0], countPadding ? constant(axes.taps()) : sums[1]);
      results.write(sums[kind == Kind::Position], b, channel, {row.position, column}, width, mask, count);
    });
  });
}

/// Windows that run backwards are seen from their other end.
void nnc::lowerDepthwise(ConvolveOp op, Lowering &l) {
  WindowAxes axes = axesOf(op);
  bool backward = op.getDilation()[0] < 0;
  for (int i = axes.first; backward && i < 2; ++i) {
    axes.padding[i] -= axes.dilation[i] * (axes.window[i] - 1);
    axes.dilation[i] = -axes.dilation[i];
  }
  Shape shape = op.resultShape();
  WindowResults results(l, op.getInits(), op.getExtras(),
                        op.getEpilogue().empty() ? nullptr : &op.getEpilogue().front());
  Windows windows(l, Windows::Kind::Products, op.getX(), axes, shape);
  windows.weights = l.pointer(op.getW());
  windows.backward = backward;
  windows.multiplier = Dim::exactDiv(shape[1], Dim(op.getGroups()))->constant();
  windows.lower(results);
  op.erase();
}

template <typename Op> static WindowAxes axesOfPool(Op op) {
  WindowAxes axes(cast<RefType>(op.getX().getType()), shapeOf(op.getInits()[0].getType()));
  for (int i = axes.first; i < 2; ++i) {
    axes.window[i] = op.getK();
    axes.stride[i] = op.getStride();
    axes.padding[i] = op.getPadding();
    axes.dilation[i] = op.getDilation();
  }
  return axes;
}

void nnc::lowerPool(PoolOp op, Lowering &l) {
  Shape shape = shapeOf(op.getInits()[0].getType());
  WindowAxes axes = axesOfPool(op);
  WindowResults results(l, op.getInits(), {}, nullptr);
  Windows windows(l, op.getMean() ? Windows::Kind::Mean : Windows::Kind::Largest, op.getX(), axes, shape);
  windows.countPadding = op.getCountPad();
  windows.lower(results);
  op.erase();
}

void nnc::lowerPoolPositions(PoolPositionsOp op, Lowering &l) {
  Shape shape = shapeOf(op.getInits()[0].getType());
  WindowAxes axes = axesOfPool(op);
  WindowResults results(l, op.getInits(), {}, nullptr);
  Windows(l, Windows::Kind::Position, op.getX(), axes, shape).lower(results);
  op.erase();
}
