// The standard library, read only as far as a program needs it.
#pragma once

#include "compiler/frontend/Source.h"
#include "llvm/ADT/StringSet.h"
#include <string>
#include <vector>

namespace nnc::frontend {

/// Parsing the whole library costs more time than most programs. So its files are split into declarations by a quick
/// look at brackets, and a program gets those it mentions, and what those mention. The rest of a file's text is
/// blanked out, which keeps every place.
class Library {
public:
  Library();

  /// Every name the library declares; for "did you mean".
  std::vector<std::string> names() const;
  /// The files with what a program of these texts may need.
  std::vector<std::unique_ptr<SourceFile>> select(const std::vector<llvm::StringRef> &programTexts) const;

private:
  struct Entry {
    llvm::StringRef name;
    size_t file;
    size_t begin, end;
  };
  std::vector<Entry> entries; // by file, then by place
};

} // namespace nnc::frontend
