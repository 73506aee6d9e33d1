#include "compiler/Passes.h"
#include "compiler/optimize/Cluster.h"
#include "compiler/optimize/PairOperands.h"

using namespace mlir;
using namespace nn;

namespace nnc {
#define GEN_PASS_DEF_RECOGNIZEATTENTIONPASS
#include "compiler/Passes.h.inc"

namespace {
void recognize(NeighbourhoodOp op) {
  if (op.getCombine() != "attend")
    return;
  PairOperands pairs(op);
  Value score = op.getBody().front().getTerminator()->getOperand(0);
  auto at = op.getBody().front().getTerminator()->getOperand(1).getDefiningOp<AtOp>();
  if (!at || pairs.reads(at, PairOperands::Position::Target) || pairs.reads(at, PairOperands::Position::Other) ||
      !pairs.collect(score) || !pairs.makeOperands())
    return;
  Value value = pairs.rows(at);
  if (!value || elementOf(value.getType()).isF64() != elementOf(pairs.queries[0].getType()).isF64())
    return;
  OpBuilder &b = pairs.b;
  Location loc = op.getLoc();
  Type sum = pairs.sumType();
  Shape shape = pairs.targetShape();
  SmallVector<Type> types;
  if (op.getNumResults() > 1) // the logarithm of the sum of the exponentials
    types.push_back(tensorType(shape, sum));
  shape.dims.push_back(shapeOf(value.getType()).dims.back());
  types.insert(types.begin(), tensorType(shape, elementOf(value.getType())));
  auto attend = AttendOp::create(b, loc, types, pairs.queries, pairs.keys, value, pairs.extras, ValueRange(),
                                 int64_t(pairs.leading.rank()));
  pairs.fill(attend.getScore(), [&](KernelBody &body) { return SmallVector<Value>{pairs.asSum(body, score)}; });
  if (pairs.hasWhere())
    pairs.fillWhere(attend.getWhere());
  for (auto [old, result] : llvm::zip(op.getResults(), attend.getResults()))
    pairs.replace(old, result);
  op.erase();
}

/// 1. Of each `attend` over all pairs, take the score apart: products of a row read at the target and one read at the
///    source; reads of single numbers; elementwise work on these and on the indices.
/// 2. What is read becomes an operand: a view with the free axes, targets and sources in order, repeated where it does
///    not depend on them. What is read by the difference of source and target is read once for each difference; pairs
///    of one difference are a diagonal. Where a free index is divided by a constant (heads that share a key) its axis
///    becomes two.
/// 3. The elementwise work becomes the regions of nn.attend.
/// What can not be had this way stays as it is.
struct RecognizeAttention : impl::RecognizeAttentionPassBase<RecognizeAttention> {
  void runOnOperation() override {
    SmallVector<NeighbourhoodOp> all;
    getOperation().walk([&](NeighbourhoodOp op) { all.push_back(op); });
    for (NeighbourhoodOp op : all)
      recognize(op);
    forEachTensorBlock(getOperation(), [](Block &block) { eraseDead(block); });
  }
};
} // namespace
} // namespace nnc
