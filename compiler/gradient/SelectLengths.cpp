#include "compiler/Passes.h"
#include "dialect/Dialect.h"

using namespace mlir;
using namespace nn;

namespace nnc {
#define GEN_PASS_DEF_SELECTLENGTHSPASS
#include "compiler/Passes.h.inc"

namespace {
/// One number per row, or one for all, as often as the row has elements.
Value repeat(OpBuilder &b, Location loc, Value v, const Shape &shape) {
  Type type = tensorType(shape, elementOf(v.getType()));
  SmallVector<int64_t> axes(shapeOf(v.getType()).rank());
  for (auto [i, axis] : llvm::enumerate(axes))
    axis = i;
  return BroadcastOp::create(b, loc, type, v, axes);
}

/// 1. Before a loop over rows of different lengths stands a check: no length is negative or larger than the number of
///    steps.
/// 2. In the body a row whose length the step has reached keeps what it carries; what it yields is 0. These selections
///    are elementwise: they become part of the kernels that make the values.
/// The loop keeps its lengths: it makes as many steps as the longest row, and what is stacked is 0 after them.
struct SelectLengths : impl::SelectLengthsPassBase<SelectLengths> {
  void runOnOperation() override {
    getOperation().walk([](ScanOp loop) {
      if (!loop.getLengths().empty())
        select(loop);
    });
  }

  static void select(ScanOp loop) {
    Location loc = loop.getLoc();
    OpBuilder b(loop);
    Value lengths = loop.getLengths()[0];
    auto limit = DimAttr::get(b.getContext(), loop.getSteps().getValue() + Dim(1));
    CheckOp::create(b, loc, lengths, limit, b.getStringAttr("a length"), b.getI64IntegerAttr(0));

    Block &body = loop.getBody().front();
    auto yield = cast<YieldOp>(body.getTerminator());
    b.setInsertionPoint(yield);
    unsigned stacked = loop.getNumResults() - loop.getCarries().size(), firstCarry = 1 + loop.getXs().size();
    for (OpOperand &end : yield->getOpOperands()) {
      Value v = end.get();
      Shape shape = shapeOf(v.getType());
      Value step = repeat(b, loc, body.getArgument(0), shape), length = repeat(b, loc, lengths, shape);
      Value runs = LtOp::create(b, loc, tensorType(shape, b.getI1Type()), step, length);
      unsigned i = end.getOperandNumber();
      Value otherwise = i < stacked
                            ? ConstantOp::create(b, loc, v.getType(), b.getZeroAttr(elementOf(v.getType()))).getResult()
                            : body.getArgument(firstCarry + i - stacked);
      end.set(WhereOp::create(b, loc, v.getType(), runs, v, otherwise));
    }
  }
};
} // namespace
} // namespace nnc
