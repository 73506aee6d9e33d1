// The elaborator's own declarations; its parts stand in Elaborate*.cpp, by subject. Use it through Elaborate.h.
#pragma once

#include "compiler/frontend/Elaborate.h"
#include "compiler/frontend/ElaborateValues.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"

namespace nnc::frontend {

/// A condition on sizes that only a call can decide; see nn.require.
struct Requirement {
  llvm::StringRef kind; ///< "equal", "divides", "at_least"
  nn::Dim a, b;
  std::string text;
};

/// A parameter, buffer or state in a function: what came in, and its value now.
struct Cell {
  mlir::Value input, current;
  bool written = false;
};

/// A function of the module while its body is made.
struct Routine {
  mlir::func::FuncOp function;
  mlir::OpBuilder builder;
  Instance *root = nullptr; ///< whose entry this is; null for initialisers
  bool isEntry = false;
  bool training = false;
  std::vector<std::pair<Place, Cell>> cells; ///< in order of first use
  std::map<Place, size_t> cellAt;            ///< their positions
  mlir::Operation *lastInput = nullptr;      ///< of an entry: these ops stand before all others
  std::vector<Requirement> requirements;
  std::vector<std::string> dims;                          ///< own free dimensions
  std::vector<std::pair<std::string, nn::Dim>> stateDims; ///< sizes of the context, in own sizes
  std::vector<std::string> knownDims; ///< those of an entry that C does not pass: a graph or a state knows them
  mlir::Value copy;                   ///< the number of the copy or step that the caller computes; may be null
  std::vector<std::pair<mlir::Value, nn::Dim>> steps; ///< of the loops around, with their counts
  bool usesCopy = false, draws = false;
  bool asksTraining = false; ///< the body depends on `training`
  int64_t ordinal = 0;       ///< of the next random draw
  bool inLoop() const { return copy || !steps.empty(); }

  explicit Routine(mlir::MLIRContext *context) : builder(context) {}
};

/// A function that is made once for all calls that agree in everything its body depends on.
struct Made {
  mlir::func::FuncOp function;
  std::vector<std::string> dims;
  struct Slot {
    std::vector<const Use *> chain; ///< from the called instance to the owner
    const Variable *variable;
    bool written;
  };
  std::vector<Slot> slots; ///< extra arguments, in order of path; the written ones are extra results
  std::vector<Requirement> requirements;
  std::vector<std::pair<std::string, nn::Dim>> stateDims; ///< sizes of the context, in `dims`
  unsigned results = 0;                                   ///< its own
  bool takesCopy = false, draws = false, asksTraining = false, failed = false;
  const Instance *madeFor = nullptr;
};

/// An argument as written, evaluated.
struct Given {
  Name name; ///< may be empty
  Value value;
  const Pattern *pattern = nullptr;
  Range range;
};

/// A typed place: initialisers take their shape from it.
struct TypedPlace {
  nn::Shape shape;
  mlir::Type element;
};

/// Puts a value into a variable for the length of a scope.
template <typename T> class Scoped {
public:
  Scoped(T &place, T now) : place(place), before(std::move(place)) { place = std::move(now); }
  ~Scoped() { place = std::move(before); }
  Scoped(const Scoped &) = delete;

private:
  T &place;
  T before;
};

class Elaborator {
public:
  Elaborator(const Program &program, const ElaborateOptions &options, mlir::MLIRContext &context,
             DiagnosticEngine &diagnostics);
  mlir::OwningOpRef<mlir::ModuleOp> run();
  /// Names that are called like operations and are none of the dialect.
  static std::vector<std::string> specialNames();

private:
  // ---- messages (Elaborate.cpp)
  Diagnostic &error(Code code, Range range, std::string message);
  /// As `error`, for the value of a failed expression.
  Value fail(Code code, Range range, std::string message, std::vector<std::string> notes = {}, std::string hint = "");
  Value fail(const nn::Report &report, Range range);
  mlir::Location locate(Range range);
  /// A construct that is right and has no lowering yet: an error if the program is compiled and nothing else is wrong.
  void unavailable(llvm::StringRef construct, Range range, llvm::StringRef hint = "");
  /// A condition on sizes: decided now, or checked at the entry. False after an error.
  bool require(llvm::StringRef kind, const nn::Dim &a, const nn::Dim &b, Range range, Code code, std::string text);

