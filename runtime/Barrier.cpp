// How threads wait for each other. In round r of a barrier a thread tells the one that stands 2^r places after it that
// it has come this far, and waits to be told by the one 2^r before: after log2(size) rounds everybody has heard of
// everybody (a dissemination barrier). No word is written by two threads, so nothing is handed around among all.
// Whoever waits watches its word for a while, then marks it and sleeps on it; who raises a marked word wakes
// the sleeper.
#include "runtime/Lock.h"
#include "runtime/Team.h"

namespace nnrt {

void Signal::raise() {
  if (__atomic_exchange_n(&word, count() + 2, __ATOMIC_ACQ_REL) & 1)
    wake(&word, 1);
}

uint64_t Signal::waitFor(uint32_t count, uint64_t spin) {
  uint64_t start = 0, slept = 0;
  for (;;) {
    uint32_t now = __atomic_load_n(&word, __ATOMIC_ACQUIRE);
    // The other one may be a barrier ahead; counts wrap around.
    if (static_cast<int32_t>((now & ~1u) - count) >= 0)
      return slept;
    uint64_t time = __builtin_ia32_rdtsc();
    start = start ? start : time;
    if (time - start < spin) {
      __builtin_ia32_pause();
      continue;
    }
    uint32_t marked = now | 1;
    if (now != marked && !__atomic_compare_exchange_n(&word, &now, marked, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
      continue;
    sleepWhile(&word, marked);
    slept += __builtin_ia32_rdtsc() - time;
  }
}

} // namespace nnrt

using namespace nnrt;

extern "C" void nnrt_barrier(nnrt_team *shared, int32_t tid) {
  Team &team = *reinterpret_cast<Team *>(shared);
  Seat &seat = team.seats[tid];
  int32_t size = team.shared.size;
  for (int32_t round = 0, step = 1; step < size; ++round, step *= 2) {
    int32_t after = tid + step;
    team.seats[after < size ? after : after - size].rounds[round].raise();
    seat.slept += seat.rounds[round].waitFor(seat.passed[round] += 2, team.spinInside);
  }
}
