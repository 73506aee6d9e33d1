// Types as written, and values that arrive at typed places.
#include "compiler/frontend/Elaborator.h"
#include "compiler/frontend/Scope.h"

#include "llvm/ADT/StringSwitch.h"

using namespace nnc::frontend;
using llvm::StringRef;

/// The free dimension, if that is all there is.
static const FreeDim *plainDim(const Dim &dim) {
  auto *name = llvm::dyn_cast_or_null<NameUse>(dim.size);
  return name && dim.sort == Dim::Size ? llvm::dyn_cast_or_null<FreeDim>(name->target.declaration) : nullptr;
}
static const FreeDim *plainDim(const Expr *expr) {
  auto *name = llvm::dyn_cast_or_null<NameUse>(expr);
  return name ? llvm::dyn_cast_or_null<FreeDim>(name->target.declaration) : nullptr;
}

mlir::Type Elaborator::floatType() {
  switch (options.floating) {
  case Float::F64:
    return mlir::Float64Type::get(&context);
  case Float::BF16:
    return mlir::BFloat16Type::get(&context);
  case Float::F16:
    return mlir::Float16Type::get(&context);
  case Float::F32:
    break;
  }
  return mlir::Float32Type::get(&context);
}

mlir::Type Elaborator::elementType(const Name &name) {
  auto integer = [&](unsigned width) -> mlir::Type { return mlir::IntegerType::get(&context, width); };
  return llvm::StringSwitch<mlir::Type>(name.text)
      .Case("float", floatType())
      .Case("f64", mlir::Float64Type::get(&context))
      .Case("f32", mlir::Float32Type::get(&context))
      .Case("f16", mlir::Float16Type::get(&context))
      .Case("bf16", mlir::BFloat16Type::get(&context))
      .Case("i64", integer(64))
      .Case("i32", integer(32))
      .Case("i8", integer(8))
      .Case("bool", integer(1))
      .Default(mlir::Type()); // the resolver has reported it
}

bool Elaborator::checkSize(const nn::Dim &size, Range range) {
  if (size.overflowed())
    return fail(Code::NN0206, range, "a size leaves the range of 64 bits or has too many terms"), false;
  std::optional<int64_t> c = size.asConstant();
  if (c && *c < 0)
    return fail(Code::NN0206, range, "a size is " + std::to_string(*c) + ", must be 0 or more"), false;
  if (c && *c >= nn::Dim::kLimit)
    return fail(Code::NN0206, range, "a size is " + std::to_string(*c) + ", must be below 2^47"), false;
  return true;
}

bool Elaborator::checkShape(const nn::Shape &shape, Range range) {
  if (shape.rank() > 8)
    return fail(Code::NN0907, range, "a tensor has rank " + std::to_string(shape.rank()) + ", the limit is 8"), false;
  nn::Dim product = 1;
  for (const nn::Dim &d : shape)
    if (!checkSize(d, range))
      return false;
  for (const nn::Dim &d : shape)
    if (d.isConstant(0))
      return true;
    else if (d.isConstant())
      product = product * d;
  if (product.overflowed() || (product.isConstant() && product.constant() >= nn::Dim::kLimit))
    return fail(Code::NN0206, range, "a tensor " + shape.str() + " has 2^47 elements or more"), false;
  return true;
}

std::optional<nn::Dim> Elaborator::evaluateSize(const Expr &expr) {
  Value v = evaluateOne(expr);
  if (v.isPoison())
    return std::nullopt;
  if (v.kind != Value::Size) {
    fail(Code::NN0206, expr.range, "a size must be an integer known when compiling", {},
         v.isTensor() ? "settings, constants and free dimensions are; the elements of tensors are not" : "");
    return std::nullopt;
  }
  if (!checkSize(v.size, expr.range))
    return std::nullopt;
  return v.size;
}

