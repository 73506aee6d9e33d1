#include "compiler/gradient/Functions.h"
#include "compiler/gradient/Split.h"
#include "dialect/Provenance.h"
#include "dialect/Substitution.h"

#include "mlir/IR/IRMapping.h"

using namespace mlir;
using namespace nn;
using namespace nnc;

/// A function without a body that stands behind `last` and has the free dimensions of `f`.
static func::FuncOp declare(func::FuncOp f, StringRef suffix, TypeRange arguments, TypeRange results,
                            SymbolTable &symbols, func::FuncOp last) {
  OpBuilder b(f.getContext());
  auto made = func::FuncOp::create(f.getLoc(), (f.getName() + suffix).str(), b.getFunctionType(arguments, results));
  made.setPrivate();
  if (Attribute dims = f->getAttr("nn.dims"))
    made->setAttr("nn.dims", dims);
  symbols.insert(made, std::next(Block::iterator(last)));
  made.addEntryBlock();
  return made;
}

Functions::Derived Functions::make(func::FuncOp f, const Flags &wanted, const Flags &given) {
  func::FuncOp both = f.clone();
  Block &block = both.getBody().front();
  Operation *end = block.getTerminator();
  OpBuilder b(end);
  SmallVector<Value> by, results(end->getOperands());
  for (auto [argument, is] : llvm::zip(block.getArguments(), wanted))
    if (is)
      by.push_back(argument);

  // A mark between the passes, and the cotangents as arguments behind those of f.
  Operation *mark = ConstantOp::create(b, f.getLoc(), b.getI1Type(), int64_t(0));
  auto forward = llvm::make_range(block.begin(), Block::iterator(mark));
  for (Operation &op : forward)
    setWay(&op, Way::Forth);
  Adjoint adjoint(b, by, this);
  adjoint.mark(forward);
  for (auto [result, is] : llvm::zip(results, given))
    if (is)
      adjoint.add(result, block.addArgument(result.getType(), f.getLoc()));
  if (failed(adjoint.reverse(forward))) {
    both.erase();
    return {};
  }
  SmallVector<Value> gradients;
  for (Value v : by) {
    Value g = adjoint.cotangent(v);
    gradients.push_back(g ? g : ConstantOp::create(b, f.getLoc(), v.getType(), 0.0).getResult());
  }
  for (Operation &op : llvm::make_range(Block::iterator(mark), Block::iterator(end)))
    setWay(&op, Way::Back);
  llvm::SmallSetVector<Value, 8> known;
  known.insert_range(end->getOperands()); // calls in the block may have been replaced
  Split split(block, mark->getPrevNode(), gradients,
              [&](Value v) { return isa<BlockArgument>(v) || known.contains(v); });

  Derived made;
  SmallVector<Value> outputs(end->getOperands());
  for (Value v : split.saved()) {
    if (known.insert(v))
      outputs.push_back(v);
    made.saved.push_back(llvm::find(outputs, v) - outputs.begin());
  }
  made.forward = declare(f, ".forward", f.getArgumentTypes(), ValueRange(outputs).getTypes(), symbols, f);
  IRMapping there;
  there.map(block.getArguments().take_front(f.getNumArguments()), made.forward.getArguments());
  b.setInsertionPointToEnd(&made.forward.getBody().front());
  for (Operation &op : llvm::make_range(block.begin(), Block::iterator(mark)))
    b.clone(op, there);
  func::ReturnOp::create(b, f.getLoc(), llvm::map_to_vector(outputs, [&](Value v) { return there.lookup(v); }));

  SmallVector<Type> taken;
  for (unsigned i : split.arguments())
    if (i < f.getNumArguments())
      made.arguments.push_back(i), taken.push_back(f.getArgumentTypes()[i]);
  llvm::append_range(taken, ValueRange(split.saved()).getTypes());
  auto cotangents = block.getArguments().drop_front(f.getNumArguments());
  for (BlockArgument g : cotangents)
    taken.push_back(g.getType());
  made.backward = declare(f, ".backward", taken, ValueRange(gradients).getTypes(), symbols, made.forward);
  IRMapping back;
  unsigned next = 0;
  for (unsigned i : made.arguments)
    back.map(block.getArgument(i), made.backward.getArgument(next++));
  for (Value v : split.saved())
    back.map(v, made.backward.getArgument(next++));
  for (BlockArgument g : cotangents)
    back.map(g, made.backward.getArgument(next++));
  b.setInsertionPointToEnd(&made.backward.getBody().front());
  split.clone(b, back);
  func::ReturnOp::create(b, f.getLoc(), llvm::map_to_vector(gradients, [&](Value v) { return back.lookup(v); }));
  both.erase();
  return made;
}

LogicalResult Functions::reverse(CallOp call, Adjoint &adjoint, OpBuilder &b) {
  auto f = symbols.lookup<func::FuncOp>(call.getCallee());
  Flags wanted, given;
  for (Value v : call.getOperands())
    wanted.push_back(adjoint.isActive(v));
  for (Value v : call.getResults())
    given.push_back(adjoint.isActive(v) && adjoint.cotangent(v));
  auto key = std::tuple(f.getOperation(), wanted, given);
  if (!known.count(key)) {
    Derived made = make(f, wanted, given);
    known[key] = made;
  }
  Derived &derived = known[key];
  if (!derived.forward)
    return failure();

  Substitution here(f, call.getDims().getValue());
  SmallVector<Type> types;
  for (Type t : derived.forward.getResultTypes())
    types.push_back(here.apply(t));
  OpBuilder before(call);
  auto forward = CallOp::create(before, call.getLoc(), types, FlatSymbolRefAttr::get(derived.forward),
                                call.getOperands(), call.getDims());
  SmallVector<Value> taken;
  for (unsigned i : derived.arguments)
    taken.push_back(call.getOperand(i));
  for (unsigned i : derived.saved)
    taken.push_back(forward.getResult(i));
  for (auto [v, is] : llvm::zip(call.getResults(), given))
    if (is)
      taken.push_back(adjoint.cotangent(v));
  types.clear();
  for (auto [v, is] : llvm::zip(call.getOperands(), wanted))
    if (is)
      types.push_back(v.getType());
  auto backward =
      CallOp::create(b, call.getLoc(), types, FlatSymbolRefAttr::get(derived.backward), taken, call.getDims());
  unsigned next = 0;
  for (auto [v, is] : llvm::zip(call.getOperands(), wanted))
    if (is)
      adjoint.add(v, backward.getResult(next++));
  for (auto [old, now] : llvm::zip(call.getResults(), forward.getResults()))
    adjoint.replace(old, now);
  call.erase();
  return success();
}
