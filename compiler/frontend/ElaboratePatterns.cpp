// `rearrange` and `split`: reshape, transpose, reshape.
#include "compiler/frontend/Elaborator.h"

using namespace nnc::frontend;
using llvm::StringRef;

namespace {
/// The single axes of a side, groups taken apart. `...` is replaced by as many as it stands for.
struct Side {
  struct Part {
    std::string name; ///< "1" for a written 1
    size_t group;     ///< axis of the tensor it belongs to
    Range range;
  };
  std::vector<Part> parts;
  size_t axes = 0;
};

Side takeApart(const std::vector<Axis> &axes, size_t ellipsis) {
  Side side;
  for (const Axis &axis : axes) {
    switch (axis.sort) {
    case Axis::Named:
      side.parts.push_back({axis.name.text.str(), side.axes++, axis.range});
      break;
    case Axis::Number:
      side.parts.push_back({"1", side.axes++, axis.range});
      break;
    case Axis::Ellipsis:
      for (size_t i = 0; i < ellipsis; ++i)
        side.parts.push_back({"." + std::to_string(i), side.axes++, axis.range});
      break;
    case Axis::Group:
      for (const Name &name : axis.group)
        side.parts.push_back({name.text.str(), side.axes, axis.range});
      ++side.axes;
      break;
    }
  }
  return side;
}

bool has(const std::vector<Axis> &axes, Axis::Sort sort) {
  return llvm::any_of(axes, [&](const Axis &a) { return a.sort == sort; });
}
} // namespace

Value Elaborator::callRearrange(std::vector<Given> &given, Range range) {
  const Given *x = nullptr, *patternArgument = nullptr;
  std::map<std::string, nn::Dim> sizes;
  for (const Given &g : given) {
    if (g.pattern) {
      patternArgument = &g;
    } else if (!g.name && !x) {
      x = &g;
    } else if (!g.name) {
      return fail(Code::NN0413, g.range, "`rearrange` takes a tensor, a pattern, and sizes by name");
    } else {
      if (g.value.kind != Value::Size)
        return fail(Code::NN0414, g.range, "the size of an axis must be known when compiling");
      if (!checkSize(g.value.size, g.range))
        return {};
      sizes[g.name.text.str()] = g.value.size;
    }
  }
  if (!x || !patternArgument)
    return fail(Code::NN0413, range, "`rearrange` takes a tensor and a pattern such as `b n (h c) -> b h n c`");
  const Pattern &pattern = *patternArgument->pattern;
  mlir::Value t = tensorOf(x->value, x->range);
  if (!t)
    return {};
  nn::Shape shape = nn::shapeOf(t.getType());
  bool dots = has(pattern.from, Axis::Ellipsis);
  if (dots != has(pattern.to, Axis::Ellipsis))
    return fail(Code::NN0211, pattern.range, "`...` must stand on both sides of a pattern");
  size_t written = pattern.from.size() - dots;
  if (dots ? shape.rank() < written : shape.rank() != written)
    return fail(Code::NN0211, pattern.range,
                "the pattern has " + std::to_string(written) + " axes, the tensor " + std::to_string(shape.rank()),
                {"given " + nn::describe(t.getType())});
  Side from = takeApart(pattern.from, shape.rank() - written), to = takeApart(pattern.to, shape.rank() - written);

  // Sizes of the axes of the left side: in each group one may follow from the others.
  std::map<std::string, nn::Dim> &known = sizes;
  std::set<std::string> seen;
  for (size_t axis = 0; axis < from.axes; ++axis) {
    nn::Dim rest = shape[axis], written = 1;
    const Side::Part *open = nullptr;
    for (const Side::Part &part : from.parts) {
      if (part.group != axis)
        continue;
      if (part.name != "1" && !seen.insert(part.name).second)
        return fail(Code::NN0211, part.range, "axis `" + part.name + "` stands twice on one side");
      auto at = known.find(part.name);
      if (part.name != "1" && at == known.end()) {
        if (open)
          return fail(Code::NN0210, part.range, "of the axes of a group only one size may be left out", {},
                      "write `" + part.name + " = ...` after the pattern");
        open = &part;
        continue;
      }
      nn::Dim size = part.name == "1" ? nn::Dim(1) : at->second;
      if (size.isConstant(0))
        return fail(Code::NN0211, part.range, "axis `" + part.name + "` of a pattern has size 0");
      std::optional<nn::Dim> quotient = nn::Dim::exactDiv(rest, size);
      if (!quotient)
        return fail(Code::NN0205, part.range,
                    "an axis of size " + rest.str() + " is no multiple of `" + part.name + "` = " + size.str());
      if (!require("divides", rest, size, part.range, Code::NN0205,
                   rest.str() + " must be a multiple of " + size.str()))
        return {};
      rest = *quotient;
      written = written * size;
    }
    if (open)
      known[open->name] = rest;
    else if (rest != nn::Dim(1) && !require("equal", rest, nn::Dim(1), pattern.range, Code::NN0211,
                                            "axis " + std::to_string(axis) + " has size " + shape[axis].str() +
                                                ", by the pattern " + written.str()))
      return {};
  }
  for (const auto &[name, size] : known)
    if (!seen.count(name))
      return fail(Code::NN0211, range, "the pattern has no axis `" + name + "`");

  nn::Shape single, out(std::vector<nn::Dim>(to.axes, nn::Dim(1)));
  std::vector<std::string> order;
  for (const Side::Part &part : from.parts)
    if (part.name != "1") {
      single.dims.push_back(known[part.name]);
      order.push_back(part.name);
    }
  llvm::SmallVector<int64_t> permutation;
  for (const Side::Part &part : to.parts) {
    if (part.name == "1")
      continue;
    auto at = llvm::find(order, part.name);
    if (at == order.end())
      return fail(Code::NN0211, part.range, "axis `" + part.name + "` is not on the left side of the pattern");
    if (llvm::is_contained(permutation, at - order.begin()))
      return fail(Code::NN0211, part.range, "axis `" + part.name + "` stands twice on one side");
    permutation.push_back(at - order.begin());
    out[part.group] = out[part.group] * known[part.name];
  }
  for (auto [i, name] : llvm::enumerate(order))
    if (!llvm::is_contained(permutation, int64_t(i)))
      return fail(Code::NN0211, pattern.range,
                  "axis `" + (name[0] == '.' ? "..." : name) + "` of the left side is missing on the right", {},
                  "to sum over an axis, use `sum` or `einsum`");
  if (!checkShape(single, range) || !checkShape(out, range))
    return {};
  t = reshape(t, single, range);
  t = transpose(t, permutation, range);
  return Value::ofTensor(reshape(t, out, range), x->value.untyped);
}

