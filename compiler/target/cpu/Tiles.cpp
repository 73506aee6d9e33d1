#include "compiler/target/cpu/Tiles.h"

#include "mlir/IR/BuiltinTypes.h"

int64_t nnc::cpu::panelWidth(mlir::Type element, const Cpu &cpu) {
  // 16-bit floats are multiplied in f32.
  int bytes = element.isBF16() || element.isF16() ? 4 : std::max(4u, element.getIntOrFloatBitWidth() / 8);
  return cpu.lanes(bytes) * (cpu.vectorRegisters >= 32 ? 4 : 2);
}
