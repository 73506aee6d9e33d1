// Teams of threads: barriers, sizes, settings, and many contexts on one model.
#include "Check.h"
#include "TestModel.h"

#include "runtime/Team.h"

#include <atomic>
#include <csignal>
#include <cstring>
#include <dirent.h>
#include <fstream>
#include <thread>
#include <unistd.h>

using namespace test;

static int threadsOfProcess() {
  int count = 0;
  DIR *tasks = opendir("/proc/self/task");
  while (dirent *entry = readdir(tasks))
    count += entry->d_name[0] != '.';
  closedir(tasks);
  return count;
}

CASE(threads, barriers) {
  setenv("NNC_WORK_PER_THREAD", "0", 1); // not fewer where other programs want the processors
  Session s;
  unsetenv("NNC_WORK_PER_THREAD");
  for (int threads = 1; threads <= 8; ++threads) {
    CHECK_EQUAL(nnrt_context_set_threads(s.context, threads), NN_OK);
    int64_t rounds = threads > 2 ? 100 : 2000, size = 0;
    void *arguments[] = {&rounds, &size};
    for (int call = 0; call < 10; ++call) {
      CHECK_EQUAL(nnrt_call(s.context, kBarriers, arguments), NN_OK);
      CHECK_EQUAL(size, threads);
      if (call % 7 == 3)
        usleep(2000); // the workers fall asleep
    }
  }
}

CASE(threads, sameResultsForAnyNumber) {
  Session s;
  std::vector<float> image(4000), out, first;
  for (size_t i = 0; i < image.size(); ++i)
    image[i] = static_cast<float>(i * 7919 % 1009) / 128;
  for (int threads : {1, 2, 3, 5, 8}) {
    CHECK_EQUAL(nnrt_context_set_threads(s.context, threads), NN_OK);
    for (int i = 0; i < 100; ++i) {
      CHECK_EQUAL(s.forward(image, out, 0.7f), NN_OK);
      if (first.empty())
        first = out;
      CHECK(!memcmp(first.data(), out.data(), out.size() * 4));
    }
  }
}

CASE(threads, teamsGrowWithTheWork) {
  Session s;
  CHECK_EQUAL(nnrt_context_set_threads(s.context, 6), NN_OK);
  int before = threadsOfProcess();
  std::vector<float> image(0), out;
  CHECK_EQUAL(s.forward(image, out), NN_OK); // draws the parameters with a small team of workers
  CHECK(threadsOfProcess() >= before);
  Observation seen[256] = {};
  void *arguments[] = {seen};
  CHECK_EQUAL(nnrt_call(s.context, kObserve, arguments), NN_OK);
  CHECK_EQUAL(seen[5].size, 6);
  CHECK_EQUAL(threadsOfProcess(), before + 5);
  // Small calls between large ones: workers that are left out miss nothing.
  for (int i = 0; i < 2000; ++i) {
    int64_t rounds = 2, size = 0;
    void *barriers[] = {&rounds, &size};
    image.assign(static_cast<size_t>(i % 9) * 4, 1);
    CHECK_EQUAL(s.forward(image, out), NN_OK);
    CHECK(out == expectForward(7, image, 1, nullptr));
    if (i % 50 == 0)
      CHECK_EQUAL(nnrt_call(s.context, kBarriers, barriers), NN_OK);
  }
  CHECK_EQUAL(nnrt_context_set_threads(s.context, 1), NN_OK);
  CHECK_EQUAL(threadsOfProcess(), before); // the workers have ended
}

CASE(threads, rareCallsDoNotWakeWorkers) {
  Session s;
  CHECK_EQUAL(nnrt_context_set_threads(s.context, 2), NN_OK);
  int64_t rounds = 0, size = 0;
  void *arguments[] = {&rounds, &size};
  CHECK_EQUAL(nnrt_call(s.context, kBarriers, arguments), NN_OK); // the first one follows the initialisers
  int together = 0;
  for (int i = 0; i < 20; ++i) {
    usleep(5000);
    CHECK_EQUAL(nnrt_call(s.context, kBarriers, arguments), NN_OK);
    CHECK_EQUAL(size, 1); // 500,000 FLOP are not worth it
    for (int k = 0; k < 200; ++k) {
      CHECK_EQUAL(nnrt_call(s.context, kBarriers, arguments), NN_OK);
      together += size == 2;
    }
  }
  CHECK(together > 0); // one call soon after another is
  rounds = 1;
  usleep(5000);
  CHECK_EQUAL(nnrt_call(s.context, kBarriers, arguments), NN_OK);
  CHECK_EQUAL(size, 2);
}

