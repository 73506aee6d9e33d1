#include "test/runner/Differences.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <sstream>

std::vector<Pairing> readPairings(const std::string &path) {
  std::ifstream file(path);
  if (!file)
    die("%s: can not be read", path.c_str());
  std::vector<Pairing> result;
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    Pairing p;
    std::string kind, pair;
    words >> kind >> p.entry;
    p.step = kind == "step";
    if (!p.step)
      words >> p.value;
    while (words >> pair)
      if (pair.rfind("f32=", 0) == 0)
        p.single.insert(pair.substr(4));
      else
        p.inputs[pair.substr(0, pair.find('='))] = pair.substr(pair.find('=') + 1);
    result.push_back(std::move(p));
  }
  return result;
}

namespace {

using Bytes = std::vector<unsigned char>;
using Numbers = std::vector<double>;

Case inDoubles(Case c, const Pairing &pairing) {
  for (std::vector<Tensor> *tensors : {&c.inputs, &c.outputs, &c.after})
    for (Tensor &t : *tensors)
      if (t.type == NN_F32 && !pairing.single.count(t.name))
        t.type = NN_F64;
  return c;
}

/// Of the largest derivative in a tensor (contracts between the rooms of the project: differences in f64).
constexpr double tolerance = 1e-6;
/// A step that is too long meets a kink, one that is too short the rounding of the value. One that fits is enough: a
/// wrong derivative agrees with none.
constexpr double steps[] = {1e-5, 1e-4, 1e-6, 1e-3};
constexpr int directions = 2, elements = 3;

class Differences {
public:
  Differences(Library &library, const Expectation &expectation, const Case &c, const Pairing &pairing)
      : library(library), c(inDoubles(c, pairing)), pairing(pairing) {
    for (const Tensor &t : this->c.inputs) {
      inputs.emplace_back(std::max(t.bytes(), size_t(1))); // a pointer even where there is nothing
      graphs.push_back(t.graph ? makeGraph(t) : nullptr);
      if (!t.graph && t.kind.name != "absent")
        fill(inputs.back().data(), t);
      for (auto &[output, input] : pairing.inputs)
        if (input == t.name)
          leaveGrid(t, inputs.back());
    }
    for (const Tensor &t : this->c.outputs)
      outputs.emplace_back(std::max(t.bytes(), size_t(1)));
    for (int64_t i = 0; pairing.step && i < library.parameterCount(); ++i) {
      nn_parameter_info info = library.parameter(i);
      if (std::none_of(c.after.begin(), c.after.end(), [&](const Tensor &t) { return t.name == info.path; }))
        continue; // the step does not reach it
      infos.push_back(info);
      parameters.push_back(parameterTensor(expectation, infos.back()));
      weights.emplace_back(std::max(parameters.back().bytes(), size_t(1)));
      fill(weights.back().data(), parameters.back());
    }
  }

  int compare() {
    if (pairing.step)
      value(); // which leaves the derivatives by inputs as outputs, those by parameters in the model
    else
      call(pairing.entry, outputs);
    std::vector<Numbers> found;
    for (const Tensor &t : parameters)
      found.push_back(taken(t, size_t(&t - parameters.data())));
    std::vector<Bytes> given = outputs;
    if (!std::isfinite(value()))
      return 0;
    for (size_t i = 0; i < c.outputs.size(); ++i) {
      auto pair = pairing.inputs.find(c.outputs[i].name);
      if (pair == pairing.inputs.end())
        continue;
      auto input =
          std::find_if(c.inputs.begin(), c.inputs.end(), [&](const Tensor &t) { return t.name == pair->second; });
      if (input == c.inputs.end() || input->shape != c.outputs[i].shape)
        die("%s: %s is no derivative by an input %s", c.title.c_str(), pair->first.c_str(), pair->second.c_str());
      compare(*input, inputs[size_t(input - c.inputs.begin())], numbers(c.outputs[i], given[i]), directions, elements);
    }
    for (size_t i = 0; i < parameters.size(); ++i)
      if (!infos[i].is_buffer)
        compare(parameters[i], weights[i], found[i], 1, 1);
    return good ? compared : -1;
  }

private:
  void *makeGraph(const Tensor &t) {
    std::vector<int64_t> source, target;
    edges(t, source, target);
    return library.graph(t.graph->sources, t.graph->targets, source, target);
  }

  static void leaveGrid(const Tensor &t, Bytes &data) {
    if (t.kind.name == "uniform")
      return;
    double spacing = t.kind.name == "grid" ? 1 / t.kind.numbers[1] : 1;
    for (size_t i = 0; i < t.count(); ++i)
      store(data.data(), t.type, i,
            load(data.data(), t.type, i) + spacing / 8 * (2 * unit(keyOf("off the grid"), i) - 1));
  }

