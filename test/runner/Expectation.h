// A file of expected values (test/run/README.md says how it is written), read into memory.
#ifndef NNC_TEST_RUNNER_EXPECTATION_H
#define NNC_TEST_RUNNER_EXPECTATION_H

#include "test/runner/Formula.h"

#include <map>
#include <string>
#include <vector>

struct Sample {
  size_t index;
  std::string text; ///< integers are compared as such
  double tolerance;
};

/// A graph from numbered sources to numbered targets; its edges follow from its name and kind.
struct Graph {
  int64_t sources = 0, targets = 0, edges = 0;
};

struct Tensor {
  std::string name;
  nn_type type;
  std::vector<int64_t> shape;
  Kind kind;                  ///< of an input
  std::optional<Graph> graph; ///< an input that is a graph and has no elements
  bool averaged = false;      ///< of a parameter after a call: read while averages are in use
  // Of an output:
  bool checked = false;   ///< a call that fails has outputs without expected values
  bool arbitrary = false; ///< any value will do: it serves something else
  size_t nans = 0, positive = 0, negative = 0;
  double sum[2] = {0, 0}, tolerance[2] = {0, 0};
  uint64_t integerSum[2] = {0, 0};
  std::vector<Sample> samples;

  size_t count() const;
  size_t bytes() const { return count() * byteSize(type); }
};

struct Case {
  std::string title; ///< the line of the file: "f32 forward M=7 N=33"
  std::string working, entry;
  std::vector<int64_t> sizes, contextSizes;
  bool follows = false; ///< on the context of the case before, after its calls
  std::vector<Tensor> inputs, outputs;
  std::vector<Tensor> after; ///< parameters, as they are after the call; then each sequence has a model of its own
  nn_status status = NN_OK;
  std::string message; ///< a part of the error's text
};

struct Expectation {
  std::string model; ///< prefix of the C functions
  std::map<std::string, Kind> parameters;
  std::vector<Case> cases;
};

/// Ends the program with a message when the file is not as it should be.
Expectation readExpectation(const std::string &path);

/// The elements of an input or a parameter.
void fill(void *memory, const Tensor &t);
/// The ends of the edges of an input that is a graph.
void edges(const Tensor &t, std::vector<int64_t> &source, std::vector<int64_t> &target);
/// A parameter of the model as the file wants it to be filled.
Tensor parameterTensor(const Expectation &expectation, const nn_parameter_info &info);

[[noreturn]] void die(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif // NNC_TEST_RUNNER_EXPECTATION_H