Value Elaborator::callSplit(std::vector<Given> &given, Range range) {
  auto of = match(given, {{"x"}, {"n"}, {"axis", true}}, range, "split");
  if (!of)
    return {};
  std::optional<int64_t> n = constantOf(*(*of)[1], "the number of parts");
  std::optional<int64_t> axis = (*of)[2] ? constantOf(*(*of)[2], "the axis") : -1;
  mlir::Value t = tensorOf((*of)[0]->value, (*of)[0]->range);
  if (!n || !axis || !t)
    return {};
  if (*n < 1)
    return fail(Code::NN0206, (*of)[1]->range, "the number of parts is " + std::to_string(*n) + ", must be 1 or more");
  nn::Shape shape = nn::shapeOf(t.getType());
  nn::Report report;
  std::optional<int64_t> a = nn::normalizeAxis(*axis, shape.rank(), report);
  if (!a)
    return fail(report, range);
  std::optional<nn::Dim> part = nn::Dim::exactDiv(shape[*a], nn::Dim(*n));
  if (!part)
    return fail(Code::NN0205, range,
                "an axis of size " + shape[*a].str() + " does not split into " + std::to_string(*n) + " equal parts");
  if (!require("divides", shape[*a], nn::Dim(*n), range, Code::NN0205,
               shape[*a].str() + " must be a multiple of " + std::to_string(*n)))
    return {};
  nn::Shape apart = shape;
  apart[*a] = *part;
  apart.dims.insert(apart.dims.begin() + *a, nn::Dim(*n));
  if (!checkShape(apart, range))
    return {};
  llvm::SmallVector<int64_t> permutation = {*a};
  for (int64_t i = 0; i < int64_t(apart.rank()); ++i)
    if (i != *a)
      permutation.push_back(i);
  return Value::ofTensor(transpose(reshape(t, apart, range), permutation, range), (*of)[0]->value.untyped);
}
