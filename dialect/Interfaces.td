// What a phase may ask of an operation without knowing which one it is.
#ifndef NNC_INTERFACES_TD
#define NNC_INTERFACES_TD

include "mlir/IR/OpBase.td"

def NN_LanguageInterface : OpInterface<"LanguageOpInterface"> {
  let cppNamespace = "::nn";
  let description = [{
    An operation that programs call by its name: the front end looks the name up and finds here how to call it and what
    it returns. Both work on types alone.
  }];
  let methods = [
    StaticInterfaceMethod<"Operands, attributes and their defaults.", "::nn::Signature", "signature", (ins)>,
    StaticInterfaceMethod<[{
      The one shape rule: result types from operand types and attributes. Explains a failure in `report`, in the terms of
      the program.}], "::llvm::LogicalResult", "shapeRule",
      (ins "const ::nn::RuleInput &":$in, "::nn::Report &":$report, "::llvm::SmallVectorImpl<::mlir::Type> &":$results)>
  ];
}

def NN_KernelInterface : OpInterface<"KernelOpInterface"> {
  let cppNamespace = "::nn";
  let description = [{
    A kernel: reads its inputs, writes its inits (one per result before the memory phase). It runs on all threads of a
    team, each of which takes its share.
  }];
  let methods = [
    InterfaceMethod<"Places that are written.", "::mlir::MutableOperandRange", "getInitsMutable">,
    InterfaceMethod<[{Inputs that a result may be written over: element i of them is read only to make element i of the
      results, and before that is written.}], "::mlir::OperandRange", "getOverwritable", (ins), [{}],
      [{ return $_op->getOperands().take_front(0); }]>
  ];
}

def NN_EpilogueInterface : OpInterface<"EpilogueOpInterface"> {
  let cppNamespace = "::nn";
  let description = [{
    A kernel that sums products and can work on the sums before it writes them. Its operands are the factors, `extras` and
    `inits`; extras have the shape of the result. The epilogue maps the accumulator and one element of each extra to the
    elements of the results; without a region the accumulator, rounded to the result's type, is the result.
  }];
  let methods = [
    InterfaceMethod<"The type the accumulator has: f32 for 16-bit floats, i64 for integers.", "::mlir::Type", "getAccumulatorType">,
    InterfaceMethod<"", "::mlir::Region &", "getEpilogue">,
    InterfaceMethod<"", "::mlir::Operation::operand_range", "getExtras">,
    InterfaceMethod<"", "::nn::Shape", "resultShape">
  ];
}

def NN_PairsInterface : OpInterface<"PairsOpInterface"> {
  let cppNamespace = "::nn";
  let description = [{
    A kernel over all pairs of targets and sources, which works on products of their rows. `queries` are
    `[b.., targets, d]`, `keys` `[b.., sources, d]`, in pairs with a d of their own, `values` `[b.., sources, f]`,
    `extras` `[b.., targets, sources]`; b are the first `batch` axes. What repeats along an axis is a broadcast: a view
    with stride 0.

    `where`, which may be empty, takes an element of each extra and yields whether the pair counts. The other region takes
    the product of each pair of rows, summed in the type of the accumulator, and then an element of each extra. `nn.index`
    counts the axes `[b.., targets, sources]` in both. A predicate that compares sums of positions and numbers of the
    whole bounds the loops: what it refuses costs no time.
  }];
  let methods = [
    InterfaceMethod<"", "::mlir::Operation::operand_range", "getQueries">,
    InterfaceMethod<"", "::mlir::Operation::operand_range", "getKeys">,
    InterfaceMethod<"", "::mlir::Operation::operand_range", "getValues">,
    InterfaceMethod<"", "::mlir::Operation::operand_range", "getExtras">,
    InterfaceMethod<"", "::mlir::Operation::operand_range", "getInits">,
    InterfaceMethod<"", "uint64_t", "getBatch">,
    InterfaceMethod<"", "::mlir::Region &", "getWhere">,
    InterfaceMethod<"f32 for 16-bit floats.", "::mlir::Type", "getAccumulatorType", (ins), [{}], [{
      ::mlir::Type element = ::nn::elementOf($_op.getQueries()[0].getType());
      return element.isF64() ? element : ::mlir::Float32Type::get($_op->getContext());
    }]>,
    InterfaceMethod<"`[b.., targets, sources]`.", "::nn::Shape", "pairShape", (ins), [{}], [{
      ::nn::Shape q = ::nn::shapeOf($_op.getQueries()[0].getType()), k = ::nn::shapeOf($_op.getKeys()[0].getType());
      ::nn::Shape pairs(::llvm::ArrayRef<::nn::Dim>(q.dims).drop_back());
      pairs.dims.push_back(k[k.rank() - 2]);
      return pairs;
    }]>
  ];
}

def NN_DifferentiableInterface : OpInterface<"DifferentiableOpInterface"> {
  let cppNamespace = "::nn";
  let description = [{
    An operation that says how the derivative of a scalar by its results becomes that by its operands. One without this
    interface has no derivative: where one is asked for, the program is refused.
  }];
  let methods = [
    InterfaceMethod<[{The one rule of reverse mode: gives cotangents to the operands that want one, from those of the
      results, with operations of this dialect that have rules themselves.}], "void", "pullback", (ins "::nn::Pullback &":$p)>
  ];
}

def NN_CheckedInterface : OpInterface<"CheckedOpInterface"> {
  let cppNamespace = "::nn";
  let description = [{
    Looks at values while it runs and makes the call fail, with message `code` of the entry, if one of them is not what
    it must be. Nothing else that the operation does depends on such a value.
  }];
  let methods = [
    InterfaceMethod<"The integers that it looks at.", "::mlir::Value", "getChecked">,
    InterfaceMethod<"They must be in 0 .. limit - 1; without a limit they must not be 0.", "::std::optional<::nn::Dim>",
                    "getCheckedLimit">,
    InterfaceMethod<"What they are, for the message.", "::llvm::StringRef", "getCheckedName">,
    InterfaceMethod<"The message of the entry, from 1.", "uint64_t", "getCode">,
    InterfaceMethod<"", "void", "setCode", (ins "uint64_t":$code)>
  ];
}

/// Works element by element on operands and results of one shape.
def NN_Elementwise : NativeOpTrait<"Elementwise"> { let cppNamespace = "::nn"; }
/// A view: the result is the same memory read another way, if its strides can say so.
def NN_View : NativeOpTrait<"View"> { let cppNamespace = "::nn"; }

#endif
