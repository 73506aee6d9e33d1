// Running with averaged weights. A train step with `average` keeps them in tensors of their own, in f32 or f64. To use
// them the parameters' own values go aside and the averages, rounded to the parameter's type, take their places in the
// slab, where all entries find them. The averages themselves stay where they are.
#include "runtime/Convert.h"
#include "runtime/Cpu.h"
#include "runtime/Model.h"

namespace nnrt {

static constexpr char kAverage[] = "/average/";

Tensor *averagedBy(const Model &model, const Tensor &tensor) {
  const char *train = model.parameter(tensor).train;
  size_t length = train ? strlen(train) : 0, skipped = length + sizeof kAverage - 1;
  if (!train || tensor.pathLength < skipped || memcmp(tensor.path, train, length) ||
      memcmp(tensor.path + length, kAverage, sizeof kAverage - 1))
    return nullptr;
  return model.find(tensor.path + skipped, tensor.pathLength - skipped);
}

/// An average means nothing before the first update of its train step.
static bool hasUpdated(const Model &model, const char *train) {
  size_t length = strlen(train);
  for (int64_t i = model.tensorCount; i < model.storedCount; ++i) {
    const Tensor &tensor = model.tensors[i];
    if (!model.given[i] || strncmp(tensor.path, train, length) || strcmp(tensor.path + length, "/step"))
      continue;
    int64_t count;
    memcpy(&count, model.data(tensor), sizeof count);
    return count > 0;
  }
  return false;
}

static nn_status useAverages(Model &model, Text &message) {
  {
    Team alone;
    Seat seat;
    makeSingle(alone, seat);
    FloatMode mode;
    Locked locked(model.lock);
    if (nn_status status = drawAll(model, alone, nullptr, message))
      return status;
  }
  int64_t bytes = 0;
  eachAverage(model, [&](const Tensor &, const Tensor &parameter, int64_t place) {
    bytes = place + model.parameter(parameter).bytes;
  });
  if (!allocate(model.weights, bytes)) {
    message << "the averages need " << bytes << " bytes, more memory than there is";
    return NN_MEMORY;
  }
  // Two train steps may average one parameter: what goes aside goes first.
  eachAverage(model, [&](const Tensor &, const Tensor &parameter, int64_t place) {
    memcpy(model.weights.data + place, model.data(parameter), static_cast<size_t>(model.parameter(parameter).bytes));
  });
  const char *train = nullptr;
  bool updated = false;
  eachAverage(model, [&](const Tensor &average, const Tensor &parameter, int64_t) {
    const nnrt_parameter &from = model.parameter(average), &to = model.parameter(parameter);
    if (from.train != train)
      updated = hasUpdated(model, train = from.train);
    if (!updated)
      return;
    convert(model.data(parameter), static_cast<nn_type>(to.type), model.data(average), static_cast<nn_type>(from.type),
            elementCount(to));
    model.changed(parameter.parameter);
  });
  model.averaging = 1;
  return NN_OK;
}

static void useWeights(Model &model) {
  eachAverage(model, [&](const Tensor &, const Tensor &parameter, int64_t place) {
    memcpy(model.data(parameter), model.weights.data + place, static_cast<size_t>(model.parameter(parameter).bytes));
    model.changed(parameter.parameter);
  });
  forgetAverages(model);
}

void forgetAverages(Model &model) {
  release(model.weights);
  model.averaging = 0;
}

bool refuseAveraging(const Model &model, Text &message) {
  if (model.averaging)
    message << "the averaged weights are in use; before the weights can change they must be back (use_average with 0)";
  return model.averaging;
}

} // namespace nnrt

using namespace nnrt;

extern "C" nn_status nnrt_use_average(void *handle, int32_t on) {
  KeepErrno keep;
  Model *model = asModel(handle);
  if (!model)
    return NN_INVALID;
  Text message;
  nn_status status = NN_OK;
  if (on && !model->averaging)
    status = useAverages(*model, message);
  else if (!on && model->averaging)
    useWeights(*model);
  setNote(*model, message);
  return status;
}
