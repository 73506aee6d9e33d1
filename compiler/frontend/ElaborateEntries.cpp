// Exported models: their entries, and what C has to know about each.
#include "compiler/frontend/Elaborator.h"
#include "compiler/frontend/Program.h"

using namespace nnc::frontend;
using llvm::StringRef;

void Elaborator::elaborateModel(const Layer &layer) {
  modelName = cName(layer.name.text);
  storage.clear();
  Callable callable;
  callable.layer = &layer;
  for (const Setting *setting : layer.settings)
    if (const Expr *defined = program.definitions.lookup(setting)) {
      Scoped<Frame *> inside(frame, &fileFrame);
      Value v = evaluateSetting(*setting, *defined);
      callable.settings.push_back({setting, v});
    }
  std::unique_ptr<Instance> root = instantiate(callable, nullptr, nullptr, layer.range);
  if (root->broken)
    return;
  nn::ModelOp::create(top, locate(layer.range), layer.name.text, modelName, layer.documentation);
  modelInstance = root.get();
  if (layer.hasArguments)
    elaborateEntry(*root, nullptr);
  for (const Function *function : layer.functions())
    if (!function->name.isPrivate())
      elaborateEntry(*root, function);
  if (!options.inference)
    for (const Train *train : program.trains)
      if (train->model == &layer)
        elaborateTrain(*root, *train);
  modelInstance = nullptr;
  instances.push_back(std::move(root)); // functions made for it may serve the next model
}

void Elaborator::elaborateEntry(Instance &root, const Function *entry) {
  const Signature &signature = entry ? entry->signature : root.layer->signature;
  const Declaration &declaration = entry ? static_cast<const Declaration &>(*entry) : *root.layer;
  const Block *body = entry ? entry->body : root.layer->body;
  if (declaration.broken || !body)
    return;
  StringRef name = entry ? entry->name.text : "forward";
  Routine r(&context);
  Frame inner;
  beginEntry(r, inner, root, signature, name, declaration.range);
  llvm::SmallVector<mlir::Value> results;
  unsigned errors = diagnostics.errorCount();
  {
    Scoped<Routine *> here(routine, &r);
    Scoped<Frame *> inside(frame, &inner);
    bool ok = bindEntryArguments(r, signature, inner);
    Value value = ok ? evaluateBlock(*body) : Value();
    value = coerceResults(signature, value, resultRange(*body), name);
    ok = ok && !value.isPoison() && resultTensors(value, resultRange(*body), results) &&
         diagnostics.errorCount() == errors;
    if (ok) {
      storeWritten(r, resultRange(*body));
      emitRequirements(r);
      finishFunction(r, results, resultRange(*body));
      describeEntry(r, name, declaration, signature, results, /*isTrain=*/false);
    } else {
      r.function.erase();
    }
  }
}

void Elaborator::beginEntry(Routine &r, Frame &inner, Instance &root, const Signature &signature, StringRef name,
                            Range range) {
  r.root = &root;
  r.isEntry = true;
  inner.parent = &root.frame;
  inner.instance = &root;
  inner.ellipsis = nn::Shape();
  drawPath = name.str();
  beginFunction(r, modelName + "." + name.str(), {}, range);
  for (const FreeDim *dim : signature.freeDims) {
    inner.values[dim] = Value::ofSize(nn::Dim::symbol(dim->name.text));
    r.dims.push_back(dim->name.text.str());
  }
}

bool Elaborator::bindEntryArguments(Routine &r, const Signature &signature, Frame &inner) {
  mlir::Block &block = r.function.getBody().front();
  for (const Argument *argument : signature.arguments) {
    mlir::Type type = argument->type ? evaluateType(*argument->type) : nullptr;
    if (!type)
      return false;
    inner.values[argument] = Value::ofTensor(block.addArgument(type, locate(argument->range)));
  }
  return true;
}

/// Buffers and states that the entry changed.
void Elaborator::storeWritten(Routine &r, Range range) {
  for (auto &[at, cell] : r.cells)
    if (cell.written)
      nn::StoreOp::create(r.builder, locate(range), cell.current, mlir::Value(), pathOf(*at.owner, *at.variable));
}

void Elaborator::emitRequirements(Routine &r) {
  mlir::OpBuilder b = mlir::OpBuilder::atBlockBegin(&r.function.getBody().front());
  for (const Requirement &q : r.requirements)
    nn::RequireOp::create(b, r.function.getLoc(), q.kind, nn::DimAttr::get(&context, q.a),
                          nn::DimAttr::get(&context, q.b), q.text);
}

/// `[B, 2 * d]` as written, one text for each axis.
static std::vector<StringRef> writtenShape(const Type *type) {
  std::vector<StringRef> texts;
  if (type)
    for (const Dim *dim : type->dims)
      texts.push_back(dim->range.text());
  return texts;
}

