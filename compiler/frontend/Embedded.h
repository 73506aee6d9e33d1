// Texts that are part of the binary.
#pragma once

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

namespace nnc::frontend {

struct EmbeddedFile {
  llvm::StringRef name; // `linear.nn`, `NN0203.md`
  llvm::StringRef text;
};

/// The standard library: every file of compiler/prelude.
llvm::ArrayRef<EmbeddedFile> embeddedPrelude();
/// The pages of `nnc --explain`.
llvm::ArrayRef<EmbeddedFile> embeddedExplanations();

} // namespace nnc::frontend
