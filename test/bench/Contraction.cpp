#include "test/bench/Bench.h"
#include "test/bench/Machine.h"
#include "test/bench/Model.h"

namespace bench {
namespace {
struct Size {
  int64_t m, n, k;
};

/// x @ weight, the weight being a parameter.
class Product {
public:
  Product(Size s, int threads)
      : s(s), model("product", R"(
model Product[k, n](x: float[M, k]) -> float[M, n] {
  param weight: float[k, n] = normal(0, 1)
  x @ weight
}
)",
                    {"-D k=" + std::to_string(s.k), "-D n=" + std::to_string(s.n)}) {
    model.library().setThreads(threads);
  }
  void set(Tensor &w) { model.library().set(model.library().parameter(0), w.data()); }
  void run(float *x, float *y) {
    void *arguments[] = {&s.m, x, y};
    model.call("forward", arguments);
  }

private:
  Size s;
  Model model;
};

void product(Size s, int threads) {
  std::string title = "f32 contraction " + std::to_string(s.m) + " x " + std::to_string(s.n) + " x " +
                      std::to_string(s.k) + ", " + std::to_string(threads) + (threads == 1 ? " thread" : " threads");
  if (!wanted(title))
    return;
  Tensor x(s.m * s.k), w(s.k * s.n), y(s.m * s.n);
  Product ours(s, threads);
  ours.set(w);
  double work = 2.0 * double(s.m) * double(s.n) * double(s.k);
  compare(title, "GFLOP/s", threads == 1 ? Clock::Thread : Clock::Wall,
          {{"nnc", work, [&] { ours.run(x.data(), y.data()); }}, roof(threads)});
}
} // namespace

void contractions() {
  product({1024, 1024, 1024}, 1);
  product({1024, 1024, 1024}, 2);
  for (int64_t size : {512, 2048, 100, 1000})
    product({size, size, size}, 1);
  product({64, 512, 784}, 1);
}
} // namespace bench
