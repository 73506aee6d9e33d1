// The parser's only door. ANTLR is seen by the Parser*.cpp files alone, exceptions never leave this one.
#include "compiler/frontend/Parser.h"
#include "NNLexer.h"
#include "compiler/frontend/ParserErrors.h"
#include "compiler/frontend/ParserTree.h"
#include "compiler/frontend/TokenFilter.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/ConvertUTF.h"
#include <functional>

using namespace nnc::frontend;
using llvm::StringRef;

static constexpr size_t maxTokens = 1000000;
static constexpr size_t maxNameLength = 255;
/// Rules inside rules. 256 brackets need at most 9 each; the rest is for prefix operators.
static constexpr unsigned maxRuleDepth = 2600;

// ----------------------------------------------------------------------------------------------------- The text

/// UTF-8 without control characters. Reports the first thing that is wrong.
static bool checkText(const SourceFile &source, DiagnosticEngine &diagnostics) {
  StringRef text = source.text();
  auto bad = [&](Code code, size_t begin, size_t length, StringRef message, StringRef hint = {}) {
    uint32_t at = static_cast<uint32_t>(begin);
    diagnostics.error(code, {&source, at, at + static_cast<uint32_t>(length)}, message).hint(hint);
    return false;
  };
  if (text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF"))
    return bad(Code::NN0101, 0, 2, "the file is UTF-16, not UTF-8", "save it as UTF-8");
  for (size_t i = 0; i < text.size();) {
    auto byte = static_cast<unsigned char>(text[i]);
    if (byte >= 0x80) {
      unsigned length = llvm::getNumBytesForUTF8(byte);
      auto *first = reinterpret_cast<const llvm::UTF8 *>(text.data() + i);
      if (i + length > text.size() || !llvm::isLegalUTF8Sequence(first, first + length))
        return bad(Code::NN0101, i, 1, "this byte is not valid UTF-8", "save the file as UTF-8");
      // U+202A..202E and U+2066..2069 show text in another order than the one it is compiled in.
      StringRef character = text.substr(i, length);
      bool bidi = (character >= "\xE2\x80\xAA" && character <= "\xE2\x80\xAE") ||
                  (character >= "\xE2\x81\xA6" && character <= "\xE2\x81\xA9");
      if (length == 3 && bidi)
        return bad(Code::NN0102, i, length, "a character that changes the direction of text is not allowed");
      if (length == 2 && byte == 0xC2 && static_cast<unsigned char>(text[i + 1]) < 0xA0)
        return bad(Code::NN0102, i, length, "a control character is not allowed");
      i += length;
      continue;
    }
    if (byte == '\r' && (i + 1 == text.size() || text[i + 1] != '\n'))
      return bad(Code::NN0102, i, 1, "a carriage return stands only before a line feed");
    if (byte == 0)
      return bad(Code::NN0102, i, 1, "a NUL byte is not allowed");
    if ((byte < 0x20 && byte != '\t' && byte != '\n' && byte != '\r') || byte == 0x7F)
      return bad(Code::NN0102, i, 1, "a control character is not allowed");
    ++i;
  }
  return true;
}

// ------------------------------------------------------------------------------------------------------- Tokens

namespace {
/// The text byte by byte, so that ANTLR's positions are our offsets. Bytes beyond ASCII occur in comments and strings
/// only, where their value does not matter.
class ByteStream : public antlr4::CharStream {
public:
  explicit ByteStream(StringRef text) : bytes(text) {}

  void consume() override { ++at; }
  size_t LA(ssize_t offset) override {
    ssize_t position = static_cast<ssize_t>(at) + offset - (offset > 0);
    bool inside = offset != 0 && position >= 0 && position < static_cast<ssize_t>(bytes.size());
    return inside ? static_cast<unsigned char>(bytes[static_cast<size_t>(position)]) : antlr4::IntStream::EOF;
  }
  ssize_t mark() override { return -1; }
  void release(ssize_t) override {}
  size_t index() override { return at; }
  void seek(size_t index) override { at = std::min(index, bytes.size()); }
  size_t size() override { return bytes.size(); }
  std::string getSourceName() const override { return {}; }
  std::string getText(const antlr4::misc::Interval &interval) override {
    return bytes.slice(static_cast<size_t>(interval.a), static_cast<size_t>(interval.b) + 1).str();
  }
  std::string toString() const override { return bytes.str(); }

private:
  StringRef bytes;
  size_t at = 0;
};

/// Throws where a grammar rule is nested too deeply: ANTLR itself would overflow the stack.
class DepthLimit : public antlr4::tree::ParseTreeListener {
public:
  void visitTerminal(antlr4::tree::TerminalNode *) override {}
  void visitErrorNode(antlr4::tree::ErrorNode *) override {}
  void enterEveryRule(antlr4::ParserRuleContext *context) override {
    if (++depth > maxRuleDepth) {
      deepest = context->start;
      throw antlr4::ParseCancellationException();
    }
  }
  void exitEveryRule(antlr4::ParserRuleContext *) override { --depth; }

  antlr4::Token *deepest = nullptr;

private:
  unsigned depth = 0;
};
} // namespace

static StringRef operatorHint(StringRef text) {
  return llvm::StringSwitch<StringRef>(text)
      .Case("**", "a power is written `x ^ 2`")
      .Case("&&", "write `and`")
      .Case("||", "write `or`")
      .Case("!", "write `not x`")
      .Case("%", "the remainder is written `mod(a, b)`")
      .Cases({"+=", "-=", "*=", "/=", "++"}, "a carried name or a state is updated by `x <- x + 1`")
      .Case(":=", "a value is named by `let x = ...`, updated by `x <- ...`")
      .Case("=>", "an arrow is written `->`")
      .Case("::", "a range `a : b` has no step")
      .Cases({"/*", "*/"}, "a comment begins with `//` on each line; there are no block comments")
      .Case("<>", "write `!=`")
      .Case("..", "leading dimensions are written `...`")
      .Case("#", "a comment begins with `//`")
      .Case("&", "write `and`")
      .Case("|", "write `or` (logical) or `|>` (pipe)")
      .Case("?", "a choice is written `if c { a } else { b }` (known when compiling) or `where(c, a, b)`")
      .Default("");
}

/// Reports a token of one of the BAD_ rules; gives the type to go on with, or nothing to drop it.
static std::optional<unsigned> badToken(size_t type, Range range, DiagnosticEngine &diagnostics) {
  StringRef text = range.text();
  if (type == NNLexer::BAD_STRING) {
    bool single = text.starts_with("'");
    range.end = single ? range.end : range.begin + 1;
    diagnostics
        .error(Code::NN0104, range, single ? "a string stands in double quotes" : "this string has no end on its line")
        .hint(single ? "write \"" + text.drop_front().drop_back().str() + "\"" : std::string());
    return NNLexer::STRING;
  }
  if (type == NNLexer::BAD_NUMBER) {
    Diagnostic &error = diagnostics.error(Code::NN0105, range, "`" + text + "` is not a number");
    if (text.ends_with("."))
      error.hint("a float has digits on both sides of the point: `" + text + "0`");
    else if (text.starts_with("."))
      error.hint("a float has digits on both sides of the point: `0" + text + "`");
    else if (text.contains('_'))
      error.hint("digits stand without `_`");
    else if (text.starts_with_insensitive("0x") || text.starts_with_insensitive("0b"))
      error.hint("numbers are decimal");
    else if (llvm::isDigit(text[0]))
      error.hint("a name begins with a letter, an exponent looks like `1e-8`");
    return NNLexer::FLOAT;
  }
  diagnostics
      .error(Code::NN0103, range,
             "`" + text + "` means nothing " + (text.size() && text[0] < 0 ? "outside comments and strings" : "here"))
      .hint(operatorHint(text));
  return std::nullopt;
}

namespace {
struct Lexed {
  std::vector<Token> tokens;
  llvm::DenseSet<uint32_t> repaired;
  bool hopeless = false;
};
} // namespace

static Lexed lex(const SourceFile &source, ByteStream &stream, DiagnosticEngine &diagnostics) {
  Lexed result;
  NNLexer lexer(&stream);
  lexer.removeErrorListeners();
  bool dropped = false;
  unsigned lastOrdinary = 0;
  for (auto token = lexer.nextToken(); token->getType() != antlr4::Token::EOF; token = lexer.nextToken()) {
    auto begin = static_cast<uint32_t>(token->getStartIndex()), end = static_cast<uint32_t>(token->getStopIndex() + 1);
    Range range{&source, begin, end};
    if (result.tokens.size() == maxTokens) {
      diagnostics.error(Code::NN0905, range, "the file has more than 1000000 tokens")
          .hint("split it into files and `import` them");
      result.hopeless = true;
      return result;
    }
    Token made{static_cast<unsigned>(token->getType()), begin, end};
    if (made.type == NNLexer::NL)
      made.sort = Token::LineEnd;
    else if (made.type == NNLexer::DOC)
      made.sort = Token::Documentation;
    if (made.type >= NNLexer::BAD_NUMBER) {
      std::optional<unsigned> type = badToken(made.type, range, diagnostics);
      result.repaired.insert(begin);
      dropped |= !type;
      if (!type)
        continue;
      made.type = *type;
    }
    if (made.type == NNLexer::ID && end - begin > maxNameLength)
      diagnostics.error(Code::NN0906, {&source, begin, begin + 20}, "this name is longer than 255 bytes");
    if (made.type == NNLexer::ELSE && lastOrdinary != NNLexer::CLOSE_CURLY)
      made.type = NNParser::VALUE_ELSE;
    if (made.sort == Token::Ordinary)
      lastOrdinary = made.type;
    if (std::exchange(dropped, false))
      result.repaired.insert(begin);
    result.tokens.push_back(made);
  }
  return result;
}

// ------------------------------------------------------------------------------------------------------ Parsing

/// Lexes, filters and parses; hands the parser over while its contexts live.
static void parse(const SourceFile &source, DiagnosticEngine &diagnostics,
                  const std::function<void(NNParser &, const FilteredTokens &)> &work) {
  if (!checkText(source, diagnostics))
    return;
  ByteStream stream(source.text());
  Lexed lexed = lex(source, stream, diagnostics);
  if (lexed.hopeless)
    return;
  TokenTypes types{NNLexer::NL, NNLexer::CLOSE_ROUND, NNLexer::CLOSE_SQUARE, NNLexer::CLOSE_CURLY};
  FilteredTokens filtered = filterTokens(source, std::move(lexed.tokens), types, diagnostics);
  if (filtered.hopeless)
    return;
  filtered.repaired.insert(lexed.repaired.begin(), lexed.repaired.end());

  std::vector<std::unique_ptr<antlr4::Token>> tokens;
  tokens.reserve(filtered.tokens.size() + 1);
  for (const Token &token : filtered.tokens)
    tokens.push_back(std::make_unique<antlr4::CommonToken>(
        std::pair<antlr4::TokenSource *, antlr4::CharStream *>(nullptr, &stream), token.type,
        antlr4::Token::DEFAULT_CHANNEL, token.begin, size_t(token.end) - 1));
  tokens.push_back(std::make_unique<antlr4::CommonToken>(
      std::pair<antlr4::TokenSource *, antlr4::CharStream *>(nullptr, &stream), antlr4::Token::EOF,
      antlr4::Token::DEFAULT_CHANNEL, source.size(), source.size()));
  antlr4::ListTokenSource list(std::move(tokens));
  antlr4::CommonTokenStream buffered(&list);
  NNParser parser(&buffered);
  parser.removeErrorListeners();
  parser.setErrorHandler(std::make_shared<ErrorStrategy>(source, diagnostics, filtered.repaired));
  DepthLimit limit;
  parser.addParseListener(&limit);
  try {
    work(parser, filtered);
  } catch (const antlr4::ParseCancellationException &) {
    if (limit.deepest) {
      auto begin = static_cast<uint32_t>(limit.deepest->getStartIndex());
      diagnostics.error(Code::NN0902, {&source, begin, begin + 1}, "this expression is nested more than 256 deep");
    }
  }
  parser.removeParseListeners();
}

std::unique_ptr<File> nnc::frontend::parseFile(const SourceFile &source, DiagnosticEngine &diagnostics) {
  auto file = std::make_unique<File>();
  file->source = &source;
  file->incomplete = true;
  parse(source, diagnostics, [&](NNParser &parser, const FilteredTokens &filtered) {
    NNParser::FileContext *context = parser.file();
    file->incomplete = false;
    TreeBuilder(*file, diagnostics, filtered).build(context);
  });
  return file;
}

Expr *nnc::frontend::parseSettingValue(const SourceFile &source, File &file, DiagnosticEngine &diagnostics) {
  Expr *value = nullptr;
  unsigned before = diagnostics.errorCount();
  // The tree is kept with the file's, but its places are in the text of the definition.
  const SourceFile *own = std::exchange(file.source, &source);
  parse(source, diagnostics, [&](NNParser &parser, const FilteredTokens &filtered) {
    NNParser::SettingValueContext *context = parser.settingValue();
    if (!context->exception)
      value = TreeBuilder(file, diagnostics, filtered).expr(context->expr());
  });
  file.source = own;
  return diagnostics.errorCount() == before ? value : nullptr;
}
