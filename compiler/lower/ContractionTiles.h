// The kernel of a contraction: a tile of the result in registers. One function per tile and type, shared by all
// contractions of a module.
#ifndef NNC_COMPILER_LOWER_CONTRACTIONTILES_H
#define NNC_COMPILER_LOWER_CONTRACTIONTILES_H

#include "compiler/lower/Lowering.h"
#include "compiler/target/cpu/Tiles.h"

namespace nnc {

/// What the kernels of a contraction are made for.
struct TileKind {
  mlir::Type element, accumulator;
  const cpu::Tiling &tiling;
  bool unitK; ///< elements of a row of lhs lie side by side
  /// Numbers of vectors that the last panel may have in use where they are not all, in descending order.
  llvm::SmallVector<int64_t, 4> narrow;
};

/// The arguments of the kernels, in order. Strides and counts are i64 and count elements, `more` is i1.
struct TileCall {
  mlir::Value lhs, rowStride, kStride; ///< first row, to the next row, to the next element of a row
  mlir::Value rhs, panelStride;        ///< first panel, to the next panel
  mlir::Value k;                       ///< length of the sums
  mlir::Value out, outStride;          ///< accumulators: full rows of the tile's panels, whatever is there
  mlir::Value rows, panels;            ///< how many there are, at least 1; no others are read
  mlir::Value more;                    ///< the sums begin with what `out` has, not with zero
  mlir::Value vectors;                 ///< in use of the first panel; the kernel does not get it
};

/// Calls the kernel for the smallest tile that has the rows, making it if the module does not have it yet.
void callTile(Lowering &l, const TileKind &kind, const TileCall &call);

} // namespace nnc
#endif // NNC_COMPILER_LOWER_CONTRACTIONTILES_H
