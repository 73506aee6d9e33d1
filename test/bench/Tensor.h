// What contenders work on.
#ifndef NNC_TEST_BENCH_TENSOR_H
#define NNC_TEST_BENCH_TENSOR_H

#include <cstddef>
#include <memory>
#include <string>

namespace bench {

/// Memory for tensors, aligned to cache lines and filled with numbers between -1 and 1.
class Tensor {
public:
  explicit Tensor(size_t count);
  float *data() { return memory.get(); }
  size_t size() const { return count; }
  const float *data() const { return memory.get(); }
  float operator[](size_t i) const { return memory.get()[i]; }

private:
  std::shared_ptr<float> memory;
  size_t count;
};

/// Ends the program with a message.
[[noreturn]] void fail(const std::string &what);

} // namespace bench
#endif // NNC_TEST_BENCH_TENSOR_H
