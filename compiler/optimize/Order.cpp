#include "compiler/optimize/Order.h"

using namespace mlir;
using namespace nnc;

/// Room between neighbours: 2^22 operations fit below 2^62, and 2^40 between two of them.
static constexpr int64_t kStride = int64_t(1) << 40;

void Order::renumber() {
  numbers.clear();
  int64_t next = 0;
  for (Operation &op : block)
    numbers[&op] = next += kStride;
}

/// Operations without a number stand in a run: they share the room between the ends of the run evenly.
int64_t Order::number(Operation *op) {
  if (auto at = numbers.find(op); at != numbers.end())
    return at->second;
  SmallVector<Operation *, 8> run;
  Operation *first = op;
  while (Operation *previous = first->getPrevNode()) {
    if (numbers.contains(previous))
      break;
    first = previous;
  }
  Operation *end = first;
  for (; end && !numbers.contains(end); end = end->getNextNode())
    run.push_back(end);
  Operation *start = first->getPrevNode();
  int64_t from = start ? numbers[start] : 0, to = end ? numbers[end] : from + kStride * int64_t(run.size() + 1);
  int64_t step = (to - from) / int64_t(run.size() + 1);
  if (step == 0)
    renumber();
  else
    for (Operation *one : run)
      numbers[one] = from += step;
  return numbers[op];
}
