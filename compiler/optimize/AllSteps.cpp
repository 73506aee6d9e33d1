#include "compiler/optimize/AllSteps.h"

#include "compiler/optimize/Cluster.h"

using namespace mlir;
using namespace nn;
using namespace nnc;

static Shape lead(const Dim &first, const Shape &rest) {
  Shape shape{first};
  llvm::append_range(shape.dims, rest);
  return shape;
}

/// Axis `from` as axis `to`; those between move up or down by one.
static Value moveAxis(OpBuilder &b, Location loc, Value v, int64_t from, int64_t to) {
  if (from == to)
    return v;
  SmallVector<int64_t> order(llvm::to_vector(llvm::seq<int64_t>(0, shapeOf(v.getType()).rank())));
  order.erase(order.begin() + from);
  order.insert(order.begin() + to, from);
  return TransposeOp::create(b, loc, v, order);
}

static SmallVector<int64_t> behindFirst(ArrayRef<int64_t> axes) {
  SmallVector<int64_t> moved{0};
  for (int64_t axis : axes)
    moved.push_back(axis + 1);
  return moved;
}

static bool isReduction(Operation *op) { return isa<SumOp, MaxOp, MinOp, AnyOp, AllOp>(op); }
static bool isAlongAxis(Operation *op) { return isa<ArgmaxOp, ArgminOp, CumsumOp, ConcatOp, PadOp>(op); }

Type AllSteps::with(Type one) const { return tensorType(lead(steps, shapeOf(one)), elementOf(one)); }

/// Weights that differ from step to step would make a product of its own for each step: nothing is won by that.
bool AllSteps::isPossible(Operation *op, function_ref<bool(Value)> differs) {
  if (auto contract = dyn_cast<ContractOp>(op))
    return contract.getEpilogue().empty() && !contract.getPanel() && !differs(contract.getRhs());
  if (auto slice = dyn_cast<SliceOp>(op))
    return slice.getStarts().empty();
  return isElementwiseOnTensors(op) || isMadeInKernel(op) || isReduction(op) || isAlongAxis(op) ||
         isa<GatherOp, BroadcastOp, TransposeOp, ReshapeOp>(op);
}

Value AllSteps::all(Value one) {
  if (Value v = get(one))
    return v;
  Type type = with(one.getType());
  Operation *op = one.getDefiningOp();
  Location loc = one.getLoc();
  if (auto constant = dyn_cast_or_null<ConstantOp>(op))
    return ConstantOp::create(b, loc, type, constant.getValue());
  if (auto size = dyn_cast_or_null<SizeOp>(op))
    return SizeOp::create(b, loc, type, size.getValueAttr());
  if (auto iota = dyn_cast_or_null<IotaOp>(op))
    return IotaOp::create(b, loc, type, iota.getStart(), iota.getAxis() + 1);
  SmallVector<int64_t> axes(llvm::to_vector(llvm::seq<int64_t>(1, shapeOf(type).rank())));
  return BroadcastOp::create(b, loc, type, one, axes);
}

/// The steps become an axis of rows, behind those of the batch.
Value AllSteps::contract(ContractOp op) {
  int64_t batch = op.getBatch();
  Location loc = op.getLoc();
  Value lhs = moveAxis(b, loc, get(op.getLhs()), 0, batch);
  Value product = ContractOp::create(b, loc, lhs, op.getRhs(), batch, op.getM() + 1, op.getN(), op.getK()).getResult(0);
  return moveAxis(b, loc, product, batch, 0);
}

Value AllSteps::gather(GatherOp op) {
  Location loc = op.getLoc();
  int64_t axis = op.getAxis(), batch = op.getBatch();
  if (differs(op.getX()) || batch) // each step reads rows of its own
    return GatherOp::create(b, loc, all(op.getX()), all(op.getIndex()), axis + 1, batch + 1).getResult(0);
  Value rows = GatherOp::create(b, loc, op.getX(), get(op.getIndex()), axis, 0).getResult(0);
  return moveAxis(b, loc, rows, axis, 0);
}

Value AllSteps::view(Operation *op) {
  Location loc = op->getLoc();
  Value x = get(op->getOperand(0));
  Shape shape = lead(steps, shapeOf(op->getResult(0).getType()));
  if (auto transpose = dyn_cast<TransposeOp>(op))
    return TransposeOp::create(b, loc, x, behindFirst(transpose.getPermutation()));
  if (auto broadcast = dyn_cast<BroadcastOp>(op))
    return BroadcastOp::create(b, loc, with(broadcast.getType()), x, behindFirst(broadcast.getAxes()));
  if (auto slice = dyn_cast<SliceOp>(op))
    return SliceOp::create(b, loc, x, lead(0, slice.getOffsets().getValue()), shape);
  return ReshapeOp::create(b, loc, x, shape);
}

void AllSteps::apply(Operation *op) {
  Value result;
  if (auto c = dyn_cast<ContractOp>(op)) {
    result = contract(c);
  } else if (auto g = dyn_cast<GatherOp>(op)) {
    result = gather(g);
  } else if (op->hasTrait<View>()) {
    result = view(op);
  } else { // the same operation on larger operands
    SmallVector<Value> operands;
    for (Value v : op->getOperands())
      operands.push_back(all(v));
    int64_t rank = shapeOf(op->getOperand(0).getType()).rank();
    Operation *copy = b.clone(*op);
    copy->setOperands(operands);
    copy->getResult(0).setType(with(op->getResult(0).getType()));
    auto moved = [&](int64_t axis) { return (axis < 0 ? axis + rank : axis) + 1; };
    if (isReduction(op)) {
      ArrayRef<int64_t> axes = op->getAttrOfType<DenseI64ArrayAttr>("axes").asArrayRef();
      SmallVector<int64_t> behind;
      if (axes.empty())
        llvm::append_range(behind, llvm::seq<int64_t>(1, rank + 1));
      for (int64_t axis : axes)
        behind.push_back(moved(axis));
      copy->setAttr("axes", b.getDenseI64ArrayAttr(behind));
    } else if (isAlongAxis(op)) {
      copy->setAttr("axis", b.getI64IntegerAttr(moved(op->getAttrOfType<IntegerAttr>("axis").getInt())));
    }
    result = copy->getResult(0);
  }
  set(op->getResult(0), result);
}
