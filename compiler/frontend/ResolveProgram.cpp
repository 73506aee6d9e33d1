// What needs the whole program: recursion, unused parameters, settings from the command line.
#include "compiler/frontend/Parser.h"
#include "compiler/frontend/Resolver.h"

using namespace nnc::frontend;
using llvm::StringRef;

static constexpr unsigned maxCallDepth = 256;

/// Depth-first over calls, by an explicit stack. A call of something that is still open closes a cycle.
void Resolver::cycles() {
  enum class State : uint8_t { New, Open, Done };
  struct Frame {
    Declaration *declaration;
    size_t next;
  };
  llvm::DenseMap<Declaration *, State> states;
  llvm::DenseMap<Declaration *, unsigned> depths;
  bool reportedDepth = false;
  for (auto &[root, edges] : calls) {
    if (states.lookup(root) != State::New)
      continue;
    std::vector<Frame> stack{{root, 0}};
    states[root] = State::Open;
    while (!stack.empty()) {
      Frame &frame = stack.back();
      auto found = calls.find(frame.declaration);
      if (found == calls.end() || frame.next == found->second.size()) {
        unsigned depth = ++depths[frame.declaration];
        if (depth > maxCallDepth && !std::exchange(reportedDepth, true))
          diagnostics.error(Code::NN0902, frame.declaration->name.range,
                            "calls below `" + frame.declaration->name.text + "` are nested more than 256 deep");
        states[frame.declaration] = State::Done;
        stack.pop_back();
        if (!stack.empty())
          depths[stack.back().declaration] = std::max(depths[stack.back().declaration], depth);
        continue;
      }
      const Edge &edge = found->second[frame.next++];
      State state = states.lookup(edge.to);
      if (state == State::Done)
        depths[frame.declaration] = std::max(depths[frame.declaration], depths[edge.to]);
      if (state == State::New) {
        states[edge.to] = State::Open;
        stack.push_back({edge.to, 0});
      }
      if (state != State::Open)
        continue;
      size_t first = stack.size();
      while (stack[--first].declaration != edge.to) {
      }
      std::string chain;
      for (size_t i = first; i < stack.size(); ++i)
        chain += stack[i].declaration->name.text.str() + " -> ";
      Diagnostic &error = diagnostics.error(
          Code::NN0310, edge.where, "`" + edge.to->name.text + "` reaches itself: " + chain + edge.to->name.text);
      for (size_t i = first; i + 1 < stack.size(); ++i) {
        const Edge &link = calls.find(stack[i].declaration)->second[stack[i].next - 1];
        error.note("`" + stack[i].declaration->name.text + "` uses `" + link.to->name.text + "` at " +
                   placeSeenFrom(link.where, edge.where));
      }
      error.hint("nothing may call itself; a loop is a `scan`, a stack of layers is `repeat(n, L)`");
    }
  }
}

/// A parameter that its layer never reads, nor anybody else by `layer.name`, is none of the model's.
void Resolver::unusedParameters() {
  for (auto &file : program.files) {
    if (file->source->isLibrary)
      continue;
    for (Declaration *declaration : file->declarations) {
      auto *layer = llvm::dyn_cast<Layer>(declaration);
      bool broken = !layer || layer->broken ||
                    llvm::any_of(layer->functions(), [](Function *function) { return function->broken; });
      if (broken || diagnostics.hasErrors())
        continue;
      for (Node *node : layer->body->statements) {
        auto *variable = llvm::dyn_cast<Variable>(node);
        auto *use = llvm::dyn_cast<Use>(node);
        if (!use && (!variable || variable->lifetime != Lifetime::Param))
          continue;
        auto *member = llvm::cast<Declaration>(node);
        if (!member->used && !memberNames.contains(member->name.text))
          diagnostics.warning(Code::NN0504, member->name.range,
                              (use ? "the sub-layer `" : "the parameter `") + member->name.text +
                                  "` is never used, so it is not part of the model");
      }
    }
  }
}

/// `-D name=value` and `-D Model.name=value`, for the exported models.
void Resolver::definitions() {
  File &main = program.main();
  llvm::DenseSet<const Setting *> named; // a value that is wrong is reported, not that it is missing
  for (const std::string &definition : options.definitions) {
    auto [left, right] = StringRef(definition).split('=');
    auto [model, name] = left.contains('.') ? left.split('.') : std::pair(StringRef(), left);
    std::string shown = "-D " + definition;
    std::vector<Setting *> meant;
    Suggestion suggestion(name);
    for (Layer *layer : program.models)
      for (Setting *setting : layer->settings)
        if (model.empty() || layer->name.text == model) {
          suggestion.consider(setting->name.text);
          if (setting->name.text == name)
            meant.push_back(setting);
        }
    named.insert(meant.begin(), meant.end());
    if (name.trim().empty() || right.trim().empty()) {
      diagnostics.error(Code::NN0810, {}, "`" + shown + "`: a definition is `-D name=value` or `-D Model.name=value`");
      continue;
    }
    // Messages about the value point into it.
    auto source = std::make_unique<SourceFile>("-D " + left.str(), right.str());
    source->order = static_cast<unsigned>(program.sources.size());
    Expr *value = parseSettingValue(*source, main, diagnostics);
    program.sources.push_back(std::move(source));
    if (!value)
      continue;
    for (Setting *setting : meant) {
      program.definitions[setting] = value;
      context = {};
      context.file = &main;
      context.scope = &fileScope(main);
      if (setting->isCallable)
        reference(*value, false);
      else
        expr(value);
    }
    if (meant.empty() && !main.incomplete)
      diagnostics
          .error(Code::NN0807, {},
                 "`" + shown + "`: " +
                     (model.empty() ? "no exported model has a setting" : "there is no exported model with a setting") +
                     " `" + left + "`")
          .hint(suggestion.question());
  }
  for (Layer *layer : program.models) {
    std::vector<Setting *> open;
    std::string list, flags;
    for (Setting *setting : layer->settings) {
      if (program.valueOf(*setting) || named.contains(setting))
        continue;
      open.push_back(setting);
      list += (list.empty() ? "`" : ", `") + setting->name.text.str() + "`";
      flags += " -D " + setting->name.text.str() + "=64";
    }
    if (!open.empty())
      diagnostics
          .error(Code::NN0806, open.front()->range,
                 "the exported model `" + layer->name.text + "` needs a value for the setting" +
                     (open.size() > 1 ? "s " : " ") + list)
          .hint("give a default, `" + open.front()->name.text + " = 64`, or a value for this build: `nnc" + flags +
                "`");
  }
}
