// Conversions of element types against tables of all values: decoding by ldexp, rounding by comparing with midpoints.
#include "runtime/Convert.h"
#include "Check.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

using nnrt::convert;

namespace {
struct Half {
  nn_type type;
  int exponent, mantissa;
  double decode(uint16_t bits) const {
    int bias = (1 << (exponent - 1)) - 1, e = bits >> mantissa & ((1 << exponent) - 1),
        m = bits & ((1 << mantissa) - 1);
    double sign = bits & 0x8000 ? -1 : 1;
    if (e == (1 << exponent) - 1)
      return m ? std::numeric_limits<double>::quiet_NaN() : sign * std::numeric_limits<double>::infinity();
    return sign * (e ? std::ldexp((1 << mantissa) + m, e - bias - mantissa) : std::ldexp(m, 1 - bias - mantissa));
  }
  uint16_t infinity() const { return static_cast<uint16_t>(((1 << exponent) - 1) << mantissa); }

  /// The nearest value, found in the table of all.
  uint16_t round(double value) const {
    uint16_t sign = std::signbit(value) ? 0x8000 : 0;
    double magnitude = std::fabs(value);
    uint16_t low = 0, high = infinity(); // bits are in the order of the values
    while (high - low > 1) {
      uint16_t middle = static_cast<uint16_t>((low + high) / 2);
      (decode(middle) <= magnitude ? low : high) = middle;
    }
    double step =
        high == infinity() ? decode(low) - decode(static_cast<uint16_t>(low - 1)) : decode(high) - decode(low);
    double halfway = decode(low) + step / 2;
    bool up = magnitude > halfway || (magnitude == halfway && (low & 1));
    return static_cast<uint16_t>(sign | (up ? high : low));
  }
};
constexpr Half halves[] = {{NN_F16, 5, 10}, {NN_BF16, 8, 7}};

template <typename To, typename From> To as(From value, nn_type to, nn_type from) {
  To result;
  convert(&result, to, &value, from, 1);
  return result;
}
uint64_t bits(double value) {
  uint64_t b;
  memcpy(&b, &value, 8);
  return b;
}
uint32_t bits(float value) {
  uint32_t b;
  memcpy(&b, &value, 4);
  return b;
}
} // namespace

CASE(convert, halvesToFloats) {
  for (const Half &half : halves)
    for (uint32_t b = 0; b < 65536; ++b) {
      uint16_t in = static_cast<uint16_t>(b);
      double value = half.decode(in);
      double wide = as<double>(in, NN_F64, half.type);
      float single = as<float>(in, NN_F32, half.type);
      if (std::isnan(value)) {
        CHECK(std::isnan(wide) && std::isnan(single) && std::signbit(wide) == (b >> 15));
        uint16_t back = as<uint16_t>(single, half.type, NN_F32);
        CHECK(std::isnan(half.decode(back)));
        continue;
      }
      CHECK_EQUAL(bits(wide), bits(value));
      CHECK_EQUAL(bits(single), bits(static_cast<float>(value)));
      CHECK_EQUAL(as<uint16_t>(single, half.type, NN_F32), in);
      CHECK_EQUAL(as<uint16_t>(wide, half.type, NN_F64), in);
    }
}

CASE(convert, floatsToHalvesAtMidpoints) {
  for (const Half &half : halves)
    for (uint32_t b = 0; b < 0x8000; ++b) {
      uint16_t in = static_cast<uint16_t>(b);
      if (in >= half.infinity())
        break;
      double low = half.decode(in);
      double high = in + 1 == half.infinity() ? low + (low - half.decode(static_cast<uint16_t>(in - 1)))
                                              : half.decode(static_cast<uint16_t>(in + 1));
      double middle = (low + high) / 2;
      for (double value : {middle, std::nextafter(middle, 0.0), std::nextafter(middle, 1e300)})
        for (double sign : {1.0, -1.0})
          CHECK_EQUAL(as<uint16_t>(sign * value, half.type, NN_F64), half.round(sign * value));
      float single = static_cast<float>(middle);
      for (float value : {single, std::nextafterf(single, 0.0f), std::nextafterf(single, 1e38f)})
        CHECK_EQUAL(as<uint16_t>(value, half.type, NN_F32), half.round(value));
    }
}

