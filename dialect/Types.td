// Attributes and types: symbolic sizes, places in memory, graphs.
#ifndef NNC_TYPES_TD
#define NNC_TYPES_TD

include "dialect/Dialect.td"

class NN_Attr<string name, string keyword> : AttrDef<NN_Dialect, name> { let mnemonic = keyword; }
class NN_Type<string name, string keyword> : TypeDef<NN_Dialect, name> { let mnemonic = keyword; }

def NN_DimAttr : NN_Attr<"Dim", "dim"> {
  let summary = "A size: `#nn.dim<2 * B + 1>`.";
  let parameters = (ins AttrParameter<"::nn::Dim", "", "const ::nn::Dim &">:$value);
  let hasCustomAssemblyFormat = 1;
}

def NN_ShapeAttr : NN_Attr<"Shape", "shape"> {
  let summary = "Sizes of all axes: `#nn.shape<[B, 64]>`. The encoding of every tensor type with a size that is not constant.";
  let parameters = (ins AttrParameter<"::nn::Shape", "", "const ::nn::Shape &">:$value);
  let hasCustomAssemblyFormat = 1;
}

def NN_RefType : NN_Type<"Ref", "ref"> {
  let summary = "A place in memory: `!nn.ref<[B, 64] x f32, [64, 1]>`, sizes and strides in elements.";
  let description = [{
    Strides are symbolic like sizes, so slices, transposes and broadcasts (stride 0) of a place are places again, and
    whether two axes can be walked as one is decided when compiling. bool takes a byte.
  }];
  let parameters = (ins TypeParameter<"::nn::Shape", "", "const ::nn::Shape &">:$shape, "::mlir::Type":$elementType,
                       TypeParameter<"::nn::Shape", "", "const ::nn::Shape &">:$strides);
  let hasCustomAssemblyFormat = 1;
  let extraClassDeclaration = [{
    int64_t getRank() const { return getShape().rank(); }
    /// True if the elements follow each other without gaps in row-major order.
    bool isContiguous() const;
  }];
}

def NN_GraphType : NN_Type<"Graph", "graph"> {
  let summary = "A graph with symbolic numbers of sources, targets and edges: `!nn.graph<S, D, E>`.";
  let parameters = (ins TypeParameter<"::nn::Dim", "", "const ::nn::Dim &">:$sources, TypeParameter<"::nn::Dim", "", "const ::nn::Dim &">:$targets,
                       TypeParameter<"::nn::Dim", "", "const ::nn::Dim &">:$edges);
  let hasCustomAssemblyFormat = 1;
}

def NN_Element : Type<CPred<"::nn::isElementType($_self)">, "element type of a tensor">;
def NN_Tensor : Type<CPred<"::nn::isTensor($_self)">, "tensor whose sizes are known or symbolic">;
def NN_TensorOrRef : Type<CPred<"::nn::isTensor($_self) || ::llvm::isa<::nn::RefType>($_self)">, "tensor or place">;
def NN_Ref : Type<CPred<"::llvm::isa<::nn::RefType>($_self)">, "place", "::nn::RefType">;
def NN_Value : Type<CPred<"::nn::isValue($_self)">, "scalar, vector or tensor">;

#endif
