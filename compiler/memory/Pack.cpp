#include "compiler/Passes.h"
#include "compiler/memory/Origin.h"
#include "compiler/memory/Places.h"
#include "compiler/target/cpu/Tiles.h"

#include "llvm/ADT/StringSet.h"

#include <map>

using namespace mlir;
using namespace nn;

namespace nnc {
#define GEN_PASS_DEF_PACKPASS
#include "compiler/Passes.h.inc"

namespace {
/// Finds where a contraction's right operand comes from, through views and joins, and packs it there:
/// 1. parameters: a function of its own packs them when the model is loaded; the entry reads the packed copy. An entry
///    that writes the parameter itself packs it before it is first used, on every call;
/// 2. slices of sequences in a loop: the whole sequences are packed before the loop, the body reads slices of that;
/// 3. arguments of a layer's function: every caller packs what it hands over, as a further argument;
/// 4. anything else is packed right there, on every call.
/// Joins of parameters that are read otherwise (biases) are made at load as well, and views that give the weights of a
/// convolution.
class Packer {
public:
  Packer(ModuleOp module, const cpu::Cpu &target)
      : module(module), target(target), b(module.getContext()), symbols(module) {}

  void run() {
    SmallVector<ContractOp> work;
    module.walk([&](ContractOp op) { work.push_back(op); });
    for (ContractOp op : work)
      contraction(op);
    module.walk([&](ConvolveOp op) {
      Value w = op.getW();
      if (w.getDefiningOp() && w.getDefiningOp()->hasTrait<View>()) {
        b.setInsertionPoint(op);
        op.getWMutable().assign(packed(w, 0));
        eraseUnusedSteps(w);
      }
    });
    SmallVector<ConcatOp> joins;
    module.walk([&](ConcatOp op) {
      if (!op->getParentOfType<func::FuncOp>()->hasAttr("nn.pack_of"))
        joins.push_back(op);
    });
    for (ConcatOp op : joins)
      join(op);
    module.walk([&](ParameterOp p) {
      if (p.use_empty())
        p.erase();
    });
  }

private:
  void contraction(ContractOp op);
  void join(ConcatOp op);
  ContractOp normalize(ContractOp op);
  /// The value in panels of that width; 0: as it is, but made where its sources are.
  Value packed(Value rhs, int64_t panel);
  Value packedParameters(const Origin &origin, Value rhs, int64_t panel);
  Value packedNow(const Origin &origin, Value rhs, int64_t panel);
  bool isWritten(const Origin &origin);
  Value packedSlices(const Origin &origin, int64_t panel);
  Value packedArguments(const Origin &origin, int64_t panel);

