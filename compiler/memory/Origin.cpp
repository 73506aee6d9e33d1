#include "compiler/memory/Origin.h"

#include "mlir/IR/IRMapping.h"

using namespace mlir;
using namespace nn;
using namespace nnc;

static bool isView(Operation *op) { return op && op->hasTrait<View>() && op->getNumOperands() == 1; }

static Origin::Kind kindOf(Value source) {
  if (source.getDefiningOp<ParameterOp>())
    return Origin::Kind::Parameters;
  auto argument = dyn_cast<BlockArgument>(source);
  Operation *owner = argument ? argument.getOwner()->getParentOp() : nullptr;
  if (auto loop = dyn_cast_or_null<ScanOp>(owner)) {
    unsigned i = argument.getArgNumber();
    return i >= 1 && i <= loop.getXs().size() ? Origin::Kind::Slices : Origin::Kind::Value;
  }
  // Layers' functions know only constant sizes of parameters; a symbolic operand is a value of the call.
  bool layer = isa_and_present<func::FuncOp>(owner) && !owner->hasAttr("nn.called_by_runtime");
  return layer && shapeOf(source.getType()).isConstant() ? Origin::Kind::Arguments : Origin::Kind::Value;
}

static void trace(Value v, bool throughJoins, Origin &origin) {
  Operation *op = v.getDefiningOp();
  if (!isView(op) && !(throughJoins && isa_and_present<ConcatOp>(op))) {
    if (!llvm::is_contained(origin.sources, v))
      origin.sources.push_back(v);
    return;
  }
  for (Value operand : op->getOperands())
    trace(operand, throughJoins, origin);
  if (!llvm::is_contained(origin.steps, op))
    origin.steps.push_back(op);
}

/// A join counts if all that it joins is of one kind and from one place; otherwise it is a value like any other.
Origin nnc::originOf(Value operand) {
  Origin origin;
  trace(operand, true, origin);
  origin.kind = kindOf(origin.sources.front());
  for (Value source : origin.sources)
    if (kindOf(source) != origin.kind || source.getParentBlock() != origin.sources.front().getParentBlock())
      origin.kind = Origin::Kind::Value;
  if (origin.kind != Origin::Kind::Value)
    return origin;
  Origin plain;
  trace(operand, false, plain);
  plain.kind = kindOf(plain.sources.front());
  return plain;
}

std::string Origin::describe(Value operand) const {
  std::string text;
  llvm::raw_string_ostream os(text);
  DenseMap<Value, unsigned> number;
  for (Value s : sources)
    number.insert({s, number.size()});
  for (Operation *op : steps) {
    os << op->getName() << DictionaryAttr::get(op->getContext(), op->getAttrs()) << op->getResult(0).getType();
    for (Value v : op->getOperands())
      os << ' ' << number.lookup(v);
    number.insert({op->getResult(0), number.size()});
    os << ';';
  }
  os << number.lookup(operand);
  return text;
}

Value Origin::clone(OpBuilder &b, ArrayRef<Value> from) const {
  IRMapping map;
  map.map(sources, from);
  Value last = from.front();
  for (Operation *op : steps)
    last = b.clone(*op, map)->getResult(0);
  return last;
}

/// The same step on operands with one more leading axis.
static Value stack(OpBuilder &b, Operation *step, ArrayRef<Value> operands) {
  Location loc = step->getLoc();
  Value x = operands.front();
  auto lead = [&](const Shape &s, const Dim &d) {
    Shape r{d};
    llvm::append_range(r.dims, s);
    return r;
  };
  Shape one = shapeOf(step->getResult(0).getType()), to = lead(one, shapeOf(x.getType())[0]);
  SmallVector<int64_t> axes{0};
  if (auto join = dyn_cast<ConcatOp>(step)) {
    int64_t axis = join.getAxis();
    axis = axis < 0 ? axis + one.rank() : axis;
    return ConcatOp::create(b, loc, tensorType(to, elementOf(x.getType())), operands, axis + 1);
  }
  if (auto t = dyn_cast<TransposeOp>(step)) {
    for (int64_t p : t.getPermutation())
      axes.push_back(p + 1);
    return TransposeOp::create(b, loc, x, axes);
  }
  if (auto r = dyn_cast<BroadcastOp>(step)) {
    for (int64_t a : r.getAxes())
      axes.push_back(a + 1);
    return BroadcastOp::create(b, loc, tensorType(to, elementOf(x.getType())), x, axes);
  }
  if (auto s = dyn_cast<SliceOp>(step))
    return SliceOp::create(b, loc, x, lead(s.getOffsets().getValue(), 0), to);
  return ReshapeOp::create(b, loc, x, to);
}

Value Origin::cloneStacked(OpBuilder &b, ArrayRef<Value> from) const {
  IRMapping map;
  map.map(sources, from);
  Value last = from.front();
  for (Operation *op : steps) {
    SmallVector<Value> operands;
    for (Value v : op->getOperands())
      operands.push_back(map.lookup(v));
    map.map(op->getResult(0), last = stack(b, op, operands));
  }
  return last;
}

void nnc::eraseUnusedSteps(Value value) {
  Operation *op = value.getDefiningOp();
  if (!op || !op->use_empty() || !(isView(op) || isa<ConcatOp>(op)))
    return;
  SmallVector<Value> operands(op->getOperands());
  op->erase();
  for (auto [i, v] : llvm::enumerate(operands))
    if (!llvm::is_contained(ArrayRef<Value>(operands).take_front(i), v))
      eraseUnusedSteps(v);
}
