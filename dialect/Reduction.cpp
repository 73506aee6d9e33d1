#include "dialect/Dialect.h"

using namespace mlir;
using namespace nn;

using Results = SmallVectorImpl<Type>;

static LogicalResult sumRule(const RuleInput &in, Report &report, Results &results) {
  Type element = elementOf(in.types[0]);
  return reductionRule(in, report, results, isa<IntegerType>(element) ? IntegerType::get(in.context, 64) : element);
}
static LogicalResult meanRule(const RuleInput &in, Report &report, Results &results) {
  Type element = elementOf(in.types[0]);
  if (isa<IntegerType>(element) && !element.isInteger(1))
    return fail(report, "NN0412", "the mean of integers is not defined", {"operand " + describe(in.types[0])},
                "convert first: mean(float(x))");
  return reductionRule(in, report, results, element.isInteger(1) ? Float32Type::get(in.context) : element);
}
static std::optional<int64_t> rowAxis(const RuleInput &in, Report &report) {
  return normalizeAxis(in.integer("axis", -1), shapeOf(in.types[0]).rank(), report);
}
static LogicalResult dropAxisRule(const RuleInput &in, Report &report, Results &results, Type element = nullptr) {
  std::optional<int64_t> axis = rowAxis(in, report);
  if (!axis)
    return failure();
  Shape shape = shapeOf(in.types[0]);
  shape.dims.erase(shape.dims.begin() + *axis);
  results.push_back(tensorType(shape, element ? element : elementOf(in.types[0])));
  return success();
}
static LogicalResult keepShapeRule(const RuleInput &in, Report &report, Results &results) {
  if (!rowAxis(in, report))
    return failure();
  results.push_back(in.types[0]);
  return success();
}

/// There is no largest of nothing.
static LogicalResult notOfNothing(const RuleInput &in, const Dim &count, Report &report) {
  if (count.isConstant(0))
    return fail(report, "NN0208", "the largest or smallest of no elements", {"operand " + describe(in.types[0])});
  report.conditions.push_back({count, 1, "the largest or smallest of no elements: " + describe(in.types[0])});
  return success();
}
static LogicalResult argRule(const RuleInput &in, Report &report, Results &results) {
  if (failed(dropAxisRule(in, report, results, IntegerType::get(in.context, 64))))
    return failure();
  return notOfNothing(in, shapeOf(in.types[0])[*rowAxis(in, report)], report);
}
static LogicalResult extremeRule(const RuleInput &in, Report &report, Results &results) {
  if (failed(reductionRule(in, report, results)))
    return failure();
  Shape from = shapeOf(in.types[0]);
  Dim count = 1;
  ArrayRef<int64_t> axes = in.axes("axes");
  for (size_t i = 0; i < from.rank(); ++i)
    if (axes.empty() || llvm::is_contained(axes, int64_t(i)) ||
        llvm::is_contained(axes, int64_t(i) - int64_t(from.rank())))
      count = count * from[i];
  return notOfNothing(in, count, report);
}

#define GET_OP_CLASSES
#include "dialect/Reduction.cpp.inc"
