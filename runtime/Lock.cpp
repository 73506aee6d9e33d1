#include "runtime/Lock.h"

#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace nnrt {

void sleepWhile(uint32_t *word, uint32_t expected) {
  syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected, nullptr, nullptr, 0);
}

void wake(uint32_t *word, int32_t sleepers) {
  syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, sleepers, nullptr, nullptr, 0);
}

void Lock::acquire() {
  uint32_t me = static_cast<uint32_t>(getpid()) * 2;
  uint32_t mine = me; // once we have slept others may sleep too, so keep the mark
  for (;;) {
    uint32_t seen = __atomic_load_n(&word, __ATOMIC_RELAXED);
    if (seen == 0 || (seen & ~1u) != me) {
      if (__atomic_compare_exchange_n(&word, &seen, mine, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
        return;
      continue;
    }
    if (!(seen & 1) && !__atomic_compare_exchange_n(&word, &seen, seen | 1, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
      continue;
    mine = me | 1;
    sleepWhile(&word, me | 1);
  }
}

void Lock::release() {
  if (__atomic_exchange_n(&word, 0, __ATOMIC_RELEASE) & 1)
    wake(&word, 1);
}

} // namespace nnrt
