// From an LLVM module to machine code in memory.
#ifndef NNC_COMPILER_EMIT_OBJECT_H
#define NNC_COMPILER_EMIT_OBJECT_H

#include "compiler/target/cpu/TargetMachine.h"

#include "llvm/ADT/SmallVector.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/Error.h"

#include <vector>

namespace nnc::emit {

using Bytes = llvm::SmallVector<char, 0>;

enum class CodeKind { Assembly, Object };

/// Sets the module's target, runs the short list of optimizations that kernels need, and generates code. The module is
/// used up. Fails, as an internal error, if the module is not valid.
llvm::Expected<Bytes> generateCode(llvm::Module &module, const cpu::Cpu &cpu, CodeKind kind);

/// The same as object files to be linked together: large modules are compiled in parts, on all cores.
llvm::Expected<std::vector<Bytes>> generateObjects(llvm::Module &module, const cpu::Cpu &cpu);

} // namespace nnc::emit

#endif // NNC_COMPILER_EMIT_OBJECT_H
