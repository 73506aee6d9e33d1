#include "compiler/frontend/TokenFilter.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"

using namespace nnc::frontend;
using llvm::StringRef;

static constexpr size_t maxNesting = 256;

static bool opens(StringRef text) { return text == "(" || text == "[" || text == "{"; }
static bool closes(StringRef text) { return text == ")" || text == "]" || text == "}"; }
static StringRef partner(StringRef open) { return open == "(" ? ")" : open == "[" ? "]" : "}"; }

/// A line cannot end after these.
static bool continuesAfter(StringRef text) {
  return llvm::StringSwitch<bool>(text)
      .Cases({"|>", "or", "and", "not", "==", "!=", "<", "<=", ">", ">="}, true)
      .Cases({"+", "-", "*", "/", "@", "^", ",", ".", ":", "="}, true)
      .Cases({"->", "<-", "{", "else"}, true)
      .Default(false);
}

/// A line cannot begin with these. Not `-`, `(` and `[`: they begin a new statement.
static bool continuesBefore(StringRef text) {
  return llvm::StringSwitch<bool>(text)
      .Cases({"|>", "or", "and", "==", "!=", "<", "<=", ">", ">="}, true)
      .Cases({"+", "*", "/", "@", "^", ",", ".", "=", ")", "]"}, true)
      .Cases({"{", "}", "else", "vjp", "as", "->", "<-"}, true)
      .Default(false);
}

static bool beginsDeclaration(StringRef text) {
  return llvm::StringSwitch<bool>(text).Cases({"import", "layer", "model", "optimizer", "train"}, true).Default(false);
}

/// Words that never stand inside `( )` or `[ ]`, unless in a block there.
static bool beginsStatement(StringRef text) {
  return beginsDeclaration(text) ||
         llvm::StringSwitch<bool>(text)
             .Cases({"let", "param", "state", "buffer", "use", "const", "fn", "yield", "minimize", "with", "freeze"},
                    true)
             .Default(false);
}

namespace {
class Filter {
public:
  Filter(const SourceFile &source, const TokenTypes &types, DiagnosticEngine &diagnostics)
      : source(source), types(types), diagnostics(diagnostics) {}

  FilteredTokens run(std::vector<Token> tokens);

private:
  struct Open {
    Token token;
    unsigned indentation; // of its line
  };

  StringRef text(const Token &token) const { return source.text().slice(token.begin, token.end); }
  Range range(const Token &token) const { return {&source, token.begin, token.end}; }
  /// Just behind the last token.
  Range gap() const {
    uint32_t at = result.tokens.empty() ? 0 : result.tokens.back().end;
    return {&source, at, at + 1};
  }
  unsigned indentation(const Token &token) const { return token.begin - source.lineBegin(source.lineOf(token.begin)); }
  unsigned closingType(StringRef bracket) const {
    return bracket == ")" ? types.closeRound : bracket == "]" ? types.closeSquare : types.closeCurly;
  }

  void endLine();
  void putPartner();
  void reportMissing(Range where, StringRef before);
  void repairAtLineBegin(const Token &token, bool nameFollows);
  bool close(Token &token, bool firstOfLine);

  const SourceFile &source;
  const TokenTypes &types;
  DiagnosticEngine &diagnostics;
  FilteredTokens result;
  std::vector<Open> stack;
  /// A `{` whose `}` stands too far left: if one is missing in the end, it is probably this one's.
  std::optional<Token> suspect;
};
} // namespace

void Filter::endLine() {
  if (result.tokens.empty() || result.tokens.back().sort == Token::LineEnd)
    return;
  uint32_t at = result.tokens.back().end;
  result.tokens.push_back({types.lineEnd, at, at, Token::LineEnd});
}

/// Closes the innermost open bracket.
void Filter::putPartner() {
  StringRef missing = partner(text(stack.back().token));
  result.repaired.insert(stack.back().token.begin); // what it opens is not what was meant
  stack.pop_back();
  if (missing == "}")
    endLine();
  uint32_t at = result.tokens.back().end;
  result.tokens.push_back({closingType(missing), at, at, Token::Ordinary});
  result.repaired.insert(at);
}

/// Says that the innermost open bracket has no partner. What is open around it is not worth another message.
void Filter::reportMissing(Range where, StringRef before) {
  StringRef bracket = text(stack.back().token);
  const Token &blamed = bracket == "{" && suspect ? *suspect : stack.back().token;
  std::string message = ("expected `" + partner(bracket) + "` to close `" + bracket + "` at ").str() +
                        placeSeenFrom(range(blamed), where);
  if (!before.empty())
    message += (" before `" + before + "`").str();
  diagnostics.error(Code::NN0107, where, message);
  suspect.reset();
}

