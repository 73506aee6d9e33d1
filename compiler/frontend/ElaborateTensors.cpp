// Tensors from values: element types, literals, broadcasting.
#include "compiler/frontend/Elaborator.h"

using namespace nnc::frontend;
using llvm::ArrayRef;
using llvm::StringRef;

// ---- tensors from values
// ---------------------------------------------------------------------------------------------

mlir::Value Elaborator::castTo(mlir::Value value, mlir::Type element, Range range) {
  if (nn::elementOf(value.getType()) == element)
    return value;
  return emit<nn::CastOp>(range, nn::withElement(value.getType(), element), value);
}

std::optional<Value> Elaborator::literalOf(const Value &value) {
  if (value.isLiteral())
    return value;
  mlir::Operation *maker = value.isTensor() ? value.tensor.getDefiningOp() : nullptr;
  if (auto size = llvm::dyn_cast_or_null<nn::SizeOp>(maker))
    return Value::ofSize(size.getValue().getValue());
  auto constant = llvm::dyn_cast_or_null<nn::ConstantOp>(maker);
  if (!constant)
    return std::nullopt;
  if (auto real = llvm::dyn_cast<mlir::FloatAttr>(constant.getValue()))
    return Value::ofReal(real.getValueAsDouble());
  const llvm::APInt &integer = llvm::cast<mlir::IntegerAttr>(constant.getValue()).getValue();
  return integer.getBitWidth() == 1 ? Value::boolean(integer.isOne()) : Value::ofSize(nn::Dim(integer.getSExtValue()));
}

/// The same number in every element, in another shape; null if `value` is not such a tensor.
mlir::Value Elaborator::constantLike(mlir::Value value, const nn::Shape &shape, Range range) {
  mlir::Type type = nn::tensorType(shape, nn::elementOf(value.getType()));
  if (auto constant = value.getDefiningOp<nn::ConstantOp>())
    return emit<nn::ConstantOp>(range, type, constant.getValue());
  if (auto size = value.getDefiningOp<nn::SizeOp>())
    return emit<nn::SizeOp>(range, type, size.getValueAttr());
  return nullptr;
}
mlir::Value Elaborator::broadcast(mlir::Value value, const nn::Shape &shape, Range range) {
  if (nn::shapeOf(value.getType()) == shape)
    return value;
  mlir::Value constant = constantLike(value, shape, range);
  return constant ? constant : emit<nn::BroadcastOp>(range, value, shape);
}
mlir::Value Elaborator::reshape(mlir::Value value, const nn::Shape &shape, Range range) {
  if (nn::shapeOf(value.getType()) == shape)
    return value;
  mlir::Value constant = constantLike(value, shape, range);
  return constant ? constant : emit<nn::ReshapeOp>(range, value, shape);
}
mlir::Value Elaborator::transpose(mlir::Value value, ArrayRef<int64_t> permutation, Range range) {
  bool identity = true;
  for (auto [i, p] : llvm::enumerate(permutation))
    identity &= int64_t(i) == p;
  return identity ? value : emit<nn::TransposeOp>(range, value, permutation);
}

static bool fits(int64_t value, unsigned width) {
  return width >= 64 || (value >= -(int64_t(1) << (width - 1)) && value < (int64_t(1) << (width - 1)));
}

mlir::Value Elaborator::convert(const Value &value, mlir::Type element, const nn::Shape *shape, Range range) {
  mlir::Type at = nn::tensorType(shape ? *shape : nn::Shape(), element);
  bool isFloat = llvm::isa<mlir::FloatType>(element), isBool = element.isInteger(1);
  auto misfit = [&](const std::string &what) -> mlir::Value {
    std::string to = element == floatType() ? "float" : nn::describeElement(element);
    fail(Code::NN0411, range, what + " where " + nn::describeElement(element) + " is needed", {},
         isBool                         ? "compare: `x != 0`"
         : value.kind == Value::Boolean ? "convert it: `" + to + "(...)`"
         : value.kind == Value::Real    ? "convert the other side to a float type: `float(...)`"
                                        : "");
    return nullptr;
  };
  switch (value.kind) {
  case Value::Boolean:
    return isBool ? emit<nn::ConstantOp>(range, at, int64_t(value.flag)) : misfit("a bool");
  case Value::Real:
    return isFloat ? emit<nn::ConstantOp>(range, at, value.real) : misfit("a float");
  case Value::Size:
    if (isBool)
      return misfit("an integer");
    if (std::optional<int64_t> c = value.integer()) {
      if (!isFloat && !fits(*c, element.getIntOrFloatBitWidth()))
        return fail(Code::NN0411, range, std::to_string(*c) + " does not fit " + nn::describeElement(element)), nullptr;
      return emit<nn::ConstantOp>(range, at, *c);
    }
    return emit<nn::SizeOp>(range, at, nn::DimAttr::get(&context, value.size));
  case Value::Tensor: {
    mlir::Value t = value.tensor;
    if (value.element() != element) {
      if (!value.untyped || isBool || (llvm::isa<mlir::FloatType>(value.element()) && !isFloat))
        return misfit("a value of type " + nn::describeElement(value.element()));
      t = castTo(t, element, range);
    }
    return shape ? broadcast(t, *shape, range) : t;
  }
  case Value::Nothing:
    fail(Code::NN0416, range, "a call without result where a value is needed");
    return nullptr;
  case Value::Graph:
    fail(Code::NN0415, range, "a graph where a tensor is needed");
    return nullptr;
  default:
    return nullptr;
  }
}

