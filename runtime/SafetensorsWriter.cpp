// Writes .safetensors files atomically:
//   1. the place: the file that a symbolic link leads to; a new file or a regular one, nothing else
//   2. a temporary beside it, header and data, then fsync: a full disk shows here
//   3. rename over the old file, then fsync of the folder
// A crash before 3 leaves the old file and a temporary `.nnc-*.tmp`.
#include "runtime/Convert.h"
#include "runtime/Safetensors.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

namespace nnrt {

namespace {
/// A write beyond RLIMIT_FSIZE raises a signal that ends the process, unless it is blocked: then the write just fails.
struct BlockFileSizeSignal {
  BlockFileSizeSignal() {
    sigset_t pending;
    sigemptyset(&signal);
    sigaddset(&signal, SIGXFSZ);
    sigpending(&pending);
    wasPending = sigismember(&pending, SIGXFSZ) == 1;
    pthread_sigmask(SIG_BLOCK, &signal, &before);
  }
  ~BlockFileSizeSignal() {
    timespec none = {0, 0};
    if (!wasPending)
      while (sigtimedwait(&signal, nullptr, &none) < 0 && errno == EINTR) {
      }
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }
  sigset_t signal, before;
  bool wasPending;
};

void addString(Text &json, const char *text) {
  json << "\"";
  for (; *text; ++text) {
    char c = *text;
    if (static_cast<unsigned char>(c) < 0x20) {
      constexpr char digits[] = "0123456789abcdef";
      char escape[] = {'\\', 'u', '0', '0', digits[c >> 4], digits[c & 15]};
      json.add(escape, sizeof escape);
      continue;
    }
    if (c == '"' || c == '\\')
      json << "\\";
    json.add(&c, 1);
  }
  json << "\"";
}

/// Calls `visit` with the tensors in the order of the file: wide elements first, otherwise as they come.
template <typename Visit> void inOrder(const SourceTensor *tensors, int64_t count, Visit visit) {
  for (int64_t bytes = 8; bytes; bytes /= 2)
    for (int64_t i = 0; i < count; ++i)
      if (elementBytes(tensors[i].type) == bytes)
        visit(tensors[i]);
}

/// Length and header; the data that follows starts at a multiple of 64.
bool makeHeader(Text &header, const SourceTensor *tensors, int64_t count, const char *metadata) {
  uint64_t length = 0;
  header.add(reinterpret_cast<char *>(&length), 8);
  // "pt" is what PyTorch's own writers say; some readers insist on it.
  header << "{\"__metadata__\":{\"format\":\"pt\"" << metadata << "}";
  int64_t place = 0;
  inOrder(tensors, count, [&](const SourceTensor &tensor) {
    header << ",";
    addString(header, tensor.path);
    header << ":{\"dtype\":\"" << elementName(tensor.type) << "\",\"shape\":";
    header.shape(tensor.shape, tensor.rank) << ",\"data_offsets\":[" << place << "," << place + tensor.bytes << "]}";
    place += tensor.bytes;
  });
  header << "}";
  while (header.length % 64 && !header.cut)
    header << " ";
  if (header.cut)
    return false;
  length = header.length - 8;
  memcpy(header.data, &length, 8);
  return true;
}

/// 0, or what errno says.
int writeAll(int descriptor, const void *data, int64_t bytes) {
  const char *at = static_cast<const char *>(data);
  while (bytes > 0) {
    ssize_t done = write(descriptor, at, static_cast<size_t>(bytes < (64 << 20) ? bytes : 64 << 20));
    if (done < 0 && errno == EINTR)
      continue;
    if (done <= 0)
      return done < 0 ? errno : EIO;
    at += done, bytes -= done;
  }
  return 0;
}

/// Makes a new file in `folder` (which ends with a slash or is empty); its name goes to `name`.
int openTemporary(Text &name, const char *folder, size_t length) {
  for (int attempt = 0; attempt < 100; ++attempt) {
    uint32_t random = 0;
    if (getrandom(&random, sizeof random, GRND_NONBLOCK) != sizeof random)
      random = static_cast<uint32_t>(attempt);
    name.clear();
    (name.add(folder, length) << ".nnc-" << getpid() << "-" << random << ".tmp");
    if (name.cut) {
      errno = ENOMEM;
      return -1;
    }
    int descriptor = ::open(name.get(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (descriptor >= 0 || (errno != EEXIST && errno != EINTR))
      return descriptor;
  }
  return -1;
}

/// Steps 2 and 3.
nn_status replace(const char *path, const struct stat *old, const SourceTensor *tensors, int64_t count,
                  const char *metadata, Text &message) {
  Text header(SIZE_MAX), name(SIZE_MAX);
  if (!makeHeader(header, tensors, count, metadata)) {
    (message << "not enough memory for the header of ").name(path);
    return NN_MEMORY;
  }
  const char *slash = strrchr(path, '/');
  size_t folder = slash ? static_cast<size_t>(slash - path) + 1 : 0;
  int descriptor = openTemporary(name, path, folder);
  if (descriptor < 0)
    return fileFailure(message, path, "can not be written", errno);

  int error = 0;
  if (old && fchmod(descriptor, old->st_mode & 0777))
    error = errno;
  if (!error)
    error = writeAll(descriptor, header.data, static_cast<int64_t>(header.length));
  inOrder(tensors, count, [&](const SourceTensor &tensor) {
    if (!error)
      error = writeAll(descriptor, tensor.data, tensor.bytes);
  });
  if (!error && fsync(descriptor))
    error = errno;
  if (close(descriptor) && !error)
    error = errno;
  if (!error && rename(name.get(), path))
    error = errno;
  if (error) {
    unlink(name.get());
    return fileFailure(message, path, "can not be written", error);
  }
  // The new name lasts once the folder is on disk. Some file systems can not do this; the file is whole all the same.
  name.clear();
  name.add(path, folder);
  int parent = ::open(folder ? name.get() : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (parent >= 0) {
    fsync(parent);
    close(parent);
  }
  return NN_OK;
}
} // namespace

uint64_t hashValues(uint64_t start, const SourceTensor *tensors, int64_t count) {
  inOrder(tensors, count, [&](const SourceTensor &tensor) {
    if (tensor.bytes)
      start = hashBytes(start, tensor.data, static_cast<uint64_t>(tensor.bytes));
  });
  return start;
}

nn_status writeSafetensors(const char *path, const SourceTensor *tensors, int64_t count, const char *metadata,
                           Text &message) {
  BlockFileSizeSignal blocked;
  struct stat old;
  bool exists = !lstat(path, &old);
  if (!exists && errno != ENOENT)
    return fileFailure(message, path, "can not be written", errno);
  char *target = nullptr;
  if (exists && S_ISLNK(old.st_mode)) {
    target = realpath(path, nullptr);
    if (!target || stat(target, &old)) {
      int error = errno;
      free(target);
      return fileFailure(message, path, "is a link that leads nowhere", error);
    }
  }
  nn_status status = NN_FILE;
  if (exists && !S_ISREG(old.st_mode))
    message.name(path) << " is not a regular file";
  else if (exists && access(path, W_OK)) // a rename would not ask
    status = fileFailure(message, path, "can not be written", errno);
  else
    status = replace(target ? target : path, exists ? &old : nullptr, tensors, count, metadata, message);
  free(target);
  return status;
}

} // namespace nnrt
