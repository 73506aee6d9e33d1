#include "compiler/Compile.h"
#include "compiler/emit/Library.h"
#include "compiler/emit/Output.h"

#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

using namespace nnc;

namespace {
/// Prints `name  12.3 ms` for each phase; the first one includes reading and checking.
class Stopwatch {
public:
  explicit Stopwatch(const CompileOptions &options) : print(options.time), last(options.started) {}
  void lap(llvm::StringRef name) {
    auto now = std::chrono::steady_clock::now();
    if (print)
      llvm::errs() << llvm::format("%-8s %8.1f ms\n", name.str().c_str(),
                                   std::chrono::duration<double, std::milli>(now - last).count());
    last = now;
  }

private:
  bool print;
  std::chrono::steady_clock::time_point last;
};

/// Standard output, or a device like /dev/null: written to, not replaced.
bool isStream(const std::string &path) {
  llvm::sys::fs::file_status status;
  return path.empty() || path == "-" ||
         (!llvm::sys::fs::status(path, status) && status.type() == llvm::sys::fs::file_type::character_file);
}

/// Asks for a sanitizer in every function that has code.
void sanitize(llvm::Module &module, llvm::StringRef sanitizer) {
  if (sanitizer.empty())
    return;
  auto kind = sanitizer == "address" ? llvm::Attribute::SanitizeAddress : llvm::Attribute::SanitizeThread;
  for (llvm::Function &function : module)
    if (!function.isDeclaration())
      function.addFnAttr(kind);
}
} // namespace

llvm::Error nnc::write(llvm::StringRef bytes, const CompileOptions &options) {
  if (!isStream(options.output))
    return emit::writeOutputs({{options.output, bytes}});
  std::error_code problem;
  llvm::raw_fd_ostream file(options.output.empty() ? "-" : llvm::StringRef(options.output), problem);
  file << bytes;
  file.close();
  problem = problem ? problem : file.error();
  file.clear_error(); // else the stream ends the program
  return problem ? llvm::createStringError(std::make_error_code(std::errc::io_error),
                                           "cannot write to standard output: " + problem.message())
                 : llvm::Error::success();
}

llvm::Error nnc::checkOutput(const CompileOptions &options) {
  if (isStream(options.output))
    return llvm::Error::success();
  return emit::checkOutputs({{options.output, ""}}, options.inputs);
}

bool nnc::isForm(llvm::StringRef emit) {
  return llvm::is_contained({"asm", "obj", "lib"}, emit) ||
         llvm::any_of(phases(), [&](const Phase &p) { return emit == p.name; });
}

bool nnc::compile(mlir::ModuleOp module, const CompileOptions &options, llvm::function_ref<void(llvm::Error)> report) {
  auto failed = [&](llvm::Error error) {
    bool bad = bool(error);
    if (bad)
      report(std::move(error));
    return bad;
  };
  llvm::Expected<cpu::Cpu> cpu = cpu::parseCpu(options.pipeline.cpu);
  if (!cpu)
    return !failed(cpu.takeError());
  emit::LibraryOptions library{*cpu, options.output, options.inputs};
  if (failed(options.emit == "lib" ? emit::checkLibrary(library) : checkOutput(options)))
    return false;

  Stopwatch watch(options);
  emit::Interface interface;
  for (const Phase &phase : phases()) {
    if (mlir::failed(runPhase(phase, module, options.pipeline)))
      return false;
    watch.lap(phase.name);
    if (options.emit == phase.name) {
      std::string text;
      llvm::raw_string_ostream os(text);
      module.print(os);
      os << "\n"; // as nnc-opt does
      return !failed(write(text, options));
    }
    if (llvm::StringRef(phase.name) == "mem")
      interface = describeLibrary(module);
  }
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> code = translate(module, context);
  if (!code)
    return false;
  sanitize(*code, options.sanitize);
  watch.lap("to llvm");
  if (options.emit == "lib") {
    bool done = !failed(emit::emitLibrary(std::move(code), interface, library));
    watch.lap("lib");
    return done;
  }
  auto kind = options.emit == "asm" ? emit::CodeKind::Assembly : emit::CodeKind::Object;
  llvm::Expected<emit::Bytes> bytes = emit::emitCode(std::move(code), interface, *cpu, kind);
  if (!bytes)
    return !failed(bytes.takeError());
  watch.lap(options.emit);
  return !failed(write(llvm::StringRef(bytes->data(), bytes->size()), options));
}

std::vector<report::ModelMemory> nnc::measureMemory(mlir::ModuleOp module, const CompileOptions &options) {
  for (const Phase &phase : phases()) {
    bool last = llvm::StringRef(phase.name) == "mem";
    if (mlir::failed(runPhase(last ? placesPhase() : phase, module, options.pipeline)))
      return {};
    if (last)
      break;
  }
  return report::describeMemory(module, describeLibrary(module));
}
