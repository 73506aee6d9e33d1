// Layer instances, and the functions that their calls share.
#include "compiler/frontend/ElaborateLoop.h"
#include "dialect/Provenance.h"

#include "llvm/Support/Format.h"

#include "llvm/Support/raw_ostream.h"

using namespace nnc::frontend;
using llvm::dyn_cast;
using llvm::dyn_cast_or_null;
using llvm::StringRef;

std::string Instance::describePath() const {
  if (!parent)
    return "";
  std::string above = parent->describePath();
  return (above.empty() ? "" : above + ".") + use->name.text.str();
}

std::string nnc::frontend::pathFrom(const Instance *caller, const Instance &callee) {
  std::string path;
  for (const Instance *i = &callee; i->parent && i != caller; i = i->parent) {
    std::string part = i->use->name.text.str();
    if (i->copies)
      part += "." + std::to_string(i->first) + (*i->copies > 1 ? "-" + std::to_string(i->first + *i->copies - 1) : "");
    path = part + (path.empty() ? "" : "." + path);
  }
  return path;
}

// ---- instances
// -------------------------------------------------------------------------------------------------------

bool Elaborator::addSettings(Callable &callable, const std::vector<Item> &items, Range range) {
  if (!callable.layer)
    return fail(Code::NN0505, range, "only layers have settings"), false;
  size_t position = 0;
  for (const Item &item : items) {
    const Setting *setting = nullptr;
    if (item.sort == Item::Named) {
      for (const Setting *s : callable.layer->settings)
        if (s->name.text == item.name.text)
          setting = s;
    } else if (item.sort == Item::Single && position < callable.layer->settings.size()) {
      setting = callable.layer->settings[position++];
    }
    if (!setting)
      return fail(Code::NN0505, item.range, "`" + callable.layer->name.text.str() + "` has no such setting"), false;
    Value v = evaluateSetting(*setting, *item.value);
    if (v.isPoison())
      return false;
    callable.settings.push_back({setting, v});
  }
  return true;
}

Value Elaborator::evaluateSetting(const Setting &setting, const Expr &value) {
  if (setting.isCallable) {
    std::optional<Callable> callable = evaluateCallable(value);
    if (!callable)
      return {};
    Value v = Value::ofSize(0);
    v.kind = Value::Call;
    v.callable = std::make_shared<const Callable>(std::move(*callable));
    return v;
  }
  Value v = evaluateOne(value);
  if (!v.isPoison() && !v.isLiteral())
    return fail(Code::NN0414, value.range, "a setting must be known when compiling");
  if (v.kind == Value::Size && !v.integer())
    return fail(Code::NN0414, value.range,
                "a setting must be a number, `" + v.size.str() + "` depends on free dimensions");
  return v;
}

std::unique_ptr<Instance> Elaborator::instantiate(const Callable &callable, Instance *parent, const Use *use,
                                                  Range range) {
  auto instance = std::make_unique<Instance>();
  instance->layer = callable.layer;
  instance->parent = parent;
  instance->use = use;
  instance->frame.instance = instance.get();
  Scoped<Frame *> inside(frame, &instance->frame);
  for (const auto &[setting, value] : callable.settings)
    instance->frame.values[setting] = value;
  for (const Setting *setting : callable.layer->settings) {
    if (instance->frame.values.contains(setting))
      continue;
    if (!setting->value) {
      fail(Code::NN0506, range,
           "setting `" + setting->name.text.str() + "` of `" + callable.layer->name.text.str() +
               "` has no default and no value is given");
      instance->broken = true;
      continue;
    }
    Value v = evaluateSetting(*setting, *setting->value);
    instance->broken |= v.isPoison();
    instance->frame.values[setting] = v;
  }
  instance->broken |= callable.layer->broken || !callable.layer->body;
  size_t depth = 0;
  for (Instance *i = parent; i; i = i->parent)
    if (++depth > 256) {
      fail(Code::NN0902, range, "layers are nested deeper than 256");
      instance->broken = true;
      break;
    }
  return instance;
}

