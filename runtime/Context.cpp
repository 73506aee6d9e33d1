// Making contexts, and their number of threads.
#include "runtime/Context.h"

#include <stdlib.h>

/// Constructs an object in memory that is there already.
struct Here {};
inline void *operator new(size_t, void *memory, Here) noexcept { return memory; }

namespace nnrt {

/// The largest NNC_WORK_PER_THREAD that makes sense: more than any call does.
static constexpr int64_t kMostWork = 1'000'000'000'000'000;

Context *asContext(const void *handle) {
  if (!handle || reinterpret_cast<uintptr_t>(handle) % alignof(Context))
    return nullptr;
  auto *context = const_cast<Context *>(static_cast<const Context *>(handle));
  return context->magic == kContext ? context : nullptr;
}

/// A variable of the environment as a number in low .. high, the default where it is not set, -1 if it makes no sense.
static int64_t setting(const char *name, int64_t low, int64_t high, int64_t otherwise) {
  const char *text = getenv(name);
  if (!text || !*text)
    return otherwise;
  int64_t value = 0;
  for (; *text; ++text) {
    if (*text < '0' || *text > '9' || value > high)
      return -1;
    value = value * 10 + (*text - '0');
  }
  return low <= value && value <= high ? value : -1;
}

/// Gives the team room for `threads`. Nothing has changed if there is no memory.
static bool resize(Context &context, int32_t threads) {
  Block seats;
  if (!allocate(seats, threads * static_cast<int64_t>(sizeof(Seat))))
    return false;
  endTeam(context.team);
  release(context.seats);
  context.seats = seats;
  setTeam(context.team, reinterpret_cast<Seat *>(seats.data), threads);
  return true;
}

static void destroy(Context &context) {
  endTeam(context.team);
  release(context.seats);
  release(context.frame);
  release(context.stateMemory);
  __atomic_store_n(&context.magic, 0, __ATOMIC_RELAXED); // a handle used too late is found out, with luck
  context.message.~Text();
  Block memory = context.memory;
  release(memory);
}

/// No fewer than the arguments of an entry, and than the sizes that its code gets.
static int64_t sizesOf(const nnrt_entry &entry) {
  int64_t count = entry.argument_count + entry.state_size_count;
  for (int32_t i = 0; i < entry.argument_count; ++i)
    if (entry.arguments[i].kind == NNRT_GRAPH)
      count += 3;
  return count;
}

/// The sizes of the states; says which one makes no sense.
static bool readStateSizes(Context &context, const int64_t *sizes, Text &message) {
  const nnrt_model &table = *context.model->table;
  for (int32_t i = 0; i < table.state_size_count; ++i) {
    context.sizes[i] = sizes ? sizes[i] : -1;
    if (sizes && sizes[i] >= 0 && sizes[i] < kMostSize)
      continue;
    message << "context_create: size " << table.state_sizes[i];
    if (sizes)
      message << " is " << sizes[i] << (sizes[i] < 0 ? ", must be 0 or more" : ", must be below 2^47");
    else
      message << " is missing";
    return false;
  }
  return true;
}

/// The object and the arrays for the arguments of its largest entry, in one block.
static Context *make(Model &model) {
  const nnrt_model &table = *model.table;
  int64_t most = table.state_size_count + 1; // of the initialiser of a state
  for (int32_t i = 0; i < table.entry_count; ++i)
    if (int64_t count = sizesOf(table.entries[i]); count > most)
      most = count;
  Block memory;
  if (!allocate(memory,
                static_cast<int64_t>(sizeof(Context)) + (2 * most + table.state_size_count + table.state_count) * 8))
    return nullptr;
  Context *context = ::new (memory.data, Here()) Context(model);
  context->memory = memory;
  context->dims = reinterpret_cast<int64_t *>(memory.data + sizeof(Context));
  context->bytes = context->dims + most;
  context->sizes = context->bytes + most;
  context->states = reinterpret_cast<void **>(context->sizes + table.state_size_count);
  return context;
}

} // namespace nnrt

using namespace nnrt;

extern "C" nn_status nnrt_context_create(void **out, void *handle, const int64_t *sizes, uint64_t seed) {
  KeepErrno keep;
  if (out)
    *out = nullptr;
  Model *model = asModel(handle);
  if (!model)
    return NN_INVALID;
  Text message;
  int64_t threads = setting("NNC_THREADS", 1, kMostThreads, availableThreads());
  // 0: every call runs on all threads, however small it is. Tests need that.
  int64_t worth = setting("NNC_WORK_PER_THREAD", 0, kMostWork, kWorkPerThread);
  if (!out || threads < 0 || worth < 0) {
    if (!out)
      message << "the place for the context is NULL";
    else if (threads < 0)
      (message << "the environment variable NNC_THREADS is ").name(getenv("NNC_THREADS"))
          << ", must be a number from 1 to " << kMostThreads;
    else
      (message << "the environment variable NNC_WORK_PER_THREAD is ").name(getenv("NNC_WORK_PER_THREAD"))
          << ", must be a number from 0 to " << kMostWork;
    addNote(*model, message);
    return NN_INVALID;
  }
  Context *context = make(*model);
  // Room for a message, so that even a lack of memory can be told.
  if (!context || !context->message.reserve(500) || !resize(*context, static_cast<int32_t>(threads))) {
    if (context)
      destroy(*context);
    addNote(*model, message << "not enough memory for a context");
    return NN_MEMORY;
  }
  context->seed = seed;
  context->team.worth = worth;
  nn_status status = readStateSizes(*context, sizes, message) ? makeStates(*context) : NN_INVALID;
  if (status) {
    message << context->message.get();
    destroy(*context);
    addNote(*model, message);
    return status;
  }
  *out = context;
  return NN_OK;
}

extern "C" void nnrt_context_destroy(void *handle) {
  KeepErrno keep;
  if (Context *context = asContext(handle))
    destroy(*context);
}

extern "C" nn_status nnrt_reset(void *handle) {
  Context *context = asContext(handle);
  if (!context)
    return NN_INVALID;
  Busy busy(*context);
  if (!busy.free)
    return NN_INVALID;
  context->message.clear();
  return resetStates(*context);
}

extern "C" nn_status nnrt_context_set_threads(void *handle, int32_t threads) {
  KeepErrno keep;
  Context *context = asContext(handle);
  if (!context)
    return NN_INVALID;
  Busy busy(*context);
  if (!busy.free)
    return NN_INVALID;
  context->message.clear();
  if (threads < 1 || threads > kMostThreads) {
    context->message << "the number of threads is " << threads << ", must be from 1 to " << kMostThreads;
    return NN_INVALID;
  }
  if (resize(*context, threads))
    return NN_OK;
  context->message << "not enough memory for " << threads << " threads";
  return NN_MEMORY;
}

extern "C" const char *nnrt_context_error(const void *handle) {
  Context *context = asContext(handle);
  return context ? context->message.get() : "the context is NULL or not a context";
}
