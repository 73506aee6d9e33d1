// A program in the language, compiled by the nnc of this build, in a library opened by this program.
#ifndef NNC_TEST_BENCH_MODEL_H
#define NNC_TEST_BENCH_MODEL_H

#include "test/bench/Tensor.h"
#include "test/runner/Library.h"

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace bench {

class Model {
public:
  /// `name`: of the model, as in its C functions; `options`: further ones of nnc. A program that does not compile ends
  /// the bench.
  Model(const std::string &name, const std::string &text, const std::vector<std::string> &options = {});
  ~Model();

  /// `arguments`: of the C function, after the context; of sizes the address.
  void call(const char *entry, void *const *arguments);
  /// Sets the f32 parameter of this path.
  void set(const std::string &path, const Tensor &values);
  Library &library() { return *opened; }
  const std::filesystem::path &file() const { return path; } ///< the library

private:
  std::filesystem::path folder, path;
  std::unique_ptr<Library> opened;
};

} // namespace bench
#endif // NNC_TEST_BENCH_MODEL_H
