// The same work by oneDNN, with primitives and weights prepared. Without the library every function here is empty, and
// lines leave out contenders that have no function.
#ifndef NNC_TEST_BENCH_ONEDNN_H
#define NNC_TEST_BENCH_ONEDNN_H

#include "test/bench/Model.h"

#include <functional>

namespace bench {

/// What it is, or why it is not there.
std::string describeOneDnn();

/// A linear layer and what follows it.
struct Linear {
  Tensor weight; ///< [out, in]
  Tensor bias;   ///< [out]
  bool relu;
};

/// y [m, n] = x [m, k] @ w [k, n], as often as `batch` says.
struct Product {
  int64_t m, n, k, batch = 1;
  bool parameter = true;                        ///< w may be prepared
  bool leftTurned = false, rightTurned = false; ///< x is stored as [k, m], w as [n, k]
};
std::function<void()> oneDnnProduct(const Product &p, Tensor x, Tensor w, Tensor y, int threads);

/// Layers one after the other as inner products with post-ops.
std::function<void()> oneDnnLayers(int64_t batch, const std::vector<Linear> &layers, Tensor x, Tensor y, int threads);

/// y = function(x), element by element. Empty if oneDNN does not have the function.
std::function<void()> oneDnnElementwise(const std::string &function, Tensor x, Tensor y);

/// A pass over the rows of x [m, n], as Elementwise.cpp names it.
std::function<void()> oneDnnRows(const std::string &kernel, int64_t m, int64_t n, Tensor x, Tensor y);

} // namespace bench
#endif // NNC_TEST_BENCH_ONEDNN_H
