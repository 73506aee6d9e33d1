#include "compiler/emit/Link.h"

#include "compiler/emit/Embedded.h"

#include "lld/Common/Driver.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Errno.h"
#include "llvm/Support/raw_ostream.h"

#include <deque>
#include <fcntl.h>
#include <sys/mman.h>
#include <thread>
#include <unistd.h>

LLD_HAS_DRIVER(elf)

using namespace llvm;

namespace nnc::emit {
namespace {

Error systemError(StringRef what) {
  return createStringError(std::make_error_code(std::errc::io_error),
                           "cannot link in memory: " + what + ": " + sys::StrError());
}

/// A file that exists only in memory. lld takes paths, and /proc gives it one.
class MemoryFile {
public:
  MemoryFile(const MemoryFile &) = delete;
  MemoryFile() : descriptor(memfd_create("nnc", MFD_CLOEXEC)) {}
  ~MemoryFile() {
    if (descriptor >= 0)
      close(descriptor);
  }

  std::string path() const { return "/proc/self/fd/" + std::to_string(descriptor); }

  Error write(StringRef content) {
    if (descriptor < 0)
      return systemError("memfd_create");
    while (!content.empty()) {
      ssize_t written = ::write(descriptor, content.data(), content.size());
      if (written < 0 && errno != EINTR)
        return systemError("write");
      content = content.drop_front(std::max<ssize_t>(written, 0));
    }
    return Error::success();
  }

private:
  int descriptor;
};

/// Takes what is written to a path. lld collects its output in memory first if the path is no regular file (else it
/// maps the file, and a full disk becomes a SIGBUS), so this is a pipe with a thread at its end.
class Receiver {
public:
  Receiver() {
    if (pipe2(ends, O_CLOEXEC) == 0)
      thread = std::thread([this] { receive(); });
  }
  ~Receiver() { finish(); }

  bool works() const { return ends[0] >= 0; }
  std::string path() const { return "/proc/self/fd/" + std::to_string(ends[1]); }

  Bytes finish() {
    if (thread.joinable()) {
      close(ends[1]);
      thread.join();
      close(ends[0]);
    }
    return std::move(bytes);
  }

private:
  void receive() {
    char buffer[1 << 16];
    for (ssize_t count; (count = read(ends[0], buffer, sizeof buffer)) != 0;)
      if (count > 0)
        bytes.append(buffer, buffer + count);
      else if (errno != EINTR)
        return;
  }

  int ends[2] = {-1, -1};
  Bytes bytes;
  std::thread thread;
};

} // namespace

Expected<Bytes> linkLibrary(ArrayRef<Bytes> objects, ArrayRef<std::string> exports, StringRef soname) {
  std::deque<MemoryFile> files;
  auto input = [&](StringRef content) -> Expected<std::string> {
    if (Error error = files.emplace_back().write(content))
      return error;
    return files.back().path();
  };
  std::vector<std::string> arguments{"ld.lld", "-shared", "-m", "elf_x86_64"};
  std::string versions = "{ global: " + join(exports, "; ") + "; local: *; };";
  Expected<std::string> script = input(versions);
  if (!script)
    return script.takeError();
  Receiver output;
  if (!output.works())
    return systemError("pipe");
  arguments.insert(arguments.end(), {"-o", output.path(), "--soname=" + soname.str(), "--version-script=" + *script,
                                     "--no-undefined-version"});
  for (const char *option : {"--no-undefined", "--gc-sections", "--eh-frame-hdr", "--as-needed", "--strip-all",
                             "--build-id=none", "--hash-style=gnu", "-ztext", "-znow", "-zrelro", "-znoexecstack",
                             "--error-limit=0", "--color-diagnostics=never", "--threads=1"})
    arguments.push_back(option);
  // The linker takes from an archive only what somebody asks for.
  for (const std::string &name : exports)
    arguments.push_back("--undefined=" + name);
  std::vector<StringRef> contents;
  for (const Bytes &object : objects)
    contents.emplace_back(object.data(), object.size());
  contents.insert(contents.end(), {embeddedRuntime(), embeddedLibc(), embeddedLibm()});
  for (StringRef content : contents) {
    Expected<std::string> path = input(content);
    if (!path)
      return path.takeError();
    arguments.push_back(*path);
  }

  std::vector<const char *> pointers;
  for (const std::string &argument : arguments)
    pointers.push_back(argument.c_str());
  std::string messages;
  raw_string_ostream os(messages);
  const lld::DriverDef drivers[] = {{lld::Gnu, &lld::elf::link}};
  lld::Result result = lld::lldMain(pointers, os, os, drivers);
  if (result.retCode != 0 || !result.canRunAgain)
    return createStringError("internal error: the library does not link: " + StringRef(messages).trim());
  return output.finish();
}

} // namespace nnc::emit
