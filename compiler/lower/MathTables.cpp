// tanh and erf where one instruction looks 16 numbers up: a polynomial for each sixteenth of the range.
#include "compiler/lower/Math.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace nnc {
namespace {

// First the points about which the polynomials are, then the coefficients, from the constant one on. A point is chosen
// so that the function there is an f32 to 2^-36 of itself: the constant brings no error. The first point is 0.
constexpr float erfTable[][16] = {
    {0, 0x1.3692bap-3, 0x1.c315a8p-2, 0x1.535008p-1, 0x1.c53e0ap-1, 0x1.1b8abp0, 0x1.5476e6p0, 0x1.8d8046p0,
     0x1.c61758p0, 0x1.ff048cp0, 0x1.1bf16ep1, 0x1.387cfap1, 0x1.54d5eap1, 0x1.71448p1, 0x1.8dc61p1, 0x1.aa8cf6p1},
    {0, 0x1.5bc6bep-3, 0x1.dde6f4p-2, 0x1.4d7edcp-1, 0x1.942c38p-1, 0x1.c3f5fap-1, 0x1.e1481ep-1, 0x1.f19d08p-1,
     0x1.f9caecp-1, 0x1.fd9068p-1, 0x1.ff2066p-1, 0x1.ffb736p-1, 0x1.ffea3cp-1, 0x1.fffa18p-1, 0x1.fffe8cp-1,
     0x1.ffffaep-1},
    {0x1.06eba8p-3, 0x1.1a4c44p0, 0x1.dbd3e4p-1, 0x1.7460bcp-1, 0x1.07deep-1, 0x1.52d572p-2, 0x1.8a1f78p-3,
     0x1.9eb2c8p-4, 0x1.8d8ffp-5, 0x1.57d6f6p-6, 0x1.0da574p-7, 0x1.7d8f8ap-9, 0x1.ecd7c4p-11, 0x1.1f73f4p-12,
     0x1.2eb78p-14, 0x1.1e9e3ep-16},
    {0x1.656bcp-22, -0x1.567b24p-3, -0x1.a3367p-2, -0x1.ed8fe2p-2, -0x1.d32d36p-2, -0x1.7749c2p-2, -0x1.0614ccp-2,
     -0x1.41f61ap-3, -0x1.60994ap-4, -0x1.572e2ap-5, -0x1.2b137ap-6, -0x1.d1be12p-8, -0x1.4810e6p-9, -0x1.9e999ep-11,
     -0x1.d64cdap-13, -0x1.ddad44p-15},
    {-0x1.812c08p-2, -0x1.6721f6p-2, -0x1.843712p-3, -0x1.e2fbe4p-6, 0x1.8f2f74p-4, 0x1.48517ep-3, 0x1.4d59eap-3,
     0x1.0828bp-3, 0x1.5eb0f6p-4, 0x1.8f6402p-5, 0x1.8d5f8p-6, 0x1.5b3da6p-7, 0x1.0eb2bp-8, 0x1.76d52cp-10,
     0x1.ce14e4p-12, 0x1.d23a0ap-14},
    {0x1.5ac136p-12, 0x1.579ac6p-4, 0x1.6b385cp-3, 0x1.5bbfeep-3, 0x1.bda1bep-4, 0x1.1372dcp-5, -0x1.716a44p-6,
     -0x1.84a784p-5, -0x1.81e43ap-5, -0x1.1c2766p-5, -0x1.55cb8ep-6, -0x1.5bdf9p-7, -0x1.33f8c2p-8, -0x1.dc69dap-10,
     -0x1.44089cp-11, -0x1.f7e354p-14},
    {0x1.c5aa5ap-4, 0x1.67237p-4, 0x1.9d684p-6, -0x1.2af73cp-5, -0x1.151f8cp-4, -0x1.ff0162p-5, -0x1.28fe5ap-5,
     -0x1.2459cp-7, 0x1.02005ap-7, 0x1.aaa528p-7, 0x1.6be92cp-7, 0x1.d0adeap-8, 0x1.e48a76p-9, 0x1.abef78p-10,
     0x1.464c64p-11, 0x1.c75186p-15},
};
constexpr float tanhTable[][16] = {
    {0, 0x1.1aab9cp-2, 0x1.979864p-1, 0x1.322d1p0, 0x1.98952cp0, 0x1.ff151p0, 0x1.32b2d6p1, 0x1.65eb3ap1, 0x1.99186ap1,
     0x1.cc4b58p1, 0x1.ff855cp1, 0x1.195aa8p2, 0x1.32f428p2, 0x1.4c8dc6p2, 0x1.662de2p2, 0x1.7fdedap2},
    {0, 0x1.13b3e6p-2, 0x1.52dcf8p-1, 0x1.aa3454p-1, 0x1.d7964p-1, 0x1.ed73b6p-1, 0x1.f7938ap-1, 0x1.fc32fp-1,
     0x1.fe49b8p-1, 0x1.ff3ae2p-1, 0x1.ffa76ep-1, 0x1.ffd83p-1, 0x1.ffee1cp-1, 0x1.fff7f6p-1, 0x1.fffc64p-1,
     0x1.fffe62p-1},
    {0x1p0, 0x1.dae28p-1, 0x1.1fb9e6p-1, 0x1.3a6dccp-2, 0x1.368b8ep-3, 0x1.236482p-4, 0x1.0b5716p-5, 0x1.e4b9aep-7,
     0x1.b58c6ap-8, 0x1.89f01ep-9, 0x1.62295ap-10, 0x1.3e739ep-11, 0x1.1e3afep-12, 0x1.013df6p-13, 0x1.cdfe5cp-15,
     0x1.9f0dcap-16},
    {-0x1.9adabcp-22, -0x1.ff6fcep-3, -0x1.7cdbcp-2, -0x1.05bd84p-2, -0x1.1e0886p-3, -0x1.18d622p-4, -0x1.06f11ap-5,
     -0x1.e12076p-7, -0x1.b415d4p-8, -0x1.89585cp-9, -0x1.61ebe6p-10, -0x1.3e5ad2p-11, -0x1.1e3002p-12, -0x1.0136ccp-13,
     -0x1.cdf92ap-15, -0x1.997a56p-16},
    {-0x1.554e28p-2, -0x1.ef75d4p-3, 0x1.e1c958p-5, 0x1.c44e4p-4, 0x1.3fe63cp-4, 0x1.5b1208p-5, 0x1.530096p-6,
     0x1.3bf93ep-7, 0x1.20c5fp-8, 0x1.056f9ap-9, 0x1.d7418ap-11, 0x1.a8355ep-12, 0x1.7d7bf2p-13, 0x1.56ee8cp-14,
     0x1.33f85ap-15, 0x1.f06e2cp-17},
    {-0x1.4e1ad8p-11, 0x1.305e06p-3, 0x1.5c49eep-4, -0x1.b79228p-8, -0x1.9fc51cp-6, -0x1.2689e6p-6, -0x1.3c41a4p-7,
     -0x1.3281cp-8, -0x1.1cea5ap-9, -0x1.03e7p-10, -0x1.d6243p-12, -0x1.a7ba66p-13, -0x1.7e45c8p-14, -0x1.5a11bcp-15,
     -0x1.34eceap-16, -0x1.720d5ep-18},
    {0x1.1e611ap-3, 0x1.e2ce4p-5, -0x1.fcf006p-5, -0x1.942f28p-6, 0x1.03ba28p-11, 0x1.369c52p-8, 0x1.b3db6cp-9,
     0x1.ceb522p-10, 0x1.bdbb74p-11, 0x1.9d1c3cp-12, 0x1.779174p-13, 0x1.540b2cp-14, 0x1.31b262p-15, 0x1.125acp-16,
     0x1.ee426ap-18, 0x1.318f4ep-20},
    {-0x1.f193cep-6, -0x1.10309cp-4, 0x1.49aap-8, 0x1.1039d8p-6, 0x1.3599a4p-8, -0x1.f617bep-14, -0x1.902844p-11,
     -0x1.0d74ccp-11, -0x1.15ca1cp-12, -0x1.076622p-13, -0x1.dbbe56p-15, -0x1.bdfe92p-16, -0x1.13de8cp-17,
     0x1.ee327cp-21, -0x1.8d35eap-20, -0x1.a625ecp-24},
};

/// The entry of `table` for each lane: the low four bits of its index. In pieces of a native vector.
Num lookUp(const float (&table)[16], Num index) {
  OpBuilder &b = index.code->b;
  Location loc = index.code->loc;
  auto type = VectorType::get(16, b.getF32Type());
  Value entries = arith::ConstantOp::create(b, loc, DenseElementsAttr::get(type, ArrayRef<float>(table)));
  auto name = b.getStringAttr("llvm.x86.avx512.permvar.sf.512");
  return inPieces(16, index, [&](ArrayRef<Value> piece) {
    return LLVM::CallIntrinsicOp::create(b, loc, type, name, ValueRange{entries, piece[0]}).getResult(0);
  });
}

/// 1. Which sixteenth: the nearest integer of |x| * scale, by the low bits of a sum; the last one goes on to `top`,
///    beyond which the function is 1.
/// 2. The polynomial in the distance from the sixteenth's point, which is exact. With `addArgument` the first one is
///    what the function has beyond x: a slope like 1.128 would round more than the 0.128.
template <size_t N> Num oddFunction(const float (&table)[N][16], double scale, double top, bool addArgument, Num x) {
  Num a = minimum(x.constant(top), abs(x)), first = x.constant(0x1.8p23);
  Num number = minimum(fma(a, scale, first), first + 15);
  Num index = asInteger(number), d = a - lookUp(table[0], index), constant = lookUp(table[1], index);
  if (addArgument)
    constant = select(number == first, a, constant);
  Num sum = lookUp(table[N - 1], index);
  for (size_t i = N - 2; i > 1; --i)
    sum = fma(sum, d, lookUp(table[i], index));
  return copySign(fma(sum, d, constant), x);
}

} // namespace

Num tanhByTable(Num x) { return oddFunction(tanhTable, 2.5, 9.05, false, x); }
Num erfByTable(Num x) { return oddFunction(erfTable, 4.5, 4, true, x); }

} // namespace nnc