mlir::Type Elaborator::evaluateType(const Type &type, const Value *like) {
  if (type.isGraph()) {
    if (type.dims.size() != 2)
      return fail(Code::NN0204, type.range, "a graph is written `graph[N, E]` or `graph[S -> D, E]`"), nullptr;
    const Dim &nodes = *type.dims[0];
    std::optional<nn::Dim> s = evaluateSize(*nodes.size), d = nodes.to ? evaluateSize(*nodes.to) : s;
    std::optional<nn::Dim> e = evaluateSize(*type.dims[1]->size);
    return s && d && e ? nn::GraphType::get(&context, *s, *d, *e) : mlir::Type();
  }
  mlir::Type element = elementType(type.name);
  if (!element)
    return nullptr;
  nn::Shape shape;
  size_t known = type.dims.size();
  for (auto [i, dim] : llvm::enumerate(type.dims)) {
    switch (dim->sort) {
    case Dim::Size: {
      std::optional<nn::Dim> size = evaluateSize(*dim->size);
      if (!size)
        return nullptr;
      shape.dims.push_back(*size);
      break;
    }
    case Dim::Ellipsis: {
      if (frame->ellipsis) {
        llvm::append_range(shape.dims, *frame->ellipsis);
      } else if (like && like->isTensor() && like->shape().rank() + 1 >= known) {
        nn::Shape from = like->shape();
        for (size_t k = 0; k + known < from.rank() + 1; ++k)
          shape.dims.push_back(from[k]);
      } else if (like && like->isTensor()) {
        return fail(Code::NN0204, type.range, "the value has too few axes: " + nn::describe(like->type())), nullptr;
      }
      break;
    }
    case Dim::Inferred: {
      size_t fromEnd = known - i;
      nn::Shape from = like ? like->shape() : nn::Shape();
      if (like && like->isTensor() && !like->untyped && from.rank() < fromEnd)
        return fail(Code::NN0204, type.range, "the value has another number of axes",
                    {"wanted " + type.range.text().str(), "given  " + nn::describe(like->type())}),
               nullptr;
      if (from.rank() < fromEnd)
        return fail(Code::NN0210, dim->range, "there is nothing this size could be inferred from"), nullptr;
      shape.dims.push_back(from[from.rank() - fromEnd]);
      break;
    }
    case Dim::Arrow:
      return nullptr; // the resolver has reported it
    }
  }
  if (!checkShape(shape, type.range))
    return nullptr;
  return nn::tensorType(shape, element);
}

// ---- arguments
// -------------------------------------------------------------------------------------------------------

void Elaborator::bindPlainDims(const Type &type, const Value &value) {
  auto bind = [&](const FreeDim *dim, const nn::Dim &size) {
    if (dim && !frame->values.contains(dim))
      frame->values[dim] = Value::ofSize(size);
  };
  if (type.isGraph()) {
    if (value.kind != Value::Graph || type.dims.size() != 2)
      return;
    auto graph = llvm::cast<nn::GraphType>(value.tensor.getType());
    bind(plainDim(type.dims[0]->size), graph.getSources());
    bind(plainDim(type.dims[0]->to), graph.getTargets());
    bind(plainDim(type.dims[1]->size), graph.getEdges());
    return;
  }
  if (!value.isTensor())
    return;
  nn::Shape shape = value.shape();
  size_t dims = type.dims.size();
  bool ellipsis = llvm::any_of(type.dims, [](const Dim *d) { return d->sort == Dim::Ellipsis; });
  if (ellipsis ? shape.rank() + 1 < dims : shape.rank() != dims)
    return; // the comparison of the types says what is wrong
  size_t at = 0;
  for (const Dim *dim : type.dims) {
    if (dim->sort == Dim::Ellipsis) {
      size_t count = shape.rank() + 1 - dims;
      if (!frame->ellipsis)
        frame->ellipsis = nn::Shape(llvm::ArrayRef<nn::Dim>(shape.dims).slice(at, count));
      at += count;
    } else {
      bind(plainDim(*dim), shape[at++]);
    }
  }
}

static std::string argumentList(const Signature &signature) {
  std::string list;
  for (const Argument *argument : signature.arguments)
    list += (list.empty() ? "`" : ", `") + argument->name.text.str() + "`";
  return list;
}

/// A tensor has the axes that its type asks for; everything else goes anywhere or is refused by its kind.
static bool fitsRank(const Type &type, const Value &value) {
  if (type.isGraph() || !value.isTensor() || (value.untyped && value.shape().rank() == 0))
    return true;
  bool open = llvm::any_of(type.dims, [](const Dim *d) { return d->sort == Dim::Ellipsis; });
  size_t rank = value.shape().rank(), dims = type.dims.size();
  return open ? rank + 1 >= dims : rank == dims;
}

