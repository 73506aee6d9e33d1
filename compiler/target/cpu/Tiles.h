// Register tiles of contractions: how many columns of a packed operand a kernel holds in registers.
#ifndef NNC_COMPILER_TARGET_CPU_TILES_H
#define NNC_COMPILER_TARGET_CPU_TILES_H

#include "compiler/target/cpu/TargetMachine.h"

#include "mlir/IR/Types.h"

namespace nnc::cpu {

/// Columns of a panel of a packed operand with these elements.
int64_t panelWidth(mlir::Type element, const Cpu &cpu);

} // namespace nnc::cpu
#endif // NNC_COMPILER_TARGET_CPU_TILES_H
