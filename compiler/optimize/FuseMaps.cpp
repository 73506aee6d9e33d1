#include "compiler/Passes.h"
#include "compiler/optimize/Cluster.h"
#include "compiler/optimize/KernelBody.h"

using namespace mlir;
using namespace nn;

namespace nnc {
#define GEN_PASS_DEF_FUSEMAPSPASS
#include "compiler/Passes.h.inc"

namespace {
/// Draws have one value per element as well; their operand is the number of the copy, a scalar.
bool isDraw(Operation *op) { return isa<UniformOp, NormalOp, TruncNormalOp>(op); }

/// Row-major number of the element at hand, in the body of a map over `shape`.
Value elementNumber(OpBuilder &b, Location loc, const Shape &shape) {
  Type i64 = b.getI64Type();
  Value number;
  for (auto [axis, size] : llvm::enumerate(shape)) {
    Value index = IndexOp::create(b, loc, i64, axis);
    if (number) {
      Value scale = SizeOp::create(b, loc, i64, DimAttr::get(b.getContext(), size));
      index = AddOp::create(b, loc, MulOp::create(b, loc, number, scale).getResult(), index);
    }
    number = index;
  }
  return number ? number : ConstantOp::create(b, loc, i64, int64_t(0)).getResult();
}

void addDraw(KernelBody &body, Operation *op) {
  OpBuilder &b = body.b;
  SmallVector<double> bounds;
  StringRef distribution = isa<UniformOp>(op) ? "uniform" : "normal";
  if (auto t = dyn_cast<TruncNormalOp>(op)) {
    distribution = "trunc_normal";
    bounds = {t.getMean().convertToDouble(), t.getStd().convertToDouble(), t.getLow().convertToDouble(),
              t.getHigh().convertToDouble()};
  }
  SmallVector<Value> copy;
  for (Value v : op->getOperands())
    copy.push_back(body.get(v));
  Value result = op->getResult(0), number = elementNumber(b, op->getLoc(), shapeOf(result.getType()));
  body.set(result,
           DrawOp::create(b, op->getLoc(), elementOf(result.getType()), number, copy, b.getStringAttr(distribution),
                          op->getAttrOfType<IntegerAttr>("place"), b.getDenseF64ArrayAttr(bounds)));
}

/// Elementwise on tensors, or something that becomes so in the body of a map.
bool belongsInMap(Operation *op) { return isElementwiseOnTensors(op) || isDraw(op); }

Type elementInside(Type tensor) { return elementOf(tensor); }

/// Makes one map of a cluster.
void fuse(Cluster &cluster) {
  Operation *place = cluster.gather();
  OpBuilder b(place);
  Location loc = place->getLoc();
  Shape shape = shapeOf(place->getResult(0).getType());
  SmallVector<Value> inputs = cluster.inputs(), outputs = cluster.outputs(), operands;
  for (Value v : inputs) // the number of a copy goes with every element
    operands.push_back(shapeOf(v.getType()) == shape ? v : BroadcastOp::create(b, loc, v, shape).getResult());
  auto map = MapOp::create(b, loc, TypeRange(ValueRange(outputs)), operands, ValueRange());
  KernelBody body(map.getBody().emplaceBlock(), elementInside);
  for (Value v : inputs)
    body.input(v, loc);
  for (Operation *op : cluster.operations())
    isDraw(op) ? addDraw(body, op) : body.add(op);
  body.yield(outputs, loc);
  cluster.replaceBy(map);
}

/// A counter that no kernel could make inside: it is returned, joined, or read by number.
void materialize(IotaOp iota) {
  OpBuilder b(iota);
  auto map = MapOp::create(b, iota.getLoc(), TypeRange(iota.getType()), ValueRange(), ValueRange());
  KernelBody body(map.getBody().emplaceBlock(), elementInside);
  body.yield(iota.getResult(), iota.getLoc());
  iota.replaceAllUsesWith(map.getResult(0));
}

/// 1. Take the first elementwise operation that is left. Let its kernel grow over producers and users that are
/// elementwise
///    as well and have the same shape, as long as the whole can be computed at one place.
/// 2. Make the kernel: one argument per value from outside, one result per value that is used outside. Constants,
/// sizes,
///    counters and random draws are made in the body; broadcasts and other views stay outside, as views of inputs.
/// 3. Counters that are left become kernels of their own.
struct FuseMaps : impl::FuseMapsPassBase<FuseMaps> {
  void runOnOperation() override {
    forEachTensorBlock(getOperation(), [](Block &block) {
      eraseDead(block);
      Order order(block);
      // A cluster ends at its last member: going on from there sees every operation that is left.
      for (Operation *op = block.empty() ? nullptr : &block.front(); op;) {
        if (!belongsInMap(op)) {
          op = op->getNextNode();
          continue;
        }
        Shape shape = shapeOf(op->getResult(0).getType());
        Cluster cluster(op, order);
        SmallVector<Operation *> work{op};
        while (!work.empty())
          for (Operation *other : neighbours(work.pop_back_val(), order))
            if (belongsInMap(other) && shapeOf(other->getResult(0).getType()) == shape && cluster.tryAdd(other))
              work.push_back(other);
        Operation *before = cluster.operations().front()->getPrevNode();
        fuse(cluster);
        op = before ? before->getNextNode() : &block.front();
      }
      SmallVector<IotaOp> counters(block.getOps<IotaOp>());
      for (IotaOp iota : counters)
        if (!iota.use_empty())
          materialize(iota);
      eraseDead(block);
    });
  }
};
} // namespace
} // namespace nnc
