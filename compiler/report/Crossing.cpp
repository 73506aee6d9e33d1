#include "compiler/report/Crossing.h"
#include "compiler/memory/Places.h"
#include "dialect/Provenance.h"

#include "mlir/IR/SymbolTable.h"
#include "llvm/ADT/MapVector.h"

using namespace mlir;
using namespace nn;
using namespace nnc;
using namespace nnc::report;

namespace {
/// One operation that reads or writes a place.
struct Access {
  Value root; ///< the place as a whole: a slot, an argument of the function
  bool writes;
  std::string layer;
  Way way;
  Shape shape;           ///< of what is touched, in all steps of the loops around it
  bool isWeight = false; ///< a parameter is copied there
};

/// Meets all accesses of a function in the order in which they happen first.
/// 1. A view stands for the place that it is a part of; an argument of a loop's body for what the loop was given.
/// 2. A call does to its arguments what the callee does to them, in the layers of the callee below those of the call.
class Accesses {
public:
  using See = llvm::function_ref<void(const Access &)>;

  void walk(Block &body, See see) {
    for (Operation &op : body) {
      if (auto loop = dyn_cast<ScanOp>(op))
        walkLoop(loop, see);
      else if (auto call = dyn_cast<CallOp>(op))
        walkCall(call, see);
      else if (isa<KernelOpInterface>(op))
        walkKernel(&op, see);
    }
  }

private:
  struct Part {
    Value place;
    std::optional<Dim> steps; ///< that have a slice each
  };
  /// What a function does to its arguments, by number.
  struct Effects {
    llvm::SmallVector<std::optional<std::string>> writers; ///< the layer that writes it last
    llvm::SmallVector<bool> reads;
  };

  /// The place as a whole; `shape`, of the part, gets the steps of loops in front.
  Value rootOf(Value place, Shape &shape) const {
    for (;;) {
      if (Operation *op = place.getDefiningOp(); isa_and_present<ViewOp, GivenOp>(op)) {
        place = op->getOperand(0);
      } else if (auto part = bound.find(place); part != bound.end()) {
        if (part->second.steps)
          shape.dims.insert(shape.dims.begin(), *part->second.steps);
        place = part->second.place;
      } else {
        return place;
      }
    }
  }
  void touch(Value place, bool writes, StringRef layer, Way way, See see, bool isWeight = false) const {
    if (!isa<RefType>(place.getType()))
      return;
    Shape shape = shapeOf(place.getType());
    Value root = rootOf(place, shape);
    see({root, writes, layer.str(), way, shape, isWeight});
  }
  /// A parameter, or a copy of one that was made on the way.
  bool isWeight(Value root) const {
    auto slot = root.getDefiningOp<SlotOp>();
    return copies.contains(root) ||
           (slot && slot.getFrame() != cast<BlockArgument>(slot.getFrame()).getOwner()->getArguments().back());
  }

  void walkKernel(Operation *op, See see) {
    SmallVector<MemoryEffects::EffectInstance> effects;
    cast<MemoryEffectOpInterface>(op).getEffects(effects);
    std::string layer = layerOf(op->getLoc());
    bool copiesWeight = isa<PackOp, CopyOp>(op);
    for (bool writes : {false, true})
      for (auto &effect : effects) {
        if (!effect.getValue() || isa<MemoryEffects::Write>(effect.getEffect()) != writes)
          continue;
        Shape shape;
        Value root = rootOf(effect.getValue(), shape);
        if (!writes)
          copiesWeight &= isWeight(root);
        else if (copiesWeight)
          copies.insert(root);
        else
          copies.erase(root);
        touch(effect.getValue(), writes, layer, wayOf(op->getLoc()), see, writes && copiesWeight);
      }
  }

  void walkLoop(ScanOp loop, See see) {
    Block &body = loop.getBody().front();
    unsigned xs = loop.getXs().size(), carries = loop.getCarries().size();
    unsigned stacked = loop.getInits().size() - 2 * carries;
    Dim steps = loop.getSteps().getValue();
    for (unsigned i = 0; i < xs; ++i)
      bound[body.getArgument(1 + i)] = {loop.getXs()[i], steps};
    for (unsigned i = 0; i < 2 * carries; ++i) // what one step calls next, the next one calls prev
      bound[body.getArgument(1 + xs + i)] = {loop.getInits()[stacked + i / 2], std::nullopt};
    for (unsigned i = 0; i < stacked; ++i)
      bound[body.getArgument(1 + xs + 2 * carries + i)] = {loop.getInits()[i], steps};
    for (Value first : loop.getCarries())
      touch(first, false, "", wayOf(loop.getLoc()), see);
    walk(body, see);
  }

