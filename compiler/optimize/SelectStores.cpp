#include "compiler/Passes.h"
#include "dialect/Dialect.h"

using namespace mlir;
using namespace nn;

namespace nnc {
#define GEN_PASS_DEF_SELECTSTORESPASS
#include "compiler/Passes.h.inc"

namespace {
/// 1. Find the old value of what is stored under a condition.
/// 2. As soon as both the new value and the condition are known, select one of the two; store that, always. The
/// selection
///    is elementwise: it becomes part of the kernel that makes the new value, which can then be made where the old
///    lies.
struct SelectStores : impl::SelectStoresPassBase<SelectStores> {
  void runOnOperation() override {
    if (getOperation().isExternal())
      return;
    Block &body = getOperation().getBody().front();
    llvm::StringMap<Value> old;
    for (Operation &op : body)
      if (auto p = dyn_cast<ParameterOp>(op))
        old[p.getPath()] = p;
      else if (auto s = dyn_cast<StateValueOp>(op))
        old[s.getPath()] = s;
    for (StoreOp store : body.getOps<StoreOp>())
      if (store.getWhen())
        select(store, old.lookup(store.getPath()));
  }

  static void select(StoreOp store, Value old) {
    Value value = store.getValue(), when = store.getWhen();
    Location loc = store.getLoc();
    OpBuilder b(store);
    if (!old) { // it is only written
      b.setInsertionPointToStart(store->getBlock());
      old = ParameterOp::create(b, loc, value.getType(), store.getPath());
      b.setInsertionPoint(store);
    }
    Operation *made = value.getDefiningOp(), *known = when.getDefiningOp();
    if (made && known)
      b.setInsertionPointAfter(made->isBeforeInBlock(known) ? known : made);
    if (Type chosen = withElement(value.getType(), b.getI1Type()); chosen != when.getType())
      when = BroadcastOp::create(b, loc, chosen, when, ArrayRef<int64_t>());
    store.getValueMutable().assign(WhereOp::create(b, loc, value.getType(), when, value, old));
    store.getWhenMutable().clear();
  }
};
} // namespace
} // namespace nnc
