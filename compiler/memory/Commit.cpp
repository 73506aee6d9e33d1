#include "compiler/Passes.h"
#include "compiler/memory/Places.h"

using namespace mlir;
using namespace nn;

namespace nnc {
#define GEN_PASS_DEF_COMMITPASS
#include "compiler/Passes.h.inc"

namespace {
/// 1. Find the last operation of an entry that may make the call fail: a check of values that are computed, a call or a
///    loop in which there is one.
/// 2. Results that are written up to there go to the frame; copies to the caller's memory stand at the end.
/// 3. So do new values of states and buffers; the copy in the frame begins as the old value.
/// 4. A verdict after that operation ends the call if a check has failed.
class Commit {
public:
  explicit Commit(ModuleOp module) : module(module), b(module.getContext()) {}

  void entry(func::FuncOp function) {
    Block &body = function.getBody().front();
    Operation *last = nullptr;
    for (Operation &op : body)
      if (mayFail(&op))
        last = &op;
    if (!last)
      return;
    size_t results = function->getAttrOfType<DictionaryAttr>("nn.entry") ? resultCount(function) : 0;
    SmallVector<BlockArgument> places;
    for (BlockArgument arg : body.getArguments())
      if (isa<RefType, nn::GraphType>(arg.getType()))
        places.push_back(arg);
    for (BlockArgument out : ArrayRef<BlockArgument>(places).take_back(results))
      if (usedBefore(out, last)) {
        b.setInsertionPointToStart(&body);
        Value place = AllocOp::create(b, function.getLoc(), out.getType());
        out.replaceAllUsesWith(place);
        b.setInsertionPoint(body.getTerminator());
        CopyOp::create(b, function.getLoc(), TypeRange(), place, ValueRange(out));
      }
    for (Operation &op : llvm::make_early_inc_range(body))
      if (op.hasAttr("nn.written") && isWrittenBefore(op.getResult(0), last)) {
        b.setInsertionPointAfter(&op);
        Value place = op.getResult(0), aside = AllocOp::create(b, op.getLoc(), place.getType());
        place.replaceAllUsesWith(aside);
        CopyOp::create(b, op.getLoc(), TypeRange(), place, ValueRange(aside));
        b.setInsertionPoint(body.getTerminator());
        CopyOp::create(b, op.getLoc(), TypeRange(), aside, ValueRange(place));
      }
    b.setInsertionPointAfter(last);
    VerdictOp::create(b, last->getLoc());
  }

private:
  static size_t resultCount(func::FuncOp function) {
    auto list = function->getAttrOfType<DictionaryAttr>("nn.entry").getAs<ArrayAttr>("arguments");
    return llvm::count_if(list.getAsRange<DictionaryAttr>(),
                          [](DictionaryAttr d) { return d.getAs<StringAttr>("kind") == "output"; });
  }

  bool mayFail(Operation *op) {
    if (auto check = dyn_cast<CheckedOpInterface>(op))
      return !isCheckedBefore(check) && !isFound(check);
    if (auto call = dyn_cast<CallOp>(op)) {
      auto callee = module.lookupSymbol<func::FuncOp>(call.getCallee());
      auto [known, isNew] = functions.try_emplace(callee, false);
      if (isNew) {
        bool fails = llvm::any_of(callee.getBody().front(), [&](Operation &inner) { return mayFail(&inner); });
        return functions[callee] = fails;
      }
      return known->second;
    }
    for (Region &region : op->getRegions()) // of loops and neighbourhoods
      for (Block &block : region)
        if (llvm::any_of(block, [&](Operation &inner) { return mayFail(&inner); }))
          return true;
    return false;
  }

  /// The numbers of edges and of their ends fit, and so do positions that a kernel has found among as many elements.
  static bool isFound(CheckedOpInterface check) {
    Value place = check.getChecked();
    while (auto view = place.getDefiningOp<ViewOp>())
      place = view.getX();
    auto among = [&](Value x, size_t from) {
      return check.getCheckedLimit() == Shape(ArrayRef<Dim>(shapeOf(x.getType()).dims).drop_front(from)).count();
    };
    return llvm::any_of(place.getUsers(), [&](Operation *user) {
      if (auto order = dyn_cast<OrderOp>(user)) {
        Value x = order.getX();
        return order.getInits()[1] == place && among(x, shapeOf(x.getType()).rank() - 1);
      }
      if (auto pool = dyn_cast<PoolPositionsOp>(user))
        return pool.getInits()[0] == place && among(pool.getX(), 2);
      return isa<EndpointsOp>(user);
    });
  }

  static bool usedBefore(Value place, Operation *end) {
    return llvm::any_of(place.getUsers(), [&](Operation *user) {
      if (isa<ViewOp>(user))
        return usedBefore(user->getResult(0), end);
      Operation *at = end->getBlock()->findAncestorOpInBlock(*user);
      return at == end || at->isBeforeInBlock(end);
    });
  }

  static bool isWrittenBefore(Value place, Operation *end) {
    return llvm::any_of(place.getUses(), [&](OpOperand &use) {
      Operation *user = use.getOwner();
      if (isa<ViewOp>(user))
        return isWrittenBefore(user->getResult(0), end);
      bool writes = isa<CallOp>(user);
      auto isInit = [&](OpOperand &init) { return &init == &use; };
      if (auto kernel = dyn_cast<KernelOpInterface>(user))
        writes = llvm::any_of(kernel.getInitsMutable(), isInit);
      else if (auto loop = dyn_cast<ScanOp>(user))
        writes = llvm::any_of(loop.getInitsMutable(), isInit);
      Operation *at = end->getBlock()->findAncestorOpInBlock(*user);
      return writes && (at == end || at->isBeforeInBlock(end));
    });
  }

  ModuleOp module;
  OpBuilder b;
  DenseMap<Operation *, bool> functions;
};

struct CommitResults : impl::CommitPassBase<CommitResults> {
  void runOnOperation() override {
    Commit commit(getOperation());
    for (func::FuncOp f : getOperation().getOps<func::FuncOp>())
      if (f->hasAttr("nn.called_by_runtime"))
        commit.entry(f);
  }
};
} // namespace
} // namespace nnc
