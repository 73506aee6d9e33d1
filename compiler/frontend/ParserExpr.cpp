// Expressions; the second half of TreeBuilder.
#include "compiler/frontend/ParserTree.h"
#include "llvm/ADT/APFloat.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/Error.h"

using namespace nnc::frontend;
using llvm::StringRef;

static constexpr unsigned maxNesting = 256;
static constexpr size_t maxOperands = 10000;

/// Whether the tree becomes too deep here. Reported once.
bool TreeBuilder::tooDeep(Range where) {
  if (depth == maxNesting + 1)
    error(Code::NN0902, where, "this expression is nested more than 256 deep");
  return depth > maxNesting;
}

Expr *TreeBuilder::expr(NNParser::ExprContext *context) {
  if (auto *plain = dynamic_cast<NNParser::OperandExprContext *>(context))
    return postfix(plain->postfix());
  if (auto *product = dynamic_cast<NNParser::ProductExprContext *>(context))
    return chain(product);
  if (auto *sum = dynamic_cast<NNParser::SumExprContext *>(context))
    return chain(sum);
  if (auto *pipe = dynamic_cast<NNParser::PipeExprContext *>(context))
    return this->pipe(pipe);
  if (auto *comparison = dynamic_cast<NNParser::ComparisonExprContext *>(context))
    return chain(comparison);
  if (auto *both = dynamic_cast<NNParser::AndExprContext *>(context))
    return chain(both);
  if (auto *either = dynamic_cast<NNParser::OrExprContext *>(context))
    return chain(either);
  return prefix(context);
}

/// `-x`, `not x`, `x ^ y`: the operators that nest.
Expr *TreeBuilder::prefix(NNParser::ExprContext *context) {
  Range where = range(static_cast<Rule *>(context));
  ++depth;
  Expr *made = nullptr;
  if (tooDeep(where)) {
    made = file.make<NameUse>(where, StringRef());
  } else if (auto *negation = dynamic_cast<NNParser::NotExprContext *>(context)) {
    made = file.make<Unary>(where, Operator::Not, operand(negation->expr(), "not"));
  } else if (auto *negative = dynamic_cast<NNParser::NegativeExprContext *>(context)) {
    made = this->negative(negative);
  } else {
    auto *power = dynamic_cast<NNParser::PowerExprContext *>(context);
    Expr *base = operand(power->expr(0), "^");
    made = file.make<Power>(where, base, operand(power->expr(1), "^"));
  }
  --depth;
  return made;
}

/// An operand of an operator. ANTLR lets looser operators stand there in two cases that are errors.
Expr *TreeBuilder::operand(NNParser::ExprContext *context, StringRef operatorText) {
  if (dynamic_cast<NNParser::PipeExprContext *>(context)) {
    Range where = range(static_cast<Rule *>(context));
    error(Code::NN0110, where, "`|>` binds loosest: only a callable may follow it, not `" + operatorText.str() + "`",
          "(" + where.text().str() + ") " + operatorText.str() + " ...");
  }
  bool logical = operatorText == "and" || operatorText == "or" || operatorText == "not";
  if (!logical && dynamic_cast<NNParser::NotExprContext *>(context)) {
    Range where = range(static_cast<Rule *>(context));
    error(Code::NN0110, where, "`not` binds looser than `" + operatorText.str() + "`",
          "write (" + where.text().str() + ")");
  }
  return expr(context);
}

static Operator operatorOf(StringRef text) {
  return llvm::StringSwitch<Operator>(text)
      .Case("or", Operator::Or)
      .Case("and", Operator::And)
      .Case("==", Operator::Equal)
      .Case("!=", Operator::NotEqual)
      .Case("<", Operator::Less)
      .Case("<=", Operator::LessEqual)
      .Case(">", Operator::Greater)
      .Case(">=", Operator::GreaterEqual)
      .Case("+", Operator::Add)
      .Case("-", Operator::Subtract)
      .Case("*", Operator::Multiply)
      .Case("/", Operator::Divide)
      .Default(Operator::MatMul);
}

