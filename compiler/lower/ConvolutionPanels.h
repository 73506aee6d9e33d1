// What the windows of a convolution see, as panels for the kernels of contractions.
#ifndef NNC_COMPILER_LOWER_CONVOLUTIONPANELS_H
#define NNC_COMPILER_LOWER_CONVOLUTIONPANELS_H

#include "compiler/lower/Window.h"

namespace nnc {

/// Channels and taps (numbered row by row) of a part of the sums.
struct WindowPart {
  mlir::Value channel, channelEnd, tap, tapEnd;
};

WindowAxes axesOf(nn::ConvolveOp op);

class WindowPanels {
public:
  WindowPanels(Lowering &l, const WindowAxes &axes, mlir::Type element) : l(l), axes(axes), element(element) {}

  /// Copies into `panel`, of `width` columns, the elements under the windows at the positions [from, to). A row is a
  /// channel and a tap, in the order of the weights, or all channels of a tap before the next tap; x is the part's
  /// first channel.
  void copy(mlir::Value x, mlir::Value channelStride, const WindowPart &part, mlir::Value from, mlir::Value to,
            mlir::Value panel, int64_t width, int64_t lanes, bool byTap);

private:
  struct Chunk {
    mlir::Value from, to;         ///< elements of the row of x that are there, seen from `x`
    mlir::Value x, channelStride; ///< the first lane's element
    mlir::Value panel;            ///< where it goes
    mlir::Value room;             ///< columns from there on
    mlir::Value channels, rowStride;
    int64_t lanes, step;
  };
  void copyChunk(const Chunk &chunk);

  Lowering &l;
  const WindowAxes &axes;
  mlir::Type element;
};

} // namespace nnc
#endif // NNC_COMPILER_LOWER_CONVOLUTIONPANELS_H
