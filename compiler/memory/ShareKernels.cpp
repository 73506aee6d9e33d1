#include "compiler/Passes.h"
#include "compiler/memory/Places.h"
#include "dialect/Substitution.h"

#include "mlir/IR/AttrTypeSubElements.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/SetVector.h"
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

/// So many kernels are too long a function.
constexpr size_t kMany = 16;

/// 1. Put a copy of each kernel into a function that takes team, thread, the sizes that the kernel names and the places
///    that it works on. The sizes have new names, in the order in which the kernel mentions them. Kernels are the same
///    if these functions read the same.
/// 2. Of those that occur more than once keep one function; each of the kernels becomes a call of it. So the code of a
///    network grows with the kernels that are different, not with its depth.
/// 3. A function of many kernels is cut into one per kernel: code generators take more than twice the time for a
///    function of twice the length, and functions can be compiled at the same time. Kernels in loops stay, where what
///    is the same in each step can leave the loop.
class Sharing {
public:
  explicit Sharing(ModuleOp module) : module(module), b(module.getContext()) {}

  void run() {
    for (auto function : module.getOps<func::FuncOp>()) {
      SmallVector<Operation *> kernels;
      function.walk([&](Operation *op) {
        if (isClosed(op))
          kernels.push_back(op);
      });
      for (Operation *kernel : kernels) {
        auto [known, isNew] = numbers.try_emplace(describe(kernel), groups.size());
        if (isNew)
          groups.emplace_back();
        Group &group = groups[known->second];
        group.kernels.push_back(kernel);
        group.parts |= kernels.size() > kMany && kernel->getParentOp() == function;
      }
    }
    for (Group &group : groups)
      if (group.parts || group.kernels.size() > 1)
        share(group.kernels);
  }

private:
  struct Group {
    SmallVector<Operation *> kernels;
    bool parts = false; ///< a function is long without them
  };

  /// What a kernel says about sizes, in the order of its operands, attributes and body.
  SetVector<StringAttr> sizesOf(Operation *kernel) {
    SetVector<StringAttr> names;
    auto see = [&](StringRef name) { names.insert(b.getStringAttr(name)); };
    auto seeAll = [&](const Shape &shape) {
      for (const Dim &dim : shape)
        dim.forEachSymbol(see);
    };
    AttrTypeWalker walker;
    walker.addWalk([&](DimAttr a) { a.getValue().forEachSymbol(see); });
    walker.addWalk([&](ShapeAttr a) { seeAll(a.getValue()); });
    walker.addWalk([&](RefType r) { seeAll(r.getShape()), seeAll(r.getStrides()); });
    walker.addWalk([&](nn::GraphType g) {
      for (const Dim &dim : {g.getSources(), g.getTargets(), g.getEdges()})
        dim.forEachSymbol(see);
    });
    for (Type type : kernel->getOperandTypes())
      walker.walk(type);
    kernel->walk<WalkOrder::PreOrder>([&](Operation *op) {
      walker.walk(op->getAttrDictionary());
      for (Region &region : op->getRegions())
        for (Block &block : region)
          for (Type type : block.getArgumentTypes())
            walker.walk(type);
      for (Type type : op->getResultTypes())
        walker.walk(type);
    });
    return names;
  }

  func::FuncOp makeFunction(Operation *kernel, StringRef name) {
    auto around = kernel->getParentOfType<func::FuncOp>();
    SetVector<StringAttr> sizes = sizesOf(kernel);
    SmallVector<Attribute> names;
    for (size_t i = 0; i < sizes.size(); ++i)
      names.push_back(b.getStringAttr("D" + Twine(i)));
    Shape renamed; // the sizes of the function around, in its order
    for (auto size : around->getAttrOfType<ArrayAttr>("nn.dims").getAsRange<StringAttr>()) {
      auto at = llvm::find(sizes, size);
      renamed.dims.push_back(Dim::symbol(at == sizes.end() ? size : cast<StringAttr>(names[at - sizes.begin()])));
    }
    Substitution substitution(around, renamed);

    auto pointer = LLVM::LLVMPointerType::get(b.getContext());
    SmallVector<Type> types{pointer, b.getI32Type()};
    types.append(sizes.size(), b.getI64Type());
    for (Type type : kernel->getOperandTypes())
      types.push_back(substitution.apply(type));
    types.push_back(pointer);
    auto function = func::FuncOp::create(b, kernel->getLoc(), name, b.getFunctionType(types, {}));
    function.setPrivate();
    function->setAttr("nn.dims", b.getArrayAttr(names));
    if (around->hasAttr("nn.one_thread"))
      function->setAttr("nn.one_thread", b.getUnitAttr());
    function->setAttr("passthrough", b.getStrArrayAttr({"noinline"}));
    Block *body = function.addEntryBlock();
    IRMapping map;
    map.map(kernel->getOperands(), body->getArguments().drop_front(2 + sizes.size()).drop_back());
    OpBuilder inner = OpBuilder::atBlockEnd(body);
    Operation *copy = inner.clone(*kernel, map);
    for (auto [i, operand] : llvm::enumerate(copy->getOpOperands())) // an operand that stands twice is two arguments
      operand.set(body->getArgument(2 + sizes.size() + i));
    substitution.apply(copy);
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
      auto known = around->getAttrOfType<ArrayAttr>("nn.dims").getValue();
      Shape sizes;
      SmallVector<Value> arguments(around.getArguments().take_front(2));
      for (StringAttr size : sizesOf(kernel)) {
        sizes.dims.push_back(Dim::symbol(size));
        arguments.push_back(around.getArgument(2 + (llvm::find(known, size) - known.begin())));
      }
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
  std::vector<Group> groups;
  unsigned count = 0;
};

struct ShareKernels : impl::ShareKernelsPassBase<ShareKernels> {
  void runOnOperation() override { Sharing(getOperation()).run(); }
};
} // namespace
} // namespace nnc
