// .safetensors files made in memory, right and wrong ones.
#ifndef NNC_TEST_RUNTIME_SAFETENSORS_H
#define NNC_TEST_RUNTIME_SAFETENSORS_H

#include "TestModel.h"

namespace test {

struct Tensor {
  std::string name, type, shape, data;
};

Tensor floats(const std::string &name, const std::vector<int64_t> &shape, const std::vector<float> &values,
              nn_type type);
/// What fits the test model, in the order of its parameters; every value is 1 or true.
std::vector<Tensor> allTensors();
/// A file of these tensors.
std::string file(const std::vector<Tensor> &tensors);
/// A file of this header and data.
std::string file(const std::string &header, const std::string &data);

} // namespace test
#endif // NNC_TEST_RUNTIME_SAFETENSORS_H
