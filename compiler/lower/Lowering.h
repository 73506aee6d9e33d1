// What every lowering of a kernel needs, written once: sizes and addresses as code, loops, shares of threads, the body
// of a kernel at a vector width, reads and writes with masks.
//
// A function that is lowered has the arguments (team: ptr, tid: i32, one i64 per name in `nn.dims`, places.., frame:
// ptr). All index arithmetic is i64.
#ifndef NNC_COMPILER_LOWER_LOWERING_H
#define NNC_COMPILER_LOWER_LOWERING_H

#include "compiler/target/cpu/TargetMachine.h"
#include "dialect/Dialect.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/IRMapping.h"

namespace nnc {

/// The value of an integer that is known while lowering.
std::optional<int64_t> constantOf(mlir::Value v);

/// A share [from, to) of a range.
struct Share {
  mlir::Value from, to;
};

/// Lowers the kernels of one function, in order.
class Lowering {
public:
  Lowering(mlir::func::FuncOp function, const cpu::Cpu &target);

  mlir::OpBuilder b;
  mlir::Location loc;
  const cpu::Cpu &target;

  // ---- numbers ----
  mlir::Value constant(int64_t value);           ///< i64
  mlir::Value add(mlir::Value a, mlir::Value c); ///< i64, folding 0
  mlir::Value mul(mlir::Value a, mlir::Value c); ///< i64, folding 0 and 1
  mlir::Value sub(mlir::Value a, mlir::Value c);
  mlir::Value minimum(mlir::Value a, mlir::Value c); ///< signed
  mlir::Value maximum(mlir::Value a, mlir::Value c);
  mlir::Value quotient(mlir::Value a, int64_t c); ///< rounded down, a >= 0
  mlir::Value ceilQuotient(mlir::Value a, int64_t c);
  mlir::Value ceilQuotient(mlir::Value a, mlir::Value c); ///< a >= 0, c > 0
  mlir::Value less(mlir::Value a, mlir::Value c);         ///< signed, i1
  /// The value of a size: computed once, at the beginning of the function.
  mlir::Value size(const nn::Dim &dim);

  // ---- places ----
  /// The address of the first element of a place.
  mlir::Value pointer(mlir::Value ref);
  void setPointer(mlir::Value ref, mlir::Value pointer) { pointers[ref] = pointer; }
  /// base + offset elements.
  mlir::Value advance(mlir::Value base, mlir::Value offset, mlir::Type element);
  /// The element type as it lies in memory: a byte for bool.
  mlir::Type memoryType(mlir::Type element);
  /// Offset in elements of position `index` (one i64 per axis).
  mlir::Value offset(const nn::Shape &strides, mlir::ValueRange index);

  // ---- elements ----
  mlir::Type vectorOf(mlir::Type element, int64_t width); ///< the scalar itself for width 1
  mlir::Value splat(mlir::Value scalar, int64_t width);
  /// `width` elements from `base`; width 1 is a scalar. With a mask the other lanes are 0 and not read.
  /// `alignment` in bytes, 0: that of the element.
  mlir::Value load(mlir::Value base, mlir::Type element, int64_t width, mlir::Value mask = {}, int64_t alignment = 0);
  void store(mlir::Value value, mlir::Value base, mlir::Type element, mlir::Value mask = {}, int64_t alignment = 0);
  /// `width` elements that lie `stride` elements apart (an i64 value). Constant strides 0 and 1 are best told by the
  /// type.
  mlir::Value loadStrided(mlir::Value base, mlir::Type element, mlir::Value stride, int64_t width,
                          mlir::Value count = {});
  void storeStrided(mlir::Value value, mlir::Value base, mlir::Type element, mlir::Value stride,
                    mlir::Value count = {});
  /// first, first + 1, ..: i64, one per lane.
  mlir::Value lanesFrom(mlir::Value first, int64_t width);
  /// Lanes below `count` (i64): vector<width x i1>.
  mlir::Value mask(mlir::Value count, int64_t width);
  /// Stack memory, allocated at the beginning of the function.
  mlir::Value stack(mlir::Type element, int64_t count, int64_t alignment = 64);
  /// Stack memory that all kernels of the function use, one after the other: piece `number`, of at least that many
  /// bytes.
  mlir::Value scratch(unsigned number, int64_t bytes);

  // ---- loops ----
  /// for i in [from, to) by step.
  void loop(mlir::Value from, mlir::Value to, int64_t step, llvm::function_ref<void(mlir::Value i)> body);
  void loop(mlir::Value from, mlir::Value to, mlir::Value step, llvm::function_ref<void(mlir::Value i)> body);
  /// The same with values carried from turn to turn.
  llvm::SmallVector<mlir::Value>
  loop(mlir::Value from, mlir::Value to, int64_t step, mlir::ValueRange init,
       llvm::function_ref<llvm::SmallVector<mlir::Value>(mlir::Value i, mlir::ValueRange carried)> body);
  void ifThen(mlir::Value condition, llvm::function_ref<void()> then);
  llvm::SmallVector<mlir::Value> ifThenElse(mlir::Value condition, mlir::TypeRange types,
                                            llvm::function_ref<llvm::SmallVector<mlir::Value>()> then,
                                            llvm::function_ref<llvm::SmallVector<mlir::Value>()> otherwise);
  void ifThenElse(mlir::Value condition, llvm::function_ref<void()> then, llvm::function_ref<void()> otherwise);
  /// Walks [from, to) in vectors: full ones with a null mask, then at most one with the mask of what is left and its
  /// count. `exact`: nothing is left, the length is a multiple of the width.
  void vectorLoop(mlir::Value from, mlir::Value to, int64_t width,
                  llvm::function_ref<void(mlir::Value i, mlir::Value mask, mlir::Value count)> body,
                  bool exact = false);

