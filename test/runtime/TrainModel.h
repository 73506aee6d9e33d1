// A model with train steps as the compiler would describe it, with functions written by hand.
#ifndef NNC_TEST_RUNTIME_TRAINMODEL_H
#define NNC_TEST_RUNTIME_TRAINMODEL_H

#include "TestModel.h"

namespace test {

/// fc.weight f32 [3, 4], h.1.scale .. h.3.scale bf16 [5] (stacked), bn.mean f32 [4] (a buffer). `train_step` keeps
/// step, m and average of fc.weight and h.#.scale; `turn_step` keeps step and v (f64) of fc.weight.
extern const nnrt_model trainModel;

/// Entries of `trainModel`.
enum { kRun, kTrain, kTurn, kDraw };

/// How often the first value of train_step/m/fc.weight was made.
extern std::atomic<int> stateDraws;

/// A model and a context that train.
struct Trainer : Session {
  explicit Trainer(uint64_t seed = 7) : Session(trainModel, seed) {}
  /// A step with the batch of this number; NaN: a loss that is not finite.
  nn_status train(int batch, bool nan = false);
  nn_status turn(int batch);
  /// Calls both steps for batches from .. to - 1.
  void steps(int from, int to);
  /// fc.weight times 1, 2, 3, 4, by way of its packed copy.
  std::vector<float> run();
  /// What a checkpoint of it says, byte by byte.
  std::string everything();
  Folder folder;
};

} // namespace test
#endif // NNC_TEST_RUNTIME_TRAINMODEL_H
