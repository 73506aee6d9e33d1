// Speed of what nnc compiles, beside the machine's roof, oneDNN and kernels written by hand.
//
//   bench [--cpu=NAME] [--rounds=N] [NAME]    only the lines whose title contains NAME
#include "test/bench/Bench.h"
#include "test/bench/Compare.h"
#include "test/bench/Machine.h"
#include "test/bench/OneDnn.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <unistd.h>

int main(int argc, char **argv) {
  // Threads of oneDNN spin for many milliseconds after their work, in the way of whoever has the next turn. Some 0.3 ms
  // are enough from call to call. The OpenMP library reads this when it is loaded: so the program starts once more.
  if (!std::getenv("GOMP_SPINCOUNT")) {
    setenv("GOMP_SPINCOUNT", "20000", 1);
    execv("/proc/self/exe", argv);
  }
  for (int i = 1; i < argc; ++i) {
    if (!std::strncmp(argv[i], "--cpu=", 6))
      bench::setCpu(argv[i] + 6);
    else if (!std::strncmp(argv[i], "--rounds=", 9))
      bench::rounds = std::max(1, std::atoi(argv[i] + 9));
    else if (argv[i][0] != '-')
      bench::only = argv[i];
    else {
      std::fprintf(stderr, "usage: bench [--cpu=NAME] [--rounds=N] [NAME]\n");
      return 2;
    }
  }
  bench::printMachine();
  std::puts(bench::describeOneDnn().c_str());
  bench::contractions();
  bench::networks();
  bench::elementwise();
  bench::compiling();
  bench::otherContractions();
  return 0;
}
