// The linker, inside this process and in memory.
#ifndef NNC_COMPILER_EMIT_LINK_H
#define NNC_COMPILER_EMIT_LINK_H

#include "compiler/emit/Object.h"

#include "llvm/ADT/ArrayRef.h"

namespace nnc::emit {

/// A shared library from object files and the embedded runtime. Only `exports` are visible; it depends on libc and libm
/// alone. The same input gives the same bytes. Symbols that nobody defines are an internal error that names them.
llvm::Expected<Bytes> linkLibrary(llvm::ArrayRef<Bytes> objects, llvm::ArrayRef<std::string> exports,
                                  llvm::StringRef soname);

} // namespace nnc::emit

#endif // NNC_COMPILER_EMIT_LINK_H
