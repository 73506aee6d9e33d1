// The update of a train step: gradients, clipping, optimizers, averages; everything is an operation on whole tensors.
#include "compiler/frontend/ElaborateTraining.h"
#include "compiler/frontend/Scope.h"

using namespace nnc::frontend;
using llvm::dyn_cast;
using llvm::StringRef;

/// `with adam(lr, eps = 1e-6)`: the hyperparameters, once for all parameters of the group.
bool Elaborator::readOptimizer(const With &with, Training &t) {
  const Call &call = *with.optimizer;
  auto *name = dyn_cast<NameUse>(call.callee);
  auto *member = dyn_cast<Member>(call.callee);
  Declaration *d = name ? name->target.declaration : member ? member->target.declaration : nullptr;
  auto *optimizer = llvm::dyn_cast_or_null<Optimizer>(d);
  if (!optimizer || optimizer->broken)
    return false;
  auto group = std::make_unique<Training::Group>();
  group->with = &with;
  group->optimizer = optimizer;
  std::vector<Given> given = evaluateArguments(call, nullptr);
  const std::vector<Argument *> &formals = optimizer->signature.arguments;
  size_t position = 3; // after w, g, t
  for (Given &g : given) {
    const Argument *formal = nullptr;
    if (!g.name && position < formals.size())
      formal = formals[position++];
    for (size_t i = 3; i < formals.size(); ++i)
      if (g.name && formals[i]->name.text == g.name.text)
        formal = formals[i];
    if (!formal || g.pattern || group->arguments.values.contains(formal)) {
      fail(Code::NN0413, g.range, "`" + optimizer->name.text.str() + "` does not take this argument");
      return false;
    }
    Value v = first(g.value, g.range);
    if (v.isTensor() && v.shape().rank() != 0)
      v = fail(Code::NN0413, g.range, "a hyperparameter is a scalar", {"given " + nn::describe(v.type())});
    if (v.isPoison())
      return false;
    group->arguments.values[formal] = v;
  }
  for (size_t i = 3; i < formals.size(); ++i)
    if (!group->arguments.values.contains(formals[i]) && !formals[i]->value) {
      fail(Code::NN0413, call.range,
           "`" + optimizer->name.text.str() + "` needs its argument `" + formals[i]->name.text.str() + "`");
      return false;
    }
  t.groups.push_back(std::move(group));
  return true;
}

/// Everything that `value` is computed from.
static void collect(mlir::Value value, llvm::DenseSet<mlir::Value> &seen) {
  llvm::SmallVector<mlir::Value> work = {value};
  while (!work.empty()) {
    mlir::Value v = work.pop_back_val();
    if (!seen.insert(v).second)
      continue;
    mlir::Operation *op = v.getDefiningOp();
    if (!op)
      continue;
    llvm::append_range(work, op->getOperands());
    for (mlir::Region &region : op->getRegions()) // bodies read values from outside
      region.walk([&](mlir::Operation *inner) { llvm::append_range(work, inner->getOperands()); });
  }
}

/// The paths of all copies.
static std::vector<std::string> copiesOf(const std::string &path, const Instance &owner) {
  for (const Instance *i = &owner; i; i = i->parent)
    if (i->copies) {
      std::vector<std::string> paths;
      for (int64_t k = 0; k < *i->copies; ++k) {
        std::string one;
        for (char c : path)
          one += c == '#' ? std::to_string(i->first + k) : std::string(1, c);
        paths.push_back(std::move(one));
      }
      return paths;
    }
  return {path};
}

/// Whether the pattern fits all copies or none; reports one that fits some.
static std::optional<bool> fits(StringRef pattern, const std::vector<std::string> &paths) {
  size_t count = llvm::count_if(paths, [&](const std::string &p) { return pathMatches(pattern, p); });
  if (count != 0 && count != paths.size())
    return std::nullopt;
  return count != 0;
}

