// Files, declarations and statements; expressions are in ParserExpr.cpp.
#include "compiler/frontend/ParserTree.h"

using namespace nnc::frontend;
using llvm::StringRef;

static_assert(NNParser::RuleFile == 0, "the file is the grammar's first rule");

// ------------------------------------------------------------------------------------------------------- Places

Range TreeBuilder::range(Rule *context) const {
  auto *last = context->stop ? context->stop : context->start;
  uint32_t begin = static_cast<uint32_t>(context->start->getStartIndex());
  return {file.source, begin, std::max(begin, static_cast<uint32_t>(last->getStopIndex() + 1))};
}

Range TreeBuilder::range(antlr4::tree::TerminalNode *node) const {
  antlr4::Token *token = node->getSymbol();
  return {file.source, static_cast<uint32_t>(token->getStartIndex()), static_cast<uint32_t>(token->getStopIndex() + 1)};
}

StringRef TreeBuilder::sign(antlr4::tree::ParseTree *child) const {
  auto *terminal = dynamic_cast<antlr4::tree::TerminalNode *>(child);
  return terminal ? range(terminal).text() : StringRef();
}

Name TreeBuilder::name(NNParser::NameContext *context) const {
  if (!context)
    return {};
  Range where = range(context);
  return {where.text(), where};
}

Text TreeBuilder::text(antlr4::tree::TerminalNode *string) {
  Range where = range(string);
  if (!isWhole(where.text())) {
    damaged = true;
    return {{}, where};
  }
  return {where.text().drop_front().drop_back(), where};
}

Alias TreeBuilder::alias(NNParser::AliasContext *context) {
  if (!context)
    return {};
  return {text(context->STRING()).text, range(context->STRING())};
}

std::string TreeBuilder::documentationOf(Rule *context) const {
  return documentation.lookup(static_cast<uint32_t>(context->start->getStartIndex()));
}

void TreeBuilder::error(Code code, Range where, std::string message, std::string hint) {
  diagnostics.error(code, where, std::move(message)).hint(std::move(hint));
  damaged = true;
}

/// Whether the text was repaired inside of `where`. Each repair is answered for once.
bool TreeBuilder::takeRepairs(Range where) {
  return std::erase_if(repairs, [&](uint32_t at) { return at >= where.begin && at <= where.end; }) != 0;
}

// -------------------------------------------------------------------------------------------------- Declarations

void TreeBuilder::build(NNParser::FileContext *context) {
  if (context->exception)
    file.incomplete = true;
  for (NNParser::FileLineContext *line : context->fileLine()) {
    damaged = false;
    Declaration *made = line->exception ? brokenDeclaration(line) : declaration(line->declaration());
    if (!made)
      continue;
    bool repaired = takeRepairs(range(static_cast<Rule *>(line)));
    made->broken |= damaged || repaired;
    made->documentation = documentationOf(line);
    file.declarations.push_back(made);
  }
}

/// A declaration with a syntax error still has a name, unless the error stands before it.
Declaration *TreeBuilder::brokenDeclaration(NNParser::FileLineContext *line) {
  damaged = true;
  NNParser::DeclarationContext *context = line->declaration();
  Range where = range(static_cast<Rule *>(line));
  auto known = [](NNParser::NameContext *name) { return name && !name->exception && name->start; };
  if (auto *layer = dynamic_cast<NNParser::LayerDeclarationContext *>(context); layer && known(layer->name())) {
    bool isModel = sign(layer->children.front()) == "model";
    Layer *made = file.make<Layer>(where, name(layer->name()), isModel);
    made->file = &file;
    return made;
  }
  if (auto *fn = dynamic_cast<NNParser::FunctionDeclarationContext *>(context);
      fn && fn->function() && known(fn->function()->name()))
    return file.make<Function>(where, name(fn->function()->name()));
  if (auto *optimizer = dynamic_cast<NNParser::OptimizerDeclarationContext *>(context);
      optimizer && known(optimizer->name()))
    return file.make<Optimizer>(where, name(optimizer->name()));
  if (auto *constant = dynamic_cast<NNParser::ConstDeclarationContext *>(context); constant && known(constant->name()))
    return file.make<Const>(where, name(constant->name()), nullptr);
  if (dynamic_cast<NNParser::TrainDeclarationContext *>(context))
    return nullptr; // nothing refers to it
  file.incomplete = true;
  return nullptr;
}

