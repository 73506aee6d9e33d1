#include "compiler/Passes.h"
#include "compiler/optimize/Cluster.h"
#include "compiler/optimize/KernelBody.h"
#include "compiler/optimize/Simplify.h"

using namespace mlir;
using namespace nn;

namespace nnc {
#define GEN_PASS_DEF_FUSEROWSPASS
#include "compiler/Passes.h.inc"

namespace {
bool isReduction(Operation *op) { return isa<SumOp, MaxOp, MinOp, AnyOp, AllOp>(op); }
bool isAlongRow(Operation *op) { return isa<ArgmaxOp, ArgminOp, CumsumOp>(op); }

/// A pass over a row goes one way: sums from the end do not meet what counts from the beginning.
bool goesWith(const Cluster &cluster, Operation *op) {
  auto isReverse = [](Operation *op) { return isa<CumsumOp>(op) && cast<CumsumOp>(op).getReverse(); };
  return !isAlongRow(op) || llvm::all_of(cluster.operations(), [&](Operation *member) {
    return !isAlongRow(member) || isReverse(member) == isReverse(op);
  });
}

/// A reduction as Decompose leaves it: of the last axes, which are gone in the result.
bool isNormal(Operation *op) {
  int64_t rank = op->getNumOperands() ? shapeOf(op->getOperand(0).getType()).rank() : 0;
  if (isAlongRow(op))
    return op->getAttrOfType<IntegerAttr>("axis").getInt() == rank - 1;
  if (!isReduction(op) || rank == 0)
    return false;
  if (auto keep = op->getAttrOfType<BoolAttr>("keep"); keep && keep.getValue())
    return false;
  ArrayRef<int64_t> axes = op->getAttrOfType<DenseI64ArrayAttr>("axes").asArrayRef();
  return axes.empty() || llvm::equal(axes, llvm::seq<int64_t>(rank - axes.size(), rank));
}

/// The rows that a kernel passes over: each has the axes `row`, there is one per position of `parallel`.
struct Rows {
  Shape parallel, row, whole;

  /// The rows of a reduction; it works on the last axes (see Decompose).
  explicit Rows(Operation *op) {
    whole = shapeOf(op->getOperand(0).getType());
    size_t axes = 1;
    if (auto reduced = op->getAttrOfType<DenseI64ArrayAttr>("axes"))
      axes = reduced.empty() ? whole.rank() : reduced.size();
    parallel = Shape(ArrayRef<Dim>(whole.dims).drop_back(axes));
    row = Shape(ArrayRef<Dim>(whole.dims).take_back(axes));
  }

  bool isRow(Type type) const { return shapeOf(type) == whole; }
  bool isOnePerRow(Type type) const { return shapeOf(type) == parallel; }
  Type inside(Type type) const { return tensorType(isOnePerRow(type) ? Shape() : row, elementOf(type)); }

