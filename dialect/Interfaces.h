// Signatures and shape rules: how the front end calls an operation before there is any IR.
#ifndef NNC_DIALECT_INTERFACES_H
#define NNC_DIALECT_INTERFACES_H

#include "dialect/Dim.h"

#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "llvm/ADT/SmallVector.h"

#include <optional>
#include <string>

namespace nn {

/// Which element types an operand may have.
enum class Elements : uint8_t { Any, Float, Number, Integer, Bool };

/// How a program calls an operation.
struct Signature {
  struct Operand {
    const char *name;
    Elements elements = Elements::Any;
  };
  enum class Kind : uint8_t {
    Integer, ///< an integer constant; the attribute is an i64
    Axis,    ///< an axis, negative from the end; handed to the rule as written
    Axes,    ///< the remaining positional arguments, none: all axes; a DenseI64Array
    Boolean,
    Size, ///< a size, symbolic or constant; the attribute is a #nn.dim
    Real  ///< a float constant; the attribute is an f64
  };
  struct Attribute {
    const char *name;
    Kind kind;
    std::optional<double> fallback = std::nullopt; ///< default value; none: must be written (Axes may be empty)
    const char *fallbackTo = nullptr;              ///< default is the value of this other attribute
  };
  llvm::SmallVector<Operand, 3> operands;
  llvm::SmallVector<Attribute, 2> attributes;
  bool variadic = false;    ///< the last operand may be repeated
  bool broadcast = false;   ///< operands are stretched to one shape before the rule is asked
  bool sameElements = true; ///< operands have one element type (checked by the caller, literals take it)
};

/// What a shape rule can not decide because it depends on free dimensions: a >= b must hold at the call.
struct Condition {
  Dim a, b;
  std::string text; ///< the message of a call that fails
};

/// Why a shape rule said no, in the terms of a program; or under which conditions it said yes.
struct Report {
  std::string code; ///< "NN0203"
  std::string text; ///< "shapes do not match in `@`"
  llvm::SmallVector<std::string, 2> notes;
  std::string hint;
  int operand = -1; ///< the operand to blame, -1: the call
  llvm::SmallVector<Condition, 1> conditions;
};
/// Fills the report; so that rules can `return fail(...)`.
llvm::LogicalResult fail(Report &report, llvm::StringRef code, const llvm::Twine &text,
                         llvm::ArrayRef<std::string> notes = {}, const llvm::Twine &hint = "");

/// What a shape rule sees.
struct RuleInput {
  mlir::MLIRContext *context;
  llvm::ArrayRef<mlir::Type> types; ///< of the operands
  mlir::DictionaryAttr attributes;

  int64_t integer(llvm::StringRef name, int64_t fallback = 0) const;
  bool flag(llvm::StringRef name) const;
  Dim size(llvm::StringRef name) const;
  llvm::ArrayRef<int64_t> axes(llvm::StringRef name) const;
  Shape shape(llvm::StringRef name) const;
};

// ---- types
// -----------------------------------------------------------------------------------------------------------
bool isElementType(mlir::Type);
bool isTensor(mlir::Type); ///< ranked, and every size constant or symbolic
bool isValue(mlir::Type);  ///< scalar, vector or tensor of element types
/// Sizes of a tensor or place; scalars have none.
Shape shapeOf(mlir::Type);
mlir::Type elementOf(mlir::Type); ///< of a scalar, vector, tensor or place
mlir::RankedTensorType tensorType(const Shape &shape, mlir::Type element);
/// `like` with other elements; works for scalars, vectors and tensors.
mlir::Type withElement(mlir::Type like, mlir::Type element);
/// As programs write it: "float[B, 64]" is printed with the element's name, "f32[B, 64]".
std::string describe(mlir::Type);
std::string describeElement(mlir::Type element);

// ---- pieces of shape rules
// -------------------------------------------------------------------------------------------
/// NumPy's rule on symbolic sizes: missing leading axes and axes of constant size 1 stretch.
std::optional<Shape> broadcastShapes(llvm::ArrayRef<Shape> shapes);
bool broadcastsTo(const Shape &from, const Shape &to);
/// An axis counted from the front; fails with a message when it is out of range.
std::optional<int64_t> normalizeAxis(int64_t axis, int64_t rank, Report &report);

Signature elementwiseSignature(std::initializer_list<const char *> names, Elements elements);
Signature reductionSignature(Elements elements);
Signature rowSignature(Elements elements);
/// All operands have one shape (and, where `same`, one element type); the result has the element type of operand 0.
llvm::LogicalResult elementwiseRule(const RuleInput &, Report &, llvm::SmallVectorImpl<mlir::Type> &, bool same = true);
llvm::LogicalResult predicateRule(const RuleInput &, Report &, llvm::SmallVectorImpl<mlir::Type> &);
/// Removes `axes` (or leaves 1 with `keep`); the element type is that of the operand if `element` is null.
llvm::LogicalResult reductionRule(const RuleInput &, Report &, llvm::SmallVectorImpl<mlir::Type> &,
                                  mlir::Type element = nullptr);

template <typename OpTy>
llvm::LogicalResult inferByShapeRule(mlir::MLIRContext *context, std::optional<mlir::Location> loc,
                                     mlir::ValueRange operands, mlir::DictionaryAttr attributes,
                                     mlir::OpaqueProperties properties, llvm::SmallVectorImpl<mlir::Type> &results) {
  llvm::SmallVector<mlir::Type> types(operands.getTypes());
  if constexpr (OpTy::hasProperties())
    if (properties)
      attributes = llvm::cast<mlir::DictionaryAttr>(
          OpTy::getPropertiesAsAttr(context, *properties.as<typename OpTy::Properties *>()));
  Report report;
  if (succeeded(OpTy::shapeRule(RuleInput{context, types, attributes}, report, results)))
    return llvm::success();
  return emitOptionalError(loc, report.text);
}

template <typename Op> struct Elementwise : mlir::OpTrait::TraitBase<Op, Elementwise> {};
template <typename Op> struct View : mlir::OpTrait::TraitBase<Op, View> {};
} // namespace nn
#endif // NNC_DIALECT_INTERFACES_H
