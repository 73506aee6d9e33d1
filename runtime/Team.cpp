// How a call runs on several threads:
//   1. The caller writes the job and gives turns to its two children in a binary tree of thread numbers; a thread that
//      gets its turn passes it on to its own children first. A call takes part in it only with as many threads as pay.
//   2. Everybody runs the compiled function. Barriers inside count arrivals; the last one opens the next phase.
//   3. At the end workers arrive at the barrier without waiting, the caller arrives and waits.
// Whoever waits first watches its word for some microseconds, then marks it and sleeps on it; who changes a marked word
// wakes the sleepers.
#include "runtime/Team.h"

#include "runtime/Cpu.h"
#include "runtime/Lock.h"

#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>

namespace nnrt {

/// About 25 to 50 microseconds, whatever the clock's rate: a few times what a sleep and a wake-up cost.
static constexpr uint64_t kSpin = 100'000;
/// Of a worker. Kernels keep small tiles on it; the C library takes its thread-local storage from it.
static constexpr size_t kStack = 1 << 20;

int32_t availableThreads() {
  cpu_set_t set;
  int32_t count = 0;
  if (!sched_getaffinity(0, sizeof set, &set))
    for (int i = 0; i < CPU_SETSIZE; ++i)
      count += CPU_ISSET(i, &set) != 0;
  return count < 1 ? 1 : count > kMostThreads ? kMostThreads : count;
}

void makeSingle(Team &team, Seat &seat) {
  team = {};
  seat = {};
  team.shared.size = team.limit = team.seatCount = 1;
  team.seats = &seat;
}

/// Waits until the word, without its mark, is no longer `old`, which has none. Returns its value without the mark.
static uint32_t waitForChange(uint32_t *word, uint32_t old, uint64_t spin) {
  uint64_t start = __builtin_ia32_rdtsc();
  for (;;) {
    uint32_t now = __atomic_load_n(word, __ATOMIC_ACQUIRE);
    if ((now & ~1u) != old)
      return now & ~1u;
    if (__builtin_ia32_rdtsc() - start < spin) {
      __builtin_ia32_pause();
      continue;
    }
    if (now == old && !__atomic_compare_exchange_n(word, &now, old | 1, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
      continue;
    sleepWhile(word, old | 1);
  }
}

/// The next even number; only one thread at a time does this, the others can but set the mark.
static void advance(uint32_t *word) {
  uint32_t value = (__atomic_load_n(word, __ATOMIC_RELAXED) & ~1u) + 2;
  if (__atomic_exchange_n(word, value, __ATOMIC_ACQ_REL) & 1)
    wake(word, INT_MAX);
}

/// Counts this thread in. The last one opens the next phase.
static void arrive(Team &team) {
  auto size = static_cast<uint32_t>(team.shared.size); // before: once counted in, the next call may be set up
  if (__atomic_add_fetch(&team.arrived, 1, __ATOMIC_ACQ_REL) != size)
    return;
  __atomic_store_n(&team.arrived, 0, __ATOMIC_RELAXED);
  advance(&team.phase);
}

static void arriveAndWait(Team &team) {
  uint32_t phase = __atomic_load_n(&team.phase, __ATOMIC_RELAXED) & ~1u;
  arrive(team);
  waitForChange(&team.phase, phase, team.spin);
}

static void passTurn(Team &team, int32_t tid) {
  for (int32_t child = 2 * tid + 1; child <= 2 * tid + 2 && child < team.shared.size; ++child)
    advance(&team.seats[child].turn);
}

static void runShare(Team &team, int32_t tid) {
  const Job &job = team.job;
  job.entry->run(&team.shared, tid, job.dims, job.arguments, job.parameters, job.packed, job.frame);
}

static void *work(void *seatOfThread) {
  FloatMode mode;
  Seat &seat = *static_cast<Seat *>(seatOfThread);
  Team &team = *seat.team;
  uint32_t turn = 0;
  for (;;) {
    turn = waitForChange(&seat.turn, turn, team.spin);
    passTurn(team, seat.tid);
    if (!team.job.entry)
      return nullptr;
    runShare(team, seat.tid);
    arrive(team);
  }
}

/// Signals are the caller's affair; only those that a fault raises stay, they can not wait.
static void blockSignals(sigset_t *before) {
  sigset_t blocked;
  sigfillset(&blocked);
  constexpr int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS};
  for (int fault : faults)
    sigdelset(&blocked, fault);
  pthread_sigmask(SIG_SETMASK, &blocked, before);
}

static bool startWorker(Seat &seat) {
  pthread_attr_t attributes;
  if (pthread_attr_init(&attributes))
    return false;
  bool started =
      (!pthread_attr_setstacksize(&attributes, kStack) && !pthread_create(&seat.thread, &attributes, work, &seat)) ||
      !pthread_create(&seat.thread, nullptr, work, &seat); // thread-local storage of the program is large
  pthread_attr_destroy(&attributes);
  return started;
}

/// Makes the workers that a team of `size` needs; what can not be made lowers the limit.
static void startWorkers(Team &team, int32_t size) {
  sigset_t before;
  blockSignals(&before);
  while (team.workers + 1 < size) {
    int32_t tid = team.workers + 1;
    Seat &seat = team.seats[tid];
    seat.team = &team;
    seat.tid = tid;
    seat.turn = 0;
    if (!startWorker(seat)) {
      team.limit = tid;
      break;
    }
    ++team.workers;
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void endTeam(Team &team) {
  if (team.workers && team.process == getpid()) {
    team.shared.size = team.workers + 1;
    team.job.entry = nullptr;
    passTurn(team, 0);
    for (int32_t i = 1; i <= team.workers; ++i)
      pthread_join(team.seats[i].thread, nullptr);
  }
  team.workers = 0;
  team.arrived = team.phase = 0;
  team.shared.size = 1;
}

void setTeam(Team &team, Seat *seats, int32_t limit) {
  team.seats = seats;
  team.seatCount = team.limit = limit;
  team.process = getpid();
  // Threads that share a processor must not keep each other from running.
  team.spin = limit <= availableThreads() ? kSpin : 0;
  team.shared.size = 1;
}

static int32_t chooseSize(Team &team, int64_t work) {
  int64_t worth = team.worth ? work / team.worth : team.limit;
  if (worth < 2 || team.limit < 2)
    return 1;
  int32_t size = worth < team.limit ? static_cast<int32_t>(worth) : team.limit;
  if (team.process != getpid()) { // a child made by fork(): the workers stayed with the parent
    endTeam(team);
    return team.limit = 1;
  }
  if (team.workers + 1 < size)
    startWorkers(team, size);
  return size < team.limit ? size : team.limit;
}

void runTeam(Team &team, const Job &job, int64_t work) {
  int32_t size = chooseSize(team, work);
  team.shared.size = size;
  team.shared.failed = 0;
  for (int32_t i = 0; i < size; ++i)
    team.seats[i].code = 0;
  team.job = job;
  if (size == 1)
    return runShare(team, 0);
  passTurn(team, 0);
  runShare(team, 0);
  arriveAndWait(team);
}

void reported(const Team &team, int32_t &code, int64_t &position) {
  code = 0;
  position = 0;
  for (int32_t i = 0; i < team.shared.size; ++i) {
    const Seat &seat = team.seats[i];
    if (seat.code && (!code || seat.code < code || (seat.code == code && seat.position < position))) {
      code = seat.code;
      position = seat.position;
    }
  }
}

} // namespace nnrt

using namespace nnrt;

extern "C" void nnrt_barrier(nnrt_team *team, int32_t) {
  if (team->size > 1)
    arriveAndWait(*reinterpret_cast<Team *>(team));
}

extern "C" void nnrt_report(nnrt_team *team, int32_t tid, int32_t code, int64_t position) {
  Seat &seat = reinterpret_cast<Team *>(team)->seats[tid];
  if (seat.code && (seat.code < code || (seat.code == code && seat.position <= position)))
    return;
  seat.code = code;
  seat.position = position;
  __atomic_store_n(&team->failed, 1, __ATOMIC_RELAXED);
}
