// The manifest: a JSON text inside each library that describes it to tools and other languages.
#ifndef NNC_COMPILER_EMIT_MANIFEST_H
#define NNC_COMPILER_EMIT_MANIFEST_H

#include "compiler/emit/Interface.h"

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

namespace nnc::emit {

/// Section of the library that holds the manifest, NUL-terminated.
inline constexpr char manifestSection[] = ".nnc.manifest";

/// One document for the whole library. Keys are in a fixed order; `cpu` is the processor's name.
std::string manifestText(const Interface &interface, llvm::StringRef cpu);

/// The manifest of a library, read from the file without loading it.
llvm::Expected<std::string> readManifest(llvm::StringRef path);

} // namespace nnc::emit

#endif // NNC_COMPILER_EMIT_MANIFEST_H
