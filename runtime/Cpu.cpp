#include "runtime/Cpu.h"

#include <cpuid.h>

namespace nnrt {

namespace {
struct Feature {
  uint8_t bit;
  uint8_t subleaf;
  uint8_t reg;
  uint8_t position;
  uint32_t leaf;
  uint32_t state; ///< of XCR0
};

#define ROW(BIT, NAME, LEAF, SUBLEAF, REGISTER, POSITION, STATE) {BIT, SUBLEAF, REGISTER, POSITION, LEAF, STATE},
constexpr Feature kFeatures[] = {NNRT_CPU_FEATURES(ROW)};
#undef ROW
} // namespace

/// What the operating system saves at a task switch; 0 if it can not say.
static uint64_t savedState() {
  unsigned r[4];
  if (!__get_cpuid(1, &r[0], &r[1], &r[2], &r[3]) || !(r[2] & (1u << 27)))
    return 0;
  unsigned low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return static_cast<uint64_t>(high) << 32 | low;
}

uint64_t cpuFeatures() {
  uint64_t state = savedState(), found = 0;
  for (const Feature &f : kFeatures) {
    unsigned r[4];
    if (__get_cpuid_count(f.leaf, f.subleaf, &r[0], &r[1], &r[2], &r[3]) && (r[f.reg] >> f.position & 1) &&
        (state & f.state) == f.state)
      found |= uint64_t(1) << f.bit;
  }
  return found;
}

} // namespace nnrt
