// One parameter's part of a train step: its optimizer, what that keeps, the average of the weights.
#include "compiler/frontend/ElaborateTraining.h"

using namespace nnc::frontend;
using llvm::dyn_cast;
using llvm::StringRef;

/// What an optimizer computes in: f32, f64 for f64.
mlir::Type Elaborator::masterType(mlir::Value value) {
  mlir::Type element = nn::elementOf(value.getType());
  return element.isF64() ? element : mlir::Float32Type::get(&context);
}

/// The update of a parameter; one optimizer at work on its copies.
struct Elaborator::ParameterUpdate {
  Elaborator &e;
  Training &t;
  Trained &p;
  mlir::Type master;
  mlir::Value now, average; ///< of all copies

  ParameterUpdate(Elaborator &e, Training &t, Trained &p)
      : e(e), t(t), p(p), master(e.masterType(p.value)), now(e.castTo(p.value, master, t.lossRange)), average(now) {}

  Trained::Kept &kept(const std::string &name, double initial, Range range);
  bool readStates(const Trained::Part &part, Frame &inner);
  bool run(const Trained::Part &part, mlir::Value gradient);
  void mix(const Trained::Part &part, mlir::Value w, Range range);

  struct State {
    const Variable *variable;
    Trained::Kept *shared; ///< with the other copies; null: it is of this part alone
    std::string path;      ///< of a part's own
  };
  std::vector<State> states; ///< of the part at work
};

/// A tensor like the parameter, of all copies. Optimizers of other copies may begin with another number.
Elaborator::Trained::Kept &Elaborator::ParameterUpdate::kept(const std::string &name, double initial, Range range) {
  for (unsigned i = 0;; ++i) {
    std::string own = i ? name + "." + std::to_string(i) : name;
    auto [at, isNew] = p.kept.try_emplace(own);
    if (isNew) {
      mlir::Type type = nn::withElement(p.value.getType(), master);
      at->second = {e.trainStorage(own + "/" + p.path, type, initial, range, p.repeats), initial};
    }
    if (at->second.initial == initial)
      return at->second;
  }
}

/// The path of what a part keeps for itself: that of its first copy.
static std::string pathOfPart(StringRef path, llvm::ArrayRef<int64_t> repeats, const Copies &copies) {
  std::string result;
  size_t k = 0;
  for (char c : path)
    if (c != '#')
      result += c;
    else if (copies.runs[k].first == 0 && copies.runs[k].count == repeats[2 * k + 1])
      result += '*', ++k;
    else
      result += std::to_string(repeats[2 * k] + copies.runs[k].first), ++k;
  return result;
}

bool Elaborator::ParameterUpdate::readStates(const Trained::Part &part, Frame &inner) {
  states.clear();
  for (const Node *statement : part.group->optimizer->body->statements) {
    auto *state = dyn_cast<Variable>(statement);
    if (!state)
      continue;
    if (state->condition) {
      Value condition = e.evaluateOne(*state->condition);
      if (condition.kind != Value::Boolean) {
        if (!condition.isPoison())
          e.fail(Code::NN0414, state->condition->range, "a condition must be known when compiling");
        return false;
      }
      if (!condition.flag)
        continue;
    }
    mlir::Type type = state->type ? e.evaluateType(*state->type) : p.value.getType();
    Value initial = state->value ? e.evaluateOne(*state->value) : Value::ofSize(0);
    if (!type || initial.isPoison())
      return false;
    if (!initial.isLiteral()) {
      e.fail(Code::NN0414, state->range, "the initial value of a state of an optimizer is a number");
      return false;
    }
    std::optional<double> number = e.realOf(Given{Name(), initial, nullptr, state->range}, "the initial value");
    if (!number)
      return false;
    std::string name = state->name.text.str();
    if (name == "gradient" || name == "average") // what the clauses keep has these names
      name = "state." + name;
    if (state->type) { // one for all copies of the part
      std::string path = name + "/" + pathOfPart(p.path, p.repeats, part.copies);
      inner.values[state] = Value::ofTensor(e.trainStorage(path, type, *number, state->range));
      states.push_back({state, nullptr, path});
    } else {
      Trained::Kept &shared = kept(name, *number, state->range);
      inner.values[state] = Value::ofTensor(e.partOf(shared.value, part.copies, state->range));
      states.push_back({state, &shared, ""});
    }
  }
  return true;
}

