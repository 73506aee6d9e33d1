// Blocks and their statements.
#include "compiler/frontend/Resolver.h"

using namespace nnc::frontend;
using llvm::StringRef;

void Resolver::block(Block &block, BlockSort sort) {
  Scope *outside = context.scope;
  context.scope = &makeScope(Scope::Block, outside);
  statements(block, sort);
  context.scope = outside;
}

/// The statements of a block, in the current scope.
void Resolver::statements(Block &block, BlockSort sort) {
  openBlocks.push_back(&block);
  const Values *result = block.result();
  for (size_t i = 0; i < block.statements.size(); ++i) {
    Node &node = *block.statements[i];
    bool isLast = &node == result || i + 1 == block.statements.size();
    statement(node, sort, isLast, i + 1 < block.statements.size() ? block.statements[i + 1] : nullptr);
  }
  openBlocks.pop_back();
  unusedLets(block);
}

void Resolver::statement(Node &node, BlockSort sort, bool isLast, const Node *next) {
  bool inLayer = sort == BlockSort::Layer;
  if (auto *variable = llvm::dyn_cast<Variable>(&node)) {
    if (inLayer || (sort == BlockSort::Optimizer && variable->lifetime == Lifetime::State))
      return this->variable(*variable);
    return misplaced(node, sort);
  }
  if (auto *use = llvm::dyn_cast<Use>(&node))
    return inLayer ? this->use(*use) : misplaced(node, sort);
  if (auto *constant = llvm::dyn_cast<Const>(&node)) {
    if (!inLayer)
      return misplaced(node, sort);
    expr(constant->value);
    return declareValue(*context.scope, *constant);
  }
  if (auto *function = llvm::dyn_cast<Function>(&node)) {
    // Its body comes after the whole block.
    return inLayer ? declareCallable(*context.scope, *function) : misplaced(node, sort);
  }
  if (auto *let = llvm::dyn_cast<Let>(&node))
    return this->let(*let);
  if (auto *update = llvm::dyn_cast<Update>(&node))
    return this->update(*update);
  if (auto *yield = llvm::dyn_cast<Yield>(&node)) {
    if (sort != BlockSort::Scan)
      return misplaced(node, sort);
    if (!isLast)
      diagnostics.error(Code::NN0601, yield->range, "`yield` stands once, at the end of the block of its `scan`");
    for (Expr *value : yield->values)
      expr(value);
    return;
  }
  if (auto *values = llvm::dyn_cast<Values>(&node)) {
    for (Expr *value : values->values)
      expr(value);
    if (!isLast)
      unusedValues(*values, next);
    return;
  }
  if (auto *minimize = llvm::dyn_cast<Minimize>(&node))
    return expr(minimize->value);
  if (auto *with = llvm::dyn_cast<With>(&node)) {
    auto *optimizer = llvm::dyn_cast<NameUse>(with->optimizer->callee);
    auto *imported = llvm::dyn_cast<Member>(with->optimizer->callee);
    Target target;
    if (optimizer) {
      findCallable(optimizer->name, optimizer->target);
      target = optimizer->target;
    } else if (imported) {
      path(*imported);
      target = imported->target;
    }
    if (target.sort == Target::Unknown && optimizer)
      unknownCallable(*optimizer, "optimizer");
    else if (!llvm::isa_and_nonnull<Optimizer>(target.declaration) && !mayBeUnknown())
      diagnostics
          .error(Code::NN0708, with->optimizer->callee->range,
                 "`" + with->optimizer->callee->range.text() + "` is not an optimizer")
          .hint("for example `with adam(lr)`");
    for (const Actual &actual : with->optimizer->arguments)
      expr(actual.value);
  }
}

