#include "compiler/frontend/Diagnostics.h"
#include "compiler/frontend/Embedded.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/Unicode.h"
#include "llvm/Support/raw_ostream.h"
#include <algorithm>
#include <tuple>

using namespace nnc::frontend;
using llvm::raw_ostream;
using llvm::StringRef;

static constexpr unsigned maxPrinted = 20;
static constexpr size_t maxKept = 5000;
static constexpr unsigned maxWidth = 110; // of a source line on the screen
static constexpr unsigned tabWidth = 4;

namespace {
struct CodeEntry {
  StringRef name, title;
};
} // namespace

static const CodeEntry codes[] = {
#define NN_CODE(number, title) {"NN" #number, title},
#include "compiler/frontend/Codes.def"
#undef NN_CODE
};

StringRef nnc::frontend::name(Code code) { return codes[static_cast<unsigned>(code)].name; }
std::optional<Code> nnc::frontend::codeNamed(StringRef name) {
  for (const CodeEntry &entry : codes)
    if (entry.name == name)
      return static_cast<Code>(&entry - codes);
  return std::nullopt;
}
StringRef nnc::frontend::title(Code code) { return codes[static_cast<unsigned>(code)].title; }

std::optional<StringRef> nnc::frontend::explanation(StringRef code) {
  for (const EmbeddedFile &page : embeddedExplanations())
    if (page.name == (code + ".md").str())
      return page.text;
  return std::nullopt;
}

Diagnostic &DiagnosticEngine::add(Severity severity, Code code, Range range, std::string message) {
  Diagnostic diagnostic{severity, code, range, std::move(message), {}, {}};
  if (list.size() >= maxKept)
    return dropped.emplace(std::move(diagnostic));
  return list.emplace_back(std::move(diagnostic));
}

Diagnostic &DiagnosticEngine::error(Code code, Range range, const llvm::Twine &message) {
  ++errors;
  return add(Severity::Error, code, range, message.str());
}

Diagnostic &DiagnosticEngine::warning(Code code, Range range, const llvm::Twine &message) {
  if (range.file && range.file->isLibrary)
    return dropped.emplace(Diagnostic{Severity::Warning, code, range, message.str(), {}, {}});
  return add(Severity::Warning, code, range, message.str());
}

namespace {
/// A source line as a terminal shows it, with the caret's place in it.
struct ShownLine {
  std::string text;
  unsigned caret = 0, caretWidth = 1;
};
} // namespace

/// Splits off the first character and gives what the screen shows for it.
static std::string showFirst(StringRef &rest, unsigned column, unsigned &width) {
  if (rest[0] == '\t') {
    rest = rest.drop_front();
    width = tabWidth - column % tabWidth;
    return std::string(width, ' ');
  }
  size_t length = 1;
  while (length < rest.size() && length < 4 && (static_cast<unsigned char>(rest[length]) & 0xC0) == 0x80)
    ++length;
  std::string shown = printable(rest.take_front(length));
  int columns = llvm::sys::unicode::columnWidthUTF8(shown);
  width = columns >= 0 ? static_cast<unsigned>(columns) : static_cast<unsigned>(shown.size());
  rest = rest.drop_front(length);
  return shown;
}

// A long line is shown from shortly before the caret on, at most `maxWidth` columns wide.
static ShownLine showLine(StringRef line, size_t begin, size_t end) {
  // A line of megabytes is not worth looking at beyond the window's reach.
  constexpr size_t reach = 1000;
  size_t from = begin > reach ? begin - reach : 0;
  while (from > 0 && (static_cast<unsigned char>(line[from]) & 0xC0) == 0x80)
    --from;
  StringRef rest = line.slice(from, begin + reach);
  bool cutLeft = from > 0, cutRight = begin + reach < line.size();

  std::vector<std::pair<std::string, unsigned>> cells;
  unsigned column = 0, caretBegin = ~0u, caretEnd = 0;
  size_t caretCell = 0;
  while (!rest.empty()) {
    size_t offset = static_cast<size_t>(rest.data() - line.data());
    if (offset >= begin && caretBegin == ~0u) {
      caretBegin = column;
      caretCell = cells.size();
    }
    unsigned width = 0;
    std::string shown = showFirst(rest, column, width);
    column += width;
    cells.emplace_back(std::move(shown), width);
    if (offset < end)
      caretEnd = column;
  }
  if (caretBegin == ~0u) {
    caretBegin = column;
    caretCell = cells.size();
  }
  caretEnd = std::max(caretEnd, caretBegin + 1);

  // Cut on the left so that at most a third of the window stands before the caret, then on the right.
  size_t firstCell = 0;
  unsigned skipped = 0;
  if (column > maxWidth || cutLeft)
    while (firstCell < caretCell && caretBegin - skipped > maxWidth / 3) {
      skipped += cells[firstCell++].second;
      cutLeft = true;
    }
  ShownLine result;
  if (cutLeft)
    result.text = "...";
  unsigned shift = cutLeft ? 3 : 0, used = 0;
  for (size_t i = firstCell; i < cells.size(); ++i) {
    if (used + cells[i].second > maxWidth) {
      cutRight = true;
      break;
    }
    used += cells[i].second;
    result.text += cells[i].first;
  }
  if (cutRight)
    result.text += "...";
  result.caret = caretBegin - skipped + shift;
  unsigned visibleEnd = std::max(used + shift, result.caret + 1);
  result.caretWidth = std::min(caretEnd - skipped + shift, visibleEnd) - result.caret;
  return result;
}

