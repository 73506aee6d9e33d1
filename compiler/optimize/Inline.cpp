#include "compiler/Passes.h"
#include "dialect/Substitution.h"

#include "mlir/IR/IRMapping.h"
#include "mlir/IR/SymbolTable.h"
#include "llvm/ADT/MapVector.h"

using namespace mlir;
using namespace nn;

namespace nnc {
#define GEN_PASS_DEF_INLINEPASS
#include "compiler/Passes.h.inc"

namespace {
/// A function with so many operations costs less than the barriers and the lost fusion of a call.
constexpr unsigned kSmall = 8;
/// The same in a loop, where it costs them in each step, and where what does not depend on the loop can leave it.
constexpr unsigned kSmallInLoop = 64;

/// Puts the operations of the callee at the place of the call.
void inlineCall(CallOp call, func::FuncOp callee) {
  Substitution substitution(callee, call.getDims().getValue());
  OpBuilder b(call);
  IRMapping map;
  Block &body = callee.getBody().front();
  map.map(body.getArguments(), call.getOperands());
  for (Operation &op : body.without_terminator()) {
    Operation *copy = b.clone(op, map);
    copy->walk([&](Operation *inner) { inner->setLoc(CallSiteLoc::get(inner->getLoc(), call.getLoc())); });
    substitution.apply(copy);
  }
  for (auto [result, value] : llvm::zip(call.getResults(), body.getTerminator()->getOperands()))
    result.replaceAllUsesWith(map.lookupOrDefault(value));
  call.erase();
}

/// A body of a neighbourhood is part of a kernel: nothing in it can be called.
bool inBody(Operation *op) { return op->getParentOfType<NeighbourhoodOp>() != nullptr; }

/// What counts as work: constants and views cost nothing.
unsigned sizeOf(func::FuncOp function) {
  unsigned size = 0;
  function.walk([&](Operation *op) {
    size += !op->hasTrait<View>() && !isa<ConstantOp, SizeOp, IotaOp, ParameterOp, RequireOp, YieldOp>(op) &&
            !op->hasTrait<OpTrait::IsTerminator>();
  });
  return size - 1; // the function itself
}

/// Whether a part of an argument is written anew: a state, which is large. In the entry the part is written where the
/// state lies, and its position is looked at before anything runs.
bool updatesArgument(func::FuncOp function) {
  return function
      .walk([](UpdateOp update) {
        Value whole = update.getX();
        while (auto before = whole.getDefiningOp<UpdateOp>())
          whole = before.getX();
        return isa<BlockArgument>(whole) ? WalkResult::interrupt() : WalkResult::advance();
      })
      .wasInterrupted();
}

class Inliner {
public:
  explicit Inliner(ModuleOp module) : module(module), symbols(module) {
    for (auto function : module.getOps<func::FuncOp>())
      functions.insert({function, {}});
    module.walk([&](CallOp call) {
      if (auto callee = symbols.lookup<func::FuncOp>(call.getCallee()))
        ++functions[callee].calls;
    });
  }

  void run() {
    for (auto &entry : functions)
      visit(entry.first);
    // What the outside may call, what is named elsewhere (an initialiser), and what these call, stays.
    for (Operation &op : *module.getBody())
      if (auto function = dyn_cast<func::FuncOp>(op); !function || !function.isPrivate())
        keep(&op);
    for (auto &[function, state] : functions)
      if (!state.used && function.isPrivate())
        function.erase();
  }

private:
  struct State {
    unsigned calls = 0;
    unsigned size = 0;
    bool updates = false;
    bool visiting = false, done = false, used = false;
  };

  void keep(Operation *user) {
    user->walk([&](Operation *op) {
      if (isa<func::FuncOp>(op))
        return;
      for (NamedAttribute attribute : op->getAttrs())
        if (auto name = dyn_cast<FlatSymbolRefAttr>(attribute.getValue()))
          if (auto function = symbols.lookup<func::FuncOp>(name.getValue());
              function && !std::exchange(functions[function].used, true))
            keep(function);
    });
  }

  void visit(func::FuncOp function) {
    State &state = functions[function];
    if (state.done || state.visiting || function.isExternal())
      return;
    state.visiting = true;
    SmallVector<CallOp> calls;
    function.walk([&](CallOp call) { calls.push_back(call); });
    for (CallOp call : calls) {
      auto callee = symbols.lookup<func::FuncOp>(call.getCallee());
      if (!callee || callee.isExternal())
        continue;
      visit(callee);
      State &c = functions[callee];
      bool seesGraph = llvm::any_of(call.getOperands(), [](Value v) {
        return isa_and_present<AddSelfLoopsOp, ReverseOp>(v.getDefiningOp()); // known here alone
      });
      if (c.done && (c.calls == 1 || c.size <= (call->getParentOfType<ScanOp>() ? kSmallInLoop : kSmall) || seesGraph ||
                     c.updates || inBody(call)))
        inlineCall(call, callee);
    }
    state.visiting = false;
    state.done = true;
    state.size = sizeOf(function);
    state.updates = updatesArgument(function);
  }

  ModuleOp module;
  SymbolTable symbols;
  llvm::MapVector<func::FuncOp, State> functions;
};

/// 1. Visit functions in order, callees first.
/// 2. A call of a function that is called once, or is small (for a loop, in one) after this was done to its own calls,
/// is replaced by the
///    callee's operations; its free dimensions become the sizes of the call, its places in the program the call's as
///    well. So is every call in the body of a neighbourhood, one that is given a graph with loops or turned around, and
///    one that writes a part of a state.
/// 3. Erase private functions that nothing names any more.
/// The bodies of loops are treated alike. The number of operations of a network of repeated layers does not depend on
/// the number of copies: a loop has one body.
struct Inline : impl::InlinePassBase<Inline> {
  void runOnOperation() override { Inliner(getOperation()).run(); }
};
} // namespace
} // namespace nnc
