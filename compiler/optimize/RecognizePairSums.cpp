#include "compiler/Passes.h"
#include "compiler/optimize/Cluster.h"
#include "compiler/optimize/PairOperands.h"

#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace nn;

namespace nnc {
#define GEN_PASS_DEF_RECOGNIZEPAIRSUMSPASS
#include "compiler/Passes.h.inc"

namespace {
constexpr size_t kMaximalSums = 4; ///< as for products: there must be room for a strip of weights

/// What a body yields as a sum: factors, all the same along the axes of the body, times a row or 1.
struct Term {
  AtOp row = {}; ///< read at the source or the target; null: 1
  bool ofTarget = false, negative = false;
  SmallVector<std::pair<Value, bool>, 4> factors; ///< times these, or over them
  bool isMultiplied() const { return row && !ofTarget; }
};

class Recognizer {
public:
  explicit Recognizer(NeighbourhoodOp op) : op(op), pairs(op), loc(op.getLoc()) {}
  void run();

private:
  Value yielded() { return op.getBody().front().getTerminator()->getOperand(0); }
  bool isUniform(Value v);
  void leaves(Value v, SmallVectorImpl<Value> &into);
  bool takeApart(Value v, const Term &so);
  Value number(KernelBody &body, Value v);
  Value weight(KernelBody &body, const Term &term);
  Value outside(const Term &term, Value sums);

