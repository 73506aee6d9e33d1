// The `nn` dialect: what a network means. Base classes of its operations; the operations stand in one file per family.
#ifndef NNC_DIALECT_TD
#define NNC_DIALECT_TD

include "mlir/IR/OpBase.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/BuiltinAttributeInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"

def NN_Dialect : Dialect {
  let name = "nn";
  let cppNamespace = "::nn";
  let summary = "What a neural network computes.";
  let description = [{
    Values are ranked tensors with symbolic sizes (`#nn.shape`) until the memory phase, places in memory (`!nn.ref`)
    afterwards. Elementwise operations also take scalars and vectors, so the same operations stand in the regions of
    kernel operations and in what these are lowered to.
  }];
  let useDefaultAttributePrinterParser = 1;
  let useDefaultTypePrinterParser = 1;
  let hasConstantMaterializer = 1;
  let dependentDialects = ["::mlir::func::FuncDialect"];
  let extraClassDeclaration = [{
    void registerAttributes();
    void registerTypes();
  }];
}

include "dialect/Types.td"
include "dialect/Interfaces.td"

class NN_Op<string mnemonic, list<Trait> traits = []> : Op<NN_Dialect, mnemonic, traits>;

/// Declares the rule; it stands beside the operation's others.
def NN_Differentiable : DeclareOpInterfaceMethods<NN_DifferentiableInterface>;

/// An operation that the language calls by its name. Its signature and its shape rule are static: the front end uses
/// them before there is any IR. `rule` and `parameters` are C++ expressions; see Interfaces.h.
class NN_LanguageOp<string mnemonic, list<Trait> traits = []>
    : NN_Op<mnemonic, traits # [Pure, DeclareOpInterfaceMethods<NN_LanguageInterface>, DeclareOpInterfaceMethods<InferTypeOpInterface>]> {
  code signatureBody = ?;
  code ruleBody = ?;
  let extraClassDefinition = "::nn::Signature $cppClass::signature() {" # signatureBody # "}\n" #
      "::llvm::LogicalResult $cppClass::shapeRule(const ::nn::RuleInput &in, ::nn::Report &report, ::llvm::SmallVectorImpl<::mlir::Type> &results) {" # ruleBody # "}\n" # [{
    ::llvm::LogicalResult $cppClass::inferReturnTypes(::mlir::MLIRContext *context, std::optional<::mlir::Location> loc,
        ::mlir::ValueRange operands, ::mlir::DictionaryAttr attributes, ::mlir::OpaqueProperties properties, ::mlir::RegionRange,
        ::llvm::SmallVectorImpl<::mlir::Type> &results) {
      return ::nn::inferByShapeRule<$cppClass>(context, loc, operands, attributes, properties, results);
    }
  }];
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, results)";
}

/// A kernel: a loop skeleton whose regions hold what was fused into it. Before the memory phase it has tensor results
/// and no inits; afterwards it writes its inits and has no results.
class NN_KernelOp<string mnemonic, list<Trait> traits = []>
    : NN_Op<mnemonic, traits # [NN_KernelInterface, DeclareOpInterfaceMethods<MemoryEffectsOpInterface>]>;

#endif
