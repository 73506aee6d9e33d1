#include "compiler/lower/Lowering.h"

#include "mlir/IR/IRMapping.h"

using namespace mlir;
using namespace nn;
using namespace nnc;

Lowering::Lowering(func::FuncOp function, const cpu::Cpu &target)
    : b(function.getContext()), loc(function.getLoc()), target(target), function(function) {
  b.setInsertionPointToStart(&function.getBody().front());
}

/// Builds a value at the beginning of the function, after those built there before.
Value Lowering::atEntry(function_ref<Value()> make) {
  OpBuilder::InsertionGuard guard(b);
  if (lastAtEntry)
    b.setInsertionPointAfter(lastAtEntry);
  else
    b.setInsertionPointToStart(&function.getBody().front());
  Value v = make();
  if (Operation *op = v.getDefiningOp(); op && op->getBlock() == &function.getBody().front())
    lastAtEntry = op;
  return v;
}

void Lowering::dropOperandsOfFinished() {
  for (Operation *op : finished)
    op->setOperands(ValueRange());
}

void Lowering::eraseFinished() {
  for (Operation *op : llvm::reverse(finished)) // an inner loop still names arguments of the one around it
    op->erase();
  finished.clear();
}

// ---- numbers --------------------------------------------------------------------------------------------------------

std::optional<int64_t> nnc::constantOf(Value v) {
  APInt value;
  return matchPattern(v, m_ConstantInt(&value)) ? std::optional(value.getSExtValue()) : std::nullopt;
}

Value Lowering::constant(int64_t value) { return arith::ConstantIntOp::create(b, loc, b.getI64Type(), value); }

Value Lowering::add(Value a, Value c) {
  std::optional<int64_t> x = constantOf(a), y = constantOf(c);
  if (x && y)
    return constant(*x + *y);
  if (x == 0)
    return c;
  return y == 0 ? a : arith::AddIOp::create(b, loc, a, c).getResult();
}
Value Lowering::mul(Value a, Value c) {
  std::optional<int64_t> x = constantOf(a), y = constantOf(c);
  if (x && y)
    return constant(*x * *y);
  if (x == 0 || y == 0)
    return constant(0);
  if (x == 1)
    return c;
  return y == 1 ? a : arith::MulIOp::create(b, loc, a, c).getResult();
}
Value Lowering::sub(Value a, Value c) {
  std::optional<int64_t> x = constantOf(a), y = constantOf(c);
  if (x && y)
    return constant(*x - *y);
  return y == 0 ? a : arith::SubIOp::create(b, loc, a, c).getResult();
}
Value Lowering::minimum(Value a, Value c) {
  std::optional<int64_t> x = constantOf(a), y = constantOf(c);
  if (x && y)
    return constant(std::min(*x, *y));
  return arith::MinSIOp::create(b, loc, a, c);
}
Value Lowering::maximum(Value a, Value c) {
  std::optional<int64_t> x = constantOf(a), y = constantOf(c);
  if (x && y)
    return constant(std::max(*x, *y));
  return arith::MaxSIOp::create(b, loc, a, c);
}
Value Lowering::quotient(Value a, int64_t c) {
  if (std::optional<int64_t> x = constantOf(a))
    return constant(*x / c);
  return c == 1 ? a : arith::DivUIOp::create(b, loc, a, constant(c)).getResult();
}
Value Lowering::ceilQuotient(Value a, int64_t c) { return quotient(add(a, constant(c - 1)), c); }
Value Lowering::ceilQuotient(Value a, Value c) {
  return arith::DivUIOp::create(b, loc, sub(add(a, c), constant(1)), c);
}
Value Lowering::less(Value a, Value c) {
  std::optional<int64_t> x = constantOf(a), y = constantOf(c);
  if (x && y)
    return arith::ConstantIntOp::create(b, loc, b.getI1Type(), *x < *y);
  return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt, a, c);
}

