// The elaborator's frame: messages, places in the program, conditions on sizes.
#include "compiler/frontend/Elaborator.h"
#include "compiler/frontend/Program.h"

#include "mlir/IR/Verifier.h"
#include "llvm/ADT/StringSwitch.h"

using namespace nnc::frontend;
using llvm::StringRef;

Elaborator::Elaborator(const Program &program, const ElaborateOptions &options, mlir::MLIRContext &context,
                       DiagnosticEngine &diagnostics)
    : program(program), options(options), context(context), diagnostics(diagnostics),
      module(mlir::ModuleOp::create(mlir::UnknownLoc::get(&context))), top(&context) {
  top.setInsertionPointToEnd(module->getBody());
}

mlir::OwningOpRef<mlir::ModuleOp> nnc::frontend::elaborate(const Program &program, const ElaborateOptions &options,
                                                           mlir::MLIRContext &context, DiagnosticEngine &diagnostics) {
  context.loadDialect<nn::NNDialect, mlir::func::FuncDialect>();
  return Elaborator(program, options, context, diagnostics).run();
}

std::optional<Float> nnc::frontend::parseFloat(StringRef name) {
  return llvm::StringSwitch<std::optional<Float>>(name)
      .Case("f32", Float::F32)
      .Case("f64", Float::F64)
      .Case("bf16", Float::BF16)
      .Case("f16", Float::F16)
      .Default(std::nullopt);
}

std::vector<std::string> nnc::frontend::operationNames(mlir::MLIRContext &context) {
  std::vector<std::string> names = Elaborator::specialNames();
  context.loadDialect<nn::NNDialect>();
  // Not getRegisteredOperationsByDialect: in LLVM 22 its search goes astray where several dialects are loaded.
  for (mlir::RegisteredOperationName op : context.getRegisteredOperations())
    if (op.getDialectNamespace() == "nn" && op.hasInterface<nn::LanguageOpInterface>())
      names.push_back(op.stripDialect().str());
  return names;
}

mlir::OwningOpRef<mlir::ModuleOp> Elaborator::run() {
  unsigned errors = diagnostics.errorCount();
  Scoped<Frame *> inside(frame, &fileFrame);
  for (const Layer *layer : program.models)
    elaborateModel(*layer);
  if (diagnostics.errorCount() == errors && options.compiles)
    for (const Refusal &r : refusals) {
      Scoped<std::vector<Level>> there(levels, r.levels);
      fail(Code::NN0901, r.range, r.construct + " cannot be compiled yet", {}, r.hint);
    }
  if (diagnostics.errorCount() != errors)
    return nullptr;
  if (failed(mlir::verify(*module))) { // the verifier has said what is wrong, to PhaseErrors
    if (!diagnostics.hasErrors())
      fail(Code::NN0999, {}, "the compiler made an invalid program");
    return nullptr;
  }
  return std::move(module);
}

// ---- messages
// --------------------------------------------------------------------------------------------------------

/// The errors of the standard library are its caller's.
Diagnostic &Elaborator::error(Code code, Range range, std::string message) {
  std::string where;
  size_t depth = levels.size();
  while (range.file && range.file->isLibrary && depth > 0) {
    if (where.empty())
      where = "in " + levels[depth - 1].text + ", in the standard library at " + nnc::frontend::place(range) + ": " +
              range.text().split('\n').first.str();
    range = levels[--depth].call;
  }
  Diagnostic &d = diagnostics.error(code, range, std::move(message));
  libraryNote = where;
  levelsOfError = depth;
  return d;
}

Value Elaborator::fail(Code code, Range range, std::string message, std::vector<std::string> notes, std::string hint) {
  Diagnostic &d = error(code, range, std::move(message));
  for (std::string &note : notes)
    d.note(std::move(note));
  if (!libraryNote.empty())
    d.note(libraryNote);
  for (size_t i = levelsOfError; i-- > 0;) {
    const Level &level = levels[i];
    bool library = level.call.file && level.call.file->isLibrary;
    if (!library && levelsOfError - i <= 8)
      d.note("in " + level.text + " at " + nnc::frontend::place(level.call));
  }
  if (!hint.empty())
    d.hint(std::move(hint));
  return {};
}

void Elaborator::unavailable(StringRef construct, Range range, StringRef hint) {
  refusals.push_back({construct.str(), range, hint.str(), levels});
}

Value Elaborator::fail(const nn::Report &report, Range range) {
  return fail(codeNamed(report.code).value_or(Code::NN0999), range, report.text,
              {report.notes.begin(), report.notes.end()}, report.hint);
}

mlir::Location Elaborator::locate(Range range) {
  mlir::Location here = mlir::UnknownLoc::get(&context);
  if (range.file) {
    LineColumn begin = range.file->locate(range.begin), end = range.file->locate(range.end);
    here = mlir::FileLineColRange::get(&context, range.file->name(), begin.line, begin.column, end.line, end.column);
  }
  return inlinedAt ? mlir::Location(mlir::CallSiteLoc::get(here, *inlinedAt)) : here;
}

// ---- conditions on sizes
// ---------------------------------------------------------------------------------------------

/// True if the value is not negative whatever the free dimensions are.
static bool neverNegative(const nn::Dim &d) {
  return llvm::all_of(d.terms(), [](const nn::Dim::Term &t) { return t.num > 0; });
}

bool Elaborator::require(StringRef kind, const nn::Dim &a, const nn::Dim &b, Range range, Code code, std::string text) {
  bool constants = a.isConstant() && b.isConstant(), holds = false, decided = constants;
  if (kind == "divides") {
    holds = nn::Dim::alwaysDivides(a, b);
    decided |= holds;
  } else {
    nn::Dim difference = a - b;
    if (difference.overflowed()) {
      fail(Code::NN0206, range, "a number leaves the range of 64 bits");
      return false;
    }
    bool equal = kind == "equal";
    if (difference.isConstant()) {
      decided = true;
      holds = equal ? difference.isConstant(0) : difference.constant() >= 0;
    } else if (!equal && neverNegative(difference)) {
      decided = holds = true;
    }
  }
  if (decided && !holds) {
    fail(code, range, std::move(text));
    return false;
  }
  if (decided || !routine)
    return true;
  for (const Requirement &r : routine->requirements)
    if (r.kind == kind && r.a == a && r.b == b)
      return true;
  routine->requirements.push_back({kind, a, b, std::move(text)});
  return true;
}