Declaration *TreeBuilder::declaration(NNParser::DeclarationContext *context) {
  Range where = range(context);
  if (auto *import = dynamic_cast<NNParser::ImportDeclarationContext *>(context))
    return this->import(import);
  if (auto *constant = dynamic_cast<NNParser::ConstDeclarationContext *>(context))
    return file.make<Const>(where, name(constant->name()), expr(constant->expr()));
  if (auto *layer = dynamic_cast<NNParser::LayerDeclarationContext *>(context))
    return this->layer(layer);
  if (auto *function = dynamic_cast<NNParser::FunctionDeclarationContext *>(context))
    return this->function(function->function(), nullptr);
  if (auto *optimizer = dynamic_cast<NNParser::OptimizerDeclarationContext *>(context)) {
    Optimizer *made = file.make<Optimizer>(where, name(optimizer->name()));
    made->settings = settings(optimizer->settings());
    made->signature = signature(optimizer->args(), nullptr, made->name.range);
    made->body = body(optimizer->body());
    return made;
  }
  auto *train = dynamic_cast<NNParser::TrainDeclarationContext *>(context);
  Train *made = file.make<Train>(where, name(train->name(0)));
  made->turn = name(train->name(1));
  made->signature = signature(train->args(), train->result(), made->name.range);
  made->body = trainBody(train->trainBody());
  return made;
}

Import *TreeBuilder::import(NNParser::ImportDeclarationContext *context) {
  Text path = text(context->STRING());
  return file.make<Import>(range(static_cast<Rule *>(context)), name(context->name()), path.text, path.range);
}

Layer *TreeBuilder::layer(NNParser::LayerDeclarationContext *context) {
  bool isModel = sign(context->children.front()) == "model";
  Layer *made = file.make<Layer>(range(static_cast<Rule *>(context)), name(context->name()), isModel);
  made->file = &file;
  made->settings = settings(context->settings());
  // `L()` has an empty list of arguments, `L` has none.
  for (antlr4::tree::ParseTree *child : context->children)
    made->hasArguments |= sign(child) == "(";
  made->signature = signature(context->args(), context->result(), made->name.range);
  made->body = body(context->body(), made);
  return made;
}

Function *TreeBuilder::function(NNParser::FunctionContext *context, Layer *layer) {
  // An error inside is this function's, not the layer's.
  bool outside = std::exchange(damaged, false);
  Function *made = file.make<Function>(range(static_cast<Rule *>(context)), name(context->name()));
  made->layer = layer;
  made->documentation = documentationOf(context);
  made->signature = signature(context->args(), context->result(), made->name.range);
  made->body = body(context->body());
  if (NNParser::VjpContext *vjp = context->vjp()) {
    made->vjpArguments = arguments(vjp->args());
    made->vjp = body(vjp->body());
  }
  bool repaired = takeRepairs(made->range);
  made->broken = std::exchange(damaged, outside) || repaired;
  return made;
}

std::vector<Setting *> TreeBuilder::settings(NNParser::SettingsContext *context) {
  std::vector<Setting *> made;
  if (!context)
    return made;
  for (NNParser::SettingContext *setting : context->setting()) {
    Expr *value = setting->expr() ? expr(setting->expr()) : nullptr;
    made.push_back(file.make<Setting>(range(static_cast<Rule *>(setting)), name(setting->name()), value));
    made.back()->documentation = documentationOf(setting);
  }
  return made;
}

Signature TreeBuilder::signature(NNParser::ArgsContext *args, NNParser::ResultContext *result, Range where) {
  Signature made;
  made.range = where;
  made.arguments = arguments(args);
  if (!result)
    return made;
  made.hasResult = true;
  if (result->type())
    made.results.push_back({{}, type(result->type())});
  for (NNParser::PartContext *part : result->part())
    made.results.push_back({name(part->name()), type(part->type())});
  return made;
}

std::vector<Argument *> TreeBuilder::arguments(NNParser::ArgsContext *context) {
  std::vector<Argument *> made;
  if (!context)
    return made;
  for (NNParser::ArgContext *arg : context->arg()) {
    Type *written = arg->type() ? type(arg->type()) : nullptr;
    Expr *value = arg->expr() ? expr(arg->expr()) : nullptr;
    made.push_back(file.make<Argument>(range(static_cast<Rule *>(arg)), name(arg->name()), written, value));
    made.back()->documentation = documentationOf(arg);
  }
  // A name without a type takes the type of the next typed one.
  Type *next = nullptr;
  for (size_t i = made.size(); i-- > 0;) {
    if (made[i]->type)
      next = made[i]->type;
    else
      made[i]->type = next;
  }
  return made;
}

