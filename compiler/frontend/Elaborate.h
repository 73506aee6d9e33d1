// Check and import in one walk: the resolved program is evaluated with its settings as numbers and its free dimensions
// as symbols, and what it computes becomes operations of the nn dialect. See docs of the operations in dialect/*.td.
#pragma once

#include "compiler/frontend/Diagnostics.h"
#include "compiler/frontend/Syntax.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

#include <optional>
#include <string>
#include <vector>

namespace nnc::frontend {

struct Program;

/// What `float` is.
enum class Float : uint8_t { F32, F64, BF16, F16 };
std::optional<Float> parseFloat(llvm::StringRef name);

/// Everything that a program may call without declaring it: operations of the dialect, and those that the elaborator
/// writes with several of them.
std::vector<std::string> operationNames(mlir::MLIRContext &context);

struct ElaborateOptions {
  Float floating = Float::F32;
  /// Leave the `train` blocks out.
  bool inference = false;
  /// The module is to become code: what has no lowering yet is an error then, after all others.
  bool compiles = false;
};

/// Makes a module from the models of the main file. Null after errors, which are in `diagnostics`.
mlir::OwningOpRef<mlir::ModuleOp> elaborate(const Program &program, const ElaborateOptions &options,
                                            mlir::MLIRContext &context, DiagnosticEngine &diagnostics);

} // namespace nnc::frontend
