// Names, operators and `if`.
#include "compiler/frontend/Elaborator.h"

#include <cmath>
#include <limits>
#include <numbers>

using namespace nnc::frontend;
using llvm::cast;
using llvm::dyn_cast;
using llvm::isa;
using llvm::StringRef;

Value Elaborator::first(Value value, Range range) {
  if (value.kind == Value::Tuple)
    return value.parts.front();
  if (value.kind == Value::Nothing)
    return fail(Code::NN0416, range, "a call without result where a value is needed");
  return value;
}

Value Elaborator::evaluateOne(const Expr &expr) { return first(evaluate(expr), expr.range); }

Value Elaborator::evaluate(const Expr &expr) {
  switch (expr.kind) {
  case Kind::IntegerLiteral:
    return Value::ofSize(nn::Dim(int64_t(cast<IntegerLiteral>(expr).value)));
  case Kind::FloatLiteral:
    return Value::ofReal(cast<FloatLiteral>(expr).value);
  case Kind::BooleanLiteral:
    return Value::boolean(cast<BooleanLiteral>(expr).value);
  case Kind::NameUse:
    return evaluateName(cast<NameUse>(expr));
  case Kind::Call:
    return evaluateCall(cast<Call>(expr), nullptr);
  case Kind::Index:
    return evaluateIndex(cast<Index>(expr));
  case Kind::Member:
    return evaluateMember(cast<Member>(expr));
  case Kind::Unary: {
    auto &unary = cast<Unary>(expr);
    Value v = evaluateOne(*unary.operand);
    if (v.isPoison())
      return v;
    return callOperation(unary.op == Operator::Not ? "not" : "neg", {{Name(), v, nullptr, unary.operand->range}},
                         expr.range, spelling(unary.op));
  }
  case Kind::Power: {
    auto &power = cast<Power>(expr);
    Value base = evaluateOne(*power.base), exponent = evaluateOne(*power.exponent);
    if (base.isPoison() || exponent.isPoison())
      return {};
    return callOperation(
        "pow", {{Name(), base, nullptr, power.base->range}, {Name(), exponent, nullptr, power.exponent->range}},
        expr.range, "^");
  }
  case Kind::Chain: {
    auto &chain = cast<Chain>(expr);
    Value v = evaluateOne(*chain.operands[0]);
    for (size_t i = 1; i < chain.operands.size(); ++i) {
      Value next = evaluateOne(*chain.operands[i]);
      v = evaluateOperator(chain.operators[i - 1], v, next, chain.prefix(i + 1), chain.prefix(i),
                           chain.operands[i]->range);
    }
    return v;
  }
  case Kind::Pipe: {
    auto &pipe = cast<Pipe>(expr);
    Given piped{Name(), evaluate(*pipe.input), nullptr, pipe.input->range};
    for (auto [i, stage] : llvm::enumerate(pipe.stages)) {
      piped.value = first(piped.value, piped.range);
      piped = {Name(), evaluateCall(*stage, &piped), nullptr, pipe.prefix(i + 1)};
    }
    return piped.value;
  }
  case Kind::Einsum:
    return evaluateEinsum(cast<Einsum>(expr));
  case Kind::If:
    return evaluateIf(cast<If>(expr));
  case Kind::Checkpoint:
    return evaluateCheckpoint(cast<Checkpoint>(expr));
  case Kind::Scan:
    return evaluateScan(cast<Scan>(expr));
  case Kind::Neighbourhood:
    return evaluateNeighbourhood(cast<Neighbourhood>(expr));
  default:
    return {};
  }
}

Value Elaborator::evaluateName(const NameUse &name) {
  switch (name.target.sort) {
  case Target::BuiltinValue:
    if (name.name == "inf")
      return Value::ofReal(std::numeric_limits<double>::infinity());
    if (name.name == "nan")
      return Value::ofReal(std::numeric_limits<double>::quiet_NaN());
    if (name.name == "pi")
      return Value::ofReal(std::numbers::pi);
    if (name.name == "training") {
      if (routine)
        routine->asksTraining = true;
      return Value::boolean(routine && routine->training);
    }
    return evaluateStep(name.range);
  case Target::Declared:
    break;
  default:
    return {}; // reported, or not a value
  }
  const Declaration *d = name.target.declaration;
  if (isa<Variable, Use>(d) && frame->instance) {
    d = holding(*frame->instance, *d);
    if (auto *variable = llvm::dyn_cast_or_null<Variable>(d))
      return readVariable(*frame->instance, *variable, name.range);
    if (!d && isa<Variable>(name.target.declaration))
      return readVariable(*frame->instance, *cast<Variable>(name.target.declaration), name.range);
    return fail(Code::NN0415, name.range, "`" + name.name.str() + "` is a layer, not a value");
  }
  if (const Value *v = frame->find(d))
    return *v;
  if (auto *constant = dyn_cast<Const>(d))
    return evaluateConstant(*constant);
  if (auto *dim = dyn_cast<FreeDim>(d))
    return evaluateFreeDim(*dim, name.range);
  return {};
}

