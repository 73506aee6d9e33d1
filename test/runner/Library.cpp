#include "test/runner/Library.h"

#include "test/runner/Expectation.h"

#include <dlfcn.h>

template <typename F> void Library::find(F &function, const char *name) {
  std::string symbol = prefix + name;
  function = reinterpret_cast<F>(dlsym(library, symbol.c_str()));
  if (!function)
    die("the library has no function %s", symbol.c_str());
}

Library::Library(const std::string &path, const std::string &name) : prefix(name + "_") {
  library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library)
    die("%s", dlerror());
  find(create, "create");
  find(destroy, "destroy");
  find(assign, "set");
  find(read, "get");
  find(count, "parameter_count");
  find(info, "parameter_info");
  find(error, "error");
  find(contextCreate, "context_create");
  find(contextDestroy, "context_destroy");
  find(threads, "context_set_threads");
  find(contextError, "context_error");
  find(invoke, "call");
  if (nn_status status = create(&model, 1))
    die("%screate: status %d", prefix.c_str(), status);
}

Library::~Library() {
  if (auto destroyGraph = reinterpret_cast<decltype(&nn_graph_destroy)>(dlsym(library, "nn_graph_destroy")))
    for (nn_graph *graph : graphs)
      destroyGraph(graph);
  contextDestroy(context);
  destroy(model);
  dlclose(library);
}

nn_parameter_info Library::parameter(int64_t index) const {
  nn_parameter_info result;
  if (nn_status status = info(model, index, &result))
    die("%sparameter_info(%ld): status %d", prefix.c_str(), long(index), status);
  return result;
}

void Library::set(const nn_parameter_info &p, const void *data) {
  if (nn_status status = assign(model, p.path, data, p.type, p.shape, p.rank))
    die("%sset(%s): status %d: %s", prefix.c_str(), p.path, status, error(model));
}

void Library::get(const char *path, nn_type type, const std::vector<int64_t> &shape, void *data) const {
  if (nn_status status = read(model, path, data, type, shape.data(), int32_t(shape.size())))
    die("%sget(%s): status %d: %s", prefix.c_str(), path, status, error(model));
}

/// Only models that train with `average` have this function.
void Library::useAverage(bool on) {
  nn_status (*use)(void *, int32_t);
  find(use, "use_average");
  if (nn_status status = use(model, on))
    die("%suse_average(%d): status %d: %s", prefix.c_str(), int(on), status, error(model));
}

void Library::renewModel() {
  contextDestroy(context);
  context = nullptr;
  destroy(model);
  if (nn_status status = create(&model, 1))
    die("%screate: status %d", prefix.c_str(), status);
}

/// A model whose states have fewer sizes finds its seed, 1, among the last arguments.
void Library::renew(const std::vector<int64_t> &sizes) {
  contextDestroy(context);
  if (sizes.size() > 3)
    die("more than three sizes of states");
  auto size = [&](size_t i) { return i < sizes.size() ? sizes[i] : 1; };
  if (nn_status status = contextCreate(&context, model, size(0), size(1), size(2), 1))
    die("%scontext_create: status %d: %s", prefix.c_str(), status, error(model));
}

nn_graph *Library::graph(int64_t sources, int64_t targets, const std::vector<int64_t> &source,
                         const std::vector<int64_t> &target) {
  auto make = reinterpret_cast<decltype(&nn_graph_create)>(dlsym(library, "nn_graph_create"));
  nn_graph *made = nullptr;
  nn_status status =
      make ? make(&made, sources, targets, int64_t(source.size()), source.data(), target.data()) : NN_INVALID;
  if (status)
    die("nn_graph_create: status %d", status);
  graphs.push_back(made);
  return made;
}

void Library::setThreads(int32_t number) {
  if (nn_status status = threads(context, number))
    die("%scontext_set_threads(%d): status %d", prefix.c_str(), number, status);
}
