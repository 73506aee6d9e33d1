// What the processor at hand can do.
#ifndef NNC_RUNTIME_CPU_H
#define NNC_RUNTIME_CPU_H

#include "runtime/CpuFeatures.h"

namespace nnrt {

/// Bits of NNRT_CPU_FEATURES that this processor has and this operating system keeps the registers of.
uint64_t cpuFeatures();

/// The state of the floating-point unit that kernels are compiled for: round to nearest, denormals kept, no traps. The
/// caller's own state, its sticky flags included, comes back at the end of the scope.
struct FloatMode {
  static constexpr unsigned kDefault = 0x1F80;
  FloatMode() : saved(__builtin_ia32_stmxcsr()) { __builtin_ia32_ldmxcsr(kDefault); }
  ~FloatMode() { __builtin_ia32_ldmxcsr(saved); }
  unsigned saved;
};

} // namespace nnrt
#endif // NNC_RUNTIME_CPU_H
