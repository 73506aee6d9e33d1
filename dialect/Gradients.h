// What the rule of an operation may ask while it is differentiated, and the notation that rules are written in.
#ifndef NNC_DIALECT_GRADIENTS_H
#define NNC_DIALECT_GRADIENTS_H

#include "mlir/IR/Builders.h"
#include "llvm/ADT/STLFunctionalExtras.h"

namespace nn {

/// One operation on the way back. A cotangent is the derivative of the scalar by a value, and has the value's type.
class Pullback {
public:
  Pullback(mlir::OpBuilder &b, mlir::Operation *op) : b(b), loc(op->getLoc()), op(op) {}
  virtual ~Pullback() = default;

  /// The cotangent of a result; null where nothing depends on that.
  virtual mlir::Value cotangent(unsigned result = 0) = 0;
  /// Whether the derivative by this operand is asked for: never by integers, frozen parameters, and what neither comes
  /// from.
  virtual bool isWanted(unsigned operand) = 0;
  /// A value of the forward pass, as it can be used here.
  virtual mlir::Value primal(mlir::Value v) = 0;
  /// Adds to the cotangent of an operand that is wanted.
  virtual void add(unsigned operand, mlir::Value cotangent) = 0;
  /// Goes back over a body in place, for operations that compute with one: a copy of it, in an operation that is being
  /// made. `cotangents` has one for each operand of its yield, null where there is none. Returns those of `by`, values
  /// of the body (arguments, or results in it) or from outside; null where the yielded values do not depend on one.
  virtual llvm::SmallVector<mlir::Value> differentiate(mlir::Block &body, mlir::ValueRange by,
                                                       llvm::ArrayRef<mlir::Value> cotangents) = 0;

  /// `add`, of what is only computed if it is wanted.
  void give(unsigned operand, llvm::function_ref<mlir::Value()> cotangent) {
    if (isWanted(operand))
      add(operand, cotangent());
  }
  mlir::Value operand(unsigned i) { return primal(op->getOperand(i)); }
  mlir::Value result(unsigned i = 0) { return primal(op->getResult(i)); }

  // ---- notation: elementwise, on values of one type
  mlir::Value plus(mlir::Value x, mlir::Value y);
  mlir::Value minus(mlir::Value x, mlir::Value y);
  mlir::Value times(mlir::Value x, mlir::Value y);
  mlir::Value times(mlir::Value x, double y);
  mlir::Value over(mlir::Value x, mlir::Value y);
  mlir::Value negative(mlir::Value x);
  mlir::Value where(mlir::Value condition, mlir::Value x, mlir::Value y);
  /// A number in every element of something like `like`.
  mlir::Value constant(mlir::Value like, double value);
  /// With the elements of `like`.
  mlir::Value cast(mlir::Value x, mlir::Value like);
  template <typename Op> mlir::Value make(mlir::Value x) { return Op::create(b, loc, x).getResult(); }
  template <typename Op> mlir::Value make(mlir::Value x, mlir::Value y) { return Op::create(b, loc, x, y).getResult(); }

  mlir::OpBuilder &b;
  mlir::Location loc;

private:
  mlir::Operation *op;
};

} // namespace nn
#endif // NNC_DIALECT_GRADIENTS_H
