// What the phases after the front end report, shown like its own errors: a place in the program, a code, the cause.
#pragma once

#include "compiler/frontend/Diagnostics.h"
#include "mlir/IR/Diagnostics.h"

namespace nnc::frontend {

struct Program;

/// As long as it lives, errors of the context go to `diagnostics`: those that begin with a code (`NN0901: ...`) under
/// it, any other is a mistake of the compiler. `program` gives the text; null for a module that was written by hand.
class PhaseErrors : public mlir::ScopedDiagnosticHandler {
public:
  PhaseErrors(mlir::MLIRContext &context, const Program *program, DiagnosticEngine &diagnostics);

private:
  void report(mlir::Diagnostic &error);
  Range rangeOf(mlir::FileLineColRange place) const;

  const Program *program;
  DiagnosticEngine &diagnostics;
};

} // namespace nnc::frontend