mlir::Value Elaborator::tensorOf(const Value &value, Range range, nn::Elements elements) {
  if (value.isPoison())
    return nullptr;
  mlir::Type element;
  if (value.kind == Value::Tensor)
    element = value.untyped && llvm::isa<mlir::FloatType>(value.element()) ? floatType() : value.element();
  else if (value.kind == Value::Boolean)
    element = mlir::IntegerType::get(&context, 1);
  else if (value.kind == Value::Real || elements == nn::Elements::Float)
    element = floatType();
  else
    element = mlir::IntegerType::get(&context, 64);
  return convert(value, element, nullptr, range);
}

// ---- element types
// ---------------------------------------------------------------------------------------------------

static bool allowed(mlir::Type element, nn::Elements elements) {
  bool isFloat = llvm::isa<mlir::FloatType>(element), isBool = element.isInteger(1);
  switch (elements) {
  case nn::Elements::Any:
    return true;
  case nn::Elements::Float:
    return isFloat;
  case nn::Elements::Number:
    return !isBool;
  case nn::Elements::Integer:
    return !isFloat && !isBool;
  case nn::Elements::Bool:
    return isBool;
  }
  return false;
}
static const char *wanted(nn::Elements elements) {
  switch (elements) {
  case nn::Elements::Float:
    return "floats";
  case nn::Elements::Integer:
    return "integers";
  case nn::Elements::Bool:
    return "bools";
  default:
    return "numbers";
  }
}

std::vector<std::string> Elaborator::bothSides(ArrayRef<StringRef> names, ArrayRef<const Value *> values) {
  // From the end, the first axis whose sizes do not go together.
  size_t width = 0, rank = 0, axis = 1;
  for (auto [name, v] : llvm::zip(names, values)) {
    width = std::max(width, name.size());
    rank = std::max(rank, v->shape().rank());
  }
  auto sizeOf = [&](const Value &v) {
    return v.shape().rank() < axis ? nn::Dim(1) : v.shape()[v.shape().rank() - axis];
  };
  for (; axis <= rank; ++axis) {
    std::optional<nn::Dim> size;
    bool differ = false;
    for (const Value *v : values)
      if (nn::Dim own = sizeOf(*v); own != nn::Dim(1)) {
        differ |= size && *size != own;
        size = own;
      }
    if (differ)
      break;
  }
  std::vector<std::string> notes;
  for (auto [name, v] : llvm::zip(names, values)) {
    if (!v->isTensor())
      continue;
    std::string note = name.str() + std::string(width - name.size() + 1, ' ') + nn::describe(v->type());
    if (axis <= rank && v->shape().rank() >= axis)
      note += "   axis -" + std::to_string(axis) + ": " + sizeOf(*v).str();
    notes.push_back(std::move(note));
  }
  return notes;
}

/// The element type that values of one group meet in: that of the typed ones; without any, f64 or i64 until later.
std::optional<Elaborator::Common> Elaborator::commonElement(ArrayRef<const Value *> values, nn::Elements elements,
                                                            Range range, StringRef spelled) {
  Common common;
  const Value *typed = nullptr;
  bool real = elements == nn::Elements::Float, booleans = true, anyBoolean = false;
  for (const Value *v : values) {
    if (v->isTensor() && !v->untyped) {
      if (!typed)
        typed = v;
      else if (typed->element() != v->element()) {
        // Rather to floats than to integers.
        mlir::Type from = v->element(), to = typed->element();
        if (llvm::isa<mlir::FloatType>(from) && !llvm::isa<mlir::FloatType>(to))
          std::swap(from, to);
        fail(Code::NN0410, range, "element types do not mix in `" + spelled.str() + "`",
             {"one   " + nn::describe(typed->type()), "other " + nn::describe(v->type())},
             "convert the " + nn::describeElement(from) + " one: `" +
                 (to == floatType() ? std::string("float") : nn::describeElement(to)) + "(...)`");
        return std::nullopt;
      }
    }
    real |= v->kind == Value::Real || (v->isTensor() && llvm::isa<mlir::FloatType>(v->element()));
    booleans &= v->kind == Value::Boolean;
    anyBoolean |= v->kind == Value::Boolean;
  }
  if (anyBoolean && !booleans && !(typed && typed->element().isInteger(1))) {
    fail(Code::NN0410, range, "element types do not mix in `" + spelled.str() + "`",
         {"one   " + (typed ? nn::describe(typed->type()) : "a number"), "other bool"},
         "convert the bool: `float(...)`, `i64(...)`");
    return std::nullopt;
  }
  if (typed)
    common.element = typed->element();
  else if (booleans)
    common.element = mlir::IntegerType::get(&context, 1);
  else if (real)
    common = {mlir::Float64Type::get(&context), true};
  else
    common = {mlir::IntegerType::get(&context, 64), true};
  if (!allowed(common.element, elements)) {
    std::vector<std::string> notes;
    if (typed)
      notes.push_back("given " + nn::describe(typed->type()));
    fail(Code::NN0412, range, "`" + spelled.str() + "` needs " + wanted(elements), notes,
         elements == nn::Elements::Float && typed ? "convert first: `float(x)`" : "");
    return std::nullopt;
  }
  return common;
}
