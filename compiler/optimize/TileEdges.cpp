#include "compiler/Passes.h"
#include "compiler/optimize/Cluster.h"
#include "compiler/optimize/Prepare.h"

#include "mlir/IR/IRMapping.h"
#include "mlir/IR/SymbolTable.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace nn;

namespace nnc {
#define GEN_PASS_DEF_TILEEDGESPASS
#include "compiler/Passes.h.inc"

namespace {
/// What reports the number of an edge has to see all edges; so has what is not known here.
bool allowsTiles(NeighbourhoodOp op) {
  Residency residency(op);
  return llvm::all_of(bodiesOf(op), [&](Block *block) {
    return llvm::all_of(block->without_terminator(), [&](Operation &inner) {
      if (auto at = dyn_cast<AtOp>(inner))
        return llvm::all_of(at.getIndices(),
                            [&](Value v) { return residency.indexOf(v) || v.getDefiningOp<ConstantOp>(); });
      return !isa<CheckOp, NeighbourhoodOp, GatherOp>(inner) && !(isa<SliceOp>(inner) && inner.getNumOperands() > 1);
    });
  });
}

/// The value of the neighbourhood's body at every edge, read back.
NeighbourhoodOp computeBefore(NeighbourhoodOp op, unsigned yielded) {
  OpBuilder b(op);
  IRMapping map;
  NeighbourhoodOp each = op.cloneAs(b, "each", map);
  Block &body = each.getBody().front(), &old = op.getBody().front();
  Value v = body.getTerminator()->getOperand(yielded);
  body.getTerminator()->setOperands(v);
  eraseDead(body);
  each.dropCaptures();
  Shape shape = each.leadingShape();
  llvm::append_range(shape.dims, shapeOf(v.getType()));
  Type all = tensorType(shape, elementOf(v.getType()));
  each->getResult(0).setType(all);
  op.getCapturesMutable().append(each->getResult(0));
  for (Block *block : bodiesOf(op))
    block->addArgument(all, op.getLoc());
  SmallVector<Value> indices;
  for (unsigned i = 0; i < op.indexCount(); ++i)
    if (i < op.getFree().getValue().rank() || i + 1 == op.indexCount())
      indices.push_back(old.getArgument(i));
  OpBuilder inside(old.getTerminator());
  Value read = AtOp::create(inside, op.getLoc(), v.getType(), old.getArguments().back(), indices,
                            llvm::to_vector(llvm::seq<int64_t>(0, indices.size())));
  old.getTerminator()->setOperand(yielded, read);
  eraseDead(old);
  return each;
}

/// A function that does the work of some neighbourhoods over one graph for a tile of its edges, and the call of it.
class TileFunction {
public:
  TileFunction(MutableArrayRef<NeighbourhoodOp> members, func::FuncOp caller, SymbolTable &symbols)
      : members(members.begin(), members.end()), caller(caller), symbols(symbols), b(caller.getContext()),
        loc(members.front().getLoc()), viewed(members.front().getGraph()[0]),
        byTarget(members.front().getCombine() != "each") {}

