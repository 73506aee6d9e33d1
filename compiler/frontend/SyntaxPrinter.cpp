#include "compiler/frontend/SyntaxPrinter.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/SaveAndRestore.h"
#include "llvm/Support/raw_ostream.h"

using namespace nnc::frontend;
using llvm::StringRef;
using llvm::Twine;

namespace {
class Printer {
public:
  explicit Printer(llvm::raw_ostream &out) : out(out) {}

  void file(const File &file);

private:
  /// Prints a line; what is printed while the result lives stands below it.
  [[nodiscard]] llvm::SaveAndRestore<unsigned> open(const Twine &what, Range where);
  void leaf(const Twine &what, Range where) { auto below = open(what, where); }

  void declaration(const Declaration &declaration);
  void signature(const Signature &signature);
  void settings(const std::vector<Setting *> &settings);
  void argument(const Argument &argument);
  void type(const Type *type);
  void variable(const Variable &variable);
  void let(const Let &let);
  void statement(const Node &node);
  void block(StringRef what, const Block *block);

  void expr(const Expr *expr);
  void labelled(StringRef label, const Expr *expr);
  void call(const Call &call);
  void index(const Index &index);
  void conditional(const If &conditional);
  void scan(const Scan &scan);
  void neighbourhood(const Neighbourhood &neighbourhood);
  void texts(StringRef what, const std::vector<Text> &texts, Range where);

  llvm::raw_ostream &out;
  unsigned indent = 0;
  Range at; // of the file; for short places
};
} // namespace

llvm::SaveAndRestore<unsigned> Printer::open(const Twine &what, Range where) {
  out.indent(indent) << what;
  if (where.file)
    out << ' ' << placeSeenFrom(where, at);
  out << '\n';
  return llvm::SaveAndRestore<unsigned>(indent, indent + 2);
}

static StringRef treeName(const Declaration &declaration) {
  switch (declaration.kind) {
  case Kind::Import:
    return "import";
  case Kind::Const:
    return "const";
  case Kind::Layer:
    return llvm::cast<Layer>(declaration).isModel ? "model" : "layer";
  case Kind::Function:
    return "fn";
  case Kind::Optimizer:
    return "optimizer";
  case Kind::Train:
    return "train";
  case Kind::Setting:
    return llvm::cast<Setting>(declaration).isCallable ? "callable setting" : "setting";
  case Kind::Argument:
    return "argument";
  case Kind::FreeDim:
    return "dimension";
  case Kind::Variable:
    return spelling(llvm::cast<Variable>(declaration).lifetime);
  case Kind::Use:
    return "use";
  case Kind::Local:
    return "let";
  case Kind::Carry:
    return "carry";
  case Kind::Element:
    return "element";
  default:
    return "index";
  }
}

static std::string meaning(const Target &target, Range at) {
  switch (target.sort) {
  case Target::Unknown:
    return "";
  case Target::Declared:
    return (" = " + treeName(*target.declaration) + " " + placeSeenFrom(target.declaration->name.range, at)).str();
  case Target::Operation:
    return " = operation";
  case Target::Conversion:
    return " = conversion";
  case Target::BuiltinValue:
    return " = built-in value";
  }
  return "";
}

static std::string patternText(const std::vector<Axis> &axes) {
  return llvm::join(llvm::map_range(axes, [](const Axis &axis) { return axis.range.text().str(); }), " ");
}

void Printer::file(const File &file) {
  at = {file.source, 0, 0};
  auto below = open("file " + printable(file.source->name()), {});
  for (const Declaration *declaration : file.declarations)
    this->declaration(*declaration);
}

void Printer::declaration(const Declaration &declaration) {
  if (auto *variable = llvm::dyn_cast<Variable>(&declaration))
    return this->variable(*variable);
  std::string what = (treeName(declaration) + " " + declaration.name.text).str();
  if (auto *import = llvm::dyn_cast<Import>(&declaration))
    what = "import \"" + printable(import->path) + "\"" + (import->name ? " as " + import->name.text.str() : "");
  if (auto *train = llvm::dyn_cast<Train>(&declaration); train && train->turn)
    what += "." + train->turn.text.str();
  auto below = open(what, declaration.range);
  if (!declaration.documentation.empty())
    leaf("documentation \"" + printable(StringRef(declaration.documentation).split('\n').first) + "\"", {});
  if (auto *constant = llvm::dyn_cast<Const>(&declaration)) {
    expr(constant->value);
  } else if (auto *layer = llvm::dyn_cast<Layer>(&declaration)) {
    settings(layer->settings);
    signature(layer->signature);
    block("body", layer->body);
  } else if (auto *function = llvm::dyn_cast<Function>(&declaration)) {
    signature(function->signature);
    block("body", function->body);
    for (const Argument *argument : function->vjpArguments)
      this->argument(*argument);
    block("vjp", function->vjp);
  } else if (auto *optimizer = llvm::dyn_cast<Optimizer>(&declaration)) {
    settings(optimizer->settings);
    signature(optimizer->signature);
    block("body", optimizer->body);
  } else if (auto *train = llvm::dyn_cast<Train>(&declaration)) {
    signature(train->signature);
    block("body", train->body);
  } else if (auto *use = llvm::dyn_cast<Use>(&declaration)) {
    if (use->alias)
      leaf("as \"" + printable(use->alias.path) + "\"", use->alias.range);
    expr(use->callee);
    labelled("if", use->condition);
  }
}