  ModuleOp module;
  const cpu::Cpu &target;
  OpBuilder b;
  SymbolTable symbols;
  DenseMap<Operation *, llvm::StringSet<>> written; ///< paths, by entry
  llvm::StringMap<func::FuncOp> made;               ///< pack functions by what they do
  std::map<std::pair<std::vector<void *>, std::string>, Value>
      known; ///< packed values by sources and what is done to them
};

Value Packer::packedParameters(const Origin &origin, Value rhs, int64_t panel) {
  auto first = origin.sources.front().getDefiningOp<ParameterOp>();
  auto model = first->getParentOfType<func::FuncOp>()->getAttrOfType<StringAttr>("nn.model");
  std::string key = model.str();
  SmallVector<Attribute> paths;
  for (Value source : origin.sources) {
    paths.push_back(source.getDefiningOp<ParameterOp>().getPathAttr());
    key += "/" + cast<StringAttr>(paths.back()).str();
  }
  key += "/" + origin.describe(rhs) + "/" + std::to_string(panel);
  func::FuncOp &function = made[key];
  if (!function) {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToEnd(module.getBody());
    Location loc = first.getLoc();
    function = func::FuncOp::create(b, loc, "pack." + first.getPath().str(), b.getFunctionType({}, {}));
    function.setPrivate();
    function->setAttr("nn.model", model);
    function->setAttr("nn.dims", b.getArrayAttr({}));
    function->setAttr("nn.called_by_runtime", b.getUnitAttr());
    function->setAttr("nn.pack_of", b.getArrayAttr(paths));
    b.setInsertionPointToStart(function.addEntryBlock());
    SmallVector<Value> sources;
    for (Value source : origin.sources)
      sources.push_back(b.clone(*source.getDefiningOp())->getResult(0));
    Value result = origin.clone(b, sources);
    if (panel)
      result = PackOp::create(b, loc, result, panel).getResult(0);
    func::ReturnOp::create(b, loc, result);
    function.setFunctionType(b.getFunctionType({}, result.getType()));
    symbols.insert(function); // gives it a name of its own
  }
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(first);
  return PackedOp::create(b, first.getLoc(), function.getFunctionType().getResult(0), function.getName());
}

/// Whether the entry that reads these parameters writes one of them: a copy from before would be old after each call.
bool Packer::isWritten(const Origin &origin) {
  if (origin.kind != Origin::Kind::Parameters)
    return false;
  auto entry = origin.sources.front().getDefiningOp()->getParentOfType<func::FuncOp>();
  auto [known, isNew] = written.try_emplace(entry);
  if (isNew)
    for (StoreOp store : entry.getBody().front().getOps<StoreOp>())
      known->second.insert(store.getPath());
  return llvm::any_of(origin.sources,
                      [&](Value v) { return known->second.contains(v.getDefiningOp<ParameterOp>().getPath()); });
}

/// Before the operation at hand, or before the loop that it stands in.
Value Packer::packedNow(const Origin &origin, Value rhs, int64_t panel) {
  if (!panel)
    return rhs;
  OpBuilder::InsertionGuard guard(b);
  Value first = origin.sources.front();
  Operation *user = first.getParentBlock()->findAncestorOpInBlock(*b.getInsertionPoint());
  b.setInsertionPoint(user);
  return PackOp::create(b, user->getLoc(), origin.clone(b, origin.sources), panel).getResult(0);
}

Operation *ownerOf(const Origin &origin) { return cast<BlockArgument>(origin.sources[0]).getOwner()->getParentOp(); }

Value Packer::packedSlices(const Origin &origin, int64_t panel) {
  auto loop = cast<ScanOp>(ownerOf(origin));
  for (Value source : origin.sources) // one layer after the other: then no more than one of them is there twice
    if (isWritten(originOf(loop.getXs()[cast<BlockArgument>(source).getArgNumber() - 1])))
      return nullptr;
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(loop);
  SmallVector<Value> sequences;
  for (Value source : origin.sources)
    sequences.push_back(loop.getXs()[cast<BlockArgument>(source).getArgNumber() - 1]);
  Value whole = origin.cloneStacked(b, sequences), all = packed(whole, panel);
  loop.getXsMutable().append(all); // it may be the whole
  eraseUnusedSteps(whole);
  Shape shape = shapeOf(all.getType());
  Type one = tensorType(Shape(ArrayRef<Dim>(shape.dims).drop_front()), elementOf(all.getType()));
  return loop.getBody().front().insertArgument(loop.getXs().size(), one, loop.getLoc());
}

Value Packer::packedArguments(const Origin &origin, int64_t panel) {
  auto function = cast<func::FuncOp>(ownerOf(origin));
  Type type;
  SmallVector<CallOp> calls;
  module.walk([&](CallOp call) {
    if (call.getCallee() == function.getName())
      calls.push_back(call);
  });
  if (calls.empty())
    return nullptr;
  OpBuilder::InsertionGuard guard(b);
  for (CallOp call : calls) {
    b.setInsertionPoint(call);
    SmallVector<Value> given;
    for (Value source : origin.sources)
      given.push_back(call.getOperands()[cast<BlockArgument>(source).getArgNumber()]);
    Value handed = origin.clone(b, given), p = packed(handed, panel);
    call.getOperandsMutable().append(p); // it may be what was handed
    eraseUnusedSteps(handed);
    type = p.getType();
  }
  Value added = function.getBody().front().addArgument(type, origin.sources.front().getLoc());
  function.setFunctionType(b.getFunctionType(function.getBody().front().getArgumentTypes(), function.getResultTypes()));
  return added;
}

Value Packer::packed(Value rhs, int64_t panel) {
  Origin origin = originOf(rhs);
  std::pair<std::vector<void *>, std::string> key;
  for (Value source : origin.sources)
    key.first.push_back(source.getAsOpaquePointer());
  key.second = origin.describe(rhs) + "/" + std::to_string(panel);
  if (Value before = known[key])
    return before;
  Value p;
  switch (origin.kind) {
  case Origin::Kind::Parameters:
    p = isWritten(origin) ? packedNow(origin, rhs, panel) : packedParameters(origin, rhs, panel);
    break;
  case Origin::Kind::Slices:
    p = packedSlices(origin, panel);
    break;
  case Origin::Kind::Arguments:
    p = packedArguments(origin, panel);
    break;
  case Origin::Kind::Value:
    break;
  }
  if (!p) {
    OpBuilder::InsertionGuard guard(b);
    Location user = b.getInsertionPoint()->getLoc();
    b.setInsertionPointAfterValue(rhs);
    p = panel ? PackOp::create(b, user, rhs, panel).getResult(0) : rhs;
    if (isa<ScanOp>(rhs.getParentBlock()->getParentOp())) // nobody else can use it
      return p;
  }
  return known[key] = p;
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
    from.replaceAllUsesWith(from.getType() == to.getType() ? Value(to)
                                                           : ReshapeOp::create(b, loc, to, shapeOf(from.getType())));
  op.erase();
  return flat;
}

void Packer::contraction(ContractOp op) {
  if (op.getPanel())
    return;
  b.setInsertionPoint(op);
  op = normalize(op);
  auto turned = op.getLhs().getDefiningOp<TransposeOp>();
  bool strided = turned && turned.getPermutation().back() != int64_t(turned.getPermutation().size()) - 1;
  int64_t panel = cpu::panelWidth(elementOf(op.getRhs().getType()), op.nShape()[0].asConstant(), strided, target);
  Value rhs = op.getRhs();
  b.setInsertionPoint(op);
  op.getRhsMutable().assign(packed(rhs, panel));
  op.setPanel(panel);
  eraseUnusedSteps(rhs);
}

void Packer::join(ConcatOp op) {
  Origin origin = originOf(op);
  auto areFixed = [&](const Origin &o) { return o.kind == Origin::Kind::Parameters && !isWritten(o); };
  bool ofParameters = areFixed(origin);
  if (origin.kind == Origin::Kind::Slices)
    ofParameters = llvm::all_of(origin.sources, [&](Value slice) {
      auto loop = cast<ScanOp>(slice.getParentBlock()->getParentOp());
      return areFixed(originOf(loop.getXs()[cast<BlockArgument>(slice).getArgNumber() - 1]));
    });
  if (!ofParameters)
    return;
  b.setInsertionPoint(op);
  op.replaceAllUsesWith(packed(op, 0));
  eraseUnusedSteps(op);
}

/// Entries and initialisers are called by the runtime: they see the slabs, and their arguments can not change.
void mark(ModuleOp module) {
  OpBuilder b(module.getContext());
  for (func::FuncOp f : module.getOps<func::FuncOp>())
    if (f->hasAttr("nn.entry"))
      f->setAttr("nn.called_by_runtime", b.getUnitAttr());
  auto markInitialiser = [&](auto op) {
    if (auto init = op.getInitialiserAttr()) {
      auto f = module.lookupSymbol<func::FuncOp>(init.getValue());
      f->setAttr("nn.called_by_runtime", b.getUnitAttr());
      f->setAttr("nn.model", op.getModelAttr());
    }
  };
  for (StorageOp s : module.getOps<StorageOp>())
    markInitialiser(s);
  for (StateOp s : module.getOps<StateOp>())
    markInitialiser(s);
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
