// A source file in memory, and places in it.
#pragma once

#include "llvm/ADT/StringRef.h"
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace nnc::frontend {

/// A position as people count it: both from 1, columns in characters.
struct LineColumn {
  unsigned line = 1, column = 1;
};

/// The text of one `.nn` file (or of one value given on the command line). The tree keeps references into it.
class SourceFile {
public:
  SourceFile(std::string name, std::string text);

  /// As the user wrote it; for messages.
  llvm::StringRef name() const { return fileName; }
  llvm::StringRef text() const { return contents; }
  uint32_t size() const { return static_cast<uint32_t>(contents.size()); }

  /// The line of an offset, from 1.
  unsigned lineOf(uint32_t offset) const;
  LineColumn locate(uint32_t offset) const;
  /// The line (from 1), without its line end.
  llvm::StringRef lineText(unsigned line) const;
  uint32_t lineBegin(unsigned line) const { return lineBegins[line - 1]; }

  /// Messages are sorted by this number, then by offset: the file given to `nnc` is 0.
  unsigned order = 0;
  /// Part of the standard library: no warnings here.
  bool isLibrary = false;
  /// What imports in this file are relative to.
  std::string directory;

private:
  uint32_t charactersBefore(uint32_t offset) const;

  std::string fileName, contents;
  std::vector<uint32_t> lineBegins, continuationsBefore;
};

/// A stretch of text, in bytes. Without a file: something on the command line.
struct Range {
  const SourceFile *file = nullptr;
  uint32_t begin = 0, end = 0;

  llvm::StringRef text() const { return file ? file->text().slice(begin, end) : llvm::StringRef(); }
};

/// From the beginning of one to the end of the other.
inline Range span(Range first, Range last) { return {first.file, first.begin, last.end}; }

/// `net.nn:12:3`.
std::string place(Range range);
/// `12:3` if both are in one file, else `net.nn:12:3`.
std::string placeSeenFrom(Range range, Range from);

/// The text with everything escaped that a terminal would not show as it is: `\u{202e}`, `\xff`.
std::string printable(llvm::StringRef text);

/// Reads a regular file of at most 16 MB, or standard input for `-`. On failure says why (`is a directory`).
std::unique_ptr<SourceFile> readSource(const std::string &path, std::string &problem, bool &tooLarge);

} // namespace nnc::frontend
