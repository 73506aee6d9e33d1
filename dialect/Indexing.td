// Reading by integer tensors. An index that is out of range makes the call fail; nothing is read there.
#ifndef NNC_INDEXING_TD
#define NNC_INDEXING_TD

include "dialect/Dialect.td"

def NN_GatherOp : NN_Op<"gather", [Pure]> {
  let summary = "x[.., index, ..]: the axis is replaced by the axes of the index";
  let arguments = (ins NN_Tensor:$x, NN_Tensor:$index, I64Attr:$axis);
  let results = (outs NN_Tensor:$result);
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
  let builders = [OpBuilder<(ins "::mlir::Value":$x, "::mlir::Value":$index, "int64_t":$axis)>];
}
def NN_PickOp : NN_LanguageOp<"pick"> {
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

#endif
