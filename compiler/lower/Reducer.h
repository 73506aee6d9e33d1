// The reductions of a row, as accumulators of one value per lane.
#ifndef NNC_COMPILER_LOWER_REDUCER_H
#define NNC_COMPILER_LOWER_REDUCER_H

#include "compiler/lower/Lowering.h"
#include "compiler/lower/Math.h"

namespace nnc {

/// One reduction (or running sum) at a width.
class Reducer {
public:
  Reducer(mlir::Operation *op, Lowering &l, int64_t width);

  using Values = llvm::SmallVector<mlir::Value>;
  /// What is carried from turn to turn, before the first one.
  Values init();
  /// Takes in one vector of the row. Lanes that `mask` (if any) leaves out do not count. `position` is that in the row,
  /// i64 per lane; only positions() ask for it.
  Values step(mlir::ValueRange carried, mlir::Value x, mlir::Value mask, mlir::Value position);
  bool wantsPositions() const { return arg; }
  size_t carries() const { return arg || keepsNaN() ? 2 : 1; }
  /// Long sums of floats are made of sums of parts, so that errors do not grow with the length.
  bool isOfParts() const { return sum && llvm::isa<mlir::FloatType>(accumulator); }
  Values addPart(mlir::ValueRange total, mlir::ValueRange part);
  /// The result. With `acrossLanes` the lanes are parts of one row, joined in halves; otherwise each is a row of its
  /// own.
  mlir::Value finish(mlir::ValueRange carried, bool acrossLanes);

private:
  /// The largest and smallest of floats: NaN is kept apart, so that each turn waits for one instruction only.
  bool keepsNaN() const { return !sum && !arg && llvm::isa<mlir::FloatType>(accumulator); }
  Num combine(Num a, Num b);
  Num number(mlir::Value v) { return {code, v}; }
  Num better(Num a, Num i, Num c, Num j);

  Lowering &l;
  Code code;
  int64_t width;
  bool sum, arg, largest; ///< largest: max, argmax, any
  mlir::Type accumulator, result;
};

/// The type in which elements are summed: f32 for 16-bit floats, `result` for integers.
mlir::Type sumType(mlir::Type element, mlir::Type result);

/// The running sums of one vector that continue `carried`, and what the next vector continues. With `acrossLanes` the
/// lanes follow each other in one row (`carried` is a scalar); otherwise each lane is a row of its own. With `reverse`
/// the sums run from the last lane to the first.
struct RunningSum {
  mlir::Value sums, carried;
};
RunningSum runningSum(mlir::Value carried, mlir::Value x, bool acrossLanes, bool reverse, Lowering &l);

} // namespace nnc
#endif // NNC_COMPILER_LOWER_REDUCER_H
