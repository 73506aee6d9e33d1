// Functions of the module: one per layer, entry, settings and kinds of arguments; calls share it.
#include "compiler/frontend/Elaborator.h"

using namespace nnc::frontend;
using llvm::StringRef;

/// A key begins with whether `training` holds; functions that do not ask for it are shared by both.
static constexpr char kEither = 'x';

Made *Elaborator::find(const std::string &key, const Instance &instance) {
  std::string either = kEither + key.substr(1);
  std::string place = "@" + instance.describePath(); // what draws random numbers is made for each place: draws differ
  auto at = made.end();
  for (const std::string &k : {key, either, key + place, either + place})
    if (at == made.end())
      at = made.find(k);
  return at == made.end() ? nullptr : at->second.get();
}

std::string Elaborator::uniqueSymbol(StringRef wanted) {
  unsigned count = symbols[wanted]++;
  return count ? wanted.str() + "." + std::to_string(count) : wanted.str();
}

mlir::func::FuncOp Elaborator::beginFunction(Routine &routine, StringRef name, llvm::ArrayRef<mlir::Type> arguments,
                                             Range range) {
  routine.function = mlir::func::FuncOp::create(top, locate(range), name, top.getFunctionType(arguments, {}));
  mlir::Block *block = routine.function.addEntryBlock();
  routine.builder.setInsertionPointToEnd(block);
  return routine.function;
}

/// Sets the type and ends the body.
void Elaborator::finishFunction(Routine &routine, llvm::ArrayRef<mlir::Value> results, Range range) {
  mlir::func::ReturnOp::create(routine.builder, locate(range), results);
  mlir::Block &block = routine.function.getBody().front();
  llvm::SmallVector<mlir::Type> types;
  for (mlir::Value v : results)
    types.push_back(v.getType());
  routine.function.setType(top.getFunctionType(block.getArgumentTypes(), types));
  llvm::SmallVector<StringRef> names(routine.dims.begin(), routine.dims.end());
  routine.function->setAttr("nn.dims", top.getStrArrayAttr(names));
}

/// The values of a result as tensors; false after an error.
bool Elaborator::resultTensors(const Value &value, Range range, llvm::SmallVectorImpl<mlir::Value> &results) {
  if (value.kind == Value::Nothing)
    return true;
  for (const Value &part :
       value.kind == Value::Tuple ? llvm::ArrayRef<Value>(value.parts) : llvm::ArrayRef<Value>(value)) {
    mlir::Value v = part.kind == Value::Graph ? part.tensor : tensorOf(part, range);
    if (!v)
      return false;
    results.push_back(v);
  }
  return true;
}

