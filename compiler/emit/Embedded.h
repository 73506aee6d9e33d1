// Files that nnc carries inside itself, so that a user's machine needs no linker, no headers and no runtime archive.
#ifndef NNC_COMPILER_EMIT_EMBEDDED_H
#define NNC_COMPILER_EMIT_EMBEDDED_H

#include "llvm/ADT/StringRef.h"

namespace nnc::emit {

llvm::StringRef embeddedRuntime();   ///< the archive libnnc_runtime.a
llvm::StringRef embeddedLibc();      ///< a shared object with the names and versions of libc.symbols, and no code
llvm::StringRef embeddedLibm();      ///< the same for libm.symbols
llvm::StringRef embeddedNncHeader(); ///< the text of nnc.h

} // namespace nnc::emit

#endif // NNC_COMPILER_EMIT_EMBEDDED_H
