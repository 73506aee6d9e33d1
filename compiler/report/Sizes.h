// Sizes on the command line of a report: `-D B=64`, beside the settings of models.
#ifndef NNC_COMPILER_REPORT_SIZES_H
#define NNC_COMPILER_REPORT_SIZES_H

#include "compiler/report/Memory.h"

#include <optional>

namespace nnc::report {

/// `-D name=value` or `-D Model.name=value`.
struct SizeDefinition {
  std::string text; ///< as written
  std::string model, name;
  int64_t value = 0;
};

/// Why a definition is refused.
struct Refusal {
  bool isUnknown; ///< no model has such a size; else it is no definition of a size
  std::string message;
  std::vector<std::string> known; ///< for "did you mean"
  std::string name;
};

/// Takes definitions apart and checks them against the sizes of all entries.
std::vector<SizeDefinition> readSizes(llvm::ArrayRef<std::string> definitions, llvm::ArrayRef<ModelMemory> models,
                                      std::vector<Refusal> &refusals);
SizeValues valuesFor(const ModelMemory &model, llvm::ArrayRef<SizeDefinition> sizes);

} // namespace nnc::report
#endif // NNC_COMPILER_REPORT_SIZES_H
