#include "test/bench/Intrinsics.h"

#include "test/bench/Machine.h"

#include <algorithm>
#include <cstring>
#include <immintrin.h>
#include <iterator>

namespace bench {
namespace {
// Rows that pass a panel before the next one is read, and the part of the sums that is made at once.
constexpr int64_t kRows = 240, kDepth = 512;

/// What a tile works on: `rows` rows of x, one panel of w, `depth` long; sums are added to y if `more`.
struct Piece {
  const float *x, *w;
  float *y;
  int64_t depth, xStride, yStride, columns;
  bool more;
};

// The vectors of 512 and of 256 bits.
struct Wide {
  using V = __m512;
  static constexpr int lanes = 16, vectors = 4;
};
struct Narrow {
  using V = __m256;
  static constexpr int lanes = 8, vectors = 2;
};

#define TILE(NAME, KIND, TARGET, PREFIX)                                                                               \
  template <int rows> __attribute__((target(TARGET))) void NAME(const Piece &p) {                                      \
    constexpr int vectors = KIND::vectors, lanes = KIND::lanes;                                                        \
    KIND::V sums[rows][vectors];                                                                                       \
    for (int i = 0; i < rows; ++i)                                                                                     \
      for (int j = 0; j < vectors; ++j)                                                                                \
        sums[i][j] = PREFIX##_setzero_ps();                                                                            \
    for (int64_t k = 0; k < p.depth; ++k) {                                                                            \
      KIND::V b[vectors];                                                                                              \
      for (int j = 0; j < vectors; ++j)                                                                                \
        b[j] = PREFIX##_load_ps(p.w + (k * vectors + j) * lanes);                                                      \
      for (int i = 0; i < rows; ++i) {                                                                                 \
        KIND::V a = PREFIX##_set1_ps(p.x[i * p.xStride + k]);                                                          \
        for (int j = 0; j < vectors; ++j)                                                                              \
          sums[i][j] = PREFIX##_fmadd_ps(a, b[j], sums[i][j]);                                                         \
      }                                                                                                                \
    }                                                                                                                  \
    for (int i = 0; i < rows; ++i) {                                                                                   \
      alignas(64) float row[vectors * lanes];                                                                          \
      float *y = p.y + i * p.yStride;                                                                                  \
      bool whole = p.columns == vectors * lanes;                                                                       \
      if (!whole && p.more)                                                                                            \
        std::memcpy(row, y, size_t(p.columns) * sizeof(float));                                                        \
      float *to = whole ? y : row;                                                                                     \
      for (int j = 0; j < vectors; ++j) {                                                                              \
        KIND::V sum = sums[i][j];                                                                                      \
        if (p.more)                                                                                                    \
          sum = PREFIX##_add_ps(sum, PREFIX##_loadu_ps(to + j * lanes));                                               \
        PREFIX##_storeu_ps(to + j * lanes, sum);                                                                       \
      }                                                                                                                \
      if (!whole)                                                                                                      \
        std::memcpy(y, row, size_t(p.columns) * sizeof(float));                                                        \
    }                                                                                                                  \
  }
TILE(tile512, Wide, "avx512f", _mm512)
TILE(tile256, Narrow, "avx2,fma", _mm256)

using Tile = void (*)(const Piece &);
constexpr Tile wide[] = {tile512<1>, tile512<2>, tile512<3>, tile512<4>, tile512<5>, tile512<6>};
constexpr Tile narrow[] = {tile256<1>, tile256<2>, tile256<3>, tile256<4>, tile256<5>, tile256<6>};

int64_t panelWidth() {
  return vectors == Vectors::Avx512 ? Wide::lanes * Wide::vectors : Narrow::lanes * Narrow::vectors;
}
} // namespace

HandWritten::HandWritten(int64_t n, int64_t k, const Tensor &w)
    : n(n), k(k), width(panelWidth()), packed(size_t((n + width - 1) / width * width * k)) {
  std::fill_n(packed.data(), packed.size(), 0.0f);
  for (int64_t i = 0; i < k; ++i)
    for (int64_t j = 0; j < n; ++j)
      packed.data()[(j / width * k + i) * width + j % width] = w[size_t(i * n + j)];
}

void HandWritten::run(int64_t m, const float *x, float *y) const {
  const Tile *tiles = vectors == Vectors::Avx512 ? wide : narrow;
  constexpr int64_t rows = std::size(wide);
  for (int64_t block = 0; block < m; block += kRows)
    for (int64_t part = 0; part < k; part += kDepth)
      for (int64_t column = 0; column < n; column += width)
        for (int64_t i = block; i < std::min(m, block + kRows); i += rows)
          tiles[std::min(rows, m - i) - 1]({x + i * k + part, packed.data() + (column * k + part * width),
                                            y + i * n + column, std::min(kDepth, k - part), k, n,
                                            std::min(width, n - column), part > 0});
}
} // namespace bench
