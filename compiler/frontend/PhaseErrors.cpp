#include "compiler/frontend/PhaseErrors.h"
#include "compiler/frontend/Program.h"

#include "mlir/IR/Location.h"

using namespace nnc::frontend;
using llvm::StringRef;

PhaseErrors::PhaseErrors(mlir::MLIRContext &context, const Program *program, DiagnosticEngine &diagnostics)
    : mlir::ScopedDiagnosticHandler(&context), program(program), diagnostics(diagnostics) {
  setHandler([this](mlir::Diagnostic &d) {
    if (d.getSeverity() == mlir::DiagnosticSeverity::Error)
      report(d);
    return mlir::success();
  });
}

/// The places of a location, the innermost first.
static void collect(mlir::Location location, std::vector<mlir::FileLineColRange> &places) {
  if (auto place = llvm::dyn_cast<mlir::FileLineColRange>(location)) {
    places.push_back(place);
  } else if (auto call = llvm::dyn_cast<mlir::CallSiteLoc>(location)) {
    collect(call.getCallee(), places);
    collect(call.getCaller(), places);
  } else if (auto named = llvm::dyn_cast<mlir::NameLoc>(location)) {
    collect(named.getChildLoc(), places);
  } else if (auto fused = llvm::dyn_cast<mlir::FusedLoc>(location); fused && !fused.getLocations().empty()) {
    collect(fused.getLocations().front(), places);
  }
}

/// The byte at a line and a column that counts characters, both from 1.
static uint32_t offsetOf(const SourceFile &file, unsigned line, unsigned column) {
  StringRef text = file.lineText(line);
  size_t at = 0;
  for (unsigned c = 1; c < column && at < text.size(); ++c)
    do
      ++at;
    while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80);
  return file.lineBegin(line) + static_cast<uint32_t>(at);
}

Range PhaseErrors::rangeOf(mlir::FileLineColRange place) const {
  if (program)
    for (auto &source : program->sources)
      if (source->name() == place.getFilename().getValue())
        return {source.get(), offsetOf(*source, place.getStartLine(), place.getStartColumn()),
                offsetOf(*source, place.getEndLine(), place.getEndColumn())};
  return {};
}

void PhaseErrors::report(mlir::Diagnostic &error) {
  std::string message = error.str();
  auto [prefix, rest] = StringRef(message).split(": ");
  std::optional<Code> code = codeNamed(prefix);

  // The innermost place in the user's own files; calls around it, and what lies in the standard library, as notes.
  std::vector<mlir::FileLineColRange> places;
  collect(error.getLocation(), places);
  Range range;
  std::vector<std::string> notes;
  for (mlir::FileLineColRange at : places) {
    Range here = rangeOf(at);
    std::string shown = here.file ? place(here)
                                  : at.getFilename().str() + ":" + std::to_string(at.getStartLine()) + ":" +
                                        std::to_string(at.getStartColumn());
    if (range.file ? notes.size() < 8 : !here.file || here.file->isLibrary)
      notes.push_back((range.file || !notes.empty() ? "called at "
                       : here.file                  ? "in the standard library at "
                                                    : "at ") +
                      shown);
    if (!range.file && here.file && !here.file->isLibrary)
      range = here;
  }
  Diagnostic &d = diagnostics.error(code.value_or(Code::NN0999), range, code ? rest.str() : message);
  for (const std::string &note : notes)
    d.note(note);
  if (!code)
    d.hint("this is a mistake of nnc; please report it with the program");
}
