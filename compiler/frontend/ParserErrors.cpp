#include "compiler/frontend/ParserErrors.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringSwitch.h"

using namespace nnc::frontend;
using antlr4::misc::IntervalSet;
using llvm::StringRef;

/// After so many errors the rest of the file is not looked at.
static constexpr unsigned maxSyntaxErrors = 200;

static bool isLine(size_t rule) {
  return rule == NNParser::RuleFileLine || rule == NNParser::RuleBodyLine || rule == NNParser::RuleTrainLine ||
         rule == NNParser::RuleAttendLine || rule == NNParser::RuleSettingValue;
}

static bool isListOfLines(size_t rule) {
  return rule == NNParser::RuleFile || rule == NNParser::RuleBody || rule == NNParser::RuleTrainBody ||
         rule == NNParser::RuleAttendBody;
}

static bool opens(size_t type) {
  return type == NNParser::OPEN_ROUND || type == NNParser::OPEN_SQUARE || type == NNParser::OPEN_CURLY;
}
static bool closes(size_t type) {
  return type == NNParser::CLOSE_ROUND || type == NNParser::CLOSE_SQUARE || type == NNParser::CLOSE_CURLY;
}

/// Words that cannot be names, but that people use as names.
static bool isHardWord(StringRef text) {
  return llvm::StringSwitch<bool>(text)
      .Cases({"import", "const", "fn", "layer", "model", "optimizer", "train", "vjp"}, true)
      .Cases({"param", "state", "buffer", "use", "let", "if", "else", "scan", "attend", "yield"}, true)
      .Cases({"checkpoint", "einsum", "minimize", "with", "freeze", "true", "false", "and", "or", "not"}, true)
      .Default(false);
}

StringRef ErrorStrategy::text(antlr4::Token *token) const { return range(token).text(); }

Range ErrorStrategy::range(antlr4::Token *token) const {
  if (token->getType() == antlr4::Token::EOF)
    return {&source, source.size(), source.size()};
  return {&source, static_cast<uint32_t>(token->getStartIndex()), static_cast<uint32_t>(token->getStopIndex() + 1)};
}

// ------------------------------------------------------------------------------------------------------ Recovery

void ErrorStrategy::reportError(antlr4::Parser *parser, const antlr4::RecognitionException &error) {
  if (inErrorRecoveryMode(parser))
    return; // on its way up to the line
  beginErrorCondition(parser);
  // A decision that looked several tokens ahead does not know what it expected there.
  auto *ahead = dynamic_cast<const antlr4::NoViableAltException *>(&error);
  bool known = !ahead || ahead->getStartToken() == error.getOffendingToken();
  report(parser, error.getOffendingToken(), known ? error.getExpectedTokens() : IntervalSet());
}

void ErrorStrategy::report(antlr4::Parser *parser, antlr4::Token *token, const IntervalSet &expected) {
  // Did the text of this statement have to be repaired before this token?
  antlr4::RuleContext *line = parser->getContext();
  while (line->parent && !isLine(line->getRuleIndex()) && !isListOfLines(line->getRuleIndex()))
    line = dynamic_cast<antlr4::RuleContext *>(line->parent);
  auto *lineContext = dynamic_cast<antlr4::ParserRuleContext *>(line);
  size_t first = isListOfLines(line->getRuleIndex()) ? token->getTokenIndex() : lineContext->start->getTokenIndex();
  for (size_t i = first; i <= token->getTokenIndex(); ++i)
    if (repaired.contains(static_cast<uint32_t>(parser->getTokenStream()->get(i)->getStartIndex())))
      return;
  bool inBlock = line->getRuleIndex() != NNParser::RuleFile && line->getRuleIndex() != NNParser::RuleFileLine;
  if (inBlock && (misused.contains(text(token)) || misused.contains(text(lineContext->start))))
    return;
  if (++count > maxSyntaxErrors)
    throw antlr4::ParseCancellationException();
  describe(parser, token, expected);
}

void ErrorStrategy::recover(antlr4::Parser *parser, std::exception_ptr error) {
  size_t rule = parser->getContext()->getRuleIndex();
  if (!isLine(rule))
    std::rethrow_exception(error);
  skipLine(parser->getTokenStream(), parser->getContext()->start->getTokenIndex());
  endErrorCondition(parser);
}

/// Goes behind the line end of the statement that began at `from`, or before the bracket that closes its block.
void ErrorStrategy::skipLine(antlr4::TokenStream *tokens, size_t from) {
  int depth = 0;
  auto step = [&](size_t type) { depth += opens(type) ? 1 : closes(type) ? -1 : 0; };
  for (size_t i = from; i < tokens->index(); ++i)
    step(tokens->get(i)->getType());
  while (tokens->LA(1) != antlr4::Token::EOF) {
    size_t type = tokens->LA(1);
    if (depth <= 0 && closes(type))
      return;
    step(type);
    tokens->consume();
    if (type == NNParser::NL && depth <= 0)
      return;
  }
}