  // ---- models and entries (ElaborateEntries.cpp)
  void elaborateModel(const Layer &model);
  void elaborateEntry(Instance &root, const Function *entry);
  void beginEntry(Routine &routine, Frame &inner, Instance &root, const Signature &signature, llvm::StringRef name,
                  Range range);
  bool bindEntryArguments(Routine &routine, const Signature &signature, Frame &inner);
  void storeWritten(Routine &routine, Range range);
  void emitRequirements(Routine &routine);
  void describeEntry(Routine &routine, llvm::StringRef name, const Declaration &declaration, const Signature &signature,
                     llvm::ArrayRef<mlir::Value> results, bool isTrain);
  mlir::Attribute defaultOf(Routine &routine, const Argument &argument, mlir::Type type);

  // ---- training (ElaborateTraining.cpp, ElaborateGroups.cpp, ElaborateOptimizers.cpp)
  struct Training;
  struct Trained; ///< a parameter that a train step changes
  void elaborateTrain(Instance &root, const Train &train);
  bool readClauses(const Train &train, Training &t);
  bool evaluateLoss(const Minimize &minimize, Training &t);
  std::string layerPath(const Instance &instance);
  bool trainingOf(const Instance &instance);
  std::string trainingKey(const Instance &instance);
  void markPrecision(mlir::func::FuncOp function, llvm::ArrayRef<const Type *> arguments,
                     llvm::ArrayRef<const Type *> parameters, llvm::ArrayRef<const Type *> results);
  Value evaluateStep(Range range);
  mlir::Value trainStorage(llvm::StringRef path, mlir::Type type, double initial, Range range,
                           llvm::ArrayRef<int64_t> repeats = {});
  void trainStore(llvm::StringRef path, mlir::Value value, Range range);
  bool readOptimizer(const With &with, Training &t);
  bool selectParameters(Training &t, std::vector<Trained> &chosen);
  bool update(Training &t);
  Value accumulate(Training &t, llvm::MutableArrayRef<Trained> chosen, Value finite);
  Value sumOfSquares(mlir::Value gradient, Range range);
  mlir::Value partOf(mlir::Value stacked, const struct Copies &copies, Range range);
  mlir::Value withPart(mlir::Value stacked, mlir::Value part, const struct Copies &copies, Range range);
  // ---- (ElaborateUpdate.cpp)
  bool updateParameter(Training &t, Trained &parameter, const Value &scale);
  struct ParameterUpdate;
  mlir::Type masterType(mlir::Value value);
  Value arithmetic(llvm::StringRef operation, std::initializer_list<Value> values, Range range);

  // ---- gradients (ElaborateGradient.cpp)
  bool mayDifferentiate();
  Value callGrad(const Call &call, const Given *piped);
  Value callWithGradient(const Function &function);
  Value evaluateCheckpoint(const Checkpoint &checkpoint);

  // ---- layers (ElaborateLayers.cpp)
  std::unique_ptr<Instance> instantiate(const Callable &callable, Instance *parent, const Use *use, Range range);
  Instance *child(Instance &parent, const Use &use, Range range);
  /// Of several declarations of one name, the one whose condition holds; null if none does.
  const Declaration *holding(Instance &instance, const Declaration &first);
  Instance *instanceOf(const Expr &expr);
  bool addSettings(Callable &callable, const std::vector<Item> &items, Range range);
  Value evaluateSetting(const Setting &setting, const Expr &value);
  Value callLayer(Instance &instance, const Name &entry, std::vector<Given> given, Range range);
  Value callOnce(Instance &instance, const Function *entry, std::vector<Given> given, Range range);
  Value emitCall(Instance &instance, Made &target, std::vector<mlir::Value> operands, llvm::ArrayRef<nn::Dim> dims,
                 Range range);
  mlir::Type substitute(mlir::Type type, llvm::ArrayRef<std::string> names, llvm::ArrayRef<nn::Dim> values);