/// The sub-layer; null if the name stands for a function, or after an error.
Instance *Elaborator::child(Instance &parent, const Use &use, Range range) {
  if (auto at = parent.children.find(&use); at != parent.children.end())
    return at->second.get();
  if (parent.frame.values.contains(&use))
    return nullptr;
  parent.frame.values[&use] = Value(); // known, and of no use unless the following succeeds
  Scoped<Frame *> inside(frame, &parent.frame);
  const Expr *callee = use.callee;
  std::optional<int64_t> copies, first = 0;
  if (auto *repeat = dyn_cast<Call>(callee)) {
    callee = nullptr;
    size_t position = 0;
    for (const Actual &actual : repeat->arguments) {
      StringRef name = actual.name.text;
      size_t i = actual.name ? (name == "n" ? 0 : name == "from" ? 2 : 1) : position++;
      if (i == 1 || !actual.value) {
        callee = actual.value;
        continue;
      }
      Given g{actual.name, evaluateOne(*actual.value), nullptr, actual.range};
      std::optional<int64_t> c = constantOf(g, i == 0 ? "the number of copies" : "`from`");
      if (c && (*c < 0 || *c > 1000000)) {
        fail(Code::NN0908, actual.range,
             (i == 0 ? "the number of copies is " : "`from` is ") + std::to_string(*c) + ", must be 0 to 1000000");
        c = std::nullopt;
      }
      (i == 0 ? copies : first) = c;
      if (!c)
        return nullptr;
    }
    if (!callee || !copies) {
      fail(Code::NN0413, repeat->range, "`repeat` takes a number and a layer");
      return nullptr;
    }
  }
  std::optional<Callable> callable = evaluateCallable(*callee);
  if (!callable)
    return nullptr;
  if (!callable->layer) {
    if (copies) {
      fail(Code::NN0415, callee->range, "`repeat` takes a layer");
      return nullptr;
    }
    Value v = Value::ofSize(0);
    v.kind = Value::Call;
    v.callable = std::make_shared<const Callable>(std::move(*callable));
    parent.frame.values[&use] = v;
    return nullptr;
  }
  std::unique_ptr<Instance> made = instantiate(*callable, &parent, &use, use.callee->range);
  made->copies = copies;
  made->first = *first;
  return (parent.children[&use] = std::move(made)).get();
}

const Declaration *Elaborator::holding(Instance &instance, const Declaration &first) {
  for (const Declaration *d = &first; d;) {
    auto *variable = dyn_cast<Variable>(d);
    auto *use = dyn_cast<Use>(d);
    const Expr *condition = variable ? variable->condition : use->condition;
    if (!condition || (variable && variable->otherwise))
      return d;
    Scoped<Frame *> inside(frame, &instance.frame);
    Value v = evaluateOne(*condition);
    if (v.kind != Value::Boolean && !v.isPoison())
      fail(Code::NN0414, condition->range, "a condition must be known when compiling");
    if (v.kind != Value::Boolean || v.flag)
      return d;
    d = variable ? variable->alternative : use->alternative;
  }
  return nullptr;
}

Instance *Elaborator::instanceOf(const Expr &expr) {
  Instance *owner = nullptr;
  const Use *use = nullptr;
  if (auto *name = dyn_cast<NameUse>(&expr)) {
    if (auto *layer = dyn_cast_or_null<Layer>(name->target.declaration); layer && layer == trained)
      return modelInstance;
    owner = frame->instance;
    use = dyn_cast_or_null<Use>(name->target.declaration);
    if (!use)
      return nullptr; // the resolver has reported it
  } else if (auto *member = dyn_cast<Member>(&expr)) {
    if (!(owner = instanceOf(*member->base)) || owner->broken)
      return nullptr;
    for (Node *statement : owner->layer->body->statements)
      if (auto *u = dyn_cast<Use>(statement); u && u->name.text == member->name.text)
        use = u;
    if (!use) {
      fail(Code::NN0302, member->name.range,
           "`" + owner->layer->name.text.str() + "` has no sub-layer `" + member->name.text.str() + "`");
      return nullptr;
    }
  }
  if (!owner || !use)
    return nullptr;
  auto *held = dyn_cast_or_null<Use>(holding(*owner, *use));
  if (!held) {
    fail(Code::NN0507, expr.range, "`" + use->name.text.str() + "` is absent: its condition does not hold");
    return nullptr;
  }
  return child(*owner, *held, expr.range);
}

