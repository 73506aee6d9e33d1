// Declaring names and looking them up.
#include "compiler/frontend/Resolver.h"
#include "llvm/ADT/StringSwitch.h"

using namespace nnc::frontend;
using llvm::StringRef;

/// Known to the language itself; all other operations are the dialect's.
static bool isLanguageOperation(StringRef name) {
  return llvm::StringSwitch<bool>(name)
      .Cases({"repeat", "grad", "stop_gradient", "all", "causal", "add_self_loops", "reverse"}, true)
      .Default(false);
}

bool nnc::frontend::isElementType(StringRef name) {
  return llvm::StringSwitch<bool>(name)
      .Cases({"float", "f64", "f32", "f16", "bf16", "i64", "i32", "i8", "bool"}, true)
      .Default(false);
}

static bool isBuiltinValue(StringRef name) {
  return llvm::StringSwitch<bool>(name).Cases({"inf", "nan", "pi", "training", "step"}, true).Default(false);
}

// --------------------------------------------------------------------------------------------------- Declaring

void Resolver::duplicate(const Declaration &declaration, const Declaration &existing) {
  std::string name = declaration.name.text.str();
  if (auto *train = llvm::dyn_cast<Train>(&declaration); train && train->turn)
    name += "." + train->turn.text.str();
  if (llvm::isa<Layer>(existing) && existing.name.text != declaration.name.text) {
    diagnostics
        .error(Code::NN0303, declaration.name.range,
               "`" + existing.name.text + "` has an argument list, so its block is the entry `forward`")
        .hint("drop the argument list, or name the function otherwise");
    return;
  }
  diagnostics.error(Code::NN0303, declaration.name.range,
                    "`" + name + "` is declared twice, first as " + aKind(existing) + " at " +
                        placeSeenFrom(existing.name.range, declaration.name.range));
}

/// Of several declarations with conditions the one counts whose condition holds.
bool Resolver::isAlternative(Declaration &first, Declaration &second) {
  if (auto *variable = llvm::dyn_cast<Variable>(&first)) {
    auto *other = llvm::dyn_cast<Variable>(&second);
    if (!other || !variable->condition || !other->condition)
      return false;
    Declaration **last = &variable->alternative;
    while (*last)
      last = &llvm::cast<Variable>(*last)->alternative;
    *last = &second;
    return true;
  }
  auto *use = llvm::dyn_cast<Use>(&first), *other = llvm::dyn_cast<Use>(&second);
  if (!use || !other || !use->condition || !other->condition)
    return false;
  Declaration **last = &use->alternative;
  while (*last)
    last = &llvm::cast<Use>(*last)->alternative;
  *last = &second;
  return true;
}

/// Whether a condition asks for this setting: `param bias: T = e if bias` may bear the setting's name.
static bool asksFor(Expr *condition, StringRef name) {
  bool found = false;
  if (condition)
    forEachExpr(condition, [&](Expr *expr) {
      auto *use = llvm::dyn_cast<NameUse>(expr);
      found |= use && use->name == name;
    });
  return found;
}

void Resolver::declareValue(Scope &scope, Declaration &declaration) {
  StringRef name = declaration.name.text;
  if (declaration.name.isBlank()) {
    if (!llvm::isa<Local>(declaration))
      diagnostics.error(Code::NN0305, declaration.name.range, "`_` is not a name")
          .hint("it stands for a value that is not wanted, in `let a, _ = f(x)`");
    return;
  }
  const Scope *level = nullptr;
  Declaration *existing = scope.find(Space::Value, name, &level);
  if (!existing || level->sort == Scope::Library) {
    scope.set(Space::Value, name, &declaration);
    return;
  }
  bool same = level == &scope;
  if (auto *variable = llvm::dyn_cast<Variable>(&declaration)) {
    if (same && isAlternative(*existing, declaration))
      return;
    if (llvm::isa<Setting>(existing) && asksFor(variable->condition, name)) {
      scope.set(Space::Value, name, &declaration);
      return;
    }
  }
  bool rebinds = false;
  if (llvm::isa<Local>(declaration))
    rebinds = same && llvm::isa<Argument, Local>(existing);
  else if (llvm::isa<Carry>(declaration))
    rebinds = !same && llvm::isa<Argument, Local, Carry, Element>(existing);
  if (rebinds) {
    scope.set(Space::Value, name, &declaration);
    return;
  }
  if (same && !llvm::isa<Local>(declaration))
    return duplicate(declaration, *existing);
  Diagnostic &error = diagnostics.error(Code::NN0304, declaration.name.range,
                                        "`" + name + "` hides the " + kindName(*existing) + " of the same name at " +
                                            placeSeenFrom(existing->name.range, declaration.name.range));
  if (llvm::isa<Local>(declaration) && llvm::isa<Carry>(existing))
    error.hint("a carried name is updated: `" + name + " <- ...`");
  else if (llvm::isa<Local>(declaration) && llvm::isa<Argument, Local>(existing))
    error.hint("only a `let` of the same block may give the name to a new value; choose another name");
  else
    error.hint("choose another name");
  if (!llvm::isa<Carry>(existing)) // later uses mean this one: no further errors
    scope.set(Space::Value, name, &declaration);
}

