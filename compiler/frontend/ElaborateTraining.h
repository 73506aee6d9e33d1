// A `train` block while its entry is made.
#pragma once

#include "compiler/frontend/Elaborator.h"

namespace nnc::frontend {

/// Whether the path of a tensor fits a pattern: `*` within a part, `**.` any parts or none; what fits a layer's path
/// means all below it.
bool pathMatches(llvm::StringRef pattern, llvm::StringRef path);

struct Elaborator::Training {
  std::string name; ///< of the entry
  std::vector<const Text *> frozen, evaluated;
  double clipNorm = 0, clipValue = 0, accumulate = 1, average = 0;

  llvm::DenseSet<mlir::Value> untouched; ///< old values of what stands below `freeze`

  mlir::Value loss, step;
  Range lossRange;
  struct Group { ///< one `with`
    const With *with;
    const Optimizer *optimizer;
    Frame arguments; ///< hyperparameters
  };
  std::vector<std::unique_ptr<Group>> groups;
  /// New values, by path: after each call, and after each update (of which there is one in `accumulate` calls).
  std::vector<std::pair<std::string, mlir::Value>> always, stores;
};

struct Elaborator::Trained {
  std::string path;
  std::vector<int64_t> repeats; ///< (first, number) of each `repeat` around it, the outermost one first
  mlir::Value value;
  Training::Group *group;
  mlir::Value gradient;
};

} // namespace nnc::frontend
