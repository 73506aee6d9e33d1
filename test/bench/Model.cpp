#include "test/bench/Model.h"

#include "test/bench/Machine.h"

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <unistd.h>

namespace bench {
namespace fs = std::filesystem;

[[noreturn]] static void fail(const std::string &what) {
  fprintf(stderr, "bench: %s\n", what.c_str());
  exit(1);
}

Model::Model(const std::string &name, const std::string &text, const std::vector<std::string> &options) {
  std::string made = (fs::temp_directory_path() / "nnc-bench-XXXXXX").string();
  if (!mkdtemp(made.data()))
    fail("no folder can be made in " + fs::temp_directory_path().string());
  folder = made;
  path = folder / (name + ".so");
  fs::path source = folder / (name + ".nn");
  std::ofstream(source) << text;
  std::string command = fs::read_symlink("/proc/self/exe").parent_path() / "nnc";
  for (const std::string &option : options)
    command += " " + option;
  if (!cpu().empty())
    command += " --cpu=" + cpu();
  command += " " + source.string() + " -o " + path.string();
  if (system(command.c_str()))
    fail("nnc could not compile " + name);
  opened = std::make_unique<Library>(path, name);
  opened->setThreads(1);
}

Model::~Model() {
  opened.reset();
  std::error_code ignored;
  fs::remove_all(folder, ignored);
}

void Model::call(const char *entry, void *const *arguments) {
  if (opened->call(entry, arguments))
    fail(opened->message());
}

Tensor::Tensor(size_t count) : count(count) {
  memory.reset(static_cast<float *>(aligned_alloc(64, (count * sizeof(float) + 127) / 64 * 64)), free);
  uint32_t state = 1;
  for (size_t i = 0; i < count; ++i) {
    state = state * 1664525 + 1013904223;
    memory.get()[i] = float(int32_t(state)) * 0x1p-31f;
  }
}
} // namespace bench
