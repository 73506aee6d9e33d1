#include "compiler/Passes.h"
#include "compiler/optimize/Batch.h"
#include "compiler/optimize/Cluster.h"
#include "compiler/optimize/Prepare.h"

#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/MapVector.h"

using namespace mlir;
using namespace nn;

namespace nnc {
#define GEN_PASS_DEF_MOVEPRODUCTSPASS
#include "compiler/Passes.h.inc"

namespace {
Value sum(OpBuilder &b, Location loc, Value x, Value y) { return AddOp::create(b, loc, x, y).getResult(); }

/// A product whose right operand is the same for all pairs.
bool isLinear(ContractOp op, Residency &residency) {
  return op.getBatch() == 0 && op.getN() > 0 && op.getK() == 1 && !op.getPanel() && op.getEpilogue().empty() &&
         isa<FloatType>(elementOf(op.getResult(0).getType())) && residency.of(op.getRhs()) == 0;
}

/// concat(u, v, w) @ M = u @ M_u + v @ M_v + w @ M_w, where parts of the same indices stay together. Null: nothing
/// would be computed for fewer pairs.
Value splitConcat(ContractOp op, Residency &residency) {
  auto concat = op.getLhs().getDefiningOp<ConcatOp>();
  if (!concat)
    return {};
  int64_t rank = shapeOf(concat.getType()).rank(), axis = int64_t(concat.getAxis());
  if ((axis < 0 ? axis + rank : axis) != rank - 1)
    return {};
  llvm::MapVector<Axes, SmallVector<std::pair<Value, Dim>>> groups; // parts, and the rows of M that they meet
  Dim row;
  bool pays = false;
  for (Value part : concat.getParts()) {
    Axes axes = residency.of(part);
    groups[axes].push_back({part, row});
    pays |= residency.isNodeSide(axes);
    row = row + shapeOf(part.getType()).dims.back();
  }
  if (!pays || groups.size() < 2)
    return {};
  OpBuilder b(op);
  Location loc = op.getLoc();
  Value total;
  for (auto &[axes, parts] : groups) {
    SmallVector<Value> joined, rows;
    for (auto &[part, first] : parts) {
      Shape sizes = shapeOf(op.getRhs().getType()), offsets;
      sizes[0] = shapeOf(part.getType()).dims.back();
      offsets.dims.assign(sizes.rank(), Dim(0));
      offsets[0] = first;
      joined.push_back(part);
      rows.push_back(SliceOp::create(b, loc, op.getRhs(), offsets, sizes));
    }
    Value lhs = joined[0], rhs = rows[0];
    if (parts.size() > 1) {
      lhs = ConcatOp::create(b, loc, joined, b.getI64IntegerAttr(rank - 1));
      rhs = ConcatOp::create(b, loc, rows, b.getI64IntegerAttr(0));
    }
    Value product = ContractOp::create(b, loc, lhs, rhs, 0, op.getM(), op.getN(), 1)->getResult(0);
    total = total ? sum(b, loc, total, product) : product;
  }
  return total;
}

/// (u + v) @ M = u @ M + v @ M where each side depends on another end; the same with a difference.
Value splitSum(ContractOp op, Residency &residency) {
  Operation *lhs = op.getLhs().getDefiningOp();
  if (!isa_and_present<AddOp, SubOp>(lhs))
    return {};
  Axes x = residency.of(lhs->getOperand(0)), y = residency.of(lhs->getOperand(1));
  if (x == y || !residency.isNodeSide(x) || !residency.isNodeSide(y) || residency.isNodeSide(residency.normal(x | y)))
    return {};
  OpBuilder b(op);
  auto times = [&](Value v) {
    return ContractOp::create(b, op.getLoc(), v, op.getRhs(), 0, op.getM(), op.getN(), 1)->getResult(0);
  };
  Value left = times(lhs->getOperand(0)), right = times(lhs->getOperand(1));
  return isa<AddOp>(lhs) ? sum(b, op.getLoc(), left, right) : SubOp::create(b, op.getLoc(), left, right).getResult();
}

/// Splits one product; false: there is none that pays.
bool splitOne(NeighbourhoodOp op) {
  Residency residency(op);
  for (auto contract : op.getBody().getOps<ContractOp>()) {
    if (!isLinear(contract, residency))
      continue;
    Value now = splitConcat(contract, residency);
    if (!now)
      now = splitSum(contract, residency);
    if (!now)
      continue;
    contract.getResult(0).replaceAllUsesWith(now);
    contract.erase();
    eraseDead(op.getBody().front());
    return true;
  }
  return false;
}

/// The terms of a tree of sums and differences; true: the term is added.
void collectTerms(Value v, bool added, bool isRoot, SmallVectorImpl<std::pair<Value, bool>> &terms) {
  Operation *op = v.getDefiningOp();
  if (!isa_and_present<AddOp, SubOp>(op) || (!isRoot && !v.hasOneUse()))
    return terms.push_back({v, added});
  collectTerms(op->getOperand(0), added, false, terms);
  collectTerms(op->getOperand(1), isa<AddOp>(op) == added, false, terms);
}

/// u @ A + v @ B + c - v @ C = u @ A + (v @ B - v @ C + c): terms of the same end, and those that depend on nothing,
/// are added there.
void regroup(Operation *root, Residency &residency) {
  SmallVector<std::pair<Value, bool>> terms;
  collectTerms(root->getResult(0), true, true, terms);
  if (terms.size() < 3 ||
      llvm::none_of(terms, [](auto &term) { return term.first.template getDefiningOp<ContractOp>(); }))
    return;
  llvm::MapVector<Axes, SmallVector<std::pair<Value, bool>>> groups;
  for (auto &term : terms)
    groups[residency.of(term.first)].push_back(term);
  if (auto *same = groups.find(0); same != groups.end() && groups.size() > 1) {
    SmallVector<std::pair<Value, bool>> free = same->second;
    groups.erase(same);
    auto *home = llvm::find_if(groups, [&](auto &group) { return group.first == residency.target(); });
    if (home == groups.end())
      home = llvm::find_if(groups, [&](auto &group) { return residency.isNodeSide(group.first); });
    llvm::append_range(home == groups.end() ? groups.back().second : home->second, free);
  }
  if (groups.size() == terms.size())
    return;
  OpBuilder b(root);
  Location loc = root->getLoc();
  Value total;
  for (auto &[axes, members] : groups) {
    llvm::stable_sort(members, [](auto &x, auto &y) { return x.second > y.second; }); // what is added, first
    Value part = members[0].second ? members[0].first : NegOp::create(b, loc, members[0].first).getResult();
    for (auto &[v, added] : llvm::drop_begin(members))
      part = added ? sum(b, loc, part, v) : SubOp::create(b, loc, part, v).getResult();
    total = total ? sum(b, loc, total, part) : part;
  }
  root->getResult(0).replaceAllUsesWith(total);
}

void regroupAll(NeighbourhoodOp op) {
  Residency residency(op);
  SmallVector<Operation *> roots;
  for (Operation &inner : op.getBody().front())
    if (isa<AddOp, SubOp>(inner) && isa<FloatType>(elementOf(inner.getResult(0).getType())) &&
        !(inner.hasOneUse() && isa<AddOp, SubOp>(*inner.user_begin())))
      roots.push_back(&inner);
  for (Operation *root : roots)
    regroup(root, residency);
  eraseDead(op.getBody().front());
}

/// Whether a product costs less after the sum than before it.
bool isCheaperAfter(ContractOp contract, Residency &residency) {
  Axes axes = residency.of(contract.getLhs());
  if (!residency.isNodeSide(axes))
    return true; // once per node, not once per edge
  if (!(axes & residency.source()))
    return false;
  std::optional<int64_t> in = contract.kShape().count().asConstant(), out = contract.nShape().count().asConstant();
  return in && out && *in <= *out;
}

/// The neighbourhood with another combination, of another value of its body; null: of 1.
NeighbourhoodOp copyWith(NeighbourhoodOp op, StringRef combine, Value value) {
  OpBuilder b(op);
  IRMapping map;
  NeighbourhoodOp copy = op.cloneAs(b, combine, map);
  Block &body = copy.getBody().front();
  Operation *yield = body.getTerminator();
  if (value) {
    yield->setOperands(map.lookup(value));
  } else {
    OpBuilder inside(yield);
    yield->setOperands(ConstantOp::create(inside, op.getLoc(), tensorType({}, b.getI64Type()), int64_t(1)).getResult());
  }
  Type part = yield->getOperand(0).getType();
  Shape shape = op.getFree().getValue();
  shape.dims.push_back(op.getTargets().getValue());
  llvm::append_range(shape.dims, shapeOf(part));
  copy->getResult(0).setType(tensorType(shape, elementOf(part)));
  eraseDead(body);
  return copy;
}

void moveBehind(NeighbourhoodOp op) {
  if (op.getCombine() != "sum" && op.getCombine() != "mean")
    return;
  Residency residency(op);
  Value value = op.getBody().front().getTerminator()->getOperand(0), bias;
  if (auto add = value.getDefiningOp<AddOp>()) {
    bool first = add.getA().getDefiningOp<ContractOp>() != nullptr;
    value = first ? add.getA() : add.getB();
    bias = first ? add.getB() : add.getA();
    auto repeated = bias.getDefiningOp<BroadcastOp>();
    bias = repeated ? repeated.getX() : bias;
    std::optional<unsigned> capture = residency.captureOf(bias);
    if (!capture)
      return;
    bias = op.getCaptures()[*capture];
    Shape trailing = shapeOf(bias.getType()), whole = shapeOf(value.getType());
    if (!broadcastsTo(trailing, whole) ||
        (repeated &&
         !llvm::equal(repeated.getAxes(), llvm::seq<int64_t>(whole.rank() - trailing.rank(), whole.rank()))))
      return;
  }
  auto contract = value.getDefiningOp<ContractOp>();
  if (!contract || !isLinear(contract, residency) || !isCheaperAfter(contract, residency))
    return;
  OpBuilder b(op);
  Location loc = op.getLoc();
  Value weight = Batch(op, residency).get(contract.getRhs()).tensor;
  if (!weight)
    return;
  Value combined = copyWith(op, op.getCombine(), contract.getLhs())->getResult(0);
  int64_t rank = shapeOf(combined.getType()).rank();
  Value result = ContractOp::create(b, loc, combined, weight, 0, rank - 1, contract.getN(), 1)->getResult(0);
  if (bias) {
    // As often as there are sources; the mean of none is 0.
    Value count = copyWith(op, "sum", {})->getResult(0);
    Type element = elementOf(result.getType());
    if (op.getCombine() == "mean")
      count = NeOp::create(b, loc, count, ConstantOp::create(b, loc, count.getType(), int64_t(0)));
    Value times = CastOp::create(b, loc, withElement(count.getType(), element), count);
    SmallVector<int64_t> leading = llvm::to_vector(llvm::seq<int64_t>(0, shapeOf(times.getType()).rank()));
    Value one = BroadcastOp::create(b, loc, result.getType(), times, leading);
    Value all = BroadcastOp::create(b, loc, bias, shapeOf(result.getType()));
    result = sum(b, loc, result, MulOp::create(b, loc, one, all).getResult());
  }
  op->getResult(0).replaceAllUsesWith(result);
  op.erase();
}

} // namespace

void moveProducts(NeighbourhoodOp op) {
  while (splitOne(op)) // the parts may split again
    continue;
  regroupAll(op);
  moveBehind(op);
}

namespace {
/// Products with weights in bodies, so that as little as possible is computed for each edge.
/// 1. A product of joined values, or of a sum or difference, of different ends becomes the sum of products of the
/// parts:
///    each of them depends on less, and can be computed at its end.
/// 2. In sums that products are part of, the terms of one end come together, so that they are added there.
/// 3. Where a sum or mean is over a product (and a bias), and the product is of edges, or of sources and not smaller
///    than what goes in, the sum is over what goes in, and the product follows. The bias counts once per source.
struct MoveProducts : impl::MoveProductsPassBase<MoveProducts> {
  void runOnOperation() override {
    for (NeighbourhoodOp op : neighbourhoodsOf(getOperation()))
      moveProducts(op);
  }
};
} // namespace
} // namespace nnc
