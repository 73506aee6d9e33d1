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

/// A file that was opened and whose header is sound: every tensor's bytes lie in the file and none overlap.
struct SafetensorsFile {
  ~SafetensorsFile();

  /// NN_FILE, NN_MEMORY or NN_OK; what is wrong goes to `message`.
  nn_status open(const char *path, Text &message);
  /// Reads bytes of a tensor. False, with a message, if the file gives less.
  bool read(const FileTensor &tensor, uint64_t offset, void *to, uint64_t bytes, Text &message);
  /// False, with a message, if the file is not what it was when it was opened.
  bool unchanged(Text &message);

  int64_t count = 0;
  FileTensor *tensors = nullptr; ///< in the order of their bytes

private:
  nn_status parse(Text &message);
  bool parseTensor(struct Json &json, FileTensor &tensor);
  bool findDuplicate(Text &message, nn_status &status);
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
/// failure, or a crash at any time, `path` is what it was before.
nn_status writeSafetensors(const char *path, const SourceTensor *tensors, int64_t count, Text &message);

/// "`path`: text: cause", the cause from errno.
nn_status fileFailure(Text &message, const char *path, const char *text, int error);

} // namespace nnrt
#endif // NNC_RUNTIME_SAFETENSORS_H
