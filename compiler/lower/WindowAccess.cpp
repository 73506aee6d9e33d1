#include "compiler/lower/Nest.h"
#include "compiler/lower/Window.h"

using namespace mlir;
using namespace nn;
using namespace nnc;

WindowAxes::WindowAxes(RefType x, const Shape &result) : first(x.getRank() == 3 ? 1 : 0) {
  for (int i = first; i < 2; ++i) {
    size[i] = x.getShape()[2 + i - first];
    stridesOfX[i] = x.getStrides()[2 + i - first];
    positions[i] = result[2 + i - first];
  }
}

Value nnc::anywhere(Lowering &l, Value base, Value offset, Type element) {
  return LLVM::GEPOp::create(l.b, l.loc, base.getType(), l.memoryType(element), base, ArrayRef<LLVM::GEPArg>{offset},
                             LLVM::GEPNoWrapFlags::none);
}

Value nnc::lanesBetween(Lowering &l, Value from, Value to, int64_t step, int64_t width) {
  Value none = l.constant(0);
  if (width == 1)
    return arith::AndIOp::create(l.b, l.loc, l.less(from, l.constant(1)), l.less(none, to));
  auto type = VectorType::get({width}, l.b.getI32Type());
  SmallVector<int32_t> lanes;
  for (int64_t i = 0; i < width; ++i)
    lanes.push_back(i * step);
  Value at = arith::ConstantOp::create(l.b, l.loc, DenseElementsAttr::get(type, ArrayRef<int32_t>(lanes)));
  auto bound = [&](Value v) { // within the lanes, so that 32 bits hold it
    v = l.minimum(l.maximum(v, none), l.constant(width * step));
    return l.splat(arith::TruncIOp::create(l.b, l.loc, l.b.getI32Type(), v), width);
  };
  using P = arith::CmpIPredicate;
  return arith::AndIOp::create(l.b, l.loc, arith::CmpIOp::create(l.b, l.loc, P::sge, at, bound(from)),
                               arith::CmpIOp::create(l.b, l.loc, P::slt, at, bound(to)));
}

/// With step > 1 that many vectors of neighbours are read, and every step-th element is kept.
Value nnc::loadSteps(Lowering &l, Value base, Type element, int64_t step, int64_t width, Value from, Value to) {
  Type bits = l.b.getIntegerType(std::max(8u, element.getIntOrFloatBitWidth()));
  if (width == 1) {
    if (!to)
      return l.load(base, bits, 1);
    return l.ifThenElse(
        lanesBetween(l, from, to, 1, 1), bits, [&] { return SmallVector<Value>{l.load(base, bits, 1)}; },
        [&] { return SmallVector<Value>{arith::ConstantOp::create(l.b, l.loc, l.b.getZeroAttr(bits))}; })[0];
  }
  auto part = [&](int64_t m) {
    Value skip = l.constant(m * width), mask;
    if (to)
      mask = lanesBetween(l, l.sub(from, skip), l.sub(to, skip), 1, width);
    return l.load(anywhere(l, base, skip, bits), bits, width, mask);
  };
  Value result = part(0);
  for (int64_t m = 1; m < step; ++m) {
    SmallVector<int64_t> lanes;
    for (int64_t j = 0; j < width; ++j) {
      int64_t at = j * step - m * width;      // in this vector,
      int64_t before = m == 1 ? j * step : j; // or found before
      lanes.push_back(at >= 0 && at < width ? width + at : at < 0 ? before : 0);
    }
    result = vector::ShuffleOp::create(l.b, l.loc, result, part(m), lanes);
  }
  return result;
}

// ---- results --------------------------------------------------------------------------------------------------------

static Shape sizesOf(const Shape &s) { return Shape(ArrayRef<Dim>(s.dims).drop_front(2)); }

WindowResults::WindowResults(Lowering &l, ValueRange inits, ValueRange extras, Block *epilogue)
    : l(l), inits(inits), extras(extras), epilogue(epilogue) {
  SmallVector<Shape> strides;
  for (ValueRange places : {inits, extras})
    for (Value place : places)
      strides.push_back(sizesOf(cast<RefType>(place.getType()).getStrides()));
  isJoined = Nest(sizesOf(shapeOf(inits[0].getType())), strides, /*merge=*/true).rank() < 2;
}

Value WindowResults::address(Value place, Value b, Value c, ValueRange at) {
  auto type = cast<RefType>(place.getType());
  const Shape &strides = type.getStrides();
  SmallVector<Value> index{b, c};
  if (at.size() == 1 && strides.rank() == 4) {
    // Joined: where the last axis is one position alone, the steps are those of the first.
    bool column = type.getShape()[3].isConstant(1);
    Value offset = l.add(l.mul(b, l.size(strides[0])), l.mul(c, l.size(strides[1])));
    return l.advance(l.pointer(place), l.add(offset, l.mul(at[0], l.size(strides[column ? 2 : 3]))),
                     type.getElementType());
  }
  llvm::append_range(index, at.take_back(strides.rank() - 2));
  return l.advance(l.pointer(place), l.offset(strides, index), type.getElementType());
}

void WindowResults::write(Value sums, Value b, Value c, ValueRange at, int64_t width, Value mask, Value count,
                          int64_t apart) {
  auto stepOf = [&](Value place) {
    auto type = cast<RefType>(place.getType());
    bool column = at.size() == 1 && type.getRank() == 4 && type.getShape()[3].isConstant(1);
    return type.getStrides()[column ? 2 : type.getRank() - 1] * Dim(apart);
  };
  SmallVector<Value> arguments{sums}, results;
  for (Value place : extras) {
    Type type = elementOf(place.getType());
    Value base = address(place, b, c, at);
    Dim step = stepOf(place);
    if (step.isConstant(0))
      arguments.push_back(l.splat(l.load(base, type, 1), width));
    else if (step.isConstant(1) || width == 1)
      arguments.push_back(l.load(base, type, width, mask));
    else
      arguments.push_back(l.loadStrided(base, type, l.size(step), width, count));
  }
  auto position = [&](int64_t axis) -> Value {
    if (axis < 2)
      return axis == 0 ? b : c;
    bool last = axis + 1 == int64_t(shapeOf(inits[0].getType()).rank());
    if (last && apart > 1)
      return arith::AddIOp::create(
          l.b, l.loc, l.splat(at.back(), width),
          arith::MulIOp::create(l.b, l.loc, l.lanesFrom(l.constant(0), width), l.splat(l.constant(apart), width)));
    if (at.size() == 2 || (axis == 2 && last))
      return last ? l.lanesFrom(at.back(), width) : at.front();
    Value all = l.lanesFrom(at[0], width), row = l.splat(l.size(shapeOf(inits[0].getType()).dims.back()), width);
    return last ? arith::RemUIOp::create(l.b, l.loc, all, row).getResult()
                : arith::DivUIOp::create(l.b, l.loc, all, row).getResult();
  };
  Type type = elementOf(inits[0].getType());
  if (epilogue)
    results = l.inlineBody(*epilogue, arguments, width, position);
  else if (type == elementOf(sums.getType()))
    results = arguments;
  else
    results = {CastOp::create(l.b, l.loc, l.vectorOf(type, width), sums)};
  for (auto [place, v] : llvm::zip(inits, results)) {
    Type element = elementOf(place.getType());
    Value base = address(place, b, c, at);
    if (stepOf(place).isConstant(1) || width == 1)
      l.store(v, base, element, mask);
    else
      l.storeStrided(v, base, element, l.size(stepOf(place)), count);
  }
}