Made &Elaborator::make(Instance &instance, const Function *entry, Frame inner, const std::vector<std::string> &dims,
                       llvm::ArrayRef<std::pair<const Argument *, mlir::Type>> arguments, const std::string &callee,
                       std::string key) {
  auto result = std::make_unique<Made>();
  const Signature &signature = entry ? entry->signature : instance.layer->signature;
  const Block &block = entry ? *entry->body : *instance.layer->body;
  Routine r(&context);
  r.root = &instance;
  r.training = trainingOf(instance);
  r.dims = dims;
  llvm::SmallVector<mlir::Type> types;
  for (auto [argument, type] : arguments)
    types.push_back(type);
  if (routine->inLoop())
    types.push_back(nn::tensorType({}, top.getI64Type()));

  unsigned errors = diagnostics.errorCount();
  Scoped<Loop *> noRepeat(repeatLoop, nullptr);
  Scoped<Body *> noBody(body, nullptr);
  Scoped<std::string> own(drawPath, modelName + "/" + instance.describePath() + "/" + callee);
  Scoped<std::optional<mlir::Location>> notInlined(inlinedAt, std::nullopt);
  beginFunction(r, uniqueSymbol(instance.layer->name.text.str() + "." + (entry ? entry->name.text.str() : "forward")),
                types, entry ? entry->range : instance.layer->range);
  r.function.setPrivate();
  for (auto [i, argument] : llvm::enumerate(arguments))
    inner.values[argument.first] = Value::ofTensor(r.function.getArgument(i));
  if (routine->inLoop())
    r.copy = r.function.getArgument(arguments.size());

  llvm::SmallVector<mlir::Value> results;
  {
    Scoped<Routine *> here(routine, &r);
    Scoped<Frame *> inside(frame, &inner);
    Scoped<std::optional<TypedPlace>> none(place, std::nullopt);
    Value value;
    if (makeLiterals(signature, inner) && evaluateDefaults(signature, inner))
      value = coerceResults(signature, evaluateBlock(block), resultRange(block), callee);
    result->failed = value.isPoison() || !resultTensors(value, resultRange(block), results);
  }
  result->failed |= diagnostics.errorCount() != errors;
  result->results = results.size();
  result->draws = r.draws;
  result->asksTraining = r.asksTraining;
  result->dims = r.dims;
  result->stateDims = r.stateDims;
  result->requirements = std::move(r.requirements);
  if (result->failed) {
    r.function.erase();
  } else {
    finishArguments(r, *result, arguments.size(), results);
    finishFunction(r, results, entry ? entry->range : instance.layer->range);
    result->function = r.function;
    llvm::SmallVector<const Type *> given, parameters, gives;
    for (auto [argument, type] : arguments)
      given.push_back(argument->type);
    for (const Made::Slot &slot : result->slots)
      parameters.push_back(slot.variable->type);
    for (unsigned i = 0; i < result->results; ++i)
      gives.push_back(signature.hasResult ? signature.results[i].type : nullptr);
    markPrecision(r.function, given, parameters, gives);
  }
  if (!result->asksTraining)
    key[0] = kEither;
  if (result->draws)
    key += "@" + instance.describePath();
  return *(made[std::move(key)] = std::move(result));
}

/// Typed arguments that came as literals get their types.
bool Elaborator::makeLiterals(const Signature &signature, Frame &inner) {
  for (const Argument *argument : signature.arguments) {
    Value literal = inner.values.lookup(argument);
    if (!literal.isLiteral() || !argument->type || argument->type->isGraph() || isOpen(*argument->type))
      continue;
    mlir::Type type = evaluateType(*argument->type);
    Value v = type ? coerce(literal, type, true, argument->range, "an argument") : Value();
    if (v.isPoison())
      return false;
    inner.values[argument] = v;
  }
  return true;
}

/// Puts the parameters in the order of their paths, after the `fixed` first arguments; the number of the copy is last.
void Elaborator::finishArguments(Routine &r, Made &result, unsigned fixed,
                                 llvm::SmallVectorImpl<mlir::Value> &results) {
  mlir::Block &block = r.function.getBody().front();
  std::map<Place, std::string> paths;
  for (auto &[at, cell] : r.cells)
    paths[at] = pathOf(*at.owner, *at.variable);
  llvm::sort(r.cells, [&](const auto &a, const auto &b) { return paths[a.first] < paths[b.first]; });
  llvm::SmallVector<mlir::Value> written;
  for (auto &[at, cell] : r.cells) {
    mlir::Value argument = block.addArgument(cell.input.getType(), cell.input.getLoc());
    cell.input.replaceAllUsesWith(argument);
    std::replace(results.begin(), results.end(), cell.input, argument);
    Made::Slot slot{{}, at.variable, cell.written};
    for (Instance *i = at.owner; i != r.root; i = i->parent)
      slot.chain.insert(slot.chain.begin(), i->use);
    result.slots.push_back(std::move(slot));
    if (cell.written)
      written.push_back(cell.current == cell.input ? argument : cell.current);
  }
  if (r.copy && r.usesCopy) {
    mlir::Value argument = block.addArgument(r.copy.getType(), r.copy.getLoc());
    r.copy.replaceAllUsesWith(argument);
    result.takesCopy = true;
  }
  llvm::append_range(results, written);
  block.eraseArguments(fixed, r.cells.size() + (r.copy ? 1 : 0));
}