bool Elaborator::bindArguments(const Signature &signature, std::vector<Given> &given, Frame &into, Range range,
                               StringRef callee) {
  std::vector<Given *> of(signature.arguments.size());
  bool ok = true;
  size_t position = 0;
  for (Given &g : given) {
    if (g.value.isPoison() && !g.pattern)
      ok = false;
    size_t i = 0;
    if (g.name) {
      while (i < of.size() && signature.arguments[i]->name.text != g.name.text)
        ++i;
      if (i == of.size()) {
        Suggestion suggestion(g.name.text);
        for (const Argument *argument : signature.arguments)
          suggestion.consider(argument->name.text);
        fail(Code::NN0413, g.name.range, "`" + callee.str() + "` has no argument `" + g.name.text.str() + "`",
             {signature.arguments.empty() ? "it takes none" : "it takes " + argumentList(signature)},
             suggestion.question());
        ok = false;
        continue;
      }
    } else if ((i = position++) >= of.size()) {
      fail(Code::NN0413, g.range,
           "`" + callee.str() + "` takes " + std::to_string(of.size()) + (of.size() == 1 ? " argument" : " arguments") +
               (of.empty() ? "" : ": " + argumentList(signature)));
      return false;
    }
    if (g.pattern) {
      fail(Code::NN0413, g.range, "only `rearrange` takes a pattern");
      ok = false;
    } else if (of[i]) {
      fail(Code::NN0413, g.range, "argument `" + signature.arguments[i]->name.text.str() + "` is given twice");
      ok = false;
    }
    of[i] = &g;
  }
  for (auto [argument, g] : llvm::zip(signature.arguments, of))
    if (!g && !argument->value) {
      fail(Code::NN0413, range, "`" + callee.str() + "` needs its argument `" + argument->name.text.str() + "`");
      ok = false;
    }
  if (!ok)
    return false;

  Scoped<Frame *> inside(frame, &into);
  for (auto [argument, g] : llvm::zip(signature.arguments, of)) {
    if (!g)
      continue;
    g->value = first(g->value, g->range);
    if (argument->type)
      bindPlainDims(*argument->type, g->value);
    else
      into.values[argument] = g->value;
    ok &= !g->value.isPoison();
  }
  if (ok && !into.ellipsis) // only literals arrived there
    into.ellipsis = nn::Shape();
  for (auto [argument, g] : llvm::zip(signature.arguments, of)) {
    if (!ok || !g || !argument->type)
      continue;
    if (g->value.isLiteral() && isOpen(*argument->type)) { // a default that is passed on
      into.values[argument] = g->value;
      continue;
    }
    std::string what = "argument `" + argument->name.text.str() + "` of `" + callee.str() + "`";
    // Before the sizes of the type are asked for: they may come from this value.
    if (argument->type->isGraph() != (g->value.kind == Value::Graph)) {
      fail(Code::NN0415, g->range, what + (argument->type->isGraph() ? " must be a graph" : " must be a tensor"),
           {"wanted " + argument->type->range.text().str()});
      return false;
    }
    if (!fitsRank(*argument->type, g->value)) {
      fail(Code::NN0204, g->range, what + " has another number of axes",
           {"wanted " + argument->type->range.text().str(), "given  " + nn::describe(g->value.type())});
      return false;
    }
    mlir::Type type = evaluateType(*argument->type);
    if (!type)
      return false;
    Value v = coerce(g->value, type, false, g->range, what);
    ok &= !v.isPoison();
    into.values[argument] = v;
  }
  return ok;
}

/// Whether a free dimension of the type has no value: only an argument that is left out would give it one.
bool Elaborator::isOpen(const Type &type) {
  return llvm::any_of(type.dims, [&](const Dim *dim) {
    const FreeDim *free = plainDim(*dim);
    return free && !frame->find(free) && !hasStateDim(free->name.text);
  });
}