/// `a + b - c` is nested to the left, as deep as it is long: follow the left operands by a loop.
template <typename Level> Expr *TreeBuilder::chain(Level *context) {
  std::vector<NNParser::ExprContext *> operands; // from right to left
  std::vector<antlr4::tree::TerminalNode *> operators;
  NNParser::ExprContext *left = context;
  while (auto *link = dynamic_cast<Level *>(left)) {
    operands.push_back(link->expr(1));
    operators.push_back(dynamic_cast<antlr4::tree::TerminalNode *>(link->children[1]));
    left = link->expr(0);
  }
  operands.push_back(left);
  Chain *made = file.make<Chain>(range(static_cast<Rule *>(context)));
  if (operands.size() > maxOperands) {
    error(Code::NN0903, made->range,
          "an expression of " + std::to_string(operands.size()) + " operands, more than 10000, in one chain",
          "name parts of it with `let`");
    return made;
  }
  if (std::is_same_v<Level, NNParser::ComparisonExprContext> && operators.size() > 1)
    error(Code::NN0110, range(operators[operators.size() - 2]), "comparisons do not chain", "write `a < b and b < c`");
  for (size_t i = operands.size(); i-- > 0;) {
    // The operator that stands beside this operand, for the message.
    StringRef beside = range(operators[i == operators.size() ? i - 1 : i]).text();
    made->operands.push_back(operand(operands[i], beside));
  }
  for (antlr4::tree::TerminalNode *sign : llvm::reverse(operators)) {
    made->operators.push_back(operatorOf(range(sign).text()));
    made->operatorRanges.push_back(range(sign));
  }
  return made;
}

static std::string stageHint(Expr *callable) {
  auto *index = llvm::dyn_cast<Index>(callable);
  auto *base = index ? llvm::dyn_cast<NameUse>(index->base) : nullptr;
  if (base && llvm::isUpper(base->name[0]))
    return "a layer gets a name first: `use x = " + base->name.str() + "[...]`, then `|> x`";
  return index ? "to index the result, put the pipeline in parentheses: `(x |> f)[0]`" : "";
}

Expr *TreeBuilder::pipe(NNParser::PipeExprContext *context) {
  std::vector<NNParser::PostfixContext *> stages; // from right to left
  NNParser::ExprContext *left = context;
  while (auto *link = dynamic_cast<NNParser::PipeExprContext *>(left)) {
    stages.push_back(link->postfix());
    left = link->expr();
  }
  Pipe *made = file.make<Pipe>(range(static_cast<Rule *>(context)), expr(left));
  if (stages.size() > maxOperands) {
    error(Code::NN0903, made->range, "a pipeline of more than 10000 stages", "name parts of it with `let`");
    return made;
  }
  for (NNParser::PostfixContext *stageContext : llvm::reverse(stages)) {
    Expr *callable = postfix(stageContext);
    if (Call *call = stage(callable))
      made->stages.push_back(call);
    else
      error(Code::NN0114, callable->range,
            "a function or a layer is expected after `|>`: `x |> f`, `x |> f(2)`, `x |> net.decode(at)`",
            stageHint(callable));
  }
  return made;
}

Call *TreeBuilder::stage(Expr *callable) {
  auto isPath = [](Expr *expr) {
    while (auto *member = llvm::dyn_cast<Member>(expr))
      expr = member->base;
    return llvm::isa<NameUse>(expr);
  };
  if (auto *call = llvm::dyn_cast<Call>(callable))
    return isPath(call->callee) ? call : nullptr;
  return isPath(callable) ? file.make<Call>(callable->range, callable) : nullptr;
}

Expr *TreeBuilder::negative(NNParser::NegativeExprContext *context) {
  // -9223372036854775808 fits, 9223372036854775808 does not.
  Expr *value = nullptr;
  auto *plain = dynamic_cast<NNParser::OperandExprContext *>(context->expr());
  if (plain && plain->postfix()->suffix().empty())
    if (auto *literal = dynamic_cast<NNParser::NumberPrimaryContext *>(plain->postfix()->primary()))
      value = number(literal->number(), true);
  return file.make<Unary>(range(static_cast<Rule *>(context)), Operator::Negate,
                          value ? value : operand(context->expr(), "-"));
}

