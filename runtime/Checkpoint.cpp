// All that training goes on from, into one .safetensors file: the model's own tensors, those that train steps keep
// (their updates so far among them), and in the metadata seed and count of the random draws. No context has a part in
// it: a train step draws by the model's seed and its calls on the model.
#include "runtime/Checkpoint.h"

#include "runtime/Safetensors.h"

namespace nnrt {

void addCheckpointFields(Text &text, const Model &model, uint64_t seed, uint64_t calls) {
  text << ",\"" << kVersionKey << "\":\"" << kCheckpointVersion << "\",\"" << kModelKey << "\":\"" << model.table->name;
  (text << "\",\"" << kSeedKey << "\":\"").whole(seed);
  (text << "\",\"" << kCallsKey << "\":\"").whole(calls) << "\"";
}

static nn_status checkpoint(Model &model, const char *path, Text &message) {
  ScopedBlock table;
  if (nn_status status = listTensors(model, path, /*train=*/"", model.storedCount, table, message))
    return status;
  auto *tensors = reinterpret_cast<SourceTensor *>(table.data);
  if (model.averaging) // training goes on from the weights, not from what stands in their places
    eachAverage(model, [&](const Tensor &, const Tensor &parameter, int64_t place) {
      tensors[&parameter - model.tensors].data = model.weights.data + place;
    });

  Text metadata;
  addCheckpointFields(metadata, model, model.seed, model.trainCalls);
  uint64_t hash = hashValues(hashBytes(0, metadata.get(), metadata.length), tensors, model.storedCount);
  (metadata << ",\"" << kHashKey << "\":\"").hexadecimal(hash) << "\"";
  if (metadata.cut) {
    message << "not enough memory to write the file";
    return NN_MEMORY;
  }
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
