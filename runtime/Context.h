// A context: one user of a model, with its workspace and threads. It serves one call at a time.
#ifndef NNC_RUNTIME_CONTEXT_H
#define NNC_RUNTIME_CONTEXT_H

#include "runtime/Model.h"

namespace nnrt {

struct Context {
  explicit Context(Model &model) : model(&model) {}

  uint64_t magic = kContext;
  Model *model;
  Block memory{}; ///< holds this object itself
  uint64_t seed = 0, calls = 0;
  uint32_t busy = 0;                         ///< a call is running
  Block frame{};                             ///< workspace; grows when a call needs more
  Block seats{};                             ///< of the team
  int64_t *dims = nullptr, *bytes = nullptr; ///< sizes of a call, and of its arguments in bytes
  int64_t *sizes = nullptr;                  ///< of the states, by name
  void **states = nullptr;                   ///< their places in `stateMemory`
  Block stateMemory{};
  Text message;
  Team team{};
};

Context *asContext(const void *handle);

/// Gives the states their memory and first values. Nothing is kept if it fails.
nn_status makeStates(Context &context);
/// Sets all states to their first values.
nn_status resetStates(Context &context);

/// Marks a context as busy while in scope; `free` is false if it was busy already.
struct Busy {
  explicit Busy(Context &context) : context(context), free(!__atomic_exchange_n(&context.busy, 1, __ATOMIC_ACQUIRE)) {}
  ~Busy() {
    if (free)
      __atomic_store_n(&context.busy, 0, __ATOMIC_RELEASE);
  }
  Context &context;
  bool free;
};

/// Reads the sizes and checks all arguments before anything is written: NULL, sizes, alignment, overlaps, values. Fills
/// context.dims and context.bytes.
nn_status checkArguments(Context &context, const nnrt_entry &entry, void *const *arguments, int64_t &frameBytes,
                         int64_t &work);
/// Adds "entry: message" with its places filled in. Of position and value in `where`, `known` are known; none: a
/// message about sizes.
void addMessage(Context &context, const nnrt_entry &entry, int32_t code, const int64_t *where, int32_t known);

} // namespace nnrt
#endif // NNC_RUNTIME_CONTEXT_H
