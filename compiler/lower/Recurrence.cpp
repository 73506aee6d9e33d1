#include "compiler/lower/Lowering.h"

using namespace mlir;
using namespace nn;
using namespace nnc;

namespace {
Value sliceAt(Value step, Value whole, Lowering &l) {
  auto type = cast<RefType>(whole.getType());
  return l.advance(l.pointer(whole), l.mul(step, l.size(type.getStrides()[0])), type.getElementType());
}

/// Fills a slice, which is named by an argument of the body, with zeros.
void clear(Value whole, Value slice, Value step, Lowering &l) {
  l.setPointer(slice, sliceAt(step, whole, l));
  auto fill = MapOp::create(l.b, l.loc, TypeRange(), ValueRange(), ValueRange(slice));
  Type element = elementOf(slice.getType());
  {
    OpBuilder::InsertionGuard guard(l.b);
    l.b.createBlock(&fill.getBody());
    YieldOp::create(l.b, l.loc, ConstantOp::create(l.b, l.loc, element, l.b.getZeroAttr(element)).getResult());
  }
  OpBuilder::InsertionGuard guard(l.b);
  l.b.setInsertionPoint(fill);
  lowerMap(fill, l);
}

/// As many steps as the longest row has: steps that no row has are not made.
Value longest(ScanOp op, Value steps, Lowering &l) {
  auto type = cast<RefType>(op.getLengths()[0].getType());
  Value base = l.pointer(op.getLengths()[0]), stride = l.size(type.getStrides()[0]);
  Value most = l.loop(l.constant(0), l.size(type.getShape()[0]), 1, {l.constant(0)}, [&](Value i, ValueRange most) {
    Value length = l.load(l.advance(base, l.mul(i, stride), type.getElementType()), type.getElementType(), 1);
    return SmallVector<Value>{l.maximum(most[0], length)};
  })[0];
  return l.minimum(most, steps); // a wrong length is reported; nothing is written beyond the end
}
} // namespace

/// 1. The steps that are made: all, or those of the longest row. What is stacked is 0 in the others.
/// 2. One loop over the steps. Each carry has two places: the final one, and a spare. The last step must write the
/// final
///    place, so a step writes it if an even number of steps follows, the spare otherwise; the place written is what the
///    next step reads. The first one reads the initial value where it lies. The kernels of the body are lowered after
///    this, where they stand then.
///    A carry that is changed where it lies has one place, which is all of these.
/// 3. Without any step the initial value is the final one.
void nnc::lowerScan(ScanOp op, Lowering &l) {
  Location loc = op.getLoc();
  OpBuilder &b = l.b;
  unsigned carries = op.getCarries().size(), stacked = op.getInits().size() - 2 * carries;
  Value all = l.size(op.getSteps().getValue()), steps = op.getLengths().empty() ? all : longest(op, all, l);
  SmallVector<Value> first, final, spare;
  for (unsigned i = 0; i < carries; ++i) {
    first.push_back(l.pointer(op.getCarries()[i]));
    final.push_back(l.pointer(op.getInits()[stacked + i]));
    spare.push_back(l.pointer(op.getInits()[stacked + carries + i]));
  }
  Value number = l.stack(b.getI64Type(), 1);
  Block &body = op.getBody().front();

  Block::BlockArgListType slices = body.getArguments().take_back(stacked);
  if (!op.getLengths().empty())
    l.loop(steps, all, 1, [&](Value step) {
      for (unsigned i = 0; i < stacked; ++i)
        clear(op.getInits()[i], slices[i], step, l);
    });

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
    auto slice = [&](Value whole) { l.setPointer(body.getArgument(next++), sliceAt(step, whole, l)); };
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
  if (!op.getLengths().empty() || !op.getSteps().getValue().isConstant() || op.getSteps().getValue().isConstant(0)) {
    Value none = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, steps, l.constant(0));
    l.ifThen(none, [&] {
      for (unsigned i = 0; i < carries; ++i) {
        if (op.getCarries()[i] == op.getInits()[stacked + i])
          continue;
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