Expr *TreeBuilder::postfix(NNParser::PostfixContext *context) {
  unsigned outside = depth;
  Expr *made = primary(context->primary());
  for (NNParser::SuffixContext *link : context->suffix()) {
    ++depth; // each suffix nests the tree one level deeper
    Range whole{file.source, made->range.begin, range(static_cast<Rule *>(link)).end};
    if (tooDeep(whole))
      break;
    made = suffix(made, link, whole);
  }
  depth = outside;
  return made;
}

Expr *TreeBuilder::suffix(Expr *base, NNParser::SuffixContext *context, Range whole) {
  if (auto *member = dynamic_cast<NNParser::MemberSuffixContext *>(context))
    return file.make<Member>(whole, base, name(member->name()));
  if (auto *call = dynamic_cast<NNParser::CallSuffixContext *>(context)) {
    Call *made = file.make<Call>(whole, base);
    for (NNParser::ActualContext *actual : call->actual()) {
      Actual argument;
      argument.range = range(static_cast<Rule *>(actual));
      argument.name = name(actual->name());
      if (actual->pattern())
        argument.pattern = pattern(actual->pattern());
      else
        argument.value = expr(actual->expr());
      made->arguments.push_back(argument);
    }
    return made;
  }
  Index *made = file.make<Index>(whole, base);
  for (NNParser::ItemContext *context : dynamic_cast<NNParser::IndexSuffixContext *>(context)->item()) {
    Item item;
    item.range = range(static_cast<Rule *>(context));
    item.name = name(context->name());
    std::vector<NNParser::ExprContext *> exprs = context->expr();
    if (context->colon) {
      item.sort = Item::Slice;
      for (NNParser::ExprContext *bound : exprs) {
        bool before = bound->start->getStartIndex() < context->colon->getStartIndex();
        (before ? item.value : item.end) = expr(bound);
      }
    } else if (exprs.empty()) {
      item.sort = Item::Ellipsis;
    } else {
      item.sort = item.name ? Item::Named : Item::Single;
      item.value = expr(exprs[0]);
    }
    made->items.push_back(item);
  }
  return made;
}

Expr *TreeBuilder::primary(NNParser::PrimaryContext *context) {
  Range where = range(static_cast<Rule *>(context));
  if (auto *named = dynamic_cast<NNParser::NamePrimaryContext *>(context))
    return file.make<NameUse>(where, name(named->name()).text);
  if (auto *number = dynamic_cast<NNParser::NumberPrimaryContext *>(context))
    return this->number(number->number(), false);
  if (dynamic_cast<NNParser::BooleanPrimaryContext *>(context))
    return file.make<BooleanLiteral>(where, where.text() == "true");
  if (auto *group = dynamic_cast<NNParser::GroupPrimaryContext *>(context)) {
    Expr *made = expr(group->expr());
    made->range = where;
    return made;
  }
  if (auto *einsum = dynamic_cast<NNParser::EinsumPrimaryContext *>(context))
    return this->einsum(einsum);
  if (auto *conditional = dynamic_cast<NNParser::IfPrimaryContext *>(context))
    return this->conditional(conditional);
  if (auto *checkpoint = dynamic_cast<NNParser::CheckpointPrimaryContext *>(context))
    return file.make<Checkpoint>(where, body(checkpoint->body()));
  if (auto *scan = dynamic_cast<NNParser::ScanPrimaryContext *>(context))
    return this->scan(scan);
  if (auto *attend = dynamic_cast<NNParser::AttendPrimaryContext *>(context))
    return this->attend(attend);
  if (auto *combine = dynamic_cast<NNParser::NeighbourhoodPrimaryContext *>(context)) {
    auto sort = llvm::StringSwitch<Neighbourhood::Sort>(sign(combine->children.front()))
                    .Case("sum", Neighbourhood::Sum)
                    .Case("mean", Neighbourhood::Mean)
                    .Case("max", Neighbourhood::Max)
                    .Case("min", Neighbourhood::Min)
                    .Default(Neighbourhood::Each);
    Neighbourhood *made = neighbourhood(combine->over(), context, sort);
    made->body = body(combine->body());
    return made;
  }
  damaged = true;
  if (isWhole(where.text()))
    error(Code::NN0112, where, "a string is not a value",
          "strings are paths: after `import`, `as`, `for`, `freeze`, `eval`");
  return file.make<NameUse>(where, StringRef());
}