// ---- calls
// -----------------------------------------------------------------------------------------------------------

static void printValue(llvm::raw_ostream &os, const Value &v);
static void printCallable(llvm::raw_ostream &os, const Callable &c) {
  os << c.operation << c.conversion << (const void *)c.function << (const void *)c.layer;
  for (const auto &[setting, value] : c.settings) {
    os << "," << setting->name.text << "=";
    printValue(os, value);
  }
}
static void printValue(llvm::raw_ostream &os, const Value &v) {
  switch (v.kind) {
  case Value::Boolean:
    os << v.flag;
    break;
  case Value::Size:
    os << v.size.str();
    break;
  case Value::Real:
    os << "r" << llvm::bit_cast<uint64_t>(v.real);
    break;
  case Value::Call:
    printCallable(os, *v.callable);
    break;
  default:
    os << (v.tensor ? v.tensor.getType() : mlir::Type());
    break;
  }
}

static std::string describeSettings(const Instance &instance) {
  std::string text = instance.layer->name.text.str(), separator = "[";
  for (const Setting *setting : instance.layer->settings) {
    const Value *v = instance.frame.find(setting);
    if (!v || v->kind == Value::Call || v->isPoison())
      continue;
    llvm::raw_string_ostream os(text);
    os << separator << setting->name.text << " = ";
    if (v->kind == Value::Boolean)
      os << (v->flag ? "true" : "false");
    else if (v->kind == Value::Size)
      os << v->size.str();
    else
      os << llvm::format("%g", v->real);
    separator = ", ";
  }
  return separator == "[" ? text : text + "]";
}

Value Elaborator::callLayer(Instance &instance, const Name &entry, std::vector<Given> given, Range range) {
  if (instance.broken)
    return {};
  const Function *function = nullptr;
  for (const Function *f : instance.layer->functions())
    if (f->name.text == entry.text)
      function = f;
  if (!function && !(entry.text == "forward" && instance.layer->hasArguments)) {
    std::string names = instance.layer->hasArguments ? "forward" : "";
    for (const Function *f : instance.layer->functions())
      names += (names.empty() ? "" : ", ") + f->name.text.str();
    return fail(Code::NN0302, entry.range,
                "`" + instance.layer->name.text.str() + "` has no entry `" + entry.text.str() + "`", {},
                names.empty() ? "" : "it has " + names);
  }
  if (!instance.parent) // the model in its own train block
    return function ? callFunction(*function, &instance.frame, std::move(given), range)
                    : callInPlace(instance.layer->signature, *instance.layer->body, nullptr, instance.layer->name.text,
                                  &instance.frame, std::move(given), range);
  levels.push_back(
      {"layer " + describeSettings(instance) + ", used as `" + instance.describePath() + "`", instance.use->range});
  Value result = instance.copies ? callRepeated(instance, function, std::move(given), range)
                                 : callOnce(instance, function, std::move(given), range);
  levels.pop_back();
  return result;
}

namespace {
/// Sizes of a caller, renamed to a callee's own free dimensions. Constants stay.
struct OwnDims {
  std::vector<std::string> names;
  std::vector<nn::Dim> values; ///< the caller's

