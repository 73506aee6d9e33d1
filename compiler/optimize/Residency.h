// Where the values in the body of a neighbourhood live: at nodes, at edges, at pairs, or nowhere in particular.
#ifndef NNC_COMPILER_OPTIMIZE_RESIDENCY_H
#define NNC_COMPILER_OPTIMIZE_RESIDENCY_H

#include "dialect/Dialect.h"

#include "llvm/ADT/DenseMap.h"

namespace nnc {

/// A set of indices of a neighbourhood: bit i stands for argument i of its regions. In their order (free indices,
/// target, source, edge) they are the leading axes of what is computed for all of them at once.
using Axes = uint64_t;

class Residency {
public:
  explicit Residency(nn::NeighbourhoodOp op);

  unsigned indexCount() const { return count; }
  Axes target() const { return Axes(1) << free; }
  Axes source() const { return Axes(2) << free; }
  Axes edge() const { return overGraph ? Axes(4) << free : 0; }
  Axes everywhere() const { return (Axes(1) << count) - 1; }
  /// The index that this is an argument for; nothing for captures and computed values.
  std::optional<unsigned> indexOf(mlir::Value v) const;
  /// The number of the capture that this is an argument for.
  std::optional<unsigned> captureOf(mlir::Value v) const;
  /// The size of the axis of index i.
  nn::Dim size(unsigned index) const;

  /// The indices that a value depends on. An edge stands for its ends, and both ends of a pair in a graph for the edge.
  Axes of(mlir::Value v);
  Axes normal(Axes axes) const;
  /// At most one end, and no edge: there is one value per node, or fewer.
  bool isNodeSide(Axes axes) const;

private:
  Axes raw(mlir::Value v);

  mutable nn::NeighbourhoodOp op; // accessors of operations are not const
  unsigned free, count;
  bool overGraph;
  llvm::DenseMap<mlir::Value, Axes> known;
};

/// The regions of a neighbourhood that there are: `where`, then the body.
llvm::SmallVector<mlir::Block *, 2> bodiesOf(nn::NeighbourhoodOp op);
/// The neighbourhoods of a function, in order; those in bodies of others not.
llvm::SmallVector<nn::NeighbourhoodOp> neighbourhoodsOf(mlir::func::FuncOp function);

} // namespace nnc
#endif // NNC_COMPILER_OPTIMIZE_RESIDENCY_H
