#include "compiler/lower/Nest.h"
#include "runtime/include/nnc.h"

using namespace mlir;
using namespace nn;
using namespace nnc;

static nn_type typeCode(Type t) {
  if (isa<FloatType>(t))
    return t.isF64() ? NN_F64 : t.isF32() ? NN_F32 : t.isF16() ? NN_F16 : NN_BF16;
  switch (t.getIntOrFloatBitWidth()) {
  case 64:
    return NN_I64;
  case 32:
    return NN_I32;
  case 8:
    return NN_I8;
  default:
    return NN_BOOL;
  }
}

/// Threads share the rows; the runtime puts one row in order (runtime/Sort.cpp).
void nnc::lowerOrder(OrderOp op, Lowering &l) {
  SmallVector<Value> places{op.getX()};
  llvm::append_range(places, op.getInits());
  auto refOf = [&](size_t p) { return cast<RefType>(places[p].getType()); };
  auto front = [](const Shape &s) { return Shape(ArrayRef<Dim>(s.dims).drop_back()); };
  SmallVector<Shape> strides;
  for (size_t p = 0; p < places.size(); ++p)
    strides.push_back(front(refOf(p).getStrides()));
  Nest rows(front(refOf(0).getShape()), strides, /*merge=*/true);
  auto i32 = [&](int64_t v) { return arith::ConstantIntOp::create(l.b, l.loc, l.b.getI32Type(), v).getResult(); };
  Share share = l.share(l.size(rows.count()));
  l.loop(share.from, share.to, 1, [&](Value number) {
    SmallVector<Value> at = rows.positions(number, l),
                       arguments{i32(typeCode(refOf(0).getElementType())), i32(op.getDescending())};
    for (size_t p = 0; p < 3; ++p) { // x, values, positions: where they begin, how many, and how far apart
      Value offset = rows.offset(p, at, l);
      arguments.push_back(l.advance(l.pointer(places[p]), offset, refOf(p).getElementType()));
      arguments.push_back(l.size(refOf(p).getStrides().dims.back()));
    }
    arguments.push_back(l.size(refOf(0).getShape().dims.back()));
    arguments.push_back(l.size(refOf(1).getShape().dims.back()));
    if (places.size() > 3)
      arguments.push_back(l.advance(l.pointer(places[3]), rows.offset(3, at, l), l.b.getI64Type()));
    else
      arguments.push_back(LLVM::ZeroOp::create(l.b, l.loc, LLVM::LLVMPointerType::get(l.b.getContext())));
    l.call("nnrt_order", {}, arguments);
  });
  op.erase();
}
