// Numbers that depend on two positions by their difference alone: relative positions, in buckets or not.
#ifndef NNC_COMPILER_OPTIMIZE_DIFFERENCES_H
#define NNC_COMPILER_OPTIMIZE_DIFFERENCES_H

#include "dialect/Dialect.h"

namespace nnc {

class Differences {
public:
  /// Of the positions `source` and `target`, arguments of a body.
  Differences(mlir::Value source, mlir::Value target) : source(source), target(target) {}

  /// Whether an integer of the body is computed from `source - target` and constants only, and is in 0 .. limit - 1
  /// whatever the difference is.
  bool isIndex(mlir::Value v, int64_t limit);
  /// The integer for each difference from -targets to sources - 1, in order: a tensor of one axis.
  mlir::Value forAll(mlir::Value v, const nn::Dim &targets, const nn::Dim &sources, mlir::OpBuilder &b);

private:
  struct Range {
    double low, high;
  };
  /// -1: target - source; 0: something else.
  int sign(mlir::Value v);
  std::optional<Range> rangeOf(mlir::Value v);

  mlir::Value source, target;
};

} // namespace nnc
#endif // NNC_COMPILER_OPTIMIZE_DIFFERENCES_H
