// What becomes of the bodies of neighbourhoods; see PrepareNeighbourhoods.cpp.
#ifndef NNC_COMPILER_OPTIMIZE_PREPARE_H
#define NNC_COMPILER_OPTIMIZE_PREPARE_H

#include "compiler/optimize/Residency.h"

namespace nnc {

/// What the lowering computes for one pair, as it stands in a body.
bool isWorkOfPair(mlir::Operation *op, Residency &residency);
/// Moves out of the bodies what costs more than a read and depends on one end of an edge at most. What depends on more
/// stays.
void moveToNodes(nn::NeighbourhoodOp op);
/// Whether the value needs work at edges of a graph that the lowering does not do for one pair.
bool needsEdges(mlir::Value v, Residency &residency);
/// Whether something that the regions yield does.
bool needsEdges(nn::NeighbourhoodOp op);
/// Drops captured values that the regions do not use.
void dropCaptures(nn::NeighbourhoodOp op);

} // namespace nnc
#endif // NNC_COMPILER_OPTIMIZE_PREPARE_H
