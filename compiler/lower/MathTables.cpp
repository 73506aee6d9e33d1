// tanh and erf where one instruction looks numbers up in a vector: a polynomial for each part of the range.
#include "compiler/lower/Math.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace nnc {
namespace {

// A column for each part. First the point about which its polynomial is, then the coefficients from the constant one
// on. A point is chosen so that the function there is an f32 to 2^-36 of itself: the constant brings no error. The
// first point is 0.
constexpr float erf16[][16] = {
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
constexpr float tanh16[][16] = {
    {0, 0x1.2697c4p-2, 0x1.a8c1e4p-1, 0x1.3efbfp0, 0x1.a9b52cp0, 0x1.0a3902p1, 0x1.3fb3b4p1, 0x1.74d5f2p1, 0x1.aa2cbp1,
     0x1.df84e2p1, 0x1.0a88b8p2, 0x1.251628p2, 0x1.3fd158p2, 0x1.5a6d86p2, 0x1.7514cep2, 0x1.8fc1aep2},
    {0, 0x1.1eb9d4p-2, 0x1.5c4b7ep-1, 0x1.b1bfe4p-1, 0x1.dc78dap-1, 0x1.f0426p-1, 0x1.f91d6p-1, 0x1.fcfca6p-1,
     0x1.feb03ep-1, 0x1.ff6ep-1, 0x1.ffc0bep-1, 0x1.ffe468p-1, 0x1.fff408p-1, 0x1.fffacap-1, 0x1.fffdbcp-1,
     0x1.ffff04p-1},
    {0x1p0, 0x1.d7db88p-1, 0x1.13115ap-1, 0x1.21154cp-2, 0x1.125cb6p-3, 0x1.eff5d4p-5, 0x1.b5b17ep-6, 0x1.808a7cp-7,
     0x1.4f53eap-8, 0x1.23d66p-9, 0x1.f9f0bcp-11, 0x1.b9741cp-12, 0x1.7efb82p-13, 0x1.4d7e4ep-14, 0x1.21ff64p-15,
     0x1.f93dc6p-17},
    {-0x1.f335c8p-22, -0x1.083f7p-2, -0x1.763cb6p-2, -0x1.e9cdbep-3, -0x1.fea5eep-4, -0x1.e0b676p-5, -0x1.afceacp-6,
     -0x1.7e4728p-7, -0x1.4e7804p-8, -0x1.23833p-9, -0x1.f9b1a6p-11, -0x1.b95da4p-12, -0x1.7eef86p-13, -0x1.4d7b48p-14,
     -0x1.2202acp-15, -0x1.f419bp-17},
    {-0x1.554cf6p-2, -0x1.e12166p-3, 0x1.1cb4f2p-4, 0x1.bc7a74p-4, 0x1.245274p-4, 0x1.2c9eb8p-5, 0x1.181a02p-6,
     0x1.f7b014p-8, 0x1.bba98cp-9, 0x1.83ce5ep-10, 0x1.50cd52p-11, 0x1.261d42p-12, 0x1.fe800cp-14, 0x1.bc99a4p-15,
     0x1.82a13p-16, 0x1.32e29ep-17},
    {-0x1.768acp-11, 0x1.3781aap-3, 0x1.3150e2p-4, -0x1.8fc296p-7, -0x1.97391p-6, -0x1.06441cp-6, -0x1.08ce2ap-7,
     -0x1.ebc3dcp-9, -0x1.b71d4ep-10, -0x1.820f6ap-11, -0x1.5062d8p-12, -0x1.254ed8p-13, -0x1.0098cp-14,
     -0x1.bc41e2p-16, -0x1.7e6944p-17, -0x1.d4715p-19},
    {0x1.1f6aa2p-3, 0x1.b37c58p-5, -0x1.f234e8p-5, -0x1.462a7cp-6, 0x1.16e2f4p-9, 0x1.2d2b8ap-8, 0x1.7877acp-9,
     0x1.78413p-10, 0x1.5a1232p-11, 0x1.34272p-12, 0x1.0d3358p-13, 0x1.d79056p-15, 0x1.99a90ep-16, 0x1.655b88p-17,
     0x1.37d4p-18, 0x1.8fc85ap-21},
    {-0x1.0210e6p-5, -0x1.087b9p-4, 0x1.12b4b2p-7, 0x1.f1fbf2p-7, 0x1.bc665ap-9, -0x1.d0fd14p-12, -0x1.776a6ep-11,
     -0x1.c0a95ap-12, -0x1.b779aap-13, -0x1.941ddap-14, -0x1.4a344cp-15, -0x1.767aeep-16, -0x1.8284aep-19,
     -0x1.f6f89p-19, -0x1.c89d98p-19, -0x1.1f3612p-24},
};
constexpr float erf8[][8] = {
    {0, 0x1.515906p-2, 0x1.e5bb4ep-1, 0x1.6cbcd8p0, 0x1.e6af2ep0, 0x1.304ac2p1, 0x1.6d4728p1, 0x1.aa8cf6p1},
    {0, 0x1.6f5278p-2, 0x1.a3fd68p-1, 0x1.e98418p-1, 0x1.fc5376p-1, 0x1.ff9a92p-1, 0x1.fff8dep-1, 0x1.ffffaep-1},
    {0x1.06eba8p-3, 0x1.0327cep0, 0x1.d5c3eap-2, 0x1.2f86d8p-3, 0x1.f2025ap-6, 0x1.03bcbcp-8, 0x1.57c418p-12,
     0x1.1bb548p-16},
    {-0x1.905152p-22, -0x1.5581b6p-2, -0x1.bda9e6p-2, -0x1.b073c2p-3, -0x1.d96304p-5, -0x1.34bbb2p-7, -0x1.ea7d2p-11,
     -0x1.da3e88p-15},
    {-0x1.812086p-2, -0x1.0e8a0cp-2, 0x1.f4ec28p-4, 0x1.359966p-3, 0x1.0289e2p-4, 0x1.be003p-7, 0x1.b5876ep-10,
     0x1.01cb86p-13},
    {-0x1.1385dep-11, 0x1.3d0088p-3, 0x1.648e74p-4, -0x1.316bb4p-5, -0x1.4d9e08p-5, -0x1.ab5242p-7, -0x1.0f97eep-9,
     -0x1.86effep-13},
    {0x1.e0f7p-4, 0x1.e0626p-5, -0x1.16e29ep-4, -0x1.8f49dep-6, 0x1.7b7ee4p-7, 0x1.10cd44p-7, 0x1.f6d7c2p-10,
     0x1.716706p-13},
    {-0x1.2895eep-6, -0x1.975e3ep-5, -0x1.7bf4c6p-10, 0x1.56ee2ep-6, 0x1.b24b78p-9, -0x1.8e73c4p-9, -0x1.40d51p-10,
     -0x1.37687ap-14},
};
constexpr float tanh8[][8] = {
    {0, 0x1.28b27ep-1, 0x1.a9b52cp0, 0x1.3fb3b4p1, 0x1.aa2cbp1, 0x1.0a88b8p2, 0x1.3fd158p2, 0x1.7514cep2},
    {0, 0x1.0b69e6p-1, 0x1.dc78dap-1, 0x1.f91d6p-1, 0x1.feb03ep-1, 0x1.ffc0bep-1, 0x1.fff408p-1, 0x1.fffdbcp-1},
    {0x1p0, 0x1.7454f8p-1, 0x1.125cb8p-3, 0x1.b5b18p-6, 0x1.4f53e8p-8, 0x1.f9f0bcp-11, 0x1.7efb82p-13, 0x1.21fc2p-15},
    {0x1.a851bap-25, -0x1.84eeacp-2, -0x1.fea5eap-4, -0x1.afceacp-6, -0x1.4e7806p-8, -0x1.f9b1ecp-11, -0x1.7ef13ap-13,
     -0x1.226b4cp-15},
    {-0x1.55562ep-2, -0x1.68afd8p-5, 0x1.244e56p-4, 0x1.1819ccp-6, 0x1.bbac64p-9, 0x1.50ce38p-11, 0x1.fe81p-14,
     0x1.83e14ap-16},
    {0x1.2caae8p-14, 0x1.326d5cp-3, -0x1.973beap-6, -0x1.08cd3cp-7, -0x1.b71b62p-10, -0x1.50387p-12, -0x1.fee6cep-15,
     -0x1.7bd1e6p-17},
    {0x1.0f810ap-3, -0x1.841ff8p-5, 0x1.305c1p-9, 0x1.781c4cp-9, 0x1.57f3cep-11, 0x1.0bda36p-13, 0x1.97df3cp-16,
     0x1.1028c4p-18},
    {0x1.223c0ap-8, -0x1.164c76p-5, 0x1.b8ed58p-9, -0x1.79d686p-11, -0x1.b7dd66p-13, -0x1.5dbc7ap-15, -0x1.f4aff4p-18,
     -0x1.098098p-20},
    {-0x1.18dc18p-4, 0x1.16c44p-5, -0x1.58d23p-9, 0x1.0dbb58p-14, 0x1.d12702p-15, 0x1.948eaep-17, 0x1.3bf2c2p-19,
     0x1.338c44p-23},
    {0x1.b19498p-6, -0x1.36c19ap-7, 0x1.f51fc2p-11, 0x1.5d7c34p-15, -0x1.62667ap-17, -0x1.2a2f42p-18, -0x1.3f5d4p-19,
     -0x1.39986ep-27},
};

/// The entry of `table` for each lane, by the low bits of its index. In pieces of a native vector.
template <size_t Parts> Num lookUp(const float (&table)[Parts], Num index) {
  static_assert(Parts == 8 || Parts == 16);
  OpBuilder &b = index.code->b;
  Location loc = index.code->loc;
  auto type = VectorType::get(Parts, b.getF32Type());
  Value entries = arith::ConstantOp::create(b, loc, DenseElementsAttr::get(type, ArrayRef<float>(table)));
  auto name = b.getStringAttr(Parts == 16 ? "llvm.x86.avx512.permvar.sf.512" : "llvm.x86.avx2.permps");
  return inPieces(Parts, index, [&](ArrayRef<Value> piece) {
    return LLVM::CallIntrinsicOp::create(b, loc, type, name, ValueRange{entries, piece[0]}).getResult(0);
  });
}

/// 1. Which part: the nearest integer of |x| * scale, by the low bits of a sum; the last one goes on to `top`, beyond
///    which the function is 1.
/// 2. The polynomial in the distance from the part's point, which is exact. With `addArgument` the first one is what
/// the
///    function has beyond x: a slope like 1.128 would round more than the 0.128.
template <size_t N, size_t Parts>
Num oddFunction(const float (&table)[N][Parts], double scale, double top, bool addArgument, Num x) {
  Num a = minimum(x.constant(top), abs(x)), first = x.constant(0x1.8p23);
  Num number = minimum(fma(a, scale, first), first + double(Parts - 1));
  Num index = asInteger(number), d = a - lookUp(table[0], index), constant = lookUp(table[1], index);
  if (addArgument)
    constant = select(number == first, a, constant);
  Num sum = lookUp(table[N - 1], index);
  for (size_t i = N - 2; i > 1; --i)
    sum = fma(sum, d, lookUp(table[i], index));
  return copySign(fma(sum, d, constant), x);
}

} // namespace

bool hasTables(const cpu::Cpu &cpu) { return cpu.hasAVX512 || (cpu.hasAVX2 && cpu.hasFMA); }

Num tanhByTable(Num x) {
  return x.code->cpu.hasAVX512 ? oddFunction(tanh16, 2.4, 9.2, false, x) : oddFunction(tanh8, 1.2, 9.2, false, x);
}

Num erfByTable(Num x) {
  return x.code->cpu.hasAVX512 ? oddFunction(erf16, 4.5, 4, true, x) : oddFunction(erf8, 2.1, 4, true, x);
}

} // namespace nnc
