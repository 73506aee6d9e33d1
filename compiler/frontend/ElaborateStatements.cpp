// Blocks: `let`, `<-`, and the values of the last line.
#include "compiler/frontend/Elaborator.h"

using namespace nnc::frontend;
using llvm::cast;
using llvm::dyn_cast;

Value Elaborator::evaluateBlock(const Block &block) {
  const Values *result = block.result();
  for (const Node *statement : block.statements) {
    if (auto *let = dyn_cast<Let>(statement))
      executeLet(*let);
    else if (auto *update = dyn_cast<Update>(statement))
      executeUpdate(*update);
    else if (auto *values = dyn_cast<Values>(statement); values && values != result)
      for (const Expr *value : values->values)
        evaluate(*value); // a call without result
  }
  if (!result)
    return Value::nothing();
  if (result->values.size() == 1)
    return evaluate(*result->values[0]);
  std::vector<Value> parts;
  for (const Expr *value : result->values)
    parts.push_back(evaluateOne(*value));
  return Value::tuple(std::move(parts));
}

void Elaborator::executeLet(const Let &let) {
  // What a typed `let` takes its shape from: the type, if all its sizes are known beforehand.
  mlir::Type type;
  std::optional<TypedPlace> at;
  bool inferred = let.type && llvm::any_of(let.type->dims, [&](const Dim *d) {
                    return d->sort == Dim::Inferred || (d->sort == Dim::Ellipsis && !frame->ellipsis);
                  });
  if (let.type && !inferred && (type = evaluateType(*let.type)) && !let.type->isGraph())
    at = TypedPlace{nn::shapeOf(type), nn::elementOf(type)};
  Value value;
  {
    Scoped<std::optional<TypedPlace>> typed(place, at);
    value = evaluate(*let.value);
  }
  auto bind = [&](const Local *local, Value v) {
    if (let.type && !v.isPoison() && (type || inferred)) {
      mlir::Type to = inferred ? evaluateType(*let.type, &v) : type;
      v = to ? coerce(v, to, true, let.value->range, "`" + local->name.text.str() + "`") : Value();
    } else if (let.type) {
      v = Value();
    }
    frame->values[local] = std::move(v);
  };
  if (let.names.size() == 1)
    return bind(let.names[0], first(value, let.value->range));

  size_t wanted = let.names.size();
  std::vector<Value> parts(wanted);
  if (value.isTensor()) { // unpacks a tensor
    nn::Shape shape = value.shape();
    if (shape.rank() && shape[0].isConstant(int64_t(wanted)))
      for (size_t i = 0; i < wanted; ++i)
        parts[i] = selectLeading(value, nn::Dim(int64_t(i)), let.value->range);
    else
      fail(Code::NN0416, let.range,
           std::to_string(wanted) + " names for a tensor whose leading size is " +
               (shape.rank() ? shape[0].str() : "missing"),
           {"given " + nn::describe(value.type())});
  } else if (value.kind == Value::Tuple) {
    if (value.parts.size() == wanted)
      parts = value.parts;
    else
      fail(Code::NN0416, let.range,
           std::to_string(wanted) + " names for " + std::to_string(value.parts.size()) + " results");
  } else if (!value.isPoison()) {
    fail(Code::NN0416, let.range, std::to_string(wanted) + " names for one value");
  }
  for (auto [local, part] : llvm::zip(let.names, parts))
    bind(local, part);
}

void Elaborator::executeUpdate(const Update &update) {
  Value value = evaluate(*update.value);
  if (update.targets.size() == 1)
    return assign(*update.targets[0], first(value, update.value->range), update.value->range);
  std::vector<Value> parts(update.targets.size());
  if (value.kind == Value::Tuple && value.parts.size() == parts.size())
    parts = value.parts;
  else if (!value.isPoison())
    fail(Code::NN0416, update.range,
         std::to_string(parts.size()) + " targets for " +
             std::to_string(value.kind == Value::Tuple ? value.parts.size() : value.kind != Value::Nothing) +
             " results");
  for (auto [target, part] : llvm::zip(update.targets, parts))
    assign(*target, part, update.value->range);
}
