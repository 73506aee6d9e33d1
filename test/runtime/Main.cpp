// runtime-tests [GROUP | CASE]..: runs all cases, or those named, one line each. Exit status 1 if one fails.
#include "Check.h"

#include <chrono>
#include <cstdio>
#include <cstring>
#include <vector>

namespace {
struct Entry {
  const char *group, *name;
  void (*run)();
};
std::vector<Entry> &cases() {
  static std::vector<Entry> all;
  return all;
}
int failures;
std::string skipped;
} // namespace

namespace test {
Case::Case(const char *group, const char *name, void (*run)()) { cases().push_back({group, name, run}); }

void fail(const char *file, int line, const std::string &what) {
  if (++failures <= 5)
    printf("%s:%d: %s\n", file, line, what.substr(0, 2000).c_str());
}

void skip(const std::string &why) { skipped = why; }
} // namespace test

int main(int count, char **arguments) {
  setvbuf(stdout, nullptr, _IONBF, 0); // children made by fork() must not print twice
  int ran = 0, failed = 0;
  for (const Entry &entry : cases()) {
    bool chosen = count == 1;
    for (int i = 1; i < count; ++i)
      chosen |= !strcmp(arguments[i], entry.group) || !strcmp(arguments[i], entry.name);
    if (!chosen)
      continue;
    failures = 0;
    skipped.clear();
    auto start = std::chrono::steady_clock::now();
    entry.run();
    auto seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    ++ran;
    failed += failures != 0;
    printf("%s %s.%s", failures ? "FAIL" : "ok  ", entry.group, entry.name);
    if (failures)
      printf(": %d failures", failures);
    if (!skipped.empty())
      printf(" (not here: %s)", skipped.c_str());
    printf(seconds > 1 ? " %.1f s\n" : "\n", seconds);
  }
  printf("%d passed, %d failed\n", ran - failed, failed);
  return failed || !ran;
}
