// One nn.map while it is lowered.
#ifndef NNC_COMPILER_LOWER_MAP_H
#define NNC_COMPILER_LOWER_MAP_H

#include "compiler/lower/Nest.h"

namespace nnc {

class MapLowering {
public:
  MapLowering(nn::MapOp op, Lowering &l);
  void lower();

private:
  using Values = llvm::SmallVector<mlir::Value>;
  /// A row: the addresses where its places begin, and the positions on the axes but the last.
  struct Row {
    const Nest &nest;
    Values starts;
    mlir::ValueRange outer;
    llvm::ArrayRef<mlir::Value> tiles = {}; ///< of inputs that are turned: where the row's vector lies; else null
    Values same = {};                       ///< of inputs that do not change along the row: the element
  };
  int64_t vectorsAtOnce(const Nest::Axis &axis);
  void readSame(Row &row);
  /// The vectors of one row, [from, to) on the last axis.
  void walk(Row &row, mlir::Value from, mlir::Value to);
  void vector(const Row &row, int64_t width, mlir::Value i, mlir::Value mask, mlir::Value count);

  // Inputs that lie across the others are turned tile by tile (MapTiles.cpp).
  std::optional<size_t> axisAcross(const Nest &nest) const;
  bool isTurned(size_t place, const Nest &nest, size_t across) const;
  void lowerInTiles(const Nest &nest);
  void tile(const Nest &nest, Values starts, mlir::ValueRange outer, mlir::Value first, mlir::Value rows, mlir::Value i,
            mlir::Value count, bool full);

  nn::MapOp op;
  Lowering &l;
  llvm::SmallVector<mlir::Type> elements;
  llvm::SmallVector<nn::Shape> strides;
  Values bases;
  size_t inputs;
  int64_t width = 1, several = 1; ///< lanes of a vector, vectors at once
};

} // namespace nnc
#endif // NNC_COMPILER_LOWER_MAP_H
