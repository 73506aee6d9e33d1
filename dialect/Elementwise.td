// Elementwise operations: on scalars (regions), vectors (lowered regions) and tensors alike. No implicit broadcasting:
// operands have one shape; `nn.broadcast` stretches.
#ifndef NNC_ELEMENTWISE_TD
#define NNC_ELEMENTWISE_TD

include "dialect/Dialect.td"

class NN_ElementwiseOp<string mnemonic, dag operands, string names, string elements, list<Trait> traits = []>
    : NN_LanguageOp<mnemonic, traits # [NN_Elementwise]> {
  let arguments = operands;
  let results = (outs NN_Value:$result);
  let signatureBody = "return ::nn::elementwiseSignature({" # names # "}, ::nn::Elements::" # elements # ");";
  let ruleBody = "return ::nn::elementwiseRule(in, report, results);";
}
class NN_Unary<string mnemonic, string elements = "Float", list<Trait> traits = [NN_Differentiable]>
    : NN_ElementwiseOp<mnemonic, (ins NN_Value:$x), "\"x\"", elements, traits>;
class NN_Binary<string mnemonic, string elements = "Number", list<Trait> traits = [NN_Differentiable]>
    : NN_ElementwiseOp<mnemonic, (ins NN_Value:$a, NN_Value:$b), "\"a\", \"b\"", elements, traits>;
class NN_Comparison<string mnemonic, string elements = "Any"> : NN_Binary<mnemonic, elements, []> {
  let ruleBody = "return ::nn::predicateRule(in, report, results);";
}

def NN_AddOp : NN_Binary<"add", "Number", [Commutative, NN_Differentiable]> { let summary = "a + b; integers wrap"; }
def NN_SubOp : NN_Binary<"sub"> { let summary = "a - b; integers wrap"; }
def NN_MulOp : NN_Binary<"mul", "Number", [Commutative, NN_Differentiable]> { let summary = "a * b; integers wrap"; }
def NN_DivideOp : NN_Binary<"divide", "Float"> { let summary = "a / b, the real quotient"; }
def NN_PowOp : NN_ElementwiseOp<"pow", (ins NN_Value:$a, NN_Value:$b), "\"a\", \"b\"", "Number", [NN_Differentiable]> {
  let summary = "a ^ b; 0 ^ 0 is 1";
  let description = "A float to a float or an integer, or an integer to a constant that is not negative.";
  let ruleBody = "return ::nn::elementwiseRule(in, report, results, /*same=*/false);";
}
def NN_DivOp : NN_Binary<"div"> { let summary = "floor of the quotient; an integer b = 0 is an error of the call"; }
def NN_ModOp : NN_Binary<"mod"> { let summary = "a - b * floor(a / b): the remainder with the sign of b"; }
def NN_MaximumOp : NN_Binary<"maximum", "Number", [Commutative, NN_Differentiable]> { let summary = "the larger; NaN stays NaN"; }
def NN_MinimumOp : NN_Binary<"minimum", "Number", [Commutative, NN_Differentiable]> { let summary = "the smaller; NaN stays NaN"; }
def NN_Atan2Op : NN_ElementwiseOp<"atan2", (ins NN_Value:$y, NN_Value:$x), "\"y\", \"x\"", "Float", [NN_Differentiable]> {
  let summary = "the angle of the point (x, y), in -pi .. pi";
}
def NN_ClampOp : NN_ElementwiseOp<"clamp", (ins NN_Value:$x, NN_Value:$low, NN_Value:$high), "\"x\", \"low\", \"high\"", "Number", [NN_Differentiable]> {
  let summary = "minimum(maximum(x, low), high)";
}

