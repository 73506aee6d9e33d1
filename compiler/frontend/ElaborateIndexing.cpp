// `x[...]`: integers, ranges, one integer tensor; and writing a part of a state or buffer.
#include "compiler/frontend/Elaborator.h"

using namespace nnc::frontend;
using llvm::cast;
using llvm::dyn_cast;
using llvm::dyn_cast_or_null;
using llvm::isa;

Value Elaborator::selectLeading(const Value &v, const nn::Dim &at, Range range) {
  nn::Shape from = v.shape(), offsets(std::vector<nn::Dim>(from.rank(), nn::Dim())), sizes = from;
  offsets[0] = at;
  sizes[0] = 1;
  mlir::Value part = emit<nn::SliceOp>(range, v.tensor, offsets, sizes);
  return Value::ofTensor(reshape(part, nn::Shape(llvm::ArrayRef<nn::Dim>(from.dims).drop_front()), range), v.untyped);
}

/// Where an index lies on its axis: known when compiling, or read at run time.
std::optional<Elaborator::Position> Elaborator::position(const Value &v, Range range) {
  Position p;
  if (v.kind == Value::Size) {
    p.offset = v.size;
    return p;
  }
  bool integer = v.isTensor() && v.element().isInteger() && !v.element().isInteger(1);
  if (integer && v.shape().rank() == 0) {
    if (v.affine && !v.origin) {
      p.offset = v.size;
      return p;
    }
    p.start = castTo(v.tensor, mlir::IntegerType::get(&context, 64), range);
    p.origin = v.affine ? v.origin : v.tensor;
    p.offset = v.affine ? v.size : nn::Dim();
    return p;
  }
  if (!v.isPoison())
    fail(Code::NN0418, range, "an index must be an integer",
         v.isTensor() ? std::vector<std::string>{"given " + nn::describe(v.type())} : std::vector<std::string>());
  return std::nullopt;
}

/// 0 <= at and at + length <= size, decided now or at the entry.
bool Elaborator::checkRange(const nn::Dim &at, const nn::Dim &length, const nn::Dim &size, Range range) {
  // As it is written; in the standard library as it is here.
  std::string shown = range.file && !range.file->isLibrary && range.text().size() < 60 ? range.text().str()
                      : length == nn::Dim(1) ? at.str()
                                             : at.str() + " : " + (at + length).str();
  std::string text = "`" + shown + "` is out of range on an axis of size " + size.str();
  return require("at_least", at, nn::Dim(), range, Code::NN0209, text) &&
         require("at_least", length, nn::Dim(), range, Code::NN0209, "`" + shown + "` ends before it begins") &&
         require("at_least", size, at + length, range, Code::NN0209, text);
}

/// Items to axes: what each axis of `shape` is indexed by.
std::optional<std::vector<Elaborator::AxisIndex>> Elaborator::readItems(const std::vector<Item> &items,
                                                                        const nn::Shape &shape, Range range) {
  std::vector<AxisIndex> axes;
  size_t named = llvm::count_if(items, [](const Item &i) { return i.sort != Item::Ellipsis; });
  if (named > shape.rank()) {
    fail(Code::NN0207, range, std::to_string(named) + " indices for a tensor of rank " + std::to_string(shape.rank()));
    return std::nullopt;
  }
  auto skip = [&] {
    AxisIndex a;
    a.length = shape[axes.size()];
    axes.push_back(a);
  };
  for (const Item &item : items) {
    if (item.sort == Item::Ellipsis) {
      for (size_t i = 0; i < shape.rank() - named; ++i)
        skip();
      continue;
    }
    const nn::Dim &size = shape[axes.size()];
    AxisIndex a;
    a.range = item.range;
    auto fromEnd = [&](Position &p) { // negative constants count from the end
      if (std::optional<int64_t> c = p.offset.asConstant(); c && *c < 0 && !p.start)
        p.offset = size + p.offset;
    };
    if (item.sort == Item::Single) {
      Value v = evaluateOne(*item.value);
      if (v.isPoison())
        return std::nullopt;
      bool integer = v.isTensor() && v.element().isInteger() && !v.element().isInteger(1);
      if (integer && v.shape().rank() > 0) {
        a.gather = v.tensor;
      } else {
        std::optional<Position> p = position(v, item.range);
        if (!p)
          return std::nullopt;
        fromEnd(*p);
        if (!p->start && !checkRange(p->offset, 1, size, item.range))
          return std::nullopt;
        a.at = *p;
        a.drop = true;
        a.length = 1;
      }
    } else {
      Position begin, end;
      end.offset = size;
      for (auto [p, expr] : {std::pair(&begin, item.value), {&end, item.end}})
        if (expr) {
          std::optional<Position> read = position(evaluateOne(*expr), expr->range);
          if (!read)
            return std::nullopt;
          *p = *read;
          fromEnd(*p);
        }
      if (begin.origin != end.origin) {
        fail(Code::NN0418, item.range, "the length of a range must be a size", {},
             "write `start : start + n` with one run-time integer `start`");
        return std::nullopt;
      }
      a.at = begin;
      a.length = end.offset - begin.offset;
      if (!begin.start && !checkRange(begin.offset, a.length, size, item.range))
        return std::nullopt;
    }
    axes.push_back(a);
  }
  while (axes.size() < shape.rank())
    skip();
  return axes;
}

