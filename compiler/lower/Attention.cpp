#include "compiler/lower/Attention.h"

#include <limits>

using namespace mlir;
using namespace nn;
using namespace nnc;

/// With fewer targets than this, packing the sources into panels costs more than it saves.
static constexpr int64_t kFewTargets = 4;

static Nest leadingNest(AttendOp op) {
  size_t batch = op.getBatch();
  Shape shape(ArrayRef<Dim>(op.pairShape().dims).take_front(batch));
  SmallVector<Shape> strides;
  for (Value place : op->getOperands())
    strides.push_back(ArrayRef<Dim>(cast<RefType>(place.getType()).getStrides().dims).take_front(batch));
  // Where positions are asked for, each axis has one more place, whose "offset" is the position.
  bool positions = false;
  op->walk([&](IndexOp index) { positions |= size_t(index.getAxis()) < batch; });
  for (size_t i = 0; positions && i < batch; ++i) {
    strides.push_back(ArrayRef<Dim>(std::vector<Dim>(batch, Dim(0))));
    strides.back()[i] = 1;
  }
  return Nest(shape, strides, /*merge=*/true);
}

Attention::Attention(AttendOp op, Lowering &l)
    : op(op), l(l), sum(op.getAccumulatorType()), bytes(sum.getIntOrFloatBitWidth() / 8),
      targets(op.pairShape()[op.getBatch()]), sources(op.pairShape().dims.back()),
      features(shapeOf(op.getValue().getType()).dims.back()), leading(leadingNest(op)), filter(op, l) {
  lanes = l.target.lanes(bytes);
}

Attention::Position Attention::positionOf(Value number) {
  SmallVector<Value> at = leading.positions(number, l);
  Position position;
  for (auto [p, place] : llvm::enumerate(op->getOperands()))
    position.bases.push_back(l.advance(l.pointer(place), leading.offset(p, at, l), elementOfPlace(p)));
  if (leading.rank() && leading.axes[0].strides.size() > op->getNumOperands())
    for (size_t i = 0; i < op.getBatch(); ++i)
      position.axes.push_back(leading.offset(op->getNumOperands() + i, at, l));
  position.axes.resize(op.getBatch(), l.constant(0)); // axes of size 1
  return position;
}

void Attention::enter(const Position &position) {
  filter.enter([&](unsigned e) { return l.load(position.bases[extra(e)], elementOfPlace(extra(e)), 1); },
               [&](int64_t axis) { return position.axes[axis]; });
}

Dim Attention::rowStride(size_t place) {
  return cast<RefType>(op->getOperand(place).getType()).getStrides()[op.getBatch()];
}
Dim Attention::columnStride(size_t place) {
  return cast<RefType>(op->getOperand(place).getType()).getStrides()[op.getBatch() + 1];
}
Type Attention::elementOfPlace(size_t place) { return elementOf(op->getOperand(place).getType()); }

Value Attention::at(size_t place, const Position &position, Value row, Value column) {
  Value offset = l.mul(row, l.size(rowStride(place)));
  if (column)
    offset = l.add(offset, l.mul(column, l.size(columnStride(place))));
  return l.advance(position.bases[place], offset, elementOfPlace(place));
}

Value Attention::read(size_t place, const Position &position, Value row, Value column, int64_t width, Value count) {
  Type type = elementOfPlace(place);
  Value base = at(place, position, row, column), v;
  if (columnStride(place).isConstant(0))
    v = l.splat(l.load(base, type, 1), width);
  else if (columnStride(place).isConstant(1))
    v = l.load(base, type, width, count ? l.mask(count, width) : Value());
  else
    v = l.loadStrided(base, type, l.size(columnStride(place)), width, count);
  bool narrow = isa<FloatType>(type) && place < extra(0) && type != sum; // extras enter the regions as they are
  return narrow ? CastOp::create(l.b, l.loc, l.vectorOf(sum, width), v).getResult() : v;
}

