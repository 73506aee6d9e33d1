// Comparing speeds on a machine that others use as well. The contenders take turns, many times; what counts is how the
// first of them compares with each other one within a round: the median of these ratios and their quartiles.
#ifndef NNC_TEST_BENCH_COMPARE_H
#define NNC_TEST_BENCH_COMPARE_H

#include "test/bench/Tensor.h"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace bench {

struct Contender {
  std::string name;
  double work; ///< of one run: FLOP, bytes, elements
  std::function<void()> run;
  std::optional<Tensor> result = {}; ///< where it is, if it must be the same as the first contender's up to roundings
};

/// Prints a line per contender: time of a run, work per second (in units of 10^9), and the first one's speed divided by
/// this one's. Contenders without a function are left out. One thread is timed by its own clock; more are bound to
/// processors, so that other programs do not push two of them onto one.
void compare(const std::string &title, const std::string &unit, int threads, const std::vector<Contender> &contenders);

/// Whether the command line asks for lines of this title: to be asked before anything is prepared.
bool wanted(const std::string &title);

/// Settings of the command line.
extern int rounds;
extern std::string only;

} // namespace bench
#endif // NNC_TEST_BENCH_COMPARE_H
