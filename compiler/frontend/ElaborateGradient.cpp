// Gradients as values, functions with their own derivative, `checkpoint`.
#include "compiler/frontend/ElaborateLoop.h"
#include "compiler/frontend/Program.h"

using namespace nnc::frontend;
using llvm::StringRef;

/// Whether anything could be differentiated: else a `vjp` has no use.
bool Elaborator::mayDifferentiate() {
  if (!usesGrad) {
    usesGrad = false;
    for (const auto &source : program.sources)
      *usesGrad |= !source->isLibrary && source->text().contains("grad");
  }
  if (*usesGrad || !routine)
    return *usesGrad;
  routine->asksTraining = true;
  return routine->training;
}

Value Elaborator::callGrad(const Call &call, const Given *piped) {
  std::vector<Given> given = evaluateArguments(call, piped);
  if (given.size() < 2)
    return fail(Code::NN0413, call.range, "`grad` takes a scalar and what to derive it by");
  std::vector<mlir::Value> values;
  for (Given &g : given) {
    g.value = g.pattern ? Value() : first(g.value, g.range);
    if (g.value.isPoison())
      return {};
    if (!g.value.isTensor() || g.value.untyped || !llvm::isa<mlir::FloatType>(g.value.element()))
      return fail(Code::NN0709, g.range,
                  values.empty() ? "what `grad` derives must be one float that is computed here"
                                 : "what `grad` derives by must be a float tensor",
                  g.value.isTensor() ? std::vector<std::string>{"given " + nn::describe(g.value.type())}
                                     : std::vector<std::string>());
    values.push_back(g.value.tensor);
  }
  if (given[0].value.shape().rank() != 0)
    return fail(Code::NN0709, given[0].range, "what `grad` derives must be one float",
                {"given " + nn::describe(given[0].value.type())}, "sum it first: `grad(sum(e), x)`");
  mlir::ValueRange xs = llvm::ArrayRef<mlir::Value>(values).drop_front();
  auto op = nn::GradOp::create(builder(), locate(call.range), xs.getTypes(), values[0], xs);
  std::vector<Value> results;
  for (mlir::Value v : op.getResults())
    results.push_back(Value::ofTensor(v));
  return results.size() == 1 ? results[0] : Value::tuple(std::move(results));
}

