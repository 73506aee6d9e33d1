// From a .safetensors file into the model, all or nothing:
//   1. open the file and check all of it but the values (Safetensors)
//   2. find each of its tensors in the model; collect everything that is missing or does not fit (Read)
//   3. read and convert: straight into the slab where there is no value yet, else aside
//   4. make sure that the file is still the same, then commit
#include "runtime/Read.h"

namespace nnrt {

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
  if (refuseAveraging(model, message))
    return NN_INVALID;
  SafetensorsFile file;
  if (nn_status status = file.open(path, message))
    return status;
  Plan plan(model, file, prefix, /*exact=*/false);
  if (!plan.prepare()) {
    message << "not enough memory to read the file";
    return NN_MEMORY;
  }
  Text problems;
  if (!matchTensors(plan, problems)) {
    message.name(path) << " does not fit the model " << model.table->name << ": " << problems.get();
    return NN_FILE;
  }
  if (nn_status status = readValues(plan, message))
    return status;
  commitValues(plan);

  Text keptText;
  List kept(keptText);
  listMissing(plan, kept, false);
  if (plan.unknownCount)
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
