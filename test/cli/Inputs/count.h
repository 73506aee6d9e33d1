/* Counts what asks for memory. */
#include <stddef.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static long asked; /* since the start */

extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);
#define COUNT __atomic_add_fetch(&asked, 1, __ATOMIC_RELAXED)
void *malloc(size_t size) { return COUNT, __libc_malloc(size); }
void *calloc(size_t count, size_t size) { return COUNT, __libc_calloc(count, size); }
void *realloc(void *from, size_t size) { return COUNT, __libc_realloc(from, size); }
void *aligned_alloc(size_t alignment, size_t size) { return COUNT, __libc_memalign(alignment, size); }
int posix_memalign(void **at, size_t alignment, size_t size) {
  COUNT;
  *at = __libc_memalign(alignment, size);
  return *at ? 0 : 12;
}
void *mmap(void *at, size_t size, int protection, int flags, int file, off_t offset) {
  COUNT;
  return (void *)syscall(SYS_mmap, at, size, protection, flags, file, offset);
}
