#include "compiler/Passes.h"
#include "compiler/optimize/Batch.h"
#include "compiler/optimize/Cluster.h"
#include "compiler/optimize/Prepare.h"

#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/SmallBitVector.h"

using namespace mlir;
using namespace nn;

namespace nnc {
#define GEN_PASS_DEF_PREPARENEIGHBOURHOODSPASS
#include "compiler/Passes.h.inc"

namespace {
/// What costs more than reading its result would.
bool isCostly(Operation *op) {
  return isa<SumOp, MeanOp, VarOp, MaxOp, MinOp, SoftmaxOp, LogSoftmaxOp, LogsumexpOp, ExpOp, Expm1Op, LogOp, Log1pOp,
             SinOp, CosOp, TanhOp, SigmoidOp, ErfOp, PowOp, Atan2Op>(op) ||
         (isa<CustomGradientOp>(op) && Batch::keepsLeadingAxes(op));
}

/// What becomes work of a pair in `optimize`; its derivative is simpler before.
bool becomesWorkOfPair(Operation *op) {
  return isa<SumOp, MeanOp, VarOp, MaxOp, MinOp, SoftmaxOp, LogSoftmaxOp, LogsumexpOp, StopGradientOp,
             CustomGradientOp>(op);
}

template <typename Op> bool reducesLastAxes(Op op) {
  int64_t rank = shapeOf(op.getX().getType()).rank(), count = op.getAxes().size();
  return !op.getKeep() && llvm::equal(op.getAxes(), llvm::seq<int64_t>(rank - count, rank));
}

} // namespace

bool isWorkOfPair(Operation *inner, Residency &residency) {
  if (auto at = dyn_cast<AtOp>(inner))
    return residency.captureOf(at.getX()).has_value();
  if (auto sum = dyn_cast<SumOp>(inner))
    return reducesLastAxes(sum);
  if (auto max = dyn_cast<MaxOp>(inner))
    return reducesLastAxes(max);
  if (auto min = dyn_cast<MinOp>(inner))
    return reducesLastAxes(min);
  if (auto transpose = dyn_cast<TransposeOp>(inner)) { // of what is read it is a view of the whole
    Operation *x = transpose.getX().getDefiningOp();
    return x && !isa<AtOp>(x) && isWorkOfPair(x, residency);
  }
  return isElementwiseOnTensors(inner) || isa<BroadcastOp, ConstantOp, SizeOp>(inner);
}

namespace {
class Preparation {
public:
  explicit Preparation(NeighbourhoodOp op, bool forDerivatives = false)
      : op(op), residency(op), batch(op, residency), forDerivatives(forDerivatives) {}

  LogicalResult run() {
    for (Block *block : bodiesOf(op)) {
      fixReads(*block);
      turnReads(*block);
    }
    moveChecks();
    for (Block *block : bodiesOf(op))
      mark(*block);
    for (Block *block : bodiesOf(op))
      moveOut(*block);
    if (Operation *refused = batch.refused())
      return refuse(refused);
    for (Block *block : bodiesOf(op)) {
      readCaptures(*block);
      eraseDead(*block);
    }
    op.dropCaptures();
    return success();
  }

  void runForNodes() {
    for (Block *block : bodiesOf(op)) {
      fixReads(*block);
      mark(*block);
    }
    for (Operation *inner : SmallVector<Operation *>(outside.begin(), outside.end()))
      if (!residency.isNodeSide(axesOf(inner)))
        outside.erase(inner);
    for (Block *block : bodiesOf(op)) {
      moveOut(*block);
      eraseDead(*block);
    }
    op.dropCaptures();
  }

  /// Neighbourhoods that are to be prepared as well.
  ArrayRef<NeighbourhoodOp> made() const { return batch.made(); }

private:
  LogicalResult refuse(Operation *inner) {
    if (isa<NeighbourhoodOp>(inner))
      return inner->emitError("NN0901: a neighbourhood in the body of another can not be compiled yet");
    return inner->emitError("NN0901: `") << inner->getName().stripDialect()
                                         << "` in the body of a neighbourhood can not be compiled yet";
  }

  /// Checks are made for all indices, before.
  void moveChecks() {
    for (Block *block : bodiesOf(op))
      for (auto check : llvm::make_early_inc_range(block->getOps<CheckOp>())) {
        if (Batched x = batch.get(check.getX()); x.tensor) {
          OpBuilder b(op);
          b.clone(*check)->setOperand(0, x.tensor);
        }
        check.erase();
      }
  }

  /// The argument of `block` that holds a tensor from outside.
  Value argumentFor(Value tensor, Block &block) {
    OperandRange captures = op.getCaptures();
    unsigned number = llvm::find(captures, tensor) - captures.begin();
    if (number == captures.size()) {
      op.getCapturesMutable().append(tensor);
      for (Block *each : bodiesOf(op))
        each->addArgument(tensor.getType(), tensor.getLoc());
    }
    return block.getArgument(residency.indexCount() + number);
  }

