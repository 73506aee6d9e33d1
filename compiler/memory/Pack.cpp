#include "compiler/Passes.h"
#include "compiler/memory/Places.h"
#include "compiler/target/cpu/Tiles.h"

#include "mlir/IR/IRMapping.h"

using namespace mlir;
using namespace nn;

namespace nnc {
#define GEN_PASS_DEF_PACKPASS
#include "compiler/Passes.h.inc"

namespace {
bool isView(Operation *op) { return op && op->hasTrait<View>() && op->getNumOperands() == 1; }

/// The same view of an operand with one more leading axis.
Value lift(OpBuilder &b, Operation *view, Value x) {
  Shape whole = shapeOf(x.getType());
  auto lead = [&](const Shape &s, const Dim &d) {
    Shape r{d};
    llvm::append_range(r.dims, s);
    return r;
  };
  Location loc = view->getLoc();
  Shape to = lead(shapeOf(view->getResult(0).getType()), whole[0]);
  SmallVector<int64_t> axes{0};
  if (auto t = dyn_cast<TransposeOp>(view)) {
    for (int64_t p : t.getPermutation())
      axes.push_back(p + 1);
    return TransposeOp::create(b, loc, x, axes);
  }
  if (auto r = dyn_cast<BroadcastOp>(view)) {
    for (int64_t a : r.getAxes())
      axes.push_back(a + 1);
    return BroadcastOp::create(b, loc, tensorType(to, elementOf(x.getType())), x, axes);
  }
  if (auto s = dyn_cast<SliceOp>(view))
    return SliceOp::create(b, loc, x, lead(s.getOffsets().getValue(), 0), to);
  return ReshapeOp::create(b, loc, x, to);
}

/// Finds where a contraction's right operand comes from, through views, and packs it there:
/// 1. a parameter: a function of its own packs it when the model is loaded; the entry reads the packed copy;
/// 2. a slice of a sequence in a loop: the whole sequence is packed before the loop, the body reads slices of that;
/// 3. an argument of a layer's function: every caller packs what it hands over, as a further argument;
/// 4. anything else is packed right there, on every call.
class Packer {
public:
  Packer(ModuleOp module, const cpu::Cpu &target)
      : module(module), target(target), b(module.getContext()), symbols(module) {}

  void run() {
    SmallVector<ContractOp> work;
    module.walk([&](ContractOp op) { work.push_back(op); });
    for (ContractOp op : work)
      contraction(op);
    module.walk([&](ParameterOp p) {
      if (p.use_empty())
        p.erase();
    });
  }

private:
  void contraction(ContractOp op);
  ContractOp normalize(ContractOp op);
  Value packed(Value rhs, int64_t panel);
  Value packedParameter(ParameterOp parameter, ArrayRef<Operation *> views, Value rhs, int64_t panel);
  Value packedSlice(BlockArgument slice, ArrayRef<Operation *> views, Value rhs, int64_t panel);
  Value packedArgument(BlockArgument argument, ArrayRef<Operation *> views, Value rhs, int64_t panel);

