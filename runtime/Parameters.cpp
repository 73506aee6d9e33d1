// Parameters one at a time: what there is, reading and writing values.
#include "runtime/Convert.h"
#include "runtime/Cpu.h"
#include "runtime/Model.h"

using namespace nnrt;

/// NULL, with a message, if there is no such tensor or it has another shape or type.
static Tensor *findTensor(const Model &model, const char *path, nn_type type, const int64_t *shape, int32_t rank,
                          Text &message) {
  if (!path || (rank > 0 && !shape)) {
    message << (path ? "the shape is NULL" : "the path is NULL");
    return nullptr;
  }
  Tensor *tensor = model.find(path, strlen(path));
  if (!tensor) {
    (message << "there is no parameter ").name(path);
    return nullptr;
  }
  const nnrt_parameter &parameter = model.parameter(*tensor);
  nn_type own = static_cast<nn_type>(parameter.type);
  if (rank != parameter.rank || (rank > 0 && memcmp(shape, parameter.shape, static_cast<size_t>(rank) * 8))) {
    message.name(path) << " has the shape ";
    message.shape(parameter.shape, parameter.rank) << ", not ";
    if (rank < 0)
      message << "one of rank " << rank;
    else if (rank > 64)
      message << "one of rank " << rank;
    else
      message.shape(shape, rank);
    return nullptr;
  }
  if (!isType(type) || !canConvert(type, own)) {
    message.name(path) << " has the type " << elementName(own) << ", which is not converted to or from "
                       << (isType(type) ? elementName(type) : "a type that does not exist");
    return nullptr;
  }
  return tensor;
}

static bool lacksData(const void *data, const nnrt_parameter &parameter, Text &message) {
  if (data || !parameter.bytes)
    return false;
  message << "the data is NULL";
  return true;
}

static nn_status get(Model &model, const char *path, void *data, nn_type type, const int64_t *shape, int32_t rank,
                     Text &message) {
  Tensor *tensor = findTensor(model, path, type, shape, rank, message);
  if (!tensor || lacksData(data, model.parameter(*tensor), message))
    return NN_INVALID;
  const nnrt_parameter &parameter = model.parameter(*tensor);
  if (!__atomic_load_n(&model.given[tensor - model.tensors], __ATOMIC_ACQUIRE)) {
    if (!hasFirstValue(parameter)) {
      message.name(path) << " has no value, load or set it";
      return NN_INVALID;
    }
    Team alone;
    Seat seat;
    makeSingle(alone, seat);
    FloatMode mode;
    Locked locked(model.lock);
    if (nn_status status = drawParameter(model, alone, tensor->parameter, message))
      return status;
  }
  convert(data, type, model.data(*tensor), static_cast<nn_type>(parameter.type), elementCount(parameter));
  return NN_OK;
}

extern "C" nn_status nnrt_get(void *handle, const char *path, void *data, nn_type type, const int64_t *shape,
                              int32_t rank) {
  KeepErrno keep;
  Model *model = asModel(handle);
  if (!model)
    return NN_INVALID;
  Text message;
  nn_status status = get(*model, path, data, type, shape, rank, message);
  if (status)
    addNote(*model, message);
  return status;
}

extern "C" nn_status nnrt_set(void *handle, const char *path, const void *data, nn_type type, const int64_t *shape,
                              int32_t rank) {
  KeepErrno keep;
  Model *model = asModel(handle);
  if (!model)
    return NN_INVALID;
  Text message;
  Tensor *tensor = refuseAveraging(*model, message) ? nullptr : findTensor(*model, path, type, shape, rank, message);
  bool good = tensor && !lacksData(data, model->parameter(*tensor), message);
  if (good) {
    const nnrt_parameter &parameter = model->parameter(*tensor);
    convert(model->data(*tensor), static_cast<nn_type>(parameter.type), data, type, elementCount(parameter));
    model->given[tensor - model->tensors] = 1;
    model->changed(tensor->parameter);
  }
  setNote(*model, message);
  return good ? NN_OK : NN_INVALID;
}

extern "C" int64_t nnrt_parameter_count(const void *handle) {
  Model *model = asModel(handle);
  return model ? model->tensorCount : 0;
}

extern "C" nn_status nnrt_parameter_info(void *handle, int64_t index, nn_parameter_info *info) {
  KeepErrno keep;
  Model *model = asModel(handle);
  if (!model)
    return NN_INVALID;
  if (!info || index < 0 || index >= model->tensorCount) {
    Text message;
    if (info)
      message << "there is no parameter " << index << ", there are " << model->tensorCount;
    else
      message << "the place for the information is NULL";
    addNote(*model, message);
    return NN_INVALID;
  }
  const Tensor &tensor = model->tensors[index];
  const nnrt_parameter &parameter = model->parameter(tensor);
  *info = {tensor.path, parameter.shape, parameter.rank, static_cast<nn_type>(parameter.type), parameter.is_buffer};
  return NN_OK;
}
