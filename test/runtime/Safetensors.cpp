#include "Safetensors.h"

#include "runtime/Convert.h"

namespace test {

Tensor floats(const std::string &name, const std::vector<int64_t> &shape, const std::vector<float> &values,
              nn_type type) {
  std::string text = "[", data(values.size() * static_cast<size_t>(nnrt::elementBytes(type)), 0);
  for (size_t i = 0; i < shape.size(); ++i)
    text += (i ? "," : "") + std::to_string(shape[i]);
  nnrt::convert(data.data(), type, values.data(), NN_F32, static_cast<int64_t>(values.size()));
  return {name, nnrt::elementName(type), text + "]", data};
}

std::vector<Tensor> allTensors() {
  std::vector<Tensor> all = {floats("fc.weight", {3, 4}, std::vector<float>(12, 1), NN_F32),
                             floats("fc.bias", {3}, {1, 1, 1}, NN_F32)};
  for (const char *path : {"h.2.scale", "h.3.scale", "h.4.scale"})
    all.push_back(floats(path, {5}, {1, 1, 1, 1, 1}, NN_BF16));
  all.push_back(floats("bn.mean", {4}, {1, 1, 1, 1}, NN_F32));
  all.push_back({"table", "I32", "[2, 2]", std::string("\1\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0", 16)});
  all.push_back({"gate", "BOOL", "[2]", "\1\1"});
  all.push_back({"empty", "F64", "[0,7]", ""});
  return all;
}

static std::string quoted(const std::string &name) {
  std::string text = "\"";
  for (char c : name)
    text += c == '\n' ? "\\n" : std::string(1, c);
  return text + "\"";
}

std::string file(const std::vector<Tensor> &tensors) {
  std::string header = "{", data;
  for (const Tensor &tensor : tensors) {
    header += (header.size() > 1 ? "," : "") + quoted(tensor.name) + ":{\"dtype\":\"" + tensor.type +
              "\",\"shape\":" + tensor.shape + ",\"data_offsets\":[" + std::to_string(data.size()) + ",";
    data += tensor.data;
    header += std::to_string(data.size()) + "]}";
  }
  return file(header + "}", data);
}

std::string file(const std::string &header, const std::string &data) {
  uint64_t length = header.size();
  return std::string(reinterpret_cast<char *>(&length), 8) + header + data;
}

} // namespace test
