// `train` blocks: the loss, its gradient, and the optimizers, as operations of one entry.
#include "compiler/frontend/ElaborateTraining.h"

using namespace nnc::frontend;
using llvm::cast;
using llvm::dyn_cast;
using llvm::dyn_cast_or_null;
using llvm::StringRef;

// ---- paths
// -----------------------------------------------------------------------------------------------------------

/// `*` stands for any characters of one part.
static bool partMatches(StringRef pattern, StringRef part) {
  size_t star = pattern.find('*');
  if (star == StringRef::npos)
    return pattern == part;
  StringRef head = pattern.take_front(star), tail = pattern.drop_front(star + 1);
  if (!part.consume_front(head))
    return false;
  for (size_t i = 0; i <= part.size(); ++i)
    if (partMatches(tail, part.drop_front(i)))
      return true;
  return false;
}

bool nnc::frontend::pathMatches(StringRef pattern, StringRef path) {
  if (pattern.consume_front("**.")) {
    for (StringRef rest = path; !rest.empty(); rest = rest.split('.').second)
      if (pathMatches(pattern, rest))
        return true;
    return false;
  }
  auto [part, more] = pattern.split('.');
  auto [here, below] = path.split('.');
  if (!partMatches(part, here))
    return false;
  return more.empty() || (!below.empty() && pathMatches(more, below)); // a layer's path means all below it
}

/// The path of a layer as its tensors have it, in the copy of which the body is made; parts that are flattened away do
/// not count.
std::string Elaborator::layerPath(const Instance &instance) {
  std::string path;
  for (const Instance *i = &instance; i->parent; i = i->parent) {
    std::string part = i->use->alias ? i->use->alias.path.str() : i->use->name.text.str();
    if (auto copy = copyAt.find(i); copy != copyAt.end()) { // the number goes where `#` stands, else in front
      std::string number = std::to_string(copy->second);
      std::string &numbered = path.find('#') != std::string::npos ? path : part;
      if (size_t at = numbered.find('#'); at != std::string::npos)
        numbered.replace(at, 1, number);
      else
        path = number + (path.empty() ? "" : "." + path);
    }
    if (part.find('*') == std::string::npos)
      path = part + (path.empty() ? "" : "." + path);
  }
  return path;
}

bool Elaborator::trainingOf(const Instance &instance) {
  if (!routine->training || !training)
    return routine->training;
  std::string path = layerPath(instance);
  for (const Text *pattern : training->evaluated)
    if (pathMatches(pattern->text, path))
      return false;
  return true;
}

/// Functions are shared by layers only if `eval` treats all that is in them alike, which each train block says anew,
/// and with `precision bf16` by none without.
std::string Elaborator::trainingKey(const Instance &instance) {
  if (!training)
    return "";
  return (training->isPrecisionLow ? "bf16" : "") +
         (training->evaluated.empty() ? ""
                                      : training->name + "/" + instance.describePath() + "/" + layerPath(instance));
}

/// What pass `lower-precision` is told of a function: which values are `float`, and so may be bf16, and which arguments
/// have another type because that is written. Parameters come after the arguments.
void Elaborator::markPrecision(mlir::func::FuncOp function, llvm::ArrayRef<const Type *> arguments,
                               llvm::ArrayRef<const Type *> parameters, llvm::ArrayRef<const Type *> results) {
  if (!training || !training->isPrecisionLow)
    return;
  auto open = [&](llvm::ArrayRef<const Type *> types, mlir::TypeRange given) {
    llvm::SmallVector<int64_t> numbers;
    for (auto [i, type] : llvm::enumerate(types))
      if ((!type || type->name.text == "float") && nn::isValue(given[i]) && nn::elementOf(given[i]) == floatType())
        numbers.push_back(int64_t(i));
    return top.getDenseI64ArrayAttr(numbers);
  };
  function->setAttr("nn.precision", mlir::TypeAttr::get(mlir::BFloat16Type::get(&context)));
  function->setAttr("nn.float_arguments", open(arguments, function.getArgumentTypes()));
  function->setAttr("nn.float_results", open(results, function.getResultTypes()));
  llvm::SmallVector<int64_t> written;
  for (auto [i, type] : llvm::enumerate(llvm::concat<const Type *const>(arguments, parameters)))
    if (type && type->name.text != "float")
      written.push_back(int64_t(i));
  function->setAttr("nn.written", top.getDenseI64ArrayAttr(written));
}

// ---- the block
// -------------------------------------------------------------------------------------------------------

/// `repeats` of the parameter that it belongs to, if it has a slice for each copy.
mlir::Value Elaborator::trainStorage(StringRef path, mlir::Type type, double initial, Range range,
                                     llvm::ArrayRef<int64_t> repeats) {
  Training &t = *training;
  std::string full = t.name + "/" + path.str();
  mlir::Block &block = routine->function.getBody().front();
  mlir::OpBuilder b = mlir::OpBuilder::atBlockBegin(&block);
  mlir::Value value = nn::ParameterOp::create(b, locate(range), type, full);
  Routine r(&context);
  {
    Scoped<Routine *> here(routine, &r);
    Scoped<std::optional<mlir::Location>> notInlined(inlinedAt, std::nullopt);
    beginFunction(r, modelName + ".init." + full, {}, range);
    mlir::Value v = llvm::isa<mlir::FloatType>(nn::elementOf(type))
                        ? emit<nn::ConstantOp>(range, type, initial)
                        : emit<nn::ConstantOp>(range, type, int64_t(initial));
    finishFunction(r, v, range);
  }
  auto text = [&](const llvm::Twine &s) { return top.getStringAttr(s); };
  nn::StorageOp::create(top, locate(range), text(full), text(modelInstance->layer->name.text),
                        mlir::TypeAttr::get(type), top.getBoolAttr(false), text(""),
                        mlir::FlatSymbolRefAttr::get(r.function.getSymNameAttr()),
                        repeats.empty() ? mlir::DenseI64ArrayAttr() : top.getDenseI64ArrayAttr(repeats), text(t.name),
                        mlir::DictionaryAttr());
  return value;
}

