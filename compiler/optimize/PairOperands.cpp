#include "compiler/optimize/PairOperands.h"

#include "compiler/optimize/Cluster.h"

using namespace mlir;
using namespace nn;
using namespace nnc;

/// More products to a score would need more room than a strip of scores has.
static constexpr size_t kMaximalPairs = 4;

static Type elementInside(Type tensor) { return elementOf(tensor); }

static std::optional<int64_t> integerOf(Value v) {
  Operation *made = v.getDefiningOp();
  if (auto size = dyn_cast_or_null<SizeOp>(made))
    return size.getValue().getValue().asConstant();
  auto constant = dyn_cast_or_null<ConstantOp>(made);
  auto value = constant ? dyn_cast<IntegerAttr>(constant.getValue()) : IntegerAttr();
  return value ? std::optional(value.getInt()) : std::nullopt;
}

PairOperands::PairOperands(NeighbourhoodOp op)
    : op(op), b(op), loc(op.getLoc()), free(op.getFree().getValue().rank()),
      always(op.getWhere().empty() ||
             integerOf(op.getWhere().front().getTerminator()->getOperand(0)).value_or(0) != 0) {}

PairOperands::Position PairOperands::positionOf(Value index) {
  while (auto cast = index.getDefiningOp<CastOp>())
    index = cast.getX();
  if (auto argument = dyn_cast<BlockArgument>(index)) {
    size_t number = argument.getArgNumber();
    if (number < free)
      return {Position::Free, int64_t(number)};
    if (number < free + 2)
      return {number == free ? Position::Target : Position::Source};
    return {};
  }
  if (std::optional<int64_t> fixed = integerOf(index))
    return {Position::Fixed, *fixed};
  if (auto div = index.getDefiningOp<DivOp>()) {
    Position x = positionOf(div.getOperand(0));
    std::optional<int64_t> by = integerOf(div.getOperand(1));
    if (x.kind == Position::Free && by && *by > 0)
      return {*by == 1 ? Position::Free : Position::Divided, x.number, *by};
  }
  return {};
}

bool PairOperands::reads(AtOp at, Position::Kind kind) {
  return llvm::any_of(at.getIndices(), [&](Value i) { return positionOf(i).kind == kind; });
}

Differences PairOperands::differencesAt(AtOp at) {
  Block *block = at->getBlock();
  return {block->getArgument(free + 1), block->getArgument(free)};
}

/// Whether strides can say what is read. One axis may be read by the difference of source and target.
bool PairOperands::isReadable(AtOp at) {
  bool difference = false;
  for (auto [index, axis] : llvm::zip(at.getIndices(), at.getAxes())) {
    if (positionOf(index).kind != Position::Other)
      continue;
    std::optional<int64_t> limit = shapeOf(at.getX().getType())[axis].asConstant();
    if (difference || !limit || !differencesAt(at).isIndex(index, *limit))
      return false;
    difference = true;
  }
  return isa<BlockArgument>(at.getX()) && !(difference && (reads(at, Position::Target) || reads(at, Position::Source)));
}

/// An axis whose index is divided somewhere becomes two, the quotient and the rest: all must divide by the same number.
bool PairOperands::chooseGroups() {
  groups.assign(free, 1);
  bool agree = true;
  op->walk([&](AtOp at) {
    for (auto [index, axis] : llvm::zip(at.getIndices(), at.getAxes())) {
      Position p = positionOf(index);
      if (p.kind != Position::Divided)
        continue;
      int64_t &group = groups[p.number];
      agree &= group == 1 || group == p.by;
      group = p.by;
    }
  });
  for (auto [size, group] : llvm::zip(op.getFree().getValue(), groups)) {
    if (group == 1) {
      leading.dims.push_back(size);
      continue;
    }
    if (!Dim::alwaysDivides(size, group))
      return false;
    leading.dims.push_back(*Dim::exactDiv(size, group));
    leading.dims.push_back(group);
  }
  return agree;
}

