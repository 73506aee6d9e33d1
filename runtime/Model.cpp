// Making a model from the compiler's table, and taking it apart.
#include "runtime/Model.h"

#include "runtime/Convert.h"
#include "runtime/Cpu.h"

#include <stdlib.h>

namespace nnrt {

static uint64_t hashPath(const char *path, size_t length) {
  uint64_t hash = 0xCBF29CE484222325; // FNV-1a
  for (size_t i = 0; i < length; ++i)
    hash = (hash ^ static_cast<unsigned char>(path[i])) * 0x100000001B3;
  return hash ^ hash >> 32;
}

Model *asModel(const void *handle) {
  if (!handle || reinterpret_cast<uintptr_t>(handle) % alignof(Model))
    return nullptr;
  auto *model = const_cast<Model *>(static_cast<const Model *>(handle));
  return model->magic == kModel ? model : nullptr;
}

int64_t elementCount(const nnrt_parameter &parameter) {
  return parameter.bytes / elementBytes(static_cast<nn_type>(parameter.type));
}

Tensor *Model::findStored(const char *path, size_t length) const {
  for (uint64_t at = hashPath(path, length) & indexMask; index[at]; at = (at + 1) & indexMask) {
    Tensor &tensor = tensors[index[at] - 1];
    if (tensor.pathLength == length && !memcmp(tensor.path, path, length))
      return &tensor;
  }
  return nullptr;
}

Tensor *Model::find(const char *path, size_t length) const {
  Tensor *tensor = findStored(path, length);
  return tensor && tensor - tensors < tensorCount ? tensor : nullptr;
}

static constexpr size_t kDigits = 20; ///< that a number in a path may have

static size_t countMarks(const char *path) {
  size_t count = 0;
  for (; *path; ++path)
    count += *path == '#';
  return count;
}

static char *writeNumber(char *to, uint64_t number) {
  char digits[kDigits];
  int count = 0;
  do
    digits[count++] = static_cast<char>('0' + number % 10);
  while (number /= 10);
  while (count)
    *to++ = digits[--count];
  return to;
}

/// Writes the path of one copy and returns its end. Copies of the innermost repeat follow each other.
static char *writePath(char *to, const nnrt_parameter &parameter, int64_t copy) {
  int64_t apart = parameter.copies;
  const int64_t *repeat = parameter.repeats;
  for (const char *from = parameter.path; *from; ++from) {
    if (*from != '#') {
      *to++ = *from;
      continue;
    }
    apart /= repeat[1];
    to = writeNumber(to, static_cast<uint64_t>(repeat[0] + copy / apart % repeat[1]));
    repeat += 2;
  }
  *to = 0;
  return to;
}

/// Hands out the arrays of a model from one block: once to add up their sizes, once for real.
namespace {
struct Arrays {
  uintptr_t base;
  uintptr_t used;
  template <typename T> void take(T *&array, int64_t count) {
    array = reinterpret_cast<T *>(base + used);
    used += (static_cast<uintptr_t>(count) * sizeof(T) + 63) & ~uintptr_t(63);
  }
};
} // namespace

static bool makeTables(Model &model) {
  const nnrt_model &table = *model.table;
  int64_t pathBytes = 0;
  for (int32_t p = 0; p < table.parameter_count; ++p) {
    const nnrt_parameter &parameter = table.parameters[p];
    model.storedCount += parameter.copies;
    model.tensorCount += parameter.train ? 0 : parameter.copies;
    pathBytes +=
        parameter.copies * static_cast<int64_t>(strlen(parameter.path) + 1 + kDigits * countMarks(parameter.path));
  }
  int64_t slots = 4;
  while (slots < model.storedCount * 2)
    slots *= 2;
  model.indexMask = static_cast<uint64_t>(slots - 1);

  char *path = nullptr;
  Arrays arrays = {0, 0};
  for (int round = 0; round < 2; ++round) {
    arrays.take(model.tensors, model.storedCount);
    arrays.take(model.firstTensor, table.parameter_count);
    arrays.take(model.index, slots);
    arrays.take(model.given, model.storedCount);
    arrays.take(model.changes, table.parameter_count);
    arrays.take(model.packedAt, table.pack_count);
    arrays.take(model.readyAt, table.entry_count);
    arrays.take(path, pathBytes);
    if (round == 0) {
      if (!allocate(model.tables, static_cast<int64_t>(arrays.used)))
        return false;
      arrays = {reinterpret_cast<uintptr_t>(model.tables.data), 0};
    }
  }

  int64_t next = 0;
  for (int32_t p = 0; p < table.parameter_count; ++p) {
    const nnrt_parameter &parameter = table.parameters[p];
    model.firstTensor[p] = next;
    for (int64_t copy = 0; copy < parameter.copies; ++copy, ++next) {
      char *end = writePath(path, parameter, copy);
      uint32_t length = static_cast<uint32_t>(end - path);
      model.tensors[next] = {path, length, p, copy};
      uint64_t at = hashPath(path, length) & model.indexMask;
      while (model.index[at])
        at = (at + 1) & model.indexMask;
      model.index[at] = static_cast<uint32_t>(next + 1);
      path = end + 1;
    }
  }
  return true;
}

static void destroy(Model *model) {
  freeNotes(*model);
  forgetAverages(*model);
  release(model->slab);
  release(model->packed);
  release(model->tables);
  __atomic_store_n(&model->magic, 0, __ATOMIC_RELAXED); // a handle used too late is found out, with luck
  free(model);
}

} // namespace nnrt

using namespace nnrt;

extern "C" nn_status nnrt_create(const nnrt_model *table, void **out, uint64_t seed) {
  KeepErrno keep;
  if (!table || !out)
    return NN_INVALID;
  *out = nullptr;
  if (table->size != sizeof(nnrt_model) || table->version != NNRT_ABI_VERSION)
    return NN_VERSION;
  if (table->features && (*table->features & ~cpuFeatures()))
    return NN_CPU;
  auto *model = static_cast<Model *>(calloc(1, sizeof(Model)));
  if (!model)
    return NN_MEMORY;
  model->magic = kModel;
  model->table = table;
  model->seed = seed;
  if (!makeTables(*model) || !allocate(model->slab, table->parameter_bytes) ||
      !allocate(model->packed, table->packed_bytes)) {
    destroy(model);
    return NN_MEMORY;
  }
  *out = model;
  return NN_OK;
}

extern "C" void nnrt_destroy(void *handle) {
  KeepErrno keep;
  if (Model *model = asModel(handle))
    destroy(model);
}