  ModuleOp module;
  const cpu::Cpu &target;
  OpBuilder b;
  SymbolTable symbols;
  llvm::StringMap<func::FuncOp> made;           ///< pack functions by what they do
  DenseMap<std::pair<Value, Attribute>, Value> known; ///< packed values by place and what they do
};

/// What a chain of views does, as text: two chains with one text give one packed copy.
std::string describeViews(ArrayRef<Operation *> views, int64_t panel) {
  std::string text;
  llvm::raw_string_ostream os(text);
  for (Operation *v : llvm::reverse(views))
    os << v->getName() << DictionaryAttr::get(v->getContext(), v->getAttrs()) << v->getResult(0).getType();
  os << panel;
  return text;
}

Value cloneViews(OpBuilder &b, ArrayRef<Operation *> views, Value from) {
  for (Operation *v : llvm::reverse(views)) {
    IRMapping map;
    map.map(v->getOperand(0), from);
    from = b.clone(*v, map)->getResult(0);
  }
  return from;
}

void eraseUnusedViews(Value v) {
  while (Operation *op = v.getDefiningOp()) {
    if (!isView(op) || !op->use_empty())
      return;
    v = op->getOperand(0);
    op->erase();
  }
}

Value Packer::packedParameter(ParameterOp parameter, ArrayRef<Operation *> views, Value rhs, int64_t panel) {
  auto entry = parameter->getParentOfType<func::FuncOp>();
  auto model = entry->getAttrOfType<StringAttr>("nn.model");
  std::string key = (model.getValue() + "/" + parameter.getPath() + "/" + describeViews(views, panel)).str();
  func::FuncOp &function = made[key];
  if (!function) {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToEnd(module.getBody());
    Location loc = parameter.getLoc();
    function = func::FuncOp::create(b, loc, "pack." + parameter.getPath().str(), b.getFunctionType({}, {}));
    function.setPrivate();
    function->setAttr("nn.model", model);
    function->setAttr("nn.dims", b.getArrayAttr({}));
    function->setAttr("nn.called_by_runtime", b.getUnitAttr());
    function->setAttr("nn.pack_of", parameter.getPathAttr());
    b.setInsertionPointToStart(function.addEntryBlock());
    Value source = cloneViews(b, views, ParameterOp::create(b, loc, parameter.getType(), parameter.getPathAttr()));
    Value result = PackOp::create(b, loc, source, panel).getResult(0);
    func::ReturnOp::create(b, loc, result);
    function.setFunctionType(b.getFunctionType({}, result.getType()));
    symbols.insert(function); // gives it a name of its own
  }
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(parameter);
  return PackedOp::create(b, parameter.getLoc(), function.getFunctionType().getResult(0), function.getName());
}

Value Packer::packedSlice(BlockArgument slice, ArrayRef<Operation *> views, Value rhs, int64_t panel) {
  auto loop = cast<ScanOp>(slice.getOwner()->getParentOp());
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(loop);
  Value whole = loop.getXs()[slice.getArgNumber() - 1];
  for (Operation *v : llvm::reverse(views))
    whole = lift(b, v, whole);
  Value all = packed(whole, panel);
  eraseUnusedViews(whole);
  loop.getXsMutable().append(all);
  Shape shape = shapeOf(all.getType());
  Type one = tensorType(Shape(ArrayRef<Dim>(shape.dims).drop_front()), elementOf(all.getType()));
  return loop.getBody().front().insertArgument(loop.getXs().size(), one, loop.getLoc());
}

Value Packer::packedArgument(BlockArgument argument, ArrayRef<Operation *> views, Value rhs, int64_t panel) {
  auto function = cast<func::FuncOp>(argument.getOwner()->getParentOp());
  Type type;
  SmallVector<CallOp> calls;
  module.walk([&](CallOp call) {
    if (call.getCallee() == function.getName())
      calls.push_back(call);
  });
  OpBuilder::InsertionGuard guard(b);
  for (CallOp call : calls) {
    b.setInsertionPoint(call);
    Value handed = cloneViews(b, views, call.getOperands()[argument.getArgNumber()]);
    Value p = packed(handed, panel);
    eraseUnusedViews(handed);
    call.getOperandsMutable().append(p);
    type = p.getType();
  }
  Value added = function.getBody().front().addArgument(type, argument.getLoc());
  function.setFunctionType(b.getFunctionType(function.getBody().front().getArgumentTypes(), function.getResultTypes()));
  return added;
}

Value Packer::packed(Value rhs, int64_t panel) {
  SmallVector<Operation *> views; // from the contraction to the source
  Value source = rhs;
  while (isView(source.getDefiningOp())) {
    views.push_back(source.getDefiningOp());
    source = source.getDefiningOp()->getOperand(0);
  }
  Value &result = known[{source, b.getStringAttr(describeViews(views, panel))}];
  if (result)
    return result;
  Value p;
  if (auto parameter = source.getDefiningOp<ParameterOp>()) {
    p = packedParameter(parameter, views, rhs, panel);
  } else if (auto argument = dyn_cast<BlockArgument>(source)) {
    Operation *owner = argument.getOwner()->getParentOp();
    auto loop = dyn_cast<ScanOp>(owner);
    auto function = dyn_cast<func::FuncOp>(owner);
    // Layers' functions know only constant sizes of parameters; a symbolic operand is a value of the call.
    if (loop && argument.getArgNumber() >= 1 && argument.getArgNumber() <= loop.getXs().size())
      p = packedSlice(argument, views, rhs, panel);
    else if (function && !function->hasAttr("nn.called_by_runtime") && shapeOf(argument.getType()).isConstant())
      p = packedArgument(argument, views, rhs, panel);
  }
  if (!p) {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointAfterValue(rhs);
    p = PackOp::create(b, rhs.getLoc(), rhs, panel).getResult(0);
  }
  return known[{source, b.getStringAttr(describeViews(views, panel))}] = p;
}

Value collapse(OpBuilder &b, Location loc, Value v, size_t from, size_t count) {
  Shape old = shapeOf(v.getType()), to;
  Dim product = 1;
  for (size_t i = 0; i < old.rank(); ++i) {
    if (i == from && count == 0)
      to.dims.push_back(1);
    if (i >= from && i < from + count)
      product = product * old[i];
    else
      to.dims.push_back(old[i]);
    if (count && i + 1 == from + count)
      to.dims.push_back(product);
  }
  if (count == 0 && from == old.rank())
    to.dims.push_back(1);
  return ReshapeOp::create(b, loc, v, to);
}

/// One axis each for n and k, however many there were; m may have any number of axes.
ContractOp Packer::normalize(ContractOp op) {
  int64_t batch = op.getBatch(), m = op.getM(), n = op.getN(), k = op.getK();
  if (n == 1 && k == 1)
    return op;
  Location loc = op.getLoc();
  Value lhs = op.getLhs(), rhs = op.getRhs();
  if (k != 1) {
    lhs = collapse(b, loc, lhs, batch + m, k);
    rhs = collapse(b, loc, rhs, batch, k);
  }
  SmallVector<Value> extras(op.getExtras());
  SmallVector<Type> types(op.getResultTypes());
  if (n != 1) {
    rhs = collapse(b, loc, rhs, batch + 1, n);
    for (Value &e : extras)
      e = collapse(b, loc, e, batch + m, n);
    for (Type &t : types) {
      Shape to(ArrayRef<Dim>(shapeOf(t).dims).take_front(batch + m));
      to.dims.push_back(op.nShape().count());
      t = tensorType(to, elementOf(t));
    }
  }
  auto flat = ContractOp::create(b, loc, types, lhs, rhs, extras, ValueRange(), batch, m, 1, 1);
  flat.getEpilogue().takeBody(op.getEpilogue());
  for (auto [from, to] : llvm::zip(op.getResults(), flat.getResults()))
    from.replaceAllUsesWith(from.getType() == to.getType() ? Value(to) : ReshapeOp::create(b, loc, to, shapeOf(from.getType())));
  op.erase();
  return flat;
}

void Packer::contraction(ContractOp op) {
  if (op.getPanel())
    return;
  b.setInsertionPoint(op);
  op = normalize(op);
  int64_t panel = cpu::panelWidth(elementOf(op.getRhs().getType()), op.nShape()[0].asConstant(), target);
  Value rhs = op.getRhs();
  b.setInsertionPoint(op);
  op.getRhsMutable().assign(packed(rhs, panel));
  op.setPanel(panel);
  eraseUnusedViews(rhs);
}

/// Entries and initialisers are called by the runtime: they see the slabs, and their arguments can not change.
void mark(ModuleOp module) {
  OpBuilder b(module.getContext());
  for (func::FuncOp f : module.getOps<func::FuncOp>())
    if (f->hasAttr("nn.entry"))
      f->setAttr("nn.called_by_runtime", b.getUnitAttr());
  for (StorageOp s : module.getOps<StorageOp>())
    if (auto init = s.getInitialiserAttr()) {
      auto f = module.lookupSymbol<func::FuncOp>(init.getValue());
      f->setAttr("nn.called_by_runtime", b.getUnitAttr());
      f->setAttr("nn.model", s.getModelAttr());
    }
}

struct Pack : impl::PackPassBase<Pack> {
  using PackPassBase::PackPassBase;
  void runOnOperation() override {
    llvm::Expected<cpu::Cpu> target = cpu::parseCpu(cpu);
    if (!target) {
      getOperation()->emitError(llvm::toString(target.takeError()));
      return signalPassFailure();
    }
    mark(getOperation());
    Packer(getOperation(), *target).run();
  }
};
} // namespace
} // namespace nnc
