// Attributes and types: how they are written, and what shape rules ask of them.
#include "dialect/Dialect.h"

#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace nn;

#define GET_ATTRDEF_CLASSES
#include "dialect/Attributes.cpp.inc"
#define GET_TYPEDEF_CLASSES
#include "dialect/Types.cpp.inc"

void NNDialect::registerAttributes() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialect/Attributes.cpp.inc"
      >();
}
void NNDialect::registerTypes() {
  addTypes<
#define GET_TYPEDEF_LIST
#include "dialect/Types.cpp.inc"
      >();
}

// ---- parsing and printing of sizes
// -----------------------------------------------------------------------------------

static FailureOr<Dim> parseSum(AsmParser &p);

static FailureOr<Dim> parseFactor(AsmParser &p) {
  if (succeeded(p.parseOptionalLParen())) {
    FailureOr<Dim> d = parseSum(p);
    return succeeded(d) && succeeded(p.parseRParen()) ? d : FailureOr<Dim>();
  }
  int64_t value;
  if (OptionalParseResult r = p.parseOptionalInteger(value); r.has_value())
    return failed(*r) ? FailureOr<Dim>() : Dim(value);
  StringRef name;
  if (p.parseKeyword(&name))
    return failure();
  if (name != "floordiv")
    return Dim::symbol(name);
  FailureOr<Dim> a, b;
  if (p.parseLParen() || failed(a = parseSum(p)) || p.parseComma() || failed(b = parseSum(p)) || p.parseRParen())
    return failure();
  std::optional<Dim> q = Dim::floorDiv(*a, *b);
  return q ? FailureOr<Dim>(*q) : p.emitError(p.getCurrentLocation(), "division by zero");
}

static FailureOr<Dim> parseProduct(AsmParser &p) {
  FailureOr<Dim> d = parseFactor(p);
  while (succeeded(d)) {
    bool times = succeeded(p.parseOptionalStar());
    if (!times && failed(p.parseOptionalSlash()))
      break;
    FailureOr<Dim> f = parseFactor(p);
    if (failed(f))
      return failure();
    std::optional<Dim> r = times ? *d * *f : Dim::exactDiv(*d, *f);
    if (!r)
      return p.emitError(p.getCurrentLocation(), "the quotient is not exact"), failure();
    d = *r;
  }
  return d;
}

static FailureOr<Dim> parseSum(AsmParser &p) {
  bool negative = succeeded(p.parseOptionalMinus());
  FailureOr<Dim> d = parseProduct(p);
  if (succeeded(d) && negative)
    d = Dim(0) - *d;
  while (succeeded(d)) {
    bool plus = succeeded(p.parseOptionalPlus());
    if (!plus && failed(p.parseOptionalMinus()))
      break;
    FailureOr<Dim> t = parseProduct(p);
    if (failed(t))
      return failure();
    d = plus ? *d + *t : *d - *t;
  }
  return d;
}

static FailureOr<Shape> parseShape(AsmParser &p) {
  Shape shape;
  auto one = [&]() -> ParseResult {
    FailureOr<Dim> d = parseSum(p);
    if (failed(d))
      return failure();
    shape.dims.push_back(*d);
    return success();
  };
  if (p.parseCommaSeparatedList(AsmParser::Delimiter::Square, one))
    return failure();
  return shape;
}

Attribute DimAttr::parse(AsmParser &p, Type) {
  FailureOr<Dim> d;
  if (p.parseLess() || failed(d = parseSum(p)) || p.parseGreater())
    return {};
  return get(p.getContext(), *d);
}
void DimAttr::print(AsmPrinter &p) const { p << "<" << getValue().str() << ">"; }

Attribute ShapeAttr::parse(AsmParser &p, Type) {
  FailureOr<Shape> s;
  if (p.parseLess() || failed(s = parseShape(p)) || p.parseGreater())
    return {};
  return get(p.getContext(), *s);
}
void ShapeAttr::print(AsmPrinter &p) const { p << "<" << getValue().str() << ">"; }