/// The attribute `nn.entry`: what the header, the manifest and m_call need (rules 16).
void Elaborator::describeEntry(Routine &r, StringRef name, const Declaration &declaration, const Signature &signature,
                               llvm::ArrayRef<mlir::Value> results, bool isTrain) {
  mlir::OpBuilder &b = top;
  llvm::SmallVector<mlir::Attribute> arguments;
  auto add = [&](StringRef name, StringRef kind, mlir::Type type, llvm::ArrayRef<StringRef> shape, StringRef doc,
                 const Argument *argument = nullptr) {
    mlir::NamedAttrList list;
    list.append("name", b.getStringAttr(name));
    list.append("kind", b.getStringAttr(kind));
    list.append("type", mlir::TypeAttr::get(type));
    list.append("shape", b.getStrArrayAttr(shape));
    list.append("doc", b.getStringAttr(doc));
    list.append("optional", b.getBoolAttr(argument && argument->value));
    if (argument && argument->value)
      list.append("default", defaultOf(r, *argument, type));
    arguments.push_back(list.getDictionary(&context));
  };
  for (auto &[name, size] : r.stateDims)
    if (std::optional<StringRef> symbol = size.asSymbol())
      r.knownDims.push_back(symbol->str());
  for (mlir::Value v : r.function.getArguments())
    if (auto graph = llvm::dyn_cast<nn::GraphType>(v.getType()))
      for (const nn::Dim &d : {graph.getSources(), graph.getTargets(), graph.getEdges()})
        if (std::optional<StringRef> symbol = d.asSymbol())
          r.knownDims.push_back(symbol->str());
  for (const std::string &dim : r.dims)
    if (!llvm::is_contained(r.knownDims, dim))
      add(dim, "dim", b.getI64Type(), {}, "");
  for (auto [argument, value] : llvm::zip(signature.arguments, r.function.getArguments())) {
    mlir::Type type = value.getType();
    bool isGraph = llvm::isa<nn::GraphType>(type);
    add(argument->name.text,
        isGraph                    ? "graph"
        : nn::shapeOf(type).rank() ? "input"
                                   : "scalar",
        type, writtenShape(argument->type), argument->documentation, argument);
  }
  if (isTrain)
    add("loss", "output", results[0].getType(), {}, "");
  size_t offset = isTrain ? 1 : 0;
  for (size_t i = offset; i < results.size(); ++i) {
    const Result *written = i - offset < signature.results.size() ? &signature.results[i - offset] : nullptr;
    bool single = results.size() - offset == 1;
    std::string text = written && written->name ? written->name.text.str() : single && !isTrain ? "out" : "";
    if (text.empty())
      text = "out" + std::to_string(i - offset);
    add(text, "output", results[i].getType(), written ? writtenShape(written->type) : std::vector<StringRef>(), "");
  }
  mlir::NamedAttrList entry;
  entry.append("model", b.getStringAttr(modelInstance->layer->name.text));
  entry.append("name", b.getStringAttr(name));
  entry.append("function", b.getStringAttr(modelName + "_" + name.str()));
  entry.append("doc", b.getStringAttr(declaration.documentation));
  entry.append("arguments", b.getArrayAttr(arguments));
  entry.append("train", b.getBoolAttr(isTrain));
  if (!r.stateDims.empty()) {
    mlir::NamedAttrList sizes;
    for (auto &[name, size] : r.stateDims)
      sizes.append(name, nn::DimAttr::get(&context, size));
    r.function->setAttr("nn.state_dims", sizes.getDictionary(&context));
  }
  r.function->setAttr("nn.entry", entry.getDictionary(&context));
  r.function->setAttr("nn.model", b.getStringAttr(modelInstance->layer->name.text));
}

/// What the prologue puts where C gives NULL: a number, a size, or the name of another argument.
mlir::Attribute Elaborator::defaultOf(Routine &r, const Argument &argument, mlir::Type type) {
  if (auto *name = llvm::dyn_cast<NameUse>(argument.value))
    if (auto *other = llvm::dyn_cast_or_null<Argument>(name->target.declaration))
      return top.getStringAttr(other->name.text);
  Value v = evaluateOne(*argument.value);
  mlir::Type element = nn::elementOf(type);
  if (v.kind == Value::Size && !v.integer())
    return nn::DimAttr::get(&context, v.size);
  if (v.isLiteral() && llvm::isa<mlir::FloatType>(element))
    return top.getFloatAttr(element, v.kind == Value::Real ? v.real : double(v.integer().value_or(0)));
  if (v.isLiteral() && v.kind != Value::Real)
    return top.getIntegerAttr(element, v.kind == Value::Boolean ? int64_t(v.flag) : *v.integer());
  if (!v.isPoison())
    fail(Code::NN0901, argument.value->range, "a default of an entry that is computed is not available yet", {},
         "numbers, sizes and other arguments are");
  return top.getUnitAttr();
}
