#include "compiler/Passes.h"
#include "compiler/optimize/Cluster.h"
#include "compiler/optimize/Prepare.h"

#include "llvm/ADT/SmallBitVector.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace nn;

namespace nnc {
#define GEN_PASS_DEF_DECOMPOSEPASS
#include "compiler/Passes.h.inc"

namespace {
bool isFloat16(Type t) { return t.isBF16() || t.isF16(); }

/// Writes the replacement of one operation: numbers on rows, in the notation of the formulas.
struct Writer {
  Writer(Operation *op) : b(op), loc(op->getLoc()) {}

  OpBuilder b;
  Location loc;
  int64_t axes = 0; ///< of a row: the last ones of every whole tensor

  template <typename Op> Value make(Value x) { return Op::create(b, loc, x).getResult(); }
  template <typename Op> Value make(Value x, Value y) { return Op::create(b, loc, x, y).getResult(); }
  Value add(Value x, Value y) { return make<AddOp>(x, y); }
  Value sub(Value x, Value y) { return make<SubOp>(x, y); }
  Value mul(Value x, Value y) { return make<MulOp>(x, y); }
  Value divide(Value x, Value y) { return make<DivideOp>(x, y); }
  Value where(Value c, Value x, Value y) { return WhereOp::create(b, loc, c, x, y).getResult(); }
  Value constant(Value like, double v) { return ConstantOp::create(b, loc, like.getType(), v); }
  Value cast(Value x, Type element) {
    return elementOf(x.getType()) == element
               ? x
               : CastOp::create(b, loc, withElement(x.getType(), element), x, isFloat16(element)).getResult();
  }
  /// The type in which numbers of this one are summed: f32 for 16-bit floats.
  Value widen(Value x) {
    Type t = elementOf(x.getType());
    return isFloat16(t) ? cast(x, b.getF32Type()) : x;
  }

  /// The axes of x that are not in `last` first, then these.
  SmallVector<int64_t> order(Value x, ArrayRef<int64_t> last) {
    SmallVector<int64_t> permutation;
    for (int64_t i = 0, rank = shapeOf(x.getType()).rank(); i < rank; ++i)
      if (!llvm::is_contained(last, i))
        permutation.push_back(i);
    llvm::append_range(permutation, last);
    return permutation;
  }
  Value transpose(Value x, ArrayRef<int64_t> permutation) {
    if (llvm::equal(permutation, llvm::seq<int64_t>(0, permutation.size())))
      return x;
    return TransposeOp::create(b, loc, x, permutation);
  }
  /// Of one value per row (or whole rows that were transposed): the axes at their old places.
  Value back(Value x, ArrayRef<int64_t> permutation) {
    SmallVector<int64_t> inverse(permutation.size());
    for (auto [i, p] : llvm::enumerate(permutation))
      inverse[p] = i;
    return transpose(x, inverse);
  }
  /// x with the reduced axes last; sets `axes`.
  Value rows(Value x, ArrayRef<int64_t> reduced) {
    axes = reduced.size();
    return transpose(x, order(x, reduced));
  }