Value Elaborator::evaluateConstant(const Const &constant) {
  Frame *home = &fileFrame;
  if (Instance *i = frame->instance; i && llvm::is_contained(i->layer->body->statements, &constant))
    home = &i->frame;
  if (const Value *known = home->find(&constant))
    return *known;
  if (llvm::is_contained(constantsInProgress, &constant))
    return fail(Code::NN0310, constant.range, "`" + constant.name.text.str() + "` is defined by itself");
  constantsInProgress.push_back(&constant);
  Value v;
  {
    Scoped<Frame *> inside(frame, home);
    v = evaluateOne(*constant.value);
  }
  constantsInProgress.pop_back();
  if (!v.isPoison() && !v.isLiteral())
    v = fail(Code::NN0414, constant.value->range, "a `const` must be known when compiling");
  home->values[&constant] = v;
  return v;
}

Value Elaborator::evaluateFreeDim(const FreeDim &dim, Range range) {
  std::string name = dim.name.text.str();
  // A size that only an argument which is left out would give is that of the layer's states, if they have it.
  if (routine && (dim.sort == FreeDim::OfState || hasStateDim(name)))
    return Value::ofSize(stateDim(name));
  return fail(Code::NN0201, range, "nothing gives `" + name + "` a value here", {},
              dim.sort == FreeDim::ResultOnly ? "an entry with a size that only its result has is called from C alone"
                                              : "");
}

Value Elaborator::evaluateMember(const Member &member) {
  if (member.isTranspose())
    return transposeLast(evaluateOne(*member.base), member.range);
  if (auto *constant = llvm::dyn_cast_or_null<Const>(member.target.declaration)) {
    const Value *known = fileFrame.find(constant);
    return known ? *known : evaluateConstant(*constant);
  }
  Instance *instance = instanceOf(*member.base);
  if (!instance || instance->broken)
    return {};
  for (Node *statement : instance->layer->body->statements)
    if (auto *variable = dyn_cast<Variable>(statement); variable && variable->name.text == member.name.text) {
      auto *held = llvm::dyn_cast_or_null<Variable>(holding(*instance, *variable));
      return readVariable(*instance, held ? *held : *variable, member.name.range);
    }
  return fail(Code::NN0301, member.name.range,
              "`" + instance->layer->name.text.str() + "` has no tensor `" + member.name.text.str() + "`");
}

Value Elaborator::evaluateIf(const If &expr) {
  for (const If::Branch &branch : expr.branches) {
    Value condition = evaluateOne(*branch.condition);
    if (condition.isPoison())
      return {};
    if (condition.kind != Value::Boolean) {
      bool library = branch.condition->range.file && branch.condition->range.file->isLibrary;
      return fail(Code::NN0414, branch.condition->range, "the condition of `if` must be known when compiling", {},
                  library ? "" : "at run time, choose with `where(condition, a, b)`");
    }
    if (condition.flag)
      return evaluateBlock(*branch.block);
  }
  return expr.otherwise ? evaluateBlock(*expr.otherwise) : Value::nothing();
}

// ---- operators
// -------------------------------------------------------------------------------------------------------

static StringRef operationOf(Operator op) {
  switch (op) {
  case Operator::Or:
    return "or";
  case Operator::And:
    return "and";
  case Operator::Equal:
    return "eq";
  case Operator::NotEqual:
    return "ne";
  case Operator::Less:
    return "lt";
  case Operator::LessEqual:
    return "le";
  case Operator::Greater:
    return "gt";
  case Operator::GreaterEqual:
    return "ge";
  case Operator::Add:
    return "add";
  case Operator::Subtract:
    return "sub";
  case Operator::Multiply:
    return "mul";
  case Operator::Divide:
    return "divide";
  default:
    return "";
  }
}

static bool isIntegral(const Value &v) {
  return v.kind == Value::Size || (v.isTensor() && v.element().isInteger() && !v.element().isInteger(1));
}
static bool isIntegerScalar(const Value &v) {
  return v.isTensor() && v.element().isInteger(64) && v.shape().rank() == 0;
}

