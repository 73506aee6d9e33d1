// Entry calls: results, every refused argument with its message, untouched outputs, and what a call leaves alone.
#include "Check.h"
#include "TestModel.h"

#include <cerrno>
#include <climits>
#include <cstring>
#include <thread>

using namespace test;

namespace {
/// The arguments of forward for B = 2; out is surrounded by marks.
struct Arguments {
  int64_t B = 2;
  float image[8] = {1, 2, 3, 4, 5, 6, 7, 8};
  int64_t index[2] = {0, 9};
  float scale = 1, extra[3] = {0.5, 0.25, 0.125}, out[8];
  void *vector[6] = {&B, image, index, &scale, extra, out + 1};
  Arguments(const Arguments &) = delete; // it points to itself
  Arguments() {
    for (float &value : out)
      value = -7;
  }
  bool untouched() const {
    for (float value : out)
      if (value != -7)
        return false;
    return true;
  }
};

void refuse(Session &s, const Arguments &arguments, const std::string &message, nn_status status = NN_INVALID) {
  CHECK_EQUAL(nnrt_call(s.context, kForward, arguments.vector), status);
  CHECK_EQUAL(s.contextError(), message);
  CHECK(arguments.untouched());
  // The context is as good as before.
  std::vector<float> image(4, 1), out;
  CHECK_EQUAL(s.forward(image, out), NN_OK);
  CHECK_EQUAL(s.contextError(), "");
  CHECK(out == expectForward(7, image, 1, nullptr));
}
} // namespace

CASE(call, results) {
  Session s;
  for (int64_t B : {0, 1, 2, 3, 17, 100}) {
    std::vector<float> image(static_cast<size_t>(B) * 4), out;
    for (size_t i = 0; i < image.size(); ++i)
      image[i] = static_cast<float>(i % 13) - 6;
    float extra[] = {1, 2, 3};
    for (const float *e : {static_cast<float *>(nullptr), extra}) {
      CHECK_EQUAL(s.forward(image, out, 0.5, e), B == 13 ? NN_INVALID : NN_OK);
      CHECK(out == expectForward(7, image, 0.5, e));
    }
  }
}

CASE(call, byName) {
  Session s;
  Arguments a;
  CHECK_EQUAL(nnrt_call_by_name(s.context, "forward", a.vector), NN_OK);
  CHECK(a.out[0] == -7 && a.out[7] == -7);
  std::vector<float> out(a.out + 1, a.out + 7);
  CHECK(out == expectForward(7, std::vector<float>(a.image, a.image + 8), 1, a.extra));
  CHECK_EQUAL(nnrt_call_by_name(s.context, "backward", a.vector), NN_INVALID);
  CHECK_EQUAL(s.contextError(),
              "there is no entry `backward`; entries of digits: forward, barriers, reports, update, huge, observe");
  CHECK_EQUAL(nnrt_call_by_name(s.context, nullptr, a.vector), NN_INVALID);
  CHECK_EQUAL(nnrt_call(s.context, 6, a.vector), NN_INVALID);
  CHECK_EQUAL(nnrt_call(s.context, -1, a.vector), NN_INVALID);
}

CASE(call, nullArguments) {
  Session s;
  CHECK_EQUAL(nnrt_call(s.context, kForward, nullptr), NN_INVALID);
  CHECK_EQUAL(s.contextError(), "forward: the vector of arguments is NULL");
  const char *names[] = {"B", "image", "index", "scale", "", "out"};
  for (int i = 0; i < 6; ++i) {
    Arguments a;
    a.vector[i] = nullptr;
    if (i != 4)
      refuse(s, a, std::string("forward: `") + names[i] + "` is NULL");
  }
  Arguments a; // nothing to read or write: NULL is fine
  a.B = 0;
  a.vector[1] = a.vector[2] = a.vector[5] = nullptr;
  CHECK_EQUAL(nnrt_call(s.context, kForward, a.vector), NN_OK);
}

CASE(call, sizes) {
  Session s;
  Arguments a;
  a.B = -1;
  refuse(s, a, "forward: size B is -1, must be 0 or more");
  a.B = INT64_MIN;
  refuse(s, a, "forward: size B is -9223372036854775808, must be 0 or more");
  a.B = int64_t(1) << 47;
  refuse(s, a, "forward: size B is 140737488355328, must be below 2^47");
  a.B = 13;
  refuse(s, a, "forward: B is 13, must not be 13");
  a.B = 14;
  refuse(s, a, "forward: without places (B = 14)");
}

CASE(call, values) {
  Session s;
  Arguments a;
  a.index[1] = 10;
  refuse(s, a, "forward: `index` holds 10 at position 1, must be in 0 .. 9");
  a.index[0] = INT64_MIN;
  refuse(s, a, "forward: `index` holds -9223372036854775808 at position 0, must be in 0 .. 9");
  a.index[0] = 77;
  refuse(s, a, "forward: without places (position 0, value 77)");
}

CASE(call, alignment) {
  Session s;
  for (int offset : {1, 2, 3}) {
    Arguments a;
    a.vector[1] = reinterpret_cast<char *>(a.image) + offset;
    refuse(s, a, "forward: `image` is not aligned, its address must be a multiple of 4");
  }
  Arguments a;
  a.vector[2] = reinterpret_cast<char *>(a.index) + 4;
  refuse(s, a, "forward: `index` is not aligned, its address must be a multiple of 8");
  Arguments b;
  b.vector[3] = reinterpret_cast<char *>(&b.scale) + 1;
  refuse(s, b, "forward: `scale` is not aligned, its address must be a multiple of 4");
  Arguments c;
  c.vector[1] = reinterpret_cast<void *>(UINTPTR_MAX - 15);
  refuse(s, c, "forward: `image` does not lie in memory");
}