/// The second thread is late, as one that other programs keep from running.
static void lateSecond(nnrt_team *team, int32_t tid, const int64_t *late, void *const *sizes, char *, char *,
                       void *const *, char *) {
  if (tid == 1 && *late)
    usleep(20'000);
  nnrt_barrier(team, tid);
  if (tid == 0)
    *static_cast<int64_t *>(sizes[0]) = team->size;
}

CASE(threads, crowdedProcessors) {
  if (nnrt::availableThreads() < 2)
    return; // two threads on one processor never wait for each other awake
  nnrt::Team team = {};
  nnrt::Seat seats[2] = {};
  nnrt::setTeam(team, seats, 2);
  team.worth = 1;
  nnrt_entry entry = {};
  entry.run = lateSecond;
  auto sizeOf = [&](int64_t late) {
    int64_t size = 0;
    void *sizes[] = {&size};
    nnrt::runTeam(team, {&entry, &late, sizes, nullptr, nullptr, nullptr, nullptr}, 1'000'000);
    return size;
  };
  CHECK_EQUAL(sizeOf(1), 2);
  CHECK_EQUAL(sizeOf(0), 1);
  CHECK_EQUAL(sizeOf(1), 2); // tried again, in vain
  for (int i = 0; i < 3; ++i)
    CHECK_EQUAL(sizeOf(0), 1);
  CHECK_EQUAL(sizeOf(0), 2);
  team.alone = team.crowded = 0;
  team.worth = 0; // as many as there are, whatever comes of it
  for (int i = 0; i < 3; ++i)
    CHECK_EQUAL(sizeOf(1), 2);
  nnrt::endTeam(team);
}

CASE(threads, workPerThread) {
  Session s;
  setenv("NNC_WORK_PER_THREAD", "0", 1);
  void *context;
  CHECK_EQUAL(nnrt_context_create(&context, s.model, nullptr, 0), NN_OK);
  CHECK_EQUAL(nnrt_context_set_threads(context, 3), NN_OK);
  int64_t rounds = 0, size = 0;
  void *arguments[] = {&rounds, &size};
  CHECK_EQUAL(nnrt_call(context, kBarriers, arguments), NN_OK);
  CHECK_EQUAL(size, 3);
  nnrt_context_destroy(context);
  for (const char *wrong : {"x", "-1", "1000000000000001", "99999999999999999999"}) {
    setenv("NNC_WORK_PER_THREAD", wrong, 1);
    CHECK_EQUAL(nnrt_context_create(&context, s.model, nullptr, 0), NN_INVALID);
    CHECK_CONTAINS(s.error(), std::string("NNC_WORK_PER_THREAD is `") + wrong + "`, must be a number from 0 to ");
  }
  unsetenv("NNC_WORK_PER_THREAD");
}

CASE(threads, numbers) {
  Session s;
  for (int32_t wrong : {0, -1, 257, INT32_MIN, INT32_MAX}) {
    CHECK_EQUAL(nnrt_context_set_threads(s.context, wrong), NN_INVALID);
    CHECK_EQUAL(s.contextError(), "the number of threads is " + std::to_string(wrong) + ", must be from 1 to 256");
  }
  auto made = [&](const char *value) {
    setenv("NNC_THREADS", value, 1);
    void *context;
    nn_status status = nnrt_context_create(&context, s.model, nullptr, 0);
    unsetenv("NNC_THREADS");
    if (status)
      return -int64_t(status);
    Observation seen[256];
    void *arguments[] = {seen};
    CHECK_EQUAL(nnrt_call(context, kObserve, arguments), NN_OK);
    nnrt_context_destroy(context);
    return seen[0].size;
  };
  CHECK_EQUAL(made("3"), 3);
  CHECK_EQUAL(made("1"), 1);
  CHECK_EQUAL(made("007"), 7);
  cpu_set_t set;
  sched_getaffinity(0, sizeof set, &set);
  CHECK_EQUAL(made(""), int64_t(CPU_COUNT(&set) > 256 ? 256 : CPU_COUNT(&set)));
  for (const char *wrong : {"0", "257", "-1", "x", "3x", " 3", "99999999999999999999"}) {
    CHECK_EQUAL(made(wrong), -int64_t(NN_INVALID));
    CHECK_CONTAINS(s.error(), std::string("NNC_THREADS is `") + wrong + "`, must be a number from 1 to 256");
  }
  CHECK_EQUAL(made("256"), 256);
}

CASE(threads, manyContextsOfOneModel) {
  // Eight threads meet at the first call: values are drawn and packed once, and nobody sees less than all of them.
  Folder folder;
  int rounds = SANITIZED ? 5 : 20;
  draws = packings = 0;
  for (int round = 0; round < rounds; ++round) {
    void *handle;
    CHECK_EQUAL(nnrt_create(&model, &handle, 7), NN_OK);
    std::atomic<int> ready = 0, wrong = 0;
    auto user = [&](int number) {
      void *context;
      wrong += nnrt_context_create(&context, handle, nullptr, 1) != NN_OK;
      wrong += nnrt_context_set_threads(context, 1 + number % 2) != NN_OK;
      for (++ready; ready < 8;)
        std::this_thread::yield();
      for (int call = 0; call < 20; ++call) {
        std::vector<float> image(static_cast<size_t>(1 + call % 3) * 4, 2), out(image.size() / 4 * 3);
        int64_t B = static_cast<int64_t>(image.size() / 4), index[3] = {};
        float scale = 1;
        void *arguments[] = {&B, image.data(), index, &scale, nullptr, out.data()};
        if (number == 6) {
          wrong += nnrt_save(handle, (folder / "m").c_str()) != NN_OK;
        } else if (number == 7) {
          float bias[3];
          int64_t shape[] = {3};
          wrong += nnrt_get(handle, "fc.bias", bias, NN_F32, shape, 1) != NN_OK || bias[2] != drawn(7, 1, 2);
          wrong += nnrt_get(handle, "nothing", bias, NN_F32, shape, 1) != NN_INVALID;
          wrong += strcmp(nnrt_error(handle), "there is no parameter `nothing`") != 0;
        } else {
          wrong += nnrt_call(context, kForward, arguments) != NN_OK;
          wrong += out != expectForward(7, image, 1, nullptr);
        }
      }
      nnrt_context_destroy(context);
    };
    std::vector<std::thread> users;
    for (int i = 0; i < 8; ++i)
      users.emplace_back(user, i);
    for (std::thread &thread : users)
      thread.join();
    CHECK_EQUAL(wrong.load(), 0);
    nnrt_destroy(handle);
  }
  CHECK_EQUAL(draws.load(), 7 * rounds);
  CHECK_EQUAL(packings.load(), rounds);
}

CASE(threads, oneContextServesOneCall) {
  Session s;
  std::atomic<bool> stop = false;
  std::atomic<int> served = 0, refused = 0, other = 0;
  auto user = [&] {
    int64_t rounds = 200, size;
    void *arguments[] = {&rounds, &size};
    while (!stop) {
      nn_status status = nnrt_call(s.context, kBarriers, arguments);
      (status == NN_OK ? served : status == NN_INVALID ? refused : other)++;
    }
  };
  std::thread a(user), b(user);
  usleep(200'000);
  stop = true;
  a.join();
  b.join();
  CHECK(served > 0 && refused > 0 && other == 0);
}

CASE(threads, signalsGoToTheProgram) {
  static pthread_t mainThread;
  static std::atomic<int> here, elsewhere;
  mainThread = pthread_self();
  here = elsewhere = 0;
  signal(SIGUSR1, [](int) { (pthread_equal(pthread_self(), mainThread) ? here : elsewhere)++; });
  Session s;
  CHECK_EQUAL(nnrt_context_set_threads(s.context, 4), NN_OK);
  int64_t rounds = 100, size;
  void *arguments[] = {&rounds, &size};
  for (int i = 0; i < 50; ++i) {
    kill(getpid(), SIGUSR1);
    CHECK_EQUAL(nnrt_call(s.context, kBarriers, arguments), NN_OK);
  }
  signal(SIGUSR1, SIG_DFL);
  CHECK(here > 0);
  CHECK_EQUAL(elsewhere.load(), 0);
}
