// The .safetensors format: 8 bytes length, a JSON header, the tensors' bytes without gaps.
#ifndef NNC_RUNTIME_SAFETENSORS_H
#define NNC_RUNTIME_SAFETENSORS_H

#include "runtime/Text.h"
#include "runtime/include/nnc.h"

#include <sys/stat.h>

namespace nnrt {

/// One tensor of a file. Pointers lead into the header.
struct FileTensor {
  const char *name;    ///< not NUL-terminated
  const char *shape;   ///< text between the brackets
  const char *type;    ///< name of its type, not NUL-terminated
  uint64_t begin, end; ///< bytes after the header
  uint32_t nameLength, typeLength, shapeLength;
  int32_t rank;
  int32_t known; ///< nn_type, or -1 for one that no model has

  /// True if the file's shape is this one.
  bool hasShape(const int64_t *sizes, int32_t count) const;
  /// Adds "[3, 4]", of a very high rank the beginning.
  void showShape(Text &text) const;
};

/// A value of the file's metadata that a reader asks for.
struct FileField {
  const char *key;
  const char *value; ///< not NUL-terminated; leads into the header
  uint32_t length;
  int32_t times; ///< how often the key is there
};

/// A file that was opened and whose header is sound: every tensor's bytes lie in the file and none overlap.
struct SafetensorsFile {
  ~SafetensorsFile();

  /// NN_FILE, NN_MEMORY or NN_OK; what is wrong goes to `message`. With `problems` a list of tensors that are not sound
  /// goes there instead, and if nothing else is wrong the result is NN_OK; none of them may be read then.
  nn_status open(const char *path, Text &message, Text *problems = nullptr);
  /// Reads bytes of a tensor. False, with a message, if the file gives less.
  bool read(const FileTensor &tensor, uint64_t offset, void *to, uint64_t bytes, Text &message);
  /// False, with a message, if the file is not what it was when it was opened.
  bool unchanged(Text &message);

  int64_t count = 0;
  FileTensor *tensors = nullptr; ///< in the order of their bytes
  FileField *fields = nullptr;   ///< set before `open`, which fills in what there is
  int32_t fieldCount = 0;

private:
  nn_status parse(Text &message, Text *problems);
  bool parseMetadata(struct Json &json);
  bool parseTensor(struct Json &json, FileTensor &tensor);
  nn_status findDuplicates(Text &message, List &problems);
  void findMisplaced(List &problems);
  nn_status fail(Text &message, const char *problem);
  nn_status noMemory(Text &message);

  const char *path = nullptr;
  int descriptor = -1;
  struct stat before = {};
  uint64_t dataStart = 0;
  ScopedBlock header, table;
};

/// A tensor to write.
struct SourceTensor {
  const char *path;
  const int64_t *shape;
  const void *data;
  int64_t bytes;
  int32_t rank;
  nn_type type;
};

/// Writes a file whose data starts at a multiple of 64, wide elements first, so that every tensor is aligned. After a
/// failure, or a crash at any time, `path` is what it was before. `metadata`: more of it, `,"key":"value"` each.
nn_status writeSafetensors(const char *path, const SourceTensor *tensors, int64_t count, const char *metadata,
                           Text &message);

/// A number that tells texts and values apart; `start` is the one of what comes before them. Not for secrets.
uint64_t hashBytes(uint64_t start, const void *data, uint64_t bytes);
/// Of the tensors' values in the order of the file.
uint64_t hashValues(uint64_t start, const SourceTensor *tensors, int64_t count);

/// "`path`: text: cause", the cause from errno.
nn_status fileFailure(Text &message, const char *path, const char *text, int error);

} // namespace nnrt
#endif // NNC_RUNTIME_SAFETENSORS_H
