// A neighbourhood over all pairs, seen as what a kernel over pairs (nn.attend, nn.pair_sums) takes: products of rows,
// and single numbers.
#ifndef NNC_COMPILER_OPTIMIZE_PAIROPERANDS_H
#define NNC_COMPILER_OPTIMIZE_PAIROPERANDS_H

#include "compiler/optimize/Differences.h"
#include "compiler/optimize/KernelBody.h"

#include "llvm/ADT/SetVector.h"

namespace nnc {

class PairOperands {
public:
  explicit PairOperands(nn::NeighbourhoodOp op);

  /// What an axis is read at.
  struct Position {
    enum Kind { Free, Divided, Target, Source, Fixed, Other } kind = Other;
    int64_t number = 0; ///< of the free index; the place of a fixed one
    int64_t by = 1;     ///< Divided
  };
  bool reads(nn::AtOp at, Position::Kind kind);

  /// Takes values of the body and the predicate apart: products of a row read at the target and one read at the source;
  /// reads of single numbers; elementwise work on these and on the indices. False: they can not be had this way.
  bool collect(llvm::ArrayRef<mlir::Value> ends);
  /// Makes operands of what was collected. False, and there may be views that nothing uses: strides can not say it.
  bool makeOperands();
  /// The row that is read, for all leading positions and all sources (or all targets): a view [leading.., sources,
  /// elements]. Null if strides can not say it.
  mlir::Value rows(nn::AtOp at, bool ofTargets = false);

  /// Whether there is a predicate that refuses something.
  bool hasWhere() const { return !always; }
  void fillWhere(mlir::Region &to);
  /// The other region of the kernel, elements instead of tensors without axes: `finish` gives what it yields from the
  /// collected ends.
  void fill(mlir::Region &to, llvm::function_ref<llvm::SmallVector<mlir::Value>(KernelBody &body)> finish);
  /// What a body has for a value, in the type in which is summed.
  mlir::Value asSum(KernelBody &body, mlir::Value v);
  mlir::Type sumType();
  /// Where the program used the neighbourhood's result it uses the kernel's, whose leading axes are others.
  void replace(mlir::Value old, mlir::Value result);
  /// `[leading.., targets]`; a free index that is divided somewhere stands for two axes.
  nn::Shape targetShape() const;

  nn::NeighbourhoodOp op;
  mlir::OpBuilder b;
  mlir::Location loc;
  nn::Shape leading;
  llvm::SmallVector<mlir::Value> queries, keys, extras;

private:
  /// Two rows whose products are summed.
  struct Product {
    mlir::Value result;
    nn::AtOp query, key;
  };

  Position positionOf(mlir::Value index);
  bool isReadable(nn::AtOp at);
  Differences differencesAt(nn::AtOp at);
  bool chooseGroups();
  std::optional<Product> productOf(mlir::Value v);
  bool collect(llvm::ArrayRef<mlir::Value> ends, llvm::SmallVectorImpl<Product> &into);
  mlir::Value operand(nn::AtOp at, bool targets, bool sources, size_t trailing);
  mlir::Value asRows(mlir::Value x);
  mlir::Value scalarOperand(mlir::Value v);
  void fill(mlir::Region &from, mlir::Region &to, llvm::ArrayRef<mlir::Value> ends, llvm::ArrayRef<Product> products,
            llvm::function_ref<llvm::SmallVector<mlir::Value>(KernelBody &body)> finish);

  size_t free;
  llvm::SmallVector<int64_t> groups; ///< by free index: 1, or how many neighbours share what is read at a quotient
  llvm::SmallVector<mlir::Value> ends;
  llvm::SmallVector<Product> products;
  llvm::SetVector<mlir::Value> scalars; ///< of the regions: read at a pair, or captured
  bool always;
};

} // namespace nnc
#endif // NNC_COMPILER_OPTIMIZE_PAIROPERANDS_H
