#include "compiler/Passes.h"
#include "compiler/memory/Places.h"

#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace nn;

namespace nnc {
#define GEN_PASS_DEF_SIGNATURESPASS
#include "compiler/Passes.h.inc"

namespace {
/// A barrier takes about as long as half this many floating-point operations, and a second thread saves half the work.
constexpr int64_t kBarrier = 50'000;

/// What the integers must be, as text.
std::string rangeOf(CheckedOpInterface op) {
  std::optional<Dim> limit = op.getCheckedLimit();
  return limit ? "in 0 .. " + (*limit - Dim(1)).str() : "other than 0";
}

/// Writes the functions that the runtime calls for one entry, initialiser or pack function `f`:
/// 1. `f.measure(dims, threads, bytes, frame, work) -> code`: refuses sizes that are too large together or break a
///    condition (nn.require); sizes of all arguments in bytes; size of the frame for so many threads; floating-point
///    operations, less what barriers cost: a loop of many small steps has work for one thread only.
/// 2. `f.check(dims, arguments, where) -> code`, if it looks at values of inputs: the first that is not what it must
/// be.
/// 3. `f.run(team, tid, dims, arguments, parameters, packed, states, frame)`: takes sizes and addresses out of the
///    arrays and calls `f`.
/// `dims` holds the sizes that are arguments, then three for each graph, then sizes of states. One of these that is
/// just a name says what the name is, if nothing before does; `measure` compares the others. The messages of the codes
/// become `nn.messages` of `f`.
class EntryBuilder {
public:
  EntryBuilder(func::FuncOp function, ArrayRef<Attribute> checks)
      : function(function), b(function.getContext()), loc(function.getLoc()),
        pointer(LLVM::LLVMPointerType::get(function.getContext())) {
    for (Attribute name : function->getAttrOfType<ArrayAttr>("nn.dims"))
      dims.push_back(cast<StringAttr>(name).getValue());
    for (Type t : function.getArgumentTypes())
      if (isa<RefType, nn::GraphType>(t))
        places.push_back(t);
    messages.append(checks.begin(), checks.end());
    findSizes();
  }
  void run() {
    measure();
    check();
    thunk();
    function->setAttr("nn.messages", b.getArrayAttr(messages));
  }

private:
  Value integer(int64_t v) { return arith::ConstantIntOp::create(b, loc, b.getI64Type(), v); }
  Value real(double v) { return arith::ConstantOp::create(b, loc, b.getF64FloatAttr(v)); }
  /// A value as index, for a constant one has 29 bits; smaller ones are folded.
  Value element(Value array, int64_t i, Type type) {
    return LLVM::GEPOp::create(b, loc, pointer, type, array, ArrayRef<LLVM::GEPArg>{integer(i)});
  }
  Value loadElement(Value array, int64_t i, Type type) {
    return LLVM::LoadOp::create(b, loc, type, element(array, i, type));
  }
  func::FuncOp declare(const Twine &suffix, TypeRange arguments, TypeRange results) {
    b.setInsertionPointAfter(function);
    auto f = func::FuncOp::create(b, loc, (function.getName() + suffix).str(), b.getFunctionType(arguments, results));
    f->setAttr("nn.dims", b.getArrayAttr({}));
    b.setInsertionPointToStart(f.addEntryBlock());
    return f;
  }

  void findSizes();
  Value loadSize(Value array, StringRef name) {
    return loadElement(array, llvm::find(positions, name) - positions.begin(), b.getI64Type());
  }
  void compareSizes(Value array);
  void measure();
  void check();
  void thunk();
  Value approximate(const Dim &d);
  Value exact(const Dim &d) { return ExtentOp::create(b, loc, d); }
  void refuse(Value condition, const Twine &message);
  void collect(func::FuncOp f, function_ref<Dim(const Dim &)> mine, const Dim &times);

