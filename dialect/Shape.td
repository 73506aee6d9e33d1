// Shape operations. The first four are views: the result is the operand's memory with other strides, wherever strides
// can say so; no code then.
#ifndef NNC_SHAPE_TD
#define NNC_SHAPE_TD

include "dialect/Dialect.td"

class NN_ViewOp<string mnemonic, list<Trait> traits = []> : NN_Op<mnemonic, traits # [Pure, NN_View, NN_Differentiable]> {
  let results = (outs NN_Tensor:$result);
  let hasVerifier = 1;
  let hasFolder = 1;
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, results)";
}

def NN_BroadcastOp : NN_ViewOp<"broadcast"> {
  let summary = "stretches missing leading axes and axes of size 1";
  let description = "Result axis i is operand axis `axes[k] == i`'s, the others repeat. Operand axes of constant size 1 may stretch.";
  let arguments = (ins NN_Tensor:$x, DenseI64ArrayAttr:$axes);
  let builders = [
    /// NumPy's rule: operand axes are the last ones of the result.
    OpBuilder<(ins "::mlir::Value":$x, "const ::nn::Shape &":$shape)>
  ];
}
def NN_TransposeOp : NN_ViewOp<"transpose"> {
  let summary = "result axis i is operand axis permutation[i]";
  let arguments = (ins NN_Tensor:$x, DenseI64ArrayAttr:$permutation);
  let builders = [OpBuilder<(ins "::mlir::Value":$x, "::llvm::ArrayRef<int64_t>":$permutation)>];
}
def NN_ReshapeOp : NN_ViewOp<"reshape"> {
  let summary = "the same elements in row-major order with other axes; the counts are equal";
  let arguments = (ins NN_Tensor:$x);
  let builders = [OpBuilder<(ins "::mlir::Value":$x, "const ::nn::Shape &":$shape)>];
}
def NN_SliceOp : NN_ViewOp<"slice"> {
  let summary = "a range of each axis";
  let description = [{
    `offsets` are the constant or symbolic starts; axis `dynamic[k]` starts at the integer scalar `starts[k]` instead,
    which is checked at run time against the size. The result's sizes are the lengths.
  }];
  let arguments = (ins NN_Tensor:$x, Variadic<NN_Tensor>:$starts, NN_ShapeAttr:$offsets, DenseI64ArrayAttr:$dynamic);
  let builders = [
    OpBuilder<(ins "::mlir::Value":$x, "const ::nn::Shape &":$offsets, "const ::nn::Shape &":$sizes)>
  ];
}

def NN_UpdateOp : NN_Op<"update", [Pure, NN_Differentiable]> {
  let summary = "x with a range of each axis replaced by `part`";
  let description = "The range is said as in nn.slice: it is what `nn.slice` of the result at these places gives back.";
  let arguments = (ins NN_Tensor:$x, NN_Tensor:$part, Variadic<NN_Tensor>:$starts, NN_ShapeAttr:$offsets, DenseI64ArrayAttr:$dynamic);
  let results = (outs NN_Tensor:$result);
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def NN_ConcatOp : NN_LanguageOp<"concat", [NN_Differentiable]> {
  let summary = "joins tensors along an axis";
  let arguments = (ins Variadic<NN_Tensor>:$parts, DefaultValuedAttr<I64Attr, "-1">:$axis);
  let results = (outs NN_Tensor:$result);
  let signatureBody = [{
    ::nn::Signature s;
    s.operands = {{"part"}};
    s.variadic = true;
    s.attributes = {{"axis", ::nn::Signature::Kind::Axis, -1.0}};
    return s;
  }];
  let ruleBody = "return concatRule(in, report, results);";
}
def NN_PadOp : NN_LanguageOp<"pad", [NN_Differentiable]> {
  let summary = "`before` and `after` elements of `value` at the ends of an axis";
  let arguments = (ins NN_Tensor:$x, NN_DimAttr:$before, NN_DimAttr:$after, DefaultValuedAttr<I64Attr, "-1">:$axis, DefaultValuedAttr<F64Attr, "0.0">:$value);
  let results = (outs NN_Tensor:$result);
  let signatureBody = [{
    using K = ::nn::Signature::Kind;
    ::nn::Signature s;
    s.operands = {{"x"}};
    s.attributes = {{"before", K::Size}, {"after", K::Size}, {"axis", K::Axis, -1.0}, {"value", K::Real, 0.0}};
    return s;
  }];
  let ruleBody = "return padRule(in, report, results);";
}
def NN_IotaOp : NN_Op<"iota", [Pure]> {
  let summary = "`start`, `start + 1`, ... along `axis`, the same on all other axes";
  let arguments = (ins NN_DimAttr:$start, I64Attr:$axis);
  let results = (outs NN_Tensor:$result);
  let assemblyFormat = "$start attr-dict `->` type($result)";
}

#endif
