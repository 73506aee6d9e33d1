// Arithmetic written like arithmetic: a `Num` is a value of generated code, a scalar or a vector of any width, with the
// operators of C++. The functions of this file are the mathematics of the language, as code without branches.
#ifndef NNC_COMPILER_LOWER_MATH_H
#define NNC_COMPILER_LOWER_MATH_H

#include "compiler/target/cpu/TargetMachine.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Builders.h"

#include <type_traits>

namespace nnc {

/// Where code is written, and for which processor.
struct Code {
  mlir::OpBuilder &b;
  mlir::Location loc;
  const cpu::Cpu &cpu;
};

/// A value of generated code. Integers are signed; arithmetic on them wraps.
class Num {
public:
  Num(Code &code, mlir::Value value) : code(&code), value(value) {}

  Code *code;
  mlir::Value value;

  mlir::Type element() const { return mlir::getElementTypeOrSelf(value.getType()); }
  bool isFloat() const { return llvm::isa<mlir::FloatType>(element()); }
  unsigned bits() const { return element().getIntOrFloatBitWidth(); }
  /// Lanes; 1 for a scalar.
  int64_t width() const;
  /// The type of a value of as many lanes.
  mlir::Type as(mlir::Type element) const;
  /// A constant of this type: the nearest float, the exact integer.
  Num constant(double x) const;
  Num constant(int64_t x) const;
  /// An integer or float constant given by its bits.
  Num pattern(uint64_t bits) const;
};

Num operator+(Num a, Num b);
Num operator-(Num a, Num b);
Num operator*(Num a, Num b);
Num operator/(Num a, Num b);
Num operator-(Num a);
Num operator&(Num a, Num b); ///< of integers and bools
Num operator|(Num a, Num b);
Num operator^(Num a, Num b);
Num operator!(Num a); ///< of bools
Num operator<<(Num a, int bits);
Num shiftRight(Num a, int bits); ///< arithmetic
Num operator>>(Num a, int bits); ///< logical
/// Comparisons; with NaN all are false but !=.
Num operator<(Num a, Num b);
Num operator<=(Num a, Num b);
Num operator>(Num a, Num b);
Num operator>=(Num a, Num b);
Num operator==(Num a, Num b);
Num operator!=(Num a, Num b);

template <typename T>
concept Literal = std::is_arithmetic_v<T>;
template <Literal T> Num like(Num a, T x) {
  if (a.isFloat())
    return a.constant(double(x));
  return a.constant(int64_t(x));
}
#define NNC_WITH_LITERALS(OP)                                                                                          \
  template <Literal T> Num operator OP(Num a, T b) { return a OP like(a, b); }                                         \
  template <Literal T> Num operator OP(T a, Num b) { return like(b, a) OP b; }
NNC_WITH_LITERALS(+)
NNC_WITH_LITERALS(-)
NNC_WITH_LITERALS(*)
NNC_WITH_LITERALS(/)
NNC_WITH_LITERALS(&)
NNC_WITH_LITERALS(|)
NNC_WITH_LITERALS(^)
NNC_WITH_LITERALS(<)
NNC_WITH_LITERALS(<=)
NNC_WITH_LITERALS(>)
NNC_WITH_LITERALS(>=)
NNC_WITH_LITERALS(==)
NNC_WITH_LITERALS(!=)
#undef NNC_WITH_LITERALS

Num select(Num condition, Num a, Num b);
/// a * b + c, rounded once where the processor has the instruction.
Num fma(Num a, Num b, Num c);
template <Literal T> Num fma(Num a, Num b, T c) { return fma(a, b, like(a, c)); }
template <Literal T> Num fma(Num a, T b, Num c) { return fma(a, like(a, b), c); }
/// c[0] + c[1] x + c[2] x^2 ..
Num polynomial(Num x, std::initializer_list<double> c);
Num minimum(Num a, Num b); ///< b if one of them is NaN: one instruction
Num maximum(Num a, Num b);
Num isNaN(Num x);
Num abs(Num x);
Num copySign(Num magnitude, Num sign);
Num sqrt(Num x);
Num floor(Num x);
Num ceil(Num x);
Num truncate(Num x);
Num roundEven(Num x);

Num asInteger(Num x); ///< the bits of a float
Num asFloat(Num x);   ///< f32 or f64 with these bits
/// Conversions of the machine. `to` is an element type.
Num extendFloat(Num x, mlir::Type to);
Num truncateFloat(Num x, mlir::Type to);
Num extendSigned(Num x, mlir::Type to);
Num extendUnsigned(Num x, mlir::Type to);
Num truncateInteger(Num x, mlir::Type to);
Num signedToFloat(Num x, mlir::Type to);
Num unsignedToFloat(Num x, mlir::Type to);
Num floatToSigned(Num x, mlir::Type to); ///< anything where it does not fit
/// Any type to any other, as `nn.cast` defines it.
Num convert(Num x, mlir::Type to);

/// Functions of f32. The largest errors over all arguments stand in test/kernel/README.md.
Num exp(Num x);
Num expm1(Num x);
Num sigmoid(Num x);
Num tanh(Num x);
Num erf(Num x);
Num log(Num x);
Num log1p(Num x);
Num sin(Num x);
Num cos(Num x);
/// The same where the processor can look entries of a vector up.
bool hasTables(const cpu::Cpu &cpu);
Num tanhByTable(Num x);
Num erfByTable(Num x);
Num atan2(Num y, Num x);
Num pow(Num a, Num b);
/// a ^ n for a constant n, by squaring. Of any type; n >= 0 for integers.
Num power(Num a, int64_t n);
/// a - b * floor(a / b) and floor(a / b) of f32 and f64, without the error of a / b.
Num floorMod(Num a, Num b);
Num floorDiv(Num a, Num b);

/// `function` of vectors of `lanes` lanes, for vectors of any power of two: wide ones are taken apart, narrow ones and
/// scalars filled up. It gets one piece of each of the values.
Num inPieces(int64_t lanes, llvm::ArrayRef<Num> values,
             llvm::function_ref<mlir::Value(llvm::ArrayRef<mlir::Value> piece)> function);

/// Functions of f64.
Num exp64(Num x);
Num expm164(Num x);
Num tanh64(Num x);
/// A function of libm, lane by lane.
Num callPerLane(llvm::StringRef name, llvm::ArrayRef<Num> arguments);

/// x = n ln 2 + r with |r| <= ln 2 / 2, for |x| < 2^20.
struct Reduced {
  Num n, r;
  Num shifted; ///< an integer whose low bits are n
};
Reduced reduceByLn2(Num x);
/// e^r for a reduced r.
Num expReduced(Num r);
/// x * 2^n, rounded once; |n| <= 200.
Num scale(Num x, const Reduced &n);
/// The same where neither x nor the result is denormal, infinite or NaN.
Num scaleNormal(Num x, const Reduced &n);

} // namespace nnc
#endif // NNC_COMPILER_LOWER_MATH_H
