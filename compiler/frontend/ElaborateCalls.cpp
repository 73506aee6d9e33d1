// Calls: which callable is meant, and functions, whose bodies are evaluated in place.
#include "compiler/frontend/ElaborateTraining.h"
#include "dialect/Provenance.h"

#include <cmath>

using namespace nnc::frontend;
using llvm::cast;
using llvm::dyn_cast;
using llvm::dyn_cast_or_null;
using llvm::StringRef;

std::vector<Given> Elaborator::evaluateArguments(const Call &call, const Given *piped) {
  std::vector<Given> given;
  if (piped)
    given.push_back(*piped);
  for (const Actual &actual : call.arguments)
    given.push_back({actual.name, actual.value ? evaluate(*actual.value) : Value(), actual.pattern, actual.range});
  return given;
}

Value Elaborator::evaluateCall(const Call &call, const Given *piped) {
  if (auto *member = dyn_cast<Member>(call.callee); member && !member->target.declaration) {
    Instance *base = instanceOf(*member->base);
    std::vector<Given> given = evaluateArguments(call, piped);
    if (!base || base->broken)
      return {};
    for (Node *statement : base->layer->body->statements)
      if (auto *use = dyn_cast<Use>(statement); use && use->name.text == member->name.text)
        return callUse(*base, *use, std::move(given), call.range);
    return callLayer(*base, member->name, std::move(given), call.range);
  }
  if (auto *name = dyn_cast<NameUse>(call.callee)) {
    if (auto *use = dyn_cast_or_null<Use>(name->target.declaration); use && frame->instance)
      return callUse(*frame->instance, *use, evaluateArguments(call, piped), call.range);
    if (auto *layer = dyn_cast_or_null<Layer>(name->target.declaration); layer && layer == trained)
      return callLayer(*modelInstance, {"forward", name->range}, evaluateArguments(call, piped), call.range);
    if (name->target.sort == Target::Operation && name->name == "grad")
      return callGrad(call, piped);
  }
  std::optional<Callable> callable = evaluateCallable(*call.callee);
  std::vector<Given> given = evaluateArguments(call, piped);
  return callable ? callValue(*callable, std::move(given), call.range) : Value();
}

Value Elaborator::callUse(Instance &owner, const Use &use, std::vector<Given> given, Range range) {
  auto *held = dyn_cast_or_null<Use>(holding(owner, use));
  if (!held)
    return fail(Code::NN0507, range, "`" + use.name.text.str() + "` is absent: its condition does not hold");
  if (Instance *instance = child(owner, *held, range))
    return callLayer(*instance, {"forward", range}, std::move(given), range);
  const Value *function = owner.frame.find(held); // `use nn = net` where net is a function
  return function && function->kind == Value::Call ? callValue(*function->callable, std::move(given), range) : Value();
}

std::optional<Callable> Elaborator::evaluateCallable(const Expr &expr) {
  Callable callable;
  if (auto *index = dyn_cast<Index>(&expr)) {
    std::optional<Callable> base = evaluateCallable(*index->base);
    if (!base || !addSettings(*base, index->items, index->range))
      return std::nullopt;
    return base;
  }
  const Target *target = nullptr;
  StringRef name;
  if (auto *use = dyn_cast<NameUse>(&expr))
    target = &use->target, name = use->name;
  else if (auto *member = dyn_cast<Member>(&expr))
    target = &member->target, name = member->name.text;
  if (!target)
    return std::nullopt;
  switch (target->sort) {
  case Target::Operation:
    callable.operation = name;
    return callable;
  case Target::Conversion:
    callable.conversion = name;
    return callable;
  case Target::Declared:
    break;
  default:
    return std::nullopt;
  }
  const Declaration *d = target->declaration;
  if (d->broken)
    return std::nullopt;
  if ((callable.function = dyn_cast<Function>(d)) || (callable.layer = dyn_cast<Layer>(d)))
    return callable;
  const Value *v = frame->find(d);
  if (v && v->kind == Value::Call)
    return *v->callable;
  if (v && !v->isPoison())
    fail(Code::NN0415, expr.range, "`" + name.str() + "` is not a function or layer here");
  return std::nullopt;
}

Value Elaborator::callValue(const Callable &callable, std::vector<Given> given, Range range) {
  if (!callable.operation.empty())
    return callOperation(callable.operation, std::move(given), range);
  if (!callable.conversion.empty())
    return convertTo(callable.conversion, given, range);
  if (callable.function) {
    bool own = callable.function->layer && frame->instance && callable.function->layer == frame->instance->layer;
    return callFunction(*callable.function, own ? &frame->instance->frame : nullptr, std::move(given), range);
  }
  return fail(Code::NN0503, range, "a layer is not called without `use`");
}

