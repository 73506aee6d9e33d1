// Running with averaged weights.
#include "Check.h"
#include "TrainModel.h"

#include "runtime/Convert.h"

using namespace test;

static std::vector<float> timesOneToFour(const std::vector<float> &weight) {
  std::vector<float> out(3);
  for (size_t o = 0; o < 3; ++o)
    for (size_t i = 0; i < 4; ++i)
      out[o] += weight[o * 4 + i] * static_cast<float>(i + 1);
  return out;
}

CASE(average, takesThePlaceOfTheWeights) {
  Trainer s;
  std::vector<float> average;
  for (int k = 0; k < 5; ++k) {
    CHECK_EQUAL(s.train(k), NN_OK);
    std::vector<float> now = s.getFloats("fc.weight", {3, 4});
    for (size_t i = 0; i < now.size(); ++i)
      now[i] = k ? 0.75f * average[i] + 0.25f * now[i] : now[i];
    average = now;
  }
  Trainer same;
  for (int k = 0; k < 5; ++k)
    CHECK_EQUAL(same.train(k), NN_OK);

  std::vector<float> weight = s.getFloats("fc.weight", {3, 4}), out = s.run(), scale = s.getFloats("h.2.scale", {5});
  CHECK_EQUAL(nnrt_use_average(s.model, 1), NN_OK);
  std::vector<float> used = s.getFloats("fc.weight", {3, 4}), usedOut = s.run();
  CHECK(used == average);
  CHECK(used != weight);
  CHECK(usedOut != out); // its packed copy was made again
  for (size_t o = 0; o < 3; ++o)
    CHECK(std::abs(usedOut[o] - timesOneToFour(used)[o]) < 1e-5f);
  CHECK(s.getFloats("h.2.scale", {5}) != scale);    // f32 averages of bf16 values
  CHECK_EQUAL(nnrt_use_average(s.model, 5), NN_OK); // it is on already
  CHECK(s.getFloats("fc.weight", {3, 4}) == used);

  CHECK_EQUAL(nnrt_use_average(s.model, 0), NN_OK);
  CHECK(s.getFloats("fc.weight", {3, 4}) == weight);
  CHECK(s.getFloats("h.2.scale", {5}) == scale);
  CHECK(s.run() == out);
  CHECK_EQUAL(nnrt_use_average(s.model, 0), NN_OK);
  CHECK(s.everything() == same.everything());
  s.steps(5, 7);
  same.steps(5, 7);
  CHECK(s.everything() == same.everything());
}

CASE(average, isTheWeightsBeforeTheFirstUpdate) {
  Trainer s;
  std::vector<float> out = s.run();
  CHECK_EQUAL(nnrt_use_average(s.model, 1), NN_OK);
  CHECK(s.run() == out);
  CHECK_EQUAL(nnrt_use_average(s.model, 0), NN_OK);
  CHECK_EQUAL(s.turn(0), NN_OK); // averages nothing
  out = s.run();
  CHECK_EQUAL(nnrt_use_average(s.model, 1), NN_OK);
  CHECK(s.run() == out);
  CHECK_EQUAL(nnrt_use_average(s.model, 0), NN_OK);
  CHECK_EQUAL(s.train(0, /*nan=*/true), NN_NUMERIC);
  CHECK_EQUAL(nnrt_use_average(s.model, 1), NN_OK);
  CHECK(s.run() == out);
  Session without(model);
  CHECK_EQUAL(nnrt_use_average(without.model, 1), NN_OK);
  Session values(bare);
  CHECK_EQUAL(nnrt_use_average(values.model, 1), NN_INVALID);
  CHECK_EQUAL(values.error(), "these parameters have no values, load or set them: `free`, `other`");
}

CASE(average, whileInUseTheWeightsCanNotChange) {
  Trainer s;
  s.steps(0, 5);
  std::string before = s.everything();
  CHECK_EQUAL(nnrt_save(s.model, (s.folder / "plain").c_str()), NN_OK);
  CHECK_EQUAL(nnrt_use_average(s.model, 1), NN_OK);
  const char *reason = "the averaged weights are in use; before the weights can change they must be back "
                       "(use_average with 0)";
  CHECK_EQUAL(s.train(5), NN_INVALID);
  CHECK_EQUAL(s.contextError(), std::string("train_step: ") + reason);
  CHECK_EQUAL(s.turn(5), NN_INVALID);
  CHECK_EQUAL(s.setFloats("fc.weight", {3, 4}, std::vector<float>(12)), NN_INVALID);
  CHECK_EQUAL(s.error(), reason);
  CHECK_EQUAL(nnrt_load(s.model, (s.folder / "plain").c_str()), NN_INVALID);
  CHECK_EQUAL(s.error(), reason);
  CHECK_EQUAL(nnrt_load_part(s.model, "fc", (s.folder / "plain").c_str()), NN_INVALID);
  // save writes what is used, a checkpoint what training goes on from.
  CHECK_EQUAL(nnrt_save(s.model, (s.folder / "averaged").c_str()), NN_OK);
  CHECK(s.everything() == before);
  std::vector<float> used = s.run();
  CHECK_EQUAL(nnrt_use_average(s.model, 0), NN_OK);
  CHECK(s.everything() == before);
  CHECK_EQUAL(nnrt_load(s.model, (s.folder / "averaged").c_str()), NN_OK);
  CHECK(s.run() == used);
}

CASE(average, resumeEndsItsUse) {
  Trainer s;
  s.steps(0, 5);
  std::string past = s.everything();
  writeFile(s.folder / "past", past);
  s.steps(5, 8);
  CHECK_EQUAL(nnrt_use_average(s.model, 1), NN_OK);
  std::vector<float> used = s.run();
  CHECK_EQUAL(nnrt_resume(s.model, (s.folder / "nothing").c_str()), NN_FILE);
  CHECK(s.run() == used);
  CHECK_EQUAL(nnrt_resume(s.model, (s.folder / "past").c_str()), NN_OK);
  CHECK(s.everything() == past);
  CHECK_EQUAL(s.train(5), NN_OK);
  Trainer other;
  CHECK_EQUAL(nnrt_resume(other.model, (s.folder / "past").c_str()), NN_OK);
  CHECK_EQUAL(other.train(5), NN_OK);
  CHECK(s.everything() == other.everything());
}
