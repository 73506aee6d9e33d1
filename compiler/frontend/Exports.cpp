// What C sees: the names of models, entries and arguments.
#include "compiler/frontend/Resolver.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSwitch.h"

using namespace nnc::frontend;
using llvm::StringRef;

/// A name splits before a capital that follows a small letter or a digit, or that a small letter follows.
std::string nnc::frontend::cName(StringRef name) {
  std::string result;
  for (size_t i = 0; i < name.size(); ++i) {
    bool capital = llvm::isUpper(name[i]);
    bool before = i > 0 && (llvm::isLower(name[i - 1]) || llvm::isDigit(name[i - 1]));
    bool after = i > 0 && llvm::isUpper(name[i - 1]) && i + 1 < name.size() && llvm::isLower(name[i + 1]);
    if (capital && (before || after))
      result += '_';
    result += llvm::toLower(name[i]);
  }
  return result;
}

/// Keywords of C and C++, and what their headers define as macros or as types that ours use.
static bool isTakenInC(StringRef name) {
  return llvm::StringSwitch<bool>(name)
      .Cases({"auto", "break", "case", "char", "const", "continue", "default", "do", "double", "else", "enum"}, true)
      .Cases({"extern", "float", "for", "goto", "if", "inline", "int", "long", "register", "restrict", "return"}, true)
      .Cases({"short", "signed", "sizeof", "static", "struct", "switch", "typedef", "union", "unsigned", "void"}, true)
      .Cases({"volatile", "while", "alignas", "alignof", "and", "and_eq", "asm", "bitand", "bitor", "bool"}, true)
      .Cases({"catch", "char8_t", "char16_t", "char32_t", "class", "compl", "concept", "consteval", "constexpr"}, true)
      .Cases({"constinit", "const_cast", "co_await", "co_return", "co_yield", "decltype", "delete"}, true)
      .Cases({"dynamic_cast", "explicit", "export", "false", "friend", "mutable", "namespace", "new", "noexcept"}, true)
      .Cases({"not", "not_eq", "nullptr", "operator", "or", "or_eq", "private", "protected", "public"}, true)
      .Cases({"reinterpret_cast", "requires", "static_assert", "static_cast", "template", "this"}, true)
      .Cases({"thread_local", "throw", "true", "try", "typeid", "typename", "typeof", "typeof_unqual"}, true)
      .Cases({"using", "virtual", "wchar_t", "xor", "xor_eq"}, true)
      .Cases({"NULL", "EOF", "unix", "linux", "main", "int8_t", "int16_t", "int32_t", "int64_t"}, true)
      .Cases({"uint8_t", "uint16_t", "uint32_t", "uint64_t", "size_t"}, true)
      .Default(false);
}

namespace {
class Exports {
public:
  Exports(Program &program, const LoadOptions &options, DiagnosticEngine &diagnostics)
      : program(program), options(options), diagnostics(diagnostics) {}

  void run();

private:
  void model(Layer &model);
  void entry(Layer &model, Name name, const Signature &signature, StringRef function, bool train);
  void claim(const std::string &cName, Range where, const llvm::Twine &what);
  void checkName(Name name, StringRef what, StringRef inC);

  Program &program;
  const LoadOptions &options;
  DiagnosticEngine &diagnostics;
  llvm::StringMap<std::pair<Range, std::string>> taken; // C names of the library
};
} // namespace

void Exports::claim(const std::string &cName, Range where, const llvm::Twine &what) {
  auto [place, isNew] = taken.try_emplace(cName, where, what.str());
  if (!isNew)
    diagnostics
        .error(Code::NN0808, where,
               what + " would be called `" + cName + "` in C, as " + place->second.second + " at " +
                   placeSeenFrom(place->second.first, where) + " is")
        .hint("choose another name for one of them");
}

void Exports::checkName(Name name, StringRef what, StringRef inC) {
  if (isTakenInC(name.text) || isTakenInC(inC))
    diagnostics
        .error(Code::NN0809, name.range,
               "the " + what + " `" + name.text + "` cannot have this name in C" +
                   (inC != name.text ? ", where it is `" + inC.str() + "`" : std::string()))
        .hint("`" + inC + "` is a word of C or C++; choose another name");
}

void Exports::run() {
  for (Declaration *declaration : program.main().declarations) {
    if (auto *layer = llvm::dyn_cast<Layer>(declaration); layer && layer->isModel && !layer->broken)
      program.models.push_back(layer);
    auto *train = llvm::dyn_cast<Train>(declaration);
    if (train && train->model && !options.inference)
      program.trains.push_back(train);
  }
  for (Layer *layer : program.models)
    model(*layer);
}

