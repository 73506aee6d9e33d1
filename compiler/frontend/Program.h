// The front end's result: all files of a program, parsed, with every name resolved.
#pragma once

#include "compiler/frontend/Diagnostics.h"
#include "compiler/frontend/Syntax.h"
#include "llvm/ADT/DenseMap.h"
#include <functional>

namespace nnc::frontend {

struct LoadOptions {
  std::string path; // `-`: standard input
  /// `-D`: `hidden=512`, `Digits.hidden=512`.
  std::vector<std::string> definitions;
  /// Leave the `train` blocks out.
  bool inference = false;
  /// Whether the dialect knows an operation of this name.
  std::function<bool(llvm::StringRef)> isOperation;
  /// For "did you mean".
  std::vector<std::string> operationNames;
};

struct Program {
  /// In this order: the file given, what it imports, the standard library as far as it is needed.
  std::vector<std::unique_ptr<SourceFile>> sources;
  std::vector<std::unique_ptr<File>> files;

  /// What becomes C functions: models and trains of the file given.
  std::vector<Layer *> models;
  std::vector<Train *> trains;
  /// Settings of these models that `-D` gives a value.
  llvm::DenseMap<const Setting *, Expr *> definitions;

  /// Every name of the standard library, of which `files` has what this program may need.
  std::vector<std::string> libraryNames;

  File &main() { return *files.front(); }
  /// What a setting is unless a `use` says otherwise; null if it has to be given.
  Expr *valueOf(const Setting &setting) const {
    Expr *defined = definitions.lookup(&setting);
    return defined ? defined : setting.value;
  }
};

/// Reads, parses and resolves a program. Errors are in `diagnostics`; a program always comes back, but only one
/// without errors may be worked on.
std::unique_ptr<Program> loadProgram(const LoadOptions &options, DiagnosticEngine &diagnostics);

/// `CatsDogs` -> `cats_dogs`, `MoELM` -> `mo_elm`: how a model or an entry is called in C.
std::string cName(llvm::StringRef name);

} // namespace nnc::frontend
