// Contractions: products summed over axes that two operands share. `@`, `dot` and `einsum` are written with this one.
#ifndef NNC_CONTRACTION_TD
#define NNC_CONTRACTION_TD

include "dialect/Dialect.td"

def NN_ContractOp : NN_KernelOp<"contract", [AttrSizedOperandSegments, NN_EpilogueInterface, NN_Differentiable]> {
  let summary = "out[b.., m.., n..] = epilogue(sum over k of lhs[b.., m.., k..] * rhs[b.., k.., n..], extras)";
  let description = [{
    `batch`, `m`, `n`, `k` are the numbers of axes of each kind; other orders are views (`nn.transpose`) of the operands.
    A packed rhs (see `nn.pack`) has `panel > 0`: it is then `[b.., ceil(n / panel), k, panel]` with m, n, k of one axis.
    One element is one chain of accumulation with k ascending, in f32 for 16-bit types.
  }];
  let arguments = (ins NN_TensorOrRef:$lhs, NN_TensorOrRef:$rhs, Variadic<NN_TensorOrRef>:$extras, Variadic<NN_Ref>:$inits,
                   I64Attr:$batch, I64Attr:$m, I64Attr:$n, I64Attr:$k, DefaultValuedAttr<I64Attr, "0">:$panel);
  let results = (outs Variadic<NN_Tensor>:$results);
  let regions = (region AnyRegion:$epilogue);
  let assemblyFormat = [{
    $lhs `,` $rhs (`extras` `(` $extras^ `:` type($extras) `)`)? (`into` `(` $inits^ `:` type($inits) `)`)? $epilogue
    attr-dict `:` type($lhs) `,` type($rhs) (`->` type($results)^)?
  }];
  let hasVerifier = 1;
  let builders = [
    /// Without epilogue; the result has the element type of lhs.
    OpBuilder<(ins "::mlir::Value":$lhs, "::mlir::Value":$rhs, "int64_t":$batch, "int64_t":$m, "int64_t":$n, "int64_t":$k)>
  ];
  let extraClassDeclaration = [{
    ::mlir::OperandRange getOverwritable() { return getExtras(); }
    ::mlir::Type getAccumulatorType();
    /// Sizes of the axes of one kind, read off the operands (off the result for n when rhs is packed).
    ::nn::Shape batchShape();
    ::nn::Shape mShape();
    ::nn::Shape nShape();
    ::nn::Shape kShape();
    ::nn::Shape resultShape();
  }];
}

def NN_PackOp : NN_KernelOp<"pack"> {
  let summary = "rhs of a contraction `[b.., k, n]` as panels `[b.., ceil(n / panel), k, panel]`, the last one filled with zeros";
  let arguments = (ins NN_TensorOrRef:$x, Variadic<NN_Ref>:$inits, I64Attr:$panel);
  let results = (outs Variadic<NN_Tensor>:$results);
  let assemblyFormat = "$x (`into` `(` $inits^ `:` type($inits) `)`)? attr-dict `:` type($x) (`->` type($results)^)?";
  let builders = [OpBuilder<(ins "::mlir::Value":$x, "int64_t":$panel)>];
}

#endif
