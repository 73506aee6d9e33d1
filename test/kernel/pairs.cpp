// nn.pair_sums against plain loops in f64: at sizes around tiles, strips and vectors, for each type, layout and kind of
// predicate, on one to three threads, which must give the same bits. Operands end where a page ends that nobody may
// touch, and what lies before a result must survive.
//
//   pairs [--cpu=NAME]
#include "test/kernel/Jit.h"

#include <cmath>
#include <cstdio>
#include <cstring>
#include <functional>
#include <map>
#include <sys/mman.h>
#include <unistd.h>

namespace {
using nnc::test::Jit;
long wrong, compared;

/// Memory that ends at a page without access.
template <typename T> struct Guarded {
  explicit Guarded(size_t most) {
    size_t page = sysconf(_SC_PAGESIZE), bytes = (most * sizeof(T) + page - 1) / page * page;
    void *base = mmap(nullptr, bytes + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mprotect(static_cast<char *>(base) + bytes, page, PROT_NONE);
    end = reinterpret_cast<T *>(static_cast<char *>(base) + bytes);
  }
  T *end;
};

/// Element types: how a number is stored and read, and how exact a sum of stored numbers can be.
struct Brain {
  uint16_t bits = 0;
  Brain() = default;
  explicit Brain(double v) {
    float f = float(v);
    uint32_t wide;
    std::memcpy(&wide, &f, 4);
    bits = uint16_t((wide + 0x7fff + (wide >> 16 & 1)) >> 16);
  }
  operator double() const {
    uint32_t wide = uint32_t(bits) << 16;
    float f;
    std::memcpy(&f, &wide, 4);
    return f;
  }
};
template <typename T> constexpr double kRounding = 1e-14;
template <> constexpr double kRounding<float> = 3e-6;
template <> constexpr double kRounding<Brain> = 5e-3;
template <> constexpr double kRounding<_Float16> = 7e-4;

std::string replaced(std::string text, const std::map<std::string, std::string> &names) {
  for (auto &[name, value] : names)
    for (size_t at = 0; (at = text.find(name, at)) != std::string::npos; at += value.size())
      text.replace(at, name.size(), value);
  return text;
}

/// The predicates, in the IR and here.
struct Predicate {
  const char *name, *text;
  bool (*counts)(int64_t i, int64_t j, bool keep);
};
const Predicate predicates[] = {
    {"all", "", [](int64_t, int64_t, bool) { return true; }},
    {"until", R"(
  ^bb0(%first: $S, %second: $S, %kept: i1):
    %i = nn.index 1 -> i64
    %j = nn.index 2 -> i64
    %before = nn.le %j, %i : (i64, i64) -> i1
    nn.yield %before : i1
  )",
     [](int64_t i, int64_t j, bool) { return j <= i; }},
    {"from", R"(
  ^bb0(%first: $S, %second: $S, %kept: i1):
    %i = nn.index 1 -> i64
    %j = nn.index 2 -> i64
    %after = nn.ge %j, %i : (i64, i64) -> i1
    %both = nn.and %after, %kept : (i1, i1) -> i1
    nn.yield %both : i1
  )",
     [](int64_t i, int64_t j, bool keep) { return j >= i && keep; }},
};