void Printer::settings(const std::vector<Setting *> &settings) {
  for (const Setting *setting : settings) {
    auto below = open(treeName(*setting) + " " + setting->name.text, setting->range);
    expr(setting->value);
  }
}

void Printer::signature(const Signature &signature) {
  for (const FreeDim *dim : signature.freeDims)
    leaf((dim->sort == FreeDim::ResultOnly ? "dimension of the result " : "dimension ") + dim->name.text, dim->range);
  for (const Argument *argument : signature.arguments)
    this->argument(*argument);
  for (const Result &result : signature.results) {
    auto below = open("result" + (result.name ? " " + result.name.text : Twine()), result.type->range);
    type(result.type);
  }
}

void Printer::argument(const Argument &argument) {
  auto below = open("argument " + argument.name.text, argument.range);
  type(argument.type);
  expr(argument.value);
}

void Printer::type(const Type *type) {
  if (!type)
    return;
  auto below = open("type " + type->name.text, type->range);
  for (const Dim *dim : type->dims) {
    if (dim->sort == Dim::Ellipsis || dim->sort == Dim::Inferred) {
      leaf(dim->sort == Dim::Ellipsis ? "..." : "_", dim->range);
    } else {
      expr(dim->size);
      labelled("to", dim->to);
    }
  }
}

void Printer::variable(const Variable &variable) {
  auto below = open(treeName(variable) + " " + variable.name.text, variable.range);
  type(variable.type);
  labelled("initial", variable.value);
  if (variable.alias)
    leaf("as \"" + printable(variable.alias.path) + "\"", variable.alias.range);
  labelled("if", variable.condition);
  labelled("else", variable.otherwise);
}

void Printer::let(const Let &let) {
  std::string names =
      llvm::join(llvm::map_range(let.names, [](const Local *local) { return local->name.text.str(); }), ", ");
  auto below = open("let " + names, let.range);
  type(let.type);
  expr(let.value);
}

void Printer::block(StringRef what, const Block *block) {
  if (!block)
    return;
  auto below = open(what, block->range);
  for (const Node *node : block->statements)
    statement(*node);
}

void Printer::texts(StringRef what, const std::vector<Text> &texts, Range where) {
  std::string list;
  for (const Text &text : texts)
    list += (" \"" + printable(text.text)) + "\"";
  leaf(what + Twine(list), where);
}

void Printer::statement(const Node &node) {
  if (auto *declaration = llvm::dyn_cast<Declaration>(&node))
    return this->declaration(*declaration);
  if (auto *let = llvm::dyn_cast<Let>(&node))
    return this->let(*let);
  if (auto *paths = llvm::dyn_cast<Paths>(&node))
    return texts(paths->freeze ? "freeze" : "eval", paths->patterns, paths->range);
  if (auto *update = llvm::dyn_cast<Update>(&node)) {
    auto below = open("update", update->range);
    for (const Expr *target : update->targets)
      labelled("target", target);
    expr(update->value);
  } else if (auto *yield = llvm::dyn_cast<Yield>(&node)) {
    auto below = open("yield", yield->range);
    for (const Expr *value : yield->values)
      expr(value);
  } else if (auto *values = llvm::dyn_cast<Values>(&node)) {
    auto below = open("values", values->range);
    for (const Expr *value : values->values)
      expr(value);
  } else if (auto *minimize = llvm::dyn_cast<Minimize>(&node)) {
    labelled("minimize", minimize->value);
  } else if (auto *with = llvm::dyn_cast<With>(&node)) {
    auto below = open("with", with->range);
    expr(with->optimizer);
    if (!with->patterns.empty())
      texts("for", with->patterns, {});
  } else if (auto *word = llvm::dyn_cast<Word>(&node)) {
    auto below = open(word->word.text + (word->mode ? " " + word->mode.text : Twine()), word->range);
    expr(word->number);
  }
}

// --------------------------------------------------------------------------------------------------- Expressions

void Printer::labelled(StringRef label, const Expr *expr) {
  if (!expr)
    return;
  auto below = open(label, expr->range);
  this->expr(expr);
}

