// Dense attention: the kernel that neighbourhoods become whose scores are products of rows.
#ifndef NNC_ATTENTION_TD
#define NNC_ATTENTION_TD

include "dialect/Dialect.td"

def NN_AttendOp : NN_KernelOp<"attend", [AttrSizedOperandSegments, NN_PairsInterface]> {
  let summary = "out[b.., i, :] = sum over j of softmax over j of score(b.., i, j) * value[b.., j, :]";
  let description = [{
    The operands are those of the interface of kernels over pairs, with one value. `score` yields the score, of the type
    in which is summed.

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
  let extraClassDeclaration = "::mlir::Operation::operand_range getValues() { return getODSOperands(2); }";
}

def NN_PairSumsOp : NN_KernelOp<"pair_sums", [AttrSizedOperandSegments, NN_PairsInterface]> {
  let summary = "results[n][b.., i, :] = sum over j of weight n of (b.., i, j) * values[n][b.., j, :]";
  let description = [{
    The operands are those of the interface of kernels over pairs. `weights` yields the weights, of the type in which is
    summed: one for each value, then those without one, whose results `[b.., targets]` are the sums of the weights alone.
    The derivatives of attention are such sums: one over the sources of each target, one over the targets of each source.

    A target without a source gets 0.
  }];
  let arguments = (ins Variadic<NN_TensorOrRef>:$queries, Variadic<NN_TensorOrRef>:$keys, Variadic<NN_TensorOrRef>:$values,
                   Variadic<NN_TensorOrRef>:$extras, Variadic<NN_Ref>:$inits, I64Attr:$batch);
  let results = (outs Variadic<NN_Tensor>:$results);
  let regions = (region AnyRegion:$where, SizedRegion<1>:$weights);
  let assemblyFormat = [{
    `(` $queries `:` type($queries) `)` `to` `(` $keys `:` type($keys) `)` (`values` `(` $values^ `:` type($values) `)`)?
    (`extras` `(` $extras^ `:` type($extras) `)`)? (`into` `(` $inits^ `:` type($inits) `)`)?
    `where` $where `weights` $weights attr-dict (`->` type($results)^)?
  }];
  let hasVerifier = 1;
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