Type RefType::parse(AsmParser &p) {
  FailureOr<Shape> shape, strides;
  Type element;
  if (p.parseLess() || failed(shape = parseShape(p)) || p.parseKeyword("of") || p.parseType(element))
    return {};
  if (succeeded(p.parseOptionalComma())) {
    if (failed(strides = parseShape(p)))
      return {};
  } else {
    strides = shape->rowMajorStrides();
  }
  if (p.parseGreater())
    return {};
  return get(p.getContext(), *shape, element, *strides);
}
void RefType::print(AsmPrinter &p) const {
  p << "<" << getShape().str() << " of " << getElementType();
  if (!isContiguous())
    p << ", " << getStrides().str();
  p << ">";
}
bool RefType::isContiguous() const { return getStrides() == getShape().rowMajorStrides(); }

Type nn::GraphType::parse(AsmParser &p) {
  FailureOr<Dim> s, t, e;
  if (p.parseLess() || failed(s = parseSum(p)) || p.parseComma() || failed(t = parseSum(p)) || p.parseComma() ||
      failed(e = parseSum(p)) || p.parseGreater())
    return {};
  return get(p.getContext(), *s, *t, *e);
}
void nn::GraphType::print(AsmPrinter &p) const {
  p << "<" << getSources().str() << ", " << getTargets().str() << ", " << getEdges().str() << ">";
}

// ---- questions about types
// -------------------------------------------------------------------------------------------

bool nn::isElementType(Type t) {
  return t.isF64() || t.isF32() || t.isF16() || t.isBF16() || t.isSignlessInteger(64) || t.isSignlessInteger(32) ||
         t.isSignlessInteger(8) || t.isSignlessInteger(1);
}

bool nn::isTensor(Type t) {
  auto tensor = dyn_cast<RankedTensorType>(t);
  if (!tensor || !isElementType(tensor.getElementType()))
    return false;
  auto shape = dyn_cast_or_null<ShapeAttr>(tensor.getEncoding());
  if (tensor.hasStaticShape())
    return !tensor.getEncoding();
  if (!shape || shape.getValue().rank() != size_t(tensor.getRank()))
    return false;
  for (auto [size, dim] : llvm::zip(tensor.getShape(), shape.getValue()))
    if (dim.isConstant() ? size != dim.constant() : !ShapedType::isDynamic(size))
      return false;
  return true;
}

bool nn::isValue(Type t) {
  if (auto vector = dyn_cast<VectorType>(t))
    return isElementType(vector.getElementType());
  return isElementType(t) || isTensor(t);
}

Shape nn::shapeOf(Type t) {
  if (auto ref = dyn_cast<RefType>(t))
    return ref.getShape();
  Shape shape;
  if (auto tensor = dyn_cast<RankedTensorType>(t)) {
    if (auto symbolic = dyn_cast_or_null<ShapeAttr>(tensor.getEncoding()))
      return symbolic.getValue();
    for (int64_t size : tensor.getShape())
      shape.dims.push_back(size);
  }
  return shape;
}

Type nn::elementOf(Type t) {
  if (auto ref = dyn_cast<RefType>(t))
    return ref.getElementType();
  return getElementTypeOrSelf(t);
}

RankedTensorType nn::tensorType(const Shape &shape, Type element) {
  SmallVector<int64_t> sizes;
  for (const Dim &d : shape)
    sizes.push_back(d.asConstant().value_or(ShapedType::kDynamic));
  Attribute encoding = shape.isConstant() ? Attribute() : ShapeAttr::get(element.getContext(), shape);
  return RankedTensorType::get(sizes, element, encoding);
}

Type nn::withElement(Type like, Type element) {
  if (auto tensor = dyn_cast<RankedTensorType>(like))
    return RankedTensorType::get(tensor.getShape(), element, tensor.getEncoding());
  if (auto vector = dyn_cast<VectorType>(like))
    return vector.clone(element);
  return element;
}

std::string nn::describeElement(Type t) {
  if (t.isInteger(1))
    return "bool";
  std::string s;
  llvm::raw_string_ostream(s) << t;
  return s;
}

std::string nn::describe(Type t) {
  if (auto graph = dyn_cast<nn::GraphType>(t)) {
    std::string ends = graph.getSources() == graph.getTargets()
                           ? graph.getSources().str()
                           : graph.getSources().str() + " -> " + graph.getTargets().str();
    return "graph[" + ends + ", " + graph.getEdges().str() + "]";
  }
  Shape shape = shapeOf(t);
  return describeElement(elementOf(t)) + (shape.rank() ? shape.str() : "");
}
