// The processor features that generated code may use beyond x86-64, one bit each of nnrt_model::features. The compiler
// gives LLVM exactly the features of this list that the chosen CPU has, so code that passes the runtime's test in
// `create` meets no unknown instruction. Bits are part of the ABI: append only.
#ifndef NNC_RUNTIME_CPUFEATURES_H
#define NNC_RUNTIME_CPUFEATURES_H

#include <stdint.h>

/// X(bit, name in messages and in LLVM, cpuid leaf, subleaf, register as an index into {eax, ebx, ecx, edx}, bit there,
///   bits of XCR0 that the operating system must have set)
#define NNRT_CPU_FEATURES(X)                                                                                           \
  X(0, "sse3", 1, 0, 2, 0, 0x0)                                                                                        \
  X(1, "ssse3", 1, 0, 2, 9, 0x0)                                                                                       \
  X(2, "sse4.1", 1, 0, 2, 19, 0x0)                                                                                     \
  X(3, "sse4.2", 1, 0, 2, 20, 0x0)                                                                                     \
  X(4, "popcnt", 1, 0, 2, 23, 0x0)                                                                                     \
  X(5, "cx16", 1, 0, 2, 13, 0x0)                                                                                       \
  X(6, "sahf", 0x80000001, 0, 2, 0, 0x0)                                                                               \
  X(7, "movbe", 1, 0, 2, 22, 0x0)                                                                                      \
  X(8, "lzcnt", 0x80000001, 0, 2, 5, 0x0)                                                                              \
  X(9, "bmi", 7, 0, 1, 3, 0x0)                                                                                         \
  X(10, "bmi2", 7, 0, 1, 8, 0x0)                                                                                       \
  X(11, "avx", 1, 0, 2, 28, 0x6)                                                                                       \
  X(12, "f16c", 1, 0, 2, 29, 0x6)                                                                                      \
  X(13, "fma", 1, 0, 2, 12, 0x6)                                                                                       \
  X(14, "avx2", 7, 0, 1, 5, 0x6)                                                                                       \
  X(15, "gfni", 7, 0, 2, 8, 0x0)                                                                                       \
  X(16, "avxvnni", 7, 1, 0, 4, 0x6)                                                                                    \
  X(17, "avx512f", 7, 0, 1, 16, 0xe6)                                                                                  \
  X(18, "avx512cd", 7, 0, 1, 28, 0xe6)                                                                                 \
  X(19, "avx512bw", 7, 0, 1, 30, 0xe6)                                                                                 \
  X(20, "avx512dq", 7, 0, 1, 17, 0xe6)                                                                                 \
  X(21, "avx512vl", 7, 0, 1, 31, 0xe6)                                                                                 \
  X(22, "avx512ifma", 7, 0, 1, 21, 0xe6)                                                                               \
  X(23, "avx512vbmi", 7, 0, 2, 1, 0xe6)                                                                                \
  X(24, "avx512vbmi2", 7, 0, 2, 6, 0xe6)                                                                               \
  X(25, "avx512vnni", 7, 0, 2, 11, 0xe6)                                                                               \
  X(26, "avx512bitalg", 7, 0, 2, 12, 0xe6)                                                                             \
  X(27, "avx512vpopcntdq", 7, 0, 2, 14, 0xe6)                                                                          \
  X(28, "avx512bf16", 7, 1, 0, 5, 0xe6)                                                                                \
  X(29, "avx512fp16", 7, 0, 3, 23, 0xe6)

#endif // NNC_RUNTIME_CPUFEATURES_H
