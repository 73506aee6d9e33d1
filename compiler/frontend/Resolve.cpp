#include "compiler/frontend/Resolve.h"
#include "compiler/frontend/Resolver.h"
#include "llvm/Support/SaveAndRestore.h"

using namespace nnc::frontend;
using llvm::SaveAndRestore;
using llvm::StringRef;

void nnc::frontend::resolve(Program &program, const LoadOptions &options, DiagnosticEngine &diagnostics) {
  Resolver(program, options, diagnostics).run();
}

void Resolver::run() {
  library = &makeScope(Scope::Library, nullptr);
  for (auto &file : program.files)
    declareFile(*file);
  for (auto &file : program.files)
    importNames(*file);
  for (auto &file : program.files)
    for (Declaration *declaration : file->declarations)
      for (Setting *setting :
           llvm::isa<Layer>(declaration) ? llvm::cast<Layer>(declaration)->settings : std::vector<Setting *>())
        setting->isCallable = isCallable(*setting);
  for (auto &file : program.files) {
    context = {};
    context.file = file.get();
    context.scope = &fileScope(*file);
    for (Declaration *declaration : file->declarations)
      this->declaration(*declaration);
  }
  cycles();
  unusedParameters();
  checkExports(program, options, diagnostics);
  definitions();
}

Scope &Resolver::fileScope(const File &file) {
  if (file.source->isLibrary)
    return *library;
  Scope *&scope = fileScopes[&file];
  if (!scope)
    scope = &makeScope(Scope::File, library);
  return *scope;
}

// -------------------------------------------------------------------------------------------------------- Files

void Resolver::declareFile(File &file) {
  Scope &scope = fileScope(file);
  llvm::DenseMap<std::pair<StringRef, StringRef>, Train *> trains;
  for (Declaration *declaration : file.declarations) {
    if (auto *train = llvm::dyn_cast<Train>(declaration)) {
      Train *&first = trains[{train->name.text, train->turn.text}];
      if (first) {
        duplicate(*train, *first);
        train->broken = true;
      } else {
        first = train;
      }
      continue;
    }
    if (llvm::isa<Import>(declaration) && !declaration->name)
      continue;
    Space space = llvm::isa<Const>(declaration) ? Space::Value : Space::Callable;
    if (Declaration *existing = scope.own(space, declaration->name.text)) {
      duplicate(*declaration, *existing);
      declaration->broken = true;
      continue;
    }
    scope.set(space, declaration->name.text, declaration);
    if (auto *layer = llvm::dyn_cast<Layer>(declaration))
      for (Setting *setting : layer->settings)
        settingOwners[setting] = layer;
  }
}

void Resolver::importNames(File &file) {
  Scope &scope = fileScope(file);
  for (Declaration *declaration : file.declarations) {
    auto *import = llvm::dyn_cast<Import>(declaration);
    if (!import || import->name || !import->file)
      continue;
    for (Declaration *theirs : import->file->declarations) {
      if (llvm::isa<Import, Train>(theirs))
        continue;
      Space space = llvm::isa<Const>(theirs) ? Space::Value : Space::Callable;
      Declaration *existing = scope.own(space, theirs->name.text);
      if (existing && existing != theirs) {
        diagnostics
            .error(Code::NN0303, import->pathRange,
                   "`" + theirs->name.text + "` of `" + import->path + "` is declared at " +
                       placeSeenFrom(existing->name.range, import->pathRange) + " as well")
            .hint("import it under a name: `import \"" + import->path + "\" as f`, then `f." + theirs->name.text + "`");
        continue;
      }
      scope.set(space, theirs->name.text, theirs);
    }
  }
}

void Resolver::declaration(Declaration &declaration) {
  if (declaration.broken)
    return;
  Context outside = context;
  context.owner = &declaration;
  errorsBefore = diagnostics.errorCount();
  if (auto *constant = llvm::dyn_cast<Const>(&declaration))
    expr(constant->value);
  else if (auto *layer = llvm::dyn_cast<Layer>(&declaration))
    this->layer(*layer);
  else if (auto *function = llvm::dyn_cast<Function>(&declaration))
    this->function(*function);
  else if (auto *optimizer = llvm::dyn_cast<Optimizer>(&declaration))
    this->optimizer(*optimizer);
  else if (auto *train = llvm::dyn_cast<Train>(&declaration))
    this->train(*train);
  context = outside;
}

// ------------------------------------------------------------------------------------------------------- Layers