  NeighbourhoodOp op;
  PairOperands pairs;
  Location loc;
  SmallVector<Term> terms;
};
} // namespace

/// The same number in all elements.
bool Recognizer::isUniform(Value v) {
  Operation *made = v.getDefiningOp();
  if (!made)
    return false;
  if (auto repeated = dyn_cast<BroadcastOp>(made))
    return shapeOf(repeated.getX().getType()).rank() == 0;
  return isa<ConstantOp, SizeOp>(made) ||
         (isElementwiseOnTensors(made) && llvm::all_of(made->getOperands(), [&](Value x) { return isUniform(x); }));
}

/// The numbers that a uniform value is computed from.
void Recognizer::leaves(Value v, SmallVectorImpl<Value> &into) {
  Operation *made = v.getDefiningOp();
  if (shapeOf(v.getType()).rank() == 0)
    into.push_back(v);
  else if (auto repeated = dyn_cast<BroadcastOp>(made))
    into.push_back(repeated.getX());
  else
    for (Value x : made->getOperands())
      leaves(x, into);
}

/// Adds the terms of `v` times those factors.
bool Recognizer::takeApart(Value v, const Term &so) {
  using Position = PairOperands::Position;
  auto with = [&](Value factor, bool over) {
    Term term = so;
    term.factors.push_back({factor, over});
    return term;
  };
  if (shapeOf(v.getType()).rank() == 0 || isUniform(v))
    return terms.push_back(with(v, false)), true;
  if (!v.getDefiningOp())
    return false;
  return llvm::TypeSwitch<Operation *, bool>(v.getDefiningOp())
      .Case([&](MulOp mul) {
        Value x = mul.getOperand(0), y = mul.getOperand(1);
        if (isUniform(y))
          std::swap(x, y);
        return isUniform(x) && takeApart(y, with(x, false));
      })
      .Case([&](DivideOp divide) {
        return isUniform(divide.getOperand(1)) && takeApart(divide.getOperand(0), with(divide.getOperand(1), true));
      })
      .Case<AddOp, SubOp>([&](Operation *sum) {
        Term other = so;
        other.negative ^= isa<SubOp>(sum);
        return takeApart(sum->getOperand(0), so) && takeApart(sum->getOperand(1), other);
      })
      .Case([&](NegOp neg) {
        Term other = so;
        other.negative ^= true;
        return takeApart(neg->getOperand(0), other);
      })
      .Case([&](CastOp cast) {
        Type from = elementOf(cast.getX().getType()), to = elementOf(cast.getType());
        return isa<FloatType>(from) && from.isF64() == to.isF64() && takeApart(cast.getX(), so);
      })
      .Case([&](AtOp at) {
        bool target = pairs.reads(at, Position::Target), source = pairs.reads(at, Position::Source);
        if ((target && source) || pairs.reads(at, Position::Other) || !isa<FloatType>(elementOf(at.getType())))
          return false;
        Term term = so;
        term.row = at, term.ofTarget = !source;
        return terms.push_back(term), true;
      })
      .Default([](Operation *) { return false; });
}

/// A uniform value as the number that it is; floats in the type that is summed in.
Value Recognizer::number(KernelBody &body, Value v) {
  Operation *made = v.getDefiningOp();
  bool isFloat = isa<FloatType>(elementOf(v.getType()));
  Type type = isFloat ? pairs.sumType() : elementOf(v.getType());
  if (auto repeated = dyn_cast_or_null<BroadcastOp>(made))
    v = repeated.getX();
  if (shapeOf(v.getType()).rank() == 0)
    return isFloat ? pairs.asSum(body, v) : body.get(v);
  if (auto constant = dyn_cast<ConstantOp>(made)) {
    auto value = dyn_cast<FloatAttr>(constant.getValue());
    return value ? ConstantOp::create(body.b, loc, type, value.getValueAsDouble()).getResult()
                 : ConstantOp::create(body.b, loc, type, constant.getValue()).getResult();
  }
  IRMapping map;
  for (Value x : made->getOperands())
    map.map(x, number(body, x));
  if (isa<CastOp>(made) && map.lookup(made->getOperand(0)).getType() == type)
    return map.lookup(made->getOperand(0));
  Operation *copy = body.b.clone(*made, map);
  copy->getResult(0).setType(type);
  return copy->getResult(0);
}

Value Recognizer::weight(KernelBody &body, const Term &term) {
  Value w;
  for (auto &[factor, over] : term.factors) {
    Value x = number(body, factor);
    if (!w && over)
      w = ConstantOp::create(body.b, loc, x.getType(), 1.0);
    if (!w)
      w = x;
    else
      w = over ? DivideOp::create(body.b, loc, w, x).getResult() : MulOp::create(body.b, loc, w, x).getResult();
  }
  if (!w)
    w = ConstantOp::create(body.b, loc, pairs.sumType(), 1.0);
  return term.negative ? NegOp::create(body.b, loc, w).getResult() : w;
}

/// A term that needs the sum of its weights only, in the axes of the result.
Value Recognizer::outside(const Term &term, Value sums) {
  Shape full = shapeOf(sums.getType());
  OpBuilder &b = pairs.b;
  if (shapeOf(yielded().getType()).rank() == 0)
    return sums;
  SmallVector<int64_t> axes = llvm::to_vector(llvm::seq<int64_t>(0, full.rank()));
  full.dims.push_back(shapeOf(yielded().getType()).count());
  Value all = BroadcastOp::create(b, loc, tensorType(full, pairs.sumType()), sums, axes);
  if (!term.row)
    return all;
  Value row = pairs.rows(term.row, /*ofTargets=*/true);
  if (row.getType() != all.getType())
    row = CastOp::create(b, loc, all.getType(), row);
  return MulOp::create(b, loc, all, row);
}

void Recognizer::run() {
  if (op.getCombine() != "sum" || op.isOverGraph() || op.getNumResults() != 1 || !takeApart(yielded(), {}))
    return;
  SmallVector<Value> numbers, values;
  for (const Term &term : terms)
    for (auto &[factor, over] : term.factors)
      leaves(factor, numbers);
  if (!pairs.collect(numbers) || !pairs.makeOperands())
    return;
  // Terms with one row are one product, of the sum of their weights.
  llvm::MapVector<std::pair<Operation *, unsigned>, SmallVector<Term *>> byRow;
  for (bool multiplied : {true, false})
    for (Term &term : terms)
      if (term.isMultiplied() == multiplied)
        byRow[{term.row, multiplied}].push_back(&term);
  bool wide = pairs.sumType().isF64();
  if (byRow.size() > kMaximalSums || elementOf(op.getResult(0).getType()).isF64() != wide)
    return;
  Shape shape = pairs.targetShape();
  SmallVector<Type> types;
  Type sum = pairs.sumType(), element = byRow.size() == 1 ? elementOf(op.getResult(0).getType()) : sum;
  for (auto &[key, some] : byRow) {
    Shape result = shape;
    if (key.second) {
      values.push_back(pairs.rows(some[0]->row));
      if (!values.back() || elementOf(values.back().getType()).isF64() != wide)
        return;
      result.dims.push_back(shapeOf(values.back().getType()).dims.back());
    }
    types.push_back(tensorType(result, key.second ? element : sum));
    if (key.first && !key.second && !pairs.rows(some[0]->row, /*ofTargets=*/true))
      return;
  }
  auto sums = PairSumsOp::create(pairs.b, loc, types, pairs.queries, pairs.keys, values, pairs.extras, ValueRange(),
                                 int64_t(pairs.leading.rank()));
  pairs.fill(sums.getWeights(), [&](KernelBody &body) {
    SmallVector<Value> weights;
    for (auto &[key, some] : byRow) {
      Value all;
      for (Term *term : some) {
        Value w = weight(body, *term);
        all = all ? AddOp::create(body.b, loc, all, w).getResult() : w;
      }
      weights.push_back(all);
    }
    return weights;
  });
  if (pairs.hasWhere())
    pairs.fillWhere(sums.getWhere());
  Value whole;
  for (auto [entry, part] : llvm::zip(byRow, sums.getResults())) {
    Value v = entry.first.second ? part : outside(*entry.second[0], part);
    whole = whole ? AddOp::create(pairs.b, loc, whole, v).getResult() : v;
  }
  pairs.replace(op.getResult(0), whole);
  op.erase();
}

namespace {
/// 1. Of each sum over all pairs, take apart what the body yields: a sum of rows, read at the source or the target,
/// each
///    times factors that are single numbers of the pair. The factors are taken apart as scores of attention are (see
///    PairOperands): at least one is computed from products of rows.
/// 2. A weight for each row of a source. Of what is read at the target, and of numbers, only the weights are summed:
/// the
///    rest is done once per target, outside.
/// What can not be had this way stays as it is.
struct RecognizePairSums : impl::RecognizePairSumsPassBase<RecognizePairSums> {
  void runOnOperation() override {
    SmallVector<NeighbourhoodOp> all;
    getOperation().walk([&](NeighbourhoodOp op) { all.push_back(op); });
    for (NeighbourhoodOp op : all)
      Recognizer(op).run();
    forEachTensorBlock(getOperation(), [](Block &block) { eraseDead(block); });
  }
};
} // namespace
} // namespace nnc