/// Statements that belong to a layer's own block, or to a scan.
void Resolver::misplaced(const Node &node, BlockSort sort) {
  if (llvm::isa<Yield>(node)) {
    diagnostics.error(Code::NN0601, node.range, "`yield` stands at the end of the block of a `scan`")
        .hint(context.scan ? "not in a block inside it: yield the value of the `if`" : "");
    return;
  }
  if (sort == BlockSort::Layer) {
    diagnostics
        .error(Code::NN0501, node.range,
               "`" + context.layer->name.text + "` has no argument list, so its block holds declarations only")
        .hint(llvm::isa<Let>(node) ? "a size or number that does not depend on arguments is named by `const`"
                                   : "an entry is written `fn forward(x: float[B, d]) -> float[B, d] { ... }`");
    return;
  }
  auto *variable = llvm::dyn_cast<Variable>(&node);
  StringRef word = variable                    ? spelling(variable->lifetime)
                   : llvm::isa<Use>(node)      ? StringRef("use")
                   : llvm::isa<Function>(node) ? StringRef("fn")
                                               : StringRef("const");
  StringRef where = sort == BlockSort::Train       ? "a `train` block"
                    : sort == BlockSort::Optimizer ? "an optimizer"
                    : sort == BlockSort::Function  ? "a function"
                                                   : "an inner block";
  Diagnostic &error =
      diagnostics.error(Code::NN0501, node.range,
                        "`" + word + "` stands in the block of a layer" +
                            (word == "fn" || word == "const" ? " or in a file" : "") + ", not in " + where);
  if (word == "const")
    error.hint("name the value by `let`");
  else if (sort == BlockSort::Inner && (variable || word == "use"))
    error.hint("a condition stands behind the declaration: `" + word + " ... if c`");
  // Its name is known from here on, so that nothing follows from this.
  if (variable || llvm::isa<Const>(node))
    context.scope->set(Space::Value, llvm::cast<Declaration>(node).name.text,
                       const_cast<Declaration *>(llvm::cast<Declaration>(&node)));
  else
    context.scope->set(Space::Callable, llvm::cast<Declaration>(node).name.text,
                       const_cast<Declaration *>(llvm::cast<Declaration>(&node)));
}

// ------------------------------------------------------------------------------------------------- Declarations

void Resolver::variable(Variable &variable) {
  expr(variable.condition);
  // `param a, b: T = e` shares type and value: they resolve to the same names again.
  typeOfVariable(variable);
  expr(variable.value);
  expr(variable.otherwise);
  if (!variable.type && !context.optimizer)
    diagnostics
        .error(Code::NN0402, variable.name.range,
               "the " + kindName(variable) + " `" + variable.name.text + "` needs a type")
        .hint("for example `" + variable.name.text + ": float[d]`");
  declareValue(*context.scope, variable);
}

void Resolver::use(Use &use) {
  expr(use.condition);
  reference(*use.callee, false);
  declareCallable(*context.scope, use);
}

void Resolver::let(Let &let) {
  typeOfLet(let.type);
  expr(let.value);
  for (size_t i = 0; i < let.names.size(); ++i) {
    Local *local = let.names[i];
    bool twice = false;
    for (size_t j = 0; j < i && !local->name.isBlank(); ++j)
      twice |= let.names[j]->name.text == local->name.text;
    if (twice)
      duplicate(*local, *local);
    else
      declareValue(*context.scope, *local);
  }
}

/// A `let` that nobody reads is mostly a line that was meant to go on, or a misspelt name. After another error in the
/// same declaration it may follow from that.
void Resolver::unusedLets(const Block &block) {
  if (diagnostics.errorCount() != errorsBefore)
    return;
  for (const Node *node : block.statements) {
    auto *let = llvm::dyn_cast<Let>(node);
    if (!let)
      continue;
    for (const Local *local : let->names) {
      if (local->used || local->name.isBlank())
        continue;
      diagnostics.error(Code::NN0307, local->name.range, "`" + local->name.text + "` is never read")
          .hint(let->names.size() > 1 ? "write `_` for a value that is not wanted" : "drop it, or read it below");
      ++errorsBefore; // nothing else follows from it
    }
  }
}

// ------------------------------------------------------------------------------------------------------ Updates

void Resolver::update(Update &update) {
  // The right side first: `h <- f(h)` reads the old h.
  expr(update.value);
  if (context.inNeighbourhood) {
    diagnostics.error(Code::NN0602, update.range, "the body of a neighbourhood updates nothing")
        .hint("its value is combined over the sources of each target");
    return;
  }
  for (Expr *target : update.targets)
    updateTarget(*target);
}

