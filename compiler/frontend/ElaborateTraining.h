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

  mlir::Value loss, step;
  Range lossRange;
  struct Group { ///< one `with`
    const With *with;
    const Optimizer *optimizer;
    Frame arguments; ///< hyperparameters
  };
  std::vector<std::unique_ptr<Group>> groups;
  std::vector<std::pair<std::string, mlir::Value>> stores; ///< after the update, by path
};

struct Elaborator::Trained {
  std::string path;
  mlir::Value value;
  Training::Group *group;
  mlir::Value gradient;
};

} // namespace nnc::frontend
