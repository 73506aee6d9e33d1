// Which values are weights.
#ifndef NNC_COMPILER_OPTIMIZE_WEIGHTS_H
#define NNC_COMPILER_OPTIMIZE_WEIGHTS_H

#include "mlir/IR/Value.h"

namespace nnc {

/// A parameter, a slice of a stacked one in a loop over copies, or a view of these: packed once, not in every call.
bool isWeight(mlir::Value v);

} // namespace nnc
#endif // NNC_COMPILER_OPTIMIZE_WEIGHTS_H
