// Functions in the `nn` dialect on places, compiled as nnc does it and loaded into this process: for tests that call
// kernels directly.
#ifndef NNC_TEST_KERNEL_JIT_H
#define NNC_TEST_KERNEL_JIT_H

#include "runtime/Abi.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace nnc::test {

class Jit {
public:
  /// Compiles a module for a processor ("" for this machine's). A module that does not compile ends the program.
  explicit Jit(std::string_view text, std::string_view cpu = "");
  ~Jit();

  /// The address of a function. What it takes: (team, tid, sizes.., addresses.., frame).
  template <typename F> F *function(const std::string &name) const { return reinterpret_cast<F *>(address(name)); }

  /// Calls to nnrt_report since the last look: (code, position) of the last one.
  struct Reported {
    int count = 0;
    int32_t code = 0;
    int64_t position = 0;
  };
  static Reported reported();

  /// Calls a function for each thread of a team, one after the other: a kernel that needs no barrier inside.
  void call(const std::string &name, int32_t team, const std::vector<int64_t> &sizes,
            const std::vector<void *> &places) const;

private:
  void *address(const std::string &name) const;
  struct State;
  std::unique_ptr<State> state;
};

} // namespace nnc::test
#endif // NNC_TEST_KERNEL_JIT_H
