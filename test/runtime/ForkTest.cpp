// fork(): the child has no workers and perhaps a lock that nobody will release; it goes on with one thread.
#include "Check.h"
#include "TestModel.h"
#include "runtime/Lock.h"

#include <atomic>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

using namespace test;

/// Runs `body` in a child; its failures are ours. A child that hangs is ended.
template <typename Body> static void inChild(Body body) {
  pid_t child = fork();
  if (!child) {
    alarm(20);
    _exit(body() ? 0 : 1);
  }
  int status = -1;
  waitpid(child, &status, 0);
  CHECK_EQUAL(status, 0);
}

CASE(fork, childRunsAlone) {
  Session s;
  CHECK_EQUAL(nnrt_context_set_threads(s.context, 4), NN_OK);
  std::vector<float> image(400, 1), out, expected = expectForward(7, image, 1, nullptr);
  CHECK_EQUAL(s.forward(image, out), NN_OK);
  Observation seen[256];
  void *arguments[] = {seen};
  inChild([&] {
    bool good = s.forward(image, out) == NN_OK && out == expected;
    good &= nnrt_call(s.context, kObserve, arguments) == NN_OK && seen[0].size == 1;
    // Asked for again, it gets threads of its own.
    good &= nnrt_context_set_threads(s.context, 3) == NN_OK;
    good &= nnrt_call(s.context, kObserve, arguments) == NN_OK && seen[0].size == 3;
    good &= s.forward(image, out) == NN_OK && out == expected;
    void *context;
    good &= nnrt_context_create(&context, s.model, nullptr, 0) == NN_OK;
    good &= nnrt_call(context, kObserve, arguments) == NN_OK;
    nnrt_context_destroy(context);
    nnrt_context_destroy(s.context);
    nnrt_destroy(s.model);
    return good;
  });
  inChild([&] { // ends without joining threads that do not exist
    nnrt_context_destroy(s.context);
    nnrt_destroy(s.model);
    return true;
  });
  CHECK_EQUAL(nnrt_call(s.context, kObserve, arguments), NN_OK);
  CHECK_EQUAL(seen[0].size, 4);
  CHECK_EQUAL(s.forward(image, out), NN_OK);
  CHECK(out == expected);
}

CASE(fork, whileTheLockIsHeld) {
  static nnrt::Lock lock;
  std::atomic<bool> held = false, finish = false;
  std::thread holder([&] {
    nnrt::Locked locked(lock);
    held = true;
    while (!finish)
      usleep(100);
  });
  while (!held)
    usleep(100);
  inChild([&] {
    nnrt::Locked locked(lock);
    return true;
  });
  finish = true;
  holder.join();
  nnrt::Locked locked(lock); // and the parent's is as it was
}

CASE(fork, lockUnderContention) {
  nnrt::Lock lock = {};
  int64_t count = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&] {
      for (int k = 0; k < 1000; ++k) {
        nnrt::Locked locked(lock);
        if (k % 100 == 0)
          usleep(100); // the others fall asleep
        ++count;
      }
    });
  for (std::thread &thread : threads)
    thread.join();
  CHECK_EQUAL(count, 8000);
  CHECK_EQUAL(lock.word, 0u);
}
