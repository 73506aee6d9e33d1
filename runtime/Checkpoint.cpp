// All that training goes on from, into one .safetensors file: the model's own tensors, those that train steps keep
// (their updates so far among them), and in the metadata seed and count of the random draws. No context has a part in
// it: a train step draws by the model's seed and its calls on the model.
#include "runtime/Checkpoint.h"

#include "runtime/Cpu.h"
#include "runtime/Safetensors.h"

namespace nnrt {

void addCheckpointFields(Text &text, const Model &model, uint64_t seed, uint64_t calls) {
  text << ",\"" << kVersionKey << "\":\"" << kCheckpointVersion << "\",\"" << kModelKey << "\":\"" << model.table->name;
  (text << "\",\"" << kSeedKey << "\":\"").whole(seed);
  (text << "\",\"" << kCallsKey << "\":\"").whole(calls) << "\"";
}

static nn_status noMemory(Text &message) {
  message << "not enough memory to write the file";
  return NN_MEMORY;
}

static nn_status checkpoint(Model &model, const char *path, Text &message) {
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
    if (nn_status status = drawAll(model, alone, /*train=*/"", message))
      return status;
  }
  ScopedBlock table;
  if (!allocate(table, model.storedCount * static_cast<int64_t>(sizeof(SourceTensor))))
    return noMemory(message);
  auto *tensors = reinterpret_cast<SourceTensor *>(table.data);
  for (int64_t i = 0; i < model.storedCount; ++i) {
    const Tensor &tensor = model.tensors[i];
    const nnrt_parameter &p = model.parameter(tensor);
    tensors[i] = {tensor.path, p.shape, model.data(tensor), p.bytes, p.rank, static_cast<nn_type>(p.type)};
  }
  if (model.averaging) // training goes on from the weights, not from what stands in their places
    eachAverage(model, [&](const Tensor &, const Tensor &parameter, int64_t place) {
      tensors[&parameter - model.tensors].data = model.weights.data + place;
    });

  Text metadata;
  addCheckpointFields(metadata, model, model.seed, model.trainCalls);
  uint64_t hash = hashValues(hashBytes(0, metadata.get(), metadata.length), tensors, model.storedCount);
  (metadata << ",\"" << kHashKey << "\":\"").hexadecimal(hash) << "\"";
  if (metadata.cut)
    return noMemory(message);
  return writeSafetensors(path, tensors, model.storedCount, metadata.get(), message);
}

} // namespace nnrt

using namespace nnrt;

extern "C" nn_status nnrt_checkpoint(void *handle, const char *path) {
  KeepErrno keep;
  Model *model = asModel(handle);
  if (!model)
    return NN_INVALID;
  Text message;
  nn_status status = checkpoint(*model, path, message);
  if (status)
    addNote(*model, message);
  return status;
}
