// From a .safetensors file into the model's tensors, all or nothing: what load, load_part and resume share.
#ifndef NNC_RUNTIME_READ_H
#define NNC_RUNTIME_READ_H

#include "runtime/Model.h"
#include "runtime/Safetensors.h"

namespace nnrt {

/// Longest list of one kind of problems, so that a message has room for all kinds.
constexpr size_t kPart = 15 << 10;

/// One tensor's way: indices into the file's and the model's tensors.
struct Move {
  int64_t from, to;
  int64_t aside; ///< where it is read to first, or -1: straight into the slab
};

/// What a reader works on, and what it has found out.
struct Plan {
  Plan(Model &model, SafetensorsFile &file, const char *prefix, bool exact)
      : model(model), file(file), prefix(prefix), exact(exact), unknown(exact ? kPart : Text::kMessage) {}
  /// Room for the arrays; false if there is not enough memory.
  bool prepare();

  Model &model;
  SafetensorsFile &file;
  const char *prefix; ///< NULL: the whole model, strictly
  bool exact;         ///< a checkpoint: every tensor, those of train steps as well, each in its own type, and no other
  uint64_t hash = 0;  ///< of the values that were read (hashBytes)
  Move *moves = nullptr; ///< in the order of the file
  int64_t moveCount = 0, asideBytes = 0;
  uint8_t *found = nullptr; ///< by the model's tensor: the file has it
  Text unknown;             ///< names in the file that the model does not know
  int64_t unknownCount = 0;
  ScopedBlock moveTable, foundTable, aside;
};

/// True if `path` lies below `prefix`; everything lies below "".
bool isBelow(const char *path, const char *prefix);
/// Finds the file's tensors in the model. False, with what does not fit in `problems`, all of it.
bool matchTensors(Plan &plan, Text &problems);
/// Tensors of the model that the file lacks: those that must be there, or those that keep their values.
void listMissing(const Plan &plan, List &list, bool required);
/// Reads all values, as far as they have one already aside. What was read counts only once it is committed.
nn_status readValues(Plan &plan, Text &message);
void commitValues(Plan &plan);

} // namespace nnrt
#endif // NNC_RUNTIME_READ_H
