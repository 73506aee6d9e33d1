// Loops and branches as code.
#include "compiler/lower/Lowering.h"

using namespace mlir;
using namespace nnc;

/// How often a loop turns, where that is known: a loop of one turn is none.
static std::optional<int64_t> turnsOf(Value from, Value to, Value step) {
  std::optional<int64_t> a = constantOf(from), c = constantOf(to), s = constantOf(step);
  if (!a || !c || !s)
    return std::nullopt;
  return *c <= *a ? 0 : (*c - *a + *s - 1) / *s;
}

void Lowering::loop(Value from, Value to, int64_t step, function_ref<void(Value)> body) {
  loop(from, to, constant(step), body);
}

void Lowering::loop(Value from, Value to, Value step, function_ref<void(Value)> body) {
  std::optional<int64_t> turns = turnsOf(from, to, step);
  if (turns == 0)
    return;
  if (turns == 1)
    return body(from);
  auto loop = scf::ForOp::create(b, loc, from, to, step);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  body(loop.getInductionVar());
}

SmallVector<Value> Lowering::loop(Value from, Value to, int64_t step, ValueRange init,
                                  function_ref<SmallVector<Value>(Value, ValueRange)> body) {
  std::optional<int64_t> turns = turnsOf(from, to, constant(step));
  if (turns == 0)
    return init;
  if (turns == 1)
    return body(from, init);
  auto loop = scf::ForOp::create(b, loc, from, to, constant(step), init);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  SmallVector<Value> next = body(loop.getInductionVar(), loop.getRegionIterArgs());
  if (!init.empty()) // otherwise the loop is made with its end
    scf::YieldOp::create(b, loc, next);
  return SmallVector<Value>(loop.getResults());
}

void Lowering::ifThen(Value condition, function_ref<void()> then) {
  auto branch = scf::IfOp::create(b, loc, condition, /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(branch.thenBlock());
  then();
}

void Lowering::ifThenElse(Value condition, function_ref<void()> then, function_ref<void()> otherwise) {
  auto branch = scf::IfOp::create(b, loc, condition, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(branch.thenBlock());
  then();
  b.setInsertionPointToStart(branch.elseBlock());
  otherwise();
}

SmallVector<Value> Lowering::ifThenElse(Value condition, TypeRange types, function_ref<SmallVector<Value>()> then,
                                        function_ref<SmallVector<Value>()> otherwise) {
  if (std::optional<int64_t> known = constantOf(condition))
    return *known ? then() : otherwise();
  auto branch = scf::IfOp::create(b, loc, types, condition, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(b);
  auto fill = [&](Block *block, function_ref<SmallVector<Value>()> values) {
    b.setInsertionPointToStart(block);
    SmallVector<Value> results = values();
    if (!types.empty()) // otherwise the branch is made with its ends
      scf::YieldOp::create(b, loc, results);
  };
  fill(branch.thenBlock(), then);
  fill(branch.elseBlock(), otherwise);
  return SmallVector<Value>(branch.getResults());
}

void Lowering::vectorLoop(Value from, Value to, int64_t width, function_ref<void(Value, Value, Value)> body,
                          bool exact) {
  if (width == 1 || exact)
    return loop(from, to, width, [&](Value i) { body(i, {}, {}); });
  Value full = add(from, mul(quotient(maximum(sub(to, from), constant(0)), width), constant(width)));
  loop(from, full, width, [&](Value i) { body(i, {}, {}); });
  auto rest = [&] {
    Value count = sub(to, full);
    body(full, mask(count, width), count);
  };
  Value left = less(full, to);
  std::optional<int64_t> known = constantOf(left);
  if (!known)
    ifThen(left, rest);
  else if (*known)
    rest();
}
