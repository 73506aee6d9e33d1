// nnc-opt: any IR, any pass. For tests, and for restarting the compiler in the middle: each phase of the compiler is a
// pipeline of its name, `nnc-opt --mem --loops --llvm` goes on where `nnc --emit=opt` stopped.
#include "compiler/Passes.h"
#include "compiler/Pipeline.h"

#include "mlir/InitAllDialects.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "mlir/Transforms/Passes.h"

namespace {
struct PhaseOptions : mlir::PassPipelineOptions<PhaseOptions> {
  Option<std::string> cpu{*this, "cpu", llvm::cl::desc("processor to compile for; empty: this machine's")};
};
} // namespace

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  nnc::registerDialects(registry);
  nnc::registerNNPasses();
  mlir::registerTransformsPasses();
  std::vector<std::unique_ptr<mlir::PassPipelineRegistration<PhaseOptions>>> pipelines;
  for (const nnc::Phase &phase : nnc::phases().drop_front()) // the first one is what the front end makes
    pipelines.push_back(std::make_unique<mlir::PassPipelineRegistration<PhaseOptions>>(
        phase.name, phase.sentence, [&phase](mlir::OpPassManager &passes, const PhaseOptions &options) {
          phase.build(passes, {options.cpu.getValue(), /*verifyEach=*/true});
        }));
  return mlir::asMainReturnCode(mlir::MlirOptMain(argc, argv, "nnc-opt: runs passes on the IR of nnc\n", registry));
}
