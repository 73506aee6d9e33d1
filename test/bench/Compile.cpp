// How long the compiler takes, how large a library is, how long it takes to start.
#include "test/bench/Bench.h"
#include "test/bench/Compare.h"
#include "test/bench/Machine.h"
#include "test/bench/Model.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <dlfcn.h>
#include <fstream>
#include <limits>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace bench {
namespace {
namespace fs = std::filesystem;
constexpr int repetitions = 10;

const char *const perceptron = R"(
model Net(x: float[B, 784]) -> float[B, 10] {
  use fc1 = Linear[784, 512]
  use fc2 = Linear[512, 512]
  use fc3 = Linear[512, 10]
  x |> fc1 |> relu |> fc2 |> relu |> fc3
}
)";
const char *const residual = R"(
layer Block[d](x: float[..., d]) -> float[..., d] {
  use norm = LayerNorm[d]
  use up = Linear[d, 4 * d]
  use down = Linear[4 * d, d]
  x + (x |> norm |> up |> relu |> down)
}
model Net[depth = 12](x: float[B, 256]) -> float[B, 256] {
  use blocks = repeat(depth, Block[256])
  x |> blocks
}
)";

/// Processor time of a program, its children's time as well.
double processorTime(const std::string &command) {
  pid_t child = fork();
  if (child == 0) {
    execl("/bin/sh", "sh", "-c", ("exec " + command).c_str(), nullptr);
    _exit(127);
  }
  int status;
  rusage usage;
  if (child < 0 || wait4(child, &status, 0, &usage) != child || status)
    fail("could not run: " + command);
  auto seconds = [](timeval t) { return double(t.tv_sec) + double(t.tv_usec) * 1e-6; };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

/// The least of several runs; the size of the library.
void compile(const std::string &what, const std::string &text, const std::string &options) {
  std::string title = "compile " + what;
  if (!wanted(title))
    return;
  std::string folder = (fs::temp_directory_path() / "nnc-bench-XXXXXX").string();
  if (!mkdtemp(folder.data()))
    fail("no folder can be made");
  std::ofstream(folder + "/net.nn") << text;
  std::string command = fs::read_symlink("/proc/self/exe").parent_path() / "nnc";
  command += " " + folder + "/net.nn -o " + folder + "/net.so " + options + (cpu().empty() ? "" : " --cpu=" + cpu());
  double least = std::numeric_limits<double>::infinity();
  for (int i = 0; i < repetitions; ++i)
    least = std::min(least, processorTime(command));
  printf("%s\n  %.3f s of processor time, %.1f KB\n", title.c_str(), least,
         double(fs::file_size(folder + "/net.so")) / 1e3);
  fs::remove_all(folder);
}

double milliseconds(std::chrono::steady_clock::time_point from) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - from).count();
}

/// Reads a file and nothing else.
double readingTime(const std::string &path) {
  auto start = std::chrono::steady_clock::now();
  std::ifstream file(path, std::ios::binary);
  std::vector<char> bytes(fs::file_size(path));
  file.read(bytes.data(), std::streamsize(bytes.size()));
  return milliseconds(start);
}

/// From dlopen to the first result.
double startingTime(const std::string &path, const std::string &weights, Tensor x, Tensor y) {
  auto start = std::chrono::steady_clock::now();
  void *library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL), *model, *context;
  auto find = [&](const char *name) {
    void *function = library ? dlsym(library, name) : nullptr;
    return function ? function : (fail(path + " has no " + name), nullptr);
  };
  int64_t batch = 1;
  void *arguments[] = {&batch, x.data(), y.data()};
  bool failed =
      reinterpret_cast<nn_status (*)(void **, uint64_t)>(find("net_create"))(&model, 0) ||
      reinterpret_cast<nn_status (*)(void *, const char *)>(find("net_load"))(model, weights.c_str()) ||
      reinterpret_cast<nn_status (*)(void **, void *, uint64_t)>(find("net_context_create"))(&context, model, 0) ||
      reinterpret_cast<nn_status (*)(void *, const char *, void *const *)>(find("net_call"))(context, "forward",
                                                                                             arguments);
  double time = milliseconds(start);
  if (failed)
    fail("the model does not start");
  reinterpret_cast<void (*)(void *)>(find("net_context_destroy"))(context);
  reinterpret_cast<void (*)(void *)>(find("net_destroy"))(model);
  dlclose(library);
  return time;
}

void start() {
  std::string title = "start of MLP 784-512-512-10: dlopen, create, load, context, first call";
  if (!wanted(title))
    return;
  Model model("net", perceptron);
  std::string weights = model.file().parent_path() / "net.safetensors", copy = model.file().parent_path() / "copy.so";
  // A copy, so that it is opened anew.
  fs::copy_file(model.file(), copy);
  void *library = dlopen(copy.c_str(), RTLD_NOW | RTLD_LOCAL), *filled = nullptr;
  if (!library || reinterpret_cast<nn_status (*)(void **, uint64_t)>(dlsym(library, "net_create"))(&filled, 0) ||
      reinterpret_cast<nn_status (*)(void *, const char *)>(dlsym(library, "net_save"))(filled, weights.c_str()))
    fail("no weights could be written");
  reinterpret_cast<void (*)(void *)>(dlsym(library, "net_destroy"))(filled);
  dlclose(library);
  Tensor x(784), y(10);
  std::vector<double> beyond;
  for (int i = 0; i < rounds; ++i) {
    double reading = readingTime(weights);
    beyond.push_back(startingTime(copy, weights, x, y) - reading);
  }
  std::sort(beyond.begin(), beyond.end());
  printf("%s\n  %.2f ms beyond reading the file\n", title.c_str(), beyond[beyond.size() / 2]);
}
} // namespace

void compiling() {
  compile("MLP 784-512-512-10", perceptron, "");
  compile("residual MLP, 12 layers", residual, "-D depth=12");
  compile("residual MLP, 48 layers", residual, "-D depth=48");
  start();
}
} // namespace bench
