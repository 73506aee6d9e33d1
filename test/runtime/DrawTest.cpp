// First values: the generator against its published test vectors, types, counts that end anywhere.
#include "Check.h"
#include "runtime/Abi.h"

#include <cmath>
#include <cstring>
#include <vector>

namespace {
template <typename T> std::vector<T> drawn(const nnrt_draw &draw, uint64_t seed, int64_t count, nn_type type) {
  std::vector<T> values(static_cast<size_t>(count) + 1);
  std::memset(&values.back(), 0x5a, sizeof(T));
  T guard = values.back();
  draw.run(&draw, seed, 0, count, type, values.data());
  CHECK(!std::memcmp(&guard, &values.back(), sizeof(T)));
  values.pop_back();
  return values;
}
} // namespace

// Random123's known answers for Philox 4x32-10: counter and key all zeros, and all ones.
CASE(draw, knownAnswers) {
  nnrt_draw draw{nnrt_draw_uniform, 0, 1, 0, 0, 0};
  std::vector<float> x = drawn<float>(draw, 0, 4, NN_F32);
  const uint32_t zeros[] = {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8};
  for (int i = 0; i < 4; ++i)
    CHECK_EQUAL(x[i], static_cast<float>(zeros[i] >> 8) * 0x1p-24f);
  std::vector<double> y = drawn<double>(draw, 0, 2, NN_F64);
  CHECK_EQUAL(y[0], static_cast<double>(((uint64_t(zeros[0]) << 32) | zeros[1]) >> 11) * 0x1p-53);
  CHECK_EQUAL(y[1], static_cast<double>(((uint64_t(zeros[2]) << 32) | zeros[3]) >> 11) * 0x1p-53);
}

CASE(draw, everyCount) {
  for (auto *run : {nnrt_draw_uniform, nnrt_draw_normal, nnrt_draw_trunc_normal}) {
    nnrt_draw draw{run, 77, 2, -1, -2, 2};
    std::vector<float> all = drawn<float>(draw, 3, 1000, NN_F32);
    for (int64_t n : {0, 1, 2, 3, 5, 255, 256, 257, 511})
      CHECK(drawn<float>(draw, 3, n, NN_F32) == std::vector<float>(all.begin(), all.begin() + n));
    std::vector<double> wide = drawn<double>(draw, 3, 999, NN_F64);
    for (double v : wide)
      CHECK(std::isfinite(v));
    CHECK(drawn<float>(draw, 4, 1000, NN_F32) != all);
  }
}

CASE(draw, copiesDiffer) {
  nnrt_draw draw{nnrt_draw_normal, 5, 1, 0, 0, 0};
  float first[100], second[100];
  draw.run(&draw, 9, 0, 100, NN_F32, first);
  draw.run(&draw, 9, 1, 100, NN_F32, second);
  CHECK(std::memcmp(first, second, sizeof first) != 0);
}

CASE(draw, bounds) {
  nnrt_draw narrow{nnrt_draw_trunc_normal, 1, 1, 0, 0.25, 0.5}, never{nnrt_draw_trunc_normal, 1, 1, 0, 40, 41};
  for (float v : drawn<float>(narrow, 2, 5000, NN_F32))
    CHECK(v >= 0.25f && v <= 0.5f);
  for (double v : drawn<double>(never, 2, 3, NN_F64))
    CHECK_EQUAL(v, 40.0);
}

CASE(draw, constants) {
  nnrt_draw draw{nnrt_draw_constant, 0, 0, -3, 0, 0};
  CHECK(drawn<float>(draw, 1, 3, NN_F32) == std::vector<float>(3, -3));
  CHECK(drawn<double>(draw, 1, 3, NN_F64) == std::vector<double>(3, -3));
  CHECK(drawn<uint16_t>(draw, 1, 3, NN_BF16) == std::vector<uint16_t>(3, 0xc040));
  CHECK(drawn<uint16_t>(draw, 1, 3, NN_F16) == std::vector<uint16_t>(3, 0xc200));
  CHECK(drawn<int64_t>(draw, 1, 3, NN_I64) == std::vector<int64_t>(3, -3));
  CHECK(drawn<int32_t>(draw, 1, 3, NN_I32) == std::vector<int32_t>(3, -3));
  CHECK(drawn<int8_t>(draw, 1, 3, NN_I8) == std::vector<int8_t>(3, -3));
  draw.shift = 1;
  CHECK(drawn<uint8_t>(draw, 1, 3, NN_BOOL) == std::vector<uint8_t>(3, 1));
}
