// First values and packed copies, made when somebody first needs them.
//   1. A parameter that was neither loaded nor set is drawn or computed; that depends on the model's seed and the
//      parameter's path alone, so it does not matter when, or on how many threads.
//   2. A packed copy is made again when its parameter has changed since.
//   3. An entry for which nothing has changed since its last call finds that out by one comparison.
#include "runtime/Convert.h"
#include "runtime/Model.h"

namespace nnrt {

static bool isGiven(const Model &model, int64_t tensor) {
  return __atomic_load_n(&model.given[tensor], __ATOMIC_ACQUIRE);
}

static nn_status noMemory(Text &message, int64_t bytes, const char *what) {
  message << what << " needs " << bytes << " bytes more than there are";
  return NN_MEMORY;
}

/// Runs an initialiser or a packing.
static nn_status runAlone(Model &model, Team &team, const nnrt_entry &entry, void *const *arguments, Text &message) {
  int64_t bytes[1] = {0}, frameBytes = 0, work = 0;
  if (entry.measure)
    entry.measure(nullptr, team.limit, bytes, &frameBytes, &work);
  ScopedBlock frame;
  if (!allocate(frame, frameBytes))
    return noMemory(message, frameBytes, "making the parameters");
  nnrt_team caller = team.shared;
  team.shared.seed = model.seed;
  team.shared.calls = 0;
  runTeam(team, {&entry, nullptr, arguments, model.slab.data, model.packed.data, nullptr, frame.data}, work);
  team.shared.seed = caller.seed;
  team.shared.calls = caller.calls;
  return NN_OK;
}

nn_status drawParameter(Model &model, Team &team, int32_t index, Text &message) {
  const nnrt_parameter &parameter = model.table->parameters[index];
  int64_t first = model.firstTensor[index], given = 0;
  for (int64_t copy = 0; copy < parameter.copies; ++copy)
    given += isGiven(model, first + copy);
  if (given == parameter.copies)
    return NN_OK;

  char *slab = model.slab.data + parameter.offset;
  if (const nnrt_draw *draw = parameter.draw) {
    int64_t count = parameter.bytes / elementBytes(static_cast<nn_type>(parameter.type));
    for (int64_t copy = 0; copy < parameter.copies; ++copy)
      if (!isGiven(model, first + copy)) {
        draw->run(draw, model.seed, copy, count, static_cast<nn_type>(parameter.type), slab + copy * parameter.bytes);
        __atomic_store_n(&model.given[first + copy], 1, __ATOMIC_RELEASE);
      }
    return NN_OK;
  }

  // The initialiser makes all copies; where some have values already it draws elsewhere.
  ScopedBlock aside;
  if (given && !allocate(aside, parameter.copies * parameter.bytes))
    return noMemory(message, parameter.copies * parameter.bytes, parameter.path);
  void *target = given ? aside.data : slab;
  if (nn_status status = runAlone(model, team, *parameter.initialiser, &target, message))
    return status;
  for (int64_t copy = 0; copy < parameter.copies; ++copy) {
    if (isGiven(model, first + copy))
      continue;
    if (given)
      memcpy(slab + copy * parameter.bytes, aside.data + copy * parameter.bytes, static_cast<size_t>(parameter.bytes));
    __atomic_store_n(&model.given[first + copy], 1, __ATOMIC_RELEASE);
  }
  return NN_OK;
}

/// Inference leaves alone what only training needs.
static bool isNeeded(const nnrt_parameter &parameter, const char *train) {
  return !parameter.train || (train && (!*train || !strcmp(train, parameter.train)));
}

nn_status drawAll(Model &model, Team &team, const char *train, Text &message) {
  List missing(message);
  for (int64_t i = 0; i < model.storedCount; ++i) {
    if (isGiven(model, i))
      continue;
    const nnrt_parameter &parameter = model.parameter(model.tensors[i]);
    if (hasFirstValue(parameter) || !isNeeded(parameter, train))
      continue;
    if (!missing.count)
      message << "these parameters have no values, load or set them: ";
    if (missing.next())
      message.name(model.tensors[i].path);
  }
  missing.finish();
  if (missing.count)
    return NN_INVALID;
  for (int32_t p = 0; p < model.table->parameter_count; ++p) {
    if (!isNeeded(model.table->parameters[p], train))
      continue;
    if (nn_status status = drawParameter(model, team, p, message))
      return status;
  }
  return NN_OK;
}

nn_status makeReady(Model &model, Team &team, int32_t index, Text &message) {
  uint64_t now = model.allChanges + 1;
  if (__atomic_load_n(&model.readyAt[index], __ATOMIC_ACQUIRE) == now)
    return NN_OK;
  const nnrt_entry &entry = model.table->entries[index];
  Locked locked(model.lock);
  if (nn_status status = drawAll(model, team, entry.is_train ? entry.name : nullptr, message))
    return status;
  int64_t remade = -1; // place of the last copy that was made: one of several parameters is listed once for each
  for (int32_t i = 0; i < entry.pack_count; ++i) {
    const nnrt_pack &pack = model.table->packs[entry.packs[i]];
    uint64_t &packedAt = model.packedAt[entry.packs[i]], wanted = model.changes[pack.parameter] + 1;
    if (packedAt == wanted)
      continue;
    if (pack.offset != remade)
      if (nn_status status = runAlone(model, team, *pack.run, nullptr, message))
        return status;
    remade = pack.offset;
    packedAt = wanted;
  }
  __atomic_store_n(&model.readyAt[index], now, __ATOMIC_RELEASE);
  return NN_OK;
}

} // namespace nnrt
