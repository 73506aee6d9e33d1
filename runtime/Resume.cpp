// From a checkpoint into the model, all or nothing:
//   1. open the file and check all of it but the values
//   2. compare its metadata and its tensors with the model; collect everything that is wrong
//   3. read the values, aside where there is one already, and see that they are those that were written
//   4. commit
#include "runtime/Checkpoint.h"
#include "runtime/Read.h"

namespace nnrt {

namespace {
enum Field { kVersion, kName, kSeed, kCalls, kHash, kFields };

/// What the metadata says.
struct Fields {
  FileField all[kFields] = {{kVersionKey, nullptr, 0, 0},
                            {kModelKey, nullptr, 0, 0},
                            {kSeedKey, nullptr, 0, 0},
                            {kCallsKey, nullptr, 0, 0},
                            {kHashKey, nullptr, 0, 0}};
  uint64_t seed = 0, calls = 0, hash = 0;
};
} // namespace

/// A number as it is written: without leading zeros, or as 16 hexadecimal digits.
static bool readNumber(const FileField &field, bool hexadecimal, uint64_t &value) {
  value = 0;
  if (hexadecimal ? field.length != 16 : !field.length || (field.length > 1 && field.value[0] == '0'))
    return false;
  for (uint32_t i = 0; i < field.length; ++i) {
    char c = field.value[i];
    unsigned digit = c >= '0' && c <= '9'                  ? static_cast<unsigned>(c - '0')
                     : hexadecimal && c >= 'a' && c <= 'f' ? static_cast<unsigned>(c - 'a' + 10)
                                                           : 16;
    uint64_t base = hexadecimal ? 16 : 10;
    if (digit >= base || __builtin_mul_overflow(value, base, &value) || __builtin_add_overflow(value, digit, &value))
      return false;
  }
  return true;
}

/// NN_VERSION where the file is of a format that is not known here; what is wrong otherwise is added to `problems`.
static nn_status readFields(Fields &fields, const char *model, List &problems, Text &message) {
  bool any = false;
  for (const FileField &field : fields.all)
    any |= field.times > 0;
  if (!any) {
    if (problems.next())
      problems.text << "its metadata is not that of a checkpoint (a file of weights alone is read by load)";
    return NN_OK;
  }
  auto wrong = [&](Field field, const char *wanted) {
    const FileField &f = fields.all[field];
    (problems.text.name(f.key) << " in its metadata is ").name(f.value, f.length) << ", must be " << wanted;
  };
  for (int i = 0; i < kFields; ++i) {
    const FileField &field = fields.all[i];
    uint64_t number;
    if (field.times != 1) {
      if (problems.next())
        problems.text.name(field.key) << (field.times ? " is there twice in its metadata" : " is not in its metadata");
    } else if (i == kName) {
      if ((field.length != strlen(model) || memcmp(field.value, model, field.length)) && problems.next())
        (problems.text << "it belongs to the model ").name(field.value, field.length);
    } else if (!readNumber(field, i == kHash, number)) {
      if (problems.next())
        wrong(static_cast<Field>(i), i == kHash ? "16 hexadecimal digits" : "a number below 2^64");
    } else if (i == kVersion) {
      if (number != kCheckpointVersion) {
        message << "it was written by another version of nnc: its format is " << static_cast<int64_t>(number)
                << ", this library knows " << kCheckpointVersion;
        return NN_VERSION;
      }
    } else {
      (i == kSeed ? fields.seed : i == kCalls ? fields.calls : fields.hash) = number;
    }
  }
  return NN_OK;
}

static nn_status resume(Model &model, const char *path, Text &message) {
  if (!path) {
    message << "the path of the file is NULL";
    return NN_INVALID;
  }
  Fields fields;
  SafetensorsFile file;
  file.fields = fields.all;
  file.fieldCount = kFields;
  Text problems, misplaced(kPart);
  if (nn_status status = file.open(path, message, &misplaced))
    return status;
  Plan plan(model, file, nullptr, /*exact=*/true);
  if (!plan.prepare()) {
    message << "not enough memory to read the file";
    return NN_MEMORY;
  }
  List list(problems);
  Text version;
  if (nn_status status = readFields(fields, model.table->name, list, version)) {
    message.name(path) << " can not be read: " << version.get();
    return status;
  }
  list.finish();
  if (misplaced.length)
    problems << (problems.length ? "; " : "") << "it is not a valid .safetensors file: " << misplaced.get();
  matchTensors(plan, problems);
  if (problems.length) {
    message.name(path) << " is not a checkpoint of the model " << model.table->name << ": " << problems.get();
    return NN_FILE;
  }

  Text written;
  addCheckpointFields(written, model, fields.seed, fields.calls);
  plan.hash = hashBytes(0, written.get(), written.length);
  if (nn_status status = readValues(plan, message))
    return status;
  if (plan.hash != fields.hash) {
    message.name(path) << " is damaged: its values are not those that were written";
    return NN_FILE;
  }
  forgetAverages(model);
  commitValues(plan);
  model.seed = fields.seed;
  model.trainCalls = fields.calls;
  return NN_OK;
}

} // namespace nnrt

using namespace nnrt;

extern "C" nn_status nnrt_resume(void *handle, const char *path) {
  KeepErrno keep;
  Model *model = asModel(handle);
  if (!model)
    return NN_INVALID;
  Text message;
  nn_status status = resume(*model, path, message);
  setNote(*model, message);
  return status;
}