/// A function with a `vjp`, its arguments bound in the frame.
Value Elaborator::callWithGradient(const Function &function) {
  if (!mayDifferentiate())
    return evaluateBlock(*function.body);
  const std::vector<Argument *> &formals = function.signature.arguments;
  llvm::SmallVector<mlir::Value> operands;
  std::vector<const Argument *> tensors;
  for (const Argument *a : formals)
    if (const Value &v = frame->values[a]; v.isTensor()) {
      operands.push_back(tensorOf(v, function.range));
      tensors.push_back(a);
    }
  if (operands.empty())
    return evaluateBlock(*function.body);

  auto inRegion = [&](mlir::Region &region, llvm::function_ref<bool()> fill) {
    mlir::OpBuilder::InsertionGuard guard(builder());
    mlir::Block *block = new mlir::Block();
    region.push_back(block);
    builder().setInsertionPointToEnd(block);
    return fill();
  };
  mlir::Location location = locate(function.range);
  mlir::Region body, pullback;
  llvm::SmallVector<mlir::Value> results;
  bool several = false;
  bool ok = inRegion(body, [&] {
    for (auto [a, operand] : llvm::zip(tensors, operands))
      frame->values[a] = Value::ofTensor(body.front().addArgument(operand.getType(), location));
    Value value = evaluateBlock(*function.body);
    several = value.kind == Value::Tuple;
    if (value.isPoison() || !resultTensors(value, resultRange(*function.body), results) || results.empty())
      return false;
    nn::YieldOp::create(builder(), location, results);
    return true;
  });
  llvm::SmallVector<mlir::Type> types;
  for (mlir::Value v : results)
    types.push_back(v.getType());
  size_t inputs = formals.size(), outputs = types.size();
  if (ok && function.vjpArguments.size() != inputs + 2 * outputs)
    return fail(Code::NN0706, function.range,
                "a `vjp` takes the " + std::to_string(inputs) + " arguments, the " + std::to_string(outputs) +
                    " results and their cotangents");
  ok = ok && inRegion(pullback, [&] {
         mlir::Block &block = pullback.front();
         size_t next = 0;
         for (const Argument *a : formals) {
           const Argument *here = function.vjpArguments[next++];
           auto at = llvm::find(tensors, a);
           frame->values[here] =
               at == tensors.end()
                   ? frame->values[a]
                   : Value::ofTensor(block.addArgument(operands[at - tensors.begin()].getType(), location));
         }
         for (int round = 0; round < 2; ++round)
           for (mlir::Type t : types)
             frame->values[function.vjpArguments[next++]] = Value::ofTensor(block.addArgument(t, location));
         Value value = evaluateBlock(*function.vjp);
         Range range = resultRange(*function.vjp);
         if (value.isPoison())
           return false;
         std::vector<Value> parts = value.kind == Value::Tuple ? value.parts : std::vector<Value>{value};
         if (parts.size() != inputs)
           return fail(Code::NN0706, range, "a `vjp` gives one value for each argument"), false;
         llvm::SmallVector<mlir::Value> cotangents;
         for (auto [a, part] : llvm::zip(formals, parts)) {
           auto at = llvm::find(tensors, a);
           if (at == tensors.end())
             continue;
           Value v = coerce(part, operands[at - tensors.begin()].getType(), true, range,
                            "the cotangent of `" + a->name.text.str() + "`");
           if (v.isPoison())
             return false;
           cotangents.push_back(v.tensor);
         }
         nn::YieldOp::create(builder(), location, cotangents);
         return true;
       });
  if (!ok)
    return {};
  auto op = nn::CustomGradientOp::create(builder(), location, types, operands);
  op.getBody().takeBody(body);
  op.getPullback().takeBody(pullback);
  std::vector<Value> values;
  for (mlir::Value v : op.getResults())
    values.push_back(Value::ofTensor(v));
  return several ? Value::tuple(std::move(values)) : values[0];
}

Value Elaborator::evaluateCheckpoint(const Checkpoint &checkpoint) {
  if (!mayDifferentiate())
    return evaluateBlock(*checkpoint.block);
  mlir::Region region;
  region.push_back(new mlir::Block());
  llvm::SmallVector<mlir::Value> results;
  llvm::SmallVector<Cell *> written;
  Value value;
  {
    mlir::OpBuilder::InsertionGuard guard(builder());
    builder().setInsertionPointToEnd(&region.front());
    value = evaluateBlock(*checkpoint.block);
    if (value.isPoison() || !resultTensors(value, checkpoint.range, results))
      return {};
    for (auto &[at, cell] : routine->cells) // what is updated inside is updated once
      if (mlir::Operation *maker = cell.current.getDefiningOp(); maker && encloses(region, maker->getParentRegion())) {
        results.push_back(cell.current);
        written.push_back(&cell);
      }
    nn::YieldOp::create(builder(), locate(checkpoint.range), results);
  }
  llvm::SmallVector<mlir::Type> types;
  for (mlir::Value v : results)
    types.push_back(v.getType());
  auto op = nn::CheckpointOp::create(builder(), locate(checkpoint.range), types);
  op.getBody().takeBody(region);
  size_t own = types.size() - written.size();
  for (auto [i, cell] : llvm::enumerate(written))
    cell->current = op.getResult(own + i);
  if (own == 0)
    return Value::nothing();
  std::vector<Value> values;
  for (size_t i = 0; i < own; ++i)
    values.push_back(Value::ofTensor(op.getResult(i)));
  return value.kind == Value::Tuple ? Value::tuple(std::move(values)) : values[0];
}
