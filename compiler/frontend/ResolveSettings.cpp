// Layers with their settings, as they stand after `use`, and settings that are callables themselves.
#include "compiler/frontend/Resolver.h"

using namespace nnc::frontend;
using llvm::StringRef;

// --------------------------------------------------------------------------------------------- Callable settings

/// Rules 3: a setting is a callable if its default is one; without a default, if it is called, stands in a `use` or is
/// handed to such a setting.
bool Resolver::isCallable(Setting &setting) {
  Answer answer = callableSettings.lookup(&setting);
  if (answer != Answer::Unknown)
    return answer == Answer::Yes;
  callableSettings[&setting] = Answer::Asking; // settings that only wait for each other are none
  Layer *owner = settingOwners.lookup(&setting);
  bool yes = owner && (setting.value ? isCallableDefault(setting, *owner) : isUsedAsCallable(setting, *owner));
  callableSettings[&setting] = yes ? Answer::Yes : Answer::No;
  return yes;
}

bool Resolver::isCallableDefault(Setting &setting, Layer &owner) {
  Scope &scope = fileScope(*owner.file);
  Expr *value = setting.value;
  if (auto *index = llvm::dyn_cast<Index>(value))
    return layerOf(index, scope) != nullptr;
  if (llvm::isa<Member>(value))
    return layerOf(value, scope) != nullptr;
  auto *use = llvm::dyn_cast<NameUse>(value);
  if (!use)
    return false;
  for (Setting *earlier : owner.settings) {
    if (earlier == &setting)
      break;
    if (earlier->name.text == use->name)
      return isCallable(*earlier);
  }
  if (scope.find(Space::Value, use->name))
    return false;
  if (scope.find(Space::Callable, use->name))
    return true;
  return isElementType(use->name) || (options.isOperation && options.isOperation(use->name));
}

static Expr *baseOf(Expr *expr) {
  while (true) {
    if (auto *index = llvm::dyn_cast<Index>(expr))
      expr = index->base;
    else if (auto *member = llvm::dyn_cast<Member>(expr); member && !member->isTranspose())
      expr = member->base;
    else
      return expr;
  }
}

static bool isNamed(Expr *expr, StringRef name) {
  auto *use = llvm::dyn_cast_or_null<NameUse>(expr);
  return use && use->name == name;
}

bool Resolver::isUsedAsCallable(Setting &setting, Layer &owner) {
  if (!owner.body)
    return false;
  StringRef name = setting.name.text;
  bool found = false;
  forEachExpr(owner.body, [&](Expr *expr) {
    if (auto *call = llvm::dyn_cast<Call>(expr))
      found |= isNamed(baseOf(call->callee), name);
  });
  for (Node *node : owner.body->statements)
    if (auto *use = llvm::dyn_cast<Use>(node); use && !found)
      found = isNamed(baseOf(use->callee), name) || isHandedOver(name, use->callee, owner);
  return found;
}

/// Whether `name` is the value of a callable setting somewhere in `L[.., name, M[name]]` or `repeat(n, L[name])`.
bool Resolver::isHandedOver(StringRef name, Expr *reference, Layer &owner) {
  if (auto *call = llvm::dyn_cast<Call>(reference)) {
    for (const Actual &actual : call->arguments)
      if (actual.value && (isHandedOver(name, actual.value, owner) ||
                           (isNamed(baseOf(actual.value), name) && &actual != &call->arguments.front())))
        return true;
    return false;
  }
  auto *index = llvm::dyn_cast<Index>(reference);
  if (!index)
    return false;
  Layer *layer = layerOf(index, fileScope(*owner.file));
  for (size_t i = 0; i < index->items.size(); ++i) {
    const Item &item = index->items[i];
    Setting *setting = layer ? findSetting(*layer, item, i) : nullptr;
    if (isNamed(item.value, name) && setting && isCallable(*setting))
      return true;
    if (item.value && isHandedOver(name, item.value, owner))
      return true;
  }
  return false;
}

/// The layer that `L`, `L[..]` or `f.L[..]` names in a file; null if it is none.
Layer *Resolver::layerOf(Expr *reference, const Scope &scope) const {
  if (auto *index = llvm::dyn_cast<Index>(reference))
    reference = index->base;
  if (auto *use = llvm::dyn_cast<NameUse>(reference))
    return llvm::dyn_cast_or_null<Layer>(scope.find(Space::Callable, use->name));
  auto *member = llvm::dyn_cast<Member>(reference);
  auto *base = member ? llvm::dyn_cast<NameUse>(member->base) : nullptr;
  auto *import = base ? llvm::dyn_cast_or_null<Import>(scope.find(Space::Callable, base->name)) : nullptr;
  if (import && import->file)
    for (Declaration *theirs : import->file->declarations)
      if (theirs->name.text == member->name.text)
        return llvm::dyn_cast<Layer>(theirs);
  return nullptr;
}

Setting *Resolver::findSetting(const Layer &layer, const Item &item, size_t position) const {
  if (item.sort == Item::Single)
    return position < layer.settings.size() ? layer.settings[position] : nullptr;
  for (Setting *setting : layer.settings)
    if (item.name && setting->name.text == item.name.text)
      return setting;
  return nullptr;
}

// ---------------------------------------------------------------------------------------------------- References

