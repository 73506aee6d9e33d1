#include "compiler/emit/Descriptor.h"

#include "compiler/emit/Manifest.h"
#include "compiler/emit/ModelFunctions.h"
#include "compiler/emit/Record.h"
#include "runtime/Abi.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVectorExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/Module.h"

using namespace llvm;

namespace nnc::emit {
namespace {

// A struct that grows must be filled here as well.
static_assert(sizeof(nnrt_argument) == 24 && sizeof(nnrt_entry) == 104 && sizeof(nnrt_parameter) == 80 &&
              sizeof(nnrt_pack) == 32 && sizeof(nnrt_state) == 24 && sizeof(nnrt_model) == 120);
static_assert(int(ArgumentKind::Size) == NNRT_DIM && int(ArgumentKind::Scalar) == NNRT_SCALAR &&
              int(ArgumentKind::Input) == NNRT_INPUT && int(ArgumentKind::Output) == NNRT_OUTPUT &&
              int(ArgumentKind::Graph) == NNRT_GRAPH);

class Descriptor {
public:
  Descriptor(Module &module, const cpu::Cpu &cpu) : module(module), context(module.getContext()), cpu(cpu) {}

  Error add(const Interface &interface);

private:
  Constant *string(StringRef text);
  GlobalVariable *constant(const Twine &name, Constant *value);
  Constant *array(const Twine &name, ArrayRef<Constant *> elements);
  Constant *names(const Twine &name, ArrayRef<std::string> list);
  Constant *state(const Model &model, const State &state, const Twine &symbol);
  Constant *integers(const Twine &name, Type *type, ArrayRef<int64_t> values);
  Constant *code(StringRef symbol);

  Constant *arguments(const Twine &name, ArrayRef<Argument> list);
  Constant *entry(const Twine &symbol, const Entry &entry);
  Constant *draw(const Twine &symbol, const Parameter &parameter);
  Constant *job(const Twine &symbol, StringRef name, const Code &code, ArrayRef<Argument> list);
  Constant *model(const Model &model);

  Type *machineType(char letter);
  Function *exported(const std::string &name, FunctionType *type);
  FunctionCallee runtime(StringRef name, FunctionType *type);
  void addFunction(const Model &model, const ModelFunction &function, Constant *table);
  void addEntryFunction(const Entry &entry, unsigned index);

