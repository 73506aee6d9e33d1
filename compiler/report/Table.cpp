#include "compiler/report/Frame.h"
#include "compiler/report/Memory.h"

#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

#include <map>

using namespace nnc::report;
using llvm::StringRef;

namespace {
/// 1234567 -> "1,234,567".
std::string grouped(int64_t value) {
  std::string digits = std::to_string(value);
  for (int64_t at = int64_t(digits.size()) - 3; at > 0; at -= 3)
    digits.insert(at, ",");
  return digits;
}

/// What an entry needs, line by line: what it is, an expression, its value.
class EntryTable {
public:
  EntryTable(const EntryMemory &entry, const SizeValues &values, int64_t threads, llvm::raw_ostream &os)
      : entry(entry), values(values), threads(threads), os(os) {
    known = llvm::all_of(entry.sizes, [&](const std::string &size) { return values.contains(size); });
  }
  void print(StringRef model);

  std::string problem; ///< an expression without a value

private:
  static constexpr size_t kName = 34, kExpression = 40, kMost = 66;

  void header(StringRef model);
  void line(const llvm::Twine &name, const Bytes &bytes, bool mebibytes = false);
  void saved();
  std::string valueOf(const Bytes &bytes, bool mebibytes);

  const EntryMemory &entry;
  const SizeValues &values;
  int64_t threads;
  llvm::raw_ostream &os;
  bool known;
};

void EntryTable::header(StringRef model) {
  os << model << ", " << entry.name << ": bytes";
  bool usesThreads = false;
  entry.peak().forEachSymbol([&](StringRef name) { usesThreads |= name == kThreads; });
  std::vector<std::string> given;
  for (const std::string &size : entry.sizes)
    given.push_back(size + " = " + (known ? std::to_string(values.lookup(size)) : ""));
  if (usesThreads)
    given.push_back((kThreads + " = " + llvm::Twine(threads)).str());
  if (known && !given.empty())
    os << ", with " << llvm::join(given, ", ");
  os << "\n";
}

std::string EntryTable::valueOf(const Bytes &bytes, bool mebibytes) {
  std::optional<int64_t> value =
      bytes.evaluate([&](StringRef name) { return name == kThreads ? threads : values.lookup(name); });
  if (!value) {
    problem = bytes.str();
    return "";
  }
  std::string text = grouped(*value);
  if (mebibytes)
    text += llvm::formatv("  ({0:F1} MiB)", double(*value) / (1 << 20)).str();
  return text;
}

/// An expression that is too long for one line goes on below, its value stands behind its end.
void EntryTable::line(const llvm::Twine &name, const Bytes &bytes, bool mebibytes) {
  std::string text = name.str(), expression = bytes.str();
  bool isFirst = true;
  for (StringRef rest = expression; !rest.empty(); isFirst = false) {
    StringRef row = rest;
    if (rest.size() > kMost) { // after a sign of the sum, or else between values of a maximum
      size_t at = rest.take_front(kMost).rfind("+ ");
      if (at == StringRef::npos)
        at = rest.take_front(kMost).rfind(", ");
      if (at != StringRef::npos)
        row = rest.take_front(at + 1);
    }
    rest = rest.drop_front(row.size()).ltrim();
    os << llvm::left_justify(isFirst ? StringRef(text) : "", kName);
    if (isFirst && text.size() >= kName)
      os << "  ";
    if (rest.empty() && known)
      os << llvm::left_justify(row, kExpression) << "  " << valueOf(bytes, mebibytes);
    else
      os << row;
    os << "\n";
  }
}

void EntryTable::saved() {
  // In a layer, equal types together.
  llvm::MapVector<StringRef, llvm::MapVector<StringRef, int>> layers;
  std::vector<std::string> types;
  std::map<StringRef, Bytes> sums;
  Bytes all;
  for (const Saved &saved : entry.crossing.saved)
    types.push_back(nn::describe(nn::tensorType(saved.shape, saved.element)));
  for (auto [saved, type] : llvm::zip(entry.crossing.saved, types)) {
    ++layers[saved.layer][type];
    sums[saved.layer] = sums[saved.layer] + Bytes(saved.bytes());
    all = all + Bytes(saved.bytes());
  }
  os << "saved for the way back, by layer\n";
  for (auto &[layer, kinds] : layers) {
    line("  " + (layer.empty() ? "the train block" : layer), sums[layer]);
    std::vector<std::string> list;
    for (auto [type, count] : kinds)
      list.push_back((count > 1 ? std::to_string(count) + " x " : "") + type.str());
    os << "    " << llvm::join(list, ", ") << "\n";
  }
  line(layers.empty() ? "  nothing" : "  all of them", all);
  if (!entry.crossing.repeated.empty())
    os << "done again on the way back\n";
  for (auto &[layer, operations] : entry.crossing.repeated)
    os << "  " << llvm::left_justify(layer.empty() ? "the train block" : layer, kName - 2)
       << llvm::join(operations, ", ") << "\n";
}

void EntryTable::print(StringRef model) {
  header(model);
  if (entry.isTrain)
    saved();
  os << "held by the model\n";
  for (const Need &need : entry.model)
    line("  " + need.name, need.bytes);
  os << "held by the context\n";
  for (const Need &need : entry.context)
    line("  " + need.name, need.bytes);
  line("peak", entry.peak(), /*mebibytes=*/true);
  line("beside it, the caller's arguments", entry.arguments);
  if (!known) {
    os << "for numbers:";
    for (const std::string &size : entry.sizes)
      os << " -D " << size << "=" << (values.contains(size) ? std::to_string(values.lookup(size)) : "..");
    os << "\n";
  }
}
} // namespace

llvm::Expected<std::string> nnc::report::printMemory(llvm::ArrayRef<ModelMemory> models,
                                                     llvm::function_ref<SizeValues(const ModelMemory &)> valuesOf,
                                                     int64_t threads) {
  std::string text;
  llvm::raw_string_ostream os(text);
  for (const ModelMemory &model : models) {
    SizeValues values = valuesOf(model);
    for (const EntryMemory &entry : model.entries) {
      if (!text.empty())
        os << "\n";
      EntryTable table(entry, values, threads, os);
      table.print(model.name);
      if (!table.problem.empty())
        return llvm::createStringError("for these sizes `%s` bytes of %s, %s is no whole number below 2^63",
                                       table.problem.c_str(), model.name.c_str(), entry.name.c_str());
    }
  }
  return text;
}
