// Neighbourhoods: `sum (n, e: u -> v) in D where P { .. }`, `each`, `attend`.
#include "compiler/frontend/ElaborateNeighbourhood.h"

#include "llvm/ADT/SetVector.h"

using namespace nnc::frontend;
using llvm::cast;
using llvm::dyn_cast;
using llvm::StringRef;

// ---- domains
// ---------------------------------------------------------------------------------------------------------

/// A graph, or `all(N)`, `all(N, M)`, `causal(N)`.
bool Elaborator::readDomain(const Expr &expr, Domain &domain) {
  auto *call = dyn_cast<Call>(&expr);
  auto *callee = call ? dyn_cast<NameUse>(call->callee) : nullptr;
  StringRef name = callee && callee->target.sort == Target::Operation ? callee->name : "";
  if (name == "all" || name == "causal") {
    domain.causal = name == "causal";
    std::vector<nn::Dim> sizes;
    for (const Actual &actual : call->arguments) {
      std::optional<nn::Dim> size = actual.value ? evaluateSize(*actual.value) : std::nullopt;
      if (!size)
        return false;
      sizes.push_back(*size);
    }
    if (sizes.empty() || sizes.size() > (domain.causal ? 1 : 2)) {
      fail(Code::NN0413, expr.range, domain.causal ? "`causal` takes one size" : "`all` takes one size or two");
      return false;
    }
    domain.targets = sizes.front();
    domain.sources = sizes.back();
    return true;
  }
  Value v = evaluateOne(expr);
  if (v.kind != Value::Graph) {
    if (!v.isPoison())
      fail(Code::NN0607, expr.range, "a neighbourhood is over a graph, `all(N)`, `all(N, M)` or `causal(N)`",
           v.isTensor() ? std::vector<std::string>{"given " + nn::describe(v.type())} : std::vector<std::string>());
    return false;
  }
  auto type = cast<nn::GraphType>(v.tensor.getType());
  domain.graph = v.tensor;
  domain.targets = type.getTargets();
  domain.sources = type.getSources();
  domain.edges = type.getEdges();
  return true;
}

/// `add_self_loops(g)` and `reverse(g)`.
Value Elaborator::callGraphOperation(StringRef name, std::vector<Given> &given, Range range) {
  auto of = match(given, {{"g"}}, range, name);
  if (!of)
    return {};
  const Value &g = (*of)[0]->value;
  if (g.kind != Value::Graph)
    return fail(Code::NN0415, range, "`" + name.str() + "` takes a graph");
  auto type = cast<nn::GraphType>(g.tensor.getType());
  if (name == "reverse")
    return Value::ofTensor(emit<nn::ReverseOp>(
        range, nn::GraphType::get(&context, type.getTargets(), type.getSources(), type.getEdges()), g.tensor));
  if (type.getSources() != type.getTargets())
    return fail(Code::NN0607, range, "only a graph from nodes to the same nodes has loops",
                {"given " + nn::describe(type)});
  return Value::ofTensor(emit<nn::AddSelfLoopsOp>(
      range, nn::GraphType::get(&context, type.getSources(), type.getTargets(), type.getEdges() + type.getSources()),
      g.tensor));
}

// ---- bodies
// ----------------------------------------------------------------------------------------------------------

/// A plain index reads an axis: of the domain's size, or (a free one) it says what its size is.
bool Elaborator::useIndex(Body &body, mlir::Value index, const nn::Dim &size, Range range) {
  for (Body *b = &body; b; b = b->outer) {
    auto at = b->indices.find(index);
    if (at == b->indices.end())
      continue;
    Body::Head &head = b->heads[at->second];
    if (!head.size) {
      head.size = size;
      return true;
    }
    if (*head.size == size)
      return true;
    std::string name = head.index->name.text.str();
    bool free = head.index->role == HeadIndex::Free;
    fail(Code::NN0608, range, "`" + name + "` indexes an axis of size " + size.str(),
         {free ? "elsewhere it indexes an axis of size " + head.size->str()
               : "in this domain it runs over " + head.size->str()});
    return false;
  }
  return true; // computed: checked when the program runs
}

