// Maps with inputs that lie across what they write, as x of `x.T + y`: read along their own axis and turned in
// registers, a square of vectors at a time, so that every cache line is read once.
#include "compiler/lower/Map.h"

using namespace mlir;
using namespace nn;
using namespace nnc;

/// n vectors of n lanes, rows to columns.
/// 1. Within each 128 bits of E lanes, groups of E vectors are turned by taking lanes of two vectors in turns.
/// 2. The 128-bit pieces of n / E vectors are turned: even pieces of two vectors, odd pieces of two vectors.
/// Each step is one instruction of every kind of vector.
static SmallVector<Value> turn(SmallVector<Value> v, unsigned bits, Lowering &l) {
  int64_t n = v.size(), lanes = std::min<int64_t>(128 / bits, n), pieces = n / lanes;
  auto shuffle = [&](Value a, Value b, ArrayRef<int64_t> from) -> Value {
    return vector::ShuffleOp::create(l.b, l.loc, a, b, from);
  };
  auto inTurns = [&](Value a, Value b, int64_t half) {
    SmallVector<int64_t> from;
    for (int64_t piece = 0; piece < pieces; ++piece)
      for (int64_t k = 0; k < lanes / 2; ++k)
        for (int64_t source : {int64_t(0), n})
          from.push_back(source + piece * lanes + half * lanes / 2 + k);
    return shuffle(a, b, from);
  };
  for (int64_t step = 1; step < lanes; step *= 2) {
    SmallVector<Value> next(n);
    for (int64_t group = 0; group < n; group += lanes)
      for (int64_t i = 0; i < lanes / 2; ++i)
        for (int64_t half : {0, 1})
          next[group + 2 * i + half] = inTurns(v[group + i], v[group + i + lanes / 2], half);
    v = next;
  }
  // Vector `group * lanes + j` has lanes j of its group, piece after piece.
  auto everySecond = [&](Value a, Value b, int64_t odd) {
    SmallVector<int64_t> from;
    for (int64_t source : {int64_t(0), n})
      for (int64_t piece = odd; piece < pieces; piece += 2)
        for (int64_t k = 0; k < lanes; ++k)
          from.push_back(source + piece * lanes + k);
    return shuffle(a, b, from);
  };
  for (int64_t step = 1; step < pieces; step *= 2) {
    SmallVector<Value> next(n);
    for (int64_t j = 0; j < lanes; ++j)
      for (int64_t i = 0; i < pieces / 2; ++i)
        for (int64_t odd : {0, 1})
          next[(i + odd * pieces / 2) * lanes + j] = everySecond(v[2 * i * lanes + j], v[(2 * i + 1) * lanes + j], odd);
    v = next;
  }
  return v;
}

/// The axis along which inputs are contiguous that are not so along the last one; none if that is not worth it.
std::optional<size_t> MapLowering::axisAcross(const Nest &nest) const {
  constexpr int64_t least = 8;
  auto isShort = [&](const Dim &size) { return size.isConstant() && size.constant() < least; };
  for (size_t p = inputs; p < elements.size(); ++p)
    if (!nest.axes.back().strides[p].isConstant(1))
      return std::nullopt;
  if (isShort(nest.axes.back().size))
    return std::nullopt;
  std::optional<size_t> best;
  size_t most = 0;
  for (size_t axis = 0; axis + 1 < nest.rank(); ++axis) {
    size_t turned = 0;
    for (size_t p = 0; p < inputs; ++p)
      turned += isTurned(p, nest, axis);
    if (turned > most && !isShort(nest.axes[axis].size))
      best = axis, most = turned;
  }
  return best;
}

/// Masked vectors of less than 32 bits per lane are slow without AVX-512.
bool MapLowering::isTurned(size_t place, const Nest &nest, size_t across) const {
  const Dim &along = nest.axes.back().strides[place];
  return nest.axes[across].strides[place].isConstant(1) && !along.isConstant(0) && !along.isConstant(1) &&
         (l.target.hasAVX512 || elements[place].getIntOrFloatBitWidth() >= 32);
}