Expr *TreeBuilder::number(NNParser::NumberContext *context, bool negated) {
  Range where = range(static_cast<Rule *>(context));
  bool malformed = where.text().find_first_not_of("0123456789.eE+-") != StringRef::npos ||
                   !llvm::isDigit(where.text().front()) || !llvm::isDigit(where.text().back());
  if (malformed) { // reported by the lexer
    damaged = true;
    return file.make<IntegerLiteral>(where, 1);
  }
  if (context->INT()) {
    uint64_t value = 0, limit = uint64_t(1) << 63;
    if (where.text().getAsInteger(10, value) || value > limit || (value == limit && !negated))
      error(Code::NN0106, where, "this integer does not fit 64 bits: integers go from -2^63 to 2^63 - 1",
            "a float has a point or an exponent: `1.0`, `1e20`");
    return file.make<IntegerLiteral>(where, value);
  }
  llvm::APFloat value(llvm::APFloat::IEEEdouble());
  auto status = value.convertFromString(where.text(), llvm::APFloat::rmNearestTiesToEven);
  if (!status)
    llvm::consumeError(status.takeError());
  bool isZero = where.text().take_while([](char c) { return c != 'e' && c != 'E'; }).find_first_of("123456789") ==
                StringRef::npos;
  if (value.isInfinity())
    error(Code::NN0106, where, "this number is too large for a float", "the value infinity is written `inf`");
  else if (value.isZero() && !isZero)
    error(Code::NN0106, where, "this number is so small that it would become 0");
  return file.make<FloatLiteral>(where, value.convertToDouble());
}

Expr *TreeBuilder::conditional(NNParser::IfPrimaryContext *context) {
  If *made = file.make<If>(range(static_cast<Rule *>(context)));
  std::vector<NNParser::ExprContext *> conditions = context->expr();
  std::vector<NNParser::BodyContext *> bodies = context->body();
  for (size_t i = 0; i < conditions.size(); ++i) {
    Expr *condition = expr(conditions[i]);
    made->branches.push_back({condition, body(bodies[i])});
  }
  if (bodies.size() > conditions.size())
    made->otherwise = body(bodies.back());
  return made;
}

Expr *TreeBuilder::scan(NNParser::ScanPrimaryContext *context) {
  Scan *made = file.make<Scan>(range(static_cast<Rule *>(context)));
  made->reversed = sign(context->children[1]) == "reversed";
  for (NNParser::SourceContext *source : context->source())
    made->elements.push_back(
        file.make<Element>(range(static_cast<Rule *>(source)), name(source->name()), expr(source->expr())));
  made->until = context->expr() ? expr(context->expr()) : nullptr;
  for (NNParser::CarryContext *carry : context->carry())
    made->carries.push_back(
        file.make<Carry>(range(static_cast<Rule *>(carry)), name(carry->name()), expr(carry->expr())));
  made->body = body(context->body());
  return made;
}

Neighbourhood *TreeBuilder::neighbourhood(NNParser::OverContext *over, Rule *whole, Neighbourhood::Sort sort) {
  Neighbourhood *made = file.make<Neighbourhood>(range(whole), sort);
  // `n1, n2, e: u -> v`: what follows each name tells its role.
  std::vector<HeadIndex *> names;
  for (antlr4::tree::ParseTree *child : over->children) {
    if (auto *name = dynamic_cast<NNParser::NameContext *>(child)) {
      names.push_back(file.make<HeadIndex>(this->name(name), HeadIndex::Free));
      continue;
    }
    StringRef mark = sign(child);
    if (mark == ",") {
      made->free.push_back(names.back());
    } else if (mark == ":") {
      made->edge = names.back();
      made->edge->role = HeadIndex::Edge;
    } else if (mark == "->") {
      made->source = names.back();
      made->source->role = HeadIndex::Source;
    } else if (mark == ")") {
      made->target = names.back();
      made->target->role = HeadIndex::Target;
    }
  }
  made->domain = postfix(over->postfix());
  made->where = over->expr() ? expr(over->expr()) : nullptr;
  return made;
}

