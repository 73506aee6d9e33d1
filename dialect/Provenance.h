// Where an operation comes from: the layers of the program that it belongs to, and whether it was made for a
// derivative. Both are kept in its location, so whatever hands locations on keeps them.
#ifndef NNC_DIALECT_PROVENANCE_H
#define NNC_DIALECT_PROVENANCE_H

#include "mlir/IR/Location.h"
#include "mlir/IR/Operation.h"

namespace nn {

/// The place of a call of a layer. `path` is what the caller knows it by, "" for the model itself.
mlir::Location inLayer(mlir::Location place, llvm::StringRef path);
/// The place of a call of a function whose body is put there.
mlir::Location inFunction(mlir::Location place, llvm::StringRef name);

/// "blocks.0-11.attention": the layers around an operation, the outermost first. Outside of layers the outermost
/// function, "cross_entropy()"; "" outside of both.
std::string layerOf(mlir::Location place);
/// What a function that is called in `outer` knows as `inner`; both are results of layerOf.
std::string layerWithin(llvm::StringRef outer, llvm::StringRef inner);

/// Pass of a derivative.
enum class Way : uint8_t {
  Forth, ///< the program's own
  Back,  ///< made by a rule of a derivative
  Again, ///< done once more for the way back
};
Way wayOf(mlir::Location place);
/// For all operations inside as well. What is done again stays that when it becomes part of the way back.
void setWay(mlir::Operation *op, Way way);

} // namespace nn
#endif // NNC_DIALECT_PROVENANCE_H
