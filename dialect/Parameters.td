// Models, their parameters, entries and the calls between functions.
#ifndef NNC_PARAMETERS_TD
#define NNC_PARAMETERS_TD

include "dialect/Dialect.td"

def NN_ModelOp : NN_Op<"model"> {
  let summary = "an exported model: its name, C name and documentation";
  let arguments = (ins StrAttr:$name, StrAttr:$c_name, StrAttr:$doc);
  let assemblyFormat = "$name attr-dict";
}

def NN_StorageOp : NN_Op<"storage"> {
  let summary = "a parameter or buffer of a model";
  let description = [{
    `path` is its key in files. Of a repeated layer all copies are one tensor `[copies, ...]`, with an axis for each
    `repeat` around; the path has a `#` where the number of each stands. `repeats` has of each, the outermost one first,
    the first number and how many there are. `initialiser` names a function without arguments that gives the whole tensor;
    `draw` says it instead where it is draw * scale + shift: distribution ("constant": a draw of 0, "uniform", "normal",
    "trunc_normal"), place, scale, shift, and low and high of trunc_normal.
    `train` names the train step whose optimizer state this is: it is saved by `checkpoint`, not by `save`.
  }];
  let arguments = (ins StrAttr:$path, StrAttr:$model, TypeAttr:$type, BoolAttr:$is_buffer, StrAttr:$doc,
                   OptionalAttr<FlatSymbolRefAttr>:$initialiser, OptionalAttr<DenseI64ArrayAttr>:$repeats,
                   OptionalAttr<StrAttr>:$train, OptionalAttr<DictionaryAttr>:$draw);
  let assemblyFormat = "$path `of` $model `:` $type attr-dict";
}

def NN_ParameterOp : NN_Op<"parameter", [Pure]> {
  let summary = "the value of a parameter or buffer, in an entry";
  let arguments = (ins StrAttr:$path);
  let results = (outs NN_TensorOrRef:$result);
  let assemblyFormat = "$path attr-dict `:` type($result)";
}

def NN_StoreOp : NN_Op<"store"> {
  let summary = "in an entry, last: the new value of a parameter, buffer, state or optimizer state";
  let description = "Nothing is written where `when`, a bool, is false.";
  let arguments = (ins NN_TensorOrRef:$value, Optional<NN_TensorOrRef>:$when, StrAttr:$path);
  let assemblyFormat = "$value `,` $path (`when` $when^ `:` type($when))? attr-dict `:` type($value)";
}

def NN_NumericOp : NN_KernelOp<"numeric"> {
  let summary = "in a train step: the call ends with the status NN_NUMERIC where `good`, a bool, is false";
  let description = "Everything else happens all the same; what must not change then is stored `when` it is true.";
  let arguments = (ins NN_TensorOrRef:$good);
  let assemblyFormat = "$good attr-dict `:` type($good)";
  let extraClassDeclaration = [{
    ::mlir::MutableOperandRange getInitsMutable() { return ::mlir::MutableOperandRange(getOperation(), 1, 0); }
  }];
}

def NN_StateOp : NN_Op<"state"> {
  let summary = "a state of a context";
  let description = [{
    Its free sizes are arguments of `context_create`, one per name, shared by all states of the model. `initialiser` names
    a function that gives its value after creation and reset; its `nn.dims` are those names that it needs. The functions of
    entries that touch a state have `nn.state_dims`: what each name is in sizes of the entry.
  }];
  let arguments = (ins StrAttr:$path, StrAttr:$model, TypeAttr:$type, StrAttr:$doc, OptionalAttr<FlatSymbolRefAttr>:$initialiser,
                   OptionalAttr<I64Attr>:$copies);
  let assemblyFormat = "$path `of` $model `:` $type attr-dict";
}
def NN_StateValueOp : NN_Op<"state_value", [Pure]> {
  let summary = "the value of a state when the entry is called";
  let arguments = (ins StrAttr:$path);
  let results = (outs NN_TensorOrRef:$result);
  let assemblyFormat = "$path attr-dict `:` type($result)";
}

def NN_PackedOp : NN_Op<"packed", [Pure]> {
  let summary = "the packed copy of a parameter, in an entry; made by the pack function `source`";
  let arguments = (ins FlatSymbolRefAttr:$source);
  let results = (outs NN_TensorOrRef:$result);
  let assemblyFormat = "$source attr-dict `:` type($result)";
}

def NN_CallOp : NN_Op<"call", []> {
  let summary = "calls a function, with the values of its own free dimensions";
  let description = [{
    The callee's `nn.dims` names its free dimensions; `dims` gives their sizes here, in that order. Operand and result
    types are the callee's with these put in.

    With `tiled` it is called once for each run of at most `tile` edges of the graph that is the first operand, by one
    thread each; the callee has `nn.one_thread`. The last four of its sizes (edges of the run, number of the first one,
    first and last target; see nn.tile) are then other ones in each call, and `dims` holds those of all edges together.
    For each result `tiled` tells the axis that a run is a part of; with -1 the runs write the rows of their targets. The
    workspace pass sets `tile`.
  }];
  let arguments = (ins FlatSymbolRefAttr:$callee, Variadic<AnyType>:$operands, NN_ShapeAttr:$dims,
                   OptionalAttr<DenseI64ArrayAttr>:$tiled, DefaultValuedAttr<I64Attr, "0">:$tile);
  let results = (outs Variadic<AnyType>:$results);
  let assemblyFormat = "$callee `(` $operands `)` `dims` $dims attr-dict `:` functional-type($operands, $results)";
  let builders = [
    OpBuilder<(ins "::mlir::TypeRange":$results, "::mlir::FlatSymbolRefAttr":$callee, "::mlir::ValueRange":$operands,
                   "::nn::ShapeAttr":$dims)>
  ];
  /// Sizes of a callee that are other ones in each call, the last of its `nn.dims`.
  let extraClassDeclaration = [{
    static constexpr const char *tileEdges = "tile.edges", *tileFirst = "tile.first", *tileFrom = "tile.from",
                                *tileTo = "tile.to";
    /// The sizes of a call for a run of `tile` edges.
    ::nn::Shape tileDims();
  }];
}

def NN_RequireOp : NN_Op<"require"> {
  let summary = "a condition on free dimensions that the entry checks before anything runs: `value` is 0 (or `divides`)";
  let description = [{
    kind "equal": a == b; "divides": b divides a without remainder; "at_least": a >= b. `text` is the message of the call
    that fails.
  }];
  let arguments = (ins StrAttr:$kind, NN_DimAttr:$a, NN_DimAttr:$b, StrAttr:$text);
  let assemblyFormat = "$kind $a `,` $b $text attr-dict";
}

#endif
