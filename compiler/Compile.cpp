#include "compiler/Compile.h"
#include "compiler/emit/Library.h"
#include "compiler/emit/Output.h"

#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/WithColor.h"
#include "llvm/Support/raw_ostream.h"

#include <chrono>

using namespace nnc;

namespace {
/// Prints `name  12.3 ms` for each phase.
class Stopwatch {
public:
  explicit Stopwatch(bool print) : print(print) {}
  void lap(llvm::StringRef name) {
    auto now = std::chrono::steady_clock::now();
    if (print)
      llvm::errs() << llvm::format("%-8s %8.1f ms\n", name.str().c_str(),
                                   std::chrono::duration<double, std::milli>(now - last).count());
    last = now;
  }

private:
  bool print;
  std::chrono::steady_clock::time_point last = std::chrono::steady_clock::now();
};

bool failed(llvm::Error error) {
  if (!error)
    return false;
  llvm::handleAllErrors(std::move(error), [](const llvm::ErrorInfoBase &e) {
    llvm::WithColor::error(llvm::errs(), "nnc") << e.message() << "\n";
  });
  return true;
}
} // namespace

bool nnc::write(llvm::StringRef bytes, const std::string &path, llvm::ArrayRef<std::string> inputs) {
  llvm::sys::fs::file_status status;
  bool device = !llvm::sys::fs::status(path, status) && status.type() == llvm::sys::fs::file_type::character_file;
  if (path.empty() || path == "-" || device) {
    std::error_code problem;
    llvm::raw_fd_ostream file(device ? llvm::StringRef(path) : "-", problem);
    file << bytes;
    file.close();
    problem = problem ? problem : file.error();
    file.clear_error();
    return !problem || !failed(llvm::createStringError(problem, "cannot write: " + problem.message()));
  }
  emit::OutputFile file{path, bytes};
  return !failed(emit::checkOutputs(file, inputs)) && !failed(emit::writeOutputs(file));
}

bool nnc::isForm(llvm::StringRef emit) {
  return llvm::is_contained({"asm", "obj", "lib"}, emit) ||
         llvm::any_of(phases(), [&](const Phase &p) { return emit == p.name; });
}

bool nnc::compile(mlir::ModuleOp module, const CompileOptions &options) {
  llvm::Expected<cpu::Cpu> cpu = cpu::parseCpu(options.pipeline.cpu);
  if (!cpu)
    return !failed(cpu.takeError());
  emit::LibraryOptions library{*cpu, options.output, options.inputs};
  if (options.emit == "lib" && failed(emit::checkLibrary(library)))
    return false;

  Stopwatch watch(options.time);
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
      return write(text, options.output, options.inputs);
    }
    if (llvm::StringRef(phase.name) == "mem")
      interface = describeLibrary(module);
  }
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> code = translate(module, context);
  if (!code)
    return false;
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
  return write(llvm::StringRef(bytes->data(), bytes->size()), options.output, options.inputs);
}
