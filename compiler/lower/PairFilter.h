// Which pairs the predicate of a kernel over pairs lets through, as far as positions can say it for many at once.
#ifndef NNC_COMPILER_LOWER_PAIRFILTER_H
#define NNC_COMPILER_LOWER_PAIRFILTER_H

#include "compiler/lower/Lowering.h"

namespace nnc {

class PairFilter {
public:
  PairFilter(nn::PairsOpInterface op, Lowering &l);

  /// Reads the numbers that hold for all pairs of a leading position. `element` gives that of an extra without axes of
  /// targets and sources, `index` the position on a leading axis.
  void enter(llvm::function_ref<mlir::Value(unsigned extra)> element,
             llvm::function_ref<mlir::Value(int64_t axis)> index);

  /// Sources [from, to) outside of which no target of first .. last has any.
  Share hull(mlir::Value first, mlir::Value last);
  /// Whether all pairs of these targets and the sources [from, to) count.
  mlir::Value covers(mlir::Value first, mlir::Value last, mlir::Value from, mlir::Value to);
  /// Whether some of them may; null if `hull` says all that is known.
  mlir::Value meets(mlir::Value first, mlir::Value last, mlir::Value from, mlir::Value to);
  /// Of one target: what `remains` has yet to be asked about these sources.
  Share interval(mlir::Value target);
  bool hasRest() const { return !rest.empty(); }
  /// The part of the predicate that is no interval, on a vector of sources; `arguments` are the extras.
  mlir::Value remains(mlir::ValueRange arguments, int64_t width, llvm::function_ref<mlir::Value(int64_t axis)> index);

private:
  /// A sum of positions and numbers of the whole.
  struct Linear {
    int64_t target = 0, source = 0, constant = 0;
    llvm::SmallVector<std::pair<int64_t, mlir::Value>> others;
    Linear times(int64_t factor) const;
    Linear plus(const Linear &other) const;
  };
  struct Part {
    enum Kind { AtLeastZero, Whole, All, Any, Unknown } kind; ///< Whole: the same for all pairs
    mlir::Value value;                                        ///< of the region
    Linear sum;                                               ///< AtLeastZero
    std::vector<Part> parts;                                  ///< All, Any
    mlir::Value number;                                       ///< since `enter`: of the sum's others, or of the whole
  };

  bool isWhole(mlir::Value v);
  std::optional<Linear> linear(mlir::Value v);
  Part part(mlir::Value v, bool negated);
  void enter(Part &part, mlir::IRMapping &known, llvm::function_ref<mlir::Value(int64_t axis)> index);
  Share bounds(const Part &part, mlir::Value target);
  Share hull(const Part &part, mlir::Value first, mlir::Value last);
  mlir::Value covers(const Part &part, mlir::Value first, mlir::Value last, mlir::Value from, mlir::Value to);
  mlir::Value meets(const Part &part, mlir::Value first, mlir::Value last, mlir::Value from, mlir::Value to);
  mlir::Value both(mlir::Value a, mlir::Value c);
  mlir::Value truth(bool value);
  Share everything() { return {l.constant(0), l.size(sources)}; }

  nn::PairsOpInterface op;
  Lowering &l;
  nn::Dim sources;
  std::vector<Part> intervals, rest; ///< all of which must hold
};

/// Computes a value of a region at a width, with what it needs; `known` has the region's arguments.
mlir::Value evaluate(Lowering &l, mlir::Value v, mlir::IRMapping &known, int64_t width,
                     llvm::function_ref<mlir::Value(int64_t axis)> index);

} // namespace nnc
#endif // NNC_COMPILER_LOWER_PAIRFILTER_H
