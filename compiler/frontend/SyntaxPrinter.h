// `--emit=tree`.
#pragma once

#include "compiler/frontend/Syntax.h"

namespace llvm {
class raw_ostream;
}

namespace nnc::frontend {

/// One node per line, indented: what it is, its name, its place, and for a name what it means.
void printTree(const File &file, llvm::raw_ostream &out);

} // namespace nnc::frontend
