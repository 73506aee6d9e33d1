#include "compiler/emit/Object.h"

#include "llvm/IR/DiagnosticInfo.h"
#include "llvm/IR/DiagnosticPrinter.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Verifier.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Target/TargetMachine.h"

using namespace llvm;

namespace nnc::emit {
namespace {

/// Kernels arrive as finished vector code: what is left is cleaning up address arithmetic. LLVM's vectorizers and its
/// unroller would only make it larger (measured: O1 to O3 give the same speed).
constexpr StringRef passes =
    "globaldce,function(sroa,early-cse<memssa>,instcombine<no-verify-fixpoint>,simplifycfg,loop-mssa(licm),gvn,"
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

void optimize(Module &module, TargetMachine &machine) {
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
  cantFail(builder.parsePassPipeline(pipeline, (passes + sanitizers(module)).str()));
  pipeline.run(module, modules);
}

} // namespace

Expected<Bytes> generateCode(Module &module, const cpu::Cpu &cpu, CodeKind kind) {
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
  LLVMContext &context = module.getContext();
  std::unique_ptr<DiagnosticHandler> previous = context.getDiagnosticHandler();
  context.setDiagnosticHandler(std::make_unique<Errors>(problems));
  optimize(module, *machine);

  Bytes code;
  raw_svector_ostream stream(code);
  legacy::PassManager generator;
  auto fileType = kind == CodeKind::Object ? CodeGenFileType::ObjectFile : CodeGenFileType::AssemblyFile;
  bool refused = machine->addPassesToEmitFile(generator, stream, nullptr, fileType);
  if (!refused)
    generator.run(module);
  context.setDiagnosticHandler(std::move(previous));
  if (refused || !problems.empty())
    return internalError("no code was generated: " + problems);
  return code;
}

} // namespace nnc::emit
