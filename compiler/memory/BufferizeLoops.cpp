// Calls and loops: their arguments, results and carried values get places.
#include "compiler/memory/Bufferizer.h"

using namespace mlir;
using namespace nn;
using namespace nnc;

void Bufferizer::call(CallOp op) {
  SmallVector<Value> arguments{team, tid};
  for (const Dim &d : op.getDims().getValue())
    arguments.push_back(ExtentOp::create(b, op.getLoc(), d));
  bool anyStrides = bool(op.getTiled()); // the callee takes what it is given
  for (Value v : op.getOperands())
    arguments.push_back(anyStrides || isa<nn::GraphType>(v.getType()) ? places.lookup(v)
                                                                      : contiguous(places.lookup(v), op.getLoc()));
  SmallVector<std::pair<Value, Value>> copies;
  for (Value v : op.getResults()) {
    Value to = destination(v);
    b.setInsertionPoint(op);
    Value into = anyStrides || cast<RefType>(to.getType()).isContiguous() ? to : alloc(v.getType());
    if (into != to)
      copies.emplace_back(into, to);
    arguments.push_back(into);
  }
  arguments.push_back(frame);
  CallOp::create(b, op.getLoc(), TypeRange(), op.getCalleeAttr(), arguments, op.getDims(), op.getTiledAttr(),
                 op.getTileAttr());
  for (auto [from, to] : copies)
    copy(from, to, op.getLoc());
}

/// Every carry gets two places, the final one and a spare; the body reads `prev` and writes `next`. A carry that the
/// body changes has one.
void Bufferizer::scan(ScanOp op) {
  Location loc = op.getLoc();
  unsigned carries = op.getCarries().size(), stacked = op.getNumResults() - carries;
  SmallVector<Value> xs, init, lengths, inits;
  for (Value v : op.getXs())
    xs.push_back(places.lookup(v));
  for (OpOperand &v : op.getCarriesMutable())
    init.push_back(overwrites.over(v) ? places.lookup(v.get()) : contiguous(places.lookup(v.get()), loc));
  for (Value v : op.getLengths())
    lengths.push_back(places.lookup(v));
  SmallVector<std::pair<Value, Value>> copies;
  for (OpResult r : op.getResults()) {
    Value to = destination(r);
    b.setInsertionPoint(op);
    Value into = to;
    if (r.getResultNumber() >= stacked && !cast<RefType>(to.getType()).isContiguous())
      copies.emplace_back(into = alloc(r.getType()), to);
    inits.push_back(into);
  }
  for (auto [i, v] : llvm::enumerate(op.getCarriesMutable())) {
    if (!overwrites.over(v)) {
      inits.push_back(alloc(v.get().getType()));
      continue;
    }
    Value whole = inits[stacked + i];
    if (init[i] != whole)
      copy(init[i], whole, loc);
    init[i] = whole;
    inits.push_back(whole);
  }
  auto loop = ScanOp::create(b, loc, TypeRange(), xs, init, lengths, inits, op.getSteps(), op.getReversed());

  Block *body = b.createBlock(&loop.getBody());
  Block &old = op.getBody().front();
  auto sliceType = [&](Value whole) {
    auto type = cast<RefType>(whole.getType());
    return RefType::get(context, Shape(ArrayRef<Dim>(type.getShape().dims).drop_front()), type.getElementType(),
                        Shape(ArrayRef<Dim>(type.getStrides().dims).drop_front()));
  };
  auto yield = cast<YieldOp>(old.getTerminator());
  places[old.getArgument(0)] = body->addArgument(placeType(old.getArgument(0).getType()), loc);
  for (auto [i, x] : llvm::enumerate(xs))
    places[old.getArgument(1 + i)] = body->addArgument(sliceType(x), loc);
  SmallVector<Value> ends(op.getNumResults());
  for (unsigned i = 0; i < carries; ++i) {
    places[old.getArgument(1 + xs.size() + i)] = body->addArgument(init[i].getType(), loc);
    ends[stacked + i] = body->addArgument(init[i].getType(), loc);
    if (overwrites.over(op.getCarriesMutable()[i]))
      ends[stacked + i] = places[old.getArgument(1 + xs.size() + i)];
  }
  for (unsigned i = 0; i < stacked; ++i)
    ends[i] = body->addArgument(sliceType(inits[i]), loc);
  for (unsigned i = 0; i < carries; ++i) // a value that is stacked as well changes where it lies
    if (overwrites.over(op.getCarriesMutable()[i]))
      targets[yield.getValues()[stacked + i]] = ends[stacked + i];
  for (auto [value, place] : llvm::zip(yield.getValues(), ends))
    targets.try_emplace(value, place);
  for (auto [i, x] : llvm::enumerate(xs)) // read and written in the same place
    for (unsigned j = 0; j < stacked; ++j)
      if (inits[j] == x)
        places[old.getArgument(1 + i)] = ends[j];

  b.setInsertionPointToEnd(body);
  YieldOp::create(b, loc, ValueRange());
  Operation *end = body->getTerminator();
  body->getOperations().splice(end->getIterator(), old.getOperations(), old.begin(), yield->getIterator());
  (void)block(*body);
  b.setInsertionPoint(end);
  finish(yield, ends);
  done.push_back(yield);
  b.setInsertionPointAfter(loop);
  for (auto [from, to] : copies)
    copy(from, to, loc);
}
