// `scan`, and `repeat` as a scan over stacked parameters.
#include "compiler/frontend/ElaborateLoop.h"
#include "compiler/frontend/ElaborateTraining.h"
#include "dialect/Provenance.h"

using namespace nnc::frontend;
using llvm::cast;
using llvm::dyn_cast;

Elaborator::Loop::Loop(Elaborator &e, nn::Dim steps, Range range, const Instance *repeated, int64_t first)
    : e(e), steps(std::move(steps)), repeated(repeated), first(first), range(range), location(e.locate(range)),
      outer(e.builder().saveInsertionPoint()) {
  if (repeated)
    location = nn::inLayer(location, pathFrom(e.frame ? e.frame->instance : nullptr, *repeated));
  region = std::make_unique<mlir::Region>();
  block = new mlir::Block();
  region->push_back(block);
  e.builder().setInsertionPointToEnd(block);
  step = block->addArgument(nn::tensorType({}, e.top.getI64Type()), location);
  mlir::Value number = step;
  if (first)
    number = e.emit<nn::AddOp>(range, step, e.emit<nn::ConstantOp>(range, step.getType(), first));
  e.routine->steps.push_back({number, repeated ? nn::Dim(*repeated->copies) : this->steps});
}

Elaborator::Loop::~Loop() {
  if (region) // left after an error
    leave();
}
void Elaborator::Loop::leave() {
  e.routine->steps.pop_back();
  e.builder().restoreInsertionPoint(outer);
}

mlir::Value Elaborator::Loop::slice(mlir::Value sequence) {
  if (repeated) {
    mlir::OpBuilder::InsertionGuard guard(e.builder());
    e.builder().restoreInsertionPoint(outer);
    sequence = e.partOf(sequence, Copies{{{first, steps.constant()}}}, range);
    outer = e.builder().saveInsertionPoint();
  }
  nn::Shape shape = nn::shapeOf(sequence.getType());
  mlir::Type one =
      nn::tensorType(nn::Shape(llvm::ArrayRef<nn::Dim>(shape.dims).drop_front()), nn::elementOf(sequence.getType()));
  mlir::Value argument = block->addArgument(one, location);
  slices.push_back({sequence, argument});
  return argument;
}
mlir::Value Elaborator::Loop::carry(mlir::Value initial) {
  mlir::Value argument = block->addArgument(initial.getType(), location);
  carries.push_back({initial, argument});
  return argument;
}

llvm::SmallVector<mlir::Value> Elaborator::Loop::finish(llvm::ArrayRef<mlir::Value> stacked,
                                                        llvm::SmallVector<mlir::Value> next, mlir::Value lengths,
                                                        bool reversed) {
  // What the body writes to buffers and states is carried as well.
  llvm::SmallVector<Cell *> written;
  for (auto &[at, cell] : e.routine->cells) {
    mlir::Operation *maker = cell.current.getDefiningOp();
    if (!maker || !encloses(*region, maker->getParentRegion()))
      continue;
    auto before = cellsBefore.find(at);
    mlir::Value initial = before == cellsBefore.end() ? cell.input : before->second;
    mlir::Value argument = carry(initial);
    initial.replaceUsesWithIf(
        argument, [&](mlir::OpOperand &use) { return encloses(*region, use.getOwner()->getParentRegion()); });
    next.push_back(cell.current == initial ? argument : cell.current);
    written.push_back(&cell);
  }
  llvm::SmallVector<mlir::Value> values(stacked), xs, initial, lengthsList;
  llvm::append_range(values, next);
  nn::YieldOp::create(e.builder(), location, values);

  // The order of the op: step, slices, carries.
  unsigned old = block->getNumArguments();
  llvm::SmallVector<mlir::Type> types;
  auto renew = [&](std::vector<std::pair<mlir::Value, mlir::Value>> &list, llvm::SmallVector<mlir::Value> &operands) {
    for (auto &[outside, inside] : list) {
      operands.push_back(outside);
      mlir::Value argument = block->addArgument(inside.getType(), inside.getLoc());
      inside.replaceAllUsesWith(argument);
    }
  };
  renew(slices, xs);
  renew(carries, initial);
  block->eraseArguments(1, old - 1);
  for (mlir::Value v : block->getTerminator()->getOperands().take_front(stacked.size())) { // arguments are others now
    nn::Shape shape = nn::shapeOf(v.getType());
    shape.dims.insert(shape.dims.begin(), steps);
    types.push_back(nn::tensorType(shape, nn::elementOf(v.getType())));
  }
  for (mlir::Value v : initial)
    types.push_back(v.getType());
  if (lengths)
    lengthsList.push_back(lengths);
  leave();
  auto scan = nn::ScanOp::create(e.builder(), location, types, xs, initial, lengthsList, mlir::ValueRange(),
                                 nn::DimAttr::get(&e.context, steps), reversed);
  scan.getBody().takeBody(*region);
  region.reset();
  llvm::SmallVector<mlir::Value> results(scan.getResults());
  for (Cell *cell : llvm::reverse(written))
    cell->current = results.pop_back_val();
  return results;
}