Value Lowering::size(const Dim &dim) {
  for (auto &[known, value] : sizes)
    if (known == dim)
      return value;
  if (dim.isConstant())
    return constant(dim.constant());
  auto atom = [&](const Dim::Atom &a) -> Value {
    switch (a.kind) {
    case Dim::AtomKind::Symbol: {
      auto names = function->getAttrOfType<ArrayAttr>("nn.dims");
      for (auto [i, name] : llvm::enumerate(names))
        if (cast<StringAttr>(name).getValue() == a.text)
          return function.getArgument(2 + i);
      llvm_unreachable("a free dimension that the function does not have");
    }
    case Dim::AtomKind::Floor: {
      Value num = size(*a.num), den = maximum(size(*a.den), constant(1)); // a divisor of 0 has been refused before
      Value q = arith::DivSIOp::create(b, loc, num, den);                 // rounded towards zero
      Value below = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt, sub(num, mul(q, den)), constant(0));
      return arith::SelectOp::create(b, loc, below, sub(q, constant(1)), q);
    }
    case Dim::AtomKind::Group:
      return size(*a.num);
    }
    llvm_unreachable("kind of atom");
  };
  // The terms over one denominator; then one exact division.
  int64_t denominator = 1;
  std::vector<Dim::Factor> divisors;
  for (const Dim::Term &t : dim.terms()) {
    denominator = std::lcm(denominator, t.den);
    for (const Dim::Factor &f : t.factors)
      if (f.power < 0) {
        auto at = llvm::find_if(divisors, [&](const Dim::Factor &g) { return g.atom == f.atom; });
        if (at == divisors.end())
          divisors.push_back({f.atom, -f.power});
        else
          at->power = std::max(at->power, -f.power);
      }
  }
  Value value = atEntry([&] {
    Value sum = constant(0);
    for (const Dim::Term &t : dim.terms()) {
      Value product = constant(t.num * (denominator / t.den));
      auto times = [&](const Dim::Atom &a, int32_t power) {
        for (int32_t i = 0; i < power; ++i)
          product = mul(product, atom(a));
      };
      for (const Dim::Factor &f : t.factors)
        if (f.power > 0)
          times(f.atom, f.power);
      for (const Dim::Factor &d : divisors) {
        int32_t has = 0;
        for (const Dim::Factor &f : t.factors)
          if (f.atom == d.atom && f.power < 0)
            has = -f.power;
        times(d.atom, d.power - has);
      }
      sum = add(sum, product);
    }
    Value divisor = constant(denominator);
    for (const Dim::Factor &d : divisors)
      for (int32_t i = 0; i < d.power; ++i)
        divisor = mul(divisor, atom(d.atom));
    if (constantOf(divisor) != 1)
      sum = arith::DivSIOp::create(b, loc, sum, maximum(divisor, constant(1)));
    return sum;
  });
  sizes.emplace_back(dim, value);
  return value;
}

// ---- places ---------------------------------------------------------------------------------------------------------

Value Lowering::pointer(Value ref) {
  Value &p = pointers[ref];
  if (!p) {
    assert(isa<BlockArgument>(ref) && "places are slots, views or arguments");
    p = atEntry([&] {
      return UnrealizedConversionCastOp::create(b, loc, LLVM::LLVMPointerType::get(b.getContext()), ref).getResult(0);
    });
  }
  return p;
}

Type Lowering::memoryType(Type element) { return element.isInteger(1) ? b.getI8Type() : element; }

Value Lowering::advance(Value base, Value offset, Type element) {
  if (constantOf(offset) == 0)
    return base;
  return LLVM::GEPOp::create(b, loc, base.getType(), memoryType(element), base, ArrayRef<LLVM::GEPArg>{offset},
                             LLVM::GEPNoWrapFlags::inbounds);
}

Value Lowering::offset(const Shape &strides, ValueRange index) {
  Value sum = constant(0);
  for (auto [stride, i] : llvm::zip(strides, index))
    sum = add(sum, mul(i, size(stride)));
  return sum;
}

// ---- elements -------------------------------------------------------------------------------------------------------

Type Lowering::vectorOf(Type element, int64_t width) {
  return width == 1 ? element : VectorType::get({width}, element);
}

Value Lowering::splat(Value scalar, int64_t width) {
  if (width == 1 || isa<VectorType>(scalar.getType()))
    return scalar;
  return vector::BroadcastOp::create(b, loc, VectorType::get({width}, scalar.getType()), scalar);
}

static int64_t bytesOf(Type element) { return std::max<int64_t>(1, element.getIntOrFloatBitWidth() / 8); }

/// Integers of the same width for 16-bit floats: vectors of those have masked accesses on few processors, and on the
/// others LLVM would move them one by one, through f32.
static Type accessType(Type element) {
  bool small = isa<FloatType>(element) && element.getIntOrFloatBitWidth() == 16;
  return small ? IntegerType::get(element.getContext(), 16) : element;
}

Value Lowering::load(Value base, Type element, int64_t width, Value mask, int64_t alignment) {
  Type stored = accessType(memoryType(element)), type = vectorOf(stored, width);
  if (!alignment)
    alignment = bytesOf(element);
  Value v;
  if (mask) {
    Value zero = arith::ConstantOp::create(b, loc, type, b.getZeroAttr(type));
    v = LLVM::MaskedLoadOp::create(b, loc, type, base, mask, zero, b.getI32IntegerAttr(alignment));
  } else {
    v = LLVM::LoadOp::create(b, loc, type, base, alignment);
  }
  if (stored == element)
    return v;
  if (!element.isInteger(1))
    return arith::BitcastOp::create(b, loc, vectorOf(element, width), v);
  Value zero = arith::ConstantOp::create(b, loc, type, b.getZeroAttr(type)); // any nonzero byte is true
  return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ne, v, zero);
}