  /// Reads the part of a tensor with leading axes `axes` that belongs to the pair.
  Value read(Batched x, OpBuilder b, Location loc, Block &block) {
    Value whole = argumentFor(x.tensor, block);
    SmallVector<Value> indices;
    for (unsigned i = 0; i < residency.indexCount(); ++i)
      if (x.axes >> i & 1)
        indices.push_back(block.getArgument(i));
    Shape part(ArrayRef<Dim>(shapeOf(whole.getType()).dims).drop_front(indices.size()));
    return AtOp::create(b, loc, tensorType(part, elementOf(whole.getType())), whole, indices,
                        llvm::to_vector(llvm::seq<int64_t>(0, indices.size())));
  }

  /// A read at constants is a read of a part.
  void fixReads(Block &block) {
    for (auto at : llvm::make_early_inc_range(block.getOps<AtOp>())) {
      std::optional<unsigned> capture = residency.captureOf(at.getX());
      Shape sizes = shapeOf(at.getX().getType()), offsets, kept;
      offsets.dims.assign(sizes.rank(), Dim(0));
      SmallVector<Value> indices;
      SmallVector<int64_t> axes;
      llvm::SmallBitVector fixed(sizes.rank());
      for (auto [axis, v] : llvm::zip(at.getAxes(), at.getIndices())) {
        auto constant = v.getDefiningOp<ConstantOp>();
        int64_t index = constant ? cast<IntegerAttr>(constant.getValue()).getInt() : -1;
        if (index < 0 || !sizes[axis].isConstant() || index >= sizes[axis].constant()) {
          indices.push_back(v);
          axes.push_back(axis);
          continue;
        }
        fixed.set(axis);
        sizes[axis] = Dim(1);
        offsets[axis] = Dim(index);
      }
      if (!capture || fixed.none())
        continue;
      for (int64_t &axis : axes) {
        int64_t before = 0;
        for (int64_t i = 0; i < axis; ++i)
          before += !fixed[i];
        axis = before;
      }
      for (size_t i = 0; i < sizes.rank(); ++i)
        if (!fixed[i])
          kept.dims.push_back(sizes[i]);
      OpBuilder b(op), inside(at);
      Value part = SliceOp::create(b, at.getLoc(), op.getCaptures()[*capture], offsets, sizes);
      part = ReshapeOp::create(b, at.getLoc(), part, kept);
      at.replaceAllUsesWith(
          AtOp::create(inside, at.getLoc(), at.getType(), argumentFor(part, block), indices, axes).getResult());
      at.erase();
    }
  }

  /// A view of what is read at computed indices is read from a view.
  void turnReads(Block &block) {
    for (Operation &inner : llvm::make_early_inc_range(block)) {
      if (!isa<TransposeOp, ReshapeOp, SliceOp>(inner) || inner.getNumOperands() != 1)
        continue;
      auto at = inner.getOperand(0).getDefiningOp<AtOp>();
      std::optional<unsigned> capture = at ? residency.captureOf(at.getX()) : std::nullopt;
      if (!capture || llvm::all_of(at.getIndices(), [&](Value v) { return residency.indexOf(v).has_value(); }))
        continue;
      OpBuilder b(op);
      Location loc = inner.getLoc();
      int64_t count = at.getAxes().size();
      SmallVector<int64_t> order(at.getAxes()), first = llvm::to_vector(llvm::seq<int64_t>(0, count));
      for (int64_t i = 0, rank = shapeOf(at.getX().getType()).rank(); i < rank; ++i)
        if (!llvm::is_contained(at.getAxes(), i))
          order.push_back(i);
      Value table = op.getCaptures()[*capture];
      if (!llvm::equal(order, llvm::seq<int64_t>(0, order.size())))
        table = TransposeOp::create(b, loc, table, order);
      Shape leading(ArrayRef<Dim>(shapeOf(table.getType()).dims).take_front(count));
      auto behind = [&](const Shape &trailing) {
        Shape shape = leading;
        llvm::append_range(shape.dims, trailing);
        return shape;
      };
      if (auto transpose = dyn_cast<TransposeOp>(inner)) {
        SmallVector<int64_t> permutation = first;
        for (int64_t p : transpose.getPermutation())
          permutation.push_back(count + p);
        table = TransposeOp::create(b, loc, table, permutation);
      } else if (auto slice = dyn_cast<SliceOp>(inner)) {
        Shape offsets;
        offsets.dims.assign(count, Dim(0));
        llvm::append_range(offsets.dims, slice.getOffsets().getValue());
        table = SliceOp::create(b, loc, table, offsets, behind(shapeOf(slice.getType())));
      } else {
        table = ReshapeOp::create(b, loc, table, behind(shapeOf(inner.getResult(0).getType())));
      }
      OpBuilder inside(&inner);
      Value now =
          AtOp::create(inside, loc, inner.getResult(0).getType(), argumentFor(table, block), at.getIndices(), first);
      inner.getResult(0).replaceAllUsesWith(now);
      inner.erase();
    }
    eraseDead(block);
  }

