// What becomes of the bodies of neighbourhoods; see PrepareNeighbourhoods.cpp.
#ifndef NNC_COMPILER_OPTIMIZE_PREPARE_H
#define NNC_COMPILER_OPTIMIZE_PREPARE_H

#include "compiler/optimize/Residency.h"

namespace nnc {

/// Products with a weight that each pair chooses become loops over the weights, or sums of products; may replace the
/// neighbourhood.
void groupProducts(nn::NeighbourhoodOp op);
/// Splits products with weights by the ends of edges, and moves them behind sums; may replace the neighbourhood.
void moveProducts(nn::NeighbourhoodOp op);
/// Products of rows, picks and the like in the body as elementwise work, reductions and gathers.
void decomposeProducts(nn::NeighbourhoodOp op);
/// Brings the bodies into kernel form, and those of neighbourhoods that are made on the way. `forDerivatives` leaves
/// what is decomposed later.
llvm::LogicalResult prepareAll(llvm::SmallVector<nn::NeighbourhoodOp> work, bool forDerivatives);
/// What the lowering computes for one pair, as it stands in a body.
bool isWorkOfPair(mlir::Operation *op, Residency &residency);
/// Moves out of the bodies what costs more than a read and depends on one end of an edge at most. What depends on more
/// stays.
void moveToNodes(nn::NeighbourhoodOp op);
/// Whether the value needs work at edges of a graph that the lowering does not do for one pair.
bool needsEdges(mlir::Value v, Residency &residency);
/// Whether something that the regions yield does.
bool needsEdges(nn::NeighbourhoodOp op);

} // namespace nnc
#endif // NNC_COMPILER_OPTIMIZE_PREPARE_H
