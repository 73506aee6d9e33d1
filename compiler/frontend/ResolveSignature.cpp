// Arguments, types and free dimensions.
#include "compiler/frontend/Resolver.h"

using namespace nnc::frontend;
using llvm::StringRef;

static bool isPlain(const Expr *size) { return llvm::isa_and_nonnull<NameUse>(size); }

static bool isCapital(const NameUse &use) { return !use.name.empty() && use.name[0] >= 'A' && use.name[0] <= 'Z'; }

/// Declares the arguments and free dimensions of a function in the current scope.
///  1. Free dimensions: capitals that stand plainly in the types of the arguments, left to right.
///  2. Arguments, in order: a default sees the dimensions and the arguments before it.
///  3. Types: sizes see the dimensions and all arguments.
///  4. The result: capitals that are new here are known to C alone.
void Resolver::signature(Signature &signature, bool typedOnly) {
  Scope &scope = *context.scope;
  auto bind = [&](Expr *size) {
    if (!isPlain(size))
      return;
    auto &use = llvm::cast<NameUse>(*size);
    bool untyped = llvm::any_of(signature.arguments,
                                [&](Argument *argument) { return argument->name.text == use.name && !argument->type; });
    if (!isCapital(use) || untyped)
      return;
    const Scope *level = nullptr;
    if (scope.find(Space::Value, use.name, &level) && level->sort != Scope::Library)
      return;
    FreeDim *dim = context.file->make<FreeDim>(use.range, Name{use.name, use.range}, FreeDim::Bound);
    signature.freeDims.push_back(dim);
    scope.set(Space::Value, use.name, dim);
  };
  llvm::SmallPtrSet<Type *, 8> types;
  for (Argument *argument : signature.arguments)
    if (argument->type && types.insert(argument->type).second)
      for (Dim *dim : argument->type->dims) {
        bind(dim->size);
        bind(dim->to);
      }
  for (Argument *argument : signature.arguments) {
    expr(argument->value);
    declareValue(scope, *argument);
    if (typedOnly && !argument->type)
      diagnostics.error(Code::NN0402, argument->range, "the argument `" + argument->name.text + "` needs a type")
          .hint("a `train` block is a C function: `" + argument->name.text + ": f32`");
  }
  types.clear();
  for (Argument *argument : signature.arguments)
    if (argument->type && types.insert(argument->type).second)
      typeOfSignature(argument->type, nullptr, FreeDim::Bound);
  // From here on, a dimension that is read makes the argument useful that carries it.
  for (FreeDim *dim : signature.freeDims)
    dim->used = false;
  for (const Result &result : signature.results)
    typeOfSignature(result.type, &signature, FreeDim::ResultOnly);
}

void Resolver::unusedArguments(const Signature &signature, size_t first) {
  if (diagnostics.errorCount() != errorsBefore)
    return;
  for (size_t i = first; i < signature.arguments.size(); ++i) {
    const Argument &argument = *signature.arguments[i];
    bool used = argument.used || argument.name.isPrivate();
    forEachExpr(argument.type, [&](Expr *expr) {
      auto *use = llvm::dyn_cast<NameUse>(expr);
      auto *dim = use ? llvm::dyn_cast_or_null<FreeDim>(use->target.declaration) : nullptr;
      used |= dim && dim->used && dim->range.begin == expr->range.begin; // bound by this argument
    });
    if (!used)
      diagnostics.warning(Code::NN0308, argument.name.range, "the argument `" + argument.name.text + "` is never used")
          .hint("a name that begins with `_` is left unused on purpose");
  }
}

/// The form of a type: a known name, brackets where they belong.
void Resolver::checkTypeForm(const Type &type) {
  if (!type.isGraph() && !isElementType(type.name.text)) {
    Suggestion suggestion(type.name.text);
    for (StringRef known : {"float", "f64", "f32", "f16", "bf16", "i64", "i32", "i8", "bool", "graph"})
      suggestion.consider(known);
    Diagnostic &error = diagnostics.error(Code::NN0401, type.name.range, "there is no type `" + type.name.text + "`");
    if (suggestion.best.empty())
      error.note("the types are float, f64, f32, f16, bf16, i64, i32, i8, bool and graph");
    else
      error.hint(suggestion.question());
  }
  bool form = type.dims.size() == 2 && type.dims[0]->sort != Dim::Ellipsis && type.dims[1]->sort == Dim::Size;
  if (type.isGraph() && !form)
    diagnostics.error(Code::NN0401, type.range, "a graph has nodes and edges: `graph[N, E]` or `graph[S -> D, E]`");
  bool leading = false;
  for (const Dim *dim : type.dims) {
    if (dim->sort == Dim::Arrow && (!type.isGraph() || dim != type.dims[0]))
      diagnostics.error(Code::NN0401, dim->range, "`->` between sizes stands in a graph only: `graph[S -> D, E]`");
    if (dim->sort == Dim::Ellipsis && std::exchange(leading, true))
      diagnostics.error(Code::NN0202, dim->range, "`...` stands at most once in a type");
  }
}

