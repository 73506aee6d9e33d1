// What a checkpoint file holds beside its tensors, in the metadata of its header.
#ifndef NNC_RUNTIME_CHECKPOINT_H
#define NNC_RUNTIME_CHECKPOINT_H

#include "runtime/Model.h"

namespace nnrt {

constexpr uint64_t kCheckpointVersion = 1;

/// Keys of the metadata. The hash is the one of the other four, as they are written, and of all values (hashBytes): it
/// finds out what was damaged on the way, not what somebody forged with care.
constexpr char kVersionKey[] = "nnc_checkpoint", kModelKey[] = "nnc_model", kSeedKey[] = "nnc_seed",
               kCallsKey[] = "nnc_calls", kHashKey[] = "nnc_hash";

/// Adds `,"key":"value"` of all but the hash.
void addCheckpointFields(Text &text, const Model &model, uint64_t seed, uint64_t calls);

} // namespace nnrt
#endif // NNC_RUNTIME_CHECKPOINT_H
