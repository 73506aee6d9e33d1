#include "compiler/optimize/Simplify.h"
#include "compiler/Passes.h"
#include "compiler/optimize/Cluster.h"
#include "compiler/optimize/Weights.h"

#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace nn;

namespace nnc {
#define GEN_PASS_DEF_SIMPLIFYPASS
#include "compiler/Passes.h.inc"

namespace {
/// A view of a constant (or of a size) is a constant of the view's shape.
struct ViewOfConstant : RewritePattern {
  ViewOfConstant(MLIRContext *context) : RewritePattern(MatchAnyOpTypeTag(), 2, context) {}
  LogicalResult matchAndRewrite(Operation *op, PatternRewriter &b) const override {
    if (!op->hasTrait<View>() || op->getNumOperands() != 1) // a slice with starts checks them
      return failure();
    Operation *x = op->getOperand(0).getDefiningOp();
    Type type = op->getResult(0).getType();
    if (auto constant = dyn_cast_or_null<ConstantOp>(x))
      return b.replaceOpWithNewOp<ConstantOp>(op, type, constant.getValue()), success();
    if (auto size = dyn_cast_or_null<SizeOp>(x))
      return b.replaceOpWithNewOp<SizeOp>(op, type, size.getValueAttr()), success();
    return failure();
  }
};

/// A reshape that only adds axes of size 1 is a broadcast: that can be said with strides for any operand.
struct ReshapeToBroadcast : OpRewritePattern<ReshapeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ReshapeOp op, PatternRewriter &b) const override {
    Shape from = shapeOf(op.getX().getType()), to = shapeOf(op.getType());
    SmallVector<int64_t> axes;
    for (auto [i, size] : llvm::enumerate(to)) {
      if (axes.size() < from.rank() && size == from[axes.size()])
        axes.push_back(i);
      else if (!size.isConstant(1))
        return failure();
    }
    if (axes.size() != from.rank() || from.rank() == to.rank())
      return failure();
    b.replaceOpWithNewOp<BroadcastOp>(op, op.getType(), op.getX(), axes);
    return success();
  }
};

/// A reshape that undoes a broadcast to axes of size 1 gives the operand back.
struct ReshapeOfBroadcast : OpRewritePattern<ReshapeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ReshapeOp op, PatternRewriter &b) const override {
    auto broadcast = op.getX().getDefiningOp<BroadcastOp>();
    if (!broadcast || shapeOf(broadcast.getX().getType()).count() != shapeOf(op.getType()).count())
      return failure();
    b.replaceOpWithNewOp<ReshapeOp>(op, op.getType(), broadcast.getX());
    return success();
  }
};

/// transpose(broadcast(x)) is broadcast(transpose(x)): the operand is the smaller one, and broadcasts meet their users.
struct TransposeOfBroadcast : OpRewritePattern<TransposeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(TransposeOp op, PatternRewriter &b) const override {
    auto broadcast = op.getX().getDefiningOp<BroadcastOp>();
    if (!broadcast)
      return failure();
    SmallVector<int64_t> axes, order; // result axes that come from x, and from which of its axes
    for (auto [i, p] : llvm::enumerate(op.getPermutation())) {
      auto at = llvm::find(broadcast.getAxes(), p);
      if (at == broadcast.getAxes().end())
        continue;
      axes.push_back(i);
      order.push_back(at - broadcast.getAxes().begin());
    }
    Value x = TransposeOp::create(b, op.getLoc(), broadcast.getX(), order);
    b.replaceOpWithNewOp<BroadcastOp>(op, op.getType(), x, axes);
    return success();
  }
};

/// transpose(x w) is w^T x^T: the result is made in the order in which it is wanted. Not where w is a weight, which is
/// packed at load.
struct TransposeOfProduct : OpRewritePattern<TransposeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(TransposeOp op, PatternRewriter &b) const override {
    auto product = op.getX().getDefiningOp<ContractOp>();
    if (!product || !product->hasOneUse() || !product.getEpilogue().empty() || product.getPanel() ||
        isWeight(product.getRhs()))
      return failure();
    int64_t batch = product.getBatch(), m = product.getM(), n = product.getN(), k = product.getK();
    if (m == 0 || n == 0 || !llvm::equal(op.getPermutation(), exchanged(batch, m, n)))
      return failure();
    Value lhs = TransposeOp::create(b, op.getLoc(), product.getRhs(), exchanged(batch, k, n));
    Value rhs = TransposeOp::create(b, op.getLoc(), product.getLhs(), exchanged(batch, m, k));
    b.replaceOpWithNewOp<ContractOp>(op, lhs, rhs, batch, n, m, k);
    return success();
  }
  /// The batch axes, then the last `second` ones before the `first` others.
  static SmallVector<int64_t> exchanged(int64_t batch, int64_t first, int64_t second) {
    SmallVector<int64_t> order = llvm::to_vector(llvm::seq<int64_t>(0, batch));
    llvm::append_range(order, llvm::seq<int64_t>(batch + first, batch + first + second));
    llvm::append_range(order, llvm::seq<int64_t>(batch, batch + first));
    return order;
  }
};