  Module &module;
  LLVMContext &context;
  const cpu::Cpu &cpu;
  PointerType *pointer = PointerType::get(context, 0);
  Type *i32 = Type::getInt32Ty(context), *i64 = Type::getInt64Ty(context);
  StringMap<Constant *> strings;
  StringMap<Function *> bodies; ///< the module's functions by their name before the exported ones came
  std::vector<std::string> missing;
  Constant *manifest = nullptr;
};

// ---- constants ------------------------------------------------------------------------------------------------------

GlobalVariable *Descriptor::constant(const Twine &name, Constant *value) {
  auto *global =
      new GlobalVariable(module, value->getType(), /*isConstant=*/true, GlobalValue::InternalLinkage, value, name);
  global->setUnnamedAddr(GlobalValue::UnnamedAddr::Global);
  global->setAlignment(Align(8));
  return global;
}

Constant *Descriptor::string(StringRef text) {
  Constant *&known = strings[text];
  if (!known) {
    GlobalVariable *global = constant("nnc.text", ConstantDataArray::getString(context, text));
    global->setAlignment(Align(1));
    known = global;
  }
  return known;
}

Constant *Descriptor::array(const Twine &name, ArrayRef<Constant *> elements) {
  if (elements.empty())
    return nullptr;
  auto *type = ArrayType::get(elements.front()->getType(), elements.size());
  return constant(name, ConstantArray::get(type, elements));
}

Constant *Descriptor::names(const Twine &name, ArrayRef<std::string> list) {
  return array(name, map_to_vector(list, [&](const std::string &text) { return string(text); }));
}

Constant *Descriptor::integers(const Twine &name, Type *type, ArrayRef<int64_t> values) {
  return array(
      name, map_to_vector(values, [&](int64_t value) { return cast<Constant>(ConstantInt::getSigned(type, value)); }));
}

/// The function of this name; remembers names that the module does not define.
Constant *Descriptor::code(StringRef symbol) {
  if (symbol.empty())
    return nullptr;
  Function *function = bodies.lookup(symbol);
  if (!function)
    missing.push_back(symbol.str());
  return function;
}

Constant *Descriptor::arguments(const Twine &name, ArrayRef<Argument> list) {
  SmallVector<Constant *> records;
  for (const Argument &argument : list) {
    Record record(context, sizeof(nnrt_argument));
    NNC_SET_POINTER(record, nnrt_argument, name, string(argument.name));
    NNC_SET_POINTER(record, nnrt_argument, shape, string(shapeText(argument.shape)));
    NNC_SET_INT(record, nnrt_argument, kind, argument.kind);
    NNC_SET_INT(record, nnrt_argument, type, elementType(argument));
    NNC_SET_INT(record, nnrt_argument, rank, argument.shape.size());
    NNC_SET_INT(record, nnrt_argument, optional, argument.optional);
    records.push_back(record.build());
  }
  return array(name, records);
}

Constant *Descriptor::entry(const Twine &symbol, const Entry &entry) {
  SmallVector<Constant *> messages;
  for (const std::string &message : entry.messages)
    messages.push_back(string(message));
  SmallVector<int64_t> packs(entry.packs.begin(), entry.packs.end()), writes(entry.writes.begin(), entry.writes.end());

  Record record(context, sizeof(nnrt_entry));
  NNC_SET_POINTER(record, nnrt_entry, name, string(entry.name));
  NNC_SET_POINTER(record, nnrt_entry, arguments, arguments(symbol + ".arguments", entry.arguments));
  NNC_SET_INT(record, nnrt_entry, argument_count, entry.arguments.size());
  NNC_SET_INT(record, nnrt_entry, dim_count,
              count_if(entry.arguments, [](const Argument &argument) { return argument.kind == ArgumentKind::Size; }));
  NNC_SET_POINTER(record, nnrt_entry, messages, array(symbol + ".messages", messages));
  NNC_SET_POINTER(record, nnrt_entry, measure, code(entry.code.measure));
  NNC_SET_POINTER(record, nnrt_entry, check, code(entry.code.check));
  NNC_SET_POINTER(record, nnrt_entry, run, code(entry.code.run));
  NNC_SET_INT(record, nnrt_entry, write_count, entry.writes.size());
  NNC_SET_INT(record, nnrt_entry, pack_count, packs.size());
  NNC_SET_POINTER(record, nnrt_entry, writes, integers(symbol + ".writes", i32, writes));
  NNC_SET_POINTER(record, nnrt_entry, packs, integers(symbol + ".packs", i32, packs));
  NNC_SET_POINTER(record, nnrt_entry, size_names, names(symbol + ".sizes", entry.sizeNames));
  SmallVector<int64_t> stateSizes(entry.stateSizes.begin(), entry.stateSizes.end());
  NNC_SET_POINTER(record, nnrt_entry, state_sizes, integers(symbol + ".state_sizes", i32, stateSizes));
  NNC_SET_INT(record, nnrt_entry, state_size_count, stateSizes.size());
  NNC_SET_INT(record, nnrt_entry, is_train, entry.isTrain);
  return record.build();
}

/// An nnrt_entry of its own for an initialiser or a pack; null without code.
Constant *Descriptor::job(const Twine &symbol, StringRef name, const Code &code, ArrayRef<Argument> list) {
  if (code.run.empty())
    return nullptr;
  Entry entry;
  entry.name = name;
  entry.code = code;
  entry.arguments = list;
  return constant(symbol, this->entry(symbol, entry));
}

Constant *Descriptor::draw(const Twine &symbol, const Parameter &parameter) {
  if (!parameter.draw)
    return nullptr;
  const Draw &draw = *parameter.draw;
  auto real = [&](double value) { return ConstantFP::get(Type::getDoubleTy(context), value); };
  auto *type = FunctionType::get(Type::getVoidTy(context), /*isVarArg=*/false); // only its address is taken
  Record record(context, sizeof(nnrt_draw));
  NNC_SET_POINTER(record, nnrt_draw, run,
                  cast<Constant>(module.getOrInsertFunction("nnrt_draw_" + draw.distribution, type).getCallee()));
  NNC_SET_INT(record, nnrt_draw, place, draw.place);
  record.set(offsetof(nnrt_draw, scale), real(draw.scale));
  record.set(offsetof(nnrt_draw, shift), real(draw.shift));
  record.set(offsetof(nnrt_draw, low), real(draw.low));
  record.set(offsetof(nnrt_draw, high), real(draw.high));
  return constant(symbol, record.build());
}

/// The sizes of a state are arguments of its initialiser, the value is the output.
Constant *Descriptor::state(const Model &model, const State &state, const Twine &symbol) {
  SmallVector<Argument> list;
  SmallVector<int64_t> sizes;
  for (const std::string &name : state.sizes) {
    Argument &size = list.emplace_back();
    size.kind = ArgumentKind::Size;
    size.name = name;
    sizes.push_back(find(model.stateSizes, name) - model.stateSizes.begin());
  }
  Argument &out = list.emplace_back();
  out.kind = ArgumentKind::Output;
  out.name = state.path;
  out.type = state.type;
  out.shape = state.shape;
  Record record(context, sizeof(nnrt_state));
  NNC_SET_POINTER(record, nnrt_state, path, string(state.path));
  NNC_SET_POINTER(record, nnrt_state, initialiser, job(symbol + ".initialiser", state.path, state.initialiser, list));
  NNC_SET_POINTER(record, nnrt_state, sizes, integers(symbol + ".sizes", i32, sizes));
  return record.build();
}

Constant *Descriptor::model(const Model &model) {
  const std::string &prefix = model.cName;
  SmallVector<Constant *> entries, parameters, packs;
  for (const Entry &entry : model.entries)
    entries.push_back(this->entry(prefix + "." + entry.name, entry));

  for (const auto &[index, parameter] : enumerate(model.parameters)) {
    std::string symbol = prefix + ".parameter" + std::to_string(index);
    Argument out;
    out.kind = ArgumentKind::Output;
    out.name = parameter.path;
    out.type = parameter.type;
    if (StringRef(parameter.path).contains('#'))
      out.shape.push_back(std::to_string(parameter.copies));
    for (int64_t size : parameter.shape)
      out.shape.push_back(std::to_string(size));

    Record record(context, sizeof(nnrt_parameter));
    NNC_SET_POINTER(record, nnrt_parameter, path, string(parameter.path));
    NNC_SET_POINTER(record, nnrt_parameter, shape, integers(symbol + ".shape", i64, parameter.shape));
    NNC_SET_INT(record, nnrt_parameter, copies, parameter.copies);
    NNC_SET_POINTER(record, nnrt_parameter, repeats,
                    integers(symbol + ".repeats", Type::getInt64Ty(context), parameter.repeats));
    NNC_SET_INT(record, nnrt_parameter, offset, parameter.offset);
    NNC_SET_INT(record, nnrt_parameter, bytes, parameter.bytes);
    NNC_SET_POINTER(record, nnrt_parameter, initialiser,
                    job(symbol + ".initialiser", parameter.path, parameter.initialiser, out));
    NNC_SET_POINTER(record, nnrt_parameter, draw, draw(symbol + ".draw", parameter));
    NNC_SET_INT(record, nnrt_parameter, type, parameter.type);
    NNC_SET_INT(record, nnrt_parameter, rank, parameter.shape.size());
    NNC_SET_INT(record, nnrt_parameter, is_buffer, parameter.isBuffer);
    NNC_SET_POINTER(record, nnrt_parameter, train, parameter.train.empty() ? nullptr : string(parameter.train));
    parameters.push_back(record.build());
  }

  for (const auto &[index, pack] : enumerate(model.packs)) {
    Record record(context, sizeof(nnrt_pack));
    NNC_SET_INT(record, nnrt_pack, parameter, pack.parameter);
    NNC_SET_INT(record, nnrt_pack, offset, pack.offset);
    NNC_SET_INT(record, nnrt_pack, bytes, pack.bytes);
    NNC_SET_POINTER(
        record, nnrt_pack, run,
        job(prefix + ".pack" + std::to_string(index), model.parameters[pack.parameter].path, pack.code, {}));
    packs.push_back(record.build());
  }

  SmallVector<Constant *> states;
  for (const auto &[index, state] : enumerate(model.states))
    states.push_back(this->state(model, state, prefix + ".state" + std::to_string(index)));

  Record record(context, sizeof(nnrt_model));
  NNC_SET_INT(record, nnrt_model, size, sizeof(nnrt_model));
  NNC_SET_INT(record, nnrt_model, version, NNRT_ABI_VERSION);
  NNC_SET_POINTER(record, nnrt_model, name, string(prefix));
  NNC_SET_POINTER(record, nnrt_model, cpu, string(cpu.name));
  NNC_SET_POINTER(record, nnrt_model, features,
                  integers(prefix + ".features", i64, {static_cast<int64_t>(cpu.featureBits)}));
  NNC_SET_POINTER(record, nnrt_model, manifest, manifest);
  NNC_SET_POINTER(record, nnrt_model, parameters, array(prefix + ".parameters", parameters));
  NNC_SET_POINTER(record, nnrt_model, entries, array(prefix + ".entries", entries));
  NNC_SET_POINTER(record, nnrt_model, packs, array(prefix + ".packs", packs));
  NNC_SET_INT(record, nnrt_model, parameter_count, parameters.size());
  NNC_SET_INT(record, nnrt_model, entry_count, entries.size());
  NNC_SET_INT(record, nnrt_model, pack_count, packs.size());
  NNC_SET_INT(record, nnrt_model, parameter_bytes, model.parameterBytes);
  NNC_SET_INT(record, nnrt_model, packed_bytes, model.packedBytes);
  NNC_SET_POINTER(record, nnrt_model, states, array(prefix + ".states", states));
  NNC_SET_POINTER(record, nnrt_model, state_sizes, names(prefix + ".state_sizes", model.stateSizes));
  NNC_SET_INT(record, nnrt_model, state_count, states.size());
  NNC_SET_INT(record, nnrt_model, state_size_count, model.stateSizes.size());
  return constant(prefix + ".model", record.build());
}

// ---- functions ------------------------------------------------------------------------------------------------------

Type *Descriptor::machineType(char letter) {
  switch (letter) {
  case 'p':
    return pointer;
  case 'i':
    return i32;
  case 'l':
    return i64;
  default:
    return Type::getVoidTy(context);
  }
}

/// A function of the header: for any x86-64, whatever the kernels need.
Function *Descriptor::exported(const std::string &name, FunctionType *type) {
  auto *function = Function::Create(type, GlobalValue::ExternalLinkage, name, module);
  function->addFnAttr("target-cpu", "x86-64");
  function->setUWTableKind(UWTableKind::Async);
  function->setDoesNotThrow();
  BasicBlock::Create(context, "", function);
  return function;
}

FunctionCallee Descriptor::runtime(StringRef name, FunctionType *type) {
  FunctionCallee callee = module.getOrInsertFunction(name, type);
  cast<Function>(callee.getCallee())->setVisibility(GlobalValue::HiddenVisibility);
  return callee;
}

void Descriptor::addFunction(const Model &model, const ModelFunction &function, Constant *table) {
  SmallVector<Type *> types;
  size_t sizesAt = 0, sizes = model.stateSizes.size();
  for (char letter : function.types.drop_front()) {
    if (letter == 's') { // the sizes of the states, which the callee gets as an array
      sizesAt = types.size();
      types.append(sizes, i64);
    } else {
      types.push_back(machineType(letter));
    }
  }
  auto *type = FunctionType::get(machineType(function.types.front()), types, /*isVarArg=*/false);
  Function *body = exported(model.cName + "_" + function.suffix.str(), type);
  IRBuilder<> builder(&body->getEntryBlock());
  if (function.callee.empty()) {
    builder.CreateRet(function.suffix == "manifest" ? manifest : builder.getInt32(NNRT_ABI_VERSION));
    return;
  }
  SmallVector<Value *> values(llvm::make_pointer_range(body->args()));
  if (sizesAt) {
    Value *array = ConstantPointerNull::get(pointer);
    if (sizes)
      array = builder.CreateAlloca(ArrayType::get(i64, sizes));
    for (size_t i = 0; i < sizes; ++i)
      builder.CreateStore(values[sizesAt + i], builder.CreateConstInBoundsGEP1_64(i64, array, i));
    values.erase(values.begin() + sizesAt, values.begin() + sizesAt + sizes);
    types.erase(types.begin() + sizesAt, types.begin() + sizesAt + sizes);
    values.insert(values.begin() + sizesAt, array);
    types.insert(types.begin() + sizesAt, pointer);
  }
  if (function.takesTable) {
    types.insert(types.begin(), pointer);
    values.insert(values.begin(), table);
  }
  auto *calleeType = FunctionType::get(type->getReturnType(), types, /*isVarArg=*/false);
  CallInst *call = builder.CreateCall(runtime(function.callee, calleeType), values);
  if (!sizesAt) // else it reads the array here
    call->setTailCallKind(CallInst::TCK_Tail);
  if (type->getReturnType()->isVoidTy())
    builder.CreateRetVoid();
  else
    builder.CreateRet(call);
}

/// Puts the address of each argument (for tensors and graphs, the argument itself) into an array on the stack.
void Descriptor::addEntryFunction(const Entry &entry, unsigned index) {
  auto byValue = [](const Argument &argument) {
    return argument.kind == ArgumentKind::Size || (argument.kind == ArgumentKind::Scalar && !argument.optional);
  };
  auto valueType = [&](const Argument &argument) -> Type * {
    switch (elementType(argument)) {
    case NN_F64:
      return Type::getDoubleTy(context);
    case NN_F32:
      return Type::getFloatTy(context);
    case NN_F16:
    case NN_BF16:
      return Type::getInt16Ty(context);
    case NN_I64:
      return i64;
    case NN_I32:
      return i32;
    case NN_I8:
    case NN_BOOL:
      return Type::getInt8Ty(context);
    }
    llvm_unreachable("element type");
  };

  SmallVector<Type *> types{pointer};
  for (const Argument &argument : entry.arguments)
    types.push_back(byValue(argument) ? valueType(argument) : pointer);
  Function *body = exported(entry.function, FunctionType::get(i32, types, /*isVarArg=*/false));
  IRBuilder<> builder(&body->getEntryBlock());
  auto *arrayType = ArrayType::get(pointer, std::max<size_t>(entry.arguments.size(), 1));
  Value *array = builder.CreateAlloca(arrayType);
  for (const auto &[position, argument] : enumerate(entry.arguments)) {
    Value *value = body->getArg(position + 1);
    if (byValue(argument)) {
      if (value->getType()->getPrimitiveSizeInBits() < 32)
        body->addParamAttr(position + 1, argument.type == NN_I8 ? Attribute::SExt : Attribute::ZExt);
      Value *place = builder.CreateAlloca(value->getType());
      builder.CreateStore(value, place);
      value = place;
    }
    builder.CreateStore(value, builder.CreateConstInBoundsGEP2_64(arrayType, array, 0, position));
  }
  auto *type = FunctionType::get(i32, {pointer, i32, pointer}, /*isVarArg=*/false);
  builder.CreateRet(builder.CreateCall(runtime("nnrt_call", type), {body->getArg(0), builder.getInt32(index), array}));
}

Error Descriptor::add(const Interface &interface) {
  for (Function &function : module) {
    if (function.isDeclaration())
      continue;
    bodies[function.getName()] = &function;
    function.setLinkage(GlobalValue::InternalLinkage);
    function.setVisibility(GlobalValue::DefaultVisibility);
  }
  // Kernels may be called like a function of the header; only the header's name is a contract.
  for (const std::string &name : exportedSymbols(interface))
    if (GlobalValue *taken = module.getNamedValue(name))
      taken->setName(name + ".code");

  GlobalVariable *text =
      constant("nnc.manifest", ConstantDataArray::getString(context, manifestText(interface, cpu.name)));
  text->setSection(manifestSection);
  text->setUnnamedAddr(GlobalValue::UnnamedAddr::None); // else the linker may merge its pieces
  manifest = text;
  for (const Model &model : interface.models) {
    Constant *table = this->model(model);
    for (const auto &[index, entry] : enumerate(model.entries))
      addEntryFunction(entry, index);
    for (const ModelFunction &function : modelFunctions(model))
      addFunction(model, function, table);
  }
  for (Function &function : module)
    if (function.isDeclaration() && function.getName().starts_with("nnrt_"))
      function.setVisibility(GlobalValue::HiddenVisibility);
  if (!missing.empty())
    return createStringError("internal error: the module does not define %s", join(missing, ", ").c_str());
  return Error::success();
}

} // namespace

Error addDescriptor(Module &module, const Interface &interface, const cpu::Cpu &cpu) {
  return Descriptor(module, cpu).add(interface);
}

} // namespace nnc::emit
