// Contractions and packing against plain loops with the same chains of additions, bit for bit: at every size around
// tiles and vectors, for each kind of operand, for each width of panel, on one to three threads. Operands end where a
// page ends that nobody may touch, and what lies before a result must survive.
//
//   contraction [--cpu=NAME]
#include "compiler/target/cpu/Tiles.h"
#include "test/kernel/Jit.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/MLIRContext.h"
#include "llvm/Support/Error.h"

#include <cmath>
#include <cstdio>
#include <cstring>
#include <map>
#include <sys/mman.h>
#include <unistd.h>

namespace {
using nnc::test::Jit;
long wrong, compared;
bool fused = true; ///< whether the processor adds and multiplies with one rounding

// How each element type is made from a small integer, multiplied and added up, and rounded to the result.
float toFloat(uint16_t bits) {
  uint32_t wide = uint32_t(bits) << 16;
  float f;
  std::memcpy(&f, &wide, 4);
  return f;
}
uint16_t toBFloat(float f) { // of a finite value
  uint32_t bits;
  std::memcpy(&bits, &f, 4);
  return uint16_t((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}
template <typename F, typename Sum = F> struct Float {
  using T = F;
  static constexpr int bytes = sizeof(Sum);
  static T make(int v) { return T(v * 0.37); }
  static Sum add(Sum s, T a, T b) { return fused ? std::fma(Sum(a), Sum(b), s) : s + Sum(a) * Sum(b); }
  static T round(Sum s) { return T(s); }
};
struct Brain {
  using T = uint16_t;
  static constexpr int bytes = 4;
  static T make(int v) { return toBFloat(v * 0.37f); }
  static float add(float s, T a, T b) { return Float<float>::add(s, toFloat(a), toFloat(b)); }
  static T round(float s) { return toBFloat(s); }
};
template <typename I> struct Integer {
  using T = I;
  static constexpr int bytes = 8;
  static T make(int v) { return T(v * 9); }
  static int64_t add(int64_t s, T a, T b) { return s + int64_t(a) * b; }
  static T round(int64_t s) { return T(s); }
};

/// Memory that ends at a page without access.
template <typename T> struct Guarded {
  explicit Guarded(size_t most) {
    size_t page = sysconf(_SC_PAGESIZE), bytes = (most * sizeof(T) + page - 1) / page * page;
    void *base = mmap(nullptr, bytes + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mprotect(static_cast<char *>(base) + bytes, page, PROT_NONE);
    end = reinterpret_cast<T *>(static_cast<char *>(base) + bytes);
  }
  T *last(size_t count) const { return end - count; }
  T *end;
};

struct Size {
  int64_t b, m, n, k;
};
struct Strides {
  int64_t b, m, k, n;
};

std::string replaced(std::string text, const std::map<std::string, std::string> &names) {
  for (auto &[name, value] : names)
    for (size_t at = 0; (at = text.find(name, at)) != std::string::npos; at += value.size())
      text.replace(at, name.size(), value);
  return text;
}

/// A function that packs and one that contracts. The strides stand as in the IR; `shape` is [B, M, or [M, .
std::string functions(const std::string &name, const std::string &element, int64_t panel, bool batch, int m,
                      const std::string &x, const std::string &w, const std::string &y, bool manyX,
                      const std::string &extras = "", const std::string &extraTypes = "",
                      const std::string &body = "") {
  std::string panels = "floordiv(N + " + std::to_string(panel - 1) + ", PANEL), K, PANEL";
  std::string text = R"(
func.func @NAME_pack(HEAD, %w: !nn.ref<[WB K, N] of T, [WSTRIDES]>, %p: PACKED, %frame: !llvm.ptr) DIMS {
  nn.pack %w into (%p : PACKED) {panel = PANEL : i64} : !nn.ref<[WB K, N] of T, [WSTRIDES]>
  return
}
func.func @NAME(HEAD, %x: X, %p: PACKED, %y: YARGUMENTS, %frame: !llvm.ptr) DIMS {
  nn.contract %x, %p EXTRAS into (%y : Y) {BODY} {batch = BATCH : i64, m = MAXES : i64, n = 1 : i64, k = 1 : i64, panel = PANEL : i64} : X, PACKED
  return
}
)";
  std::string yType = "!nn.ref<[XB M, N] of T, [" + y + "]>", list, declared;
  if (!extras.empty()) {
    list = "extras(" + extras + " : " + extraTypes + ")";
    declared = ", %c: !nn.ref<[XB M, N] of T, [0, 0, 1]>, %r: !nn.ref<[XB M, N] of T>";
  }
  text = replaced(text, {{"YARGUMENTS", "Y" + declared}, {"EXTRAS", list}, {"BODY", body}});
  text = replaced(text, {{"PACKED", "!nn.ref<[WB " + panels + "] of T>"},
                         {"HEAD", "%team: !llvm.ptr, %tid: i32, %B: i64, %M: i64, %N: i64, %K: i64"},
                         {"DIMS", "attributes {nn.dims = [\"B\", \"M\", \"N\", \"K\"]}"}});
  text = replaced(text, {{": X", ": !nn.ref<[XB M, K] of T, [" + x + "]>"}, {": Y", ": " + yType}});
  return replaced(text, {{"WSTRIDES", w},
                         {"WB", batch ? "B," : ""},
                         {"XB", manyX ? "B," : ""},
                         {"BATCH", batch ? "1" : "0"},
                         {"MAXES", std::to_string(m)},
                         {"PANEL", std::to_string(panel)},
                         {"NAME", name},
                         {" T,", " " + element + ","},
                         {" T>", " " + element + ">"}});
}

int value(int64_t i, int64_t salt) { return int((i * 7919 + salt * 104729) % 31) - 15; }

/// Of panels of one column: whether they are checked, bytes of a vector, and by bytes of an element how long sums may
/// be before they are cut.
struct {
  bool check;
  int64_t bytes;
  std::map<int64_t, int64_t> depth;
} dots;

int64_t ceilQuotient(int64_t a, int64_t b) { return (a + b - 1) / b; }

/// Runs one pair of functions at one size. Strides say where element (b, m or k, k or n) of x, w and y lies, `spread`
/// how much memory w takes for each element. `finish` makes the expected element from its sum and position.
template <typename Type, typename Finish>
void check(const Jit &jit, const std::string &name, Size s, Strides xs, Strides ws, Strides ys, int64_t spread,
           int64_t panel, const std::vector<void *> &extras, Finish finish) {
  using T = typename Type::T;
  static Guarded<T> xAll(1 << 22), wAll(1 << 20), yAll(1 << 17), pAll(1 << 21);
  int64_t wBatch = ws.b ? s.b : 1, panels = (s.n + panel - 1) / panel, outputs = s.b * s.m * s.n,
          packed = wBatch * panels * s.k * panel;
  T *x = xAll.last(s.b * s.m * s.k), *w = wAll.last(spread * wBatch * s.k * s.n), *y = yAll.last(outputs);
  auto *p = reinterpret_cast<T *>(reinterpret_cast<uintptr_t>(pAll.last(packed)) & ~uintptr_t(63));
  for (int64_t i = 0; i < s.b * s.m * s.k; ++i)
    x[i] = Type::make(value(i, 1));
  for (int64_t i = 0; i < spread * wBatch * s.k * s.n; ++i)
    w[i] = Type::make(value(i, 2));
  std::vector<T> expected(outputs);
  std::vector<decltype(Type::add({}, T(), T()))> sums(s.n), part(std::max<int64_t>(s.n, 64));
  constexpr int64_t chain = nnc::cpu::Tiling::chain;
  for (int64_t c = 0; c < s.b; ++c)
    for (int64_t i = 0; i < s.m; ++i) {
      std::fill(sums.begin(), sums.end(), 0);
      auto addTo = [&](auto &sum, int64_t j, int64_t o) {
        sum = Type::add(sum, x[c * xs.b + i * xs.m + j * xs.k], w[c * ws.b + j * ws.k + o * ws.n]);
      };
      for (int64_t from = 0; panel > 1 && from < s.k; from += chain) {
        std::fill(part.begin(), part.end(), 0);
        for (int64_t j = from; j < std::min(s.k, from + chain); ++j)
          for (int64_t o = 0; o < s.n; ++o)
            addTo(part[o], j, o);
        for (int64_t o = 0; o < s.n; ++o)
          sums[o] += part[o];
      }
      // One column: four vectors along k.
      int64_t parts = std::max<int64_t>(1, ceilQuotient(s.k, dots.depth[sizeof(T)]));
      int64_t length = ceilQuotient(ceilQuotient(s.k, chain), parts) * chain;
      for (int64_t from = 0; panel == 1 && from < s.k; from += length)
        for (int64_t o = 0; o < s.n; ++o) {
          int64_t lanes = dots.bytes / Type::bytes;
          std::fill(part.begin(), part.end(), 0);
          for (int64_t j = from; j < std::min(s.k, from + length); ++j)
            addTo(part[(j - from) % (4 * lanes)], j, o);
          for (int64_t v = 0; v < lanes; ++v)
            part[v] = (part[v] + part[lanes + v]) + (part[2 * lanes + v] + part[3 * lanes + v]);
          for (int64_t half = lanes / 2; half; half /= 2)
            for (int64_t v = 0; v < half; ++v)
              part[v] += part[half + v];
          sums[o] += part[0];
        }
      for (int64_t o = 0; o < s.n; ++o)
        expected[c * ys.b + i * ys.m + o * ys.n] = Type::round(finish(sums[o], c, i, o));
    }
  auto complain = [&](int32_t threads, int64_t at) {
    if (wrong++ >= 10)
      return;
    std::printf("FAIL %s, panels of %ld: M %ld N %ld K %ld, %d threads: element %ld", name.c_str(), long(panel),
                long(s.m), long(s.n), long(s.k), threads, long(at));
    if (at >= 0)
      std::printf(" is %a, not %a", double(y[at]), double(expected[at]));
    std::puts("");
  };
  constexpr int64_t before = 256; // elements
  for (int32_t threads : {1, 2, 3, 16}) {
    if (threads > 3 && s.m * s.n < 1000)
      continue;
    std::memset(static_cast<void *>(p), 0x55, packed * sizeof(T));
    std::memset(static_cast<void *>(y - before), 0x55, (before + outputs) * sizeof(T));
    jit.call(name + "_pack", threads, {s.b, s.m, s.n, s.k}, {w, p});
    std::vector<void *> places{x, p, y};
    places.insert(places.end(), extras.begin(), extras.end());
    jit.call(name, threads, {s.b, s.m, s.n, s.k}, places);
    for (int64_t i = 0; i < outputs; ++i)
      if (std::memcmp(&y[i], &expected[i], sizeof(T)))
        complain(threads, i);
    for (auto *c = reinterpret_cast<unsigned char *>(y - before); c < reinterpret_cast<unsigned char *>(y); ++c)
      if (*c != 0x55)
        complain(threads, -1);
    compared += outputs;
  }
}

std::string moduleFor(int64_t panel, int64_t half) {
  std::string text;
  text += functions("plain", "f32", panel, false, 1, "K, 1", "N, 1", "N, 1", false);
  // Rows of lhs lie side by side, columns of rhs and of the result too.
  text += functions("transposed", "f32", panel, false, 1, "1, M", "1, K", "1, M", false);
  // Heads: the batch is the middle axis in memory; elements of rhs lie two apart.
  text += functions("heads", "f32", panel, true, 1, "K, B * K, 1", "2 * N, 2 * B * N, 2", "N, B * N, 1", true);
  text += functions("f64", "f64", half, false, 1, "K, 1", "1, K", "N, 1", false);
  text += functions("bf16", "bf16", panel, false, 1, "K, 1", "N, 1", "N, 1", false);
  text += functions("f16", "f16", panel, false, 1, "K, 1", "1, K", "N, 1", false);
  text += functions("i8", "i8", half, false, 1, "K, 1", "1, K", "N, 1", false);
  text += functions("i32", "i32", half, false, 1, "K, 1", "N, 1", "N, 1", false);
  text += functions("i64", "i64", half, false, 1, "1, M", "N, 1", "N, 1", false);
  text += functions("dots", "f32", 1, false, 1, "K, 1", "N, 1", "N, 1", false);
  text += functions("dots_f64", "f64", 1, true, 1, "K, B * K, 1", "2 * N, 2 * B * N, 2", "N, B * N, 1", true);
  text += functions("dots_bf16", "bf16", 1, false, 1, "K, 1", "1, K", "1, M", false);
  text += functions("dots_i8", "i8", 1, false, 1, "K, 1", "N, 1", "N, 1", false);
  text += functions("dots_strided", "f32", 1, false, 1, "1, M", "N, 1", "N, 1", false);
  // Two m axes that can not be walked as one; a bias, a residual, and positions.
  text += functions("epilogue", "f32", panel, false, 2, "K, B * K, 1", "N, 1", "M * N, N, 1", true, "%c, %r",
                    "!nn.ref<[B, M, N] of f32, [0, 0, 1]>, !nn.ref<[B, M, N] of f32>", R"(
  ^bb0(%sum: f32, %bias: f32, %residual: f32):
    %zero = nn.constant 0.0 : f32 -> f32
    %biased = nn.add %sum, %bias : (f32, f32) -> f32
    %clipped = nn.maximum %biased, %zero : (f32, f32) -> f32
    %added = nn.add %clipped, %residual : (f32, f32) -> f32
    %b = nn.index 0 -> i64
    %m = nn.index 1 -> i64
    %n = nn.index 2 -> i64
    %bm = nn.mul %b, %m : (i64, i64) -> i64
    %bmn = nn.sub %bm, %n : (i64, i64) -> i64
    %position = nn.cast %bmn : (i64) -> f32
    %result = nn.add %added, %position : (f32, f32) -> f32
    nn.yield %result : f32
  )");
  return text;
}

void checkAll(const Jit &jit, Size s, int64_t panel, int64_t half) {
  auto [b, m, n, k] = s;
  Strides rows{0, k, 1, 0}, columns{0, 1, m, 0}, w{0, 0, n, 1}, wColumns{0, 0, 1, k}, y{0, n, 0, 1},
      yColumns{0, 1, 0, m};
  Size one{1, m, n, k};
  auto same = [](auto sum, int64_t, int64_t, int64_t) { return sum; };
  check<Float<float>>(jit, "plain", one, rows, w, y, 1, panel, {}, same);
  check<Float<float>>(jit, "transposed", one, columns, wColumns, yColumns, 1, panel, {}, same);
  check<Float<float>>(jit, "heads", s, {k, b * k, 1, 0}, {2 * n, 0, 2 * b * n, 2}, {n, b * n, 0, 1}, 2, panel, {},
                      same);
  check<Float<double>>(jit, "f64", one, rows, wColumns, y, 1, half, {}, same);
  check<Brain>(jit, "bf16", one, rows, w, y, 1, panel, {}, same);
  check<Float<_Float16, float>>(jit, "f16", one, rows, wColumns, y, 1, panel, {}, same);
  check<Integer<int8_t>>(jit, "i8", one, rows, wColumns, y, 1, half, {}, same);
  check<Integer<int32_t>>(jit, "i32", one, rows, w, y, 1, half, {}, same);
  check<Integer<int64_t>>(jit, "i64", one, columns, w, y, 1, half, {}, same);
  if (dots.check && (n <= 2 || k > 100)) {
    check<Float<float>>(jit, "dots", one, rows, w, y, 1, 1, {}, same);
    check<Float<double>>(jit, "dots_f64", s, {k, b * k, 1, 0}, {2 * n, 0, 2 * b * n, 2}, {n, b * n, 0, 1}, 2, 1, {},
                         same);
    check<Brain>(jit, "dots_bf16", one, rows, wColumns, yColumns, 1, 1, {}, same);
    check<Integer<int8_t>>(jit, "dots_i8", one, rows, w, y, 1, 1, {}, same);
    check<Float<float>>(jit, "dots_strided", one, columns, w, y, 1, 1, {}, same);
  }
  static Guarded<float> biases(1 << 12), residuals(1 << 17);
  float *bias = biases.last(n), *residual = residuals.last(b * m * n);
  for (int64_t i = 0; i < n; ++i)
    bias[i] = value(i, 3) * 0.37f;
  for (int64_t i = 0; i < b * m * n; ++i)
    residual[i] = value(i, 4) * 0.37f;
  check<Float<float>>(jit, "epilogue", s, {k, b * k, 1, 0}, w, {m * n, n, 0, 1}, 1, panel, {bias, residual},
                      [&](float sum, int64_t c, int64_t i, int64_t o) {
                        return std::fmax(sum + bias[o], 0.0f) + residual[(c * m + i) * n + o] + float(c * i - o);
                      });
}
} // namespace

int main(int argc, char **argv) {
  std::string name = argc > 1 && !std::strncmp(argv[1], "--cpu=", 6) ? argv[1] + 6 : "";
  llvm::Expected<nnc::cpu::Cpu> cpu = nnc::cpu::parseCpu(name);
  if (!cpu) {
    std::fprintf(stderr, "%s\n", llvm::toString(cpu.takeError()).c_str());
    return 2;
  }
  fused = cpu->hasFMA;
  mlir::MLIRContext context;
  mlir::Type f32 = mlir::Builder(&context).getF32Type();
  int64_t widest = nnc::cpu::panelWidth(f32, std::nullopt, true, *cpu), lanes = cpu->lanes(4);
  mlir::Builder b(&context);
  dots.bytes = cpu->lanes(1);
  for (mlir::Type type : {mlir::Type(b.getF32Type()), mlir::Type(b.getF64Type()), mlir::Type(b.getBF16Type())})
    dots.depth[type.getIntOrFloatBitWidth() / 8] = nnc::cpu::tilingFor(type, 1, *cpu).depth;
  dots.depth[1] = 1 << 20; // bytes: no order of additions gives another sum
  for (int64_t panel = lanes; panel <= widest; panel += lanes) {
    Jit jit(moduleFor(panel, panel / 2), name);
    dots.check = panel == widest; // once will do
    std::vector<int64_t> sizes{0, 1, 2, 5, 6, 7, 8, 13, 15, 16, 17, 31, 32, 33, 63, 64, 65, 100};
    if (panel != widest)
      sizes = {1, 2, 7, 9, 17, 65};
    for (int64_t m : sizes)
      for (int64_t n : sizes)
        for (int64_t k : sizes)
          checkAll(jit, {2, m, n, k}, panel, panel / 2);
    // Sums of several chains; so long that they are made in parts, with rows that are and are not enough for one block.
    nnc::cpu::Tiling tiling = nnc::cpu::tilingFor(f32, panel, *cpu);
    int64_t depth = tiling.depth, chain = tiling.chain;
    for (int64_t k : {chain, chain + 1, 2 * chain + 1, depth, depth + 1, 2 * depth + 3})
      for (int64_t m : {1, 7, 8, 10, 11})
        checkAll(jit, {2, m, 9, k}, panel, panel / 2);
    if (panel == widest)
      checkAll(jit, {1, tiling.height + 1, 5, depth + 1}, panel, panel / 2);
  }
  std::printf("%ld compared, %ld wrong\n", compared, wrong);
  std::puts(wrong || !compared ? "failed" : "passed");
  return wrong || !compared;
}
