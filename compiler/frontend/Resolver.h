// How Resolve works inside. Included by the Resolve*.cpp files only.
#pragma once

#include "compiler/frontend/Program.h"
#include "compiler/frontend/Scope.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SmallPtrSet.h"
#include <deque>

namespace nnc::frontend {

/// Finds what every name of a program means.
///  1. Each file's declarations make its scope; imports add theirs; the standard library is around all of them.
///  2. Which settings are callables is decided by their defaults and uses, on demand.
///  3. Each declaration is walked once, in order: a scope per layer, function and block.
///  4. What needs all of them comes last: recursion, unused parameters, `-D`, names in C.
class Resolver {
public:
  Resolver(Program &program, const LoadOptions &options, DiagnosticEngine &diagnostics)
      : program(program), options(options), diagnostics(diagnostics) {}

  void run();

private:
  enum class BlockSort : uint8_t { Layer, Optimizer, Train, Function, Scan, Inner };

  /// Where the walk is.
  struct Context {
    File *file = nullptr;
    Scope *scope = nullptr;
    Declaration *owner = nullptr; // whose calls these are: a function, layer, optimizer or train
    Layer *layer = nullptr;
    Train *train = nullptr;
    Optimizer *optimizer = nullptr;
    const Scan *scan = nullptr;        // the innermost
    const Function *reading = nullptr; // a function with vjp: it reads its arguments only
    bool inNeighbourhood = false;
  };

  // Files (Resolve.cpp)
  void declareFile(File &file);
  void importNames(File &file);
  void declaration(Declaration &declaration);
  void layer(Layer &layer);
  void layerStatements(Layer &layer, Scope &inside, Scope &forward);
  void function(Function &function);
  void optimizer(Optimizer &optimizer);
  void train(Train &train);
  void trainClauses(Train &train);
  void definitions();
  Scope &fileScope(const File &file);

  // Declaring (ResolveNames.cpp)
  void declareValue(Scope &scope, Declaration &declaration);
  void declareCallable(Scope &scope, Declaration &declaration);
  bool isAlternative(Declaration &first, Declaration &second);
  void duplicate(const Declaration &declaration, const Declaration &existing);

  // Using (ResolveNames.cpp)
  void valueName(NameUse &use);
  void callableName(NameUse &use);
  Declaration *findCallable(llvm::StringRef name, Target &target) const;
  void member(Member &member);
  void path(Member &member);
  void unknownValue(const NameUse &use);
  void unknownCallable(const NameUse &use, llvm::StringRef wanted = "function or layer");
  bool mayBeUnknown() const;
  std::string laterDeclaration(llvm::StringRef name, Space space, Range from) const;
  void called(Declaration &target, Range where);

  // Signatures (ResolveSignature.cpp)
  void signature(Signature &signature, bool typedOnly);
  void unusedArguments(const Signature &signature, size_t first);
  void type(Type *type, const std::function<bool(NameUse &)> &freeDim);
  void typeOfSignature(Type *type, Signature *signature, FreeDim::Sort sort);
  void typeOfVariable(Variable &variable);
  void typeOfLet(Type *type);
  void checkTypeForm(const Type &type);

  // Statements (ResolveStatement.cpp)
  void block(Block &block, BlockSort sort);
  void statements(Block &block, BlockSort sort);
  void statement(Node &node, BlockSort sort, bool isLast, const Node *next);
  void misplaced(const Node &node, BlockSort sort);
  void variable(Variable &variable);
  void use(Use &use);
  void let(Let &let);
  void update(Update &update);
  void updateTarget(Expr &target);
  void unusedValues(const Values &values, const Node *next);
  bool blockMayHaveNoResult(const Block *block) const;
  bool mayHaveNoResult(const Expr &expr) const;
  void unusedLets(const Block &block);

  // Expressions (ResolveExpr.cpp)
  void expr(Expr *expr);
  void call(Call &call);
  void index(Index &index);
  void scan(Scan &scan);
  void neighbourhood(Neighbourhood &neighbourhood);

  // Layers and their settings (ResolveSettings.cpp)
  bool isCallable(Setting &setting);
  bool isCallableDefault(Setting &setting, Layer &owner);
  bool isUsedAsCallable(Setting &setting, Layer &owner);
  bool isHandedOver(llvm::StringRef name, Expr *reference, Layer &owner);
  Layer *layerOf(Expr *reference, const Scope &scope) const;
  void reference(Expr &reference, bool layerOnly);
  void repeat(Call &call);
  void items(Index &index, Declaration *target);
  void requireSettings(const Layer &layer, const std::vector<Item> &given, Range where);
  Setting *findSetting(const Layer &layer, const Item &item, size_t position) const;

  // The whole program (ResolveProgram.cpp)
  void cycles();
  void unusedParameters();

  Scope &makeScope(Scope::Sort sort, const Scope *outer) { return scopes.emplace_back(sort, outer); }

  Program &program;
  const LoadOptions &options;
  DiagnosticEngine &diagnostics;

  std::deque<Scope> scopes; // addresses stay
  Scope *library = nullptr;
  llvm::DenseMap<const File *, Scope *> fileScopes;
  llvm::DenseMap<const Setting *, Layer *> settingOwners;
  enum class Answer : uint8_t { Unknown, Asking, Yes, No };
  llvm::DenseMap<const Setting *, Answer> callableSettings;

  Context context;
  std::vector<const Block *> openBlocks;
  unsigned errorsBefore = 0; // when the declaration at hand began

  struct Edge {
    Declaration *to;
    Range where;
  };
  llvm::MapVector<Declaration *, std::vector<Edge>> calls;
  /// Names that stand behind a `.` somewhere: they may mean any parameter or sub-layer.
  llvm::DenseSet<llvm::StringRef> memberNames;
};

/// Models and trains that C sees, and whether their names can be C names. (Exports.cpp)
void checkExports(Program &program, const LoadOptions &options, DiagnosticEngine &diagnostics);

} // namespace nnc::frontend
