// Parameters, buffers and states: their types, paths and current values.
#include "compiler/frontend/Elaborator.h"

using namespace nnc::frontend;
using llvm::StringRef;

/// Stands for the number of the copy in a path until it is printed as `#`.
static constexpr char kNumber = '\1';

static std::string lastPart(const Name &name, const Alias &alias) { return alias ? alias.path.str() : name.text.str(); }

std::string Elaborator::pathOf(const Instance &owner, const Variable &variable) {
  std::string path = lastPart(variable.name, variable.alias);
  for (const Instance *i = &owner; i->parent; i = i->parent) {
    std::string part = lastPart(i->use->name, i->use->alias);
    if (i->copies) { // the number goes where `#` stands, else in front
      if (path.find('#') != std::string::npos)
        std::replace(path.begin(), path.end(), '#', kNumber);
      else if (part.find('#') != std::string::npos)
        std::replace(part.begin(), part.end(), '#', kNumber);
      else
        path = std::string(1, kNumber) + "." + path;
    }
    if (size_t star = part.find('*'); star != std::string::npos) {
      size_t dot = path.find('.');
      std::string first = path.substr(0, dot), rest = dot == std::string::npos ? "" : path.substr(dot);
      path = part.substr(0, star) + first + part.substr(star + 1) + rest;
    } else {
      path = part + "." + path;
    }
  }
  std::replace(path.begin(), path.end(), kNumber, '#');
  return path;
}

/// The leading axes that `repeat`s put before a tensor of this owner, seen from the function being made.
nn::Shape Elaborator::stackedAxes(const Instance &owner) {
  nn::Shape axes;
  for (const Instance *i = &owner; i && i != routine->root; i = i->parent)
    if (i->copies)
      axes.dims.insert(axes.dims.begin(), nn::Dim(*i->copies));
  return axes;
}

mlir::Type Elaborator::typeOfVariable(Instance &owner, const Variable &variable) {
  Frame inside;
  inside.parent = &owner.frame;
  inside.instance = &owner;
  Scoped<Frame *> here(frame, &inside);
  return evaluateType(*variable.type);
}

Cell *Elaborator::cell(Instance &owner, const Variable &variable, Range range) {
  if (auto known = routine->cellAt.find({&owner, &variable}); known != routine->cellAt.end())
    return &routine->cells[known->second].second;
  mlir::Type one = typeOfVariable(owner, variable);
  if (!one)
    return nullptr;
  nn::Shape shape = stackedAxes(owner);
  llvm::append_range(shape.dims, nn::shapeOf(one));
  if (!checkShape(shape, range))
    return nullptr;
  mlir::Type type = nn::tensorType(shape, nn::elementOf(one));
  mlir::Block &block = routine->function.getBody().front();
  Cell made;
  mlir::Location location = locate(variable.range);
  if (routine->isEntry) {
    std::string path = pathOf(owner, variable);
    bool isState = variable.lifetime == Lifetime::State;
    if (isState ? !declareState(owner, variable, path) : !declareStorage(owner, variable, type, path))
      return nullptr;
    mlir::OpBuilder b = mlir::OpBuilder::atBlockBegin(&block);
    if (routine->lastInput)
      b.setInsertionPointAfter(routine->lastInput);
    made.input = isState ? nn::StateValueOp::create(b, location, type, path).getResult()
                         : nn::ParameterOp::create(b, location, type, path).getResult();
    routine->lastInput = made.input.getDefiningOp();
  } else {
    made.input = block.addArgument(type, location);
  }
  made.current = made.input;
  routine->cellAt[{&owner, &variable}] = routine->cells.size();
  routine->cells.push_back({Place{&owner, &variable}, made});
  return &routine->cells.back().second;
}

Value Elaborator::readVariable(Instance &owner, const Variable &variable, Range range) {
  if (owner.broken || variable.broken)
    return {};
  if (!routine || !routine->root)
    return fail(Code::NN0414, range, "a parameter is not known when compiling");
  bool absent = !holding(owner, variable);
  if (!absent && variable.condition) {
    Scoped<Frame *> inside(frame, &owner.frame);
    Value condition = evaluateOne(*variable.condition);
    if (condition.kind != Value::Boolean)
      return condition.isPoison()
                 ? Value()
                 : fail(Code::NN0414, variable.condition->range, "a condition must be known when compiling");
    absent = !condition.flag;
  }
  if (!absent) {
    Cell *c = cell(owner, variable, range);
    return c ? Value::ofTensor(c->current) : Value();
  }
  std::string name = variable.name.text.str();
  if (!variable.otherwise)
    return fail(Code::NN0507, range, "`" + name + "` is absent: its condition does not hold", {},
                "give it an `else`, or do not read it then");
  mlir::Type type = typeOfVariable(owner, variable);
  Scoped<Frame *> inside(frame, &owner.frame);
  return type ? coerce(evaluateOne(*variable.otherwise), type, true, variable.otherwise->range, "`" + name + "`")
              : Value();
}

void Elaborator::write(Instance &owner, const Variable &variable, mlir::Value value, Range range) {
  if (Cell *c = cell(owner, variable, range)) {
    c->current = value;
    c->written = true;
  }
}