void Exports::model(Layer &model) {
  std::string prefix = cName(model.name.text);
  checkName(model.name, "model", prefix);
  StringRef first = StringRef(prefix).split('_').first;
  if (model.name.isPrivate() || first == "nn" || first == "nnrt" || first == "nnc" || prefix == "pthread")
    diagnostics
        .error(Code::NN0809, model.name.range,
               "the model `" + model.name.text + "` cannot have this name in C, where it is `" + prefix + "`")
        .hint(model.name.isPrivate() ? "names that begin with `_` belong to C itself"
                                     : "names that begin with `" + first.str() + "_` belong to a library of that name");
  std::string name = ("the model `" + model.name.text + "`").str();
  for (const char *suffix : {"",
                             "_context",
                             "_create",
                             "_destroy",
                             "_load",
                             "_load_part",
                             "_save",
                             "_get",
                             "_set",
                             "_parameter_count",
                             "_parameter_info",
                             "_abi_version",
                             "_manifest",
                             "_error",
                             "_context_create",
                             "_context_destroy",
                             "_context_error",
                             "_context_set_threads",
                             "_reset",
                             "_call",
                             "_checkpoint",
                             "_resume",
                             "_use_average"})
    claim(prefix + suffix, model.name.range, *suffix ? "the function `" + prefix + suffix + "` of " + name : name);

  if (model.hasArguments)
    entry(model, {"forward", model.name.range}, model.signature, prefix + "_forward", false);
  for (Function *function : model.functions())
    if (!function->name.isPrivate() && !function->broken)
      entry(model, function->name, function->signature, prefix + "_" + cName(function->name.text), false);
  for (Train *train : program.trains)
    if (train->model == &model)
      entry(model, train->turn ? train->turn : train->name, train->signature,
            prefix + "_" + (train->turn ? cName(train->turn.text) : "train") + "_step", true);
}

void Exports::entry(Layer &model, Name name, const Signature &signature, StringRef function, bool train) {
  StringRef kind = train ? "turn" : "entry";
  bool reserved = llvm::StringSwitch<bool>(name.text)
                      .Cases({"create", "load", "save", "get", "set", "destroy", "reset", "error", "context"}, true)
                      .Default(false);
  if (reserved && !train) {
    diagnostics
        .error(Code::NN0809, name.range,
               "an entry cannot be called `" + name.text + "`: every model has a C function of this name")
        .hint("choose another name, or begin it with `_` if only the model itself calls it");
    return;
  }
  if (name.range.begin != model.name.range.begin && !(train && name.text == model.name.text))
    checkName(name, kind, name.text);
  claim(function.str(), name.range, "the " + kind + " `" + name.text + "` of `" + model.name.text + "`");

  llvm::StringMap<Range> parameters;
  auto parameter = [&](Name name, StringRef what) {
    checkName(name, what, name.text);
    auto [place, isNew] = parameters.try_emplace(name.text, name.range);
    if (!isNew && what == "result") // others were compared with each other by Resolve
      diagnostics
          .error(Code::NN0808, name.range,
                 "the C function `" + function + "` would have two arguments called `" + name.text + "`")
          .note("the other one is at " + placeSeenFrom(place->second, name.range))
          .hint("arguments, sizes and results of an entry need different names");
  };
  for (const FreeDim *dim : signature.freeDims)
    parameter(dim->name, "free dimension");
  for (const Argument *argument : signature.arguments) {
    parameter(argument->name, "argument");
    if (!argument->type && !train)
      diagnostics
          .error(Code::NN0402, argument->range,
                 "the argument `" + argument->name.text + "` of an exported entry needs a type")
          .hint("`" + argument->name.text +
                ": float[...]`; or begin the entry's name with `_` if only the model calls it");
  }
  if (train)
    parameter({"loss", name.range}, "result");
  bool named = train || signature.results.size() > 1;
  for (const Result &result : signature.results) {
    if (result.name)
      parameter(result.name, "result");
    else if (named)
      diagnostics
          .error(Code::NN0403, result.type->range,
                 train ? "a metric needs a name" : "of several results, each needs a name")
          .hint("names of C arguments: `-> (logits: float[B, C], aux: float)`");
    else
      parameter({"out", result.type->range}, "result");
  }
}

void nnc::frontend::checkExports(Program &program, const LoadOptions &options, DiagnosticEngine &diagnostics) {
  Exports(program, options, diagnostics).run();
}
