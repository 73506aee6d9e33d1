// A product of matrices written by hand with intrinsics, the usual way: one operand packed in panels, a register tile.
// What compiled contractions are measured against where no library is at hand.
#ifndef NNC_TEST_BENCH_INTRINSICS_H
#define NNC_TEST_BENCH_INTRINSICS_H

#include "test/bench/Model.h"

#include <cstdint>

namespace bench {

class HandWritten {
public:
  /// Packs w [k, n].
  HandWritten(int64_t n, int64_t k, const Tensor &w);
  /// y [m, n] = x [m, k] @ w.
  void run(int64_t m, const float *x, float *y) const;

private:
  int64_t n, k, width;
  Tensor packed;
};

} // namespace bench
#endif // NNC_TEST_BENCH_INTRINSICS_H