static void checkSmall(const Declaration &declaration, DiagnosticEngine &diagnostics) {
  if (declaration.name.isCapital())
    diagnostics
        .error(Code::NN0306, declaration.name.range,
               "the " + kindName(declaration) + " `" + declaration.name.text + "` begins with a capital")
        .hint("capitals are for free dimensions; write `" + declaration.name.text.lower() + "`");
}

void Resolver::layer(Layer &layer) {
  context.layer = &layer;
  Scope &inside = makeScope(Scope::Layer, context.scope);
  context.scope = &inside;
  for (Setting *setting : layer.settings) {
    checkSmall(*setting, diagnostics);
    // A default may use earlier settings.
    if (setting->value)
      setting->isCallable ? reference(*setting->value, false) : expr(setting->value);
    if (setting->isCallable)
      declareCallable(inside, *setting);
    else
      declareValue(inside, *setting);
  }
  Scope &forward = makeScope(Scope::Function, &inside);
  if (layer.hasArguments) {
    inside.set(Space::Callable, "forward", &layer); // so its `fn`s call it
    SaveAndRestore scope(context.scope, &forward);
    signature(layer.signature, false);
  }
  layerStatements(layer, inside, forward);
  for (Function *function : layer.functions()) {
    if (function->broken)
      continue;
    SaveAndRestore owner(context.owner, static_cast<Declaration *>(function));
    SaveAndRestore before(errorsBefore, diagnostics.errorCount());
    this->function(*function);
  }
}

/// Parameters, sub-layers and constants are the layer's; what else stands in its block is the body of `forward`.
void Resolver::layerStatements(Layer &layer, Scope &inside, Scope &forward) {
  openBlocks.push_back(layer.body);
  const Values *result = layer.body->result();
  for (size_t i = 0; i < layer.body->statements.size(); ++i) {
    Node &node = *layer.body->statements[i];
    const Node *next = i + 1 < layer.body->statements.size() ? layer.body->statements[i + 1] : nullptr;
    auto *declared = llvm::dyn_cast<Declaration>(&node);
    if (!declared) {
      if (!layer.hasArguments) {
        misplaced(node, BlockSort::Layer);
        continue;
      }
      SaveAndRestore scope(context.scope, &forward);
      statement(node, BlockSort::Layer, &node == result, next);
      continue;
    }
    context.scope = &inside;
    statement(node, BlockSort::Layer, false, next);
    Space space = llvm::isa<Const, Variable>(declared) ? Space::Value : Space::Callable;
    if (Declaration *local = forward.own(space, declared->name.text))
      duplicate(*declared, *local);
  }
  openBlocks.pop_back();
  context.scope = &forward;
  unusedLets(*layer.body);
  if (layer.hasArguments)
    unusedArguments(layer.signature, 0);
  context.scope = &inside;
}

void Resolver::function(Function &function) {
  Context outside = context;
  Scope &inside = makeScope(Scope::Function, context.scope);
  context.scope = &inside;
  signature(function.signature, false);
  context.reading = function.vjp ? &function : nullptr;
  statements(*function.body, BlockSort::Function);
  unusedArguments(function.signature, 0);
  context = outside;
  if (!function.vjp)
    return;

  // `vjp (arguments, results, cotangents of the results)`: a scope of its own.
  size_t own = function.signature.arguments.size(), given = function.vjpArguments.size();
  const Values *result = function.body->result();
  size_t results = function.signature.hasResult ? function.signature.results.size()
                   : result                     ? result->values.size()
                                                : 1;
  if (given != own + 2 * results)
    diagnostics
        .error(Code::NN0706, function.name.range,
               "the `vjp` of `" + function.name.text + "` takes " + llvm::Twine(own + 2 * results) +
                   " arguments, not " + llvm::Twine(given))
        .note("they are: its arguments, its results, the cotangents of its results");
  context.scope = &makeScope(Scope::Function, context.scope);
  context.reading = &function;
  for (Argument *argument : function.vjpArguments) {
    if (argument->type || argument->value)
      diagnostics.error(Code::NN0706, argument->range, "arguments of `vjp` have neither types nor defaults");
    declareValue(*context.scope, *argument);
  }
  statements(*function.vjp, BlockSort::Function);
  context = outside;
}

// ----------------------------------------------------------------------------------------------------- Training

