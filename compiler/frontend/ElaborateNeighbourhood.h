// A neighbourhood while it is made.
#pragma once

#include "compiler/frontend/Elaborator.h"

namespace nnc::frontend {

/// What a neighbourhood runs over: a graph, or all pairs.
struct Elaborator::Domain {
  mlir::Value graph; ///< null: all pairs
  nn::Dim targets, sources, edges;
  bool causal = false;
};

/// The names of its head and the axes that they index.
struct Elaborator::Body {
  struct Head {
    const HeadIndex *index;
    std::optional<nn::Dim> size; ///< of a free one: known from its first plain use
  };
  Body *outer = nullptr; ///< of the neighbourhood around
  std::vector<Head> heads;
  llvm::DenseMap<mlir::Value, size_t> indices; ///< arguments of the regions
};

} // namespace nnc::frontend
