// The syntax tree: types and everything that a name may mean. Include Syntax.h.
#pragma once

#include "compiler/frontend/Expressions.h"

namespace nnc::frontend {

struct Layer;
struct Function;
struct Let;
struct File;

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

} // namespace nnc::frontend
