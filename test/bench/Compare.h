// Comparing speeds on a machine that others use as well. The contenders take turns, many times; what counts is how the
// first of them compares with each other one within a round: the median of these ratios and their quartiles.
#ifndef NNC_TEST_BENCH_COMPARE_H
#define NNC_TEST_BENCH_COMPARE_H

#include <functional>
#include <string>
#include <vector>

namespace bench {

struct Contender {
  std::string name;
  double work; ///< of one run: FLOP, bytes, elements
  std::function<void()> run;
};

/// One-thread work is timed by the thread's own clock.
enum class Clock { Thread, Wall };

/// Prints a line per contender: time of a run, work per second (in units of 10^9), and the first one's speed divided by
/// this one's. Contenders without a function are left out.
void compare(const std::string &title, const std::string &unit, Clock clock, const std::vector<Contender> &contenders);

/// Whether the command line asks for lines of this title: to be asked before anything is prepared.
bool wanted(const std::string &title);

/// Settings of the command line.
extern int rounds;
extern std::string only;

} // namespace bench
#endif // NNC_TEST_BENCH_COMPARE_H
