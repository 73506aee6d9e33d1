#include "test/kernel/Jit.h"

#include "compiler/Passes.h"
#include "compiler/emit/Object.h"

#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "mlir/Transforms/Passes.h"
#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include "llvm/Support/MemoryBuffer.h"

#include <mutex>

using namespace llvm;

namespace nnc::test {
namespace {
ExitOnError check("jit: ");
std::mutex reportMutex;
Jit::Reported lastReport;

void barrier(nnrt_team *, int32_t) {} // teams run one thread after the other here
void report(nnrt_team *, int32_t, int32_t code, int64_t position) {
  std::lock_guard lock(reportMutex);
  lastReport = {lastReport.count + 1, code, position};
}

[[noreturn]] void fail(const char *what) {
  errs() << "jit: " << what << "\n";
  exit(1);
}

emit::Bytes compile(std::string_view text, std::string_view cpu) {
  mlir::MLIRContext context;
  mlir::DialectRegistry registry;
  registry.insert<nn::NNDialect, mlir::arith::ArithDialect, mlir::cf::ControlFlowDialect, mlir::func::FuncDialect,
                  mlir::LLVM::LLVMDialect, mlir::scf::SCFDialect, mlir::vector::VectorDialect>();
  mlir::registerBuiltinDialectTranslation(registry);
  mlir::registerLLVMDialectTranslation(registry);
  context.appendDialectRegistry(registry);
  auto module = mlir::parseSourceString<mlir::ModuleOp>(StringRef(text.data(), text.size()), &context);
  if (!module)
    fail("the module does not parse");
  mlir::PassManager passes(&context);
  std::string name(cpu);
  passes.addPass(createLowerKernelsPass({name}));
  passes.addPass(createLowerElementwisePass({name}));
  passes.addPass(mlir::createCSEPass());
  passes.addPass(createToLLVMPass());
  if (failed(passes.run(*module)))
    fail("the module does not compile");
  LLVMContext llvmContext;
  auto translated = mlir::translateModuleToLLVMIR(*module, llvmContext);
  return check(emit::generateCode(*translated, check(cpu::parseCpu(name)), emit::CodeKind::Object));
}
} // namespace

struct Jit::State {
  std::unique_ptr<orc::LLJIT> jit;
};

Jit::Jit(std::string_view text, std::string_view cpu) : state(std::make_unique<State>()) {
  emit::Bytes object = compile(text, cpu);
  state->jit = check(orc::LLJITBuilder().create());
  orc::JITDylib &library = state->jit->getMainJITDylib();
  orc::SymbolMap runtime;
  auto define = [&](const char *name, auto *f) {
    runtime[state->jit->mangleAndIntern(name)] = {orc::ExecutorAddr::fromPtr(f), JITSymbolFlags::Exported};
  };
  define("nnrt_barrier", barrier);
  define("nnrt_report", report);
  check(library.define(orc::absoluteSymbols(std::move(runtime))));
  check(state->jit->addObjectFile(MemoryBuffer::getMemBufferCopy(StringRef(object.data(), object.size()))));
}

Jit::~Jit() = default;

void *Jit::address(const std::string &name) const { return check(state->jit->lookup(name)).toPtr<void *>(); }

Jit::Reported Jit::reported() {
  std::lock_guard lock(reportMutex);
  return std::exchange(lastReport, {});
}

void Jit::call(const std::string &name, int32_t size, const std::vector<int64_t> &sizes,
               const std::vector<void *> &places) const {
  // Sizes and addresses are passed alike. A function takes no notice of arguments beyond its own.
  std::vector<int64_t> a(sizes);
  for (void *p : places)
    a.push_back(reinterpret_cast<intptr_t>(p));
  if (a.size() > 16)
    fail("too many arguments");
  a.resize(16);
  using Any = void(nnrt_team *, int32_t, int64_t, int64_t, int64_t, int64_t, int64_t, int64_t, int64_t, int64_t,
                   int64_t, int64_t, int64_t, int64_t, int64_t, int64_t, int64_t, int64_t);
  Any *f = function<Any>(name);
  nnrt_team team{size, 0, 7, 3};
  for (int32_t tid = 0; tid < size; ++tid)
    f(&team, tid, a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8], a[9], a[10], a[11], a[12], a[13], a[14], a[15]);
}

} // namespace nnc::test
