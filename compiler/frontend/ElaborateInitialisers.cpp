// Random draws and initial values of parameters.
#include "compiler/frontend/Elaborator.h"

#include <cmath>

using namespace nnc::frontend;
using llvm::StringRef;

static constexpr StringRef kNames[] = {"uniform",       "normal",  "trunc_normal",   "fan_uniform", "glorot",
                                       "glorot_normal", "kaiming", "kaiming_normal", "orthogonal"};

bool Elaborator::isInitialiser(StringRef name) { return llvm::is_contained(kNames, name); }

/// FNV-1a: the same on every machine and in every version.
static int64_t stableHash(StringRef text) {
  uint64_t h = 0xcbf29ce484222325;
  for (unsigned char c : text)
    h = (h ^ c) * 0x100000001b3;
  return int64_t(h >> 1);
}

int64_t Elaborator::nextPlace() {
  std::string text = drawPath + ":" + std::to_string(routine->ordinal++);
  routine->draws = true;
  return stableHash(text);
}

/// One number for the steps of all loops around.
mlir::Value Elaborator::copyNumber(Range range) {
  mlir::Value number = routine->copy;
  routine->usesCopy |= bool(number);
  for (auto &[step, count] : routine->steps) {
    if (number) {
      mlir::Value steps = emit<nn::SizeOp>(range, step.getType(), nn::DimAttr::get(&context, count));
      number = emit<nn::AddOp>(range, emit<nn::MulOp>(range, number, steps), step);
    } else {
      number = step;
    }
  }
  return number;
}

/// A draw for the typed place, in f32 (f64 for f64).
template <typename Op, typename... Attributes> mlir::Value Elaborator::draw(Range range, Attributes... attributes) {
  mlir::Type element = place->element.isF64() ? place->element : mlir::Float32Type::get(&context);
  llvm::SmallVector<mlir::Value> copy;
  if (routine->inLoop())
    copy.push_back(copyNumber(range));
  return emit<Op>(range, nn::tensorType(place->shape, element), copy, nextPlace(), attributes...);
}

