#include "dialect/Provenance.h"

using namespace mlir;

// Locations, from the outside: FusedLoc with one of the words below as metadata; CallSiteLoc for each call that was
// replaced by the body of what it called; NameLoc at a call, with the path of a layer or "name()" of a function. A
// FusedLoc without such a word is that of an operation made of several.
static constexpr llvm::StringLiteral kBack = "back", kAgain = "again", kFunction = "()";

Location nn::inLayer(Location place, llvm::StringRef path) {
  return NameLoc::get(StringAttr::get(place.getContext(), path), place);
}

Location nn::inFunction(Location place, llvm::StringRef name) {
  return NameLoc::get(StringAttr::get(place.getContext(), name + kFunction), place);
}

namespace {
struct Names {
  std::string layers, function;
};
} // namespace

static void join(std::string &path, llvm::StringRef more) {
  if (!path.empty() && !more.empty())
    path += ".";
  path += more;
}

/// The layer around two layers: "a.b" of "a.b.c" and "a.b.d".
static llvm::StringRef shared(llvm::StringRef a, llvm::StringRef b) {
  while (!b.starts_with(a) || (b.size() > a.size() && !a.empty() && b[a.size()] != '.'))
    a = a.contains('.') ? a.rsplit('.').first : "";
  return a;
}

static void collect(Location place, Names &names) {
  if (auto call = dyn_cast<CallSiteLoc>(place)) {
    collect(call.getCaller(), names);
    collect(call.getCallee(), names);
  } else if (auto named = dyn_cast<NameLoc>(place)) {
    collect(named.getChildLoc(), names);
    llvm::StringRef name = named.getName();
    if (!name.ends_with(kFunction))
      join(names.layers, name);
    else if (names.function.empty())
      names.function = name;
  } else if (auto fused = dyn_cast<FusedLoc>(place); fused && !fused.getLocations().empty()) {
    Names parts;
    collect(fused.getLocations().front(), parts);
    for (Location other : fused.getLocations().drop_front()) {
      Names more;
      collect(other, more);
      parts.layers = shared(parts.layers, more.layers).str();
    }
    join(names.layers, parts.layers);
    if (names.function.empty())
      names.function = parts.function;
  }
}

std::string nn::layerOf(Location place) {
  Names names;
  collect(place, names);
  return names.layers.empty() ? names.function : names.layers;
}

std::string nn::layerWithin(llvm::StringRef outer, llvm::StringRef inner) {
  bool hasLayer = !outer.empty() && !outer.ends_with(kFunction),
       hasInner = !inner.empty() && !inner.ends_with(kFunction);
  if (!hasLayer)
    return (hasInner || outer.empty() ? inner : outer).str();
  return hasInner ? (outer + "." + inner).str() : outer.str();
}

static llvm::StringRef wordOf(Location place) {
  auto fused = dyn_cast<FusedLoc>(place);
  auto word = fused ? dyn_cast_or_null<StringAttr>(fused.getMetadata()) : StringAttr();
  return word ? word.getValue() : "";
}

nn::Way nn::wayOf(Location place) {
  llvm::StringRef word = wordOf(place);
  if (auto fused = dyn_cast<FusedLoc>(place); fused && word.empty() && !fused.getLocations().empty())
    return wayOf(fused.getLocations().front());
  return word == kBack ? Way::Back : word == kAgain ? Way::Again : Way::Forth;
}

void nn::setWay(Operation *op, Way way) {
  op->walk([&](Operation *inner) {
    Location place = inner->getLoc();
    if (way == Way::Back && wayOf(place) == Way::Again)
      return;
    while (!wordOf(place).empty())
      place = cast<FusedLoc>(place).getLocations().front();
    if (way != Way::Forth)
      place = FusedLoc::get(op->getContext(), {place},
                            StringAttr::get(op->getContext(), way == Way::Back ? kBack : kAgain));
    inner->setLoc(place);
  });
}
