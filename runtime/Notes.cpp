// The messages of a model. Calls that run side by side may fail at the same time while somebody reads an older message,
// so a message is never changed: a new one is put before it, and all of them go when a call has the model for itself.
#include "runtime/Model.h"

#include <stdlib.h>

namespace nnrt {

/// Messages that are kept at most; a program that polls with failing calls must not fill the memory.
static constexpr int32_t kMostNotes = 256;

static bool push(Model &model, const Text &text) {
  auto *note = static_cast<Note *>(malloc(sizeof(Note) + text.length + 1));
  if (!note)
    return false;
  note->older = model.note;
  memcpy(note->text, text.get(), text.length + 1);
  __atomic_store_n(&model.note, note, __ATOMIC_RELEASE);
  ++model.noteCount;
  return true;
}

void freeNotes(Model &model) {
  while (model.note) {
    const Note *older = model.note->older;
    free(const_cast<Note *>(model.note));
    model.note = older;
  }
  model.noteCount = model.noteLost = 0;
}

void setNote(Model &model, const Text &text) {
  freeNotes(model);
  model.noteLost = text.length ? !push(model, text) : text.cut;
}

void addNote(Model &model, const Text &text) {
  Locked locked(model.lock);
  bool known = model.note && !strcmp(model.note->text, text.get());
  if (!known && (!text.length || model.noteCount == kMostNotes || !push(model, text)))
    __atomic_store_n(&model.noteLost, 1, __ATOMIC_RELAXED);
}

} // namespace nnrt

extern "C" const char *nnrt_error(const void *handle) {
  nnrt::Model *model = nnrt::asModel(handle);
  if (!model)
    return "the model is NULL or not a model";
  if (__atomic_load_n(&model->noteLost, __ATOMIC_RELAXED))
    return "a call failed and its message could not be kept; its status says what happened";
  const nnrt::Note *note = __atomic_load_n(&model->note, __ATOMIC_ACQUIRE);
  return note ? note->text : "";
}