  func::FuncOp function;
  OpBuilder b;
  Location loc;
  Type pointer;
  SmallVector<StringRef> dims;
  SmallVector<Type> places;
  size_t arguments = 0;             ///< sizes that are arguments
  SmallVector<StringRef> positions; ///< the names of all sizes in the array; "" where another one says what it is
  struct Size {
    Dim value;
    StringRef name;      ///< in messages
    std::string meaning; ///< "`g` has {g.edges} edges"
  };
  SmallVector<Size> compared; ///< those after the arguments
  SmallVector<Value> sizes;   ///< of the free dimensions, in f64
  Value code;
  SmallVector<Attribute> messages;
  SmallVector<Dim> large; ///< sizes in bytes that must stay below the limit
  Dim work = 0, barriers = 0;
};

/// Initialisers and pack functions have no description: all their sizes are arguments.
void EntryBuilder::findSizes() {
  auto about = function->getAttrOfType<DictionaryAttr>("nn.entry");
  if (!about) {
    positions = dims;
    arguments = dims.size();
    return;
  }
  auto list = llvm::to_vector(about.getAs<ArrayAttr>("arguments").getAsRange<DictionaryAttr>());
  for (DictionaryAttr d : list)
    if (d.getAs<StringAttr>("kind") == "dim")
      positions.push_back(d.getAs<StringAttr>("name").getValue());
  arguments = positions.size();
  auto add = [&](const Dim &value, const Twine &name, const Twine &meaning) {
    std::optional<StringRef> symbol = value.asSymbol();
    bool says = symbol && !llvm::is_contained(positions, *symbol);
    StringRef known = says ? *symbol : StringRef(b.getStringAttr(name).getValue());
    positions.push_back(says ? *symbol : StringRef());
    compared.push_back({value, known, says ? "" : (meaning + " {" + known + "}").str()});
  };
  size_t next = 0;
  for (DictionaryAttr d : list)
    if (d.getAs<StringAttr>("kind") != "dim")
      if (auto graph = dyn_cast<nn::GraphType>(places[next++])) {
        std::string name = d.getAs<StringAttr>("name").str();
        add(graph.getSources(), name + ".sources", "the sources of `" + name + "` are");
        add(graph.getTargets(), name + ".targets", "the targets of `" + name + "` are");
        add(graph.getEdges(), name + ".edges", "the edges of `" + name + "` are");
      }
  if (auto states = function->getAttrOfType<DictionaryAttr>("nn.state_dims"))
    for (NamedAttribute a : states)
      add(cast<DimAttr>(a.getValue()).getValue(), "context." + a.getName().getValue(),
          "the context was made for " + a.getName().getValue() + " =");
  SmallVector<Attribute> names;
  for (const Size &size : compared)
    names.push_back(b.getStringAttr(size.name));
  function->setAttr("nn.size_names", b.getArrayAttr(names));
}

/// Refuses sizes of graphs and states that are not what the signature says.
void EntryBuilder::compareSizes(Value array) {
  for (auto [i, size] : llvm::enumerate(compared)) {
    if (size.meaning.empty())
      continue;
    Value given = loadElement(array, arguments + i, b.getI64Type());
    Value x = arith::SIToFPOp::create(b, loc, b.getF64Type(), given), y = approximate(size.value);
    std::string wanted = ", must be " + size.value.str();
    if (!size.value.isConstant()) {
      llvm::SetVector<StringRef> names;
      size.value.forEachSymbol([&](StringRef name) { names.insert(name); });
      wanted += " (" +
                llvm::join(llvm::map_range(names, [](StringRef n) { return (n + " = {" + n + "}").str(); }), ", ") +
                ")";
    }
    refuse(arith::CmpFOp::create(b, loc, arith::CmpFPredicate::UNE, x, y), size.meaning + wanted);
  }
}

/// The value of a size in f64: no overflow, and exact below 2^53.
Value EntryBuilder::approximate(const Dim &d) {
  auto atom = [&](const Dim::Atom &a) -> Value {
    if (a.kind == Dim::AtomKind::Symbol) {
      for (auto [name, size] : llvm::zip(dims, sizes))
        if (name == a.text)
          return size;
      return real(0);
    }
    if (a.kind == Dim::AtomKind::Group)
      return approximate(*a.num);
    Value den = arith::MaximumFOp::create(b, loc, approximate(*a.den), real(1));
    return LLVM::FFloorOp::create(b, loc, arith::DivFOp::create(b, loc, approximate(*a.num), den).getResult());
  };
  Value sum = real(0);
  for (const Dim::Term &t : d.terms()) {
    Value product = real(double(t.num) / double(t.den));
    for (const Dim::Factor &f : t.factors)
      for (int32_t i = 0; i < std::abs(f.power); ++i) {
        Value x = atom(f.atom);
        product =
            f.power > 0
                ? arith::MulFOp::create(b, loc, product, x).getResult()
                : arith::DivFOp::create(b, loc, product, arith::MaximumFOp::create(b, loc, x, real(1))).getResult();
      }
    sum = arith::AddFOp::create(b, loc, sum, product);
  }
  return sum;
}

/// The first condition that holds gives the code.
void EntryBuilder::refuse(Value condition, const Twine &message) {
  messages.push_back(b.getStringAttr(message));
  Type i32 = b.getI32Type();
  Value zero = arith::ConstantIntOp::create(b, loc, i32, 0);
  Value mine = arith::ConstantIntOp::create(b, loc, i32, messages.size());
  Value open = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, code, zero);
  Value both = arith::AndIOp::create(b, loc, open, condition);
  code = arith::SelectOp::create(b, loc, both, mine, code);
}

/// Sizes of all places, the work and the barriers of a function and of those it calls, in the sizes of the entry.
void EntryBuilder::collect(func::FuncOp f, function_ref<Dim(const Dim &)> mine, const Dim &times) {
  f.getBody().walk([&](Operation *op) {
    Dim turns = times;
    for (Operation *up = op->getParentOp(); up != f; up = up->getParentOp())
      if (auto loop = dyn_cast<ScanOp>(up))
        turns = turns * mine(loop.getSteps().getValue());
    if (isa<BarrierOp>(op)) {
      barriers = barriers + turns;
    } else if (auto slot = dyn_cast<SlotOp>(op)) {
      if (Dim bytes = mine(bytesOf(slot.getType())); !bytes.isConstant() && !llvm::is_contained(large, bytes))
        large.push_back(bytes);
    } else if (auto contract = dyn_cast<ContractOp>(op)) {
      work = work + turns * mine(contract.resultShape().count() * contract.kShape().count() * Dim(2));
    } else if (auto n = dyn_cast<NeighbourhoodOp>(op)) {
      Dim pairs = n.isOverGraph() ? cast<nn::GraphType>(n.getGraph()[0].getType()).getEdges()
                                  : n.getTargets().getValue() * n.getSources().getValue();
      Shape each = shapeOf(n.getBody().front().getTerminator()->getOperands().back().getType());
      work = work + turns * mine((n.getTargets().getValue() + pairs) * n.getFree().getValue().count() *
                                 (each.count() + Dim(4)) * Dim(2));
    } else if (auto pairs = dyn_cast<PairsOpInterface>(op)) {
      Dim numbers = 8; // of a pair, beside the products
      for (ValueRange rows : {pairs.getQueries(), pairs.getValues()})
        for (Value v : rows)
          numbers = numbers + shapeOf(v.getType()).dims.back();
      work = work + turns * mine(pairs.pairShape().count() * numbers * Dim(2));
    } else if (auto convolve = dyn_cast<ConvolveOp>(op)) {
      work = work + turns * mine(convolve.resultShape().count() * convolve.depth() * Dim(2));
    } else if (auto weight = dyn_cast<ConvolveWeightOp>(op)) {
      Shape y = shapeOf(weight.getY().getType()), w = weight.resultShape();
      work = work + turns * mine(y.count() * Shape(ArrayRef<Dim>(w.dims).drop_front()).count() * Dim(2));
    } else if (auto kernel = dyn_cast<KernelOpInterface>(op)) {
      for (OpOperand &init : kernel.getInitsMutable())
        work = work + turns * mine(shapeOf(init.get().getType()).count()) * Dim(4);
    } else if (auto call = dyn_cast<CallOp>(op)) {
      auto callee = SymbolTable::lookupNearestSymbolFrom<func::FuncOp>(op, call.getCalleeAttr());
      auto names = callee->getAttrOfType<ArrayAttr>("nn.dims");
      collect(
          callee,
          [&](const Dim &d) {
            return mine(d.substitute([&](StringRef name) -> std::optional<Dim> {
              for (auto [n, value] : llvm::zip(names, call.getDims().getValue()))
                if (cast<StringAttr>(n).getValue() == name)
                  return value;
              return std::nullopt;
            }));
          },
          turns);
    }
  });
}

void EntryBuilder::measure() {
  Type i64 = b.getI64Type(), i32 = b.getI32Type();
  // The body has the sizes as arguments, as every function that the lowering knows: (.., threads, sizes.., results).
  SmallVector<Type> types{pointer, i32};
  types.append(dims.size(), i64);
  types.append(3, pointer);
  func::FuncOp body = declare(".measure.body", types, i32);
  body.setPrivate();
  body->setAttr("nn.dims", function->getAttr("nn.dims"));
  code = arith::ConstantIntOp::create(b, loc, i32, 0);
  for (size_t i = 0; i < dims.size(); ++i) {
    sizes.push_back(arith::SIToFPOp::create(b, loc, b.getF64Type(), body.getArgument(2 + i)));
  }
  compareSizes(body.getArgument(0)); // where a team would be
  SmallVector<RequireOp> conditions;
  function.walk([&](RequireOp r) { conditions.push_back(r); });
  for (RequireOp r : conditions) {
    Value x = approximate(r.getA().getValue()), y = approximate(r.getB().getValue()), broken;
    if (r.getKind() == "equal")
      broken = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::UNE, x, y);
    else if (r.getKind() == "at_least")
      broken = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::ULT, x, y);
    else { // "divides": the quotient is whole
      Value q = arith::DivFOp::create(b, loc, x, y);
      Value whole = LLVM::FFloorOp::create(b, loc, q);
      broken = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::UNE, q, whole);
    }
    refuse(broken, r.getText());
    r.erase();
  }
  for (Type t : places)
    if (Dim bytes = isa<RefType>(t) ? bytesOf(t) : Dim(0); !bytes.isConstant() && !llvm::is_contained(large, bytes))
      large.push_back(bytes);
  collect(function, [](const Dim &d) { return d; }, 1);
  Value limit = real(double(Dim::kLimit)), tooLarge;
  for (const Dim &d : large) {
    Value one = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::UGE, approximate(d), limit);
    tooLarge = tooLarge ? arith::OrIOp::create(b, loc, tooLarge, one).getResult() : one;
  }
  if (tooLarge)
    refuse(tooLarge, "the sizes are too large together: a tensor would have 2^47 bytes or more");

  Value bytes = body.getArgument(2 + dims.size()), frame = body.getArgument(3 + dims.size()),
        flop = body.getArgument(4 + dims.size());
  for (size_t i = 0; i < arguments; ++i)
    LLVM::StoreOp::create(b, loc, integer(0), element(bytes, i, i64));
  for (auto [i, t] : llvm::enumerate(places))
    LLVM::StoreOp::create(b, loc, isa<RefType>(t) ? exact(bytesOf(t)) : integer(0), element(bytes, arguments + i, i64));
  SmallVector<Value> own(ArrayRef<Value>(SmallVector<Value>(body.getArguments())).take_front(2 + dims.size()));
  auto size = func::CallOp::create(b, loc, (function.getName() + ".frame").str(), i64, own);
  LLVM::StoreOp::create(b, loc, size.getResult(0), frame);
  Value cost = arith::MulFOp::create(b, loc, approximate(barriers), real(kBarrier));
  Value shared = arith::SubFOp::create(b, loc, approximate(work), cost);
  Value effort = arith::MaximumFOp::create(b, loc, real(0), arith::MinimumFOp::create(b, loc, shared, real(1e18)));
  LLVM::StoreOp::create(b, loc, arith::FPToSIOp::create(b, loc, i64, effort).getResult(), flop);
  func::ReturnOp::create(b, loc, code);

  func::FuncOp outer = declare(".measure", {pointer, i32, pointer, pointer, pointer}, i32);
  SmallVector<Value> values{outer.getArgument(0), outer.getArgument(1)};
  for (StringRef name : dims)
    values.push_back(loadSize(outer.getArgument(0), name));
  for (unsigned i = 2; i < 5; ++i)
    values.push_back(outer.getArgument(i));
  auto call = func::CallOp::create(b, loc, body, values);
  func::ReturnOp::create(b, loc, call.getResults());
}

