#include "compiler/lower/Lowering.h"

using namespace mlir;
using namespace nn;
using namespace nnc;

/// A copy is a map that changes nothing: the same loops choose order, vectors and shares.
void nnc::lowerCopy(CopyOp op, Lowering &l) {
  auto map = MapOp::create(l.b, op.getLoc(), TypeRange(), op.getX(), op.getInits());
  {
    OpBuilder::InsertionGuard guard(l.b);
    Block *body = l.b.createBlock(&map.getBody(), {}, elementOf(op.getX().getType()), op.getLoc());
    YieldOp::create(l.b, op.getLoc(), body->getArgument(0));
  }
  op.erase();
  l.b.setInsertionPoint(map);
  lowerMap(map, l);
}
