// Conversions between element types. What a processor lacks would become calls of functions that no libc has
// (`__truncsfbf2`), so 16-bit floats are rounded with integers here.
#include "compiler/lower/Math.h"

#include <cmath>

using namespace mlir;

namespace nnc {
namespace {

Num f16ToF32(Num x) {
  OpBuilder &b = x.code->b;
  if (x.code->cpu.hasF16C)
    return extendFloat(x, b.getF32Type());
  // Exponent and mantissa at their places, then 2^112 times as much: right for denormals too.
  Num bits = extendUnsigned(asInteger(x), b.getI32Type()), magnitude = bits & 0x7fff;
  Num value = asInteger(asFloat(magnitude << 13) * 0x1p112);
  value = select(magnitude >= 0x7c00, (magnitude << 13) | 0x7f800000, value);
  return asFloat(value | ((bits & 0x8000) << 16));
}

Num f32ToF16(Num x) {
  OpBuilder &b = x.code->b;
  if (x.code->cpu.hasF16C)
    return truncateFloat(x, b.getF16Type());
  Num bits = asInteger(x), magnitude = bits & 0x7fffffff;
  // Half an ulp less one, and one more where the last bit that stays is odd; a carry may run into the exponent.
  Num normal = (magnitude + 0xfff + ((magnitude >> 13) & 1) - (112 << 23)) >> 13;
  Num denormal = asInteger(asFloat(magnitude) + 0.5) - 0x3f000000; // the adder rounds to multiples of 2^-24
  Num half = select(magnitude < 0x38800000, denormal, normal);
  half = select(magnitude >= 0x47800000, half.constant(int64_t(0x7c00)), half);
  half = select(magnitude > 0x7f800000, half.constant(int64_t(0x7e00)), half);
  half = half | ((bits >> 16) & 0x8000);
  Num narrow = truncateInteger(half, b.getI16Type());
  return {*x.code, arith::BitcastOp::create(b, x.code->loc, x.as(b.getF16Type()), narrow.value)};
}

Num bf16ToF32(Num x) { return asFloat(extendUnsigned(asInteger(x), x.code->b.getI32Type()) << 16); }

Num f32ToBF16(Num x) {
  OpBuilder &b = x.code->b;
  Num bits = asInteger(x);
  Num rounded = bits + 0x7fff + ((bits >> 16) & 1);
  rounded = select(isNaN(x), bits | 0x400000, rounded) >> 16;
  Num narrow = truncateInteger(rounded, b.getI16Type());
  return {*x.code, arith::BitcastOp::create(b, x.code->loc, x.as(b.getBF16Type()), narrow.value)};
}

/// f64 to f32, rounded to odd: towards zero, then the last bit set if anything was lost. Rounding once more to fewer
/// bits then gives what rounding at once would have given.
Num f64ToOddF32(Num x) {
  Num y = truncateFloat(x, x.code->b.getF32Type());
  Num back = extendFloat(y, x.element()), bits = asInteger(y);
  Num towardsZero = select(abs(back) > abs(x), bits - 1, bits);
  return asFloat(select((back != x) & !isNaN(x), towardsZero | 1, bits));
}

/// i64 to f64 so that what is lost leaves a trace: exact up to 2^53; above, bits 0 to 10 become one bit that is set if
/// any is.
Num i64ToOddF64(Num x) {
  Num large = ((x + (int64_t(1) << 53)) >> 54) != 0;
  Num traced = (x & ~int64_t(0x7ff)) | select((x & 0x7ff) != 0, x.constant(int64_t(0x400)), x.constant(int64_t(0)));
  return signedToFloat(select(large, traced, x), x.code->b.getF64Type());
}

Num integerToFloat(Num x, Type to) {
  OpBuilder &b = x.code->b;
  if (x.bits() == 1)
    return convert(unsignedToFloat(x, b.getF32Type()), to);
  if (to.isF64() || to.isF32())
    return signedToFloat(x, to);
  // An integer that f32 rounds is infinite in f16.
  if (to.isF16() || x.bits() == 8)
    return convert(signedToFloat(x, b.getF32Type()), to);
  return convert(x.bits() == 64 ? i64ToOddF64(x) : signedToFloat(x, b.getF64Type()), to);
}

Num floatToInteger(Num x, Type to) {
  unsigned bits = to.getIntOrFloatBitWidth();
  if (bits == 8) {
    Num wide = floatToInteger(x, x.code->b.getI32Type());
    wide = maximum(wide.constant(int64_t(-128)), minimum(wide.constant(int64_t(127)), wide));
    return truncateInteger(wide, to);
  }
  double limit = std::ldexp(1.0, bits - 1);
  Num y = floatToSigned(x, to);
  y = select(x >= limit, y.constant(int64_t(llvm::APInt::getSignedMaxValue(bits).getSExtValue())), y);
  y = select(x < -limit, y.constant(int64_t(llvm::APInt::getSignedMinValue(bits).getSExtValue())), y);
  return select(isNaN(x), y.constant(int64_t(0)), y);
}

} // namespace

Num convert(Num x, Type to) {
  Type from = x.element();
  if (from == to)
    return x;
  if (from.isF16() || from.isBF16())
    return convert(from.isF16() ? f16ToF32(x) : bf16ToF32(x), to);
  if (to.isInteger(1))
    return x != like(x, 0);
  if (isa<IntegerType>(from) && isa<IntegerType>(to)) {
    if (x.bits() == 1)
      return extendUnsigned(x, to);
    return x.bits() < to.getIntOrFloatBitWidth() ? extendSigned(x, to) : truncateInteger(x, to);
  }
  if (isa<IntegerType>(from))
    return integerToFloat(x, to);
  if (isa<IntegerType>(to))
    return floatToInteger(x, to);
  if (to.isF64())
    return extendFloat(x, to);
  if (to.isF32())
    return truncateFloat(x, to);
  Num narrow = from.isF64() ? f64ToOddF32(x) : x;
  return to.isF16() ? f32ToF16(narrow) : f32ToBF16(narrow);
}

} // namespace nnc
