// Names that are visible at a place. Callables and values never mix.
#pragma once

#include "compiler/frontend/Syntax.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/DenseMap.h"
#include <functional>

namespace nnc::frontend {

enum class Space : uint8_t { Value, Callable };

/// One level of names: the standard library, a file, a layer, a function, a block.
class Scope {
public:
  enum Sort : uint8_t { Library, File, Layer, Function, Block };

  Scope(Sort sort, const Scope *outer) : sort(sort), outer(outer) {}

  /// From now on, the name means this.
  void set(Space space, llvm::StringRef name, Declaration *declaration) { of(space)[name] = declaration; }
  /// In this level only.
  Declaration *own(Space space, llvm::StringRef name) const { return of(space).lookup(name); }
  /// In this level, then outwards. Tells the level as well.
  Declaration *find(Space space, llvm::StringRef name, const Scope **level = nullptr) const;
  /// The name that is most like this one, outwards and in the further names; empty if none is.
  std::string similar(Space space, llvm::StringRef name, llvm::ArrayRef<std::string> further = {}) const;

  const Sort sort;
  const Scope *const outer;

private:
  using Names = llvm::DenseMap<llvm::StringRef, Declaration *>;
  Names &of(Space space) { return space == Space::Value ? values : callables; }
  const Names &of(Space space) const { return space == Space::Value ? values : callables; }

  Names values, callables;
};

/// Of some words, the one that a misspelt word means; empty if none is near enough.
class Suggestion {
public:
  explicit Suggestion(llvm::StringRef word) : word(word) {}
  void consider(llvm::StringRef candidate);
  /// ``did you mean `relu`?``; empty if nothing was near.
  std::string question() const { return best.empty() ? "" : "did you mean `" + best + "`?"; }
  std::string best;

private:
  llvm::StringRef word;
  unsigned distance = ~0u;
};

/// `float`, `f32`, `i64`, ...
bool isElementType(llvm::StringRef name);

/// What a declaration is, for messages: argument, sub-layer, `let`.
llvm::StringRef kindName(const Declaration &declaration);
/// With its article: an argument, a sub-layer, a `let`.
std::string aKind(const Declaration &declaration);

/// Calls `visit` for every expression below a node, the node itself included. Does not enter `fn`s unless asked to.
void forEachExpr(const Node *node, const std::function<void(Expr *)> &visit, bool enterFunctions = true);

} // namespace nnc::frontend