/// A contraction of two rows, or the sum of the products of their elements; what widens 16-bit floats does not matter.
std::optional<PairOperands::Product> PairOperands::productOf(Value v) {
  auto strip = [](Value x) {
    while (auto cast = x.getDefiningOp<CastOp>()) {
      Type from = elementOf(cast.getX().getType()), to = elementOf(cast.getType());
      if (!isa<FloatType>(from) || !isa<FloatType>(to) || from.getIntOrFloatBitWidth() != 16 || !to.isF32())
        break;
      x = cast.getX();
    }
    return x;
  };
  Value x, y;
  if (auto contract = v.getDefiningOp<ContractOp>()) {
    if (contract.getBatch() || contract.getM() || contract.getN() || !contract.getEpilogue().empty() ||
        contract.getPanel())
      return std::nullopt;
    x = contract.getLhs(), y = contract.getRhs();
  } else if (auto sum = v.getDefiningOp<SumOp>()) {
    auto mul = strip(sum.getX()).getDefiningOp<MulOp>();
    if (!mul || shapeOf(v.getType()).rank())
      return std::nullopt;
    x = mul.getOperand(0), y = mul.getOperand(1);
  } else {
    return std::nullopt;
  }
  auto query = strip(x).getDefiningOp<AtOp>(), key = strip(y).getDefiningOp<AtOp>();
  if (!query || !key || shapeOf(query.getType()) != shapeOf(key.getType()) ||
      elementOf(query.getType()) != elementOf(key.getType()) || !isa<FloatType>(elementOf(query.getType())))
    return std::nullopt;
  if (reads(query, Position::Source) || reads(key, Position::Target))
    std::swap(query, key);
  if (reads(query, Position::Source) || reads(key, Position::Target) || reads(query, Position::Other) ||
      reads(key, Position::Other))
    return std::nullopt;
  return Product{v, query, key};
}

/// What ends are computed from: products, reads, and elementwise work.
bool PairOperands::collect(ArrayRef<Value> ends, SmallVectorImpl<Product> &into) {
  SmallVector<Value> work(ends);
  llvm::SmallPtrSet<Value, 16> seen;
  while (!work.empty()) {
    Value v = work.pop_back_val();
    if (!seen.insert(v).second)
      continue;
    if (auto argument = dyn_cast<BlockArgument>(v)) {
      if (argument.getArgNumber() >= free + 2)
        scalars.insert(v);
      continue;
    }
    Operation *made = v.getDefiningOp();
    if (auto at = dyn_cast<AtOp>(made)) {
      if (!isReadable(at))
        return false;
      scalars.insert(v);
    } else if (std::optional<Product> product = productOf(v)) {
      into.push_back(*product);
    } else if (isElementwiseOnTensors(made) || isMadeInKernel(made)) {
      llvm::append_range(work, made->getOperands());
    } else {
      return false;
    }
  }
  return llvm::all_of(scalars, [](Value v) { return shapeOf(v.getType()).rank() == 0; });
}

bool PairOperands::collect(ArrayRef<Value> ends) {
  this->ends.assign(ends.begin(), ends.end());
  SmallVector<Product> refused;
  return !op.isOverGraph() && chooseGroups() && collect(ends, products) && !products.empty() &&
         products.size() <= kMaximalPairs &&
         (always || (collect(op.getWhere().front().getTerminator()->getOperand(0), refused) && refused.empty()));
}

bool PairOperands::makeOperands() {
  for (Product &p : products) {
    size_t own = shapeOf(p.query.getType()).rank();
    queries.push_back(operand(p.query, true, false, own));
    keys.push_back(operand(p.key, false, true, own));
  }
  for (Value v : scalars)
    extras.push_back(scalarOperand(v));
  for (auto *values : {&queries, &keys, &extras})
    if (!llvm::all_of(*values, [](Value v) { return bool(v); }))
      return false;
  for (auto *values : {&queries, &keys})
    for (Value &v : *values) {
      v = asRows(v);
      if (elementOf(v.getType()).isF64() != elementOf(queries[0].getType()).isF64())
        return false;
    }
  return true;
}

Value PairOperands::rows(AtOp at, bool ofTargets) {
  Value x = operand(at, ofTargets, !ofTargets, shapeOf(at.getType()).rank());
  return x ? asRows(x) : Value();
}

Shape PairOperands::targetShape() const {
  Shape shape = leading;
  shape.dims.push_back(NeighbourhoodOp(op).getTargets().getValue());
  return shape;
}

