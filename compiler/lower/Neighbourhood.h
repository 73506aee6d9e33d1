// Lowers one nn.neighbourhood.
#ifndef NNC_COMPILER_LOWER_NEIGHBOURHOOD_H
#define NNC_COMPILER_LOWER_NEIGHBOURHOOD_H

#include "compiler/lower/Math.h"
#include "compiler/lower/Pairs.h"

namespace nnc {

class NeighbourhoodLowering {
public:
  NeighbourhoodLowering(nn::NeighbourhoodOp op, Lowering &l);
  void run();

private:
  using Values = llvm::SmallVector<mlir::Value>;
  using Position = PairBody::Position;
  /// A target with a choice of the free indices, and the numbers of its pairs.
  struct Row {
    mlir::Value target;
    Values free;
    Share pairs;
    std::optional<GraphPairs::Part> part; ///< of a tile
  };

  void rows();
  void row(Row &row);
  void eachEdge();
  void eachEdge(Row &row, mlir::Value source, mlir::Value edge);
  void eachPair(Row &row);
  void writeEach(mlir::ValueRange leading);
  /// Loops over the free indices.
  void overFree(Values free, llvm::function_ref<void(llvm::ArrayRef<mlir::Value>)> then);
  void setRow(const Row &row);
  void setEnds(const Row &row, mlir::Value number);
  void setPair(mlir::Value source, mlir::Value edge, mlir::Value number);
  /// The values of `then` for a pair, or `otherwise` if `where` refuses it.
  Values pair(const Row &row, mlir::Value number, mlir::ValueRange otherwise, llvm::function_ref<Values()> then);

  /// Blocks of vectors along the last of the axes of the body, for every place on the others.
  void blocks(llvm::function_ref<void(llvm::ArrayRef<Position>)> then);
  void blocksAlong(Position at, llvm::function_ref<void(llvm::ArrayRef<Position>)> then);
  void combine(const Row &row, llvm::ArrayRef<Position> block);
  Values neutral(llvm::ArrayRef<Position> block);
  Values accumulated(const Row &row, llvm::ArrayRef<Position> block, bool counts);
  void keep(const Row &row, llvm::ArrayRef<Position> block, mlir::ValueRange total, bool counts);
  void attend(const Row &row, llvm::ArrayRef<Position> block);
  void scores(const Row &row, mlir::Value from, mlir::Value to, mlir::Value &largest);
  Values weighted(const Row &row, mlir::Value number, mlir::Value weight, mlir::ValueRange sums,
                  llvm::function_ref<Values()> then);
  mlir::Value exponentials(mlir::Value count, mlir::Value largest, mlir::Value sum);
  void write(const Row &row, const Position &p, mlir::Value v);
  void store(mlir::Value place, mlir::ValueRange leading, const Position &p, mlir::Value v);

  Num num(mlir::Value v) { return {code, v}; }
  mlir::Value zero(mlir::Type type) { return mlir::arith::ConstantOp::create(l.b, l.loc, type, l.b.getZeroAttr(type)); }
  int64_t lanesAt(const Position &p) { return p.lanes < 0 ? 1 : width; }

  nn::NeighbourhoodOp op;
  Lowering &l;
  Code code;
  nn::Shape free, axes; ///< axes: of the body
  mlir::Type element, accumulator, scoreType;
  int64_t width;
  llvm::StringRef kind;
  PairBody body;
  std::optional<PairBody> where;  ///< what is left to ask for each pair
  std::optional<PairBody> bounds; ///< `where` as the source range sees it
  std::optional<GraphPairs> graph;
  std::optional<SourceRange> sources;
};

} // namespace nnc
#endif // NNC_COMPILER_LOWER_NEIGHBOURHOOD_H
