// The body of an nn.scan while it is made.
#pragma once

#include "compiler/frontend/Elaborator.h"

namespace nnc::frontend {

/// From construction to `finish` operations go into the body. Left without `finish` (after an error) the body is
/// dropped.
struct Elaborator::Loop {
  /// `repeated`: the layer whose copies from number `first` on the steps are.
  Loop(Elaborator &e, nn::Dim steps, Range range, const Instance *repeated = nullptr, int64_t first = 0);
  ~Loop();

  /// One row of `sequence` in each step.
  mlir::Value slice(mlir::Value sequence);
  /// A value that goes from step to step.
  mlir::Value carry(mlir::Value initial);
  /// Results: the stacked values, then the last carried ones.
  llvm::SmallVector<mlir::Value> finish(llvm::ArrayRef<mlir::Value> stacked, llvm::SmallVector<mlir::Value> next,
                                        mlir::Value lengths, bool reversed);

  Elaborator &e;
  nn::Dim steps;
  const Instance *repeated;
  int64_t first;
  Range range;
  mlir::Location location;
  mlir::OpBuilder::InsertPoint outer;
  mlir::Value step;
  std::unique_ptr<mlir::Region> region;
  mlir::Block *block;
  std::vector<std::pair<mlir::Value, mlir::Value>> slices, carries; ///< outside, inside
  std::map<Place, mlir::Value> cellsBefore;                         ///< values of buffers and states
  std::vector<std::pair<Place, mlir::Value>> writtenSlices;         ///< of a repeat: what each copy leaves

private:
  void leave();
};

/// What the block that calls a layer knows it by: "blocks.0-11.attention". `caller`: the layer of the block, or null.
std::string pathFrom(const Instance *caller, const Instance &callee);

} // namespace nnc::frontend
