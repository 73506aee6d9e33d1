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

using Effects = SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>>;
void EndpointsOp::getEffects(Effects &effects) { kernelEffects(*this, effects); }
void NeighbourhoodOp::getEffects(Effects &effects) { kernelEffects(*this, effects); }

/// Types of what a kernel writes: its results, or its inits after the memory phase.
static SmallVector<Type> outputs(Operation *op, OperandRange inits) {
  return op->getNumResults() ? SmallVector<Type>(op->getResultTypes()) : SmallVector<Type>(inits.getTypes());
}

void EndpointsOp::build(OpBuilder &b, OperationState &state, Value graph) {
  Type type = tensorType({cast<nn::GraphType>(graph.getType()).getEdges()}, b.getI64Type());
  state.addOperands(graph);
  state.addTypes({type, type});
  if (graph.getDefiningOp<TileOp>())
    state.addTypes(type);
}

LogicalResult EndpointsOp::verify() {
  SmallVector<Type> outs = outputs(*this, getInits());
  if (outs.size() != (getGraph().getDefiningOp<TileOp>() ? 3 : 2))
    return emitOpError("gives sources and targets, and of a tile the numbers in the whole graph");
  for (Type out : outs)
    if (shapeOf(out) != Shape{cast<nn::GraphType>(getGraph().getType()).getEdges()} ||
        !(elementOf(out).isInteger(32) || elementOf(out).isInteger(64)))
      return emitOpError("gives one integer (i32 or i64) for each edge");
  return success();
}

Value BoundOp::getChecked() { return getX(); }
std::optional<Dim> BoundOp::getCheckedLimit() { return getLimit().getValue(); }
StringRef BoundOp::getCheckedName() { return getName(); }
LogicalResult BoundOp::verify() {
  if (getX().getType() != getType() || shapeOf(getType()).rank() != 0 || !elementOf(getType()).isInteger())
    return emitOpError("bounds one integer");
  return success();
}

bool NeighbourhoodOp::mayGoOn() {
  auto tile = isOverGraph() ? getGraph()[0].getDefiningOp<TileOp>() : TileOp();
  return tile && tile.getByTarget() && getCombine() != "each";
}

Shape NeighbourhoodOp::leadingShape() {
  Shape shape = getFree().getValue();
  bool each = getCombine() == "each";
  if (each && isOverGraph())
    shape.dims.push_back(cast<nn::GraphType>(getGraph()[0].getType()).getEdges());
  else
    shape.dims.push_back(getTargets().getValue());
  if (each && !isOverGraph())
    shape.dims.push_back(getSources().getValue());
  return shape;
}

SmallVector<Block *, 2> NeighbourhoodOp::getBlocks() {
  SmallVector<Block *, 2> blocks;
  for (Region *region : {&getWhere(), &getBody()})
    if (!region->empty())
      blocks.push_back(&region->front());
  return blocks;
}

NeighbourhoodOp NeighbourhoodOp::cloneAs(OpBuilder &b, StringRef combine, IRMapping &map) {
  auto all = [&](ValueRange values) {
    return llvm::map_to_vector(values, [&](Value v) { return map.lookupOrDefault(v); });
  };
  auto made = NeighbourhoodOp::create(b, getLoc(), TypeRange(getResultTypes().front()), all(getGraph()),
                                      all(getCaptures()), ValueRange(), b.getStringAttr(combine), getFreeAttr(),
                                      getTargetsAttr(), getSourcesAttr());
  getWhere().cloneInto(&made.getWhere(), map);
  getBody().cloneInto(&made.getBody(), map);
  return made;
}

NeighbourhoodOp NeighbourhoodOp::withLogarithms() {
  OpBuilder b(*this);
  Type score = elementOf(getBody().front().getTerminator()->getOperand(0).getType());
  Type logarithms = tensorType(leadingShape(), accumulatorOf(score));
  auto made =
      NeighbourhoodOp::create(b, getLoc(), TypeRange({getResult(0).getType(), logarithms}), getGraph(), getCaptures(),
                              ValueRange(), getCombineAttr(), getFreeAttr(), getTargetsAttr(), getSourcesAttr());
  made.getWhere().takeBody(getWhere());
  made.getBody().takeBody(getBody());
  getResult(0).replaceAllUsesWith(made.getResult(0));
  erase();
  return made;
}

void NeighbourhoodOp::dropCaptures() {
  for (unsigned i = getCaptures().size(); i-- > 0;) {
    unsigned number = indexCount() + i;
    if (llvm::any_of(getBlocks(), [&](Block *block) { return !block->getArgument(number).use_empty(); }))
      continue;
    getCapturesMutable().erase(i);
    for (Block *block : getBlocks())
      block->eraseArgument(number);
  }
}

LogicalResult NeighbourhoodOp::verify() {
  if (getGraph().size() > 1)
    return emitOpError("is over one graph at most");
  bool attend = getCombine() == "attend";
  for (Region *region : {&getWhere(), &getBody()}) {
    if (region->empty())
      continue;
    Block &block = region->front();
    if (block.getNumArguments() != indexCount() + getCaptures().size())
      return emitOpError("a region takes the indices and the captured values");
    for (auto [argument, capture] : llvm::zip(block.getArguments().drop_front(indexCount()), getCaptures()))
      if (shapeOf(argument.getType()) != shapeOf(capture.getType()) ||
          elementOf(argument.getType()) != elementOf(capture.getType()))
        return emitOpError("a region takes another type than what is captured");
  }
  auto yield = dyn_cast<YieldOp>(getBody().front().getTerminator());
  if (!yield || yield.getValues().size() != (attend ? 2 : 1))
    return emitOpError("the body yields the value, after the score for attend");
  if (isOverGraph()) {
    auto graph = cast<nn::GraphType>(getGraph()[0].getType());
    if (graph.getTargets() != getTargets().getValue() || graph.getSources() != getSources().getValue())
      return emitOpError("targets and sources are those of the graph");
  }
  SmallVector<Type> outs = outputs(*this, getInits());
  bool logarithms = attend && outs.size() == 2;
  if (!logarithms && outs.size() != (mayGoOn() && !getInits().empty() ? 3 : 1))
    return emitOpError("has one result, attend perhaps the logarithms, and over a tile two places for what goes on");
  Shape shape = leadingShape();
  if (logarithms && (shapeOf(outs[1]) != shape ||
                     elementOf(outs[1]) != accumulatorOf(elementOf(yield.getValues().front().getType()))))
    return emitOpError("the logarithms must have the shape ") << shape.str();
  llvm::append_range(shape.dims, shapeOf(yield.getValues().back().getType()));
  if (shapeOf(outs[0]) != shape)
    return emitOpError("the result must have the shape ") << shape.str();
  return success();
}
