#include "compiler/report/Frame.h"

#include "mlir/IR/SymbolTable.h"
#include "llvm/ADT/StringMap.h"

using namespace mlir;
using namespace nn;
using namespace nnc::report;

/// The result of a function of sums, products, maxima and calls, for given values of its free dimensions.
static Bytes evaluate(func::FuncOp function, const llvm::StringMap<Dim> &sizes) {
  DenseMap<Value, Bytes> values;
  values[function.getArgument(1)] = Dim::symbol(kThreads);
  for (Operation &op : function.getBody().front()) {
    auto operand = [&](unsigned i) { return values.lookup(op.getOperand(i)); };
    if (auto result = dyn_cast<func::ReturnOp>(op))
      return operand(0);
    Bytes value;
    if (auto constant = dyn_cast<arith::ConstantOp>(op)) {
      value = Dim(cast<IntegerAttr>(constant.getValue()).getInt());
    } else if (auto extent = dyn_cast<ExtentOp>(op)) {
      value = extent.getValue().getValue().substitute([&](StringRef name) -> std::optional<Dim> {
        auto known = sizes.find(name);
        return known == sizes.end() ? std::nullopt : std::optional(known->second);
      });
    } else if (isa<arith::AddIOp>(op)) {
      value = operand(0) + operand(1);
    } else if (isa<arith::MaxSIOp>(op)) {
      value = Bytes::max(operand(0), operand(1));
    } else if (isa<arith::ExtSIOp>(op)) {
      value = operand(0);
    } else if (isa<arith::MulIOp>(op)) {
      value = operand(0).times(operand(1).polynomial());
    } else if (auto call = dyn_cast<func::CallOp>(op)) {
      auto callee = SymbolTable::lookupNearestSymbolFrom<func::FuncOp>(call, call.getCalleeAttr());
      llvm::StringMap<Dim> inner;
      for (auto [i, name] : llvm::enumerate(callee->getAttrOfType<ArrayAttr>("nn.dims").getAsRange<StringAttr>()))
        inner[name.getValue()] = operand(2 + i).polynomial();
      value = evaluate(callee, inner);
    } else {
      llvm_unreachable("not an operation of a frame's size");
    }
    values[op.getResult(0)] = value;
  }
  return {};
}

Bytes nnc::report::frameOf(func::FuncOp entry) {
  auto size = SymbolTable::lookupNearestSymbolFrom<func::FuncOp>(
      entry, StringAttr::get(entry.getContext(), entry.getName() + ".frame"));
  return evaluate(size, {});
}
