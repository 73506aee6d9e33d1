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

def NN_TileOp : NN_Op<"tile", [Pure]> {
  let summary = "a run of the edges of a graph as a graph of the same nodes";
  let description = [{
    Its edges are numbered from 0; number `first` of the whole graph is the first. With `by_target` they are counted in the
    order of their targets, and the targets `from` .. `to` - 1 are those whose work is done here: edges of the first and the
    last one may lie outside. Else they are counted in the caller's order.
  }];
  let arguments = (ins NN_Graph:$graph, NN_DimAttr:$first, NN_DimAttr:$from, NN_DimAttr:$to, UnitAttr:$by_target);
  let results = (outs NN_Graph:$result);
  let assemblyFormat = [{
    $graph `first` $first `targets` $from `to` $to (`by_target` $by_target^)? attr-dict `:` functional-type(operands, results)
  }];
}

def NN_AtOp : NN_Op<"at", [Pure]> {
  let summary = "in a body of a neighbourhood: x with the axes `axes` read at integer scalars";
  let description = [{
    An index that is an argument of the body fits the axis. The memory phase puts a `nn.bound` before others. Without
    indices it is all of x.
  }];
  let arguments = (ins NN_Tensor:$x, Variadic<NN_Tensor>:$indices, DenseI64ArrayAttr:$axes);
  let results = (outs NN_Tensor:$result);
  let assemblyFormat = "$x `[` $indices `]` attr-dict `:` type($x) `[` type($indices) `]` `->` type($result)";
  let hasVerifier = 1;
}

def NN_EndpointsOp : NN_KernelOp<"endpoints"> {
  let summary = "the numbers of the edges' sources and targets, in the caller's order";
  let description = "Of a tile also the numbers that its edges have in the whole graph, as a third result.";
  let arguments = (ins NN_Graph:$graph, Variadic<NN_Ref>:$inits);
  let results = (outs Variadic<NN_Tensor>:$results);
  let assemblyFormat = "$graph (`into` `(` $inits^ `:` type($inits) `)`)? attr-dict `:` type($graph) (`->` type($results)^)?";
  let hasVerifier = 1;
  /// As i64.
  let builders = [OpBuilder<(ins "::mlir::Value":$graph)>];
  let extraClassDeclaration = [{
    ::mlir::Value getSource() { return getResult(0); }
    ::mlir::Value getTarget() { return getResult(1); }
    ::mlir::Value getNumber() { return getResult(2); }
    /// For each source, or target, the sum of what `rows` has for its edges: they are axis `axis`.
    ::mlir::Value sumAt(bool sources, ::mlir::Value rows, int64_t axis, ::mlir::OpBuilder &b);
  }];
}

def NN_BoundOp : NN_Op<"bound", [Pure, SameOperandsAndResultType, DeclareOpInterfaceMethods<NN_CheckedInterface, ["getChecked", "getCheckedLimit", "getCheckedName"]>]> {
  let summary = "in a body of a neighbourhood: an index that was computed, kept in 0 .. limit - 1";
  let description = "One that is out of range makes the call fail with message `code` of the entry; `name` says what it is.";
  let arguments = (ins NN_Tensor:$x, NN_DimAttr:$limit, StrAttr:$name, DefaultValuedAttr<I64Attr, "0">:$code);
  let results = (outs NN_Tensor:$result);
  let assemblyFormat = "$name $x `below` $limit attr-dict `:` type($x)";
  let hasVerifier = 1;
}

def NN_NeighbourhoodOp : NN_KernelOp<"neighbourhood", [AttrSizedOperandSegments, IsolatedFromAbove, NN_Differentiable]> {
  let summary = "for each free index and target: the combination of the body over the sources that reach the target";
  let description = [{
    `combine` is sum, mean, max, min, attend or each. With a graph the pairs are its edges, without one all pairs of
    `targets` and `sources`.

    Both regions have the arguments (free indices.., target, source, edge if there is a graph: i64 scalars), then one for
    each of `captures`, whole. `where` yields a bool, pairs that it refuses do not count; it may be empty. `body` yields
    what is combined (any shape: trailing axes); for attend the scalar score, then the value: the sum of the values
    weighted by the softmax of the scores over the sources.

    The result is `[free.., targets, axes of the body]`; for `each` `[free.., edges, ..]`, or `[free.., targets, sources, ..]`
    where there is no graph. Over no source the result is 0. Ties of max and min go to the first edge. For attend there
    may be a second result `[free.., targets]`: the logarithm of the sum of the exponentials of the scores, in the type in
    which is summed; -inf without a source.

    In the form that becomes code (pass `prepare-neighbourhoods`) the regions hold reads (`nn.at`), constants, sizes,
    elementwise operations and `nn.broadcast` on values of rank 0 and of the trailing axes, and reductions of trailing
    axes. The captured values are places after the memory phase; the arguments of the regions stay what they were. Over a
    tile by target there are two more inits then: what has been accumulated for a target that goes on in the next tile,
    and from how many edges, both `[free.., axes of the body]`.
  }];
  let arguments = (ins Variadic<NN_Graph>:$graph, Variadic<AnyType>:$captures, Variadic<NN_Ref>:$inits, StrAttr:$combine,
                   NN_ShapeAttr:$free, NN_DimAttr:$targets, NN_DimAttr:$sources);
  let results = (outs Variadic<NN_Tensor>:$results);
  let regions = (region AnyRegion:$where, SizedRegion<1>:$body);
  let assemblyFormat = [{
    $combine `over` (`graph` `(` $graph^ `:` type($graph) `)`)? `free` $free `targets` $targets `sources` $sources
    `captures` `(` ($captures^ `:` type($captures))? `)` (`into` `(` $inits^ `:` type($inits) `)`)?
    `where` $where `body` $body attr-dict (`->` type($results)^)?
  }];
  let extraClassDeclaration = [{
    bool isOverGraph() { return !getGraph().empty(); }
    /// Arguments of a region before the captured values: free indices, target, source and, in a graph, edge.
    unsigned indexCount() { return getFree().getValue().rank() + 2 + isOverGraph(); }
    /// The axes of the result before those of the body.
    ::nn::Shape leadingShape();
    /// It combines the edges of a tile, whose first and last target may have edges in other tiles.
    bool mayGoOn();
    /// A copy with one result, whose type is to be set if the copy combines another way or another value.
    ::nn::NeighbourhoodOp cloneAs(::mlir::OpBuilder &b, ::llvm::StringRef combine, ::mlir::IRMapping &map);
    /// An attend with the logarithms as well; takes the place of this one.
    ::nn::NeighbourhoodOp withLogarithms();
    /// Erases captured values that the regions do not use.
    void dropCaptures();
    /// The regions that there are: `where`, then the body.
    ::llvm::SmallVector<::mlir::Block *, 2> getBlocks();
  }];
  let hasVerifier = 1;
}

#endif
