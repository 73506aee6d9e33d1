// `repeat`: copies of a layer as a scan over their stacked parameters.
#include "compiler/frontend/ElaborateLoop.h"
#include "compiler/frontend/ElaborateTraining.h"

#include <set>

using namespace nnc::frontend;
using llvm::StringRef;

/// What patterns leave to be matched by paths that go on behind `path`; "" where they have matched.
static std::set<std::string> restsOf(StringRef pattern, StringRef path) {
  std::set<std::string> rests = {pattern.str()};
  for (StringRef part, behind = path; !behind.empty();) {
    std::tie(part, behind) = behind.split('.');
    std::set<std::string> next;
    for (StringRef rest : rests) {
      if (rest.empty() || rest.starts_with("**."))
        next.insert(rest.str());
      while (rest.consume_front("**.")) {
      }
      auto [first, more] = rest.split('.');
      if (!first.empty() && pathMatches(first, part))
        next.insert(more.str());
    }
    rests = std::move(next);
  }
  return rests;
}

/// Runs of copies that `eval` treats alike, whatever stands in them: each is one body of code.
std::vector<Copies> Elaborator::runsOf(Instance &instance) {
  int64_t count = *instance.copies;
  if (!training || training->evaluated.empty() || count == 0)
    return {{{{0, count}}}};
  std::vector<Copies> runs;
  std::set<std::string> before;
  for (int64_t k = 0; k < count; ++k) {
    copyAt[&instance] = instance.first + k;
    std::set<std::string> rests;
    for (const Text *pattern : training->evaluated)
      rests.merge(restsOf(pattern->text, layerPath(instance)));
    if (rests.contains(""))
      rests = {""}; // all of it
    if (k == 0 || rests != before)
      runs.push_back({{{k, 0}}});
    ++runs.back().runs[0].count;
    before = std::move(rests);
  }
  copyAt.erase(&instance);
  return runs;
}

/// What each of these is given for; null if there is nothing of that name or place.
static std::vector<const Argument *> formalsOf(const Signature &signature, llvm::ArrayRef<Given> given) {
  std::vector<const Argument *> formals;
  size_t position = 0;
  for (const Given &g : given) {
    const Argument *formal = nullptr;
    if (!g.name && position < signature.arguments.size())
      formal = signature.arguments[position++];
    for (const Argument *a : signature.arguments)
      if (g.name && a->name.text == g.name.text)
        formal = a;
    formals.push_back(formal);
  }
  return formals;
}

Value Elaborator::callRepeated(Instance &instance, const Function *entry, std::vector<Given> given, Range range) {
  const Signature &signature = entry ? entry->signature : instance.layer->signature;
  std::vector<std::vector<mlir::Value>> stacked; // further results, by run
  Value result;
  for (const Copies &run : runsOf(instance)) {
    if (result.isTensor()) // the first argument of the next copies
      for (auto [g, formal] : llvm::zip(given, formalsOf(signature, given)))
        if (formal == signature.arguments.front())
          g.value = result;
    copyAt[&instance] = instance.first + run.runs[0].first;
    result = callCopies(instance, entry, given, run, range);
    copyAt.erase(&instance);
    if (result.isPoison())
      return {};
    stacked.emplace_back();
    if (result.kind != Value::Tuple)
      continue;
    for (const Value &part : llvm::ArrayRef<Value>(result.parts).drop_front())
      stacked.back().push_back(part.tensor);
    result = Value(result.parts[0]);
  }
  if (stacked[0].empty())
    return result;
  std::vector<Value> values = {result};
  for (size_t i = 0; i < stacked[0].size(); ++i) {
    llvm::SmallVector<mlir::Value> parts;
    for (auto &run : stacked)
      parts.push_back(run[i]);
    values.push_back(
        Value::ofTensor(parts.size() == 1 ? parts[0] : emit<nn::ConcatOp>(range, parts, top.getI64IntegerAttr(0))));
  }
  return Value::tuple(std::move(values));
}

/// Copies that are one body of code, as a loop over their parameters.
Value Elaborator::callCopies(Instance &instance, const Function *entry, std::vector<Given> given, const Copies &run,
                             Range range) {
  const Signature &signature = entry ? entry->signature : instance.layer->signature;
  nn::Dim copies = *instance.copies;
  if (signature.arguments.empty() || given.empty())
    return fail(Code::NN0413, range,
                "an entry of a `repeat` threads its first argument through all copies: it needs one");
  const Argument *threaded = signature.arguments.front();
  Given *x = nullptr;
  Loop loop(*this, run.runs[0].count, range, &instance, run.runs[0].first);
  for (auto &[at, cell] : routine->cells)
    loop.cellsBefore[at] = cell.current;
  for (auto [g, formal] : llvm::zip(given, formalsOf(signature, given))) {
    if (g.value.isPoison() || g.pattern)
      return {};
    g.value = first(g.value, g.range);
    if (formal == threaded) {
      x = &g;
      continue;
    }
    bool open = !formal || !formal->type || formal->type->isGraph() ||
                llvm::any_of(formal->type->dims, [](const Dim *d) { return d->sort == Dim::Ellipsis; });
    if (!open && g.value.isTensor() && g.value.shape().rank() == formal->type->dims.size() + 1 &&
        g.value.shape()[0] == copies)
      g.value = Value::ofTensor(loop.slice(g.value.tensor)); // dealt out row by row
  }
  if (!x)
    return fail(Code::NN0413, range, "argument `" + threaded->name.text.str() + "` is missing");
  mlir::Value initial;
  {
    mlir::OpBuilder::InsertionGuard guard(builder());
    builder().restoreInsertionPoint(loop.outer);
    if (threaded->type && x->value.isLiteral())
      x->value = coerceToElement(x->value, *threaded->type, x->range);
    initial = tensorOf(x->value, x->range);
    loop.outer = builder().saveInsertionPoint();
  }
  if (!initial)
    return {};
  x->value = Value::ofTensor(loop.carry(initial));
  Value result;
  {
    Scoped<Loop *> here(repeatLoop, &loop);
    result = callOnce(instance, entry, std::move(given), range);
  }
  if (result.isPoison())
    return {};
  if (result.kind == Value::Nothing)
    return fail(Code::NN0416, range, "an entry of a `repeat` needs a result: the next copy's first argument");
  std::vector<Value> parts = result.kind == Value::Tuple ? result.parts : std::vector<Value>{result};
  if (parts[0].type() != initial.getType())
    return fail(Code::NN0510, range, "the first result of a repeated layer must have the type of its first argument",
                {"argument " + nn::describe(initial.getType()), "result   " + nn::describe(parts[0].type())});
  llvm::SmallVector<mlir::Value> stacked;
  for (const Value &part : llvm::ArrayRef<Value>(parts).drop_front())
    stacked.push_back(part.tensor);
  for (auto &[place, value] : loop.writtenSlices)
    stacked.push_back(value);
  llvm::SmallVector<mlir::Value> results = loop.finish(stacked, {parts[0].tensor}, nullptr, false);
  std::vector<Value> values = {Value::ofTensor(results.back())};
  for (size_t i = 1; i < parts.size(); ++i)
    values.push_back(Value::ofTensor(results[i - 1]));
  for (auto [i, w] : llvm::enumerate(loop.writtenSlices)) {
    auto [owner, variable] = w.first;
    mlir::Value before = cell(*owner, *variable, range)->current;
    write(*owner, *variable, withPart(before, results[parts.size() - 1 + i], run, range), range);
  }
  return values.size() == 1 ? values[0] : Value::tuple(std::move(values));
}
