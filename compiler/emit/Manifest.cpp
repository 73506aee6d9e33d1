#include "compiler/emit/Manifest.h"

#include "compiler/emit/ModelFunctions.h"
#include "runtime/Abi.h"

#include "llvm/Object/ObjectFile.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;

namespace nnc::emit {
namespace {

/// Names and docs come from a checked program; what is still no UTF-8 must not make the text invalid.
std::string text(StringRef string) { return json::isUTF8(string) ? string.str() : json::fixUTF8(string); }

void write(json::OStream &out, const Argument &argument) {
  constexpr StringRef kinds[] = {"size", "scalar", "input", "output", "graph"};
  out.object([&] {
    out.attribute("name", text(argument.name));
    out.attribute("kind", kinds[int(argument.kind)]);
    if (argument.kind != ArgumentKind::Graph)
      out.attribute("type", typeName(elementType(argument)));
    if (argument.kind == ArgumentKind::Input || argument.kind == ArgumentKind::Output)
      out.attributeArray("shape", [&] {
        for (const std::string &dim : argument.shape)
          out.value(text(dim));
      });
    if (argument.optional)
      out.attribute("optional", true);
    if (!argument.doc.empty())
      out.attribute("doc", text(argument.doc));
  });
}

void write(json::OStream &out, const Entry &entry) {
  out.object([&] {
    out.attribute("name", text(entry.name));
    out.attribute("function", text(entry.function));
    if (!entry.doc.empty())
      out.attribute("doc", text(entry.doc));
    out.attribute("exclusive", !entry.writes.empty());
    if (entry.isTrain)
      out.attribute("train", true);
    out.attributeArray("arguments", [&] {
      for (const Argument &argument : entry.arguments)
        write(out, argument);
    });
  });
}

void write(json::OStream &out, const Parameter &parameter) {
  out.object([&] {
    out.attribute("path", text(parameter.path));
    out.attribute("type", typeName(parameter.type));
    out.attributeArray("shape", [&] {
      for (int64_t size : parameter.shape)
        out.value(size);
    });
    // The k-th '#' in the path stands for repeats[k].first, first + 1, ...
    if (!parameter.repeats.empty())
      out.attributeArray("repeats", [&] {
        for (size_t i = 0; i + 1 < parameter.repeats.size(); i += 2)
          out.object([&] {
            out.attribute("first", parameter.repeats[i]);
            out.attribute("copies", parameter.repeats[i + 1]);
          });
      });
    out.attribute("buffer", parameter.isBuffer);
    out.attribute("initialised", parameter.isInitialised());
    if (!parameter.doc.empty())
      out.attribute("doc", text(parameter.doc));
  });
}

void write(json::OStream &out, const State &state) {
  out.object([&] {
    out.attribute("path", text(state.path));
    out.attribute("type", typeName(state.type));
    out.attributeArray("shape", [&] {
      for (const std::string &dim : state.shape)
        out.value(text(dim));
    });
    if (!state.doc.empty())
      out.attribute("doc", text(state.doc));
  });
}

void write(json::OStream &out, const Model &model) {
  out.object([&] {
    out.attribute("name", text(model.name));
    out.attribute("prefix", text(model.cName));
    if (!model.doc.empty())
      out.attribute("doc", text(model.doc));
    out.attributeArray("entries", [&] {
      for (const Entry &entry : model.entries)
        write(out, entry);
    });
    out.attributeArray("parameters", [&] {
      for (const Parameter &parameter : model.parameters)
        if (parameter.train.empty())
          write(out, parameter);
    });
    // What context_create takes between the model and the seed.
    out.attributeArray("sizes", [&] {
      for (const std::string &size : model.stateSizes)
        out.value(text(size));
    });
    out.attributeArray("states", [&] {
      for (const State &state : model.states)
        write(out, state);
    });
  });
}

} // namespace

std::string manifestText(const Interface &interface, StringRef cpu) {
  std::string result;
  raw_string_ostream os(result);
  json::OStream out(os, /*IndentSize=*/1);
  out.object([&] {
    out.attribute("abi", NNRT_ABI_VERSION);
    out.attribute("cpu", cpu);
    out.attributeArray("models", [&] {
      for (const Model &model : interface.models)
        write(out, model);
    });
  });
  os << '\n';
  return result;
}

Expected<std::string> readManifest(StringRef path) {
  auto failed = [&](const std::string &why) {
    return createStringError("cannot read a manifest from '%s': %s", path.str().c_str(), why.c_str());
  };
  sys::fs::file_status status;
  if (std::error_code error = sys::fs::status(path, status))
    return failed(error.message());
  if (status.type() != sys::fs::file_type::regular_file)
    return failed("it is not a regular file");
  auto buffer = MemoryBuffer::getFile(path);
  if (!buffer)
    return failed(buffer.getError().message());
  auto object = object::ObjectFile::createELFObjectFile((*buffer)->getMemBufferRef(), /*InitContent=*/false);
  if (!object) {
    consumeError(object.takeError());
    return failed("it is not a library");
  }
  for (const object::SectionRef &section : (*object)->sections()) {
    Expected<StringRef> name = section.getName();
    if (!name || *name != manifestSection) {
      consumeError(name.takeError());
      continue;
    }
    Expected<StringRef> contents = section.getContents();
    if (!contents) {
      consumeError(contents.takeError());
      return failed("the file is damaged");
    }
    return contents->rtrim('\0').str();
  }
  return failed("it was not compiled by nnc");
}

} // namespace nnc::emit
