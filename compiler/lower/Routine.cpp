#include "compiler/lower/Routine.h"

using namespace mlir;
using namespace nnc;

func::FuncOp nnc::routine(Lowering &l, StringRef name, TypeRange arguments, function_ref<void(func::FuncOp)> build) {
  auto module = l.function->getParentOfType<ModuleOp>();
  if (auto known = module.lookupSymbol<func::FuncOp>(name))
    return known;
  OpBuilder b(module.getContext());
  b.setInsertionPointToEnd(module.getBody());
  auto function = func::FuncOp::create(b, l.loc, name, b.getFunctionType(arguments, {}));
  function.setPrivate();
  function->setAttr("llvm.linkage", LLVM::LinkageAttr::get(b.getContext(), LLVM::Linkage::Internal));
  function->setAttr("passthrough", b.getStrArrayAttr({"noinline"}));
  function.addEntryBlock();
  build(function);
  return function;
}
