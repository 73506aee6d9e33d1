// Models, contexts and files of the tests.
#include "Check.h"
#include "TestModel.h"

#include <filesystem>
#include <fstream>
#include <stdlib.h>

namespace test {

Session::Session(const nnrt_model &table, uint64_t seed) {
  CHECK_EQUAL(nnrt_create(&table, &model, seed), NN_OK);
  CHECK_EQUAL(nnrt_context_create(&context, model, nullptr, 99), NN_OK);
}

Session::~Session() {
  nnrt_context_destroy(context);
  nnrt_destroy(model);
}

nn_status Session::forward(const std::vector<float> &image, std::vector<float> &out, float scale, const float *extra,
                           int64_t index) {
  int64_t B = static_cast<int64_t>(image.size()) / 4;
  std::vector<int64_t> indices(static_cast<size_t>(B), index);
  out.assign(static_cast<size_t>(B) * 3, -1);
  void *arguments[] = {&B,     const_cast<float *>(image.data()), indices.data(),
                       &scale, const_cast<float *>(extra),        out.data()};
  return nnrt_call(context, kForward, arguments);
}

std::vector<float> Session::getFloats(const char *path, std::vector<int64_t> shape) {
  size_t count = 1;
  for (int64_t size : shape)
    count *= static_cast<size_t>(size);
  std::vector<float> values(count);
  CHECK_EQUAL(nnrt_get(model, path, values.data(), NN_F32, shape.data(), static_cast<int32_t>(shape.size())), NN_OK);
  return values;
}

nn_status Session::setFloats(const char *path, std::vector<int64_t> shape, const std::vector<float> &values) {
  return nnrt_set(model, path, values.data(), NN_F32, shape.data(), static_cast<int32_t>(shape.size()));
}

Folder::Folder() {
  path = std::filesystem::temp_directory_path() / "nnc-runtime-XXXXXX";
  CHECK(mkdtemp(path.data()));
}
Folder::~Folder() { std::filesystem::remove_all(path); }

std::vector<std::string> Folder::names() const {
  std::vector<std::string> result;
  for (const auto &entry : std::filesystem::directory_iterator(path))
    result.push_back(entry.path().filename());
  return result;
}

void writeFile(const std::string &path, const std::string &bytes) {
  std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

std::string readFile(const std::string &path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

} // namespace test