  template <typename Op> Value reduceLast(Value x, int64_t axes) {
    int64_t rank = shapeOf(x.getType()).rank();
    return Op::create(b, loc, x, b.getDenseI64ArrayAttr(llvm::to_vector(llvm::seq<int64_t>(rank - axes, rank))),
                      b.getBoolAttr(false))
        .getResult();
  }
  /// A whole tensor is one row, which one thread would walk: if it may be large, first to one value for each position
  /// on its first axis.
  template <typename Op> Value reduce(Value x) {
    constexpr int64_t large = 1 << 15, wide = 1 << 8;
    const Shape &shape = shapeOf(x.getType());
    auto below = [](std::optional<int64_t> n, int64_t limit) { return n && *n < limit; };
    if (axes < 2 || axes < int64_t(shape.rank()) || below(shape.count().asConstant(), large) ||
        below(Shape(ArrayRef<Dim>(shape.dims).drop_front()).count().asConstant(), wide))
      return reduceLast<Op>(x, axes);
    return reduceLast<Op>(reduceLast<Op>(std::is_same_v<Op, SumOp> ? widen(x) : x, axes - 1), 1);
  }
  Value sum(Value x) { return axes ? reduce<SumOp>(x) : x; }
  /// How many elements a row of x has, in the type of `like`.
  Value count(Value x, Value like) {
    Shape row(ArrayRef<Dim>(shapeOf(x.getType()).dims).take_back(axes));
    return SizeOp::create(b, loc, like.getType(), DimAttr::get(b.getContext(), row.count()));
  }
  /// The value of each row, repeated along it.
  Value along(Value perRow, Value x) {
    int64_t rank = shapeOf(perRow.getType()).rank();
    return BroadcastOp::create(b, loc, withElement(x.getType(), elementOf(perRow.getType())), perRow,
                               b.getDenseI64ArrayAttr(llvm::to_vector(llvm::seq<int64_t>(0, rank))));
  }
  Value mean(Value x) {
    Value s = sum(x);
    return divide(s, count(x, s));
  }
};

int64_t normalAxis(int64_t axis, int64_t rank) { return axis < 0 ? axis + rank : axis; }

/// The axes of a reduction counted from the front, in ascending order; none written: all.
SmallVector<int64_t> reducedAxes(Value x, ArrayRef<int64_t> written) {
  int64_t rank = shapeOf(x.getType()).rank();
  llvm::SmallBitVector set(rank, written.empty());
  for (int64_t a : written)
    set.set(a < 0 ? a + rank : a);
  return SmallVector<int64_t>(set.set_bits_begin(), set.set_bits_end());
}

/// Reduces the last axes; the ones that `keep` leaves are added by a view.
template <typename Op, typename Body> Value reduction(Op op, Body body) {
  Writer w(op);
  SmallVector<int64_t> reduced = reducedAxes(op.getX(), op.getAxes());
  Value result = w.cast(body(w, w.rows(op.getX(), reduced)), elementOf(op.getType()));
  if (!op.getKeep() || reduced.empty())
    return result;
  SmallVector<int64_t> kept = w.order(op.getX(), reduced);
  kept.resize(kept.size() - reduced.size());
  return BroadcastOp::create(w.b, w.loc, op.getType(), result, w.b.getDenseI64ArrayAttr(kept));
}

/// As it is, with the axes last.
template <typename Op> Value normalized(Op op) {
  return reduction(op, [](Writer &w, Value x) { return w.axes ? w.reduce<Op>(x) : x; });
}

/// mean((x - mean(x))^2): two passes over the row, no cancellation.
Value variance(VarOp op) {
  return reduction(op, [&](Writer &w, Value x) {
    x = w.widen(x);
    Value d = w.sub(x, w.along(w.mean(x), x));
    Value s = w.sum(w.mul(d, d)), n = w.count(x, s);
    return w.divide(s, op.getUnbiased() ? w.sub(n, w.constant(n, 1.0)) : n);
  });
}

Value mean(MeanOp op) {
  return reduction(op, [&](Writer &w, Value x) { return w.mean(w.widen(w.cast(x, elementOf(op.getType())))); });
}

/// Softmax and its relatives: m = max(x), s = sum(exp(x - m)). In a row of -inf, m counts as 0, so that exp gives 0.
template <typename Op, typename Body> Value shifted(Op op, Body body) {
  Writer w(op);
  int64_t rank = shapeOf(op.getX().getType()).rank(), axis = normalAxis(op.getAxis(), rank);
  Value x = w.widen(w.rows(op.getX(), axis));
  Shape shape = shapeOf(x.getType()), perRow(ArrayRef<Dim>(shape.dims).drop_back());
  bool empty = shape.dims.back().isConstant(0); // rows without a largest element
  Value zero = ConstantOp::create(w.b, w.loc, tensorType(perRow, elementOf(x.getType())), 0.0);
  Value m = empty ? zero : w.reduce<MaxOp>(x);
  if constexpr (std::is_same_v<Op, LogsumexpOp>) // +inf as well: exp gives inf, its logarithm is inf
    m = w.where(w.make<IsfiniteOp>(m), m, zero);
  else
    m = w.where(w.make<EqOp>(m, w.constant(m, -std::numeric_limits<double>::infinity())), zero, m);
  Value d = w.sub(x, w.along(m, x)), e = w.make<ExpOp>(d), s = w.sum(e);
  // The sum is 0 in a row of -inf alone.
  Value positive = w.where(w.make<EqOp>(s, zero), w.constant(s, 1.0), s);
  return w.cast(body(w, m, d, e, s, positive), elementOf(op.getType()));
}

Value softmax(SoftmaxOp op) {
  return shifted(op, [&](Writer &w, Value m, Value d, Value e, Value s, Value positive) {
    // One division per row; the second rounding is within what the sum brings.
    return w.mul(e, w.along(w.divide(w.constant(positive, 1.0), positive), e));
  });
}
Value logSoftmax(LogSoftmaxOp op) {
  return shifted(op, [&](Writer &w, Value m, Value d, Value e, Value s, Value positive) {
    return w.sub(d, w.along(w.make<LogOp>(positive), d));
  });
}
Value logsumexp(LogsumexpOp op) {
  return shifted(
      op, [&](Writer &w, Value m, Value d, Value e, Value s, Value positive) { return w.add(w.make<LogOp>(s), m); });
}

/// Operations along one axis, with this axis last.
template <typename Op> Value alongRow(Op op) {
  Writer w(op);
  int64_t rank = shapeOf(op.getX().getType()).rank(), axis = normalAxis(op.getAxis(), rank);
  Value x = w.rows(op.getX(), axis);
  if constexpr (std::is_same_v<Op, CumsumOp>)
    return CumsumOp::create(w.b, w.loc, x, rank - 1, op.getReverse()).getResult();
  else
    return Op::create(w.b, w.loc, x, rank - 1).getResult();
}
/// The same where the result has the operand's axes.
template <typename Op> Value turnedBack(Op op, Value result) {
  Writer w(op);
  int64_t rank = shapeOf(op.getX().getType()).rank(), axis = normalAxis(op.getAxis(), rank);
  return w.back(result, w.order(op.getX(), axis));
}

/// pick(f(a, b), i) is f(pick(a, i), pick(b, i)): of a log_softmax only what was asked for is computed. What comes from
/// one value per row needs no picking.
Value pick(Writer &w, Value x, Value index, unsigned depth) {
  int64_t rank = shapeOf(x.getType()).rank();
  Operation *op = x.getDefiningOp();
  auto picked = [&](Type type) { return tensorType(shapeOf(index.getType()), elementOf(type)); };
  if (auto broadcast = dyn_cast_or_null<BroadcastOp>(op); broadcast && depth)
    if (shapeOf(broadcast.getX().getType()) == shapeOf(index.getType()) &&
        llvm::equal(broadcast.getAxes(), llvm::seq<int64_t>(0, rank - 1)))
      return broadcast.getX();
  if (auto constant = dyn_cast_or_null<ConstantOp>(op); constant && depth)
    return ConstantOp::create(w.b, w.loc, picked(x.getType()), constant.getValue());
  bool cheap = isa_and_present<AddOp, SubOp, MulOp, NegOp, CastOp>(op);
  if (cheap && depth < 8 && !llvm::all_of(op->getOperands(), [](Value v) { return v.getDefiningOp<BroadcastOp>(); })) {
    SmallVector<Value> operands;
    for (Value v : op->getOperands())
      operands.push_back(pick(w, v, index, depth + 1));
    Operation *copy = w.b.clone(*op);
    copy->setOperands(operands);
    copy->getResult(0).setType(picked(x.getType()));
    return copy->getResult(0);
  }
  return GatherOp::create(w.b, w.loc, x, index, rank - 1, rank - 1)->getResult(0);
}

/// where(index == position, 1, 0). The 1 is read from a row of ones by the index, so that an index out of range is
/// found.
Value oneHot(OneHotOp op) {
  Writer w(op);
  Type element = op.getElement(), i64 = w.b.getI64Type();
  Shape shape = shapeOf(op.getType());
  Value index = w.cast(op.getIndex(), i64);
  Value ones = ConstantOp::create(w.b, w.loc, tensorType(Shape{shape.dims.back()}, element), 1.0);
  Value one = GatherOp::create(w.b, w.loc, ones, op.getIndex(), 0)->getResult(0);
  Value position = IotaOp::create(w.b, w.loc, tensorType(shape, i64), DimAttr::get(w.b.getContext(), Dim(0)),
                                  w.b.getI64IntegerAttr(shape.rank() - 1));
  Value hit = w.make<EqOp>(w.along(index, position), position), on = w.along(one, position);
  return w.where(hit, on, w.constant(on, 0.0));
}

/// Normal draws as a matrix [first axis, the others], its shorter side as rows.
Value orthogonal(OrthogonalOp op) {
  Writer w(op);
  Type element = elementOf(op.getType()), f64 = w.b.getF64Type();
  Shape shape = shapeOf(op.getType());
  Dim columns = Shape(ArrayRef<Dim>(shape.dims).drop_front()).count();
  if (!shape[0].isConstant() || !columns.isConstant())
    return {}; // which side is shorter is not known
  Value draws = NormalOp::create(w.b, w.loc, op.getType(), op.getCopy(), op.getPlace());
  Value x = ReshapeOp::create(w.b, w.loc, w.cast(draws, f64), Shape{shape[0], columns});
  bool tall = shape[0].constant() > columns.constant();
  if (tall)
    x = w.transpose(x, {1, 0});
  x = OrthonormalizeOp::create(w.b, w.loc, TypeRange(x.getType()), x, ValueRange()).getResult(0);
  if (tall)
    x = w.transpose(x, {1, 0});
  return ReshapeOp::create(w.b, w.loc, w.cast(x, element), shape);
}

/// A contraction whose right operand has no axes of its own: dot products of rows. There is nothing to reuse in
/// registers, so a sum of products reads both operands where they lie.
Value dotProducts(ContractOp op) {
  if (op.getN() != 0 || op.getK() == 0 || !op.getEpilogue().empty())
    return {};
  Writer w(op);
  if (op.getM() != 0 && isa<NeighbourhoodOp>(op->getParentOp())) {
    // A matrix and the vector of one pair: over all pairs it is a product of matrices. The vector comes first.
    int64_t batch = op.getBatch(), m = op.getM(), k = op.getK();
    SmallVector<int64_t> order = llvm::to_vector(llvm::seq<int64_t>(0, batch));
    llvm::append_range(order, llvm::seq<int64_t>(batch + m, batch + m + k));
    llvm::append_range(order, llvm::seq<int64_t>(batch, batch + m));
    return ContractOp::create(w.b, w.loc, op.getRhs(), w.transpose(op.getLhs(), order), batch, 0, m, k)->getResult(0);
  }
  w.axes = op.getK();
  Value lhs = w.widen(op.getLhs()), rhs = w.widen(op.getRhs());
  SmallVector<int64_t> axes;
  for (uint64_t i = 0; i < op.getBatch() + op.getK(); ++i)
    axes.push_back(i < op.getBatch() ? i : i + op.getM());
  Value along = BroadcastOp::create(w.b, w.loc, lhs.getType(), rhs, axes);
  return w.cast(w.sum(w.mul(lhs, along)), elementOf(op.getResult(0).getType()));
}

/// The same number for each axis of sizes, or another one for the last axis of an image.
SmallVector<int64_t> perAxis(Value x, int64_t first, int64_t last) {
  SmallVector<int64_t> values(shapeOf(x.getType()).rank() - 2, first);
  if (values.size() == 2)
    values.back() = last;
  return values;
}

Value convolution(ConvOp op) {
  Writer w(op);
  Value x = op.getX();
  return ConvolveOp::create(w.b, w.loc, op.getType(), x, op.getW(), perAxis(x, op.getStride(), op.getStrideW()),
                            perAxis(x, op.getPadding(), op.getPaddingW()),
                            perAxis(x, op.getDilation(), op.getDilationW()), op.getGroups(), perAxis(x, 1, 1))
      .getResult(0);
}

/// Output y sums x[i] w[t] where i stride - padding + t dilation = y: a convolution whose stride spreads x instead,
/// with the taps in the other direction, and w as [out, in / groups, window..].
Value transposedConvolution(ConvTransposeOp op) {
  Writer w(op);
  Value x = op.getX(), weight = op.getW();
  Shape shape = shapeOf(weight.getType()), split = shape, turned = shape;
  int64_t groups = op.getGroups();
  Dim in = *Dim::exactDiv(shape[0], Dim(groups)), out = shape[1];
  split[0] = in;
  split.dims.insert(split.begin(), Dim(groups));
  turned[0] = out * Dim(groups), turned[1] = in;
  SmallVector<int64_t> permutation{0, 2, 1};
  for (size_t i = 3; i < split.rank(); ++i)
    permutation.push_back(i);
  weight = w.transpose(ReshapeOp::create(w.b, w.loc, weight, split), permutation);
  weight = ReshapeOp::create(w.b, w.loc, weight, turned);
  auto all = [&](int64_t v) { return perAxis(x, v, v); };
  return ConvolveOp::create(w.b, w.loc, op.getType(), x, weight, all(1), all(-op.getPadding()), all(-op.getDilation()),
                            groups, all(op.getStride()))
      .getResult(0);
}

Value pool(Operation *op, bool mean, int64_t dilation, bool countPad) {
  Writer w(op);
  auto integer = [&](StringRef name) { return op->getAttrOfType<IntegerAttr>(name).getInt(); };
  return PoolOp::create(w.b, w.loc, op->getResultTypes(), op->getOperand(0), ValueRange(), mean, integer("k"),
                        integer("stride"), integer("padding"), dilation, countPad)
      .getResult(0);
}

/// `topk` and `sort`. To pick a few one after the other needs no room; to sort does.
void order(Operation *op, bool descending) {
  constexpr int64_t few = 32;
  Writer w(op);
  Value x = op->getOperand(0);
  SmallVector<Type> types(op->getResultTypes());
  std::optional<int64_t> length = shapeOf(types[0]).dims.back().asConstant();
  if (!isa<TopkOp>(op) || !length || *length > few) {
    Shape room = shapeOf(x.getType());
    room.dims.back() = Dim(2) * room.dims.back();
    types.push_back(tensorType(room, w.b.getI64Type()));
  }
  auto kernel = OrderOp::create(w.b, w.loc, types, x, ValueRange(), descending);
  op->replaceAllUsesWith(kernel->getResults().take_front(2));
  op->erase();
}

void check(Operation *before, Value x, DimAttr limit, StringRef name) {
  OpBuilder b(before);
  CheckOp::create(b, before->getLoc(), x, limit, b.getStringAttr(name), b.getI64IntegerAttr(0));
}

/// Divisors of integers, unless they are a constant other than 0.
void checkDivisor(Operation *op) {
  Value divisor = op->getOperand(1);
  while (divisor.getDefiningOp() && divisor.getDefiningOp()->hasTrait<View>() &&
         divisor.getDefiningOp()->getNumOperands() == 1 && !isa<SliceOp>(divisor.getDefiningOp()))
    divisor = divisor.getDefiningOp()->getOperand(0);
  auto constant = divisor.getDefiningOp<ConstantOp>();
  auto number = constant ? dyn_cast<IntegerAttr>(constant.getValue()) : IntegerAttr();
  if (elementOf(divisor.getType()).isInteger() && !(number && !number.getValue().isZero()))
    check(op, divisor, {}, "the divisor");
}

/// Starts of slices and updates: 0 .. size - length.
template <typename Op> void checkStarts(Op op, const Shape &part) {
  for (auto [start, axis] : llvm::zip(op.getStarts(), op.getDynamic())) {
    Dim last = shapeOf(op.getX().getType())[axis] - part[axis];
    check(op, start, DimAttr::get(op.getContext(), last + Dim(1)), "the start of a range");
  }
}

/// What the operation is written with; null if it is a primitive.
Value decompose(Operation *op) {
  return llvm::TypeSwitch<Operation *, Value>(op)
      .Case([](SumOp o) { return reduction(o, [&](Writer &w, Value x) { return w.sum(x); }); })
      .Case<MaxOp, MinOp, AnyOp, AllOp>([](auto o) { return normalized(o); })
      .Case([](MeanOp o) { return mean(o); })
      .Case([](VarOp o) { return variance(o); })
      .Case([](SoftmaxOp o) { return turnedBack(o, softmax(o)); })
      .Case([](LogSoftmaxOp o) { return turnedBack(o, logSoftmax(o)); })
      .Case([](LogsumexpOp o) { return logsumexp(o); })
      .Case<ArgmaxOp, ArgminOp>([](auto o) { return alongRow(o); })
      .Case([](CumsumOp o) { return turnedBack(o, alongRow(o)); })
      .Case([](PickOp o) {
        Writer w(o);
        return pick(w, o.getX(), o.getIndex(), 0);
      })
      .Case([](OneHotOp o) { return oneHot(o); })
      .Case([](OrthogonalOp o) { return orthogonal(o); })
      .Case([](ContractOp o) { return dotProducts(o); })
      .Case([](ConvOp o) { return convolution(o); })
      .Case([](ConvTransposeOp o) { return transposedConvolution(o); })
      .Case([](MaxPoolOp o) { return pool(o, false, o.getDilation(), true); })
      .Case([](AvgPoolOp o) { return pool(o, true, 1, o.getCountPad()); })
      .Default([](Operation *) { return Value(); });
}

} // namespace

void decomposeProducts(NeighbourhoodOp op) {
  SmallVector<Operation *> work;
  for (Block *block : op.getBlocks())
    for (Operation &inner : *block)
      if (isa<ContractOp, PickOp, OneHotOp>(inner))
        work.push_back(&inner);
  for (Operation *inner : work)
    if (Value v = decompose(inner)) {
      inner->getResult(0).replaceAllUsesWith(v);
      inner->erase();
    }
}

namespace {
/// 1. Transpose so that the axes of a reduction are the last ones (a view); leave kept axes to a view of the result.
/// 2. Write mean, variance, softmax, log_softmax and logsumexp with sums, maxima and elementwise operations on rows.
/// 16-bit
///    floats are cast to f32 before and back after: rounded once.
/// 3. Contractions that are dot products of rows become sums of products.
/// 4. Picks become gathers, of the operands where the picked value was computed elementwise; one_hot a comparison;
///    orthogonal draws are made of normal ones.
/// 5. Convolutions, pools and sorting become their kernels.
/// 6. Integers that must not be 0 or out of range get a check beside the operation that trusts in it.
struct Decompose : impl::DecomposePassBase<Decompose> {
  void runOnOperation() override {
    forEachTensorBlock(getOperation(), eraseDead);
    SmallVector<Operation *> work;
    getOperation().walk([&](Operation *op) {
      if (isa<KernelOpInterface>(op->getParentOp()) && !isa<NeighbourhoodOp>(op->getParentOp()))
        return;
      work.push_back(op);
    });
    for (Operation *op : work) {
      if (isa<DivOp, ModOp>(op))
        checkDivisor(op);
      else if (auto slice = dyn_cast<SliceOp>(op))
        checkStarts(slice, shapeOf(slice.getType()));
      else if (auto update = dyn_cast<UpdateOp>(op))
        checkStarts(update, shapeOf(update.getPart().getType()));
      if (isa<TopkOp, SortOp>(op)) {
        order(op, !isa<SortOp>(op) || cast<SortOp>(op).getDescending());
        continue;
      }
      if (Value v = decompose(op)) {
        op->getResult(0).replaceAllUsesWith(v);
        op->erase();
      }
    }
    forEachTensorBlock(getOperation(), eraseDead);
    getOperation().walk([](NeighbourhoodOp op) {
      for (Region &region : op->getRegions())
        for (Block &block : region)
          eraseDead(block);
    });
  }
};
} // namespace
} // namespace nnc
