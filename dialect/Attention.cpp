#include "dialect/Dialect.h"

using namespace mlir;
using namespace nn;

#define GET_OP_CLASSES
#include "dialect/Attention.cpp.inc"

void AttendOp::getEffects(SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>> &effects) {
  kernelEffects(*this, effects);
}

Type AttendOp::getAccumulatorType() {
  Type element = elementOf(getValue().getType());
  return element.isF64() ? element : Float32Type::get(getContext());
}

Shape AttendOp::pairShape() {
  Shape q = shapeOf(getQueries()[0].getType()), k = shapeOf(getKeys()[0].getType());
  Shape pairs(ArrayRef<Dim>(q.dims).drop_back());
  pairs.dims.push_back(k[k.rank() - 2]);
  return pairs;
}

LogicalResult AttendOp::verify() {
  size_t batch = getBatch();
  if (getQueries().empty() || getQueries().size() != getKeys().size())
    return emitOpError("needs a key for each query, and one at least");
  auto ranked = [&](Value v) { return shapeOf(v.getType()).rank() == batch + 2; };
  if (!llvm::all_of(getQueries(), ranked) || !llvm::all_of(getKeys(), ranked) || !ranked(getValue()))
    return emitOpError("queries, keys and value have two axes after the leading ones");
  Shape pairs = pairShape(), value = shapeOf(getValue().getType());
  auto rows = [&](Value v, const Dim &count) {
    Shape s = shapeOf(v.getType());
    for (size_t i = 0; i < batch; ++i)
      if (s[i] != pairs[i])
        return false;
    return s[batch] == count;
  };
  for (auto [q, k] : llvm::zip(getQueries(), getKeys())) {
    if (!rows(q, pairs[batch]) || !rows(k, pairs[batch + 1]) ||
        shapeOf(q.getType()).dims.back() != shapeOf(k.getType()).dims.back())
      return emitOpError("a query and its key do not fit: ")
             << shapeOf(q.getType()).str() << " and " << shapeOf(k.getType()).str();
    if (elementOf(q.getType()) != elementOf(k.getType()) || !isa<FloatType>(elementOf(q.getType())) ||
        elementOf(q.getType()).isF64() != getAccumulatorType().isF64())
      return emitOpError("queries, keys and value are floats of one width of sums");
  }
  if (!rows(getValue(), pairs[batch + 1]))
    return emitOpError("the value has shape ") << value.str() << ", the pairs " << pairs.str();
  for (Value extra : getExtras())
    if (shapeOf(extra.getType()) != pairs)
      return emitOpError("an extra has shape ") << shapeOf(extra.getType()).str() << ", the pairs " << pairs.str();
  SmallVector<Type> outs =
      getNumResults() ? SmallVector<Type>(getResultTypes()) : SmallVector<Type>(getInits().getTypes());
  Shape out(ArrayRef<Dim>(pairs.dims).drop_back()), sums = out;
  out.dims.push_back(value.dims.back());
  if (outs.empty() || outs.size() > 2 || shapeOf(outs[0]) != out ||
      (outs.size() == 2 && (shapeOf(outs[1]) != sums || elementOf(outs[1]) != getAccumulatorType())))
    return emitOpError("the result must have the shape ") << out.str();
  size_t products = getQueries().size();
  for (auto [region, skipped] : {std::pair(&getWhere(), size_t(0)), {&getScore(), products}}) {
    if (region->empty() && region == &getWhere())
      continue;
    Block &body = region->front();
    if (body.getNumArguments() != skipped + getExtras().size())
      return emitOpError("a region takes an element of each extra");
    for (auto [argument, extra] : llvm::zip(body.getArguments().drop_front(skipped), getExtras()))
      if (argument.getType() != elementOf(extra.getType()))
        return emitOpError("a region takes elements of another type than an extra has");
    auto yield = dyn_cast<YieldOp>(body.getTerminator());
    Type wanted = skipped ? getAccumulatorType() : Type(IntegerType::get(getContext(), 1));
    if (!yield || yield.getValues().size() != 1 || yield.getValues()[0].getType() != wanted)
      return emitOpError("a region yields one ") << wanted;
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
