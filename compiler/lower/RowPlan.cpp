#include "compiler/lower/RowPlan.h"

#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace nn;
using namespace nnc;

bool nnc::isReduction(Operation *op) { return isa<SumOp, MaxOp, MinOp, AnyOp, AllOp, ArgmaxOp, ArgminOp>(op); }

static bool isRow(Value v) { return shapeOf(v.getType()).rank() > 0; }

int64_t nnc::costOf(Operation *op) {
  if (isa<ExpOp, Expm1Op, LogOp, Log1pOp, ErfOp, SinOp, CosOp, TanhOp, SigmoidOp, PowOp, Atan2Op, ModOp, DivOp>(op))
    return 16;
  if (isa<DrawOp>(op))
    return 256;
  if (isa<CumsumOp, DivideOp, SqrtOp, RsqrtOp>(op))
    return 6;
  return isa<ConstantOp, SizeOp, BroadcastOp>(op) ? 0 : 1;
}

RowPlan::RowPlan(Block &body, ArrayRef<Type> outputs, bool buffers) : body(body), outputs(outputs), mayBuffer(buffers) {
  for (Value arg : body.getArguments())
    depth[arg] = 0;
  unsigned last = 0;
  for (Operation &op : body.without_terminator()) {
    unsigned d = 0;
    for (Value v : op.getOperands())
      d = std::max(d, depth[v]);
    if (isReduction(&op))
      last = std::max(last, d);
    depth[op.getResult(0)] = d + isReduction(&op);
  }
  for (Value v : body.getTerminator()->getOperands())
    if (isRow(v))
      last = std::max(last, depth[v]);
  stages.resize(last + 1);
  for (unsigned i = 0; i < stages.size(); ++i) {
    plan(i);
    keep(i);
  }
}

/// What stage `number` must have: operands of its reductions, results that are ready here.
SmallVector<Value> RowPlan::roots(unsigned number) {
  SmallVector<Value> values;
  for (Operation &op : body.without_terminator())
    if (isReduction(&op) && depth[op.getOperand(0)] == number)
      values.push_back(op.getOperand(0));
  for (Value v : body.getTerminator()->getOperands())
    if (isRow(v) && depth[v] == number)
      values.push_back(v);
  return values;
}

/// Adds v and the values of the row that it is computed from, down to `stops`, which are added themselves.
void RowPlan::need(Value v, ArrayRef<Value> stops, llvm::SetVector<Value> &found) {
  if (!isRow(v) || !found.insert(v) || llvm::is_contained(stops, v))
    return;
  if (Operation *op = v.getDefiningOp())
    for (Value operand : op->getOperands())
      need(operand, stops, found);
}

int64_t RowPlan::recomputation(Value v) {
  llvm::SetVector<Value> found;
  need(v, {}, found);
  int64_t cost = 0;
  for (Value f : found)
    cost += f.getDefiningOp() ? costOf(f.getDefiningOp()) : 1;
  return cost;
}

void RowPlan::plan(unsigned number) {
  RowStage &stage = stages[number];
  SmallVector<Value> known;
  for (auto &[v, place] : available)
    known.push_back(v);
  llvm::SetVector<Value> found;
  for (Value v : roots(number))
    need(v, known, found);
  for (Value v : found)
    if (auto place = available.find(v); place != available.end())
      stage.reloaded[v] = place->second;
    else if (!v.getDefiningOp())
      stage.cost += 1;
  for (Operation &op : body.without_terminator()) {
    if (isReduction(&op) && depth[op.getOperand(0)] == number) {
      stage.reductions.push_back(&op);
      stage.cost += isa<ArgmaxOp, ArgminOp>(op) ? 8 : 1;
    } else if (Value v = op.getResult(0); found.contains(v) && !stage.reloaded.contains(v)) {
      stage.ops.push_back(&op);
      stage.cost += costOf(&op);
    }
  }
  for (auto [i, v] : llvm::enumerate(body.getTerminator()->getOperands()))
    if (isRow(v) && depth[v] == number)
      stage.outputs.push_back(i);
}

/// Of what this stage computed and later ones need, finds the values nearest to the later ones that are worth keeping,
/// and a place for each.
void RowPlan::keep(unsigned number) {
  RowStage &stage = stages[number];
  OperandRange yielded = body.getTerminator()->getOperands();
  SmallVector<Value> worth;
  DenseMap<Value, unsigned> writtenAs;
  for (unsigned i : stage.outputs)
    writtenAs[yielded[i]] = i;
  for (Operation *op : stage.ops) {
    Value v = op->getResult(0);
    if (recomputation(v) >= (writtenAs.contains(v) ? 3 : 8))
      worth.push_back(v);
  }
  llvm::SetVector<Value> later;
  for (unsigned i = number + 1; i < stages.size(); ++i)
    for (Value v : roots(i))
      need(v, worth, later);
  for (Value v : worth) {
    if (!later.contains(v))
      continue;
    if (auto written = writtenAs.find(v); written != writtenAs.end()) {
      available[v] = written->second;
      continue;
    }
    std::optional<int> place;
    for (auto [i, out] : llvm::enumerate(yielded))
      // The value is read for the last time in the stage that writes the output, or before.
      if (!place && isRow(out) && depth[out] + 1 == stages.size() && depth[out] > number && !borrowed[i] &&
          elementOf(outputs[i]) == elementOf(v.getType()))
        place = i, borrowed[i] = true;
    if (!place && mayBuffer) {
      buffers.push_back(elementOf(v.getType()));
      place = -int(buffers.size());
    }
    if (place)
      stage.kept[v] = available[v] = *place;
  }
}