static void printOne(const Diagnostic &diagnostic, raw_ostream &out) {
  bool isError = diagnostic.severity == Severity::Error;
  out.changeColor(raw_ostream::SAVEDCOLOR, /*Bold=*/true);
  out << place(diagnostic.range) << ": ";
  out.changeColor(isError ? raw_ostream::RED : raw_ostream::MAGENTA, /*Bold=*/true);
  out << (isError ? "error" : "warning") << '[' << name(diagnostic.code) << ']';
  out.resetColor();
  out.changeColor(raw_ostream::SAVEDCOLOR, /*Bold=*/true);
  out << ": " << printable(diagnostic.message);
  out.resetColor();
  out << '\n';

  if (const SourceFile *file = diagnostic.range.file) {
    LineColumn at = file->locate(diagnostic.range.begin);
    StringRef line = file->lineText(at.line);
    size_t begin = std::min<size_t>(diagnostic.range.begin - file->lineBegin(at.line), line.size());
    size_t end = std::min<size_t>(std::max(diagnostic.range.end, diagnostic.range.begin) - file->lineBegin(at.line),
                                  line.size());
    ShownLine shown = showLine(line, begin, end);
    out << llvm::format("%5u | ", at.line) << shown.text << '\n' << "      | ";
    out.indent(shown.caret);
    out.changeColor(raw_ostream::GREEN, /*Bold=*/true);
    out << std::string(shown.caretWidth, '^');
    out.resetColor();
    out << '\n';
  }
  for (const std::string &note : diagnostic.notes)
    out << "   " << printable(note) << '\n';
  for (const std::string &hint : diagnostic.hints) {
    out << "   ";
    out.changeColor(raw_ostream::CYAN, /*Bold=*/true);
    out << "hint:";
    out.resetColor();
    out << ' ' << printable(hint) << '\n';
  }
}

void DiagnosticEngine::print(raw_ostream &out, bool colour) const {
  out.enable_colors(colour);
  std::vector<const Diagnostic *> sorted;
  for (const Diagnostic &diagnostic : list)
    sorted.push_back(&diagnostic);
  auto key = [](const Diagnostic *d) {
    return std::tuple(d->range.file ? static_cast<int64_t>(d->range.file->order) : -1, d->range.begin);
  };
  llvm::stable_sort(sorted, [&](auto *a, auto *b) { return key(a) < key(b); });

  unsigned printed = 0, more = 0;
  for (size_t i = 0; i < sorted.size(); ++i) {
    const Diagnostic &diagnostic = *sorted[i];
    // One cause, one message: several instantiations of a layer fail at one place.
    bool repeated = false;
    for (size_t j = i; j-- > 0 && key(sorted[j]) == key(&diagnostic) && !repeated;)
      repeated =
          sorted[j]->code == diagnostic.code && (diagnostic.range.file || sorted[j]->message == diagnostic.message);
    if (repeated)
      continue;
    bool isError = diagnostic.severity == Severity::Error;
    if (printed >= maxPrinted) {
      more += isError;
      continue;
    }
    printed += isError;
    printOne(diagnostic, out);
  }
  if (list.size() >= maxKept)
    out << "... and many more errors\n";
  else if (more)
    out << "... and " << more << (more == 1 ? " more error\n" : " more errors\n");
  out.flush();
}