bool Elaborator::evaluateDefaults(const Signature &signature, Frame &into) {
  Scoped<Frame *> inside(frame, &into);
  for (const Argument *argument : signature.arguments) {
    if (into.values.contains(argument))
      continue;
    if (argument->type && isOpen(*argument->type)) // it may still be passed on as it is
      if (Value v = evaluateOne(*argument->value); v.isLiteral()) {
        into.values[argument] = v;
        continue;
      }
    mlir::Type type;
    if (argument->type && !(type = evaluateType(*argument->type)))
      return false;
    std::optional<TypedPlace> at;
    if (type && !argument->type->isGraph())
      at = TypedPlace{nn::shapeOf(type), nn::elementOf(type)};
    Scoped<std::optional<TypedPlace>> typed(place, at);
    Value v = evaluateOne(*argument->value);
    if (type)
      v = coerce(v, type, true, argument->value->range, "the default of `" + argument->name.text.str() + "`");
    if (v.isPoison())
      return false;
    into.values[argument] = v;
  }
  return true;
}

// ---- typed places
// ----------------------------------------------------------------------------------------------------

Value Elaborator::coerce(const Value &value, mlir::Type to, bool stretch, Range range, const std::string &what) {
  if (value.isPoison())
    return value;
  if (auto graph = llvm::dyn_cast<nn::GraphType>(to)) {
    if (value.kind != Value::Graph)
      return fail(Code::NN0415, range, what + " must be a graph");
    if (value.tensor.getType() != to)
      return fail(Code::NN0204, range, what + " has other sizes",
                  {"wanted " + nn::describe(to), "given  " + nn::describe(value.tensor.getType())});
    return value;
  }
  mlir::Type element = nn::elementOf(to);
  nn::Shape shape = nn::shapeOf(to);
  if (value.isLiteral()) {
    mlir::Value v = convert(value, element, &shape, range);
    if (!v)
      return {};
    Value result = Value::ofTensor(v);
    if (value.kind == Value::Size && shape.rank() == 0 && element.isInteger(64)) {
      result.affine = true;
      result.size = value.size;
    }
    return result;
  }
  if (!value.isTensor())
    return fail(Code::NN0415, range, what + " must be a tensor");
  if (!value.untyped && value.element() != element)
    return fail(Code::NN0410, range, what + " has another element type",
                {"wanted " + nn::describe(to), "given  " + nn::describe(value.type())},
                "convert it: `" + (element == floatType() ? std::string("float") : nn::describeElement(element)) +
                    "(...)`");
  nn::Shape from = value.shape();
  bool literal = value.untyped && from.rank() == 0;
  if (from != shape && !((stretch || literal) && nn::broadcastsTo(from, shape)))
    return fail(Code::NN0204, range, what + " has another shape",
                {"wanted " + nn::describe(to), "given  " + nn::describe(nn::withElement(value.type(), element))});
  mlir::Value v = convert(value, element, &shape, range);
  if (!v)
    return {};
  Value result = Value::ofTensor(v);
  if (v == value.tensor) {
    result.affine = value.affine;
    result.origin = value.origin;
    result.size = value.size;
  }
  return result;
}

Value Elaborator::coerceToElement(const Value &value, const Type &type, Range range) {
  mlir::Type element = elementType(type.name);
  return element ? coerce(value, nn::tensorType({}, element), false, range, "the argument") : Value();
}

Value Elaborator::coerceResults(const Signature &signature, Value value, Range range, StringRef callee) {
  if (value.isPoison() || !signature.hasResult)
    return value;
  size_t wanted = signature.results.size();
  if (value.kind == Value::Nothing)
    return fail(Code::NN0416, range, "`" + callee.str() + "` has a result type but no value in its last line");
  if (wanted == 1)
    value = first(value, range);
  std::vector<Value> parts = value.kind == Value::Tuple ? value.parts : std::vector<Value>{value};
  if (parts.size() != wanted)
    return fail(Code::NN0416, range,
                "`" + callee.str() + "` has " + std::to_string(wanted) + " results by its signature, " +
                    std::to_string(parts.size()) + " in its last line");
  for (auto [part, result] : llvm::zip(parts, signature.results)) {
    if (part.isPoison())
      return {};
    mlir::Type type = evaluateType(*result.type, &part);
    if (!type)
      return {};
    part = coerce(part, type, false, range,
                  result.name ? "result `" + result.name.text.str() + "` of `" + callee.str() + "`"
                              : "the result of `" + callee.str() + "`");
    if (part.isPoison())
      return {};
  }
  return wanted == 1 ? parts[0] : Value::tuple(std::move(parts));
}
