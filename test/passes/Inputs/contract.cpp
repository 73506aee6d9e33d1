// Compares the kernels of contract-numbers.mlir with plain loops, bit for bit. Operands end where a page ends that
// nobody may touch, and results start filled with a value that must survive outside of what is written.
#include "../../../runtime/Abi.h"

#include <cmath>
#include <cstdio>
#include <cstring>
#include <sys/mman.h>
#include <unistd.h>
#include <vector>

#define SIZES nnrt_team *, int32_t, int64_t, int64_t, int64_t, int64_t
extern "C" {
using Pack = void(SIZES, const void *, void *, void *);
using Contract = void(SIZES, const void *, const void *, void *, void *);
using Fused = void(SIZES, const void *, const void *, void *, const void *, const void *, void *, void *);
Pack pack, pack_columns, pack_apart, pack_f64, pack_bf16, pack_i8;
Contract plain, transposed, batched, _double asm("double"), brain, byte;
Fused fused;
}

namespace {
/// Memory that ends at a page without access.
template <typename T> struct Guarded {
  explicit Guarded(size_t most) {
    size_t page = sysconf(_SC_PAGESIZE), bytes = (most * sizeof(T) + page - 1) / page * page;
    auto *base =
        static_cast<char *>(mmap(nullptr, bytes + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    mprotect(base + bytes, page, PROT_NONE);
    end = reinterpret_cast<T *>(base + bytes);
  }
  T *last(size_t count) const { return end - count; } ///< the last `count` elements
  T *end;
};

struct BFloat {
  uint16_t bits;
};
float toFloat(BFloat b) {
  uint32_t bits = uint32_t(b.bits) << 16;
  float f;
  memcpy(&f, &bits, 4);
  return f;
}
BFloat toBFloat(float f) { // finite values
  uint32_t bits;
  memcpy(&bits, &f, 4);
  return {uint16_t((bits + 0x7fff + (bits >> 16 & 1)) >> 16)};
}

// How each type is made from a small integer, added up and written.
struct F32 {
  using T = float;
  static T make(int v) { return v * 0.37f; }
  static float add(float s, T a, T b) { return std::fma(a, b, s); }
  static T round(float s) { return s; }
};
struct F64 {
  using T = double;
  static T make(int v) { return v * 0.37; }
  static double add(double s, T a, T b) { return std::fma(a, b, s); }
  static T round(double s) { return s; }
};
struct BF16 {
  using T = BFloat;
  static T make(int v) { return toBFloat(v * 0.37f); }
  static float add(float s, T a, T b) { return std::fma(toFloat(a), toFloat(b), s); }
  static T round(float s) { return toBFloat(s); }
};
struct I8 {
  using T = int8_t;
  static T make(int v) { return int8_t(v * 9); }
  static int64_t add(int64_t s, T a, T b) { return s + int64_t(a) * b; }
  static T round(int64_t s) { return int8_t(s); }
};

constexpr int64_t sizes[] = {0, 1, 2, 5, 6, 7, 8, 13, 15, 16, 17, 31, 32, 33, 63, 64, 65, 100};
constexpr int64_t most = 100, batch = 2;
long wrong, compared;

int value(int64_t i, int64_t salt) { return int((i * 7919 + salt * 104729) % 31) - 15; }

/// Runs a kernel as a team of each size would, thread after thread.
template <typename F> void asTeam(int32_t size, F f) {
  nnrt_team team{};
  team.size = size;
  for (int32_t tid = 0; tid < size; ++tid)
    f(&team, tid);
}

struct Strides {
  int64_t b, m, k, n;
};

void note(const char *name, int32_t threads, int64_t m, int64_t n, int64_t k, int64_t at) {
  if (wrong++ < 10)
    printf("%s: M %ld N %ld K %ld, %d threads: element %ld\n", name, long(m), long(n), long(k), threads, long(at));
}

/// One kernel at one size. Strides say where element (b, m or k, k or n) of x, w and y lies.
template <typename Type, typename Run>
void check(const char *name, int64_t b, int64_t m, int64_t n, int64_t k, Strides xs, Strides ws, Strides ys,
           int64_t spread, int64_t panel, Pack *pack, Run run) {
  using T = typename Type::T;
  static Guarded<T> xAll(batch * most * most), wAll(2 * batch * most * most), yAll(batch * most * most),
      pAll(batch * 2 * most * most + 64 * most * batch);
  int64_t wBatch = ws.b ? b : 1, panels = (n + panel - 1) / panel;
  T *x = xAll.last(b * m * k), *w = wAll.last(spread * wBatch * k * n), *y = yAll.last(b * m * n);
  auto *p = reinterpret_cast<T *>(reinterpret_cast<uintptr_t>(pAll.last(wBatch * panels * k * panel)) & ~uintptr_t(63));
  for (int64_t i = 0; i < b * m * k; ++i)
    x[i] = Type::make(value(i, 1));
  for (int64_t i = 0; i < spread * wBatch * k * n; ++i)
    w[i] = Type::make(value(i, 2));
  std::vector<T> expected(b * m * n);
  std::vector<decltype(Type::add({}, T(), T()))> sums(n);
  for (int64_t c = 0; c < b; ++c)
    for (int64_t i = 0; i < m; ++i) {
      std::fill(sums.begin(), sums.end(), 0);
      for (int64_t j = 0; j < k; ++j)
        for (int64_t o = 0; o < n; ++o)
          sums[o] = Type::add(sums[o], x[c * xs.b + i * xs.m + j * xs.k], w[c * ws.b + j * ws.k + o * ws.n]);
      for (int64_t o = 0; o < n; ++o)
        expected[c * ys.b + i * ys.m + o * ys.n] = Type::round(sums[o]);
    }
  for (int32_t threads = 1; threads <= 3; ++threads) {
    memset(p, 0x55, wBatch * panels * k * panel * sizeof(T));
    memset(static_cast<void *>(yAll.end - batch * most * most), 0x55, batch * most * most * sizeof(T));
    asTeam(threads, [&](nnrt_team *team, int32_t tid) { pack(team, tid, b, m, n, k, w, p, nullptr); });
    asTeam(threads, [&](nnrt_team *team, int32_t tid) { run(team, tid, x, p, y, expected.data(), threads); });
    for (int64_t i = 0; i < b * m * n; ++i)
      if (memcmp(&y[i], &expected[i], sizeof(T)))
        note(name, threads, m, n, k, i);
    for (auto *c = reinterpret_cast<unsigned char *>(yAll.end - batch * most * most);
         c < reinterpret_cast<unsigned char *>(y); ++c)
      if (*c != 0x55)
        note(name, threads, m, n, k, -1);
    compared += b * m * n;
  }
}
} // namespace

int main() {
  Guarded<float> bias(most), residual(batch * most * most);
  std::vector<unsigned char> positive(batch * most * most);
  for (int64_t m : sizes)
    for (int64_t n : sizes)
      for (int64_t k : sizes) {
        Strides rows{0, k, 1, 0}, columns{0, 1, m, 0}, w{0, 0, n, 1}, wColumns{0, 0, 1, k}, y{0, n, 0, 1},
            yColumns{0, 1, 0, m};
        int64_t b = batch;
        auto with = [&](Contract *f, int64_t b) {
          return [=](nnrt_team *team, int32_t tid, void *x, void *p, void *y, void *, int32_t) {
            f(team, tid, b, m, n, k, x, p, y, nullptr);
          };
        };
        check<F32>("plain", 1, m, n, k, rows, w, y, 1, PANEL, pack, with(plain, 1));
        check<F32>("transposed", 1, m, n, k, columns, wColumns, yColumns, 1, PANEL, pack_columns, with(transposed, 1));
        check<F32>("batched", b, m, n, k, {k, b * k, 1, 0}, {2 * n, 0, 2 * b * n, 2}, {n, b * n, 0, 1}, 2, PANEL,
                   pack_apart, with(batched, b));
        check<F64>("double", 1, m, n, k, rows, wColumns, y, 1, HALF, pack_f64, with(_double, 1));
        check<BF16>("brain", 1, m, n, k, rows, w, y, 1, PANEL, pack_bf16, with(brain, 1));
        check<I8>("byte", 1, m, n, k, rows, wColumns, y, 1, HALF, pack_i8, with(byte, 1));
        float *c = bias.last(n), *r = residual.last(b * m * n);
        for (int64_t i = 0; i < n; ++i)
          c[i] = F32::make(value(i, 3));
        for (int64_t i = 0; i < b * m * n; ++i)
          r[i] = F32::make(value(i, 4));
        check<F32>("fused", b, m, n, k, {k, b * k, 1, 0}, w, {m * n, n, 0, 1}, 1, PANEL, pack,
                   [&](nnrt_team *team, int32_t tid, void *x, void *p, float *y, float *expected, int32_t threads) {
                     fused(team, tid, b, m, n, k, x, p, y, c, r, positive.data(), nullptr);
                     if (tid + 1 < threads)
                       return;
                     // The plain loop's sums become what the epilogue makes of them, once.
                     for (int64_t i = 0; threads == 1 && i < b * m * n; ++i) {
                       float biased = expected[i] + c[i % n];
                       expected[i] = std::fmax(biased, 0.0f) + r[i];
                       if (positive[i] != (biased > 0))
                         note("positive", 1, m, n, k, i);
                     }
                   });
      }
  printf("%ld compared, %ld wrong\n", compared, wrong);
  return wrong != 0 || compared == 0;
}
