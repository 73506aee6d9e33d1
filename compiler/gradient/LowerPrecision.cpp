#include "compiler/Passes.h"

#include "mlir/IR/SymbolTable.h"

using namespace mlir;
using namespace nn;

namespace nnc {
#define GEN_PASS_DEF_LOWERPRECISIONPASS
#include "compiler/Passes.h.inc"

namespace {
constexpr StringLiteral kPrecision = "nn.precision", kWritten = "nn.written", kArguments = "nn.float_arguments",
                        kResults = "nn.float_results";

/// `precision bf16` of a train step. The front end marks the step and the functions that are made for it.
/// 1. Functions that bodies of neighbourhoods call stay as they are: a body is one kernel, which sums in f32. Copies of
///    them have no mark.
/// 2. Between functions values of type `float` are bf16: the callee widens arguments and rounds results, the caller the
///    other way round.
/// 3. A product that the loss is computed from takes operands that are rounded to bf16, unless one comes from what the
///    program has written as f32 (`f32(x)`, an argument of type f32).
/// 4. A loop that goes on with a rounded value carries it in bf16.
/// 5. Conversions that were kept as marks go.
/// Everything else, losses and norms among it, is computed in f32; so are gradients of parameters (the derivative of a
/// rounding passes on what has not been rounded yet).
class LowerPrecision : public impl::LowerPrecisionPassBase<LowerPrecision> {
  void runOnOperation() override;

  /// Whether a value is one of bf16 in another type.
  bool isWidened(Value v) {
    auto cast = v.getDefiningOp<CastOp>();
    return cast && elementOf(cast.getX().getType()) == low;
  }
  Value toElement(OpBuilder &b, Value v, Type element) {
    if (element == low && isWidened(v))
      return v.getDefiningOp<CastOp>().getX();
    return elementOf(v.getType()) == element ? v : CastOp::create(b, v.getLoc(), withElement(v.getType(), element), v);
  }
  void keepBodies(SymbolTable &symbols);
  void roundBorders(func::FuncOp function);
  void roundCall(CallOp call, func::FuncOp callee);
  void roundProducts(func::FuncOp function);
  void roundProduct(Operation *product);
  bool comesFromWritten(Value v);
  void roundCarries(ScanOp scan);

