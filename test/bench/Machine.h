// What the machine can do at best, measured.
#ifndef NNC_TEST_BENCH_MACHINE_H
#define NNC_TEST_BENCH_MACHINE_H

#include "test/bench/Compare.h"

namespace bench {

/// Vectors that contenders may use: those of the processor that nnc compiles for.
enum class Vectors { Avx2, Avx512 };
extern Vectors vectors;

/// "": this machine's processor. Ends the program if it has no AVX2.
void setCpu(const std::string &name);
const std::string &cpu();

/// Name of the processor, and what is compared.
void printMachine();

/// Fused multiply-adds in registers on each of so many threads.
Contender roof(int threads);

/// Reads so many bytes, which stay in a cache if they fit.
Contender reading(const std::string &name, size_t bytes);

} // namespace bench
#endif // NNC_TEST_BENCH_MACHINE_H