  void make() {
    for (NeighbourhoodOp op : members)
      arguments.insert_range(op.getCaptures());
    begin();
    SmallVector<Value> results;
    SmallVector<int64_t> tiled;
    for (NeighbourhoodOp op : members) {
      results.push_back(copy(op));
      tiled.push_back(byTarget ? -1 : int64_t(op.getFree().getValue().rank()));
    }
    func::ReturnOp::create(b, loc, results);
    function.setFunctionType(
        b.getFunctionType(function.getBody().front().getArgumentTypes(), ValueRange(results).getTypes()));
    call(tiled);
  }

private:
  /// The function, the graph as its callers see it, and the tile.
  void begin() {
    SmallVector<Operation *> views;
    base = viewed;
    for (Operation *view = base.getDefiningOp(); view; view = base.getDefiningOp()) {
      views.push_back(view);
      base = view->getOperand(0);
    }
    SmallVector<Attribute> names;
    if (auto own = caller->getAttrOfType<ArrayAttr>("nn.dims"))
      llvm::append_range(names, own);
    for (const char *name : {CallOp::tileEdges, CallOp::tileFirst, CallOp::tileFrom, CallOp::tileTo})
      names.push_back(b.getStringAttr(name));
    SmallVector<Type> types{base.getType()};
    for (Value v : arguments)
      types.push_back(v.getType());
    b.setInsertionPointAfter(caller);
    function = func::FuncOp::create(b, loc, (caller.getName() + ".edges").str(), b.getFunctionType(types, {}));
    function.setPrivate();
    symbols.insert(function); // gives it a name of its own
    function->setAttr("nn.dims", b.getArrayAttr(names));
    function->setAttr("nn.one_thread", b.getUnitAttr());
    Block *body = function.addEntryBlock();
    b.setInsertionPointToStart(body);
    IRMapping map;
    map.map(base, body->getArgument(0));
    for (Operation *view : llvm::reverse(views))
      b.clone(*view, map);
    auto graph = cast<nn::GraphType>(viewed.getType());
    auto size = [&](const char *name) { return DimAttr::get(b.getContext(), Dim::symbol(name)); };
    tile = TileOp::create(b, loc, nn::GraphType::get(b.getContext(), graph.getSources(), graph.getTargets(), edges()),
                          map.lookup(viewed), size(CallOp::tileFirst), size(CallOp::tileFrom), size(CallOp::tileTo),
                          byTarget);
  }

  static Dim edges() { return Dim::symbol(CallOp::tileEdges); }

  /// The numbers that the edges of the tile have in the graph.
  Value numbers() {
    if (!numbersOfEdges)
      numbersOfEdges = EndpointsOp::create(b, loc, tile).getNumber();
    return numbersOfEdges;
  }

  /// Of a tensor with an axis of all edges, what belongs to the tile.
  Value part(Value whole, int64_t axis) {
    Value &known = parts[{whole, axis}];
    if (known)
      return known;
    if (byTarget)
      return known = GatherOp::create(b, loc, whole, numbers(), axis)->getResult(0);
    Shape sizes = shapeOf(whole.getType()), offsets;
    offsets.dims.assign(sizes.rank(), Dim(0));
    offsets[axis] = Dim::symbol(CallOp::tileFirst);
    sizes[axis] = edges();
    return known = SliceOp::create(b, loc, whole, offsets, sizes);
  }

  /// The argument of `block` for one more captured value.
  static Value capture(NeighbourhoodOp op, Value v, Block &block) {
    unsigned number = llvm::find(op.getCaptures(), v) - op.getCaptures().begin();
    if (number == op.getCaptures().size()) {
      op.getCapturesMutable().append(v);
      for (Block *each : bodiesOf(op))
        each->addArgument(v.getType(), v.getLoc());
    }
    return block.getArgument(op.indexCount() + number);
  }

  /// The neighbourhood over the tile: what it reads by the number of an edge is a part, everything else is whole.
  Value copy(NeighbourhoodOp op) {
    IRMapping map;
    map.map(arguments.getArrayRef(), function.getArguments().drop_front());
    auto own = cast<NeighbourhoodOp>(b.clone(*op, map));
    own.getGraphMutable().assign(tile);
    b.setInsertionPoint(own);
    Residency residency(own);
    for (Block *block : bodiesOf(own)) {
      Value edge = block->getArgument(own.indexCount() - 1), number;
      for (OpOperand &use : llvm::make_early_inc_range(edge.getUses())) {
        auto at = dyn_cast<AtOp>(use.getOwner());
        std::optional<unsigned> from = at ? residency.captureOf(at.getX()) : std::nullopt;
        if (from) {
          int64_t axis = at.getAxes()[use.getOperandNumber() - 1];
          at.getXMutable().assign(capture(own, part(own.getCaptures()[*from], axis), *block));
          continue;
        }
        if (!number) {
          Value all = capture(own, numbers(), *block);
          OpBuilder inside = OpBuilder::atBlockBegin(block);
          number = AtOp::create(inside, loc, edge.getType(), all, edge, ArrayRef<int64_t>(0));
        }
        use.set(number);
      }
    }
    b.setInsertionPointAfter(own);
    Shape shape = own.leadingShape();
    llvm::append_range(shape.dims, shapeOf(own.getBody().front().getTerminator()->getOperand(0).getType()));
    own->getResult(0).setType(tensorType(shape, elementOf(own->getResult(0).getType())));
    return own->getResult(0);
  }

