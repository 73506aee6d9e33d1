#include "runtime/Memory.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

namespace nnrt {

static constexpr int64_t kLine = 64;
static constexpr int64_t kPage = 4096;
static constexpr int64_t kHugePage = 2 << 20;
/// From here on a mapping of its own: the kernel zeroes it, lazily, and gives huge pages where it can.
static constexpr int64_t kMapped = 1 << 20;
static constexpr int64_t kMost = int64_t(1) << 47;

bool allocate(Block &block, int64_t bytes) {
  block = {};
  if (bytes < 0 || bytes > kMost)
    return false;
  if (bytes < kMapped) {
    size_t size = (bytes + kLine) & ~(kLine - 1); // never 0
    void *base = aligned_alloc(kLine, size);
    if (!base)
      return false;
    memset(base, 0, size);
    block = {static_cast<char *>(base), bytes, 0, base};
    return true;
  }
  // Kernels stream through slabs: few entries of the TLB must be enough, so start at a huge page.
  int64_t slack = bytes >= kHugePage ? kHugePage : 0;
  size_t mapped = (bytes + slack + kPage - 1) & ~(kPage - 1);
  void *base = mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (base == MAP_FAILED)
    return false;
  uintptr_t start = reinterpret_cast<uintptr_t>(base);
  if (slack) {
    start = (start + kHugePage - 1) & ~uintptr_t(kHugePage - 1);
    madvise(reinterpret_cast<void *>(start), bytes, MADV_HUGEPAGE);
  }
  block = {reinterpret_cast<char *>(start), bytes, mapped, base};
  return true;
}

void release(Block &block) {
  if (block.mapped)
    munmap(block.base, block.mapped);
  else
    free(block.base);
  block = {};
}

} // namespace nnrt
