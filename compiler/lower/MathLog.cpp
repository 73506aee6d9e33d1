// Logarithms in f32: x = 2^k m with m in [2/3, 4/3), log x = k ln 2 + log m, a polynomial for log m in m - 1.
#include "compiler/lower/Math.h"

namespace nnc {

/// k ln 2 + log(1 + f) for |f| <= 1/3. ln 2 in two parts, the products with the first exact.
static Num logOfParts(Num f, Num k) {
  Num s = f * f;
  Num q = polynomial(f, {-0.5, 0x1.55552cp-2, -0x1.ffff0cp-3, 0x1.99bfeap-3, -0x1.559bfap-3, 0x1.1fd56cp-3,
                         -0x1.f3061cp-4, 0x1.19b968p-3, -0x1.0882p-3});
  Num low = fma(s, q, k * 0x1.7f7d1cp-20);
  return fma(k, 0x1.62e4p-1, f + low);
}

/// The logarithm where `argument` (x, or 1 + x) is what it is taken of: -inf at 0, NaN below, itself at inf and NaN.
static Num atTheEnds(Num y, Num argument, Num x) {
  constexpr double inf = std::numeric_limits<double>::infinity();
  Num end = select(argument == 0, y.constant(-inf), select(argument < 0, y.pattern(0x7fc00000), x));
  return select((argument > 0) & (argument < inf), y, end);
}

Num log(Num x) {
  Num denormal = x < 0x1p-126;
  Num bits = asInteger(select(denormal, x * 0x1p23, x));
  Num k = shiftRight(bits - 0x3f2aaaab, 23);
  Num f = asFloat(bits - (k << 23)) - 1;
  Num exponent = signedToFloat(k, x.element());
  exponent = select(denormal, exponent - 23, exponent);
  return atTheEnds(logOfParts(f, exponent), x, x);
}

/// With 1 + x, rounded, in [2/3, 4/3) 2^k: f = x 2^-k + (2^-k - 1), where only the sum rounds.
Num log1p(Num x) {
  Num sum = x + 1;
  Num k = shiftRight(asInteger(sum) - 0x3f2aaaab, 23), shifted = k << 23;
  Num scaled = asFloat(asInteger(x) - shifted);              // x is normal where k is not 0
  Num power = asFloat(asInteger(x.constant(4.0)) - shifted); // 4 * 2^-k: k = 128 is not too large
  Num f = scaled + fma(power, 0.25, x.constant(-1.0));
  Num y = logOfParts(f, signedToFloat(k, x.element()));
  return atTheEnds(copySign(y, x), sum, x);
}

} // namespace nnc
