#include "compiler/lower/Lowering.h"

using namespace mlir;
using namespace nn;
using namespace nnc;

/// One loop over the steps. Each carry has two places: the final one, and a spare. The last step must write the final
/// place, so a step writes it if an even number of steps follows, the spare otherwise; the place written is what the
/// next step reads. The first one reads the initial value where it lies. The kernels of the body are lowered after
/// this, where they stand then.
void nnc::lowerScan(ScanOp op, Lowering &l) {
  Location loc = op.getLoc();
  OpBuilder &b = l.b;
  unsigned carries = op.getCarries().size(), stacked = op.getInits().size() - 2 * carries;
  Value steps = l.size(op.getSteps().getValue());
  SmallVector<Value> first, final, spare;
  for (unsigned i = 0; i < carries; ++i) {
    first.push_back(l.pointer(op.getCarries()[i]));
    final.push_back(l.pointer(op.getInits()[stacked + i]));
    spare.push_back(l.pointer(op.getInits()[stacked + carries + i]));
  }
  Value number = l.stack(b.getI64Type(), 1);
  Block &body = op.getBody().front();

  auto loop = scf::ForOp::create(b, loc, l.constant(0), steps, l.constant(1), first);
  if (!loop.getBody()->empty()) // where nothing is carried it has an end already
    loop.getBody()->back().erase();
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    Value turn = loop.getInductionVar(), left = l.sub(l.sub(steps, turn), l.constant(1));
    Value step = op.getReversed() ? left : turn;
    l.store(step, number, b.getI64Type());
    unsigned next = 0;
    l.setPointer(body.getArgument(next++), number);
    auto slice = [&](Value whole) {
      auto type = cast<RefType>(whole.getType());
      Value offset = l.mul(step, l.size(type.getStrides()[0]));
      l.setPointer(body.getArgument(next++), l.advance(l.pointer(whole), offset, type.getElementType()));
    };
    for (Value x : op.getXs())
      slice(x);
    Value odd = arith::TruncIOp::create(b, loc, b.getI1Type(), left);
    SmallVector<Value> written;
    for (unsigned i = 0; i < carries; ++i) {
      l.setPointer(body.getArgument(next++), loop.getRegionIterArg(i));
      written.push_back(arith::SelectOp::create(b, loc, odd, spare[i], final[i]));
      l.setPointer(body.getArgument(next++), written.back());
    }
    for (unsigned i = 0; i < stacked; ++i)
      slice(op.getInits()[i]);
    Operation *end = scf::YieldOp::create(b, loc, written);
    Operation *yield = body.getTerminator();
    loop.getBody()->getOperations().splice(end->getIterator(), body.getOperations(), body.begin(),
                                           yield->getIterator());
  }
  // No step at all: the initial value is the final one.
  if (!op.getSteps().getValue().isConstant() || op.getSteps().getValue().isConstant(0)) {
    Value none = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, steps, l.constant(0));
    l.ifThen(none, [&] {
      for (unsigned i = 0; i < carries; ++i) {
        auto copy = CopyOp::create(b, loc, TypeRange(), op.getCarries()[i], ValueRange(op.getInits()[stacked + i]));
        OpBuilder::InsertionGuard guard(b);
        b.setInsertionPoint(copy);
        lowerCopy(copy, l);
      }
    });
    l.barrier();
  }
  l.eraseLater(op); // its body's arguments still name places
}
