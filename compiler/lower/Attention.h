// One nn.attend while it is lowered: what its two ways, by tiles and by rows, have in common.
#ifndef NNC_COMPILER_LOWER_ATTENTION_H
#define NNC_COMPILER_LOWER_ATTENTION_H

#include "compiler/lower/Nest.h"
#include "compiler/lower/PairFilter.h"

namespace nnc {

class Attention {
public:
  Attention(nn::AttendOp op, Lowering &l);

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
  /// The score of each pair from its products, -inf where the predicate's rest refuses it or `mask` is not set.
  mlir::Value score(const Pairs &pairs, mlir::ValueRange products, mlir::Value mask);

  /// Rows of a place, from row and column numbers.
  mlir::Value at(size_t place, const Position &position, mlir::Value row, mlir::Value column);
  nn::Dim rowStride(size_t place);
  nn::Dim columnStride(size_t place);
  mlir::Type elementOfPlace(size_t place);
  /// `width` neighbours of a row, as numbers that are summed; `count` as in Pairs.
  mlir::Value read(size_t place, const Position &position, mlir::Value row, mlir::Value column, int64_t width,
                   mlir::Value count);
  /// Divides sums by the sum of the exponentials and writes them; 0 where there is no source.
  void finish(const Position &position, mlir::Value target, mlir::Value sums, mlir::Value from, mlir::Value to,
              mlir::Value largest, mlir::Value total);

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
  size_t value() { return 2 * pairs(); }
  size_t extra(size_t number) { return 2 * pairs() + 1 + number; }
  size_t init(size_t number) { return extra(op.getExtras().size()) + number; }

  nn::AttendOp op;
  Lowering &l;
  mlir::Type sum;
  int64_t lanes, bytes; ///< of sums
  nn::Dim targets, sources, features;
  Nest leading;
  PairFilter filter;
};

/// Tiles of targets with tiles of sources: products of rows are contractions.
void lowerAttentionByTiles(Attention &a);
/// Target by target: each source is read once. For few targets.
void lowerAttentionByRows(Attention &a);

} // namespace nnc
#endif // NNC_COMPILER_LOWER_ATTENTION_H