Value Attention::score(const Pairs &pairs, ValueRange products, Value mask) {
  auto index = [&](int64_t axis) -> Value {
    if (axis < int64_t(op.getBatch()))
      return pairs.position.axes[axis];
    return axis == int64_t(op.getBatch()) ? pairs.target : l.lanesFrom(pairs.source, pairs.width);
  };
  SmallVector<Value> arguments(products), extras;
  for (size_t e = 0; e < op.getExtras().size(); ++e) {
    extras.push_back(read(extra(e), pairs.position, pairs.target, pairs.source, pairs.width, pairs.count));
    arguments.push_back(extras.back());
  }
  Value s = l.inlineBody(op.getScore().front(), arguments, pairs.width, index)[0];
  if (filter.hasRest()) {
    Value rest = filter.remains(extras, pairs.width, index);
    mask = mask ? arith::AndIOp::create(l.b, l.loc, mask, rest).getResult() : rest;
  }
  return mask ? select(mask, s, number(-std::numeric_limits<double>::infinity(), pairs.width)) : s;
}

void Attention::finish(const Position &position, Value target, Value sums, Value from, Value to, Value largest,
                       Value total) {
  Value one = number(1, 1), zero = number(0, 1);
  Value none = arith::CmpFOp::create(l.b, l.loc, arith::CmpFPredicate::OEQ, total, zero);
  Value factor = select(none, zero, arith::DivFOp::create(l.b, l.loc, one, total));
  Type type = elementOfPlace(init(0));
  l.vectorLoop(from, to, lanes, [&](Value column, Value mask, Value count) {
    Value v = times(l.load(l.advance(sums, l.sub(column, from), sum), sum, lanes), l.splat(factor, lanes));
    if (type != sum)
      v = CastOp::create(l.b, l.loc, l.vectorOf(type, lanes), v);
    Value to = at(init(0), position, target, column);
    if (columnStride(init(0)).isConstant(1))
      l.store(v, to, type, mask);
    else
      l.storeStrided(v, to, type, l.size(columnStride(init(0))), count);
  });
  if (op.getInits().size() < 2)
    return;
  Value logarithm = plus(largest, LogOp::create(l.b, l.loc, sum, total));
  l.store(logarithm, at(init(1), position, target, {}), sum);
}

Value Attention::number(double value, int64_t width) {
  Value v = arith::ConstantOp::create(l.b, l.loc, l.b.getFloatAttr(sum, value));
  return l.splat(v, width);
}
Value Attention::select(Value c, Value a, Value b) { return arith::SelectOp::create(l.b, l.loc, c, a, b); }
Value Attention::larger(Value a, Value b) {
  return select(arith::CmpFOp::create(l.b, l.loc, arith::CmpFPredicate::OGT, a, b), a, b);
}
Value Attention::exp(Value x) { return ExpOp::create(l.b, l.loc, x.getType(), x); }
Value Attention::plus(Value a, Value b) { return arith::AddFOp::create(l.b, l.loc, a, b); }
Value Attention::minus(Value a, Value b) { return arith::SubFOp::create(l.b, l.loc, a, b); }
Value Attention::times(Value a, Value b) { return arith::MulFOp::create(l.b, l.loc, a, b); }
Value Attention::multiplyAdd(Value a, Value b, Value sum) {
  if (l.target.hasFMA)
    return vector::FMAOp::create(l.b, l.loc, a, b, sum);
  return plus(times(a, b), sum);
}

Value Attention::fold(Value v, function_ref<Value(Value, Value)> combine) {
  for (int64_t half = cast<VectorType>(v.getType()).getDimSize(0) / 2; half >= 1; half /= 2) {
    SmallVector<int64_t> low = llvm::to_vector(llvm::seq<int64_t>(0, half));
    SmallVector<int64_t> high = llvm::to_vector(llvm::seq<int64_t>(half, 2 * half));
    v = combine(vector::ShuffleOp::create(l.b, l.loc, v, v, low), vector::ShuffleOp::create(l.b, l.loc, v, v, high));
  }
  return vector::ExtractOp::create(l.b, l.loc, v, 0);
}

/// Many targets go by tiles, few one by one; the number of targets alone decides.
void nnc::lowerAttend(AttendOp op, Lowering &l) {
  Attention a(op, l);
  Value few = l.less(l.size(a.targets), l.constant(kFewTargets + 1));
  std::optional<int64_t> known = constantOf(few);
  if (!known)
    l.ifThenElse(few, [&] { lowerAttentionByRows(a); }, [&] { lowerAttentionByTiles(a); });
  else if (*known)
    lowerAttentionByRows(a);
  else
    lowerAttentionByTiles(a);
  op.erase();
}
