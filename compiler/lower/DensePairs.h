// A kernel over all pairs of targets and sources while it is lowered: where its operands lie, which pairs count, and
// the arithmetic of sums.
#ifndef NNC_COMPILER_LOWER_DENSEPAIRS_H
#define NNC_COMPILER_LOWER_DENSEPAIRS_H

#include "compiler/lower/Nest.h"
#include "compiler/lower/PairFilter.h"

namespace nnc {

class DensePairs {
public:
  DensePairs(nn::PairsOpInterface op, Lowering &l);

  /// A leading position: where each place begins there, and the position on each leading axis.
  struct Position {
    llvm::SmallVector<mlir::Value> bases, axes;
  };
  /// A vector of sources of one target.
  struct Pairs {
    const Position &position;
    mlir::Value target, source; ///< of the first lane
    mlir::Value count;          ///< sources that are there, from the first lane on; null: all lanes are
    int64_t width;
  };

  Position positionOf(mlir::Value number);
  /// The filter's numbers for a leading position.
  void enter(const Position &position);
  /// What a region yields for each pair from its products; `refused` where the predicate's rest refuses it or `mask` is
  /// not set.
  llvm::SmallVector<mlir::Value> compute(mlir::Region &region, const Pairs &pairs, mlir::ValueRange products,
                                         mlir::Value mask, double refused);

  /// Rows of a place, from row and column numbers.
  mlir::Value at(size_t place, const Position &position, mlir::Value row, mlir::Value column);
  nn::Dim rowStride(size_t place);
  nn::Dim columnStride(size_t place);
  mlir::Type elementOfPlace(size_t place);
  /// `width` neighbours of a row, as numbers that are summed; `count` as in Pairs.
  mlir::Value read(size_t place, const Position &position, mlir::Value row, mlir::Value column, int64_t width,
                   mlir::Value count);
  /// Writes the columns [from, to) of a target's row from its sums, each times `factor`, if there is one.
  void write(size_t place, const Position &position, mlir::Value target, mlir::Value sums, mlir::Value from,
             mlir::Value to, mlir::Value factor);

  mlir::Value number(double value, int64_t width); ///< of the type that is summed in
  mlir::Value select(mlir::Value c, mlir::Value a, mlir::Value b);
  mlir::Value larger(mlir::Value a, mlir::Value b); ///< b where a is no number
  mlir::Value exp(mlir::Value x);
  /// All lanes as one.
  mlir::Value fold(mlir::Value v, llvm::function_ref<mlir::Value(mlir::Value, mlir::Value)> combine);
  mlir::Value plus(mlir::Value a, mlir::Value b);
  mlir::Value minus(mlir::Value a, mlir::Value b);
  mlir::Value times(mlir::Value a, mlir::Value b);
  mlir::Value multiplyAdd(mlir::Value a, mlir::Value b, mlir::Value sum);
  mlir::Value roundUp(mlir::Value v, int64_t unit) { return l.mul(l.ceilQuotient(v, unit), l.constant(unit)); }
  mlir::Value roundDown(mlir::Value v, int64_t unit) { return l.mul(l.quotient(v, unit), l.constant(unit)); }

  size_t pairs() { return op.getQueries().size(); }
  size_t query(size_t pair) { return pair; }
  size_t key(size_t pair) { return pairs() + pair; }
  size_t value(size_t number) { return 2 * pairs() + number; }
  size_t extra(size_t number) { return value(op.getValues().size()) + number; }
  size_t init(size_t number) { return extra(op.getExtras().size()) + number; }
  /// Columns of a value.
  nn::Dim features(size_t number) { return nn::shapeOf(op.getValues()[number].getType()).dims.back(); }

  nn::PairsOpInterface op;
  Lowering &l;
  mlir::Type sum;
  int64_t lanes, bytes; ///< of sums
  nn::Dim targets, sources;
  Nest leading;
  PairFilter filter;
};

} // namespace nnc
#endif // NNC_COMPILER_LOWER_DENSEPAIRS_H