CASE(call, overlaps) {
  Session s;
  float memory[22] = {};
  Arguments a;
  for (int shift : {-6, -5, -1, 0, 1, 7, 8}) { // image has 8 floats, out 6
    a.vector[1] = memory + 7;
    a.vector[5] = memory + 7 + shift;
    if (shift == -6 || shift == 8) // side by side
      CHECK_EQUAL(nnrt_call(s.context, kForward, a.vector), NN_OK);
    else
      refuse(s, a, "forward: output `out` overlaps `image`");
  }
  Arguments b;
  b.vector[3] = b.out + 3;
  refuse(s, b, "forward: output `out` overlaps `scale`");
  Arguments c;
  c.vector[4] = c.image; // inputs may share memory
  CHECK_EQUAL(nnrt_call(s.context, kForward, c.vector), NN_OK);
}

CASE(call, reports) {
  Session s;
  for (int threads : {1, 2, 3, 8}) {
    int64_t out = 0;
    void *arguments[] = {&out};
    CHECK_EQUAL(nnrt_context_set_threads(s.context, threads), NN_OK);
    CHECK_EQUAL(nnrt_call(s.context, kReports, arguments), NN_INVALID);
    int last = threads == 1 ? 0 : threads / 2 * 2 - 1; // the last odd thread
    CHECK_EQUAL(s.contextError(), "reports: place " + std::to_string(1000 - 99 * threads - last) + " is bad");
  }
}

CASE(call, tooMuchWorkspace) {
  Session s;
  int64_t N = int64_t(1) << 46, out = 1;
  void *arguments[] = {&N, &out};
  CHECK_EQUAL(nnrt_call(s.context, kHuge, arguments), NN_MEMORY);
  CHECK_EQUAL(s.contextError(), "huge: its workspace of 70368744177664 bytes is more memory than there is");
  for (int64_t size : {0, 1, 64, 1000, (1 << 20) - 1, 1 << 20, (1 << 21) + 1, 1 << 24, 5}) {
    N = size;
    CHECK_EQUAL(nnrt_call(s.context, kHuge, arguments), NN_OK);
    CHECK_EQUAL(out, 0);
  }
}

CASE(call, hostStateIsKept) {
  Session s;
  Observation seen[256];
  void *arguments[] = {seen};
  for (int threads : {1, 4}) {
    CHECK_EQUAL(nnrt_context_set_threads(s.context, threads), NN_OK);
    unsigned before = __builtin_ia32_stmxcsr();
    __builtin_ia32_ldmxcsr(0xFFC0 | 0x3F); // toward zero, denormals flushed, all flags raised
    errno = 1234;
    nn_status status = nnrt_call(s.context, kObserve, arguments);
    unsigned after = __builtin_ia32_stmxcsr();
    __builtin_ia32_ldmxcsr(before);
    CHECK_EQUAL(errno, 1234);
    CHECK_EQUAL(status, NN_OK);
    CHECK_EQUAL(after, 0xFFC0u | 0x3F);
    for (int i = 0; i < threads; ++i) {
      CHECK_EQUAL(seen[i].size, threads);
      CHECK_EQUAL(seen[i].mxcsr, 0x1F80);
      CHECK_EQUAL(seen[i].blocked, i > 0); // signals stay with the caller
      CHECK_EQUAL(seen[i].seed, 99);
    }
  }
  errno = 77;
  int64_t N = int64_t(1) << 46, out;
  void *huge[] = {&N, &out};
  CHECK_EQUAL(nnrt_call(s.context, kHuge, huge), NN_MEMORY);
  nnrt_load(s.model, "/nonexistent");
  nnrt_save(s.model, "/nonexistent/x");
  nnrt_context_set_threads(s.context, 0);
  CHECK_EQUAL(errno, 77);
}

CASE(call, callsAreCounted) {
  Session s;
  Observation seen[256];
  void *arguments[] = {seen};
  for (int i = 0; i < 3; ++i) {
    CHECK_EQUAL(nnrt_call(s.context, kObserve, arguments), NN_OK);
    CHECK_EQUAL(seen[0].calls, i);
    CHECK_EQUAL(nnrt_call(s.context, kObserve, nullptr), NN_INVALID); // draws nothing
    CHECK_EQUAL(nnrt_reset(s.context), NN_OK);
  }
}

CASE(call, smallStack) {
  Session s;
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  CHECK_EQUAL(pthread_attr_setstacksize(&attributes, SANITIZED ? 512 << 10 : 64 << 10), 0);
  auto body = [](void *session) -> void * {
    Session &s = *static_cast<Session *>(session);
    std::vector<float> image(40, 1), out;
    CHECK_EQUAL(s.forward(image, out), NN_OK);
    CHECK(out == expectForward(7, image, 1, nullptr));
    Folder folder;
    CHECK_EQUAL(nnrt_save(s.model, (folder / "m").c_str()), NN_OK);
    CHECK_EQUAL(nnrt_load(s.model, (folder / "m").c_str()), NN_OK);
    return nullptr;
  };
  pthread_t thread;
  CHECK_EQUAL(pthread_create(&thread, &attributes, body, &s), 0);
  pthread_join(thread, nullptr);
  pthread_attr_destroy(&attributes);
}