void EntryBuilder::check() {
  SmallVector<CheckedOpInterface> checks;
  function.walk([&](CheckedOpInterface op) {
    if (isCheckedBefore(op))
      checks.push_back(op);
  });
  if (checks.empty())
    return;
  Type i64 = b.getI64Type(), i32 = b.getI32Type();
  SmallVector<Type> types{pointer, i32};
  types.append(dims.size(), i64);
  types.append(places.size() + 1, pointer);
  func::FuncOp body = declare(".check.body", types, i32);
  body.setPrivate();
  body->setAttr("nn.dims", function->getAttr("nn.dims"));
  Value where = body.getArguments().back(), found = arith::ConstantIntOp::create(b, loc, i32, 0);
  for (CheckedOpInterface op : checks) {
    BlockArgument arg = argumentOf(op.getChecked());
    Value base = body.getArgument(arg.getArgNumber());
    Type type = elementOf(arg.getType());
    if (auto name = describe(arg).getAs<StringAttr>("name"))
      messages[op.getCode() - 1] =
          b.getStringAttr("`" + name.getValue() +
                          (shapeOf(arg.getType()).rank() ? "` holds {value} at position {position}" : "` is {value}") +
                          ", must be " + rangeOf(op));
    Value limit = op.getCheckedLimit() ? exact(*op.getCheckedLimit()) : integer(0);
    Value mine = arith::ConstantIntOp::create(b, loc, i32, int64_t(op.getCode()));
    Value absent = LLVM::ICmpOp::create(b, loc, LLVM::ICmpPredicate::eq, base, LLVM::ZeroOp::create(b, loc, pointer));
    Value count = arith::SelectOp::create(b, loc, absent, integer(0), exact(shapeOf(arg.getType()).count()));
    auto each = scf::ForOp::create(b, loc, integer(0), count, integer(1), found);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(each.getBody());
    Value i = each.getInductionVar(), before = each.getRegionIterArg(0);
    Value at = LLVM::GEPOp::create(b, loc, pointer, type, base, ArrayRef<LLVM::GEPArg>{i});
    Value v = LLVM::LoadOp::create(b, loc, type, at);
    if (type != i64)
      v = arith::ExtSIOp::create(b, loc, i64, v);
    auto wrong = op.getCheckedLimit() ? arith::CmpIPredicate::uge : arith::CmpIPredicate::eq; // a negative one is huge
    Value bad = arith::CmpIOp::create(b, loc, wrong, v, limit);
    Value none =
        arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, before, arith::ConstantIntOp::create(b, loc, i32, 0));
    Value first = arith::AndIOp::create(b, loc, bad, none);
    auto note = scf::IfOp::create(b, loc, first, /*withElseRegion=*/false);
    scf::YieldOp::create(b, loc, arith::SelectOp::create(b, loc, first, mine, before).getResult());
    b.setInsertionPointToStart(note.thenBlock());
    LLVM::StoreOp::create(b, loc, i, element(where, 0, i64));
    LLVM::StoreOp::create(b, loc, v, element(where, 1, i64));
    found = each.getResult(0);
  }
  func::ReturnOp::create(b, loc, found);

  func::FuncOp outer = declare(".check", {pointer, pointer, pointer}, i32);
  SmallVector<Value> values{LLVM::ZeroOp::create(b, loc, pointer), arith::ConstantIntOp::create(b, loc, i32, 0)};
  for (StringRef name : dims)
    values.push_back(loadSize(outer.getArgument(0), name));
  for (size_t i = 0; i < places.size(); ++i)
    values.push_back(loadElement(outer.getArgument(1), arguments + i, pointer));
  values.push_back(outer.getArgument(2));
  func::ReturnOp::create(b, loc, func::CallOp::create(b, loc, body, values).getResults());
  function->setAttr("nn.has_check", b.getUnitAttr());
}

