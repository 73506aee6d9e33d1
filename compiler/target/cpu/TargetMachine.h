// What a processor is to the compiler: its features, registers and caches. Tiles and vector widths follow from here.
#ifndef NNC_COMPILER_TARGET_CPU_TARGETMACHINE_H
#define NNC_COMPILER_TARGET_CPU_TARGETMACHINE_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace llvm {
class Module;
class TargetMachine;
} // namespace llvm

namespace nnc::cpu {

/// A processor that code is generated for.
struct Cpu {
  std::string name;         ///< for messages and the manifest: "x86-64-v4", "znver5"
  std::string tune;         ///< LLVM's name of the scheduling model
  std::string features;     ///< for LLVM: "+avx2,+fma,..."; only those of runtime/CpuFeatures.h
  uint64_t featureBits = 0; ///< the same as bits of nnrt_model::features

  bool hasAVX2 = false, hasFMA = false, hasF16C = false;
  bool hasAVX512 = false;     ///< F, CD, BW, DQ and VL together
  bool hasAVX512BF16 = false; ///< vdpbf16ps
  int vectorBytes = 16;       ///< of the widest native vector: 16, 32 or 64
  int vectorRegisters = 16;   ///< 32 with AVX-512

  // Per core, in bytes. Measured for the host, typical values for a named processor; the last level is shared, so its
  // share per core is what a kernel may count on.
  int64_t l1Bytes = 32 << 10, l2Bytes = 512 << 10, l3Bytes = 2 << 20;

  /// How many elements of `bytes` each a native vector holds.
  int lanes(int bytes) const { return vectorBytes / bytes; }
};

/// The processor of that name; "" and "native" are the one that nnc runs on. An unknown name is an error that lists the
/// known ones.
llvm::Expected<Cpu> parseCpu(llvm::StringRef name);

/// Names that parseCpu takes, "native" first.
std::vector<std::string> knownCpus();

/// LLVM's code generator for this processor: position-independent, -O2.
std::unique_ptr<llvm::TargetMachine> createTargetMachine(const Cpu &cpu);

/// Writes triple and data layout into the module, and the processor into every function that does not name one itself.
void applyTarget(llvm::Module &module, const llvm::TargetMachine &machine, const Cpu &cpu);

} // namespace nnc::cpu

#endif // NNC_COMPILER_TARGET_CPU_TARGETMACHINE_H
