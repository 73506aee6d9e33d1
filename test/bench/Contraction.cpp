#include "test/bench/Bench.h"
#include "test/bench/Intrinsics.h"
#include "test/bench/Machine.h"
#include "test/bench/OneDnn.h"

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
  void set(const Tensor &w) { model.set("weight", w); }
  void run(Tensor &x, Tensor &y) {
    void *arguments[] = {&s.m, x.data(), y.data()};
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
  Tensor x(size_t(s.m * s.k)), w(size_t(s.k * s.n)), y(size_t(s.m * s.n)), byHand(y.size()), byLibrary(y.size());
  Product ours(s, threads);
  ours.set(w);
  double work = 2.0 * double(s.m) * double(s.n) * double(s.k);
  HandWritten kernel(s.n, s.k, w);
  std::function<void()> one;
  if (threads == 1)
    one = [&] { kernel.run(s.m, x.data(), byHand.data()); };
  compare(title, "GFLOP/s", threads,
          {{"nnc", work, [&] { ours.run(x, y); }, y},
           roof(threads),
           {"intrinsics", work, one, byHand},
           {"oneDNN matmul", work, oneDnnProduct(s.m, s.n, s.k, x, w, byLibrary, threads), byLibrary}});
}
} // namespace

void contractions() {
  product({1024, 1024, 1024}, 1);
  product({1024, 1024, 1024}, 2);
  for (int64_t size : {512, 2048, 100, 1000})
    product({size, size, size}, 1);
  product({64, 512, 784}, 1);
  product({64, 512, 512}, 1);
  product({64, 10, 512}, 1);
}
} // namespace bench
