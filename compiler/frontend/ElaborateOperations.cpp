// Built-in operations: found by name in the dialect, called through their signature and shape rule.
#include "compiler/frontend/Elaborator.h"

using namespace nnc::frontend;
using llvm::ArrayRef;
using llvm::StringRef;
using Sort = nn::Signature::Kind;

// ---- matching of arguments
// -------------------------------------------------------------------------------------------

std::optional<std::vector<Given *>> Elaborator::match(std::vector<Given> &given, ArrayRef<Wanted> wanted, Range range,
                                                      StringRef callee) {
  std::vector<Given *> result(wanted.size());
  size_t position = 0;
  for (Given &g : given) {
    if (g.value.isPoison() && !g.pattern)
      return std::nullopt;
    size_t i = position;
    if (g.name) {
      i = 0;
      while (i < wanted.size() && g.name.text != wanted[i].name)
        ++i;
      if (i == wanted.size()) {
        fail(Code::NN0413, g.name.range, "`" + callee.str() + "` has no argument `" + g.name.text.str() + "`");
        return std::nullopt;
      }
    } else if (position++ >= wanted.size()) {
      fail(Code::NN0413, g.range, "too many arguments for `" + callee.str() + "`");
      return std::nullopt;
    }
    if (result[i]) {
      fail(Code::NN0413, g.range, std::string("argument `") + wanted[i].name + "` is given twice");
      return std::nullopt;
    }
    result[i] = &g;
  }
  for (auto [g, w] : llvm::zip(result, wanted))
    if (!g && !w.optional) {
      fail(Code::NN0413, range, "`" + callee.str() + "` needs its argument `" + w.name + "`");
      return std::nullopt;
    }
  return result;
}

std::optional<int64_t> Elaborator::constantOf(const Given &given, StringRef what) {
  if (std::optional<int64_t> c = given.value.integer())
    return c;
  if (!given.value.isPoison())
    fail(Code::NN0414, given.range, what.str() + " must be an integer constant");
  return std::nullopt;
}
std::optional<double> Elaborator::realOf(const Given &given, StringRef what) {
  if (given.value.kind == Value::Real)
    return given.value.real;
  if (std::optional<int64_t> c = given.value.integer())
    return double(*c);
  if (!given.value.isPoison())
    fail(Code::NN0414, given.range, what.str() + " must be a number known when compiling");
  return std::nullopt;
}

// ---- calls
// -----------------------------------------------------------------------------------------------------------

std::vector<std::string> Elaborator::specialNames() {
  return {"rearrange",   "split",  "iota",           "dot",     "grad",           "stop_gradient", "repeat",
          "all",         "causal", "add_self_loops", "reverse", "uniform",        "normal",        "trunc_normal",
          "fan_uniform", "glorot", "glorot_normal",  "kaiming", "kaiming_normal", "orthogonal"};
}

Value Elaborator::callSpecial(StringRef name, std::vector<Given> &given, Range range, bool &isSpecial) {
  using Method = Value (Elaborator::*)(std::vector<Given> &, Range);
  static const std::pair<StringRef, Method> methods[] = {{"rearrange", &Elaborator::callRearrange},
                                                         {"split", &Elaborator::callSplit},
                                                         {"iota", &Elaborator::callIota},
                                                         {"dot", &Elaborator::callDot}};
  for (auto [special, method] : methods)
    if (special == name)
      return isSpecial = true, (this->*method)(given, range);
  if (name == "add_self_loops" || name == "reverse")
    return isSpecial = true, callGraphOperation(name, given, range);
  if (isInitialiser(name))
    return isSpecial = true, callInitialiser(name, given, range);
  return {};
}

/// The attribute for an argument that is known when compiling; null after an error.
mlir::Attribute Elaborator::attributeOf(const nn::Signature::Attribute &wanted, const Given &given) {
  std::string what = std::string("`") + wanted.name + "`";
  switch (wanted.kind) {
  case Sort::Integer:
  case Sort::Axis: {
    std::optional<int64_t> c = constantOf(given, what);
    return c ? mlir::Attribute(top.getI64IntegerAttr(*c)) : mlir::Attribute();
  }
  case Sort::Boolean:
    if (given.value.kind == Value::Boolean)
      return top.getBoolAttr(given.value.flag);
    fail(Code::NN0414, given.range, what + " must be `true` or `false`, known when compiling");
    return nullptr;
  case Sort::Size:
    if (given.value.kind == Value::Size)
      return checkSize(given.value.size, given.range) ? nn::DimAttr::get(&context, given.value.size) : nn::DimAttr();
    fail(Code::NN0414, given.range, what + " must be a size");
    return nullptr;
  case Sort::Real: {
    std::optional<double> r = realOf(given, what);
    return r ? top.getF64FloatAttr(*r) : mlir::FloatAttr();
  }
  case Sort::Axes:
    break;
  }
  return nullptr;
}