  // ---- functions of the module (ElaborateFunctions.cpp)
  Made *find(const std::string &key, const Instance &instance);
  std::string uniqueSymbol(llvm::StringRef wanted);
  mlir::func::FuncOp beginFunction(Routine &routine, llvm::StringRef name, llvm::ArrayRef<mlir::Type> arguments,
                                   Range range);
  void finishFunction(Routine &routine, llvm::ArrayRef<mlir::Value> results, Range range);
  bool makeLiterals(const Signature &signature, Frame &inner);
  void finishArguments(Routine &routine, Made &result, unsigned fixed, llvm::SmallVectorImpl<mlir::Value> &results);
  bool resultTensors(const Value &value, Range range, llvm::SmallVectorImpl<mlir::Value> &results);
  Made &make(Instance &instance, const Function *entry, Frame inner, const std::vector<std::string> &dims,
             llvm::ArrayRef<std::pair<const Argument *, mlir::Type>> arguments, const std::string &callee,
             std::string key);

  // ---- loops (ElaborateLoops.cpp)
  struct Loop;
  Value evaluateScan(const Scan &scan);
  // ---- (ElaborateRepeat.cpp)
  Value callRepeated(Instance &instance, const Function *entry, std::vector<Given> given, Range range);
  Value callCopies(Instance &instance, const Function *entry, std::vector<Given> given, const struct Copies &run,
                   Range range);
  std::vector<struct Copies> runsOf(Instance &instance);
  mlir::Value stackCopies(llvm::ArrayRef<nn::Dim> copies, llvm::function_ref<mlir::Value()> make, Range range);

  // ---- parameters, buffers, states (ElaborateVariables.cpp)
  Value readVariable(Instance &owner, const Variable &variable, Range range);
  Cell *cell(Instance &owner, const Variable &variable, Range range);
  void write(Instance &owner, const Variable &variable, mlir::Value value, Range range);
  mlir::Type typeOfVariable(Instance &owner, const Variable &variable);
  nn::Shape stackedAxes(const Instance &owner);
  std::string pathOf(const Instance &owner, const Variable &variable);
  std::vector<int64_t> repeatsAround(const Instance &owner);
  bool declareStorage(Instance &owner, const Variable &variable, mlir::Type type, const std::string &path);
  nn::Dim stateDim(llvm::StringRef name);
  bool hasStateDim(llvm::StringRef name);
  bool agreeOnStateDim(llvm::StringRef name, const nn::Dim &size, Range range);
  bool declareState(Instance &owner, const Variable &variable, const std::string &path);

  // ---- initialisers (ElaborateInitialisers.cpp)
  static bool isInitialiser(llvm::StringRef name);
  int64_t nextPlace();
  mlir::Value copyNumber(Range range);
  template <typename Op, typename... Attributes> mlir::Value draw(Range range, Attributes... attributes);
  Value callInitialiser(llvm::StringRef name, std::vector<Given> &given, Range range);
  mlir::FlatSymbolRefAttr makeInitialiser(Instance &owner, const Variable &variable, llvm::StringRef path);

  // ---- types (ElaborateTypes.cpp)
  mlir::Type elementType(const Name &name);
  mlir::Type floatType();
  std::optional<nn::Dim> evaluateSize(const Expr &expr);
  /// Null after an error. Sizes written `_` are taken from `like`.
  mlir::Type evaluateType(const Type &type, const Value *like = nullptr);
  bool checkSize(const nn::Dim &size, Range range);
  bool checkShape(const nn::Shape &shape, Range range);
  void bindPlainDims(const Type &type, const Value &value);
  /// Binds the arguments of a call in `into`. Absent ones get no value.
  bool bindArguments(const Signature &signature, std::vector<Given> &given, Frame &into, Range range,
                     llvm::StringRef callee);
  bool isOpen(const Type &type);
  bool evaluateDefaults(const Signature &signature, Frame &frame);
  /// The value as a tensor of the type `to`; a literal (and, with `stretch`, a tensor) is broadcast.
  Value coerce(const Value &value, mlir::Type to, bool stretch, Range range, const std::string &what);
  /// A literal as a scalar with the element type that is written.
  Value coerceToElement(const Value &value, const Type &type, Range range);
  Value coerceResults(const Signature &signature, Value value, Range range, llvm::StringRef callee);

  // ---- numbers (ElaborateNumbers.cpp)
  std::optional<Value> fold(llvm::StringRef operation, llvm::ArrayRef<Value> operands, Range range);
  Value divideSizes(const nn::Dim &a, const nn::Dim &b, Range range);

