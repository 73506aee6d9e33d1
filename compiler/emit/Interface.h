// What a library offers, in plain data: filled from the module by compiler/memory/Signatures, read by the header, the
// manifest and the descriptor. Strings are UTF-8 as written in the program; C names have been checked by the front end.
#ifndef NNC_COMPILER_EMIT_INTERFACE_H
#define NNC_COMPILER_EMIT_INTERFACE_H

#include "runtime/include/nnc.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace nnc::emit {

/// How an argument travels in C. The order is that of nnrt_argument_kind (runtime/Abi.h).
enum class ArgumentKind : int8_t {
  Size,   ///< a free size: int64_t by value
  Scalar, ///< an input of rank 0: by value; by `const T *` if optional
  Input,  ///< an input tensor: `const T *`
  Output, ///< a result: `T *`, also for rank 0
  Graph,  ///< `const nn_graph *`
};

struct Argument {
  ArgumentKind kind = ArgumentKind::Input;
  std::string name;      ///< of the C parameter: "image", "B", "out"
  std::string doc;       ///< text of the `///` comment, lines separated by '\n', without the slashes; may be empty
  nn_type type = NN_F32; ///< not used for sizes and graphs
  std::vector<std::string> shape; ///< one text per dimension: {"B", "2 * d", "64"}; empty for rank 0
  bool optional = false;          ///< may be NULL
};

/// Symbols of the module's functions with the signatures of nnrt_entry (runtime/Abi.h). All of them are defined in the
/// module, with any linkage; emit makes them internal.
struct Code {
  std::string measure; ///< always there
  std::string check;   ///< "" if there is nothing to look at
  std::string run;     ///< always there
};

/// A typed C function of a model, also called by name through `<model>_call`.
struct Entry {
  std::string name;     ///< for `<model>_call` and the manifest: "forward", "train_step"
  std::string function; ///< of the C function: "digits_forward"
  std::string doc;
  std::vector<Argument> arguments;   ///< in the order of the C function: sizes, inputs, outputs
  std::vector<std::string> messages; ///< text of code c is messages[c - 1]; as nnrt_entry::messages wants it
  Code code;
  std::vector<int32_t> writes; ///< parameters and buffers that it writes: then it needs the model exclusively
  std::vector<int32_t> packs;  ///< indices into Model::packs, ascending
  /// Names of the sizes that its code gets beside those of its arguments: three for each graph, then sizes of states.
  std::vector<std::string> sizeNames;
  std::vector<int32_t> stateSizes; ///< the latter: indices into Model::stateSizes
  bool isTrain = false;
};

/// A first value that is draw * scale + shift (nnrt_draw).
struct Draw {
  std::string distribution; ///< "constant", "uniform", "normal", "trunc_normal": the function nnrt_draw_<..>
  int64_t place = 0;
  double scale = 0, shift = 0, low = 0, high = 0;
};

/// A parameter or buffer; the copies of a repeated layer are one of these (nnrt_parameter).
struct Parameter {
  std::string path; ///< key in a file; '#' stands for the number of a copy: "h.#.fc.weight"
  std::string doc;
  nn_type type = NN_F32;
  std::vector<int64_t> shape; ///< of one copy
  int64_t copies = 1;         ///< of all repeats together
  /// (first number, how many) for each '#' in the path, the outermost repeat first
  std::vector<int64_t> repeats;
  int64_t offset = 0; ///< of copy 0 in the parameter slab, a multiple of 64
  int64_t bytes = 0;  ///< of one copy; copies follow each other without a gap
  bool isBuffer = false;
  std::string train;        ///< the train step that keeps it; "": the model's own
  Code initialiser;         ///< run computes all copies into arguments[0]
  std::optional<Draw> draw; ///< instead of it; without either it must be loaded or set

  bool isInitialised() const { return draw || !initialiser.run.empty(); }
};

/// A derived copy of a parameter in the layout that kernels read (nnrt_pack).
struct Pack {
  int32_t parameter = 0; ///< index into Model::parameters
  int64_t offset = 0;    ///< in the packed slab, a multiple of 64
  int64_t bytes = 0;
  Code code; ///< reads the parameter slab, writes the packed slab; no arguments
};

/// A state of every context (nnrt_state).
struct State {
  std::string path;
  std::string doc;
  nn_type type = NN_F32;
  std::vector<std::string> shape; ///< one text per dimension
  std::vector<std::string> sizes; ///< names of the sizes of the initialiser, in its order
  Code initialiser;
};

struct Model {
  std::string name;  ///< as in the program: "CatsDogs"
  std::string cName; ///< prefix of its C functions: "cats_dogs"
  std::string doc;
  std::vector<Entry> entries;
  std::vector<Parameter> parameters;
  std::vector<Pack> packs;
  std::vector<State> states;
  std::vector<std::string> stateSizes; ///< names of the sizes that a context is made for, in order of appearance
  int64_t parameterBytes = 0;          ///< size of the parameter slab
  int64_t packedBytes = 0;             ///< size of the packed slab
};

/// Everything that one `.so` and its header offer. The processor and its features are not here: they are the target's
/// (target/cpu/TargetMachine.h) and reach emitLibrary by its options.
struct Interface {
  std::vector<Model> models; ///< in the order of the file, at least one
};

} // namespace nnc::emit

#endif // NNC_COMPILER_EMIT_INTERFACE_H
