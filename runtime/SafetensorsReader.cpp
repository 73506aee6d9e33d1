// Reads .safetensors files: opens only regular files, reads with pread (a mapped file that shrinks would be a signal),
// and can tell afterwards whether the file has changed meanwhile. SafetensorsHeader.cpp checks the header.
#include "runtime/Safetensors.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

namespace nnrt {

static constexpr uint64_t kHeader = 100'000'000; ///< the format's own limit

nn_status fileFailure(Text &message, const char *path, const char *text, int error) {
  const char *cause = strerrordesc_np(error);
  message.name(path) << " " << text << ": " << (cause ? cause : "unknown error");
  return error == ENOMEM ? NN_MEMORY : NN_FILE;
}

nn_status SafetensorsFile::fail(Text &message, const char *problem) {
  message.name(path) << " is not a valid .safetensors file: " << problem;
  return NN_FILE;
}

nn_status SafetensorsFile::noMemory(Text &message) {
  (message << "not enough memory for the header of ").name(path);
  return NN_MEMORY;
}

SafetensorsFile::~SafetensorsFile() {
  if (descriptor >= 0)
    close(descriptor);
}

/// Reads exactly `bytes` from `offset`. 0, or what errno says; -1 at the end of the file.
static int readAt(int descriptor, void *to, uint64_t bytes, uint64_t offset) {
  char *at = static_cast<char *>(to);
  while (bytes) {
    size_t chunk = bytes < (64 << 20) ? bytes : 64 << 20;
    ssize_t got = pread(descriptor, at, chunk, static_cast<off_t>(offset));
    if (got == 0)
      return -1;
    if (got < 0) {
      if (errno == EINTR)
        continue;
      return errno;
    }
    at += got, offset += got, bytes -= got;
  }
  return 0;
}

nn_status SafetensorsFile::open(const char *name, Text &message, Text *problems) {
  path = name;
  // Without O_NONBLOCK a pipe without a writer would block.
  do
    descriptor = ::open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  while (descriptor < 0 && errno == EINTR);
  if (descriptor < 0 || fstat(descriptor, &before))
    return fileFailure(message, path, "can not be opened", errno);
  if (!S_ISREG(before.st_mode)) {
    message.name(path) << " is not a regular file";
    return NN_FILE;
  }

  uint64_t size = static_cast<uint64_t>(before.st_size), length = 0;
  if (size < 8)
    return fail(message, "it has less than 8 bytes");
  if (int error = readAt(descriptor, &length, 8, 0))
    return fileFailure(message, path, "can not be read", error > 0 ? error : EIO);
  if (length > kHeader)
    return fail(message, "its header is larger than 100,000,000 bytes");
  if (length > size - 8)
    return fail(message, "its header is longer than the file");
  if (!allocate(header, static_cast<int64_t>(length) + 1))
    return noMemory(message);
  if (int error = readAt(descriptor, header.data, length, 8))
    return fileFailure(message, path, "can not be read", error > 0 ? error : EIO);
  dataStart = length + 8;
  return parse(message, problems);
}

bool SafetensorsFile::read(const FileTensor &tensor, uint64_t offset, void *to, uint64_t bytes, Text &message) {
  int error = readAt(descriptor, to, bytes, dataStart + tensor.begin + offset);
  if (error > 0)
    fileFailure(message, path, "can not be read", error);
  else if (error)
    message.name(path) << " became shorter while it was read";
  return !error;
}

bool SafetensorsFile::unchanged(Text &message) {
  struct stat now;
  if (!fstat(descriptor, &now) && now.st_size == before.st_size && now.st_mtim.tv_sec == before.st_mtim.tv_sec &&
      now.st_mtim.tv_nsec == before.st_mtim.tv_nsec)
    return true;
  message.name(path) << " was changed while it was read";
  return false;
}

} // namespace nnrt
