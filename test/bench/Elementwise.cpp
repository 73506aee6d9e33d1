// Kernels that are no contractions, beside a copy of as many elements and oneDNN. Rates are of bytes read and written.
#include "test/bench/Bench.h"
#include "test/bench/Compare.h"
#include "test/bench/OneDnn.h"

#include <cmath>
#include <cstring>

namespace bench {
namespace {
const char *const functions[] = {"relu", "exp", "tanh", "gelu", "gelu_tanh", "sigmoid", "log", "erf", "sin"};

/// What turns a matrix into a matrix of as many elements or into one number per row or column.
struct Rows {
  const char *name, *type, *body;
};
const Rows rowKernels[] = {
    {"softmax", "float[M, N]", "softmax(x, -1)"},
    {"log_softmax", "float[M, N]", "log_softmax(x, -1)"},
    {"layer_norm", "float[M, N]", "(x - mean(x, -1, keep = true)) * rsqrt(var(x, -1, keep = true) + 1e-5)"},
    {"sum", "float[M]", "sum(x, -1)"},
    {"max", "float[M]", "max(x, -1)"},
    {"sum_columns", "float[N]", "sum(x, 0)"},
    {"transpose", "float[N, M]", "x.T"},
    {"concat", "float[M, _]", "concat(x, x, axis = -1)"},
};

std::string program() {
  std::string text = "model Kernels {\n";
  for (const char *f : functions)
    text += std::string("  fn ") + f + "_of(x: float[N]) -> float[N] { " + f + "(x) }\n";
  for (const Rows &r : rowKernels)
    text += std::string("  fn ") + r.name + "_of(x: float[M, N]) -> " + r.type + " { " + r.body + " }\n";
  return text + "}\n";
}

Contender copy(Tensor from, Tensor to, size_t count) {
  return {"copy", 8.0 * double(count), [=]() mutable { std::memcpy(to.data(), from.data(), count * sizeof(float)); }};
}

void elementwise(Model &model, const std::string &function, int64_t n) {
  std::string title = function + ", " + std::to_string(n) + " elements";
  if (!wanted(title))
    return;
  size_t count = size_t(n);
  Tensor x(count), y(count), theirs(count);
  for (size_t i = 0; i < count; ++i)
    x.data()[i] = function == "log" ? std::fabs(x[i]) + 1e-3f : 4 * x[i];
  auto run = [&, entry = function + "_of"]() mutable {
    void *arguments[] = {&n, x.data(), y.data()};
    model.call(entry.c_str(), arguments);
  };
  double bytes = 8.0 * double(n);
  compare(title, "GB/s", 1,
          {{"nnc", bytes, run, y},
           copy(x, theirs, count),
           {"oneDNN", bytes, oneDnnElementwise(function, x, theirs), theirs}});
}

void rows(Model &model, const Rows &kernel, int64_t m, int64_t n) {
  std::string title = std::string(kernel.name) + ", " + std::to_string(m) + " x " + std::to_string(n);
  if (!wanted(title))
    return;
  std::string name = kernel.name, type = kernel.type;
  size_t count = size_t(m * n), results = type == "float[M]" ? size_t(m) : type == "float[N]" ? size_t(n) : count;
  if (name == "concat")
    results *= 2;
  Tensor x(count), y(results), theirs(std::max(results, count));
  auto run = [&, entry = name + "_of"]() mutable {
    void *arguments[] = {&m, &n, x.data(), y.data()};
    model.call(entry.c_str(), arguments);
  };
  double bytes = 4.0 * double(count + results);
  Tensor same(results);
  compare(title, "GB/s", 1,
          {{"nnc", bytes, run, y}, copy(x, theirs, count), {"oneDNN", bytes, oneDnnRows(name, m, n, x, same), same}});
}
} // namespace

void elementwise() {
  Model model("kernels", program());
  for (const char *function : functions)
    for (int64_t n : {int64_t(1) << 26, int64_t(1) << 20})
      elementwise(model, function, n);
  for (const Rows &kernel : rowKernels)
    for (int64_t n : {128, 1000, 4096})
      rows(model, kernel, (1 << 20) / n, n);
}
} // namespace bench
