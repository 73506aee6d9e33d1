#include "dialect/Dialect.h"

#include "llvm/ADT/SmallBitVector.h"

using namespace mlir;
using namespace nn;

#define GET_OP_CLASSES
#include "dialect/Neighbourhood.cpp.inc"

LogicalResult AtOp::verify() {
  Shape x = shapeOf(getX().getType()), kept;
  llvm::SmallBitVector read(x.rank());
  if (getAxes().size() != getIndices().size())
    return emitOpError("needs one axis for each index");
  for (int64_t axis : getAxes()) {
    if (axis < 0 || axis >= int64_t(x.rank()) || read[axis])
      return emitOpError("has no axis ") << axis << " to read";
    read.set(axis);
  }
  for (size_t i = 0; i < x.rank(); ++i)
    if (!read[i])
      kept.dims.push_back(x[i]);
  if (shapeOf(getType()) != kept)
    return emitOpError("the result has the axes that are not read: ") << kept.str();
  return success(elementOf(getX().getType()) == elementOf(getType()));
}

LogicalResult NeighbourhoodOp::verify() {
  if (getGraph().size() > 1)
    return emitOpError("is over one graph at most");
  bool overGraph = !getGraph().empty(), attend = getCombine() == "attend", each = getCombine() == "each";
  size_t indices = getFree().getValue().rank() + 2 + overGraph;
  for (Region *region : {&getWhere(), &getBody()}) {
    if (region->empty())
      continue;
    Block &block = region->front();
    if (block.getNumArguments() != indices + getCaptures().size())
      return emitOpError("a region takes the indices and the captured values");
    for (auto [argument, capture] : llvm::zip(block.getArguments().drop_front(indices), getCaptures()))
      if (argument.getType() != capture.getType())
        return emitOpError("a region takes another type than what is captured");
  }
  auto yield = dyn_cast<YieldOp>(getBody().front().getTerminator());
  if (!yield || yield.getValues().size() != (attend ? 2 : 1))
    return emitOpError("the body yields the value, after the score for attend");
  Shape shape = getFree().getValue();
  if (overGraph) {
    auto graph = cast<nn::GraphType>(getGraph()[0].getType());
    if (graph.getTargets() != getTargets().getValue() || graph.getSources() != getSources().getValue())
      return emitOpError("targets and sources are those of the graph");
    shape.dims.push_back(each ? graph.getEdges() : graph.getTargets());
  } else {
    shape.dims.push_back(getTargets().getValue());
    if (each)
      shape.dims.push_back(getSources().getValue());
  }
  llvm::append_range(shape.dims, shapeOf(yield.getValues().back().getType()));
  if (shapeOf(getType()) != shape)
    return emitOpError("the result must have the shape ") << shape.str();
  return success();
}
