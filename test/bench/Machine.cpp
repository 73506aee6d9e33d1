#include "test/bench/Machine.h"

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <immintrin.h>
#include <memory>
#include <thread>

namespace bench {
Vectors vectors = Vectors::Avx2;

static std::string cpuName;
const std::string &cpu() { return cpuName; }

void setCpu(const std::string &name) { cpuName = name; }

void printMachine() {
  bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq");
  bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (!avx2) {
    fprintf(stderr, "bench: this machine has no AVX2 and FMA\n");
    exit(2);
  }
  // Levels and processors before x86-64-v4 have no vectors of 512 bits.
  bool lower = cpuName == "x86-64-v3" || cpuName == "x86-64-v2" || cpuName == "x86-64" || cpuName == "haswell";
  vectors = avx512 && !lower ? Vectors::Avx512 : Vectors::Avx2;
  std::ifstream info("/proc/cpuinfo");
  std::string line, name = "unknown processor", family, model;
  auto value = [&](const char *key, std::string &to) {
    if (line.rfind(key, 0) == 0)
      to = line.substr(line.find(':') + 2);
  };
  while (std::getline(info, line) && !line.empty()) {
    value("model name", name);
    value("cpu family", family);
    value("model\t", model);
  }
  printf("%s (family %s, model %s), %u threads; vectors of %d bits; %d rounds\n", name.c_str(), family.c_str(),
         model.c_str(), std::thread::hardware_concurrency(), vectors == Vectors::Avx512 ? 512 : 256, rounds);
}

/// Threads that exist between runs, so that they can be bound to processors. They spin for a millisecond, as those of
/// libraries do.
class Team {
public:
  explicit Team(int threads) {
    for (int i = 1; i < threads; ++i)
      others.emplace_back([this](std::stop_token stop) {
        for (int turn = 0;; ++turn) {
          await([&] { return begun != turn || stop.stop_requested(); });
          if (stop.stop_requested())
            return;
          f();
          --left;
        }
      });
  }
  void run() {
    left = int(others.size());
    ++begun;
    f();
    await([&] { return left == 0; });
  }
  std::function<void()> f;

private:
  static void await(auto condition) {
    for (auto start = std::chrono::steady_clock::now(); !condition();)
      if (std::chrono::steady_clock::now() - start > std::chrono::milliseconds(1))
        std::this_thread::sleep_for(std::chrono::microseconds(50));
  }
  std::atomic<int> begun = 0, left = 0;
  std::vector<std::jthread> others;
};

namespace {
constexpr int chains = 12; ///< more than two pipes of four cycles each need
constexpr long turns = 1 << 18;
volatile float sink;

// The accumulators are named one by one to the compiler: an asm keeps it from joining them.
__attribute__((target("avx2,fma"))) void multiply256(long count) {
  __m256 a[chains], x = _mm256_set1_ps(0.999f), y = _mm256_set1_ps(1e-3f);
  for (int i = 0; i < chains; ++i)
    a[i] = _mm256_set1_ps(float(i));
  for (long n = 0; n < count; ++n)
    for (int i = 0; i < chains; ++i) {
      a[i] = _mm256_fmadd_ps(a[i], x, y);
      asm volatile("" : "+x"(a[i]));
    }
  for (int i = 1; i < chains; ++i)
    a[0] = _mm256_add_ps(a[0], a[i]);
  sink = _mm256_cvtss_f32(a[0]);
}

__attribute__((target("avx512f"))) void multiply512(long count) {
  __m512 a[chains], x = _mm512_set1_ps(0.999f), y = _mm512_set1_ps(1e-3f);
  for (int i = 0; i < chains; ++i)
    a[i] = _mm512_set1_ps(float(i));
  for (long n = 0; n < count; ++n)
    for (int i = 0; i < chains; ++i) {
      a[i] = _mm512_fmadd_ps(a[i], x, y);
      asm volatile("" : "+v"(a[i]));
    }
  for (int i = 1; i < chains; ++i)
    a[0] = _mm512_add_ps(a[0], a[i]);
  sink = _mm512_cvtss_f32(a[0]);
}

__attribute__((target("avx2"))) void read256(const float *from, size_t count) {
  __m256 a[8] = {};
  for (size_t i = 0; i + 64 <= count; i += 64)
    for (int j = 0; j < 8; ++j)
      a[j] = _mm256_xor_ps(a[j], _mm256_load_ps(from + i + 8 * j));
  for (int j = 1; j < 8; ++j)
    a[0] = _mm256_xor_ps(a[0], a[j]);
  sink = _mm256_cvtss_f32(a[0]);
}

__attribute__((target("avx512f"))) void read512(const float *from, size_t count) {
  __m512i a[8] = {};
  for (size_t i = 0; i + 128 <= count; i += 128)
    for (int j = 0; j < 8; ++j)
      a[j] = _mm512_xor_si512(a[j], _mm512_load_si512(from + i + 16 * j));
  for (int j = 1; j < 8; ++j)
    a[0] = _mm512_xor_si512(a[0], a[j]);
  sink = float(_mm512_reduce_add_epi32(a[0]));
}
} // namespace

Contender roof(int threads) {
  bool wide = vectors == Vectors::Avx512;
  auto team = std::make_shared<Team>(threads);
  team->f = [=] { wide ? multiply512(turns) : multiply256(turns); };
  return {"FMA in registers", double(threads) * turns * chains * (wide ? 16 : 8) * 2, [=] { team->run(); }};
}

Contender reading(const std::string &name, size_t bytes) {
  bytes = (bytes + 511) / 512 * 512;
  std::shared_ptr<float> memory(static_cast<float *>(aligned_alloc(64, bytes)), free);
  std::fill_n(memory.get(), bytes / 4, 1.0f);
  return {name, double(bytes),
          [=] { vectors == Vectors::Avx512 ? read512(memory.get(), bytes / 4) : read256(memory.get(), bytes / 4); }};
}
} // namespace bench
