#include "dialect/Substitution.h"

using namespace mlir;
using namespace nn;

Substitution::Substitution(func::FuncOp callee, const Shape &sizes) {
  if (auto names = callee->getAttrOfType<ArrayAttr>("nn.dims"))
    for (auto [name, size] : llvm::zip(names, sizes)) {
      StringRef symbol = cast<StringAttr>(name).getValue();
      identity &= size == Dim::symbol(symbol);
      values[symbol] = size;
    }
  auto value = [this](StringRef name) -> std::optional<Dim> {
    auto at = values.find(name);
    return at == values.end() ? std::nullopt : std::optional<Dim>(at->second);
  };
  replacer.addReplacement([value](DimAttr a) { return DimAttr::get(a.getContext(), a.getValue().substitute(value)); });
  replacer.addReplacement(
      [value](ShapeAttr a) { return ShapeAttr::get(a.getContext(), a.getValue().substitute(value)); });
  replacer.addReplacement([value](RankedTensorType t) { // a size may become a constant: no encoding then
    Type made = tensorType(shapeOf(t).substitute(value), t.getElementType());
    return std::make_pair(made, WalkResult::skip());
  });
  replacer.addReplacement([value](RefType r) {
    return RefType::get(r.getContext(), r.getShape().substitute(value), r.getElementType(),
                        r.getStrides().substitute(value));
  });
  replacer.addReplacement([value](nn::GraphType g) {
    return nn::GraphType::get(g.getContext(), g.getSources().substitute(value), g.getTargets().substitute(value),
                              g.getEdges().substitute(value));
  });
}

void Substitution::apply(Operation *op) {
  if (!identity)
    replacer.recursivelyReplaceElementsIn(op, /*replaceAttrs=*/true, /*replaceLocs=*/false, /*replaceTypes=*/true);
}
