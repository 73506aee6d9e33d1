// Graphs: one stable counting sort by target and one by source.
#include "runtime/Abi.h"
#include "runtime/Memory.h"

#include <stdlib.h>

using namespace nnrt;

/// Sorts edges by `key` into slots, in their own order where keys are equal.
static void sortEdges(int32_t keys, int32_t edges, const int32_t *key, const int32_t *other, int32_t *start,
                      int32_t *sorted, int32_t *edge, int32_t *degree) {
  for (int32_t e = 0; e < edges; ++e)
    ++degree[key[e]];
  start[0] = 0;
  for (int32_t k = 0; k < keys; ++k)
    start[k + 1] = start[k] + degree[k];
  // start[k] walks through the slots of k, which leaves it at the start of k + 1.
  for (int32_t e = 0; e < edges; ++e) {
    int32_t slot = start[key[e]]++;
    sorted[slot] = other[e];
    edge[slot] = e;
  }
  for (int32_t k = 0; k < keys; ++k)
    start[k] -= degree[k];
}

static bool copyIndices(int32_t *to, const int64_t *from, int64_t count, int64_t limit) {
  for (int64_t i = 0; i < count; ++i) {
    if (from[i] < 0 || from[i] >= limit)
      return false;
    to[i] = static_cast<int32_t>(from[i]);
  }
  return true;
}

namespace {
/// The graph and all its arrays are one block.
struct GraphBlock {
  nn_graph graph;
  Block memory;
};
} // namespace

extern "C" __attribute__((visibility("default"))) nn_status nn_graph_create(nn_graph **out, int64_t sources,
                                                                            int64_t targets, int64_t edges,
                                                                            const int64_t *source,
                                                                            const int64_t *target) {
  KeepErrno keep;
  if (!out)
    return NN_INVALID;
  *out = nullptr;
  bool counts =
      sources >= 0 && targets >= 0 && edges >= 0 && sources < INT32_MAX && targets < INT32_MAX && edges <= INT32_MAX;
  if (!counts || (edges && (!source || !target)))
    return NN_INVALID;

  Block memory;
  int64_t words = 6 * edges + 2 * sources + 2 * targets + 2;
  if (!allocate(memory, static_cast<int64_t>(sizeof(GraphBlock)) + words * 4))
    return NN_MEMORY;
  auto *block = reinterpret_cast<GraphBlock *>(memory.data);
  auto *next = reinterpret_cast<int32_t *>(memory.data + sizeof(GraphBlock));
  auto take = [&next](int64_t count) {
    int32_t *array = next;
    next += count;
    return array;
  };
  int32_t *edgeSource = take(edges), *edgeTarget = take(edges);
  int32_t *inStart = take(targets + 1), *inSource = take(edges), *inEdge = take(edges), *inDegree = take(targets);
  int32_t *outStart = take(sources + 1), *outTarget = take(edges), *outEdge = take(edges), *outDegree = take(sources);
  if (!copyIndices(edgeSource, source, edges, sources) || !copyIndices(edgeTarget, target, edges, targets)) {
    release(memory);
    return NN_INVALID;
  }
  auto nS = static_cast<int32_t>(sources), nT = static_cast<int32_t>(targets), nE = static_cast<int32_t>(edges);
  sortEdges(nT, nE, edgeTarget, edgeSource, inStart, inSource, inEdge, inDegree);
  sortEdges(nS, nE, edgeSource, edgeTarget, outStart, outTarget, outEdge, outDegree);
  block->memory = memory;
  block->graph = {sizeof(nn_graph), NNRT_GRAPH_VERSION, nS,     nT,       nE,       0,         edgeSource, edgeTarget,
                  inStart,          inSource,           inEdge, inDegree, outStart, outTarget, outEdge,    outDegree};
  *out = &block->graph;
  return NN_OK;
}

extern "C" __attribute__((visibility("default"))) void nn_graph_destroy(nn_graph *graph) {
  KeepErrno keep;
  if (!graph || graph->size != sizeof(nn_graph) || graph->version != NNRT_GRAPH_VERSION)
    return;
  graph->size = 0; // a handle used too late is found out, with luck
  Block memory = reinterpret_cast<GraphBlock *>(graph)->memory;
  release(memory);
}