antlr4::Token *ErrorStrategy::recoverInline(antlr4::Parser *parser) { throw antlr4::InputMismatchException(parser); }

/// Called before each round of a loop. In a list of lines, what cannot begin a line is an error of its own.
void ErrorStrategy::sync(antlr4::Parser *parser) {
  if (!isListOfLines(parser->getContext()->getRuleIndex()))
    return;
  antlr4::TokenStream *tokens = parser->getTokenStream();
  const auto &atn = parser->getInterpreter<antlr4::atn::ATNSimulator>()->atn;
  antlr4::atn::ATNState *state = atn.states[parser->getState()];
  auto type = state->getStateType();
  if (type != antlr4::atn::ATNState::STAR_LOOP_ENTRY && type != antlr4::atn::ATNState::STAR_LOOP_BACK)
    return;
  while (true) {
    IntervalSet expected = parser->getExpectedTokens();
    if (expected.contains(tokens->LA(1)) || tokens->LA(1) == antlr4::Token::EOF)
      return;
    report(parser, tokens->LT(1), expected);
    parser->getContext()->exception = std::make_exception_ptr(antlr4::InputMismatchException(parser));
    size_t from = tokens->index();
    tokens->consume();
    skipLine(tokens, from);
  }
}

// ------------------------------------------------------------------------------------------------------ Messages

static std::string nameOf(size_t type, const antlr4::dfa::Vocabulary &vocabulary) {
  switch (type) {
  case antlr4::Token::EOF:
    return "the end of the file";
  case NNParser::NL:
    return "the end of the line";
  case NNParser::INT:
  case NNParser::FLOAT:
    return "a number";
  case NNParser::STRING:
    return "a string";
  case NNParser::ID:
    return "a name";
  case NNParser::VALUE_ELSE:
    return "`else`";
  default:
    std::string literal = vocabulary.getLiteralName(type); // in single quotes
    return ("`" + StringRef(literal).drop_front().drop_back() + "`").str();
  }
}

/// `,` or `)`; empty if there are too many to name.
static std::string listOf(const IntervalSet &expected, const antlr4::dfa::Vocabulary &vocabulary) {
  std::vector<std::string> names;
  bool anyName = expected.contains(size_t(NNParser::ID));
  for (ssize_t type : expected.toList()) {
    // Soft words are names.
    bool soft = type >= ssize_t(NNParser::IN) && type <= ssize_t(NNParser::EVAL);
    std::string name = anyName && soft ? "a name" : nameOf(static_cast<size_t>(type), vocabulary);
    if (!llvm::is_contained(names, name))
      names.push_back(name);
  }
  if (names.empty() || names.size() > 4)
    return {};
  std::string list = names[0];
  for (size_t i = 1; i < names.size(); ++i)
    list += (i + 1 == names.size() ? " or " : ", ") + names[i];
  return list;
}

void ErrorStrategy::describe(antlr4::Parser *parser, antlr4::Token *token, const IntervalSet &expected) {
  size_t rule = parser->getContext()->getRuleIndex();
  if (isListOfLines(rule) && !expected.contains(size_t(NNParser::OPEN_CURLY)))
    return describeLineBegin(parser, token);
  bool atLineEnd = isLine(rule) && expected.size() == 1 && expected.contains(size_t(NNParser::NL));
  if (atLineEnd && token->getType() != antlr4::Token::EOF)
    return describeLineEnd(parser, token);

  antlr4::Token *before = token->getTokenIndex() ? parser->getTokenStream()->get(token->getTokenIndex() - 1) : nullptr;
  std::string after = before && !text(before).empty() ? " after `" + text(before).str() + "`" : "";
  bool wantsName = expected.contains(size_t(NNParser::ID));
  bool wantsValue = wantsName && expected.contains(size_t(NNParser::FLOAT));
  bool wantsType =
      wantsName && (rule == NNParser::RuleType || rule == NNParser::RuleResult || rule == NNParser::RulePart);
  std::string list = wantsValue ? "a value" : wantsType ? "a type" : listOf(expected, parser->getVocabulary());
  StringRef word = text(token);
  if (token->getType() == NNParser::NL || token->getType() == antlr4::Token::EOF) {
    diagnostics.error(Code::NN0108, range(token),
                      (list.empty() ? "more" : list) + " is expected" + after + ", but the line ends");
    return;
  }
  if ((wantsName || (before && text(before) == "(")) && isHardWord(word) &&
      !(wantsValue && (word == "let" || word == "yield"))) {
    misused.insert(word);
    diagnostics.error(Code::NN0111, range(token), "`" + word + "` is a word of the language, it cannot be a name")
        .hint("choose another name, for example `" + word + "_`");
    return;
  }
  std::string message = list.empty() ? ("`" + word + "` cannot stand here" + after).str()
                                     : (list + " is expected" + after + ", not `" + word + "`").str();
  Diagnostic &error = diagnostics.error(Code::NN0108, range(token), message);
  StringRef last = before ? text(before) : StringRef();
  if (word == "<-")
    error.hint("`x <- 1` is an update; to compare with a negative number write `x < -1`");
  else if (word == ")" && last == ",")
    error.hint("drop the last `,`");
  else if (word == ":" && rule == NNParser::RuleSettings)
    error.hint("a setting has a default value, but no type: `hidden = 256`");
  else if (word == ":" && expected.contains(size_t(NNParser::CLOSE_SQUARE)))
    error.hint("a range `a : b` has no step");
  else if (word == ":" && !wantsValue)
    error.hint("ranges `a : b` stand inside `[ ]` only");
  else if (rule == NNParser::RulePattern || rule == NNParser::RuleAxis)
    error.hint("a pattern looks like `b n -> n b`; arguments are separated by `,`");
  else if (last == "else")
    error.hint("the branches of `if` are blocks: `else { ... }`");
  else if (last == "import")
    error.hint("import \"file.nn\"");
}