/// `make` at each index of the `copies`, stacked.
mlir::Value Elaborator::stackCopies(llvm::ArrayRef<nn::Dim> copies, llvm::function_ref<mlir::Value()> make,
                                    Range range) {
  if (copies.empty())
    return make();
  Loop loop(*this, copies.front(), range);
  mlir::Value one = stackCopies(copies.drop_front(), make, range);
  auto constant = one ? one.getDefiningOp<nn::ConstantOp>() : nn::ConstantOp();
  if (!constant)
    return one ? loop.finish({one}, {}, nullptr, false)[0] : nullptr;
  nn::Shape shape = nn::shapeOf(one.getType()); // the same number in all copies needs no loop
  shape.dims.insert(shape.dims.begin(), copies.front());
  mlir::TypedAttr number = constant.getValue();
  builder().restoreInsertionPoint(loop.outer);
  return emit<nn::ConstantOp>(range, nn::tensorType(shape, nn::elementOf(one.getType())), number);
}

// ---- scan
// ------------------------------------------------------------------------------------------------------------

Value Elaborator::evaluateScan(const Scan &scan) {
  std::vector<mlir::Value> sequences;
  std::optional<nn::Dim> steps;
  bool ok = true;
  for (const Element *element : scan.elements) {
    Value v = evaluateOne(*element->sequence);
    Range range = element->sequence->range;
    mlir::Value t = v.isPoison() ? nullptr : tensorOf(v, range);
    if (!t) {
      ok = false;
      continue;
    }
    nn::Shape shape = nn::shapeOf(t.getType());
    if (shape.rank() == 0) {
      fail(Code::NN0604, range, "a sequence has a leading axis to walk along");
      ok = false;
      continue;
    }
    if (steps && shape[0] != *steps) {
      fail(Code::NN0604, range,
           "the sequences of a `scan` have one leading size, not " + steps->str() + " and " + shape[0].str());
      ok = false;
    }
    if (!steps)
      steps = shape[0];
    sequences.push_back(t);
  }
  mlir::Value lengths;
  if (scan.until) {
    Value v = evaluateOne(*scan.until);
    if (!v.isTensor() || v.shape().rank() != 1 || !v.element().isInteger(64)) {
      if (!v.isPoison())
        fail(Code::NN0605, scan.until->range, "`until` takes one length for each row, such as `i64[B]`",
             v.isTensor() ? std::vector<std::string>{"given " + nn::describe(v.type())} : std::vector<std::string>());
      ok = false;
    } else if (std::optional<Value> all = literalOf(v); !all || !steps || all->size != *steps) {
      lengths = v.tensor;
    }
  }
  std::vector<mlir::Value> initial;
  for (const Carry *carry : scan.carries) {
    Value v = evaluateOne(*carry->value);
    if (!v.isTensor() || v.untyped) {
      if (!v.isPoison())
        fail(Code::NN0606, carry->value->range, "`" + carry->name.text.str() + "` has no type to carry", {},
             "begin with a typed value: `let zero: float[B, d] = 0`");
      ok = false;
      continue;
    }
    initial.push_back(v.tensor);
  }
  if (!ok || !steps)
    return {};

  Loop loop(*this, *steps, scan.range);
  for (auto &[at, cell] : routine->cells)
    loop.cellsBefore[at] = cell.current;
  for (auto [element, sequence] : llvm::zip(scan.elements, sequences))
    frame->values[element] = Value::ofTensor(loop.slice(sequence));
  for (auto [carry, value] : llvm::zip(scan.carries, initial))
    frame->values[carry] = Value::ofTensor(loop.carry(value));
  Scoped<std::optional<TypedPlace>> none(place, std::nullopt);
  unsigned errors = diagnostics.errorCount();
  evaluateBlock(*scan.body);
  llvm::SmallVector<mlir::Value> stacked, next;
  if (!scan.body->statements.empty())
    if (auto *yield = dyn_cast<Yield>(scan.body->statements.back()))
      for (const Expr *value : yield->values) {
        Value v = evaluateOne(*value);
        mlir::Value t = v.isPoison() ? nullptr : tensorOf(v, value->range);
        if (!t)
          return {};
        stacked.push_back(t);
      }
  for (const Carry *carry : scan.carries)
    next.push_back(frame->values[carry].tensor);
  if (diagnostics.errorCount() != errors || llvm::is_contained(next, mlir::Value()))
    return {};
  if (lengths) {
    nn::Dim rows = nn::shapeOf(lengths.getType())[0];
    llvm::SmallVector<mlir::Value> all(stacked);
    llvm::append_range(all, next);
    for (mlir::Value v : all)
      if (nn::Shape shape = nn::shapeOf(v.getType()); shape.rank() == 0 || shape[0] != rows)
        return fail(Code::NN0605, scan.until->range,
                    "rows of `until` are the leading axis of all that is carried or yielded",
                    {"lengths " + nn::describe(lengths.getType()), "here    " + nn::describe(v.getType())});
  }
  std::vector<Value> results;
  for (mlir::Value v : loop.finish(stacked, next, lengths, scan.reversed))
    results.push_back(Value::ofTensor(v));
  if (results.empty())
    return Value::nothing();
  return results.size() == 1 ? results[0] : Value::tuple(std::move(results));
}