def NN_NegOp : NN_Unary<"neg", "Number"> { let summary = "-x"; let hasFolder = 1; }
def NN_AbsOp : NN_Unary<"abs", "Number"> { let summary = "the absolute value"; }
def NN_SignOp : NN_Unary<"sign", "Number"> { let summary = "-1, 0 or 1; sign(0) = 0, NaN stays NaN"; }
def NN_FloorOp : NN_Unary<"floor", "Number"> { let summary = "the largest integer that is not larger"; }
def NN_CeilOp : NN_Unary<"ceil", "Number"> { let summary = "the smallest integer that is not smaller"; }
def NN_RoundOp : NN_Unary<"round", "Number"> { let summary = "the nearest integer; halves to even"; }
def NN_ExpOp : NN_Unary<"exp"> { let summary = "e ^ x"; }
def NN_Expm1Op : NN_Unary<"expm1"> { let summary = "e ^ x - 1, exact near 0"; }
def NN_LogOp : NN_Unary<"log"> { let summary = "the natural logarithm; log(0) = -inf"; }
def NN_Log1pOp : NN_Unary<"log1p"> { let summary = "log(1 + x), exact near 0"; }
def NN_SqrtOp : NN_Unary<"sqrt"> { let summary = "the square root; of a negative number NaN"; }
def NN_RsqrtOp : NN_Unary<"rsqrt"> { let summary = "1 / sqrt(x)"; }
def NN_SinOp : NN_Unary<"sin"> { let summary = "the sine, x in radians"; }
def NN_CosOp : NN_Unary<"cos"> { let summary = "the cosine, x in radians"; }
def NN_TanhOp : NN_Unary<"tanh"> { let summary = "the hyperbolic tangent"; }
def NN_SigmoidOp : NN_Unary<"sigmoid"> { let summary = "1 / (1 + exp(-x))"; }
def NN_ErfOp : NN_Unary<"erf"> { let summary = "the error function"; }

def NN_EqOp : NN_Comparison<"eq"> { let summary = "a == b; NaN is equal to nothing"; }
def NN_NeOp : NN_Comparison<"ne"> { let summary = "a != b"; }
def NN_LtOp : NN_Comparison<"lt", "Number"> { let summary = "a < b"; }
def NN_LeOp : NN_Comparison<"le", "Number"> { let summary = "a <= b"; }
def NN_GtOp : NN_Comparison<"gt", "Number"> { let summary = "a > b"; }
def NN_GeOp : NN_Comparison<"ge", "Number"> { let summary = "a >= b"; }
def NN_AndOp : NN_Binary<"and", "Bool", [Commutative]> { let summary = "both"; }
def NN_OrOp : NN_Binary<"or", "Bool", [Commutative]> { let summary = "at least one"; }
def NN_NotOp : NN_Unary<"not", "Bool", []> { let summary = "the opposite"; }
def NN_IsfiniteOp : NN_Unary<"isfinite", "Float", []> {
  let summary = "neither infinite nor NaN";
  let ruleBody = "return ::nn::predicateRule(in, report, results);";
}

def NN_WhereOp : NN_ElementwiseOp<"where", (ins NN_Value:$condition, NN_Value:$a, NN_Value:$b), "\"condition\", \"a\", \"b\"", "Any", [NN_Differentiable]> {
  let summary = "a where the condition holds, else b; both are computed";
  let signatureBody = [{
    ::nn::Signature s = ::nn::elementwiseSignature({"condition", "a", "b"}, ::nn::Elements::Any);
    s.operands[0].elements = ::nn::Elements::Bool;
    return s;
  }];
  let ruleBody = [{
    ::nn::RuleInput sides{in.context, in.types.drop_front(), in.attributes};
    return ::nn::elementwiseRule(sides, report, results);
  }];
  let hasFolder = 1;
}

def NN_CastOp : NN_Op<"cast", [Pure, NN_Elementwise, NN_Differentiable]> {
  let summary = "conversion to another element type";
  let description = [{
    Float to integer truncates and saturates, NaN gives 0; to bool: x != 0; to a smaller float rounds to nearest even.
    Written in programs by the type's name: `f32(mask)`. With `may_keep` no program asked for it: it rounds a result that
    was computed with more digits, and a kernel that goes on with this result may keep them.
  }];
  let arguments = (ins NN_Value:$x, UnitAttr:$may_keep);
  let results = (outs NN_Value:$result);
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, results)";
  let hasFolder = 1;
  let hasVerifier = 1;
}

def NN_ConstantOp : NN_Op<"constant", [Pure, ConstantLike, NN_Elementwise]> {
  let summary = "one value in every element";
  let arguments = (ins TypedAttrInterface:$value);
  let results = (outs NN_Value:$result);
  let assemblyFormat = "$value attr-dict `->` type($result)";
  let hasFolder = 1;
  let hasVerifier = 1;
  let builders = [
    /// A float or integer constant, rounded to the element type of `like`.
    OpBuilder<(ins "::mlir::Type":$like, "double":$value)>,
    OpBuilder<(ins "::mlir::Type":$like, "int64_t":$value)>
  ];
}

def NN_SizeOp : NN_Op<"size", [Pure, NN_Elementwise]> {
  let summary = "a size as a number: `nn.size <2 * B> -> tensor<f32>`";
  let arguments = (ins NN_DimAttr:$value);
  let results = (outs NN_Value:$result);
  let assemblyFormat = "$value attr-dict `->` type($result)";
}

#endif
