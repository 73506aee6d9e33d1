// From a .safetensors file into the model, all or nothing:
//   1. open the file and check all of it but the values (Safetensors)
//   2. find each of its tensors in the model; collect everything that is missing or does not fit
//   3. read and convert: straight into the slab where there is no value yet, else aside
//   4. make sure that the file is still the same, then commit
#include "runtime/Convert.h"
#include "runtime/Model.h"
#include "runtime/Safetensors.h"

namespace nnrt {

namespace {
/// One tensor's way: indices into the file's and the model's tensors.
struct Move {
  int64_t from, to;
  int64_t aside; ///< where it is read to first, or -1: straight into the slab
};

/// What a load works on.
struct Plan {
  Model &model;
  SafetensorsFile &file;
  const char *prefix; ///< NULL: the whole model, strictly
  Move *moves;        ///< in the order of the file
  int64_t moveCount;
  int64_t asideBytes;
  uint8_t *found; ///< by the model's tensor: the file has it
  Text unknown{}; ///< names in the file that the model does not know
};
} // namespace

/// True if `path` lies below `prefix`; everything lies below "".
static bool isBelow(const char *path, const char *prefix) {
  size_t length = strlen(prefix);
  return !length || (!strncmp(path, prefix, length) && path[length] == '.');
}

/// The model's tensor for one of the file.
static Tensor *findTarget(const Plan &plan, const FileTensor &tensor, Text &name) {
  if (!plan.prefix || !*plan.prefix)
    return plan.model.find(tensor.name, tensor.nameLength);
  name.clear();
  (name << plan.prefix << ".").add(tensor.name, tensor.nameLength);
  return name.cut ? nullptr : plan.model.find(name.get(), name.length);
}

/// Fills plan.moves and adds to `misfits` what does not fit.
static void matchTensors(Plan &plan, List &misfits) {
  Text name;
  List unknown(plan.unknown);
  for (int64_t i = 0; i < plan.file.count; ++i) {
    const FileTensor &tensor = plan.file.tensors[i];
    Tensor *target = findTarget(plan, tensor, name);
    if (!target) {
      if (unknown.next())
        plan.unknown.name(tensor.name, tensor.nameLength);
      continue;
    }
    int64_t to = target - plan.model.tensors;
    const nnrt_parameter &parameter = plan.model.parameter(*target);
    bool given = plan.model.given[to];
    plan.found[to] = 1;
    plan.moves[plan.moveCount++] = {i, to, given ? plan.asideBytes : -1};
    plan.asideBytes += given ? parameter.bytes : 0;
    nn_type type = static_cast<nn_type>(parameter.type);
    bool converts = tensor.known >= 0 && canConvert(static_cast<nn_type>(tensor.known), type);
    if ((converts && tensor.hasShape(parameter.shape, parameter.rank)) || !misfits.next())
      continue;
    Text &text = misfits.text;
    text.name(target->path) << " is ";
    text.add(tensor.type, tensor.typeLength < 16 ? tensor.typeLength : 16) << " ";
    tensor.showShape(text);
    (text << " in the file and " << elementName(type) << " ").shape(parameter.shape, parameter.rank) << " in the model";
  }
  unknown.finish();
}

/// Tensors of the model that the file lacks: as errors, or as notes about what keeps its value.
static void listMissing(const Plan &plan, List &list, bool asErrors) {
  const Model &model = plan.model;
  for (int64_t i = 0; i < model.tensorCount; ++i) {
    const Tensor &tensor = model.tensors[i];
    bool mustBeThere = !plan.prefix && !model.parameter(tensor).is_buffer;
    if (!plan.found[i] && mustBeThere == asErrors && isBelow(tensor.path, plan.prefix ? plan.prefix : "") &&
        list.next())
      list.text.name(tensor.path);
  }
  list.finish();
}

static nn_status match(Plan &plan, const char *path, Text &message) {
  Text missingText, misfitText;
  List missing(missingText), misfits(misfitText);
  matchTensors(plan, misfits);
  misfits.finish();
  listMissing(plan, missing, true);
  bool nothing = plan.prefix && !plan.moveCount;
  if (!missing.count && !misfits.count && !nothing)
    return NN_OK;
  message.name(path) << " does not fit the model " << plan.model.table->name << ": ";
  if (missing.count)
    message << missing.count << " of its tensors missing: " << missingText.get();
  if (misfits.count)
    message << (missing.count ? "; " : "") << misfits.count << " of another shape or type: " << misfitText.get();
  if (nothing) {
    message << "none of its tensors lies below ";
    message.name(plan.prefix);
  }
  if (plan.unknown.length)
    message << "; not in the model: " << plan.unknown.get();
  return NN_FILE;
}

/// Reads one tensor to `to` in the model's type.
static bool readTensor(const Plan &plan, const FileTensor &tensor, nn_type type, int64_t count, char *to, Block &buffer,
                       Text &message) {
  nn_type from = static_cast<nn_type>(tensor.known);
  int64_t fromBytes = elementBytes(from), toBytes = elementBytes(type);
  if (from == type)
    return plan.file.read(tensor, 0, to, static_cast<uint64_t>(count * toBytes), message);
  int64_t chunk = buffer.bytes / fromBytes;
  for (int64_t at = 0; at < count; at += chunk) {
    int64_t now = count - at < chunk ? count - at : chunk;
    if (!plan.file.read(tensor, static_cast<uint64_t>(at * fromBytes), buffer.data,
                        static_cast<uint64_t>(now * fromBytes), message))
      return false;
    convert(to + at * toBytes, type, buffer.data, from, now);
  }
  return true;
}

static nn_status noMemory(Text &message) {
  message << "not enough memory to read the file";
  return NN_MEMORY;
}

static nn_status readValues(const Plan &plan, Text &message) {
  Model &model = plan.model;
  ScopedBlock aside, buffer;
  if (!allocate(aside, plan.asideBytes) || !allocate(buffer, 1 << 18))
    return noMemory(message);
  for (int64_t i = 0; i < plan.moveCount; ++i) {
    const Move &move = plan.moves[i];
    const Tensor &tensor = model.tensors[move.to];
    const nnrt_parameter &parameter = model.parameter(tensor);
    char *to = move.aside < 0 ? model.data(tensor) : aside.data + move.aside;
    if (!readTensor(plan, plan.file.tensors[move.from], static_cast<nn_type>(parameter.type), elementCount(parameter),
                    to, buffer, message))
      return NN_FILE;
  }
  if (!plan.file.unchanged(message))
    return NN_FILE;

  for (int64_t i = 0; i < plan.moveCount; ++i) {
    const Move &move = plan.moves[i];
    const Tensor &tensor = model.tensors[move.to];
    if (move.aside >= 0)
      memcpy(model.data(tensor), aside.data + move.aside, static_cast<size_t>(model.parameter(tensor).bytes));
    model.given[move.to] = 1;
    model.changed(tensor.parameter);
  }
  return NN_OK;
}

/// After success the message says what was left out.
static nn_status load(Model &model, const char *prefix, const char *path, Text &message) {
  if (!path) {
    message << "the path of the file is NULL";
    return NN_INVALID;
  }
  bool below = !prefix;
  for (int64_t i = 0; i < model.tensorCount && !below; ++i)
    below = isBelow(model.tensors[i].path, prefix);
  if (!below) {
    (message << "the model has no parameter below ").name(prefix);
    return NN_INVALID;
  }
  SafetensorsFile file;
  if (nn_status status = file.open(path, message))
    return status;
  ScopedBlock moves, found;
  if (!allocate(moves, model.tensorCount * static_cast<int64_t>(sizeof(Move))) || !allocate(found, model.tensorCount))
    return noMemory(message);
  Plan plan{model, file, prefix, reinterpret_cast<Move *>(moves.data), 0, 0, reinterpret_cast<uint8_t *>(found.data)};
  if (nn_status status = match(plan, path, message))
    return status;
  if (nn_status status = readValues(plan, message))
    return status;

  Text keptText;
  List kept(keptText);
  listMissing(plan, kept, false);
  if (plan.unknown.length)
    message << "not in the model, ignored: " << plan.unknown.get();
  if (kept.count)
    message << (message.length ? "; " : "") << "not in the file, kept as they were: " << keptText.get();
  return NN_OK;
}

} // namespace nnrt

using namespace nnrt;

extern "C" nn_status nnrt_load(void *handle, const char *path) {
  KeepErrno keep;
  Model *model = asModel(handle);
  if (!model)
    return NN_INVALID;
  Text message;
  nn_status status = load(*model, nullptr, path, message);
  setNote(*model, message);
  return status;
}

extern "C" nn_status nnrt_load_part(void *handle, const char *prefix, const char *path) {
  KeepErrno keep;
  Model *model = asModel(handle);
  if (!model)
    return NN_INVALID;
  Text message;
  nn_status status = NN_INVALID;
  if (prefix)
    status = load(*model, prefix, path, message);
  else
    message << "the path of the part is NULL";
  setNote(*model, message);
  return status;
}
