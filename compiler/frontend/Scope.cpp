#include "compiler/frontend/Scope.h"
#include <algorithm>

using namespace nnc::frontend;
using llvm::StringRef;

Declaration *Scope::find(Space space, StringRef name, const Scope **level) const {
  for (const Scope *scope = this; scope; scope = scope->outer) {
    if (Declaration *declaration = scope->own(space, name)) {
      if (level)
        *level = scope;
      return declaration;
    }
  }
  return nullptr;
}

std::string Scope::similar(Space space, StringRef name, llvm::ArrayRef<std::string> further) const {
  Suggestion suggestion(name);
  for (const Scope *scope = this; scope; scope = scope->outer) {
    // Sorted: of two equally near names always the same is suggested.
    std::vector<StringRef> names;
    for (const auto &entry : scope->of(space))
      names.push_back(entry.first);
    std::sort(names.begin(), names.end());
    for (StringRef candidate : names)
      suggestion.consider(candidate);
  }
  for (const std::string &candidate : further)
    suggestion.consider(candidate);
  return suggestion.best;
}

void Suggestion::consider(StringRef candidate) {
  unsigned limit = std::max<unsigned>(1, static_cast<unsigned>(word.size()) / 3);
  bool near = word.equals_insensitive(candidate) ||
              (word.size() == candidate.size() && std::is_permutation(word.begin(), word.end(), candidate.begin()));
  unsigned found = near ? 1 : word.edit_distance(candidate, true, limit);
  // Very short words are all alike.
  if (found > limit || found >= distance || (word.size() < 3 && !near))
    return;
  distance = found;
  best = candidate.str();
}

StringRef nnc::frontend::kindName(const Declaration &declaration) {
  switch (declaration.kind) {
  case Kind::Import:
    return "imported file";
  case Kind::Const:
    return "`const`";
  case Kind::Layer:
    return llvm::cast<Layer>(declaration).isModel ? "model" : "layer";
  case Kind::Function:
    return "function";
  case Kind::Optimizer:
    return "optimizer";
  case Kind::Train:
    return "`train` block";
  case Kind::Setting:
    return "setting";
  case Kind::Argument:
    return "argument";
  case Kind::FreeDim:
    return "free dimension";
  case Kind::Variable:
    switch (llvm::cast<Variable>(declaration).lifetime) {
    case Lifetime::Param:
      return "parameter";
    case Lifetime::Buffer:
      return "buffer";
    case Lifetime::State:
      return "state";
    }
    return "parameter";
  case Kind::Use:
    return "sub-layer";
  case Kind::Local:
    return "`let`";
  case Kind::Carry:
    return "carried name";
  case Kind::Element:
    return "element of a `scan`";
  default:
    return "index";
  }
}

std::string nnc::frontend::aKind(const Declaration &declaration) {
  StringRef name = kindName(declaration);
  return (StringRef("aeiou").contains(name[0]) ? "an " : "a ") + name.str();
}

// ------------------------------------------------------------------------------------------------------ Walking

namespace {
class Walker {
public:
  Walker(const std::function<void(Expr *)> &visit, bool enterFunctions)
      : visit(visit), enterFunctions(enterFunctions) {}

  void node(const Node *node);

private:
  void expr(Expr *expr);
  void call(const Call &call);
  void neighbourhood(const Neighbourhood &neighbourhood);
  void signature(const Signature &signature) {
    for (const Argument *argument : signature.arguments)
      each(argument->type, argument->value);
    for (const Result &result : signature.results)
      node(result.type);
  }
  template <typename... Nodes> void each(const Nodes *...nodes) { (node(nodes), ...); }
  template <typename T> void all(const std::vector<T *> &nodes) {
    for (const T *item : nodes)
      node(item);
  }

  const std::function<void(Expr *)> &visit;
  bool enterFunctions;
};
} // namespace

