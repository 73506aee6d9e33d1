// Between lexer and parser: which line ends count, and brackets that always match.
#pragma once

#include "compiler/frontend/Diagnostics.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/DenseSet.h"
#include <vector>

namespace nnc::frontend {

/// A token as the lexer found it. `type` is the grammar's number, which only the parser understands.
struct Token {
  enum Sort : uint8_t { Ordinary, LineEnd, Documentation };
  unsigned type;
  uint32_t begin, end;
  Sort sort = Ordinary;
};

/// The grammar's numbers of the tokens that the filter makes itself.
struct TokenTypes {
  unsigned lineEnd, closeRound, closeSquare, closeCurly;
};

/// What the filter hands to the parser.
struct FilteredTokens {
  std::vector<Token> tokens;
  /// By offset: tokens where the text was repaired. Syntax errors up to there follow from errors already reported.
  llvm::DenseSet<uint32_t> repaired;
  /// `///` text, by the offset of the token that it documents.
  llvm::DenseMap<uint32_t, std::string> documentation;
  /// Nested too deeply: there is nothing to parse.
  bool hopeless = false;
};

/// Line ends (rules 1): one LineEnd token ends each statement and declaration, also before `}` and at the end of the
/// file; all others are dropped. Brackets: an error per bracket without a partner, then the missing one is put in (or
/// the needless one dropped) where the text suggests it. A word such as `let` at the beginning of a line shows that a
/// `(` or `[` before it was never closed, `layer Name` shows it for `{`.
FilteredTokens filterTokens(const SourceFile &source, std::vector<Token> tokens, const TokenTypes &types,
                            DiagnosticEngine &diagnostics);

} // namespace nnc::frontend
