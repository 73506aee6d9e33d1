// Derivatives of elementwise operations. Where a function has none (|x| at 0, equal operands of a maximum), what
// PyTorch gives.
#include "dialect/Dialect.h"

using namespace mlir;
using namespace nn;

void AddOp::pullback(Pullback &p) {
  p.give(0, [&] { return p.cotangent(); });
  p.give(1, [&] { return p.cotangent(); });
}
void SubOp::pullback(Pullback &p) {
  p.give(0, [&] { return p.cotangent(); });
  p.give(1, [&] { return p.negative(p.cotangent()); });
}
void MulOp::pullback(Pullback &p) {
  p.give(0, [&] { return p.times(p.cotangent(), p.operand(1)); });
  p.give(1, [&] { return p.times(p.cotangent(), p.operand(0)); });
}
void DivideOp::pullback(Pullback &p) {
  p.give(0, [&] { return p.over(p.cotangent(), p.operand(1)); });
  p.give(1, [&] { return p.negative(p.over(p.times(p.cotangent(), p.result()), p.operand(1))); });
}

/// By a: b a^(b - 1), and 0 where b is 0; by b: a^b log(a), and 0 where a is 0 and b is not negative.
void PowOp::pullback(Pullback &p) {
  Value g = p.cotangent();
  p.give(0, [&] {
    Value a = p.operand(0), b = p.operand(1), zero = p.constant(b, 0);
    Value slope = p.times(p.cast(b, g), p.make<PowOp>(a, p.minus(b, p.constant(b, 1))));
    return p.where(p.make<EqOp>(b, zero), p.constant(g, 0), p.times(g, slope));
  });
  p.give(1, [&] {
    Value a = p.operand(0), b = p.operand(1), zero = p.constant(a, 0);
    Value none = p.make<AndOp>(p.make<EqOp>(a, zero), p.make<GeOp>(b, p.constant(b, 0)));
    Value log = p.make<LogOp>(p.where(none, p.constant(a, 1), a));
    return p.where(none, p.constant(g, 0), p.times(g, p.times(p.result(), log)));
  });
}

// Constant but for jumps.
void DivOp::pullback(Pullback &) {}
void FloorOp::pullback(Pullback &) {}
void CeilOp::pullback(Pullback &) {}
void RoundOp::pullback(Pullback &) {}
void SignOp::pullback(Pullback &) {}

void ModOp::pullback(Pullback &p) {
  p.give(0, [&] { return p.cotangent(); });
  p.give(1, [&] { return p.negative(p.times(p.cotangent(), p.make<FloorOp>(p.over(p.operand(0), p.operand(1))))); });
}

/// What `mine` gets of the cotangent of an extreme of two: nothing if it has `Lost`, half where they are equal.
template <typename Lost> static Value share(Pullback &p, Value g, Value mine, Value other) {
  Value equal = p.where(p.make<EqOp>(mine, other), p.times(g, 0.5), g);
  return p.where(p.make<Lost>(mine, other), p.constant(g, 0), equal);
}
template <typename Lost> static void extreme(Pullback &p) {
  for (unsigned i : {0, 1})
    p.give(i, [&] { return share<Lost>(p, p.cotangent(), p.operand(i), p.operand(1 - i)); });
}
void MaximumOp::pullback(Pullback &p) { extreme<LtOp>(p); }
void MinimumOp::pullback(Pullback &p) { extreme<GtOp>(p); }

/// As the minimum of a maximum.
void ClampOp::pullback(Pullback &p) {
  Value x = p.operand(0), low = p.operand(1), high = p.operand(2);
  Value raised = p.make<MaximumOp>(x, low);
  auto inner = [&] { return share<GtOp>(p, p.cotangent(), raised, high); };
  p.give(0, [&] { return share<LtOp>(p, inner(), x, low); });
  p.give(1, [&] { return share<LtOp>(p, inner(), low, x); });
  p.give(2, [&] { return share<GtOp>(p, p.cotangent(), high, raised); });
}

void Atan2Op::pullback(Pullback &p) {
  auto over = [&](Value v) {
    Value y = p.operand(0), x = p.operand(1);
    return p.over(p.times(p.cotangent(), v), p.plus(p.times(y, y), p.times(x, x)));
  };
  p.give(0, [&] { return over(p.operand(1)); });
  p.give(1, [&] { return p.negative(over(p.operand(0))); });
}

void NegOp::pullback(Pullback &p) {
  p.give(0, [&] { return p.negative(p.cotangent()); });
}
void AbsOp::pullback(Pullback &p) {
  p.give(0, [&] { return p.times(p.cotangent(), p.make<SignOp>(p.operand(0))); });
}
void ExpOp::pullback(Pullback &p) {
  p.give(0, [&] { return p.times(p.cotangent(), p.result()); });
}
void Expm1Op::pullback(Pullback &p) {
  p.give(0, [&] { return p.times(p.cotangent(), p.plus(p.result(), p.constant(p.result(), 1))); });
}
void LogOp::pullback(Pullback &p) {
  p.give(0, [&] { return p.over(p.cotangent(), p.operand(0)); });
}
void Log1pOp::pullback(Pullback &p) {
  p.give(0, [&] { return p.over(p.cotangent(), p.plus(p.operand(0), p.constant(p.operand(0), 1))); });
}
void SqrtOp::pullback(Pullback &p) {
  p.give(0, [&] { return p.over(p.times(p.cotangent(), 0.5), p.result()); });
}
void RsqrtOp::pullback(Pullback &p) {
  p.give(0, [&] {
    Value y = p.result();
    return p.times(p.times(p.cotangent(), -0.5), p.times(y, p.times(y, y)));
  });
}
void SinOp::pullback(Pullback &p) {
  p.give(0, [&] { return p.times(p.cotangent(), p.make<CosOp>(p.operand(0))); });
}
void CosOp::pullback(Pullback &p) {
  p.give(0, [&] { return p.negative(p.times(p.cotangent(), p.make<SinOp>(p.operand(0)))); });
}
void TanhOp::pullback(Pullback &p) {
  p.give(0, [&] {
    Value y = p.result();
    return p.times(p.cotangent(), p.minus(p.constant(y, 1), p.times(y, y)));
  });
}
void SigmoidOp::pullback(Pullback &p) {
  p.give(0, [&] {
    Value y = p.result();
    return p.times(p.cotangent(), p.times(y, p.minus(p.constant(y, 1), y)));
  });
}
void ErfOp::pullback(Pullback &p) {
  constexpr double twoOverRootPi = 1.1283791670955126;
  p.give(0, [&] {
    Value x = p.operand(0);
    return p.times(p.times(p.cotangent(), twoOverRootPi), p.make<ExpOp>(p.negative(p.times(x, x))));
  });
}

void WhereOp::pullback(Pullback &p) {
  Value g = p.cotangent();
  p.give(1, [&] { return p.where(p.operand(0), g, p.constant(g, 0)); });
  p.give(2, [&] { return p.where(p.operand(0), p.constant(g, 0), g); });
}
/// A cotangent that was rounded for the sake of its type alone is passed on as it was before: behind a rounding and a
/// conversion back that `may_keep` it is that of the value before both.
void CastOp::pullback(Pullback &p) {
  p.give(0, [&] {
    Value g = p.cotangent();
    if (auto rounded = g.getDefiningOp<CastOp>(); rounded && rounded.getMayKeep())
      g = rounded.getX();
    g = p.cast(g, getX());
    if (auto made = g.getDefiningOp<CastOp>(); made && getMayKeep())
      made.setMayKeep(true);
    return g;
  });
}