void Resolver::optimizer(Optimizer &optimizer) {
  context.optimizer = &optimizer;
  context.scope = &makeScope(Scope::Function, context.scope);
  for (Setting *setting : optimizer.settings) {
    checkSmall(*setting, diagnostics);
    expr(setting->value);
    declareValue(*context.scope, *setting);
  }
  if (optimizer.signature.arguments.size() < 3)
    diagnostics
        .error(Code::NN0708, optimizer.name.range,
               "an optimizer has at least three arguments: the parameter, its gradient, the number of the update")
        .hint("optimizer " + optimizer.name.text + "(w, g, t, lr) { ... }");
  signature(optimizer.signature, false);
  statements(*optimizer.body, BlockSort::Optimizer);
  unusedArguments(optimizer.signature, 3);
}

void Resolver::train(Train &train) {
  context.train = &train;
  Declaration *found = context.scope->own(Space::Callable, train.name.text);
  auto *model = llvm::dyn_cast_or_null<Layer>(found);
  bool here = model && model->file == context.file;
  if (!here || !model->isModel) {
    if (found || !mayBeUnknown()) {
      Diagnostic &error =
          diagnostics.error(Code::NN0701, train.name.range,
                            !found  ? "there is no model `" + train.name.text + "` in this file"
                            : !here ? "`" + train.name.text + "` is not a model of this file"
                                    : "`" + train.name.text + "` is a layer, only a model can be trained");
      if (!found) {
        Suggestion suggestion(train.name.text);
        for (Declaration *declaration : context.file->declarations)
          if (llvm::isa<Layer>(declaration))
            suggestion.consider(declaration->name.text);
        error.hint(suggestion.question());
      } else if (here) {
        error.hint("write `model " + train.name.text + "` instead of `layer " + train.name.text + "`");
      } else {
        error.hint("`use` it in a model of this file");
      }
    }
    return;
  }
  train.model = model;
  // Its settings are visible.
  Scope &settings = makeScope(Scope::Layer, context.scope);
  for (Setting *setting : model->settings)
    settings.set(setting->isCallable ? Space::Callable : Space::Value, setting->name.text, setting);
  context.scope = &makeScope(Scope::Function, &settings);
  signature(train.signature, true);
  statements(*train.body, BlockSort::Train);
  unusedArguments(train.signature, 0);
  trainClauses(train);
}

void Resolver::trainClauses(Train &train) {
  static const StringRef words[] = {"clip", "accumulate", "average", "precision"};
  unsigned minimized = 0, optimizers = 0;
  llvm::DenseMap<StringRef, Word *> seen;
  for (Node *node : train.body->statements) {
    if (auto *minimize = llvm::dyn_cast<Minimize>(node); minimize && ++minimized == 2)
      diagnostics.error(Code::NN0702, minimize->range, "`minimize` stands twice in this `train` block")
          .hint("add the two losses: `minimize a + b`");
    optimizers += llvm::isa<With>(node);
    auto *word = llvm::dyn_cast<Word>(node);
    if (!word)
      continue;
    StringRef name = word->word.text;
    if (!llvm::is_contained(words, name)) {
      Suggestion suggestion(name);
      for (StringRef known : words)
        suggestion.consider(known);
      diagnostics.error(Code::NN0705, word->range, "a `train` block has no clause `" + name + "`")
          .hint(suggestion.question());
      continue;
    }
    Word *&first = seen[name];
    if (first) {
      diagnostics.error(Code::NN0704, word->range,
                        "`" + name + "` stands twice, first at " + placeSeenFrom(first->range, word->range));
      continue;
    }
    first = word;
    bool literal = llvm::isa_and_nonnull<IntegerLiteral, FloatLiteral>(word->number);
    bool right = name == "clip"        ? literal && (word->mode.text == "norm" || word->mode.text == "value")
                 : name == "precision" ? !word->number && word->mode.text == "bf16"
                 : name == "average"   ? literal && !word->mode
                                       : llvm::isa_and_nonnull<IntegerLiteral>(word->number) && !word->mode &&
                                             llvm::cast<IntegerLiteral>(word->number)->value > 0;
    if (!right)
      diagnostics.error(Code::NN0705, word->range, "this is not how `" + name + "` is written")
          .hint(name == "clip"        ? "`clip norm 1.0` or `clip value 0.5`, with a number"
                : name == "precision" ? "`precision bf16`"
                : name == "average"   ? "`average 0.999`, with a number"
                                      : "`accumulate 4`, with a whole number");
  }
  if (!minimized)
    diagnostics.error(Code::NN0702, train.body->end(), "this `train` block minimizes nothing")
        .hint("for example `minimize cross_entropy(" + train.name.text + "(x), label)`");
  if (!optimizers)
    diagnostics.error(Code::NN0703, train.body->end(), "this `train` block has no optimizer")
        .hint("for example `with adam(lr)`");
}