  static Numbers numbers(const Tensor &t, const Bytes &data) {
    Numbers result(t.count());
    for (size_t i = 0; i < result.size(); ++i)
      result[i] = load(data.data(), t.type, i);
    return result;
  }

  /// What the last step has taken off a parameter.
  Numbers taken(const Tensor &t, size_t i) {
    Bytes after(std::max(t.bytes(), size_t(1)));
    library.get(t.name.c_str(), t.type, t.shape, after.data());
    Numbers result = numbers(t, weights[i]), left = numbers(t, after);
    for (size_t e = 0; e < result.size(); ++e)
      result[e] -= left[e];
    return result;
  }

  void call(const std::string &entry, std::vector<Bytes> &results) {
    std::vector<int64_t> sizes = c.sizes;
    std::vector<void *> arguments;
    for (int64_t &size : sizes)
      arguments.push_back(&size);
    for (size_t i = 0; i < inputs.size(); ++i)
      arguments.push_back(graphs[i] ? graphs[i] : c.inputs[i].kind.name == "absent" ? nullptr : inputs[i].data());
    for (Bytes &result : results)
      arguments.push_back(result.data());
    nn_status status = library.call(entry.c_str(), arguments.data());
    if (status != NN_OK && status != NN_NUMERIC)
      die("%s: %s: status %d: %s", c.title.c_str(), entry.c_str(), status, library.message());
  }

  /// Of the inputs and parameters as they are now.
  double value() {
    if (!pairing.step) {
      std::vector<Bytes> result(1, Bytes(sizeof(double)));
      call(pairing.value, result);
      return load(result[0].data(), NN_F64, 0);
    }
    for (size_t i = 0; i < infos.size(); ++i)
      library.set(infos[i], weights[i].data());
    call(pairing.entry, outputs);
    return load(outputs[0].data(), NN_F64, 0);
  }

  /// In some directions of all elements, and by some elements alone.
  void compare(const Tensor &t, Bytes &data, const Numbers &derivative, int directions, int elements) {
    size_t n = t.count();
    if (!n)
      return;
    for (int k = 0; k < directions; ++k) {
      Numbers direction(n);
      double length = 0;
      uint64_t key = keyOf(t.name + (k ? ".second" : ".first"));
      for (size_t i = 0; i < n; ++i)
        length = std::hypot(length, direction[i] = 2 * unit(key, i) - 1);
      for (double &d : direction)
        d /= length;
      compare(t, data, derivative, direction, "in a direction");
    }
    for (int k = 0; k < elements; ++k) {
      Numbers direction(n);
      size_t at = k == 0 ? bits(keyOf(t.name), n) % n : k == 1 ? 0 : n - 1;
      direction[at] = 1;
      compare(t, data, derivative, direction, ("at element " + std::to_string(at)).c_str());
    }
  }

  void compare(const Tensor &t, Bytes &data, const Numbers &derivative, const Numbers &direction, const char *where) {
    const Bytes start = data;
    double largest = 0, best = HUGE_VAL, expected = 0, got = 0;
    for (double d : derivative)
      largest = std::max(largest, std::fabs(d));
    for (double step : steps) {
      double ends[2], along = 0;
      Numbers places[2];
      for (int side = 0; side < 2; ++side) {
        for (size_t i = 0; i < direction.size(); ++i)
          if (direction[i] != 0) // a mask may be infinite elsewhere
            store(data.data(), t.type, i, load(start.data(), t.type, i) + (side ? -step : step) * direction[i]);
        places[side] = numbers(t, data);
        ends[side] = value();
      }
      data = start;
      for (size_t i = 0; i < direction.size(); ++i) // steps as they are after rounding
        if (places[0][i] != places[1][i])
          along += derivative[i] * (places[0][i] - places[1][i]) / (2 * step);
      double quotient = (ends[0] - ends[1]) / (2 * step);
      double rounding = 0x1p-48 * (std::fabs(ends[0]) + std::fabs(ends[1])) / (2 * step);
      double error = std::fabs(quotient - along);
      if (error <= tolerance * largest + rounding) {
        ++compared;
        return;
      }
      if (error < best)
        best = error, expected = quotient, got = along;
    }
    if (good)
      printf("FAIL %s: differences\n", c.title.c_str());
    good = false;
    printf("     by %s %s: %.9g, the difference is %.9g (the largest derivative is %.3g)\n", t.name.c_str(), where, got,
           expected, largest);
  }

  Library &library;
  const Case c;
  const Pairing &pairing;
  std::vector<Bytes> inputs, outputs;
  std::vector<void *> graphs; ///< one for each input, NULL for tensors
  std::vector<nn_parameter_info> infos;
  std::vector<Tensor> parameters;
  std::vector<Bytes> weights; ///< of the parameters, where a step changes them
  int compared = 0;
  bool good = true;
};

} // namespace

int compareDifferences(Library &library, const Expectation &expectation, const Case &c, const Pairing &pairing) {
  return Differences(library, expectation, c, pairing).compare();
}
