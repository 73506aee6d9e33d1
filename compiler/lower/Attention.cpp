#include "compiler/lower/Attention.h"

#include <limits>

using namespace mlir;
using namespace nn;
using namespace nnc;

/// With fewer targets than this, packing the sources into panels costs more than it saves.
static constexpr int64_t kFewTargets = 4;

Value Attention::score(const Pairs &pairs, ValueRange products, Value mask) {
  return compute(attend.getScore(), pairs, products, mask, -std::numeric_limits<double>::infinity())[0];
}

void Attention::finish(const Position &position, Value target, Value sums, Value from, Value to, Value largest,
                       Value total) {
  Value one = number(1, 1), zero = number(0, 1);
  Value none = arith::CmpFOp::create(l.b, l.loc, arith::CmpFPredicate::OEQ, total, zero);
  write(init(0), position, target, sums, from, to, select(none, zero, arith::DivFOp::create(l.b, l.loc, one, total)));
  if (op.getInits().size() < 2)
    return;
  Value logarithm = plus(largest, LogOp::create(l.b, l.loc, sum, total));
  l.store(logarithm, at(init(1), position, target, {}), sum);
}

/// Many targets go by tiles, few one by one; the number of targets alone decides.
void nnc::lowerAttend(AttendOp op, Lowering &l) {
  Attention a(op, l);
  Value few = l.less(l.size(a.targets), l.constant(kFewTargets + 1));
  std::optional<int64_t> known = constantOf(few);
  if (!known)
    l.ifThenElse(few, [&] { lowerAttentionByRows(a); }, [&] { lowerAttentionByTiles(a); });
  else if (*known)
    lowerAttentionByRows(a);
  else
    lowerAttentionByTiles(a);
  op.erase();
}
