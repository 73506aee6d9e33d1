// The cheapest set of values that separates what is there from what is needed.
#ifndef NNC_COMPILER_GRADIENT_CUT_H
#define NNC_COMPILER_GRADIENT_CUT_H

#include <cstdint>
#include <vector>

namespace nnc {

/// A minimum cut through the vertices of a directed graph, by maximum flow (Dinic 1970). Of several cheapest cuts the
/// one that lies nearest to the sinks.
class Cut {
public:
  static constexpr int64_t kForbidden = int64_t(1) << 60; ///< cost of a vertex that must not be cut

  /// Returns its number.
  int addVertex(int64_t cost);
  void addEdge(int from, int to);
  void addSource(int vertex); ///< is there
  void addSink(int vertex);   ///< is needed
  /// Which vertices are cut.
  std::vector<bool> run();

private:
  struct Arc {
    int to;
    int64_t capacity;
  };
  // A vertex is two nodes, in and out, with an arc between them; nodes 0 and 1 are the source and the sink.
  static int in(int vertex) { return 2 + 2 * vertex; }
  static int out(int vertex) { return 3 + 2 * vertex; }
  void connect(int from, int to, int64_t capacity);
  bool findLevels();
  int64_t push(int node, int64_t most);

  std::vector<Arc> arcs; ///< an arc and its reverse have numbers 2 k and 2 k + 1
  std::vector<std::vector<int>> leaving = std::vector<std::vector<int>>(2);
  std::vector<int> level;
  std::vector<size_t> next;
};

} // namespace nnc
#endif // NNC_COMPILER_GRADIENT_CUT_H
