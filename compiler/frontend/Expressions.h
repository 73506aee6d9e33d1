// The syntax tree: nodes and expressions. Include Syntax.h.
#pragma once

#include "compiler/frontend/Source.h"
#include "llvm/Support/Casting.h"
#include <vector>

namespace nnc::frontend {

struct Name {
  llvm::StringRef text; // empty: no name
  Range range;

  explicit operator bool() const { return !text.empty(); }
  bool isBlank() const { return text == "_"; }
  /// Entries with such a name are not exported.
  bool isPrivate() const { return text.starts_with("_"); }
  /// Free dimensions begin with a capital.
  bool isCapital() const { return !text.empty() && text[0] >= 'A' && text[0] <= 'Z'; }
};

enum class Kind : uint8_t {
  // Expressions
  IntegerLiteral,
  FloatLiteral,
  BooleanLiteral,
  NameUse,
  Call,
  Index,
  Member,
  Unary,
  Power,
  Chain,
  Pipe,
  Einsum,
  If,
  Checkpoint,
  Scan,
  Neighbourhood,
  // Declarations: what a name may mean
  Import,
  Const,
  Layer,
  Function,
  Optimizer,
  Train,
  Setting,
  Argument,
  FreeDim,
  Variable,
  Use,
  Local,
  Carry,
  Element,
  HeadIndex,
  // Statements that declare nothing
  Let,
  Update,
  Yield,
  Values,
  // Clauses of `train`
  Minimize,
  With,
  Paths,
  Word,
  // Parts
  Block,
  Type,
  Dim,
  Pattern,
};

struct Node {
  const Kind kind;
  Range range;

  Node(Kind kind, Range range) : kind(kind), range(range) {}
  virtual ~Node() = default;
};

struct Expr : Node {
  using Node::Node;
  static bool classof(const Node *node) { return node->kind <= Kind::Neighbourhood; }
};

/// Anything that a name may mean. Some are statements of a block as well (Const, Function, Variable, Use).
struct Declaration : Node {
  Name name;
  /// The `///` lines before it, without the slashes.
  std::string documentation;
  /// Its text had a syntax error, which was reported; what it consists of is unknown.
  bool broken = false;
  /// Read or called somewhere. Set by Resolve.
  bool used = false;

  Declaration(Kind kind, Range range, Name name) : Node(kind, range), name(name) {}
  static bool classof(const Node *node) { return node->kind >= Kind::Import && node->kind <= Kind::HeadIndex; }
};

#define NN_NODE(name)                                                                                                  \
  static bool classof(const Node *node) { return node->kind == Kind::name; }

struct Block;
struct Setting;
struct Element;
struct Carry;
struct HeadIndex;

struct IntegerLiteral : Expr {
  uint64_t value; // at most 2^63 - 1; 2^63 below a minus

  IntegerLiteral(Range range, uint64_t value) : Expr(Kind::IntegerLiteral, range), value(value) {}
  NN_NODE(IntegerLiteral)
};

struct FloatLiteral : Expr {
  double value;

  FloatLiteral(Range range, double value) : Expr(Kind::FloatLiteral, range), value(value) {}
  NN_NODE(FloatLiteral)
};

struct BooleanLiteral : Expr {
  bool value;

  BooleanLiteral(Range range, bool value) : Expr(Kind::BooleanLiteral, range), value(value) {}
  NN_NODE(BooleanLiteral)
};

/// What a use of a name refers to; filled in by Resolve.
struct Target {
  enum Sort : uint8_t {
    Unknown,      // not resolved, or an error was reported
    Declared,     // `declaration`
    Operation,    // a built-in operation: `tanh`, `rearrange`, `grad`; also `repeat` and the domains `all`, `causal`
    Conversion,   // an element type called as a function: `float(x)`
    BuiltinValue, // `inf`, `nan`, `pi`, `step`, `training`
  };
  Sort sort = Unknown;
  Declaration *declaration = nullptr;
};

struct NameUse : Expr {
  llvm::StringRef name;
  Target target;

  NameUse(Range range, llvm::StringRef name) : Expr(Kind::NameUse, range), name(name) {}
  NN_NODE(NameUse)
};

/// One axis of a pattern: `n`, `1`, `...`, `(h c)`.
struct Axis {
  enum Sort : uint8_t { Named, Number, Ellipsis, Group };
  Sort sort = Named;
  Range range;
  Name name;               // Named
  uint64_t number = 0;     // Number
  std::vector<Name> group; // Group
};

/// `b n (h c) -> b h n c`.
struct Pattern : Node {
  std::vector<Axis> from, to;

  explicit Pattern(Range range) : Node(Kind::Pattern, range) {}
  NN_NODE(Pattern)
};

/// An argument of a call: `x`, `axis = 1`, or a pattern.
struct Actual {
  Range range;
  Name name; // may be empty
  Expr *value = nullptr;
  Pattern *pattern = nullptr; // instead of a value
};

/// `f(x, axis = 1)`. Right of `|>` also without parentheses; the value on the left is not among the arguments.
struct Call : Expr {
  Expr *callee; // NameUse or Member; anything else is refused by Resolve
  std::vector<Actual> arguments;