void Resolver::declareCallable(Scope &scope, Declaration &declaration) {
  StringRef name = declaration.name.text;
  if (declaration.name.isBlank()) {
    diagnostics.error(Code::NN0305, declaration.name.range, "`_` is not a name");
    return;
  }
  if (Declaration *existing = scope.own(Space::Callable, name)) {
    if (!isAlternative(*existing, declaration))
      duplicate(declaration, *existing);
    return;
  }
  scope.set(Space::Callable, name, &declaration);
}

// ------------------------------------------------------------------------------------------------------- Values

static void markUsed(Declaration &declaration) {
  for (Declaration *each = &declaration; each;) {
    each->used = true;
    if (auto *variable = llvm::dyn_cast<Variable>(each))
      each = variable->alternative;
    else if (auto *use = llvm::dyn_cast<Use>(each))
      each = use->alternative;
    else
      break;
  }
}

void Resolver::valueName(NameUse &use) {
  if (use.name.empty() || use.target.sort != Target::Unknown)
    return; // a syntax error, or known already
  if (Declaration *found = context.scope->find(Space::Value, use.name)) {
    use.target = {Target::Declared, found};
    markUsed(*found);
    if (context.reading && llvm::isa<Variable>(found))
      diagnostics
          .error(Code::NN0707, use.range,
                 "`" + context.reading->name.text + "` has a `vjp`, so it reads its arguments only, not the " +
                     kindName(*found) + " `" + use.name + "`")
          .hint("hand it over as an argument");
    return;
  }
  if (isBuiltinValue(use.name) && (use.name != "step" || context.train)) {
    use.target = {Target::BuiltinValue, nullptr};
    return;
  }
  unknownValue(use);
}

/// After a syntax error, or without an imported file, a name may be one that we do not see.
bool Resolver::mayBeUnknown() const {
  if (context.file->incomplete)
    return true;
  for (Declaration *declaration : context.file->declarations)
    if (auto *import = llvm::dyn_cast<Import>(declaration))
      if (!import->file || import->file->incomplete || import->broken)
        return true;
  return false;
}

/// Where a name is declared further down in one of the open blocks; empty if it is not.
std::string Resolver::laterDeclaration(StringRef name, Space space, Range from) const {
  for (const Block *block : openBlocks) {
    for (const Node *node : block->statements) {
      std::vector<const Declaration *> declared;
      if (auto *let = llvm::dyn_cast<Let>(node); let && space == Space::Value)
        declared.assign(let->names.begin(), let->names.end());
      else if (llvm::isa<Const, Variable>(node) && space == Space::Value)
        declared.push_back(llvm::cast<Declaration>(node));
      else if (llvm::isa<Use>(node) && space == Space::Callable)
        declared.push_back(llvm::cast<Declaration>(node));
      for (const Declaration *declaration : declared)
        if (declaration->name.text == name && declaration->range.begin > from.begin)
          return placeSeenFrom(declaration->name.range, from);
    }
  }
  return {};
}

