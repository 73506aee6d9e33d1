// Memory: none allocated in a warm call, none lost, and a way on when there is none.
#include "Check.h"
#include "TrainModel.h"

#include <atomic>
#include <cerrno>
#include <cstring>
#include <dlfcn.h>
#include <fstream>
#include <memory>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

using namespace test;

#if !SANITIZED
// All allocations of this program and of the runtime in it come through here.
static std::atomic<int64_t> allocations;
static std::atomic<int64_t> failAt = -1; ///< number of the allocation that fails, with all after it
static std::atomic<int> threadsThatFail = 0;

static std::atomic<int> readThatFails = -1; ///< number of the pread after which the next ones fail
static std::string fileToTouch;             ///< changed at that time instead, if not empty

static bool allowed() {
  int64_t number = allocations++;
  int64_t limit = failAt;
  return limit < 0 || number < limit;
}

extern "C" {
void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void *__libc_memalign(size_t, size_t);
void *malloc(size_t size) { return allowed() ? __libc_malloc(size) : nullptr; }
void *calloc(size_t count, size_t size) { return allowed() ? __libc_calloc(count, size) : nullptr; }
void *realloc(void *old, size_t size) { return allowed() ? __libc_realloc(old, size) : nullptr; }
void *aligned_alloc(size_t alignment, size_t size) { return allowed() ? __libc_memalign(alignment, size) : nullptr; }
void *mmap(void *at, size_t size, int protection, int flags, int file, off_t offset) noexcept {
  if (!allowed()) {
    errno = ENOMEM;
    return MAP_FAILED;
  }
  return reinterpret_cast<void *>(syscall(SYS_mmap, at, size, protection, flags, file, offset));
}
ssize_t pread(int file, void *to, size_t size, off_t offset) {
  if (readThatFails >= 0 && readThatFails-- == 0) {
    if (fileToTouch.empty()) {
      readThatFails = 0;
      errno = EIO;
      return -1;
    }
    truncate(fileToTouch.c_str(), 0) || truncate(fileToTouch.c_str(), 4096);
  }
  return syscall(SYS_pread64, file, to, size, offset);
}
int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*body)(void *), void *argument) {
  if (threadsThatFail > 0 && threadsThatFail-- > 0)
    return EAGAIN;
  using Create = int (*)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
  static auto real = reinterpret_cast<Create>(dlsym(RTLD_NEXT, "pthread_create"));
  return real(thread, attributes, body, argument);
}
}