void Elaborator::trainStore(StringRef path, mlir::Value value, Range range) {
  training->stores.push_back({training->name + "/" + path.str(), value});
}

/// The number of this update, from 1; read from where the optimizer keeps it.
Value Elaborator::evaluateStep(Range range) {
  if (!training)
    return fail(Code::NN0705, range, "`step` counts updates: it is known in `train` only");
  if (!training->step) {
    mlir::OpBuilder::InsertionGuard guard(builder());
    mlir::Type type = nn::tensorType({}, top.getI64Type());
    mlir::Value before = trainStorage("step", type, 0, range);
    builder().setInsertionPointAfterValue(before);
    mlir::Value one = emit<nn::ConstantOp>(range, type, int64_t(1));
    training->step = emit<nn::AddOp>(range, before, one);
    trainStore("step", training->step, range);
  }
  return Value::ofTensor(training->step);
}

bool Elaborator::readClauses(const Train &train, Training &t) {
  auto number = [&](const Word &word, double &to) {
    Value v = word.number ? evaluateOne(*word.number) : Value();
    std::optional<double> r =
        v.isPoison() ? std::nullopt : realOf(Given{Name(), v, nullptr, word.number->range}, "the number");
    to = r.value_or(0);
    return r.has_value();
  };
  for (const Node *statement : train.body->statements) {
    if (auto *paths = dyn_cast<Paths>(statement)) {
      for (const Text &text : paths->patterns)
        (paths->freeze ? t.frozen : t.evaluated).push_back(&text);
    } else if (auto *word = dyn_cast<Word>(statement)) {
      StringRef name = word->word.text;
      bool ok = true;
      if (name == "clip")
        ok = number(*word, word->mode.text == "norm" ? t.clipNorm : t.clipValue);
      else if (name == "accumulate")
        ok = number(*word, t.accumulate) && t.accumulate >= 1;
      else if (name == "average")
        ok = number(*word, t.average);
      else
        t.isPrecisionLow = true;
      if (!ok)
        return false;
    }
  }
  return true;
}

void Elaborator::elaborateTrain(Instance &root, const Train &train) {
  if (train.broken || !train.body)
    return;
  Training t;
  t.name = (train.turn ? train.turn.text.str() + "_" : std::string("train_")) + "step";
  Routine r(&context);
  r.training = true;
  Frame inner;
  beginEntry(r, inner, root, train.signature, t.name, train.range);
  unsigned errors = diagnostics.errorCount();
  llvm::SmallVector<mlir::Value> results;
  {
    Scoped<Training *> now(training, &t);
    Scoped<const Layer *> model(trained, root.layer);
    Scoped<Routine *> here(routine, &r);
    Scoped<Frame *> inside(frame, &inner);
    bool ok = readClauses(train, t) && bindEntryArguments(r, train.signature, inner);
    Value metrics = Value::nothing();
    for (const Node *statement : train.body->statements) {
      if (!ok)
        break;
      if (auto *let = dyn_cast<Let>(statement))
        executeLet(*let);
      else if (auto *minimize = dyn_cast<Minimize>(statement))
        ok = evaluateLoss(*minimize, t);
      else if (auto *with = dyn_cast<With>(statement))
        ok = readOptimizer(*with, t);
      else if (auto *values = dyn_cast<Values>(statement); values && values == train.body->result()) {
        std::vector<Value> parts;
        for (const Expr *e : values->values)
          parts.push_back(values->values.size() == 1 ? evaluate(*e) : evaluateOne(*e));
        metrics = parts.size() == 1 ? parts[0] : Value::tuple(std::move(parts));
      }
    }
    Range last = resultRange(*train.body);
    ok = ok && t.loss && diagnostics.errorCount() == errors;
    if (ok)
      metrics = coerceResults(train.signature, metrics, last, t.name);
    if (ok) {
      mlir::Type wide = floatType().isF64() ? floatType() : mlir::Float32Type::get(&context);
      results.push_back(castTo(t.loss, wide, t.lossRange));
      ok = !metrics.isPoison() && resultTensors(metrics, last, results) && update(t);
    }
    if (ok && diagnostics.errorCount() == errors) {
      emitRequirements(r);
      finishFunction(r, results, last);
      describeEntry(r, t.name, train, train.signature, results, /*isTrain=*/true);
      markPrecision(r.function, {}, {}, {});
      return;
    }
  }
  r.function.erase();
}

bool Elaborator::evaluateLoss(const Minimize &minimize, Training &t) {
  Range range = minimize.value->range;
  Value v = evaluateOne(*minimize.value);
  if (v.isPoison())
    return false;
  if (!v.isTensor() || v.shape().rank() != 0 || !llvm::isa<mlir::FloatType>(v.element())) {
    fail(Code::NN0710, range, "what is minimized is one float",
         v.isTensor() ? std::vector<std::string>{"given " + nn::describe(v.type())} : std::vector<std::string>(),
         v.isTensor() && v.shape().rank() ? "take its `mean` or `sum`" : "");
    return false;
  }
  t.loss = tensorOf(v, range);
  t.lossRange = range;
  return true;
}
