// Two files that appear together or not at all.
#ifndef NNC_COMPILER_EMIT_OUTPUT_H
#define NNC_COMPILER_EMIT_OUTPUT_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <string>

namespace nnc::emit {

struct OutputFile {
  std::string path;
  llvm::StringRef content;
  bool executable = false; ///< libraries are, as linkers make them
};

/// Says early what would fail late: a missing folder, a target that is a folder, a device or protected, a target that
/// is one of `inputs` or the same file as another target.
llvm::Error checkOutputs(llvm::ArrayRef<OutputFile> files, llvm::ArrayRef<std::string> inputs);

/// Writes each file beside its target (`.nnc-*.tmp`), brings it to the disk, then gives all of them their names. If one
/// name cannot be given, the files before it get their old content back.
llvm::Error writeOutputs(llvm::ArrayRef<OutputFile> files);

} // namespace nnc::emit

#endif // NNC_COMPILER_EMIT_OUTPUT_H
