#include "compiler/emit/Embedded.h"

// The paths are those of the build (CMakeLists.txt); the contents become part of nnc.
#define EMBED(NAME, FILE)                                                                                              \
  asm(".pushsection .rodata\n"                                                                                         \
      ".balign 16\n" #NAME ":\n"                                                                                       \
      ".incbin \"" FILE "\"\n" #NAME "_end:\n"                                                                         \
      ".byte 0\n"                                                                                                      \
      ".popsection\n");                                                                                                \
  extern "C" __attribute__((visibility("hidden"))) const char NAME[], NAME##_end[];

EMBED(nnc_embedded_runtime, NNC_RUNTIME_ARCHIVE)
EMBED(nnc_embedded_libc, NNC_STUB_LIBC)
EMBED(nnc_embedded_libm, NNC_STUB_LIBM)
EMBED(nnc_embedded_header, NNC_HEADER)

using llvm::StringRef;

namespace nnc::emit {

StringRef embeddedRuntime() { return {nnc_embedded_runtime, size_t(nnc_embedded_runtime_end - nnc_embedded_runtime)}; }
StringRef embeddedLibc() { return {nnc_embedded_libc, size_t(nnc_embedded_libc_end - nnc_embedded_libc)}; }
StringRef embeddedLibm() { return {nnc_embedded_libm, size_t(nnc_embedded_libm_end - nnc_embedded_libm)}; }
StringRef embeddedNncHeader() { return {nnc_embedded_header, size_t(nnc_embedded_header_end - nnc_embedded_header)}; }

} // namespace nnc::emit
