// Arithmetic on what is known when compiling: sizes exactly, floats in f64.
#include "compiler/frontend/Elaborator.h"

#include "llvm/ADT/StringSwitch.h"

#include <cmath>

using namespace nnc::frontend;
using llvm::ArrayRef;
using llvm::StringRef;

namespace {
double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
double rsqrt(double x) { return 1 / std::sqrt(x); }
double sign(double x) { return x > 0 ? 1 : x < 0 ? -1 : x; }

using Real1 = double (*)(double);
Real1 realFunction(StringRef name) {
  return llvm::StringSwitch<Real1>(name)
      .Case("exp", std::exp)
      .Case("expm1", std::expm1)
      .Case("log", std::log)
      .Case("log1p", std::log1p)
      .Case("sqrt", std::sqrt)
      .Case("rsqrt", rsqrt)
      .Case("sin", std::sin)
      .Case("cos", std::cos)
      .Case("tanh", std::tanh)
      .Case("sigmoid", sigmoid)
      .Case("erf", std::erf)
      .Case("abs", std::fabs)
      .Case("sign", sign)
      .Case("floor", std::floor)
      .Case("ceil", std::ceil)
      .Case("round", std::nearbyint)
      .Default(nullptr);
}

std::optional<Value> foldUnary(StringRef op, const Value &x) {
  if (x.kind == Value::Boolean)
    return op == "not" ? std::optional(Value::boolean(!x.flag)) : std::nullopt;
  if (op == "neg")
    return x.kind == Value::Size ? Value::ofSize(nn::Dim(0) - x.size) : Value::ofReal(-x.real);
  if (x.kind == Value::Size) { // what integers stay integers under
    if (op == "floor" || op == "ceil" || op == "round")
      return x;
    if (std::optional<int64_t> c = x.integer(); c && op == "abs")
      return Value::ofSize(nn::Dim(*c < 0 ? -*c : *c));
    else if (c && op == "sign")
      return Value::ofSize(nn::Dim(*c > 0 ? 1 : *c < 0 ? -1 : 0));
    else if (!c)
      return std::nullopt;
  }
  double value = x.kind == Value::Size ? double(*x.integer()) : x.real;
  if (op == "isfinite")
    return Value::boolean(std::isfinite(value));
  if (Real1 f = realFunction(op))
    return Value::ofReal(f(value));
  return std::nullopt;
}

/// Three-way comparison of two numbers; nothing if it is not known or one is NaN.
std::optional<int> compare(const Value &a, const Value &b) {
  if (a.kind == Value::Size && b.kind == Value::Size) {
    std::optional<int64_t> difference = (a.size - b.size).asConstant();
    if (!difference)
      return std::nullopt;
    return *difference < 0 ? -1 : *difference > 0;
  }
  auto real = [](const Value &v) { return v.kind == Value::Real ? v.real : double(*v.integer()); };
  if ((a.kind == Value::Size && !a.integer()) || (b.kind == Value::Size && !b.integer()))
    return std::nullopt;
  double x = real(a), y = real(b);
  if (std::isnan(x) || std::isnan(y))
    return std::nullopt;
  return x < y ? -1 : x > y;
}

std::optional<bool> holds(StringRef op, int order) {
  return llvm::StringSwitch<std::optional<bool>>(op)
      .Case("eq", order == 0)
      .Case("ne", order != 0)
      .Case("lt", order < 0)
      .Case("le", order <= 0)
      .Case("gt", order > 0)
      .Case("ge", order >= 0)
      .Default(std::nullopt);
}

std::optional<Value> foldReals(StringRef op, double a, double b) {
  std::optional<double> r = llvm::StringSwitch<std::optional<double>>(op)
                                .Case("add", a + b)
                                .Case("sub", a - b)
                                .Case("mul", a * b)
                                .Case("divide", a / b)
                                .Case("pow", std::pow(a, b))
                                .Case("div", std::floor(a / b))
                                .Case("mod", a - b * std::floor(a / b))
                                .Case("atan2", std::atan2(a, b))
                                .Case("maximum", std::isnan(a) || a > b ? a : b)
                                .Case("minimum", std::isnan(a) || a < b ? a : b)
                                .Default(std::nullopt);
  return r ? std::optional(Value::ofReal(*r)) : std::nullopt;
}

std::optional<Value> foldSizes(StringRef op, const nn::Dim &a, const nn::Dim &b) {
  std::optional<nn::Dim> r;
  std::optional<int64_t> x = a.asConstant(), y = b.asConstant();
  if (op == "add")
    r = a + b;
  else if (op == "sub")
    r = a - b;
  else if (op == "mul")
    r = a * b;
  else if (op == "div")
    r = nn::Dim::floorDiv(a, b);
  else if (op == "mod") {
    if (std::optional<nn::Dim> q = nn::Dim::floorDiv(a, b))
      r = a - b * *q;
  } else if (op == "pow" && y && *y >= 0 && *y <= 64) {
    r = nn::Dim(1);
    for (int64_t i = 0; i < *y; ++i)
      r = *r * a;
  } else if (op == "maximum" || op == "minimum") {
    if (std::optional<int64_t> d = (a - b).asConstant())
      r = (*d > 0) == (op == "maximum") ? a : b;
  }
  if (!r && x && y)
    return foldReals(op, double(*x), double(*y));
  return r ? std::optional(Value::ofSize(*r)) : std::nullopt;
}
} // namespace