CASE(memory, warmCallsAllocateNothing) {
  Session s;
  for (int threads : {1, 2}) {
    CHECK_EQUAL(nnrt_context_set_threads(s.context, threads), NN_OK);
    for (int64_t B : {1, 64, 200'000}) { // the last one's workspace is a mapping
      std::vector<float> image(static_cast<size_t>(B) * 4, 1), out(image.size());
      std::vector<int64_t> index(static_cast<size_t>(B));
      float scale = 1;
      void *arguments[] = {&B, image.data(), index.data(), &scale, nullptr, out.data()};
      CHECK_EQUAL(nnrt_call(s.context, kForward, arguments), NN_OK);
      int64_t before = allocations;
      for (int i = 0; i < 10; ++i) {
        CHECK_EQUAL(nnrt_call(s.context, kForward, arguments), NN_OK);
        CHECK_EQUAL(nnrt_call_by_name(s.context, "forward", arguments), NN_OK);
      }
      CHECK_EQUAL(allocations.load(), before);
      arguments[1] = nullptr;
      CHECK_EQUAL(nnrt_call(s.context, kForward, arguments), NN_INVALID); // not even for its message
      CHECK_EQUAL(allocations.load(), before);
    }
  }
}

/// Runs `body` again and again, with one more allocation allowed each time, until it has all it needs; `check` looks at
/// what each round left.
template <typename Body, typename Check> static void withLittleMemory(Body body, Check check) {
  for (int64_t allowedCount = 0;; ++allowedCount) {
    CHECK(allowedCount < 1000);
    if (allowedCount == 1000)
      return;
    failAt = allocations + allowedCount;
    nn_status status = body();
    failAt = -1;
    check(status);
    if (status == NN_OK)
      return;
    CHECK_EQUAL(status, NN_MEMORY);
  }
}
template <typename Body> static void withLittleMemory(Body body) {
  withLittleMemory(body, [](nn_status) {});
}

CASE(memory, failsAtEveryAllocation) {
  withLittleMemory([] {
    void *handle;
    nn_status status = nnrt_create(&model, &handle, 7);
    nnrt_destroy(handle);
    return status;
  });
  Session s;
  Folder folder;
  std::string path = folder / "m";
  withLittleMemory([&] {
    void *context;
    nn_status status = nnrt_context_create(&context, s.model, nullptr, 7);
    nnrt_context_destroy(context);
    return status;
  });
  withLittleMemory([&] { return nnrt_context_set_threads(s.context, 8); });
  CHECK_EQUAL(nnrt_context_set_threads(s.context, 1), NN_OK);
  std::vector<float> image(4 * 300'000, 1), out(3 * 300'000);
  std::vector<int64_t> index(300'000);
  int64_t B = 300'000;
  float scale = 1;
  void *arguments[] = {&B, image.data(), index.data(), &scale, nullptr, out.data()};
  withLittleMemory([&] { return nnrt_call(s.context, kForward, arguments); },
                   [&](nn_status status) { CHECK_CONTAINS(s.contextError(), status ? "forward: " : ""); });
  withLittleMemory([&] { return nnrt_save(s.model, path.c_str()); },
                   [&](nn_status status) { CHECK(status == NN_OK || access(path.c_str(), F_OK)); });
  CHECK_EQUAL(folder.names().size(), 1u);
  CHECK_EQUAL(s.setFloats("fc.bias", {3}, {1, 2, 3}), NN_OK);
  withLittleMemory([&] { return nnrt_load(s.model, path.c_str()); },
                   [&](nn_status status) {
                     CHECK_EQUAL(s.getFloats("fc.bias", {3})[0], status ? 1.0f : drawn(7, 1, 0));
                     CHECK((status == NN_OK) == !*nnrt_error(s.model));
                   });
  CHECK_EQUAL(nnrt_call(s.context, kForward, arguments), NN_OK);
  CHECK(out == expectForward(7, image, 1, nullptr));
  withLittleMemory([&] {
    nn_graph *graph;
    int64_t edge[] = {0};
    nn_status status = nn_graph_create(&graph, 1, 1, 1, edge, edge);
    nn_graph_destroy(graph);
    return status;
  });
}

CASE(memory, failsAtEveryAllocationOfTraining) {
  Trainer s, other, first;
  for (Trainer *trainer : {&s, &other, &first}) // glibc ends a program that has no memory for a thread
    CHECK_EQUAL(nnrt_context_set_threads(trainer->context, 1), NN_OK);
  s.steps(0, 3);
  std::string path = s.folder / "c", past = s.everything(), before = other.everything();
  withLittleMemory([&] { return nnrt_checkpoint(s.model, path.c_str()); },
                   [&](nn_status status) { CHECK(status == NN_OK || access(path.c_str(), F_OK)); });
  withLittleMemory([&] { return nnrt_resume(other.model, path.c_str()); },
                   [&](nn_status status) {
                     CHECK((status == NN_OK) == !*nnrt_error(other.model));
                     CHECK(other.everything() == (status ? before : past));
                   });
  std::vector<float> out = s.run();
  withLittleMemory([&] { return nnrt_use_average(s.model, 1); },
                   [&](nn_status status) { CHECK((s.run() == out) == (status != NN_OK)); });
  withLittleMemory([&] { return nnrt_use_average(s.model, 0); });
  CHECK(s.run() == out);
  // The first step of all, whose states have no values yet.
  withLittleMemory([&] { return first.train(0); },
                   [&](nn_status status) { CHECK_CONTAINS(first.contextError(), status ? "train_step: " : ""); });
}

CASE(memory, slowlyGrowingWorkspace) {
  Session s;
  int64_t N, out;
  void *arguments[] = {&N, &out};
  int64_t before = 0;
  for (N = 100'000; N < 200'000; N += 100) {
    CHECK_EQUAL(nnrt_call(s.context, kHuge, arguments), NN_OK);
    if (N == 100'000)
      before = allocations;
  }
  CHECK(allocations - before < 10);
}

CASE(memory, readsThatFailMidway) {
  Folder folder;
  std::string path = folder / "m";
  Session saved(model, 8);
  CHECK_EQUAL(nnrt_save(saved.model, path.c_str()), NN_OK);
  std::string good = readFile(path);
  std::vector<float> image(4, 1), out, before = expectForward(7, image, 1, nullptr);
  // First into a model without values, then into one with values: it is always as before.
  for (bool touched : {false, true})
    for (bool drawnBefore : {false, true}) {
      Session s;
      if (drawnBefore)
        CHECK_EQUAL(s.forward(image, out), NN_OK);
      int reads = 0;
      for (; reads < 30; ++reads) {
        writeFile(path, good);
        fileToTouch = touched ? path : "";
        readThatFails = reads;
        nn_status status = nnrt_load(s.model, path.c_str());
        readThatFails = -1;
        if (status == NN_OK)
          break;
        CHECK_EQUAL(status, NN_FILE);
        CHECK(!s.error().empty());
        if (drawnBefore)
          CHECK(s.getFloats("bn.mean", {4}) == (std::vector<float>{55, 56, 57, 58}));
      }
      CHECK_EQUAL(reads, 10); // length, header, eight tensors with elements
      CHECK_EQUAL(s.forward(image, out), NN_OK);
      CHECK(out == expectForward(8, image, 1, nullptr));
      Session untouched;
      readThatFails = 6;
      fileToTouch.clear();
      CHECK_EQUAL(nnrt_load(untouched.model, path.c_str()), NN_FILE);
      readThatFails = -1;
      CHECK_EQUAL(untouched.forward(image, out), NN_OK);
      CHECK(out == before);
    }
}

CASE(memory, readsOfACheckpointThatFailMidway) {
  Trainer past;
  past.steps(0, 3);
  std::string good = past.everything(), path = past.folder / "c";
  // Into a model without values, then into one in the middle of a run.
  for (bool touched : {false, true})
    for (int steps : {0, 2}) {
      Trainer s(8), same(8);
      s.steps(0, steps);
      same.steps(0, steps);
      int reads = 0;
      for (; reads < 30; ++reads) {
        writeFile(path, good);
        fileToTouch = touched ? path : "";
        readThatFails = reads;
        nn_status status = nnrt_resume(s.model, path.c_str());
        readThatFails = -1;
        if (status == NN_OK)
          break;
        CHECK_EQUAL(status, NN_FILE);
        CHECK(!s.error().empty());
      }
      CHECK_EQUAL(reads, 18); // length, header, 16 tensors
      CHECK(s.everything() == good);
      readThatFails = 9;
      fileToTouch.clear();
      Trainer untouched(8);
      untouched.steps(0, steps);
      CHECK_EQUAL(nnrt_resume(untouched.model, (past.folder / "everything").c_str()), NN_FILE);
      readThatFails = -1;
      CHECK(untouched.everything() == same.everything());
      untouched.steps(steps, 4);
      same.steps(steps, 4);
      CHECK(untouched.everything() == same.everything());
    }
}

CASE(memory, fewerThreadsThanAsked) {
  Session s;
  Observation seen[256];
  void *arguments[] = {seen};
  CHECK_EQUAL(nnrt_context_set_threads(s.context, 8), NN_OK);
  CHECK_EQUAL(s.forward(std::vector<float>(4), *std::make_unique<std::vector<float>>()), NN_OK);
  CHECK_EQUAL(nnrt_context_set_threads(s.context, 8), NN_OK);
  threadsThatFail = 1000;
  CHECK_EQUAL(nnrt_call(s.context, kObserve, arguments), NN_OK);
  CHECK_EQUAL(seen[0].size, 1);
  threadsThatFail = 0;
  CHECK_EQUAL(nnrt_call(s.context, kObserve, arguments), NN_OK); // not tried again in each call
  CHECK_EQUAL(seen[0].size, 1);
  CHECK_EQUAL(nnrt_context_set_threads(s.context, 8), NN_OK);
  threadsThatFail = 1; // the first try, with a small stack
  CHECK_EQUAL(nnrt_call(s.context, kObserve, arguments), NN_OK);
  CHECK_EQUAL(seen[0].size, 8);
}
#endif

static int64_t residentBytes() {
  std::ifstream status("/proc/self/statm");
  int64_t pages = 0, resident = 0;
  status >> pages >> resident;
  return resident * 4096;
}

CASE(memory, nothingIsLost) {
  if (SANITIZED)
    return skip("the sanitizer keeps what is freed");
  int64_t before = 0;
  Folder folder;
  std::string path = folder / "m";
  for (int i = 0; i < 5000; ++i) {
    Session s;
    std::vector<float> image(4, 1), out;
    if (i % 100 == 0)
      CHECK_EQUAL(nnrt_context_set_threads(s.context, 3), NN_OK);
    CHECK_EQUAL(s.forward(image, out), NN_OK);
    if (i % 500 == 0)
      CHECK_EQUAL(nnrt_save(s.model, path.c_str()), NN_OK);
    CHECK_EQUAL(nnrt_load(s.model, i % 3 ? path.c_str() : "nothing"), i % 3 ? NN_OK : NN_FILE);
    if (i == 1000)
      before = residentBytes();
  }
  CHECK(residentBytes() < before + (2 << 20));
}
