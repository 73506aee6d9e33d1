// Reductions. Over whole tensors here; in the body of `nn.rows` the same operations reduce a row.
#ifndef NNC_REDUCTION_TD
#define NNC_REDUCTION_TD

include "dialect/Dialect.td"

class NN_Reduction<string mnemonic, string elements = "Number", list<Trait> traits = [NN_Differentiable]> : NN_LanguageOp<mnemonic, traits> {
  let arguments = (ins NN_Tensor:$x, DenseI64ArrayAttr:$axes, DefaultValuedAttr<BoolAttr, "false">:$keep);
  let results = (outs NN_Tensor:$result);
  let signatureBody = "return ::nn::reductionSignature(::nn::Elements::" # elements # ");";
  let ruleBody = "return ::nn::reductionRule(in, report, results);";
}
/// One axis, -1 by default.
class NN_RowOp<string mnemonic, string elements = "Float", list<Trait> traits = [NN_Differentiable]> : NN_LanguageOp<mnemonic, traits> {
  let arguments = (ins NN_Tensor:$x, DefaultValuedAttr<I64Attr, "-1">:$axis);
  let results = (outs NN_Tensor:$result);
  let signatureBody = "return ::nn::rowSignature(::nn::Elements::" # elements # ");";
}

def NN_SumOp : NN_Reduction<"sum", "Any"> {
  let summary = "the sum; over nothing 0; of bool and integers i64; 16-bit floats accumulate in f32";
  let ruleBody = "return sumRule(in, report, results);";
}
def NN_MeanOp : NN_Reduction<"mean", "Any"> {
  let summary = "the mean; over nothing NaN; of bool f32";
  let ruleBody = "return meanRule(in, report, results);";
}
def NN_VarOp : NN_Reduction<"var", "Float"> {
  let summary = "the variance about the mean; biased unless `unbiased`";
  let arguments = (ins NN_Tensor:$x, DenseI64ArrayAttr:$axes, DefaultValuedAttr<BoolAttr, "false">:$keep, DefaultValuedAttr<BoolAttr, "false">:$unbiased);
  let signatureBody = [{
    ::nn::Signature s = ::nn::reductionSignature(::nn::Elements::Float);
    s.attributes.push_back({"unbiased", ::nn::Signature::Kind::Boolean, 0.0});
    return s;
  }];
}
def NN_MaxOp : NN_Reduction<"max"> {
  let summary = "the largest; NaN stays NaN; over nothing an error";
  let ruleBody = "return extremeRule(in, report, results);";
}
def NN_MinOp : NN_Reduction<"min"> {
  let summary = "the smallest; NaN stays NaN; over nothing an error";
  let ruleBody = "return extremeRule(in, report, results);";
}
def NN_AnyOp : NN_Reduction<"any", "Bool", []> { let summary = "true if one is; over nothing false"; }
def NN_AllOp : NN_Reduction<"all", "Bool", []> { let summary = "true if none is false; over nothing true"; }
def NN_ArgmaxOp : NN_RowOp<"argmax", "Number", []> {
  let summary = "the position of the largest, the first of equals; NaN counts as largest";
  let ruleBody = "return argRule(in, report, results);";
}
def NN_ArgminOp : NN_RowOp<"argmin", "Number", []> {
  let summary = "the position of the smallest, the first of equals; NaN counts as smallest";
  let ruleBody = "return argRule(in, report, results);";
}
def NN_LogsumexpOp : NN_RowOp<"logsumexp"> {
  let summary = "log(sum(exp(x))), shifted by the maximum; a row of -inf gives -inf";
  let ruleBody = "return dropAxisRule(in, report, results);";
}
def NN_SoftmaxOp : NN_RowOp<"softmax"> {
  let summary = "exp(x) / sum(exp(x)), shifted by the maximum; a row of -inf gives 0";
  let ruleBody = "return keepShapeRule(in, report, results);";
}
def NN_LogSoftmaxOp : NN_RowOp<"log_softmax"> {
  let summary = "x - logsumexp(x); a row of -inf gives -inf";
  let ruleBody = "return keepShapeRule(in, report, results);";
}
def NN_CumsumOp : NN_RowOp<"cumsum", "Number"> {
  let summary = "the sums of all elements up to each one, inclusive; with `reverse` from each one on";
  let arguments = (ins NN_Tensor:$x, DefaultValuedAttr<I64Attr, "-1">:$axis, DefaultValuedAttr<BoolAttr, "false">:$reverse);
  let signatureBody = [{
    ::nn::Signature s = ::nn::rowSignature(::nn::Elements::Number);
    s.attributes.push_back({"reverse", ::nn::Signature::Kind::Boolean, 0.0});
    return s;
  }];
  let ruleBody = "return keepShapeRule(in, report, results);";
}

#endif