Type *TreeBuilder::type(NNParser::TypeContext *context) {
  Type *made = file.make<Type>(range(static_cast<Rule *>(context)), name(context->name()));
  for (NNParser::DimContext *dim : context->dim())
    made->dims.push_back(this->dim(dim));
  made->hasBrackets = !made->dims.empty();
  return made;
}

Dim *TreeBuilder::dim(NNParser::DimContext *context) {
  Dim *made = file.make<Dim>(range(static_cast<Rule *>(context)));
  std::vector<NNParser::ExprContext *> sizes = context->expr();
  if (sizes.empty()) {
    made->sort = Dim::Ellipsis;
    return made;
  }
  made->size = expr(sizes[0]);
  if (sizes.size() == 2) {
    made->sort = Dim::Arrow;
    made->to = expr(sizes[1]);
  } else if (auto *use = llvm::dyn_cast<NameUse>(made->size); use && use->name == "_") {
    made->sort = Dim::Inferred;
  }
  return made;
}

// ---------------------------------------------------------------------------------------------------- Statements

Block *TreeBuilder::body(NNParser::BodyContext *context, Layer *layer) {
  Block *made = file.make<Block>(range(static_cast<Rule *>(context)));
  damaged |= context->exception != nullptr;
  for (NNParser::BodyLineContext *line : context->bodyLine()) {
    if (line->exception)
      damaged = true;
    else
      statement(line->statement(), layer, made->statements);
  }
  return made;
}

Block *TreeBuilder::trainBody(NNParser::TrainBodyContext *context) {
  Block *made = file.make<Block>(range(static_cast<Rule *>(context)));
  damaged |= context->exception != nullptr;
  for (NNParser::TrainLineContext *line : context->trainLine()) {
    if (line->exception)
      damaged = true;
    else
      clause(line->clause(), made->statements);
  }
  return made;
}

void TreeBuilder::statement(NNParser::StatementContext *context, Layer *layer, std::vector<Node *> &into) {
  if (auto *variable = dynamic_cast<NNParser::VariableStatementContext *>(context)) {
    variables(variable, into);
  } else if (auto *use = dynamic_cast<NNParser::UseStatementContext *>(context)) {
    into.push_back(this->use(use));
  } else if (auto *constant = dynamic_cast<NNParser::ConstStatementContext *>(context)) {
    into.push_back(file.make<Const>(range(context), name(constant->name()), expr(constant->expr())));
  } else if (auto *function = dynamic_cast<NNParser::FunctionStatementContext *>(context)) {
    into.push_back(this->function(function->function(), layer));
  } else if (auto *let = dynamic_cast<NNParser::LetStatementContext *>(context)) {
    lets(let->binding(), into);
  } else if (auto *yield = dynamic_cast<NNParser::YieldStatementContext *>(context)) {
    Yield *made = file.make<Yield>(range(context));
    for (NNParser::ExprContext *value : yield->values()->expr())
      made->values.push_back(expr(value));
    into.push_back(made);
  } else {
    into.push_back(values(dynamic_cast<NNParser::ValueStatementContext *>(context)));
  }
}

void TreeBuilder::variables(NNParser::VariableStatementContext *context, std::vector<Node *> &into) {
  StringRef word = sign(context->children.front());
  Lifetime lifetime = word == "param" ? Lifetime::Param : word == "buffer" ? Lifetime::Buffer : Lifetime::State;
  Expr *condition = nullptr, *otherwise = nullptr;
  if (context->condition()) {
    condition = expr(context->condition()->expr(0));
    if (context->condition()->expr().size() == 2)
      otherwise = expr(context->condition()->expr(1));
  }
  size_t first = into.size();
  for (NNParser::ArgContext *arg : context->arg()) {
    Variable *made = file.make<Variable>(range(static_cast<Rule *>(arg)), name(arg->name()), lifetime);
    made->documentation = documentationOf(arg);
    if (made->documentation.empty())
      made->documentation = documentationOf(context);
    made->type = arg->type() ? type(arg->type()) : nullptr;
    made->value = arg->expr() ? expr(arg->expr()) : nullptr;
    made->alias = alias(context->alias());
    made->condition = condition;
    made->otherwise = otherwise;
    into.push_back(made);
  }
  // `param a, b: T = e`: each of type T with an e of its own.
  for (size_t i = into.size() - 1; i-- > first;) {
    auto *made = llvm::cast<Variable>(into[i]), *next = llvm::cast<Variable>(into[i + 1]);
    if (!made->type && !made->value)
      made->value = next->value;
    if (!made->type)
      made->type = next->type;
  }
}