/// The last axis but one is that of the turned inputs.
/// 1. A thread's share is a number of strips: `width` positions on that axis, and all or a part of the last axis.
/// 2. A strip is walked in tiles of `width` by `width`; those at the ends have masks.
void MapLowering::lowerInTiles(const Nest &nest) {
  width = std::min<int64_t>(width, 16);
  const Nest::Axis &across = nest.axes[nest.rank() - 2];
  Nest strips = nest;
  strips.axes[nest.rank() - 2].size = *Dim::floorDiv(across.size + Dim(width - 1), width);
  Value rows = l.size(across.size), n = l.constant(width);
  strips.walkShare(width, l, [&](ValueRange outer, Value from, Value to) {
    Value first = l.mul(outer.back(), n), left = l.minimum(l.sub(rows, first), n);
    SmallVector<Value> at(outer);
    at.back() = first;
    Values starts;
    for (auto [p, base] : llvm::enumerate(bases))
      starts.push_back(l.advance(base, nest.offset(p, at, l), elements[p]));
    l.loop(from, to, width, [&](Value i) {
      Value count = l.minimum(l.sub(to, i), n);
      Value both =
          arith::AndIOp::create(l.b, l.loc, arith::CmpIOp::create(l.b, l.loc, arith::CmpIPredicate::eq, left, n),
                                arith::CmpIOp::create(l.b, l.loc, arith::CmpIPredicate::eq, count, n));
      l.ifThenElse(
          both, [&] { tile(nest, starts, at, first, n, i, n, /*full=*/true); },
          [&] { tile(nest, starts, at, first, left, i, count, /*full=*/false); });
    });
  });
}

/// 1. The turned inputs: `count` vectors along their own axis of `rows` elements, turned, into a square on the stack.
/// 2. Row by row as without tiles; the vectors of turned inputs are those of the square.
void MapLowering::tile(const Nest &nest, Values starts, ValueRange outer, Value first, Value rows, Value i, Value count,
                       bool full) {
  size_t across = nest.rank() - 2;
  Values squares(inputs);
  unsigned number = 0;
  for (size_t p = 0; p < inputs; ++p) {
    if (!isTurned(p, nest, across))
      continue;
    unsigned bits = l.memoryType(elements[p]).getIntOrFloatBitWidth();
    Type raw = bits == 32 ? Type(l.b.getF32Type()) : bits == 64 ? Type(l.b.getF64Type()) : l.b.getIntegerType(bits);
    Value stride = l.size(nest.axes.back().strides[p]), none = l.constant(0);
    Values vectors;
    for (int64_t k = 0; k < width; ++k) {
      Value from = l.advance(starts[p], l.mul(l.add(i, l.constant(k)), stride), raw), mask;
      if (!full) // none of the elements of a vector beyond the end
        mask = l.mask(arith::SelectOp::create(l.b, l.loc, l.less(l.constant(k), count), rows, none), width);
      vectors.push_back(l.load(from, raw, width, mask, bits / 8));
    }
    squares[p] = l.scratch(number++, width * width * bits / 8);
    for (auto [k, v] : llvm::enumerate(turn(vectors, bits, l)))
      l.store(v, l.advance(squares[p], l.constant(k * width), raw), raw, {},
              64 < width * bits / 8 ? 64 : width * bits / 8);
  }
  Value mask = full ? Value() : l.mask(count, width);
  l.loop(l.constant(0), rows, 1, [&](Value r) {
    SmallVector<Value> at(outer), tiles(inputs);
    at.back() = l.add(first, r);
    Row row{nest, {}, ValueRange(at), tiles};
    for (auto [p, start] : llvm::enumerate(starts))
      row.starts.push_back(l.advance(start, l.mul(r, l.size(nest.axes[across].strides[p])), elements[p]));
    for (size_t p = 0; p < inputs; ++p)
      if (squares[p])
        tiles[p] = l.advance(squares[p], l.mul(r, l.constant(width)), elements[p]);
    readSame(row);
    vector(row, width, i, mask, full ? Value() : count);
  });
}
