#include "compiler/gradient/Cut.h"

#include <algorithm>

using namespace nnc;

static constexpr int kSource = 0, kSink = 1;

int Cut::addVertex(int64_t cost) {
  int vertex = int(leaving.size() - 2) / 2;
  leaving.resize(leaving.size() + 2);
  connect(in(vertex), out(vertex), cost);
  return vertex;
}

void Cut::connect(int from, int to, int64_t capacity) {
  leaving[from].push_back(int(arcs.size()));
  arcs.push_back({to, capacity});
  leaving[to].push_back(int(arcs.size()));
  arcs.push_back({from, 0});
}

void Cut::addEdge(int from, int to) { connect(out(from), in(to), kForbidden); }
void Cut::addSource(int vertex) { connect(kSource, in(vertex), kForbidden); }
void Cut::addSink(int vertex) { connect(out(vertex), kSink, kForbidden); }

/// Distances from the source over arcs that take more.
bool Cut::findLevels() {
  level.assign(leaving.size(), -1);
  level[kSource] = 0;
  std::vector<int> order = {kSource};
  for (size_t i = 0; i < order.size(); ++i)
    for (int a : leaving[order[i]])
      if (arcs[a].capacity > 0 && level[arcs[a].to] < 0) {
        level[arcs[a].to] = level[order[i]] + 1;
        order.push_back(arcs[a].to);
      }
  return level[kSink] >= 0;
}

/// Sends up to `most` from the node to the sink along rising levels; a path at a time, without recursion: paths are as
/// long as programs.
int64_t Cut::push(int node, int64_t most) {
  std::vector<int> path;
  while (node != kSink) {
    bool found = false;
    for (size_t &i = next[node]; i < leaving[node].size(); ++i) {
      const Arc &arc = arcs[leaving[node][i]];
      if (arc.capacity > 0 && level[arc.to] == level[node] + 1) {
        path.push_back(leaving[node][i]);
        node = arc.to;
        found = true;
        break;
      }
    }
    if (found)
      continue;
    if (path.empty())
      return 0;
    int last = path.back();
    path.pop_back();
    node = arcs[last ^ 1].to;
    ++next[node];
  }
  for (int a : path)
    most = std::min(most, arcs[a].capacity);
  for (int a : path) {
    arcs[a].capacity -= most;
    arcs[a ^ 1].capacity += most;
  }
  return most;
}

std::vector<bool> Cut::run() {
  while (findLevels()) {
    next.assign(leaving.size(), 0);
    while (push(kSource, kForbidden) > 0)
      ;
  }
  // From which nodes something could still reach the sink: backwards over arcs that take more.
  std::vector<bool> behind(leaving.size());
  std::vector<int> order = {kSink};
  behind[kSink] = true;
  for (size_t i = 0; i < order.size(); ++i)
    for (int a : leaving[order[i]]) {
      int from = arcs[a].to;
      if (!behind[from] && arcs[a ^ 1].capacity > 0) {
        behind[from] = true;
        order.push_back(from);
      }
    }
  std::vector<bool> cut((leaving.size() - 2) / 2);
  for (size_t v = 0; v < cut.size(); ++v)
    cut[v] = !behind[in(int(v))] && behind[out(int(v))];
  return cut;
}
