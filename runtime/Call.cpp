// One call of an entry:
//   1. all arguments are checked; nothing has been written when one is refused
//   2. parameters get their first values, stale packed copies are made again
//   3. the workspace grows if this call needs more than any before
//   4. the kernels run, on as many threads as the work is worth
//   5. what they reported becomes the message
// A call with the sizes of an earlier one allocates nothing.
#include "runtime/Context.h"
#include "runtime/Cpu.h"

namespace nnrt {

static bool growFrame(Context &context, int64_t bytes) {
  if (bytes <= context.frame.bytes)
    return true;
  // Sizes that grow slowly from call to call should not cost an allocation each time.
  int64_t more = context.frame.bytes + context.frame.bytes / 4;
  release(context.frame);
  return (more > bytes && allocate(context.frame, more)) || allocate(context.frame, bytes);
}

static nn_status call(Context &context, int32_t index, void *const *arguments) {
  Model &model = *context.model;
  const nnrt_entry &entry = model.table->entries[index];
  Text &message = context.message;
  FloatMode mode;
  if (entry.is_train && model.averaging) {
    message << entry.name << ": ";
    refuseAveraging(model, message);
    return NN_INVALID;
  }
  int64_t frameBytes = 0, work = 0;
  if (nn_status status = checkArguments(context, entry, arguments, frameBytes, work))
    return status;

  message << entry.name << ": "; // of what may go wrong now
  if (nn_status status = makeReady(model, context.team, index, message))
    return status;
  if (!growFrame(context, frameBytes)) {
    message << "its workspace of " << frameBytes << " bytes is more memory than there is";
    return NN_MEMORY;
  }
  message.clear();

  Team &team = context.team;
  // Of a train step the model's, so that a run is the same on any context. Its calls count from 1: first values, which
  // are of the same seed, count as 0.
  team.shared.seed = entry.is_train ? model.seed : context.seed;
  team.shared.calls = entry.is_train ? ++model.trainCalls : context.calls++;
  runTeam(team,
          {&entry, context.dims, arguments, model.slab.data, model.packed.data, context.states, context.frame.data},
          work);
  for (int32_t i = 0; i < entry.write_count; ++i)
    model.changed(entry.writes[i]);
  if (!team.shared.failed) {
    if (!team.shared.numeric)
      return NN_OK;
    message << entry.name << ": the loss is not finite; nothing has changed but loss and metrics";
    return NN_NUMERIC;
  }
  int32_t code;
  int64_t position;
  reported(team, code, position);
  addMessage(context, entry, code, &position, 1);
  return NN_INVALID;
}

} // namespace nnrt

using namespace nnrt;

extern "C" nn_status nnrt_call(void *handle, int32_t entry, void *const *arguments) {
  KeepErrno keep;
  Context *context = asContext(handle);
  if (!context || !asModel(context->model))
    return NN_INVALID;
  Busy busy(*context);
  if (!busy.free)
    return NN_INVALID;
  context->message.clear();
  if (entry >= 0 && entry < context->model->table->entry_count)
    return call(*context, entry, arguments);
  context->message << "there is no entry " << entry;
  return NN_INVALID;
}

extern "C" nn_status nnrt_call_by_name(void *handle, const char *name, void *const *arguments) {
  KeepErrno keep;
  Context *context = asContext(handle);
  if (!context || !asModel(context->model))
    return NN_INVALID;
  const nnrt_model &table = *context->model->table;
  for (int32_t i = 0; name && i < table.entry_count; ++i)
    if (!strcmp(table.entries[i].name, name))
      return nnrt_call(handle, i, arguments);
  Busy busy(*context);
  if (!busy.free)
    return NN_INVALID;
  Text &message = context->message;
  message.clear();
  if (!name) {
    message << "the name of the entry is NULL";
    return NN_INVALID;
  }
  (message << "there is no entry ").name(name) << "; entries of " << table.name << ": ";
  List entries(message);
  for (int32_t i = 0; i < table.entry_count; ++i)
    if (entries.next())
      message << table.entries[i].name;
  entries.finish();
  return NN_INVALID;
}
