// The way back over one neighbourhood: how its derivative is made (NeighbourhoodGradients.cpp) and where what the pairs
// give is collected (NeighbourhoodReads.cpp).
#ifndef NNC_DIALECT_NEIGHBOURHOODGRADIENTS_H
#define NNC_DIALECT_NEIGHBOURHOODGRADIENTS_H

#include "dialect/Dialect.h"

namespace nn {

/// What the indices of a read say about the axes of what is read.
struct Reading {
  /// Of each index: the argument of the body that it is, or is a quotient of.
  llvm::SmallVector<std::optional<unsigned>> plain;
  llvm::SmallVector<int64_t> by; ///< what that is divided by: neighbours share what they read
  uint64_t used = 0;             ///< arguments that the indices depend on, as bits
  bool isComputed = false;       ///< by more than that
};

/// Gives the captured values of a neighbourhood their cotangents; see NeighbourhoodOp::pullback.
class NeighbourhoodBack {
public:
  NeighbourhoodBack(NeighbourhoodOp op, Pullback &p)
      : op(op), p(p), b(p.b), loc(p.loc), forward(op.getBody().front()), kind(op.getCombine()),
        free(op.getFree().getValue().rank()), target(free), source(free + 1), edge(free + 2) {}
  void run();

private:
  using Values = llvm::SmallVector<mlir::Value>;
  /// A copy of the neighbourhood whose body is being written.
  struct Inside {
    mlir::IRMapping map; ///< from the body of the way forward
    mlir::Block *body;
    mlir::ValueRange more; ///< captured in addition
    mlir::Value index(const NeighbourhoodBack &back, unsigned i) const {
      return map.lookup(back.forward.getArgument(i));
    }
  };

  Reading readingOf(AtOp at);
  uint64_t usedBy(mlir::Value v, llvm::DenseMap<mlir::Value, uint64_t> &known);
  NeighbourhoodOp derive(llvm::StringRef combine, bool reversed, mlir::ValueRange more,
                         llvm::function_ref<Values(Inside &)> yields);
  void copy(mlir::Region &from, mlir::Region &to, bool reversed, mlir::TypeRange more, mlir::IRMapping &map);

  void prepare();
  mlir::Value counts();
  mlir::Value overCounts(mlir::Value g);
  mlir::Value winners();
  Values ofPair(Inside &in);
  mlir::Value readAt(Inside &in, unsigned number, bool ofPair = false);
  llvm::SmallVector<unsigned> leading(bool each, bool reversed);

  mlir::Value collect(llvm::ArrayRef<AtOp> reads);
  mlir::Value gathered(mlir::Value all, llvm::ArrayRef<unsigned> lead, AtOp at, const Reading &reading);
  mlir::Value scattered(mlir::Value all, AtOp at);

  NeighbourhoodOp op;
  Pullback &p;
  mlir::OpBuilder &b;
  mlir::Location loc;
  mlir::Block &forward;
  llvm::StringRef kind;
  unsigned free, target, source, edge;
  Values more; ///< that the cotangents of a pair are computed from: see `ofPair`
  mlir::Value reversedGraph;
};

} // namespace nn
#endif // NNC_DIALECT_NEIGHBOURHOODGRADIENTS_H
