// One nn.attend while it is lowered: what its two ways, by tiles and by rows, have in common.
#ifndef NNC_COMPILER_LOWER_ATTENTION_H
#define NNC_COMPILER_LOWER_ATTENTION_H

#include "compiler/lower/DensePairs.h"

namespace nnc {

class Attention : public DensePairs {
public:
  Attention(nn::AttendOp op, Lowering &l) : DensePairs(op, l), attend(op) {}

  /// The score of each pair from its products, -inf where the pair does not count.
  mlir::Value score(const Pairs &pairs, mlir::ValueRange products, mlir::Value mask);
  /// Divides sums by the sum of the exponentials and writes them; 0 where there is no source.
  void finish(const Position &position, mlir::Value target, mlir::Value sums, mlir::Value from, mlir::Value to,
              mlir::Value largest, mlir::Value total);

private:
  nn::AttendOp attend;
};

/// Tiles of targets with tiles of sources: products of rows are contractions.
void lowerAttentionByTiles(Attention &a);
/// Target by target: each source is read once. For few targets.
void lowerAttentionByRows(Attention &a);

} // namespace nnc
#endif // NNC_COMPILER_LOWER_ATTENTION_H