/// Elementwise work on values that repeat in the same way is done once for each value, and the result repeats.
struct BroadcastAfterElementwise : RewritePattern {
  BroadcastAfterElementwise(MLIRContext *context) : RewritePattern(MatchAnyOpTypeTag(), 1, context) {}
  LogicalResult matchAndRewrite(Operation *op, PatternRewriter &b) const override {
    if (!isElementwiseOnTensors(op))
      return failure();
    BroadcastOp first;
    for (Value v : op->getOperands()) {
      if (v.getDefiningOp<ConstantOp>() || v.getDefiningOp<SizeOp>())
        continue;
      auto broadcast = v.getDefiningOp<BroadcastOp>();
      if (!broadcast || (first && (shapeOf(broadcast.getX().getType()) != shapeOf(first.getX().getType()) ||
                                   broadcast.getAxes() != first.getAxes())))
        return failure();
      first = first ? first : broadcast;
    }
    if (!first)
      return failure();
    Type small = first.getX().getType(), whole = op->getResult(0).getType();
    SmallVector<Value> operands;
    for (Value v : op->getOperands()) {
      Type type = withElement(small, elementOf(v.getType()));
      if (auto constant = v.getDefiningOp<ConstantOp>())
        operands.push_back(ConstantOp::create(b, v.getLoc(), type, constant.getValue()));
      else if (auto size = v.getDefiningOp<SizeOp>())
        operands.push_back(SizeOp::create(b, v.getLoc(), type, size.getValueAttr()));
      else
        operands.push_back(v.getDefiningOp<BroadcastOp>().getX());
    }
    Operation *copy = b.clone(*op);
    copy->setOperands(operands);
    copy->getResult(0).setType(withElement(small, elementOf(whole)));
    b.replaceOpWithNewOp<BroadcastOp>(op, whole, copy->getResult(0), first.getAxes());
    return success();
  }
};

/// A counter that is repeated or transposed is a counter: it is made in the kernel that uses it.
struct ViewOfCounter : RewritePattern {
  ViewOfCounter(MLIRContext *context) : RewritePattern(MatchAnyOpTypeTag(), 2, context) {}
  LogicalResult matchAndRewrite(Operation *op, PatternRewriter &b) const override {
    auto iota = op->getNumOperands() == 1 ? op->getOperand(0).getDefiningOp<IotaOp>() : IotaOp();
    if (!iota)
      return failure();
    int64_t axis = iota.getAxis();
    if (auto broadcast = dyn_cast<BroadcastOp>(op)) {
      axis = broadcast.getAxes()[axis];
      if (shapeOf(broadcast.getType())[axis] != shapeOf(iota.getType())[iota.getAxis()])
        return failure(); // one number, repeated
    } else if (auto transpose = dyn_cast<TransposeOp>(op)) {
      axis = llvm::find(transpose.getPermutation(), axis) - transpose.getPermutation().begin();
    } else {
      return failure();
    }
    b.replaceOpWithNewOp<IotaOp>(op, op->getResult(0).getType(), iota.getStart(), axis);
    return success();
  }
};

std::optional<double> constantOf(Value v) {
  auto constant = v.getDefiningOp<ConstantOp>();
  if (!constant)
    return std::nullopt;
  if (auto f = dyn_cast<FloatAttr>(constant.getValue()))
    return f.getValueAsDouble();
  return double(cast<IntegerAttr>(constant.getValue()).getInt());
}

/// x * 1, x / 1, x ^ 1, x + 0 and x - 0 are x (a layer without bias adds 0; -0 stays -0 then, as in other frameworks);
/// the powers 2 and 3 are products.
struct Neutral : RewritePattern {
  Neutral(MLIRContext *context) : RewritePattern(MatchAnyOpTypeTag(), 1, context) {}
  LogicalResult matchAndRewrite(Operation *op, PatternRewriter &b) const override {
    if (!isa<AddOp, SubOp, MulOp, DivideOp, PowOp>(op))
      return failure();
    Value x = op->getOperand(0);
    std::optional<double> c = constantOf(op->getOperand(1));
    if (!c && isa<AddOp, MulOp>(op))
      x = op->getOperand(1), c = constantOf(op->getOperand(0));
    if (c == (isa<AddOp, SubOp>(op) ? 0.0 : 1.0))
      return b.replaceOp(op, x), success();
    if (!isa<PowOp>(op) || (c != 2.0 && c != 3.0))
      return failure();
    Value square = MulOp::create(b, op->getLoc(), x, x);
    b.replaceOp(op, c == 2.0 ? square : MulOp::create(b, op->getLoc(), square, x).getResult());
    return success();
  }
};