/// The statement is complete, but something follows on its line.
void ErrorStrategy::describeLineEnd(antlr4::Parser *parser, antlr4::Token *token) {
  antlr4::Token *first = parser->getContext()->start;
  StringRef word = text(token), begin = text(first);
  Diagnostic &error = diagnostics.error(Code::NN0109, range(token),
                                        "a statement must end at the line's end, but `" + word + "` follows");
  if (word == "=" && first->getType() == NNParser::ID)
    error.hint("a new value is named by `let " + begin + " = ...`, a carried name or a state is updated by `" + begin +
               " <- ...`");
  else if (word == ":" && first->getType() == NNParser::ID)
    error.hint("a value with a type is named by `let " + begin + ": T = ...`");
  else if (begin == "return")
    error.hint("the last line of a block is its result; there is no `return`");
  else if (begin == "for" || begin == "while")
    error.hint("a loop is written `scan x in xs carrying h = h0 { ... }`");
  else if (begin == "def" || begin == "function" || begin == "func")
    error.hint("a function begins with `fn`");
  else if (begin == "class" || begin == "module")
    error.hint("a layer begins with `layer`");
  else if (begin == "var" || begin == "auto" || begin == "val")
    error.hint("a value is named by `let`");
  else if (word == "as")
    error.hint("`as \"path\"` stands after `use`, `param`, `buffer` or `import`, before `if`");
  else if (word == "in")
    error.hint("the head of a neighbourhood ends in `u -> v`: `sum (e: u -> v) in g { ... }`");
  else
    error.hint("two statements on one line are separated by `;`");
}

/// Nothing that begins with this token can stand in a file, a block, or a train block.
void ErrorStrategy::describeLineBegin(antlr4::Parser *parser, antlr4::Token *token) {
  size_t rule = parser->getContext()->getRuleIndex();
  StringRef word = text(token);
  if (rule == NNParser::RuleFile) {
    Diagnostic &error =
        diagnostics.error(Code::NN0108, range(token),
                          "a file consists of `import`, `const`, `fn`, `layer`, `model`, `optimizer` and `train`, `" +
                              word + "` is none of them");
    if (word == "let")
      error.hint("a constant of a file is named by `const`");
    else if (word == "def" || word == "function")
      error.hint("a function begins with `fn`");
    else if (word == "class")
      error.hint("a layer begins with `layer`");
    return;
  }
  if (rule == NNParser::RuleAttendBody) {
    diagnostics
        .error(Code::NN0603, range(token), "in `attend { }` stand `let`, `score` and `value`, not `" + word + "`")
        .hint("attend (..) in .. { score .. ; value .. }");
    return;
  }
  antlr4::Token *next = parser->getTokenStream()->LT(2);
  bool named = next->getType() == NNParser::ID || next->getType() == NNParser::STRING;
  if (isHardWord(word) && !named && word != "minimize" && word != "with" && word != "freeze" && word != "else") {
    misused.insert(word);
    diagnostics.error(Code::NN0111, range(token), "`" + word + "` is a word of the language, it cannot be a name");
    return;
  }
  bool clause = word == "minimize" || word == "with" || word == "freeze";
  bool declaration = word == "import" || word == "layer" || word == "model" || word == "optimizer" || word == "train";
  Diagnostic &error =
      clause ? diagnostics.error(Code::NN0501, range(token), "`" + word + "` stands in a `train` block only")
      : declaration
          ? diagnostics.error(Code::NN0501, range(token), "`" + word + "` stands in a file, not inside a block")
          : diagnostics.error(Code::NN0108, range(token), "a statement cannot begin with `" + word + "`");
  if (word == "else")
    error.hint("`else` belongs to an `if` right before it");
  else if (word == "+" || word == "*" || word == "|>")
    error.hint("the line before it does not end in a value");
}
