#include "compiler/optimize/Residency.h"

#include "llvm/ADT/bit.h"

using namespace mlir;
using namespace nn;
using namespace nnc;

Residency::Residency(NeighbourhoodOp op)
    : op(op), free(op.getFree().getValue().rank()), overGraph(!op.getGraph().empty()) {
  count = free + 2 + overGraph;
}

std::optional<unsigned> Residency::indexOf(Value v) const {
  auto arg = dyn_cast<BlockArgument>(v);
  if (!arg || arg.getOwner()->getParentOp() != op || arg.getArgNumber() >= count)
    return std::nullopt;
  return arg.getArgNumber();
}

std::optional<unsigned> Residency::captureOf(Value v) const {
  auto arg = dyn_cast<BlockArgument>(v);
  if (!arg || arg.getOwner()->getParentOp() != op || arg.getArgNumber() < count)
    return std::nullopt;
  return arg.getArgNumber() - count;
}

Dim Residency::size(unsigned index) const {
  if (index < free)
    return op.getFree().getValue()[index];
  if (index == free)
    return op.getTargets().getValue();
  if (index == free + 1)
    return op.getSources().getValue();
  return cast<nn::GraphType>(op.getGraph()[0].getType()).getEdges();
}

Axes Residency::raw(Value v) {
  if (std::optional<unsigned> index = indexOf(v))
    return Axes(1) << *index;
  Operation *maker = v.getDefiningOp();
  if (!maker)
    return 0;
  if (auto at = known.find(v); at != known.end())
    return at->second;
  Axes axes = isa<UniformOp, NormalOp, TruncNormalOp>(maker) ? everywhere() : 0; // each pair has its own draw
  maker->walk([&](Operation *inner) {
    for (Value operand : inner->getOperands())
      if (operand.getParentRegion() == maker->getParentRegion())
        axes |= raw(operand);
  });
  return known[v] = axes;
}

Axes Residency::of(Value v) { return normal(raw(v)); }

Axes Residency::normal(Axes axes) const {
  Axes ends = target() | source();
  if (overGraph && ((axes & edge()) || (axes & ends) == ends))
    return (axes & ~ends) | edge();
  return axes;
}

bool Residency::isNodeSide(Axes axes) const {
  return !(axes & edge()) && llvm::popcount(axes & (target() | source())) <= 1;
}

SmallVector<Block *, 2> nnc::bodiesOf(NeighbourhoodOp op) { return op.getBlocks(); }

SmallVector<NeighbourhoodOp> nnc::neighbourhoodsOf(func::FuncOp function) {
  SmallVector<NeighbourhoodOp> found;
  function.walk<WalkOrder::PreOrder>([&](NeighbourhoodOp op) {
    found.push_back(op);
    return WalkResult::skip();
  });
  return found;
}