/// What `at` reads, for all leading positions, targets, sources: a view [leading.., targets, sources, its own axes].
/// Null if strides can not say it.
Value PairOperands::operand(AtOp at, bool targets, bool sources, size_t trailing) {
  auto argument = dyn_cast<BlockArgument>(at.getX());
  if (!argument)
    return {};
  Value x = op.getCaptures()[argument.getArgNumber() - free - 2];
  Shape full = leading;
  Dim targetCount = op.getTargets().getValue(), sourceCount = op.getSources().getValue();
  if (targets)
    full.dims.push_back(targetCount);
  if (sources)
    full.dims.push_back(sourceCount);
  SmallVector<size_t> firstOf; // of a free index, among the leading axes
  for (size_t i = 0, next = 0; i < free; ++i) {
    firstOf.push_back(next);
    next += groups[i] == 1 ? 1 : 2;
  }
  Shape shape = shapeOf(x.getType()), begin, length = shape, split;
  begin.dims.assign(shape.rank(), Dim(0));
  SmallVector<size_t> ends; // where each axis of the split shape ends up
  bool fixed = false, diagonals = false;
  size_t own = full.rank();
  for (size_t axis = 0; axis < shape.rank(); ++axis) {
    auto indexed = llvm::find(at.getAxes(), int64_t(axis));
    if (indexed == at.getAxes().end()) {
      split.dims.push_back(shape[axis]);
      full.dims.push_back(shape[axis]);
      ends.push_back(own++);
      continue;
    }
    size_t number = indexed - at.getAxes().begin();
    Position p = positionOf(at.getIndices()[number]);
    auto put = [&](const Dim &size, size_t end) {
      split.dims.push_back(size);
      ends.push_back(end);
    };
    switch (p.kind) {
    case Position::Other: // as isReadable has seen: differences, which are read before
      if (!targets || !sources)
        return {};
      x = GatherOp::create(b, loc, x, differencesAt(at).forAll(at.getIndices()[number], targetCount, sourceCount, b),
                           axis)
              .getResult(0);
      length[axis] = targetCount + sourceCount;
      put(length[axis], leading.rank());
      diagonals = true;
      break;
    case Position::Fixed:
      begin[axis] = p.number, length[axis] = 1, fixed = true;
      break;
    case Position::Target:
      put(shape[axis], leading.rank());
      break;
    case Position::Source:
      put(shape[axis], leading.rank() + targets);
      break;
    case Position::Divided:
      if (shape[axis] != leading[firstOf[p.number]])
        return {};
      put(shape[axis], firstOf[p.number]);
      break;
    case Position::Free:
      put(leading[firstOf[p.number]], firstOf[p.number]);
      if (groups[p.number] != 1)
        put(leading[firstOf[p.number] + 1], firstOf[p.number] + 1);
    }
  }
  if (own - (full.rank() - trailing) != trailing ||
      llvm::SmallSetVector<size_t, 8>(ends.begin(), ends.end()).size() != ends.size())
    return {}; // an index twice
  if (fixed)
    x = SliceOp::create(b, loc, x, begin, length);
  if (shapeOf(x.getType()) != split)
    x = ReshapeOp::create(b, loc, x, split);
  SmallVector<int64_t> order = llvm::to_vector(llvm::seq<int64_t>(0, ends.size()));
  llvm::sort(order, [&](int64_t i, int64_t j) { return ends[i] < ends[j]; });
  if (!llvm::is_sorted(order))
    x = TransposeOp::create(b, loc, x, order);
  if (diagonals) { // the axis of differences is the last one: it becomes that of targets and that of sources
    Shape two(ArrayRef<Dim>(shapeOf(x.getType()).dims).drop_back());
    two.dims.push_back(targetCount);
    two.dims.push_back(sourceCount);
    x = DiagonalsOp::create(b, loc, tensorType(two, elementOf(x.getType())), x);
    order.push_back(ends.size());
    ends.push_back(leading.rank() + 1);
  }
  if (shapeOf(x.getType()) == full)
    return x;
  SmallVector<int64_t> axes;
  for (int64_t i : order)
    axes.push_back(ends[i]);
  return BroadcastOp::create(b, loc, tensorType(full, elementOf(x.getType())), x, axes);
}

/// The axes after those of the rows as one.
Value PairOperands::asRows(Value x) {
  Shape shape = shapeOf(x.getType()), flat(ArrayRef<Dim>(shape.dims).take_front(leading.rank() + 1));
  flat.dims.push_back(Shape(ArrayRef<Dim>(shape.dims).drop_front(leading.rank() + 1)).count());
  return flat == shape ? x : ReshapeOp::create(b, loc, x, flat).getResult();
}