void Lowering::store(Value value, Value base, Type element, Value mask, int64_t alignment) {
  if (!alignment)
    alignment = bytesOf(element);
  if (element.isInteger(1)) {
    auto vector = dyn_cast<VectorType>(value.getType());
    Type bytes = vector ? Type(vector.clone(b.getI8Type())) : Type(b.getI8Type());
    value = arith::ExtUIOp::create(b, loc, bytes, value);
  } else if (Type access = accessType(element); access != element) {
    auto vector = dyn_cast<VectorType>(value.getType());
    value = arith::BitcastOp::create(b, loc, vector ? Type(vector.clone(access)) : access, value);
  }
  DenseElementsAttr lanes;
  if (mask && matchPattern(mask, m_Constant(&lanes)) && llvm::count(lanes.getValues<bool>(), true) == 1 &&
      *lanes.value_begin<bool>()) { // LLVM 22 would write more than that where the value has just been narrowed
    value = vector::ExtractOp::create(b, loc, value, int64_t(0));
    mask = {};
  }
  if (mask)
    LLVM::MaskedStoreOp::create(b, loc, value, base, mask, b.getI32IntegerAttr(alignment));
  else
    LLVM::StoreOp::create(b, loc, value, base, alignment);
}

Value Lowering::loadStrided(Value base, Type element, Value stride, int64_t width, Value count) {
  if (width == 1)
    return load(base, element, 1);
  Type type = vectorOf(element, width);
  Value v = arith::ConstantOp::create(b, loc, type, b.getZeroAttr(type));
  for (int64_t i = 0; i < width; ++i) {
    Value lane = constant(i);
    if (count) // lanes beyond the end read the last element again
      lane = minimum(lane, sub(count, constant(1)));
    Value x = load(advance(base, mul(lane, stride), element), element, 1);
    v = vector::InsertOp::create(b, loc, x, v, i);
  }
  return v;
}

void Lowering::storeStrided(Value value, Value base, Type element, Value stride, Value count) {
  auto vector = dyn_cast<VectorType>(value.getType());
  if (!vector)
    return store(value, base, element);
  for (int64_t i = 0; i < vector.getDimSize(0); ++i) {
    auto one = [&] {
      Value x = vector::ExtractOp::create(b, loc, value, i);
      store(x, advance(base, mul(constant(i), stride), element), element);
    };
    if (count)
      ifThen(less(constant(i), count), one);
    else
      one();
  }
}

Value Lowering::lanesFrom(Value first, int64_t width) {
  if (width == 1)
    return first;
  SmallVector<int64_t> lanes;
  for (int64_t i = 0; i < width; ++i)
    lanes.push_back(i);
  auto type = VectorType::get({width}, b.getI64Type());
  Value iota = arith::ConstantOp::create(b, loc, DenseElementsAttr::get(type, ArrayRef<int64_t>(lanes)));
  return arith::AddIOp::create(b, loc, splat(first, width), iota);
}

Value Lowering::mask(Value count, int64_t width) {
  if (std::optional<int64_t> known = constantOf(count)) {
    SmallVector<bool> set;
    for (int64_t i = 0; i < width; ++i)
      set.push_back(i < *known);
    auto type = VectorType::get({width}, b.getI1Type());
    return arith::ConstantOp::create(b, loc, DenseElementsAttr::get(type, ArrayRef<bool>(set)));
  }
  auto type = VectorType::get({width}, b.getI32Type());
  SmallVector<int32_t> lanes;
  for (int64_t i = 0; i < width; ++i)
    lanes.push_back(i);
  Value iota = arith::ConstantOp::create(b, loc, DenseElementsAttr::get(type, ArrayRef<int32_t>(lanes)));
  Value limit = arith::TruncIOp::create(b, loc, b.getI32Type(), minimum(count, constant(width)));
  return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt, iota, splat(limit, width));
}

Value Lowering::stack(Type element, int64_t count, int64_t alignment) {
  return atEntry([&] {
    return LLVM::AllocaOp::create(b, loc, LLVM::LLVMPointerType::get(b.getContext()), memoryType(element),
                                  constant(count), alignment)
        .getResult();
  });
}

