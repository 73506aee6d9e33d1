#include "compiler/frontend/Source.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/ConvertUTF.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Unicode.h"
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace nnc::frontend;

static constexpr size_t maxFileSize = 16u << 20;
/// Characters are counted from the last multiple of this: a file that is one long line costs no more than others.
static constexpr uint32_t stride = 256;

/// A byte of UTF-8 that begins no character.
static bool isContinuation(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) == 0x80; }

SourceFile::SourceFile(std::string name, std::string text) : fileName(std::move(name)), contents(std::move(text)) {
  lineBegins.push_back(0);
  uint32_t continuations = 0;
  for (uint32_t i = 0; i < contents.size(); ++i) {
    if (i % stride == 0)
      continuationsBefore.push_back(continuations);
    continuations += isContinuation(contents[i]);
    if (contents[i] == '\n')
      lineBegins.push_back(i + 1);
  }
  continuationsBefore.push_back(continuations);
}

uint32_t SourceFile::charactersBefore(uint32_t offset) const {
  uint32_t result = offset - continuationsBefore[offset / stride];
  for (uint32_t i = offset / stride * stride; i < offset; ++i)
    result -= isContinuation(contents[i]);
  return result;
}

unsigned SourceFile::lineOf(uint32_t offset) const {
  return static_cast<unsigned>(std::upper_bound(lineBegins.begin(), lineBegins.end(), offset) - lineBegins.begin());
}

LineColumn SourceFile::locate(uint32_t offset) const {
  offset = std::min(offset, size());
  unsigned line = lineOf(offset);
  return {line, charactersBefore(offset) - charactersBefore(lineBegins[line - 1]) + 1};
}

llvm::StringRef SourceFile::lineText(unsigned line) const {
  uint32_t begin = lineBegins[line - 1];
  uint32_t end = line < lineBegins.size() ? lineBegins[line] : size();
  llvm::StringRef text = llvm::StringRef(contents).slice(begin, end);
  text.consume_back("\n");
  text.consume_back("\r");
  return text;
}

std::string nnc::frontend::place(Range range) {
  if (!range.file)
    return "nnc";
  LineColumn at = range.file->locate(range.begin);
  return printable(range.file->name()) + ":" + std::to_string(at.line) + ":" + std::to_string(at.column);
}

std::string nnc::frontend::placeSeenFrom(Range range, Range from) {
  if (!range.file || range.file != from.file)
    return place(range);
  LineColumn at = range.file->locate(range.begin);
  return std::to_string(at.line) + ":" + std::to_string(at.column);
}

std::string nnc::frontend::printable(llvm::StringRef text) {
  std::string result;
  while (!text.empty()) {
    unsigned length = llvm::getNumBytesForUTF8(static_cast<llvm::UTF8>(text[0]));
    auto *bytes = reinterpret_cast<const llvm::UTF8 *>(text.data());
    if (length > text.size() || !llvm::isLegalUTF8Sequence(bytes, bytes + length)) {
      result += "\\x" + llvm::utohexstr(static_cast<unsigned char>(text[0]), true, 2);
      text = text.drop_front();
      continue;
    }
    llvm::UTF32 character = 0, *target = &character;
    llvm::ConvertUTF8toUTF32(&bytes, bytes + length, &target, target + 1, llvm::strictConversion);
    if (llvm::sys::unicode::isPrintable(static_cast<int>(character)))
      result += text.take_front(length);
    else
      result += "\\u{" + llvm::utohexstr(character, true) + "}";
    text = text.drop_front(length);
  }
  return result;
}

static std::string systemMessage(int error) { return std::string(llvm::StringRef(std::strerror(error)).lower()); }

std::unique_ptr<SourceFile> nnc::frontend::readSource(const std::string &path, std::string &problem, bool &tooLarge) {
  bool standardInput = path == "-";
  // O_NONBLOCK: opening a FIFO without a writer must not hang.
  int file = standardInput ? STDIN_FILENO : ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) {
    problem = systemMessage(errno);
    return nullptr;
  }
  struct Closer {
    int file;
    ~Closer() {
      if (file != STDIN_FILENO)
        ::close(file);
    }
  } closer{file};

  struct stat info;
  if (::fstat(file, &info) != 0) {
    problem = systemMessage(errno);
    return nullptr;
  }
  if (S_ISDIR(info.st_mode))
    problem = "it is a directory";
  else if (!standardInput && !S_ISREG(info.st_mode))
    problem = "it is not a regular file (standard input is written `-`)";
  if (!problem.empty())
    return nullptr;

  std::string text;
  std::vector<char> chunk(1 << 16);
  while (text.size() <= maxFileSize) {
    ssize_t count = ::read(file, chunk.data(), chunk.size());
    if (count < 0 && errno == EINTR)
      continue;
    if (count < 0) {
      problem = systemMessage(errno);
      return nullptr;
    }
    if (count == 0)
      break;
    text.append(chunk.data(), static_cast<size_t>(count));
  }
  if (text.size() > maxFileSize) {
    tooLarge = true;
    return nullptr;
  }
  if (llvm::StringRef(text).starts_with("\xEF\xBB\xBF")) // a byte order mark says nothing in UTF-8
    text.erase(0, 3);
  auto source = std::make_unique<SourceFile>(standardInput ? "<stdin>" : path, std::move(text));
  source->directory = standardInput ? std::string() : llvm::sys::path::parent_path(path).str();
  return source;
}
