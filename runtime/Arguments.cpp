// What an entry checks before it writes anything.
#include "runtime/Context.h"
#include "runtime/Convert.h"

namespace nnrt {

static Text &start(Context &context, const nnrt_entry &entry) { return context.message << entry.name << ": "; }

static nn_status fail(Text &message, const nnrt_argument &argument, const char *problem) {
  message.name(argument.name) << problem;
  return NN_INVALID;
}

/// How many sizes stand after those of the arguments.
static int32_t moreSizes(const nnrt_entry &entry) {
  int32_t count = entry.state_size_count;
  for (int32_t i = 0; i < entry.argument_count; ++i)
    if (entry.arguments[i].kind == NNRT_GRAPH)
      count += 3;
  return count;
}

/// The number that {name} stands for in a message, or false.
static bool findValue(const Context &context, const nnrt_entry &entry, const char *name, size_t length,
                      const int64_t *where, int32_t known, int64_t &value) {
  auto is = [&](const char *word) { return strlen(word) == length && !memcmp(word, name, length); };
  if (known > 0 && is("position"))
    return value = where[0], true;
  if (known > 1 && is("value"))
    return value = where[1], true;
  for (int32_t i = 0; i < entry.dim_count; ++i)
    if (is(entry.arguments[i].name))
      return value = context.dims[i], true;
  for (int32_t i = 0, count = moreSizes(entry); i < count; ++i)
    if (is(entry.size_names[i]))
      return value = context.dims[entry.dim_count + i], true;
  return false;
}

void addMessage(Context &context, const nnrt_entry &entry, int32_t code, const int64_t *where, int32_t known) {
  Text &message = start(context, entry);
  bool filled = false;
  for (const char *at = entry.messages[code - 1]; *at;) {
    const char *open = strchr(at, '{'), *close = open ? strchr(open, '}') : nullptr;
    int64_t value;
    if (!close || !findValue(context, entry, open + 1, static_cast<size_t>(close - open - 1), where, known, value)) {
      size_t plain = open ? static_cast<size_t>(open - at) + 1 : strlen(at);
      message.add(at, plain);
      at += plain;
      continue;
    }
    message.add(at, static_cast<size_t>(open - at)) << value;
    at = close + 1;
    filled = true;
  }
  if (filled)
    return;
  if (known) {
    message << " (position " << where[0];
    if (known > 1)
      message << ", value " << where[1];
    message << ")";
    return;
  }
  for (int32_t i = 0; i < entry.dim_count; ++i)
    message << (i ? ", " : " (") << entry.arguments[i].name << " = " << context.dims[i]
            << (i + 1 == entry.dim_count ? ")" : "");
}

static nn_status readSizes(Context &context, const nnrt_entry &entry, void *const *arguments) {
  for (int32_t i = 0; i < entry.dim_count; ++i) {
    const nnrt_argument &argument = entry.arguments[i];
    if (!arguments[i])
      return fail(start(context, entry), argument, " is NULL");
    int64_t size;
    memcpy(&size, arguments[i], sizeof size);
    context.dims[i] = size;
    if (size >= 0 && size < kMostSize)
      continue;
    start(context, entry) << "size " << argument.name << " is " << size
                          << (size < 0 ? ", must be 0 or more" : ", must be below 2^47");
    return NN_INVALID;
  }
  return NN_OK;
}

static nn_status checkGraph(Context &context, const nnrt_entry &entry, const nnrt_argument &argument,
                            const void *pointer) {
  if (reinterpret_cast<uintptr_t>(pointer) % alignof(nn_graph))
    return fail(start(context, entry), argument, " is not a graph");
  auto *graph = static_cast<const nn_graph *>(pointer);
  if (graph->size == sizeof(nn_graph) && graph->version == NNRT_GRAPH_VERSION)
    return NN_OK;
  fail(start(context, entry), argument, " is not a graph, or was made by another version of this library");
  return NN_VERSION;
}

/// NULL and misaligned pointers.
static nn_status checkPointer(Context &context, const nnrt_entry &entry, const nnrt_argument &argument,
                              const void *pointer, int64_t bytes) {
  bool isGraph = argument.kind == NNRT_GRAPH;
  if (!pointer)
    return argument.optional || (!isGraph && !bytes) ? NN_OK : fail(start(context, entry), argument, " is NULL");
  if (isGraph)
    return checkGraph(context, entry, argument, pointer);
  int64_t element = elementBytes(static_cast<nn_type>(argument.type));
  if (bytes && reinterpret_cast<uintptr_t>(pointer) % static_cast<uintptr_t>(element)) {
    fail(start(context, entry), argument, " is not aligned, its address must be a multiple of ");
    context.message << element;
    return NN_INVALID;
  }
  if (reinterpret_cast<uintptr_t>(pointer) + static_cast<uintptr_t>(bytes) < reinterpret_cast<uintptr_t>(pointer))
    return fail(start(context, entry), argument, " does not lie in memory");
  return NN_OK;
}

/// The sizes that are no arguments: of graphs and of states.
static nn_status readMoreSizes(Context &context, const nnrt_entry &entry, void *const *arguments) {
  int64_t *next = context.dims + entry.dim_count;
  for (int32_t i = entry.dim_count; i < entry.argument_count; ++i) {
    const nnrt_argument &argument = entry.arguments[i];
    if (argument.kind != NNRT_GRAPH)
      continue;
    if (nn_status status = checkPointer(context, entry, argument, arguments[i], 0))
      return status;
    auto *graph = static_cast<const nn_graph *>(arguments[i]);
    *next++ = graph->sources;
    *next++ = graph->targets;
    *next++ = graph->edges;
  }
  for (int32_t i = 0; i < entry.state_size_count; ++i)
    *next++ = context.sizes[entry.state_sizes[i]];
  return NN_OK;
}

/// Outputs that share memory with anything else.
static nn_status checkOverlaps(Context &context, const nnrt_entry &entry, void *const *arguments) {
  for (int32_t i = entry.dim_count; i < entry.argument_count; ++i) {
    auto from = reinterpret_cast<uintptr_t>(arguments[i]), bytes = static_cast<uintptr_t>(context.bytes[i]);
    if (entry.arguments[i].kind != NNRT_OUTPUT || !from || !bytes)
      continue;
    for (int32_t j = entry.dim_count; j < entry.argument_count; ++j) {
      auto other = reinterpret_cast<uintptr_t>(arguments[j]), otherBytes = static_cast<uintptr_t>(context.bytes[j]);
      if (entry.arguments[j].kind == NNRT_GRAPH)
        otherBytes = sizeof(nn_graph);
      if (i == j || !other || from >= other + otherBytes || other >= from + bytes)
        continue;
      (start(context, entry) << "output ").name(entry.arguments[i].name) << " overlaps ";
      context.message.name(entry.arguments[j].name);
      return NN_INVALID;
    }
  }
  return NN_OK;
}

nn_status checkArguments(Context &context, const nnrt_entry &entry, void *const *arguments, int64_t &frameBytes,
                         int64_t &work) {
  if (!arguments && entry.argument_count) {
    start(context, entry) << "the vector of arguments is NULL";
    return NN_INVALID;
  }
  if (nn_status status = readSizes(context, entry, arguments))
    return status;
  if (nn_status status = readMoreSizes(context, entry, arguments))
    return status;
  if (int32_t code = entry.measure(context.dims, context.team.limit, context.bytes, &frameBytes, &work)) {
    addMessage(context, entry, code, nullptr, 0);
    return NN_INVALID;
  }
  for (int32_t i = entry.dim_count; i < entry.argument_count; ++i) {
    const nnrt_argument &argument = entry.arguments[i];
    if (argument.kind == NNRT_SCALAR)
      context.bytes[i] = elementBytes(static_cast<nn_type>(argument.type));
    if (nn_status status = checkPointer(context, entry, argument, arguments[i], context.bytes[i]))
      return status;
  }
  if (nn_status status = checkOverlaps(context, entry, arguments))
    return status;
  int64_t where[2] = {0, 0};
  int32_t code = entry.check ? entry.check(context.dims, arguments, where) : 0;
  if (code)
    addMessage(context, entry, code, where, 2);
  return code ? NN_INVALID : NN_OK;
}

} // namespace nnrt
