// The threads of one context. All of them run the same kernels with their own number (SPMD); between two calls the
// workers sleep. Nothing here is shared between contexts.
#ifndef NNC_RUNTIME_TEAM_H
#define NNC_RUNTIME_TEAM_H

#include "runtime/Abi.h"

#include <pthread.h>

namespace nnrt {

struct Team;

/// A count that one thread raises and another waits for: count * 2 + (the other sleeps). On a cache line of its own.
struct alignas(64) Signal {
  uint32_t word;

  uint32_t count() const { return __atomic_load_n(&word, __ATOMIC_RELAXED) & ~1u; }
  /// Only one thread at a time does this.
  void raise();
  /// Watches the word for `spin` ticks of the clock, then sleeps. Gives the ticks that passed asleep.
  uint64_t waitFor(uint32_t count, uint64_t spin);
};

constexpr int32_t kMostThreads = 256;
constexpr int32_t kMostRounds = 8; ///< of a barrier: log2(kMostThreads)

/// What belongs to one thread of a team.
struct alignas(64) Seat {
  Signal turn;                  ///< this worker's calls so far, raised by its parent in the tree
  Signal done;                  ///< those that it and all below it have finished
  Signal rounds[kMostRounds];   ///< barriers; raised by the thread that stands 2^round before this one
  uint32_t passed[kMostRounds]; ///< what the next barrier waits for, less 2
  uint32_t childrenDone[2];     ///< what the end of this call waits for
  uint64_t slept;               ///< ticks of this call that went by asleep, waiting for others
  int32_t code;                 ///< of nnrt_report, 0: nothing
  int32_t tid;
  int64_t position; ///< of nnrt_report
  Team *team;
  pthread_t thread;
};

/// One call of a compiled function.
struct Job {
  const nnrt_entry *entry; ///< NULL: the workers end
  const int64_t *dims;
  void *const *arguments;
  char *parameters, *packed;
  void *const *states;
  char *frame;
};

struct Team {
  nnrt_team shared; ///< what generated code sees; must stand first
  int32_t limit;    ///< most threads of a call
  int32_t workers;  ///< threads that exist, beside the caller
  int32_t process;  ///< that made the team: after a fork its workers do not exist
  /// Ticks of the clock that a thread waits for the next call, and for the others within a call, before it sleeps.
  uint64_t spin, spinInside;
  uint64_t left;   ///< time on that clock when the last call ended
  int64_t worth;   ///< FLOP that a second thread must have to do
  int32_t alone;   ///< calls that are still to take one thread, because the processors are wanted by others
  int32_t crowded; ///< how many it was the last time
  Seat *seats;     ///< `seatCount` of them; seat 0 is the caller's
  int32_t seatCount;
  Job job;
};

/// Below this many FLOP per thread a second thread costs more than it saves.
constexpr int64_t kWorkPerThread = 100'000;

/// Threads that this process may run on, 1 .. kMostThreads.
int32_t availableThreads();

/// A team of the caller alone, for work outside of any context. `seat` must live as long.
void makeSingle(Team &team, Seat &seat);
/// Sets the most threads of a call, ends the workers that exist. `seats` has room for `limit`.
void setTeam(Team &team, Seat *seats, int32_t limit);
/// Ends the workers.
void endTeam(Team &team);

/// Runs a compiled function on as many threads as `work` (in FLOP) is worth and waits for all of them. What nnrt_report
/// said is in shared.failed and `reported`.
void runTeam(Team &team, const Job &job, int64_t work);
/// The smallest (code, position) that the last call reported.
void reported(const Team &team, int32_t &code, int64_t &position);

} // namespace nnrt
#endif // NNC_RUNTIME_TEAM_H