Value PairOperands::scalarOperand(Value v) {
  if (auto at = v.getDefiningOp<AtOp>())
    return operand(at, true, true, 0);
  Value x = op.getCaptures()[cast<BlockArgument>(v).getArgNumber() - free - 2];
  Shape full = leading;
  full.dims.push_back(op.getTargets().getValue());
  full.dims.push_back(op.getSources().getValue());
  return BroadcastOp::create(b, loc, x, full);
}

void PairOperands::fillWhere(Region &to) {
  Value end = op.getWhere().front().getTerminator()->getOperand(0);
  fill(op.getWhere(), to, end, {}, [&](KernelBody &body) { return SmallVector<Value>{body.get(end)}; });
}

void PairOperands::fill(Region &to, function_ref<SmallVector<Value>(KernelBody &)> finish) {
  fill(op.getBody(), to, ends, products, finish);
}

Type PairOperands::sumType() {
  Type element = elementOf(queries[0].getType());
  return element.isF64() ? element : b.getF32Type();
}

Value PairOperands::asSum(KernelBody &body, Value v) {
  Value there = body.get(v);
  return there.getType() == sumType() ? there : CastOp::create(body.b, loc, sumType(), there).getResult();
}

void PairOperands::replace(Value old, Value result) {
  Shape shape = shapeOf(old.getType());
  if (shapeOf(result.getType()) != shape)
    result = ReshapeOp::create(b, loc, result, shape);
  if (result.getType() != old.getType())
    result = CastOp::create(b, loc, old.getType(), result);
  old.replaceAllUsesWith(result);
}

void PairOperands::fill(Region &from, Region &to, ArrayRef<Value> ends, ArrayRef<Product> products,
                        function_ref<SmallVector<Value>(KernelBody &)> finish) {
  Block &old = from.front(), &block = to.emplaceBlock();
  KernelBody body(block, elementInside);
  for (const Product &p : products)
    body.set(p.result, block.addArgument(sumType(), loc));
  for (Value v : scalars) {
    Region *of = isa<BlockArgument>(v) ? cast<BlockArgument>(v).getOwner()->getParent() : v.getParentRegion();
    if (of == &from)
      body.input(v, loc);
    else
      block.addArgument(elementOf(v.getType()), loc);
  }
  Type i64 = b.getI64Type();
  for (size_t i = 0, axis = 0; i < free + 2; ++i) {
    Value index = IndexOp::create(body.b, loc, i64, axis++);
    if (i < free && groups[i] != 1) {
      Value group = ConstantOp::create(body.b, loc, i64, groups[i]);
      index = AddOp::create(body.b, loc, MulOp::create(body.b, loc, index, group).getResult(),
                            IndexOp::create(body.b, loc, i64, axis++).getResult());
    }
    body.set(old.getArgument(i), index);
  }
  llvm::SetVector<Operation *> needed;
  SmallVector<Value> work(ends);
  while (!work.empty()) {
    Value v = work.pop_back_val();
    bool known = scalars.contains(v) || isa<BlockArgument>(v) ||
                 llvm::any_of(products, [&](const Product &p) { return p.result == v; });
    if (!known && !isMadeInKernel(v.getDefiningOp()) && needed.insert(v.getDefiningOp()))
      llvm::append_range(work, v.getDefiningOp()->getOperands());
  }
  for (Operation &inner : old)
    if (needed.contains(&inner))
      body.add(&inner);
  SmallVector<Value> results = finish(body);
  YieldOp::create(body.b, loc, results);
  for (Operation &inner : llvm::make_early_inc_range(llvm::reverse(block))) {
    auto divide = dyn_cast<DivideOp>(inner);
    auto by = divide ? divide.getOperand(1).getDefiningOp<ConstantOp>() : ConstantOp();
    if (by && isa<FloatAttr>(by.getValue())) { // a product is cheaper; the scores are not exact to that bit anyway
      OpBuilder at(divide);
      Value factor = ConstantOp::create(at, loc, by.getType(), 1.0 / cast<FloatAttr>(by.getValue()).getValueAsDouble());
      divide.replaceAllUsesWith(MulOp::create(at, loc, divide.getOperand(0), factor).getResult());
    }
    if (inner.use_empty() && !isa<YieldOp>(inner))
      inner.erase();
  }
}
