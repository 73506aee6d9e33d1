#include "compiler/Passes.h"
#include "compiler/memory/Places.h"

#include "llvm/ADT/StringMap.h"

#include <algorithm>

using namespace mlir;
using namespace nn;

namespace nnc {
#define GEN_PASS_DEF_WORKSPACEPASS
#include "compiler/Passes.h.inc"

namespace {
/// When a place is in use: positions of operations in the function, inner ones after the operation they stand in.
struct Life {
  AllocOp place;
  unsigned from, to;
};

/// Places whose lives do not overlap and that share memory.
struct Slot {
  SmallVector<Life> members;
  SmallVector<Dim> sizes; ///< distinct ones; the slot takes the largest
};

/// A size in bytes that any call can have is compared at this value of every free dimension.
constexpr int64_t kNominal = 64;
/// What one tile of edges keeps in memory should stay in a core's second-level cache.
constexpr int64_t kTileBytes = 512 << 10, kMostTile = 1024, kLeastTile = 16;

class FramePlanner {
public:
  explicit FramePlanner(func::FuncOp function) : function(function), b(function.getContext()) {}
  void run(ModuleOp module);
  /// Edges of a tile, for a function that runs tile by tile.
  int64_t tile() const;

private:
  void number(Operation *op);
  void lives();
  void colour();
  Value bytes(const Slot &slot);