void Resolver::unknownValue(const NameUse &use) {
  StringRef name = use.name;
  if (mayBeUnknown())
    return;
  std::string quoted = ("`" + name + "`").str();
  if (name == "_") {
    diagnostics.error(Code::NN0305, use.range, "`_` is not a value")
        .hint("it stands for a size to be inferred, or for a value that is not wanted");
    return;
  }
  if (name == "step") {
    diagnostics.error(Code::NN0301, use.range, "`step` exists in a `train` block only")
        .hint("hand it over as an argument");
    return;
  }
  Target target;
  if (Declaration *callable = findCallable(name, target); target.sort != Target::Unknown) {
    Diagnostic &error = diagnostics.error(Code::NN0305, use.range,
                                          quoted + " is " + (callable ? aKind(*callable) : std::string("a function")) +
                                              ", not a value");
    if (llvm::isa_and_nonnull<Import>(callable))
      error.hint("its declarations are `" + name + ".Name`");
    else if (llvm::isa_and_nonnull<Layer>(callable))
      error.hint("give it a name first: `use x = " + name + "[...]`, then call `x(...)`");
    else
      error.hint("call it: `" + name + "(...)`");
    return;
  }
  if (std::string later = laterDeclaration(name, Space::Value, use.range); !later.empty()) {
    diagnostics.error(Code::NN0311, use.range, quoted + " is declared below, at " + later)
        .hint("the statements of a block count in their order");
    return;
  }
  Diagnostic &error = diagnostics.error(Code::NN0301, use.range, "there is no value " + quoted + " here");
  if (context.layer && context.layer->hasArguments) {
    bool isForward =
        llvm::any_of(context.layer->signature.arguments, [&](Argument *a) { return a->name.text == name; }) ||
        llvm::any_of(context.layer->signature.freeDims, [&](FreeDim *d) { return d->name.text == name; });
    if (!isForward && context.layer->body)
      for (Node *node : context.layer->body->statements)
        if (auto *let = llvm::dyn_cast<Let>(node))
          isForward |= llvm::any_of(let->names, [&](Local *local) { return local->name.text == name; });
    if (isForward) {
      error.hint(llvm::isa<Function>(context.owner)
                     ? quoted + " belongs to `forward`: hand it over as an argument"
                     : "parameters, sub-layers and constants do not depend on arguments");
      return;
    }
  }
  Suggestion suggestion(name);
  suggestion.consider(context.scope->similar(Space::Value, name));
  for (StringRef builtin : {"inf", "nan", "pi", "training"})
    suggestion.consider(builtin);
  if (!suggestion.best.empty())
    error.hint(suggestion.question());
  else if (name[0] >= 'A' && name[0] <= 'Z')
    error.hint("a free dimension is bound by the type of an argument: `x: float[" + name + "]`");
}

// ---------------------------------------------------------------------------------------------------- Callables

Declaration *Resolver::findCallable(StringRef name, Target &target) const {
  const Scope *level = nullptr;
  Declaration *found = context.scope->find(Space::Callable, name, &level);
  // The functions of a layer see each other, and its block sees them, also from above. A `use` or `fn` hides what is
  // outside from its own line on.
  if (context.layer && (!found || level->sort == Scope::Library)) {
    for (Function *function : context.layer->functions()) {
      if (function->name.text == name) {
        target = {Target::Declared, function};
        return function;
      }
    }
  }
  if (found)
    target = {Target::Declared, found};
  else if (isElementType(name))
    target = {Target::Conversion, nullptr};
  else if (isLanguageOperation(name) || (options.isOperation && options.isOperation(name)))
    target = {Target::Operation, nullptr};
  return found;
}

void Resolver::called(Declaration &target, Range where) {
  markUsed(target);
  if (llvm::isa<Function, Layer>(target) && context.owner)
    calls[context.owner].push_back({&target, where});
}

/// A name in front of `(`, or right of `|>`.
void Resolver::callableName(NameUse &use) {
  if (use.name.empty())
    return;
  Declaration *found = findCallable(use.name, use.target);
  if (use.target.sort == Target::Unknown)
    return unknownCallable(use);
  if (!found)
    return;
  auto *layer = llvm::dyn_cast<Layer>(found);
  bool trained = layer && context.train && context.train->model == layer;
  bool own = layer && context.layer == layer && use.name == "forward";
  if (!layer || trained || own)
    called(*found, use.range);
  if (context.reading && llvm::isa<Use>(found))
    diagnostics.error(Code::NN0707, use.range,
                      "`" + context.reading->name.text + "` has a `vjp`, so it calls no sub-layer: `" + use.name +
                          "` has parameters of its own");
  if (llvm::isa<Optimizer>(found)) {
    diagnostics.error(Code::NN0708, use.range, "`" + use.name + "` is an optimizer")
        .hint("it stands in a `train` block: `with " + use.name + "(...)`");
  } else if (llvm::isa<Import>(found)) {
    diagnostics.error(Code::NN0305, use.range, "`" + use.name + "` is an imported file, it cannot be called")
        .hint("its declarations are `" + use.name + ".Name`");
  } else if (layer && !trained && !own) {
    diagnostics
        .error(Code::NN0503, use.range,
               context.train && layer->isModel
                   ? "this block trains `" + context.train->name.text + "`, not `" + use.name + "`"
                   : "`" + use.name + "` is a " + kindName(*layer) + ", it is not called without `use`")
        .hint(context.train ? llvm::Twine() : "use x = " + use.name + "[...]");
  }
}

