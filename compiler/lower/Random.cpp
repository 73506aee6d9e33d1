// Random numbers as vector code: Philox 4x32-10 (Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2,
// 3", 2011). Key: the seed of the team, mixed with the copy or step. Counter: element number (64 bits), place of the
// draw in the program, calls so far. So a value depends on nothing but these.
#include "compiler/lower/Lowering.h"

using namespace mlir;
using namespace nn;
using namespace nnc;

namespace {
constexpr uint32_t kMul0 = 0xD2511F53, kMul1 = 0xCD9E8D57, kWeyl0 = 0x9E3779B9, kWeyl1 = 0xBB67AE85;
constexpr int kRounds = 10;
/// A normal draw is within these bounds once in a blue moon at worst; then it is clamped to them.
constexpr int64_t kAttempts = 256;

/// Arithmetic on i32 and i64, scalars or vectors of one width.
struct Words {
  OpBuilder &b;
  Location loc;
  int64_t width;
  Lowering &l;

  Type i32() { return l.vectorOf(b.getI32Type(), width); }
  Type i64() { return l.vectorOf(b.getI64Type(), width); }
  Value word(uint32_t v) { return l.splat(arith::ConstantIntOp::create(b, loc, b.getI32Type(), int32_t(v)), width); }
  Value wide(int64_t v) { return l.splat(l.constant(v), width); }
  Value low(Value x) { return arith::TruncIOp::create(b, loc, i32(), x); }
  Value high(Value x) { return low(arith::ShRUIOp::create(b, loc, x, wide(32))); }
  Value extend(Value x) { return arith::ExtUIOp::create(b, loc, i64(), x); }
  Value mix(Value x, Value y) { return arith::XOrIOp::create(b, loc, x, y); }
  Value add(Value x, Value y) { return arith::AddIOp::create(b, loc, x, y); }
  Value mul(Value x, Value y) { return arith::MulIOp::create(b, loc, x, y); }
};

struct Block4 {
  Value w[4];
};

Block4 philox(Words &w, Block4 c, Value key0, Value key1) {
  for (int round = 0; round < kRounds; ++round) {
    Value p0 = w.mul(w.extend(c.w[0]), w.wide(kMul0)), p1 = w.mul(w.extend(c.w[2]), w.wide(kMul1));
    c = {{w.mix(w.mix(w.high(p1), c.w[1]), key0), w.low(p1), w.mix(w.mix(w.high(p0), c.w[3]), key1), w.low(p0)}};
    key0 = w.add(key0, w.word(kWeyl0));
    key1 = w.add(key1, w.word(kWeyl1));
  }
  return c;
}

/// The upper bits of a word (two words for f64) as a number in [0, 1), or in (0, 1] with `up`.
Value unit(Words &w, Value x, Value y, FloatType element, bool up) {
  OpBuilder &b = w.b;
  Type type = w.l.vectorOf(element, w.width);
  int64_t bits = element.isF64() ? 53 : 24;
  Value whole;
  if (element.isF64()) {
    Value both = arith::OrIOp::create(b, w.loc, arith::ShLIOp::create(b, w.loc, w.extend(x), w.wide(32)), w.extend(y));
    whole = arith::ShRUIOp::create(b, w.loc, both, w.wide(64 - bits));
  } else {
    whole = arith::ShRUIOp::create(b, w.loc, x, w.word(32 - bits));
  }
  if (up)
    whole = w.add(whole, element.isF64() ? w.wide(1) : w.word(1));
  Value value = arith::SIToFPOp::create(b, w.loc, type, whole);
  Value scale =
      w.l.splat(arith::ConstantOp::create(b, w.loc, b.getFloatAttr(element, std::ldexp(1.0, -bits))), w.width);
  return arith::MulFOp::create(b, w.loc, value, scale);
}
} // namespace

