#include "compiler/Passes.h"
#include "compiler/memory/Places.h"

#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/StringMap.h"

using namespace mlir;
using namespace nn;

namespace nnc {
#define GEN_PASS_DEF_SHAREKERNELSPASS
#include "compiler/Passes.h.inc"

namespace {
/// A kernel that may stand in a function of its own: all it knows of the one around it are its operands.
bool isClosed(Operation *op) {
  if (!isa<ContractOp, ConvolveOp, ConvolveWeightOp, PoolOp, PoolPositionsOp, RowsOp, MapOp, PackOp, NeighbourhoodOp>(
          op))
    return false;
  if (auto n = dyn_cast<NeighbourhoodOp>(op)) // how a graph is seen is known to the function around alone
    if (n.isOverGraph() && !isa<BlockArgument>(n.getGraph()[0]))
      return false;
  return op->walk([&](Operation *inner) {
             bool inside = inner == op || llvm::all_of(inner->getOperands(), [&](Value v) {
                             return op->isProperAncestor(v.getParentBlock()->getParentOp()) ||
                                    v.getParentBlock()->getParentOp() == op;
                           });
             return inside ? WalkResult::advance() : WalkResult::interrupt();
           }).wasInterrupted() == false;
}

/// 1. Put a copy of each kernel into a function that takes team, thread, the sizes of the function around it and the
///    places that it works on. Kernels are the same if these functions read the same.
/// 2. Of those that occur more than once keep one function; each of the kernels becomes a call of it.
///
/// So the code of a network grows with the kernels that are different, not with its depth.
class Sharing {
public:
  explicit Sharing(ModuleOp module) : module(module), b(module.getContext()) {}

  void run() {
    module.walk([&](Operation *op) {
      if (!isClosed(op))
        return;
      auto [known, isNew] = numbers.try_emplace(describe(op), groups.size());
      if (isNew)
        groups.emplace_back();
      groups[known->second].push_back(op);
    });
    for (auto &kernels : groups)
      if (kernels.size() > 1)
        share(kernels);
  }

private:
  func::FuncOp makeFunction(Operation *kernel, StringRef name) {
    auto pointer = LLVM::LLVMPointerType::get(b.getContext());
    ArrayAttr dims = kernel->getParentOfType<func::FuncOp>()->getAttrOfType<ArrayAttr>("nn.dims");
    SmallVector<Type> types{pointer, b.getI32Type()};
    types.append(dims.size(), b.getI64Type());
    llvm::append_range(types, kernel->getOperandTypes());
    types.push_back(pointer);
    auto function = func::FuncOp::create(b, kernel->getLoc(), name, b.getFunctionType(types, {}));
    function.setPrivate();
    function->setAttr("nn.dims", dims);
    if (kernel->getParentOfType<func::FuncOp>()->hasAttr("nn.one_thread"))
      function->setAttr("nn.one_thread", b.getUnitAttr());
    function->setAttr("passthrough", b.getStrArrayAttr({"noinline"}));
    Block *body = function.addEntryBlock();
    IRMapping map;
    map.map(kernel->getOperands(), body->getArguments().drop_front(2 + dims.size()).drop_back());
    OpBuilder inner = OpBuilder::atBlockEnd(body);
    Operation *copy = inner.clone(*kernel, map);
    for (auto [i, operand] : llvm::enumerate(copy->getOpOperands())) // an operand that stands twice is two arguments
      operand.set(body->getArgument(2 + dims.size() + i));
    func::ReturnOp::create(inner, kernel->getLoc());
    return function;
  }

  std::string describe(Operation *kernel) {
    b.clearInsertionPoint();
    OwningOpRef<func::FuncOp> function(makeFunction(kernel, ""));
    std::string text;
    llvm::raw_string_ostream os(text);
    function->print(os, OpPrintingFlags().useLocalScope());
    return text;
  }

  void share(ArrayRef<Operation *> kernels) {
    Operation *first = kernels.front();
    b.setInsertionPointToEnd(module.getBody());
    std::string name = ("kernel." + first->getName().stripDialect() + "." + Twine(count++)).str();
    func::FuncOp function = makeFunction(first, name);
    for (Operation *kernel : kernels) {
      auto around = kernel->getParentOfType<func::FuncOp>();
      Shape sizes;
      for (auto dim : function->getAttrOfType<ArrayAttr>("nn.dims").getAsRange<StringAttr>())
        sizes.dims.push_back(Dim::symbol(dim.getValue()));
      SmallVector<Value> arguments(around.getArguments().take_front(2 + sizes.rank()));
      llvm::append_range(arguments, kernel->getOperands());
      arguments.push_back(around.getArguments().back());
      b.setInsertionPoint(kernel);
      CallOp::create(b, kernel->getLoc(), TypeRange(), FlatSymbolRefAttr::get(function), arguments,
                     ShapeAttr::get(b.getContext(), sizes));
      kernel->erase();
    }
  }

  ModuleOp module;
  OpBuilder b;
  llvm::StringMap<size_t> numbers; ///< of groups, by the text of the function
  std::vector<SmallVector<Operation *>> groups;
  unsigned count = 0;
};

struct ShareKernels : impl::ShareKernelsPassBase<ShareKernels> {
  void runOnOperation() override { Sharing(getOperation()).run(); }
};
} // namespace
} // namespace nnc