void Printer::expr(const Expr *expr) {
  if (!expr)
    return;
  if (auto *literal = llvm::dyn_cast<IntegerLiteral>(expr)) {
    leaf("integer " + Twine(literal->value), expr->range);
  } else if (auto *literal = llvm::dyn_cast<FloatLiteral>(expr)) {
    leaf("float " + literal->range.text(), expr->range);
  } else if (auto *literal = llvm::dyn_cast<BooleanLiteral>(expr)) {
    leaf(literal->value ? "true" : "false", expr->range);
  } else if (auto *use = llvm::dyn_cast<NameUse>(expr)) {
    leaf("name " + use->name + meaning(use->target, at), expr->range);
  } else if (auto *call = llvm::dyn_cast<Call>(expr)) {
    this->call(*call);
  } else if (auto *index = llvm::dyn_cast<Index>(expr)) {
    this->index(*index);
  } else if (auto *member = llvm::dyn_cast<Member>(expr)) {
    auto below = open("member " + member->name.text + meaning(member->target, at), expr->range);
    this->expr(member->base);
  } else if (auto *unary = llvm::dyn_cast<Unary>(expr)) {
    auto below = open("unary " + spelling(unary->op), expr->range);
    this->expr(unary->operand);
  } else if (auto *power = llvm::dyn_cast<Power>(expr)) {
    auto below = open("power", expr->range);
    this->expr(power->base);
    this->expr(power->exponent);
  } else if (auto *chain = llvm::dyn_cast<Chain>(expr)) {
    std::string signs;
    for (Operator op : chain->operators)
      signs += (" " + spelling(op)).str();
    auto below = open("chain" + Twine(signs), expr->range);
    for (const Expr *operand : chain->operands)
      this->expr(operand);
  } else if (auto *pipe = llvm::dyn_cast<Pipe>(expr)) {
    auto below = open("pipe", expr->range);
    this->expr(pipe->input);
    for (const Call *stage : pipe->stages)
      this->expr(stage);
  } else if (auto *einsum = llvm::dyn_cast<Einsum>(expr)) {
    std::string inputs = llvm::join(llvm::map_range(einsum->inputs, patternText), ", ");
    auto below = open("einsum " + Twine(inputs) + " -> " + patternText(einsum->output), expr->range);
    for (const Expr *operand : einsum->operands)
      this->expr(operand);
  } else if (auto *conditional = llvm::dyn_cast<If>(expr)) {
    this->conditional(*conditional);
  } else if (auto *checkpoint = llvm::dyn_cast<Checkpoint>(expr)) {
    block("checkpoint", checkpoint->block);
  } else if (auto *scan = llvm::dyn_cast<Scan>(expr)) {
    this->scan(*scan);
  } else {
    neighbourhood(*llvm::cast<Neighbourhood>(expr));
  }
}

void Printer::call(const Call &call) {
  auto below = open("call", call.range);
  expr(call.callee);
  for (const Actual &actual : call.arguments) {
    if (actual.pattern)
      leaf("pattern " + patternText(actual.pattern->from) + " -> " + patternText(actual.pattern->to), actual.range);
    else if (actual.name)
      labelled(("argument " + actual.name.text).str(), actual.value);
    else
      expr(actual.value);
  }
}

void Printer::index(const Index &index) {
  auto below = open("index", index.range);
  expr(index.base);
  for (const Item &item : index.items) {
    if (item.sort == Item::Ellipsis) {
      leaf("...", item.range);
    } else if (item.sort == Item::Slice) {
      auto inside = open("slice", item.range);
      labelled("from", item.value);
      labelled("to", item.end);
    } else if (item.setting) {
      labelled(("setting " + item.setting->name.text).str(), item.value);
    } else if (item.name) {
      labelled(("setting " + item.name.text).str(), item.value);
    } else {
      expr(item.value);
    }
  }
}

void Printer::conditional(const If &conditional) {
  auto below = open("if", conditional.range);
  for (const If::Branch &branch : conditional.branches) {
    labelled("condition", branch.condition);
    block("then", branch.block);
  }
  block("else", conditional.otherwise);
}

void Printer::scan(const Scan &scan) {
  auto below = open(scan.reversed ? "scan reversed" : "scan", scan.range);
  for (const Element *element : scan.elements)
    labelled(("element " + element->name.text).str(), element->sequence);
  labelled("until", scan.until);
  for (const Carry *carry : scan.carries)
    labelled(("carry " + carry->name.text).str(), carry->value);
  block("body", scan.body);
}

void Printer::neighbourhood(const Neighbourhood &neighbourhood) {
  std::string head;
  for (const HeadIndex *index : neighbourhood.free)
    head += index->name.text.str() + ", ";
  if (neighbourhood.edge)
    head += neighbourhood.edge->name.text.str() + ": ";
  head += (neighbourhood.source->name.text + " -> " + neighbourhood.target->name.text).str();
  auto below = open(spelling(neighbourhood.sort) + " (" + head + ")", neighbourhood.range);
  labelled("in", neighbourhood.domain);
  labelled("where", neighbourhood.where);
  block("body", neighbourhood.body);
  labelled("score", neighbourhood.score);
  labelled("value", neighbourhood.value);
}

void nnc::frontend::printTree(const File &file, llvm::raw_ostream &out) { Printer(out).file(file); }
