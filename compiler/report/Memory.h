// `nnc --report=memory`: what calls of a library need, and what its training steps save, as expressions of sizes.
#ifndef NNC_COMPILER_REPORT_MEMORY_H
#define NNC_COMPILER_REPORT_MEMORY_H

#include "compiler/emit/Interface.h"
#include "compiler/report/Bytes.h"
#include "compiler/report/Crossing.h"

#include "llvm/ADT/StringMap.h"

namespace nnc::report {

/// A group of bytes that a call needs: "parameters", "optimizer state (m, v)".
struct Need {
  std::string name;
  Bytes bytes;
};

/// One entry of a model.
struct EntryMemory {
  std::string name; ///< "train_step"
  bool isTrain = false;
  std::vector<std::string> sizes; ///< free dimensions, in the order of the entry
  std::vector<Need> model;        ///< what the model holds for it
  std::vector<Need> context;      ///< what the context holds; the workspace last
  Bytes arguments;                ///< inputs and outputs: the caller's
  Crossing crossing;              ///< of a train step
  Bytes peak() const;
};

struct ModelMemory {
  std::string name;
  std::vector<EntryMemory> entries;
};

/// Of a module that the phase `places` has been run on.
std::vector<ModelMemory> describeMemory(mlir::ModuleOp module, const emit::Interface &library);

/// A value for each size; those of sizes that an entry does not have do not matter.
using SizeValues = llvm::StringMap<int64_t>;

/// The report for people. Numbers stand beside the expressions of an entry if all its sizes are known. An expression
/// that has no value there (a quotient that is not whole, or too large) is an error.
llvm::Expected<std::string> printMemory(llvm::ArrayRef<ModelMemory> models,
                                        llvm::function_ref<SizeValues(const ModelMemory &)> valuesOf, int64_t threads);

} // namespace nnc::report
#endif // NNC_COMPILER_REPORT_MEMORY_H
