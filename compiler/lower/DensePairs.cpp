#include "compiler/lower/DensePairs.h"

using namespace mlir;
using namespace nn;
using namespace nnc;

static Nest leadingNest(PairsOpInterface op) {
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

DensePairs::DensePairs(PairsOpInterface op, Lowering &l)
    : op(op), l(l), sum(op.getAccumulatorType()), bytes(sum.getIntOrFloatBitWidth() / 8),
      targets(op.pairShape()[op.getBatch()]), sources(op.pairShape().dims.back()), leading(leadingNest(op)),
      filter(op, l) {
  lanes = l.target.lanes(bytes);
}

DensePairs::Position DensePairs::positionOf(Value number) {
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

void DensePairs::enter(const Position &position) {
  filter.enter([&](unsigned e) { return l.load(position.bases[extra(e)], elementOfPlace(extra(e)), 1); },
               [&](int64_t axis) { return position.axes[axis]; });
}

Dim DensePairs::rowStride(size_t place) {
  return cast<RefType>(op->getOperand(place).getType()).getStrides()[op.getBatch()];
}
Dim DensePairs::columnStride(size_t place) {
  return cast<RefType>(op->getOperand(place).getType()).getStrides()[op.getBatch() + 1];
}
Type DensePairs::elementOfPlace(size_t place) { return elementOf(op->getOperand(place).getType()); }

Value DensePairs::at(size_t place, const Position &position, Value row, Value column) {
  Value offset = l.mul(row, l.size(rowStride(place)));
  if (column)
    offset = l.add(offset, l.mul(column, l.size(columnStride(place))));
  return l.advance(position.bases[place], offset, elementOfPlace(place));
}

Value DensePairs::read(size_t place, const Position &position, Value row, Value column, int64_t width, Value count) {
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

SmallVector<Value> DensePairs::compute(Region &region, const Pairs &pairs, ValueRange products, Value mask,
                                       double refused) {
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
  SmallVector<Value> results = l.inlineBody(region.front(), arguments, pairs.width, index);
  if (filter.hasRest()) {
    Value rest = filter.remains(extras, pairs.width, index);
    mask = mask ? arith::AndIOp::create(l.b, l.loc, mask, rest).getResult() : rest;
  }
  if (mask)
    for (Value &v : results)
      v = select(mask, v, number(refused, pairs.width));
  return results;
}

void DensePairs::write(size_t place, const Position &position, Value target, Value sums, Value from, Value to,
                       Value factor) {
  Type type = elementOfPlace(place);
  l.vectorLoop(from, to, lanes, [&](Value column, Value mask, Value count) {
    Value v = l.load(l.advance(sums, l.sub(column, from), sum), sum, lanes);
    if (factor)
      v = times(v, l.splat(factor, lanes));
    if (type != sum)
      v = CastOp::create(l.b, l.loc, l.vectorOf(type, lanes), v);
    Value to = at(place, position, target, column);
    if (columnStride(place).isConstant(1))
      l.store(v, to, type, mask);
    else
      l.storeStrided(v, to, type, l.size(columnStride(place)), count);
  });
}

Value DensePairs::number(double value, int64_t width) {
  Value v = arith::ConstantOp::create(l.b, l.loc, l.b.getFloatAttr(sum, value));
  return l.splat(v, width);
}
Value DensePairs::select(Value c, Value a, Value b) { return arith::SelectOp::create(l.b, l.loc, c, a, b); }
Value DensePairs::larger(Value a, Value b) {
  return select(arith::CmpFOp::create(l.b, l.loc, arith::CmpFPredicate::OGT, a, b), a, b);
}
Value DensePairs::exp(Value x) { return ExpOp::create(l.b, l.loc, x.getType(), x); }
Value DensePairs::plus(Value a, Value b) { return arith::AddFOp::create(l.b, l.loc, a, b); }
Value DensePairs::minus(Value a, Value b) { return arith::SubFOp::create(l.b, l.loc, a, b); }
Value DensePairs::times(Value a, Value b) { return arith::MulFOp::create(l.b, l.loc, a, b); }
Value DensePairs::multiplyAdd(Value a, Value b, Value sum) {
  if (l.target.hasFMA)
    return vector::FMAOp::create(l.b, l.loc, a, b, sum);
  return plus(times(a, b), sum);
}

Value DensePairs::fold(Value v, function_ref<Value(Value, Value)> combine) {
  for (int64_t half = cast<VectorType>(v.getType()).getDimSize(0) / 2; half >= 1; half /= 2) {
    SmallVector<int64_t> low = llvm::to_vector(llvm::seq<int64_t>(0, half));
    SmallVector<int64_t> high = llvm::to_vector(llvm::seq<int64_t>(half, 2 * half));
    v = combine(vector::ShuffleOp::create(l.b, l.loc, v, v, low), vector::ShuffleOp::create(l.b, l.loc, v, v, high));
  }
  return vector::ExtractOp::create(l.b, l.loc, v, 0);
}
