// Graphs: both orders of the edges, and everything that is refused.
#include "Check.h"
#include "runtime/Abi.h"

#include <array>
#include <vector>

static nn_graph *make(int64_t sources, int64_t targets, const std::vector<int64_t> &source,
                      const std::vector<int64_t> &target, nn_status status = NN_OK) {
  nn_graph *graph = reinterpret_cast<nn_graph *>(&graph);
  CHECK_EQUAL(
      nn_graph_create(&graph, sources, targets, static_cast<int64_t>(source.size()), source.data(), target.data()),
      status);
  CHECK((graph == nullptr) == (status != NN_OK));
  return graph;
}

CASE(graph, bothOrders) {
  uint32_t random = 1;
  for (auto [sources, targets, edges] :
       {std::array{5, 5, 0}, {1, 1, 3}, {0, 0, 0}, {0, 4, 0}, {7, 3, 1}, {50, 70, 1000}}) {
    std::vector<int64_t> source, target;
    for (int i = 0; i < edges; ++i) {
      random = random * 1664525 + 1013904223;
      source.push_back((random >> 8) % static_cast<uint32_t>(sources));
      target.push_back((random >> 16) % static_cast<uint32_t>(targets));
    }
    nn_graph *g = make(sources, targets, source, target);
    CHECK_EQUAL(g->sources, sources);
    CHECK_EQUAL(g->targets, targets);
    CHECK_EQUAL(g->edges, edges);
    CHECK_EQUAL(g->in_start[0], 0);
    CHECK_EQUAL(g->out_start[sources], edges);
    int slot = 0;
    for (int v = 0; v < targets; ++v) { // the caller's order within each target
      CHECK_EQUAL(g->in_start[v], slot);
      for (int e = 0; e < edges; ++e)
        if (target[size_t(e)] == v) {
          CHECK_EQUAL(g->in_edge[slot], e);
          CHECK_EQUAL(g->in_source[slot], int32_t(source[size_t(e)]));
          ++slot;
        }
      CHECK_EQUAL(g->in_degree[v], slot - g->in_start[v]);
    }
    CHECK_EQUAL(g->in_start[targets], edges);
    slot = 0;
    for (int u = 0; u < sources; ++u) {
      CHECK_EQUAL(g->out_start[u], slot);
      for (int e = 0; e < edges; ++e)
        if (source[size_t(e)] == u) {
          CHECK_EQUAL(g->out_edge[slot], e);
          CHECK_EQUAL(g->out_target[slot], int32_t(target[size_t(e)]));
          ++slot;
        }
      CHECK_EQUAL(g->out_degree[u], slot - g->out_start[u]);
    }
    for (int e = 0; e < edges; ++e)
      CHECK(g->source[e] == source[size_t(e)] && g->target[e] == target[size_t(e)]);
    nn_graph_destroy(g);
  }
}

CASE(graph, refused) {
  make(3, 3, {0, 3}, {0, 0}, NN_INVALID);
  make(3, 3, {0, -1}, {0, 0}, NN_INVALID);
  make(3, 3, {0, 0}, {0, 3}, NN_INVALID);
  make(3, 3, {0}, {INT64_MIN}, NN_INVALID);
  make(3, 3, {int64_t(1) << 32}, {0}, NN_INVALID);
  make(0, 3, {0}, {0}, NN_INVALID);
  make(-1, 3, {}, {}, NN_INVALID);
  make(int64_t(1) << 31, 1, {}, {}, NN_INVALID);
  nn_graph *graph;
  int64_t one[] = {0};
  CHECK_EQUAL(nn_graph_create(nullptr, 1, 1, 1, one, one), NN_INVALID);
  CHECK_EQUAL(nn_graph_create(&graph, 1, 1, 1, nullptr, one), NN_INVALID);
  CHECK_EQUAL(nn_graph_create(&graph, 1, 1, 1, one, nullptr), NN_INVALID);
  CHECK_EQUAL(nn_graph_create(&graph, 1, 1, -1, one, one), NN_INVALID);
  CHECK_EQUAL(nn_graph_create(&graph, 1, 1, INT64_MAX, one, one), NN_INVALID);
  CHECK_EQUAL(nn_graph_create(&graph, 1, 1, 0, nullptr, nullptr), NN_OK);
  nn_graph_destroy(graph);
  nn_graph_destroy(nullptr);
}