  void walkCall(CallOp call, See see) {
    auto callee = SymbolTable::lookupNearestSymbolFrom<func::FuncOp>(call, call.getCalleeAttr());
    const Effects &effects = effectsOf(callee);
    Way way = wayOf(call.getLoc());
    for (auto [i, place] : llvm::enumerate(call.getOperands()))
      if (effects.reads[i])
        touch(place, false, "", way, see);
    for (auto [i, place] : llvm::enumerate(call.getOperands()))
      if (effects.writers[i])
        touch(place, true, layerWithin(layerOf(call.getLoc()), *effects.writers[i]), way, see);
  }

  const Effects &effectsOf(func::FuncOp f) {
    auto [at, isNew] = known.try_emplace(f);
    if (!isNew)
      return *at->second;
    auto effects = std::make_unique<Effects>();
    effects->writers.resize(f.getNumArguments());
    effects->reads.resize(f.getNumArguments());
    Accesses inside;
    inside.walk(f.getBody().front(), [&](const Access &access) {
      auto argument = dyn_cast<BlockArgument>(access.root);
      if (!argument)
        return;
      if (access.writes)
        effects->writers[argument.getArgNumber()] = access.layer;
      else if (!effects->writers[argument.getArgNumber()])
        effects->reads[argument.getArgNumber()] = true;
    });
    return *(known[f] = std::move(effects));
  }

  llvm::DenseMap<Value, Part> bound;
  llvm::DenseSet<Value> copies; ///< places that hold copies of parameters
  llvm::DenseMap<func::FuncOp, std::unique_ptr<Effects>> known;
};

/// What was written into a place of the frame since it was last written as a whole.
struct Content {
  std::vector<Saved> forth;
  bool isSaved = false;
  size_t order = 0; ///< of the last of them among all writes
};

/// Containers of others, and what costs nothing.
bool isWork(Operation *op) {
  return !op->hasTrait<View>() && !op->hasTrait<OpTrait::IsTerminator>() &&
         !isa<ConstantOp, ViewOp, SlotOp, ExtentOp, SizeOp, IotaOp, MapOp, RowsOp, CopyOp, PackOp, ScanOp, BarrierOp,
              CallOp>(op);
}

/// Collects what is done again in a function that is called in a layer, and in those that it calls.
void findRepeated(func::FuncOp f, StringRef within, std::vector<Repeated> &repeated) {
  f.walk([&](Operation *op) {
    std::string layer = layerWithin(within, layerOf(op->getLoc()));
    if (auto call = dyn_cast<CallOp>(op))
      findRepeated(SymbolTable::lookupNearestSymbolFrom<func::FuncOp>(op, call.getCalleeAttr()), layer, repeated);
    if (wayOf(op->getLoc()) != Way::Again || !isWork(op))
      return;
    auto same = llvm::find_if(repeated, [&](const Repeated &r) { return r.layer == layer; });
    if (same == repeated.end())
      same = repeated.insert(same, {layer, {}});
    same->operations.insert(op->getName().stripDialect());
  });
}
} // namespace

Dim Saved::bytes() const { return shape.count() * Dim(elementBytes(element)); }

Crossing nnc::report::findCrossing(func::FuncOp entry) {
  Crossing crossing;
  std::vector<std::pair<size_t, Saved>> found; // in the order of the network
  size_t writes = 0;
  Value frame = entry.getArguments().back();
  llvm::MapVector<Value, Content> contents;
  Accesses accesses;
  accesses.walk(entry.getBody().front(), [&](const Access &access) {
    auto slot = access.root.getDefiningOp<SlotOp>();
    if (!slot || slot.getFrame() != frame)
      return;
    Dim whole = shapeOf(slot.getType()).count();
    Content &content = contents[access.root];
    if (access.writes) {
      if (access.shape.count() == whole)
        content = {};
      content.order = ++writes;
      if (access.way == Way::Forth && !access.isWeight)
        content.forth.push_back({access.layer, access.shape, elementOf(slot.getType())});
      return;
    }
    bool isScalar = shapeOf(slot.getType()).rank() == 0; // such as the loss, the number of the step
    if (access.way == Way::Forth || isScalar || content.forth.empty() || std::exchange(content.isSaved, true))
      return;
    Dim sum = 0;
    for (const Saved &part : content.forth)
      sum = sum + part.shape.count();
    if (sum != whole) { // parts that overlap, or some that nobody writes
      content.forth.erase(content.forth.begin(), content.forth.end() - 1);
      content.forth[0].shape = shapeOf(slot.getType());
    }
    for (Saved &part : content.forth)
      found.emplace_back(content.order, part);
  });
  llvm::stable_sort(found, [](auto &a, auto &b) { return a.first < b.first; });
  for (auto &[order, saved] : found)
    crossing.saved.push_back(std::move(saved));
  findRepeated(entry, "", crossing.repeated);
  return crossing;
}