  // ---- operators and expressions (ElaborateExpressions.cpp)
  Value evaluate(const Expr &expr);
  Value evaluateOne(const Expr &expr); ///< of several results the first
  Value evaluateName(const NameUse &name);
  Value evaluateMember(const Member &member);
  Value evaluateConstant(const Const &constant);
  Value evaluateFreeDim(const FreeDim &dim, Range range);
  Value evaluateIf(const If &expr);
  Value evaluateOperator(Operator op, const Value &a, const Value &b, Range range, Range left, Range right);
  Value matmul(const Value &a, const Value &b, Range range, Range right);
  Value transposeLast(const Value &v, Range range);
  /// A call with several results stands for its first.
  Value first(Value value, Range range);

  // ---- statements (ElaborateStatements.cpp)
  Value evaluateBlock(const Block &block);
  void executeLet(const Let &let);
  void executeUpdate(const Update &update);
  static Range resultRange(const Block &block);

  // ---- calls (ElaborateCalls.cpp)
  std::vector<Given> evaluateArguments(const Call &call, const Given *piped);
  Value evaluateCall(const Call &call, const Given *piped);
  /// Counts what is made; true, and an error the first time, once it is more than anybody meant.
  bool tooMuch(size_t more, Range range);
  Value callUse(Instance &owner, const Use &use, std::vector<Given> given, Range range);
  Value callValue(const Callable &callable, std::vector<Given> given, Range range);
  Value callFunction(const Function &function, Frame *outer, std::vector<Given> given, Range range);
  Value callInPlace(const Signature &signature, const Block &body, const Function *function, llvm::StringRef name,
                    Frame *outer, std::vector<Given> given, Range range);
  std::optional<Callable> evaluateCallable(const Expr &expr);
  Value convertTo(llvm::StringRef type, const std::vector<Given> &given, Range range);

  // ---- built-in operations (ElaborateOperations.cpp)
  Value callOperation(llvm::StringRef name, std::vector<Given> given, Range range, llvm::StringRef spelled = "");
  Value emitOperation(mlir::OperationState &state, const nn::Signature &signature,
                      const nn::detail::LanguageOpInterfaceInterfaceTraits::Concept &language, llvm::StringRef name,
                      llvm::StringRef spelled, llvm::ArrayRef<Given *> operands, Range range);
  mlir::Attribute attributeOf(const nn::Signature::Attribute &wanted, const Given &given);
  static bool isPowerOfOtherType(const Value &base, const Value &exponent);
  struct Common {
    mlir::Type element;
    bool untyped = false;
  };
  std::optional<Common> commonElement(llvm::ArrayRef<const Value *> values, nn::Elements elements, Range range,
                                      llvm::StringRef spelled);
  /// The operands' types, one below the other, with the axis that differs.
  static std::vector<std::string> bothSides(llvm::ArrayRef<llvm::StringRef> names,
                                            llvm::ArrayRef<const Value *> values);
  mlir::Value convert(const Value &value, mlir::Type element, const nn::Shape *shape, Range range);
  /// As a tensor: literals get their default type.
  mlir::Value tensorOf(const Value &value, Range range, nn::Elements elements = nn::Elements::Any);
  mlir::Value constantLike(mlir::Value value, const nn::Shape &shape, Range range);
  mlir::Value broadcast(mlir::Value value, const nn::Shape &shape, Range range);
  mlir::Value reshape(mlir::Value value, const nn::Shape &shape, Range range);
  mlir::Value transpose(mlir::Value value, llvm::ArrayRef<int64_t> permutation, Range range);
  /// The number that all elements of a constant are; nothing if the value is not known.
  static std::optional<Value> literalOf(const Value &value);
  mlir::Value castTo(mlir::Value value, mlir::Type element, Range range);

  // ---- operations with arguments of their own kind
  Value callSpecial(llvm::StringRef name, std::vector<Given> &given, Range range, bool &isSpecial);
  Value callRearrange(std::vector<Given> &given, Range range); // ElaboratePatterns.cpp
  Value callSplit(std::vector<Given> &given, Range range);     // ElaboratePatterns.cpp
  Value callIota(std::vector<Given> &given, Range range);      // ElaborateOperations.cpp
  Value callDot(std::vector<Given> &given, Range range);       // ElaborateEinsum.cpp
  Value evaluateEinsum(const Einsum &einsum);                  // ElaborateEinsum.cpp