/// `and` and `or` with a constant are the other operand, or the constant.
struct Decided : RewritePattern {
  Decided(MLIRContext *context) : RewritePattern(MatchAnyOpTypeTag(), 1, context) {}
  LogicalResult matchAndRewrite(Operation *op, PatternRewriter &b) const override {
    if (!isa<AndOp, OrOp>(op))
      return failure();
    for (unsigned i = 0; i < 2; ++i)
      if (std::optional<double> c = constantOf(op->getOperand(i)))
        return b.replaceOp(op, op->getOperand((*c != 0) == isa<AndOp>(op) ? 1 - i : i)), success();
    return failure();
  }
};

/// Arithmetic, comparisons and choices of constants are done here: gradients of powers and of broken lines are full of
/// them.
struct OfConstants : RewritePattern {
  OfConstants(MLIRContext *context) : RewritePattern(MatchAnyOpTypeTag(), 2, context) {}
  LogicalResult matchAndRewrite(Operation *op, PatternRewriter &b) const override {
    if (auto where = dyn_cast<WhereOp>(op)) {
      std::optional<double> c = constantOf(where->getOperand(0));
      return c ? (b.replaceOp(op, where->getOperand(*c != 0 ? 1 : 2)), success()) : failure();
    }
    if (op->getNumOperands() == 0 || op->getNumResults() != 1)
      return failure();
    std::optional<double> x = constantOf(op->getOperand(0)),
                          y = op->getNumOperands() == 2 ? constantOf(op->getOperand(1)) : std::nullopt;
    if (!x || (op->getNumOperands() == 2 && !y))
      return failure();
    Type type = op->getResult(0).getType(), element = elementOf(type);
    std::optional<double> value = valueOf(op, *x, y.value_or(0));
    // Integers that a double holds exactly.
    if (!value || (!isa<FloatType>(element) && std::abs(*value) > 1e15) ||
        (!isa<FloatType>(elementOf(op->getOperand(0).getType())) && std::abs(*x) > 1e15))
      return failure();
    TypedAttr attribute = isa<FloatType>(element) ? TypedAttr(b.getFloatAttr(element, *value))
                                                  : TypedAttr(b.getIntegerAttr(element, int64_t(*value)));
    b.replaceOpWithNewOp<ConstantOp>(op, type, attribute);
    return success();
  }
  static std::optional<double> valueOf(Operation *op, double x, double y) {
    if (auto cast = dyn_cast<CastOp>(op)) // towards 0, as in C; what is out of range is left alone
      return isa<FloatType>(elementOf(cast.getType())) || std::abs(x) < 1e9 ? std::optional(x) : std::nullopt;
    return llvm::TypeSwitch<Operation *, std::optional<double>>(op)
        .Case([&](AddOp) { return x + y; })
        .Case([&](SubOp) { return x - y; })
        .Case([&](MulOp) { return x * y; })
        .Case([&](EqOp) { return x == y; })
        .Case([&](LtOp) { return x < y; })
        .Case([&](GtOp) { return x > y; })
        .Case([&](GeOp) { return x >= y; })
        .Case([&](LeOp) { return x <= y; })
        .Default([](Operation *) { return std::nullopt; });
  }
};

/// A loop without steps gives what it began with, and sequences of no element.
struct LoopWithoutSteps : OpRewritePattern<ScanOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ScanOp op, PatternRewriter &b) const override {
    if (!op.getSteps().getValue().isConstant(0))
      return failure();
    SmallVector<Value> results;
    for (Type type : TypeRange(op.getResultTypes()).drop_back(op.getCarries().size()))
      results.push_back(ConstantOp::create(b, op.getLoc(), type, b.getZeroAttr(elementOf(type))));
    llvm::append_range(results, op.getCarries());
    b.replaceOp(op, results);
    return success();
  }
};

struct SimplifyNetwork : impl::SimplifyPassBase<SimplifyNetwork> {
  void runOnOperation() override { simplify(getOperation()); }
};
} // namespace

static void simplifyInside(Operation *op) {
  RewritePatternSet patterns(op->getContext());
  patterns.add<ViewOfConstant, ReshapeToBroadcast, ReshapeOfBroadcast, TransposeOfBroadcast, TransposeOfProduct,
               BroadcastAfterElementwise, ViewOfCounter, Neutral, Decided, OfConstants, LoopWithoutSteps>(
      op->getContext());
  addLoopPatterns(patterns);
  GreedyRewriteConfig config;
  config.setRegionSimplificationLevel(GreedySimplifyRegionLevel::Disabled).enableConstantCSE(true);
  (void)applyPatternsGreedily(op, std::move(patterns), config);
}

/// 1. Views of constants and counters are constants and counters.
/// 2. Broadcasts move behind the elementwise work on them, transposes before broadcasts; reshapes that add axes of size
/// 1
///    are broadcasts; views of views are one view; transposed products are products of the transposed factors.
/// 3. Neutral elements and loops without steps vanish, and what constants decide; small powers are products.
/// 4. A loop loses what nobody asks for, or what is there already (see SimplifyLoops.cpp).
/// Until nothing changes. Each step makes a value smaller or a chain of views shorter.
void simplify(func::FuncOp function) { simplifyInside(function); }
void simplify(NeighbourhoodOp op) { simplifyInside(op); }
} // namespace nnc
