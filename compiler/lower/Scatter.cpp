#include "compiler/lower/Nest.h"

using namespace mlir;
using namespace nn;
using namespace nnc;

// Rows of x are added to the rows of the result that the index says:
//  1. Shares. The result is divided: by positions on the axes before `axis`; where these are fewer than the threads, by
//     columns (elements of a row); where these are few as well, by ranges of rows. Only the thread that owns a part
//     writes there, and an element gets what belongs to it in the order of the index, whoever owns it.
//  2. A part is filled with zeros. Then the whole index is read, and the rows that fall into the part are added.
//  3. An index out of range adds nothing. The part with the first element of a row range reports it.

namespace {
class Scatter {
public:
  Scatter(ScatterOp op, Lowering &l);
  void lower();

private:
  struct Part {
    Value number;           ///< of the position on the axes before `axis`
    Value x, index, result; ///< there
    Value fromRow, toRow, fromColumn, toColumn;
  };
  void lowerPart(const Part &part);
  void addRow(const Part &part, size_t level, Value from, Value to);
  void addVectors(const Part &part, bool repeated, Value from, Value to, Value first, Value last);
  Value sum(Value a, Value c) {
    if (isa<FloatType>(element))
      return arith::AddFOp::create(l.b, l.loc, a, c);
    return arith::AddIOp::create(l.b, l.loc, a, c);
  }

  ScatterOp op;
  Lowering &l;
  RefType x, index, result;
  Type element;
  size_t axis, batch, own;  ///< own: axes that the index alone has
  Nest outer, numbers, row; ///< places: x, index, result; x, index; x, result
};
} // namespace

static Shape part(const Shape &s, size_t from, size_t count) { return Shape(ArrayRef<Dim>(s.dims).slice(from, count)); }
static Shape behind(const Shape &s, size_t from) { return Shape(ArrayRef<Dim>(s.dims).drop_front(from)); }

/// Strides of the index on all axes before `axis`: it has the first of them.
static Shape ofBatch(RefType index, size_t batch, size_t axis) {
  Shape s = part(index.getStrides(), 0, batch);
  s.dims.resize(axis, Dim(0));
  return s;
}

Scatter::Scatter(ScatterOp op, Lowering &l)
    : op(op), l(l), x(cast<RefType>(op.getX().getType())), index(cast<RefType>(op.getIndex().getType())),
      result(cast<RefType>(op.getInits()[0].getType())), element(x.getElementType()), axis(op.getAxis()),
      batch(op.getBatch()), own(index.getRank() - batch),
      outer(part(x.getShape(), 0, axis),
            {part(x.getStrides(), 0, axis), ofBatch(index, batch, axis), part(result.getStrides(), 0, axis)}, true),
      numbers(behind(index.getShape(), batch), {part(x.getStrides(), axis, own), behind(index.getStrides(), batch)},
              true),
      row(behind(result.getShape(), axis + 1),
          {behind(x.getStrides(), axis + own), behind(result.getStrides(), axis + 1)}, true) {}

void Scatter::lower() {
  constexpr int64_t line = 16, few = 32; // columns
  auto quotient = [&](Value a, Value c) -> Value { return arith::DivUIOp::create(l.b, l.loc, a, c); };
  auto rest = [&](Value a, Value c) -> Value { return arith::RemUIOp::create(l.b, l.loc, a, c); };
  Value one = l.constant(1), threads = l.teamSize();
  Value positions = l.size(outer.count()), height = l.size(result.getShape()[axis]);
  Value length = row.rank() == 1 ? l.size(row.axes[0].size) : one;
  // Enough parts for all threads.
  auto wanted = [&](Value parts) { return l.ceilQuotient(threads, l.maximum(parts, one)); };
  Value columnParts = l.maximum(l.minimum(wanted(positions), l.ceilQuotient(length, few)), one);
  Value columnsEach = l.mul(l.ceilQuotient(l.ceilQuotient(length, columnParts), line), l.constant(line));
  Value rowParts = l.maximum(l.minimum(wanted(l.mul(positions, columnParts)), height), one);
  Value rowsEach = l.ceilQuotient(height, rowParts);
  Value parts = l.mul(columnParts, rowParts);
  Share share = l.share(l.mul(positions, parts));
  l.loop(share.from, share.to, 1, [&](Value i) {
    Part p;
    p.number = quotient(i, parts);
    SmallVector<Value> at = outer.positions(p.number, l);
    p.x = l.advance(l.pointer(op.getX()), outer.offset(0, at, l), element);
    p.index = l.advance(l.pointer(op.getIndex()), outer.offset(1, at, l), index.getElementType());
    p.result = l.advance(l.pointer(op.getInits()[0]), outer.offset(2, at, l), element);
    Value inside = rest(i, parts);
    p.fromRow = l.minimum(l.mul(quotient(inside, columnParts), rowsEach), height);
    p.toRow = l.minimum(l.add(p.fromRow, rowsEach), height);
    p.fromColumn = l.minimum(l.mul(rest(inside, columnParts), columnsEach), length);
    p.toColumn = l.minimum(l.add(p.fromColumn, columnsEach), length);
    lowerPart(p);
  });
}