  // ---- threads ----
  mlir::Value tid();      ///< i64
  mlir::Value teamSize(); ///< i64
  mlir::Value team();     ///< ptr
  /// This thread's share of 0 .. n: whole multiples of `grain`, but for the last. Depends on n, grain and the team
  /// alone.
  Share share(mlir::Value n, int64_t grain = 1);
  void barrier();
  /// Calls a function of the runtime, declaring it if needed.
  mlir::Value call(llvm::StringRef name, mlir::TypeRange results, mlir::ValueRange arguments);

  // ---- bodies ----
  /// Puts the operations of a kernel's body here at a vector width: `arguments` are the block's (vectors of that width,
  /// or scalars where width is 1). `index(axis)` gives the position on an axis of the kernel's shape as i64 vector or
  /// scalar. Returns what the body yields.
  llvm::SmallVector<mlir::Value> inlineBody(mlir::Block &body, mlir::ValueRange arguments, int64_t width,
                                            llvm::function_ref<mlir::Value(int64_t axis)> index = nullptr);

  /// One operation of a body at a width; `map` has the values of its operands, at that width.
  mlir::Value inlineOperation(mlir::Operation &op, const mlir::IRMapping &map, int64_t width,
                              llvm::function_ref<mlir::Value(int64_t axis)> index);
  /// How many elements a kernel should work on at once: as many as a vector holds of its widest float (16-bit floats
  /// count as f32 where the body computes), or of its widest integer where there are no floats.
  int64_t widthFor(mlir::Block &body, mlir::ArrayRef<mlir::Type> elements);

  mlir::func::FuncOp function;

  /// Operations that are lowered but that others still refer to: erased when all kernels are.
  void eraseLater(mlir::Operation *op) { finished.push_back(op); }
  void dropOperandsOfFinished();
  void eraseFinished();

private:
  llvm::SmallVector<mlir::Operation *> finished;
  mlir::Value atEntry(llvm::function_ref<mlir::Value()> make);
  llvm::DenseMap<mlir::Value, mlir::Value> pointers;
  std::vector<std::pair<nn::Dim, mlir::Value>> sizes;
  mlir::Value cachedTid, cachedTeamSize;
  mlir::Operation *lastAtEntry = nullptr;
  llvm::SmallVector<mlir::LLVM::AllocaOp> pieces;
};

// One per kernel, in the file of its family. They replace the operation by loops at the same place.
void lowerMap(nn::MapOp op, Lowering &l);
void lowerRows(nn::RowsOp op, Lowering &l);
void lowerCopy(nn::CopyOp op, Lowering &l);
void lowerContract(nn::ContractOp op, Lowering &l);
void lowerAttend(nn::AttendOp op, Lowering &l);
void lowerPairSums(nn::PairSumsOp op, Lowering &l);
void lowerConvolve(nn::ConvolveOp op, Lowering &l);
void lowerConvolveWeight(nn::ConvolveWeightOp op, Lowering &l);
void lowerPool(nn::PoolOp op, Lowering &l);
void lowerPoolPositions(nn::PoolPositionsOp op, Lowering &l);
void lowerOrder(nn::OrderOp op, Lowering &l);
void lowerPack(nn::PackOp op, Lowering &l);
void lowerOrthonormalize(nn::OrthonormalizeOp op, Lowering &l);
void lowerCheck(nn::CheckOp op, Lowering &l);
void lowerGather(nn::GatherOp op, Lowering &l);
void lowerScatter(nn::ScatterOp op, Lowering &l);
void lowerScan(nn::ScanOp op, Lowering &l);
void lowerNeighbourhood(nn::NeighbourhoodOp op, Lowering &l);
void lowerEndpoints(nn::EndpointsOp op, Lowering &l);

/// Element numbers (i64, scalar or vector) to random values of the draw's element type.
mlir::Value lowerDraw(nn::DrawOp op, mlir::Value number, mlir::Value copy, Lowering &l);

/// Expands one elementwise operation on scalars or vectors into arith and vector code; null if it is none of ours.
mlir::Value lowerElementwise(mlir::Operation *op, mlir::OpBuilder &b, const cpu::Cpu &target);

/// The processor of that name; an unknown one is an error at `op`.
mlir::FailureOr<cpu::Cpu> findCpu(mlir::Operation *op, llvm::StringRef name);

} // namespace nnc
#endif // NNC_COMPILER_LOWER_LOWERING_H