Expr *TreeBuilder::attend(NNParser::AttendPrimaryContext *context) {
  Neighbourhood *made = neighbourhood(context->over(), context, Neighbourhood::Attend);
  NNParser::AttendBodyContext *attendBody = context->attendBody();
  made->body = file.make<Block>(range(static_cast<Rule *>(attendBody)));
  bool broken = attendBody->exception != nullptr;
  for (NNParser::AttendLineContext *line : attendBody->attendLine()) {
    if (line->exception) {
      broken = true;
      continue;
    }
    if (!line->binding().empty()) {
      if (made->score)
        error(Code::NN0603, range(static_cast<Rule *>(line)), "a `let` of `attend` stands before its `score`");
      lets(line->binding(), made->body->statements);
      continue;
    }
    bool isScore = sign(line->children.front()) == "score";
    Expr *&place = isScore ? made->score : made->value;
    std::string word = isScore ? "score" : "value";
    if (place)
      error(Code::NN0603, range(static_cast<Rule *>(line)), "`" + word + "` stands twice in this `attend`");
    else if (isScore && made->value)
      error(Code::NN0603, range(static_cast<Rule *>(line)), "`score` stands before `value`");
    place = expr(line->expr());
  }
  damaged |= broken;
  if (!broken && (!made->score || !made->value))
    error(Code::NN0603, made->body->end(),
          std::string("this `attend` has no `") + (made->score ? "value" : "score") + "`",
          "attend (..) in .. { score .. ; value .. }");
  return made;
}

Expr *TreeBuilder::einsum(NNParser::EinsumPrimaryContext *context) {
  Einsum *made = file.make<Einsum>(range(static_cast<Rule *>(context)));
  std::vector<NNParser::AxesContext *> inputs = context->axes();
  made->patternRange = range(static_cast<Rule *>(inputs.front()));
  for (NNParser::AxesContext *input : inputs) {
    std::vector<Axis> &axes = made->inputs.emplace_back();
    for (NNParser::AxisContext *axis : input->axis())
      axes.push_back(this->axis(axis));
  }
  for (antlr4::tree::ParseTree *child : context->children)
    if (sign(child) == "->")
      made->patternRange.end = range(dynamic_cast<antlr4::tree::TerminalNode *>(child)).end;
  for (NNParser::AxisContext *axis : context->axis()) {
    made->output.push_back(this->axis(axis));
    made->patternRange.end = made->output.back().range.end;
  }
  for (NNParser::ExprContext *operand : context->expr())
    made->operands.push_back(expr(operand));
  return made;
}

Pattern *TreeBuilder::pattern(NNParser::PatternContext *context) {
  Pattern *made = file.make<Pattern>(range(static_cast<Rule *>(context)));
  bool left = true;
  for (antlr4::tree::ParseTree *child : context->children) {
    if (auto *axis = dynamic_cast<NNParser::AxisContext *>(child))
      (left ? made->from : made->to).push_back(this->axis(axis));
    else
      left = false;
  }
  return made;
}

Axis TreeBuilder::axis(NNParser::AxisContext *context) {
  Axis made;
  made.range = range(static_cast<Rule *>(context));
  StringRef first = sign(context->children.front());
  if (context->INT()) {
    made.sort = Axis::Number;
    if (made.range.text().getAsInteger(10, made.number) || made.number >> 47)
      error(Code::NN0106, made.range, "this size is too large");
  } else if (first == "...") {
    made.sort = Axis::Ellipsis;
  } else if (first == "(") {
    made.sort = Axis::Group;
    for (NNParser::NameContext *name : context->name())
      made.group.push_back(this->name(name));
  } else {
    made.name = name(context->name(0));
  }
  return made;
}
