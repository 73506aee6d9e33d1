// Panels of the right operand of a contraction, as its kernels read them.
#ifndef NNC_COMPILER_LOWER_PACK_H
#define NNC_COMPILER_LOWER_PACK_H

#include "compiler/lower/Lowering.h"

namespace nnc {

/// How a panel lies where it comes from.
struct PanelKind {
  mlir::Type type; ///< an integer as wide as an element
  int64_t panel, lanes;
  mlir::Value kStride, nStride;
  bool unitN, unitK; ///< which neighbours lie side by side

  PanelKind(Lowering &l, mlir::Type element, int64_t panel, const nn::Dim &kStride, const nn::Dim &nStride);
};

/// As many vectors as each has elements: rows become columns.
llvm::SmallVector<mlir::Value> transposed(llvm::SmallVector<mlir::Value> rows, Lowering &l);

/// Makes one panel [k, panel] of `columns` columns, at least one; those that are not there become zeros.
void packPanel(Lowering &l, const PanelKind &kind, mlir::Value k, mlir::Value from, mlir::Value to,
               mlir::Value columns);

} // namespace nnc
#endif // NNC_COMPILER_LOWER_PACK_H
