// Blocks of memory: slabs, frames, tables. Aligned, zeroed, never larger than asked by more than a page.
#ifndef NNC_RUNTIME_MEMORY_H
#define NNC_RUNTIME_MEMORY_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>

namespace nnrt {

/// Memory that starts at a multiple of 64. Plain data: released by its owner, not by a destructor.
struct Block {
  char *data;
  int64_t bytes;
  size_t mapped; ///< length of the mapping; 0: from malloc
  void *base;    ///< what free or munmap takes
};

/// Fills `block` with `bytes` zero bytes. False if there is not enough memory; `block` is empty then.
bool allocate(Block &block, int64_t bytes);
void release(Block &block);

/// Releases the block at the end of a scope.
struct ScopedBlock : Block {
  ScopedBlock() : Block{} {}
  ~ScopedBlock() { release(*this); }
  ScopedBlock(const ScopedBlock &) = delete;
};

/// Calls of the library leave the caller's errno as it was.
struct KeepErrno {
  int saved = errno;
  ~KeepErrno() { errno = saved; }
};

} // namespace nnrt
#endif // NNC_RUNTIME_MEMORY_H
