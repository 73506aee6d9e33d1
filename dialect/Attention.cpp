#include "dialect/Dialect.h"

using namespace mlir;
using namespace nn;

#define GET_OP_CLASSES
#include "dialect/Attention.cpp.inc"

using Effects = SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>>;
void AttendOp::getEffects(Effects &effects) { kernelEffects(*this, effects); }
void PairSumsOp::getEffects(Effects &effects) { kernelEffects(*this, effects); }

/// Types of what a kernel writes: its results, or its inits after the memory phase.
static SmallVector<Type> outputs(PairsOpInterface op) {
  return op->getNumResults() ? SmallVector<Type>(op->getResultTypes()) : SmallVector<Type>(op.getInits().getTypes());
}

/// Queries, keys, values and extras have one shape of pairs.
static LogicalResult verifyOperands(PairsOpInterface op) {
  size_t batch = op.getBatch();
  if (op.getQueries().empty() || op.getQueries().size() != op.getKeys().size())
    return op->emitOpError("needs a key for each query, and one at least");
  for (ValueRange operands : {op.getQueries(), op.getKeys(), op.getValues()})
    for (Value v : operands)
      if (shapeOf(v.getType()).rank() != batch + 2)
        return op->emitOpError("queries, keys and value have two axes after the leading ones");
  Shape pairs = op.pairShape();
  auto rows = [&](Value v, const Dim &count) {
    Shape s = shapeOf(v.getType());
    for (size_t i = 0; i < batch; ++i)
      if (s[i] != pairs[i])
        return false;
    return s[batch] == count;
  };
  auto fits = [&](Value v) {
    Type element = elementOf(v.getType());
    return isa<FloatType>(element) && element.isF64() == op.getAccumulatorType().isF64();
  };
  for (auto [q, k] : llvm::zip(op.getQueries(), op.getKeys())) {
    if (!rows(q, pairs[batch]) || !rows(k, pairs[batch + 1]) ||
        shapeOf(q.getType()).dims.back() != shapeOf(k.getType()).dims.back())
      return op->emitOpError("a query and its key do not fit: ")
             << shapeOf(q.getType()).str() << " and " << shapeOf(k.getType()).str();
    if (elementOf(q.getType()) != elementOf(k.getType()) || !fits(q))
      return op->emitOpError("queries, keys and value are floats of one width of sums");
  }
  for (Value value : op.getValues()) {
    if (!rows(value, pairs[batch + 1]))
      return op->emitOpError("the value has shape ") << shapeOf(value.getType()).str() << ", the pairs " << pairs.str();
    if (!fits(value))
      return op->emitOpError("queries, keys and value are floats of one width of sums");
  }
  for (Value extra : op.getExtras())
    if (shapeOf(extra.getType()) != pairs)
      return op->emitOpError("an extra has shape ") << shapeOf(extra.getType()).str() << ", the pairs " << pairs.str();
  return success();
}

/// A region takes `first` numbers, then an element of each extra; it yields values of `type`, `count` of them or, with
/// 0, any number.
static LogicalResult verifyRegion(PairsOpInterface op, Region &region, size_t first, size_t count, Type type) {
  Block &body = region.front();
  if (body.getNumArguments() != first + op.getExtras().size())
    return op->emitOpError("a region takes an element of each extra");
  for (auto [argument, extra] : llvm::zip(body.getArguments().drop_front(first), op.getExtras()))
    if (argument.getType() != elementOf(extra.getType()))
      return op->emitOpError("a region takes elements of another type than an extra has");
  auto yield = dyn_cast<YieldOp>(body.getTerminator());
  if (!yield || (count && yield.getValues().size() != count) ||
      llvm::any_of(yield.getValues(), [&](Value v) { return v.getType() != type; }))
    return op->emitOpError("a region yields ") << (count ? "one " : "numbers of type ") << type;
  return success();
}

/// The predicate, and the region after it, which yields `count` values (0: any number).
static LogicalResult verifyBodies(PairsOpInterface op, Region &work, size_t count) {
  Type truth = IntegerType::get(op->getContext(), 1);
  if (!op.getWhere().empty() && failed(verifyRegion(op, op.getWhere(), 0, 1, truth)))
    return failure();
  return verifyRegion(op, work, op.getQueries().size(), count, op.getAccumulatorType());
}

LogicalResult AttendOp::verify() {
  if (failed(verifyOperands(*this)))
    return failure();
  SmallVector<Type> outs = outputs(*this);
  Shape sums(ArrayRef<Dim>(pairShape().dims).drop_back()), out = sums;
  out.dims.push_back(shapeOf(getValue().getType()).dims.back());
  if (outs.empty() || outs.size() > 2 || shapeOf(outs[0]) != out ||
      (outs.size() == 2 && (shapeOf(outs[1]) != sums || elementOf(outs[1]) != getAccumulatorType())))
    return emitOpError("the result must have the shape ") << out.str();
  return verifyBodies(*this, getScore(), 1);
}

LogicalResult PairSumsOp::verify() {
  if (failed(verifyOperands(*this)) || failed(verifyBodies(*this, getWeights(), 0)))
    return failure();
  SmallVector<Type> outs = outputs(*this);
  size_t weights = getWeights().front().getTerminator()->getNumOperands();
  if (weights == 0 || weights < getValues().size() || outs.size() != weights)
    return emitOpError("has a weight for each value, and a result for each weight");
  for (size_t n = 0; n < weights; ++n) {
    Shape out(ArrayRef<Dim>(pairShape().dims).drop_back());
    if (n < getValues().size())
      out.dims.push_back(shapeOf(getValues()[n].getType()).dims.back());
    if (shapeOf(outs[n]) != out)
      return emitOpError("result ") << n << " must have the shape " << out.str();
    if (!isa<FloatType>(elementOf(outs[n])) || elementOf(outs[n]).isF64() != getAccumulatorType().isF64())
      return emitOpError("queries, keys and value are floats of one width of sums");
  }
  return success();
}

LogicalResult DiagonalsOp::verify() {
  Shape x = shapeOf(getX().getType()), to = shapeOf(getType());
  size_t rank = to.rank();
  if (x.rank() + 1 != rank || x.rank() == 0 || x.dims.back() != to[rank - 2] + to[rank - 1])
    return emitOpError("of ") << x.str() << " can not be " << to.str();
  return success(elementOf(getX().getType()) == elementOf(getType()));
}
