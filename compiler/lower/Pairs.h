// What a neighbourhood runs over: for each target a range of numbers, each of which stands for a pair.
#ifndef NNC_COMPILER_LOWER_PAIRS_H
#define NNC_COMPILER_LOWER_PAIRS_H

#include "compiler/lower/PairBody.h"

namespace nnc {

/// The edges of a graph, as the program sees it: turned around or not, with so many loops at each node, or a tile of
/// them. Edges in the order of their targets are counted as slots: those of a target, then its loops, then the next
/// one.
class GraphPairs {
public:
  GraphPairs(mlir::Value graph, Lowering &l);

  struct Pair {
    mlir::Value source, edge;
  };
  /// The pairs of a target: edges into it, then its loops; of a tile those that are part of it.
  Share range(mlir::Value target);
  /// What a tile has of a target: whether some pairs were in tiles before, or follow in later ones; the number of all.
  struct Part {
    mlir::Value wasBefore, goesOn, degree;
  };
  Part part(mlir::Value target);
  /// The edge is numbered in the whole graph.
  Pair pair(mlir::Value target, mlir::Value number, const Share &range, bool wantsEdge);
  /// Source and target of an edge in the caller's order; loops come after all others.
  std::pair<mlir::Value, mlir::Value> ends(mlir::Value edge);
  mlir::Value edges() { return tile ? count : l.add(ownEdges, l.mul(targets, l.constant(loops))); }
  /// Targets for this thread: as many edges for each thread as whole targets allow. Depends on the graph and the team.
  Share shareTargets();

  bool isByTarget() { return tile && tile.getByTarget(); }
  bool isTile() { return bool(tile); }
  mlir::Value firstOfTile() { return first; }
  /// One after the other the tiles that this thread works on, at most `size` edges each: the first edge, how many, and
  /// the targets. By target they are tiles of the thread's targets, else of all edges.
  void forTiles(int64_t size, bool byTarget,
                llvm::function_ref<void(mlir::Value first, mlir::Value count, const Share &targets)> then);

private:
  mlir::Value array(size_t offset);
  mlir::Value element(mlir::Value array, mlir::Value i);
  mlir::Value slotsBefore(mlir::Value target);
  mlir::Value firstTargetOf(mlir::Value work, int64_t perTarget);

  Lowering &l;
  mlir::Value graph;
  bool reversed = false;
  int64_t loops = 0;
  nn::TileOp tile;
  mlir::Value first, count; ///< of the tile
  mlir::Value targets, ownEdges, start, sources, numbers, from, to;
};

/// Which sources of a dense domain a target can have: `where` is a conjunction of comparisons that are affine in the
/// source, as far as it is one.
class SourceRange {
public:
  SourceRange(nn::NeighbourhoodOp op, Lowering &l);
  /// True if the range says all that `where` does.
  bool isExact() const { return exact; }
  /// Of the target (and the free indices) that `where` has been given.
  Share range(PairBody *where);

private:
  struct Sum {
    int64_t source = 0; ///< coefficient of the source
    llvm::SmallVector<std::pair<int64_t, mlir::Value>> terms;
    int64_t constant = 0;
  };
  /// source >= bound, or source < bound.
  struct Bound {
    bool below;
    Sum bound;
  };
  bool affine(mlir::Value v, int64_t times, Sum &sum);
  bool bounds(mlir::Value v);

  nn::NeighbourhoodOp op;
  Lowering &l;
  llvm::SmallVector<Bound> all;
  bool exact = true;
};

} // namespace nnc
#endif // NNC_COMPILER_LOWER_PAIRS_H