/// A line that begins with `let` or `layer Name` cannot stand inside the brackets that are still open.
void Filter::repairAtLineBegin(const Token &token, bool nameFollows) {
  StringRef word = text(token);
  bool declaration = beginsDeclaration(word) && nameFollows;
  if (!declaration && !beginsStatement(word))
    return;
  auto innermost = [&] { return text(stack.back().token); };
  if (!stack.empty() && (innermost() != "{" || declaration))
    reportMissing(innermost() == "{" ? range(token) : gap(), innermost() == "{" ? word : StringRef());
  while (!stack.empty() && (innermost() != "{" || declaration))
    putPartner();
}

/// Finds the partner of a closing bracket; false if the bracket is to be dropped.
bool Filter::close(Token &token, bool firstOfLine) {
  StringRef bracket = text(token);
  auto opensIt = [&](const Open &open) { return partner(text(open.token)) == bracket; };
  if (stack.empty() || (text(stack.back().token) == "{" && bracket != "}")) {
    diagnostics.error(Code::NN0107, range(token), "`" + bracket + "` closes nothing");
    result.repaired.insert(token.begin);
    return false;
  }
  // `)` and `]` do not reach out of a block.
  bool found = false;
  for (const Open &open : llvm::reverse(stack)) {
    if ((found = opensIt(open)) || text(open.token) == "{")
      break;
  }
  if (!found) {
    Token open = stack.back().token;
    StringRef right = partner(text(open));
    diagnostics.error(Code::NN0107, range(token),
                      "`" + bracket + "` does not close `" + text(open) + "` at " +
                          placeSeenFrom(range(open), range(token)) + ", expected `" + right + "`");
    token.type = closingType(right);
    result.repaired.insert(token.begin);
    stack.pop_back();
    return true;
  }
  if (!opensIt(stack.back()))
    reportMissing(firstOfLine ? gap() : range(token), "");
  while (!opensIt(stack.back()))
    putPartner();
  if (bracket == "}" && firstOfLine && !suspect && indentation(token) < stack.back().indentation)
    suspect = stack.back().token;
  stack.pop_back();
  return true;
}

FilteredTokens Filter::run(std::vector<Token> tokens) {
  bool lineEnded = true;
  unsigned lineIndentation = 0;
  std::string documentation;
  for (size_t i = 0; i < tokens.size(); ++i) {
    Token token = tokens[i];
    StringRef word = text(token);
    if (token.sort == Token::LineEnd) {
      lineEnded = true;
      continue;
    }
    if (token.sort == Token::Documentation) {
      if (!documentation.empty())
        documentation += '\n';
      StringRef line = word.drop_front(3).rtrim();
      line.consume_front(" ");
      documentation += line;
      continue;
    }
    if (lineEnded) {
      lineIndentation = indentation(token);
      bool nameFollows = i + 1 < tokens.size() && tokens[i + 1].sort == Token::Ordinary &&
                         (llvm::isAlpha(text(tokens[i + 1])[0]) || text(tokens[i + 1])[0] == '"');
      repairAtLineBegin(token, nameFollows);
      bool inBrackets = !stack.empty() && text(stack.back().token) != "{";
      if (!inBrackets && !result.tokens.empty() && !continuesAfter(text(result.tokens.back())) &&
          !continuesBefore(word))
        endLine();
    }
    if (closes(word)) {
      if (!close(token, lineEnded))
        continue;
      if (word == "}" && token.type == types.closeCurly && text(result.tokens.back()) != "{")
        endLine();
    } else if (opens(word)) {
      if (stack.size() == maxNesting) {
        diagnostics.error(Code::NN0902, range(token), "brackets are nested more than 256 deep here");
        result.hopeless = true;
        return std::move(result);
      }
      stack.push_back({token, lineIndentation});
    }
    lineEnded = false;
    if (!documentation.empty())
      result.documentation[token.begin] = std::exchange(documentation, {});
    result.tokens.push_back(token);
  }
  if (!stack.empty())
    reportMissing(gap(), "");
  while (!stack.empty())
    putPartner();
  endLine();
  return std::move(result);
}

FilteredTokens nnc::frontend::filterTokens(const SourceFile &source, std::vector<Token> tokens, const TokenTypes &types,
                                           DiagnosticEngine &diagnostics) {
  return Filter(source, types, diagnostics).run(std::move(tokens));
}
