#include "runtime/Read.h"

#include "runtime/Convert.h"

namespace nnrt {

bool Plan::prepare() {
  if (!allocate(moveTable, model.storedCount * static_cast<int64_t>(sizeof(Move))) ||
      !allocate(foundTable, model.storedCount))
    return false;
  moves = reinterpret_cast<Move *>(moveTable.data);
  found = reinterpret_cast<uint8_t *>(foundTable.data);
  return true;
}

bool isBelow(const char *path, const char *prefix) {
  size_t length = strlen(prefix);
  return !length || (!strncmp(path, prefix, length) && path[length] == '.');
}

/// The model's tensor for one of the file.
static Tensor *findTarget(const Plan &plan, const FileTensor &tensor, Text &name) {
  if (plan.exact)
    return plan.model.findStored(tensor.name, tensor.nameLength);
  if (!plan.prefix || !*plan.prefix)
    return plan.model.find(tensor.name, tensor.nameLength);
  name.clear();
  (name << plan.prefix << ".").add(tensor.name, tensor.nameLength);
  return name.cut ? nullptr : plan.model.find(name.get(), name.length);
}

static bool fits(const Plan &plan, const FileTensor &tensor, const nnrt_parameter &parameter) {
  nn_type type = static_cast<nn_type>(parameter.type);
  bool converts =
      plan.exact ? tensor.known == type : tensor.known >= 0 && canConvert(static_cast<nn_type>(tensor.known), type);
  return converts && tensor.hasShape(parameter.shape, parameter.rank);
}

/// Fills plan.moves and adds to `misfits` what does not fit.
static void findMoves(Plan &plan, List &misfits) {
  Text name;
  List unknown(plan.unknown);
  for (int64_t i = 0; i < plan.file.count; ++i) {
    const FileTensor &tensor = plan.file.tensors[i];
    Tensor *target = findTarget(plan, tensor, name);
    if (!target) {
      if (unknown.next())
        plan.unknown.name(tensor.name, tensor.nameLength);
      continue;
    }
    int64_t to = target - plan.model.tensors;
    if (plan.found[to]) // the file has two of them; it is refused anyway
      continue;
    const nnrt_parameter &parameter = plan.model.parameter(*target);
    bool given = plan.model.given[to];
    plan.found[to] = 1;
    plan.moves[plan.moveCount++] = {i, to, given ? plan.asideBytes : -1};
    plan.asideBytes += given ? parameter.bytes : 0;
    if (fits(plan, tensor, parameter) || !misfits.next())
      continue;
    Text &text = misfits.text;
    text.name(target->path) << " is ";
    text.add(tensor.type, tensor.typeLength < 16 ? tensor.typeLength : 16) << " ";
    tensor.showShape(text);
    (text << " in the file and " << elementName(static_cast<nn_type>(parameter.type)) << " ")
            .shape(parameter.shape, parameter.rank)
        << " in the model";
  }
  unknown.finish();
  plan.unknownCount = unknown.count;
}

void listMissing(const Plan &plan, List &list, bool required) {
  const Model &model = plan.model;
  for (int64_t i = 0, count = plan.exact ? model.storedCount : model.tensorCount; i < count; ++i) {
    const Tensor &tensor = model.tensors[i];
    bool mustBeThere = plan.exact || (!plan.prefix && !model.parameter(tensor).is_buffer);
    if (!plan.found[i] && mustBeThere == required && isBelow(tensor.path, plan.prefix ? plan.prefix : "") &&
        list.next())
      list.text.name(tensor.path);
  }
  list.finish();
}

bool matchTensors(Plan &plan, Text &problems) {
  Text missingText(kPart), misfitText(kPart);
  List missing(missingText), misfits(misfitText);
  findMoves(plan, misfits);
  misfits.finish();
  listMissing(plan, missing, true);
  auto gap = [&] { return problems.length ? "; " : ""; };
  if (missing.count)
    problems << gap() << missing.count << " of its tensors missing: " << missingText.get();
  if (misfits.count)
    problems << gap() << misfits.count << " of another shape or type: " << misfitText.get();
  bool nothing = plan.prefix && !plan.moveCount;
  if (nothing)
    (problems << gap() << "none of its tensors lies below ").name(plan.prefix);
  bool ok = !missing.count && !misfits.count && !nothing && !(plan.exact && plan.unknownCount);
  if (!ok && plan.unknownCount)
    problems << gap() << "not in the model: " << plan.unknown.get();
  return ok;
}

/// Reads one tensor to `to` in the model's type.
static bool readTensor(const Plan &plan, const FileTensor &tensor, nn_type type, int64_t count, char *to, Block &buffer,
                       Text &message) {
  nn_type from = static_cast<nn_type>(tensor.known);
  int64_t fromBytes = elementBytes(from), toBytes = elementBytes(type);
  if (from == type)
    return plan.file.read(tensor, 0, to, static_cast<uint64_t>(count * toBytes), message);
  int64_t chunk = buffer.bytes / fromBytes;
  for (int64_t at = 0; at < count; at += chunk) {
    int64_t now = count - at < chunk ? count - at : chunk;
    if (!plan.file.read(tensor, static_cast<uint64_t>(at * fromBytes), buffer.data,
                        static_cast<uint64_t>(now * fromBytes), message))
      return false;
    convert(to + at * toBytes, type, buffer.data, from, now);
  }
  return true;
}

nn_status readValues(Plan &plan, Text &message) {
  Model &model = plan.model;
  ScopedBlock buffer;
  if (!allocate(plan.aside, plan.asideBytes) || !allocate(buffer, 1 << 18)) {
    message << "not enough memory to read the file";
    return NN_MEMORY;
  }
  for (int64_t i = 0; i < plan.moveCount; ++i) {
    const Move &move = plan.moves[i];
    const Tensor &tensor = model.tensors[move.to];
    const nnrt_parameter &parameter = model.parameter(tensor);
    char *to = move.aside < 0 ? model.data(tensor) : plan.aside.data + move.aside;
    if (!readTensor(plan, plan.file.tensors[move.from], static_cast<nn_type>(parameter.type), elementCount(parameter),
                    to, buffer, message))
      return NN_FILE;
    if (plan.exact && parameter.bytes)
      plan.hash = hashBytes(plan.hash, to, static_cast<uint64_t>(parameter.bytes));
  }
  return plan.file.unchanged(message) ? NN_OK : NN_FILE;
}

void commitValues(Plan &plan) {
  Model &model = plan.model;
  for (int64_t i = 0; i < plan.moveCount; ++i) {
    const Move &move = plan.moves[i];
    const Tensor &tensor = model.tensors[move.to];
    if (move.aside >= 0)
      memcpy(model.data(tensor), plan.aside.data + move.aside, static_cast<size_t>(model.parameter(tensor).bytes));
    model.given[move.to] = 1;
    model.changed(tensor.parameter);
  }
}

} // namespace nnrt
