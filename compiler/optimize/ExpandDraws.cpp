#include "compiler/Passes.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace nn;

namespace nnc {
#define GEN_PASS_DEF_EXPANDDRAWSPASS
#include "compiler/Passes.h.inc"

namespace {
/// Row-major number of the element at hand, in the body of a map over `shape`.
Value elementNumber(OpBuilder &b, Location loc, const Shape &shape) {
  Type i64 = b.getI64Type();
  Value number = ConstantOp::create(b, loc, i64, int64_t(0));
  for (auto [axis, size] : llvm::enumerate(shape)) {
    Value scale = SizeOp::create(b, loc, i64, DimAttr::get(b.getContext(), size));
    number = MulOp::create(b, loc, number, scale);
    number = AddOp::create(b, loc, number, IndexOp::create(b, loc, i64, axis).getResult());
  }
  return number;
}

/// Each nn.uniform, nn.normal and nn.trunc_normal becomes a map whose body draws the element of that number.
struct ExpandDraws : impl::ExpandDrawsPassBase<ExpandDraws> {
  void expand(Operation *op, StringRef distribution, int64_t place, ArrayRef<double> bounds) {
    OpBuilder b(op);
    Location loc = op->getLoc();
    Type type = op->getResult(0).getType();
    Shape shape = shapeOf(type);
    SmallVector<Value> inputs;
    for (Value copy : op->getOperands())
      inputs.push_back(BroadcastOp::create(b, loc, copy, shape));
    auto map = MapOp::create(b, loc, type, inputs, ValueRange());
    SmallVector<Type> types(inputs.size(), b.getI64Type());
    SmallVector<Location> places(inputs.size(), loc);
    Block *body = b.createBlock(&map.getBody(), {}, types, places);
    Value drawn = DrawOp::create(b, loc, elementOf(type), elementNumber(b, loc, shape), body->getArguments(),
                                 b.getStringAttr(distribution), b.getI64IntegerAttr(place), b.getDenseF64ArrayAttr(bounds));
    YieldOp::create(b, loc, drawn);
    op->replaceAllUsesWith(map);
    op->erase();
  }

  void runOnOperation() override {
    getOperation().walk([&](Operation *op) {
      llvm::TypeSwitch<Operation *>(op)
          .Case([&](UniformOp o) { expand(o, "uniform", o.getPlace(), {}); })
          .Case([&](NormalOp o) { expand(o, "normal", o.getPlace(), {}); })
          .Case([&](TruncNormalOp o) {
            expand(o, "trunc_normal", o.getPlace(),
                   {o.getMean().convertToDouble(), o.getStd().convertToDouble(), o.getLow().convertToDouble(),
                    o.getHigh().convertToDouble()});
          });
    });
  }
};
} // namespace
} // namespace nnc
