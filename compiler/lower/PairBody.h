// The bodies of neighbourhoods: values of one pair of target and source, computed where they are wanted.
#ifndef NNC_COMPILER_LOWER_PAIRBODY_H
#define NNC_COMPILER_LOWER_PAIRBODY_H

#include "compiler/lower/Lowering.h"

#include <map>

namespace nnc {

/// One region of a nn.neighbourhood. Values of rank 0 are scalars; of others a vector is computed at a time.
class PairBody {
public:
  PairBody(nn::NeighbourhoodOp op, mlir::Region &region, Lowering &l, int64_t width);

  /// Where the elements of a vector lie: a number for each axis; along axis `lanes` (if any) they follow each other
  /// from there. A vector at the end of its axis has a mask and the number of its elements.
  struct Position {
    llvm::SmallVector<mlir::Value> at;
    int lanes = -1;
    mlir::Value mask, count;
  };

  /// What is computed while it lives is forgotten after it: code inside a loop or a branch.
  class Scope {
  public:
    explicit Scope(PairBody &body) : body(body) { body.known.emplace_back(); }
    ~Scope() { body.known.pop_back(); }

  private:
    PairBody &body;
  };

  /// Gives an index its value: free ones first, then target, source, edge.
  void set(unsigned index, mlir::Value value);
  bool uses(unsigned index);

  mlir::Value scalar(mlir::Value v);
  mlir::Value vector(mlir::Value v, const Position &p);
  /// Computes the scalars that `v` needs, so that they do not stand in the loops that compute vectors of it.
  void prepare(mlir::Value v);
  /// Computes what is the same for all pairs of a target: scalars, and the vectors that `v` at `p` needs.
  void prepareRow();
  void prepareRow(mlir::Value v, const Position &p);
  /// Whether a value is the same for all pairs of a target, and needs no check.
  bool isOfRow(mlir::Value v);

  mlir::Value yielded(unsigned i) { return block.getTerminator()->getOperand(i); }
  /// The number that reports name: of the edge, or of the pair.
  mlir::Value number;

private:
  using Key = std::pair<void *, llvm::SmallVector<void *>>;
  Key keyOf(mlir::Value v, const Position &p);
  mlir::Value find(const Key &key);
  void keep(const Key &key, mlir::Value v) { known.back()[key] = v; }

  void prepareRow(mlir::Value v, const Position &p, llvm::DenseSet<mlir::Value> &seen);
  mlir::Value compute(mlir::Value v, const Position &p);
  mlir::Value read(nn::AtOp op, const Position &p);
  mlir::Value bound(nn::BoundOp op);
  mlir::Value elementwise(mlir::Operation *op, const Position &p);
  mlir::Value reduce(mlir::Operation *op, const Position &p);
  Position moved(nn::BroadcastOp op, const Position &p);
  int64_t widthAt(const Position &p) { return p.lanes < 0 ? 1 : width; }

  nn::NeighbourhoodOp op;
  mlir::Block &block;
  Lowering &l;
  int64_t width;
  mlir::Value zero;
  std::vector<std::map<Key, mlir::Value>> known;
  llvm::DenseMap<mlir::Value, bool> ofRow;
};

} // namespace nnc
#endif // NNC_COMPILER_LOWER_PAIRBODY_H
