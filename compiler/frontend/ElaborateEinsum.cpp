// `einsum` and `dot`: contractions of two operands at a time.
#include "compiler/frontend/Elaborator.h"

using namespace nnc::frontend;
using llvm::ArrayRef;
using llvm::StringRef;

namespace {
/// A tensor whose axes have names.
struct Named {
  mlir::Value tensor;
  std::vector<std::string> axes;

  nn::Dim size(StringRef axis) const {
    nn::Shape shape = nn::shapeOf(tensor.getType());
    return shape[llvm::find(axes, axis) - axes.begin()];
  }
  bool has(StringRef axis) const { return llvm::is_contained(axes, axis); }
};
using Names = std::vector<std::string>;
} // namespace

/// The axes of `x` in the order of `names`, which are some permutation of its own.
static llvm::SmallVector<int64_t> orderOf(const Named &x, ArrayRef<std::string> names) {
  llvm::SmallVector<int64_t> permutation;
  for (const std::string &name : names)
    permutation.push_back(llvm::find(x.axes, name) - x.axes.begin());
  return permutation;
}

Value Elaborator::evaluateEinsum(const Einsum &einsum) {
  if (einsum.operands.size() != einsum.inputs.size())
    return fail(Code::NN0413, einsum.range,
                "the pattern has " + std::to_string(einsum.inputs.size()) + " operands, the call has " +
                    std::to_string(einsum.operands.size()));
  std::vector<Value> values;
  for (const Expr *operand : einsum.operands)
    values.push_back(evaluateOne(*operand));
  llvm::SmallVector<const Value *> pointers;
  for (const Value &v : values) {
    if (v.isPoison())
      return {};
    pointers.push_back(&v);
  }
  std::optional<Common> common = commonElement(pointers, nn::Elements::Number, einsum.range, "einsum");
  if (!common)
    return {};
  if (common->untyped)
    common->element = llvm::isa<mlir::FloatType>(common->element) ? floatType() : common->element;

  std::map<std::string, nn::Dim> sizes;
  std::vector<Named> operands;
  size_t dots = 0; // axes that `...` stands for, the most of any operand
  for (auto [pattern, value] : llvm::zip(einsum.inputs, values))
    if (llvm::any_of(pattern, [](const Axis &a) { return a.sort == Axis::Ellipsis; }))
      dots = std::max(dots, value.shape().rank() + 1 - std::min(pattern.size(), value.shape().rank() + 1));
  for (auto [i, pattern] : llvm::enumerate(einsum.inputs)) {
    Named x;
    x.tensor = convert(values[i], common->element, nullptr, einsum.operands[i]->range);
    if (!x.tensor)
      return {};
    nn::Shape shape = nn::shapeOf(x.tensor.getType());
    bool open = llvm::any_of(pattern, [](const Axis &a) { return a.sort == Axis::Ellipsis; });
    if (open ? shape.rank() + 1 < pattern.size() : shape.rank() != pattern.size())
      return fail(Code::NN0211, einsum.operands[i]->range,
                  "the pattern has " + std::to_string(pattern.size() - open) +
                      (pattern.size() - open == 1 ? " axis" : " axes") + " for an operand of rank " +
                      std::to_string(shape.rank()),
                  {"given " + nn::describe(x.tensor.getType())});
    for (const Axis &axis : pattern) {
      if (axis.sort == Axis::Ellipsis) {
        for (size_t count = shape.rank() + 1 - pattern.size(), k = dots - count; k < dots; ++k)
          x.axes.push_back("." + std::to_string(k));
      } else if (axis.sort == Axis::Named) {
        if (x.has(axis.name.text))
          return fail(Code::NN0211, axis.range, "axis `" + axis.name.text.str() + "` stands twice in one operand");
        x.axes.push_back(axis.name.text.str());
      } else {
        return fail(Code::NN0211, axis.range, "axes of `einsum` are names");
      }
    }
    for (auto [axis, size] : llvm::zip(x.axes, shape)) {
      auto [at, isNew] = sizes.try_emplace(axis, size);
      if (!isNew && at->second != size)
        return fail(Code::NN0203, einsum.operands[i]->range,
                    "axis `" + (axis[0] == '.' ? "..." : axis) + "` has two sizes: " + at->second.str() + " and " +
                        size.str(),
                    {"given " + nn::describe(x.tensor.getType())});
    }
    operands.push_back(std::move(x));
  }
  Names out;
  for (const Axis &axis : einsum.output) {
    if (axis.sort == Axis::Ellipsis) {
      for (size_t k = 0; k < dots; ++k)
        out.push_back("." + std::to_string(k));
      continue;
    }
    std::string name = axis.name.text.str();
    if (axis.sort != Axis::Named || !sizes.count(name))
      return fail(Code::NN0211, axis.range, "an axis of the result is in no operand");
    if (llvm::is_contained(out, name))
      return fail(Code::NN0211, axis.range, "axis `" + name + "` stands twice in the result");
    out.push_back(name);
  }

  // Sums away what neither the result nor a later operand needs.
  auto reduce = [&](Named x, size_t next) {
    llvm::SmallVector<int64_t> gone;
    Names kept;
    for (auto [i, axis] : llvm::enumerate(x.axes)) {
      bool needed = llvm::is_contained(out, axis);
      for (size_t k = next; k < operands.size(); ++k)
        needed |= operands[k].has(axis);
      if (needed)
        kept.push_back(axis);
      else
        gone.push_back(i);
    }
    if (gone.empty())
      return x;
    nn::Shape shape;
    for (const std::string &axis : kept)
      shape.dims.push_back(sizes[axis]);
    mlir::Value sum = emit<nn::SumOp>(einsum.range, nn::tensorType(shape, common->element), x.tensor,
                                      builder().getDenseI64ArrayAttr(gone), builder().getBoolAttr(false));
    return Named{sum, kept};
  };
  // The first operand's own sums come first; a later operand's axis that only it has is summed before the product.
  Named x = operands[0];
  if (operands.size() == 1)
    x = reduce(x, 1);
  for (size_t i = 1; i < operands.size(); ++i) {
    Named l = x, r = operands[i];
    auto own = [&](Named &a, const Named &b) { // axes of `a` alone that nobody needs
      llvm::SmallVector<int64_t> gone;
      Names kept;
      for (auto [k, axis] : llvm::enumerate(a.axes)) {
        bool needed = b.has(axis) || llvm::is_contained(out, axis);
        for (size_t j = i + 1; j < operands.size(); ++j)
          needed |= operands[j].has(axis);
        needed ? kept.push_back(axis) : gone.push_back(k);
      }
      if (gone.empty())
        return;
      nn::Shape shape;
      for (const std::string &axis : kept)
        shape.dims.push_back(sizes[axis]);
      a = {emit<nn::SumOp>(einsum.range, nn::tensorType(shape, common->element), a.tensor,
                           builder().getDenseI64ArrayAttr(gone), builder().getBoolAttr(false)),
           kept};
    };
    own(l, r);
    own(r, l);
    Names batch, m, n, k;
    for (const std::string &axis : l.axes) {
      bool later = llvm::is_contained(out, axis);
      for (size_t j = i + 1; j < operands.size(); ++j)
        later |= operands[j].has(axis);
      (!r.has(axis) ? m : later ? batch : k).push_back(axis);
    }
    for (const std::string &axis : r.axes)
      if (!l.has(axis))
        n.push_back(axis);
    auto ordered = [&](const Named &a, std::initializer_list<const Names *> groups) {
      Names names;
      for (const Names *g : groups)
        llvm::append_range(names, *g);
      return transpose(a.tensor, orderOf(a, names), einsum.range);
    };
    mlir::Value left = ordered(l, {&batch, &m, &k}), right = ordered(r, {&batch, &k, &n});
    Names axes = batch;
    llvm::append_range(axes, m);
    llvm::append_range(axes, n);
    if (axes.size() > 8)
      return fail(Code::NN0907, einsum.range,
                  "an intermediate product has rank " + std::to_string(axes.size()) + ", the limit is 8");
    x = {emit<nn::ContractOp>(einsum.range, left, right, int64_t(batch.size()), int64_t(m.size()), int64_t(n.size()),
                              int64_t(k.size())),
         axes};
  }
  return Value::ofTensor(transpose(x.tensor, orderOf(x, out), einsum.range));
}

