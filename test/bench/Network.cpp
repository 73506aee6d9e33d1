#include "test/bench/Bench.h"

namespace bench {
void networks() {}
} // namespace bench
