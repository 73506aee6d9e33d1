// Register tiles of contractions: how many rows and columns a kernel keeps in registers, for a processor and a type.
#ifndef NNC_COMPILER_TARGET_CPU_TILES_H
#define NNC_COMPILER_TARGET_CPU_TILES_H

#include "compiler/target/cpu/TargetMachine.h"

#include "mlir/IR/Types.h"
#include "llvm/ADT/SmallVector.h"

#include <optional>

namespace nnc::cpu {

/// `rows` rows of `panels` neighbouring panels at once.
struct Tile {
  int64_t rows, panels;
};

/// The tiles of a contraction whose rhs is packed in panels of one width.
struct Tiling {
  int64_t lanes;   ///< accumulators of a native vector
  int64_t vectors; ///< of a panel's row
  /// From one row to most. The small ones take several panels, so that there are enough chains of additions to hide the
  /// latency of each; the last is the one for large M, with one panel.
  llvm::SmallVector<Tile, 4> tiles;
  /// A block of `height` rows meets panel after panel, so that large operands pass through the caches seldom. Sums
  /// longer than `depth` are cut, so that a panel stays in the second-level cache while the block's tiles use it; the
  /// block's accumulators wait in memory for the next part.
  int64_t height, depth;
  /// Where sums are at most `shallow` long, a block of `low` rows fits half of that cache: then it stays there while
  /// the panels pass.
  int64_t low, shallow;
  /// Products that are added up one after the other. Longer sums are sums of such chains, which keeps roundings small;
  /// the common libraries have chains of this length, too.
  static constexpr int64_t chain = 192;
  /// A panel of one column has no vectors across columns (`lanes` and `vectors` are 1): there this many vectors of
  /// `along` elements run along k, and their lanes are added up at the end.
  static constexpr int64_t side = 4;
  int64_t along;

  int64_t panel() const { return lanes * vectors; }
  int64_t rows() const { return tiles.back().rows; }
  int64_t panels() const { return tiles.front().panels; }
};

/// The tiles for operands of type `element`; `panel` is a width that panelWidth gave.
Tiling tilingFor(mlir::Type element, int64_t panel, const Cpu &cpu);

/// How many columns a panel of a packed rhs has. With few columns, or a number that would leave much of the last panel
/// empty, a narrower panel is the better one; `columns` is empty where the number is not constant. Wider panels pass
/// through lhs less often: that counts where the elements of its rows are not side by side.
int64_t panelWidth(mlir::Type element, std::optional<int64_t> columns, bool stridedLhs, const Cpu &cpu);

} // namespace nnc::cpu
#endif // NNC_COMPILER_TARGET_CPU_TILES_H
