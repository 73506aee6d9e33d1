#include "compiler/report/Memory.h"
#include "compiler/memory/Places.h"
#include "compiler/report/Frame.h"

#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace nn;
using namespace nnc;
using namespace nnc::report;

/// What the model's slab has for this entry: parameters, buffers, and what its train step keeps. The packed copies are
/// those that it reads.
static std::vector<Need> describeModel(const emit::Model &model, const emit::Entry &entry) {
  int64_t parameters = 0, buffers = 0, kept = 0, packed = 0;
  llvm::SetVector<StringRef> states; // "train_step/m/fc.weight": m
  for (const emit::Parameter &p : model.parameters) {
    int64_t bytes = p.bytes * p.copies;
    if (p.train.empty()) {
      (p.isBuffer ? buffers : parameters) += bytes;
    } else if (entry.isTrain && p.train == entry.name) {
      kept += bytes;
      states.insert(StringRef(p.path).split('/').second.split('/').first);
    }
  }
  llvm::DenseSet<int64_t> places; // a copy of several parameters is listed for each of them
  for (int32_t i : entry.packs)
    if (places.insert(model.packs[i].offset).second)
      packed += model.packs[i].bytes;
  std::vector<Need> needs{{"parameters", Dim(parameters)}};
  if (buffers)
    needs.push_back({"buffers", Dim(buffers)});
  if (kept)
    needs.push_back({"kept by the step (" + llvm::join(states, ", ") + ")", Dim(kept)});
  if (packed)
    needs.push_back({"packed weights", Dim(packed)});
  return needs;
}

static EntryMemory describeEntry(func::FuncOp function, const emit::Model &model, const emit::Entry &entry) {
  EntryMemory memory{entry.name, entry.isTrain, {}, describeModel(model, entry), {}, {}, {}};
  for (Attribute name : function->getAttrOfType<ArrayAttr>("nn.dims"))
    memory.sizes.push_back(cast<StringAttr>(name).str());
  Bytes states;
  for (StateOp state : function->getParentOfType<ModuleOp>().getOps<StateOp>())
    if (state.getModel() == model.name)
      states = states + Bytes(bytesOf(state.getType()));
  if (states.evaluate([](StringRef) { return 1; }) != 0)
    memory.context.push_back({"states", states});
  memory.context.push_back({"workspace", frameOf(function)});
  for (Type type : function.getArgumentTypes())
    if (isa<RefType>(type))
      memory.arguments = memory.arguments + Bytes(bytesOf(type));
  if (entry.isTrain)
    memory.crossing = findCrossing(function);
  return memory;
}

Bytes EntryMemory::peak() const {
  Bytes sum;
  for (const std::vector<Need> *needs : {&model, &context})
    for (const Need &need : *needs)
      sum = sum + need.bytes;
  return sum;
}

std::vector<ModelMemory> nnc::report::describeMemory(ModuleOp module, const emit::Interface &library) {
  std::vector<ModelMemory> models;
  for (const emit::Model &model : library.models) {
    ModelMemory &memory = models.emplace_back(ModelMemory{model.name, {}});
    for (const emit::Entry &entry : model.entries)
      for (func::FuncOp f : module.getOps<func::FuncOp>())
        if (auto about = f->getAttrOfType<DictionaryAttr>("nn.entry");
            about && about.getAs<StringAttr>("function") == entry.function)
          memory.entries.push_back(describeEntry(f, model, entry));
  }
  return models;
}
