#include "compiler/gradient/Loops.h"
#include "compiler/gradient/Split.h"
#include "dialect/Provenance.h"

#include "mlir/IR/IRMapping.h"
#include "mlir/Transforms/RegionUtils.h"

using namespace mlir;
using namespace nn;
using namespace nnc;

namespace {
Type stackOf(Type one, const Dim &steps) {
  Shape shape{steps};
  llvm::append_range(shape.dims, shapeOf(one));
  return tensorType(shape, elementOf(one));
}

/// One loop on its way back.
class Back {
public:
  Back(ScanOp loop, Adjoint &outer, OpBuilder &b, Functions *functions);
  ~Back() { joint.erase(); }
  LogicalResult run();

private:
  Block &body() { return joint.getBody().front(); }
  Value argument(unsigned i) { return body().getArgument(i); }
  unsigned firstCarry() { return 1 + unsigned(joint.getXs().size()); }
  SmallVector<Value> activeValues();
  void makeForward(const Split &split);
  void makeBackward(const Split &split);

  ScanOp loop;
  ScanOp joint; ///< the copy with both passes in its body
  Adjoint &outer;
  OpBuilder &b;
  Functions *functions;
  Location loc;
  unsigned stacked; ///< results that are
  Operation *mark = nullptr;

  SmallVector<unsigned> xs, carries, given; ///< active sequences and carries; results with a cotangent, by number
  SmallVector<Value> captures;              ///< active ones
  SmallVector<Value> gradients;             ///< in the joint body, of xs, carries, captures; null is 0
  ScanOp forward;
  unsigned saved = 0; ///< the first result of `forward` that is saved
};
} // namespace

Back::Back(ScanOp loop, Adjoint &outer, OpBuilder &b, Functions *functions)
    : loop(loop), outer(outer), b(b), functions(functions), loc(loop.getLoc()),
      stacked(loop.getNumResults() - loop.getCarries().size()) {
  OpBuilder before(loop);
  joint = cast<ScanOp>(before.clone(*loop));
}

/// The values of the body that a cotangent is wanted of, in the order xs, carries, captures.
SmallVector<Value> Back::activeValues() {
  auto isFloat = [](Value v) { return isValue(v.getType()) && isa<FloatType>(elementOf(v.getType())); };
  SmallVector<Value> by;
  for (auto [i, x] : llvm::enumerate(joint.getXs()))
    if (outer.isActive(x)) {
      xs.push_back(i);
      by.push_back(argument(1 + i));
    }
  llvm::SetVector<Value> outside;
  getUsedValuesDefinedAbove(joint.getBody(), outside);
  for (Value v : outside)
    if (outer.isActive(v))
      captures.push_back(v);

  // A carried value may become active by another one: until nothing changes.
  llvm::SmallVector<bool> is(joint.getCarries().size());
  for (auto [i, carry] : llvm::enumerate(joint.getCarries()))
    is[i] = outer.isActive(carry);
  for (bool changed = true; changed;) {
    changed = false;
    SmallVector<Value> all(by);
    llvm::append_range(all, captures);
    for (auto [i, active] : llvm::enumerate(is))
      if (active)
        all.push_back(argument(firstCarry() + i));
    Adjoint inner(b, all, functions);
    inner.mark(body().without_terminator());
    for (auto [i, active] : llvm::enumerate(is)) {
      Value next = body().getTerminator()->getOperand(stacked + i);
      if (!active && isFloat(next) && inner.isActive(next))
        active = changed = true;
    }
  }
  for (auto [i, active] : llvm::enumerate(is))
    if (active) {
      carries.push_back(i);
      by.push_back(argument(firstCarry() + i));
    }
  llvm::append_range(by, captures);
  return by;
}