  void call(ArrayRef<int64_t> tiled) {
    b.setInsertionPoint(members.back());
    Shape sizes;
    if (auto names = caller->getAttrOfType<ArrayAttr>("nn.dims"))
      for (auto name : names.getAsRange<StringAttr>())
        sizes.dims.push_back(Dim::symbol(name.getValue()));
    auto graph = cast<nn::GraphType>(viewed.getType());
    llvm::append_range(sizes.dims, std::array<Dim, 4>{graph.getEdges(), 0, 0, graph.getTargets()});
    SmallVector<Value> operands{viewed};
    llvm::append_range(operands, arguments);
    SmallVector<Type> types;
    for (NeighbourhoodOp op : members)
      types.push_back(op->getResult(0).getType());
    auto call = CallOp::create(b, loc, types, FlatSymbolRefAttr::get(function), operands,
                               ShapeAttr::get(b.getContext(), sizes));
    call.setTiled(tiled);
    for (auto [op, result] : llvm::zip(members, call.getResults())) {
      op->getResult(0).replaceAllUsesWith(result);
      op.erase();
    }
  }

  SmallVector<NeighbourhoodOp> members;
  func::FuncOp caller, function;
  SymbolTable &symbols;
  OpBuilder b;
  Location loc;
  Value viewed, base, tile, numbersOfEdges;
  bool byTarget;
  llvm::SetVector<Value> arguments;
  DenseMap<std::pair<Value, int64_t>, Value> parts;
};

/// Whether a neighbourhood can be computed together with others before it, at its own place.
bool fits(NeighbourhoodOp op, ArrayRef<NeighbourhoodOp> group) {
  return llvm::all_of(group, [&](NeighbourhoodOp other) {
    return other.getGraph() == op.getGraph() && other->getBlock() == op->getBlock() &&
           (other.getCombine() == "each") == (op.getCombine() == "each") &&
           llvm::all_of(other->getUsers(), [&](Operation *user) {
             Operation *at = op->getBlock()->findAncestorOpInBlock(*user);
             return at && op->isBeforeInBlock(at);
           });
  });
}

/// Neighbourhoods over graphs whose bodies hold more than work for one pair (an edge network: products, joins), so that
/// memory does not grow with the edges.
/// 1. What nodes decide is at the nodes (pass `move-to-nodes`).
/// 2. Where the sources of a target compete (attend), scores and values become neighbourhoods `each` of their own.
/// 3. What is left goes into a function over a tile of the edges. Neighbourhoods over one graph go together: what they
///    share is computed once. Edge values are slices, or rows gathered in the order of the targets.
/// 4. It is called for each tile, by one thread each. Sums and the like take tiles in the order of the targets; `each`
///    takes them in the caller's order.
/// Inside, the pass `prepare-neighbourhoods` does for the edges of a tile what it would do for all.
struct TileEdges : impl::TileEdgesPassBase<TileEdges> {
  void runOnOperation() override {
    SymbolTable symbols(getOperation());
    SmallVector<func::FuncOp> functions(getOperation().getOps<func::FuncOp>());
    for (func::FuncOp function : functions) {
      SmallVector<SmallVector<NeighbourhoodOp>> groups;
      auto add = [&](NeighbourhoodOp op) {
        if (groups.empty() || !fits(op, groups.back()))
          groups.emplace_back();
        groups.back().push_back(op);
      };
      for (NeighbourhoodOp op : neighbourhoodsOf(function)) {
        if (!needsEdges(op) || !allowsTiles(op))
          continue;
        if (op.getCombine() != "attend") {
          add(op);
          continue;
        }
        for (unsigned i : {0, 1}) {
          Residency residency(op);
          if (needsEdges(op.getBody().front().getTerminator()->getOperand(i), residency))
            add(computeBefore(op, i));
        }
      }
      for (SmallVector<NeighbourhoodOp> &group : groups)
        TileFunction(group, function, symbols).make();
    }
  }
};
} // namespace
} // namespace nnc
