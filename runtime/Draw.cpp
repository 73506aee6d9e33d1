// First values of parameters that are one draw, scaled and shifted. Philox 4x32-10 (Salmon, Moraes, Dror, Shaw,
// "Parallel random numbers: as easy as 1, 2, 3", 2011): the key is the seed, mixed with the copy; the counter is
// (element, place). So a value depends on nothing else. Normal draws by Box and Muller (1958).
#include "runtime/Abi.h"
#include "runtime/Convert.h"

#include <math.h>
#include <string.h>

namespace nnrt {
namespace {

struct Words {
  uint32_t w[4];
};

Words philox(uint64_t key, uint64_t element, uint32_t place) {
  uint32_t a = static_cast<uint32_t>(element), b = static_cast<uint32_t>(element >> 32), c = place, d = 0;
  uint32_t k0 = static_cast<uint32_t>(key), k1 = static_cast<uint32_t>(key >> 32);
  for (int round = 0; round < 10; ++round) {
    uint64_t p = uint64_t(0xD2511F53) * a, q = uint64_t(0xCD9E8D57) * c;
    a = static_cast<uint32_t>(q >> 32) ^ b ^ k0;
    b = static_cast<uint32_t>(q);
    c = static_cast<uint32_t>(p >> 32) ^ d ^ k1;
    d = static_cast<uint32_t>(p);
    k0 += 0x9E3779B9;
    k1 += 0xBB67AE85;
  }
  return {{a, b, c, d}};
}

/// The upper bits of one word (two for f64) as a number in [0, 1), or in (0, 1] with `up`.
float unit(const uint32_t *w, bool up, float) { return static_cast<float>((w[0] >> 8) + up) * 0x1p-24f; }
double unit(const uint32_t *w, bool up, double) {
  return static_cast<double>(((uint64_t(w[0]) << 32 | w[1]) >> 11) + up) * 0x1p-53;
}

float normal(float u, float v) { return sqrtf(-2 * logf(u)) * cosf(6.2831853f * v); }
double normal(double u, double v) { return sqrt(-2 * log(u)) * cos(6.283185307179586 * v); }

template <typename T> constexpr int kWords = sizeof(T) / 4; ///< that a uniform draw takes

/// Draws of one block of words, of which there is more than one.
template <typename T> struct Uniform {
  static constexpr int count = 4 / kWords<T>;
  static void draw(const nnrt_draw &draw, uint64_t key, int64_t block, T *to) {
    Words words = philox(key, static_cast<uint64_t>(block), static_cast<uint32_t>(draw.place));
    for (int i = 0; i < count; ++i)
      to[i] = unit(words.w + i * kWords<T>, false, T());
  }
};
template <typename T> struct Normal {
  static constexpr int count = 2 / kWords<T>;
  static void draw(const nnrt_draw &draw, uint64_t key, int64_t block, T *to) {
    Words words = philox(key, static_cast<uint64_t>(block), static_cast<uint32_t>(draw.place));
    for (int i = 0; i < count; ++i) {
      const uint32_t *w = words.w + 2 * i * kWords<T>;
      to[i] = normal(unit(w, true, T()), unit(w + kWords<T>, false, T()));
    }
  }
};
/// Redrawn until it is within the bounds; clamped to them if that takes too long.
template <typename T> struct TruncNormal {
  static constexpr int count = 1;
  static void draw(const nnrt_draw &draw, uint64_t key, int64_t element, T *to) {
    auto place = static_cast<uint32_t>(draw.place);
    T low = static_cast<T>(draw.low), high = static_cast<T>(draw.high);
    for (int attempt = 0; attempt < 256; ++attempt, place += 0x61C88647) {
      Words words = philox(key, static_cast<uint64_t>(element), place);
      *to = normal(unit(words.w, true, T()), unit(words.w + kWords<T>, false, T()));
      if (*to >= low && *to <= high)
        return;
    }
    *to = *to < low ? low : high;
  }
};

template <template <typename> typename Source, typename T>
void fill(const nnrt_draw &draw, uint64_t seed, int64_t copy, int64_t count, nn_type type, void *to) {
  constexpr int64_t size = 256, each = Source<T>::count;
  static_assert(size % each == 0);
  uint64_t key = seed ^ static_cast<uint64_t>(copy) * 0x9E3779B97F4A7C15;
  T scale = static_cast<T>(draw.scale), shift = static_cast<T>(draw.shift), values[size];
  for (int64_t from = 0; from < count; from += size) {
    int64_t now = count - from < size ? count - from : size;
    for (int64_t i = 0; i < now; i += each)
      Source<T>::draw(draw, key, (from + i) / each, values + i);
    for (int64_t i = 0; i < now; ++i)
      values[i] = values[i] * scale + shift;
    convert(static_cast<char *>(to) + from * elementBytes(type), type, values, sizeof(T) == 8 ? NN_F64 : NN_F32, now);
  }
}

template <template <typename> typename Source>
void fillAs(const nnrt_draw &draw, uint64_t seed, int64_t copy, int64_t count, nn_type type, void *to) {
  if (type == NN_F64)
    fill<Source, double>(draw, seed, copy, count, type, to);
  else
    fill<Source, float>(draw, seed, copy, count, type, to);
}

} // namespace
} // namespace nnrt

using namespace nnrt;

extern "C" void nnrt_draw_constant(const nnrt_draw *draw, uint64_t, int64_t, int64_t count, nn_type type, void *to) {
  int64_t bytes = elementBytes(type);
  char value[8];
  if (canConvert(NN_F64, type)) {
    convert(value, type, &draw->shift, NN_F64, 1);
  } else { // little-endian: the low bytes of an integer are the shorter integer
    auto integer = static_cast<int64_t>(draw->shift);
    memcpy(value, &integer, sizeof integer);
  }
  for (int64_t i = 0; i < count; ++i)
    memcpy(static_cast<char *>(to) + i * bytes, value, static_cast<size_t>(bytes));
}
extern "C" void nnrt_draw_uniform(const nnrt_draw *draw, uint64_t seed, int64_t copy, int64_t count, nn_type type,
                                  void *to) {
  fillAs<Uniform>(*draw, seed, copy, count, type, to);
}
extern "C" void nnrt_draw_normal(const nnrt_draw *draw, uint64_t seed, int64_t copy, int64_t count, nn_type type,
                                 void *to) {
  fillAs<Normal>(*draw, seed, copy, count, type, to);
}
extern "C" void nnrt_draw_trunc_normal(const nnrt_draw *draw, uint64_t seed, int64_t copy, int64_t count, nn_type type,
                                       void *to) {
  fillAs<TruncNormal>(*draw, seed, copy, count, type, to);
}