void Walker::node(const Node *node) {
  if (!node)
    return;
  if (auto *expr = llvm::dyn_cast<Expr>(node))
    return this->expr(const_cast<Expr *>(expr));
  if (auto *block = llvm::dyn_cast<Block>(node)) {
    all(block->statements);
  } else if (auto *type = llvm::dyn_cast<Type>(node)) {
    for (const Dim *dim : type->dims)
      each(dim->size, dim->to);
  } else if (auto *constant = llvm::dyn_cast<Const>(node)) {
    each(constant->value);
  } else if (auto *function = llvm::dyn_cast<Function>(node)) {
    if (enterFunctions) {
      signature(function->signature);
      each(function->body, function->vjp);
    }
  } else if (auto *variable = llvm::dyn_cast<Variable>(node)) {
    each(variable->type, variable->value, variable->condition, variable->otherwise);
  } else if (auto *use = llvm::dyn_cast<Use>(node)) {
    each(use->callee, use->condition);
  } else if (auto *let = llvm::dyn_cast<Let>(node)) {
    each(let->type, let->value);
  } else if (auto *update = llvm::dyn_cast<Update>(node)) {
    all(update->targets);
    each(update->value);
  } else if (auto *yield = llvm::dyn_cast<Yield>(node)) {
    all(yield->values);
  } else if (auto *values = llvm::dyn_cast<Values>(node)) {
    all(values->values);
  } else if (auto *minimize = llvm::dyn_cast<Minimize>(node)) {
    each(minimize->value);
  } else if (auto *with = llvm::dyn_cast<With>(node)) {
    each(with->optimizer);
  }
}

void Walker::call(const Call &call) {
  each(call.callee);
  for (const Actual &actual : call.arguments)
    each(actual.value);
}

void Walker::neighbourhood(const Neighbourhood &neighbourhood) {
  each(neighbourhood.domain, neighbourhood.where, neighbourhood.body, neighbourhood.score, neighbourhood.value);
}

void Walker::expr(Expr *expr) {
  visit(expr);
  if (auto *call = llvm::dyn_cast<Call>(expr)) {
    this->call(*call);
  } else if (auto *index = llvm::dyn_cast<Index>(expr)) {
    each(index->base);
    for (const Item &item : index->items)
      each(item.value, item.end);
  } else if (auto *member = llvm::dyn_cast<Member>(expr)) {
    each(member->base);
  } else if (auto *unary = llvm::dyn_cast<Unary>(expr)) {
    each(unary->operand);
  } else if (auto *power = llvm::dyn_cast<Power>(expr)) {
    each(power->base, power->exponent);
  } else if (auto *chain = llvm::dyn_cast<Chain>(expr)) {
    all(chain->operands);
  } else if (auto *pipe = llvm::dyn_cast<Pipe>(expr)) {
    each(pipe->input);
    all(pipe->stages);
  } else if (auto *einsum = llvm::dyn_cast<Einsum>(expr)) {
    all(einsum->operands);
  } else if (auto *conditional = llvm::dyn_cast<If>(expr)) {
    for (const If::Branch &branch : conditional->branches)
      each(branch.condition, branch.block);
    each(conditional->otherwise);
  } else if (auto *checkpoint = llvm::dyn_cast<Checkpoint>(expr)) {
    each(checkpoint->block);
  } else if (auto *scan = llvm::dyn_cast<Scan>(expr)) {
    for (const Element *element : scan->elements)
      each(element->sequence);
    each(scan->until);
    for (const Carry *carry : scan->carries)
      each(carry->value);
    each(scan->body);
  } else if (auto *neighbourhood = llvm::dyn_cast<Neighbourhood>(expr)) {
    this->neighbourhood(*neighbourhood);
  }
}

void nnc::frontend::forEachExpr(const Node *node, const std::function<void(Expr *)> &visit, bool enterFunctions) {
  Walker(visit, enterFunctions).node(node);
}
