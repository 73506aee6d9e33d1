// A slice of the body of a neighbourhood, computed outside for all nodes, edges or pairs at once.
#ifndef NNC_COMPILER_OPTIMIZE_BATCH_H
#define NNC_COMPILER_OPTIMIZE_BATCH_H

#include "compiler/optimize/Residency.h"

namespace nnc {

/// A tensor whose leading axes are those of a set of indices, in their order.
struct Batched {
  mlir::Value tensor; ///< null: it could not be computed
  Axes axes = 0;
};

/// Values of the body over all of the indices that they depend on.
///
/// 1. A value becomes a tensor whose leading axes are the indices it depends on, in their order, and no others: what
///    one node decides is computed once per node, wherever it is used.
/// 2. Where values of different indices meet, both are brought to the union: a new axis is a broadcast (a view); the
///    rows of nodes become rows of edges by a gather with the ends of the edges.
/// 3. Elementwise work that brings values of nodes to edges becomes a neighbourhood of its own, `each` of the edges: it
///    reads the rows of the nodes where they lie.
/// 4. A read by plain indices is a transposed view of the whole tensor; by computed ones a gather, whose flat index is
///    checked part by part. Pairs that `where` refuses read row 0 instead.
/// 5. A contraction keeps what only one operand depends on as m or n axes, and what both depend on as batch axes: a
///    product with a weight is one large product.
/// 6. Everything else works on trailing axes, and these keep their places behind the new ones.
class Batch {
public:
  /// What is made is put before the neighbourhood.
  Batch(nn::NeighbourhoodOp op, Residency &residency);

  /// Of a value of one of the regions.
  Batched get(mlir::Value v);
  /// With all of `axes`, which contain those of x.
  mlir::Value expand(Batched x, Axes axes, mlir::Location loc);
  /// Neighbourhoods that were made for values of edges; their bodies are not in kernel form yet.
  llvm::ArrayRef<nn::NeighbourhoodOp> made() const { return edges; }
  /// Whether an operation works on trailing axes alone.
  static bool keepsLeadingAxes(mlir::Operation *op);
  /// An operation of the body that could not be batched; null: everything could.
  mlir::Operation *refused() const { return culprit; }

private:
  Batched compute(mlir::Operation *op, unsigned result);
  Batched onTrailingAxes(mlir::Operation *op, unsigned result);
  Batched draw(mlir::Operation *op);
  bool meetsEnds(mlir::Operation *last);
  Batched eachEdge(mlir::Operation *op);
  Batched contract(nn::ContractOp op);
  Batched at(nn::AtOp op);
  Batched gather(mlir::Operation *op, Batched x, Batched index, int64_t axis, int64_t batch);
  Batched slice(nn::SliceOp op);
  Batched refuse(mlir::Operation *op);

  Axes lifted(Axes own, Axes all) const;
  mlir::Value guarded(mlir::Value index, Axes axes, mlir::Operation *user);
  mlir::Value ends(bool target, mlir::Location loc);
  nn::Shape shapeWith(Axes axes, const nn::Shape &trailing) const;
  mlir::Value transposed(mlir::Value x, llvm::ArrayRef<int64_t> order, mlir::Location loc);

  nn::NeighbourhoodOp op;
  Residency &residency;
  mlir::OpBuilder b;
  llvm::DenseMap<mlir::Value, Batched> done;
  mlir::Value endsOfEdges[2];
  mlir::Operation *culprit = nullptr;
  llvm::SmallVector<nn::NeighbourhoodOp> edges;
};

} // namespace nnc
#endif // NNC_COMPILER_OPTIMIZE_BATCH_H
