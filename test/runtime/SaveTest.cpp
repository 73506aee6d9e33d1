// Saving: the old file or the new one, never a half; nothing is left behind.
#include "Check.h"
#include "TestModel.h"

#include <csignal>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace test;

CASE(save, overAnOldFile) {
  Folder folder;
  std::string path = folder / "m";
  Session s;
  writeFile(path, "old");
  chmod(path.c_str(), 0640);
  CHECK_EQUAL(nnrt_save(s.model, path.c_str()), NN_OK);
  struct stat info;
  CHECK_EQUAL(stat(path.c_str(), &info), 0);
  CHECK_EQUAL(info.st_mode & 0777, 0640u);
  CHECK_EQUAL(folder.names().size(), 1u);
  CHECK_EQUAL(nnrt_load(s.model, path.c_str()), NN_OK);
  // A new file gets what the process's mask leaves.
  mode_t mask = umask(027);
  CHECK_EQUAL(nnrt_save(s.model, (folder / "n").c_str()), NN_OK);
  umask(mask);
  CHECK_EQUAL(stat((folder / "n").c_str(), &info), 0);
  CHECK_EQUAL(info.st_mode & 0777, 0640u);
}

CASE(save, ontoTheFileThatWasLoaded) {
  Folder folder;
  std::string path = folder / "m";
  Session s;
  CHECK_EQUAL(nnrt_save(s.model, path.c_str()), NN_OK);
  std::string before = readFile(path);
  CHECK_EQUAL(nnrt_load(s.model, path.c_str()), NN_OK);
  CHECK_EQUAL(nnrt_save(s.model, path.c_str()), NN_OK);
  CHECK(readFile(path) == before);
}

CASE(save, throughALink) {
  Folder folder;
  Session s;
  writeFile(folder / "target", "old");
  CHECK_EQUAL(symlink("target", (folder / "link").c_str()), 0);
  CHECK_EQUAL(nnrt_save(s.model, (folder / "link").c_str()), NN_OK);
  struct stat info;
  CHECK(!lstat((folder / "link").c_str(), &info) && S_ISLNK(info.st_mode));
  CHECK_EQUAL(nnrt_load(s.model, (folder / "target").c_str()), NN_OK);
  CHECK_EQUAL(symlink("nowhere", (folder / "dangling").c_str()), 0);
  CHECK_EQUAL(nnrt_save(s.model, (folder / "dangling").c_str()), NN_FILE);
  CHECK_CONTAINS(s.error(), "is a link that leads nowhere");
}

CASE(save, refusedPlaces) {
  Folder folder;
  Session s;
  auto refuse = [&](const std::string &path, const char *reason) {
    CHECK_EQUAL(nnrt_save(s.model, path.c_str()), NN_FILE);
    CHECK_CONTAINS(s.error(), reason);
  };
  CHECK_EQUAL(mkfifo((folder / "pipe").c_str(), 0600), 0);
  alarm(20);
  refuse(folder / "pipe", "is not a regular file");
  refuse(folder.path, "is not a regular file");
  refuse("/dev/full", "is not a regular file");
  refuse("/dev/null", "is not a regular file");
  refuse(folder / "no/m", "can not be written: No such file or directory");
  refuse(folder / "pipe/m", "can not be written: Not a directory");
  refuse("", "can not be written");
  refuse(folder / std::string(300, 'x'), "can not be written: File name too long");
  alarm(0);
  CHECK_EQUAL(nnrt_save(s.model, nullptr), NN_INVALID);
  if (getuid()) {
    writeFile(folder / "kept", "kept");
    chmod((folder / "kept").c_str(), 0444);
    refuse(folder / "kept", "can not be written: Permission denied");
  }
}

CASE(save, diskFull) {
  Folder folder;
  std::string path = folder / "m";
  Session s;
  CHECK_EQUAL(nnrt_save(s.model, path.c_str()), NN_OK);
  std::string before = readFile(path);
  CHECK_EQUAL(s.setFloats("fc.bias", {3}, {9, 9, 9}), NN_OK);
  rlimit old, limit;
  getrlimit(RLIMIT_FSIZE, &old);
  for (rlim_t bytes : {rlim_t(0), rlim_t(1), rlim_t(100), rlim_t(before.size() - 1)}) {
    limit = {bytes, old.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
    nn_status status = nnrt_save(s.model, path.c_str()); // SIGXFSZ would end this program
    setrlimit(RLIMIT_FSIZE, &old);
    CHECK_EQUAL(status, NN_FILE);
    CHECK_CONTAINS(s.error(), "can not be written: File too large");
    CHECK(readFile(path) == before);
    CHECK_EQUAL(folder.names().size(), 1u);
  }
  sigset_t pending;
  sigpending(&pending);
  CHECK(!sigismember(&pending, SIGXFSZ));
  CHECK_EQUAL(nnrt_save(s.model, path.c_str()), NN_OK);
  CHECK(readFile(path) != before);
}

CASE(save, killedAtAnyTime) {
  Folder folder;
  std::string path = folder / "m";
  Session a, b(model, 8);
  CHECK_EQUAL(nnrt_save(a.model, path.c_str()), NN_OK);
  std::string one = readFile(path);
  CHECK_EQUAL(nnrt_save(b.model, (folder / "n").c_str()), NN_OK);
  std::string two = readFile(folder / "n");
  for (int round = 0; round < 60; ++round) {
    pid_t child = fork();
    if (!child)
      for (;;) {
        nnrt_save(a.model, path.c_str());
        nnrt_save(b.model, path.c_str());
      }
    usleep(static_cast<useconds_t>(500 + 137 * round));
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    std::string now = readFile(path);
    CHECK(now == one || now == two);
  }
}

CASE(save, pathsAreEscaped) {
  static const int64_t shape[] = {1};
  static const nnrt_parameter odd[] = {
      {"a\"b\\c\x01\xc3\xa9", shape, 1, nullptr, 0, 4, nullptr, nullptr, NN_F32, 1, 0}};
  nnrt_model table = bare;
  table.parameters = odd;
  table.parameter_count = 1;
  Folder folder;
  Session s(table);
  CHECK_EQUAL(s.setFloats(odd[0].path, {1}, {42}), NN_OK);
  CHECK_EQUAL(nnrt_save(s.model, (folder / "m").c_str()), NN_OK);
  CHECK_CONTAINS(readFile(folder / "m"), "\"a\\\"b\\\\c\\u0001\xc3\xa9\"");
  Session t(table);
  CHECK_EQUAL(nnrt_load(t.model, (folder / "m").c_str()), NN_OK);
  CHECK_EQUAL(t.getFloats(odd[0].path, {1})[0], 42.0f);
}