CASE(convert, floatsToHalvesSampled) {
  for (const Half &half : halves)
    for (uint64_t b = 0; b < (uint64_t(1) << 32); b += 4093) {
      uint32_t in = static_cast<uint32_t>(b);
      float value;
      memcpy(&value, &in, 4);
      uint16_t out;
      convert(&out, half.type, &in, NN_F32, 1);
      if (std::isnan(value))
        CHECK(std::isnan(half.decode(out)) && (out >> 15) == (in >> 31));
      else
        CHECK_EQUAL(out, half.round(value));
    }
}

CASE(convert, doublesToFloats) {
  auto check = [](double value) {
    if (!std::isnan(value))
      CHECK_EQUAL(bits(as<float>(value, NN_F32, NN_F64)), bits(static_cast<float>(value)));
  };
  for (uint64_t b = 0; b < (uint64_t(1) << 32); b += 8191) {
    uint32_t in = static_cast<uint32_t>(b);
    float value;
    memcpy(&value, &in, 4);
    if (std::isnan(value))
      continue;
    CHECK_EQUAL(bits(as<double>(value, NN_F64, NN_F32)), bits(static_cast<double>(value)));
    double middle = value / 2.0 + std::nextafterf(value, INFINITY) / 2.0;
    for (double d : {middle, std::nextafter(middle, -INFINITY), std::nextafter(middle, INFINITY)})
      check(d);
  }
  uint64_t state = 1;
  for (int i = 0; i < 1'000'000; ++i) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    double value;
    memcpy(&value, &state, 8);
    check(value);
  }
}

CASE(convert, independentOfRoundingMode) {
  unsigned before = __builtin_ia32_stmxcsr();
  __builtin_ia32_ldmxcsr(0xFFC0);                                // toward zero, denormals flushed
  uint64_t in = 0x3FF0000010000001u, tiny = 0x36A0000000000000u; // a little above a midpoint; the smallest f32
  uint32_t out, small, denormal = 1;
  uint64_t wide;
  convert(&out, NN_F32, &in, NN_F64, 1);
  convert(&small, NN_F32, &tiny, NN_F64, 1);
  convert(&wide, NN_F64, &denormal, NN_F32, 1);
  __builtin_ia32_ldmxcsr(before);
  CHECK_EQUAL(out, 0x3F800001u);
  CHECK_EQUAL(small, 1u);
  CHECK_EQUAL(wide, tiny);
}

CASE(convert, betweenHalves) {
  for (uint32_t b = 0; b < 65536; ++b) {
    uint16_t in = static_cast<uint16_t>(b), out;
    convert(&out, NN_BF16, &in, NN_F16, 1);
    double value = halves[0].decode(in);
    if (!std::isnan(value))
      CHECK_EQUAL(out, halves[1].round(value));
    convert(&out, NN_F16, &in, NN_BF16, 1);
    value = halves[1].decode(in);
    if (!std::isnan(value))
      CHECK_EQUAL(out, halves[0].round(value));
  }
}

CASE(convert, misalignedAndNone) {
  char from[64], to[64];
  for (int i = 0; i < 7; ++i) {
    float value = static_cast<float>(i) + 0.5f;
    memcpy(from + 1 + 4 * i, &value, 4);
  }
  convert(to + 3, NN_F64, from + 1, NN_F32, 7);
  for (int i = 0; i < 7; ++i) {
    double value;
    memcpy(&value, to + 3 + 8 * i, 8);
    CHECK_EQUAL(value, i + 0.5);
  }
  convert(nullptr, NN_F64, nullptr, NN_F32, 0);
  CHECK(nnrt::canConvert(NN_F64, NN_BF16) && nnrt::canConvert(NN_I64, NN_I64));
  CHECK(!nnrt::canConvert(NN_I32, NN_I64) && !nnrt::canConvert(NN_F32, NN_I32) && !nnrt::canConvert(NN_I8, NN_BOOL));
  CHECK(!nnrt::isType(-1) && !nnrt::isType(8) && nnrt::isType(0) && nnrt::isType(7));
}