bool Elaborator::selectParameters(Training &t, std::vector<Trained> &chosen) {
  llvm::DenseSet<mlir::Value> reached;
  collect(t.loss, reached);
  llvm::DenseMap<const Text *, bool> used;
  bool ok = true;
  auto matches = [&](const Text &pattern, const std::vector<std::string> &paths) {
    std::optional<bool> all = fits(pattern.text, paths);
    if (!all) {
      fail(Code::NN0901, pattern.range,
           "a pattern that fits some copies of a `repeat` and not others is not available yet");
      ok = false;
    }
    used[&pattern] |= all.value_or(true);
    return all.value_or(false);
  };
  for (auto &[at, cell] : routine->cells) {
    std::vector<std::string> paths = copiesOf(pathOf(*at.owner, *at.variable), *at.owner);
    bool frozen = false;
    for (const Text *pattern : t.frozen)
      frozen |= matches(*pattern, paths);
    for (const Text *pattern : t.evaluated)
      (void)matches(*pattern, paths);
    Training::Group *group = nullptr;
    for (auto &g : t.groups) {
      bool mine = g->with->patterns.empty();
      for (const Text &pattern : g->with->patterns)
        mine |= matches(pattern, paths);
      if (mine)
        group = g.get(); // the last one that fits
    }
    if (frozen)
      t.untouched.insert(cell.input);
    if (at.variable->lifetime == Lifetime::Param && group && !frozen && reached.contains(cell.input) &&
        llvm::isa<mlir::FloatType>(nn::elementOf(cell.input.getType())))
      chosen.push_back({pathOf(*at.owner, *at.variable), repeatsAround(*at.owner), cell.input, group, nullptr});
  }
  auto complain = [&](const Text &pattern) {
    if (!used.lookup(&pattern)) {
      Suggestion suggestion(pattern.text);
      for (auto &[at, cell] : routine->cells)
        suggestion.consider(pathOf(*at.owner, *at.variable));
      fail(Code::NN0711, pattern.range, "`" + pattern.text.str() + "` fits no parameter or buffer that is used here",
           {}, suggestion.question());
      ok = false;
    }
  };
  for (const Text *pattern : t.frozen)
    complain(*pattern);
  for (const Text *pattern : t.evaluated)
    complain(*pattern);
  for (auto &g : t.groups)
    for (const Text &pattern : g->with->patterns)
      complain(pattern);
  return ok;
}

Value Elaborator::arithmetic(StringRef op, std::initializer_list<Value> values, Range range) {
  std::vector<Given> given;
  for (const Value &v : values)
    given.push_back({Name(), v, nullptr, range});
  return callOperation(op, std::move(given), range);
}

/// Gradients become means over several calls; gives whether this call is the last of them, and so makes an update.
Value Elaborator::accumulate(Training &t, llvm::MutableArrayRef<Trained> chosen, Value finite) {
  Range range = t.lossRange;
  mlir::Type type = nn::tensorType({}, top.getI64Type());
  Value calls = arithmetic("add", {Value::ofTensor(trainStorage("calls", type, 0, range)), Value::ofSize(1)}, range);
  Value due = arithmetic(
      "eq", {arithmetic("mod", {calls, Value::ofSize(int64_t(t.accumulate))}, range), Value::ofSize(0)}, range);
  t.always.push_back({t.name + "/calls", calls.tensor});
  for (Trained &p : chosen) {
    mlir::Value before = trainStorage("gradient/" + p.path, p.gradient.getType(), 0, range, p.repeats);
    Value sum = arithmetic("add", {Value::ofTensor(before), Value::ofTensor(p.gradient)}, range);
    t.always.push_back(
        {t.name + "/gradient/" + p.path, arithmetic("where", {due, Value::ofSize(0), sum}, range).tensor});
    p.gradient = arithmetic("divide", {sum, Value::ofReal(t.accumulate)}, range).tensor;
  }
  return arithmetic("and", {finite, due}, range);
}