  Call(Range range, Expr *callee) : Expr(Kind::Call, range), callee(callee) {}
  NN_NODE(Call)
};

/// One entry between `[` and `]`, of an index or of settings.
struct Item {
  enum Sort : uint8_t { Single, Slice, Ellipsis, Named };
  Sort sort = Single;
  Range range;
  Name name;                  // Named: `bias = false`
  Expr *value = nullptr;      // Single, Named; the start of a Slice (may be null)
  Expr *end = nullptr;        // of a Slice; may be null
  Setting *setting = nullptr; // which setting of the layer this is; filled in by Resolve
};

/// `x[:, 0]`, or `Linear[64, 10]` where a layer is expected.
struct Index : Expr {
  Expr *base;
  std::vector<Item> items;

  Index(Range range, Expr *base) : Expr(Kind::Index, range), base(base) {}
  NN_NODE(Index)
};

/// `x.T`, `wte.weight`, `h.cached`, `vit.ViT`.
struct Member : Expr {
  Expr *base;
  Name name;
  /// The declaration, where the base is an import; else left to the elaborator.
  Target target;

  Member(Range range, Expr *base, Name name) : Expr(Kind::Member, range), base(base), name(name) {}
  bool isTranspose() const { return name.text == "T"; }
  NN_NODE(Member)
};

enum class Operator : uint8_t {
  Or,
  And,
  Equal,
  NotEqual,
  Less,
  LessEqual,
  Greater,
  GreaterEqual,
  Add,
  Subtract,
  Multiply,
  Divide,
  MatMul,
  Negate,
  Not,
};
llvm::StringRef spelling(Operator op);

struct Unary : Expr {
  Operator op; // Negate, Not
  Expr *operand;

  Unary(Range range, Operator op, Expr *operand) : Expr(Kind::Unary, range), op(op), operand(operand) {}
  NN_NODE(Unary)
};

struct Power : Expr {
  Expr *base, *exponent;

  Power(Range range, Expr *base, Expr *exponent) : Expr(Kind::Power, range), base(base), exponent(exponent) {}
  NN_NODE(Power)
};

/// `a + b - c`: operators of one level, applied from left to right. `operands` has one more than `operators`.
struct Chain : Expr {
  std::vector<Expr *> operands;
  std::vector<Operator> operators;
  std::vector<Range> operatorRanges;

  explicit Chain(Range range) : Expr(Kind::Chain, range) {}
  /// The text of the first `count` operands: `a + b` of `a + b - c` for 2.
  Range prefix(size_t count) const { return {range.file, range.begin, operands[count - 1]->range.end}; }
  NN_NODE(Chain)
};

/// `x |> f |> g(2)`: each stage is called with the value before it as its first argument.
struct Pipe : Expr {
  Expr *input;
  std::vector<Call *> stages;

  Pipe(Range range, Expr *input) : Expr(Kind::Pipe, range), input(input) {}
  Range prefix(size_t stageCount) const {
    return {range.file, range.begin, (stageCount ? stages[stageCount - 1]->range : input->range).end};
  }
  NN_NODE(Pipe)
};

struct Einsum : Expr {
  std::vector<std::vector<Axis>> inputs;
  std::vector<Axis> output;
  Range patternRange;
  std::vector<Expr *> operands;

  explicit Einsum(Range range) : Expr(Kind::Einsum, range) {}
  NN_NODE(Einsum)
};

struct If : Expr {
  struct Branch {
    Expr *condition;
    Block *block;
  };
  std::vector<Branch> branches; // `if`, then every `else if`
  Block *otherwise = nullptr;

  explicit If(Range range) : Expr(Kind::If, range) {}
  NN_NODE(If)
};

struct Checkpoint : Expr {
  Block *block;

  Checkpoint(Range range, Block *block) : Expr(Kind::Checkpoint, range), block(block) {}
  NN_NODE(Checkpoint)
};

struct Scan : Expr {
  bool reversed = false;
  std::vector<Element *> elements;
  Expr *until = nullptr;
  std::vector<Carry *> carries;
  Block *body = nullptr;

  explicit Scan(Range range) : Expr(Kind::Scan, range) {}
  NN_NODE(Scan)
};

/// `sum (b, e: u -> v) in g where P { .. }` and `attend (..) in D { let ..; score ..; value .. }`.
struct Neighbourhood : Expr {
  enum Sort : uint8_t { Sum, Mean, Max, Min, Each, Attend };
  Sort sort;
  std::vector<HeadIndex *> free; // `n1, n2`
  HeadIndex *edge = nullptr;     // may be null
  HeadIndex *source = nullptr, *target = nullptr;
  Expr *domain = nullptr;
  Expr *where = nullptr;                   // may be null
  Block *body = nullptr;                   // of `attend`: its `let`s only
  Expr *score = nullptr, *value = nullptr; // of `attend`

  Neighbourhood(Range range, Sort sort) : Expr(Kind::Neighbourhood, range), sort(sort) {}
  NN_NODE(Neighbourhood)
};
llvm::StringRef spelling(Neighbourhood::Sort sort);

} // namespace nnc::frontend
