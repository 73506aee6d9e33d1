#include "dialect/Dialect.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Interfaces/FoldInterfaces.h"
#include "mlir/Transforms/InliningUtils.h"

using namespace mlir;
using namespace nn;

#include "dialect/Dialect.cpp.inc"
#include "dialect/Interfaces.cpp.inc"

namespace {
/// Constants stay in the region of the kernel that uses them: a kernel's body is lowered on its own.
struct KeepConstantsInKernels : DialectFoldInterface {
  using DialectFoldInterface::DialectFoldInterface;
  bool shouldMaterializeInto(Region *region) const final { return true; }
};
} // namespace

void NNDialect::initialize() {
  registerAttributes();
  registerTypes();
  addInterfaces<KeepConstantsInKernels>();
  addOperations<
#define GET_OP_LIST
#include "dialect/Attention.cpp.inc"
      ,
#define GET_OP_LIST
#include "dialect/Contraction.cpp.inc"
      ,
#define GET_OP_LIST
#include "dialect/Elementwise.cpp.inc"
      ,
#define GET_OP_LIST
#include "dialect/Gradient.cpp.inc"
      ,
#define GET_OP_LIST
#include "dialect/Indexing.cpp.inc"
      ,
#define GET_OP_LIST
#include "dialect/Kernels.cpp.inc"
      ,
#define GET_OP_LIST
#include "dialect/Neighbourhood.cpp.inc"
      ,
#define GET_OP_LIST
#include "dialect/Parameters.cpp.inc"
      ,
#define GET_OP_LIST
#include "dialect/Places.cpp.inc"
      ,
#define GET_OP_LIST
#include "dialect/Random.cpp.inc"
      ,
#define GET_OP_LIST
#include "dialect/Recurrence.cpp.inc"
      ,
#define GET_OP_LIST
#include "dialect/Reduction.cpp.inc"
      ,
#define GET_OP_LIST
#include "dialect/Shape.cpp.inc"
      ,
#define GET_OP_LIST
#include "dialect/Window.cpp.inc"
      >();
}

Operation *NNDialect::materializeConstant(OpBuilder &builder, Attribute value, Type type, Location loc) {
  auto typed = dyn_cast<TypedAttr>(value);
  return typed && isValue(type) ? ConstantOp::create(builder, loc, type, typed) : nullptr;
}

Type nn::accumulatorOf(Type element) {
  if (element.isBF16() || element.isF16())
    return Float32Type::get(element.getContext());
  return isa<IntegerType>(element) ? Type(IntegerType::get(element.getContext(), 64)) : element;
}

LogicalResult nn::verifyEpilogue(EpilogueOpInterface op) {
  Shape out = op.resultShape();
  for (Value extra : op.getExtras())
    if (shapeOf(extra.getType()) != out)
      return op.emitOpError("an extra has shape ") << shapeOf(extra.getType()).str() << ", the result " << out.str();
  if (op.getEpilogue().empty())
    return op.getExtras().empty() ? success() : op.emitOpError("has extras but no epilogue");
  Block &body = op.getEpilogue().front();
  if (body.getNumArguments() != 1 + op.getExtras().size() || body.getArgument(0).getType() != op.getAccumulatorType())
    return op.emitOpError("epilogue takes the accumulator and one element of each extra");
  return success();
}

void nn::kernelEffects(Operation *op, SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>> &effects) {
  MutableOperandRange inits = cast<KernelOpInterface>(op).getInitsMutable();
  llvm::SmallDenseSet<unsigned> written;
  for (OpOperand &init : inits)
    written.insert(init.getOperandNumber());
  for (OpOperand &operand : op->getOpOperands()) {
    if (!isa<RefType>(operand.get().getType()))
      continue;
    if (written.contains(operand.getOperandNumber()))
      effects.emplace_back(MemoryEffects::Write::get(), &operand);
    else
      effects.emplace_back(MemoryEffects::Read::get(), &operand);
  }
}
