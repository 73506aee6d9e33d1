// e^x and its relatives in f32: x = n ln 2 + r, e^x = 2^n e^r, a polynomial for e^r.
#include "compiler/lower/Math.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace nnc {

/// 1. Adding 1.5 * 2^23 leaves the nearest integer of x / ln 2 in the low bits of the sum.
/// 2. ln 2 in two parts, the first with so few bits that its product with n is exact, with or without fma.
Reduced reduceByLn2(Num x) {
  Num magic = x.constant(0x1.8p23);
  Num sum = fma(x, 0x1.715476p0, magic);
  Num n = sum - magic;
  Num r = fma(n, -0x1.62e4p-1, x);
  return {n, fma(n, -0x1.7f7d1cp-20, r), asInteger(sum)};
}

Num expReduced(Num r) {
  return polynomial(r, {1, 1, 0x1.fffffap-2, 0x1.555492p-3, 0x1.555a28p-5, 0x1.12398ep-7, 0x1.694ac2p-10});
}

/// vscalef does it at once, with denormals and infinities.
static std::optional<Num> scaleByInstruction(Num x, Num n) {
  if (!x.code->cpu.hasAVX512)
    return std::nullopt;
  OpBuilder &b = x.code->b;
  Location loc = x.code->loc;
  bool wide = x.bits() == 64;
  auto name = b.getStringAttr(wide ? "llvm.x86.avx512.mask.scalef.pd.512" : "llvm.x86.avx512.mask.scalef.ps.512");
  Value lanes = arith::ConstantOp::create(b, loc, wide ? b.getI8IntegerAttr(-1) : b.getI16IntegerAttr(-1));
  Value rounding = arith::ConstantOp::create(b, loc, b.getI32IntegerAttr(4)); // as is set
  return inPieces(wide ? 8 : 16, {x, n}, [&](ArrayRef<Value> piece) {
    return LLVM::CallIntrinsicOp::create(b, loc, piece[0].getType(), name,
                                         ValueRange{piece[0], piece[1], piece[0], lanes, rounding})
        .getResult(0);
  });
}

Num scale(Num x, const Reduced &reduced) {
  if (std::optional<Num> scaled = scaleByInstruction(x, reduced.n))
    return *scaled;
  // Two factors, each a normal number: 2^(n / 2) and the rest. Only the second product rounds.
  Num n = reduced.shifted - 0x4b400000, half = shiftRight(n, 1);
  auto powerOfTwo = [](Num n) { return asFloat((n + 127) << 23); };
  return x * powerOfTwo(half) * powerOfTwo(n - half);
}

Num scaleNormal(Num x, const Reduced &reduced) {
  if (std::optional<Num> scaled = scaleByInstruction(x, reduced.n))
    return *scaled;
  return asFloat(asInteger(x) + (reduced.shifted << 23)); // the bits above n leave
}

/// Beyond the bounds the result is infinite or 0; NaN passes through both comparisons.
Num exp(Num x) {
  Reduced reduced = reduceByLn2(maximum(x.constant(-104.0), minimum(x.constant(89.0), x)));
  return scale(expReduced(reduced.r), reduced);
}

/// 2^n (e^r - 1) + (2^n - 1), with 2^(n - 1) so that n = 128 is no special case.
Num expm1(Num x) {
  Num bounded = maximum(x.constant(-18.0), minimum(x.constant(89.0), x));
  Reduced reduced = reduceByLn2(bounded);
  Num r = reduced.r;
  Num half = scaleNormal(r.constant(0.5), reduced);
  Num rest = r * r * polynomial(r, {0.5, 0x1.5554dcp-3, 0x1.5554e8p-5, 0x1.120c1ep-7, 0x1.6d4e6cp-10});
  Num sum = fma(half, rest, fma(half, r, half - 0.5));
  return copySign(sum + sum, x);
}

/// e^-|x| / (1 + e^-|x|) or 1 / (1 + e^-|x|): no overflow, and exact denormals. What the divisor lost to rounding is
/// made up for, to a quarter: it is divided by 4 / 3 instead of a number between 1 and 2.
Num sigmoid(Num x) {
  Reduced reduced = reduceByLn2(maximum(x.constant(-104.0), -abs(x)));
  Num z = scale(expReduced(reduced.r), reduced), divisor = z + 1, lost = (1 - divisor) + z;
  Num y = select(x < 0, z, like(z, 1)) / divisor;
  return fma(y * lost, -0.75, y);
}

