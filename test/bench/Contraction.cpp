#include "test/bench/Bench.h"
#include "test/bench/Intrinsics.h"
#include "test/bench/Machine.h"
#include "test/bench/OneDnn.h"

#include <fmt/format.h>

namespace bench {
namespace {
/// The program, and the C arguments of its entry.
class Compiled {
public:
  Compiled(const Product &p, Tensor x, Tensor w, Tensor y, int threads)
      : p(p), x(x), w(w), y(y), model("product", program(p)) {
    model.library().setThreads(threads);
    if (p.parameter)
      model.set("weight", w);
  }
  void run() {
    if (p.parameter) {
      void *arguments[] = {&p.m, x.data(), y.data()};
      return model.call("forward", arguments);
    }
    // Sizes in the order in which the program names them.
    int64_t *first = p.leftTurned ? &p.k : &p.m, *second = p.leftTurned ? &p.m : &p.k;
    void *arguments[] = {&p.batch, first, second, &p.n, x.data(), w.data(), y.data()};
    model.call("forward", arguments + (p.batch == 1));
  }

private:
  static std::string program(const Product &p) {
    if (p.parameter)
      return fmt::format("model Product(x: float[M, {0}]) -> float[M, {1}] {{\n"
                         "  param weight: float[{0}, {1}] = normal(0, 1)\n  x @ weight\n}}\n",
                         p.k, p.n);
    return fmt::format("model Product {{\n  fn forward(x: float[{0}{1}], w: float[{0}{2}]) -> float[{0}M, N] {{\n"
                       "    {3} @ {4}\n  }}\n}}\n",
                       p.batch > 1 ? "B, " : "", p.leftTurned ? "K, M" : "M, K", p.rightTurned ? "N, K" : "K, N",
                       p.leftTurned ? "x.T" : "x", p.rightTurned ? "w.T" : "w");
  }

  Product p;
  Tensor x, w, y;
  Model model;
};

void product(const Product &p, int threads) {
  std::string title = fmt::format(
      "f32 {} x {} x {}{}{}{}{}, {}", p.m, p.n, p.k, p.batch > 1 ? fmt::format(", {} of them", p.batch) : "",
      p.parameter ? "" : ", both operands given", p.leftTurned ? ", x turned" : "", p.rightTurned ? ", w turned" : "",
      threads == 1 ? "1 thread" : fmt::format("{} threads", threads));
  if (!wanted(title))
    return;
  Tensor x(size_t(p.batch * p.m * p.k)), w(size_t(p.batch * p.k * p.n)), y(size_t(p.batch * p.m * p.n));
  Tensor byHand(y.size()), byLibrary(y.size());
  Compiled compiled(p, x, w, y, threads);
  double work = 2.0 * double(p.batch) * double(p.m) * double(p.n) * double(p.k);
  std::unique_ptr<HandWritten> kernel;
  std::function<void()> one;
  if (threads == 1 && p.parameter) {
    kernel = std::make_unique<HandWritten>(p.n, p.k, w);
    one = [&] { kernel->run(p.m, x.data(), byHand.data()); };
  }
  // With few rows the time is that of reading w.
  Contender limit = roof(threads);
  if (p.m < 8) {
    limit = reading("reading w", w.size() * sizeof(float));
    limit.work = work;
  }
  compare(title, "GFLOP/s", threads,
          {{"nnc", work, [&] { compiled.run(); }, y},
           limit,
           {"intrinsics", work, one, byHand},
           {"oneDNN matmul", work, oneDnnProduct(p, x, w, byLibrary, threads), byLibrary}});
}
} // namespace

void contractions() {
  product({1024, 1024, 1024}, 1);
  product({1024, 1024, 1024}, 2);
  for (int64_t size : {512, 2048, 100, 1000})
    product({size, size, size}, 1);
  product({64, 512, 784}, 1);
}

void otherContractions() {
  for (int64_t m : {1, 2, 4, 7})
    product({m, 4096, 4096}, 1);
  product({4096, 1, 4096}, 1);
  product({100000, 16, 64}, 1);
  product({16, 16, 100000}, 1);
  product({.m = 32, .n = 32, .k = 64, .batch = 64, .parameter = false}, 1);
  product({.m = 32, .n = 32, .k = 64, .batch = 64, .parameter = false, .rightTurned = true}, 1);
  for (bool left : {false, true})
    for (bool right : {false, true})
      product({.m = 512, .n = 512, .k = 512, .parameter = false, .leftTurned = left, .rightTurned = right}, 1);
}
} // namespace bench
