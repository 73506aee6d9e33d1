// Names and scopes.
#pragma once

#include "compiler/frontend/Program.h"

namespace nnc::frontend {

/// Fills in every `Target` of the program and what else the tree says "filled in by Resolve"; reports unknown, hidden,
/// misplaced and unused names. Declarations with syntax errors are passed over.
void resolve(Program &program, const LoadOptions &options, DiagnosticEngine &diagnostics);

} // namespace nnc::frontend
