#include "dialect/Dialect.h"

using namespace mlir;
using namespace nn;

static LogicalResult pickRule(const RuleInput &in, Report &report, SmallVectorImpl<Type> &results) {
  Shape x = shapeOf(in.types[0]), index = shapeOf(in.types[1]);
  if (x.rank() != index.rank() + 1 || !std::equal(index.begin(), index.end(), x.begin()))
    return fail(report, "NN0203", "shapes do not match in `pick`",
                {"rows  " + describe(in.types[0]), "index " + describe(in.types[1])},
                "the index has the leading axes of the rows");
  results.push_back(tensorType(index, elementOf(in.types[0])));
  return success();
}

static LogicalResult oneHotRule(const RuleInput &in, Report &report, SmallVectorImpl<Type> &results) {
  Shape shape = shapeOf(in.types[0]);
  shape.dims.push_back(in.size("n"));
  results.push_back(tensorType(shape, in.attributes.getAs<TypeAttr>("element").getValue()));
  return success();
}

/// Of `topk` and `sort`.
static LogicalResult topkRule(const RuleInput &in, Report &report, SmallVectorImpl<Type> &results) {
  Shape shape = shapeOf(in.types[0]);
  if (!normalizeAxis(-1, shape.rank(), report))
    return failure();
  if (in.attributes.get("k")) {
    int64_t k = in.integer("k");
    std::optional<int64_t> size = shape[shape.rank() - 1].asConstant();
    if (k < 0 || (size && k > *size))
      return fail(report, "NN0208",
                  "`k` is " + Twine(k) + ", a row has " + shape[shape.rank() - 1].str() + " elements");
    report.conditions.push_back(
        {shape[shape.rank() - 1], k,
         "`topk` of " + std::to_string(k) + " elements in rows of " + shape[shape.rank() - 1].str()});
    shape[shape.rank() - 1] = k;
  }
  results.push_back(tensorType(shape, elementOf(in.types[0])));
  results.push_back(tensorType(shape, IntegerType::get(in.context, 64)));
  return success();
}

#define GET_OP_CLASSES
#include "dialect/Indexing.cpp.inc"

static Shape gathered(const Shape &x, const Shape &index, int64_t axis, int64_t batch) {
  Shape shape(ArrayRef<Dim>(x.dims).take_front(axis));
  llvm::append_range(shape.dims, ArrayRef<Dim>(index.dims).drop_front(batch));
  llvm::append_range(shape.dims, ArrayRef<Dim>(x.dims).drop_front(axis + 1));
  return shape;
}

void GatherOp::getEffects(SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>> &effects) {
  kernelEffects(*this, effects);
}

void ScatterOp::getEffects(SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>> &effects) {
  kernelEffects(*this, effects);
}

Value GatherOp::getChecked() { return getIndex(); }
std::optional<Dim> GatherOp::getCheckedLimit() { return shapeOf(getX().getType())[getAxis()]; }
StringRef GatherOp::getCheckedName() { return "an index"; }

/// Of the one thing that a kernel writes.
template <typename Op> static Type resultOf(Op op) {
  return op.getNumResults() ? op.getResult(0).getType() : op.getInits()[0].getType();
}
Value ScatterOp::getChecked() { return getIndex(); }
std::optional<Dim> ScatterOp::getCheckedLimit() { return shapeOf(resultOf(*this))[getAxis()]; }
StringRef ScatterOp::getCheckedName() { return "an index"; }

/// Beside what a kernel does it writes the outcome of the call.
void CheckOp::getEffects(SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>> &effects) {
  kernelEffects(*this, effects);
  effects.emplace_back(MemoryEffects::Write::get());
}
Value CheckOp::getChecked() { return getX(); }
std::optional<Dim> CheckOp::getCheckedLimit() {
  return getLimit() ? std::optional(getLimitAttr().getValue()) : std::nullopt;
}
StringRef CheckOp::getCheckedName() { return getName(); }

void GatherOp::build(OpBuilder &b, OperationState &state, Value x, Value index, int64_t axis, int64_t batch) {
  Shape shape = gathered(shapeOf(x.getType()), shapeOf(index.getType()), axis, batch);
  state.addOperands({x, index});
  state.addTypes(tensorType(shape, elementOf(x.getType())));
  state.addAttribute("axis", b.getI64IntegerAttr(axis));
  state.addAttribute("batch", b.getI64IntegerAttr(batch));
}

/// `whole` has the rows, `rows` those that the index numbers.
template <typename Op> static LogicalResult verifyRows(Op op, Type whole, Type rows) {
  Shape x = shapeOf(whole), index = shapeOf(op.getIndex().getType());
  int64_t axis = op.getAxis(), batch = op.getBatch();
  if (axis < 0 || axis >= int64_t(x.rank()) || batch < 0 || batch > axis || batch > int64_t(index.rank()))
    return op.emitOpError("has no such axis or batch");
  if (!std::equal(index.begin(), index.begin() + batch, x.begin()))
    return op.emitOpError("batch axes of x and index differ");
  if (gathered(x, index, axis, batch) != shapeOf(rows) || elementOf(whole) != elementOf(rows))
    return op.emitOpError("has the wrong result type");
  return success();
}

LogicalResult GatherOp::verify() {
  if (getNumResults() + getInits().size() != 1)
    return emitOpError("has one result or one init");
  return verifyRows(*this, getX().getType(), resultOf(*this));
}

LogicalResult ScatterOp::verify() {
  if (getNumResults() + getInits().size() != 1)
    return emitOpError("has one result or one init");
  if (elementOf(getX().getType()).getIntOrFloatBitWidth() < 32)
    return emitOpError("adds up elements of at least 32 bits");
  return verifyRows(*this, resultOf(*this), getX().getType());
}

void OrderOp::getEffects(SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>> &effects) {
  kernelEffects(*this, effects);
}

LogicalResult OrderOp::verify() {
  SmallVector<Type> outs(getResultTypes());
  llvm::append_range(outs, getInits().getTypes());
  if (outs.size() != 2 && outs.size() != 3)
    return emitOpError("has values, positions, and perhaps room");
  Shape x = shapeOf(getX().getType()), out = shapeOf(outs[0]);
  Shape room = x;
  if (room.rank())
    room.dims.back() = Dim(2) * room.dims.back();
  if (x.rank() == 0 || shapeOf(outs[1]) != out || (outs.size() == 3 && shapeOf(outs[2]) != room) ||
      !std::equal(x.begin(), x.end() - 1, out.begin(), out.end() - 1) ||
      elementOf(outs[0]) != elementOf(getX().getType()) || !elementOf(outs[1]).isInteger(64))
    return emitOpError("has the wrong result types");
  return success();
}
