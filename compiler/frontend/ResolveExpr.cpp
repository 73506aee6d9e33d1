// Expressions.
#include "compiler/frontend/Resolver.h"

using namespace nnc::frontend;
using llvm::StringRef;

void Resolver::expr(Expr *expr) {
  if (!expr)
    return;
  if (auto *use = llvm::dyn_cast<NameUse>(expr)) {
    valueName(*use);
  } else if (auto *call = llvm::dyn_cast<Call>(expr)) {
    this->call(*call);
  } else if (auto *index = llvm::dyn_cast<Index>(expr)) {
    this->index(*index);
  } else if (auto *member = llvm::dyn_cast<Member>(expr)) {
    this->member(*member);
  } else if (auto *unary = llvm::dyn_cast<Unary>(expr)) {
    this->expr(unary->operand);
  } else if (auto *power = llvm::dyn_cast<Power>(expr)) {
    this->expr(power->base);
    this->expr(power->exponent);
  } else if (auto *chain = llvm::dyn_cast<Chain>(expr)) {
    for (Expr *operand : chain->operands)
      this->expr(operand);
  } else if (auto *pipe = llvm::dyn_cast<Pipe>(expr)) {
    this->expr(pipe->input);
    for (Call *stage : pipe->stages)
      this->call(*stage);
  } else if (auto *einsum = llvm::dyn_cast<Einsum>(expr)) {
    for (Expr *operand : einsum->operands)
      this->expr(operand);
  } else if (auto *conditional = llvm::dyn_cast<If>(expr)) {
    for (const If::Branch &branch : conditional->branches) {
      this->expr(branch.condition);
      block(*branch.block, BlockSort::Inner);
    }
    if (conditional->otherwise)
      block(*conditional->otherwise, BlockSort::Inner);
  } else if (auto *checkpoint = llvm::dyn_cast<Checkpoint>(expr)) {
    block(*checkpoint->block, BlockSort::Inner);
  } else if (auto *scan = llvm::dyn_cast<Scan>(expr)) {
    this->scan(*scan);
  } else if (auto *neighbourhood = llvm::dyn_cast<Neighbourhood>(expr)) {
    this->neighbourhood(*neighbourhood);
  }
}

void Resolver::call(Call &call) {
  if (auto *name = llvm::dyn_cast<NameUse>(call.callee)) {
    callableName(*name);
  } else if (auto *member = llvm::dyn_cast<Member>(call.callee); member && !member->isTranspose()) {
    path(*member);
    auto *layer = llvm::dyn_cast_or_null<Layer>(member->target.declaration);
    if (layer)
      diagnostics
          .error(Code::NN0503, member->range,
                 "`" + member->range.text() + "` is a " + kindName(*layer) + ", it is not called without `use`")
          .hint("use x = " + member->range.text() + "[...]");
  } else {
    unsigned before = diagnostics.errorCount();
    expr(call.callee);
    if (diagnostics.errorCount() == before)
      diagnostics.error(Code::NN0305, call.callee->range, "a value cannot be called");
  }
  for (const Actual &actual : call.arguments)
    expr(actual.value);
}

/// `x[0, :]`. Settings in brackets stand in a `use` only, which does not come here.
void Resolver::index(Index &index) {
  Target target;
  auto *base = llvm::dyn_cast<NameUse>(index.base);
  if (base && !context.scope->find(Space::Value, base->name))
    if (auto *layer = llvm::dyn_cast_or_null<Layer>(findCallable(base->name, target))) {
      diagnostics
          .error(Code::NN0503, index.range,
                 "`" + base->name + "[...]` is a " + kindName(*layer) + " with its settings, not a value")
          .hint("give it a name in the layer's own block: `use x = " + base->name + "[...]`, then `x(...)`");
      return;
    }
  expr(index.base);
  for (const Item &item : index.items) {
    if (item.name)
      diagnostics.error(Code::NN0305, item.name.range, "an index has no name")
          .hint("settings in brackets belong to a layer, behind `use x = Layer`");
    expr(item.value);
    expr(item.end);
  }
}

void Resolver::scan(Scan &scan) {
  for (Element *element : scan.elements)
    expr(element->sequence);
  expr(scan.until);
  for (Carry *carry : scan.carries)
    expr(carry->value);
  Context outside = context;
  context.scope = &makeScope(Scope::Block, outside.scope);
  context.scan = &scan;
  for (Element *element : scan.elements)
    declareValue(*context.scope, *element);
  for (Carry *carry : scan.carries)
    declareValue(*context.scope, *carry);
  statements(*scan.body, BlockSort::Scan);
  context = outside;
}

void Resolver::neighbourhood(Neighbourhood &neighbourhood) {
  expr(neighbourhood.domain);
  Context outside = context;
  context.scope = &makeScope(Scope::Block, outside.scope);
  context.inNeighbourhood = true;
  for (HeadIndex *index : neighbourhood.free)
    declareValue(*context.scope, *index);
  for (HeadIndex *index : {neighbourhood.edge, neighbourhood.source, neighbourhood.target})
    if (index)
      declareValue(*context.scope, *index);
  expr(neighbourhood.where);
  if (neighbourhood.sort != Neighbourhood::Attend) {
    statements(*neighbourhood.body, BlockSort::Inner);
  } else {
    openBlocks.push_back(neighbourhood.body);
    for (Node *node : neighbourhood.body->statements)
      let(*llvm::cast<Let>(node));
    expr(neighbourhood.score);
    expr(neighbourhood.value);
    openBlocks.pop_back();
    unusedLets(*neighbourhood.body);
  }
  context = outside;
}
