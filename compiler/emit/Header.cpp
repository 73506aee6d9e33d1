#include "compiler/emit/Header.h"

#include "compiler/emit/Embedded.h"
#include "compiler/emit/ModelFunctions.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;

namespace nnc::emit {
namespace {

constexpr StringRef threadRules =
    "A model holds the parameters; any number of contexts, one per user, share it. A context serves one thread at a\n"
    "time. Different contexts may be used from different threads at once, and so may save, checkpoint, get and\n"
    "context_create. Calls that say that they need the model exclusively (load, load_part, set, resume, use_average,\n"
    "train steps and entries that write a buffer) must not run while any other call uses the model or one of its\n"
    "contexts.\n"
    "Tensors are dense, row after row, and aligned as their element type; outputs must not overlap anything else.\n"
    "After a fork the child runs with one thread.";

/// A comment whose lines can neither end it nor open another one.
class Comment {
public:
  explicit Comment(raw_ostream &os) : os(os) {}
  ~Comment() { os << (empty ? "" : " */\n"); }

  void text(StringRef text) {
    if (text.empty())
      return;
    for (StringRef line : split(text, '\n'))
      add(line);
  }
  /// A blank line between two parts.
  void gap() { pendingGap = !empty; }

private:
  void add(StringRef line) {
    std::string clean;
    for (char c : line.rtrim()) {
      bool meetsDelimiter = !clean.empty() && ((clean.back() == '*' && c == '/') || (clean.back() == '/' && c == '*'));
      if (meetsDelimiter)
        clean += ' ';
      clean += isPrint(c) || (c & 0x80) ? c : ' ';
    }
    if (!empty)
      os << (pendingGap ? "\n *\n" : "\n");
    pendingGap = false;
    os << (empty ? "/* " : clean.empty() ? " *" : " * ") << clean;
    empty = false;
  }

