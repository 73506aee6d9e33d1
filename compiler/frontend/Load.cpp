// From a path to a resolved program: the file, what it imports, the standard library.
#include "compiler/frontend/Library.h"
#include "compiler/frontend/Parser.h"
#include "compiler/frontend/Resolve.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace nnc::frontend;
using llvm::StringRef;

namespace {
class Loader {
public:
  Loader(Program &program, DiagnosticEngine &diagnostics) : program(program), diagnostics(diagnostics) {}

  bool loadMain(const std::string &path);
  void loadImports();
  void loadLibrary(const LoadOptions &options);
  void checkCycles();

private:
  File *read(const std::string &path, Range importedAt);
  void import(File &file, Import &import, llvm::DenseMap<File *, Import *> &seen);

  Program &program;
  DiagnosticEngine &diagnostics;
  /// Files by what they are on disk: one file under two paths is read once.
  std::vector<std::pair<llvm::sys::fs::UniqueID, File *>> known;
};
} // namespace

/// Reads and parses a file, unless that was done before. Null if it cannot be read.
File *Loader::read(const std::string &path, Range importedAt) {
  llvm::sys::fs::UniqueID id;
  bool hasId = path != "-" && !llvm::sys::fs::getUniqueID(path, id);
  for (auto &[other, file] : known)
    if (hasId && other == id)
      return file;
  std::string problem;
  bool tooLarge = false;
  std::unique_ptr<SourceFile> source = readSource(path, problem, tooLarge);
  if (!source) {
    if (tooLarge)
      diagnostics.error(Code::NN0904, importedAt, "`" + path + "` is larger than 16 MB");
    else
      diagnostics.error(Code::NN0801, importedAt, "cannot read `" + path + "`: " + problem);
    return nullptr;
  }
  source->order = static_cast<unsigned>(program.sources.size());
  program.files.push_back(parseFile(*source, diagnostics));
  program.sources.push_back(std::move(source));
  if (hasId)
    known.emplace_back(id, program.files.back().get());
  return program.files.back().get();
}

bool Loader::loadMain(const std::string &path) { return read(path, {}) != nullptr; }

/// Files are read in the order in which they are mentioned; a chain of imports needs no stack.
void Loader::loadImports() {
  for (size_t i = 0; i < program.files.size(); ++i) {
    File &file = *program.files[i];
    llvm::DenseMap<File *, Import *> seen;
    for (size_t j = 0; j < file.declarations.size(); ++j)
      if (auto *import = llvm::dyn_cast<Import>(file.declarations[j]); import && !import->broken)
        this->import(file, *import, seen);
  }
}

void Loader::import(File &file, Import &import, llvm::DenseMap<File *, Import *> &seen) {
  StringRef path = import.path;
  if (path.empty() || llvm::sys::path::is_absolute(path)) {
    diagnostics
        .error(Code::NN0804, import.pathRange,
               path.empty() ? "an import needs a path" : "an import's path is relative to the file that imports")
        .hint("import \"other.nn\"");
    return;
  }
  llvm::SmallString<128> full(file.source->directory);
  llvm::sys::path::append(full, path);
  import.file = read(full.str().str(), import.pathRange);
  if (!import.file)
    return;
  auto [first, isNew] = seen.try_emplace(import.file, &import);
  if (!isNew)
    diagnostics.error(Code::NN0803, import.pathRange,
                      "`" + path + "` is imported already, at " + placeSeenFrom(first->second->range, import.range));
}

/// Depth-first over imports, by an explicit stack.
void Loader::checkCycles() {
  struct Frame {
    File *file;
    size_t next;
  };
  enum class State : uint8_t { New, Open, Done };
  llvm::DenseMap<File *, State> states;
  if (program.files.empty())
    return;
  std::vector<Frame> stack{{&program.main(), 0}};
  states[&program.main()] = State::Open;
  while (!stack.empty()) {
    Frame &frame = stack.back();
    if (frame.next == frame.file->declarations.size()) {
      states[frame.file] = State::Done;
      stack.pop_back();
      continue;
    }
    auto *import = llvm::dyn_cast<Import>(frame.file->declarations[frame.next++]);
    if (!import || !import->file || states.lookup(import->file) == State::Done)
      continue;
    if (states.lookup(import->file) == State::New) {
      states[import->file] = State::Open;
      stack.push_back({import->file, 0});
      continue;
    }
    size_t first = stack.size();
    while (stack[--first].file != import->file) {
    }
    std::string chain;
    for (size_t i = first; i < stack.size(); ++i)
      chain += "`" + stack[i].file->source->name().str() + "` -> ";
    chain += "`" + import->file->source->name().str() + "`";
    diagnostics
        .error(Code::NN0802, import->pathRange,
               stack.size() - first == 1 ? "this file imports itself" : "these files import each other: " + chain)
        .hint("put what both need into a file of its own");
    import->file = nullptr;
  }
}

void Loader::loadLibrary(const LoadOptions &options) {
  Library library;
  program.libraryNames = library.names();
  std::vector<StringRef> texts(options.definitions.begin(), options.definitions.end());
  for (auto &source : program.sources)
    texts.push_back(source->text());
  for (std::unique_ptr<SourceFile> &source : library.select(texts)) {
    source->order = static_cast<unsigned>(program.sources.size());
    program.files.push_back(parseFile(*source, diagnostics));
    program.sources.push_back(std::move(source));
  }
}

std::unique_ptr<Program> nnc::frontend::loadProgram(const LoadOptions &options, DiagnosticEngine &diagnostics) {
  auto program = std::make_unique<Program>();
  Loader loader(*program, diagnostics);
  if (!loader.loadMain(options.path))
    return program;
  loader.loadImports();
  loader.checkCycles();
  loader.loadLibrary(options);
  resolve(*program, options, diagnostics);
  return program;
}
