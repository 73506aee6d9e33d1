// What a program says about derivatives: `grad`, `stop_gradient`, `checkpoint`, functions with a `vjp`. Gone after
// differentiation.
#ifndef NNC_GRADIENT_TD
#define NNC_GRADIENT_TD

include "dialect/Dialect.td"

def NN_GradOp : NN_Op<"grad", [Pure]> {
  let summary = "the gradient of a scalar by values that it was computed from";
  let description = [{
    Result i has the type of `xs[i]`: the derivative of `e` by that value, through all operations between them, the
    bodies of called functions included. A value that `e` does not depend on has gradient 0.
  }];
  let arguments = (ins NN_Tensor:$e, Variadic<NN_Tensor>:$xs);
  let results = (outs Variadic<NN_Tensor>:$results);
  let assemblyFormat = "$e `by` `(` $xs `:` type($xs) `)` attr-dict `:` type($e) `->` type($results)";
  let hasVerifier = 1;
}

def NN_StopGradientOp : NN_LanguageOp<"stop_gradient"> {
  let summary = "x, without a derivative";
  let arguments = (ins NN_Tensor:$x);
  let results = (outs NN_Tensor:$result);
  let signatureBody = [{
    ::nn::Signature s;
    s.operands = {{"x"}};
    return s;
  }];
  let ruleBody = [{
    results.push_back(in.types[0]);
    return ::llvm::success();
  }];
}

def NN_CheckpointOp : NN_Op<"checkpoint", [SingleBlock]> {
  let summary = "values that are computed again in the backward pass instead of being saved";
  let description = "The body reads values from outside and yields the results.";
  let results = (outs Variadic<NN_Tensor>:$results);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$body attr-dict (`->` type($results)^)?";
}

def NN_FenceOp : NN_Op<"fence", [Pure, SameOperandsAndResultType, NN_Differentiable]> {
  let summary = "x; keeps what is computed from it apart from what is computed from x";
  let description = "What a backward pass computes again stands behind fences, until equal operations have become one.";
  let arguments = (ins NN_Tensor:$x);
  let results = (outs NN_Tensor:$result);
  let assemblyFormat = "$x attr-dict `:` type($x)";
}

def NN_CustomGradientOp : NN_Op<"custom_gradient", [IsolatedFromAbove, NN_Differentiable]> {
  let summary = "a function that says its own derivative";
  let description = [{
    `body` maps the operands to the results. `pullback` gets the operands, the results and the cotangents of the results,
    and yields a cotangent for each operand.
  }];
  let arguments = (ins Variadic<NN_Tensor>:$operands);
  let results = (outs Variadic<NN_Tensor>:$results);
  let regions = (region SizedRegion<1>:$body, SizedRegion<1>:$pullback);
  let assemblyFormat = "`(` ($operands^ `:` type($operands))? `)` $body `pullback` $pullback attr-dict `->` type($results)";
  let hasVerifier = 1;
}

#endif
