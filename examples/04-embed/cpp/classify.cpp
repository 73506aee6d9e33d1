// classify WEIGHTS.safetensors < IMAGES.csv: the class of each image, one a line.
#include "digits.h"

#include <algorithm>
#include <iostream>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

/// A model with one context, as a C++ object. Errors of the library become exceptions with its messages.
class Digits {
public:
  explicit Digits(const std::string &weights) {
    digits *m = nullptr;
    if (digits_create(&m, 0) != NN_OK)
      throw std::runtime_error("the model can not be created on this machine");
    model.reset(m);
    digits_context *c = nullptr;
    if (digits_load(m, weights.c_str()) != NN_OK || digits_context_create(&c, m, 0) != NN_OK)
      throw std::runtime_error(digits_error(m));
    context.reset(c);
  }

  /// Scores of 10 classes for each image of 64 pixels.
  std::vector<float> operator()(const std::vector<float> &images) {
    std::vector<float> scores(images.size() / 64 * 10);
    if (digits_forward(context.get(), int64_t(images.size() / 64), images.data(), scores.data()) != NN_OK)
      throw std::runtime_error(digits_context_error(context.get()));
    return scores;
  }

private:
  struct Destroy {
    void operator()(digits *m) const { digits_destroy(m); }
    void operator()(digits_context *c) const { digits_context_destroy(c); }
  };
  std::unique_ptr<digits, Destroy> model;
  std::unique_ptr<digits_context, Destroy> context; // goes before the model
};

int main(int argc, char **argv) try {
  if (argc != 2)
    throw std::runtime_error("usage: classify WEIGHTS.safetensors < IMAGES.csv");
  Digits classify(argv[1]);
  std::vector<float> images;
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream values(line);
    std::string value;
    for (int i = 0; i < 64 && std::getline(values, value, ','); ++i)
      images.push_back(std::stof(value) / 16);
  }
  std::vector<float> scores = classify(images);
  for (auto row = scores.begin(); row != scores.end(); row += 10)
    std::cout << std::max_element(row, row + 10) - row << '\n';
} catch (const std::exception &error) {
  std::cerr << "classify: " << error.what() << '\n';
  return 1;
}
