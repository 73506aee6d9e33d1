#include "compiler/frontend/Library.h"
#include "compiler/frontend/Embedded.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace nnc::frontend;
using llvm::StringRef;

static bool isWordCharacter(char c) { return llvm::isAlnum(c) || c == '_'; }

/// Calls `visit(word, begin, depth)` for every word outside comments and strings.
template <typename Visit> static void forEachWord(StringRef text, Visit visit) {
  int depth = 0;
  for (size_t i = 0; i < text.size();) {
    char c = text[i];
    if (c == '/' && text.substr(i).starts_with("//")) {
      i = std::min(text.find('\n', i), text.size());
    } else if (c == '"') {
      i = std::min(text.find_first_of("\"\n", i + 1), text.size() - 1) + 1;
    } else if (isWordCharacter(c)) {
      size_t end = i;
      while (end < text.size() && isWordCharacter(text[end]))
        ++end;
      visit(text.slice(i, end), i, depth);
      i = end;
    } else {
      depth += c == '(' || c == '[' || c == '{';
      depth -= c == ')' || c == ']' || c == '}';
      ++i;
    }
  }
}

Library::Library() {
  llvm::ArrayRef<EmbeddedFile> files = embeddedPrelude();
  for (size_t file = 0; file < files.size(); ++file) {
    bool nameFollows = false;
    size_t first = entries.size();
    forEachWord(files[file].text, [&](StringRef word, size_t begin, int depth) {
      if (std::exchange(nameFollows, false)) {
        entries.back().name = word;
      } else if (depth == 0 && llvm::is_contained({"layer", "model", "fn", "optimizer", "const"}, word)) {
        if (entries.size() > first)
          entries.back().end = begin;
        entries.push_back({{}, file, begin, files[file].text.size()});
        nameFollows = true;
      }
    });
  }
}

std::vector<std::string> Library::names() const {
  std::vector<std::string> list;
  for (const Entry &entry : entries)
    list.push_back(entry.name.str());
  return list;
}

std::vector<std::unique_ptr<SourceFile>> Library::select(const std::vector<StringRef> &programTexts) const {
  llvm::StringMap<std::vector<size_t>> byName;
  for (size_t i = 0; i < entries.size(); ++i)
    byName[entries[i].name].push_back(i);
  std::vector<bool> needed(entries.size());
  std::vector<StringRef> texts = programTexts;
  llvm::ArrayRef<EmbeddedFile> files = embeddedPrelude();
  while (!texts.empty()) {
    StringRef text = texts.back();
    texts.pop_back();
    forEachWord(text, [&](StringRef word, size_t, int) {
      auto found = byName.find(word);
      if (found == byName.end())
        return;
      for (size_t i : found->second) {
        if (!needed[i])
          texts.push_back(files[entries[i].file].text.slice(entries[i].begin, entries[i].end));
        needed[i] = true;
      }
    });
  }

  std::vector<std::unique_ptr<SourceFile>> sources;
  for (size_t file = 0; file < files.size(); ++file) {
    std::string text = files[file].text.str();
    bool any = false;
    for (size_t i = 0; i < entries.size(); ++i) {
      if (entries[i].file != file)
        continue;
      any |= needed[i];
      for (size_t at = entries[i].begin; at < entries[i].end && !needed[i]; ++at)
        if (text[at] != '\n')
          text[at] = ' ';
    }
    if (!any)
      continue;
    sources.push_back(std::make_unique<SourceFile>("<library>/" + files[file].name.str(), std::move(text)));
    sources.back()->isLibrary = true;
  }
  return sources;
}
