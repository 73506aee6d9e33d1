// Tiles of targets with tiles of sources: products of rows, and sums of values, by the kernels of contractions.
#ifndef NNC_COMPILER_LOWER_PAIRTILES_H
#define NNC_COMPILER_LOWER_PAIRTILES_H

#include "compiler/lower/ContractionTiles.h"
#include "compiler/lower/DensePairs.h"
#include "compiler/lower/Pack.h"

namespace nnc {

/// What a kernel over pairs does by tiles. What becomes of the products is the kernel's own.
class PairTiles {
public:
  void lower();

protected:
  /// `weights` numbers are computed for each pair; `targets` of a unit at most, a multiple of `strip`, which is a
  /// multiple of all heights of register tiles.
  PairTiles(DensePairs &a, size_t weights, int64_t targets, int64_t strip);
  virtual ~PairTiles() = default;

  /// At the beginning of the function: memory for numbers of a unit's targets.
  virtual void allocate() = 0;
  /// Nothing has been summed for the unit's targets.
  virtual void begin() = 0;
  /// Numbers of the strip's pairs from their products, in the places of these; asked for once with the predicate, and
  /// once for strips all of whose pairs count.
  virtual void computePairs(bool masked) = 0;
  /// Then, before weights are multiplied with values.
  virtual void computeWeights() {}
  /// Writes the results of target `r` of the unit.
  virtual void finish(mlir::Value r) = 0;

  /// A vector of pairs.
  struct Step {
    DensePairs::Pairs pairs;
    mlir::Value column; ///< relative to the tile
    llvm::ArrayRef<mlir::Value> products;
    mlir::Value mask; ///< null: all count
  };
  /// Walks the pairs of target `r` that are in the tile; with `masked` those that do not count are told.
  llvm::SmallVector<mlir::Value>
  forPairs(mlir::Value r, bool masked, mlir::ValueRange init,
           llvm::function_ref<llvm::SmallVector<mlir::Value>(const Step &, mlir::ValueRange carried)> body);
  /// Where number `n` of a pair is: product, then weight.
  mlir::Value place(size_t n, mlir::Value r, mlir::Value column);
  /// The sums of target `r` for a value, and where they begin and end among its columns.
  mlir::Value sumsOf(size_t value, mlir::Value r);
  int64_t sumsWidth(size_t value) { return values[value].width; }
  mlir::Value columnsEnd(size_t value) { return l.add(fromFeature, values[value].features); }
  mlir::Value numbersOfTargets() { return l.stack(a.sum, unitTargets + kHeights); }

  DensePairs &a;
  Lowering &l;
  int64_t width; ///< of a vector of pairs
  DensePairs::Position position;
  mlir::Value firstTarget, targets; ///< of the unit
  mlir::Value fromFeature;          ///< of this turn
  mlir::Value firstSource, count;   ///< of the tile
  mlir::Value stripFrom, stripTo;   ///< relative to the unit
  mlir::Value low, high;            ///< sources of the strip, relative to the tile

private:
  static constexpr int64_t kHeights = 24; ///< a multiple of all heights of register tiles
  /// A value, and the sums that it is added to.
  struct Summed {
    cpu::Tiling tiling;
    int64_t width;            ///< of a row of sums
    mlir::Value packed, sums; ///< of the tile; of the unit
    mlir::Value features;     ///< of this turn
  };

  void allocateTiles();
  void lowerUnit();
  void lowerTurn();
  void lowerSources(mlir::Value from);
  void lowerStrip(mlir::Value from);
  void copyQueries(size_t pair, mlir::Value from, mlir::Value rows, mlir::Value fromColumn, mlir::Value columns,
                   mlir::Value to);
  void packKeys(size_t pair, mlir::Value fromColumn, mlir::Value columns, mlir::Value to);
  void packValues(size_t value);
  void pack(size_t place, const PanelKind &kind, mlir::Value k, mlir::Value row, mlir::Value column,
            mlir::Value columns, mlir::Value to);
  void multiplyKeys(size_t pair, mlir::Value queries, mlir::Value keys, mlir::Value columns, mlir::Value more);
  void multiplyValues(size_t value);
  mlir::Value row(mlir::Value base, mlir::Value number, int64_t width) {
    return l.advance(base, l.mul(number, l.constant(width)), a.sum);
  }
  nn::Dim depthOf(size_t pair) { return nn::shapeOf(a.op.getQueries()[pair].getType()).dims.back(); }

  int64_t block, unitTargets, strip; ///< sources of a tile; targets of a unit, of a strip
  size_t slots;                      ///< numbers of a pair
  cpu::Tiling keyTiling;
  int64_t part; ///< of a query's row
  bool whole;   ///< the queries of a unit fit
  int64_t featureBlock;
  llvm::SmallVector<int64_t> queryOffsets; ///< of each pair in a row of queries
  int64_t queryWidth = 0;
  llvm::SmallVector<Summed> values;
  mlir::Value queries, keys, scores, narrow;
};

} // namespace nnc
#endif // NNC_COMPILER_LOWER_PAIRTILES_H
