// Errors and warnings: collected, then printed in the order of the file.
#pragma once

#include "compiler/frontend/Source.h"
#include "llvm/ADT/Twine.h"
#include <deque>
#include <optional>
#include <string>
#include <vector>

namespace llvm {
class raw_ostream;
}

namespace nnc::frontend {

/// One value per line of Codes.def.
enum class Code : unsigned {
#define NN_CODE(number, title) NN##number,
#include "compiler/frontend/Codes.def"
#undef NN_CODE
};

/// `NN0203`.
llvm::StringRef name(Code code);
/// The code that is called so.
std::optional<Code> codeNamed(llvm::StringRef name);
/// One phrase, the headline of the explanation.
llvm::StringRef title(Code code);
/// The page of `nnc --explain`, in Markdown; nothing if there is no such code.
std::optional<llvm::StringRef> explanation(llvm::StringRef code);

enum class Severity { Error, Warning };

/// One message. Whoever reports it adds notes and a hint to the reference that `error` returns:
///   diagnostics.error(Code::NN0301, range, "there is no value `hiden` here").hint("did you mean `hidden`?");
struct Diagnostic {
  Severity severity;
  Code code;
  Range range;
  std::string message;
  std::vector<std::string> notes, hints;

  /// A line below the source line. Without a line break.
  Diagnostic &note(const llvm::Twine &text) {
    notes.push_back(text.str());
    return *this;
  }
  /// What the user may do about it. An empty one is none.
  Diagnostic &hint(const llvm::Twine &text) {
    if (!text.isTriviallyEmpty() && !text.str().empty())
      hints.push_back(text.str());
    return *this;
  }
};

/// Collects messages. Printing sorts them by place, drops what stands twice and stops after 20 errors.
class DiagnosticEngine {
public:
  /// The reference stays valid until the engine is destroyed.
  Diagnostic &error(Code code, Range range, const llvm::Twine &message);
  /// Dropped inside the standard library.
  Diagnostic &warning(Code code, Range range, const llvm::Twine &message);

  bool hasErrors() const { return errors != 0; }
  /// Errors reported so far, repeated ones included.
  unsigned errorCount() const { return errors; }
  bool empty() const { return list.empty(); }

  void print(llvm::raw_ostream &out, bool colour) const;

private:
  Diagnostic &add(Severity severity, Code code, Range range, std::string message);

  std::deque<Diagnostic> list;
  std::optional<Diagnostic> dropped; // what exceeds the memory we spend on messages
  unsigned errors = 0;
};

} // namespace nnc::frontend