static mlir::Attribute fallbackOf(const nn::Signature::Attribute &wanted, mlir::OpBuilder &b) {
  double value = *wanted.fallback;
  switch (wanted.kind) {
  case Sort::Boolean:
    return b.getBoolAttr(value != 0);
  case Sort::Size:
    return nn::DimAttr::get(b.getContext(), nn::Dim(int64_t(value)));
  case Sort::Real:
    return b.getF64FloatAttr(value);
  default:
    return b.getI64IntegerAttr(int64_t(value));
  }
}

static std::string argumentList(const nn::Signature &signature) {
  std::string list;
  for (const auto &operand : signature.operands)
    list += (list.empty() ? "`" : ", `") + std::string(operand.name) + "`";
  for (const auto &attribute : signature.attributes)
    list += (list.empty() ? "`" : ", `") + std::string(attribute.name) + "`";
  return list;
}
Value Elaborator::callOperation(StringRef name, std::vector<Given> given, Range range, StringRef spelled) {
  if (spelled.empty())
    spelled = name;
  for (Given &g : given) {
    if (!g.pattern)
      g.value = first(g.value, g.range);
    if (g.value.isPoison() && !g.pattern)
      return {};
  }
  bool isSpecial = false;
  Value special = callSpecial(name, given, range, isSpecial);
  if (isSpecial)
    return special;
  std::optional<mlir::RegisteredOperationName> op =
      mlir::RegisteredOperationName::lookup(("nn." + name).str(), &context);
  auto *language = op ? op->getInterface<nn::LanguageOpInterface>() : nullptr;
  if (!language)
    return fail(Code::NN0901, range, "`" + name.str() + "` is not available yet");
  nn::Signature signature = language->signature();

  // Sort the arguments into operands and attributes.
  llvm::SmallVector<Given *> operands;
  llvm::SmallVector<Given *> attributes(signature.attributes.size());
  llvm::SmallVector<int64_t> axes;
  size_t fixed = signature.operands.size(), position = 0;
  if (!signature.variadic)
    operands.resize(fixed);
  for (Given &g : given) {
    if (g.pattern)
      return fail(Code::NN0413, g.range, "only `rearrange` takes a pattern");
    Given **slot = nullptr;
    bool isAxes = false;
    if (g.name) {
      for (auto [i, o] : llvm::enumerate(signature.operands))
        if (g.name.text == o.name && !signature.variadic)
          slot = &operands[i];
      for (auto [i, a] : llvm::enumerate(signature.attributes))
        if (g.name.text == a.name && a.kind != Sort::Axes)
          slot = &attributes[i];
      if (!slot)
        return fail(Code::NN0413, g.name.range, "`" + spelled.str() + "` has no argument `" + g.name.text.str() + "`",
                    {"it takes " + argumentList(signature)});
    } else if (signature.variadic) {
      operands.push_back(&g);
      continue;
    } else if (position < fixed) {
      slot = &operands[position++];
    } else {
      size_t i = position - fixed;
      if (i >= attributes.size())
        return fail(Code::NN0413, g.range, "too many arguments for `" + spelled.str() + "`",
                    {"it takes " + argumentList(signature)});
      slot = &attributes[i];
      isAxes = signature.attributes[i].kind == Sort::Axes;
      position += !isAxes;
    }
    if (isAxes) {
      std::optional<int64_t> axis = constantOf(g, "an axis");
      if (!axis)
        return {};
      axes.push_back(*axis);
      continue;
    }
    if (*slot)
      return fail(Code::NN0413, g.range, "an argument of `" + spelled.str() + "` is given twice");
    *slot = &g;
  }
  if (signature.variadic && operands.empty())
    return fail(Code::NN0413, range, "`" + spelled.str() + "` needs an argument");
  for (auto [i, o] : llvm::enumerate(operands))
    if (!o)
      return fail(Code::NN0413, range,
                  "`" + spelled.str() + "` needs its argument `" + signature.operands[i].name + "`");

  // Numbers known when compiling.
  if (signature.broadcast && llvm::all_of(operands, [](Given *g) { return g->value.isLiteral(); })) {
    std::vector<Value> values;
    for (Given *g : operands)
      values.push_back(g->value);
    if (std::optional<Value> folded = fold(name, values, range))
      return *folded;
  }

  mlir::OperationState state(locate(range), *op);
  for (auto [wanted, g] : llvm::zip(signature.attributes, attributes)) {
    mlir::Attribute attribute;
    if (wanted.kind == Sort::Axes)
      attribute = top.getDenseI64ArrayAttr(axes);
    else if (g)
      attribute = attributeOf(wanted, *g);
    else if (wanted.fallback)
      attribute = fallbackOf(wanted, top);
    else if (wanted.fallbackTo)
      attribute = state.attributes.get(wanted.fallbackTo);
    else
      return fail(Code::NN0413, range, "`" + spelled.str() + "` needs its argument `" + wanted.name + "`");
    if (!attribute)
      return {};
    state.addAttribute(wanted.name, attribute);
  }
  if (llvm::any_of(op->getAttributeNames(), [](mlir::StringAttr a) { return a == "element"; }))
    state.addAttribute("element", mlir::TypeAttr::get(floatType()));
  return emitOperation(state, signature, *language, name, spelled, operands, range);
}