/// The loop with what crosses as further stacked results, in front of the carried ones.
void Back::makeForward(const Split &split) {
  OpBuilder before(loop);
  Dim steps = loop.getSteps().getValue();
  SmallVector<Type> types(loop.getResults().take_front(stacked).getTypes());
  SmallVector<Value> crossing(split.saved());
  for (unsigned i : split.arguments())
    if (i >= firstCarry() && i < firstCarry() + joint.getCarries().size())
      crossing.push_back(argument(i));
  for (Value v : crossing)
    types.push_back(stackOf(v.getType(), steps));
  saved = stacked;
  llvm::append_range(types, loop.getResults().drop_front(stacked).getTypes());
  forward = ScanOp::create(before, loc, types, loop.getXs(), loop.getCarries(), loop.getLengths(), ValueRange(),
                           loop.getSteps(), loop.getReversed());
  forward->setDiscardableAttrs(loop->getDiscardableAttrDictionary());
  Block *block = before.createBlock(&forward.getBody());
  IRMapping map;
  for (unsigned i = 0; i < firstCarry() + loop.getCarries().size(); ++i)
    map.map(argument(i), block->addArgument(argument(i).getType(), loc));
  for (Operation &op : llvm::make_range(body().begin(), Block::iterator(mark)))
    before.clone(op, map);
  SmallVector<Value> yields;
  auto end = body().getTerminator()->getOperands();
  for (Value v : end.take_front(stacked))
    yields.push_back(map.lookupOrDefault(v));
  for (Value v : crossing)
    yields.push_back(map.lookupOrDefault(v));
  for (Value v : end.drop_front(stacked))
    yields.push_back(map.lookupOrDefault(v));
  YieldOp::create(before, loc, yields);
}

void Back::makeBackward(const Split &split) {
  // Sequences: those of the loop that are needed, what was saved, the cotangents of its stacked results.
  unsigned count = firstCarry() + joint.getCarries().size(), next = saved;
  SmallVector<std::pair<Value, Value>> sequences; // in the joint body, all of them
  for (Value v : split.saved())
    sequences.push_back({v, forward.getResult(next++)});
  for (unsigned i : split.arguments())
    if (i >= firstCarry() && i < count)
      sequences.push_back({argument(i), forward.getResult(next++)});
    else if (i > 0 && i < firstCarry())
      sequences.push_back({argument(i), loop.getXs()[i - 1]});
  for (auto [i, result] : llvm::enumerate(given))
    sequences.push_back({argument(count + i), outer.cotangent(loop.getResult(result))});
  SmallVector<Value> all, carried;
  for (auto &[one, sequence] : sequences)
    all.push_back(sequence);

  // Carried: the cotangents of what the loop carries, and the sums over the steps.
  auto zero = [&](OpBuilder &at, Type type) -> Value { return ConstantOp::create(at, loc, type, 0.0); };
  for (unsigned i : carries) {
    Value final = loop.getResult(stacked + i), g = outer.cotangent(final);
    carried.push_back(g ? g : zero(b, final.getType()));
  }
  SmallVector<unsigned> sums, slices; // captures and sequences that get anything
  for (auto [i, x] : llvm::enumerate(xs))
    if (gradients[i])
      slices.push_back(i);
  for (auto [i, v] : llvm::enumerate(captures))
    if (gradients[xs.size() + carries.size() + i]) {
      sums.push_back(i);
      carried.push_back(zero(b, v.getType()));
    }

  SmallVector<Type> types;
  for (unsigned i : slices)
    types.push_back(loop.getXs()[xs[i]].getType());
  llvm::append_range(types, ValueRange(carried).getTypes());
  auto back = ScanOp::create(b, loc, types, all, carried, loop.getLengths(), ValueRange(), loop.getSteps(),
                             !loop.getReversed());
  OpBuilder::InsertionGuard guard(b);
  Block *block = b.createBlock(&back.getBody());
  IRMapping map;
  map.map(argument(0), block->addArgument(argument(0).getType(), loc));
  for (auto &[one, sequence] : sequences)
    map.map(one, block->addArgument(one.getType(), loc));
  for (unsigned i = 0; i < carries.size(); ++i) {
    Value g = argument(count + given.size() + i);
    map.map(g, block->addArgument(g.getType(), loc));
  }
  SmallVector<Value> before;
  for (unsigned i : sums)
    before.push_back(block->addArgument(captures[i].getType(), loc));
  split.clone(b, map);
  SmallVector<Value> yields;
  for (unsigned i : slices)
    yields.push_back(map.lookupOrDefault(gradients[i]));
  for (auto [k, i] : llvm::enumerate(carries)) {
    Value g = gradients[xs.size() + k];
    yields.push_back(g ? map.lookupOrDefault(g) : zero(b, joint.getCarries()[i].getType()));
  }
  for (auto [sum, i] : llvm::zip(before, sums))
    yields.push_back(
        AddOp::create(b, loc, sum, map.lookupOrDefault(gradients[xs.size() + carries.size() + i])).getResult());
  YieldOp::create(b, loc, yields);

  b.setInsertionPointAfter(back);
  unsigned result = 0;
  for (unsigned i : slices)
    outer.add(loop.getXs()[xs[i]], back.getResult(result++));
  for (unsigned i : carries)
    outer.add(loop.getCarries()[i], back.getResult(result++));
  for (unsigned i : sums)
    outer.add(captures[i], back.getResult(result++));
}

