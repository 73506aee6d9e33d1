#include "compiler/emit/Library.h"

#include "compiler/emit/Descriptor.h"
#include "compiler/emit/Header.h"
#include "compiler/emit/Link.h"
#include "compiler/emit/ModelFunctions.h"
#include "compiler/emit/Output.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/Path.h"

using namespace llvm;

namespace nnc::emit {
namespace {

OutputFile libraryFile(const LibraryOptions &options, StringRef content) {
  return {options.output, content, /*executable=*/true};
}

OutputFile headerFile(const LibraryOptions &options, StringRef content) {
  return {headerPath(options.output), content, /*executable=*/false};
}

/// The front end has checked names against the language; here they meet those of the C world.
Error checkNames(const Interface &interface) {
  StringSet<> seen;
  for (const Model &model : interface.models)
    if (is_contained({"nn", "nnrt", "nnc", "pthread"}, model.cName))
      return createStringError("the model name '" + model.name + "' is taken: its C functions would be called '" +
                               model.cName + "_...', as those of another library are");
  for (const std::string &name : exportedSymbols(interface))
    if (!seen.insert(name).second)
      return createStringError("two C functions of the library would be called '" + name + "'");
  return Error::success();
}

/// Adds what the runtime and the C functions need.
Error complete(Module &module, const Interface &interface, const cpu::Cpu &cpu) {
  if (Error error = checkNames(interface))
    return error;
  return addDescriptor(module, interface, cpu);
}

} // namespace

std::string headerPath(StringRef library) {
  SmallString<128> path(library);
  if (sys::path::extension(path) == ".so")
    sys::path::replace_extension(path, ".h");
  else
    path += ".h";
  return path.str().str();
}

Error checkLibrary(const LibraryOptions &options) {
  return checkOutputs({libraryFile(options, ""), headerFile(options, "")}, options.inputs);
}

Expected<Bytes> emitCode(std::unique_ptr<Module> module, const Interface &interface, const cpu::Cpu &cpu,
                         CodeKind kind) {
  if (Error error = complete(*module, interface, cpu))
    return error;
  return generateCode(*module, cpu, kind);
}

Error emitLibrary(std::unique_ptr<Module> module, const Interface &interface, const LibraryOptions &options) {
  if (Error error = checkLibrary(options))
    return error;
  if (Error error = complete(*module, interface, options.cpu))
    return error;
  Expected<std::vector<Bytes>> objects = generateObjects(*module, options.cpu);
  if (!objects)
    return objects.takeError();
  std::string soname = sys::path::filename(options.output).str();
  Expected<Bytes> library = linkLibrary(*objects, exportedSymbols(interface), soname);
  if (!library)
    return library.takeError();
  std::string header = headerText(interface);
  return writeOutputs({libraryFile(options, StringRef(library->data(), library->size())), headerFile(options, header)});
}

} // namespace nnc::emit
