// A model in memory: its parameters, their packed copies, and what is known about both.
//
// Who may do what at the same time: load, load_part, set and entries that write have the model for themselves (the
// caller sees to it). Everything else may run side by side; what it changes (first values, packed copies, the message)
// it changes under `lock`.
#ifndef NNC_RUNTIME_MODEL_H
#define NNC_RUNTIME_MODEL_H

#include "runtime/Abi.h"
#include "runtime/Lock.h"
#include "runtime/Team.h"
#include "runtime/Text.h"

namespace nnrt {

constexpr uint64_t kModel = 0x6c65646f6d636e6e;   ///< first word of a model: "nncmodel"
constexpr int64_t kMostSize = int64_t(1) << 47;   ///< all sizes are below
constexpr uint64_t kContext = 0x747865746e636e6e; ///< of a context

/// One parameter or buffer as files and C see it: one copy.
struct Tensor {
  const char *path;
  uint32_t pathLength;
  int32_t parameter; ///< index into the table
  int64_t copy;
};

/// A message of the model. Notes stay as they are until the next call that has the model for itself, so a reader needs
/// no lock.
struct Note {
  const Note *older;
  char text[];
};

struct Model {
  uint64_t magic;
  const nnrt_model *table;
  uint64_t seed;       ///< of first values and of train steps
  uint64_t trainCalls; ///< calls of train steps so far: part of the key of their random draws
  Block slab;          ///< parameters; never moves
  Block packed;        ///< packed copies
  Block tables;        ///< the arrays below

  int64_t tensorCount; ///< of the model's own tensors
  int64_t storedCount; ///< with those that train steps keep; they stand behind
  Tensor *tensors;
  int64_t *firstTensor; ///< by parameter: its copy 0 in `tensors`
  uint32_t *index;      ///< hash table over paths: tensor + 1, or 0
  uint64_t indexMask;
  uint8_t *given;     ///< by tensor: it has a value (loaded, set or drawn)
  uint64_t *changes;  ///< by parameter: how often its value was replaced
  uint64_t *packedAt; ///< by pack: 1 + `changes` when it was made; 0: never
  uint64_t *readyAt;  ///< by entry: 1 + `allChanges` when everything it needs was there
  uint64_t allChanges;
  Lock lock;
  const Note *note; ///< the latest
  int32_t noteCount;
  int32_t noteLost;  ///< the latest could not be kept
  Block weights;     ///< while averages are in use: values of the parameters that have one (Average.cpp)
  int32_t averaging; ///< they are

  const nnrt_parameter &parameter(const Tensor &tensor) const { return table->parameters[tensor.parameter]; }
  char *data(const Tensor &tensor) const {
    const nnrt_parameter &p = parameter(tensor);
    return slab.data + p.offset + tensor.copy * p.bytes;
  }
  /// One of the model's own; NULL if there is none of that path.
  Tensor *find(const char *path, size_t length) const;
  /// The same, or one that a train step keeps.
  Tensor *findStored(const char *path, size_t length) const;
  void changed(int32_t parameter) {
    ++changes[parameter];
    ++allChanges;
  }
};

/// The model behind a handle, or NULL if it is none.
Model *asModel(const void *handle);

/// Message of a call that has the model for itself; "" if there is nothing to say.
void setNote(Model &model, const Text &text);
/// Message of a call beside which others may run.
void addNote(Model &model, const Text &text);
void freeNotes(Model &model);

/// Elements of one copy.
int64_t elementCount(const nnrt_parameter &parameter);

/// A parameter without one must be loaded or set.
inline bool hasFirstValue(const nnrt_parameter &parameter) { return parameter.initialiser || parameter.draw; }
/// Draws the values of a parameter that has an initialiser, of those copies that have none. Under the lock.
nn_status drawParameter(Model &model, Team &team, int32_t parameter, Text &message);
/// Draws every value that is not there yet: the model's own, and those that the train step of this name keeps ("": all
/// of them do; NULL: none). NN_INVALID, naming all, if a parameter can not be drawn. Under the lock.
nn_status drawAll(Model &model, Team &team, const char *train, Text &message);
/// The first `count` tensors as a file has them (an array of SourceTensor in `table`); draws what is not there yet, as
/// drawAll.
nn_status listTensors(Model &model, const char *path, const char *train, int64_t count, ScopedBlock &table,
                      Text &message);
/// Before an entry runs: all values are there, and packed copies that it reads belong to them. Takes the lock if
/// needed.
nn_status makeReady(Model &model, Team &team, int32_t entry, Text &message);

/// The parameter whose average a train step keeps in this tensor; NULL for all other tensors.
Tensor *averagedBy(const Model &model, const Tensor &tensor);
/// Calls visit(average, parameter, place of the parameter's own values in model.weights) for each average.
template <typename Visit> void eachAverage(const Model &model, Visit visit) {
  int64_t place = 0;
  for (int64_t i = model.tensorCount; i < model.storedCount; ++i)
    if (Tensor *parameter = averagedBy(model, model.tensors[i])) {
      visit(model.tensors[i], *parameter, place);
      place += model.parameter(*parameter).bytes;
    }
}
/// Gives up the averages that are in use: the values in the slab are the parameters' own from now on.
void forgetAverages(Model &model);
/// What changes parameters is refused while averages are in their places.
bool refuseAveraging(const Model &model, Text &message);

} // namespace nnrt
#endif // NNC_RUNTIME_MODEL_H