Value Lowering::scratch(unsigned number, int64_t bytes) {
  while (pieces.size() <= number)
    pieces.push_back(stack(b.getI8Type(), 0).getDefiningOp<LLVM::AllocaOp>());
  LLVM::AllocaOp piece = pieces[number];
  if (bytes > *constantOf(piece.getArraySize())) {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPoint(piece);
    piece.getArraySizeMutable().assign(constant(bytes));
  }
  return piece;
}

// ---- threads --------------------------------------------------------------------------------------------------------

Value Lowering::team() { return function.getArgument(0); }

Value Lowering::tid() {
  if (function->hasAttr("nn.one_thread"))
    return constant(0);
  if (!cachedTid)
    cachedTid = atEntry([&] { return arith::ExtSIOp::create(b, loc, b.getI64Type(), function.getArgument(1)); });
  return cachedTid;
}

Value Lowering::teamSize() {
  if (function->hasAttr("nn.one_thread"))
    return constant(1);
  if (!cachedTeamSize)
    cachedTeamSize = atEntry([&] {
      Value size = LLVM::LoadOp::create(b, loc, b.getI32Type(), team(), 4);
      return arith::ExtSIOp::create(b, loc, b.getI64Type(), size).getResult();
    });
  return cachedTeamSize;
}

Share Lowering::share(Value n, int64_t grain) {
  if (function->hasAttr("nn.one_thread"))
    return {constant(0), n};
  Value units = ceilQuotient(n, grain);
  Value each = ceilQuotient(units, teamSize());
  Value step = mul(each, constant(grain));
  Value from = minimum(mul(tid(), step), n);
  return {from, minimum(add(from, step), n)};
}

Value Lowering::call(StringRef name, TypeRange results, ValueRange arguments) {
  auto module = function->getParentOfType<ModuleOp>();
  auto callee = module.lookupSymbol<func::FuncOp>(name);
  if (!callee) {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToEnd(module.getBody());
    callee = func::FuncOp::create(b, loc, name, b.getFunctionType(arguments.getTypes(), results));
    callee.setPrivate();
  }
  auto op = func::CallOp::create(b, loc, callee, arguments);
  return op.getNumResults() ? op.getResult(0) : Value();
}

void Lowering::barrier() { call("nnrt_barrier", {}, {team(), function.getArgument(1)}); }

// ---- bodies ---------------------------------------------------------------------------------------------------------

Value Lowering::inlineOperation(Operation &op, const IRMapping &map, int64_t width,
                                function_ref<Value(int64_t)> index) {
  if (auto position = dyn_cast<IndexOp>(op))
    return splat(index(position.getAxis()), width);
  if (auto size = dyn_cast<SizeOp>(op)) {
    Value v = this->size(size.getValue().getValue());
    if (Type t = elementOf(size.getType()); isa<FloatType>(t))
      v = arith::SIToFPOp::create(b, loc, t, v);
    else if (!t.isInteger(64))
      v = arith::TruncIOp::create(b, loc, t, v);
    return splat(v, width);
  }
  if (auto draw = dyn_cast<DrawOp>(op)) {
    Value copy = draw.getCopy().empty() ? Value() : map.lookup(draw.getCopy()[0]);
    return lowerDraw(draw, map.lookup(draw.getNumber()), copy, *this);
  }
  IRMapping operands(map);
  Operation *clone = b.clone(op, operands);
  clone->getResult(0).setType(vectorOf(elementOf(clone->getResult(0).getType()), width));
  return clone->getResult(0);
}

SmallVector<Value> Lowering::inlineBody(Block &body, ValueRange arguments, int64_t width,
                                        function_ref<Value(int64_t)> index) {
  IRMapping map;
  for (auto [arg, value] : llvm::zip(body.getArguments(), arguments))
    map.map(arg, splat(value, width));
  for (Operation &op : body.without_terminator())
    map.map(op.getResult(0), inlineOperation(op, map, width, index));
  SmallVector<Value> yielded;
  for (Value v : body.getTerminator()->getOperands())
    yielded.push_back(splat(map.lookupOrDefault(v), width));
  return yielded;
}

int64_t Lowering::widthFor(Block &body, ArrayRef<Type> elements) {
  int64_t floats = 0, integers = 1;
  bool computes = !llvm::hasSingleElement(body);
  auto see = [&](Type t) {
    int64_t bytes = bytesOf(t);
    if (isa<FloatType>(t))
      floats = std::max(floats, computes ? std::max<int64_t>(bytes, 4) : bytes);
    else
      integers = std::max(integers, bytes);
  };
  for (Type t : elements)
    see(t);
  for (Operation &op : body)
    for (Type t : op.getResultTypes())
      see(elementOf(t));
  return target.lanes(floats ? floats : integers);
}
