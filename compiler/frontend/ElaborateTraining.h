// A `train` block while its entry is made.
#pragma once

#include "compiler/frontend/Elaborator.h"

#include <map>

namespace nnc::frontend {

/// Whether the path of a tensor fits a pattern: `*` within a part, `**.` any parts or none; what fits a layer's path
/// means all below it.
bool pathMatches(llvm::StringRef pattern, llvm::StringRef path);

/// Copies of a parameter in each `repeat` around it, the outermost one first; without `repeat` it is one itself.
struct Copies {
  struct Run {
    int64_t first, count; ///< along an axis of the stacked copies
  };
  std::vector<Run> runs;
};

struct Elaborator::Training {
  std::string name; ///< of the entry
  std::vector<const Text *> frozen, evaluated;
  double clipNorm = 0, clipValue = 0, accumulate = 1, average = 0;
  bool isPrecisionLow = false; ///< `precision bf16`

  llvm::DenseMap<mlir::Value, std::vector<Copies>> untouched; ///< by old value: what stands below `freeze`

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
  mlir::Value value, gradient;  ///< of all copies
  struct Part {                 ///< copies with one optimizer
    Training::Group *group;
    Copies copies;
  };
  std::vector<Part> parts;

  /// What a train step keeps for this parameter, of all copies; parts that keep the same share it.
  struct Kept {
    mlir::Value value; ///< that of this step
    double initial;
  };
  std::map<std::string, Kept> kept; ///< by name
};

} // namespace nnc::frontend