/// The weights are e^(s / 4 - a) and that times (t - b), as in the derivative of attention; the second one is also
/// summed without a value. With heads the batch is the middle axis of what is read at targets and written, and all of
/// it has the same keys.
std::string function(const std::string &name, const std::string &element, const Predicate &predicate, bool heads,
                     const std::string &d, const std::string &f) {
  const char *text = R"(
!$NAME_q = !nn.ref<[B, N, $D] of $T $ROWS_D>
!$NAME_g = !nn.ref<[B, N, $F] of $T $ROWS_F>
!$NAME_k = !nn.ref<[B, M, $D] of $T $KEYS>
!$NAME_v = !nn.ref<[B, M, $F] of $T $VALUES>
!$NAME_a = !nn.ref<[B, N, M] of $S, [N, 1, 0]>
!$NAME_b = !nn.ref<[B, N, M] of $S, [M, 0, 1]>
!$NAME_c = !nn.ref<[B, N, M] of i1, [0, 0, 1]>
!$NAME_z = !nn.ref<[B, N] of $S>
func.func @$NAME(%team: !llvm.ptr, %tid: i32, %B: i64, %N: i64, %M: i64, %D: i64, %F: i64, %q: !$NAME_q, %g: !$NAME_g,
    %k: !$NAME_k, %v: !$NAME_v, %a: !$NAME_a, %b: !$NAME_b, %c: !$NAME_c, %x: !$NAME_g, %y: !$NAME_q, %z: !$NAME_z,
    %frame: !llvm.ptr) attributes {nn.dims = ["B", "N", "M", "D", "F"]} {
  nn.pair_sums(%q, %g : !$NAME_q, !$NAME_g) to(%k, %v : !$NAME_k, !$NAME_v) values(%v, %k : !$NAME_v, !$NAME_k)
      extras(%a, %b, %c : !$NAME_a, !$NAME_b, !$NAME_c) into(%x, %y, %z : !$NAME_g, !$NAME_q, !$NAME_z)
      where {$PREDICATE} weights {
  ^bb0(%s: $S, %t: $S, %lse: $S, %mean: $S, %counts: i1):
    %quarter = nn.constant 2.500000e-01 : $S -> $S
    %scaled = nn.mul %s, %quarter : ($S, $S) -> $S
    %less = nn.sub %scaled, %lse : ($S, $S) -> $S
    %p = nn.exp %less : ($S) -> $S
    %rest = nn.sub %t, %mean : ($S, $S) -> $S
    %ds = nn.mul %p, %rest : ($S, $S) -> $S
    nn.yield %p, %ds, %ds : $S, $S, $S
  } {batch = 1 : i64}
  return
}
)";
  auto strides = [&](const char *which) { return heads ? std::string(", [") + which + "]" : ""; };
  std::string made = replaced(text, {{"$PREDICATE", predicate.text},
                                     {"$ROWS_D", strides("$D, B * $D, 1")},
                                     {"$ROWS_F", strides("$F, B * $F, 1")},
                                     {"$KEYS", strides("0, $D, 1")},
                                     {"$VALUES", strides("0, 1, M")}});
  return replaced(made,
                  {{"$NAME", name}, {"$S", element == "f64" ? "f64" : "f32"}, {"$T", element}, {"$D", d}, {"$F", f}});
}

struct Size {
  int64_t n, m, d, f;
};

