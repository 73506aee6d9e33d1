// How exact the functions of f32 are: each is compiled and compared with libm in f64, over all arguments or a part.
//
//   ulp [--cpu=NAME] [--step=N] [FUNCTION]..     every N-th bit pattern (default 4099; 1 is all of them)
//
// The largest errors over all arguments stand in README.md. NaN, infinities, denormals and the sign of zero are those
// of libm.
#include "test/kernel/Jit.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <vector>

namespace {
using Unary = double (*)(double);
using Binary = double (*)(double, double);

struct Row {
  const char *name;
  Unary unary;
  Binary binary;
  double limit; ///< the error that the test allows
};

const Row table[] = {
    {"exp", std::exp, nullptr, 1.3},
    {"expm1", std::expm1, nullptr, 1.5},
    {"log", std::log, nullptr, 1.0},
    {"log1p", std::log1p, nullptr, 1.7},
    {"sigmoid", [](double x) { return 1 / (1 + std::exp(-x)); }, nullptr, 2.2},
    {"tanh", std::tanh, nullptr, 1.6},
    {"erf", std::erf, nullptr, 1.3},
    {"sin", std::sin, nullptr, 2.0},
    {"cos", std::cos, nullptr, 2.0},
    {"sqrt", std::sqrt, nullptr, 0.5},
    {"rsqrt", [](double x) { return 1 / std::sqrt(x); }, nullptr, 1.5},
    {"atan2", nullptr, std::atan2, 1.8},
    {"pow", nullptr, std::pow, 0.51},
};

constexpr int kBatch = 4096;
using Kernel1 = void(nnrt_team *, int32_t, const float *, float *, char *);
using Kernel2 = void(nnrt_team *, int32_t, const float *, const float *, float *, char *);

std::string moduleText() {
  std::string text;
  const std::string place = "!nn.ref<[4096] of f32>";
  for (const Row &row : table) {
    std::string name = row.name, inputs = row.binary ? "%x, %w" : "%x";
    std::string types = row.binary ? place + ", " + place : place;
    text += "func.func @" + name + "(%team: !llvm.ptr, %tid: i32, %x: " + place + (row.binary ? ", %w: " + place : "") +
            ", %y: " + place + ", %frame: !llvm.ptr) attributes {nn.dims = []} {\n" + "  nn.map (" + inputs + " : " +
            types + ") into (%y : " + place + ") {\n  ^bb0(" + (row.binary ? "%a: f32, %b: f32" : "%a: f32") +
            "):\n    %r = nn." + name + (row.binary ? " %a, %b : (f32, f32)" : " %a : (f32)") +
            " -> f32\n    nn.yield %r : f32\n  }\n  return\n}\n";
  }
  return text;
}

struct Worst {
  double error = 0;
  float at = 0, with = 0;
  long wrong = 0; ///< NaN, infinity, 1 or the sign of zero is not as in libm
  float wrongAt = 0, wrongWith = 0;
};

/// The distance in units of the last place that f32 has at the true value. Beyond the largest number 2^128 stands for
/// infinity.
void compare(Worst &worst, float x, float w, float got, double want) {
  bool tooLarge = std::abs(want) >= 0x1.ffffffp127;
  bool bad = std::isnan(got) != std::isnan(want) ||
             (want == 0 && (got != 0 || std::signbit(got) != std::signbit(want))) ||
             (std::isinf(want) && float(want) != got) ||
             (std::abs(want) == 1 && float(want) != got); // a limit that is reached: 1 - tanh 20 is 0
  if (bad) {
    if (!worst.wrong++)
      worst.wrongAt = x, worst.wrongWith = w;
    return;
  }
  if (std::isnan(want) || (tooLarge && std::isinf(got)))
    return;
  int exponent = std::max(std::ilogb(want == 0 ? 0x1p-149 : want), -126);
  double value = std::isinf(got) ? std::copysign(0x1p128, got) : got;
  double error = std::abs(value - want) / std::ldexp(1.0, std::min(exponent, 127) - 23);
  if (error > worst.error)
    worst.error = error, worst.at = x, worst.with = w;
}

void run(const Row &row, const nnc::test::Jit &jit, uint64_t begin, uint64_t end, uint64_t step, Worst &worst) {
  nnrt_team team{1, 0, 0, 0};
  std::vector<float> x(kBatch), w(kBatch), y(kBatch);
  uint64_t state = begin * 0x9E3779B97F4A7C15u + 12345;
  for (uint64_t next = begin; next < end;) {
    int n = 0;
    for (; n < kBatch && next < end; ++n, next += step) {
      x[n] = std::bit_cast<float>(uint32_t(next));
      if (row.binary) { // a second argument near the first, near 1, or anywhere
        state = state * 6364136223846793005u + 1442695040888963407u;
        uint32_t bits = uint32_t(state >> 32);
        w[n] = (bits & 3) == 0   ? std::bit_cast<float>(bits)
               : (bits & 3) == 1 ? float(int32_t(bits) >> 26)
                                 : std::ldexp(float(int32_t(bits)), -31 + int(state >> 20 & 15) - 8);
      }
    }
    if (row.binary)
      jit.function<Kernel2>(row.name)(&team, 0, x.data(), w.data(), y.data(), nullptr);
    else
      jit.function<Kernel1>(row.name)(&team, 0, x.data(), y.data(), nullptr);
    for (int i = 0; i < n; ++i)
      compare(worst, x[i], w[i], y[i], row.binary ? row.binary(x[i], w[i]) : row.unary(x[i]));
  }
}
} // namespace

