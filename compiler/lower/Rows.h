// One nn.rows while it is lowered: its places, its plan, and the code of its stages.
#ifndef NNC_COMPILER_LOWER_ROWS_H
#define NNC_COMPILER_LOWER_ROWS_H

#include "compiler/lower/Nest.h"
#include "compiler/lower/Reducer.h"
#include "compiler/lower/RowPlan.h"

namespace nnc {

class RowsLowering {
public:
  RowsLowering(nn::RowsOp op, Lowering &l);
  void lower();

private:
  using Values = llvm::SmallVector<mlir::Value>;
  struct Place {
    mlir::Type element;
    mlir::Value base;
    bool isRow; ///< otherwise one value per row
  };
  /// A row that is being worked on, or a vector of rows beside each other.
  struct Row {
    Values starts; ///< addresses of its first elements, by place
    mlir::IRMapping scalars;
    mlir::ValueRange outer;        ///< positions on the parallel axes (but the lanes')
    mlir::Value lane, mask, count; ///< first of the rows in lanes, and which of the lanes are rows
  };
  /// A vector of elements of a row, or one element of each row in lanes.
  struct Element {
    const Row &row;
    Values starts; ///< addresses where the last axis of the row begins
    mlir::ValueRange outer;
    mlir::Value first; ///< number of elements before that, for row buffers
    mlir::Value i, mask, count;
    int64_t width;
  };
  struct Stage {
    const RowStage &plan;
    int64_t width;
    std::vector<Reducer> reducers;
    std::vector<mlir::Operation *> sums; ///< cumsum
    bool reverse = false;                ///< these begin at the row's end
  };

  void chooseLanes();
  int64_t widthOf(int64_t cost, bool narrow, std::optional<int64_t> length) const;
  void addressRow(Row &row);
  void workOn(Row &row);
  void evaluateScalars(Row &row, unsigned depth);
  void runStage(unsigned number, Row &row);
  Values inParts(Stage &stage, const nn::Dim &size, mlir::Value from, mlir::Value to, int64_t step, int levels,
                 mlir::ValueRange carried, llvm::function_ref<Values(mlir::Value i, mlir::ValueRange carried)> body);
  Values walk(Stage &stage, const Row &row, Element &element, mlir::ValueRange init);
  Values element(Stage &stage, Element &e, mlir::ValueRange carried);
  mlir::Value at(Element &e, mlir::Value v, mlir::IRMapping &values, const RowStage &stage);
  mlir::Value position(const Element &e, int64_t axis);

  mlir::Value address(size_t place, Element &e);
  mlir::Value read(size_t place, Element &e);
  void write(mlir::Value v, size_t place, Element &e);
  mlir::Value buffer(int number, Element &e);
  mlir::Value readKept(int where, mlir::Type type, Element &e);
  void writeKept(mlir::Value v, int where, Element &e);

  nn::RowsOp op;
  Lowering &l;
  mlir::Block &body;
  std::vector<Place> places; ///< inputs, then results
  Nest parallel, row;
  int64_t parallelRank, native;
  bool inLanes = false;  ///< rows lie beside each other: each lane works on one
  bool wholeRow = false; ///< a row is one vector: what is read or computed once stays in registers
  int64_t laneWidth = 1; ///< of values that a row has one of
  std::optional<int64_t> rowLength;
  std::optional<RowPlan> plan;
  std::optional<mlir::IRMapping> kept; ///< values of the row, if it is one vector
};

} // namespace nnc
#endif // NNC_COMPILER_LOWER_ROWS_H