LogicalResult Back::run() {
  SmallVector<Value> by = activeValues();
  Operation *yield = body().getTerminator();
  OpBuilder inside(yield);
  mark = ConstantOp::create(inside, loc, inside.getI1Type(), int64_t(0));
  auto range = llvm::make_range(body().begin(), Block::iterator(mark));
  Adjoint inner(inside, by, functions);
  inner.mark(range);
  SmallVector<std::pair<unsigned, Value>> cotangents; // of operands of the yield
  for (unsigned i = 0; i < stacked; ++i)
    if (inner.isActive(yield->getOperand(i)) && outer.cotangent(loop.getResult(i))) {
      given.push_back(i);
      cotangents.push_back({i, body().addArgument(yield->getOperand(i).getType(), loc)});
    }
  for (unsigned i : carries)
    cotangents.push_back({stacked + i, body().addArgument(joint.getCarries()[i].getType(), loc)});
  for (auto [i, g] : cotangents)
    inner.add(yield->getOperand(i), g);
  if (failed(inner.reverse(range)))
    return failure();
  SmallVector<Value> wanted;
  for (Value v : by) {
    gradients.push_back(inner.cotangent(v));
    if (gradients.back())
      wanted.push_back(gradients.back());
  }
  auto isFree = [&](Value v) {
    auto argument = dyn_cast<BlockArgument>(v);
    return argument ? argument.getArgNumber() < firstCarry() ||
                          argument.getArgNumber() >= firstCarry() + joint.getCarries().size()
                    : llvm::is_contained(yield->getOperands().take_front(stacked), v);
  };
  Split split(body(), mark->getPrevNode(), wanted, isFree);
  makeForward(split);
  makeBackward(split);
  for (auto [i, old] : llvm::enumerate(loop.getResults()))
    outer.replace(old, forward.getResult(i < stacked ? i : i + forward.getNumResults() - loop.getNumResults()));
  return success();
}

LogicalResult nnc::reverseLoop(ScanOp loop, Adjoint &adjoint, OpBuilder &b, Functions *functions) {
  if (failed(Back(loop, adjoint, b, functions).run()))
    return failure();
  loop.erase();
  return success();
}

LogicalResult nnc::reverseCheckpoint(CheckpointOp checkpoint, Adjoint &adjoint, OpBuilder &b) {
  llvm::SetVector<Value> outside;
  getUsedValuesDefinedAbove(checkpoint.getBody(), outside);
  IRMapping map;
  Operation *before =
      b.getInsertionPoint() == b.getInsertionBlock()->begin() ? nullptr : &*std::prev(b.getInsertionPoint());
  for (Value v : outside)
    if (isValue(v.getType())) // not graphs
      map.map(v, FenceOp::create(b, v.getLoc(), v));
  Block &body = checkpoint.getBody().front();
  for (Operation &op : body.without_terminator())
    b.clone(op, map);
  Operation *end = ConstantOp::create(b, checkpoint.getLoc(), b.getI1Type(), int64_t(0));
  auto again = [&] { // calls and loops in it are replaced on the way
    auto first = before ? std::next(Block::iterator(before)) : b.getInsertionBlock()->begin();
    return llvm::make_range(first, Block::iterator(end));
  };
  adjoint.mark(again());
  for (auto [result, v] : llvm::zip(checkpoint.getResults(), body.getTerminator()->getOperands()))
    if (Value g = adjoint.cotangent(result))
      adjoint.add(map.lookupOrDefault(v), g);
  if (failed(adjoint.reverse(again())))
    return failure();
  for (Operation &op : again())
    setWay(&op, Way::Again);
  end->erase();
  return success();
}
