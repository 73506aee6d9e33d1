#include "test/bench/Tensor.h"

#include <cstdint>
#include <cstdio>
#include <cstdlib>

namespace bench {

void fail(const std::string &what) {
  fprintf(stderr, "bench: %s\n", what.c_str());
  exit(1);
}

Tensor::Tensor(size_t count) : count(count) {
  memory.reset(static_cast<float *>(aligned_alloc(64, (count * sizeof(float) + 127) / 64 * 64)), free);
  uint32_t state = 1;
  for (size_t i = 0; i < count; ++i) {
    state = state * 1664525 + 1013904223;
    memory.get()[i] = float(int32_t(state)) * 0x1p-31f;
  }
}
} // namespace bench
