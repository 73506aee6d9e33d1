// What the memory phase adds: places in frames, views of places, barriers.
#ifndef NNC_PLACES_TD
#define NNC_PLACES_TD

include "dialect/Dialect.td"

def NN_AllocOp : NN_Op<"alloc", [MemoryEffects<[MemAlloc]>]> {
  let summary = "a place of the function's frame, not yet given an offset";
  let description = "What is `kept` stays there from call to call for the next tile.";
  let arguments = (ins UnitAttr:$kept);
  let results = (outs NN_Ref:$result);
  let assemblyFormat = "attr-dict `:` type($result)";
}
def NN_SlotOp : NN_Op<"slot", [Pure]> {
  let summary = "the place at a byte offset of the frame";
  let arguments = (ins AnyType:$frame, I64:$offset);
  let results = (outs NN_Ref:$result);
  let assemblyFormat = "$frame `[` $offset `]` attr-dict `:` type($frame) `->` type($result)";
}
def NN_StatePlaceOp : NN_Op<"state_place", [Pure]> {
  let summary = "the place of a state: its number in the table of the context";
  let arguments = (ins AnyType:$states, I64Attr:$number);
  let results = (outs NN_Ref:$result);
  let assemblyFormat = "$states `[` $number `]` attr-dict `:` type($states) `->` type($result)";
}
def NN_ViewOp : NN_Op<"view", [Pure]> {
  let summary = "the same memory with other sizes and strides, `offset` elements further";
  let description = [{
    `starts` are integer scalars read at run time; `scales[k]` elements are added for each unit of starts[k], which is
    checked against `limits[k]`: 0 <= start <= limit.
  }];
  let arguments = (ins NN_Ref:$x, Variadic<NN_Ref>:$starts, NN_DimAttr:$offset, NN_ShapeAttr:$scales, NN_ShapeAttr:$limits);
  let results = (outs NN_Ref:$result);
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, results)";
  let builders = [
    /// Without starts.
    OpBuilder<(ins "::mlir::Value":$x, "const ::nn::Shape &":$shape, "const ::nn::Shape &":$strides, "const ::nn::Dim &":$offset)>
  ];
}
def NN_ExtentOp : NN_Op<"extent", [Pure]> {
  let summary = "a size as an i64, of the function's own free dimensions";
  let arguments = (ins NN_DimAttr:$value);
  let results = (outs I64:$result);
  let assemblyFormat = "$value attr-dict";
  let builders = [OpBuilder<(ins "const ::nn::Dim &":$dim)>];
}
def NN_GivenOp : NN_Op<"given", [MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "an optional input of an entry: the caller's, or `instead` where that is NULL";
  let description = [{
    If there is a default, a number or a size, `instead` is a place of the frame and is filled with it when it is needed.
    Else it is another input.
  }];
  let arguments = (ins NN_Ref:$x, NN_Ref:$instead, OptionalAttr<TypedAttrInterface>:$value, OptionalAttr<NN_DimAttr>:$size);
  let results = (outs NN_Ref:$result);
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, results)";
  let extraClassDeclaration = "bool hasDefault() { return getValue() || getSize(); }";
}
def NN_VerdictOp : NN_Op<"verdict"> {
  let summary = "the call ends here if a check has failed; nothing was written yet that the caller can see";
  let assemblyFormat = "attr-dict";
}
def NN_BarrierOp : NN_Op<"barrier"> {
  let summary = "all threads of the team wait for each other";
  let assemblyFormat = "attr-dict";
}

#endif
