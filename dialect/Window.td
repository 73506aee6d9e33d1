// Convolutions and pooling over all axes after the second: `[B, channels, L]` or `[B, channels, H, W]`.
#ifndef NNC_WINDOW_TD
#define NNC_WINDOW_TD

include "dialect/Dialect.td"

def NN_ConvOp : NN_LanguageOp<"conv", [NN_Differentiable]> {
  let summary = "cross-correlation of x [B, in, L] or [B, in, H, W] with w [out, in / groups, k..]";
  let description = [{
    A size becomes floor((L + 2 padding - dilation (k - 1) - 1) / stride) + 1. `_w` is the last axis of an image, by
    default as the other one. Sums are accumulated in f32 for 16-bit floats.
  }];
  let arguments = (ins NN_Tensor:$x, NN_Tensor:$w, I64Attr:$stride, I64Attr:$padding, I64Attr:$dilation, I64Attr:$groups,
                   I64Attr:$stride_w, I64Attr:$padding_w, I64Attr:$dilation_w);
  let results = (outs NN_Tensor:$result);
  let signatureBody = [{
    using K = ::nn::Signature::Kind;
    ::nn::Signature s;
    s.operands = {{"x", ::nn::Elements::Float}, {"w", ::nn::Elements::Float}};
    s.attributes = {{"stride", K::Integer, 1.0}, {"padding", K::Integer, 0.0}, {"dilation", K::Integer, 1.0},
                    {"groups", K::Integer, 1.0}, {"stride_w", K::Integer, std::nullopt, "stride"},
                    {"padding_w", K::Integer, std::nullopt, "padding"}, {"dilation_w", K::Integer, std::nullopt, "dilation"}};
    return s;
  }];
  let ruleBody = "return convRule(in, report, results);";
}

def NN_ConvTransposeOp : NN_LanguageOp<"conv_transpose", [NN_Differentiable]> {
  let summary = "the adjoint of conv in x; w [in, out / groups, k..]";
  let description = "A size becomes (L - 1) stride - 2 padding + dilation (k - 1) + output_padding + 1.";
  let arguments = (ins NN_Tensor:$x, NN_Tensor:$w, I64Attr:$stride, I64Attr:$padding, I64Attr:$output_padding,
                   I64Attr:$dilation, I64Attr:$groups);
  let results = (outs NN_Tensor:$result);
  let signatureBody = [{
    using K = ::nn::Signature::Kind;
    ::nn::Signature s;
    s.operands = {{"x", ::nn::Elements::Float}, {"w", ::nn::Elements::Float}};
    s.attributes = {{"stride", K::Integer, 1.0}, {"padding", K::Integer, 0.0}, {"output_padding", K::Integer, 0.0},
                    {"dilation", K::Integer, 1.0}, {"groups", K::Integer, 1.0}};
    return s;
  }];
  let ruleBody = "return convTransposeRule(in, report, results);";
}

def NN_MaxPoolOp : NN_LanguageOp<"max_pool", [NN_Differentiable]> {
  let summary = "the largest element of each window; padding counts as -inf";
  let arguments = (ins NN_Tensor:$x, I64Attr:$k, I64Attr:$stride, I64Attr:$padding, I64Attr:$dilation);
  let results = (outs NN_Tensor:$result);
  let signatureBody = [{
    using K = ::nn::Signature::Kind;
    ::nn::Signature s;
    s.operands = {{"x", ::nn::Elements::Number}};
    s.attributes = {{"k", K::Integer}, {"stride", K::Integer, std::nullopt, "k"}, {"padding", K::Integer, 0.0},
                    {"dilation", K::Integer, 1.0}};
    return s;
  }];
  let ruleBody = "return poolRule(in, report, results);";
}
def NN_AvgPoolOp : NN_LanguageOp<"avg_pool", [NN_Differentiable]> {
  let summary = "the mean of each window; padding counts as 0, or not at all without `count_pad`";
  let arguments = (ins NN_Tensor:$x, I64Attr:$k, I64Attr:$stride, I64Attr:$padding, BoolAttr:$count_pad);
  let results = (outs NN_Tensor:$result);
  let signatureBody = [{
    using K = ::nn::Signature::Kind;
    ::nn::Signature s;
    s.operands = {{"x", ::nn::Elements::Float}};
    s.attributes = {{"k", K::Integer}, {"stride", K::Integer, std::nullopt, "k"}, {"padding", K::Integer, 0.0},
                    {"count_pad", K::Boolean, 1.0}};
    return s;
  }];
  let ruleBody = "return poolRule(in, report, results);";
}