  Type low;
  DenseMap<Value, bool> written;
};
} // namespace

/// Everything that the gradient's scalar is computed from; in a function without gradient everything.
static SmallVector<Operation *> productsOf(func::FuncOp function) {
  DenseSet<Operation *> reached;
  SmallVector<Value> work;
  bool derives = false;
  function.walk([&](GradOp grad) { work.push_back(grad.getE()), derives = true; });
  while (!work.empty()) {
    Operation *op = work.pop_back_val().getDefiningOp();
    if (!op || !reached.insert(op).second)
      continue;
    op->walk([&](Operation *inner) { llvm::append_range(work, inner->getOperands()); });
  }
  SmallVector<Operation *> products;
  function.walk<WalkOrder::PreOrder>([&](Operation *op) {
    if (op->getBlock() == &function.getBody().front() && derives && !reached.contains(op))
      return WalkResult::skip();
    if (isa<NeighbourhoodOp, CustomGradientOp>(op))
      return WalkResult::skip();
    if (isa<ContractOp, ConvOp, ConvTransposeOp>(op))
      products.push_back(op);
    return WalkResult::advance();
  });
  return products;
}

/// Copies of functions that are called in bodies, as far as they call themselves.
void LowerPrecision::keepBodies(SymbolTable &symbols) {
  SmallVector<CallOp> calls;
  getOperation().walk([&](CallOp call) {
    if (call->getParentOfType<NeighbourhoodOp>())
      calls.push_back(call);
  });
  llvm::StringMap<func::FuncOp> copies;
  while (!calls.empty()) {
    CallOp call = calls.pop_back_val();
    auto callee = symbols.lookup<func::FuncOp>(call.getCallee());
    if (!callee || !callee->hasAttr(kPrecision))
      continue;
    func::FuncOp &copy = copies[call.getCallee()];
    if (!copy) {
      copy = callee.clone();
      for (StringRef mark : {kPrecision, kArguments, kResults})
        copy->removeAttr(mark);
      symbols.insert(copy, std::next(Block::iterator(callee)));
      copy.walk([&](CallOp inner) { calls.push_back(inner); });
    }
    call.setCallee(copy.getSymName());
  }
}

void LowerPrecision::roundBorders(func::FuncOp function) {
  Block &body = function.getBody().front();
  Operation *end = body.getTerminator();
  for (int64_t i : function->getAttrOfType<DenseI64ArrayAttr>(kArguments).asArrayRef()) {
    BlockArgument argument = body.getArgument(i);
    Type wide = argument.getType();
    argument.setType(withElement(wide, low));
    OpBuilder b = OpBuilder::atBlockBegin(&body);
    auto cast = CastOp::create(b, argument.getLoc(), wide, argument);
    argument.replaceAllUsesExcept(cast, cast);
  }
  OpBuilder b(end);
  for (int64_t i : function->getAttrOfType<DenseI64ArrayAttr>(kResults).asArrayRef())
    end->setOperand(i, toElement(b, end->getOperand(i), low));
  function.setType(FunctionType::get(&getContext(), body.getArgumentTypes(), end->getOperandTypes()));
}

void LowerPrecision::roundCall(CallOp call, func::FuncOp callee) {
  OpBuilder b(call);
  for (int64_t i : callee->getAttrOfType<DenseI64ArrayAttr>(kArguments).asArrayRef())
    call->setOperand(i, toElement(b, call->getOperand(i), low));
  b.setInsertionPointAfter(call);
  for (int64_t i : callee->getAttrOfType<DenseI64ArrayAttr>(kResults).asArrayRef()) {
    Value result = call->getResult(i);
    Type wide = result.getType();
    result.setType(withElement(wide, low));
    auto cast = CastOp::create(b, call.getLoc(), wide, result);
    result.replaceAllUsesExcept(cast, cast);
  }
}

/// Whether a value has the type f32 because the program says so.
bool LowerPrecision::comesFromWritten(Value v) {
  auto known = written.find(v);
  if (known != written.end())
    return known->second;
  written[v] = false; // of a loop: until something else is known
  Operation *op = v.getDefiningOp();
  bool result = false;
  if (!op) {
    auto argument = cast<BlockArgument>(v);
    auto function = dyn_cast<func::FuncOp>(argument.getOwner()->getParentOp());
    auto types = function ? function->getAttrOfType<DenseI64ArrayAttr>(kWritten) : DenseI64ArrayAttr();
    result = types && llvm::is_contained(types.asArrayRef(), int64_t(argument.getArgNumber()));
  } else if (auto conversion = dyn_cast<CastOp>(op)) {
    bool isMark = conversion.getX().getType() == conversion.getType();
    result = op->hasAttr(kWritten) || (!isMark && comesFromWritten(conversion.getX()));
  } else if (!isa<CallOp, NeighbourhoodOp>(op)) {
    result = llvm::any_of(op->getOperands(), [&](Value operand) { return comesFromWritten(operand); });
  }
  return written[v] = result;
}

/// The rounded operand is widened again: a product of two bf16 numbers is exact in f32, and is summed there.
void LowerPrecision::roundProduct(Operation *product) {
  Type element = elementOf(product->getResult(0).getType());
  if (!element.isF32() && !element.isF64())
    return;
  OpBuilder b(product);
  for (OpOperand &operand : product->getOpOperands()) {
    Value v = operand.get();
    if (!isWidened(v))
      operand.set(CastOp::create(b, v.getLoc(), v.getType(), toElement(b, v, low), /*may_keep=*/true));
  }
}

/// A carry whose next value is a bf16 one, widened.
void LowerPrecision::roundCarries(ScanOp scan) {
  Block &body = scan.getBody().front();
  auto yield = cast<YieldOp>(body.getTerminator());
  unsigned stacked = scan.getNumResults() - scan.getCarries().size();
  for (unsigned i = 0, count = scan.getCarries().size(); i < count; ++i) {
    auto next = yield->getOperand(stacked + i).getDefiningOp<CastOp>();
    Type type = yield->getOperand(stacked + i).getType();
    if (!next || elementOf(next.getX().getType()) != low || elementOf(type) == low)
      continue;
    OpBuilder b(scan);
    Type narrow = next.getX().getType();
    scan.getCarriesMutable()[i].set(toElement(b, scan.getCarries()[i], low));
    yield->setOperand(stacked + i, next.getX());
    b.setInsertionPointAfter(scan);
    for (Value value : {Value(scan.getResult(stacked + i)), Value(body.getArgument(1 + scan.getXs().size() + i))}) {
      value.setType(narrow);
      if (isa<BlockArgument>(value))
        b.setInsertionPointToStart(&body);
      auto cast = CastOp::create(b, scan.getLoc(), type, value);
      value.replaceAllUsesExcept(cast, cast);
    }
  }
}

void LowerPrecision::runOnOperation() {
  SymbolTable symbols(getOperation());
  SmallVector<func::FuncOp> functions;
  for (auto function : getOperation().getOps<func::FuncOp>())
    if (auto precision = function->getAttrOfType<TypeAttr>(kPrecision))
      functions.push_back(function), low = precision.getValue();
  if (functions.empty())
    return;
  keepBodies(symbols);
  // Marks of what is written are read before anything is changed.
  SmallVector<Operation *> products;
  for (func::FuncOp function : functions)
    for (Operation *product : productsOf(function))
      if (!comesFromWritten(product->getOperand(0)) && !comesFromWritten(product->getOperand(1)))
        products.push_back(product);
  for (func::FuncOp function : functions)
    roundBorders(function);
  getOperation().walk([&](CallOp call) {
    auto callee = symbols.lookup<func::FuncOp>(call.getCallee());
    if (callee && callee->hasAttr(kPrecision))
      roundCall(call, callee);
  });
  for (Operation *product : products)
    roundProduct(product);
  getOperation().walk([&](ScanOp scan) { roundCarries(scan); });
  getOperation().walk([&](CastOp cast) {
    if (cast.getX().getType() == cast.getType()) {
      cast.replaceAllUsesWith(cast.getX());
      cast.erase();
    }
  });
  for (func::FuncOp function : functions)
    for (StringRef mark : {kPrecision, kArguments, kResults, kWritten})
      function->removeAttr(mark);
}
} // namespace nnc