bool Elaborator::tooMuch(size_t more, Range range) {
  constexpr size_t most = 100'000;
  size_t before = copies;
  copies += more;
  if (before <= most && copies > most)
    fail(Code::NN0908, range, "the program makes more than 100000 copies of its functions and parameters", {},
         "does each of several layers or functions call the next one twice?");
  return copies > most;
}

Value Elaborator::callFunction(const Function &function, Frame *outer, std::vector<Given> given, Range range) {
  if (function.broken || !function.body)
    return {};
  return callInPlace(function.signature, *function.body, &function, function.name.text, outer, std::move(given), range);
}

/// The body is evaluated here, with its own names. `function` is null for the `forward` of a layer's own block.
Value Elaborator::callInPlace(const Signature &signature, const Block &body, const Function *function, StringRef name,
                              Frame *outer, std::vector<Given> given, Range range) {
  if (levels.size() >= 256)
    return fail(Code::NN0902, range, "calls are nested deeper than 256");
  if (tooMuch(1, range))
    return {};
  Frame inner;
  inner.parent = outer;
  inner.instance = outer ? outer->instance : nullptr;
  if (!bindArguments(signature, given, inner, range, name))
    return {};
  bool ofModel = outer && outer->instance && !outer->instance->parent && outer == &outer->instance->frame;
  std::string shown = ofModel ? outer->instance->layer->name.text.str() : name.str();
  if (ofModel && function)
    shown += "." + name.str();
  mlir::Location site = nn::inFunction(locate(range), shown);
  levels.push_back({"`" + name.str() + "`", range});
  Value result;
  {
    Scoped<std::optional<mlir::Location>> here(inlinedAt, site);
    Scoped<std::optional<TypedPlace>> none(place, std::nullopt);
    Scoped<Frame *> inside(frame, &inner);
    if (evaluateDefaults(signature, inner))
      result = function && function->vjp ? callWithGradient(*function) : evaluateBlock(body);
    result = coerceResults(signature, result, resultRange(body), name);
  }
  levels.pop_back();
  return result;
}

/// The last line of a block.
Range Elaborator::resultRange(const Block &block) {
  return block.statements.empty() ? block.range : block.statements.back()->range;
}

Value Elaborator::convertTo(StringRef type, const std::vector<Given> &given, Range range) {
  if (given.size() != 1 || given[0].name || given[0].pattern)
    return fail(Code::NN0413, range, "`" + type.str() + "` takes one argument");
  Value v = first(given[0].value, given[0].range);
  mlir::Type element = elementType(Name{type, range});
  if (v.isPoison() || !element)
    return {};
  if (v.isTensor()) {
    if (v.element() == element) {
      if (!training || !training->isPrecisionLow || !llvm::isa<mlir::FloatType>(element))
        return Value::ofTensor(v.tensor);
      auto cast = nn::CastOp::create(builder(), locate(range), v.type(), v.tensor); // until pass `lower-precision`
      if (type != "float")
        cast->setAttr("nn.written", top.getUnitAttr());
      return Value::ofTensor(cast);
    }
    if (element.isInteger(64) && v.affine)
      v.affine = false;
    return Value::ofTensor(castTo(v.tensor, element, range));
  }
  bool toInteger = element.isInteger() && !element.isInteger(1);
  if (v.kind == Value::Real && toInteger) // truncates, as at run time
    v = Value::ofSize(nn::Dim(std::isnan(v.real) ? 0 : int64_t(std::clamp(v.real, -9.2e18, 9.2e18))));
  if (v.kind == Value::Boolean && !element.isInteger(1))
    v = Value::ofSize(nn::Dim(int64_t(v.flag)));
  if (v.isNumber() && element.isInteger(1)) {
    if (v.kind == Value::Size && !v.integer())
      return callOperation("ne", {{Name(), v, nullptr, range}, {Name(), Value::ofSize(0), nullptr, range}}, range);
    v = Value::boolean(v.kind == Value::Real ? v.real != 0 : *v.integer() != 0);
  }
  if (!v.isLiteral())
    return fail(Code::NN0415, range, "`" + type.str() + "` converts numbers and tensors");
  return coerce(v, nn::tensorType({}, element), false, range, "the argument of `" + type.str() + "`");
}
