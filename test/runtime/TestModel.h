// A model as the compiler would describe it, with functions written by hand.
#ifndef NNC_TEST_RUNTIME_TESTMODEL_H
#define NNC_TEST_RUNTIME_TESTMODEL_H

#include "runtime/Abi.h"

#include <atomic>
#include <string>
#include <vector>

namespace test {

/// fc.weight f32 [3, 4], fc.bias f32 [3], h.2.scale .. h.4.scale bf16 [5] (stacked), bn.mean f32 [4] (a buffer),
/// table i32 [2, 2], gate bool [2], empty f64 [0, 7]: 9 tensors, all with initialisers.
extern const nnrt_model model;
/// free f32 [2] and other f16 [1, 2]: no initialisers. One entry, read(out f32 [2]).
extern const nnrt_model bare;

/// Entries of `model`.
enum { kForward, kBarriers, kReports, kUpdate, kHuge, kObserve };

/// What forward computes from the values that the initialisers draw for this seed.
std::vector<float> expectForward(uint64_t seed, const std::vector<float> &image, float scale, const float *extra);

/// How often an initialiser of `model` and its packing have run.
extern std::atomic<int> draws, packings;

/// Value i of a parameter as its initialiser draws it.
float drawn(uint64_t seed, int parameter, int64_t i);

/// What the kernel `observe` saw, per thread.
struct Observation {
  int64_t size, mxcsr, blocked, calls, seed;
};

/// Owns a model and a context.
struct Session {
  explicit Session(const nnrt_model &table = test::model, uint64_t seed = 7);
  ~Session();
  Session(const Session &) = delete;

  nn_status forward(const std::vector<float> &image, std::vector<float> &out, float scale = 1,
                    const float *extra = nullptr, int64_t index = 0);
  std::vector<float> getFloats(const char *path, std::vector<int64_t> shape);
  nn_status setFloats(const char *path, std::vector<int64_t> shape, const std::vector<float> &values);
  std::string error() const { return nnrt_error(model); }
  std::string contextError() const { return nnrt_context_error(context); }

  void *model = nullptr, *context = nullptr;
};

/// A folder that is removed at the end.
struct Folder {
  Folder();
  ~Folder();
  std::string operator/(const std::string &name) const { return path + "/" + name; }
  /// Names of the files in it.
  std::vector<std::string> names() const;
  std::string path;
};

void writeFile(const std::string &path, const std::string &bytes);
std::string readFile(const std::string &path);

} // namespace test
#endif // NNC_TEST_RUNTIME_TESTMODEL_H