Value Elaborator::callInitialiser(StringRef name, std::vector<Given> &given, Range range) {
  if (!place)
    return fail(Code::NN0509, range, "`" + name.str() + "` must stand where a value has a declared type", {},
                "in a `param`, `buffer` or `state`, or in `let x: float[B, d] = " + name.str() + "(...)`");
  if (!llvm::isa<mlir::FloatType>(place->element))
    return fail(Code::NN0411, range, "random draws are floats, the place has " + nn::describeElement(place->element));
  if (!routine)
    return fail(Code::NN0414, range, "a random draw is not known when compiling");
  auto scaled = [&](mlir::Value draws, const Value &factor, const Value &shift) {
    Value v = Value::ofTensor(draws);
    auto arithmetic = [&](StringRef op, const Value &by) {
      Value other = by;
      if (by.isTensor() && !by.untyped) // the place's type; the draw has f32
        other = Value::ofTensor(castTo(by.tensor, nn::elementOf(draws.getType()), range));
      v = callOperation(op, {{Name(), v, nullptr, range}, {Name(), other, nullptr, range}}, range);
    };
    if (!(factor.isNumber() && fold("eq", {factor, Value::ofSize(1)}, range)->flag))
      arithmetic("mul", factor);
    if (!(shift.isNumber() && fold("eq", {shift, Value::ofSize(0)}, range)->flag))
      arithmetic("add", shift);
    return v.isPoison() ? v : Value::ofTensor(castTo(v.tensor, place->element, range));
  };
  auto symmetric = [&](double bound) {
    return scaled(draw<nn::UniformOp>(range), Value::ofReal(2 * bound), Value::ofReal(-bound));
  };

  if (name == "uniform") {
    auto of = match(given, {{"low"}, {"high"}}, range, name);
    if (!of)
      return {};
    const Value &low = (*of)[0]->value, &high = (*of)[1]->value;
    Value width = callOperation("sub", {{Name(), high, nullptr, range}, {Name(), low, nullptr, range}}, range);
    return width.isPoison() ? width : scaled(draw<nn::UniformOp>(range), width, low);
  }
  if (name == "normal") {
    auto of = match(given, {{"mean", true}, {"std", true}}, range, name);
    if (!of)
      return {};
    return scaled(draw<nn::NormalOp>(range), (*of)[1] ? (*of)[1]->value : Value::ofSize(1),
                  (*of)[0] ? (*of)[0]->value : Value::ofSize(0));
  }
  if (name == "trunc_normal") {
    auto of = match(given, {{"mean", true}, {"std", true}, {"low", true}, {"high", true}}, range, name);
    if (!of)
      return {};
    double values[] = {0, 1, -2, 2};
    for (auto [value, g] : llvm::zip(values, *of))
      if (g) {
        std::optional<double> r = realOf(*g, "an argument of `trunc_normal`");
        if (!r)
          return {};
        value = *r;
      }
    if (!(values[2] < values[3]) || !(values[1] > 0))
      return fail(Code::NN0509, range, "`trunc_normal` needs low < high and std > 0");
    auto attribute = [&](int i) { return llvm::APFloat(values[i]); };
    return scaled(draw<nn::TruncNormalOp>(range, attribute(0), attribute(1), attribute(2), attribute(3)),
                  Value::ofSize(1), Value::ofSize(0));
  }
  if (name == "orthogonal") {
    auto of = match(given, {{"gain", true}}, range, name);
    if (!of)
      return {};
    if (place->shape.rank() < 2)
      return fail(Code::NN0509, range, "`orthogonal` needs a place of rank 2 or more");
    return scaled(draw<nn::OrthogonalOp>(range), (*of)[0] ? (*of)[0]->value : Value::ofSize(1), Value::ofSize(0));
  }

  // Those that look at the numbers of inputs and outputs.
  bool glorot = name.starts_with("glorot"), isNormal = name.ends_with("_normal");
  bool kaiming = name.starts_with("kaiming");
  llvm::SmallVector<Wanted> wanted = {{"fan_in", true}};
  if (glorot)
    wanted.push_back({"fan_out", true});
  if (glorot || kaiming)
    wanted.push_back({"gain", true});
  auto of = match(given, wanted, range, name);
  if (!of)
    return {};
  nn::Dim in = 1, out = place->shape.rank() ? place->shape[0] : nn::Dim(1);
  for (size_t i = 1; i < place->shape.rank(); ++i) {
    in = in * place->shape[i];
    if (i > 1)
      out = out * place->shape[i];
  }
  double fans[2] = {double(in.asConstant().value_or(0)), double(out.asConstant().value_or(0))};
  double gain = kaiming ? std::sqrt(2.0) : 1;
  for (size_t i = 0; i < of->size(); ++i) {
    bool isGain = StringRef(wanted[i].name) == "gain";
    if (Given *g = (*of)[i]) {
      std::optional<double> r = realOf(*g, std::string("`") + wanted[i].name + "`");
      if (!r)
        return {};
      (isGain ? gain : fans[i]) = *r;
    } else if (!isGain && place->shape.rank() < 2) {
      return fail(Code::NN0509, range,
                  "`" + name.str() + "` needs its argument `" + wanted[i].name + "` here: the place has rank " +
                      std::to_string(place->shape.rank()));
    } else if (!isGain && !(i ? out : in).isConstant()) {
      return fail(Code::NN0509, range,
                  "`" + name.str() + "` needs its argument `" + wanted[i].name + "` here: the place has " +
                      (i ? out : in).str() + " of them, which is not known when compiling");
    }
  }
  double fan = glorot ? (fans[0] + fans[1]) / 2 : fans[0];
  if (!(fan > 0)) // a tensor without elements
    fan = 1;
  if (name == "fan_uniform")
    return symmetric(1 / std::sqrt(fan));
  if (isNormal)
    return scaled(draw<nn::NormalOp>(range), Value::ofReal(gain / std::sqrt(fan)), Value::ofSize(0));
  return symmetric(gain * std::sqrt(3 / fan));
}

/// A function that gives the initial value: of all copies, where there are several.
mlir::FlatSymbolRefAttr Elaborator::makeInitialiser(Instance &owner, const Variable &variable, StringRef path) {
  Routine r(&context);
  unsigned errors = diagnostics.errorCount();
  Scoped<std::optional<mlir::Location>> notInlined(inlinedAt, std::nullopt);
  Scoped<std::string> own(drawPath, path.str());
  Scoped<Routine *> here(routine, &r);
  Scoped<Frame *> inside(frame, &owner.frame);
  mlir::Type type = typeOfVariable(owner, variable);
  if (!type)
    return nullptr;
  Scoped<std::optional<TypedPlace>> typed(place, TypedPlace{nn::shapeOf(type), nn::elementOf(type)});
  beginFunction(r, modelName + ".init." + path.str(), {}, variable.range);

  // A loop over the copies of each repeat around.
  llvm::SmallVector<nn::Dim> copies;
  for (Instance *i = &owner; i; i = i->parent)
    if (i->copies)
      copies.insert(copies.begin(), nn::Dim(*i->copies));
  mlir::Value result = stackCopies(
      copies,
      [&]() -> mlir::Value {
        Value v = coerce(evaluateOne(*variable.value), type, true, variable.value->range,
                         "the initial value of `" + variable.name.text.str() + "`");
        return v.isPoison() ? mlir::Value() : v.tensor;
      },
      variable.range);
  if (!result || diagnostics.errorCount() != errors) {
    r.function.erase();
    return nullptr;
  }
  finishFunction(r, result, variable.range);
  return mlir::FlatSymbolRefAttr::get(r.function.getSymNameAttr());
}
