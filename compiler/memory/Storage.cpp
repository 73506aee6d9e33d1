// Parameters, buffers and states in the memory phase: where they lie, and how new values get there.
#include "compiler/memory/Bufferizer.h"

using namespace mlir;
using namespace nn;

namespace nnc {
namespace {
/// Whether all uses of a value, through views as well, stand before `end` in the value's block; `except` does not
/// count.
bool isUsedBefore(Value v, Operation *end, OpOperand *except) {
  return llvm::all_of(v.getUses(), [&](OpOperand &use) {
    Operation *user = use.getOwner();
    if (&use == except)
      return true;
    if (user->hasTrait<View>())
      return isUsedBefore(user->getResult(0), end, nullptr);
    Operation *at = end->getBlock()->findAncestorOpInBlock(*user);
    return at && at->isBeforeInBlock(end);
  });
}

/// Whether `after` may be written where `before` lies: nobody reads `before` from then on, and what makes `after` reads
/// an element only before it writes it.
///  - an update of `before`, or of a value of which this holds, writes a part of it
///  - an elementwise kernel reads the element that it writes
///  - a loop over `before` that stacks `after` does so if its body does with each slice
///  - other operations must not read it at all
bool mayReplace(Value before, Value after) {
  Operation *maker = after.getDefiningOp();
  Block *block = before.getParentBlock();
  if (after == before)
    return true;
  if (!maker || maker->getBlock() != block)
    return false;
  if (auto update = dyn_cast<UpdateOp>(maker)) {
    OpOperand &x = update->getOpOperand(0);
    return (x.get() == before || mayReplace(before, x.get())) && isUsedBefore(x.get(), maker, &x) &&
           (x.get() == before || isUsedBefore(before, maker, nullptr));
  }
  OpOperand *allowed = nullptr;
  if (auto map = dyn_cast<MapOp>(maker)) {
    for (OpOperand &input : map->getOpOperands())
      if (input.get() == before)
        allowed = &input;
  } else if (auto scan = dyn_cast<ScanOp>(maker)) {
    unsigned result = cast<OpResult>(after).getResultNumber(),
             stacked = scan.getNumResults() - scan.getCarries().size();
    for (unsigned i = 0; i < scan.getXs().size(); ++i)
      if (scan.getXs()[i] == before) {
        Block &body = scan.getBody().front();
        allowed = &scan->getOpOperand(i);
        if (result >= stacked || !mayReplace(body.getArgument(1 + i), body.getTerminator()->getOperand(result)))
          return false;
      }
  }
  return isUsedBefore(before, maker, allowed);
}

/// What a place is a part of.
Value wholeOf(Value place) {
  while (auto view = place.getDefiningOp<ViewOp>())
    place = view.getX();
  return place;
}
} // namespace

/// The place of a parameter, buffer or state: one for all its values.
Value Bufferizer::storage(StringRef path, Type tensor) {
  Value &place = storages[path];
  if (place)
    return place;
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(&function.getBody().front());
  Location loc = function.getLoc();
  if (auto number = numbers.find(path); number != numbers.end())
    return place = StatePlaceOp::create(b, loc, placeType(tensor), states, b.getI64IntegerAttr(number->second));
  Value at = arith::ConstantIntOp::create(b, loc, b.getI64Type(), offsets.lookup(path));
  return place = SlotOp::create(b, loc, placeType(tensor), parameters, at);
}

/// New values that may be made where the old ones lie have their place from the start.
void Bufferizer::storeInPlace(Block &body) {
  llvm::StringMap<Value> before;
  for (Operation &op : body)
    if (auto value = dyn_cast<StateValueOp>(op))
      before[value.getPath()] = value;
    else if (auto value = dyn_cast<ParameterOp>(op))
      before[value.getPath()] = value;
  for (StoreOp op : body.getOps<StoreOp>()) {
    Value value = op.getValue(), old = before.lookup(op.getPath());
    if (!op.getWhen() && value.getDefiningOp() && !isa<StateValueOp, ParameterOp>(value.getDefiningOp()) &&
        (!old || mayReplace(old, value)))
      targets[value] = storage(op.getPath(), value.getType());
  }
}

/// Last in an entry: copies what was made elsewhere. Old values of other states are read before any of them is written.
void Bufferizer::store() {
  SmallVector<std::pair<Value, Value>> copies;
  DenseSet<Value> written;
  SmallVector<Attribute> buffers;
  for (StoreOp op : stores) {
    Value place = storage(op.getPath(), op.getValue().getType());
    place.getDefiningOp()->setAttr("nn.written", b.getUnitAttr()); // for the pass `commit`
    written.insert(place);
    if (!numbers.contains(op.getPath()))
      buffers.push_back(op.getPathAttr());
  }
  for (StoreOp op : stores) {
    Value to = storage(op.getPath(), op.getValue().getType()), from = places.lookup(op.getValue());
    if (from == to)
      continue;
    if (written.contains(wholeOf(from))) {
      Value aside = alloc(op.getValue().getType());
      copy(from, aside, op.getLoc());
      from = aside;
    }
    copies.emplace_back(from, to);
  }
  for (auto [from, to] : copies)
    copy(from, to, function.getLoc());
  if (!buffers.empty())
    function->setAttr("nn.writes", b.getArrayAttr(buffers));
}

/// Writes the part; the rest is copied unless it is there already.
void Bufferizer::update(UpdateOp op) {
  Value from = places.lookup(op.getX()), to = destination(op.getResult()), part = places.lookup(op.getPart());
  b.setInsertionPoint(op);
  if (from != to)
    copy(from, to, op.getLoc());
  auto type = cast<RefType>(to.getType());
  Shape shape = shapeOf(op.getPart().getType()), scales, limits;
  Strides s = sliceStrides(type, op.getOffsets().getValue());
  SmallVector<Value> starts;
  for (auto [start, axis] : llvm::zip(op.getStarts(), op.getDynamic())) {
    starts.push_back(places.lookup(start));
    scales.dims.push_back(type.getStrides()[axis]);
    limits.dims.push_back(type.getShape()[axis] - shape[axis]);
  }
  Value there =
      ViewOp::create(b, op.getLoc(), RefType::get(context, shape, type.getElementType(), s.strides), to, starts,
                     DimAttr::get(context, s.offset), ShapeAttr::get(context, scales), ShapeAttr::get(context, limits));
  copy(part, there, op.getLoc());
}
} // namespace nnc