  nn::Dim add(std::string name, const nn::Dim &value) {
    while (llvm::is_contained(names, name))
      name += "_";
    names.push_back(name);
    values.push_back(value);
    return nn::Dim::symbol(name);
  }
  /// An own name for a size that has none in the signature; equal sizes get equal ones.
  nn::Dim of(const nn::Dim &value) {
    if (value.isConstant())
      return value;
    bool known = true;
    nn::Dim renamed = value.substitute([&](StringRef symbol) -> std::optional<nn::Dim> {
      for (auto [name, v] : llvm::zip(names, values))
        if (v == nn::Dim::symbol(symbol))
          return nn::Dim::symbol(name);
      known = false;
      return std::nullopt;
    });
    if (known)
      return renamed;
    for (auto [name, v] : llvm::zip(names, values))
      if (v == value)
        return nn::Dim::symbol(name);
    return add("D" + std::to_string(names.size()), value);
  }
  nn::Shape of(const nn::Shape &shape) {
    nn::Shape own;
    for (const nn::Dim &d : shape)
      own.dims.push_back(of(d));
    return own;
  }
  mlir::Type of(mlir::Type type) {
    if (auto graph = dyn_cast<nn::GraphType>(type))
      return nn::GraphType::get(type.getContext(), of(graph.getSources()), of(graph.getTargets()),
                                of(graph.getEdges()));
    return nn::tensorType(of(nn::shapeOf(type)), nn::elementOf(type));
  }
};
} // namespace

/// Own names put in for the caller's sizes.
static nn::Dim inCaller(const nn::Dim &d, llvm::ArrayRef<std::string> names, llvm::ArrayRef<nn::Dim> values) {
  return d.substitute([&](StringRef symbol) -> std::optional<nn::Dim> {
    for (auto [name, value] : llvm::zip(names, values))
      if (name == symbol)
        return value;
    return std::nullopt;
  });
}

Value Elaborator::callOnce(Instance &instance, const Function *entry, std::vector<Given> given, Range range) {
  const Signature &signature = entry ? entry->signature : instance.layer->signature;
  std::string callee = instance.layer->name.text.str() + (entry ? "." + entry->name.text.str() : "");
  Frame bound;
  bound.parent = &instance.frame;
  bound.instance = &instance;
  if (!bindArguments(signature, given, bound, range, callee))
    return {};

  // The callee's own view of the arguments, and what its body depends on.
  Frame inner;
  inner.parent = &instance.frame;
  inner.instance = &instance;
  OwnDims own;
  std::string key;
  llvm::raw_string_ostream os(key);
  os << (trainingOf(instance) ? "t" : "i") << (routine->inLoop() ? "c" : "") << (const void *)instance.layer << "."
     << (const void *)entry << trainingKey(instance);
  for (const Setting *setting : instance.layer->settings)
    if (const Value *v = instance.frame.find(setting)) {
      os << ";";
      printValue(os, *v);
    }
  for (const FreeDim *dim : signature.freeDims)
    if (const Value *v = bound.find(dim)) {
      bool constant = v->size.isConstant();
      inner.values[dim] = constant ? *v : Value::ofSize(own.add(dim->name.text.str(), v->size));
      os << "|" << (constant ? v->size.str() : "");
    }
  inner.ellipsis = own.of(*bound.ellipsis);
  os << inner.ellipsis->str();
  std::vector<mlir::Value> operands;
  std::vector<std::pair<const Argument *, mlir::Type>> arguments;
  for (const Argument *argument : signature.arguments) {
    const Value *v = bound.values.contains(argument) ? &bound.values[argument] : nullptr;
    os << "/";
    if (!v)
      continue; // absent: the callee takes its default
    // A number known when compiling is made again inside: what is left out costs nothing there either.
    std::optional<Value> literal = argument->type ? literalOf(*v) : v->isLiteral() ? std::optional(*v) : std::nullopt;
    if (literal) {
      inner.values[argument] = literal->kind == Value::Size ? Value::ofSize(own.of(literal->size)) : *literal;
      printValue(os, inner.values[argument]);
      continue;
    }
    mlir::Type type;
    if (argument->type) {
      Scoped<Frame *> inside(frame, &inner);
      type = evaluateType(*argument->type);
    } else {
      mlir::Value t = v->kind == Value::Graph ? v->tensor : tensorOf(*v, range);
      type = t ? own.of(t.getType()) : nullptr;
      bound.values[argument] = t ? Value::ofTensor(t) : Value();
    }
    if (!type)
      return {};
    os << type;
    arguments.push_back({argument, type});
    operands.push_back(bound.values[argument].tensor);
  }

  Made *target = find(key, instance);
  if (!target)
    target = &make(instance, entry, std::move(inner), own.names, arguments, callee, std::move(key));
  if (target->failed)
    return {};
  return emitCall(instance, *target, operands, own.values, range);
}