  bool isOwnReduction(Operation *op) const {
    if (!isNormal(op))
      return false;
    Rows other(op);
    return other.parallel == parallel && other.row == row;
  }
  /// The value of each row, repeated along it.
  bool isOwnBroadcast(Operation *op) const {
    auto broadcast = dyn_cast<BroadcastOp>(op);
    return broadcast && isOnePerRow(broadcast.getX().getType()) && isRow(broadcast.getType()) &&
           llvm::equal(broadcast.getAxes(), llvm::seq<int64_t>(0, parallel.rank()));
  }
  bool isOwnElementwise(Operation *op) const {
    Type type = op->getNumResults() == 1 ? op->getResult(0).getType() : Type();
    return type && isElementwiseOnTensors(op) && (isRow(type) || isOnePerRow(type));
  }
};

/// Whether the cluster may grow from `from` to `op`.
bool mayGrow(const Rows &rows, const Cluster &cluster, Order &order, Operation *from, Operation *op) {
  if (rows.isOwnReduction(op))
    return goesWith(cluster, op);
  if (rows.isOwnBroadcast(op))
    return true;
  if (!rows.isOwnElementwise(op))
    return false;
  // Values of one per row are computed one by one here: what others want as well is better computed in a map.
  return order.before(from, op) || rows.isRow(op->getResult(0).getType()) ||
         llvm::all_of(op->getUsers(), [&](Operation *user) { return cluster.contains(user); });
}

/// Adds an operation that `from` is connected with; null if that is not possible. Of a repeated value that others use
/// as well we can have a copy: it is a view.
Operation *add(Cluster &cluster, Order &order, Operation *from, Operation *op) {
  if (cluster.tryAdd(op))
    return op;
  if (!isa<BroadcastOp>(op) || !order.before(op, from))
    return nullptr;
  Operation *copy = OpBuilder(from).clone(*op);
  from->replaceUsesOfWith(op->getResult(0), copy->getResult(0));
  if (cluster.tryAdd(copy))
    return copy;
  from->replaceUsesOfWith(copy->getResult(0), op->getResult(0));
  order.forget(copy);
  copy->erase();
  return nullptr;
}

/// A sum and a maximum of the same rows are taken in one pass, even if nothing else joins them.
void addSiblings(const Rows &rows, Cluster &cluster, Order &order, SmallVectorImpl<Operation *> &work) {
  SmallVector<Operation *> found;
  Block *block = cluster.operations().front()->getBlock();
  for (Value input : cluster.inputs())
    for (Operation *user : input.getUsers())
      if (user->getBlock() == block && rows.isOwnReduction(user) && !llvm::is_contained(found, user))
        found.push_back(user);
  llvm::sort(found, [&](Operation *a, Operation *b) { return order.before(a, b); });
  for (Operation *op : found)
    if (goesWith(cluster, op) && cluster.tryAdd(op))
      work.push_back(op);
}

/// Others that read a value repeated along the row read a view of the value, not a row that we write.
void keepBroadcastsViews(const Cluster &cluster) {
  for (Operation *op : cluster.operations()) {
    auto outside = [&](OpOperand &use) { return !cluster.contains(use.getOwner()); };
    if (!isa<BroadcastOp>(op) || llvm::none_of(op->getUses(), outside))
      continue;
    OpBuilder b(op->getContext());
    b.setInsertionPointAfter(op);
    Operation *view = b.clone(*op);
    op->getResult(0).replaceUsesWithIf(view->getResult(0), outside);
  }
}

void fuse(const Rows &rows, Cluster &cluster) {
  keepBroadcastsViews(cluster);
  Operation *place = cluster.gather();
  OpBuilder b(place);
  Location loc = place->getLoc();
  SmallVector<Value> inputs = cluster.inputs(), outputs = cluster.outputs();
  auto kernel = RowsOp::create(b, loc, TypeRange(ValueRange(outputs)), inputs, ValueRange(), rows.row.rank(),
                               ShapeAttr::get(b.getContext(), rows.parallel), ShapeAttr::get(b.getContext(), rows.row));
  auto inside = [&](Type type) { return rows.inside(type); };
  KernelBody body(kernel.getBody().emplaceBlock(), inside);
  for (Value v : inputs)
    body.input(v, v.getLoc());
  for (Operation *op : cluster.operations())
    body.add(op);
  body.yield(outputs, loc);
  cluster.replaceBy(kernel);
}

/// `transpose(f(a, b))`, of which nothing else wants f(a, b), is `f(transpose(a), transpose(b))`.
void pullThroughElementwise(TransposeOp transpose) {
  Operation *op = transpose.getX().getDefiningOp();
  if (!op || !isElementwiseOnTensors(op) || !op->hasOneUse() || op->getBlock() != transpose->getBlock())
    return;
  OpBuilder b(op);
  llvm::SmallMapVector<Value, TransposeOp, 4> turned;
  for (Value v : op->getOperands())
    if (TransposeOp &t = turned[v]; !t)
      t = TransposeOp::create(b, transpose.getLoc(), v, transpose.getPermutation());
  for (OpOperand &operand : op->getOpOperands())
    operand.set(turned[operand.get()]);
  op->getResult(0).setType(withElement(transpose.getType(), elementOf(op->getResult(0).getType())));
  transpose.replaceAllUsesWith(op->getResult(0));
  transpose.erase();
  for (auto &[value, t] : turned)
    pullThroughElementwise(t);
}

/// 1. Decompose has put the axes of reductions last, with transposes. Move these to the front of the elementwise work
/// that
///    is done for the reduction alone, so that it is done on rows.
/// 2. From each reduction, grow over other reductions of the same rows, values repeated along them, and elementwise
/// work
///    on rows or on one value per row, as long as the whole can be computed at one place.
/// 3. Make the kernel. Its body sees one row: tensors of the row's axes, and scalars.
struct FuseRows : impl::FuseRowsPassBase<FuseRows> {
  void runOnOperation() override {
    SmallVector<TransposeOp> transposes;
    getOperation().walk([&](TransposeOp op) {
      if (llvm::any_of(op->getUsers(), [](Operation *user) { return isReduction(user) || isAlongRow(user); }))
        transposes.push_back(op);
    });
    for (TransposeOp op : transposes)
      pullThroughElementwise(op);
    simplify(getOperation());
    forEachTensorBlock(getOperation(), fuseBlock);
  }

  static void fuseBlock(Block &block) {
    eraseDead(block);
    Order order(block);
    for (Operation *op = block.empty() ? nullptr : &block.front(); op;) {
      if (!isNormal(op)) {
        op = op->getNextNode();
        continue;
      }
      Rows rows(op);
      Cluster cluster(op, order);
      SmallVector<Operation *> work{op};
      do {
        while (!work.empty()) {
          Operation *from = work.pop_back_val();
          for (Operation *other : neighbours(from, order))
            if (!cluster.contains(other) && mayGrow(rows, cluster, order, from, other))
              if (Operation *added = add(cluster, order, from, other))
                work.push_back(added);
        }
        addSiblings(rows, cluster, order, work);
      } while (!work.empty());
      Operation *before = cluster.operations().front()->getPrevNode();
      fuse(rows, cluster);
      op = before ? before->getNextNode() : &block.front();
    }
    eraseDead(block);
  }
};
} // namespace
} // namespace nnc
