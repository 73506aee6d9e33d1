// Which optimizer changes which parameter: patterns over paths, in a `repeat` copy by copy.
#include "compiler/frontend/ElaborateTraining.h"
#include "compiler/frontend/Scope.h"

#include "llvm/ADT/STLExtras.h"

using namespace nnc::frontend;
using llvm::ArrayRef;
using llvm::StringRef;

/// Everything that `value` is computed from.
static void collect(mlir::Value value, llvm::DenseSet<mlir::Value> &seen) {
  llvm::SmallVector<mlir::Value> work = {value};
  while (!work.empty()) {
    mlir::Value v = work.pop_back_val();
    if (!seen.insert(v).second)
      continue;
    mlir::Operation *op = v.getDefiningOp();
    if (!op)
      continue;
    llvm::append_range(work, op->getOperands());
    for (mlir::Region &region : op->getRegions()) // bodies read values from outside
      region.walk([&](mlir::Operation *inner) { llvm::append_range(work, inner->getOperands()); });
  }
}

/// The paths of all copies, those of the innermost `repeat` side by side.
static std::vector<std::string> copiesOf(StringRef path, ArrayRef<int64_t> repeats) {
  if (repeats.empty())
    return {path.str()};
  auto [before, behind] = path.split('#');
  std::vector<std::string> paths;
  for (int64_t k = 0; k < repeats[1]; ++k)
    for (const std::string &rest : copiesOf(behind, repeats.drop_front(2)))
      paths.push_back(before.str() + std::to_string(repeats[0] + k) + rest);
  return paths;
}

/// Boxes of copies for which `decisions` (one of each copy, in row-major order of `repeats`) are the same.
static void forEachBox(ArrayRef<int64_t> repeats, ArrayRef<int> decisions, std::vector<Copies::Run> &around,
                       llvm::function_ref<void(const Copies &, int)> see) {
  if (llvm::all_equal(decisions)) {
    Copies copies{around};
    for (size_t i = 1; i < repeats.size(); i += 2)
      copies.runs.push_back({0, repeats[i]});
    return see(copies, decisions.empty() ? 0 : decisions[0]);
  }
  size_t inner = decisions.size() / repeats[1];
  auto at = [&](int64_t k) { return decisions.slice(k * inner, inner); };
  for (int64_t from = 0, to; from < repeats[1]; from = to) {
    for (to = from + 1; to < repeats[1] && at(to) == at(from);)
      ++to;
    around.push_back({from, to - from});
    forEachBox(repeats.drop_front(2), at(from), around, see);
    around.pop_back();
  }
}

/// Whether a name within a `repeat` says by `#` where the number of the copy stands.
static bool numbersInside(const Instance &owner, const Variable &variable) {
  bool inside = variable.alias && variable.alias.path.contains('#');
  for (const Instance *i = &owner; i->parent; i = i->parent)
    inside |= !i->copies && i->use->alias && i->use->alias.path.contains('#');
  return inside;
}

bool Elaborator::selectParameters(Training &t, std::vector<Trained> &chosen) {
  constexpr int frozen = -1, none = 0; // else 1 + the number of the group
  llvm::DenseSet<mlir::Value> reached;
  collect(t.loss, reached);
  llvm::DenseSet<const Text *> used;
  bool ok = true;
  auto matches = [&](const Text &pattern, StringRef path) {
    bool fits = pathMatches(pattern.text, path);
    if (fits)
      used.insert(&pattern);
    return fits;
  };
  auto decide = [&](StringRef path) {
    int decision = none;
    for (auto [i, group] : llvm::enumerate(t.groups)) {
      bool mine = group->with->patterns.empty();
      for (const Text &pattern : group->with->patterns)
        mine |= matches(pattern, path);
      if (mine)
        decision = 1 + int(i); // the last one that fits
    }
    for (const Text *pattern : t.frozen)
      if (matches(*pattern, path))
        decision = frozen;
    return decision;
  };
  for (auto &[at, cell] : routine->cells) {
    std::string path = pathOf(*at.owner, *at.variable);
    std::vector<int64_t> repeats = repeatsAround(*at.owner);
    std::vector<std::string> paths = copiesOf(path, repeats);
    for (const Text *pattern : t.evaluated) {
      size_t count = llvm::count_if(paths, [&](const std::string &one) { return matches(*pattern, one); });
      if (count != 0 && count != paths.size() && numbersInside(*at.owner, *at.variable))
        unavailable("`eval` of some copies of a `repeat` whose number stands within the path of a layer in it",
                    pattern->range, "let the number follow the path of the repeat, without `#`");
    }
    std::vector<int> decisions;
    for (const std::string &one : paths)
      decisions.push_back(decide(one));
    bool isTrained = at.variable->lifetime == Lifetime::Param && reached.contains(cell.input) &&
                     llvm::isa<mlir::FloatType>(nn::elementOf(cell.input.getType()));
    Trained trained{path, repeats, cell.input, nullptr, {}, {}};
    std::vector<Copies::Run> around;
    forEachBox(repeats, decisions, around, [&](const Copies &copies, int decision) {
      if (decision == frozen)
        t.untouched[cell.input].push_back(copies);
      else if (decision != none && isTrained)
        trained.parts.push_back({t.groups[decision - 1].get(), copies});
    });
    if (!trained.parts.empty())
      chosen.push_back(std::move(trained));
  }
  auto complain = [&](const Text &pattern) {
    if (used.contains(&pattern))
      return;
    Suggestion suggestion(pattern.text);
    for (auto &[at, cell] : routine->cells)
      suggestion.consider(pathOf(*at.owner, *at.variable));
    fail(Code::NN0711, pattern.range, "`" + pattern.text.str() + "` fits no parameter or buffer that is used here", {},
         suggestion.question());
    ok = false;
  };
  for (const Text *pattern : t.frozen)
    complain(*pattern);
  for (const Text *pattern : t.evaluated)
    complain(*pattern);
  for (auto &g : t.groups)
    for (const Text &pattern : g->with->patterns)
      complain(pattern);
  return ok;
}

/// Whether these are all copies, and where they begin among the stacked ones.
static bool covers(const Copies &copies, const nn::Shape &all, nn::Shape &offsets, nn::Shape &sizes) {
  bool whole = true;
  sizes = all;
  offsets.dims.assign(all.rank(), nn::Dim(0));
  for (auto [i, run] : llvm::enumerate(copies.runs)) {
    offsets[i] = run.first, sizes[i] = run.count;
    whole &= all[i].isConstant(run.count);
  }
  return whole;
}

mlir::Value Elaborator::partOf(mlir::Value stacked, const Copies &copies, Range range) {
  nn::Shape offsets, sizes;
  if (covers(copies, nn::shapeOf(stacked.getType()), offsets, sizes))
    return stacked;
  return emit<nn::SliceOp>(range, stacked, offsets, sizes);
}

mlir::Value Elaborator::withPart(mlir::Value stacked, mlir::Value part, const Copies &copies, Range range) {
  nn::Shape offsets, sizes;
  if (covers(copies, nn::shapeOf(stacked.getType()), offsets, sizes))
    return part;
  return emit<nn::UpdateOp>(range, stacked.getType(), stacked, part, mlir::ValueRange(),
                            nn::ShapeAttr::get(&context, offsets), top.getDenseI64ArrayAttr({}));
}
