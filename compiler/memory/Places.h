// Types of places and the strides of views: shared by the passes of this room.
#ifndef NNC_COMPILER_MEMORY_PLACES_H
#define NNC_COMPILER_MEMORY_PLACES_H

#include "dialect/Dialect.h"

namespace nnc {

/// A contiguous place for a tensor.
nn::RefType placeType(mlir::Type tensor);
/// Bytes an element takes in memory.
int64_t elementBytes(mlir::Type element);
/// Bytes of a contiguous place of this tensor or place type.
nn::Dim bytesOf(mlir::Type type);
/// Places of slabs and frames begin at multiples of this.
constexpr int64_t kAlignment = 64;

/// How a view reads its operand's memory.
struct Strides {
  nn::Shape strides;
  nn::Dim offset = 0;
};
Strides broadcastStrides(nn::RefType x, llvm::ArrayRef<int64_t> axes, const nn::Shape &to);
Strides transposeStrides(nn::RefType x, llvm::ArrayRef<int64_t> permutation);
Strides sliceStrides(nn::RefType x, const nn::Shape &offsets);
/// Empty if the new axes can not be walked with strides in the memory of x.
std::optional<Strides> reshapeStrides(nn::RefType x, const nn::Shape &to);

/// Whether this kernel had better write its result with these strides than in order: maps turn what they read, rows
/// walk in any direction but want to read and write along the same axis, attention and neighbourhoods write row by row.
bool writesWell(mlir::Operation *kernel, llvm::function_ref<nn::RefType(mlir::Value)> placeOf,
                const nn::Shape &strides);

/// The argument of the function that holds exactly these elements, if there is one.
mlir::BlockArgument argumentOf(mlir::Value place);
/// What `nn.entry` says about an argument of an entry; null for others.
mlir::DictionaryAttr describe(mlir::BlockArgument argument);
/// True if all integers that this operation of an entry looks at are an argument: the entry looks before it runs.
bool isCheckedBefore(nn::CheckedOpInterface op);

} // namespace nnc
#endif // NNC_COMPILER_MEMORY_PLACES_H