int main(int argc, char **argv) {
  std::string cpu;
  uint64_t step = 4099;
  std::vector<std::string> wanted;
  for (int i = 1; i < argc; ++i) {
    std::string arg = argv[i];
    if (arg.starts_with("--cpu="))
      cpu = arg.substr(6);
    else if (arg.starts_with("--step="))
      step = std::strtoull(arg.c_str() + 7, nullptr, 10);
    else
      wanted.push_back(arg);
  }
  nnc::test::Jit jit(moduleText(), cpu);
  unsigned threads = std::max(1u, std::thread::hardware_concurrency());
  int failed = 0;
  for (const Row &row : table) {
    if (!wanted.empty() && std::find(wanted.begin(), wanted.end(), row.name) == wanted.end())
      continue;
    uint64_t all = uint64_t(1) << 32, part = all / threads, each = row.binary ? std::max<uint64_t>(step, 4) : step;
    std::vector<Worst> worst(threads);
    std::vector<std::thread> team;
    for (unsigned t = 0; t < threads; ++t)
      team.emplace_back([&, t] { run(row, jit, t * part, t + 1 == threads ? all : (t + 1) * part, each, worst[t]); });
    for (std::thread &t : team)
      t.join();
    Worst total;
    for (const Worst &w : worst) {
      if (w.error > total.error)
        total.error = w.error, total.at = w.at, total.with = w.with;
      if (w.wrong && !total.wrong)
        total.wrongAt = w.wrongAt, total.wrongWith = w.wrongWith;
      total.wrong += w.wrong;
    }
    bool good = total.error <= row.limit && !total.wrong;
    failed += !good;
    std::printf("%-8s %6.3f ulp at %a%s", row.name, total.error, double(total.at), row.binary ? "" : "\n");
    if (row.binary)
      std::printf(", %a\n", double(total.with));
    if (total.wrong)
      std::printf("         %ld special values differ, first at %a, %a\n", total.wrong, double(total.wrongAt),
                  double(total.wrongWith));
    if (!good)
      std::printf("         more than %.3f ulp\n", row.limit);
  }
  std::printf("%s\n", failed ? "failed" : "passed");
  return failed ? 1 : 0;
}
