#include "compiler/optimize/Weights.h"

#include "dialect/Dialect.h"

using namespace mlir;
using namespace nn;

bool nnc::isWeight(Value v) {
  if (auto arg = dyn_cast<BlockArgument>(v)) {
    auto scan = dyn_cast<ScanOp>(arg.getOwner()->getParentOp());
    unsigned i = arg.getArgNumber();
    return scan && i > 0 && i <= scan.getXs().size() && isWeight(scan.getXs()[i - 1]);
  }
  Operation *op = v.getDefiningOp();
  if (isa<ConcatOp>(op))
    return llvm::all_of(op->getOperands(), isWeight);
  return isa<ParameterOp>(op) || (op->hasTrait<View>() && op->getNumOperands() == 1 && isWeight(op->getOperand(0)));
}
