// The values that tests are made of. A tensor's content follows from its name and a kind ("uniform -1 1") by a formula
// that test/run/formula.py computes with the same bits, so no input is ever stored.
#ifndef NNC_TEST_RUNNER_FORMULA_H
#define NNC_TEST_RUNNER_FORMULA_H

#include "runtime/include/nnc.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

std::optional<nn_type> typeByName(const std::string &name);
size_t byteSize(nn_type type);
bool isFloat(nn_type type);

/// Element i of memory that holds elements of `type`. Integers beyond 2^53 go through `loadInteger`.
double load(const void *memory, nn_type type, size_t i);
uint64_t loadInteger(const void *memory, nn_type type, size_t i);
/// Rounds to nearest even. A value out of an integer type's range is a mistake of the test and is cut off.
void store(void *memory, nn_type type, size_t i, double value);

/// uniform LOW HIGH | grid M D (integers in -M .. M, over D) | int LOW HIGH (HIGH excluded) | values V.. (repeated) |
/// count (0, 1, 2, ..) | absent (an optional argument that is left out)
struct Kind {
  std::string name;
  std::vector<double> numbers;
};

/// A number in [0, 1) that depends on (name, i) alone.
double unit(uint64_t key, size_t i);
uint64_t bits(uint64_t key, size_t i);
uint64_t keyOf(const std::string &name);

/// The ends of edge e. random: any; narrow: in the first half of the nodes; members: source e, targets in order.
struct Edge {
  int64_t source, target;
};
Edge edge(const std::string &kind, const std::string &name, int64_t sources, int64_t targets, int64_t edges, int64_t e);

double element(const Kind &kind, uint64_t key, size_t i);

#endif // NNC_TEST_RUNNER_FORMULA_H