Value Elaborator::evaluateOperator(Operator op, const Value &a, const Value &b, Range range, Range left, Range right) {
  if (a.isPoison() || b.isPoison())
    return {};
  if (op == Operator::MatMul)
    return matmul(a, b, range, right);
  if (op == Operator::Divide && isIntegral(a) && isIntegral(b) && (a.isTensor() || b.isTensor()))
    return fail(Code::NN0417, range, "`/` of integers", {},
                "write `div` for the floor, `float(x) / y` for the real quotient");
  bool logical = op == Operator::And || op == Operator::Or;
  for (const Value *v : {&a, &b}) // one side may decide
    if (logical && v->kind == Value::Boolean && (a.isTensor() || b.isTensor()) && v->flag == (op == Operator::And))
      return v == &a ? b : a;
  Value result =
      callOperation(operationOf(op), {{Name(), a, nullptr, left}, {Name(), b, nullptr, right}}, range, spelling(op));
  // Remember `at + N`, so that the length of `at : at + N` is known.
  bool sum = op == Operator::Add, difference = op == Operator::Subtract;
  if ((sum || difference) && isIntegerScalar(result)) {
    const Value &base = isIntegerScalar(a) ? a : b, &offset = isIntegerScalar(a) ? b : a;
    if (offset.kind == Value::Size && (sum || isIntegerScalar(a))) {
      result.affine = true;
      result.origin = base.affine ? base.origin : base.tensor;
      nn::Dim start = base.affine ? base.size : nn::Dim();
      result.size = sum ? start + offset.size : start - offset.size;
    }
  }
  return result;
}

Value Elaborator::transposeLast(const Value &v, Range range) {
  if (v.isPoison())
    return v;
  if (!v.isTensor() || v.shape().rank() < 2)
    return fail(Code::NN0207, range, "`.T` needs a tensor of rank 2 or more",
                v.isTensor() ? std::vector<std::string>{"given " + nn::describe(v.type())}
                             : std::vector<std::string>());
  llvm::SmallVector<int64_t> permutation = llvm::to_vector(llvm::seq<int64_t>(0, v.shape().rank()));
  std::swap(permutation[permutation.size() - 1], permutation[permutation.size() - 2]);
  return Value::ofTensor(transpose(v.tensor, permutation, range), v.untyped);
}

Value Elaborator::matmul(const Value &a, const Value &b, Range range, Range right) {
  std::vector<std::string> notes;
  for (const Value *v : {&a, &b}) {
    if (!v->isTensor())
      return fail(Code::NN0415, range, "`@` needs tensors");
    notes.push_back((notes.empty() ? "left  " : "right ") + nn::describe(v->type()));
  }
  std::optional<Common> common = commonElement({&a, &b}, nn::Elements::Number, range, "@");
  if (!common)
    return {};
  mlir::Value l = convert(a, common->element, nullptr, range), r = convert(b, common->element, nullptr, range);
  nn::Shape ls = a.shape(), rs = b.shape();
  if (ls.rank() == 0 || rs.rank() == 0)
    return fail(Code::NN0203, range, "`@` needs tensors of rank 1 or more", notes);
  bool vectorLeft = ls.rank() == 1, vectorRight = rs.rank() == 1;
  const nn::Dim &lk = ls[ls.rank() - 1], &rk = rs[vectorRight ? 0 : rs.rank() - 2];
  if (lk != rk) {
    notes[0] += "   last axis: " + lk.str();
    notes[1] += (vectorRight ? "   its axis: " : "   last axis but one: ") + rk.str();
    std::string hint;
    if (!vectorRight && rs[rs.rank() - 1] == lk) {
      std::swap(rs[rs.rank() - 1], rs[rs.rank() - 2]);
      bool simple = right.text().size() <= 40 && !right.text().contains(' ');
      hint = "`" + (simple ? right.text().str() : "(...)") + ".T` is " + nn::describe(nn::tensorType(rs, b.element()));
    }
    return fail(Code::NN0203, range, "shapes do not match in `@`", notes, hint);
  }
  if (rs.rank() <= 2) // the right operand is one matrix: all leading axes of the left one are rows
    return Value::ofTensor(
        emit<nn::ContractOp>(range, l, r, int64_t(0), int64_t(ls.rank() - 1), int64_t(!vectorRight), int64_t(1)),
        common->untyped);
  nn::Shape lead = nn::Shape(llvm::ArrayRef<nn::Dim>(ls.dims).drop_back(vectorLeft ? 1 : 2));
  std::optional<nn::Shape> batch =
      nn::broadcastShapes({lead, nn::Shape(llvm::ArrayRef<nn::Dim>(rs.dims).drop_back(2))});
  if (!batch)
    return fail(Code::NN0203, range, "leading axes do not match in `@`", notes);
  nn::Shape to = *batch;
  llvm::append_range(to.dims, llvm::ArrayRef<nn::Dim>(ls.dims).take_back(vectorLeft ? 1 : 2));
  l = broadcast(l, to, range);
  to = *batch;
  llvm::append_range(to.dims, llvm::ArrayRef<nn::Dim>(rs.dims).take_back(2));
  r = broadcast(r, to, range);
  return Value::ofTensor(
      emit<nn::ContractOp>(range, l, r, int64_t(batch->rank()), int64_t(!vectorLeft), int64_t(1), int64_t(1)),
      common->untyped);
}