Value nnc::lowerDraw(DrawOp op, Value number, Value copy, Lowering &l) {
  OpBuilder &b = l.b;
  Location loc = op.getLoc();
  auto vector = dyn_cast<VectorType>(number.getType());
  Words w{b, loc, vector ? vector.getDimSize(0) : 1, l};
  Type wanted = elementOf(op.getType());
  // 16-bit values are drawn in f32 and rounded.
  FloatType element = wanted.isF64() ? Float64Type::get(op.getContext()) : FloatType(Float32Type::get(op.getContext()));
  Type type = l.vectorOf(element, w.width);
  auto real = [&](double v) -> Value {
    return l.splat(arith::ConstantOp::create(b, loc, b.getFloatAttr(element, v)), w.width);
  };

  // Offsets of seed and calls in nnrt_team (runtime/Abi.h).
  auto field = [&](int64_t offset) {
    Value at = l.advance(l.team(), l.constant(offset), b.getI8Type());
    return l.splat(l.load(at, b.getI64Type(), 1), w.width);
  };
  Value key = field(8), calls = w.low(field(16));
  if (copy)
    key = w.mix(key, w.mul(copy, w.wide(int64_t(0x9E3779B97F4A7C15ull))));
  auto block = [&](Value attempt) {
    Value place = w.add(w.word(uint32_t(op.getPlace())), attempt);
    return philox(w, {{w.low(number), w.high(number), place, calls}}, w.low(key), w.high(key));
  };
  auto normal = [&](Value attempt) -> Value { // Box and Muller 1958
    Block4 r = block(attempt);
    Value u = unit(w, r.w[0], r.w[1], element, true), v = unit(w, r.w[2], r.w[3], element, false);
    Value log = LogOp::create(b, loc, u);
    Value radius = SqrtOp::create(b, loc, arith::MulFOp::create(b, loc, log, real(-2)).getResult());
    Value cosine = CosOp::create(b, loc, arith::MulFOp::create(b, loc, v, real(6.283185307179586)).getResult());
    return arith::MulFOp::create(b, loc, radius, cosine);
  };

  Value value;
  if (op.getDistribution() == "uniform") {
    Block4 r = block(w.word(0));
    value = unit(w, r.w[0], r.w[1], element, false);
  } else if (op.getDistribution() == "normal") {
    value = normal(w.word(0));
  } else { // redraw where the last value was outside, with further places
    ArrayRef<double> bounds = op.getBounds();
    Value low = real(bounds[2]), high = real(bounds[3]);
    Value none = real(std::nan(""));
    value = l.loop(l.constant(0), l.constant(kAttempts), 1, {none}, [&](Value turn, ValueRange carried) {
      Value attempt = l.splat(arith::TruncIOp::create(b, loc, b.getI32Type(), turn).getResult(), w.width);
      Value x = arith::AddFOp::create(
          b, loc, arith::MulFOp::create(b, loc, normal(w.mul(attempt, w.word(0x61C88647))), real(bounds[1])),
          real(bounds[0]));
      Value above = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OGE, x, low);
      Value below = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OLE, x, high);
      Value open = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::UNO, carried[0], carried[0]);
      Value take = arith::AndIOp::create(b, loc, open, arith::AndIOp::create(b, loc, above, below));
      return SmallVector<Value>{arith::SelectOp::create(b, loc, take, x, carried[0])};
    })[0];
    Value open = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::UNO, value, value);
    value = arith::SelectOp::create(b, loc, open, low, value);
  }
  Type result = l.vectorOf(wanted, w.width);
  return type == result ? value : CastOp::create(b, loc, result, value).getResult();
}

/// Rows follow each other: one thread does it all. It happens when a model is created, not when it is used.
void nnc::lowerOrthonormalize(OrthonormalizeOp op, Lowering &l) {
  const Shape &shape = cast<RefType>(op.getX().getType()).getShape();
  Value x = l.pointer(op.getX()), y = l.pointer(op.getInits()[0]);
  Value first = arith::CmpIOp::create(l.b, l.loc, arith::CmpIPredicate::eq, l.tid(), l.constant(0));
  l.ifThen(first, [&] { l.call("nnrt_orthonormalize", {}, {x, y, l.size(shape[0]), l.size(shape[1])}); });
  op.erase();
}
