// The syntax tree: plain structs, no behaviour. Parser makes it, Resolve fills in what names mean, the elaborator
// evaluates it. A `File` owns its nodes; they point at each other freely. Chains of operators are flat lists, so the
// depth of a tree is bounded (256) and walking it recursively is safe.
#pragma once

#include "compiler/frontend/Declarations.h"

namespace nnc::frontend {

/// The result of a block if it stands last: `a, b, c`.
struct Values : Node {
  std::vector<Expr *> values;

  explicit Values(Range range) : Node(Kind::Values, range) {}
  NN_NODE(Values)
};

struct Block : Node {
  std::vector<Node *> statements;

  explicit Block(Range range) : Node(Kind::Block, range) {}
  /// The values in its last line, not counting `fn`s that stand behind it; null if there are none.
  const Values *result() const;
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
