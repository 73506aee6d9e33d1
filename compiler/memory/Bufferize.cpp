#include "compiler/Passes.h"
#include "compiler/memory/Bufferizer.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace nn;

namespace nnc {
#define GEN_PASS_DEF_BUFFERIZEPASS
#include "compiler/Passes.h.inc"

static int64_t fromFront(int64_t axis, int64_t rank) { return axis < 0 ? axis + rank : axis; }

/// Indices that the bodies compute are checked where they are used.
static void boundIndices(NeighbourhoodOp op) {
  op->walk([&](AtOp at) {
    OpBuilder b(at);
    BlockArgument x = cast<BlockArgument>(at.getX());
    DictionaryAttr about;
    if (BlockArgument from = argumentOf(op.getCaptures()[x.getArgNumber() - op.indexCount()]))
      about = describe(from);
    auto name = about ? about.getAs<StringAttr>("name") : StringAttr();
    std::string what = name ? "an index of `" + name.str() + "`" : "an index";
    for (auto [index, axis] : llvm::zip(at.getIndicesMutable(), at.getAxes())) {
      auto argument = dyn_cast<BlockArgument>(index.get());
      std::optional<int64_t> size = shapeOf(x.getType())[axis].asConstant();
      auto constant = index.get().getDefiningOp<ConstantOp>();
      auto value = constant ? dyn_cast<IntegerAttr>(constant.getValue()) : IntegerAttr();
      bool fits = value && size && value.getInt() >= 0 && value.getInt() < *size;
      if (!argument && !fits)
        index.set(BoundOp::create(b, at.getLoc(), index.get().getType(), index.get(),
                                  DimAttr::get(b.getContext(), shapeOf(x.getType())[axis]), what));
    }
  });
}

/// The call of a function that runs tile by tile, which has places already; null: the function is no such.
static CallOp tilesOf(func::FuncOp function) {
  CallOp found;
  if (function->hasAttr("nn.one_thread"))
    function->getParentOfType<ModuleOp>().walk([&](CallOp call) {
      if (call.getTiled() && call.getCallee() == function.getName())
        found = call;
    });
  return found;
}

/// 1. Give the function its signature: team, thread, sizes, places of arguments and results, slabs (if the runtime
/// calls
///    it), frame.
/// 2. Walk the operations in order. A kernel writes the place of its result: where the result ends up if it is
/// returned,
///    joined or yielded, a new place of the frame otherwise. Views become other strides; those that strides can not say
///    are copied.
/// 3. What is returned but stands elsewhere (an argument, a view) is copied.
/// 4. Indices that bodies of neighbourhoods compute get a check.
LogicalResult Bufferizer::run() {
  Block &body = function.getBody().front();
  auto names = function->getAttrOfType<ArrayAttr>("nn.dims");
  size_t dims = names ? names.size() : 0;
  if (!names)
    function->setAttr("nn.dims", b.getArrayAttr({}));
  FunctionType type = function.getFunctionType();
  auto pointer = LLVM::LLVMPointerType::get(context);
  Location loc = function.getLoc();

  SmallVector<BlockArgument> old(body.getArguments());
  team = body.insertArgument(0u, pointer, loc);
  tid = body.insertArgument(1u, b.getI32Type(), loc);
  for (size_t i = 0; i < dims; ++i)
    body.insertArgument(2 + i, b.getI64Type(), loc);
  SmallVector<BlockArgument> given;
  CallOp call = tilesOf(function);
  auto add = [&](Type t) -> BlockArgument {
    if (isa<nn::GraphType>(t))
      return body.addArgument(t, loc);
    RefType place = placeType(t);
    if (call) // arguments of the callee are operands of the call, with their strides
      place =
          RefType::get(context, place.getShape(), place.getElementType(),
                       cast<RefType>(call.getOperands()[body.getNumArguments() - old.size()].getType()).getStrides());
    return body.addArgument(place, loc);
  };
  for (BlockArgument arg : old) {
    BlockArgument place = add(arg.getType());
    places[arg] = place;
    given.push_back(place);
  }
  auto returned = cast<func::ReturnOp>(body.getTerminator());
  SmallVector<Value> results;
  for (Type t : type.getResults())
    results.push_back(add(t));
  if (function->hasAttr("nn.called_by_runtime")) {
    parameters = body.addArgument(pointer, loc);
    packed = body.addArgument(pointer, loc);
    states = body.addArgument(pointer, loc);
  }
  frame = body.addArgument(pointer, loc);
  for (auto [value, place] : llvm::zip(returned.getOperands(), results))
    targets.try_emplace(value, place);
  storeInPlace(body);

  fillOptional(given);
  for (auto [arg, place] : llvm::zip(old, given))
    if (Value filled = optional.lookup(place))
      places[arg] = filled;
  if (failed(block(body)))
    return failure();
  b.setInsertionPoint(returned);
  finish(returned, results); // before the stores: a result may be the old value of a state
  store();
  for (Operation *op : llvm::reverse(done))
    op->erase();
  body.eraseArguments([&](BlockArgument arg) { return llvm::is_contained(old, arg); });
  function.setFunctionType(FunctionType::get(context, body.getArgumentTypes(), {}));
  function->setAttr("nn.packs", b.getArrayAttr(packs));
  function.walk([](NeighbourhoodOp op) { boundIndices(op); });
  return success();
}

/// Inputs of an entry that have a default may be NULL.
void Bufferizer::fillOptional(ArrayRef<BlockArgument> arguments) {
  auto about = function->getAttrOfType<DictionaryAttr>("nn.entry");
  if (!about)
    return;
  b.setInsertionPointToStart(&function.getBody().front());
  llvm::StringMap<Value> named;
  size_t next = 0;
  for (DictionaryAttr d : about.getAs<ArrayAttr>("arguments").getAsRange<DictionaryAttr>()) {
    if (d.getAs<StringAttr>("kind") == "dim" || next == arguments.size())
      continue;
    Value place = arguments[next++], &known = named[d.getAs<StringAttr>("name").getValue()];
    known = place;
    Attribute value = d.get("default");
    if (!value)
      continue;
    auto same = dyn_cast<StringAttr>(value);
    Location loc = function.getLoc();
    Value instead = same ? named[same.getValue()] : AllocOp::create(b, loc, place.getType());
    known = optional[place] =
        GivenOp::create(b, loc, place.getType(), place, instead, same ? TypedAttr() : dyn_cast<TypedAttr>(value),
                        dyn_cast<DimAttr>(value));
  }
}

LogicalResult Bufferizer::block(Block &body) {
  for (Operation &op : llvm::make_early_inc_range(body.without_terminator())) {
    b.setInsertionPoint(&op);
    if (failed(operation(&op)))
      return failure();
  }
  return success();
}

LogicalResult Bufferizer::operation(Operation *op) {
  if (isa<AddSelfLoopsOp, ReverseOp, TileOp>(op)) { // a graph seen another way
    Value graph = op->getOperand(0);
    op->setOperand(0, places.lookup(graph));
    places[op->getResult(0)] = op->getResult(0);
    return success();
  }
  if (llvm::none_of(op->getOperandTypes(), isTensor) && llvm::none_of(op->getResultTypes(), isTensor))
    return success(); // already about places, or about nothing
  done.push_back(op);
  auto place = [&](Value v) { return places.lookup(v); };
  auto refOf = [&](Value v) { return cast<RefType>(place(v).getType()); };
  return llvm::TypeSwitch<Operation *, LogicalResult>(op)
      .Case<ParameterOp, StateValueOp>([&](auto o) {
        places[o] = storage(o.getPath(), o.getType());
        return success();
      })
      .Case([&](StoreOp o) {
        stores.push_back(o);
        return success();
      })
      .Case([&](UpdateOp o) { return update(o), success(); })
      .Case([&](PackedOp o) {
        Value at = arith::ConstantIntOp::create(b, op->getLoc(), b.getI64Type(), offsets.lookup(o.getSource()));
        places[o] = SlotOp::create(b, op->getLoc(), placeType(o.getType()), packed, at);
        packs.push_back(o.getSourceAttr().getAttr());
        return success();
      })
      .Case([&](BroadcastOp o) {
        view(o, o.getX(), broadcastStrides(refOf(o.getX()), o.getAxes(), shapeOf(o.getType())));
        return success();
      })
      .Case([&](TransposeOp o) {
        view(o, o.getX(), transposeStrides(refOf(o.getX()), o.getPermutation()));
        return success();
      })
      .Case([&](ReshapeOp o) {
        view(o, o.getX(), reshapeStrides(refOf(o.getX()), shapeOf(o.getType())));
        return success();
      })
      .Case([&](DiagonalsOp o) {
        Strides s{refOf(o.getX()).getStrides(), 0};
        Dim along = s.strides.dims.back();
        const Shape shape = shapeOf(o.getType());
        s.offset = shape[shape.rank() - 2] * along;
        s.strides.dims.back() = Dim(0) - along;
        s.strides.dims.push_back(along);
        view(o, o.getX(), s);
        return success();
      })
      .Case([&](SliceOp o) { return slice(o), success(); })
      .Case([&](ConcatOp o) { return concat(o), success(); })
      .Case([&](PadOp o) { return pad(o), success(); })
      .Case([&](ConstantOp o) {
        fill(o, destination(o), [&](OpBuilder &b, Location loc) -> Value {
          return ConstantOp::create(b, loc, elementOf(o.getType()), o.getValue());
        });
        return success();
      })
      .Case([&](SizeOp o) {
        fill(o, destination(o), [&](OpBuilder &b, Location loc) -> Value {
          return SizeOp::create(b, loc, elementOf(o.getType()), o.getValue());
        });
        return success();
      })
      .Case([&](CallOp o) { return call(o), success(); })
      .Case([&](ScanOp o) { return scan(o), success(); })
      .Case([&](KernelOpInterface) { return kernel(op), success(); })
      .Default([](Operation *o) { return o->emitOpError("is no kernel: it should have been fused into one"); });
}

Value Bufferizer::alloc(Type tensor) { return AllocOp::create(b, function.getLoc(), placeType(tensor)); }

/// Kernels that make their results row by row write them as fast in another order of the rows.
static bool keepsRows(Operation *kernel, TransposeOp user) {
  ArrayRef<int64_t> permutation = user.getPermutation();
  return isa_and_present<AttendOp, PairSumsOp, NeighbourhoodOp>(kernel) &&
         permutation.back() + 1 == int64_t(permutation.size());
}

Value Bufferizer::destination(Value tensor) {
  if (Value known = places.lookup(tensor))
    return known;
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(tensor.getParentBlock());
  Location loc = tensor.getLoc();
  Value &place = places[tensor];
  if (Value target = targets.lookup(tensor))
    return place = target;
  for (OpOperand &use : tensor.getUses())
    if (Value changed = overwrites.over(use))
      if (use.getOwner()->getBlock() == tensor.getParentBlock() && Overwrites::diesAt(use))
        return places[tensor] = destination(changed);
  // Written where its only user wants it.
  if (tensor.hasOneUse() && tensor.user_begin()->getBlock() == tensor.getParentBlock()) {
    Operation *user = *tensor.user_begin();
    Value into;
    const Shape shape = shapeOf(tensor.getType());
    if (auto reshape = dyn_cast<ReshapeOp>(user)) {
      Value whole = destination(reshape.getResult());
      b.setInsertionPointAfterValue(whole);
      if (auto s = reshapeStrides(cast<RefType>(whole.getType()), shape))
        into = viewOf(whole, shape, *s, loc);
    } else if (auto transpose = dyn_cast<TransposeOp>(user);
               transpose && (targets.lookup(transpose) || keepsRows(tensor.getDefiningOp(), transpose))) {
      Value whole = destination(transpose.getResult());
      SmallVector<int64_t> inverse(shape.rank());
      for (auto [i, p] : llvm::enumerate(transpose.getPermutation()))
        inverse[p] = i;
      Strides s = transposeStrides(cast<RefType>(whole.getType()), inverse);
      auto placeOf = [&](Value v) { return cast<RefType>(places.lookup(v).getType()); };
      if (writesWell(tensor.getDefiningOp(), placeOf, s.strides)) {
        b.setInsertionPointAfterValue(whole);
        into = viewOf(whole, shape, s, loc);
      }
    }
    if (into)
      return places[tensor] = into;
  }
  for (OpOperand &use : tensor.getUses())
    if (isa<ConcatOp>(use.getOwner()) && use.getOwner()->getBlock() == tensor.getParentBlock() &&
        Overwrites::diesAt(use))
      if (Value into = partOf(use, tensor.hasOneUse()))
        return places[tensor] = into;
  return places[tensor] = alloc(tensor.getType());
}

/// The place of a part in the whole. If others read it before it is joined, it must lie there without gaps.
Value Bufferizer::partOf(OpOperand &part, bool gaps) {
  auto concat = cast<ConcatOp>(part.getOwner());
  const Shape shape = shapeOf(part.get().getType());
  Value whole = destination(concat.getResult());
  int64_t axis = fromFront(concat.getAxis(), shape.rank());
  Shape at;
  at.dims.assign(shape.rank(), Dim(0));
  for (Value before : concat.getParts().take_front(part.getOperandNumber()))
    at[axis] = at[axis] + shapeOf(before.getType())[axis];
  auto type = cast<RefType>(whole.getType());
  if (!gaps && type.getStrides() != shape.rowMajorStrides())
    return {};
  b.setInsertionPointAfterValue(whole);
  return parts[part.get()] = viewOf(whole, shape, sliceStrides(type, at), part.get().getLoc());
}

Value Bufferizer::contiguous(Value place, Location loc) {
  auto type = cast<RefType>(place.getType());
  if (type.isContiguous())
    return place;
  Value whole = AllocOp::create(
      b, loc, RefType::get(context, type.getShape(), type.getElementType(), type.getShape().rowMajorStrides()));
  copy(place, whole, loc);
  return whole;
}

/// Kernels that walk an operand as one block of memory. Windows are walked in vectors along the last axis.
bool Bufferizer::needsContiguous(Operation *op, Value operand) {
  if (isa<OrthonormalizeOp>(op))
    return true;
  if (!isa<ConvolveOp, ConvolveWeightOp, PoolOp, PoolPositionsOp>(op))
    return false;
  if (operand == op->getOperand(0))
    return !cast<RefType>(places.lookup(operand).getType()).getStrides().dims.back().isConstant(1);
  return operand == op->getOperand(1);
}

/// Where a sum over a tile leaves what goes on in the next one: what was accumulated, and how many were.
SmallVector<Value> Bufferizer::placesOfSums(NeighbourhoodOp op) {
  Type value = op.getBody().front().getTerminator()->getOperand(0).getType(), element = elementOf(value);
  Shape shape = op.getFree().getValue();
  llvm::append_range(shape.dims, shapeOf(value));
  SmallVector<Value> made;
  for (Type t : {isa<FloatType>(element) ? accumulatorOf(element) : element, Type(b.getI64Type())})
    made.push_back(AllocOp::create(b, op.getLoc(), placeType(tensorType(shape, t)), /*kept=*/true));
  return made;
}

/// The same operation on places: operands replaced, results gone, inits at the end.
void Bufferizer::kernel(Operation *op) {
  SmallVector<Value> operands, inits;
  b.setInsertionPoint(op);
  for (Value v : op->getOperands())
    operands.push_back(needsContiguous(op, v) ? contiguous(places.lookup(v), op->getLoc()) : places.lookup(v));
  for (Value v : op->getResults())
    inits.push_back(destination(v));
  if (auto n = dyn_cast<NeighbourhoodOp>(op); n && n.mayGoOn())
    llvm::append_range(inits, placesOfSums(n));
  b.setInsertionPoint(op);
  OperationState state(op->getLoc(), op->getName());
  state.addOperands(operands);
  state.addOperands(inits);
  SmallVector<NamedAttribute> attributes(op->getAttrs());
  for (NamedAttribute &a : attributes)
    if (a.getName() == "operandSegmentSizes") {
      SmallVector<int32_t> sizes(cast<DenseI32ArrayAttr>(a.getValue()).asArrayRef());
      sizes.back() = inits.size();
      a.setValue(b.getDenseI32ArrayAttr(sizes));
    }
  state.addAttributes(attributes);
  for (unsigned i = 0; i < op->getNumRegions(); ++i)
    state.addRegion()->takeBody(op->getRegion(i));
  b.create(state);
}

void Bufferizer::view(Operation *op, Value x, std::optional<Strides> strides) {
  b.setInsertionPoint(op);
  Type type = op->getResult(0).getType();
  Value source = places.lookup(x);
  if (Value written = places.lookup(op->getResult(0))) { // the producer wrote into the view's own place
    if (x.hasOneUse() && x.getDefiningOp() && source.getDefiningOp<ViewOp>() &&
        source.getDefiningOp<ViewOp>().getX() == written)
      return;
  }
  if (!strides)
    source = contiguous(source, op->getLoc()), strides = Strides{shapeOf(type).rowMajorStrides(), 0};
  places[op->getResult(0)] = viewOf(source, shapeOf(type), *strides, op->getLoc());
}

void Bufferizer::slice(SliceOp op) {
  Value x = places.lookup(op.getX());
  auto type = cast<RefType>(x.getType());
  Strides s = sliceStrides(type, op.getOffsets().getValue());
  Shape to = shapeOf(op.getType()), scales, limits;
  SmallVector<Value> starts;
  for (auto [start, axis] : llvm::zip(op.getStarts(), op.getDynamic())) {
    starts.push_back(places.lookup(start));
    scales.dims.push_back(type.getStrides()[axis]);
    limits.dims.push_back(type.getShape()[axis] - to[axis]);
  }
  places[op] =
      ViewOp::create(b, op.getLoc(), RefType::get(context, to, type.getElementType(), s.strides), x, starts,
                     DimAttr::get(context, s.offset), ShapeAttr::get(context, scales), ShapeAttr::get(context, limits));
}

void Bufferizer::concat(ConcatOp op) {
  Value whole = destination(op.getResult());
  b.setInsertionPoint(op);
  Shape at, first = shapeOf(op.getType());
  at.dims.assign(first.rank(), Dim(0));
  int64_t axis = fromFront(op.getAxis(), first.rank());
  for (Value part : op.getParts()) {
    Value from = places.lookup(part);
    if (from != parts.lookup(part)) // else it was made there
      copy(from, viewOf(whole, shapeOf(part.getType()), sliceStrides(cast<RefType>(whole.getType()), at), op.getLoc()),
           op.getLoc());
    at[axis] = at[axis] + shapeOf(part.getType())[axis];
  }
}

void Bufferizer::pad(PadOp op) {
  Value whole = destination(op.getResult());
  b.setInsertionPoint(op);
  auto type = cast<RefType>(whole.getType());
  Shape shape = type.getShape();
  int64_t axis = fromFront(op.getAxis(), shape.rank());
  Dim before = op.getBefore().getValue(), after = op.getAfter().getValue();
  auto part = [&](const Dim &from, const Dim &length) {
    Shape at, to = shape;
    at.dims.assign(shape.rank(), Dim(0));
    at[axis] = from, to[axis] = length;
    return viewOf(whole, to, sliceStrides(type, at), op.getLoc());
  };
  auto value = [&](OpBuilder &b, Location loc) -> Value {
    return ConstantOp::create(b, loc, elementOf(op.getType()), op.getValue().convertToDouble());
  };
  if (!before.isConstant(0))
    fill(op, part(0, before), value);
  copy(places.lookup(op.getX()), part(before, shape[axis] - before - after), op.getLoc());
  if (!after.isConstant(0))
    fill(op, part(shape[axis] - after, after), value);
}

void Bufferizer::fill(Operation *op, Value place, function_ref<Value(OpBuilder &, Location)> value) {
  b.setInsertionPoint(op);
  auto map = MapOp::create(b, op->getLoc(), TypeRange(), ValueRange(), ValueRange(place));
  OpBuilder::InsertionGuard guard(b);
  b.createBlock(&map.getBody());
  YieldOp::create(b, op->getLoc(), value(b, op->getLoc()));
}

/// What ends a block elsewhere than where it must be is copied there.
void Bufferizer::finish(Operation *terminator, ArrayRef<Value> wanted) {
  for (auto [value, target] : llvm::zip(terminator->getOperands(), wanted))
    if (Value place = places.lookup(value); place != target)
      copy(place, target, (value.getDefiningOp() ? value.getDefiningOp() : terminator)->getLoc());
  if (isa<func::ReturnOp>(terminator))
    terminator->setOperands(ValueRange());
}

namespace {
/// Offsets in the two slabs of each model: parameters (what train steps keep behind the others) and packed copies, in
/// the order of the module.
void layOut(ModuleOp module, llvm::StringMap<llvm::StringMap<int64_t>> &offsets) {
  OpBuilder b(module.getContext());
  llvm::StringMap<int64_t> used, packed;
  auto place = [&](int64_t &end, Type type) {
    int64_t at = end;
    end = llvm::alignTo(end + bytesOf(type).constant(), kAlignment);
    return at;
  };
  for (bool ofTraining : {false, true})
    for (StorageOp storage : module.getOps<StorageOp>()) {
      if (storage.getTrain().has_value() != ofTraining)
        continue;
      int64_t at = place(used[storage.getModel()], storage.getType());
      storage->setAttr("offset", b.getI64IntegerAttr(at));
      offsets[storage.getModel()][storage.getPath()] = at;
    }
  for (func::FuncOp f : module.getOps<func::FuncOp>())
    if (f->hasAttr("nn.pack_of")) {
      StringRef model = f->getAttrOfType<StringAttr>("nn.model").getValue();
      int64_t at = place(packed[model], f.getResultTypes()[0]);
      f->setAttr("nn.packed_offset", b.getI64IntegerAttr(at));
      f->setAttr("nn.packed_bytes", b.getI64IntegerAttr(bytesOf(f.getResultTypes()[0]).constant()));
      offsets[model][f.getName()] = at;
    }
}

struct Bufferize : impl::BufferizePassBase<Bufferize> {
  void runOnOperation() override {
    llvm::StringMap<llvm::StringMap<int64_t>> offsets; // by model, then by path or name of the pack function
    layOut(getOperation(), offsets);
    llvm::StringMap<llvm::StringMap<int64_t>> states; // numbers, by model and path
    for (StateOp state : getOperation().getOps<StateOp>())
      states[state.getModel()].try_emplace(state.getPath(), states[state.getModel()].size());
    SmallVector<func::FuncOp> functions(getOperation().getOps<func::FuncOp>());
    for (func::FuncOp f : functions) {
      auto model = f->getAttrOfType<StringAttr>("nn.model");
      StringRef name = model ? model.getValue() : "";
      if (!f.isExternal() && failed(Bufferizer(f, offsets[name], states[name]).run()))
        return signalPassFailure();
    }
  }
};
} // namespace
} // namespace nnc
