// Loops over a leading axis: `scan` of the language, and `repeat` over stacked parameters.
#ifndef NNC_RECURRENCE_TD
#define NNC_RECURRENCE_TD

include "dialect/Dialect.td"

def NN_ScanOp : NN_Op<"scan", [AttrSizedOperandSegments, SingleBlock, DeclareOpInterfaceMethods<MemoryEffectsOpInterface>]> {
  let summary = "a loop over the leading axis: slices of `xs`, values carried from step to step";
  let description = [{
    The body gets the step (an i64 scalar), one slice of each of `xs`, the carried values; it yields what is stacked
    (results first) and the next carried values (last results). It may read values from outside. `reversed` runs from the
    last slice to the first; results keep the order of the sequence. With a `lengths` operand row b (the leading axis of
    every carry and stacked value) runs `lengths[b]` steps.

    After the memory phase every carry has two places, `prev` (read) and `next` (written), that do not overlap: the inits
    are the stacked results, the final carries, then one spare place per carry; the body's arguments after the slices are
    prev and next of each carry and a slice of each stacked result, and it yields nothing. A carry that lies in its final
    place, which is its spare one as well, is changed where it lies: its `prev` is read and written.
  }];
  let arguments = (ins Variadic<NN_TensorOrRef>:$xs, Variadic<NN_TensorOrRef>:$carries, Variadic<NN_TensorOrRef>:$lengths,
                   Variadic<NN_Ref>:$inits, NN_DimAttr:$steps, DefaultValuedAttr<BoolAttr, "false">:$reversed);
  let results = (outs Variadic<NN_Tensor>:$results);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    `over` `(` ($xs^ `:` type($xs))? `)` `carrying` `(` ($carries^ `:` type($carries))? `)`
    (`until` `(` $lengths^ `:` type($lengths) `)`)? (`into` `(` $inits^ `:` type($inits) `)`)?
    `steps` $steps $body attr-dict (`->` type($results)^)?
  }];
  let hasVerifier = 1;
}

#endif
