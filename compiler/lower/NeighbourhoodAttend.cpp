#include "compiler/lower/Neighbourhood.h"

using namespace mlir;
using namespace nn;
using namespace nnc;

/// Sources whose scores are kept at once.
static constexpr int64_t kChunk = 64;

static Value minusInfinity(Lowering &l, Type type) {
  return arith::ConstantOp::create(l.b, l.loc, l.b.getFloatAttr(type, -std::numeric_limits<double>::infinity()));
}

/// The scores of a chunk; the largest of them and of what was largest before.
void NeighbourhoodLowering::scores(const Row &r, Value from, Value to, Value &largest) {
  Value buffer = l.scratch(0, kChunk * 8), none = minusInfinity(l, scoreType);
  Values most = l.loop(from, to, 1, {largest}, [&](Value i, ValueRange now) -> Values {
    Value s = pair(r, i, {none},
                   [&]() -> Values { return {convert(num(body.scalar(body.yielded(0))), scoreType).value}; })[0];
    l.store(s, l.advance(buffer, l.sub(i, from), scoreType), scoreType);
    return {select(num(s) > num(now[0]), num(s), num(now[0])).value};
  });
  largest = most[0];
}

/// Scores become exp(score - largest), in vectors; adds them to `sum`, lane by lane.
Value NeighbourhoodLowering::exponentials(Value count, Value largest, Value sum) {
  Value buffer = l.scratch(0, kChunk * 8);
  int64_t lanes = cast<VectorType>(sum.getType()).getDimSize(0);
  return l.loop(l.constant(0), count, lanes, {sum}, [&](Value i, ValueRange now) -> Values {
    Value at = l.advance(buffer, i, scoreType);
    Num s = num(l.load(at, scoreType, lanes));
    Value e = ExpOp::create(l.b, l.loc, (s - num(l.splat(largest, lanes))).value);
    Num kept = select(num(l.mask(l.sub(count, i), lanes)), num(e), like(s, 0));
    l.store(kept.value, at, scoreType);
    return {(num(now[0]) + kept).value};
  })[0];
}

/// 1. Walk the sources in chunks. The scores of a chunk lie on the stack; one that `where` refuses is -inf.
/// 2. With the largest score so far, turn them into weights; what was accumulated before is scaled when the largest
///    changed.
/// 3. Accumulate the weighted values, in registers, up to 8 vectors at a time.
/// 4. Divide by the sum of the weights; without any source the result is 0. The logarithm of the sum, if it is wanted,
/// is
///    the same for every block.
/// No memory depends on the number of sources. A value of more vectors than a block has computes its scores again for
/// the next one.
void NeighbourhoodLowering::attend(const Row &r, ArrayRef<Position> block) {
  constexpr size_t most = 8;
  Value value = body.yielded(1), buffer = l.scratch(0, kChunk * 8);
  int64_t lanes = l.target.lanes(scoreType.getIntOrFloatBitWidth() / 8);
  Value none = minusInfinity(l, scoreType), zeroScore = zero(scoreType);
  Values carried{none, zero(l.vectorOf(scoreType, lanes))};
  for (const Position &p : block)
    carried.push_back(zero(l.vectorOf(accumulator, lanesAt(p))));
  Values total = l.loop(r.pairs.from, r.pairs.to, kChunk, carried, [&](Value from, ValueRange now) {
    Value to = l.minimum(l.add(from, l.constant(kChunk)), r.pairs.to), largest = now[0];
    scores(r, from, to, largest);
    Num same = (num(now[0]) == num(largest)) |
               num(arith::CmpIOp::create(l.b, l.loc, arith::CmpIPredicate::eq, from, r.pairs.from));
    // As long as there is no score, -inf - -inf must not be computed.
    Value shift = select(num(largest) == -std::numeric_limits<double>::infinity(), num(zeroScore), num(largest)).value;
    Value scale = l.ifThenElse(
        same.value, scoreType, [&] { return Values{like(num(largest), 1).value}; },
        [&] { return Values{ExpOp::create(l.b, l.loc, (num(now[0]) - num(shift)).value)}; })[0];
    Values next{largest};
    Value count = l.sub(to, from);
    next.push_back(exponentials(count, shift, (num(now[1]) * num(l.splat(scale, lanes))).value));
    Value factor = convert(num(scale), accumulator).value;
    for (size_t first = 0; first < block.size(); first += most) {
      ArrayRef<Position> part = block.slice(first, std::min(most, block.size() - first));
      Values sums;
      for (auto [i, p] : llvm::enumerate(part))
        sums.push_back((num(now[2 + first + i]) * num(l.splat(factor, lanesAt(p)))).value);
      llvm::append_range(next, l.loop(from, to, 1, sums, [&](Value i, ValueRange at) -> Values {
        Value weight = l.load(l.advance(buffer, l.sub(i, from), scoreType), scoreType, 1);
        auto add = [&]() -> Values {
          body.prepare(value);
          Num w = convert(num(weight), accumulator);
          Values more;
          for (auto [p, a] : llvm::zip(part, at))
            more.push_back(
                fma(num(l.splat(w.value, lanesAt(p))), convert(num(body.vector(value, p)), accumulator), num(a)).value);
          return more;
        };
        return weighted(r, i, weight, at, add);
      }));
    }
    return next;
  });
  // The sum of all lanes, in halves.
  Value sum = total[1];
  for (int64_t half = lanes / 2; half > 0; half /= 2) {
    auto part = [&](int64_t from) -> Value {
      if (half == 1)
        return vector::ExtractOp::create(l.b, l.loc, sum, from);
      return vector::ShuffleOp::create(l.b, l.loc, sum, sum, llvm::to_vector(llvm::seq<int64_t>(from, from + half)));
    };
    sum = (num(part(0)) + num(part(half))).value;
  }
  Num all = convert(num(sum), accumulator);
  if (op.getInits().size() > 1) {
    Values leading = r.free;
    leading.push_back(r.target);
    Num logarithm = num(LogOp::create(l.b, l.loc, sum)) + num(total[0]);
    store(op.getInits()[1], leading, Position(), logarithm.value);
  }
  Num divisor = select(all == 0, like(all, 1), all); // nothing has weight: nothing was added
  for (auto [p, a] : llvm::zip(block, ArrayRef<Value>(total).drop_front(2)))
    write(r, p, (num(a) / num(l.splat(divisor.value, lanesAt(p)))).value);
}

/// A pair of weight 0 adds nothing, and where pairs may be refused it is not looked at.
NeighbourhoodLowering::Values NeighbourhoodLowering::weighted(const Row &r, Value number, Value weight, ValueRange sums,
                                                              function_ref<Values()> then) {
  auto inside = [&]() -> Values {
    PairBody::Scope inner(body);
    std::optional<PairBody::Scope> other;
    if (where)
      other.emplace(*where);
    setEnds(r, number);
    return then();
  };
  if (!where)
    return inside();
  return l.ifThenElse((num(weight) != 0).value, sums.getTypes(), inside, [&] { return Values(sums); });
}
