#include "compiler/emit/Object.h"
#include "compiler/emit/Parts.h"

#include "llvm/Bitcode/BitcodeReader.h"
#include "llvm/IR/DiagnosticInfo.h"
#include "llvm/IR/DiagnosticPrinter.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Verifier.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/MemoryBufferRef.h"
#include "llvm/Support/ThreadPool.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Target/TargetMachine.h"

using namespace llvm;

namespace nnc::emit {
namespace {

/// Kernels arrive as finished vector code: what is left is cleaning up address arithmetic. LLVM's vectorizers and its
/// unroller would only make it larger (measured: O1 to O3 give the same speed).
constexpr StringRef passes =
    "function(sroa,early-cse<memssa>,instcombine<no-verify-fixpoint>,simplifycfg,loop-mssa(licm),gvn,"
    "instcombine<no-verify-fixpoint>,loop-mssa(licm),simplifycfg)";

Error internalError(const Twine &what) { return createStringError("internal error: " + what); }

/// Collects errors of the code generator, which would be printed otherwise.
struct Errors : DiagnosticHandler {
  explicit Errors(std::string &text) : text(text) {}
  bool handleDiagnostics(const DiagnosticInfo &info) override {
    if (info.getSeverity() == DS_Error) {
      raw_string_ostream os(text);
      DiagnosticPrinterRawOStream printer(os);
      os << (text.empty() ? "" : "; ");
      info.print(printer);
    }
    return true;
  }
  std::string &text;
};

/// What watches the functions that ask for it by an attribute, after all that could take accesses away. Races are seen
/// in accesses of up to 16 bytes that have no mask.
StringRef sanitizers(const Module &module) {
  for (const Function &function : module) {
    if (function.hasFnAttribute(Attribute::SanitizeAddress))
      return ",asan";
    if (function.hasFnAttribute(Attribute::SanitizeThread))
      return ",function(scalarize-masked-mem-intrin),tsan-module,function(tsan)";
  }
  return "";
}

void runPasses(Module &module, TargetMachine &machine, StringRef text) {
  PassBuilder builder(&machine);
  LoopAnalysisManager loops;
  FunctionAnalysisManager functions;
  CGSCCAnalysisManager graph;
  ModuleAnalysisManager modules;
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(graph);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, graph, modules);
  ModulePassManager pipeline;
  cantFail(builder.parsePassPipeline(pipeline, text));
  pipeline.run(module, modules);
}

/// What every function is for; without those that nobody calls.
Error prepare(Module &module, const cpu::Cpu &cpu) {
  std::unique_ptr<TargetMachine> machine = cpu::createTargetMachine(cpu);
  if (!machine)
    return internalError("LLVM has no code generator for x86-64");
  cpu::applyTarget(module, *machine, cpu);
  if (module.getPICLevel() == PICLevel::NotPIC)
    module.setPICLevel(PICLevel::BigPIC);
  std::string problems;
  raw_string_ostream os(problems);
  if (verifyModule(module, &os))
    return internalError("LLVM refuses the module: " + problems);
  runPasses(module, *machine, "globaldce");
  return Error::success();
}

/// Optimizes a module that has been prepared, and generates its code. What goes wrong is appended to `problems`.
Bytes generate(Module &module, const cpu::Cpu &cpu, CodeKind kind, std::string &problems) {
  std::unique_ptr<TargetMachine> machine = cpu::createTargetMachine(cpu);
  LLVMContext &context = module.getContext();
  std::unique_ptr<DiagnosticHandler> previous = context.getDiagnosticHandler();
  context.setDiagnosticHandler(std::make_unique<Errors>(problems));
  runPasses(module, *machine, (passes + sanitizers(module)).str());

  Bytes code;
  raw_svector_ostream stream(code);
  legacy::PassManager generator;
  auto fileType = kind == CodeKind::Object ? CodeGenFileType::ObjectFile : CodeGenFileType::AssemblyFile;
  if (machine->addPassesToEmitFile(generator, stream, nullptr, fileType))
    problems += "LLVM cannot write this kind of file";
  else
    generator.run(module);
  context.setDiagnosticHandler(std::move(previous));
  return code;
}

Error checkGenerated(StringRef problems) {
  return problems.empty() ? Error::success() : internalError("no code was generated: " + problems);
}

} // namespace

Expected<Bytes> generateCode(Module &module, const cpu::Cpu &cpu, CodeKind kind) {
  if (Error error = prepare(module, cpu))
    return error;
  std::string problems;
  Bytes code = generate(module, cpu, kind, problems);
  if (Error error = checkGenerated(problems))
    return error;
  return code;
}

Expected<std::vector<Bytes>> generateObjects(Module &module, const cpu::Cpu &cpu) {
  if (Error error = prepare(module, cpu))
    return error;
  Parts parts(module);
  std::vector<Bytes> objects(parts.count());
  std::vector<std::string> problems(parts.count());
  if (parts.count() == 1) {
    objects[0] = generate(module, cpu, CodeKind::Object, problems[0]);
  } else {
    DefaultThreadPool threads(hardware_concurrency(parts.count()));
    for (unsigned i = 0; i < parts.count(); ++i)
      threads.async([&, i, code = parts.bitcode(i)] {
        LLVMContext context; // one context serves one thread
        Expected<std::unique_ptr<Module>> part =
            parseBitcodeFile(MemoryBufferRef(StringRef(code.data(), code.size()), "part"), context);
        if (part)
          objects[i] = generate(**part, cpu, CodeKind::Object, problems[i]);
        else
          problems[i] = toString(part.takeError());
      });
    threads.wait();
  }
  for (const std::string &text : problems)
    if (Error error = checkGenerated(text))
      return error;
  return objects;
}

} // namespace nnc::emit