Value Elaborator::evaluateIndex(const Index &index) {
  Value x = evaluateOne(*index.base);
  if (x.isPoison())
    return x;
  if (!x.isTensor())
    return fail(Code::NN0415, index.range, "only tensors are indexed");
  if (std::optional<Value> inside = indexInNeighbourhood(x, index))
    return *inside;
  nn::Shape shape = x.shape();
  std::optional<std::vector<AxisIndex>> axes = readItems(index.items, shape, index.range);
  if (!axes)
    return {};
  nn::Shape offsets, sizes;
  llvm::SmallVector<mlir::Value> starts;
  llvm::SmallVector<int64_t> dynamic;
  int64_t gatherAxis = -1;
  mlir::Value gather;
  nn::Shape kept;
  for (auto [i, a] : llvm::enumerate(*axes)) {
    if (a.gather) {
      if (gather)
        return fail(Code::NN0418, a.range, "only one index may be a tensor", {},
                    "index twice: `x[a][:, b]`, or use `pick`");
      gather = a.gather;
      gatherAxis = kept.rank();
      a.length = shape[i];
    }
    offsets.dims.push_back(a.at.start ? nn::Dim() : a.at.offset);
    sizes.dims.push_back(a.length);
    if (a.at.start) {
      starts.push_back(a.at.start);
      dynamic.push_back(i);
    }
    if (!a.drop)
      kept.dims.push_back(a.length);
  }
  nn::Shape result = kept;
  if (gather) {
    result.dims.erase(result.dims.begin() + gatherAxis);
    nn::Shape index = nn::shapeOf(gather.getType());
    result.dims.insert(result.dims.begin() + gatherAxis, index.begin(), index.end());
  }
  if (!checkShape(result, index.range))
    return {};
  if (mlir::Value constant = constantLike(x.tensor, result, index.range)) // a default that was left out costs nothing
    return Value::ofTensor(constant, x.untyped);
  mlir::Value v = x.tensor;
  bool whole = starts.empty() && sizes == shape;
  if (!whole)
    v = emit<nn::SliceOp>(index.range, nn::tensorType(sizes, x.element()), v, starts,
                          nn::ShapeAttr::get(&context, offsets), builder().getDenseI64ArrayAttr(dynamic));
  v = reshape(v, kept, index.range);
  if (gather)
    v = emit<nn::GatherOp>(index.range, v, gather, gatherAxis);
  return Value::ofTensor(v, x.untyped);
}

/// `target <- value`: a carried name, a whole state or buffer, or a part of one.
void Elaborator::assign(const Expr &target, const Value &value, Range range) {
  auto *index = dyn_cast<Index>(&target);
  auto *name = dyn_cast<NameUse>(index ? index->base : &target);
  if (!name || !name->target.declaration)
    return;
  const Declaration *d = name->target.declaration;
  auto *variable = dyn_cast<Variable>(d);
  bool stored = variable && frame->instance; // else a state of an optimizer
  if (stored)
    variable = dyn_cast_or_null<Variable>(holding(*frame->instance, *variable));
  std::string what = "`" + name->name.str() + "`";
  if (stored && !variable) {
    fail(Code::NN0507, target.range, what + " is absent: its condition does not hold");
    return;
  }
  Value before = stored ? readVariable(*frame->instance, *variable, target.range) : evaluateName(*name);
  if (before.isPoison() || value.isPoison())
    return poison(d, stored);
  mlir::Value now;
  if (!index) {
    Value v = coerce(value, before.type(), stored, range, "the new value of " + what);
    if (v.isPoison())
      return poison(d, stored);
    now = v.tensor;
  } else {
    nn::Shape shape = before.shape(), offsets, sizes, kept;
    std::optional<std::vector<AxisIndex>> axes = readItems(index->items, shape, index->range);
    if (!axes)
      return;
    llvm::SmallVector<mlir::Value> starts;
    llvm::SmallVector<int64_t> dynamic;
    for (auto [i, a] : llvm::enumerate(*axes)) {
      if (a.gather) {
        fail(Code::NN0418, a.range, "a part to write is named by integers and ranges");
        return;
      }
      offsets.dims.push_back(a.at.start ? nn::Dim() : a.at.offset);
      sizes.dims.push_back(a.length);
      if (a.at.start) {
        starts.push_back(a.at.start);
        dynamic.push_back(i);
      }
      if (!a.drop)
        kept.dims.push_back(a.length);
    }
    Value v = coerce(value, nn::tensorType(kept, before.element()), true, range, "the new value of a part of " + what);
    if (v.isPoison())
      return;
    mlir::Value part = reshape(v.tensor, sizes, range);
    now = emit<nn::UpdateOp>(target.range, before.type(), before.tensor, part, starts,
                             nn::ShapeAttr::get(&context, offsets), builder().getDenseI64ArrayAttr(dynamic));
  }
  if (stored)
    write(*frame->instance, *variable, now, target.range);
  else
    rebind(d, Value::ofTensor(now));
}

/// Gives a carried name (or a name of an optimizer) another value, in the frame that holds it.
void Elaborator::rebind(const Declaration *d, Value value) {
  for (Frame *f = frame; f; f = f->parent)
    if (auto at = f->values.find(d); at != f->values.end()) {
      at->second = std::move(value);
      return;
    }
}
void Elaborator::poison(const Declaration *d, bool stored) {
  if (!stored)
    rebind(d, Value());
}
