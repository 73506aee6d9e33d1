#include "TrainModel.h"

#include "Check.h"
#include "runtime/Convert.h"

#include <cmath>
#include <cstring>

namespace test {

std::atomic<int> stateDraws;

static constexpr int64_t kWeight = 0, kScale = 64, kMean = 128, kStep = 192, kM = 256, kScaleM = 320, kAverage = 384,
                         kScaleAverage = 448, kTurnStep = 512, kV = 576, kBytes = 704;

// ---- parameters -----------------------------------------------------------------------------------------------------

static int32_t measureState(const int64_t *, int32_t, int64_t *bytes, int64_t *frame, int64_t *work) {
  bytes[0] = 48;
  *frame = 0;
  *work = 0;
  return 0;
}
static void runState(nnrt_team *, int32_t tid, const int64_t *, void *const *arguments, char *, char *, void *const *,
                     char *) {
  if (tid == 0) {
    ++stateDraws;
    memset(arguments[0], 0, 48);
  }
}
static const nnrt_entry stateEntry = {"m",     nullptr,  0, 0, nullptr, measureState,
                                      nullptr, runState, 0, 0, nullptr, nullptr};

static const nnrt_draw uniform = {nnrt_draw_uniform, 3, 2, -1, 0, 0}, zero = {nnrt_draw_constant, 0, 0, 0, 0, 0};
static const int64_t shape34[] = {3, 4}, shape5[] = {5}, shape4[] = {4}, repeats[] = {1, 3};
static const char train[] = "train_step", turn[] = "turn_step";
static const nnrt_parameter parameters[] = {
    {"fc.weight", shape34, 1, nullptr, kWeight, 48, nullptr, &uniform, NN_F32, 2, 0, nullptr},
    {"h.#.scale", shape5, 3, repeats, kScale, 10, nullptr, &uniform, NN_BF16, 1, 0, nullptr},
    {"bn.mean", shape4, 1, nullptr, kMean, 16, nullptr, &zero, NN_F32, 1, 1, nullptr},
    {"train_step/step", nullptr, 1, nullptr, kStep, 8, nullptr, &zero, NN_I64, 0, 0, train},
    {"train_step/m/fc.weight", shape34, 1, nullptr, kM, 48, &stateEntry, nullptr, NN_F32, 2, 0, train},
    {"train_step/m/h.#.scale", shape5, 3, repeats, kScaleM, 20, nullptr, &zero, NN_F32, 1, 0, train},
    {"train_step/average/fc.weight", shape34, 1, nullptr, kAverage, 48, nullptr, &zero, NN_F32, 2, 0, train},
    {"train_step/average/h.#.scale", shape5, 3, repeats, kScaleAverage, 20, nullptr, &zero, NN_F32, 1, 0, train},
    {"turn_step/step", nullptr, 1, nullptr, kTurnStep, 8, nullptr, &zero, NN_I64, 0, 0, turn},
    {"turn_step/v/fc.weight", shape34, 1, nullptr, kV, 96, nullptr, &zero, NN_F64, 2, 0, turn},
};

static int32_t measureNothing(const int64_t *, int32_t, int64_t *, int64_t *frame, int64_t *work) {
  *frame = *work = 0;
  return 0;
}
static void packWeight(nnrt_team *, int32_t tid, const int64_t *, void *const *, char *slab, char *packed,
                       void *const *, char *) {
  if (tid == 0)
    memcpy(packed, slab + kWeight, 48);
}
static const nnrt_entry packing = {"pack",  nullptr,    0, 0, nullptr, measureNothing,
                                   nullptr, packWeight, 0, 0, nullptr, nullptr};
static const nnrt_pack packs[] = {{0, 0, 0, 48, &packing}};

// ---- entries --------------------------------------------------------------------------------------------------------

static const nnrt_argument arguments[] = {{"x", "[4]", NNRT_INPUT, NN_F32, 1, 0},
                                          {"out", "[3]", NNRT_OUTPUT, NN_F32, 1, 0}};
static const nnrt_argument trainArguments[] = {{"x", "[4]", NNRT_INPUT, NN_F32, 1, 0},
                                               {"loss", "", NNRT_OUTPUT, NN_F32, 0, 0}};
static const nnrt_argument drawArguments[] = {{"out", "[2]", NNRT_OUTPUT, NN_I64, 1, 0}};

static int32_t measureRun(const int64_t *, int32_t, int64_t *bytes, int64_t *frame, int64_t *work) {
  bytes[0] = 16;
  bytes[1] = 12;
  *frame = 0;
  *work = 1'000'000'000; // on all threads of the context
  return 0;
}
static int32_t measureTrain(const int64_t *, int32_t, int64_t *bytes, int64_t *frame, int64_t *work) {
  bytes[0] = 16;
  bytes[1] = 4;
  *frame = 0;
  *work = 1'000'000'000;
  return 0;
}
static int32_t measureDraw(const int64_t *, int32_t, int64_t *bytes, int64_t *frame, int64_t *work) {
  bytes[0] = 16;
  *frame = *work = 0;
  return 0;
}

static void runRun(nnrt_team *, int32_t tid, const int64_t *, void *const *arguments, char *, char *packed,
                   void *const *, char *) {
  auto *x = static_cast<const float *>(arguments[0]), *w = reinterpret_cast<const float *>(packed);
  for (int o = 0; tid == 0 && o < 3; ++o) {
    float sum = 0;
    for (int i = 0; i < 4; ++i)
      sum += w[o * 4 + i] * x[i];
    static_cast<float *>(arguments[1])[o] = sum;
  }
}

/// Half of the elements, by seed and calls as compiled draws are.
static bool keeps(const nnrt_team *team, int64_t place, int64_t element) {
  uint64_t bits = team->seed * 0x9E3779B97F4A7C15 ^ (team->calls << 20) ^ static_cast<uint64_t>(place << 10 | element);
  bits = (bits ^ bits >> 31) * 0xBF58476D1CE4E5B9;
  return bits >> 63;
}

/// An update of element i: momentum, then the average.
static float update(float w, float g, float *m, float *average, int64_t step) {
  *m = 0.9f * *m + g;
  w -= 0.1f * *m;
  *average = step == 1 ? w : 0.75f * *average + 0.25f * w;
  return w;
}

static void runTrain(nnrt_team *team, int32_t tid, const int64_t *, void *const *arguments, char *slab, char *,
                     void *const *, char *) {
  auto *x = static_cast<const float *>(arguments[0]);
  auto at = [&](int64_t place) { return reinterpret_cast<float *>(slab + place); };
  auto *step = reinterpret_cast<int64_t *>(slab + kStep);
  int64_t now = *step + 1;
  if (tid == 0)
    *static_cast<float *>(arguments[1]) = x[0];
  if (std::isnan(x[0])) {
    if (tid == 0)
      nnrt_numeric(team, tid);
    return;
  }
  for (int64_t i = tid; i < 12; i += team->size)
    at(kWeight)[i] =
        update(at(kWeight)[i], keeps(team, 1, i) ? x[i % 4] + at(kWeight)[i] : 0, at(kM) + i, at(kAverage) + i, now);
  auto *scale = reinterpret_cast<uint16_t *>(slab + kScale);
  for (int64_t i = tid; i < 15; i += team->size) {
    float w;
    nnrt::convert(&w, NN_F32, scale + i, NN_BF16, 1);
    w = update(w, keeps(team, 2, i) ? x[i % 4] : w, at(kScaleM) + i, at(kScaleAverage) + i, now);
    nnrt::convert(scale + i, NN_BF16, &w, NN_F32, 1);
  }
  for (int64_t i = tid; i < 4; i += team->size)
    at(kMean)[i] = 0.9f * at(kMean)[i] + 0.1f * x[i];
  nnrt_barrier(team, tid);
  if (tid == 0)
    *step = now;
}

static void runTurn(nnrt_team *, int32_t tid, const int64_t *, void *const *arguments, char *slab, char *,
                    void *const *, char *) {
  if (tid)
    return;
  auto *w = reinterpret_cast<float *>(slab + kWeight);
  auto *v = reinterpret_cast<double *>(slab + kV);
  for (int i = 0; i < 12; ++i) {
    v[i] = v[i] * 0.5 + w[i];
    w[i] -= static_cast<float>(v[i] * 1e-3);
  }
  ++*reinterpret_cast<int64_t *>(slab + kTurnStep);
  *static_cast<float *>(arguments[1]) = w[0];
}

static void runDraw(nnrt_team *team, int32_t tid, const int64_t *, void *const *arguments, char *, char *,
                    void *const *, char *) {
  auto *out = static_cast<int64_t *>(arguments[0]);
  if (tid == 0) {
    out[0] = static_cast<int64_t>(team->seed);
    out[1] = static_cast<int64_t>(team->calls);
  }
}

static const int32_t reads[] = {0}, trainWrites[] = {0, 1, 2, 3, 4, 5, 6, 7}, turnWrites[] = {0, 8, 9};
static const nnrt_entry entries[] = {
    {"run", arguments, 2, 0, nullptr, measureRun, nullptr, runRun, 0, 1, nullptr, reads, nullptr, nullptr, 0, 0},
    {"train_step", trainArguments, 2, 0, nullptr, measureTrain, nullptr, runTrain, 8, 0, trainWrites, nullptr, nullptr,
     nullptr, 0, 1},
    {"turn_step", trainArguments, 2, 0, nullptr, measureTrain, nullptr, runTurn, 3, 0, turnWrites, nullptr, nullptr,
     nullptr, 0, 1},
    {"draw", drawArguments, 1, 0, nullptr, measureDraw, nullptr, runDraw, 0, 0, nullptr, nullptr, nullptr, nullptr, 0,
     0},
};

const nnrt_model trainModel = {sizeof(nnrt_model),
                               NNRT_ABI_VERSION,
                               "net",
                               "x86-64",
                               nullptr,
                               "{}",
                               parameters,
                               entries,
                               packs,
                               10,
                               4,
                               1,
                               0,
                               kBytes,
                               48};

// ---- sessions -------------------------------------------------------------------------------------------------------

nn_status Trainer::train(int batch, bool nan) {
  float x[4], loss;
  for (int i = 0; i < 4; ++i)
    x[i] = nan ? NAN : static_cast<float>((batch * 7 + i * 3) % 11) / 8 - 0.5f;
  void *arguments[] = {x, &loss};
  return nnrt_call(context, kTrain, arguments);
}

nn_status Trainer::turn(int batch) {
  float x[4] = {static_cast<float>(batch)}, loss;
  void *arguments[] = {x, &loss};
  return nnrt_call(context, kTurn, arguments);
}

void Trainer::steps(int from, int to) {
  for (int batch = from; batch < to; ++batch) {
    CHECK_EQUAL(train(batch), NN_OK);
    if (batch % 3 == 0)
      CHECK_EQUAL(turn(batch), NN_OK);
  }
}

std::vector<float> Trainer::run() {
  std::vector<float> x = {1, 2, 3, 4}, out(3);
  void *arguments[] = {x.data(), out.data()};
  CHECK_EQUAL(nnrt_call(context, kRun, arguments), NN_OK);
  return out;
}

std::string Trainer::everything() {
  std::string path = folder / "everything";
  CHECK_EQUAL(nnrt_checkpoint(model, path.c_str()), NN_OK);
  return readFile(path);
}

} // namespace test
