// `train` blocks, gradients as values, `checkpoint`.
#include "compiler/frontend/Elaborator.h"

using namespace nnc::frontend;

void Elaborator::elaborateTrain(Instance &root, const Train &train) {
  fail(Code::NN0901, train.range, "training is not available yet", {}, "`nnc --inference` leaves `train` blocks out");
}
bool Elaborator::trainingOf(const Instance &instance) { return routine->training; }
std::string Elaborator::trainingKey(const Instance &instance) { return ""; }
Value Elaborator::evaluateStep(Range range) { return fail(Code::NN0901, range, "`step` is not available yet"); }
Value Elaborator::callGrad(const Call &call, const Given *piped) {
  return fail(Code::NN0901, call.range, "`grad` is not available yet");
}
Value Elaborator::callWithGradient(const Function &function) { return evaluateBlock(*function.body); }
Value Elaborator::evaluateCheckpoint(const Checkpoint &checkpoint) { return evaluateBlock(*checkpoint.block); }