Value Elaborator::emitCall(Instance &instance, Made &target, std::vector<mlir::Value> operands,
                           llvm::ArrayRef<nn::Dim> dims, Range range) {
  // Sizes of the context: what the callee knows them by, then those that it wants to be told.
  llvm::SmallVector<nn::Dim> all(dims);
  auto isOwn = [&](const nn::Dim &d) {
    bool own = true;
    d.forEachSymbol(
        [&](StringRef s) { own &= llvm::is_contained(llvm::ArrayRef(target.dims).take_front(dims.size()), s); });
    return own;
  };
  for (auto &[name, size] : target.stateDims)
    if (isOwn(size) && !agreeOnStateDim(name, inCaller(size, target.dims, dims), range))
      return {};
  for (const std::string &name : llvm::ArrayRef(target.dims).drop_front(dims.size()))
    all.push_back(stateDim(name));
  dims = all;
  std::vector<std::pair<Instance *, const Variable *>> written;
  if (tooMuch(1 + target.slots.size(), range))
    return {};
  for (const Made::Slot &slot : target.slots) {
    Instance *owner = &instance;
    for (const Use *use : slot.chain)
      owner = child(*owner, *use, range);
    Cell *c = cell(*owner, *slot.variable, range);
    if (!c)
      return {};
    operands.push_back(repeatLoop ? repeatLoop->slice(c->current) : c->current);
    if (slot.written)
      written.push_back({owner, slot.variable});
  }
  if (target.takesCopy)
    operands.push_back(copyNumber(range));
  routine->draws |= target.draws;
  routine->asksTraining |= target.asksTraining;
  for (const Requirement &r : target.requirements)
    if (!require(r.kind, inCaller(r.a, target.dims, dims), inCaller(r.b, target.dims, dims), range, Code::NN0205,
                 r.text))
      return {};
  std::vector<mlir::Type> types;
  for (mlir::Type t : target.function.getFunctionType().getResults())
    types.push_back(substitute(t, target.dims, dims));
  mlir::Location location = nn::inLayer(locate(range), pathFrom(frame ? frame->instance : nullptr, instance));
  auto call =
      nn::CallOp::create(builder(), location, types, mlir::FlatSymbolRefAttr::get(target.function.getSymNameAttr()),
                         operands, nn::ShapeAttr::get(&context, nn::Shape(dims)));
  for (auto [i, place] : llvm::enumerate(written))
    if (repeatLoop)
      repeatLoop->writtenSlices.push_back({Place{place.first, place.second}, call.getResult(target.results + i)});
    else
      write(*place.first, *place.second, call.getResult(target.results + i), range);
  if (target.results == 0)
    return Value::nothing();
  std::vector<Value> values;
  for (unsigned i = 0; i < target.results; ++i)
    values.push_back(Value::ofTensor(call.getResult(i)));
  return values.size() == 1 ? values[0] : Value::tuple(std::move(values));
}

mlir::Type Elaborator::substitute(mlir::Type type, llvm::ArrayRef<std::string> names, llvm::ArrayRef<nn::Dim> values) {
  if (auto graph = dyn_cast<nn::GraphType>(type))
    return nn::GraphType::get(&context, inCaller(graph.getSources(), names, values),
                              inCaller(graph.getTargets(), names, values), inCaller(graph.getEdges(), names, values));
  nn::Shape shape;
  for (const nn::Dim &d : nn::shapeOf(type))
    shape.dims.push_back(inCaller(d, names, values));
  return nn::tensorType(shape, nn::elementOf(type));
}