Value Elaborator::emitOperation(mlir::OperationState &state, const nn::Signature &signature,
                                const nn::detail::LanguageOpInterfaceInterfaceTraits::Concept &language, StringRef name,
                                StringRef spelled, ArrayRef<Given *> operands, Range range) {
  // Element types: operands that must be bool or integer stand for themselves, the others meet in one type.
  auto elementsOf = [&](size_t i) { return signature.operands[std::min(i, signature.operands.size() - 1)].elements; };
  nn::Elements groupElements = nn::Elements::Any;
  llvm::SmallVector<const Value *> group;
  auto alone = [&](size_t i) { return !signature.sameElements || elementsOf(i) != elementsOf(operands.size() - 1); };
  for (size_t i = 0; i < operands.size(); ++i) {
    const Value &v = operands[i]->value;
    if (!v.isLiteral() && !v.isTensor())
      return tensorOf(v, operands[i]->range), Value();
    if (!alone(i)) {
      group.push_back(&v);
      groupElements = elementsOf(i);
    }
  }
  if (name == "pow" && group.size() == 2 && isPowerOfOtherType(*group[0], *group[1]))
    group.pop_back();
  std::optional<Common> common = Common();
  if (!group.empty() && !(common = commonElement(group, groupElements, range, spelled)))
    return {};
  if (!signature.broadcast && common->untyped) // indices are numbers like others from here on
    common = Common{llvm::isa<mlir::FloatType>(common->element) ? floatType() : common->element, false};

  nn::Shape shape;
  if (signature.broadcast) {
    std::vector<nn::Shape> shapes;
    for (Given *g : operands)
      shapes.push_back(g->value.shape());
    std::optional<nn::Shape> all = nn::broadcastShapes(shapes);
    if (!all) {
      llvm::SmallVector<StringRef> names;
      llvm::SmallVector<const Value *> values;
      for (auto [i, g] : llvm::enumerate(operands)) {
        names.push_back(spelled == name ? StringRef(signature.operands[i].name) : i ? "right" : "left");
        values.push_back(&g->value);
      }
      return fail(Code::NN0203, range, "shapes do not match in `" + spelled.str() + "`", bothSides(names, values));
    }
    shape = *all;
  }
  llvm::SmallVector<mlir::Type> types;
  for (auto [i, g] : llvm::enumerate(operands)) {
    mlir::Type element = common->element;
    if (alone(i) || !llvm::is_contained(group, &g->value)) {
      std::optional<Common> own = commonElement({&g->value}, elementsOf(i), g->range, spelled);
      if (!own)
        return {};
      element = own->untyped && llvm::isa<mlir::FloatType>(own->element) ? floatType() : own->element;
    }
    mlir::Value v = convert(g->value, element, signature.broadcast ? &shape : nullptr, g->range);
    if (!v)
      return {};
    state.addOperands(v);
    types.push_back(v.getType());
  }
  nn::Report report;
  llvm::SmallVector<mlir::Type> results;
  nn::RuleInput input{&context, types, state.attributes.getDictionary(&context)};
  if (failed(language.shapeRule(input, report, results)))
    return fail(report, report.operand >= 0 ? operands[report.operand]->range : range);
  for (mlir::Type t : results)
    if (!checkShape(nn::shapeOf(t), range))
      return {};
  for (const nn::Condition &c : report.conditions)
    if (!require("at_least", c.a, c.b, range, Code::NN0208, c.text))
      return {};
  state.addTypes(results);
  mlir::Operation *operation = builder().create(state);
  std::vector<Value> values;
  for (mlir::Value result : operation->getResults())
    values.push_back(Value::ofTensor(result, common->untyped && !nn::elementOf(result.getType()).isInteger(1)));
  return values.size() == 1 ? values[0] : Value::tuple(std::move(values));
}

/// A float base takes integer exponents as they are: the power is exact, and its derivative knows the exponent.
bool Elaborator::isPowerOfOtherType(const Value &base, const Value &exponent) {
  bool integer =
      exponent.kind == Value::Size || (exponent.isTensor() && llvm::isa<mlir::IntegerType>(exponent.element()));
  return integer && ((base.isTensor() && llvm::isa<mlir::FloatType>(base.element())) || base.kind == Value::Real);
}

Value Elaborator::callIota(std::vector<Given> &given, Range range) {
  auto of = match(given, {{"n"}, {"start", true}}, range, "iota");
  if (!of)
    return {};
  nn::Dim start;
  for (Given *g : *of)
    if (g && g->value.kind != Value::Size)
      return fail(Code::NN0414, g->range, "`iota` needs sizes", {},
                  g == (*of)[1] ? "for a start from data write `iota(n) + start`"
                                : "settings, constants and free dimensions are sizes");
  if ((*of)[1])
    start = (*of)[1]->value.size;
  const nn::Dim &n = (*of)[0]->value.size;
  if (!checkSize(n, (*of)[0]->range))
    return {};
  mlir::Type type = nn::tensorType({n}, mlir::IntegerType::get(&context, 64));
  return Value::ofTensor(emit<nn::IotaOp>(range, type, nn::DimAttr::get(&context, start), int64_t(0)));
}
