#include "test/bench/Compare.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <sched.h>
#include <sstream>
#include <thread>
#include <unistd.h>

namespace bench {
int rounds = 31;
std::string only;

bool wanted(const std::string &title) { return title.find(only) != std::string::npos; }

namespace {
/// One thread's own time, or everybody's.
enum class Clock { Thread, Wall };

double now(Clock clock) {
  timespec t;
  clock_gettime(clock == Clock::Thread ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &t);
  return double(t.tv_sec) + double(t.tv_nsec) * 1e-9;
}

/// Time that the hypervisor gave to others, in clock ticks; 0 where the system does not say.
long stolen() {
  std::ifstream stat("/proc/stat");
  std::string line, cpu;
  std::getline(stat, line);
  std::istringstream fields(line);
  fields >> cpu;
  long value = 0;
  for (int i = 0; i < 8 && fields >> value; ++i)
    if (i == 7)
      return value;
  return 0;
}

double quantile(std::vector<double> values, double q) {
  std::sort(values.begin(), values.end());
  return values[size_t(q * double(values.size() - 1) + 0.5)];
}

/// How often to run so that a turn takes some 10 ms; also warms up.
long repetitions(const Contender &c, Clock clock) {
  constexpr double turn = 0.01;
  for (long n = 1;; n *= 2) {
    double start = now(clock);
    for (long i = 0; i < n; ++i)
      c.run();
    double time = now(clock) - start;
    if (time > turn / 4)
      return std::max(1L, long(double(n) * turn / time));
  }
}

/// Time of one run. The turn before may have left threads that still spin, and its data in the caches.
double takeTurn(const Contender &c, long runs, Clock clock) {
  if (clock == Clock::Wall)
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  c.run();
  double start = now(clock);
  for (long i = 0; i < runs; ++i)
    c.run();
  return (now(clock) - start) / double(runs);
}

/// Ends the bench if two results differ by more than roundings: fast nonsense is no contender.
void checkSame(const std::string &title, const Tensor &a, const Tensor &b) {
  float largest = 0, difference = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    largest = std::max(largest, std::fabs(b[i]));
    difference = std::max(difference, std::fabs(a[i] - b[i]));
  }
  if (!(difference <= 1e-4f * largest))
    fail(title + ": the results differ by " + std::to_string(difference));
}

/// While it lives, the program's threads are bound to processors: this one to the first, those that contenders made to
/// the following.
class Bound {
public:
  explicit Bound(int threads) {
    sched_getaffinity(0, sizeof before, &before);
    std::vector<int> processors;
    for (int i = 0; i < CPU_SETSIZE; ++i)
      if (CPU_ISSET(i, &before))
        processors.push_back(i);
    if (threads == 1 || processors.size() < size_t(threads))
      return;
    int others = 0;
    for (auto &task : std::filesystem::directory_iterator("/proc/self/task")) {
      pid_t id = std::stoi(task.path().filename());
      bool self = id == gettid();
      bind(id, processors[self ? 0 : size_t(1 + others % (threads - 1))]);
      others += !self;
    }
  }
  ~Bound() { sched_setaffinity(0, sizeof before, &before); }

private:
  static void bind(pid_t id, int processor) {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(processor, &one);
    sched_setaffinity(id, sizeof one, &one);
  }
  cpu_set_t before;
};

std::string describe(double seconds) {
  char text[32];
  double micro = seconds * 1e6;
  snprintf(text, sizeof text, micro < 1e3 ? "%.2f us" : "%.2f ms", micro < 1e3 ? micro : micro / 1e3);
  return text;
}
} // namespace

void compare(const std::string &title, const std::string &unit, int threads, const std::vector<Contender> &given) {
  Clock clock = threads == 1 ? Clock::Thread : Clock::Wall;
  std::vector<Contender> contenders;
  std::copy_if(given.begin(), given.end(), std::back_inserter(contenders), [](auto &c) { return bool(c.run); });
  std::vector<long> runs;
  for (const Contender &c : contenders) {
    runs.push_back(repetitions(c, clock));
    if (c.result)
      checkSame(title + ", " + c.name, *c.result, *contenders[0].result);
  }
  Bound bound(threads);
  std::vector<std::vector<double>> times(contenders.size());
  int dropped = 0;
  while (int(times[0].size()) < rounds && dropped < 10 * rounds) {
    std::vector<double> round;
    long before = stolen();
    double start = now(Clock::Wall);
    for (size_t c = 0; c < contenders.size(); ++c)
      round.push_back(takeTurn(contenders[c], runs[c], clock));
    // A tick is 10 ms: more than one percent of the round was stolen.
    if (double(stolen() - before) * 0.01 > 0.01 * (now(Clock::Wall) - start)) {
      ++dropped;
      continue;
    }
    for (size_t c = 0; c < contenders.size(); ++c)
      times[c].push_back(round[c]);
  }
  printf("%s\n", title.c_str());
  if (times[0].empty()) {
    printf("  no quiet round\n");
    return;
  }
  for (size_t c = 0; c < contenders.size(); ++c) {
    std::vector<double> ratio;
    for (size_t r = 0; r < times[c].size(); ++r)
      ratio.push_back(times[c][r] * contenders[0].work / (times[0][r] * contenders[c].work));
    double time = quantile(times[c], 0.5);
    printf("  %-30s %11s %8.1f %s", contenders[c].name.c_str(), describe(time).c_str(), contenders[c].work / time / 1e9,
           unit.c_str());
    if (c)
      printf("   %s is %.3f x this [%.3f .. %.3f]", contenders[0].name.c_str(), quantile(ratio, 0.5),
             quantile(ratio, 0.25), quantile(ratio, 0.75));
    puts("");
  }
  if (dropped)
    printf("  (%d rounds with stolen time dropped)\n", dropped);
  fflush(stdout);
}
} // namespace bench
