// Parameters, buffers and states in the memory phase: where they lie, and how new values get there.
#include "compiler/memory/Bufferizer.h"

using namespace mlir;
using namespace nn;

namespace nnc {
namespace {
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
        (!old || overwrites.mayReplace(old, value)))
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