  raw_ostream &os;
  bool empty = true, pendingGap = false;
};

/// Rows of two columns, the second one aligned, long texts continued below.
void table(Comment &comment, ArrayRef<std::pair<std::string, std::string>> rows) {
  size_t width = 0;
  for (const auto &[name, text] : rows)
    width = std::max(width, std::min<size_t>(name.size(), 40));
  for (const auto &[name, text] : rows) {
    std::string start = name + std::string(width > name.size() ? width - name.size() : 0, ' ');
    for (StringRef line : split(text, '\n')) {
      comment.text("  " + start + "  " + line.str());
      start.assign(width, ' ');
    }
  }
}

/// A parameter's name in a prototype means nothing to the linker, so what would hide a type of this header is changed.
std::string safeName(StringRef name) {
  constexpr StringRef taken[] = {"int8_t",   "int32_t",   "int64_t", "uint8_t", "uint16_t", "uint32_t",
                                 "uint64_t", "nn_status", "nn_type", "linux",   "unix",     "nn_graph"};
  return name.str() + (is_contained(taken, name) ? "_" : "");
}

std::string declare(const Argument &argument) {
  std::string name = safeName(argument.name);
  std::string type = argument.kind == ArgumentKind::Graph ? "nn_graph" : cType(elementType(argument)).str();
  switch (argument.kind) {
  case ArgumentKind::Size:
    return type + " " + name;
  case ArgumentKind::Scalar:
    return argument.optional ? "const " + type + " *" + name : type + " " + name;
  case ArgumentKind::Input:
  case ArgumentKind::Graph:
    return "const " + type + " *" + name;
  case ArgumentKind::Output:
    return type + " *" + name;
  }
  llvm_unreachable("argument kind");
}

std::string describe(const Argument &argument) {
  std::string text;
  if (argument.kind == ArgumentKind::Size)
    text = "size";
  else if (argument.kind == ArgumentKind::Graph)
    text = "graph";
  else
    text = (typeName(elementType(argument)) + (argument.shape.empty() ? "" : " ") + shapeText(argument.shape)).str();
  if (argument.optional)
    text += ", may be NULL";
  if (argument.kind == ArgumentKind::Output)
    text += ", written";
  if (!argument.doc.empty())
    text += ": " + argument.doc;
  return text;
}

void writeEntry(raw_ostream &os, const Model &model, const Entry &entry) {
  os << '\n';
  {
    Comment comment(os);
    comment.text(entry.doc.empty() ? "Entry `" + entry.name + "`." : entry.doc);
    comment.gap();
    std::vector<std::pair<std::string, std::string>> rows;
    for (const Argument &argument : entry.arguments)
      rows.emplace_back(argument.name, describe(argument));
    table(comment, rows);
    comment.gap();
    if (entry.isTrain)
      comment.text(
          "A training step: needs the model exclusively. NN_NUMERIC: the loss is not finite; it and the metrics\n"
          "are written, and nothing has changed.");
    else if (!entry.writes.empty())
      comment.text("Writes buffers: needs the model exclusively.");
  }
  std::string line = formatv("nn_status {0}({1}_context *", entry.function, model.cName);
  for (const Argument &argument : entry.arguments)
    line += ", " + declare(argument);
  os << line << ");\n";
}

void writeParameters(Comment &comment, const Model &model, bool buffers) {
  std::vector<std::pair<std::string, std::string>> rows;
  for (const Parameter &parameter : model.parameters) {
    if (parameter.isBuffer != buffers || !parameter.train.empty())
      continue;
    std::string text = typeName(parameter.type).str();
    if (!parameter.shape.empty())
      text += " " + shapeText(parameter.shape);
    for (size_t i = 0; i + 1 < parameter.repeats.size(); i += 2)
      text += formatv("{0} {1} .. {2}", i ? " and" : ", # =", parameter.repeats[i],
                      parameter.repeats[i] + parameter.repeats[i + 1] - 1);
    if (!parameter.isInitialised())
      text += ", must be loaded or set";
    if (!parameter.doc.empty())
      text += ": " + parameter.doc;
    rows.emplace_back(parameter.path, text);
  }
  if (rows.empty())
    return;
  comment.gap();
  comment.text(buffers ? "Buffers:" : "Parameters:");
  table(comment, rows);
}

void writeStates(Comment &comment, const Model &model) {
  std::vector<std::pair<std::string, std::string>> rows;
  for (const State &state : model.states)
    rows.emplace_back(state.path, (typeName(state.type) + (state.shape.empty() ? "" : " ") + shapeText(state.shape) +
                                   (state.doc.empty() ? "" : ": ") + state.doc)
                                      .str());
  if (rows.empty())
    return;
  comment.gap();
  comment.text("States of a context:");
  table(comment, rows);
}

void writeModel(raw_ostream &os, const Model &model) {
  os << '\n';
  {
    Comment comment(os);
    comment.text("Model " + model.name + ".");
    comment.gap();
    comment.text(model.doc);
    writeParameters(comment, model, /*buffers=*/false);
    writeParameters(comment, model, /*buffers=*/true);
    writeStates(comment, model);
  }
  os << formatv("typedef struct {0} {0};\ntypedef struct {0}_context {0}_context;\n", model.cName);
  for (const Entry &entry : model.entries)
    writeEntry(os, model, entry);
  for (const ModelFunction &function : modelFunctions(model)) {
    os << '\n';
    Comment(os).text(function.doc);
    for (char c : function.declaration) {
      if (c == '@')
        os << model.cName;
      else if (c == '$')
        for (const std::string &size : model.stateSizes)
          os << "int64_t " << safeName(size) << ", ";
      else if (c == '%')
        os << model.cName << '_' << function.suffix;
      else
        os << c;
    }
    os << ";\n";
  }
}

} // namespace

std::string headerText(const Interface &interface) {
  std::string guard = "NNC_LIBRARY", names, text;
  for (const Model &model : interface.models) {
    guard += "_" + StringRef(model.cName).upper();
    names += (names.empty() ? "" : ", ") + model.name;
  }
  guard += "_H";
  raw_string_ostream os(text);
  {
    Comment comment(os);
    comment.text("C interface of " + names + ", made by nnc from the program. Changes here are lost.");
    comment.gap();
    comment.text(threadRules);
  }
  os << formatv("#ifndef {0}\n#define {0}\n\n", guard) << embeddedNncHeader();
  os << "\n#ifdef __cplusplus\nextern \"C\" {\n#endif\n";
  for (const Model &model : interface.models)
    writeModel(os, model);
  os << formatv("\n#ifdef __cplusplus\n}\n#endif\n#endif /* {0} */\n", guard);
  return text;
}

} // namespace nnc::emit