template <typename T, typename Sum>
void check(const Jit &jit, const std::string &name, const Predicate &predicate, bool heads, Size s) {
  constexpr int64_t B = 2, before = 64;
  static Guarded<T> qs(1 << 19), gs(1 << 19), ks(1 << 19), vs(1 << 19), xs(1 << 19), ys(1 << 19);
  static Guarded<Sum> as(1 << 16), bs(1 << 16), zs(1 << 16);
  static Guarded<unsigned char> keeps(1 << 14);
  auto [n, m, d, f] = s;
  int64_t keyBatch = heads ? 1 : B;
  T *q = qs.end - B * n * d, *g = gs.end - B * n * f, *k = ks.end - keyBatch * m * d, *v = vs.end - keyBatch * m * f,
    *x = xs.end - B * n * f, *y = ys.end - B * n * d;
  Sum *a = as.end - B * n, *b = bs.end - B * m, *z = zs.end - B * n;
  unsigned char *keep = keeps.end - m;
  uint64_t state = 7;
  auto next = [&] {
    return double((state = state * 6364136223846793005u + 1442695040888963407u) >> 40) / (1 << 23) - 1;
  };
  for (auto [place, count] : {std::pair(q, B * n * d), {g, B * n * f}, {k, keyBatch * m * d}, {v, keyBatch * m * f}})
    for (int64_t i = 0; i < count; ++i)
      place[i] = T(next());
  for (int64_t i = 0; i < B * n; ++i)
    a[i] = Sum(next());
  for (int64_t i = 0; i < B * m; ++i)
    b[i] = Sum(next());
  for (int64_t i = 0; i < m; ++i)
    keep[i] = i % 5 != 2;
  auto row = [&](int64_t batch, int64_t i, int64_t width) {
    return heads ? (i * B + batch) * width : (batch * n + i) * width;
  };
  auto keyAt = [&](int64_t batch, int64_t j, int64_t c) { return double(k[(heads ? j : batch * m + j) * d + c]); };
  auto valueAt = [&](int64_t batch, int64_t j, int64_t c) {
    return double(heads ? v[c * m + j] : v[(batch * m + j) * f + c]);
  };

  std::vector<T> firstX, firstY;
  std::vector<Sum> firstZ;
  auto complain = [&](const char *what, int32_t threads, double got, double expected) {
    if (wrong++ < 20)
      std::printf("FAIL %s N %ld M %ld D %ld F %ld, %d threads: %s is %.9g, not %.9g\n", name.c_str(), long(n), long(m),
                  long(d), long(f), threads, what, got, expected);
  };
  for (int32_t threads : {1, 2, 3}) {
    std::memset(static_cast<void *>(x - before), 0x55, (before + B * n * f) * sizeof(T));
    std::memset(static_cast<void *>(y - before), 0x55, (before + B * n * d) * sizeof(T));
    std::memset(static_cast<void *>(z - before), 0x55, (before + B * n) * sizeof(Sum));
    jit.call(name, threads, {B, n, m, d, f}, {q, g, k, v, a, b, keep, x, y, z});
    for (auto *place : {reinterpret_cast<unsigned char *>(x), reinterpret_cast<unsigned char *>(y)})
      for (size_t i = 1; i <= before * sizeof(T); ++i)
        if (*(place - i) != 0x55)
          complain("a byte before a result", threads, *(place - i), 0x55);
    std::vector<T> nowX(x, x + B * n * f), nowY(y, y + B * n * d);
    std::vector<Sum> nowZ(z, z + B * n);
    if (threads == 1)
      firstX = nowX, firstY = nowY, firstZ = nowZ;
    else if (std::memcmp(nowX.data(), firstX.data(), nowX.size() * sizeof(T)) ||
             std::memcmp(nowY.data(), firstY.data(), nowY.size() * sizeof(T)) ||
             std::memcmp(nowZ.data(), firstZ.data(), nowZ.size() * sizeof(Sum)))
      complain("some element", threads, 1, 0);
  }
  std::vector<double> sums(2 * (d + f));
  for (int64_t batch = 0; batch < B; ++batch)
    for (int64_t i = 0; i < n; ++i) {
      std::fill(sums.begin(), sums.end(), 0);
      double *sx = sums.data(), *sy = sx + f, *magnitudeX = sy + d, *magnitudeY = magnitudeX + f, sz = 0,
             magnitudeZ = 0;
      for (int64_t j = 0; j < m; ++j) {
        if (!predicate.counts(i, j, keep[j]))
          continue;
        double score = 0, t = 0, large = 1;
        for (int64_t c = 0; c < d; ++c)
          score += double(q[row(batch, i, d) + c]) * keyAt(batch, j, c);
        for (int64_t c = 0; c < f; ++c) {
          double product = double(g[row(batch, i, f) + c]) * valueAt(batch, j, c);
          t += product, large += std::fabs(product);
        }
        double p = std::exp(score / 4 - a[batch * n + i]), ds = p * (t - b[batch * m + j]);
        for (int64_t c = 0; c < f; ++c)
          sx[c] += p * valueAt(batch, j, c), magnitudeX[c] += p;
        for (int64_t c = 0; c < d; ++c)
          sy[c] += ds * keyAt(batch, j, c), magnitudeY[c] += p * large;
        sz += ds, magnitudeZ += p * large;
      }
      auto near = [&](const char *what, double got, double expected, double magnitude, double rounding) {
        ++compared;
        if (!(std::fabs(got - expected) <= rounding * (magnitude + std::fabs(expected))))
          complain(what, 1, got, expected);
      };
      // Numbers are summed in a wide type: what is stored is rounded once.
      double wide = kRounding<Sum> * double(4 + d + f) / 8;
      for (int64_t c = 0; c < f; ++c)
        near("x", firstX[row(batch, i, f) + c], sx[c], magnitudeX[c] * wide / kRounding<T>, kRounding<T>);
      for (int64_t c = 0; c < d; ++c)
        near("y", firstY[row(batch, i, d) + c], sy[c], magnitudeY[c] * wide / kRounding<T>, kRounding<T>);
      near("z", firstZ[batch * n + i], sz, magnitudeZ, wide);
    }
}