  Axes axesOf(Operation *inner) {
    Axes axes = 0;
    for (Value v : inner->getResults())
      axes = residency.normal(axes | residency.of(v));
    return axes;
  }

  void mark(Block &block) {
    llvm::DenseSet<Operation *> heavy; // cost something, with all they are computed from
    for (Operation &inner : block.without_terminator()) {
      bool stays = isWorkOfPair(&inner, residency) || (forDerivatives && becomesWorkOfPair(&inner));
      bool costs = !stays || isCostly(&inner);
      for (Value v : inner.getOperands())
        costs |= v.getDefiningOp() && heavy.contains(v.getDefiningOp());
      if (costs)
        heavy.insert(&inner);
      if (!stays || (costs && residency.isNodeSide(axesOf(&inner)) && !isa<BroadcastOp>(inner)))
        outside.insert(&inner);
    }
  }

  void moveOut(Block &block) {
    for (Operation &inner : llvm::make_early_inc_range(block.without_terminator())) {
      if (!outside.contains(&inner))
        continue;
      for (Value v : inner.getResults()) {
        auto isInside = [&](OpOperand &use) { return !outside.contains(block.findAncestorOpInBlock(*use.getOwner())); };
        if (llvm::none_of(v.getUses(), isInside))
          continue;
        Batched whole = batch.get(v);
        if (!whole.tensor)
          return;
        Value now = read(whole, OpBuilder(&inner), inner.getLoc(), block);
        v.replaceUsesWithIf(now, isInside);
      }
    }
  }

  /// Captures that take part whole are read without an index.
  void readCaptures(Block &block) {
    for (unsigned i = 0; i < op.getCaptures().size(); ++i) {
      BlockArgument argument = block.getArgument(residency.indexCount() + i);
      auto isRead = [](OpOperand &use) { return isa<AtOp>(use.getOwner()) && use.getOperandNumber() == 0; };
      if (llvm::all_of(argument.getUses(), isRead))
        continue;
      OpBuilder b = OpBuilder::atBlockBegin(&block);
      Value all = AtOp::create(b, argument.getLoc(), argument.getType(), argument, ValueRange(), ArrayRef<int64_t>());
      argument.replaceUsesWithIf(all, [&](OpOperand &use) { return !isRead(use); });
    }
  }

  NeighbourhoodOp op;
  Residency residency;
  Batch batch;
  bool forDerivatives;
  llvm::DenseSet<Operation *> outside;
};

/// An attend whose logarithms nobody wants needs not write them.
NeighbourhoodOp withoutLogarithms(NeighbourhoodOp op) {
  if (op.getNumResults() < 2 || !op.getResult(1).use_empty())
    return op;
  OpBuilder b(op);
  IRMapping map;
  NeighbourhoodOp one = op.cloneAs(b, op.getCombine(), map);
  op.getResult(0).replaceAllUsesWith(one.getResult(0));
  op.erase();
  return one;
}

/// Kernel form: bodies hold reads of captures, elementwise work, broadcasts, and reductions over last axes.
/// 1. Reads at constants become reads of parts; views of what is read at computed indices become reads of views.
/// 2. What is not in kernel form (contractions, gathers, joins, views of computed values) leaves the body: it is
///    computed for all indices that it depends on, at nodes, edges or pairs (see Batch), and read back.
/// 3. So does what costs more than a read and depends on one end of an edge at most: once per node instead of once per
///    edge.
/// 4. What is left works on values of one pair, in registers.
/// What edges decide of a graph is computed in a function for a tile of them (see TileEdges); of all pairs of a dense
/// domain it is kept in memory: (in + out) numbers per pair for a product.
struct PrepareNeighbourhoods : impl::PrepareNeighbourhoodsPassBase<PrepareNeighbourhoods> {
  void runOnOperation() override {
    SmallVector<NeighbourhoodOp> work;
    for (NeighbourhoodOp op : neighbourhoodsOf(getOperation()))
      work.push_back(withoutLogarithms(op));
    if (failed(prepareAll(std::move(work), /*forDerivatives=*/false)))
      signalPassFailure();
  }
};
} // namespace

LogicalResult prepareAll(SmallVector<NeighbourhoodOp> work, bool forDerivatives) {
  bool ok = true;
  for (size_t i = 0; i < work.size(); ++i) {
    Preparation preparation(work[i], forDerivatives);
    ok &= succeeded(preparation.run());
    llvm::append_range(work, preparation.made());
  }
  return success(ok);
}

void moveToNodes(NeighbourhoodOp op) { Preparation(op).runForNodes(); }
} // namespace nnc
