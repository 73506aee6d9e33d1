// nnc: the command line.
#include "compiler/Compile.h"
#include "compiler/emit/Manifest.h"
#include "compiler/frontend/Elaborate.h"
#include "compiler/frontend/Program.h"
#include "compiler/frontend/SyntaxPrinter.h"
#include "dialect/Dialect.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/WithColor.h"
#include "llvm/Support/raw_ostream.h"

#include <optional>

using namespace nnc;
namespace cl = llvm::cl;

namespace {
cl::OptionCategory category("nnc");
cl::opt<std::string> input(cl::Positional, cl::desc("<model.nn | module.mlir>"), cl::cat(category));
cl::opt<std::string> output("o", cl::desc("where to write; a library's header goes beside it"), cl::value_desc("file"),
                            cl::cat(category));
cl::opt<std::string> form("emit", cl::desc("stop after a phase and print what it gives: tree, nn, opt, mem, loops, llvm, asm, obj; default lib"),
                          cl::init("lib"), cl::value_desc("phase"), cl::cat(category));
cl::list<std::string> definitions("D", cl::Prefix, cl::desc("a setting of the models (`M.name=value`: of one)"),
                                  cl::value_desc("name=value"), cl::cat(category));
cl::opt<std::string> floating("float", cl::desc("the working type `float`: f32, f64 or bf16"), cl::init("f32"),
                              cl::value_desc("type"), cl::cat(category));
cl::opt<bool> inference("inference", cl::desc("leave the train blocks out"), cl::cat(category));
cl::opt<std::string> cpu("cpu", cl::desc("the processor to compile for; default: this machine's"), cl::value_desc("name"),
                         cl::cat(category));
cl::opt<bool> timing("time", cl::desc("print how long each phase took"), cl::cat(category));
cl::opt<bool> verify("verify-each", cl::desc("check the module after every pass"), cl::cat(category));
cl::opt<std::string> explain("explain", cl::desc("print the page of an error"), cl::value_desc("code"), cl::cat(category));
cl::opt<std::string> manifest("manifest", cl::desc("print the manifest of a library"), cl::value_desc("library"),
                              cl::cat(category));

int fail(const llvm::Twine &message) {
  llvm::WithColor::error(llvm::errs(), "nnc") << message << "\n";
  return 1;
}

int printManifest() {
  llvm::Expected<std::string> text = emit::readManifest(manifest);
  if (!text)
    return fail(llvm::toString(text.takeError()));
  llvm::outs() << *text << "\n";
  return 0;
}

int printExplanation() {
  std::optional<llvm::StringRef> page = frontend::explanation(explain);
  if (!page)
    return fail("there is no error " + explain);
  llvm::outs() << *page;
  return 0;
}

/// Reads and checks a program; prints its errors, or its tree where that is asked for. Null: nothing more to do.
mlir::OwningOpRef<mlir::ModuleOp> readProgram(mlir::MLIRContext &context, bool &ok) {
  ok = false;
  std::optional<frontend::Float> type = frontend::parseFloat(floating);
  if (!type) {
    fail("unknown type `" + floating + "`; --float takes f32, f64, f16 or bf16");
    return nullptr;
  }
  frontend::DiagnosticEngine diagnostics;
  frontend::LoadOptions load;
  load.path = input;
  load.definitions = {definitions.begin(), definitions.end()};
  load.inference = inference;
  load.operationNames = frontend::operationNames(context);
  load.isOperation = [&](llvm::StringRef name) { return llvm::is_contained(load.operationNames, name); };
  std::unique_ptr<frontend::Program> program = frontend::loadProgram(load, diagnostics);
  mlir::OwningOpRef<mlir::ModuleOp> module;
  if (!diagnostics.hasErrors())
    module = frontend::elaborate(*program, {*type, inference}, context, diagnostics);
  diagnostics.print(llvm::errs(), llvm::errs().has_colors());
  ok = !diagnostics.hasErrors();
  if (ok && form == "tree") {
    frontend::printTree(program->main(), llvm::outs());
    return nullptr;
  }
  return module;
}
} // namespace

int main(int argc, char **argv) {
  cl::HideUnrelatedOptions(category);
  cl::ParseCommandLineOptions(argc, argv, "nnc: compiles neural networks to native libraries\n");
  if (!manifest.empty())
    return printManifest();
  if (!explain.empty())
    return printExplanation();
  if (input.empty())
    return fail("no input file; try `nnc model.nn -o model.so`");
  if (form != "tree" && !isForm(form))
    return fail("unknown form `" + form + "`; --emit takes tree, nn, opt, mem, loops, llvm, asm, obj or lib");
  if (form == "lib" && output.empty())
    return fail("where should the library go? say -o " + llvm::StringRef(input).rsplit('/').second.rsplit('.').first + ".so");

  mlir::DialectRegistry registry;
  registerDialects(registry);
  mlir::MLIRContext context(registry);
  context.loadAllAvailableDialects();
  mlir::OwningOpRef<mlir::ModuleOp> module;
  if (llvm::StringRef(input).ends_with(".mlir"))
    module = mlir::parseSourceFile<mlir::ModuleOp>(input, &context);
  else if (bool ok; !(module = readProgram(context, ok)))
    return ok ? 0 : 1;
  if (!module)
    return 1;
  CompileOptions options;
  options.pipeline = {cpu, verify};
  options.emit = form, options.output = output, options.inputs = {input}, options.time = timing;
  return compile(*module, options) ? 0 : 1;
}
