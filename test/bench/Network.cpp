#include "test/bench/Bench.h"
#include "test/bench/Machine.h"
#include "test/bench/OneDnn.h"

namespace bench {
namespace {
constexpr const char *program = R"(
model MLP(x: float[B, 784]) -> float[B, 10] {
  use fc1 = Linear[784, 512]
  use fc2 = Linear[512, 512]
  use fc3 = Linear[512, 10]
  x |> fc1 |> relu |> fc2 |> relu |> fc3
}
)";

void mlp(int64_t batch, int threads) {
  std::string title = "MLP 784-512-512-10, batch " + std::to_string(batch) + ", " + std::to_string(threads) +
                      (threads == 1 ? " thread" : " threads");
  if (!wanted(title))
    return;
  Model model("mlp", program);
  model.library().setThreads(threads);
  std::vector<Linear> layers;
  double weights = 0;
  int64_t sizes[] = {784, 512, 512, 10};
  for (int i = 0; i < 3; ++i) {
    layers.push_back({Tensor(size_t(sizes[i] * sizes[i + 1])), Tensor(size_t(sizes[i + 1])), i < 2});
    weights += double(layers[size_t(i)].weight.size());
    model.set("fc" + std::to_string(i + 1) + ".weight", layers[size_t(i)].weight);
    model.set("fc" + std::to_string(i + 1) + ".bias", layers[size_t(i)].bias);
  }
  Tensor x(size_t(batch * 784)), y(size_t(batch * 10)), theirs(size_t(batch * 10));
  auto run = [&, b = batch]() mutable {
    void *arguments[] = {&b, x.data(), y.data()};
    model.call("forward", arguments);
  };
  double work = 2.0 * double(batch) * weights;
  Contender limit = roof(threads);
  if (batch == 1) {
    limit = reading("reading the weights", size_t(weights) * sizeof(float));
    limit.work = work;
  }
  auto library = oneDnnLayers(batch, layers, x, theirs, threads);
  compare(title, "GFLOP/s", threads, {{"nnc", work, run, y}, limit, {"oneDNN inner products", work, library, theirs}});
}
} // namespace

void networks() {
  mlp(64, 1);
  mlp(64, 2);
  mlp(1, 1);
  mlp(1, 2);
}
} // namespace bench