void Resolver::updateTarget(Expr &target) {
  auto *index = llvm::dyn_cast<Index>(&target);
  auto *use = llvm::dyn_cast<NameUse>(index ? index->base : &target);
  if (index)
    for (const Item &item : index->items) {
      expr(item.value);
      expr(item.end);
    }
  if (auto *member = llvm::dyn_cast<Member>(index ? index->base : &target)) {
    path(*member);
    diagnostics.error(Code::NN0502, target.range, "what belongs to a sub-layer can be read, not written")
        .hint("give the sub-layer an entry (`fn`) that updates it");
    return;
  }
  if (!use || use->name.empty())
    return;
  Declaration *found = context.scope->find(Space::Value, use->name);
  if (!found)
    return unknownValue(*use);
  use->target = {Target::Declared, found};
  auto refuse = [&](const llvm::Twine &why, const llvm::Twine &hint) {
    diagnostics.error(Code::NN0502, target.range, why).hint(hint);
  };
  StringRef name = use->name;
  if (auto *variable = llvm::dyn_cast<Variable>(found)) {
    found->used = true;
    if (variable->lifetime == Lifetime::Param)
      refuse("`" + name + "` is a parameter, only training changes it",
             "what a model changes itself is a `buffer` or a `state`");
    else if (index && context.optimizer)
      refuse("an optimizer updates whole states", "");
    else if (context.reading)
      refuse("a function with `vjp` updates nothing", "");
    return;
  }
  if (auto *carry = llvm::dyn_cast<Carry>(found)) {
    bool own = context.scan && llvm::is_contained(context.scan->carries, carry);
    if (!own)
      refuse("`" + name + "` is carried by an outer `scan`",
             "carry it here as well: `carrying " + name + " = " + name + "`");
    else if (index)
      refuse("a carried name is updated as a whole", "a part is written in a `state` or `buffer` only");
    return;
  }
  bool isWeight = context.optimizer && context.optimizer->signature.arguments.size() &&
                  found == context.optimizer->signature.arguments.front();
  if (isWeight && !index)
    return;
  if (isWeight)
    return refuse("an optimizer updates the parameter as a whole", "");
  refuse("`" + name + "` is " + aKind(*found) + ", it is not updated",
         llvm::isa<Local, Argument>(found) ? (context.scan ? "carry it: `carrying " + name + " = " + name + "`"
                                                           : "give the name to a new value: `let " + name + " = ...`")
                                                 .str()
                                           : std::string());
}

// ------------------------------------------------------------------------------------------------ Unused values

bool Resolver::blockMayHaveNoResult(const Block *block) const {
  const Values *result = block ? block->result() : nullptr;
  return !result || (result->values.size() == 1 && mayHaveNoResult(*result->values[0]));
}

/// Whether this may be a call without result, which is a statement. What is called may be known to the elaborator only.
bool Resolver::mayHaveNoResult(const Expr &expr) const {
  if (auto *conditional = llvm::dyn_cast<If>(&expr))
    return llvm::all_of(conditional->branches, [&](auto &branch) { return blockMayHaveNoResult(branch.block); }) &&
           blockMayHaveNoResult(conditional->otherwise);
  if (auto *checkpoint = llvm::dyn_cast<Checkpoint>(&expr))
    return blockMayHaveNoResult(checkpoint->block);
  auto *call = llvm::dyn_cast<Call>(&expr);
  if (auto *pipe = llvm::dyn_cast<Pipe>(&expr))
    call = pipe->stages.empty() ? nullptr : pipe->stages.back();
  if (!call)
    return false;
  auto *name = llvm::dyn_cast<NameUse>(call->callee);
  if (!name)
    return true; // an entry of a sub-layer
  if (auto *function = llvm::dyn_cast_or_null<Function>(name->target.declaration))
    return function->broken || (!function->signature.hasResult && blockMayHaveNoResult(function->body));
  if (auto *layer = llvm::dyn_cast_or_null<Layer>(name->target.declaration))
    return !layer->signature.hasResult && blockMayHaveNoResult(layer->body);
  return name->target.sort == Target::Unknown || llvm::isa_and_nonnull<Use, Setting>(name->target.declaration);
}

void Resolver::unusedValues(const Values &values, const Node *next) {
  if (values.values.size() == 1 && mayHaveNoResult(*values.values[0]))
    return;
  Diagnostic &error =
      diagnostics.error(Code::NN0309, values.range, "nothing uses this value: it is not the last of its block");
  // The usual cause: the next line was meant to continue this one.
  StringRef begin = next ? next->range.text().take_front(1) : StringRef();
  if (begin == "-" || begin == "(" || begin == "[")
    error.hint("the next line begins with `" + begin +
               "` and so is a statement of its own; end this line with the operator, or put both in parentheses");
  else
    error.hint("name it by `let`, or write all results in the last line: `a, b`");
}
