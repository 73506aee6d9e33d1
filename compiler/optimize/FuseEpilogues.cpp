#include "compiler/Passes.h"
#include "compiler/optimize/Cluster.h"
#include "compiler/optimize/KernelBody.h"

#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace nn;

namespace nnc {
#define GEN_PASS_DEF_FUSEEPILOGUESPASS
#include "compiler/Passes.h.inc"

namespace {
Type elementInside(Type tensor) { return elementOf(tensor); }

/// The first `front` and the last `back` axes agree.
bool sameEnds(const Shape &a, const Shape &b, int64_t front, int64_t back) {
  return int64_t(b.rank()) >= front + back && std::equal(a.begin(), a.begin() + front, b.begin()) &&
         std::equal(a.end() - back, a.end(), b.end() - back);
}

/// `reshape(contract(x, w))` where only m axes are split or joined is a contraction of the reshaped x: what follows the
/// reshape can become its epilogue then. Joining axes of a strided view would cost a copy: left alone.
bool moveReshapeToOperand(ContractOp contract, Order &order) {
  auto reshape = contract->hasOneUse() ? dyn_cast<ReshapeOp>(*contract->user_begin()) : ReshapeOp();
  if (!reshape)
    return false;
  int64_t batch = contract.getBatch(), n = contract.getN();
  Shape from = shapeOf(contract.getResult(0).getType()), to = shapeOf(reshape.getType());
  if (!sameEnds(from, to, batch, n))
    return false;
  int64_t m = to.rank() - batch - n;
  Value lhs = contract.getLhs();
  while (auto inner = lhs.getDefiningOp<ReshapeOp>())
    lhs = inner.getX();
  if (m < int64_t(contract.getM()) && isa_and_present<TransposeOp, SliceOp, BroadcastOp>(lhs.getDefiningOp()))
    return false;
  Shape shape(ArrayRef<Dim>(to.dims).take_front(batch + m));
  llvm::append_range(shape.dims, contract.kShape());
  OpBuilder b(contract);
  if (shapeOf(lhs.getType()) != shape)
    lhs = ReshapeOp::create(b, reshape.getLoc(), lhs, shape);
  contract.getLhsMutable().assign(lhs);
  contract.setM(m);
  contract.getResult(0).setType(cast<RankedTensorType>(reshape.getType()));
  reshape.replaceAllUsesWith(contract.getResult(0));
  order.forget(reshape);
  reshape.erase();
  return true;
}

/// Elementwise work that an epilogue can do: a position is not known in there.
bool belongsInEpilogue(Operation *op) {
  return isElementwiseOnTensors(op) &&
         llvm::none_of(op->getOperands(), [](Value v) { return v.getDefiningOp<IotaOp>() != nullptr; });
}

/// Elementwise work that only the epilogue wants: a backward pass computes it again from what was saved.
void addProducers(Operation *kernel, const Shape &shape, Cluster &cluster) {
  for (bool changed = true; changed;) {
    changed = false;
    for (Operation *member : SmallVector<Operation *>(cluster.operations())) {
      if (member == kernel)
        continue;
      for (Value v : member->getOperands()) {
        Operation *producer = v.getDefiningOp();
        auto isMember = [&](Operation *user) { return cluster.contains(user) && user != kernel; }; // no factors
        if (producer && producer->getBlock() == kernel->getBlock() && !cluster.contains(producer) &&
            belongsInEpilogue(producer) && shapeOf(v.getType()) == shape &&
            llvm::all_of(producer->getUsers(), isMember))
          changed |= cluster.tryAdd(producer);
      }
    }
  }
}

void fuse(EpilogueOpInterface kernel, Cluster &cluster) {
  Operation *place = cluster.gather();
  OpBuilder b(place);
  Location loc = kernel.getLoc();
  SmallVector<Value> outputs = cluster.outputs(), inputs = cluster.inputs();
  llvm::SmallSetVector<Value, 4> used; // by the epilogue: the operands may be among them
  for (Operation *op : cluster.operations())
    if (op != kernel)
      used.insert(op->operand_begin(), op->operand_end());
  used.remove_if([&](Value v) { return !llvm::is_contained(inputs, v); });
  ArrayRef<Value> extras = used.getArrayRef();
  OperationState state(loc, kernel->getName()); // the same on the same factors, with these extras and results
  state.addOperands(kernel->getOperands());
  state.addOperands(extras);
  state.addTypes(TypeRange(ValueRange(outputs)));
  SmallVector<NamedAttribute> attributes(kernel->getAttrs());
  for (NamedAttribute &a : attributes)
    if (a.getName() == "operandSegmentSizes")
      a.setValue(b.getDenseI32ArrayAttr({1, 1, int32_t(extras.size()), 0}));
  state.addAttributes(attributes);
  state.addRegion();
  Operation *fused = b.create(state);
  Block &block = fused->getRegion(0).emplaceBlock();
  Value accumulator = block.addArgument(kernel.getAccumulatorType(), loc);
  KernelBody body(block, elementInside);
  Type element = elementOf(kernel->getResult(0).getType());
  if (isa<IntegerType>(element) && element != accumulator.getType())
    accumulator = CastOp::create(body.b, loc, element, accumulator);
  body.set(kernel->getResult(0), accumulator);
  for (Value v : extras)
    body.input(v, v.getLoc());
  for (Operation *op : cluster.operations())
    if (op != kernel)
      body.add(op);
  body.yield(outputs, loc);
  cluster.replaceBy(fused);
}

/// 1. Where the result of a contraction is reshaped so that only its rows are split or joined, reshape the operand.
/// 2. From each contraction or convolution, grow over users that are elementwise and have the result's shape, as long
/// as
///    nothing else that they need depends on it.
/// 3. Add the elementwise work that only these want.
/// 4. The body takes the accumulator and one element of each other value (a bias is the view that repeats it); one
/// result
///    for each value that is used elsewhere.
struct FuseEpilogues : impl::FuseEpiloguesPassBase<FuseEpilogues> {
  void runOnOperation() override {
    forEachTensorBlock(getOperation(), [](Block &block) {
      eraseDead(block);
      Order order(block);
      SmallVector<EpilogueOpInterface> kernels(block.getOps<EpilogueOpInterface>());
      for (EpilogueOpInterface kernel : kernels) {
        if (!kernel.getEpilogue().empty() || kernel->getNumResults() != 1)
          continue;
        if (auto contract = dyn_cast<ContractOp>(*kernel))
          while (moveReshapeToOperand(contract, order)) {
          }
        Shape shape = kernel.resultShape();
        Cluster cluster(kernel, order);
        SmallVector<Operation *> work{kernel};
        while (!work.empty()) {
          Operation *op = work.pop_back_val();
          for (Operation *user : neighbours(op, order))
            if (order.before(op, user) && belongsInEpilogue(user) && shapeOf(user->getResult(0).getType()) == shape &&
                cluster.tryAdd(user))
              work.push_back(user);
        }
        addProducers(kernel, shape, cluster);
        if (cluster.operations().size() > 1)
          fuse(kernel, cluster);
      }
      eraseDead(block);
    });
  }
};
} // namespace
} // namespace nnc
