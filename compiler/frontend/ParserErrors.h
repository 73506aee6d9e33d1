// Syntax errors in the user's terms, and going on after them. Included by Parser.cpp only: it sees ANTLR.
#pragma once

#include "NNParser.h"
#include "compiler/frontend/Diagnostics.h"
#include "llvm/ADT/DenseSet.h"

namespace nnc::frontend {

/// An error gives up its whole statement or declaration: the exception passes through the rules up to the line, which
/// skips to its end (brackets always match here). Lines of a block are independent, so each may have its error.
class ErrorStrategy : public antlr4::DefaultErrorStrategy {
public:
  /// `repaired`: offsets where the token filter repaired the text. What follows from that is not reported again.
  ErrorStrategy(const SourceFile &source, DiagnosticEngine &diagnostics, const llvm::DenseSet<uint32_t> &repaired)
      : source(source), diagnostics(diagnostics), repaired(repaired) {}

  void reportError(antlr4::Parser *parser, const antlr4::RecognitionException &error) override;
  void recover(antlr4::Parser *parser, std::exception_ptr error) override;
  antlr4::Token *recoverInline(antlr4::Parser *parser) override;
  void sync(antlr4::Parser *parser) override;

private:
  void report(antlr4::Parser *parser, antlr4::Token *token, const antlr4::misc::IntervalSet &expected);
  void describe(antlr4::Parser *parser, antlr4::Token *token, const antlr4::misc::IntervalSet &expected);
  void describeLineEnd(antlr4::Parser *parser, antlr4::Token *token);
  void describeLineBegin(antlr4::Parser *parser, antlr4::Token *token);
  void skipLine(antlr4::TokenStream *tokens, size_t from);

  llvm::StringRef text(antlr4::Token *token) const;
  Range range(antlr4::Token *token) const;

  const SourceFile &source;
  DiagnosticEngine &diagnostics;
  const llvm::DenseSet<uint32_t> &repaired;
  /// Hard words that were used as names: one message each is enough.
  llvm::DenseSet<llvm::StringRef> misused;
  unsigned count = 0;
};

} // namespace nnc::frontend
