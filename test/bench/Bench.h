// What each source of `bench` offers: a function that prints its lines. A new one is declared here and listed in
// bench.cpp.
#ifndef NNC_TEST_BENCH_BENCH_H
#define NNC_TEST_BENCH_BENCH_H

namespace bench {

void contractions();      ///< Contraction.cpp: single products of matrices
void otherContractions(); ///< Contraction.cpp: few rows, few columns, many small ones, operands that are no parameters
void networks();          ///< Network.cpp: layers one after the other
void elementwise();       ///< Elementwise.cpp: elementwise functions, passes over rows, copies
void compiling();         ///< Compile.cpp: time of the compiler, size and start of what it makes

} // namespace bench
#endif // NNC_TEST_BENCH_BENCH_H