/// Inside a body, integer indices read single places: one nn.at.
std::optional<Value> Elaborator::indexInNeighbourhood(const Value &x, const Index &index) {
  if (!body)
    return std::nullopt;
  nn::Shape shape = x.shape(), kept;
  llvm::SmallVector<mlir::Value> indices;
  llvm::SmallVector<int64_t> axes;
  bool runtime = false;
  std::vector<Value> values;
  for (const Item &item : index.items) { // ranges and constants go the usual way
    if (item.sort == Item::Ellipsis || (item.sort == Item::Slice && !item.value && !item.end)) {
      values.push_back({});
      continue;
    }
    if (item.sort != Item::Single)
      return std::nullopt;
    values.push_back(evaluateOne(*item.value));
    const Value &v = values.back();
    if (v.isPoison())
      return Value();
    bool scalar = v.isTensor() && v.shape().rank() == 0 && v.element().isInteger() && !v.element().isInteger(1);
    if (!scalar && !(v.kind == Value::Size && v.integer().value_or(0) >= 0))
      return std::nullopt;
    runtime |= scalar;
  }
  size_t named = llvm::count_if(index.items, [](const Item &i) { return i.sort != Item::Ellipsis; });
  if (!runtime || named > shape.rank())
    return std::nullopt;
  size_t axis = 0;
  for (auto [item, v] : llvm::zip(index.items, values)) {
    if (item.sort == Item::Ellipsis) {
      axis += shape.rank() - named;
      continue;
    }
    if (item.sort == Item::Single) {
      if (v.isTensor() ? !useIndex(*body, v.tensor, shape[axis], item.range)
                       : !checkRange(v.size, 1, shape[axis], item.range))
        return Value();
      mlir::Value i =
          convert(v, v.isTensor() && !v.untyped ? v.element() : mlir::Type(top.getI64Type()), nullptr, item.range);
      if (!i)
        return Value();
      indices.push_back(castTo(i, top.getI64Type(), item.range));
      axes.push_back(axis);
    }
    ++axis;
  }
  for (size_t i = 0; i < shape.rank(); ++i)
    if (!llvm::is_contained(axes, int64_t(i)))
      kept.dims.push_back(shape[i]);
  if (std::optional<Value> literal = literalOf(x)) { // all elements are the same: no reading
    if (literal->kind == Value::Boolean && kept.rank() == 0)
      return literal;
    return Value::ofTensor(convert(*literal, x.element(), &kept, index.range));
  }
  return Value::ofTensor(emit<nn::AtOp>(index.range, nn::tensorType(kept, x.element()), x.tensor, indices,
                                        builder().getDenseI64ArrayAttr(axes)),
                         x.untyped);
}

/// Values from outside become operands and arguments of both regions; constants are made again inside.
static llvm::SmallVector<mlir::Value> capture(llvm::ArrayRef<mlir::Region *> regions) {
  llvm::SetVector<mlir::Value> outside;
  for (mlir::Region *region : regions)
    region->walk([&](mlir::Operation *op) {
      for (mlir::OpOperand &operand : op->getOpOperands()) {
        mlir::Value v = operand.get();
        if (encloses(*region, v.getParentRegion()))
          continue;
        mlir::Operation *maker = v.getDefiningOp();
        if (maker && llvm::isa<nn::ConstantOp, nn::SizeOp>(maker)) {
          mlir::OpBuilder b(op);
          operand.set(b.clone(*maker)->getResult(0));
        } else {
          outside.insert(v);
        }
      }
    });
  for (mlir::Region *region : regions)
    for (mlir::Value v : outside) {
      mlir::Value argument = region->front().addArgument(v.getType(), v.getLoc());
      v.replaceUsesWithIf(argument,
                          [&](mlir::OpOperand &use) { return encloses(*region, use.getOwner()->getParentRegion()); });
    }
  return outside.takeVector();
}

