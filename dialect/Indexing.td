// Reading and adding by integer tensors. An index that is out of range makes the call fail; nothing is touched there.
#ifndef NNC_INDEXING_TD
#define NNC_INDEXING_TD

include "dialect/Dialect.td"

def NN_CheckOp : NN_KernelOp<"check", [DeclareOpInterfaceMethods<NN_CheckedInterface, ["getChecked", "getCheckedLimit", "getCheckedName"]>]> {
  let summary = "makes the call fail where an integer is not below the limit, or is 0 if there is no limit";
  let description = "`name` says in messages what the integers are.";
  let arguments = (ins NN_TensorOrRef:$x, OptionalAttr<NN_DimAttr>:$limit, StrAttr:$name, DefaultValuedAttr<I64Attr, "0">:$code);
  let assemblyFormat = "$name $x (`below` $limit^)? attr-dict `:` type($x)";
  let extraClassDeclaration = [{
    ::mlir::MutableOperandRange getInitsMutable() { return ::mlir::MutableOperandRange(getOperation(), 1, 0); }
  }];
}
def NN_GatherOp : NN_KernelOp<"gather", [NN_Differentiable, DeclareOpInterfaceMethods<NN_CheckedInterface, ["getChecked", "getCheckedLimit", "getCheckedName"]>]> {
  let summary = "reads rows by number: result[b.., o.., i.., r..] = x[b.., o.., index[b.., i..], r..]";
  let description = [{
    `axis` of x is replaced by the axes of the index after its first `batch` ones, which are those of x (0 <= batch <= axis).
    An index out of range reads 0 and makes the call fail with message `code` of the entry.
  }];
  let arguments = (ins NN_TensorOrRef:$x, NN_TensorOrRef:$index, Variadic<NN_Ref>:$inits, I64Attr:$axis,
                   DefaultValuedAttr<I64Attr, "0">:$batch, DefaultValuedAttr<I64Attr, "0">:$code);
  let results = (outs Variadic<NN_Tensor>:$results);
  let assemblyFormat = [{
    $x `[` $index `]` (`into` `(` $inits^ `:` type($inits) `)`)? attr-dict `:` type($x) `[` type($index) `]` (`->` type($results)^)?
  }];
  let hasVerifier = 1;
  let builders = [OpBuilder<(ins "::mlir::Value":$x, "::mlir::Value":$index, "int64_t":$axis, CArg<"int64_t", "0">:$batch)>];
}
def NN_ScatterOp : NN_KernelOp<"scatter", [NN_Differentiable, DeclareOpInterfaceMethods<NN_CheckedInterface, ["getChecked", "getCheckedLimit", "getCheckedName"]>]> {
  let summary = "adds rows by number: result[b.., o.., index[b.., i..], r..] += x[b.., o.., i.., r..], from zeros";
  let description = [{
    The adjoint of `nn.gather` with the same `axis` and `batch`, of results of at least 32 bits. Rows of one number are added
    in the order of the index. An index out of range adds nothing and makes the call fail with message `code` of the entry.
  }];
  let arguments = (ins NN_TensorOrRef:$x, NN_TensorOrRef:$index, Variadic<NN_Ref>:$inits, I64Attr:$axis,
                   DefaultValuedAttr<I64Attr, "0">:$batch, DefaultValuedAttr<I64Attr, "0">:$code);
  let results = (outs Variadic<NN_Tensor>:$results);
  let assemblyFormat = [{
    $x `[` $index `]` (`into` `(` $inits^ `:` type($inits) `)`)? attr-dict `:` type($x) `[` type($index) `]` (`->` type($results)^)?
  }];
  let hasVerifier = 1;
}
def NN_PickOp : NN_LanguageOp<"pick", [NN_Differentiable]> {
  let summary = "the element of each row (last axis) at the row's index";
  let arguments = (ins NN_Tensor:$x, NN_Tensor:$index);
  let results = (outs NN_Tensor:$result);
  let signatureBody = [{
    ::nn::Signature s;
    s.operands = {{"x"}, {"index", ::nn::Elements::Integer}};
    s.sameElements = false;
    return s;
  }];
  let ruleBody = "return pickRule(in, report, results);";
}
def NN_OneHotOp : NN_LanguageOp<"one_hot"> {
  let summary = "1 at the index on a new last axis of size n, 0 elsewhere";
  let description = "The element type is the program's `float`: the front end sets `element`.";
  let arguments = (ins NN_Tensor:$index, NN_DimAttr:$n, TypeAttr:$element);
  let results = (outs NN_Tensor:$result);
  let signatureBody = [{
    ::nn::Signature s;
    s.operands = {{"index", ::nn::Elements::Integer}};
    s.attributes = {{"n", ::nn::Signature::Kind::Size}};
    return s;
  }];
  let ruleBody = "return oneHotRule(in, report, results);";
}

def NN_TopkOp : NN_LanguageOp<"topk", [NN_Differentiable]> {
  let summary = "the k largest elements of each row (last axis), largest first, and their positions";
  let description = "Equal elements keep their order; NaN counts as largest.";
  let arguments = (ins NN_Tensor:$x, I64Attr:$k);
  let results = (outs NN_Tensor:$values, NN_Tensor:$positions);
  let signatureBody = [{
    ::nn::Signature s;
    s.operands = {{"x", ::nn::Elements::Number}};
    s.attributes = {{"k", ::nn::Signature::Kind::Integer}};
    return s;
  }];
  let ruleBody = "return topkRule(in, report, results);";
}
def NN_SortOp : NN_LanguageOp<"sort", [NN_Differentiable]> {
  let summary = "the elements of each row (last axis) in order, and the positions they had";
  let description = "Equal elements keep their order; NaN counts as largest.";
  let arguments = (ins NN_Tensor:$x, DefaultValuedAttr<BoolAttr, "false">:$descending);
  let results = (outs NN_Tensor:$values, NN_Tensor:$positions);
  let signatureBody = [{
    ::nn::Signature s;
    s.operands = {{"x", ::nn::Elements::Number}};
    s.attributes = {{"descending", ::nn::Signature::Kind::Boolean, 0.0}};
    return s;
  }];
  let ruleBody = "return topkRule(in, report, results);";
}

def NN_OrderOp : NN_KernelOp<"order"> {
  let summary = "the first elements of each row (last axis) in order, and their positions";
  let description = [{
    As many as a row of the results has. Equal elements keep their order; NaN counts as largest. A third result is room, i64,
    twice the elements of x; without it the elements are picked one after the other.
  }];
  let arguments = (ins NN_TensorOrRef:$x, Variadic<NN_Ref>:$inits, BoolAttr:$descending);
  let results = (outs Variadic<NN_Tensor>:$results);
  let assemblyFormat = "$x (`into` `(` $inits^ `:` type($inits) `)`)? attr-dict `:` type($x) (`->` type($results)^)?";
  let hasVerifier = 1;
}

#endif
