// nnc: the command line.
#include "compiler/Compile.h"
#include "compiler/emit/Manifest.h"
#include "compiler/frontend/Elaborate.h"
#include "compiler/frontend/PhaseErrors.h"
#include "compiler/frontend/Program.h"
#include "compiler/frontend/Scope.h"
#include "compiler/frontend/SyntaxPrinter.h"
#include "compiler/report/Sizes.h"
#include "compiler/target/cpu/TargetMachine.h"
#include "dialect/Dialect.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Support/FileUtilities.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/raw_ostream.h"

#include <csignal>
#include <cstdlib>
#include <optional>
#include <thread>

using namespace nnc;
using frontend::Code;
using frontend::DiagnosticEngine;
using llvm::StringRef;
namespace cl = llvm::cl;

namespace {
cl::OptionCategory category("nnc");
cl::list<std::string> inputs(cl::Positional, cl::desc("<model.nn>"), cl::cat(category));
cl::opt<std::string> output("o", cl::desc("where to write; a library's header goes beside it"), cl::value_desc("file"),
                            cl::cat(category));
cl::opt<std::string> form(
    "emit",
    cl::desc(
        "stop after a phase and print what it gives: tree, nn, grad, opt, mem, loops, llvm, asm, obj; default lib"),
    cl::init("lib"), cl::value_desc("phase"), cl::cat(category));
cl::list<std::string>
    definitions("D", cl::Prefix, cl::desc("a setting of the models (`M.name=value`: of one); for --report also a size"),
                cl::value_desc("name=value"), cl::cat(category));
cl::opt<std::string> floating("float", cl::desc("the working type `float`: f32, f64, f16 or bf16"), cl::init("f32"),
                              cl::value_desc("type"), cl::cat(category));
cl::opt<bool> inference("inference", cl::desc("leave the train blocks out"), cl::cat(category));
cl::opt<std::string> cpu("cpu", cl::desc("the processor to compile for; default: this machine's"),
                         cl::value_desc("name"), cl::cat(category));
cl::opt<std::string> reported("report",
                              cl::desc("memory: print what calls need and training steps save; with a value for each "
                                       "size (-D B=64), in bytes"),
                              cl::value_desc("what"), cl::cat(category));
cl::opt<bool> timing("time", cl::desc("print how long each phase took"), cl::cat(category));
const auto started = std::chrono::steady_clock::now();
cl::opt<bool> verify("verify-each", cl::desc("check the module after every pass"), cl::cat(category));
cl::opt<std::string> sanitize("sanitize", cl::desc("let LLVM's address or thread sanitizer watch the code (asm, obj)"),
                              cl::value_desc("name"), cl::Hidden, cl::cat(category));
cl::opt<std::string> explain("explain", cl::desc("print the page of an error"), cl::value_desc("code"),
                             cl::cat(category));
cl::opt<std::string> manifest("manifest", cl::desc("print the manifest of a library"), cl::value_desc("library"),
                              cl::cat(category));

/// Prints what was reported and gives the exit status.
int finish(const DiagnosticEngine &diagnostics) {
  const char *noColour = std::getenv("NO_COLOR");
  bool colour = llvm::sys::Process::StandardErrHasColors() && !(noColour && *noColour);
  diagnostics.print(llvm::errs(), colour);
  return diagnostics.hasErrors() ? 1 : 0;
}

int fail(const llvm::Twine &message, const llvm::Twine &hint = "") {
  DiagnosticEngine diagnostics;
  diagnostics.error(Code::NN0810, {}, message).hint(hint);
  return finish(diagnostics);
}

/// The nearest of some words, as a question.
std::string suggest(StringRef word, llvm::ArrayRef<StringRef> known, StringRef prefix = "") {
  frontend::Suggestion suggestion(word);
  for (StringRef candidate : known)
    suggestion.consider(candidate);
  return suggestion.best.empty() ? "" : ("did you mean `" + prefix + suggestion.best + "`?").str();
}

/// The options of LLVM itself, which the libraries bring along, are not ours: they are unknown here.
std::optional<int> refuseUnknownOption(int argc, char **argv) {
  std::vector<StringRef> known;
  for (auto &entry : cl::getRegisteredOptions())
    if (llvm::is_contained(entry.second->Categories, &category))
      known.push_back(entry.first);
  for (int i = 1; i < argc; ++i) {
    StringRef argument = argv[i];
    if (argument == "--")
      break;
    if (!argument.consume_front("-") || argument.empty())
      continue;
    argument.consume_front("-");
    StringRef name = argument.split('=').first;
    bool help = llvm::is_contained({"help", "h", "version"}, name);
    if (!help && !llvm::is_contained(known, name) && !argument.starts_with("D"))
      return fail("there is no option `" + StringRef(argv[i]).split('=').first + "`",
                  name.size() > 1 ? suggest(name, known, "--") : "`nnc --help` lists the options");
    // LLVM's own words for this would be the only message without a code.
    bool flag = help || (llvm::is_contained(known, name) &&
                         cl::getRegisteredOptions().lookup(name)->getValueExpectedFlag() == cl::ValueOptional);
    StringRef value = argument.split('=').second;
    if (flag && argument.contains('=') && !llvm::is_contained({"true", "false", "0", "1"}, value))
      return fail("the option `" + StringRef(argv[i]).split('=').first + "` takes no value");
    bool last = i + 1 == argc && !argument.contains('=') && (llvm::is_contained(known, name) || argument == "D");
    if (last && cl::getRegisteredOptions().lookup(name)->getValueExpectedFlag() == cl::ValueRequired)
      return fail("the option `" + StringRef(argv[i]) + "` needs a value", "`nnc --help` lists the options");
  }
  return std::nullopt;
}

int printManifest() {
  llvm::Expected<std::string> text = emit::readManifest(manifest);
  if (!text)
    return fail(llvm::toString(text.takeError()));
  llvm::outs() << *text << "\n";
  return 0;
}

int printExplanation() {
  std::string code = StringRef(explain).upper();
  if (!StringRef(code).starts_with("NN"))
    code = "NN" + code;
  std::optional<StringRef> page = frontend::explanation(code);
  if (!page)
    return fail("there is no error `" + explain + "`", "codes look like NN0203");
  llvm::outs() << *page;
  return 0;
}

/// Where a library would be expected: `digits.nn` -> `digits.so`.
std::string usualOutput(StringRef input) {
  StringRef name = input.rsplit('/').second.empty() ? input : input.rsplit('/').second;
  return (name == "-" ? "model" : name.rsplit('.').first).str() + ".so";
}

/// What is wrong with the command line as a whole.
std::optional<int> checkCommand() {
  static const StringRef forms[] = {"tree", "nn", "grad", "opt", "mem", "loops", "llvm", "asm", "obj", "lib"};
  static const StringRef types[] = {"f32", "f64", "f16", "bf16"};
  if (inputs.empty())
    return fail("no input file", "nnc model.nn -o model.so");
  if (inputs.size() > 1)
    return fail("two input files, `" + inputs[0] + "` and `" + inputs[1] + "`",
                "one library is made of one file; it may `import` others");
  if (!llvm::is_contained(forms, form))
    return fail("`--emit` has no phase `" + form + "`: it takes tree, nn, grad, opt, mem, loops, llvm, asm, obj or lib",
                suggest(form, forms));
  if (reported.getNumOccurrences() && reported != "memory")
    return fail("`--report` knows `memory`, not `" + reported + "`", suggest(reported, {"memory"}));
  if (reported.getNumOccurrences() && form.getNumOccurrences())
    return fail("`--report` and `--emit` exclude each other: each prints something else");
  if (!frontend::parseFloat(floating))
    return fail("`--float` has no type `" + floating + "`: it takes f32, f64, f16 or bf16", suggest(floating, types));
  if (llvm::Expected<cpu::Cpu> known = cpu::parseCpu(cpu); !known)
    return fail(llvm::toString(known.takeError()),
                "`--cpu` takes one of these; without it, the code is for this machine");
  if (!sanitize.empty() && sanitize != "address" && sanitize != "thread")
    return fail("there is no sanitizer `" + sanitize + "`: `--sanitize` takes address or thread",
                suggest(sanitize, {"address", "thread"}));
  // What a sanitizer calls is not in the libraries that one is linked with here.
  if (!sanitize.empty() && form != "asm" && form != "obj")
    return fail("`--sanitize` goes with `--emit=asm` or `--emit=obj`, which your compiler links with its sanitizer");
  if (form == "lib" && output.empty() && reported.empty())
    return fail("where should the library go?", "nnc " + inputs[0] + " -o " + usualOutput(inputs[0]));
  return std::nullopt;
}

/// `sources` must not be overwritten.
CompileOptions compileOptions(std::vector<std::string> sources) {
  CompileOptions options;
  options.pipeline = {cpu, verify};
  options.emit = form;
  options.output = output;
  options.inputs = std::move(sources);
  options.sanitize = sanitize;
  options.time = timing;
  options.started = started;
  return options;
}

void reportProblem(llvm::Error error, DiagnosticEngine &diagnostics) {
  llvm::handleAllErrors(std::move(error), [&](const llvm::ErrorInfoBase &e) {
    bool file = e.convertToErrorCode() == std::errc::io_error;
    diagnostics.error(file ? Code::NN0811 : Code::NN0999, {}, e.message());
  });
}

/// As many as a context would have here.
int64_t threads() {
  const char *set = std::getenv("NNC_THREADS");
  int64_t count = 0;
  if (!set || StringRef(set).getAsInteger(10, count) || count < 1)
    count = std::thread::hardware_concurrency();
  return std::max<int64_t>(count, 1);
}

/// `--report=memory`. `sizes` are definitions that are not of settings.
void reportMemory(mlir::ModuleOp module, CompileOptions options, llvm::ArrayRef<std::string> sizes,
                  DiagnosticEngine &diagnostics) {
  if (llvm::Error problem = checkOutput(options))
    return reportProblem(std::move(problem), diagnostics);
  std::vector<report::ModelMemory> models = measureMemory(module, options);
  std::vector<report::Refusal> refusals;
  std::vector<report::SizeDefinition> values = report::readSizes(sizes, models, refusals);
  if (models.empty()) // that has been reported
    return;
  for (const report::Refusal &refusal : refusals) {
    frontend::Suggestion suggestion(refusal.name);
    for (const std::string &known : refusal.known)
      suggestion.consider(known);
    diagnostics.error(refusal.isUnknown ? Code::NN0807 : Code::NN0810, {}, refusal.message).hint(suggestion.question());
  }
  if (diagnostics.hasErrors())
    return;
  llvm::Expected<std::string> text = report::printMemory(
      models, [&](const report::ModelMemory &model) { return report::valuesFor(model, values); }, threads());
  if (!text)
    diagnostics.error(Code::NN0810, {}, llvm::toString(text.takeError()));
  else
    reportProblem(write(*text, options), diagnostics);
}

/// Every phase after the front end.
void compileModule(mlir::ModuleOp module, const CompileOptions &options, llvm::ArrayRef<std::string> sizes,
                   DiagnosticEngine &diagnostics) {
  if (!reported.empty())
    return reportMemory(module, options, sizes, diagnostics);
  bool done = compile(module, options, [&](llvm::Error error) { reportProblem(std::move(error), diagnostics); });
  if (!done && !diagnostics.hasErrors())
    diagnostics.error(Code::NN0999, {}, "a phase failed without saying why");
}

/// The syntax tree of a program that has been checked.
void writeTree(frontend::Program &program, const CompileOptions &options, DiagnosticEngine &diagnostics) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  frontend::printTree(program.main(), stream);
  llvm::Error problem = checkOutput(options);
  reportProblem(problem ? std::move(problem) : write(text, options), diagnostics);
}