void EntryBuilder::thunk() {
  func::FuncOp run =
      declare(".run", {pointer, b.getI32Type(), pointer, pointer, pointer, pointer, pointer, pointer}, {});
  SmallVector<Value> values{run.getArgument(0), run.getArgument(1)};
  for (StringRef name : dims)
    values.push_back(loadSize(run.getArgument(2), name));
  if (auto offset = function->getAttrOfType<IntegerAttr>("nn.packed_offset"))
    values.push_back(element(run.getArgument(5), offset.getInt(), b.getI8Type()));
  else
    for (size_t i = 0; i < places.size(); ++i)
      values.push_back(loadElement(run.getArgument(3), arguments + i, pointer));
  for (unsigned i = 4; i < 8; ++i)
    values.push_back(run.getArgument(i));
  CallOp::create(b, loc, TypeRange(), FlatSymbolRefAttr::get(function), values,
                 ShapeAttr::get(b.getContext(), Shape()));
  func::ReturnOp::create(b, loc);
}

/// Checks get a code each, the same for all entries that reach them; returns their messages.
SmallVector<Attribute> numberChecks(ModuleOp module) {
  OpBuilder b(module.getContext());
  SmallVector<Attribute> messages;
  module.walk([&](CheckedOpInterface op) {
    std::string text = op.getCheckedName().str();
    if (auto place = op->getLoc()->findInstanceOf<FileLineColRange>())
      text += " computed at " + place.getFilename().str() + ":" + std::to_string(place.getStartLine()) + ":" +
              std::to_string(place.getStartColumn());
    messages.push_back(b.getStringAttr(text + " is not " + rangeOf(op) + ", position {position}"));
    op.setCode(messages.size());
  });
  return messages;
}

struct Signatures : impl::SignaturesPassBase<Signatures> {
  void runOnOperation() override {
    SmallVector<Attribute> checks = numberChecks(getOperation());
    SmallVector<func::FuncOp> functions(getOperation().getOps<func::FuncOp>());
    for (func::FuncOp f : functions)
      if (f->hasAttr("nn.called_by_runtime"))
        EntryBuilder(f, checks).run();
  }
};
} // namespace
} // namespace nnc