  // ---- indexing (ElaborateIndexing.cpp)
  struct Position {
    mlir::Value start, origin; ///< null: known when compiling
    nn::Dim offset;
  };
  struct AxisIndex { ///< what is done with one axis of an indexed tensor
    Range range;
    Position at;
    nn::Dim length;
    bool drop = false;
    mlir::Value gather; ///< an integer tensor instead
  };
  Value evaluateIndex(const Index &index);
  std::optional<std::vector<AxisIndex>> readItems(const std::vector<Item> &items, const nn::Shape &shape, Range range);
  std::optional<Position> position(const Value &value, Range range);
  bool checkRange(const nn::Dim &at, const nn::Dim &length, const nn::Dim &size, Range range);
  Value selectLeading(const Value &value, const nn::Dim &at, Range range);
  void assign(const Expr &target, const Value &value, Range range);
  void rebind(const Declaration *d, Value value);
  void poison(const Declaration *d, bool stored);

  // ---- neighbourhoods (ElaborateNeighbourhoods.cpp)
  struct Domain;
  struct Body;
  Value evaluateNeighbourhood(const Neighbourhood &neighbourhood);
  bool readDomain(const Expr &expr, Domain &domain);
  Value callGraphOperation(llvm::StringRef name, std::vector<Given> &given, Range range);
  bool useIndex(Body &body, mlir::Value index, const nn::Dim &size, Range range);
  void enterRegion(mlir::Region &region, Body &body, const Domain &domain, const Neighbourhood &neighbourhood);
  std::optional<Value> indexInNeighbourhood(const Value &x, const Index &index);

  // ---- matching of arguments written by position or by name
  struct Wanted {
    const char *name;
    bool optional = false;
  };
  /// One entry per wanted argument, null where it is left out; empty after an error.
  std::optional<std::vector<Given *>> match(std::vector<Given> &given, llvm::ArrayRef<Wanted> wanted, Range range,
                                            llvm::StringRef callee);
  std::optional<int64_t> constantOf(const Given &given, llvm::StringRef what);
  std::optional<double> realOf(const Given &given, llvm::StringRef what);

  mlir::OpBuilder &builder() { return routine->builder; }
  template <typename Op, typename... Arguments> mlir::Value emit(Range range, Arguments &&...arguments) {
    return Op::create(builder(), locate(range), std::forward<Arguments>(arguments)...)->getResult(0);
  }

  const Program &program;
  const ElaborateOptions &options;
  mlir::MLIRContext &context;
  DiagnosticEngine &diagnostics;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  mlir::OpBuilder top;

  Routine *routine = nullptr;
  Frame *frame = nullptr;
  std::optional<TypedPlace> place;
  Instance *modelInstance = nullptr;
  const Layer *trained = nullptr;             ///< the model in its own `train` block
  std::string modelName;                      ///< in C
  std::string drawPath;                       ///< of the function being made; makes random draws differ
  Frame fileFrame;                            ///< constants of files
  Body *body = nullptr;                       ///< of the neighbourhood whose body is being made
  Training *training = nullptr;               ///< the `train` block whose entry is being made
  std::optional<bool> usesGrad;               ///< the program has gradients outside of `train`
  Loop *repeatLoop = nullptr;                 ///< of the `repeat` whose body is being called
  std::map<const Instance *, int64_t> copyAt; ///< of each `repeat` around, the number of the first copy of that body

  struct Level { ///< one step of the way from the entry to the code being looked at
    std::string text;
    Range call;
  };
  std::vector<Level> levels;
  size_t copies = 0; ///< calls and parameters of calls so far
  struct Refusal {
    std::string construct;
    Range range;
    std::string hint;
    std::vector<Level> levels;
  };
  std::vector<Refusal> refusals;
  std::string libraryNote; ///< of the last error
  size_t levelsOfError = 0;
  std::optional<mlir::Location> inlinedAt;

  std::map<std::string, std::unique_ptr<Made>> made;
  llvm::StringMap<unsigned> symbols; ///< names of functions, to make them differ
  llvm::StringMap<Place> storage;    ///< of the model, by path
  std::vector<const Const *> constantsInProgress;
  std::vector<std::unique_ptr<Instance>> instances; ///< of the models
};

} // namespace nnc::frontend
