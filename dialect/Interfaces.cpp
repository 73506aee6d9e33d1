#include "dialect/Interfaces.h"
#include "dialect/Dialect.h"

using namespace mlir;
using namespace nn;

LogicalResult nn::fail(Report &report, StringRef code, const Twine &text, ArrayRef<std::string> notes,
                       const Twine &hint) {
  report.code = code.str();
  report.text = text.str();
  report.notes.assign(notes.begin(), notes.end());
  report.hint = hint.str();
  return failure();
}

int64_t RuleInput::integer(StringRef name, int64_t fallback) const {
  auto a = attributes.getAs<IntegerAttr>(name);
  return a ? a.getInt() : fallback;
}
bool RuleInput::flag(StringRef name) const {
  auto a = attributes.getAs<BoolAttr>(name);
  return a && a.getValue();
}
Dim RuleInput::size(StringRef name) const { return attributes.getAs<DimAttr>(name).getValue(); }
ArrayRef<int64_t> RuleInput::axes(StringRef name) const {
  auto a = attributes.getAs<DenseI64ArrayAttr>(name);
  return a ? a.asArrayRef() : ArrayRef<int64_t>();
}
Shape RuleInput::shape(StringRef name) const { return attributes.getAs<ShapeAttr>(name).getValue(); }

std::optional<Shape> nn::broadcastShapes(ArrayRef<Shape> shapes) {
  Shape result;
  for (const Shape &s : shapes)
    if (s.rank() > result.rank())
      result.dims.resize(s.rank(), Dim(1));
  for (const Shape &s : shapes)
    for (size_t i = 0; i < s.rank(); ++i) {
      Dim &to = result[result.rank() - s.rank() + i];
      if (to.isConstant(1))
        to = s[i];
      else if (!s[i].isConstant(1) && s[i] != to)
        return std::nullopt;
    }
  return result;
}

bool nn::broadcastsTo(const Shape &from, const Shape &to) {
  if (from.rank() > to.rank())
    return false;
  for (size_t i = 0; i < from.rank(); ++i)
    if (!from[i].isConstant(1) && from[i] != to[to.rank() - from.rank() + i])
      return false;
  return true;
}

std::optional<int64_t> nn::normalizeAxis(int64_t axis, int64_t rank, Report &report) {
  if (axis >= -rank && axis < rank)
    return axis < 0 ? axis + rank : axis;
  (void)fail(report, "NN0207", "axis " + Twine(axis) + " does not exist: the operand has rank " + Twine(rank), {},
             rank ? "axes are " + Twine(-rank) + " .. " + Twine(rank - 1) : Twine("a scalar has no axes"));
  return std::nullopt;
}

Signature nn::elementwiseSignature(std::initializer_list<const char *> names, Elements elements) {
  Signature s;
  for (const char *name : names)
    s.operands.push_back({name, elements});
  s.broadcast = true;
  return s;
}

Signature nn::reductionSignature(Elements elements) {
  Signature s;
  s.operands = {{"x", elements}};
  s.attributes = {{"axes", Signature::Kind::Axes}, {"keep", Signature::Kind::Boolean, 0.0}};
  return s;
}

Signature nn::rowSignature(Elements elements) {
  Signature s;
  s.operands = {{"x", elements}};
  s.attributes = {{"axis", Signature::Kind::Axis, -1.0}};
  return s;
}

LogicalResult nn::elementwiseRule(const RuleInput &in, Report &report, SmallVectorImpl<Type> &results, bool same) {
  Type first = in.types.front();
  for (Type t : in.types.drop_front()) {
    if (same ? withElement(t, elementOf(first)) != first || elementOf(t) != elementOf(first)
             : withElement(t, elementOf(first)) != first)
      return fail(report, "NN0203", "operands differ: " + describe(first) + " and " + describe(t));
  }
  results.push_back(first);
  return success();
}

LogicalResult nn::predicateRule(const RuleInput &in, Report &report, SmallVectorImpl<Type> &results) {
  if (failed(elementwiseRule(in, report, results)))
    return failure();
  results.back() = withElement(results.back(), IntegerType::get(in.context, 1));
  return success();
}

LogicalResult nn::reductionRule(const RuleInput &in, Report &report, SmallVectorImpl<Type> &results, Type element) {
  Shape shape = shapeOf(in.types[0]), out;
  SmallVector<bool> drop(shape.rank(), in.axes("axes").empty());
  for (int64_t axis : in.axes("axes")) {
    std::optional<int64_t> a = normalizeAxis(axis, shape.rank(), report);
    if (!a)
      return failure();
    if (drop[*a])
      return fail(report, "NN0207", "axis " + Twine(axis) + " is named twice");
    drop[*a] = true;
  }
  for (auto [d, gone] : llvm::zip(shape, drop))
    if (!gone || in.flag("keep"))
      out.dims.push_back(gone ? Dim(1) : d);
  results.push_back(tensorType(out, element ? element : elementOf(in.types[0])));
  return success();
}
