#include "compiler/target/cpu/TargetMachine.h"

#include "runtime/CpuFeatures.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/Target/TargetOptions.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/Triple.h"
#include "llvm/TargetParser/X86TargetParser.h"

#include <mutex>
#include <unistd.h>

using namespace llvm;

namespace nnc::cpu {
namespace {

constexpr char tripleName[] = "x86_64-unknown-linux-gnu";

struct Feature {
  uint64_t bit;
  StringRef name;
};

constexpr Feature knownFeatures[] = {
#define FEATURE(BIT, NAME, LEAF, SUBLEAF, REGISTER, POSITION, XCR0) {uint64_t(1) << BIT, NAME},
    NNRT_CPU_FEATURES(FEATURE)
#undef FEATURE
};

StringSet<> featuresOf(StringRef cpu) {
  StringSet<> found;
  SmallVector<StringRef> names;
  X86::getFeaturesForCPU(cpu, names);
  StringMap<bool> implied;
  for (StringRef name : names) {
    implied[name] = true;
    X86::updateImpliedFeatures(name, /*Enabled=*/true, implied);
  }
  for (const auto &feature : implied)
    if (feature.second)
      found.insert(feature.first());
  return found;
}

StringSet<> featuresOfHost() {
  StringSet<> found;
  for (const auto &feature : sys::getHostCPUFeatures())
    if (feature.second)
      found.insert(feature.first());
  return found;
}

/// The kernels know two kinds of wide vectors, ymm and zmm with all that x86-64-v4 promises. A processor with a part of
/// AVX-512 counts as one without.
void setFeatures(Cpu &cpu, const StringSet<> &found) {
  cpu.hasAVX2 = found.contains("avx2");
  cpu.hasFMA = found.contains("fma");
  cpu.hasF16C = found.contains("f16c");
  cpu.hasAVX512 = all_of(ArrayRef{"avx512f", "avx512cd", "avx512bw", "avx512dq", "avx512vl"},
                         [&](StringRef name) { return found.contains(name); });
  cpu.hasAVX512BF16 = cpu.hasAVX512 && found.contains("avx512bf16");
  cpu.vectorBytes = cpu.hasAVX512 ? 64 : cpu.hasAVX2 ? 32 : 16;
  cpu.vectorRegisters = cpu.hasAVX512 ? 32 : 16;
  for (const Feature &feature : knownFeatures) {
    if (!found.contains(feature.name) || (feature.name.starts_with("avx512") && !cpu.hasAVX512))
      continue;
    cpu.featureBits |= feature.bit;
    cpu.features += (cpu.features.empty() ? "+" : ",+") + feature.name.str();
  }
}

/// A size from the C library, if it is one that a core can have: in virtual machines some are 0 or those of a socket.
void measure(int64_t &bytes, int name, int64_t least, int64_t most) {
  int64_t value = sysconf(name);
  if (value >= least && value <= most)
    bytes = value;
}

void setCaches(Cpu &cpu, bool host) {
  if (cpu.hasAVX512)
    cpu.l2Bytes = 1 << 20;
  if (!host)
    return;
  measure(cpu.l1Bytes, _SC_LEVEL1_DCACHE_SIZE, 16 << 10, 256 << 10);
  measure(cpu.l2Bytes, _SC_LEVEL2_CACHE_SIZE, 128 << 10, 16 << 20);
}

void initializeX86() {
  static std::once_flag once;
  std::call_once(once, [] {
    LLVMInitializeX86TargetInfo();
    LLVMInitializeX86Target();
    LLVMInitializeX86TargetMC();
    LLVMInitializeX86AsmPrinter();
  });
}

} // namespace

std::vector<std::string> knownCpus() {
  SmallVector<StringRef> names;
  X86::fillValidCPUArchList(names, /*Only64Bit=*/true);
  std::vector<std::string> all(names.begin(), names.end());
  // LLVM also has names for compilers' dispatchers: "skylake_avx512" beside "skylake-avx512".
  erase_if(all, [](StringRef name) { return name.contains('_') && name != "goldmont_plus"; });
  llvm::sort(all);
  all.insert(all.begin(), "native");
  return all;
}

Expected<Cpu> parseCpu(StringRef name) {
  Cpu cpu;
  if (name.empty() || name == "native") {
    StringRef host = sys::getHostCPUName();
    cpu.name = cpu.tune = host.empty() || host == "generic" ? "x86-64" : host.str();
    setFeatures(cpu, featuresOfHost());
    setCaches(cpu, /*host=*/true);
    return cpu;
  }
  std::vector<std::string> known = knownCpus();
  if (!is_contained(known, name))
    return createStringError("unknown processor '%s'; known are: %s", name.str().c_str(), join(known, " ").c_str());
  cpu.name = cpu.tune = name.str();
  setFeatures(cpu, featuresOf(name));
  setCaches(cpu, /*host=*/false);
  return cpu;
}

std::unique_ptr<TargetMachine> createTargetMachine(const Cpu &cpu) {
  initializeX86();
  Triple triple(tripleName);
  std::string error;
  const Target *target = TargetRegistry::lookupTarget(triple, error);
  TargetOptions options;
  options.FunctionSections = options.DataSections = true; // the linker drops what no entry reaches
  // The machine itself is plain x86-64: functions that nobody marks, such as `create`, must run on any processor.
  return std::unique_ptr<TargetMachine>(
      target->createTargetMachine(triple, "x86-64", "", options, Reloc::PIC_, std::nullopt, CodeGenOptLevel::Default));
}

void applyTarget(Module &module, const TargetMachine &machine, const Cpu &cpu) {
  module.setTargetTriple(machine.getTargetTriple());
  module.setDataLayout(machine.createDataLayout());
  for (Function &function : module) {
    if (function.isDeclaration() || function.hasFnAttribute("target-cpu"))
      continue;
    function.addFnAttr("target-cpu", "x86-64");
    function.setUWTableKind(UWTableKind::Async); // debuggers and profilers walk through kernels
    function.addFnAttr("tune-cpu", cpu.tune);
    function.addFnAttr("target-features", cpu.features);
    // Some processors are tuned to prefer ymm to zmm; the kernels are written for the full width.
    if (cpu.hasAVX512)
      function.addFnAttr("prefer-vector-width", "512");
  }
}

} // namespace nnc::cpu