/// 1. |x| < 0.56: x times a polynomial of x^2.
/// 2. Otherwise 1 - 2 / (e^(2 |x|) + 1). From 9.1 on the result is 1.
Num tanh(Num x) {
  if (hasTables(x.code->cpu))
    return tanhByTable(x);
  Num a = abs(x), t = minimum(x.constant(9.1), a), s = x * x;
  Num small = polynomial(s, {-0x1.555554p-2, 0x1.110f92p-3, -0x1.b986eap-5, 0x1.5bf77ep-6, -0x1.a8ba7cp-8});
  Reduced reduced = reduceByLn2(t + t);
  Num power = scaleNormal(expReduced(reduced.r), reduced);
  Num large = 1 - 2 / (power + 1);
  return copySign(select(a >= 0.56, large, fma(a * s, small, a)), x);
}

/// 1. |x| < 1: x times a polynomial of x^2; the 1 of 2 / sqrt(pi) = 1.128 is added last.
/// 2. Otherwise 1 - e^q(|x|), q a polynomial for log(1 - erf). From 3.95 on the result is 1.
Num erf(Num x) {
  if (hasTables(x.code->cpu))
    return erfByTable(x);
  Num a = abs(x), t = minimum(x.constant(3.95), a), s = x * x;
  Num small = polynomial(
      s, {0x1.06eba8p-3, -0x1.81274p-2, 0x1.ce2d52p-4, -0x1.b7fec4p-6, 0x1.542fecp-8, -0x1.a5197ap-11, 0x1.4c5cb4p-14});
  Num q = polynomial(t, {-0x1.72e6ecp-12, -0x1.2085b2p0, -0x1.46c584p-1, -0x1.a60a82p-4, 0x1.654222p-6, -0x1.814cd8p-9,
                         0x1.852d46p-13});
  Reduced reduced = reduceByLn2(q);
  Num large = 1 - scaleNormal(expReduced(reduced.r), reduced);
  return copySign(select(a >= 1, large, fma(a, small, a)), x);
}

/// In f64 the same steps with more digits; e^r - 1 by Taylor's polynomial, which is exact enough to 2^-57.
struct Wide {
  Num n, shifted, rest;
};
static Wide reduceWide(Num x) {
  Num magic = x.constant(0x1.8p52), sum = fma(x, 0x1.71547652b82fep0, magic), n = sum - magic;
  Num r = fma(n, -0x1.a39ef35793c76p-33, fma(n, -0x1.62e42feep-1, x));
  Num p = polynomial(r, {1.0 / 2, 1.0 / 6, 1.0 / 24, 1.0 / 120, 1.0 / 720, 1.0 / 5040, 1.0 / 40320, 1.0 / 362880,
                         1.0 / 3628800, 1.0 / 39916800, 1.0 / 479001600, 1.0 / 6227020800});
  return {n, asInteger(sum) - 0x4338000000000000, fma(r * r, p, r)};
}
static Num powerOfTwo64(Num n) { return asFloat((n + 1023) << 52); }

Num exp64(Num x) {
  Wide w = reduceWide(maximum(x.constant(-746.0), minimum(x.constant(710.0), x)));
  Num y = 1 + w.rest;
  if (std::optional<Num> scaled = scaleByInstruction(y, w.n))
    return *scaled;
  Num half = shiftRight(w.shifted, 1);
  return y * powerOfTwo64(half) * powerOfTwo64(w.shifted - half);
}

Num expm164(Num x) {
  Wide w = reduceWide(maximum(x.constant(-40.0), minimum(x.constant(710.0), x)));
  Num half = powerOfTwo64(w.shifted - 1), sum = fma(half, w.rest, half - 0.5);
  return copySign(select(w.n == 0, w.rest, sum + sum), x); // half of a denormal may not exist
}

/// t / (t + 2) with t = e^(2 |x|) - 1. From 22 on the result is 1.
Num tanh64(Num x) {
  Num a = minimum(x.constant(22.0), abs(x)), t = expm164(a + a);
  return copySign(t / (t + 2), x);
}

} // namespace nnc