/// Resolves the sizes of a type. `freeDim` is asked about capitals that are not known; false: it has reported them.
void Resolver::type(Type *type, const std::function<bool(NameUse &)> &freeDim) {
  if (!type)
    return;
  checkTypeForm(*type);
  auto size = [&](Expr *size) {
    if (!size)
      return;
    bool known = true;
    forEachExpr(size, [&](Expr *expr) {
      auto *use = llvm::dyn_cast<NameUse>(expr);
      const Scope *level = nullptr;
      if (use && isCapital(*use) &&
          (!context.scope->find(Space::Value, use->name, &level) || level->sort == Scope::Library))
        known &= freeDim(*use);
    });
    if (known)
      expr(size);
  };
  for (Dim *dim : type->dims) {
    if (dim->sort == Dim::Inferred)
      continue;
    size(dim->size);
    size(dim->to);
  }
}

void Resolver::typeOfSignature(Type *type, Signature *signature, FreeDim::Sort sort) {
  this->type(type, [&](NameUse &use) {
    if (signature) {
      FreeDim *dim = context.file->make<FreeDim>(use.range, Name{use.name, use.range}, sort);
      signature->freeDims.push_back(dim);
      context.scope->set(Space::Value, use.name, dim);
      return true;
    }
    Suggestion suggestion(use.name);
    suggestion.consider(context.scope->similar(Space::Value, use.name));
    Diagnostic &error =
        diagnostics.error(Code::NN0201, use.range,
                          "nothing binds the free dimension `" + use.name + "`: it stands alone in no argument's type");
    if (use.name.size() > 1 && !suggestion.best.empty())
      error.hint(suggestion.question());
    else
      error.hint("one argument needs a plain `" + use.name + "`, as in `x: float[" + use.name + "]`");
    return false;
  });
  for (const Dim *dim : type->dims)
    if (dim->sort == Dim::Inferred && !signature)
      diagnostics.error(Code::NN0202, dim->range, "`_` is a size to be inferred, which an argument cannot leave open")
          .hint("give it a name: a capital is a free dimension");
}

void Resolver::typeOfVariable(Variable &variable) {
  StringRef word = kindName(variable);
  this->type(variable.type, [&](NameUse &use) {
    if (variable.lifetime == Lifetime::State && context.layer) {
      // The states of a layer share their dimensions, which belong to the context.
      for (FreeDim *dim : context.layer->stateDims) {
        if (dim->name.text == use.name) {
          use.target = {Target::Declared, dim};
          return true;
        }
      }
      FreeDim *dim = context.file->make<FreeDim>(use.range, Name{use.name, use.range}, FreeDim::OfState);
      context.layer->stateDims.push_back(dim);
      use.target = {Target::Declared, dim};
      return true;
    }
    diagnostics
        .error(Code::NN0202, use.range,
               "the size of a " + word + " must be known: `" + use.name + "` is a free dimension")
        .hint("use a setting; settings begin with a small letter");
    return false;
  });
  for (const Dim *dim : variable.type ? variable.type->dims : std::vector<Dim *>())
    if (dim->sort == Dim::Inferred || dim->sort == Dim::Ellipsis)
      diagnostics.error(Code::NN0202, dim->range,
                        "the size of a " + word + " must be known, it is not `" + dim->range.text() + "`");
}

void Resolver::typeOfLet(Type *type) {
  this->type(type, [&](NameUse &use) {
    if (mayBeUnknown())
      return false;
    Diagnostic &error = diagnostics.error(Code::NN0202, use.range,
                                          "`" + use.name + "` is not known here: a `let` binds no free dimension");
    Suggestion suggestion(use.name);
    suggestion.consider(context.scope->similar(Space::Value, use.name));
    error.hint(suggestion.best.empty() ? "a free dimension is bound by the type of an argument; `_` is inferred"
                                       : suggestion.question());
    return false;
  });
}
