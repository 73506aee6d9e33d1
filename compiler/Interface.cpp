// Reads what a library offers off the module: models, entries, parameters, packed copies.
#include "compiler/Pipeline.h"
#include "dialect/Dialect.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;
using namespace nn;

namespace nnc {
namespace {
nn_type typeOf(Type t) {
  if (t.isF64())
    return NN_F64;
  if (t.isF32())
    return NN_F32;
  if (t.isF16())
    return NN_F16;
  if (t.isBF16())
    return NN_BF16;
  switch (t.getIntOrFloatBitWidth()) {
  case 64:
    return NN_I64;
  case 32:
    return NN_I32;
  case 8:
    return NN_I8;
  default:
    return NN_BOOL;
  }
}

int64_t bytesOf(Type t) { return std::max<int64_t>(1, elementOf(t).getIntOrFloatBitWidth() / 8); }

std::string text(DictionaryAttr d, StringRef key) {
  auto s = d ? d.getAs<StringAttr>(key) : StringAttr();
  return s ? s.str() : "";
}

std::vector<std::string> shapeText(const Shape &shape) {
  std::vector<std::string> s;
  for (const Dim &d : shape)
    s.push_back(d.str());
  return s;
}

emit::Code codeOf(func::FuncOp f) {
  std::string name = f.getName().str();
  return {name + ".measure", f->hasAttr("nn.has_check") ? name + ".check" : "", name + ".run"};
}

/// Inputs and outputs stand in the function as places; their names in `nn.entry`, sizes first.
emit::Entry describeEntry(func::FuncOp f, DictionaryAttr about) {
  emit::Entry entry;
  entry.name = text(about, "name"), entry.function = text(about, "function"), entry.doc = text(about, "doc");
  entry.code = codeOf(f);
  if (auto train = about.getAs<BoolAttr>("train"))
    entry.isTrain = train.getValue();
  for (Attribute message : f->getAttrOfType<ArrayAttr>("nn.messages"))
    entry.messages.push_back(cast<StringAttr>(message).str());
  SmallVector<Type> places;
  for (Type t : f.getArgumentTypes())
    if (isa<RefType, nn::GraphType>(t))
      places.push_back(t);
  size_t next = 0;
  for (Attribute a : about.getAs<ArrayAttr>("arguments")) {
    auto d = cast<DictionaryAttr>(a);
    emit::Argument argument;
    argument.name = text(d, "name"), argument.doc = text(d, "doc");
    std::string kind = text(d, "kind");
    if (kind == "dim") {
      argument.kind = emit::ArgumentKind::Size, argument.type = NN_I64;
    } else {
      Type t = places[next++];
      argument.kind = isa<nn::GraphType>(t) ? emit::ArgumentKind::Graph
                      : kind == "output"    ? emit::ArgumentKind::Output
                      : shapeOf(t).rank()   ? emit::ArgumentKind::Input
                                            : emit::ArgumentKind::Scalar;
      if (auto optional = d.getAs<BoolAttr>("optional"))
        argument.optional = optional.getValue();
      if (isa<RefType>(t))
        argument.type = typeOf(elementOf(t)), argument.shape = shapeText(shapeOf(t));
    }
    entry.arguments.push_back(std::move(argument));
  }
  return entry;
}
/// Sizes of contexts are named in the order in which they appear in the states.
emit::State describeState(StateOp op, ModuleOp module, emit::Model &model) {
  emit::State state;
  Shape shape = shapeOf(op.getType());
  state.path = op.getPath().str(), state.doc = op.getDoc().str(), state.type = typeOf(elementOf(op.getType()));
  state.shape = shapeText(shape);
  auto name = [&](StringRef size) {
    if (!llvm::is_contained(model.stateSizes, size))
      model.stateSizes.push_back(size.str());
  };
  for (const Dim &d : shape)
    d.forEachSymbol(name);
  auto initialiser = module.lookupSymbol<func::FuncOp>(op.getInitialiserAttr().getValue());
  for (Attribute size : initialiser->getAttrOfType<ArrayAttr>("nn.dims")) {
    name(cast<StringAttr>(size).getValue());
    state.sizes.push_back(cast<StringAttr>(size).str());
  }
  state.initialiser = codeOf(initialiser);
  return state;
}
} // namespace

emit::Interface describeLibrary(ModuleOp module) {
  emit::Interface library;
  for (ModelOp op : module.getOps<ModelOp>()) {
    emit::Model model;
    model.name = op.getName().str(), model.cName = op.getCName().str(), model.doc = op.getDoc().str();
    for (StateOp s : module.getOps<StateOp>())
      if (s.getModel() == op.getName())
        model.states.push_back(describeState(s, module, model));
    llvm::StringMap<int32_t> parameters;
    llvm::StringMap<std::vector<int32_t>> packs;
    SmallVector<StorageOp> storages(module.getOps<StorageOp>());
    llvm::stable_sort(storages, [](StorageOp a, StorageOp b) { return !a.getTrain() && b.getTrain(); });
    for (StorageOp s : storages) {
      if (s.getModel() != op.getName())
        continue;
      emit::Parameter p;
      Shape shape = shapeOf(s.getType());
      p.path = s.getPath().str(), p.doc = s.getDoc().str(), p.type = typeOf(elementOf(s.getType()));
      p.isBuffer = s.getIsBuffer(), p.train = s.getTrain().value_or("").str();
      p.offset = s->getAttrOfType<IntegerAttr>("offset").getInt();
      if (auto repeats = s.getRepeats()) {
        p.repeats.assign(repeats->begin(), repeats->end());
        for (size_t i = 1; i < repeats->size(); i += 2)
          p.copies *= (*repeats)[i];
        shape = Shape(ArrayRef<Dim>(shape.dims).drop_front(repeats->size() / 2));
      }
      for (const Dim &d : shape)
        p.shape.push_back(d.constant());
      p.bytes = shape.count().constant() * bytesOf(s.getType());
      if (auto init = s.getInitialiserAttr())
        p.initialiser = codeOf(module.lookupSymbol<func::FuncOp>(init.getValue()));
      if (auto draw = s.getDrawAttr()) {
        auto real = [&](StringRef key) {
          auto f = draw.getAs<FloatAttr>(key);
          return f ? f.getValueAsDouble() : 0;
        };
        p.draw = {text(draw, "distribution"),
                  draw.getAs<IntegerAttr>("place").getInt(),
                  real("scale"),
                  real("shift"),
                  real("low"),
                  real("high")};
      }
      model.parameterBytes = std::max(model.parameterBytes, p.offset + p.bytes * p.copies);
      parameters[p.path] = model.parameters.size();
      model.parameters.push_back(std::move(p));
    }
    auto ofModel = [&](func::FuncOp f) {
      auto name = f->getAttrOfType<StringAttr>("nn.model");
      return name && name.getValue() == op.getName();
    };
    for (func::FuncOp f : module.getOps<func::FuncOp>())
      if (auto of = f->getAttrOfType<ArrayAttr>("nn.pack_of"); of && ofModel(f))
        for (Attribute path : of) { // a copy of several parameters is made again when any of them changes
          emit::Pack pack;
          pack.parameter = parameters.lookup(cast<StringAttr>(path).getValue());
          pack.offset = f->getAttrOfType<IntegerAttr>("nn.packed_offset").getInt();
          pack.bytes = f->getAttrOfType<IntegerAttr>("nn.packed_bytes").getInt();
          pack.code = codeOf(f);
          model.packedBytes = std::max(model.packedBytes, pack.offset + pack.bytes);
          packs[f.getName()].push_back(model.packs.size());
          model.packs.push_back(std::move(pack));
        }
    for (func::FuncOp f : module.getOps<func::FuncOp>())
      if (auto about = f->getAttrOfType<DictionaryAttr>("nn.entry"); about && ofModel(f)) {
        emit::Entry entry = describeEntry(f, about);
        if (auto names = f->getAttrOfType<ArrayAttr>("nn.size_names"))
          for (Attribute name : names)
            entry.sizeNames.push_back(cast<StringAttr>(name).str());
        if (auto sizes = f->getAttrOfType<DictionaryAttr>("nn.state_dims"))
          for (NamedAttribute a : sizes)
            entry.stateSizes.push_back(llvm::find(model.stateSizes, a.getName().getValue()) - model.stateSizes.begin());
        if (auto writes = f->getAttrOfType<ArrayAttr>("nn.writes"))
          for (Attribute path : writes)
            entry.writes.push_back(parameters.lookup(cast<StringAttr>(path).getValue()));
        if (auto reads = f->getAttrOfType<ArrayAttr>("nn.packs"))
          for (Attribute a : reads)
            llvm::append_range(entry.packs, packs.lookup(cast<StringAttr>(a).getValue()));
        llvm::sort(entry.packs);
        entry.packs.erase(std::unique(entry.packs.begin(), entry.packs.end()), entry.packs.end());
        model.entries.push_back(std::move(entry));
      }
    library.models.push_back(std::move(model));
  }
  return library;
}
} // namespace nnc
