#include "compiler/Passes.h"
#include "compiler/optimize/Cluster.h"
#include "compiler/optimize/Weights.h"

#include "llvm/ADT/MapVector.h"

using namespace mlir;
using namespace nn;

namespace nnc {
#define GEN_PASS_DEF_MERGECONTRACTIONSPASS
#include "compiler/Passes.h.inc"

namespace {
/// Makes a weight available before `place`.
void moveUp(Value v, Operation *place, Order &order) {
  Operation *op = v.getDefiningOp();
  if (!op || op->getBlock() != place->getBlock() || order.before(op, place))
    return;
  for (Value operand : op->getOperands())
    moveUp(operand, place, order);
  order.forget(op);
  op->moveBefore(place);
}

/// Joined weights are made once, at load; not those that the entry itself changes.
bool isChanged(Value weight) {
  SmallVector<Value> work{weight};
  while (!work.empty()) {
    Value v = work.pop_back_val();
    if (auto arg = dyn_cast<BlockArgument>(v)) {
      work.push_back(cast<ScanOp>(arg.getOwner()->getParentOp()).getXs()[arg.getArgNumber() - 1]);
    } else if (auto parameter = v.getDefiningOp<ParameterOp>()) {
      for (StoreOp store : parameter->getBlock()->getOps<StoreOp>())
        if (store.getPath() == parameter.getPath())
          return true;
    } else {
      llvm::append_range(work, v.getDefiningOp()->getOperands());
    }
  }
  return false;
}

/// Whether the results can be parts of one: all but the first n axis of the rhs agree.
bool fitTogether(ContractOp a, ContractOp c) {
  if (a.getBatch() != c.getBatch() || a.getM() != c.getM() || a.getN() != c.getN() || a.getK() != c.getK())
    return false;
  Shape x = shapeOf(a.getRhs().getType()), y = shapeOf(c.getRhs().getType());
  size_t axis = a.getBatch() + a.getK();
  y[axis] = x[axis];
  return x == y && elementOf(a.getResult(0).getType()) == elementOf(c.getResult(0).getType());
}

/// The vector that is added to every row of the result, and to nothing else; null if there is none.
Value biasOf(ContractOp contract) {
  auto add = contract->hasOneUse() ? dyn_cast<AddOp>(*contract->user_begin()) : AddOp();
  if (!add || add->getBlock() != contract->getBlock())
    return nullptr;
  Value other = add.getA() == contract.getResult(0) ? add.getB() : add.getA();
  auto repeated = other.getDefiningOp<BroadcastOp>();
  int64_t rank = contract.resultShape().rank(), n = contract.getN();
  if (!repeated || !isWeight(repeated.getX()) || shapeOf(repeated.getX().getType()) != contract.nShape() ||
      !llvm::equal(repeated.getAxes(), llvm::seq<int64_t>(rank - n, rank)))
    return nullptr;
  return repeated.getX();
}

void merge(ArrayRef<ContractOp> parts, Order &order) {
  ContractOp first = parts.front();
  OpBuilder b(first);
  SmallVector<Location> places;
  SmallVector<Value> weights, biases, replaced;
  for (ContractOp part : parts) {
    places.push_back(part.getLoc());
    weights.push_back(part.getRhs());
    biases.push_back(biasOf(part));
  }
  bool biased = llvm::all_of(biases, [](Value v) { return bool(v); });
  Location loc = b.getFusedLoc(places);
  for (Value v : weights)
    moveUp(v, first, order);
  auto join = [&](ArrayRef<Value> values, int64_t axis) -> Value {
    return ConcatOp::create(b, loc, values, b.getI64IntegerAttr(axis));
  };
  Value weight = join(weights, first.getBatch() + first.getK());
  Value whole =
      ContractOp::create(b, loc, first.getLhs(), weight, first.getBatch(), first.getM(), first.getN(), first.getK())
          ->getResult(0);
  if (biased) {
    for (Value v : biases)
      moveUp(v, first, order);
    Shape shape = shapeOf(whole.getType());
    whole = AddOp::create(b, loc, whole, BroadcastOp::create(b, loc, join(biases, 0), shape).getResult());
  }
  int64_t axis = first.getBatch() + first.getM();
  Shape offsets;
  offsets.dims.assign(shapeOf(whole.getType()).rank(), Dim(0));
  for (ContractOp part : parts) {
    Shape sizes = part.resultShape();
    Value slice = SliceOp::create(b, part.getLoc(), whole, offsets, sizes);
    offsets[axis] = offsets[axis] + sizes[axis];
    Operation *old = biased ? *part->user_begin() : part.getOperation();
    old->getResult(0).replaceAllUsesWith(slice);
    if (biased) {
      order.forget(old);
      old->erase();
    }
  }
  for (ContractOp part : parts) {
    order.forget(part);
    part.erase();
  }
}

/// 1. In each block collect the contractions that share their left operand and have a weight on the right that the
/// entry
///    does not change.
/// 2. Of those that agree in all axes but the first n axis, make one: its right operand is the weights joined along
/// that
///    axis (packed once, at load), the results are slices. A bias that each of them has is joined as well, so that it
///    becomes the epilogue of the one contraction.
/// An element is the same sum as before: the same bits.
struct MergeContractions : impl::MergeContractionsPassBase<MergeContractions> {
  void runOnOperation() override {
    forEachTensorBlock(getOperation(), [](Block &block) {
      Order order(block);
      llvm::MapVector<Value, SmallVector<SmallVector<ContractOp>>> byOperand;
      for (auto contract : block.getOps<ContractOp>()) {
        if (contract.getN() == 0 || contract.getPanel() || !contract.getEpilogue().empty() ||
            !isWeight(contract.getRhs()) || isChanged(contract.getRhs()))
          continue;
        auto &groups = byOperand[contract.getLhs()];
        auto *at = llvm::find_if(groups, [&](auto &group) { return fitTogether(group.front(), contract); });
        if (at == groups.end())
          groups.push_back({contract});
        else
          at->push_back(contract);
      }
      for (auto &[lhs, groups] : byOperand)
        for (ArrayRef<ContractOp> group : groups)
          if (group.size() > 1)
            merge(group, order);
      eraseDead(block);
    });
  }
};
} // namespace
} // namespace nnc
