#include "compiler/emit/Output.h"

#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Errno.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

#include <cstdio>
#include <fcntl.h>
#include <random>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

using namespace llvm;

namespace nnc::emit {
namespace {

Error failed(StringRef path, const Twine &why) {
  return createStringError(std::make_error_code(std::errc::io_error), "cannot write '" + path + "': " + why);
}

/// Where a write through symbolic links ends up: renaming over a link would replace the link.
std::string resolved(const std::string &path) {
  SmallString<256> real;
  return sys::fs::is_symlink_file(path) && !sys::fs::real_path(path, real) ? real.str().str() : path;
}

std::string folderOf(StringRef path) {
  StringRef folder = sys::path::parent_path(path);
  return folder.empty() ? "." : folder.str();
}

Error checkTarget(const OutputFile &file) {
  const std::string &path = file.path;
  if (path.empty())
    return failed(path, "the name is empty");
  if (sys::path::filename(path) == "." || sys::path::is_separator(path.back()))
    return failed(path, "it names a folder");
  std::string folder = folderOf(path);
  struct stat status;
  if (stat(folder.c_str(), &status) != 0)
    return failed(path, errno == ENOENT ? "there is no folder '" + folder + "'" : sys::StrError());
  if (!S_ISDIR(status.st_mode))
    return failed(path, "'" + folder + "' is not a folder");
  if (lstat(path.c_str(), &status) != 0)
    return errno == ENOENT ? Error::success() : failed(path, sys::StrError());
  if (S_ISLNK(status.st_mode) && stat(path.c_str(), &status) != 0)
    return failed(path, "it is a symbolic link that leads nowhere");
  if (S_ISDIR(status.st_mode))
    return failed(path, "it is a folder");
  if (!S_ISREG(status.st_mode))
    return failed(path, "it is not a regular file");
  if (access(path.c_str(), W_OK) != 0)
    return failed(path, sys::StrError());
  return Error::success();
}

/// A file under a temporary name in the folder of its target; gone with the object unless it got its name.
class Temporary {
public:
  explicit Temporary(const OutputFile &file) : file(file), target(resolved(file.path)) {}
  Temporary(Temporary &&other) : file(other.file), target(other.target), name(std::move(other.name)) {
    other.name.clear();
  }
  ~Temporary() {
    if (!name.empty())
      unlink(name.c_str());
  }

  Error write() {
    int descriptor = open();
    if (descriptor < 0)
      return failed(file.path, sys::StrError());
    bool good = writeAll(descriptor) && fsync(descriptor) == 0;
    int why = errno;
    if (close(descriptor) != 0 && good) {
      good = false;
      why = errno;
    }
    return good ? Error::success() : failed(file.path, sys::StrError(why));
  }

  /// Afterwards the temporary name holds what the target held before, if anything.
  Error place() {
    if (sys::fs::is_directory(target)) // an exchange would even take a folder away
      return failed(file.path, "it is a folder");
    replaced = renameat2(AT_FDCWD, name.c_str(), AT_FDCWD, target.c_str(), RENAME_EXCHANGE) == 0;
    if (replaced)
      return Error::success();
    // The target does not exist yet, or the file system cannot exchange.
    if (rename(name.c_str(), target.c_str()) != 0)
      return failed(file.path, sys::StrError());
    placed = std::exchange(name, "");
    return Error::success();
  }

  void takeBack() {
    if (replaced)
      rename(name.c_str(), target.c_str());
    else if (!placed.empty())
      unlink(target.c_str());
    name.clear();
  }

private:
  int open() {
    std::random_device random;
    for (int attempt = 0; attempt < 100; ++attempt) {
      uint64_t number = uint64_t(random()) << 32 | random();
      name = folderOf(target) + "/.nnc-" + utohexstr(number, /*LowerCase=*/true, /*Width=*/16) + ".tmp";
      int descriptor = ::open(name.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, file.executable ? 0777 : 0666);
      if (descriptor >= 0 || errno != EEXIST) {
        if (descriptor < 0)
          name.clear();
        return descriptor;
      }
    }
    return -1;
  }

  bool writeAll(int descriptor) {
    for (StringRef rest = file.content; !rest.empty();) {
      ssize_t written = ::write(descriptor, rest.data(), rest.size());
      if (written < 0 && errno != EINTR)
        return false;
      rest = rest.drop_front(std::max<ssize_t>(written, 0));
    }
    return true;
  }

  const OutputFile &file;
  std::string target, name, placed;
  bool replaced = false;
};

} // namespace

Error checkOutputs(ArrayRef<OutputFile> files, ArrayRef<std::string> inputs) {
  for (const OutputFile &file : files) {
    if (Error error = checkTarget(file))
      return error;
    for (const std::string &input : inputs)
      if (input == file.path || sys::fs::equivalent(input, file.path))
        return failed(file.path, "it is also an input");
  }
  for (size_t i = 0; i < files.size(); ++i)
    for (size_t j = 0; j < i; ++j)
      if (files[i].path == files[j].path || sys::fs::equivalent(files[i].path, files[j].path))
        return failed(files[j].path, "the header '" + files[i].path + "' would be the same file");
  return Error::success();
}

Error writeOutputs(ArrayRef<OutputFile> files) {
  std::vector<Temporary> temporaries;
  temporaries.reserve(files.size());
  for (const OutputFile &file : files)
    if (Error error = temporaries.emplace_back(file).write())
      return error;
  for (size_t i = 0; i < temporaries.size(); ++i)
    if (Error error = temporaries[i].place()) {
      while (i-- > 0)
        temporaries[i].takeBack();
      return error;
    }
  return Error::success();
}

} // namespace nnc::emit
