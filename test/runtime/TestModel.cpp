#include "TestModel.h"

#include "runtime/Convert.h"

#include <cstring>
#include <signal.h>
#include <unistd.h>

namespace test {

// ---- parameters -----------------------------------------------------------------------------------------------------

std::atomic<int> draws, packings;

float drawn(uint64_t seed, int parameter, int64_t i) {
  return static_cast<float>(seed) + static_cast<float>(parameter) * 16 + static_cast<float>(i);
}

static int32_t noFrame(const int64_t *, int32_t, int64_t *bytes, int64_t *frame, int64_t *work) {
  bytes[0] = 0;
  *frame = 64;
  *work = 1'000'000; // so that the team of the caller is used
  return 0;
}

/// All threads draw: each its share.
template <int parameter, int count, typename T>
static void draw(nnrt_team *team, int32_t tid, const int64_t *, void *const *arguments, char *, char *, void *const *,
                 char *) {
  T *out = static_cast<T *>(arguments[0]);
  if (tid == 0) {
    usleep(50); // so that others come meanwhile
    ++draws;
  }
  for (int64_t i = tid; i < count; i += team->size) {
    float value = drawn(team->seed, parameter, i);
    if (sizeof(T) == 2) {
      uint16_t bits;
      nnrt::convert(&bits, NN_BF16, &value, NN_F32, 1);
      memcpy(out + i, &bits, 2);
    } else {
      out[i] = static_cast<T>(value);
    }
  }
}

#define INITIALISER(NAME, INDEX, COUNT, TYPE)                                                                          \
  static const nnrt_entry NAME = {                                                                                     \
      #NAME, nullptr, 0, 0, nullptr, noFrame, nullptr, draw<INDEX, COUNT, TYPE>, 0, 0, nullptr, nullptr}
INITIALISER(drawWeight, 0, 12, float);
INITIALISER(drawBias, 1, 3, float);
INITIALISER(drawScale, 2, 15, uint16_t);
INITIALISER(drawMean, 3, 4, float);
INITIALISER(drawTable, 4, 4, int32_t);
INITIALISER(drawGate, 5, 2, uint8_t);
INITIALISER(drawEmpty, 6, 0, double);

static const int64_t shape34[] = {3, 4}, shape3[] = {3}, shape5[] = {5}, shape4[] = {4}, shape22[] = {2, 2},
                     shape2[] = {2}, shape07[] = {0, 7}, shape12[] = {1, 2};
static const int64_t scaleRepeats[] = {2, 3};
static const nnrt_parameter parameters[] = {
    {"fc.weight", shape34, 1, nullptr, 0, 48, &drawWeight, nullptr, NN_F32, 2, 0},
    {"fc.bias", shape3, 1, nullptr, 64, 12, &drawBias, nullptr, NN_F32, 1, 0},
    {"h.#.scale", shape5, 3, scaleRepeats, 128, 10, &drawScale, nullptr, NN_BF16, 1, 0},
    {"bn.mean", shape4, 1, nullptr, 192, 16, &drawMean, nullptr, NN_F32, 1, 1},
    {"table", shape22, 1, nullptr, 256, 16, &drawTable, nullptr, NN_I32, 2, 0},
    {"gate", shape2, 1, nullptr, 320, 2, &drawGate, nullptr, NN_BOOL, 1, 0},
    {"empty", shape07, 1, nullptr, 384, 0, &drawEmpty, nullptr, NN_F64, 2, 0},
};

/// The packed weight is its transpose.
static void packWeight(nnrt_team *team, int32_t tid, const int64_t *, void *const *, char *slab, char *packed,
                       void *const *, char *) {
  auto *from = reinterpret_cast<const float *>(slab);
  packings += tid == 0;
  auto *to = reinterpret_cast<float *>(packed);
  for (int64_t i = tid; i < 12; i += team->size)
    to[i % 4 * 3 + i / 4] = from[i];
}
static const nnrt_entry packing = {"pack",  nullptr,    0, 0, nullptr, noFrame,
                                   nullptr, packWeight, 0, 0, nullptr, nullptr};
static const nnrt_pack packs[] = {{0, 0, 0, 48, &packing}};
static const int32_t reads[] = {0}, writes[] = {0, 3};

// ---- forward: out[b, o] = (sum_i image[b, i] * weight[o, i] + bias[o]) * scale + extra[o]
// ------------------------------

static const nnrt_argument forwardArguments[] = {
    {"B", "", NNRT_DIM, NN_I64, 0, 0},          {"image", "[B, 4]", NNRT_INPUT, NN_F32, 2, 0},
    {"index", "[B]", NNRT_INPUT, NN_I64, 1, 0}, {"scale", "", NNRT_SCALAR, NN_F32, 0, 0},
    {"extra", "[3]", NNRT_INPUT, NN_F32, 1, 1}, {"out", "[B, 3]", NNRT_OUTPUT, NN_F32, 2, 0},
};
static const char *const forwardMessages[] = {
    "B is {B}, must not be 13", "`index` holds {value} at position {position}, must be in 0 .. 9", "without places"};

static int32_t measureForward(const int64_t *dims, int32_t, int64_t *bytes, int64_t *frame, int64_t *work) {
  int64_t B = dims[0], sizes[] = {0, B * 16, B * 8, 4, 12, B * 12};
  memcpy(bytes, sizes, sizeof sizes);
  *frame = B * 12;
  *work = B * 100'000;
  return B == 13 ? 1 : B == 14 ? 3 : 0;
}

static int32_t checkForward(const int64_t *dims, void *const *arguments, int64_t *where) {
  auto *index = static_cast<const int64_t *>(arguments[2]);
  for (int64_t b = 0; b < dims[0]; ++b)
    if (index[b] < 0 || index[b] > 9) {
      where[0] = b;
      where[1] = index[b];
      return index[b] == 77 ? 3 : 2;
    }
  return 0;
}

static void runForward(nnrt_team *team, int32_t tid, const int64_t *dims, void *const *arguments, char *slab,
                       char *packed, void *const *, char *frame) {
  auto *image = static_cast<const float *>(arguments[1]), *extra = static_cast<const float *>(arguments[4]);
  float scale = *static_cast<const float *>(arguments[3]), *out = static_cast<float *>(arguments[5]);
  auto *weight = reinterpret_cast<const float *>(packed), *bias = reinterpret_cast<const float *>(slab + 64);
  auto *sums = reinterpret_cast<float *>(frame);
  for (int64_t b = tid; b < dims[0]; b += team->size)
    for (int o = 0; o < 3; ++o) {
      float sum = 0;
      for (int i = 0; i < 4; ++i)
        sum += image[b * 4 + i] * weight[i * 3 + o];
      sums[b * 3 + o] = sum + bias[o];
    }
  nnrt_barrier(team, tid);
  for (int64_t b = dims[0] - 1 - tid; b >= 0; b -= team->size) // mostly rows of other threads
    for (int o = 0; o < 3; ++o)
      out[b * 3 + o] = sums[b * 3 + o] * scale + (extra ? extra[o] : 0);
}

std::vector<float> expectForward(uint64_t seed, const std::vector<float> &image, float scale, const float *extra) {
  std::vector<float> out(image.size() / 4 * 3);
  for (size_t r = 0; r < out.size(); ++r) {
    float sum = 0;
    for (size_t i = 0; i < 4; ++i)
      sum += image[r / 3 * 4 + i] * drawn(seed, 0, static_cast<int64_t>(r % 3 * 4 + i));
    out[r] = (sum + drawn(seed, 1, static_cast<int64_t>(r % 3))) * scale + (extra ? extra[r % 3] : 0);
  }
  return out;
}

// ---- barriers: N rounds in which every thread looks at what all others wrote
// ------------------------------------------

static const nnrt_argument barriersArguments[] = {{"N", "", NNRT_DIM, NN_I64, 0, 0},
                                                  {"out", "[1]", NNRT_OUTPUT, NN_I64, 1, 0}};
static const char *const barriersMessages[] = {"a thread was too early or too late"};

static int32_t measureBarriers(const int64_t *dims, int32_t, int64_t *bytes, int64_t *frame, int64_t *work) {
  bytes[1] = 8;
  *frame = 256 * 64;
  *work = dims[0] ? 1'000'000'000 : 500'000;
  return 0;
}

static void runBarriers(nnrt_team *team, int32_t tid, const int64_t *dims, void *const *arguments, char *, char *,
                        void *const *, char *frame) {
  auto at = [frame](int32_t thread) { return reinterpret_cast<int64_t *>(frame + 64 * thread); };
  for (int64_t round = 0; round < dims[0]; ++round) {
    *at(tid) = round;
    nnrt_barrier(team, tid);
    for (int32_t other = 0; other < team->size; ++other)
      if (*at(other) != round)
        nnrt_report(team, tid, 1, round);
    nnrt_barrier(team, tid);
  }
  if (tid == 0)
    *static_cast<int64_t *>(arguments[1]) = team->size;
}

// ---- reports: every thread reports 3, the odd ones 2; the smallest (code, position) counts
// -----------------------------------------------

static const nnrt_argument reportsArguments[] = {{"out", "[1]", NNRT_OUTPUT, NN_I64, 1, 0}};
static const char *const reportsMessages[] = {"never", "place {position} is bad", "also bad"};

static int32_t measureOne(const int64_t *, int32_t, int64_t *bytes, int64_t *frame, int64_t *work) {
  bytes[0] = 8;
  *frame = 0;
  *work = 1'000'000'000;
  return 0;
}

static void runReports(nnrt_team *team, int32_t tid, const int64_t *, void *const *, char *, char *, void *const *,
                       char *) {
  for (int32_t i = 0; i < 100; ++i) {
    nnrt_report(team, tid, 3, i);
    if (tid % 2 || team->size == 1)
      nnrt_report(team, tid, 2, 1000 - i * team->size - tid);
    if (tid % 2)
      nnrt_report(team, tid, 2, 2000 + i);
  }
}

// ---- update: writes fc.weight and bn.mean
// ------------------------------------------------------------------------------

static void runUpdate(nnrt_team *team, int32_t tid, const int64_t *, void *const *, char *slab, char *, void *const *,
                      char *) {
  for (int64_t i = tid; i < 12; i += team->size)
    reinterpret_cast<float *>(slab)[i] += 1;
  for (int64_t i = tid; i < 4; i += team->size)
    reinterpret_cast<float *>(slab + 192)[i] = 5;
}

// ---- huge: asks for more workspace than there is
// -----------------------------------------------------------------------

static const nnrt_argument hugeArguments[] = {{"N", "", NNRT_DIM, NN_I64, 0, 0},
                                              {"out", "[]", NNRT_OUTPUT, NN_I64, 0, 0}};

static int32_t measureHuge(const int64_t *dims, int32_t, int64_t *bytes, int64_t *frame, int64_t *work) {
  bytes[1] = 8;
  *frame = dims[0];
  *work = 0;
  return 0;
}

static void runHuge(nnrt_team *, int32_t, const int64_t *dims, void *const *arguments, char *, char *, void *const *,
                    char *frame) {
  if (dims[0])
    frame[0] = frame[dims[0] - 1] = 1;
  *static_cast<int64_t *>(arguments[1]) = reinterpret_cast<intptr_t>(frame) % 64;
}

// ---- observe: what a kernel sees
// ---------------------------------------------------------------------------------------

static const nnrt_argument observeArguments[] = {{"out", "[256]", NNRT_OUTPUT, NN_I64, 1, 0}};

static int32_t measureObserve(const int64_t *, int32_t, int64_t *bytes, int64_t *frame, int64_t *work) {
  bytes[0] = 256 * sizeof(Observation);
  *frame = 0;
  *work = 1'000'000'000;
  return 0;
}

static void runObserve(nnrt_team *team, int32_t tid, const int64_t *, void *const *arguments, char *, char *,
                       void *const *, char *) {
  sigset_t mask;
  pthread_sigmask(SIG_BLOCK, nullptr, &mask);
  static_cast<Observation *>(arguments[0])[tid] = {team->size, __builtin_ia32_stmxcsr(), sigismember(&mask, SIGUSR1),
                                                   static_cast<int64_t>(team->calls), static_cast<int64_t>(team->seed)};
}

static const nnrt_entry entries[] = {
    {"forward", forwardArguments, 6, 1, forwardMessages, measureForward, checkForward, runForward, 0, 1, nullptr,
     reads},
    {"barriers", barriersArguments, 2, 1, barriersMessages, measureBarriers, nullptr, runBarriers, 0, 0, nullptr,
     nullptr},
    {"reports", reportsArguments, 1, 0, reportsMessages, measureOne, nullptr, runReports, 0, 0, nullptr, nullptr},
    {"update", reportsArguments, 1, 0, nullptr, measureOne, nullptr, runUpdate, 2, 0, writes, nullptr},
    {"huge", hugeArguments, 2, 1, nullptr, measureHuge, nullptr, runHuge, 0, 0, nullptr, nullptr},
    {"observe", observeArguments, 1, 0, nullptr, measureObserve, nullptr, runObserve, 0, 0, nullptr, nullptr},
};

const nnrt_model model = {sizeof(nnrt_model),
                          NNRT_ABI_VERSION,
                          "digits",
                          "x86-64",
                          nullptr,
                          "{}",
                          parameters,
                          entries,
                          packs,
                          7,
                          6,
                          1,
                          0,
                          448,
                          48};

// ---- the other model
// ---------------------------------------------------------------------------------------------------

static const nnrt_parameter bareParameters[] = {{"free", shape2, 1, nullptr, 0, 8, nullptr, nullptr, NN_F32, 1, 0},
                                                {"other", shape12, 1, nullptr, 64, 4, nullptr, nullptr, NN_F16, 2, 0}};

static void runRead(nnrt_team *, int32_t tid, const int64_t *, void *const *arguments, char *slab, char *,
                    void *const *, char *) {
  if (tid == 0)
    memcpy(arguments[0], slab, 8);
}
static const nnrt_entry bareEntries[] = {
    {"read", reportsArguments, 1, 0, nullptr, measureOne, nullptr, runRead, 0, 0, nullptr, nullptr}};
const nnrt_model bare = {sizeof(nnrt_model),
                         NNRT_ABI_VERSION,
                         "bare",
                         "x86-64",
                         nullptr,
                         "{}",
                         bareParameters,
                         bareEntries,
                         nullptr,
                         2,
                         1,
                         0,
                         0,
                         128,
                         0};

} // namespace test