static std::string samePath(const std::string &path, const Place &one, const Place &other) {
  auto shown = [](const Place &p) {
    std::string owner = p.owner->describePath();
    return "`" + (owner.empty() ? "" : owner + ".") + p.variable->name.text.str() + "`";
  };
  return "two tensors of the model have the path `" + path + "`: " + shown(one) + " and " + shown(other);
}

/// Where the user's own files declare it, or the layer of the standard library that has it.
static Range userRange(const Instance &owner, const Variable &variable) {
  Range range = variable.range;
  for (const Instance *i = &owner; i->parent && range.file && range.file->isLibrary; i = i->parent)
    range = i->use->range;
  return range;
}

/// (first, number) of each `repeat` around, the outermost one first.
std::vector<int64_t> Elaborator::repeatsAround(const Instance &owner) {
  std::vector<int64_t> repeats;
  for (const Instance *i = &owner; i; i = i->parent)
    if (i->copies)
      repeats.insert(repeats.begin(), {int64_t(i->first), int64_t(*i->copies)});
  return repeats;
}

/// The nn.storage of a parameter or buffer, once for each model.
bool Elaborator::declareStorage(Instance &owner, const Variable &variable, mlir::Type type, const std::string &path) {
  auto [at, isNew] = storage.try_emplace(path, Place{&owner, &variable});
  if (!isNew) {
    if (at->second == Place{&owner, &variable})
      return true;
    fail(Code::NN0508, userRange(owner, variable), samePath(path, at->second, {&owner, &variable}), {},
         "`as` gives another name");
    return false;
  }
  std::vector<int64_t> repeats = repeatsAround(owner);
  mlir::FlatSymbolRefAttr initialiser;
  if (variable.value && !(initialiser = makeInitialiser(owner, variable, path)))
    return false;
  auto text = [&](const llvm::Twine &t) { return top.getStringAttr(t); };
  nn::StorageOp::create(top, locate(variable.range), text(path), text(modelInstance->layer->name.text),
                        mlir::TypeAttr::get(type), top.getBoolAttr(variable.lifetime == Lifetime::Buffer),
                        text(variable.documentation), initialiser,
                        repeats.empty() ? mlir::DenseI64ArrayAttr() : top.getDenseI64ArrayAttr(repeats),
                        mlir::StringAttr(), mlir::DictionaryAttr());
  return true;
}

// ---- states
// ----------------------------------------------------------------------------------------------------------

/// A size of the context, in sizes of the function being made: its own free dimension of that name, else one more.
nn::Dim Elaborator::stateDim(StringRef name) {
  for (auto &[known, size] : routine->stateDims)
    if (known == name)
      return size;
  nn::Dim size = nn::Dim::symbol(name);
  const Value *own = nullptr;
  for (Frame *f = frame; f && !own; f = f->parent)
    for (auto &[declaration, value] : f->values)
      if (auto *dim = llvm::dyn_cast<FreeDim>(declaration);
          dim && dim->sort != FreeDim::OfState && dim->name.text == name)
        own = &value;
  if (own)
    size = own->size;
  else if (!llvm::is_contained(routine->dims, name))
    routine->dims.push_back(name.str());
  routine->stateDims.push_back({name.str(), size});
  return size;
}

/// Whether states of the layer whose block this is have a size of that name.
bool Elaborator::hasStateDim(StringRef name) {
  return frame->instance &&
         llvm::any_of(frame->instance->layer->stateDims, [&](const FreeDim *d) { return d->name.text == name; });
}

/// A called function says what a size of the context is.
bool Elaborator::agreeOnStateDim(StringRef name, const nn::Dim &size, Range range) {
  for (auto &[known, own] : routine->stateDims)
    if (known == name)
      return require("equal", own, size, range, Code::NN0204,
                     "size " + name.str() + " of the states is " + own.str() + " and " + size.str());
  routine->stateDims.push_back({name.str(), size});
  return true;
}

/// The nn.state of a state, once for each model.
bool Elaborator::declareState(Instance &owner, const Variable &variable, const std::string &path) {
  auto [at, isNew] = storage.try_emplace(path, Place{&owner, &variable});
  if (!isNew) {
    if (at->second == Place{&owner, &variable})
      return true;
    fail(Code::NN0508, userRange(owner, variable), samePath(path, at->second, {&owner, &variable}), {},
         "`as` gives another name");
    return false;
  }
  if (!variable.value)
    return fail(Code::NN0509, variable.range, "a state needs an initial value: it is what `reset` gives"), false;
  mlir::FlatSymbolRefAttr initialiser = makeInitialiser(owner, variable, path);
  if (!initialiser)
    return false;
  auto function = module->lookupSymbol<mlir::func::FuncOp>(initialiser.getValue());
  mlir::IntegerAttr copies;
  for (Instance *i = &owner; i; i = i->parent)
    if (i->copies)
      copies = top.getI64IntegerAttr(*i->copies);
  auto text = [&](const llvm::Twine &t) { return top.getStringAttr(t); };
  nn::StateOp::create(top, locate(variable.range), text(path), text(modelInstance->layer->name.text),
                      mlir::TypeAttr::get(function.getResultTypes()[0]), text(variable.documentation), initialiser,
                      copies);
  return true;
}
