#include "runtime/Convert.h"

#include <string.h>

namespace nnrt {

namespace {
/// An IEEE 754 binary format in an unsigned integer.
template <typename T, int E, int M> struct Format {
  using Bits = T;
  static constexpr int exponent = E, mantissa = M, bias = (1 << (E - 1)) - 1;
  static constexpr T sign = T(1) << (E + M);
  static constexpr T infinity = ((T(1) << E) - 1) << M;
  static constexpr T quiet = T(1) << (M - 1);
};
using F64 = Format<uint64_t, 11, 52>;
using F32 = Format<uint32_t, 8, 23>;
using F16 = Format<uint16_t, 5, 10>;
using BF16 = Format<uint16_t, 8, 7>;

/// Exact: every value of From is one of To.
template <typename From, typename To> typename To::Bits widen(typename From::Bits value) {
  using Bits = typename To::Bits;
  constexpr int shift = To::mantissa - From::mantissa;
  Bits magnitude = static_cast<Bits>(value & ~From::sign);
  Bits sign =
      static_cast<Bits>(Bits(value & From::sign) << (To::exponent + To::mantissa - From::exponent - From::mantissa));
  if (From::exponent == To::exponent) // bf16 is the upper half of f32
    return sign | static_cast<Bits>(magnitude << shift);
  if (magnitude >= From::infinity) // infinities and NaNs
    return sign | To::infinity | static_cast<Bits>(Bits(magnitude & ~From::infinity) << shift);
  constexpr Bits rebias = static_cast<Bits>(To::bias - From::bias) << To::mantissa;
  if (magnitude >> From::mantissa)
    return sign | (static_cast<Bits>(magnitude << shift) + rebias);
  if (!magnitude)
    return sign;
  // A denormal becomes a normal number: its leading bit moves to the place of the hidden one.
  int lead = 63 - __builtin_clzll(magnitude);
  Bits exponent = static_cast<Bits>(To::bias - From::bias + 1 - From::mantissa + lead);
  Bits fraction = static_cast<Bits>(magnitude << (To::mantissa - lead)) & ((Bits(1) << To::mantissa) - 1);
  return sign | static_cast<Bits>(exponent << To::mantissa) | fraction;
}

/// The nearest value of To, the even one of two.
template <typename From, typename To> typename To::Bits narrow(typename From::Bits value) {
  using Wide = typename From::Bits;
  using Bits = typename To::Bits;
  constexpr int shift = From::mantissa - To::mantissa;
  Wide magnitude = value & ~From::sign;
  Bits sign = static_cast<Bits>(value >> (From::exponent + From::mantissa) << (To::exponent + To::mantissa));
  if (magnitude > From::infinity)
    return sign | To::infinity | To::quiet | static_cast<Bits>((magnitude & ~From::infinity) >> shift);
  constexpr Wide rebias = static_cast<Wide>(From::bias - To::bias) << From::mantissa;
  constexpr Wide smallest = rebias + (Wide(1) << From::mantissa); // of the normal numbers of To
  if (magnitude >= smallest || From::exponent == To::exponent) {
    // Exponent and fraction are one number here, so a carry out of the fraction ends in the exponent, or in infinity.
    Wide moved = magnitude - rebias;
    Wide rounded = (moved + ((Wide(1) << (shift - 1)) - 1) + (moved >> shift & 1)) >> shift;
    return sign | static_cast<Bits>(magnitude >= From::infinity || rounded > To::infinity ? To::infinity : rounded);
  }
  // The result is denormal or zero: align the whole significand to To's smallest step.
  int drop = shift + 1 + static_cast<int>((rebias >> From::mantissa)) - static_cast<int>(magnitude >> From::mantissa);
  if (drop > From::mantissa + 1)
    return sign;
  Wide hidden = magnitude >> From::mantissa ? Wide(1) << From::mantissa : 0;
  Wide significand = (magnitude & ((Wide(1) << From::mantissa) - 1)) | hidden;
  return sign | static_cast<Bits>((significand + ((Wide(1) << (drop - 1)) - 1) + (significand >> drop & 1)) >> drop);
}

template <typename From, typename To> void each(char *to, const char *from, int64_t count) {
  for (int64_t i = 0; i < count; ++i) {
    typename From::Bits value;
    typename To::Bits result;
    memcpy(&value, from + i * sizeof value, sizeof value);
    if constexpr (sizeof value == sizeof result && From::mantissa == +To::mantissa)
      result = value;
    else if constexpr (From::mantissa > +To::mantissa && From::exponent >= +To::exponent)
      result = narrow<From, To>(value);
    else if constexpr (sizeof value < sizeof result)
      result = widen<From, To>(value);
    else // f16 and bf16: neither holds the other, f32 holds both
      result = narrow<F32, To>(widen<From, F32>(value));
    memcpy(to + i * sizeof result, &result, sizeof result);
  }
}

template <typename From> void eachFrom(char *to, nn_type toType, const char *from, int64_t count) {
  switch (toType) {
  case NN_F64:
    return each<From, F64>(to, from, count);
  case NN_F32:
    return each<From, F32>(to, from, count);
  case NN_F16:
    return each<From, F16>(to, from, count);
  default:
    return each<From, BF16>(to, from, count);
  }
}
} // namespace

bool isType(int64_t type) { return type >= NN_F64 && type <= NN_BOOL; }

int64_t elementBytes(nn_type type) {
  static constexpr uint8_t bytes[] = {8, 4, 2, 2, 8, 4, 1, 1};
  return bytes[type];
}

const char *elementName(nn_type type) {
  static constexpr char names[][5] = {"F64", "F32", "F16", "BF16", "I64", "I32", "I8", "BOOL"};
  return names[type];
}

bool canConvert(nn_type from, nn_type to) { return from == to || (from <= NN_BF16 && to <= NN_BF16); }

void convert(void *to, nn_type toType, const void *from, nn_type fromType, int64_t count) {
  char *target = static_cast<char *>(to);
  const char *source = static_cast<const char *>(from);
  if (count <= 0)
    return;
  if (fromType == toType) {
    memcpy(target, source, count * elementBytes(toType));
    return;
  }
  switch (fromType) {
  case NN_F64:
    return eachFrom<F64>(target, toType, source, count);
  case NN_F32:
    return eachFrom<F32>(target, toType, source, count);
  case NN_F16:
    return eachFrom<F16>(target, toType, source, count);
  default:
    return eachFrom<BF16>(target, toType, source, count);
  }
}

} // namespace nnrt
