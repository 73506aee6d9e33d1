// Neighbourhoods: sums over sources, `each`, `attend`.
#include "compiler/frontend/Elaborator.h"

using namespace nnc::frontend;

Value Elaborator::evaluateNeighbourhood(const Neighbourhood &n) {
  return fail(Code::NN0901, n.range, "neighbourhoods are not available yet");
}
std::optional<Value> Elaborator::indexInNeighbourhood(const Value &x, const Index &index) { return std::nullopt; }