Value Elaborator::evaluateNeighbourhood(const Neighbourhood &n) {
  Domain domain;
  if (!readDomain(*n.domain, domain))
    return {};
  if (n.edge && !domain.graph)
    return fail(Code::NN0607, n.edge->range, "only the edges of a graph have a name");
  Body b;
  b.outer = body;
  b.heads.reserve(n.free.size() + 3);
  for (const HeadIndex *index : n.free)
    b.heads.push_back({index, std::nullopt});
  b.heads.push_back({n.target, domain.targets});
  b.heads.push_back({n.source, domain.sources});
  if (n.edge)
    b.heads.push_back({n.edge, domain.edges});

  unsigned errors = diagnostics.errorCount();
  std::map<Place, mlir::Value> before;
  for (auto &[at, cell] : routine->cells)
    before[at] = cell.current;
  mlir::Region where, main;
  llvm::SmallVector<mlir::Value> yields;
  {
    mlir::OpBuilder::InsertionGuard guard(builder());
    Scoped<Body *> inside(body, &b);
    Scoped<std::optional<TypedPlace>> none(place, std::nullopt);
    if (n.where || domain.causal) {
      enterRegion(where, b, domain, n);
      Value predicate;
      if (domain.causal)
        predicate = arithmetic("le", {frame->values[n.source], frame->values[n.target]}, n.domain->range);
      if (n.where) {
        Value p = evaluateOne(*n.where);
        if (!p.isPoison() && p.kind != Value::Boolean &&
            !(p.isTensor() && p.element().isInteger(1) && p.shape().rank() == 0))
          p = fail(Code::NN0609, n.where->range, "`where` takes a bool for each pair",
                   p.isTensor() ? std::vector<std::string>{"given " + nn::describe(p.type())}
                                : std::vector<std::string>());
        predicate = domain.causal && !p.isPoison()
                        ? evaluateOperator(Operator::And, predicate, p, n.where->range, n.domain->range, n.where->range)
                        : p;
      }
      mlir::Value v = tensorOf(predicate, n.range);
      if (!v)
        return {};
      nn::YieldOp::create(builder(), locate(n.range), v);
      if (predicate.kind == Value::Boolean && predicate.flag) { // refuses nothing
        where.getBlocks().clear();
        b.indices.clear();
      }
    }
    enterRegion(main, b, domain, n);
    if (n.sort == Neighbourhood::Attend) {
      evaluateBlock(*n.body);
      Value score = evaluateOne(*n.score), value = evaluateOne(*n.value);
      mlir::Value s = tensorOf(score, n.score->range, nn::Elements::Float),
                  v = tensorOf(value, n.value->range, nn::Elements::Float);
      if (!s || !v)
        return {};
      if (!llvm::isa<mlir::FloatType>(nn::elementOf(s.getType())) || nn::shapeOf(s.getType()).rank() != 0)
        return fail(Code::NN0609, n.score->range, "a score is one float", {"given " + nn::describe(s.getType())});
      if (!llvm::isa<mlir::FloatType>(nn::elementOf(v.getType())))
        return fail(Code::NN0609, n.value->range, "a value is of floats", {"given " + nn::describe(v.getType())});
      yields = {s, v};
    } else {
      Range range = resultRange(*n.body);
      Value value = first(evaluateBlock(*n.body), range);
      mlir::Value v = tensorOf(value, range);
      if (!v)
        return {};
      mlir::Type element = nn::elementOf(v.getType());
      if (n.sort == Neighbourhood::Sum && llvm::isa<mlir::IntegerType>(element))
        v = castTo(v, top.getI64Type(), range);
      else if (n.sort == Neighbourhood::Mean && llvm::isa<mlir::IntegerType>(element))
        v = castTo(v, floatType(), range);
      else if (n.sort != Neighbourhood::Each && element.isInteger(1))
        return fail(Code::NN0412, range, "`" + spelling(n.sort).str() + "` over bools", {}, "convert first: `i64(b)`");
      yields = {v};
    }
    nn::YieldOp::create(builder(), locate(n.range), yields);
  }
  for (auto &[at, cell] : routine->cells)
    if (cell.current != (before.count(at) ? before[at] : cell.input)) {
      cell.current = before.count(at) ? before[at] : cell.input;
      fail(Code::NN0602, n.range,
           "a layer in the body of a neighbourhood updates `" + at.variable->name.text.str() + "`");
    }
  nn::Shape free;
  for (const Body::Head &head : b.heads)
    if (head.index->role == HeadIndex::Free) {
      if (!head.size)
        return fail(Code::NN0608, head.index->range,
                    "`" + head.index->name.text.str() + "` indexes no axis by itself, so its size is unknown");
      free.dims.push_back(*head.size);
    }
  if (diagnostics.errorCount() != errors)
    return {};
  llvm::SmallVector<mlir::Region *> regions;
  if (!where.empty())
    regions.push_back(&where);
  regions.push_back(&main);
  llvm::SmallVector<mlir::Value> captures = capture(regions);
  mlir::Value last = main.front().getTerminator()->getOperands().back();
  nn::Shape shape = free;
  bool each = n.sort == Neighbourhood::Each;
  shape.dims.push_back(each && domain.graph ? domain.edges : domain.targets);
  if (each && !domain.graph)
    shape.dims.push_back(domain.sources);
  llvm::append_range(shape.dims, nn::shapeOf(last.getType()));
  if (!checkShape(shape, n.range))
    return {};
  llvm::SmallVector<mlir::Value> graphs;
  if (domain.graph)
    graphs.push_back(domain.graph);
  auto op = nn::NeighbourhoodOp::create(
      builder(), locate(n.range), nn::tensorType(shape, nn::elementOf(last.getType())), graphs, captures,
      mlir::ValueRange(), top.getStringAttr(spelling(n.sort)), nn::ShapeAttr::get(&context, free),
      nn::DimAttr::get(&context, domain.targets), nn::DimAttr::get(&context, domain.sources));
  op.getWhere().takeBody(where);
  op.getBody().takeBody(main);
  return Value::ofTensor(op.getResult(0));
}

/// A region with the indices as arguments; their names mean these in what follows.
void Elaborator::enterRegion(mlir::Region &region, Body &b, const Domain &domain, const Neighbourhood &n) {
  mlir::Block *block = new mlir::Block();
  region.push_back(block);
  builder().setInsertionPointToEnd(block);
  mlir::Type scalar = nn::tensorType({}, top.getI64Type());
  for (auto [i, head] : llvm::enumerate(b.heads)) {
    mlir::Value index = block->addArgument(scalar, locate(head.index->range));
    frame->values[head.index] = Value::ofTensor(index, /*untyped=*/true);
    b.indices[index] = i;
  }
  if (domain.graph && !n.edge)
    block->addArgument(scalar, locate(n.range));
}