/// In rows that are long enough for vectors, so that threads can share them.
Value Elaborator::sumOfSquares(mlir::Value gradient, Range range) {
  constexpr int64_t kLong = 64;
  nn::Shape shape = nn::shapeOf(gradient.getType());
  nn::Dim row = 1;
  while (shape.rank() > 0 && !(row.isConstant() && row.constant() >= kLong)) {
    row = row * shape.dims.back();
    shape.dims.pop_back();
  }
  nn::Dim rows = shape.count();
  Value g = Value::ofTensor(reshape(gradient, nn::Shape{rows, row}, range));
  return arithmetic("sum", {arithmetic("sum", {arithmetic("mul", {g, g}, range), Value::ofSize(-1)}, range)}, range);
}

/// Algorithm:
/// 1. the gradient of the loss by each chosen parameter; averaged over the calls of `accumulate`
/// 2. their norm, if it is clipped
/// 3. for each parameter: clipping, its optimizer in f32 (f64 for an f64 parameter), the average of the weights
/// 4. stores, which happen only if the loss is finite (and all calls of `accumulate` are done)
bool Elaborator::update(Training &t) {
  Range range = t.lossRange;
  std::vector<Trained> chosen;
  if (!selectParameters(t, chosen))
    return false;
  llvm::SmallVector<mlir::Value> inputs;
  for (Trained &p : chosen)
    inputs.push_back(p.value);
  Value finite = arithmetic("isfinite", {Value::ofTensor(t.loss)}, range), ready = finite;
  nn::NumericOp::create(builder(), locate(range), finite.tensor);
  if (!inputs.empty()) {
    auto grad = nn::GradOp::create(builder(), locate(range), mlir::ValueRange(inputs).getTypes(), t.loss, inputs);
    for (auto [p, g] : llvm::zip(chosen, grad.getResults()))
      p.gradient = castTo(g, masterType(p.value), range);
  }
  if (t.accumulate > 1)
    ready = accumulate(t, chosen, finite);
  Value scale;
  if (t.clipNorm > 0 && !chosen.empty()) {
    Value total = Value::ofSize(0);
    for (Trained &p : chosen)
      total = arithmetic("add", {total, sumOfSquares(p.gradient, range)}, range);
    Value norm = arithmetic("add", {arithmetic("sqrt", {total}, range), Value::ofReal(1e-6)}, range);
    scale = arithmetic("minimum", {arithmetic("divide", {Value::ofReal(t.clipNorm), norm}, range), Value::ofSize(1)},
                       range);
  }
  for (Trained &p : chosen) {
    Value g = Value::ofTensor(p.gradient);
    if (t.clipNorm > 0)
      g = arithmetic("mul", {g, Value::ofTensor(castTo(scale.tensor, masterType(g.tensor), range))}, range);
    if (t.clipValue > 0)
      g = arithmetic("clamp", {g, Value::ofReal(-t.clipValue), Value::ofReal(t.clipValue)}, range);
    p.gradient = g.tensor;
    if (!runOptimizer(t, p))
      return false;
  }
  (void)evaluateStep(range); // it counts even if nothing reads it
  auto store = [&](const std::string &path, mlir::Value value, mlir::Value when) {
    nn::StoreOp::create(builder(), locate(range), value, when, path);
  };
  for (auto &[at, cell] : routine->cells)
    if (cell.written && !t.untouched.contains(cell.input))
      store(pathOf(*at.owner, *at.variable), cell.current, finite.tensor);
  for (auto &[path, value] : t.always)
    store(path, value, finite.tensor);
  for (auto &[path, value] : t.stores)
    store(path, value, ready.tensor);
  return true;
}

/// What an optimizer computes in: f32, f64 for f64.
mlir::Type Elaborator::masterType(mlir::Value value) {
  mlir::Type element = nn::elementOf(value.getType());
  return element.isF64() ? element : mlir::Float32Type::get(&context);
}