  func::FuncOp function;
  OpBuilder b;
  DenseMap<Operation *, unsigned> first, last; ///< positions of an operation and of the end of what is inside it
  unsigned count = 0;
  SmallVector<Life> all;
  SmallVector<Slot> slots;
};

void FramePlanner::number(Operation *op) {
  first[op] = count++;
  for (Region &region : op->getRegions())
    for (Block &block : region)
      for (Operation &inner : block)
        number(&inner);
  last[op] = count++;
}

/// A place lives from its first user to its last. A user in the body of a loop that does not hold the place itself
/// keeps it for the whole loop: the next step reads it again.
void FramePlanner::lives() {
  function.walk([&](AllocOp place) {
    unsigned from = ~0u, to = 0;
    SmallVector<Value> names{place};
    while (!names.empty())
      for (Operation *user : names.pop_back_val().getUsers()) {
        if (isa<ViewOp, GivenOp>(user))
          names.push_back(user->getResult(0));
        Operation *at = place->getBlock()->findAncestorOpInBlock(*user);
        from = std::min(from, first[at]);
        to = std::max(to, last[at]);
      }
    if (to)
      all.push_back({place, from, to});
  });
}

int64_t nominal(const Dim &size) {
  return size.evaluate([](StringRef) { return kNominal; }).value_or(Dim::kLimit);
}

/// Largest first, each into the first slot that is free for its whole life. What is kept has slots of its own before
/// all others: their offsets do not depend on the size of a tile.
void FramePlanner::colour() {
  auto rank = [](const Life &l) {
    AllocOp place = l.place;
    return std::pair(place.getKept(), nominal(bytesOf(place.getType())));
  };
  llvm::stable_sort(all, [&](const Life &a, const Life &c) { return rank(a) > rank(c); });
  for (Life &life : all) {
    Slot *into = nullptr;
    for (Slot &slot : slots)
      if (!life.place.getKept() && !slot.members[0].place.getKept() &&
          llvm::all_of(slot.members, [&](const Life &m) { return m.to < life.from || life.to < m.from; })) {
        into = &slot;
        break;
      }
    if (!into)
      into = &slots.emplace_back();
    into->members.push_back(life);
    if (Dim size = bytesOf(life.place.getType()); !llvm::is_contained(into->sizes, size))
      into->sizes.push_back(size);
  }
}

/// The largest power of two whose frame is small enough.
int64_t FramePlanner::tile() const {
  auto bytesAt = [&](int64_t edges) {
    int64_t sum = 0;
    for (const Slot &slot : slots) {
      int64_t most = 0;
      for (const Dim &d : slot.sizes)
        most = std::max(most, nominal(d.substitute([&](StringRef name) {
                          return name == CallOp::tileEdges ? std::optional(Dim(edges)) : std::nullopt;
                        })));
      sum += std::min(most, kTileBytes + 1);
    }
    return sum;
  };
  int64_t edges = kMostTile;
  while (edges > kLeastTile && bytesAt(edges) > kTileBytes)
    edges /= 2;
  return edges;
}

/// The largest of the slot's sizes, rounded up so that the next slot is aligned.
Value FramePlanner::bytes(const Slot &slot) {
  Location loc = function.getLoc();
  Value size;
  for (const Dim &d : slot.sizes) {
    Value one = ExtentOp::create(b, loc, *Dim::floorDiv(d + Dim(kAlignment - 1), kAlignment) * Dim(kAlignment));
    size = size ? arith::MaxSIOp::create(b, loc, size, one).getResult() : one;
  }
  return size;
}

/// 1. Number the operations; find when each place is used.
/// 2. Give places slots, largest first; a slot holds places that are never alive together.
/// 3. Offsets are running sums of slot sizes. A call's frame begins after the function's own slots.
/// 4. `<function>.frame` computes the size: own slots and the largest frame that is called. What runs tile by tile has
/// a
///    frame for each thread.
void FramePlanner::run(ModuleOp module) {
  number(function);
  lives();
  colour();
  Location loc = function.getLoc();
  Value frame = function.getArguments().back();

  auto plan = [&](ArrayRef<Slot> slots, function_ref<void(const Slot &, Value)> each) {
    Value offset = arith::ConstantIntOp::create(b, loc, b.getI64Type(), 0);
    for (const Slot &slot : slots) {
      each(slot, offset);
      offset = arith::AddIOp::create(b, loc, offset, bytes(slot));
    }
    return offset;
  };
  b.setInsertionPointToStart(&function.getBody().front());
  Value own = plan(slots, [&](const Slot &slot, Value offset) {
    for (Life life : slot.members) {
      Value place = SlotOp::create(b, loc, life.place.getType(), frame, offset);
      life.place.replaceAllUsesWith(place);
    }
  });
  SmallVector<CallOp> calls;
  function.walk([&](CallOp call) { calls.push_back(call); });
  if (!calls.empty()) {
    Value rest = LLVM::GEPOp::create(b, loc, frame.getType(), b.getI8Type(), frame, ArrayRef<LLVM::GEPArg>{own});
    for (CallOp call : calls)
      call->setOperand(call->getNumOperands() - 1, rest);
  }
  for (Life life : all) // not before: the builder may stand at one of them
    life.place->erase();

  // The same sum as a function of the sizes: (team, number of threads, sizes..) -> bytes.
  size_t dims = function->getAttrOfType<ArrayAttr>("nn.dims").size();
  SmallVector<Type> types(ArrayRef<Type>(function.getArgumentTypes()).take_front(2 + dims));
  b.setInsertionPoint(function);
  auto size =
      func::FuncOp::create(b, loc, (function.getName() + ".frame").str(), b.getFunctionType(types, b.getI64Type()));
  size.setPrivate();
  size->setAttr("nn.dims", function->getAttr("nn.dims"));
  b.setInsertionPointToStart(size.addEntryBlock());
  Value total = plan(slots, [](const Slot &, Value) {});
  Value inner = arith::ConstantIntOp::create(b, loc, b.getI64Type(), 0);
  for (CallOp call : calls) {
    SmallVector<Value> arguments{size.getArgument(0), size.getArgument(1)};
    for (const Dim &d : call.getTiled() ? call.tileDims() : call.getDims().getValue())
      arguments.push_back(ExtentOp::create(b, loc, d));
    auto callee = func::CallOp::create(b, loc, (call.getCallee() + ".frame").str(), b.getI64Type(), arguments);
    Value bytes = callee.getResult(0);
    if (call.getTiled()) {
      Value threads = arith::ExtSIOp::create(b, loc, b.getI64Type(), size.getArgument(1));
      bytes = arith::MulIOp::create(b, loc, bytes, threads);
    }
    inner = arith::MaxSIOp::create(b, loc, inner, bytes);
  }
  func::ReturnOp::create(b, loc, arith::AddIOp::create(b, loc, total, inner).getResult());
}

struct Workspace : impl::WorkspacePassBase<Workspace> {
  void runOnOperation() override {
    SmallVector<func::FuncOp> functions(getOperation().getOps<func::FuncOp>());
    // A call has to know the size of its tiles.
    std::stable_partition(functions.begin(), functions.end(),
                          [](func::FuncOp f) { return f->hasAttr("nn.one_thread"); });
    llvm::StringMap<int64_t> tiles;
    for (func::FuncOp f : functions) {
      if (f.isExternal())
        continue;
      f.walk([&](CallOp call) {
        if (call.getTiled())
          call.setTile(tiles.lookup(call.getCallee()));
      });
      FramePlanner planner(f);
      planner.run(getOperation());
      if (f->hasAttr("nn.one_thread"))
        tiles[f.getName()] = planner.tile();
    }
  }
};
} // namespace
} // namespace nnc
