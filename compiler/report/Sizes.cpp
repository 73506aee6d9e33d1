#include "compiler/report/Sizes.h"

#include "llvm/ADT/StringExtras.h"

using namespace nnc::report;
using llvm::StringRef;

std::vector<SizeDefinition> nnc::report::readSizes(llvm::ArrayRef<std::string> definitions,
                                                   llvm::ArrayRef<ModelMemory> models, std::vector<Refusal> &refusals) {
  std::vector<SizeDefinition> sizes;
  for (const std::string &text : definitions) {
    auto [left, right] = StringRef(text).split('=');
    auto [model, name] = left.contains('.') ? left.split('.') : std::pair(StringRef(), left);
    std::string shown = "`-D " + text + "`: ";
    SizeDefinition size{text, model.trim().str(), name.trim().str(), 0};
    if (size.name.empty() || right.trim().empty()) {
      refusals.push_back({false, shown + "a definition is `-D name=value` or `-D Model.name=value`", {}, ""});
      continue;
    }
    Refusal unknown{true, "", {}, size.name};
    bool isKnown = false;
    for (const ModelMemory &m : models)
      if (size.model.empty() || size.model == m.name)
        for (const EntryMemory &entry : m.entries)
          for (const std::string &other : entry.sizes) {
            isKnown |= other == size.name;
            unknown.known.push_back(other);
          }
    if (!isKnown) {
      unknown.message = shown +
                        (size.model.empty() ? "no exported model has a setting or a size `"
                                            : "there is no exported model with a setting or a size `") +
                        left.trim().str() + "`";
      refusals.push_back(std::move(unknown));
    } else if (right.trim().getAsInteger(10, size.value) || size.value < 0 || size.value >= nn::Dim::kLimit) {
      refusals.push_back({false, shown + "a size is a whole number, 0 or more and below 2^47", {}, ""});
    } else {
      sizes.push_back(std::move(size));
    }
  }
  return sizes;
}

/// A definition for one model counts more than one for all.
SizeValues nnc::report::valuesFor(const ModelMemory &model, llvm::ArrayRef<SizeDefinition> sizes) {
  SizeValues values;
  for (bool own : {false, true})
    for (const SizeDefinition &size : sizes)
      if (own ? size.model == model.name : size.model.empty())
        values[size.name] = size.value;
  return values;
}
