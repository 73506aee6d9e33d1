#include "test/bench/Model.h"

#include "test/bench/Machine.h"

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <unistd.h>

namespace bench {
namespace fs = std::filesystem;

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

void Model::set(const std::string &path, const Tensor &values) {
  for (int64_t i = 0; i < opened->parameterCount(); ++i)
    if (nn_parameter_info info = opened->parameter(i); info.path == path)
      return opened->set(info, values.data());
  fail("the model has no parameter " + path);
}

} // namespace bench
