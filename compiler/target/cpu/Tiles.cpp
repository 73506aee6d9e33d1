#include "compiler/target/cpu/Tiles.h"

#include "mlir/IR/BuiltinTypes.h"

#include <algorithm>

using namespace mlir;

namespace nnc::cpu {
namespace {
// Two pipes of FMA, four cycles each: fewer chains leave them idle.
constexpr int64_t chains = 8;
// Rows whose accumulators may wait on the stack: of 64 f32 columns 96 KiB.
constexpr int64_t mostWaiting = 384;
// Rows of a block that stays in the second-level cache: enough that panels come from further away seldom.
constexpr int64_t lowBlock = 96;
// Each row has a pointer, and there are 16 general registers.
constexpr int64_t mostRows = 8;

/// Sums are kept in f32 for 16-bit floats, in 64 bits for integers.
int64_t lanesOf(Type element, const Cpu &cpu) {
  bool wide = element.isF64() || isa<IntegerType>(element);
  return cpu.lanes(wide ? 8 : 4);
}

/// Accumulators, one row of the panel and one broadcast element must fit the registers, with two to spare where there
/// are 32.
int64_t rowsFor(int64_t vectors, const Cpu &cpu) {
  int64_t spare = cpu.vectorRegisters == 32 ? 3 : 1;
  return std::clamp<int64_t>((cpu.vectorRegisters - spare - vectors) / vectors, 1, mostRows);
}

int64_t widest(const Cpu &cpu) { return cpu.vectorRegisters == 32 ? 4 : 2; }
} // namespace

Tiling tilingFor(Type element, int64_t panel, const Cpu &cpu) {
  Tiling t;
  t.along = lanesOf(element, cpu);
  t.lanes = panel == 1 ? 1 : t.along;
  t.vectors = panel / t.lanes;
  int64_t most = panel == 1 ? cpu.vectorRegisters / 8 : rowsFor(t.vectors, cpu);
  for (int64_t rows : {int64_t(1), int64_t(2), int64_t(4)})
    if (rows < most)
      t.tiles.push_back({rows, panel == 1 ? 1 : (chains + rows * t.vectors - 1) / (rows * t.vectors)});
  t.tiles.push_back({most, 1});
  int64_t bytes = std::max<int64_t>(1, element.getIntOrFloatBitWidth() / 8);
  t.height = mostWaiting / most * most;
  t.low = lowBlock / most * most;
  t.shallow = cpu.l2Bytes / 2 / (t.low * bytes);
  // Measured: a panel of 64 columns may take two thirds of the second-level cache.
  t.depth = std::max<int64_t>(1, 4 * cpu.l2Bytes / (t.height * bytes) / t.chain) * t.chain;
  return t;
}

int64_t panelWidth(Type element, std::optional<int64_t> columns, bool stridedLhs, const Cpu &cpu) {
  int64_t lanes = lanesOf(element, cpu);
  if (!columns) // two vectors are hardly slower than more, and waste less on few columns
    return (stridedLhs ? widest(cpu) : 2) * lanes;
  if (*columns == 1 && !stridedLhs)
    return 1;
  // Cost of a row of the result: vectors in use, in percent; one vector alone shares its broadcasts with no other and
  // has few chains of additions.
  int64_t all = std::max<int64_t>(1, (*columns + lanes - 1) / lanes);
  auto cost = [&](int64_t vectors) {
    int64_t last = all % vectors;
    return (all - last) * (vectors == 1 ? 130 : 100) + last * (last == 1 ? 130 : 100);
  };
  int64_t best = std::min(widest(cpu), all);
  for (int64_t vectors = best - 1; vectors >= 1; --vectors)
    if (cost(vectors) < cost(best))
      best = vectors;
  return best * lanes;
}

} // namespace nnc::cpu