bool Elaborator::ParameterUpdate::run(const Trained::Part &part, mlir::Value gradient) {
  const Optimizer &optimizer = *part.group->optimizer;
  const Signature &signature = optimizer.signature;
  Range range = part.group->with->range;
  Frame inner;
  Value step = e.evaluateStep(range);
  mlir::Value w = e.castTo(e.partOf(p.value, part.copies, range), master, range);
  inner.values[signature.arguments[0]] = Value::ofTensor(w);
  inner.values[signature.arguments[1]] = Value::ofTensor(e.castTo(gradient, master, range));
  inner.values[signature.arguments[2]] = Value::ofTensor(e.castTo(step.tensor, master, range));
  for (auto &[argument, value] : part.group->arguments.values)
    inner.values[argument] = value.isTensor() ? Value::ofTensor(e.castTo(value.tensor, master, range)) : value;
  e.levels.push_back({"optimizer `" + optimizer.name.text.str() + "` for `" + p.path + "`", range});
  mlir::Location site = e.locate(range);
  Scoped<std::optional<mlir::Location>> here(e.inlinedAt, site);
  Scoped<Frame *> inside(e.frame, &inner);
  unsigned errors = e.diagnostics.errorCount();
  bool ok = e.evaluateDefaults(signature, inner) && readStates(part, inner);
  if (ok)
    e.evaluateBlock(*optimizer.body);
  e.levels.pop_back();
  if (!ok || e.diagnostics.errorCount() != errors)
    return false;
  for (const State &state : states) {
    mlir::Value value = inner.values[state.variable].tensor;
    if (state.shared)
      state.shared->value = e.withPart(state.shared->value, value, part.copies, range);
    else
      e.trainStore(state.path, value, range);
  }
  w = inner.values[signature.arguments[0]].tensor;
  now = e.withPart(now, w, part.copies, range);
  if (t.average > 0)
    mix(part, w, range);
  return true;
}

/// The average of the first update is its weights.
void Elaborator::ParameterUpdate::mix(const Trained::Part &part, mlir::Value w, Range range) {
  Trained::Kept &all = kept("average", 0, range);
  Value before = Value::ofTensor(e.partOf(all.value, part.copies, range)), now = Value::ofTensor(w);
  Value first = e.arithmetic("eq", {e.evaluateStep(range), Value::ofSize(1)}, range);
  Value mixed = e.arithmetic("add",
                             {e.arithmetic("mul", {before, Value::ofReal(t.average)}, range),
                              e.arithmetic("mul", {now, Value::ofReal(1 - t.average)}, range)},
                             range);
  mixed = e.arithmetic("where", {first, now, mixed}, range);
  average = e.withPart(average, mixed.tensor, part.copies, range);
}

/// Algorithm, for the copies of each optimizer:
/// 1. the gradient, clipped (`scale` is by its norm)
/// 2. the optimizer, in f32 (f64 for an f64 parameter)
/// 3. the average of the weights; that of copies that do not change is their weights
bool Elaborator::updateParameter(Training &t, Trained &p, const Value &scale) {
  ParameterUpdate update(*this, t, p);
  for (const Trained::Part &part : p.parts) {
    Range range = part.group->with->range;
    Value g = Value::ofTensor(partOf(p.gradient, part.copies, range));
    if (t.clipNorm > 0)
      g = arithmetic("mul", {g, Value::ofTensor(castTo(scale.tensor, masterType(g.tensor), range))}, range);
    if (t.clipValue > 0)
      g = arithmetic("clamp", {g, Value::ofReal(-t.clipValue), Value::ofReal(t.clipValue)}, range);
    if (!update.run(part, g.tensor))
      return false;
  }
  if (t.average > 0)
    p.kept["average"].value = update.average;
  for (auto &[name, kept] : p.kept)
    trainStore(name + "/" + p.path, kept.value, t.lossRange);
  t.stores.push_back({p.path, castTo(update.now, nn::elementOf(p.value.getType()), t.lossRange)});
  return true;
}
