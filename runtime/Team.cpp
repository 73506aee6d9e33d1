// How a call runs on several threads:
//   1. The caller writes the job and raises the turns of its two children in a binary tree of thread numbers; a thread
//      that gets its turn passes it on to its own children first. Only as many threads take part as the work is worth.
//   2. Everybody runs the compiled function; Barrier.cpp is what happens inside.
//   3. A thread is done when it and its children are; the caller waits for its children.
// So the way there and back is as long as the tree is high, one cache line from thread to thread at each step.
#include "runtime/Team.h"

#include "runtime/Cpu.h"

#include <sched.h>
#include <signal.h>
#include <unistd.h>

namespace nnrt {

/// Ticks that a worker waits for the next call, about 25 to 50 microseconds whatever the clock's rate: a few times what
/// a sleep and a wake-up cost.
static constexpr uint64_t kSpin = 100'000;
/// Ticks within a call, about a millisecond: the others are at work, so it is soon over, and where other programs
/// compete for the processors a thread that sleeps is not back for long.
static constexpr uint64_t kSpinInside = 2'000'000;
/// Where calls are rare, each finds the workers asleep, and this many times the work is needed to make up for the time
/// that it takes to wake them. The first of a row of calls pays for the others.
static constexpr int64_t kAsleep = 10;
/// Calls with one thread between two tries with several, where other programs keep a thread from running. A try then
/// costs some dozen times what the call does.
static constexpr int32_t kMostAlone = 255;
/// Of a worker. Kernels keep small tiles on it; the C library takes its thread-local storage from it.
static constexpr size_t kStack = 4 << 20;

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

static void passTurn(Team &team, Seat &seat) {
  for (int32_t i = 0, child = 2 * seat.tid + 1; i < 2 && child + i < team.shared.size; ++i) {
    Seat &below = team.seats[child + i];
    seat.childrenDone[i] = below.done.count() + 2;
    below.turn.raise();
  }
}

static void waitForChildren(Team &team, Seat &seat) {
  for (int32_t i = 0, child = 2 * seat.tid + 1; i < 2 && child + i < team.shared.size; ++i)
    seat.slept += team.seats[child + i].done.waitFor(seat.childrenDone[i], team.spinInside);
}

static void runShare(Team &team, int32_t tid) {
  const Job &job = team.job;
  job.entry->run(&team.shared, tid, job.dims, job.arguments, job.parameters, job.packed, job.states, job.frame);
}

static void *work(void *seatOfThread) {
  FloatMode mode;
  Seat &seat = *static_cast<Seat *>(seatOfThread);
  Team &team = *seat.team;
  for (uint32_t turn = 2;; turn += 2) {
    seat.turn.waitFor(turn, team.spin);
    passTurn(team, seat);
    if (!team.job.entry)
      return nullptr;
    runShare(team, seat.tid);
    waitForChildren(team, seat);
    seat.done.raise();
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
    passTurn(team, team.seats[0]);
    for (int32_t i = 1; i <= team.workers; ++i)
      pthread_join(team.seats[i].thread, nullptr);
  }
  team.workers = 0;
  team.shared.size = 1;
}

void setTeam(Team &team, Seat *seats, int32_t limit) {
  team.seats = seats;
  team.seatCount = team.limit = limit;
  team.process = getpid();
  // Threads that share a processor must not keep each other from running.
  bool apart = limit <= availableThreads();
  team.spin = apart ? kSpin : 0;
  team.spinInside = apart ? kSpinInside : 0;
  team.shared.size = 1;
}

static int32_t chooseSize(Team &team, int64_t work) {
  if (team.limit < 2)
    return 1;
  bool awake = __builtin_ia32_rdtsc() - team.left < kSpin;
  int64_t perThread = awake ? team.worth : team.worth * kAsleep;
  int64_t worth = perThread ? work / perThread : team.limit;
  if (worth < 2)
    return 1;
  if (team.alone > 0)
    return --team.alone, 1;
  int32_t size = worth < team.limit ? static_cast<int32_t>(worth) : team.limit;
  if (team.process != getpid()) { // a child made by fork(): the workers stayed with the parent
    endTeam(team);
    return team.limit = 1;
  }
  if (team.workers + 1 < size)
    startWorkers(team, size);
  return size < team.limit ? size : team.limit;
}

static void runOn(Team &team, const Job &job, int32_t size) {
  team.shared.size = size;
  team.shared.failed = team.shared.numeric = 0;
  for (int32_t i = 0; i < size; ++i)
    team.seats[i].code = 0;
  team.job = job;
  if (size == 1)
    return runShare(team, 0);
  passTurn(team, team.seats[0]);
  runShare(team, 0);
  waitForChildren(team, team.seats[0]);
}

/// A call whose first thread has slept for most of its time had better been made alone: the others do not run, because
/// other programs do. So the next ones are, twice as many each time; a good one halves that. Threads that are asked for
/// on fewer processors, or whatever the work is, are taken all the same.
static void judge(Team &team, uint64_t ticks) {
  if (!team.worth || !team.spinInside)
    return;
  bool isCrowded = team.seats[0].slept > ticks / 2;
  int32_t next = isCrowded ? 2 * team.crowded + 1 : team.crowded / 2;
  team.crowded = next < kMostAlone ? next : kMostAlone;
  team.alone = isCrowded ? team.crowded : 0;
}

void runTeam(Team &team, const Job &job, int64_t work) {
  uint64_t start = __builtin_ia32_rdtsc();
  int32_t size = chooseSize(team, work);
  team.seats[0].slept = 0;
  runOn(team, job, size);
  if (team.limit < 2)
    return;
  team.left = __builtin_ia32_rdtsc();
  if (size > 1)
    judge(team, team.left - start);
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

extern "C" void nnrt_report(nnrt_team *team, int32_t tid, int32_t code, int64_t position) {
  Seat &seat = reinterpret_cast<Team *>(team)->seats[tid];
  if (seat.code && (seat.code < code || (seat.code == code && seat.position <= position)))
    return;
  seat.code = code;
  seat.position = position;
  __atomic_store_n(&team->failed, 1, __ATOMIC_RELAXED);
}

extern "C" void nnrt_numeric(nnrt_team *team, int32_t) { team->numeric = 1; }
