// What a training step keeps for its way back, read from the places of its entry.
#ifndef NNC_COMPILER_REPORT_CROSSING_H
#define NNC_COMPILER_REPORT_CROSSING_H

#include "dialect/Dialect.h"

#include "llvm/ADT/SetVector.h"

namespace nnc::report {

/// A place that the way forth writes and the way back reads.
struct Saved {
  std::string layer; ///< that wrote it last; "" outside of all
  nn::Shape shape;
  mlir::Type element;
  nn::Dim bytes() const;
};

/// Operations of a layer that are done again on the way back.
struct Repeated {
  std::string layer;
  llvm::SetVector<llvm::StringRef> operations;
};

struct Crossing {
  std::vector<Saved> saved;
  std::vector<Repeated> repeated;
};

/// Of an entry between the memory phase's `workspace` and the first pass that makes kernels into functions.
Crossing findCrossing(mlir::func::FuncOp entry);

} // namespace nnc::report
#endif // NNC_COMPILER_REPORT_CROSSING_H
