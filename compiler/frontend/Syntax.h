// The syntax tree: plain structs, no behaviour. Parser makes it, Resolve fills in what names mean, the elaborator
// evaluates it. A `File` owns its nodes; they point at each other freely. Chains of operators are flat lists, so the
// depth of a tree is bounded (256) and walking it recursively is safe.
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
struct Const;
struct Function;
struct Layer;
struct Setting;
struct File;

// ---------------------------------------------------------------------------------------------------- Expressions

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

// --------------------------------------------------------------------------------------------------------- Types

/// One entry between the brackets of a type.
struct Dim : Node {
  enum Sort : uint8_t { Size, Ellipsis, Arrow, Inferred };
  Sort sort = Size;
  Expr *size = nullptr; // Size; the sources of an Arrow
  Expr *to = nullptr;   // the targets of an Arrow: `S -> D`

  explicit Dim(Range range) : Node(Kind::Dim, range) {}
  NN_NODE(Dim)
};

/// `float[B, 2 * d]`, `i64`, `graph[S -> D, E]`.
struct Type : Node {
  Name name;
  std::vector<Dim *> dims;
  bool hasBrackets = false;

  Type(Range range, Name name) : Node(Kind::Type, range), name(name) {}
  bool isGraph() const { return name.text == "graph"; }
  NN_NODE(Type)
};

// -------------------------------------------------------------------------------------------------- Declarations

/// A setting of a layer or model: `heads`, `bias = true`, `act = relu`.
struct Setting : Declaration {
  Expr *value; // the default; may be null
  /// A function or a layer, not a number. Filled in by Resolve.
  bool isCallable = false;

  Setting(Range range, Name name, Expr *value) : Declaration(Kind::Setting, range, name), value(value) {}
  NN_NODE(Setting)
};

/// An argument of a function, layer, optimizer, train block or vjp.
struct Argument : Declaration {
  Type *type;  // null: untyped. `a, b: T` share one.
  Expr *value; // the default; may be null

  Argument(Range range, Name name, Type *type, Expr *value)
      : Declaration(Kind::Argument, range, name), type(type), value(value) {}
  NN_NODE(Argument)
};

/// A free dimension of a signature, or of the states of a layer. Made by Resolve, at its first occurrence.
struct FreeDim : Declaration {
  enum Sort : uint8_t { Bound, ResultOnly, OfState };
  Sort sort;

  FreeDim(Range range, Name name, Sort sort) : Declaration(Kind::FreeDim, range, name), sort(sort) {}
  NN_NODE(FreeDim)
};

struct Result {
  Name name; // may be empty
  Type *type;
};

struct Signature {
  Range range;
  std::vector<Argument *> arguments;
  bool hasResult = false; // a result type is written
  std::vector<Result> results;
  /// In order of appearance: arguments first, then results. Filled in by Resolve.
  std::vector<FreeDim *> freeDims;
};

struct Import : Declaration {
  llvm::StringRef path; // as written
  Range pathRange;
  File *file = nullptr; // null if it could not be loaded

  Import(Range range, Name name, llvm::StringRef path, Range pathRange)
      : Declaration(Kind::Import, range, name), path(path), pathRange(pathRange) {}
  NN_NODE(Import)
};

struct Const : Declaration {
  Expr *value;

  Const(Range range, Name name, Expr *value) : Declaration(Kind::Const, range, name), value(value) {}
  NN_NODE(Const)
};

struct Function : Declaration {
  Signature signature;
  Block *body = nullptr;
  std::vector<Argument *> vjpArguments;
  Block *vjp = nullptr;   // may be null
  Layer *layer = nullptr; // whose entry it is; null in a file

  Function(Range range, Name name) : Declaration(Kind::Function, range, name) {}
  NN_NODE(Function)
};

struct Layer : Declaration {
  bool isModel;
  std::vector<Setting *> settings;
  /// With an argument list, the layer's own block is the entry `forward`.
  bool hasArguments = false;
  Signature signature;
  Block *body = nullptr;
  /// Free dimensions of its states, in order of appearance. Filled in by Resolve.
  std::vector<FreeDim *> stateDims;
  File *file = nullptr;

  Layer(Range range, Name name, bool isModel) : Declaration(Kind::Layer, range, name), isModel(isModel) {}
  /// The `fn`s of its block, in order.
  std::vector<Function *> functions() const;
  NN_NODE(Layer)
};

struct Optimizer : Declaration {
  std::vector<Setting *> settings;
  Signature signature;
  Block *body = nullptr;

  Optimizer(Range range, Name name) : Declaration(Kind::Optimizer, range, name) {}
  NN_NODE(Optimizer)
};

struct Train : Declaration {
  Name turn; // `finetune` of `train CatsDogs.finetune(..)`; may be empty
  Signature signature;
  Block *body = nullptr;
  Layer *model = nullptr; // filled in by Resolve

  Train(Range range, Name model) : Declaration(Kind::Train, range, model) {}
  NN_NODE(Train)
};

/// `as "path"`.
struct Alias {
  llvm::StringRef path;
  Range range;

  explicit operator bool() const { return range.file != nullptr; }
};

enum class Lifetime : uint8_t { Param, Buffer, State };
llvm::StringRef spelling(Lifetime lifetime);