/// What stands after `use`, or is the value of a callable setting: a layer with its settings, `repeat`, a function.
void Resolver::reference(Expr &reference, bool layerOnly) {
  if (auto *call = llvm::dyn_cast<Call>(&reference)) {
    auto *name = llvm::dyn_cast<NameUse>(call->callee);
    if (name && !findCallable(name->name, name->target) && name->target.sort == Target::Operation &&
        name->name == "repeat")
      return repeat(*call);
    diagnostics.error(Code::NN0305, reference.range, "a layer with its settings is expected here, not a call")
        .hint(name ? "settings stand in brackets: `" + name->name.str() + "[...]`" : std::string());
    return;
  }
  auto *index = llvm::dyn_cast<Index>(&reference);
  Expr *base = index ? index->base : &reference;
  Target target;
  if (auto *name = llvm::dyn_cast<NameUse>(base)) {
    Declaration *found = findCallable(name->name, name->target);
    target = name->target;
    if (target.sort == Target::Unknown)
      return unknownCallable(*name);
    if (found)
      called(*found, name->range);
  } else if (auto *member = llvm::dyn_cast<Member>(base); member && !member->isTranspose()) {
    path(*member);
    target = member->target;
    if (target.sort == Target::Unknown) {
      auto *name = llvm::dyn_cast<NameUse>(member->base);
      if (name && llvm::isa_and_nonnull<Use>(name->target.declaration))
        diagnostics.error(Code::NN0305, reference.range,
                          "a layer is expected here, not a part of `" + name->name + "`");
      return;
    }
  } else {
    diagnostics.error(Code::NN0305, reference.range, "a layer or a function is expected here, not a value");
    return;
  }
  Declaration *found = target.declaration;
  bool fits = !found || llvm::isa<Layer, Function, Setting>(found) || (llvm::isa<Use>(found) && !layerOnly && !index);
  if (layerOnly && (!found || llvm::isa<Function>(found)))
    fits = false;
  if (!fits) {
    diagnostics.error(Code::NN0305, base->range,
                      "a layer is expected here, `" + base->range.text() + "` is " +
                          (found ? aKind(*found) : std::string("a function")));
    return;
  }
  if (auto *layer = llvm::dyn_cast_or_null<Layer>(found); layer && !index)
    requireSettings(*layer, {}, reference.range);
  if (index)
    items(*index, found);
}

/// `repeat(n, L[..], from = 0)`.
void Resolver::repeat(Call &call) {
  size_t positional = 0;
  bool hasLayer = false;
  for (Actual &actual : call.arguments) {
    bool isFrom = actual.name.text == "from";
    size_t position = actual.name ? 3 : positional++;
    if ((actual.name && !isFrom) || position > 3 || actual.pattern) {
      diagnostics.error(Code::NN0505, actual.range, "`repeat` has the arguments `n`, a layer, and `from`")
          .hint("repeat(n, Layer[...], from = 0)");
    } else if (position == 1 && !actual.name) {
      hasLayer = true;
      reference(*actual.value, true);
    } else {
      expr(actual.value);
    }
  }
  if (!hasLayer)
    diagnostics.error(Code::NN0506, call.range, "`repeat` needs a number and a layer").hint("repeat(n, Layer[...])");
}

/// Settings by position, then by name; each gets to know which one it is.
void Resolver::items(Index &index, Declaration *target) {
  auto *layer = llvm::dyn_cast_or_null<Layer>(target);
  if (!layer) {
    if (target && llvm::isa<Setting>(target))
      diagnostics.error(Code::NN0505, index.range, "`" + target->name.text + "` comes with its settings already");
    else
      diagnostics.error(Code::NN0505, index.range,
                        "`" + index.base->range.text() + "` is a function, it has no settings");
    return;
  }
  bool named = false;
  unsigned before = diagnostics.errorCount();
  llvm::SmallPtrSet<Setting *, 8> given;
  for (size_t i = 0; i < index.items.size(); ++i) {
    Item &item = index.items[i];
    named |= item.sort == Item::Named;
    if (item.sort != Item::Named && (named || item.sort != Item::Single)) {
      diagnostics.error(Code::NN0505, item.range,
                        item.sort == Item::Single ? "settings by position stand before those by name"
                                                  : "a setting is a single value");
      continue;
    }
    Setting *setting = findSetting(*layer, item, i);
    item.setting = setting;
    if (!setting) {
      std::string all;
      for (Setting *each : layer->settings)
        all += (all.empty() ? "" : ", ") + each->name.text.str();
      if (!layer->broken) {
        Suggestion suggestion(item.name.text);
        for (Setting *each : layer->settings)
          suggestion.consider(each->name.text);
        diagnostics
            .error(Code::NN0505, item.range,
                   item.name
                       ? "`" + layer->name.text + "` has no setting `" + item.name.text + "`"
                       : "`" + layer->name.text + "` has only " + llvm::Twine(layer->settings.size()) + " settings")
            .note(all.empty() ? "it has no settings" : "its settings are: " + all)
            .hint(item.name ? suggestion.question() : std::string());
      }
      expr(item.value);
      continue;
    }
    if (!given.insert(setting).second)
      diagnostics.error(Code::NN0505, item.range, "the setting `" + setting->name.text + "` is given twice");
    if (isCallable(*setting))
      reference(*item.value, false);
    else
      expr(item.value);
  }
  if (diagnostics.errorCount() == before)
    requireSettings(*layer, index.items, index.range);
}

void Resolver::requireSettings(const Layer &layer, const std::vector<Item> &given, Range where) {
  std::string missing;
  unsigned count = 0;
  for (Setting *setting : layer.settings) {
    bool known = setting->value || llvm::any_of(given, [&](const Item &item) { return item.setting == setting; });
    if (known || layer.broken)
      continue;
    missing += (missing.empty() ? "`" : ", `") + setting->name.text.str() + "`";
    ++count;
  }
  if (count)
    diagnostics.error(Code::NN0506, where,
                      "`" + layer.name.text + "` needs a value for the setting" + (count > 1 ? "s " : " ") + missing);
}