/// Products summed over the last axis; leading axes broadcast.
Value Elaborator::callDot(std::vector<Given> &given, Range range) {
  auto of = match(given, {{"a"}, {"b"}}, range, "dot");
  if (!of)
    return {};
  const Value &a = (*of)[0]->value, &b = (*of)[1]->value;
  if (!a.isTensor() || !b.isTensor() || a.shape().rank() == 0 || b.shape().rank() == 0)
    return fail(Code::NN0203, range, "`dot` needs tensors of rank 1 or more", bothSides({"a", "b"}, {&a, &b}));
  std::optional<Common> common = commonElement({&a, &b}, nn::Elements::Number, range, "dot");
  if (!common)
    return {};
  std::vector<std::string> notes = bothSides({"a", "b"}, {&a, &b});
  nn::Shape as = a.shape(), bs = b.shape();
  if (as[as.rank() - 1] != bs[bs.rank() - 1])
    return fail(Code::NN0203, range, "last axes do not match in `dot`", notes);
  std::optional<nn::Shape> both = nn::broadcastShapes({as, bs});
  if (!both)
    return fail(Code::NN0203, range, "leading axes do not match in `dot`", notes);
  mlir::Value l = broadcast(convert(a, common->element, nullptr, range), *both, range);
  mlir::Value r = broadcast(convert(b, common->element, nullptr, range), *both, range);
  return Value::ofTensor(
      emit<nn::ContractOp>(range, l, r, int64_t(both->rank() - 1), int64_t(0), int64_t(0), int64_t(1)),
      common->untyped);
}