/// One `param`, `buffer` or `state`. `param a, b: T = e` makes two that share the type and the initialiser.
struct Variable : Declaration {
  Lifetime lifetime;
  Type *type = nullptr;  // null: a state of an optimizer, shaped like w
  Expr *value = nullptr; // the initialiser; may be null
  Alias alias;
  Expr *condition = nullptr; // `if`; may be null
  Expr *otherwise = nullptr; // `else`; may be null
  /// The next declaration of the same name, whose condition excludes this one's. Filled in by Resolve.
  Declaration *alternative = nullptr;

  Variable(Range range, Name name, Lifetime lifetime) : Declaration(Kind::Variable, range, name), lifetime(lifetime) {}
  NN_NODE(Variable)
};

/// `use fc1 = Linear[64, 10] as "0" if deep`.
struct Use : Declaration {
  Expr *callee; // NameUse, Member, Index of these, or a Call (`repeat(..)`)
  Alias alias;
  Expr *condition = nullptr;
  /// As in Variable.
  Declaration *alternative = nullptr;

  Use(Range range, Name name, Expr *callee) : Declaration(Kind::Use, range, name), callee(callee) {}
  NN_NODE(Use)
};

struct Let;
/// A name that a `let` gives to a value.
struct Local : Declaration {
  Let *let = nullptr;

  explicit Local(Name name) : Declaration(Kind::Local, name.range, name) {}
  NN_NODE(Local)
};

/// `h = h0` after `carrying`.
struct Carry : Declaration {
  Expr *value;

  Carry(Range range, Name name, Expr *value) : Declaration(Kind::Carry, range, name), value(value) {}
  NN_NODE(Carry)
};

/// `xt in x` of a scan.
struct Element : Declaration {
  Expr *sequence;

  Element(Range range, Name name, Expr *sequence) : Declaration(Kind::Element, range, name), sequence(sequence) {}
  NN_NODE(Element)
};

/// An index in the head of a neighbourhood.
struct HeadIndex : Declaration {
  enum Role : uint8_t { Free, Edge, Source, Target };
  Role role;

  HeadIndex(Name name, Role role) : Declaration(Kind::HeadIndex, name.range, name), role(role) {}
  NN_NODE(HeadIndex)
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

// ---------------------------------------------------------------------------------------------------- Statements

/// The result of a block if it stands last: `a, b, c`.
struct Values : Node {
  std::vector<Expr *> values;

  explicit Values(Range range) : Node(Kind::Values, range) {}
  NN_NODE(Values)
};

struct Block : Node {
  std::vector<Node *> statements;

  explicit Block(Range range) : Node(Kind::Block, range) {}
  /// The values in its last line; null if the block ends in anything else.
  const Values *result() const { return statements.empty() ? nullptr : llvm::dyn_cast<Values>(statements.back()); }
  /// The closing brace; the place of errors about what is missing.
  Range end() const { return {range.file, range.end - 1, range.end}; }
  NN_NODE(Block)
};

/// `let a, _, c: T = e`. `let a = 1, b = 2` makes two.
struct Let : Node {
  std::vector<Local *> names; // `_` included
  Type *type = nullptr;
  Expr *value = nullptr;

  explicit Let(Range range) : Node(Kind::Let, range) {}
  NN_NODE(Let)
};

/// `h, c <- e`, `ks[:, at] <- k`.
struct Update : Node {
  std::vector<Expr *> targets; // NameUse, or Index of a NameUse
  Expr *value = nullptr;

  explicit Update(Range range) : Node(Kind::Update, range) {}
  NN_NODE(Update)
};

struct Yield : Node {
  std::vector<Expr *> values;

  explicit Yield(Range range) : Node(Kind::Yield, range) {}
  NN_NODE(Yield)
};

struct Minimize : Node {
  Expr *value;

  Minimize(Range range, Expr *value) : Node(Kind::Minimize, range), value(value) {}
  NN_NODE(Minimize)
};

/// A string and its place, the quotes included.
struct Text {
  llvm::StringRef text;
  Range range;
};

/// `with adam(lr) for "**.bias"`.
struct With : Node {
  Call *optimizer;
  std::vector<Text> patterns;

  With(Range range, Call *optimizer) : Node(Kind::With, range), optimizer(optimizer) {}
  NN_NODE(With)
};

/// `freeze "a", "b"` and `eval "a"`.
struct Paths : Node {
  bool freeze;
  std::vector<Text> patterns;

  Paths(Range range, bool freeze) : Node(Kind::Paths, range), freeze(freeze) {}
  NN_NODE(Paths)
};

/// `clip norm 1.0`, `accumulate 4`, `average 0.999`, `precision bf16`.
struct Word : Node {
  Name word, mode;        // mode: `norm`, `value`, `bf16`; may be empty
  Expr *number = nullptr; // a literal; may be null

  Word(Range range, Name word) : Node(Kind::Word, range), word(word) {}
  NN_NODE(Word)
};

#undef NN_NODE

// --------------------------------------------------------------------------------------------------------- Files

/// One parsed file. Owns every node of its tree.
struct File {
  const SourceFile *source = nullptr;
  std::vector<Declaration *> declarations;
  /// A declaration was so broken that not even its name is known: unknown names may be meant for it.
  bool incomplete = false;

  template <typename T, typename... Arguments> T *make(Arguments &&...arguments) {
    auto owned = std::make_unique<T>(std::forward<Arguments>(arguments)...);
    T *node = owned.get();
    nodes.push_back(std::move(owned));
    return node;
  }

private:
  std::vector<std::unique_ptr<Node>> nodes;
};

} // namespace nnc::frontend