/// Takes out of `load.definitions` those that no exported model has a setting for: a report takes them for sizes.
std::vector<std::string> takeSizes(frontend::LoadOptions &load) {
  if (load.definitions.empty() || load.path == "-") // which can be read once only
    return {};
  frontend::LoadOptions plain = load;
  plain.definitions.clear();
  DiagnosticEngine ignored; // all of it is reported when the program is loaded with its settings
  std::unique_ptr<frontend::Program> program = frontend::loadProgram(plain, ignored);
  auto isSetting = [&](StringRef definition) {
    StringRef left = definition.split('=').first;
    auto [model, name] = left.contains('.') ? left.split('.') : std::pair(StringRef(), left);
    return llvm::any_of(program->models, [&](frontend::Layer *layer) {
      return (model.empty() || layer->name.text == model) &&
             llvm::any_of(layer->settings, [&](frontend::Setting *setting) { return setting->name.text == name; });
    });
  };
  auto sizes = std::stable_partition(load.definitions.begin(), load.definitions.end(), isSetting);
  std::vector<std::string> taken(sizes, load.definitions.end());
  load.definitions.erase(sizes, load.definitions.end());
  return taken;
}

/// Reads, checks and compiles a program, or prints its tree where that is asked for.
int compileProgram(mlir::MLIRContext &context) {
  frontend::LoadOptions load;
  load.path = inputs[0];
  load.definitions.assign(definitions.begin(), definitions.end());
  load.inference = inference;
  load.operationNames = frontend::operationNames(context);
  llvm::StringSet<> operations;
  operations.insert_range(load.operationNames);
  load.isOperation = [&](StringRef name) { return operations.contains(name); };

  DiagnosticEngine diagnostics;
  std::vector<std::string> sizes = reported.empty() ? std::vector<std::string>() : takeSizes(load);
  std::unique_ptr<frontend::Program> program = frontend::loadProgram(load, diagnostics);
  frontend::PhaseErrors phaseErrors(context, program.get(), diagnostics);
  if (form != "tree" && program->models.empty() && !diagnostics.hasErrors())
    diagnostics
        .error(Code::NN0805, {program->sources.front().get(), 0, 0},
               "the file exports nothing: it has no `model`, only those are compiled")
        .hint("`--emit=tree` checks a file that others import");
  mlir::OwningOpRef<mlir::ModuleOp> module;
  if (!diagnostics.hasErrors())
    module = frontend::elaborate(*program, {*frontend::parseFloat(floating), inference, form != "tree" && form != "nn"},
                                 context, diagnostics);
  if (module) {
    std::vector<std::string> sources;
    for (auto &source : program->sources)
      if (!source->isLibrary)
        sources.push_back(source->name().str());
    CompileOptions options = compileOptions(std::move(sources));
    if (form == "tree")
      writeTree(*program, options, diagnostics);
    else
      compileModule(*module, options, sizes, diagnostics);
  }
  return finish(diagnostics);
}

