// emit-driver INTERFACE.json CODE.ll [-o LIB.so] [--cpu=NAME] [--emit=lib|asm|obj|header|manifest]: runs compiler/emit
// on an interface and LLVM code written by hand, so that tests of the library need no front end.
#include "compiler/emit/Header.h"
#include "compiler/emit/Library.h"
#include "compiler/emit/Manifest.h"
#include "compiler/emit/Output.h"

#include "llvm/IR/LLVMContext.h"
#include "llvm/IRReader/IRReader.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;
using namespace nnc;

// ADL finds these for the mapper's nested values.
namespace nnc::emit {

static bool fromJSON(const json::Value &value, ArgumentKind &kind, json::Path path) {
  constexpr StringRef kinds[] = {"size", "scalar", "input", "output", "graph"};
  const auto *found = find(kinds, value.getAsString().value_or(""));
  kind = ArgumentKind(found - std::begin(kinds));
  return found != std::end(kinds) || (path.report("a kind of argument"), false);
}

static nn_type typeOf(StringRef name) {
  constexpr StringRef names[] = {"f64", "f32", "f16", "bf16", "i64", "i32", "i8", "bool"};
  return nn_type(find(names, name) - std::begin(names));
}

static bool fromJSON(const json::Value &value, Argument &a, json::Path path) {
  json::ObjectMapper map(value, path);
  std::string type = "f32";
  bool good = map && map.map("kind", a.kind) && map.map("name", a.name) && map.mapOptional("doc", a.doc) &&
              map.mapOptional("type", type) && map.mapOptional("shape", a.shape) &&
              map.mapOptional("optional", a.optional);
  a.type = typeOf(type);
  return good;
}

static bool fromJSON(const json::Value &value, Code &c, json::Path path) {
  json::ObjectMapper map(value, path);
  return map && map.map("measure", c.measure) && map.mapOptional("check", c.check) && map.map("run", c.run);
}

static bool fromJSON(const json::Value &value, Entry &e, json::Path path) {
  json::ObjectMapper map(value, path);
  return map && map.map("name", e.name) && map.map("function", e.function) && map.mapOptional("doc", e.doc) &&
         map.map("arguments", e.arguments) && map.mapOptional("messages", e.messages) && map.map("code", e.code) &&
         map.mapOptional("writes", e.writes) && map.mapOptional("packs", e.packs);
}

static bool fromJSON(const json::Value &value, Parameter &p, json::Path path) {
  json::ObjectMapper map(value, path);
  std::string type = "f32";
  bool good = map && map.map("path", p.path) && map.mapOptional("doc", p.doc) && map.mapOptional("type", type) &&
              map.map("shape", p.shape) && map.mapOptional("copies", p.copies) &&
              map.mapOptional("repeats", p.repeats) && map.map("offset", p.offset) && map.map("bytes", p.bytes) &&
              map.mapOptional("buffer", p.isBuffer) && map.mapOptional("initialiser", p.initialiser);
  p.type = typeOf(type);
  return good;
}

static bool fromJSON(const json::Value &value, Pack &p, json::Path path) {
  json::ObjectMapper map(value, path);
  return map && map.map("parameter", p.parameter) && map.map("offset", p.offset) && map.map("bytes", p.bytes) &&
         map.map("code", p.code);
}

static bool fromJSON(const json::Value &value, Model &m, json::Path path) {
  json::ObjectMapper map(value, path);
  return map && map.map("name", m.name) && map.map("prefix", m.cName) && map.mapOptional("doc", m.doc) &&
         map.map("entries", m.entries) && map.mapOptional("parameters", m.parameters) &&
         map.mapOptional("packs", m.packs) && map.mapOptional("parameterBytes", m.parameterBytes) &&
         map.mapOptional("packedBytes", m.packedBytes);
}

} // namespace nnc::emit

static cl::opt<std::string> interfacePath(cl::Positional, cl::desc("interface.json"), cl::Required);
static cl::opt<std::string> codePath(cl::Positional, cl::desc("code.ll"), cl::Required);
static cl::opt<std::string> outputPath("o", cl::init("-"));
static cl::opt<std::string> cpuName("cpu", cl::init("native"));
static cl::opt<std::string> stage("emit", cl::init("lib"));

static Expected<emit::Interface> readInterface() {
  auto buffer = MemoryBuffer::getFile(interfacePath);
  if (!buffer)
    return errorCodeToError(buffer.getError());
  Expected<json::Value> value = json::parse((*buffer)->getBuffer());
  if (!value)
    return value.takeError();
  emit::Interface interface;
  json::Path::Root root("interface");
  if (!json::fromJSON(*value, interface.models, root))
    return root.getError();
  return interface;
}

static Error run() {
  Expected<emit::Interface> interface = readInterface();
  if (!interface)
    return interface.takeError();
  Expected<cpu::Cpu> cpu = cpu::parseCpu(cpuName);
  if (!cpu)
    return cpu.takeError();
  if (stage == "header" || stage == "manifest") {
    outs() << (stage == "header" ? emit::headerText(*interface) : emit::manifestText(*interface, cpu->name));
    return Error::success();
  }
  LLVMContext context;
  SMDiagnostic diagnostic;
  std::unique_ptr<Module> module = parseIRFile(codePath, diagnostic, context);
  if (!module)
    return createStringError(diagnostic.getMessage());
  if (stage == "lib")
    return emit::emitLibrary(std::move(module), *interface, {*cpu, outputPath, {interfacePath, codePath}});
  auto kind = stage == "asm" ? emit::CodeKind::Assembly : emit::CodeKind::Object;
  Expected<emit::Bytes> code = emit::emitCode(std::move(module), *interface, *cpu, kind);
  if (!code)
    return code.takeError();
  std::error_code error;
  raw_fd_ostream os(outputPath, error);
  os.write(code->data(), code->size());
  return errorCodeToError(error);
}

static Error write(ArrayRef<char *> paths) {
  std::vector<emit::OutputFile> files;
  for (const char *path : paths)
    files.push_back({path, "new\n"});
  return emit::writeOutputs(files);
}

static Error printManifest(StringRef path) {
  Expected<std::string> text = emit::readManifest(path);
  if (text)
    outs() << *text;
  return text.takeError();
}

int main(int argc, char **argv) {
  StringRef verb = argc > 2 ? argv[1] : "";
  Error error = Error::success();
  if (verb == "--manifest") {
    error = printManifest(argv[2]);
  } else if (verb == "--write") {
    error = write(ArrayRef(argv, argc).drop_front(2));
  } else {
    cl::ParseCommandLineOptions(argc, argv);
    error = run();
  }
  bool bad = bool(error);
  logAllUnhandledErrors(std::move(error), errs(), "error: ");
  return bad ? 1 : 0;
}
