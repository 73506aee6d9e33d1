#include "compiler/lower/Lowering.h"

using namespace mlir;
using namespace nn;
using namespace nnc;

namespace {
/// Adjacent axes as one where both places walk them without gaps; axes of size 1 go.
struct Run {
  Shape sizes, from, to;
};
Run merge(ArrayRef<Dim> sizes, ArrayRef<Dim> from, ArrayRef<Dim> to) {
  Run r;
  for (size_t i = sizes.size(); i-- > 0;) {
    if (sizes[i].isConstant(1))
      continue;
    if (!r.sizes.dims.empty() && from[i] == r.from[0] * r.sizes[0] && to[i] == r.to[0] * r.sizes[0]) {
      r.sizes[0] = r.sizes[0] * sizes[i];
      continue;
    }
    r.sizes.dims.insert(r.sizes.dims.begin(), sizes[i]);
    r.from.dims.insert(r.from.dims.begin(), from[i]);
    r.to.dims.insert(r.to.dims.begin(), to[i]);
  }
  return r;
}

/// Copies a block, or fills it with zeros if `from` is null: loops over its axes, vectors along the last one where both
/// strides are 1.
void copyBlock(Lowering &l, const Run &block, size_t axis, Value from, Value to, Type element) {
  auto next = [&](Value i, Value base, const Shape &strides) {
    return base ? l.advance(base, l.mul(i, l.size(strides[axis])), element) : Value();
  };
  if (axis == block.sizes.rank()) {
    Value zero = arith::ConstantOp::create(l.b, l.loc, l.b.getZeroAttr(element));
    l.store(from ? l.load(from, element, 1) : zero, to, element);
    return;
  }
  Value size = l.size(block.sizes[axis]);
  bool last = axis + 1 == block.sizes.rank();
  if (last && block.from[axis].isConstant(1) && block.to[axis].isConstant(1)) {
    int64_t width = l.target.lanes(std::max(1u, element.getIntOrFloatBitWidth() / 8));
    Type type = l.vectorOf(element, width);
    Value zero = arith::ConstantOp::create(l.b, l.loc, type, l.b.getZeroAttr(type));
    l.vectorLoop(l.constant(0), size, width, [&](Value i, Value mask, Value) {
      Value v = from ? l.load(l.advance(from, i, element), element, width, mask) : zero;
      l.store(v, l.advance(to, i, element), element, mask);
    });
    return;
  }
  l.loop(l.constant(0), size, 1,
         [&](Value i) { copyBlock(l, block, axis + 1, next(i, from, block.from), next(i, to, block.to), element); });
}
} // namespace

/// 1. Number the rows: positions on the axes before `axis` and on the axes of the index. Threads take shares of them.
/// 2. For each row read the index; one that is out of range is reported, and its row becomes zeros.
/// 3. Copy the row's block, the axes after `axis`.
void nnc::lowerGather(GatherOp op, Lowering &l) {
  auto x = cast<RefType>(op.getX().getType()), index = cast<RefType>(op.getIndex().getType()),
       out = cast<RefType>(op.getInits()[0].getType());
  int64_t axis = op.getAxis(), batch = op.getBatch(), own = index.getRank() - batch;
  Type element = x.getElementType();
  int64_t outer = axis + own; // axes of the result that number rows
  ArrayRef<Dim> outSizes(out.getShape().dims), outStrides(out.getStrides().dims), xStrides(x.getStrides().dims);
  Run block = merge(outSizes.drop_front(outer), xStrides.drop_front(axis + 1), outStrides.drop_front(outer));

  Value rows = l.size(Shape(outSizes.take_front(outer)).count());
  Value xBase = l.pointer(op.getX()), indexBase = l.pointer(op.getIndex()), outBase = l.pointer(op.getInits()[0]);
  Value limit = l.size(x.getShape()[axis]);
  Share share = l.share(rows);
  l.loop(share.from, share.to, 1, [&](Value row) {
    Value rest = row, from = l.constant(0), at = l.constant(0), to = l.constant(0);
    for (int64_t i = outer; i-- > 0;) { // the row's position on each axis, last one first
      Value position = rest;
      if (i > 0) {
        Value size = l.size(outSizes[i]);
        position = arith::RemUIOp::create(l.b, l.loc, rest, size);
        rest = arith::DivUIOp::create(l.b, l.loc, rest, size);
      }
      to = l.add(to, l.mul(position, l.size(outStrides[i])));
      if (i < axis)
        from = l.add(from, l.mul(position, l.size(xStrides[i])));
      if (i < batch || i >= axis)
        at = l.add(at, l.mul(position, l.size(index.getStrides()[i < batch ? i : batch + i - axis])));
    }
    Type indexType = index.getElementType();
    Value number = l.load(l.advance(indexBase, at, indexType), indexType, 1);
    if (!indexType.isInteger(64))
      number = arith::ExtSIOp::create(l.b, l.loc, l.b.getI64Type(), number);
    Value fits = arith::CmpIOp::create(l.b, l.loc, arith::CmpIPredicate::ult, number, limit);
    Value target = l.advance(outBase, to, element);
    l.ifThenElse(
        fits,
        [&] {
          Value offset = l.add(from, l.mul(number, l.size(xStrides[axis])));
          copyBlock(l, block, 0, l.advance(xBase, offset, element), target, element);
        },
        [&] {
          Value code = arith::ConstantIntOp::create(l.b, l.loc, l.b.getI32Type(), int64_t(op.getCode()));
          l.call("nnrt_report", {}, {l.team(), l.function.getArgument(1), code, row});
          copyBlock(l, block, 0, Value(), target, element);
        });
  });
  op.erase();
}

/// Threads take shares of the elements; each reports the ones that are wrong.
void nnc::lowerCheck(CheckOp op, Lowering &l) {
  auto x = cast<RefType>(op.getX().getType());
  Type type = x.getElementType(), i64 = l.b.getI64Type();
  Value base = l.pointer(op.getX());
  std::optional<Dim> limit = op.getCheckedLimit();
  Value bound = limit ? l.size(*limit) : l.constant(0);
  Value code = arith::ConstantIntOp::create(l.b, l.loc, l.b.getI32Type(), int64_t(op.getCode()));
  Share share = l.share(l.size(x.getShape().count()));
  l.loop(share.from, share.to, 1, [&](Value i) {
    Value at = i;
    if (!x.isContiguous()) {
      SmallVector<Value> position(x.getRank());
      Value rest = i;
      for (int64_t axis = x.getRank(); axis-- > 0;) {
        Value size = l.size(x.getShape()[axis]);
        position[axis] = arith::RemUIOp::create(l.b, l.loc, rest, size);
        rest = arith::DivUIOp::create(l.b, l.loc, rest, size);
      }
      at = l.offset(x.getStrides(), position);
    }
    Value v = l.load(l.advance(base, at, type), type, 1);
    if (type != i64)
      v = arith::ExtSIOp::create(l.b, l.loc, i64, v);
    auto wrong = limit ? arith::CmpIPredicate::uge : arith::CmpIPredicate::eq; // a negative one is huge
    l.ifThen(arith::CmpIOp::create(l.b, l.loc, wrong, v, bound),
             [&] { l.call("nnrt_report", {}, {l.team(), l.function.getArgument(1), code, i}); });
  });
  op.erase();
}
