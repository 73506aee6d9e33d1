// The model's values into a .safetensors file.
#include "runtime/Cpu.h"
#include "runtime/Model.h"
#include "runtime/Safetensors.h"

using namespace nnrt;

nn_status nnrt::listTensors(Model &model, const char *path, const char *train, int64_t count, ScopedBlock &table,
                            Text &message) {
  if (!path) {
    message << "the path of the file is NULL";
    return NN_INVALID;
  }
  {
    Team alone;
    Seat seat;
    makeSingle(alone, seat);
    FloatMode mode;
    Locked locked(model.lock);
    if (nn_status status = drawAll(model, alone, train, message))
      return status;
  }
  if (!allocate(table, count * static_cast<int64_t>(sizeof(SourceTensor)))) {
    message << "not enough memory to write the file";
    return NN_MEMORY;
  }
  auto *tensors = reinterpret_cast<SourceTensor *>(table.data);
  for (int64_t i = 0; i < count; ++i) {
    const Tensor &tensor = model.tensors[i];
    const nnrt_parameter &p = model.parameter(tensor);
    tensors[i] = {tensor.path, p.shape, model.data(tensor), p.bytes, p.rank, static_cast<nn_type>(p.type)};
  }
  return NN_OK;
}

static nn_status save(Model &model, const char *path, Text &message) {
  ScopedBlock table;
  if (nn_status status = listTensors(model, path, nullptr, model.tensorCount, table, message))
    return status;
  return writeSafetensors(path, reinterpret_cast<SourceTensor *>(table.data), model.tensorCount, "", message);
}

extern "C" nn_status nnrt_save(void *handle, const char *path) {
  KeepErrno keep;
  Model *model = asModel(handle);
  if (!model)
    return NN_INVALID;
  Text message;
  nn_status status = save(*model, path, message);
  if (status)
    addNote(*model, message);
  return status;
}
