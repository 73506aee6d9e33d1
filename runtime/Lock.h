// Waiting: futexes, and a lock that survives fork().
#ifndef NNC_RUNTIME_LOCK_H
#define NNC_RUNTIME_LOCK_H

#include <stdint.h>

namespace nnrt {

/// Sleeps while *word is `expected`. May return early.
void sleepWhile(uint32_t *word, uint32_t expected);
void wake(uint32_t *word, int32_t sleepers);

/// Zero is unlocked. The word holds the owner's process: in a child made by fork() while another thread of the parent
/// held the lock, the owner does not exist, and the child takes the lock over.
struct Lock {
  uint32_t word; ///< process * 2 + (somebody sleeps)

  void acquire();
  void release();
};

struct Locked {
  explicit Locked(Lock &lock) : lock(lock) { lock.acquire(); }
  ~Locked() { lock.release(); }
  Lock &lock;
};

} // namespace nnrt
#endif // NNC_RUNTIME_LOCK_H
