#include "dialect/Dialect.h"

using namespace mlir;
using namespace nn;

#define GET_OP_CLASSES
#include "dialect/Contraction.cpp.inc"

void ContractOp::getEffects(SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>> &effects) {
  kernelEffects(*this, effects);
}
void PackOp::getEffects(SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>> &effects) {
  kernelEffects(*this, effects);
}

void ContractOp::build(OpBuilder &b, OperationState &state, Value lhs, Value rhs, int64_t batch, int64_t m, int64_t n,
                       int64_t k) {
  Shape l = shapeOf(lhs.getType()), r = shapeOf(rhs.getType());
  Shape out(ArrayRef<Dim>(l.dims).take_front(batch + m));
  llvm::append_range(out.dims, ArrayRef<Dim>(r.dims).take_back(n));
  Type result = tensorType(out, elementOf(lhs.getType()));
  state.addRegion();
  state.addOperands({lhs, rhs});
  state.addTypes(result);
  state.addAttribute("operandSegmentSizes", b.getDenseI32ArrayAttr({1, 1, 0, 0}));
  for (auto [name, count] : {std::pair("batch", batch), {"m", m}, {"n", n}, {"k", k}})
    state.addAttribute(name, b.getI64IntegerAttr(count));
}

Type ContractOp::getAccumulatorType() { return accumulatorOf(elementOf(getLhs().getType())); }
static Shape part(Type type, int64_t from, int64_t count) {
  return Shape(ArrayRef<Dim>(shapeOf(type).dims).slice(from, count));
}
Shape ContractOp::resultShape() { return shapeOf(getNumResults() ? getResult(0).getType() : getInits()[0].getType()); }
Shape ContractOp::batchShape() { return part(getLhs().getType(), 0, getBatch()); }
Shape ContractOp::mShape() { return part(getLhs().getType(), getBatch(), getM()); }
Shape ContractOp::kShape() { return part(getLhs().getType(), getBatch() + getM(), getK()); }
Shape ContractOp::nShape() {
  Shape out = resultShape();
  return Shape(ArrayRef<Dim>(out.dims).take_back(getN()));
}

LogicalResult ContractOp::verify() {
  Shape l = shapeOf(getLhs().getType()), r = shapeOf(getRhs().getType());
  int64_t b = getBatch(), m = getM(), n = getN(), k = getK();
  if (int64_t(l.rank()) != b + m + k)
    return emitOpError("lhs has rank ") << l.rank() << ", batch + m + k is " << b + m + k;
  if (elementOf(getLhs().getType()) != elementOf(getRhs().getType()))
    return emitOpError("operands have different element types");
  if (getNumResults() + getInits().size() == 0)
    return emitOpError("has neither results nor inits");
  Shape out = resultShape();
  if (int64_t(out.rank()) != b + m + n)
    return emitOpError("result has rank ") << out.rank() << ", batch + m + n is " << b + m + n;
  if (getPanel() == 0) {
    if (int64_t(r.rank()) != b + k + n)
      return emitOpError("rhs has rank ") << r.rank() << ", batch + k + n is " << b + k + n;
    for (int64_t i = 0; i < k; ++i)
      if (l[b + m + i] != r[b + i])
        return emitOpError("summed sizes differ: ") << l[b + m + i].str() << " and " << r[b + i].str();
  } else if (int64_t(r.rank()) != b + 3 || !r[b + 2].isConstant(getPanel()) || n != 1 || k != 1) {
    return emitOpError("packed rhs must be [b.., panels, k, panel]");
  }
  for (int64_t i = 0; i < b; ++i)
    if (l[i] != r[i])
      return emitOpError("batch sizes differ: ") << l[i].str() << " and " << r[i].str();
  return verifyEpilogue(*this);
}

void PackOp::build(OpBuilder &b, OperationState &state, Value x, int64_t panel) {
  Shape shape = shapeOf(x.getType());
  size_t rank = shape.rank();
  Dim n = shape[rank - 1], k = shape[rank - 2];
  Shape packed(ArrayRef<Dim>(shape.dims).drop_back(2));
  packed.dims.push_back(*Dim::floorDiv(n + Dim(panel - 1), panel));
  packed.dims.push_back(k);
  packed.dims.push_back(panel);
  state.addOperands(x);
  state.addTypes(tensorType(packed, elementOf(x.getType())));
  state.addAttribute("panel", b.getI64IntegerAttr(panel));
}

/// x on more axes: `x`'s are the result's first ones up to `first` and then those from `then` on.
static Value stretch(Pullback &p, Value x, const Shape &to, int64_t first, int64_t then) {
  SmallVector<int64_t> axes = llvm::to_vector(llvm::seq<int64_t>(0, first));
  llvm::append_range(axes, llvm::seq<int64_t>(then, to.rank()));
  return BroadcastOp::create(p.b, p.loc, tensorType(to, elementOf(x.getType())), x, axes).getResult();
}

/// x `[batch.., second.., third..]` as `[batch.., third.., second..]`.
static Value exchange(Pullback &p, Value x, int64_t batch, int64_t second, int64_t third) {
  SmallVector<int64_t> order = llvm::to_vector(llvm::seq<int64_t>(0, batch));
  llvm::append_range(order, llvm::seq<int64_t>(batch + second, batch + second + third));
  llvm::append_range(order, llvm::seq<int64_t>(batch, batch + second));
  return TransposeOp::create(p.b, p.loc, x, order).getResult();
}

/// Products with the other operand, turned; where there is nothing to sum over, elementwise.
void ContractOp::pullback(Pullback &p) {
  int64_t batch = getBatch(), m = getM(), n = getN(), k = getK();
  Value g = p.cotangent();
  p.give(0, [&] {
    Value rhs = p.operand(1);
    Shape to = shapeOf(getLhs().getType());
    if (n == 0)
      return p.times(stretch(p, g, to, batch + m, to.rank()), stretch(p, rhs, to, batch, batch + m));
    return ContractOp::create(p.b, p.loc, g, exchange(p, rhs, batch, k, n), batch, m, k, n).getResult(0);
  });
  p.give(1, [&] {
    Value lhs = p.operand(0);
    Shape to = shapeOf(getRhs().getType());
    if (m == 0)
      return p.times(stretch(p, lhs, to, batch + k, to.rank()), stretch(p, g, to, batch, batch + k));
    return ContractOp::create(p.b, p.loc, exchange(p, lhs, batch, m, k), g, batch, k, n, m).getResult(0);
  });
}
