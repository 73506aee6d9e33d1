// The C functions of a model beside its entries, as one table: header, descriptor and version script are made from it.
#ifndef NNC_COMPILER_EMIT_MODELFUNCTIONS_H
#define NNC_COMPILER_EMIT_MODELFUNCTIONS_H

#include "compiler/emit/Interface.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

namespace nnc::emit {

/// A function `<model>_<suffix>` that hands its arguments on to the runtime's `callee`.
struct ModelFunction {
  llvm::StringRef suffix;
  /// In C, with '@' for the model's prefix and '%' for the whole name: "nn_status %(@ *model, const char *path)".
  llvm::StringRef declaration;
  llvm::StringRef doc;
  llvm::StringRef callee; ///< "" if the function returns a constant of the library
  /// Machine types, the result's first: p pointer, i int32_t, l int64_t or uint64_t, v void, s the sizes of the states
  /// (in `declaration` '$': each with its type and a comma).
  llvm::StringRef types;
  bool takesTable = false;                           ///< the callee's first argument is the model's nnrt_model
  enum { Always, Training, Average } where = Always; ///< which models have it
};

/// Those of a model, in the order of the header.
std::vector<ModelFunction> modelFunctions(const Model &model);

/// The functions of nnc.h, which every library exports; the runtime defines them.
llvm::ArrayRef<llvm::StringRef> sharedFunctions();

/// All C functions of a library, in the order of the header.
std::vector<std::string> exportedSymbols(const Interface &interface);

/// "float" for NN_F32: how C holds one element.
llvm::StringRef cType(nn_type type);
/// "f32" for NN_F32: how the language calls it.
llvm::StringRef typeName(nn_type type);
/// The type of one element; sizes are i64.
nn_type elementType(const Argument &argument);
/// "[B, 2 * d]"; "" for rank 0.
std::string shapeText(llvm::ArrayRef<std::string> shape);
std::string shapeText(llvm::ArrayRef<int64_t> shape);

} // namespace nnc::emit

#endif // NNC_COMPILER_EMIT_MODELFUNCTIONS_H
