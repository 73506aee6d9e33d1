#include "compiler/frontend/Syntax.h"

using namespace nnc::frontend;
using llvm::StringRef;

StringRef nnc::frontend::spelling(Operator op) {
  switch (op) {
  case Operator::Or:
    return "or";
  case Operator::And:
    return "and";
  case Operator::Equal:
    return "==";
  case Operator::NotEqual:
    return "!=";
  case Operator::Less:
    return "<";
  case Operator::LessEqual:
    return "<=";
  case Operator::Greater:
    return ">";
  case Operator::GreaterEqual:
    return ">=";
  case Operator::Add:
    return "+";
  case Operator::Subtract:
  case Operator::Negate:
    return "-";
  case Operator::Multiply:
    return "*";
  case Operator::Divide:
    return "/";
  case Operator::MatMul:
    return "@";
  case Operator::Not:
    return "not";
  }
  return {};
}

StringRef nnc::frontend::spelling(Lifetime lifetime) {
  return lifetime == Lifetime::Param ? "param" : lifetime == Lifetime::Buffer ? "buffer" : "state";
}

StringRef nnc::frontend::spelling(Neighbourhood::Sort sort) {
  static constexpr StringRef names[] = {"sum", "mean", "max", "min", "each", "attend"};
  return names[sort];
}

const Values *Block::result() const {
  size_t count = statements.size();
  while (count && llvm::isa<Function>(statements[count - 1]))
    --count;
  return count ? llvm::dyn_cast<Values>(statements[count - 1]) : nullptr;
}

std::vector<Function *> Layer::functions() const {
  std::vector<Function *> list;
  if (body)
    for (Node *statement : body->statements)
      if (auto *function = llvm::dyn_cast<Function>(statement))
        list.push_back(function);
  return list;
}