Use *TreeBuilder::use(NNParser::UseStatementContext *context) {
  Use *made = file.make<Use>(range(static_cast<Rule *>(context)), name(context->name()), postfix(context->postfix()));
  made->documentation = documentationOf(context);
  made->alias = alias(context->alias());
  if (NNParser::ConditionContext *condition = context->condition()) {
    made->condition = expr(condition->expr(0));
    if (condition->expr().size() == 2)
      error(Code::NN0108, range(static_cast<Rule *>(condition->expr(1))), "a `use` with `if` has no `else`",
            "declare both with conditions that exclude each other: `use a = X if c` and `use a = Y if not c`");
  }
  return made;
}

void TreeBuilder::lets(const std::vector<NNParser::BindingContext *> &contexts, std::vector<Node *> &into) {
  for (NNParser::BindingContext *binding : contexts) {
    Let *made = file.make<Let>(range(static_cast<Rule *>(binding)));
    made->type = binding->type() ? type(binding->type()) : nullptr;
    made->value = expr(binding->expr());
    for (NNParser::NameContext *name : binding->name()) {
      made->names.push_back(file.make<Local>(this->name(name)));
      made->names.back()->let = made;
    }
    into.push_back(made);
  }
}

Node *TreeBuilder::values(NNParser::ValueStatementContext *context) {
  Range where = range(static_cast<Rule *>(context));
  std::vector<Expr *> list;
  for (NNParser::ExprContext *value : context->values()->expr())
    list.push_back(expr(value));
  if (!context->expr()) {
    Values *made = file.make<Values>(where);
    made->values = std::move(list);
    return made;
  }
  Update *made = file.make<Update>(where);
  for (Expr *target : list) {
    auto *index = llvm::dyn_cast<Index>(target);
    if (!llvm::isa<NameUse, Member>(index ? index->base : target))
      error(Code::NN0113, target->range, "only a name, or a part of it as in `ks[:, at]`, can stand before `<-`",
            llvm::isa<Chain>(target) ? "`x <- 1` is an update; to compare with a negative number write `x < -1`" : "");
  }
  made->targets = std::move(list);
  made->value = expr(context->expr());
  return made;
}

void TreeBuilder::clause(NNParser::ClauseContext *context, std::vector<Node *> &into) {
  Range where = range(context);
  auto texts = [&](const std::vector<antlr4::tree::TerminalNode *> &strings) {
    std::vector<Text> list;
    for (antlr4::tree::TerminalNode *string : strings)
      list.push_back(text(string));
    return list;
  };
  if (auto *minimize = dynamic_cast<NNParser::MinimizeClauseContext *>(context)) {
    into.push_back(file.make<Minimize>(where, expr(minimize->expr())));
  } else if (auto *with = dynamic_cast<NNParser::WithClauseContext *>(context)) {
    Expr *callable = postfix(with->postfix());
    Call *optimizer = stage(callable);
    if (!optimizer) {
      error(Code::NN0708, callable->range, "an optimizer with its arguments is expected after `with`",
            "for example `with adam(lr)`");
      return;
    }
    With *made = file.make<With>(where, optimizer);
    made->patterns = texts(with->STRING());
    into.push_back(made);
  } else if (auto *paths = dynamic_cast<NNParser::PathsClauseContext *>(context)) {
    Paths *made = file.make<Paths>(where, sign(paths->children.front()) == "freeze");
    made->patterns = texts(paths->STRING());
    into.push_back(made);
  } else if (auto *word = dynamic_cast<NNParser::WordClauseContext *>(context)) {
    into.push_back(this->word(word));
  } else {
    statement(dynamic_cast<NNParser::StatementClauseContext *>(context)->statement(), nullptr, into);
  }
}

Word *TreeBuilder::word(NNParser::WordClauseContext *context) {
  std::vector<NNParser::NameContext *> names = context->name();
  Word *made = file.make<Word>(range(static_cast<Rule *>(context)), name(names[0]));
  if (names.size() > 1)
    made->mode = name(names[1]);
  bool minus = false;
  for (antlr4::tree::ParseTree *child : context->children)
    minus |= sign(child) == "-";
  if (NNParser::NumberContext *number = context->number()) {
    made->number = this->number(number, minus);
    if (minus)
      made->number = file.make<Unary>(range(static_cast<Rule *>(number)), Operator::Negate, made->number);
  } else if (names.size() == 3) {
    made->number = file.make<NameUse>(range(static_cast<Rule *>(names[2])), name(names[2]).text);
  }
  return made;
}
