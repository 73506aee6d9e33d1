// From text to the syntax tree.
#pragma once

#include "compiler/frontend/Diagnostics.h"
#include "compiler/frontend/Syntax.h"

namespace nnc::frontend {

/// Parses a whole file. Always gives a tree; what had an error is reported, and its declaration is marked `broken`.
std::unique_ptr<File> parseFile(const SourceFile &source, DiagnosticEngine &diagnostics);

/// Parses the value of `-D name=value`. Null after an error. The nodes belong to `file`.
Expr *parseSettingValue(const SourceFile &source, File &file, DiagnosticEngine &diagnostics);

} // namespace nnc::frontend
