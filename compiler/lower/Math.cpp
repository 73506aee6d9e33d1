#include "compiler/lower/Math.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace nnc;

int64_t Num::width() const {
  auto vector = dyn_cast<VectorType>(value.getType());
  return vector ? vector.getDimSize(0) : 1;
}

Type Num::as(Type element) const {
  auto vector = dyn_cast<VectorType>(value.getType());
  return vector ? Type(vector.clone(element)) : element;
}

static Num constantOf(const Num &like, TypedAttr scalar) {
  TypedAttr attribute = scalar;
  if (auto vector = dyn_cast<VectorType>(like.value.getType()))
    attribute = DenseElementsAttr::get(vector, Attribute(scalar));
  return {*like.code, arith::ConstantOp::create(like.code->b, like.code->loc, attribute)};
}

Num Num::constant(double x) const {
  bool lost;
  llvm::APFloat f(x);
  auto type = cast<FloatType>(element());
  f.convert(type.getFloatSemantics(), llvm::APFloat::rmNearestTiesToEven, &lost);
  return constantOf(*this, FloatAttr::get(type, f));
}

Num Num::constant(int64_t x) const {
  return constantOf(*this, IntegerAttr::get(element(), llvm::APInt(bits(), uint64_t(x), true, /*implicitTrunc=*/true)));
}

Num Num::pattern(uint64_t p) const {
  llvm::APInt value(bits(), p);
  if (auto type = dyn_cast<FloatType>(element()))
    return constantOf(*this, FloatAttr::get(type, llvm::APFloat(type.getFloatSemantics(), value)));
  return constantOf(*this, IntegerAttr::get(element(), value));
}

// ---- operators
// -------------------------------------------------------------------------------------------------------

template <typename OpTy> static Num make(Num a, Num b) {
  return {*a.code, OpTy::create(a.code->b, a.code->loc, a.value, b.value)};
}
template <typename OpTy> static Num make(Num a) { return {*a.code, OpTy::create(a.code->b, a.code->loc, a.value)}; }
template <typename OpTy> static Num cast(Num a, Type to) {
  return {*a.code, OpTy::create(a.code->b, a.code->loc, a.as(to), a.value)};
}

namespace nnc {
Num operator+(Num a, Num b) { return a.isFloat() ? make<arith::AddFOp>(a, b) : make<arith::AddIOp>(a, b); }
Num operator-(Num a, Num b) { return a.isFloat() ? make<arith::SubFOp>(a, b) : make<arith::SubIOp>(a, b); }
Num operator*(Num a, Num b) { return a.isFloat() ? make<arith::MulFOp>(a, b) : make<arith::MulIOp>(a, b); }
Num operator/(Num a, Num b) { return a.isFloat() ? make<arith::DivFOp>(a, b) : make<arith::DivSIOp>(a, b); }
Num operator-(Num a) { return a.isFloat() ? make<arith::NegFOp>(a) : a.constant(int64_t(0)) - a; }
Num operator&(Num a, Num b) { return make<arith::AndIOp>(a, b); }
Num operator|(Num a, Num b) { return make<arith::OrIOp>(a, b); }
Num operator^(Num a, Num b) { return make<arith::XOrIOp>(a, b); }
Num operator!(Num a) { return a ^ a.constant(int64_t(1)); }
Num operator<<(Num a, int bits) { return make<arith::ShLIOp>(a, a.constant(int64_t(bits))); }
Num operator>>(Num a, int bits) { return make<arith::ShRUIOp>(a, a.constant(int64_t(bits))); }
Num shiftRight(Num a, int bits) { return make<arith::ShRSIOp>(a, a.constant(int64_t(bits))); }

static Num compare(Num a, Num b, arith::CmpFPredicate f, arith::CmpIPredicate i) {
  OpBuilder &builder = a.code->b;
  if (a.isFloat())
    return {*a.code, arith::CmpFOp::create(builder, a.code->loc, f, a.value, b.value)};
  return {*a.code, arith::CmpIOp::create(builder, a.code->loc, i, a.value, b.value)};
}
Num operator<(Num a, Num b) { return compare(a, b, arith::CmpFPredicate::OLT, arith::CmpIPredicate::slt); }
Num operator<=(Num a, Num b) { return compare(a, b, arith::CmpFPredicate::OLE, arith::CmpIPredicate::sle); }
Num operator>(Num a, Num b) { return compare(a, b, arith::CmpFPredicate::OGT, arith::CmpIPredicate::sgt); }
Num operator>=(Num a, Num b) { return compare(a, b, arith::CmpFPredicate::OGE, arith::CmpIPredicate::sge); }
Num operator==(Num a, Num b) { return compare(a, b, arith::CmpFPredicate::OEQ, arith::CmpIPredicate::eq); }
Num operator!=(Num a, Num b) { return compare(a, b, arith::CmpFPredicate::UNE, arith::CmpIPredicate::ne); }
Num isNaN(Num x) { return {*x.code, (x != x).value}; }

Num select(Num condition, Num a, Num b) {
  return {*a.code, arith::SelectOp::create(a.code->b, a.code->loc, condition.value, a.value, b.value)};
}

Num fma(Num a, Num b, Num c) {
  if (!a.code->cpu.hasFMA)
    return a * b + c;
  return {*a.code, LLVM::FMAOp::create(a.code->b, a.code->loc, a.value, b.value, c.value)};
}

Num polynomial(Num x, std::initializer_list<double> c) {
  const double *i = c.end();
  Num sum = x.constant(*--i);
  while (i != c.begin())
    sum = fma(sum, x, *--i);
  return sum;
}

Num minimum(Num a, Num b) { return select(a < b, a, b); }
Num maximum(Num a, Num b) { return select(a > b, a, b); }

// ---- bits and rounding
// -----------------------------------------------------------------------------------------------

Num asInteger(Num x) { return cast<arith::BitcastOp>(x, x.code->b.getIntegerType(x.bits())); }
Num asFloat(Num x) {
  return cast<arith::BitcastOp>(x, x.bits() == 64 ? Type(x.code->b.getF64Type()) : x.code->b.getF32Type());
}

Num abs(Num x) { return make<LLVM::FAbsOp>(x); }
Num copySign(Num magnitude, Num sign) { return make<LLVM::CopySignOp>(magnitude, sign); }
Num sqrt(Num x) { return make<LLVM::SqrtOp>(x); }
Num floor(Num x) { return make<LLVM::FFloorOp>(x); }
Num ceil(Num x) { return make<LLVM::FCeilOp>(x); }
Num truncate(Num x) { return make<LLVM::FTruncOp>(x); }
Num roundEven(Num x) { return make<LLVM::RoundEvenOp>(x); }

Num extendFloat(Num x, Type to) { return x.element() == to ? x : cast<arith::ExtFOp>(x, to); }
Num truncateFloat(Num x, Type to) { return x.element() == to ? x : cast<arith::TruncFOp>(x, to); }
Num extendSigned(Num x, Type to) { return x.element() == to ? x : cast<arith::ExtSIOp>(x, to); }
Num extendUnsigned(Num x, Type to) { return x.element() == to ? x : cast<arith::ExtUIOp>(x, to); }
Num truncateInteger(Num x, Type to) { return x.element() == to ? x : cast<arith::TruncIOp>(x, to); }
Num signedToFloat(Num x, Type to) { return cast<arith::SIToFPOp>(x, to); }
Num unsignedToFloat(Num x, Type to) { return cast<arith::UIToFPOp>(x, to); }
Num floatToSigned(Num x, Type to) { return cast<arith::FPToSIOp>(x, to); }
} // namespace nnc
