// The kernel of a contraction: a tile of the result in registers. One function per tile and type, shared by all
// contractions of a module.
#ifndef NNC_COMPILER_LOWER_CONTRACTIONTILES_H
#define NNC_COMPILER_LOWER_CONTRACTIONTILES_H

#include "compiler/lower/Lowering.h"
#include "compiler/target/cpu/Tiles.h"

namespace nnc {

/// What a tile kernel is made for.
struct TileKind {
  mlir::Type element, accumulator;
  const cpu::Tiling &tiling;
  cpu::Tile tile;
  bool unitK; ///< elements of a row of lhs lie side by side
};

/// The arguments of a tile kernel, in order; all but the pointers are i64, strides count elements.
struct TileCall {
  mlir::Value lhs, rowStride, kStride; ///< first row, to the next row, to the next element of a row
  mlir::Value rhs, panelStride;        ///< first panel, to the next panel
  mlir::Value k;                       ///< length of the sums
  mlir::Value out, outStride;          ///< accumulators, row-major: `rows` rows of `panels * panel`
  mlir::Value rows, panels;            ///< how many there are, at least 1; the kernel writes more, but reads no more
};

/// Calls the kernel, making it if the module does not have it yet.
void callTile(Lowering &l, const TileKind &kind, const TileCall &call);

} // namespace nnc
#endif // NNC_COMPILER_LOWER_CONTRACTIONTILES_H
