// Are gradients the derivatives of what they say? Central differences of values that the same library computes.
#ifndef NNC_TEST_RUNNER_DIFFERENCES_H
#define NNC_TEST_RUNNER_DIFFERENCES_H

#include "test/runner/Expectation.h"
#include "test/runner/Library.h"

#include <set>

/// An entry that gives derivatives, and what they are derivatives of. A line of the file that test/run/differences.py
/// writes: `gradient ENTRY VALUE dx=x dy=y`, or `step ENTRY dx=x`: the first output is the value, and what the step
/// takes off each parameter its derivative. `f32=x` is said of what is f32 whatever the working type is.
struct Pairing {
  std::string entry, value;
  bool step = false;
  std::set<std::string> single;
  std::map<std::string, std::string> inputs; ///< the input by which an output is the derivative
};

std::vector<Pairing> readPairings(const std::string &path);

/// Compares the derivatives that `c.entry` gives with differences, in f64 for the inputs of a case of f32 (numbers on a
/// grid are moved off it, away from ties). Returns how many were compared, or -1 if one was wrong, which is printed.
int compareDifferences(Library &library, const Expectation &expectation, const Case &c, const Pairing &pairing);

#endif // NNC_TEST_RUNNER_DIFFERENCES_H
