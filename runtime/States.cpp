// The states of a context: one block of memory, filled with their first values.
#include "runtime/Context.h"
#include "runtime/Cpu.h"

namespace nnrt {

static constexpr int64_t kAlignment = 64;

/// The sizes that the initialiser asks for go to context.dims.
static void readSizes(Context &context, const nnrt_state &state) {
  for (int32_t i = 0; i < state.initialiser->dim_count; ++i)
    context.dims[i] = context.sizes[state.sizes[i]];
}

static nn_status noMemory(Context &context, int64_t bytes) {
  context.message << "the states need " << bytes << " bytes, more memory than there is";
  return NN_MEMORY;
}

nn_status makeStates(Context &context) {
  const nnrt_model &table = *context.model->table;
  int64_t total = 0;
  for (int32_t i = 0; i < table.state_count; ++i) {
    const nnrt_entry &first = *table.states[i].initialiser;
    readSizes(context, table.states[i]);
    int64_t frame = 0, work = 0;
    if (first.measure(context.dims, context.team.limit, context.bytes, &frame, &work)) {
      (context.message << "state ").name(table.states[i].path) << " is too large";
      return NN_INVALID;
    }
    context.states[i] = reinterpret_cast<void *>(total); // until the memory is there
    total += (context.bytes[first.dim_count] + kAlignment - 1) / kAlignment * kAlignment;
    if (total >= kMostSize)
      return noMemory(context, total);
  }
  if (total && !allocate(context.stateMemory, total))
    return noMemory(context, total);
  for (int32_t i = 0; i < table.state_count; ++i)
    context.states[i] = context.stateMemory.data + reinterpret_cast<uintptr_t>(context.states[i]);
  return resetStates(context);
}

nn_status resetStates(Context &context) {
  FloatMode mode;
  const nnrt_model &table = *context.model->table;
  Team &team = context.team;
  team.shared.seed = context.seed;
  team.shared.calls = 0;
  for (int32_t i = 0; i < table.state_count; ++i) {
    const nnrt_entry &first = *table.states[i].initialiser;
    readSizes(context, table.states[i]);
    int64_t frameBytes = 0, work = 0;
    first.measure(context.dims, team.limit, context.bytes, &frameBytes, &work);
    ScopedBlock frame;
    if (!allocate(frame, frameBytes))
      return noMemory(context, frameBytes);
    auto *arguments = reinterpret_cast<void **>(context.bytes); // what stood there has been read
    arguments[first.dim_count] = context.states[i];
    runTeam(team, {&first, context.dims, arguments, nullptr, nullptr, nullptr, frame.data}, work);
  }
  return NN_OK;
}

} // namespace nnrt
