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
/// 3. A verdict after that operation ends the call if a check has failed.
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
      return !isCheckedBefore(check);
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

  static bool usedBefore(Value place, Operation *end) {
    return llvm::any_of(place.getUsers(), [&](Operation *user) {
      if (isa<ViewOp>(user))
        return usedBefore(user->getResult(0), end);
      Operation *at = end->getBlock()->findAncestorOpInBlock(*user);
      return at == end || at->isBeforeInBlock(end);
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