/// Compiles a module that was written by hand or printed by `--emit`.
int compileText(mlir::MLIRContext &context) {
  DiagnosticEngine diagnostics;
  std::string problem;
  auto text = std::make_shared<llvm::SourceMgr>();
  if (std::unique_ptr<llvm::MemoryBuffer> file = mlir::openInputFile(inputs[0], &problem)) {
    text->AddNewSourceBuffer(std::move(file), llvm::SMLoc());
  } else {
    diagnostics.error(Code::NN0801, {}, problem);
    return finish(diagnostics);
  }
  auto module = mlir::parseSourceFile<mlir::ModuleOp>(text, &context);
  if (!module)
    return 1;
  frontend::PhaseErrors phaseErrors(context, nullptr, diagnostics);
  std::vector<std::string> sizes(definitions.begin(), definitions.end());
  compileModule(*module, compileOptions({inputs[0]}), sizes, diagnostics);
  return finish(diagnostics);
}
} // namespace

int main(int argc, char **argv) {
  std::signal(SIGXFSZ, SIG_IGN); // a file that may not grow is an error of the write
  cl::HideUnrelatedOptions(category);
  cl::SetVersionPrinter([](llvm::raw_ostream &out) { out << "nnc 0.1.0\n"; });
  if (std::optional<int> status = refuseUnknownOption(argc, argv))
    return *status;
  std::string complaint;
  llvm::raw_string_ostream complaints(complaint);
  if (!cl::ParseCommandLineOptions(argc, argv, "nnc: compiles neural networks to native libraries\n", &complaints)) {
    if (complaint.empty())
      return 1; // a value of the wrong kind, reported by LLVM
    StringRef first = StringRef(complaint).split('\n').first;
    first.consume_front(StringRef(argv[0]).rsplit('/').second);
    return fail(first.ltrim(": ").rtrim("! "), "`nnc --help` lists the options");
  }
  if (!manifest.empty())
    return printManifest();
  if (!explain.empty())
    return printExplanation();
  if (std::optional<int> status = checkCommand())
    return *status;

  mlir::DialectRegistry registry;
  registerDialects(registry);
  mlir::MLIRContext context(registry);
  context.loadAllAvailableDialects();
  return StringRef(inputs[0]).ends_with(".mlir") ? compileText(context) : compileProgram(context);
}