void Resolver::unknownCallable(const NameUse &use, StringRef wanted) {
  if (mayBeUnknown())
    return;
  StringRef name = use.name;
  if (Declaration *value = context.scope->find(Space::Value, name)) {
    markUsed(*value);
    diagnostics.error(Code::NN0305, use.range, "`" + name + "` is " + aKind(*value) + ", a value cannot be called")
        .hint(llvm::isa<Setting>(value) ? "a setting whose default is a number is not callable" : "");
    return;
  }
  if (std::string later = laterDeclaration(name, Space::Callable, use.range); !later.empty()) {
    diagnostics.error(Code::NN0311, use.range, "`" + name + "` is declared below, at " + later)
        .hint("the statements of a block count in their order");
    return;
  }
  Diagnostic &error = diagnostics.error(Code::NN0302, use.range, "there is no " + wanted + " `" + name + "`");
  Suggestion suggestion(name);
  suggestion.consider(context.scope->similar(Space::Callable, name, options.operationNames));
  for (const std::string &known : program.libraryNames)
    suggestion.consider(known);
  error.hint(suggestion.question());
}

// ------------------------------------------------------------------------------------------------------ Members

/// `wte.weight`, `x.T`: a member that stands for a value.
void Resolver::member(Member &member) {
  if (member.isTranspose())
    return expr(member.base);
  path(member);
  if (member.target.sort == Target::Declared)
    diagnostics.error(Code::NN0305, member.range,
                      "`" + member.range.text() + "` is " + aKind(*member.target.declaration) + ", not a value");
}

/// The names in front of a `.name`: a sub-layer, an import or the trained model, then what it contains.
void Resolver::path(Member &member) {
  memberNames.insert(member.name.text);
  if (auto *inner = llvm::dyn_cast<Member>(member.base)) {
    if (!inner->isTranspose())
      return path(*inner);
  }
  auto *base = llvm::dyn_cast<NameUse>(member.base);
  if (!base) {
    expr(member.base);
    diagnostics.error(Code::NN0305, member.name.range, "a value has no `." + member.name.text + "`")
        .hint("only `.T`, the transpose, stands behind a value");
    return;
  }
  Declaration *found = findCallable(base->name, base->target);
  if (auto *import = llvm::dyn_cast_or_null<Import>(found)) {
    import->used = true;
    if (!import->file)
      return;
    for (Declaration *theirs : import->file->declarations)
      if (theirs->name.text == member.name.text && !llvm::isa<Import, Train>(theirs))
        member.target = {Target::Declared, theirs};
    if (member.target.sort == Target::Unknown && !import->file->incomplete) {
      Suggestion suggestion(member.name.text);
      for (Declaration *theirs : import->file->declarations)
        suggestion.consider(theirs->name.text);
      diagnostics
          .error(Code::NN0312, member.name.range,
                 "`" + import->path + "` has no declaration `" + member.name.text + "`")
          .hint(suggestion.question());
    } else if (member.target.declaration) {
      called(*member.target.declaration, member.range);
    }
    return;
  }
  bool trained = context.train && found && found == context.train->model;
  if (llvm::isa_and_nonnull<Use, Setting>(found) || trained)
    return called(*found, base->range);
  if (base->target.sort == Target::Unknown) {
    if (Declaration *value = context.scope->find(Space::Value, base->name)) {
      base->target = {Target::Declared, value};
      markUsed(*value);
      diagnostics
          .error(Code::NN0305, member.name.range,
                 "`" + base->name + "` is " + aKind(*value) + ", a value has no `." + member.name.text + "`")
          .hint("only `.T`, the transpose, stands behind a value");
      return;
    }
    return unknownCallable(*base);
  }
  diagnostics
      .error(Code::NN0305, base->range,
             "before `." + member.name.text + "` stands a sub-layer, not the " +
                 (found ? kindName(*found) : StringRef("function")) + " `" + base->name + "`")
      .hint(llvm::isa_and_nonnull<Layer>(found) ? "give it a name first: `use x = " + base->name.str() + "[...]`"
                                                : std::string());
}
