// The update of a train step: gradients, clipping, optimizers, averages; everything is an operation on whole tensors.
#include "compiler/frontend/ElaborateTraining.h"

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
      for (const Trained::Part &part : p.parts)
        total = arithmetic("add", {total, sumOfSquares(partOf(p.gradient, part.copies, range), range)}, range);
    Value norm = arithmetic("add", {arithmetic("sqrt", {total}, range), Value::ofReal(1e-6)}, range);
    scale = arithmetic("minimum", {arithmetic("divide", {Value::ofReal(t.clipNorm), norm}, range), Value::ofSize(1)},
                       range);
  }
  for (Trained &p : chosen)
    if (!updateParameter(t, p, scale))
      return false;
  (void)evaluateStep(range); // it counts even if nothing reads it
  auto store = [&](const std::string &path, mlir::Value value, mlir::Value when) {
    nn::StoreOp::create(builder(), locate(range), value, when, path);
  };
  for (auto &[at, cell] : routine->cells) {
    mlir::Value now = cell.current;
    for (const Copies &copies : t.untouched.lookup(cell.input))
      now = withPart(now, partOf(cell.input, copies, range), copies, range);
    if (cell.written && now != cell.input)
      store(pathOf(*at.owner, *at.variable), now, finite.tensor);
  }
  for (auto &[path, value] : t.always)
    store(path, value, finite.tensor);
  for (auto &[path, value] : t.stores)
    store(path, value, ready.tensor);
  return true;
}
