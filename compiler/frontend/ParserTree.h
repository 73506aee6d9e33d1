// From ANTLR's contexts to the syntax tree. Included by Parser.cpp and ParserTree.cpp only: it sees ANTLR.
#pragma once

#include "NNParser.h"
#include "compiler/frontend/Diagnostics.h"
#include "compiler/frontend/Syntax.h"
#include "compiler/frontend/TokenFilter.h"

namespace nnc::frontend {

/// Builds the nodes of one file. Chains of operators, which ANTLR nests to the left, become flat lists by loops.
class TreeBuilder {
public:
  TreeBuilder(File &file, DiagnosticEngine &diagnostics, const FilteredTokens &tokens)
      : file(file), diagnostics(diagnostics), documentation(tokens.documentation),
        repairs(tokens.repaired.begin(), tokens.repaired.end()) {}

  void build(NNParser::FileContext *context);
  Expr *expr(NNParser::ExprContext *context);

private:
  using Rule = antlr4::ParserRuleContext;

  // Places
  Range range(Rule *context) const;
  Range range(antlr4::tree::TerminalNode *node) const;
  std::string documentationOf(Rule *context) const;
  /// The text of a child that is a single token; empty for a rule.
  llvm::StringRef sign(antlr4::tree::ParseTree *child) const;

  // Declarations
  Declaration *declaration(NNParser::DeclarationContext *context);
  Declaration *brokenDeclaration(NNParser::FileLineContext *context);
  Import *import(NNParser::ImportDeclarationContext *context);
  Layer *layer(NNParser::LayerDeclarationContext *context);
  Function *function(NNParser::FunctionContext *context, Layer *layer);
  std::vector<Setting *> settings(NNParser::SettingsContext *context);
  Signature signature(NNParser::ArgsContext *args, NNParser::ResultContext *result, Range where);
  std::vector<Argument *> arguments(NNParser::ArgsContext *context);
  Type *type(NNParser::TypeContext *context);
  Dim *dim(NNParser::DimContext *context);

  // Statements
  Block *body(NNParser::BodyContext *context, Layer *layer = nullptr);
  Block *trainBody(NNParser::TrainBodyContext *context);
  void statement(NNParser::StatementContext *context, Layer *layer, std::vector<Node *> &into);
  void clause(NNParser::ClauseContext *context, std::vector<Node *> &into);
  void variables(NNParser::VariableStatementContext *context, std::vector<Node *> &into);
  Use *use(NNParser::UseStatementContext *context);
  void lets(const std::vector<NNParser::BindingContext *> &contexts, std::vector<Node *> &into);
  Node *values(NNParser::ValueStatementContext *context);
  Word *word(NNParser::WordClauseContext *context);

  // Expressions
  Expr *prefix(NNParser::ExprContext *context);
  Expr *operand(NNParser::ExprContext *context, llvm::StringRef operatorText);
  template <typename Level> Expr *chain(Level *context);
  Expr *pipe(NNParser::PipeExprContext *context);
  Expr *negative(NNParser::NegativeExprContext *context);
  Expr *postfix(NNParser::PostfixContext *context);
  Expr *suffix(Expr *base, NNParser::SuffixContext *context, Range whole);
  /// `f`, `f(2)`, `net.decode(at)` as a call; null for anything else.
  Call *stage(Expr *callable);
  Expr *primary(NNParser::PrimaryContext *context);
  Expr *number(NNParser::NumberContext *context, bool negated);
  Expr *einsum(NNParser::EinsumPrimaryContext *context);
  Expr *conditional(NNParser::IfPrimaryContext *context);
  Expr *scan(NNParser::ScanPrimaryContext *context);
  Neighbourhood *neighbourhood(NNParser::OverContext *over, Rule *whole, Neighbourhood::Sort sort);
  Expr *attend(NNParser::AttendPrimaryContext *context);
  Pattern *pattern(NNParser::PatternContext *context);
  Axis axis(NNParser::AxisContext *context);

  Name name(NNParser::NameContext *context) const;
  /// Whether a string has both its quotes; the lexer has reported the others.
  static bool isWhole(llvm::StringRef string) {
    return string.size() > 1 && string.front() == '"' && string.back() == '"';
  }
  Text text(antlr4::tree::TerminalNode *string);
  Alias alias(NNParser::AliasContext *context);
  void error(Code code, Range where, std::string message, std::string hint = {});
  bool tooDeep(Range where);
  bool takeRepairs(Range where);

  File &file;
  DiagnosticEngine &diagnostics;
  const llvm::DenseMap<uint32_t, std::string> &documentation;
  /// Where the token filter repaired the text: the tree is not what the user meant.
  std::vector<uint32_t> repairs;
  /// Something in the declaration at hand was wrong.
  bool damaged = false;
  unsigned depth = 0; // of prefix operators, powers and suffixes; brackets are counted by the token filter
};

} // namespace nnc::frontend
