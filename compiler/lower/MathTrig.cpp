// Sine, cosine and the angle of a point in f32.
#include "compiler/lower/Math.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace nnc {
namespace {

/// x = (4 k + quadrant) pi / 2 + r with |r| <= pi / 4, a little more for large x.
struct Angle {
  Num r, quadrant;
};

/// Up to this size reduceSmall is exact enough.
double limitOf(const cpu::Cpu &cpu) { return cpu.hasFMA ? 48000 : 400; }

/// x - n pi/2, pi/2 in parts. With fma the parts have all bits; without, so few that the products with n < 2^8 are
/// exact.
Angle reduceSmall(Num x) {
  Num magic = x.constant(0x1.8p23);
  Num sum = fma(x, 0x1.45f306p-1, magic);
  Num n = sum - magic;
  if (x.code->cpu.hasFMA) {
    Num r = x;
    for (double part : {0x1.921fb6p0, -0x1.777a5cp-25, -0x1.ee59dap-50})
      r = fma(n, -part, r);
    return {r, asInteger(sum)};
  }
  // What the second difference loses goes into the small parts, so that only the last sum rounds.
  Num first = x - n * 0x1.922p0, second = n * -0x1.2aeep-18, r = first - second;
  Num lost = ((first - r) - second) - (n * -0x1.e973dcp-35 + n * -0x1.676734p-60);
  return {r + lost, asInteger(sum)};
}

/// Payne and Hanek 1983. x = m 2^s with a 24-bit integer m. Of the bits of 2 / pi, those that add multiples of 4 to
/// x * 2 / pi are left out, the next 96 are multiplied with m, and what lies more than 2^-62 below is dropped.
Angle reduceLarge(Num x) {
  OpBuilder &b = x.code->b;
  Type i64 = b.getI64Type(), f64 = b.getF64Type();
  // 2 / pi = sum of words[i] 2^(-32 i)
  constexpr uint32_t words[] = {0,          0xa2f9836e, 0x4e441529, 0xfc2757d1, 0xf534ddc0,
                                0xdb629599, 0x3c439041, 0xfe5163ab, 0xdebbc561};
  Num bits = asInteger(x), magnitude = bits & 0x7fffffff;
  Num m = extendUnsigned((magnitude & 0x7fffff) | 0x800000, i64);
  Num position = (magnitude >> 23) - 120; // s - 2 + 32, from 22 to 134
  Num first = position >> 5, shift = extendUnsigned(position & 31, i64);
  auto word = [&](int k) {
    Num w = extendUnsigned(first.constant(int64_t(words[k])), i64);
    for (int j = 1; j < 5; ++j)
      w = select(first == j, w.constant(int64_t(words[k + j])), w);
    return w;
  };
  auto shiftLeft = [&](Num a, Num n) { return Num(*a.code, arith::ShLIOp::create(b, a.code->loc, a.value, n.value)); };
  Num w[4] = {word(0), word(1), word(2), word(3)};
  auto part = [&](int k) { return (shiftLeft((w[k] << 32) | w[k + 1], shift) >> 32); }; // 32 bits
  Num product = ((m * part(0)) << 32) + m * part(1) + ((m * part(2)) >> 32);            // x / 2 pi, modulo 1
  Num quadrant = (product + (int64_t(1) << 61)) >> 62;
  Num rest = product - (quadrant << 62);
  Num r = truncateFloat(signedToFloat(rest, f64) * 0x1.921fb54442d18p-62, x.element());
  Num q = truncateInteger(quadrant, b.getI32Type());
  Num negative = bits < 0;
  return {select(negative, -r, r), select(negative, -q, q)};
}

Angle reduce(Num x) {
  OpBuilder &b = x.code->b;
  Location loc = x.code->loc;
  Angle small = reduceSmall(x);
  Num large = abs(x) > limitOf(x.code->cpu);
  Value any = large.value;
  if (isa<VectorType>(any.getType()))
    any = vector::ReductionOp::create(b, loc, vector::CombiningKind::OR, any);
  auto branch = scf::IfOp::create(b, loc, TypeRange{x.value.getType(), small.quadrant.value.getType()}, any, true);
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(branch.thenBlock());
    Angle angle = reduceLarge(x);
    Num finite = large & (abs(x) < std::numeric_limits<double>::infinity());
    scf::YieldOp::create(
        b, loc,
        ValueRange{select(finite, angle.r, small.r).value, select(finite, angle.quadrant, small.quadrant).value});
    b.setInsertionPointToStart(branch.elseBlock());
    scf::YieldOp::create(b, loc, ValueRange{small.r.value, small.quadrant.value});
  }
  return {Num(*x.code, branch.getResult(0)), Num(*x.code, branch.getResult(1))};
}

Num sineOfQuadrant(Num r, Num quadrant) {
  Num s = r * r;
  Num sine = fma(s * r, polynomial(s, {-0x1.555556p-3, 0x1.111198p-7, -0x1.a08328p-13, 0x1.87812ep-19}), r);
  Num cosine = polynomial(s, {1, -0.5, 0x1.555554p-5, -0x1.6c129ep-10, 0x1.9bc752p-16});
  Num y = select((quadrant & 1) == 0, sine, cosine);
  return asFloat(asInteger(y) ^ ((quadrant & 2) << 30));
}

} // namespace

Num sin(Num x) {
  Angle a = reduce(x);
  return select(x == 0, x, sineOfQuadrant(a.r, a.quadrant)); // -0 stays
}

Num cos(Num x) {
  Angle a = reduce(x);
  return sineOfQuadrant(a.r, a.quadrant + 1);
}

/// The arc tangent of the smaller coordinate over the larger one, then the other seven octants.
Num atan2(Num y, Num x) {
  Num a = abs(y), b = abs(x);
  Num high = maximum(a, b), low = minimum(a, b);
  Num t = select(low == high, select(high == 0, like(low, 0), like(low, 1)), low / high); // 0 / 0 is 0, inf / inf is 1
  Num s = t * t;
  Num p = polynomial(s, {-0x1.555554p-2, 0x1.99984cp-3, -0x1.246f74p-3, 0x1.c423eep-4, -0x1.636df2p-4, 0x1.01e514p-4,
                         -0x1.2a759ap-5, 0x1.c62ea6p-7, -0x1.449a16p-9});
  Num r = fma(t * s, p, t);
  r = select(a > b, 0x1.921fb6p0 - (r + 0x1.777a5cp-25), r); // pi / 2 and what it lacks
  r = select(asInteger(x) < 0, 0x1.921fb6p1 - (r + 0x1.777a5cp-24), r);
  r = select(isNaN(x) | isNaN(y), x + y, r);
  return copySign(r, y);
}

} // namespace nnc
