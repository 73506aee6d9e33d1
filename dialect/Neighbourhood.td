// Neighbourhoods: for every target, a combination of values over its sources. Message passing and attention.
#ifndef NNC_NEIGHBOURHOOD_TD
#define NNC_NEIGHBOURHOOD_TD

include "dialect/Dialect.td"

def NN_Graph : Type<CPred<"::llvm::isa<::nn::GraphType>($_self)">, "graph", "::nn::GraphType">;

def NN_AddSelfLoopsOp : NN_Op<"add_self_loops", [Pure]> {
  let summary = "the graph with an edge from each node to itself, numbered after the others";
  let arguments = (ins NN_Graph:$graph);
  let results = (outs NN_Graph:$result);
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, results)";
}
def NN_ReverseOp : NN_Op<"reverse", [Pure]> {
  let summary = "the graph with all edges turned around; they keep their numbers";
  let arguments = (ins NN_Graph:$graph);
  let results = (outs NN_Graph:$result);
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, results)";
}

def NN_EndpointsOp : NN_Op<"endpoints", [Pure]> {
  let summary = "source and target of every edge, in the caller's order";
  let description = "Two i64 tensors over the edges. Those of a graph that was reversed or has loops come from its parts.";
  let arguments = (ins NN_Graph:$graph);
  let results = (outs NN_Tensor:$source, NN_Tensor:$target);
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, results)";
}

def NN_AtOp : NN_Op<"at", [Pure]> {
  let summary = "in a body of a neighbourhood: x with the axes `axes` read at integer scalars";
  let description = [{
    An index that is an argument of the body fits the axis. Others are checked when the program runs. Without indices it
    is all of x.
  }];
  let arguments = (ins NN_Tensor:$x, Variadic<NN_Tensor>:$indices, DenseI64ArrayAttr:$axes);
  let results = (outs NN_Tensor:$result);
  let assemblyFormat = "$x `[` $indices `]` attr-dict `:` type($x) `[` type($indices) `]` `->` type($result)";
  let hasVerifier = 1;
}

def NN_NeighbourhoodOp : NN_Op<"neighbourhood", [AttrSizedOperandSegments, IsolatedFromAbove]> {
  let summary = "for each free index and target: the combination of the body over the sources that reach the target";
  let description = [{
    `combine` is sum, mean, max, min, attend or each. With a graph the pairs are its edges, without one all pairs of
    `targets` and `sources`.

    Both regions have the arguments (free indices.., target, source, edge if there is a graph: i64 scalars), then one for
    each of `captures`, whole. `where` yields a bool, pairs that it refuses do not count; it may be empty. `body` yields
    what is combined (any shape: trailing axes); for attend the scalar score, then the value: the sum of the values
    weighted by the softmax of the scores over the sources.

    The result is `[free.., targets, axes of the body]`; for `each` `[free.., edges, ..]`, or `[free.., targets, sources, ..]`
    where there is no graph. Over no source the result is 0. Ties of max and min go to the first edge.
  }];
  let arguments = (ins Variadic<NN_Graph>:$graph, Variadic<AnyType>:$captures, StrAttr:$combine, NN_ShapeAttr:$free,
                   NN_DimAttr:$targets, NN_DimAttr:$sources);
  let results = (outs NN_Tensor:$result);
  let regions = (region AnyRegion:$where, SizedRegion<1>:$body);
  let assemblyFormat = [{
    $combine `over` (`graph` `(` $graph^ `:` type($graph) `)`)? `free` $free `targets` $targets `sources` $sources
    `captures` `(` ($captures^ `:` type($captures))? `)` `where` $where `body` $body attr-dict `->` type($result)
  }];
  let hasVerifier = 1;
}

#endif
