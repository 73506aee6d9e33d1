// Gives the values of one function places: what the files of the pass `bufferize` share.
#ifndef NNC_COMPILER_MEMORY_BUFFERIZER_H
#define NNC_COMPILER_MEMORY_BUFFERIZER_H

#include "compiler/Passes.h"
#include "compiler/memory/Overwrites.h"
#include "compiler/memory/Places.h"

namespace nnc {
using namespace mlir;
using namespace nn;

/// Rewrites one function in place. Values are tensors before and places after; `places` holds both.
class Bufferizer {
public:
  /// `offsets` of parameters and packed copies in their slabs; `numbers` of states.
  Bufferizer(func::FuncOp function, const llvm::StringMap<int64_t> &offsets, const llvm::StringMap<int64_t> &numbers)
      : function(function), overwrites(function), offsets(offsets), numbers(numbers), b(function.getContext()),
        context(function.getContext()) {}

  LogicalResult run();

private:
  LogicalResult block(Block &body);
  LogicalResult operation(Operation *op);
  void kernel(Operation *op);
  SmallVector<Value> placesOfSums(NeighbourhoodOp op);
  void view(Operation *op, Value x, std::optional<Strides> strides);
  void slice(SliceOp op);
  void concat(ConcatOp op);
  void pad(PadOp op);
  void fill(Operation *op, Value place, function_ref<Value(OpBuilder &, Location)> value);
  void call(CallOp op);
  void scan(ScanOp op);
  void finish(Operation *terminator, ArrayRef<Value> targets);
  void fillOptional(ArrayRef<BlockArgument> arguments);

  // Storage.cpp: parameters, buffers and states
  Value storage(StringRef path, Type tensor);
  void storeInPlace(Block &body);
  void store();
  void update(UpdateOp op);

  /// The place of a value that some operation will write; made on demand, so that producers write where the value ends
  /// up.
  Value destination(Value tensor);
  Value partOf(OpOperand &part, bool gaps);
  Value alloc(Type tensor);
  Value contiguous(Value place, Location loc);
  bool needsContiguous(Operation *op, Value operand);
  void copy(Value from, Value to, Location loc) { CopyOp::create(b, loc, TypeRange(), from, ValueRange(to)); }
  Value viewOf(Value place, const Shape &shape, const Strides &s, Location loc) {
    return ViewOp::create(b, loc, place, shape, s.strides, s.offset);
  }

  func::FuncOp function;
  Overwrites overwrites;
  const llvm::StringMap<int64_t> &offsets, &numbers;
  OpBuilder b;
  MLIRContext *context;
  DenseMap<Value, Value> places;
  DenseMap<Value, Value> targets;  ///< values that end a block, and where they must be then
  DenseMap<Value, Value> parts;    ///< values that were made where they are joined, and their places there
  DenseMap<Value, Value> optional; ///< arguments that may be NULL, and what the function reads instead
  SmallVector<Operation *> done;
  SmallVector<Attribute> packs; ///< functions that make the packed copies read here
  SmallVector<StoreOp> stores;
  llvm::StringMap<Value> storages; ///< places of parameters, buffers and states
  Value team, tid, parameters, packed, states, frame;
};

} // namespace nnc
#endif // NNC_COMPILER_MEMORY_BUFFERIZER_H
