#include "compiler/Passes.h"

using namespace mlir;
using namespace nn;

namespace nnc {
#define GEN_PASS_DEF_DESCRIBEDRAWSPASS
#include "compiler/Passes.h.inc"

namespace {
std::optional<double> numberOf(Value v) {
  while (auto broadcast = v.getDefiningOp<BroadcastOp>())
    v = broadcast.getX();
  auto constant = v.getDefiningOp<ConstantOp>();
  if (!constant)
    return std::nullopt;
  if (auto f = dyn_cast<FloatAttr>(constant.getValue()))
    return f.getValueAsDouble();
  auto i = cast<IntegerAttr>(constant.getValue()).getValue();
  return i.getBitWidth() == 1 ? double(i.getZExtValue()) : double(i.getSExtValue());
}

/// draw * scale + shift.
struct Draw {
  StringRef distribution = "constant";
  int64_t place = 0;
  double scale = 1, shift = 0, low = 0, high = 0;
};

/// `step` numbers the copies, if there are several.
std::optional<Draw> match(Value v, Value step) {
  if (std::optional<double> number = numberOf(v))
    return Draw{.scale = 0, .shift = *number};
  if (auto cast = v.getDefiningOp<CastOp>())
    v = cast.getX();
  Draw d;
  if (auto add = v.getDefiningOp<AddOp>())
    if (std::optional<double> by = numberOf(add.getB()))
      d.shift = *by, v = add.getA();
  if (auto mul = v.getDefiningOp<MulOp>())
    if (std::optional<double> by = numberOf(mul.getB()))
      d.scale = *by, v = mul.getA();
  Operation *op = v.getDefiningOp();
  if (!isa_and_present<UniformOp, NormalOp, TruncNormalOp>(op) || op->getNumOperands() != (step ? 1 : 0) ||
      (step && op->getOperand(0) != step))
    return std::nullopt;
  d.distribution = op->getName().stripDialect();
  d.place = op->getAttrOfType<IntegerAttr>("place").getInt();
  if (auto t = dyn_cast<TruncNormalOp>(op)) { // its mean and deviation as well
    double mean = t.getMean().convertToDouble(), deviation = t.getStd().convertToDouble();
    d.low = (t.getLow().convertToDouble() - mean) / deviation;
    d.high = (t.getHigh().convertToDouble() - mean) / deviation;
    d.shift += mean * d.scale;
    d.scale *= deviation;
  }
  return d;
}

/// Follows the function's result, through the loop over copies if there is one.
std::optional<Draw> matchFunction(func::FuncOp function) {
  Value v = function.getBody().front().getTerminator()->getOperand(0);
  auto loop = v.getDefiningOp<ScanOp>();
  if (!loop)
    return match(v, Value());
  Block &body = loop.getBody().front();
  return body.getNumArguments() == 1 ? match(body.getTerminator()->getOperand(0), body.getArgument(0)) : std::nullopt;
}

/// 1. Look at the initialiser of each parameter and buffer: is its value one draw times a number plus a number, or a
///    number?
/// 2. If so, say it in the attribute `draw` and drop the function: the runtime draws.
struct DescribeDraws : impl::DescribeDrawsPassBase<DescribeDraws> {
  void runOnOperation() override {
    OpBuilder b(&getContext());
    SymbolTable symbols(getOperation());
    for (StorageOp storage : getOperation().getOps<StorageOp>()) {
      if (!storage.getInitialiser())
        continue;
      auto function = symbols.lookup<func::FuncOp>(*storage.getInitialiser());
      std::optional<Draw> draw = matchFunction(function);
      if (!draw)
        continue;
      NamedAttrList list;
      list.append("distribution", b.getStringAttr(draw->distribution));
      list.append("place", b.getI64IntegerAttr(draw->place));
      list.append("scale", b.getF64FloatAttr(draw->scale));
      list.append("shift", b.getF64FloatAttr(draw->shift));
      if (draw->distribution == "trunc_normal") {
        list.append("low", b.getF64FloatAttr(draw->low));
        list.append("high", b.getF64FloatAttr(draw->high));
      }
      storage.setDrawAttr(list.getDictionary(&getContext()));
      storage.removeInitialiserAttr();
      symbols.erase(function); // it was made for this place alone
    }
  }
};
} // namespace
} // namespace nnc
