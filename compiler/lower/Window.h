// What kernels with windows share: rows of x under one tap, and the writing of results [b, channel, sizes..].
#ifndef NNC_COMPILER_LOWER_WINDOW_H
#define NNC_COMPILER_LOWER_WINDOW_H

#include "compiler/lower/Lowering.h"

namespace nnc {

/// The axes of sizes of x [b, channels, sizes..] and how windows slide over them: always two, the first of a signal
/// [b, channels, L] has one position.
struct WindowAxes {
  nn::Dim size[2] = {1, 1}, positions[2] = {1, 1}, stridesOfX[2] = {0, 0};
  int64_t window[2] = {1, 1}, stride[2] = {1, 1}, padding[2] = {0, 0}, dilation[2] = {1, 1}, spread[2] = {1, 1};

  /// Sizes and strides of x, positions of the result; the rest is the caller's to set, from `first()` on.
  WindowAxes(nn::RefType x, const nn::Shape &result);
  int64_t taps() const { return window[0] * window[1]; }
  /// Positions whose numbers leave the same remainders see the same taps of a spread x.
  int64_t phases() const { return spread[0] * spread[1]; }
  nn::Dim count() const { return positions[0] * positions[1]; }
  int first;
};

/// base + offset elements, which may be outside of the place: the access has a mask then.
mlir::Value anywhere(Lowering &l, mlir::Value base, mlir::Value offset, mlir::Type element);
/// Lanes j with from <= j * step < to; a truth value for width 1.
mlir::Value lanesBetween(Lowering &l, mlir::Value from, mlir::Value to, int64_t step, int64_t width);
/// Elements base[j * step] as integers of their size. Of base[i] those with from <= i < to are there, the others are
/// read as 0; without `to` all of step * width are there.
mlir::Value loadSteps(Lowering &l, mlir::Value base, mlir::Type element, int64_t step, int64_t width,
                      mlir::Value from = {}, mlir::Value to = {});
/// Vectors of positions: those further apart in x than this are read one by one.
constexpr int64_t kLargestStep = 4;

/// Applies the epilogue and writes.
class WindowResults {
public:
  WindowResults(Lowering &l, mlir::ValueRange inits, mlir::ValueRange extras, mlir::Block *epilogue);

  /// All places walk the axes of sizes as one.
  bool joined() const { return isJoined; }
  /// `width` accumulators of batch position b, channel c, from position `at` on: one number where the axes of sizes are
  /// joined, else one for each.
  /// With `apart` they are that many positions of the last axis apart.
  void write(mlir::Value sums, mlir::Value b, mlir::Value c, mlir::ValueRange at, int64_t width, mlir::Value mask,
             mlir::Value count, int64_t apart = 1);

private:
  mlir::Value address(mlir::Value place, mlir::Value b, mlir::Value c, mlir::ValueRange at);

  Lowering &l;
  mlir::ValueRange inits, extras;
  mlir::Block *epilogue;
  bool isJoined;
};

/// A convolution whose result channels see one channel of x each.
void lowerDepthwise(nn::ConvolveOp op, Lowering &l);

} // namespace nnc
#endif // NNC_COMPILER_LOWER_WINDOW_H
