#include "compiler/Passes.h"
#include "compiler/lower/Pairs.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace nn;

FailureOr<nnc::cpu::Cpu> nnc::findCpu(Operation *op, StringRef name) {
  llvm::Expected<cpu::Cpu> target = cpu::parseCpu(name);
  if (target)
    return *target;
  return op->emitError(llvm::toString(target.takeError())), failure();
}

namespace nnc {
#define GEN_PASS_DEF_LOWERKERNELSPASS
#include "compiler/Passes.h.inc"

namespace {
/// The address of a view: the base, the constant offset, and what its run-time starts add. A start that is out of range
/// is kept inside: the entry has checked it, or reports it.
void lowerView(ViewOp view, Lowering &l) {
  Value offset = l.size(view.getOffset().getValue());
  for (auto [start, scale, limit] :
       llvm::zip(view.getStarts(), view.getScales().getValue(), view.getLimits().getValue())) {
    Type type = elementOf(start.getType());
    Value at = l.load(l.pointer(start), type, 1);
    if (!type.isInteger(64))
      at = arith::ExtSIOp::create(l.b, l.loc, l.b.getI64Type(), at);
    at = l.minimum(l.maximum(at, l.constant(0)), l.size(limit));
    offset = l.add(offset, l.mul(at, l.size(scale)));
  }
  l.setPointer(view, l.advance(l.pointer(view.getX()), offset, elementOf(view.getType())));
}

void lowerSlot(SlotOp slot, Lowering &l) {
  l.setPointer(slot, l.advance(slot.getFrame(), slot.getOffset(), l.b.getI8Type()));
}

void lowerStatePlace(StatePlaceOp place, Lowering &l) {
  Type pointer = LLVM::LLVMPointerType::get(l.b.getContext());
  Value at = l.advance(place.getStates(), l.constant(int64_t(place.getNumber())), l.b.getI64Type());
  l.setPointer(place, LLVM::LoadOp::create(l.b, l.loc, pointer, at));
}

/// Either all threads fill the stand-in, or none does.
void lowerGiven(GivenOp op, Lowering &l) {
  Value given = l.pointer(op.getX()), null = LLVM::ZeroOp::create(l.b, l.loc, given.getType());
  Value absent = LLVM::ICmpOp::create(l.b, l.loc, LLVM::ICmpPredicate::eq, given, null);
  Value other = l.pointer(op.getInstead());
  if (op.hasDefault())
    l.ifThen(absent, [&] {
      auto fill = MapOp::create(l.b, l.loc, TypeRange(), ValueRange(), ValueRange(op.getInstead()));
      {
        OpBuilder::InsertionGuard guard(l.b);
        l.b.createBlock(&fill.getBody());
        Type element = elementOf(op.getType());
        Value v;
        if (op.getSize())
          v = SizeOp::create(l.b, l.loc, element, op.getSizeAttr());
        else
          v = ConstantOp::create(l.b, l.loc, element, *op.getValue());
        YieldOp::create(l.b, l.loc, v);
      }
      l.b.setInsertionPoint(fill);
      lowerMap(fill, l);
    });
  l.setPointer(op, LLVM::SelectOp::create(l.b, l.loc, absent, other, given));
}

/// The first thread tells the runtime.
void lowerNumeric(NumericOp op, Lowering &l) {
  Value none = l.constant(0), first = arith::CmpIOp::create(l.b, l.loc, arith::CmpIPredicate::eq, l.tid(), none);
  l.ifThen(first, [&] {
    Value good = l.load(l.pointer(op.getGood()), l.b.getI1Type(), 1);
    Value bad = arith::CmpIOp::create(l.b, l.loc, arith::CmpIPredicate::eq, good,
                                      arith::ConstantIntOp::create(l.b, l.loc, l.b.getI1Type(), 0));
    l.ifThen(bad, [&] { l.call("nnrt_numeric", {}, {l.team(), l.function.getArgument(1)}); });
  });
  op.erase();
}

/// What follows the verdict happens only if no check has failed.
void lowerVerdict(VerdictOp verdict, Lowering &l) {
  Block *block = verdict->getBlock();
  l.b.setInsertionPoint(verdict);
  l.loc = verdict.getLoc();
  Type i32 = l.b.getI32Type();
  Value at = l.advance(l.team(), l.constant(1), i32); // nnrt_team::failed
  Value failed = LLVM::LoadOp::create(l.b, l.loc, i32, at);
  Value none = LLVM::ConstantOp::create(l.b, l.loc, i32, 0);
  Value good = arith::CmpIOp::create(l.b, l.loc, arith::CmpIPredicate::eq, failed, none);
  auto rest = scf::IfOp::create(l.b, l.loc, good, /*withElseRegion=*/false);
  Block *inner = rest.thenBlock();
  inner->getOperations().splice(inner->getTerminator()->getIterator(), block->getOperations(),
                                std::next(verdict->getIterator()), block->getTerminator()->getIterator());
  rest->moveBefore(block->getTerminator());
  verdict.erase();
}

/// 1. Each thread has a frame of its own for the callee, behind those of the threads before it.
/// 2. For each of its tiles it passes the sizes of the tile, and of what is a part of a result the address of that
/// part.
void lowerTiles(CallOp call, Lowering &l) {
  unsigned sizes = call.getDims().getValue().rank(), first = 2 + sizes;
  SmallVector<Value> arguments(call.getOperands());
  GraphPairs graph(arguments[first], l);
  auto base = arguments[first];
  while (Operation *view = base.getDefiningOp())
    base = view->getOperand(0);
  arguments[first] = base;
  for (Value &v : arguments)
    if (isa<RefType, nn::GraphType>(v.getType()))
      v = l.pointer(v);
  SmallVector<Value> measured(ArrayRef<Value>(arguments).take_front(2));
  for (const Dim &d : call.tileDims())
    measured.push_back(l.size(d));
  Value bytes = l.call((call.getCallee() + ".frame").str(), l.b.getI64Type(), measured);
  arguments.back() = l.advance(arguments.back(), l.mul(l.tid(), bytes), l.b.getI8Type());
  ArrayRef<int64_t> tiled = *call.getTiled();
  bool byTarget = llvm::all_of(tiled, [](int64_t axis) { return axis < 0; });
  unsigned inits = arguments.size() - 1 - tiled.size();
  graph.forTiles(call.getTile(), byTarget, [&](Value from, Value count, const Share &targets) {
    SmallVector<Value> given(arguments);
    for (auto [i, v] : llvm::enumerate(std::array<Value, 4>{count, from, targets.from, targets.to}))
      given[first - 4 + i] = v;
    for (auto [i, axis] : llvm::enumerate(tiled))
      if (axis >= 0) {
        auto type = cast<RefType>(call.getOperands()[inits + i].getType());
        Value offset = l.mul(from, l.size(type.getStrides()[axis]));
        given[inits + i] = l.advance(given[inits + i], offset, type.getElementType());
      }
    func::CallOp::create(l.b, l.loc, call.getCallee(), TypeRange(), given);
  });
  call.erase();
}

/// A call passes sizes and addresses: the callee has the same signature once it is lowered.
void lowerCall(CallOp call, Lowering &l) {
  if (call.getTiled())
    return lowerTiles(call, l);
  SmallVector<Value> arguments;
  for (Value v : call.getOperands())
    arguments.push_back(isa<RefType, nn::GraphType>(v.getType()) ? l.pointer(v) : v);
  func::CallOp::create(l.b, l.loc, call.getCallee(), TypeRange(), arguments);
  call.erase();
}

/// Kernels of one function, in order, those in the bodies of scans included.
LogicalResult lowerFunction(func::FuncOp function, const cpu::Cpu &target) {
  Lowering l(function, target);
  SmallVector<Operation *> work;
  function.walk<WalkOrder::PreOrder>([&](Operation *op) {
    if (isa<KernelOpInterface, ExtentOp, ViewOp, SlotOp, StatePlaceOp, GivenOp, BarrierOp, VerdictOp, CallOp, ScanOp>(
            op))
      work.push_back(op);
  });
  for (Operation *op : work) {
    l.b.setInsertionPoint(op);
    l.loc = op->getLoc();
    bool known = llvm::TypeSwitch<Operation *, bool>(op)
                     .Case([&](ViewOp o) { return lowerView(o, l), true; })
                     .Case([&](SlotOp o) { return lowerSlot(o, l), true; })
                     .Case([&](StatePlaceOp o) { return lowerStatePlace(o, l), true; })
                     .Case([&](ExtentOp o) {
                       Value size = l.size(o.getValue().getValue());
                       return o.replaceAllUsesWith(size), o.erase(), true;
                     })
                     .Case([&](BarrierOp) { return l.barrier(), op->erase(), true; })
                     .Case([&](CallOp o) { return lowerCall(o, l), true; })
                     .Case([&](GivenOp o) { return lowerGiven(o, l), true; })
                     .Case([&](CheckOp o) { return lowerCheck(o, l), true; })
                     .Case([&](NumericOp o) { return lowerNumeric(o, l), true; })
                     .Case([&](VerdictOp) { return true; })
                     .Case([&](GatherOp o) { return lowerGather(o, l), true; })
                     .Case([&](ScatterOp o) { return lowerScatter(o, l), true; })
                     .Case([&](MapOp o) { return lowerMap(o, l), true; })
                     .Case([&](RowsOp o) { return lowerRows(o, l), true; })
                     .Case([&](CopyOp o) { return lowerCopy(o, l), true; })
                     .Case([&](OrthonormalizeOp o) { return lowerOrthonormalize(o, l), true; })
                     .Case([&](ScanOp o) { return lowerScan(o, l), true; })
                     .Case([&](NeighbourhoodOp o) { return lowerNeighbourhood(o, l), true; })
                     .Case([&](EndpointsOp o) { return lowerEndpoints(o, l), true; })
                     .Case([&](ContractOp o) { return lowerContract(o, l), true; })
                     .Case([&](AttendOp o) { return lowerAttend(o, l), true; })
                     .Case([&](PairSumsOp o) { return lowerPairSums(o, l), true; })
                     .Case([&](ConvolveOp o) { return lowerConvolve(o, l), true; })
                     .Case([&](ConvolveWeightOp o) { return lowerConvolveWeight(o, l), true; })
                     .Case([&](PoolOp o) { return lowerPool(o, l), true; })
                     .Case([&](PoolPositionsOp o) { return lowerPoolPositions(o, l), true; })
                     .Case([&](OrderOp o) { return lowerOrder(o, l), true; })
                     .Case([&](PackOp o) { return lowerPack(o, l), true; })
                     .Default([](Operation *) { return false; });
    if (!known)
      return op->emitOpError("has no lowering");
  }
  // What is left of places: slots and views without users, then the arguments, which are addresses from here on.
  // Loops last: views name the arguments of their bodies. But these name no views any more.
  l.dropOperandsOfFinished();
  SmallVector<Operation *> places;
  function.walk([&](Operation *op) {
    if (isa<ViewOp, SlotOp, StatePlaceOp, GivenOp, AddSelfLoopsOp, ReverseOp, TileOp>(op))
      places.push_back(op);
  });
  for (Operation *op : llvm::reverse(places))
    if (op->use_empty())
      op->erase();
  l.eraseFinished();
  auto verdicts = function.getBody().front().getOps<VerdictOp>();
  if (!verdicts.empty())
    lowerVerdict(*verdicts.begin(), l);
  auto pointer = LLVM::LLVMPointerType::get(function.getContext());
  SmallVector<Type> types;
  for (BlockArgument arg : function.getArguments()) {
    if (isa<RefType, nn::GraphType>(arg.getType())) {
      arg.setType(pointer);
      for (Operation *user : llvm::make_early_inc_range(arg.getUsers()))
        if (auto cast = dyn_cast<UnrealizedConversionCastOp>(user)) {
          cast.getResult(0).replaceAllUsesWith(arg);
          cast.erase();
        }
    }
    types.push_back(arg.getType());
  }
  function.setFunctionType(FunctionType::get(function.getContext(), types, function.getResultTypes()));
  return success();
}

struct LowerKernels : impl::LowerKernelsPassBase<LowerKernels> {
  using LowerKernelsPassBase::LowerKernelsPassBase;
  void runOnOperation() override {
    FailureOr<cpu::Cpu> target = findCpu(getOperation(), cpu);
    if (failed(target))
      return signalPassFailure();
    SmallVector<func::FuncOp> functions(getOperation().getOps<func::FuncOp>());
    for (func::FuncOp function : functions)
      if (!function.isExternal() && failed(lowerFunction(function, *target)))
        return signalPassFailure();
    getOperation().walk([](UnrealizedConversionCastOp cast) {
      if (cast.use_empty())
        cast.erase();
    });
  }
};
} // namespace
} // namespace nnc
