// Dense attention: the kernel that neighbourhoods become whose scores are products of rows.
#ifndef NNC_ATTENTION_TD
#define NNC_ATTENTION_TD

include "dialect/Dialect.td"

def NN_AttendOp : NN_KernelOp<"attend", [AttrSizedOperandSegments]> {
  let summary = "out[b.., i, :] = sum over j of softmax over j of score(b.., i, j) * value[b.., j, :]";
  let description = [{
    `queries` are `[b.., targets, d]`, `keys` `[b.., sources, d]`, in pairs with a d of their own, `value` is
    `[b.., sources, f]`, `extras` are `[b.., targets, sources]`; b are the first `batch` axes. What repeats along an axis
    is a broadcast: a view with stride 0.

    `score` takes the product of each pair of rows, summed in f32 for 16-bit floats, and an element of each extra; it
    yields the score, of the type in which is summed. `where`, which may be empty, takes an element of each extra and
    yields whether the pair counts. `nn.index` counts the axes `[b.., targets, sources]` in both. A predicate that
    compares sums of positions and numbers of the whole bounds the loops: what it refuses costs no time.

    A target without a source gets 0. The second result, if there is one, is the logarithm of the sum of the exponentials
    `[b.., targets]`, in the type in which is summed; -inf without a source.
  }];
  let arguments = (ins Variadic<NN_TensorOrRef>:$queries, Variadic<NN_TensorOrRef>:$keys, NN_TensorOrRef:$value,
                   Variadic<NN_TensorOrRef>:$extras, Variadic<NN_Ref>:$inits, I64Attr:$batch);
  let results = (outs Variadic<NN_Tensor>:$results);
  let regions = (region AnyRegion:$where, SizedRegion<1>:$score);
  let assemblyFormat = [{
    `(` $queries `:` type($queries) `)` `to` `(` $keys `:` type($keys) `)` `value` $value
    (`extras` `(` $extras^ `:` type($extras) `)`)? (`into` `(` $inits^ `:` type($inits) `)`)?
    `where` $where `score` $score attr-dict `:` type($value) (`->` type($results)^)?
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// f32 for 16-bit floats.
    ::mlir::Type getAccumulatorType();
    /// `[b.., targets, sources]`.
    ::nn::Shape pairShape();
  }];
}

def NN_DiagonalsOp : NN_Op<"diagonals", [Pure, NN_View]> {
  let summary = "result[.., i, j] = x[.., rows + j - i]: what depends on the difference of two positions";
  let description = "The last axis of x has rows + columns elements; the result's last two axes are rows and columns.";
  let arguments = (ins NN_Tensor:$x);
  let results = (outs NN_Tensor:$result);
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

#endif
