// The tables that the runtime walks and the exported C functions.
#ifndef NNC_COMPILER_EMIT_DESCRIPTOR_H
#define NNC_COMPILER_EMIT_DESCRIPTOR_H

#include "compiler/emit/Interface.h"
#include "compiler/target/cpu/TargetMachine.h"

#include "llvm/Support/Error.h"

namespace llvm {
class Module;
} // namespace llvm

namespace nnc::emit {

/// Adds for each model the constant nnrt_model with all it points to, and the C functions of the header. The only
/// symbols left visible are those functions. All of it is plain x86-64 code, so that `create` can refuse a processor.
/// Fails, as an internal error, if a function that the interface names is missing or has another type.
llvm::Error addDescriptor(llvm::Module &module, const Interface &interface, const cpu::Cpu &cpu);

} // namespace nnc::emit

#endif // NNC_COMPILER_EMIT_DESCRIPTOR_H
