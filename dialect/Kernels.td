// Kernels that fusion makes: elementwise work over any shape, and passes over rows.
#ifndef NNC_KERNELS_TD
#define NNC_KERNELS_TD

include "dialect/Dialect.td"

def NN_YieldOp : NN_Op<"yield", [Pure, Terminator, ReturnLike]> {
  let summary = "what a region gives";
  let arguments = (ins Variadic<AnyType>:$values);
  let assemblyFormat = "attr-dict ($values^ `:` type($values))?";
}

def NN_MapOp : NN_KernelOp<"map", [AttrSizedOperandSegments, SingleBlock]> {
  let summary = "elementwise work, fused: results[i] = body(inputs[i])";
  let description = [{
    All inputs and results have one shape; broadcasts and transposes are views of the inputs. The body works on scalars
    with elementwise operations, `nn.index` and `nn.draw`.
  }];
  let arguments = (ins Variadic<NN_TensorOrRef>:$inputs, Variadic<NN_Ref>:$inits);
  let results = (outs Variadic<NN_Tensor>:$results);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    `(` ($inputs^ `:` type($inputs))? `)` (`into` `(` $inits^ `:` type($inits) `)`)? $body attr-dict (`->` type($results)^)?
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = "::mlir::OperandRange getOverwritable() { return getInputs(); }";
}

def NN_RowsOp : NN_KernelOp<"rows", [AttrSizedOperandSegments, SingleBlock]> {
  let summary = "passes over rows: reductions, softmax, norms with the elementwise work around them";
  let description = [{
    Every input and result has the parallel axes first, then either the `row_rank` axes of the row or none (one value per
    row). The body sees one row: tensors of rank `row_rank` and scalars of rank 0; in it stand elementwise operations,
    `nn.broadcast` from a scalar, `nn.sum`, `nn.max`, `nn.min`, `nn.any`, `nn.all` over all axes of the row, and for a row
    of one axis `nn.argmax`, `nn.argmin`, `nn.cumsum`. Sums of 16-bit floats accumulate in f32. `nn.index` counts the axes
    of `parallel`, then those of `row`; along a parallel axis it is a scalar or the same in the whole row.
  }];
  let arguments = (ins Variadic<NN_TensorOrRef>:$inputs, Variadic<NN_Ref>:$inits, I64Attr:$row_rank, NN_ShapeAttr:$parallel, NN_ShapeAttr:$row);
  let results = (outs Variadic<NN_Tensor>:$results);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    `(` ($inputs^ `:` type($inputs))? `)` (`into` `(` $inits^ `:` type($inits) `)`)? $body attr-dict (`->` type($results)^)?
  }];
  let hasVerifier = 1;
}

def NN_CopyOp : NN_KernelOp<"copy"> {
  let summary = "copies a place into another of the same shape; also made where a view can not be said by strides";
  let arguments = (ins NN_TensorOrRef:$x, Variadic<NN_Ref>:$inits);
  let results = (outs Variadic<NN_Tensor>:$results);
  let assemblyFormat = "$x (`into` `(` $inits^ `:` type($inits) `)`)? attr-dict `:` type($x) (`->` type($results)^)?";
}

def NN_IndexOp : NN_Op<"index", [Pure, NN_Elementwise]> {
  let summary = "in the body of a kernel: the position on an axis of its shape";
  let arguments = (ins I64Attr:$axis);
  let results = (outs NN_Value:$result);
  let assemblyFormat = "$axis attr-dict `->` type($result)";
}

#endif
