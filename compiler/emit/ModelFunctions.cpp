#include "compiler/emit/ModelFunctions.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVectorExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/ErrorHandling.h"

using namespace llvm;

namespace nnc::emit {
namespace {

constexpr ModelFunction functions[] = {
    {"abi_version", "uint32_t %(void)",
     "Version of the binary interface that this library was built for; the same number as in the manifest.", "", "i"},
    {"manifest", "const char *%(void)",
     "A JSON text that describes the library: models, entries, arguments, parameters. It lives as long as the library.",
     "", "p"},
    {"create", "nn_status %(@ **model, uint64_t seed)",
     "Makes a model. Parameters that have an initialiser are drawn from it with this seed when they are first needed,\n"
     "unless they have been loaded or set by then. On failure *model is NULL and the status says it all: NN_CPU if "
     "the\n"
     "processor lacks a feature that the library was built for, NN_MEMORY, NN_INVALID.",
     "nnrt_create", "ipl", true},
    {"destroy", "void %(@ *model)", "Frees the model. Destroy its contexts first. NULL is allowed.", "nnrt_destroy",
     "vp"},
    {"load", "nn_status %(@ *model, const char *path)",
     "Reads all parameters from a .safetensors file. Tensors that are missing or do not match are listed, all of "
     "them,\n"
     "in the message, and the model stays as it was. Tensors that the model does not know are no failure; they are\n"
     "listed as well. Needs the model exclusively.",
     "nnrt_load", "ipp"},
    {"load_part", "nn_status %(@ *model, const char *prefix, const char *path)",
     "Reads the file's tensors to the paths below `prefix` (\"backbone\"; \"\" is the whole model) and leaves the rest "
     "as "
     "it\nis. Needs the model exclusively.",
     "nnrt_load_part", "ippp"},
    {"save", "nn_status %(const @ *model, const char *path)",
     "Writes all parameters and buffers to a .safetensors file: the old file or the new one is there, never a half.",
     "nnrt_save", "ipp"},
    {"checkpoint", "nn_status %(const @ *model, const char *path)",
     "Writes everything that training goes on from to a .safetensors file: parameters, buffers, what the optimizers\n"
     "keep, steps so far, seed and count of the random draws. The old file or the new one is there, never a half.",
     "nnrt_checkpoint", "ipp", false, ModelFunction::Training},
    {"resume", "nn_status %(@ *model, const char *path)",
     "Reads what checkpoint has written. Training goes on, bit for bit, as if it had never stopped: in another\n"
     "process, on contexts of any seed and number of threads. If the file is damaged or no checkpoint of this model,\n"
     "the message says all that is wrong and the model stays as it was. States of contexts are not in the file.\n"
     "Needs the model exclusively.",
     "nnrt_resume", "ipp", false, ModelFunction::Training},
    {"use_average", "nn_status %(@ *model, int32_t on)",
     "With 1 entries, save and get see the averages of the parameters (before the first update: the parameters), and\n"
     "what would change parameters is NN_INVALID: train steps, load, load_part, set. With 0 the parameters are back.\n"
     "checkpoint writes the same file either way; resume ends their use. Needs the model exclusively.",
     "nnrt_use_average", "ipi", false, ModelFunction::Average},
    {"get",
     "nn_status %(const @ *model, const char *path, void *data, nn_type type, const int64_t *shape, int32_t rank)",
     "Copies the parameter or buffer of this path, row after row, to `data`. Type, shape and rank say what `data` is "
     "and\n"
     "must be the parameter's.",
     "nnrt_get", "ipppipi"},
    {"set",
     "nn_status %(@ *model, const char *path, const void *data, nn_type type, const int64_t *shape, int32_t rank)",
     "Copies `data` to the parameter or buffer of this path. Needs the model exclusively.", "nnrt_set", "ipppipi"},
    {"parameter_count", "int64_t %(const @ *model)", "Number of parameters and buffers.", "nnrt_parameter_count", "lp"},
    {"parameter_info", "nn_status %(const @ *model, int64_t index, nn_parameter_info *info)",
     "Describes parameter or buffer `index`, from 0.", "nnrt_parameter_info", "iplp"},
    {"error", "const char *%(const @ *model)",
     "Why the last call on the model that failed did so. Valid until the next call that needs the model exclusively.",
     "nnrt_error", "pp"},
    {"context_create", "nn_status %(@_context **context, @ *model, $uint64_t seed)",
     "Makes a context: what one user of the model needs (states, workspace, random numbers of this seed, threads).\n"
     "Sizes are those of the states and stay as they are. Train steps draw by the seed of the model.",
     "nnrt_context_create", "ippsl"},
    {"context_destroy", "void %(@_context *context)", "Frees the context and ends its threads. NULL is allowed.",
     "nnrt_context_destroy", "vp"},
    {"reset", "nn_status %(@_context *context)", "Gives the states their first values again.", "nnrt_reset", "ip"},
    {"context_set_threads", "nn_status %(@_context *context, int32_t threads)",
     "Number of threads of this context's calls, the caller's included. At first it is NNC_THREADS from the "
     "environment,\n"
     "else the number of processors that the process may use. Results do not depend on it.",
     "nnrt_context_set_threads", "ipi"},
    {"context_error", "const char *%(const @_context *context)",
     "Why the last call on this context failed. Valid until the next call on it.", "nnrt_context_error", "pp"},
    {"call", "nn_status %(@_context *context, const char *entry, void *const *arguments)",
     "Calls the entry of this name. `arguments` holds the address of each argument of its C function after the "
     "context,\n"
     "in order: of the number for a size or a scalar, of the first element for a tensor, the graph itself for a "
     "graph,\n"
     "NULL for an optional argument that is left out.",
     "nnrt_call_by_name", "ippp"},
};

} // namespace

std::vector<ModelFunction> modelFunctions(const Model &model) {
  bool trains = any_of(model.entries, [](const Entry &entry) { return entry.isTrain; });
  bool averages = any_of(model.parameters, [](const Parameter &p) {
    return !p.train.empty() && StringRef(p.path).starts_with(p.train + "/average/");
  });
  std::vector<ModelFunction> result;
  for (const ModelFunction &function : functions)
    if (function.where == ModelFunction::Always || (function.where == ModelFunction::Training ? trains : averages))
      result.push_back(function);
  return result;
}

ArrayRef<StringRef> sharedFunctions() {
  static constexpr StringRef names[] = {"nn_status_text", "nn_graph_create", "nn_graph_destroy"};
  return names;
}

std::vector<std::string> exportedSymbols(const Interface &interface) {
  std::vector<std::string> names(sharedFunctions().begin(), sharedFunctions().end());
  for (const Model &model : interface.models) {
    for (const ModelFunction &function : modelFunctions(model))
      names.push_back(model.cName + "_" + function.suffix.str());
    for (const Entry &entry : model.entries)
      names.push_back(entry.function);
  }
  return names;
}

StringRef cType(nn_type type) {
  switch (type) {
  case NN_F64:
    return "double";
  case NN_F32:
    return "float";
  case NN_F16:
  case NN_BF16:
    return "uint16_t";
  case NN_I64:
    return "int64_t";
  case NN_I32:
    return "int32_t";
  case NN_I8:
    return "int8_t";
  case NN_BOOL:
    return "uint8_t";
  }
  llvm_unreachable("element type");
}

StringRef typeName(nn_type type) {
  constexpr StringRef names[] = {"f64", "f32", "f16", "bf16", "i64", "i32", "i8", "bool"};
  return names[type];
}

nn_type elementType(const Argument &argument) { return argument.kind == ArgumentKind::Size ? NN_I64 : argument.type; }

std::string shapeText(ArrayRef<std::string> shape) { return shape.empty() ? "" : "[" + join(shape, ", ") + "]"; }

std::string shapeText(ArrayRef<int64_t> shape) {
  return shapeText(map_to_vector(shape, [](int64_t size) { return std::to_string(size); }));
}

} // namespace nnc::emit