def NN_ConvolveOp : NN_KernelOp<"convolve", [AttrSizedOperandSegments, NN_EpilogueInterface, NN_Differentiable]> {
  let summary = "out[b, o, p..] = epilogue(sum over c, t.. of x[b, c, (p stride + t dilation - padding) / spread..] * w[o, c, t..], extras)";
  let description = [{
    x `[b, channels, sizes..]` has one or two axes of sizes, w `[out, channels / groups, window..]` as many. An element of
    x that is not there counts as 0, as does one between two of them (where `spread` does not divide). Dilation and padding
    may be negative: `conv_transpose` is the sum over the taps that reach a position, stride and spread exchanged. One
    element is one chain of accumulation with c, then t.. ascending.
  }];
  let arguments = (ins NN_TensorOrRef:$x, NN_TensorOrRef:$w, Variadic<NN_TensorOrRef>:$extras, Variadic<NN_Ref>:$inits,
                   DenseI64ArrayAttr:$stride, DenseI64ArrayAttr:$padding, DenseI64ArrayAttr:$dilation, I64Attr:$groups,
                   DenseI64ArrayAttr:$spread);
  let results = (outs Variadic<NN_Tensor>:$results);
  let regions = (region AnyRegion:$epilogue);
  let assemblyFormat = [{
    $x `,` $w (`extras` `(` $extras^ `:` type($extras) `)`)? (`into` `(` $inits^ `:` type($inits) `)`)? $epilogue
    attr-dict `:` type($x) `,` type($w) (`->` type($results)^)?
  }];
  let hasVerifier = 1;
  let builders = [
    /// Without epilogue.
    OpBuilder<(ins "::mlir::Type":$result, "::mlir::Value":$x, "::mlir::Value":$w, "::llvm::ArrayRef<int64_t>":$stride,
                   "::llvm::ArrayRef<int64_t>":$padding, "::llvm::ArrayRef<int64_t>":$dilation, "int64_t":$groups,
                   "::llvm::ArrayRef<int64_t>":$spread)>
  ];
  let extraClassDeclaration = [{
    ::mlir::OperandRange getOverwritable() { return getExtras(); }
    ::mlir::Type getAccumulatorType();
    ::nn::Shape resultShape();
    /// Channels of x that an element of the result sees, and positions of the window.
    ::nn::Dim depth();
  }];
}

def NN_ConvolveWeightOp : NN_KernelOp<"convolve_weight", [NN_Differentiable]> {
  let summary = "out[o, c, t..] = sum over b, p.. of y[b, o, p..] * x[b, c, p stride + t dilation - padding..]";
  let description = [{
    The adjoint of `nn.convolve` in w, where nothing is spread: x `[b, channels, sizes..]`, y `[b, out, positions..]`, the
    result `[out, channels / groups, window..]`. One element is one chain of accumulation with b, then p.. ascending.
  }];
  let arguments = (ins NN_TensorOrRef:$x, NN_TensorOrRef:$y, Variadic<NN_Ref>:$inits, DenseI64ArrayAttr:$stride,
                   DenseI64ArrayAttr:$padding, DenseI64ArrayAttr:$dilation, I64Attr:$groups);
  let results = (outs Variadic<NN_Tensor>:$results);
  let assemblyFormat = [{
    $x `,` $y (`into` `(` $inits^ `:` type($inits) `)`)? attr-dict `:` type($x) `,` type($y) (`->` type($results)^)?
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = "::nn::Shape resultShape();";
}

def NN_PoolOp : NN_KernelOp<"pool"> {
  let summary = "the largest element or the mean of each window [k, k] of x [b, channels, sizes..]";
  let description = [{
    What is beside x is no element: only a mean with `count_pad` counts it, as 0. NaN is the largest. Sums of 16-bit floats
    are f32.
  }];
  let arguments = (ins NN_TensorOrRef:$x, Variadic<NN_Ref>:$inits, BoolAttr:$mean, I64Attr:$k, I64Attr:$stride,
                   I64Attr:$padding, I64Attr:$dilation, DefaultValuedAttr<BoolAttr, "true">:$count_pad);
  let results = (outs Variadic<NN_Tensor>:$results);
  let assemblyFormat = "$x (`into` `(` $inits^ `:` type($inits) `)`)? attr-dict `:` type($x) (`->` type($results)^)?";
  let hasVerifier = 1;
}

def NN_PoolPositionsOp : NN_KernelOp<"pool_positions"> {
  let summary = "where the largest element of each window of x [b, channels, sizes..] is: its number on the axes of sizes (i64)";
  let description = "The first one of equals, row by row; of elements that are NaN the last one.";
  let arguments = (ins NN_TensorOrRef:$x, Variadic<NN_Ref>:$inits, I64Attr:$k, I64Attr:$stride, I64Attr:$padding, I64Attr:$dilation);
  let results = (outs Variadic<NN_Tensor>:$results);
  let assemblyFormat = "$x (`into` `(` $inits^ `:` type($inits) `)`)? attr-dict `:` type($x) (`->` type($results)^)?";
  let hasVerifier = 1;
}

#endif
