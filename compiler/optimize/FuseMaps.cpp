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
    body.add(op);
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

/// 1. Take the first elementwise operation that is left. Let its kernel grow over producers and users that are elementwise
///    as well and have the same shape, as long as the whole can be computed at one place.
/// 2. Make the kernel: one argument per value from outside, one result per value that is used outside. Constants, sizes
///    and counters are made in the body; broadcasts and other views stay outside, as views of inputs.
/// 3. Counters that are left become kernels of their own.
struct FuseMaps : impl::FuseMapsPassBase<FuseMaps> {
  void runOnOperation() override {
    forEachTensorBlock(getOperation(), [](Block &block) {
      eraseDead(block);
      // A cluster ends at its last member: going on from there sees every operation that is left.
      for (Operation *op = block.empty() ? nullptr : &block.front(); op;) {
        if (!belongsInMap(op)) {
          op = op->getNextNode();
          continue;
        }
        Shape shape = shapeOf(op->getResult(0).getType());
        Cluster cluster(op);
        SmallVector<Operation *> work{op};
        while (!work.empty())
          for (Operation *other : neighbours(work.pop_back_val()))
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
