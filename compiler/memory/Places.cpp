#include "compiler/memory/Places.h"

using namespace mlir;
using namespace nn;
using namespace nnc;

RefType nnc::placeType(mlir::Type tensor) {
  Shape shape = shapeOf(tensor);
  return RefType::get(tensor.getContext(), shape, elementOf(tensor), shape.rowMajorStrides());
}

int64_t nnc::elementBytes(mlir::Type element) { return std::max<int64_t>(1, element.getIntOrFloatBitWidth() / 8); }

Dim nnc::bytesOf(mlir::Type type) { return shapeOf(type).count() * Dim(elementBytes(elementOf(type))); }

Strides nnc::broadcastStrides(RefType x, llvm::ArrayRef<int64_t> axes, const Shape &to) {
  Strides s;
  s.strides.dims.assign(to.rank(), Dim(0));
  for (auto [k, axis] : llvm::enumerate(axes))
    if (x.getShape()[k] == to[axis])
      s.strides[axis] = x.getStrides()[k];
  return s;
}

Strides nnc::transposeStrides(RefType x, llvm::ArrayRef<int64_t> permutation) {
  Strides s;
  for (int64_t p : permutation)
    s.strides.dims.push_back(x.getStrides()[p]);
  return s;
}

Strides nnc::sliceStrides(RefType x, const Shape &offsets) {
  Strides s{x.getStrides(), 0};
  for (size_t i = 0; i < offsets.rank(); ++i)
    s.offset = s.offset + offsets[i] * x.getStrides()[i];
  return s;
}

/// Splits both shapes into groups of equal products. In each group the axes of x must follow each other without gaps
/// (axes of size 1 do not count); the new axes then walk the same memory in row-major order.
std::optional<Strides> nnc::reshapeStrides(RefType x, const Shape &to) {
  if (x.isContiguous())
    return Strides{to.rowMajorStrides(), 0};
  const Shape &from = x.getShape();
  Strides result;
  result.strides.dims.assign(to.rank(), Dim(0));
  size_t i = 0, j = 0;
  while (i < from.rank() || j < to.rank()) {
    size_t i0 = i, j0 = j;
    Dim a = i < from.rank() ? from[i++] : Dim(1), c = j < to.rank() ? to[j++] : Dim(1);
    while (a != c) {
      if (Dim::alwaysDivides(c, a) && i < from.rank())
        a = a * from[i++];
      else if (j < to.rank())
        c = c * to[j++];
      else
        return std::nullopt;
    }
    std::optional<Dim> inner;
    Dim next; // the stride that the axis before must have
    for (size_t k = i; k-- > i0;) {
      if (from[k].isConstant(1))
        continue;
      if (inner && x.getStrides()[k] != next)
        return std::nullopt;
      if (!inner)
        inner = x.getStrides()[k];
      next = x.getStrides()[k] * from[k];
    }
    Dim stride = inner.value_or(Dim(1));
    for (size_t k = j; k-- > j0;) {
      result.strides[k] = stride;
      stride = stride * to[k];
    }
  }
  return result;
}

bool nnc::writesWell(Operation *kernel, llvm::function_ref<RefType(Value)> placeOf, const Shape &strides) {
  if (isa_and_present<AttendOp, PairSumsOp, NeighbourhoodOp>(kernel))
    return strides.dims.back().isConstant(1);
  if (!isa_and_present<RowsOp>(kernel))
    return isa_and_present<MapOp>(kernel);
  return llvm::any_of(kernel->getOperands(), [&](Value v) {
    const Shape from = placeOf(v).getStrides();
    for (size_t axis = 0; axis < strides.rank() && axis < from.rank(); ++axis)
      if (strides[axis].isConstant(1) && from[axis].isConstant(1))
        return true;
    return false;
  });
}

BlockArgument nnc::argumentOf(Value place) {
  Dim count = shapeOf(place.getType()).count();
  for (Operation *op = place.getDefiningOp(); isa_and_present<ViewOp, GivenOp>(op); op = place.getDefiningOp())
    place = op->getOperand(0);
  auto arg = dyn_cast<BlockArgument>(place);
  bool whole = arg && isa<func::FuncOp>(arg.getOwner()->getParentOp()) && shapeOf(arg.getType()).count() == count;
  return whole ? arg : BlockArgument();
}

DictionaryAttr nnc::describe(BlockArgument argument) {
  auto function = dyn_cast<func::FuncOp>(argument.getOwner()->getParentOp());
  auto about = function ? function->getAttrOfType<DictionaryAttr>("nn.entry") : DictionaryAttr();
  if (!about)
    return {};
  auto isPlace = [](Value v) { return isa<RefType, nn::GraphType>(v.getType()); };
  size_t place = llvm::count_if(function.getArguments().take_front(argument.getArgNumber()), isPlace);
  for (auto entry : about.getAs<ArrayAttr>("arguments").getAsRange<DictionaryAttr>())
    if (entry.getAs<StringAttr>("kind") != "dim" && place-- == 0)
      return entry;
  return {};
}

bool nnc::isCheckedBefore(CheckedOpInterface op) {
  BlockArgument argument = argumentOf(op.getChecked());
  DictionaryAttr about = argument ? describe(argument) : DictionaryAttr();
  return about && about.getAs<StringAttr>("kind") != "output";
}
