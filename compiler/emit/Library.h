// The last step of the compiler: a module and its interface become a library and a header.
#ifndef NNC_COMPILER_EMIT_LIBRARY_H
#define NNC_COMPILER_EMIT_LIBRARY_H

#include "compiler/emit/Interface.h"
#include "compiler/emit/Object.h"

#include <memory>

namespace nnc::emit {

struct LibraryOptions {
  cpu::Cpu cpu;                    ///< from cpu::parseCpu
  std::string output;              ///< path of the library
  std::vector<std::string> inputs; ///< files of the program, which must not be overwritten
};

/// "x/digits.h" for "x/digits.so": where emitLibrary puts the header.
std::string headerPath(llvm::StringRef library);

/// Whether emitLibrary could write its files: call it before the compiler begins, so that the user need not wait.
llvm::Error checkLibrary(const LibraryOptions &options);

/// Writes the library and its header, both or neither.
llvm::Error emitLibrary(std::unique_ptr<llvm::Module> module, const Interface &interface,
                        const LibraryOptions &options);

/// Stops before the linker: object code or assembly of what emitLibrary would link with the runtime.
llvm::Expected<Bytes> emitCode(std::unique_ptr<llvm::Module> module, const Interface &interface, const cpu::Cpu &cpu,
                               CodeKind kind);

} // namespace nnc::emit

#endif // NNC_COMPILER_EMIT_LIBRARY_H
