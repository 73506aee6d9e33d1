#include "compiler/Passes.h"
#include "compiler/optimize/Batch.h"
#include "compiler/optimize/Cluster.h"
#include "compiler/optimize/Prepare.h"

#include "mlir/IR/IRMapping.h"

using namespace mlir;
using namespace nn;

namespace nnc {
#define GEN_PASS_DEF_GROUPPRODUCTSPASS
#include "compiler/Passes.h.inc"

namespace {
/// With more weights than this a loop over them costs more than products of single rows.
constexpr int64_t kMostLoops = 64;

/// The read of a weight at one computed index, of which the right operand is a view; null: it is something else.
AtOp chosenWeight(ContractOp contract, Residency &residency) {
  Value v = contract.getRhs();
  while (v.getDefiningOp() && v.getDefiningOp()->hasTrait<View>() && v.getDefiningOp()->getNumOperands() == 1)
    v = v.getDefiningOp()->getOperand(0);
  auto at = v.getDefiningOp<AtOp>();
  if (!at || at.getIndices().size() != 1 || !residency.captureOf(at.getX()) || residency.indexOf(at.getIndices()[0]) ||
      residency.of(at.getIndices()[0]) == 0)
    return {};
  return at;
}

/// x @ M[i] as sums over the last axis of x * M[i]: nothing is copied, each pair reads its own matrix.
void multiplyRows(ContractOp contract) {
  OpBuilder b(contract);
  Location loc = contract.getLoc();
  int64_t batch = contract.getBatch(), m = contract.getM(), n = contract.getN(), k = contract.getK();
  // [batch, m, n, k]
  SmallVector<int64_t> order = llvm::to_vector(llvm::seq<int64_t>(0, batch));
  llvm::append_range(order, llvm::seq<int64_t>(batch + k, batch + k + n));
  llvm::append_range(order, llvm::seq<int64_t>(batch, batch + k));
  Value rhs = TransposeOp::create(b, loc, contract.getRhs(), order);
  Shape whole = contract.resultShape();
  llvm::append_range(whole.dims, contract.kShape());
  int64_t rank = whole.rank();
  SmallVector<int64_t> left = llvm::to_vector(llvm::seq<int64_t>(0, batch + m)),
                       right = llvm::to_vector(llvm::seq<int64_t>(0, batch));
  llvm::append_range(left, llvm::seq<int64_t>(rank - k, rank));
  llvm::append_range(right, llvm::seq<int64_t>(batch + m, rank));
  Type type = tensorType(whole, elementOf(contract.getLhs().getType()));
  Value product = MulOp::create(b, loc, BroadcastOp::create(b, loc, type, contract.getLhs(), left),
                                BroadcastOp::create(b, loc, type, rhs, right));
  Value sum =
      SumOp::create(b, loc, product, b.getDenseI64ArrayAttr(llvm::to_vector(llvm::seq<int64_t>(rank - k, rank))),
                    b.getBoolAttr(false));
  contract.getResult(0).replaceAllUsesWith(sum);
  contract.erase();
}

/// The neighbourhood over the pairs that choose weight `number`, which `weight` is, in a loop.
NeighbourhoodOp oneWeight(NeighbourhoodOp op, AtOp read, Value weight, Value number, OpBuilder &b) {
  Residency residency(op);
  auto copy = cast<NeighbourhoodOp>(b.clone(*op));
  if (op.getCombine() == "mean")
    copy.setCombine("sum");
  SmallVector<Block *, 2> blocks = bodiesOf(copy);
  if (copy.getWhere().empty()) {
    Block *block = new Block();
    copy.getWhere().push_back(block);
    for (BlockArgument argument : copy.getBody().front().getArguments())
      block->addArgument(argument.getType(), argument.getLoc());
    blocks.insert(blocks.begin(), block);
  }
  copy.getCapturesMutable().append({weight, number});
  for (Block *block : blocks) {
    block->addArgument(weight.getType(), weight.getLoc());
    block->addArgument(number.getType(), number.getLoc());
  }
  Block &where = *blocks[0], &body = *blocks[1];
  // The index once more in `where`, from a copy of the body.
  OpBuilder inside = where.empty() ? OpBuilder::atBlockEnd(&where) : OpBuilder(where.getTerminator());
  IRMapping map;
  for (auto [from, to] : llvm::zip(body.getArguments(), where.getArguments()))
    map.map(from, to);
  AtOp target; // the read in the copy
  for (auto [before, now] : llvm::zip(op.getBody().front(), body))
    if (&before == read.getOperation())
      target = cast<AtOp>(now);
  for (Operation &inner : body) {
    if (&inner == target.getOperation())
      break;
    inside.clone(inner, map);
  }
  Location loc = read.getLoc();
  Value chosen = map.lookupOrDefault(target.getIndices()[0]);
  Value wanted =
      AtOp::create(inside, loc, number.getType(), where.getArguments().back(), ValueRange(), ArrayRef<int64_t>());
  Value condition = EqOp::create(inside, loc, chosen, wanted);
  Operation *end = inside.getInsertionPoint() == where.end() ? nullptr : &*inside.getInsertionPoint();
  if (end)
    end->setOperand(0, AndOp::create(inside, loc, end->getOperand(0), condition));
  else
    YieldOp::create(inside, loc, condition);
  eraseDead(where);
  target.getResult().replaceAllUsesWith(body.getArgument(body.getNumArguments() - 2));
  eraseDead(body);
  return copy;
}

bool isEmptyOfLoops(NeighbourhoodOp op) {
  return !op.getBody()
              .walk([](Operation *inner) {
                return isa<NeighbourhoodOp, ScanOp>(inner) ? WalkResult::interrupt() : WalkResult::advance();
              })
              .wasInterrupted();
}

/// A product with a chosen weight; null: there is none.
ContractOp findChoice(NeighbourhoodOp op) {
  Residency residency(op);
  for (auto contract : op.getBody().getOps<ContractOp>())
    if (chosenWeight(contract, residency))
      return contract;
  return {};
}

/// Replaces the neighbourhood by a loop over the weights.
bool loop(NeighbourhoodOp op, AtOp read) {
  Residency residency(op);
  OpBuilder b(op);
  Location loc = op.getLoc();
  Value weights = op.getCaptures()[*residency.captureOf(read.getX())];
  int64_t axis = read.getAxes()[0];
  Dim steps = shapeOf(weights.getType())[axis];
  Batched index = Batch(op, residency).get(read.getIndices()[0]);
  if (!index.tensor)
    return false;
  CheckOp::create(b, loc, index.tensor, DimAttr::get(b.getContext(), steps), b.getStringAttr("an index"),
                  b.getI64IntegerAttr(0));
  if (axis != 0) {
    SmallVector<int64_t> order{axis};
    for (int64_t i = 0, rank = shapeOf(weights.getType()).rank(); i < rank; ++i)
      if (i != axis)
        order.push_back(i);
    weights = TransposeOp::create(b, loc, weights, order);
  }
  Type type = op->getResult(0).getType();
  Value zero = ConstantOp::create(b, loc, type, 0.0);
  auto scan = ScanOp::create(b, loc, TypeRange(type), ValueRange(weights), ValueRange(zero), ValueRange(), ValueRange(),
                             DimAttr::get(b.getContext(), steps), b.getBoolAttr(false));
  Block *block = b.createBlock(&scan.getBody());
  Value number = block->addArgument(tensorType({}, b.getI64Type()), loc);
  Value weight = block->addArgument(read.getType(), loc);
  Value before = block->addArgument(type, loc);
  NeighbourhoodOp part = oneWeight(op, read, weight, number, b);
  while (ContractOp other = findChoice(part))
    multiplyRows(other);
  b.setInsertionPointToEnd(block);
  YieldOp::create(b, loc, AddOp::create(b, loc, before, part->getResult(0)).getResult());
  b.setInsertionPointAfter(scan);
  Value result = scan.getResult(0);
  if (op.getCombine() == "mean") {
    OpBuilder at(op);
    auto all = cast<NeighbourhoodOp>(at.clone(*op));
    all.setCombine("sum");
    Operation *yield = all.getBody().front().getTerminator();
    OpBuilder inside(yield);
    Value one = ConstantOp::create(inside, loc, tensorType({}, b.getI64Type()), int64_t(1));
    yield->setOperands(one);
    eraseDead(all.getBody().front());
    Shape shape = op.getFree().getValue();
    shape.dims.push_back(op.getTargets().getValue());
    Type counts = tensorType(shape, b.getI64Type());
    all->getResult(0).setType(counts);
    b.setInsertionPoint(op);
    Value least = MaximumOp::create(b, loc, all->getResult(0), ConstantOp::create(b, loc, counts, int64_t(1)));
    Value number = CastOp::create(b, loc, withElement(counts, elementOf(type)), least);
    result = DivideOp::create(
        b, loc, result,
        BroadcastOp::create(b, loc, type, number, llvm::to_vector(llvm::seq<int64_t>(0, shape.rank()))));
  }
  op->getResult(0).replaceAllUsesWith(result);
  op.erase();
  return true;
}

/// A row or column times a matrix that is another one at every edge, and was computed there.
bool hasMatrixOfEdge(ContractOp contract, Residency &residency) {
  auto isOfEdge = [&](Value v) { return !residency.isNodeSide(residency.of(v)); };
  Value lhs = contract.getLhs(), rhs = contract.getRhs();
  return (contract.getM() == 0 && isOfEdge(rhs) && residency.of(lhs) != 0) ||
         (contract.getN() == 0 && isOfEdge(lhs) && residency.of(rhs) != 0);
}

} // namespace

void groupProducts(NeighbourhoodOp op) {
  while (ContractOp contract = findChoice(op)) {
    Residency residency(op);
    AtOp read = chosenWeight(contract, residency);
    Dim weights = shapeOf(read.getX().getType())[read.getAxes()[0]];
    bool sums = op.getCombine() == "sum" || op.getCombine() == "mean" || op.getCombine() == "each";
    bool few = weights.isConstant() && weights.constant() <= kMostLoops;
    if (sums && few && isEmptyOfLoops(op) && loop(op, read))
      return;
    multiplyRows(contract);
  }
  for (auto contract : llvm::make_early_inc_range(op.getBody().getOps<ContractOp>())) {
    Residency residency(op);
    if (contract.getEpilogue().empty() && !contract.getPanel() && hasMatrixOfEdge(contract, residency))
      multiplyRows(contract);
  }
}

namespace {
/// x[u] @ M[kind[e]]: every edge chooses one of several weights. The weights are never copied for edges.
/// 1. Where contributions add up (sum, mean, each) and the weights are few: a loop over the weights. Each step takes
/// the
///    edges that choose this weight (one more condition in `where`), with a weight that is the same for all of them, so
///    that the product can be computed at nodes; the results add up. The choice is checked before.
/// 2. Otherwise sums of products, each edge with its own matrix where that lies. The same where an edge computes its
///    matrix: a product would want it packed first.
struct GroupProducts : impl::GroupProductsPassBase<GroupProducts> {
  void runOnOperation() override {
    for (NeighbourhoodOp op : neighbourhoodsOf(getOperation()))
      groupProducts(op);
  }
};
} // namespace
} // namespace nnc