std::optional<Value> Elaborator::fold(StringRef op, ArrayRef<Value> operands, Range range) {
  if (operands.size() == 1)
    return foldUnary(op, operands[0]);
  const Value &a = operands[0], &b = operands[1];
  if (op == "where")
    return a.kind == Value::Boolean ? std::optional(a.flag ? b : operands[2]) : std::nullopt;
  if (op == "clamp") {
    std::optional<Value> low = fold("maximum", {a, b}, range);
    return low ? fold("minimum", {*low, operands[2]}, range) : std::nullopt;
  }
  if (a.kind == Value::Boolean && b.kind == Value::Boolean)
    return llvm::StringSwitch<std::optional<Value>>(op)
        .Case("and", Value::boolean(a.flag && b.flag))
        .Case("or", Value::boolean(a.flag || b.flag))
        .Case("eq", Value::boolean(a.flag == b.flag))
        .Case("ne", Value::boolean(a.flag != b.flag))
        .Default(std::nullopt);
  if (!a.isNumber() || !b.isNumber())
    return std::nullopt;
  if (holds(op, 0)) {
    if (std::optional<int> order = compare(a, b))
      return Value::boolean(*holds(op, *order));
    bool constants = (a.kind == Value::Real || a.integer()) && (b.kind == Value::Real || b.integer());
    return constants ? std::optional(Value::boolean(op == "ne")) : std::nullopt; // NaN
  }
  if (a.kind == Value::Size && b.kind == Value::Size) {
    if (op == "divide")
      return divideSizes(a.size, b.size, range);
    std::optional<Value> r = foldSizes(op, a.size, b.size);
    if ((op == "div" || op == "mod") && b.size.isConstant(0))
      return fail(Code::NN0205, range, "division by zero");
    if (r && r->kind == Value::Size && r->size.overflowed())
      return fail(Code::NN0206, range,
                  a.integer() && b.integer() ? "a number leaves the range of 64 bits"
                                             : "a size leaves the range of 64 bits or has too many terms");
    return r;
  }
  auto real = [](const Value &v) -> std::optional<double> {
    if (v.kind == Value::Real)
      return v.real;
    std::optional<int64_t> c = v.integer();
    return c ? std::optional(double(*c)) : std::nullopt;
  };
  std::optional<double> x = real(a), y = real(b);
  return x && y ? foldReals(op, *x, *y) : std::nullopt;
}

Value Elaborator::divideSizes(const nn::Dim &a, const nn::Dim &b, Range range) {
  if (b.isConstant(0))
    return fail(Code::NN0205, range, "division by zero");
  std::optional<nn::Dim> quotient = nn::Dim::exactDiv(a, b);
  if (!quotient)
    return fail(Code::NN0205, range, "`" + a.str() + " / " + b.str() + "` has a remainder", {},
                "`/` of integers is exact; write `" + a.str() + ".0 / " + b.str() +
                    "` for a float, `div` for the floor");
  if (!nn::Dim::alwaysDivides(a, b) &&
      !require("divides", a, b, range, Code::NN0205, a.str() + " must be a multiple of " + b.str()))
    return {};
  return Value::ofSize(*quotient);
}