bool Elaborator::runOptimizer(Training &t, Trained &p) {
  const Optimizer &optimizer = *p.group->optimizer;
  const Signature &signature = optimizer.signature;
  Range range = p.group->with->range;
  mlir::Type master = masterType(p.value), shaped = nn::withElement(p.value.getType(), master);
  Frame inner;
  Value step = evaluateStep(range);
  inner.values[signature.arguments[0]] = Value::ofTensor(castTo(p.value, master, range));
  inner.values[signature.arguments[1]] = Value::ofTensor(castTo(p.gradient, master, range));
  inner.values[signature.arguments[2]] = Value::ofTensor(castTo(step.tensor, master, range));
  for (auto &[argument, value] : p.group->arguments.values)
    inner.values[argument] = value.isTensor() ? Value::ofTensor(castTo(value.tensor, master, range)) : value;
  levels.push_back({"optimizer `" + optimizer.name.text.str() + "` for `" + p.path + "`", range});
  mlir::Location site = locate(range);
  Scoped<std::optional<mlir::Location>> here(inlinedAt, site);
  Scoped<Frame *> inside(frame, &inner);
  unsigned errors = diagnostics.errorCount();
  bool ok = evaluateDefaults(signature, inner);
  std::vector<std::pair<const Variable *, std::string>> states;
  for (const Node *statement : optimizer.body->statements) {
    auto *state = dyn_cast<Variable>(statement);
    if (!state || !ok)
      continue;
    if (state->condition) {
      Value condition = evaluateOne(*state->condition);
      if (condition.kind != Value::Boolean) {
        if (!condition.isPoison())
          fail(Code::NN0414, state->condition->range, "a condition must be known when compiling");
        ok = false;
      }
      if (!condition.flag)
        continue;
    }
    mlir::Type type = state->type ? evaluateType(*state->type) : shaped;
    Value initial = state->value ? evaluateOne(*state->value) : Value::ofSize(0);
    std::optional<double> number = type && initial.isLiteral()
                                       ? realOf(Given{Name(), initial, nullptr, state->range}, "the initial value")
                                       : std::nullopt;
    if (!number) {
      if (type && !initial.isPoison() && !initial.isLiteral())
        fail(Code::NN0414, state->range, "the initial value of a state of an optimizer is a number");
      ok = false;
      continue;
    }
    std::string kept = state->name.text.str();
    if (kept == "gradient" || kept == "average") // what the clauses keep has these names
      kept = "state." + kept;
    std::string path = kept + "/" + p.path;
    std::vector<int64_t> repeats = p.repeats;
    if (state->type) { // one for all copies
      std::replace(path.begin(), path.end(), '#', '*');
      repeats.clear();
    }
    inner.values[state] = Value::ofTensor(trainStorage(path, type, *number, state->range, repeats));
    states.push_back({state, path});
  }
  if (ok)
    evaluateBlock(*optimizer.body);
  levels.pop_back();
  if (!ok || diagnostics.errorCount() != errors)
    return false;
  for (auto &[state, path] : states)
    trainStore(path, inner.values[state].tensor, range);
  mlir::Value w = inner.values[signature.arguments[0]].tensor;
  if (t.average > 0) {
    mlir::Value before = trainStorage("average/" + p.path, shaped, 0, range, p.repeats);
    Value now = Value::ofTensor(w), first = arithmetic("eq", {step, Value::ofSize(1)}, range);
    Value mixed = arithmetic("add",
                             {arithmetic("mul", {Value::ofTensor(before), Value::ofReal(t.average)}, range),
                              arithmetic("mul", {now, Value::ofReal(1 - t.average)}, range)},
                             range);
    trainStore("average/" + p.path, arithmetic("where", {first, now, mixed}, range).tensor, range);
  }
  t.stores.push_back({p.path, castTo(w, nn::elementOf(p.value.getType()), range)});
  return true;
}
