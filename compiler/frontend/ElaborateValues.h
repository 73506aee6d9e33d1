// What expressions mean while a program is elaborated: numbers known when compiling, tensors of the code being made,
// callables, layer instances.
#pragma once

#include "compiler/frontend/Syntax.h"
#include "dialect/Dialect.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/MapVector.h"

#include <map>
#include <memory>
#include <optional>
#include <string>

namespace nnc::frontend {

struct Instance;
struct Callable;

/// The value of an expression. Numbers known when compiling have no element type until they meet a tensor or a typed
/// place; neither do tensors made from indices and sizes alone (`untyped`: i64 or f64 until then).
struct Value {
  enum Kind : uint8_t {
    Poison,  ///< an error was reported; silences whatever depends on it
    Nothing, ///< a call without result
    Boolean, ///< `flag`
    Size,    ///< `size`: an integer literal or an expression of free dimensions
    Real,    ///< `real`
    Tensor,  ///< `tensor`
    Graph,   ///< `tensor`, of a graph type
    Call,    ///< `callable`
    Tuple,   ///< `parts`: several results
  };

  Kind kind = Poison;
  bool flag = false;
  bool untyped = false;
  double real = 0;
  nn::Dim size;
  mlir::Value tensor;
  /// Of an integer scalar: `tensor` is `origin + size` (or `size` alone where there is no origin).
  bool affine = false;
  mlir::Value origin;
  std::shared_ptr<const Callable> callable;
  std::vector<Value> parts;

  static Value nothing() { return of(Nothing); }
  static Value boolean(bool b) {
    Value v = of(Boolean);
    v.flag = b;
    return v;
  }
  static Value ofSize(nn::Dim d) {
    Value v = of(Size);
    v.size = std::move(d);
    return v;
  }
  static Value ofReal(double r) {
    Value v = of(Real);
    v.real = r;
    return v;
  }
  static Value ofTensor(mlir::Value t, bool untyped = false) {
    Value v = of(llvm::isa<nn::GraphType>(t.getType()) ? Graph : Tensor);
    v.tensor = t;
    v.untyped = untyped;
    return v;
  }
  static Value tuple(std::vector<Value> parts) {
    Value v = of(Tuple);
    v.parts = std::move(parts);
    return v;
  }

  bool isPoison() const { return kind == Poison; }
  bool isTensor() const { return kind == Tensor; }
  /// Known when compiling, free dimensions included.
  bool isLiteral() const { return kind == Boolean || kind == Size || kind == Real; }
  bool isNumber() const { return kind == Size || kind == Real; }
  std::optional<int64_t> integer() const { return kind == Size ? size.asConstant() : std::nullopt; }
  mlir::Type type() const { return tensor.getType(); }
  nn::Shape shape() const { return isTensor() ? nn::shapeOf(tensor.getType()) : nn::Shape(); }
  mlir::Type element() const { return nn::elementOf(tensor.getType()); }

private:
  static Value of(Kind kind) {
    Value v;
    v.kind = kind;
    return v;
  }
};

/// What may stand before `(` or in a `use`: a function of a file, a layer with its settings, a built-in operation, an
/// element type.
struct Callable {
  const Function *function = nullptr;
  const Layer *layer = nullptr;
  std::vector<std::pair<const Setting *, Value>> settings; ///< of the layer, as far as written
  llvm::StringRef operation, conversion;
};

/// What names mean: of one call of a function, or of a layer instance.
struct Frame {
  Frame *parent = nullptr;
  Instance *instance = nullptr; ///< whose block this is in
  llvm::DenseMap<const Declaration *, Value> values;
  std::optional<nn::Shape> ellipsis; ///< what `...` stands for in the types of the signature

  const Value *find(const Declaration *d) const {
    auto at = values.find(d);
    return at != values.end() ? &at->second : parent ? parent->find(d) : nullptr;
  }
};

/// A layer with its settings, at one place of a model.
struct Instance {
  const Layer *layer = nullptr;
  Instance *parent = nullptr;    ///< null: the model
  const Use *use = nullptr;      ///< by which the parent knows it
  std::optional<int64_t> copies; ///< of a `repeat`
  int64_t first = 0;             ///< the number of its first copy
  Frame frame;                   ///< settings and constants
  std::map<const Use *, std::unique_ptr<Instance>> children;
  bool broken = false; ///< an error in its settings was reported

  /// `encoder.layers`, the names of the uses; for messages.
  std::string describePath() const;
};

/// A parameter, buffer or state, seen from a function of one of its owner's ancestors (or of its owner).
struct Place {
  Instance *owner;
  const Variable *variable;
  bool operator==(const Place &o) const { return owner == o.owner && variable == o.variable; }
  bool operator<(const Place &o) const { return std::tie(owner, variable) < std::tie(o.owner, o.variable); }
};

/// Whether `inner` is `outer` or lies in it; regions need not belong to an operation yet.
inline bool encloses(mlir::Region &outer, mlir::Region *inner) {
  while (inner && inner != &outer) {
    mlir::Operation *op = inner->getParentOp();
    inner = op ? op->getParentRegion() : nullptr;
  }
  return inner;
}

} // namespace nnc::frontend