void Scatter::lowerPart(const Part &p) {
  Value stride = l.size(result.getStrides()[axis]), height = l.size(result.getShape()[axis]);
  auto rowAt = [&](Value number) { return l.advance(p.result, l.mul(number, stride), element); };
  if (row.rank() == 0 && result.getStrides()[axis].isConstant(1))
    addVectors(p, false, {}, p.result, p.fromRow, p.toRow);
  else
    l.loop(p.fromRow, p.toRow, 1, [&](Value number) { addRow(p, 0, {}, rowAt(number)); });

  using P = arith::CmpIPredicate;
  Type type = index.getElementType();
  Value count = l.size(numbers.count());
  Value first = arith::CmpIOp::create(l.b, l.loc, P::eq, l.add(p.fromRow, p.fromColumn), l.constant(0));
  l.loop(l.constant(0), count, 1, [&](Value i) {
    SmallVector<Value> at = numbers.positions(i, l);
    Value number = l.load(l.advance(p.index, numbers.offset(1, at, l), type), type, 1);
    if (!type.isInteger(64))
      number = arith::ExtSIOp::create(l.b, l.loc, l.b.getI64Type(), number);
    Value inRow = l.sub(number, p.fromRow); // below the range it is huge
    l.ifThenElse(
        arith::CmpIOp::create(l.b, l.loc, P::ult, inRow, l.sub(p.toRow, p.fromRow)),
        [&] { addRow(p, 0, l.advance(p.x, numbers.offset(0, at, l), element), rowAt(number)); },
        [&] {
          Value wrong = arith::CmpIOp::create(l.b, l.loc, P::uge, number, height);
          l.ifThen(arith::AndIOp::create(l.b, l.loc, wrong, first), [&] {
            Value code = arith::ConstantIntOp::create(l.b, l.loc, l.b.getI32Type(), int64_t(op.getCode()));
            Value position = l.add(l.mul(p.number, count), i);
            l.call("nnrt_report", {}, {l.team(), l.function.getArgument(1), code, position});
          });
        });
  });
}

/// Adds the columns of the part of one row, or makes them zero if `from` is null.
void Scatter::addRow(const Part &p, size_t level, Value from, Value to) {
  if (level == row.rank()) {
    Value zero = arith::ConstantOp::create(l.b, l.loc, l.b.getZeroAttr(element));
    return l.store(from ? sum(l.load(to, element, 1), l.load(from, element, 1)) : zero, to, element);
  }
  const Nest::Axis &columns = row.axes[level];
  bool all = row.rank() > 1, repeated = columns.strides[0].isConstant(0);
  Value first = all ? l.constant(0) : p.fromColumn, last = all ? l.size(columns.size) : p.toColumn;
  if (level + 1 == row.rank() && columns.strides[1].isConstant(1) && (repeated || columns.strides[0].isConstant(1)))
    return addVectors(p, repeated, from, to, first, last);
  l.loop(first, last, 1, [&](Value i) {
    auto next = [&](Value base, int place) {
      return base ? l.advance(base, l.mul(i, l.size(columns.strides[place])), element) : Value();
    };
    addRow(p, level + 1, next(from, 0), next(to, 1));
  });
}

void Scatter::addVectors(const Part &p, bool repeated, Value from, Value to, Value first, Value last) {
  int64_t width = l.target.lanes(element.getIntOrFloatBitWidth() / 8);
  Type type = l.vectorOf(element, width);
  Value same = from && repeated ? l.splat(l.load(from, element, 1), width) : Value();
  l.vectorLoop(first, last, width, [&](Value i, Value mask, Value) {
    Value there = l.advance(to, i, element), v = arith::ConstantOp::create(l.b, l.loc, type, l.b.getZeroAttr(type));
    if (from)
      v = sum(l.load(there, element, width, mask),
              same ? same : l.load(l.advance(from, i, element), element, width, mask));
    l.store(v, there, element, mask);
  });
}

void nnc::lowerScatter(ScatterOp op, Lowering &l) {
  Scatter(op, l).lower();
  op.erase();
}
