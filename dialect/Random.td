// Random numbers from a counter: Philox 4x32-10 (Salmon 2011), key = seed, counter = (calls, place in the program, copy
// or step, element). The same numbers on every thread count and in recomputation.
#ifndef NNC_RANDOM_TD
#define NNC_RANDOM_TD

include "dialect/Dialect.td"

def NN_UniformOp : NN_Op<"uniform", [Pure]> {
  let summary = "draws from [0, 1), in f32 (f64 for f64)";
  let description = "`place` numbers the draw in the program. `copy`, if given, is the number of the copy or step (i64 scalar).";
  let arguments = (ins Variadic<NN_Tensor>:$copy, I64Attr:$place);
  let results = (outs NN_Tensor:$result);
  let assemblyFormat = "($copy^ `:` type($copy))? attr-dict `->` type($result)";
}
def NN_NormalOp : NN_Op<"normal", [Pure]> {
  let summary = "draws from the standard normal distribution (Box-Muller)";
  let arguments = (ins Variadic<NN_Tensor>:$copy, I64Attr:$place);
  let results = (outs NN_Tensor:$result);
  let assemblyFormat = "($copy^ `:` type($copy))? attr-dict `->` type($result)";
}
def NN_TruncNormalOp : NN_Op<"trunc_normal", [Pure]> {
  let summary = "draws from the normal distribution of given mean and deviation, redrawn outside [low, high]";
  let arguments = (ins Variadic<NN_Tensor>:$copy, I64Attr:$place, F64Attr:$mean, F64Attr:$std, F64Attr:$low, F64Attr:$high);
  let results = (outs NN_Tensor:$result);
  let assemblyFormat = "($copy^ `:` type($copy))? attr-dict `->` type($result)";
}
def NN_OrthogonalOp : NN_Op<"orthogonal", [Pure]> {
  let summary = "Q of the QR decomposition of normal draws, columns times the sign of R's diagonal (Saxe 2013)";
  let arguments = (ins Variadic<NN_Tensor>:$copy, I64Attr:$place);
  let results = (outs NN_Tensor:$result);
  let assemblyFormat = "($copy^ `:` type($copy))? attr-dict `->` type($result)";
}

def NN_OrthonormalizeOp : NN_KernelOp<"orthonormalize"> {
  let summary = "rows of a matrix (f64, no more rows than columns) made orthogonal and of length 1, in order";
  let description = "The Q of the QR decomposition of the transpose with a positive diagonal of R, transposed.";
  let arguments = (ins NN_TensorOrRef:$x, Variadic<NN_Ref>:$inits);
  let results = (outs Variadic<NN_Tensor>:$results);
  let assemblyFormat = "$x (`into` `(` $inits^ `:` type($inits) `)`)? attr-dict `:` type($x) (`->` type($results)^)?";
}

def NN_DrawOp : NN_Op<"draw", [Pure]> {
  let summary = "in the body of a kernel: element `number` of a draw";
  let description = [{
    `distribution` is "uniform", "normal" or "trunc_normal" (then `bounds` = [mean, std, low, high]). With a `copy` every
    copy or step has numbers of its own.
  }];
  let arguments = (ins NN_Value:$number, Variadic<NN_Value>:$copy, StrAttr:$distribution, I64Attr:$place,
                   DefaultValuedAttr<DenseF64ArrayAttr, "{}">:$bounds);
  let results = (outs NN_Value:$result);
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, results)";
}

#endif