template <typename T, typename Sum>
void checkAll(const std::string &element, const std::string &cpu, const std::vector<int64_t> &sizes,
              const std::vector<Size> &more) {
  std::string text;
  std::vector<bool> layouts{true};
  if (std::is_same_v<T, float>)
    layouts.push_back(false);
  auto eachForm = [&](auto see) {
    for (const Predicate &p : predicates)
      for (bool heads : layouts)
        for (const char *width : {"", "_8", "_64"})
          see(p, heads, std::string(p.name) + (heads ? "_heads" : "") + width, std::string(width));
  };
  eachForm([&](const Predicate &p, bool heads, const std::string &name, const std::string &width) {
    std::string d = width.empty() ? "D" : width.substr(1), f = width == "_8" ? "24" : width.empty() ? "F" : "64";
    text += function(name, element, p, heads, d, f);
  });
  Jit jit(text, cpu);
  eachForm([&](const Predicate &p, bool heads, const std::string &name, const std::string &width) {
    if (width.empty()) {
      for (Size s : more)
        check<T, Sum>(jit, name, p, heads, s);
      return;
    }
    if (width == "_8")
      for (int64_t n : sizes)
        for (int64_t m : sizes)
          check<T, Sum>(jit, name, p, heads, {n, m, 8, 24});
    else
      for (auto [n, m] : {std::pair(1, 129), {50, 1}, {49, 128}, {130, 47}, {193, 130}})
        check<T, Sum>(jit, name, p, heads, {n, m, 64, 64});
  });
}
} // namespace

int main(int argc, char **argv) {
  std::string cpu = argc > 1 && !std::strncmp(argv[1], "--cpu=", 6) ? argv[1] + 6 : "";
  const std::vector<int64_t> many{0, 1, 5, 16, 33, 48, 49, 64, 127, 128, 129, 193}, few{0, 1, 47, 65, 129};
  // Rows of which not all is on the stack at once; of other lengths than tiles have columns.
  const std::vector<Size> wide{{1, 3, 1, 1},      {49, 65, 5, 1},     {33, 129, 1, 7},
                               {7, 9, 0, 3},      {9, 7, 3, 0},       {50, 130, 65, 100},
                               {20, 33, 300, 64}, {49, 130, 64, 257}, {193, 40, 257, 300}};
  checkAll<float, float>("f32", cpu, many, wide);
  checkAll<double, double>("f64", cpu, few, wide);
  checkAll<Brain, float>("bf16", cpu, few, wide);
  checkAll<_Float16, float>("f16", cpu, few, wide);
  std::printf("%ld compared, %ld wrong\n", compared, wrong);
  std::puts(wrong || !compared ? "failed" : "passed");
  return wrong || !compared;
}
