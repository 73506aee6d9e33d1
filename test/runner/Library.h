// A compiled model, reached through its C functions alone, by name: as any program that has no header would.
#ifndef NNC_TEST_RUNNER_LIBRARY_H
#define NNC_TEST_RUNNER_LIBRARY_H

#include "runtime/include/nnc.h"

#include <string>
#include <vector>

class Library {
public:
  /// Opens the library and creates the model; ends the program with a message if that fails.
  Library(const std::string &path, const std::string &model);
  ~Library();

  int64_t parameterCount() const { return count(model); }
  nn_parameter_info parameter(int64_t index) const;
  void set(const nn_parameter_info &info, const void *data);
  void get(const char *path, nn_type type, const std::vector<int64_t> &shape, void *data) const;
  void useAverage(bool on);
  /// Another model, as after creation; it has no context yet.
  void renewModel();

  /// Another context, for these sizes of states.
  void renew(const std::vector<int64_t> &sizes);
  /// Lives as long as the library.
  nn_graph *graph(int64_t sources, int64_t targets, const std::vector<int64_t> &source,
                  const std::vector<int64_t> &target);

  void setThreads(int32_t threads);
  nn_status call(const char *entry, void *const *arguments) { return invoke(context, entry, arguments); }
  const char *message() const { return contextError(context); }

private:
  template <typename F> void find(F &function, const char *name);

  std::vector<nn_graph *> graphs;
  std::string prefix;
  void *library, *model = nullptr, *context = nullptr;
  nn_status (*create)(void **, uint64_t);
  void (*destroy)(void *);
  nn_status (*assign)(void *, const char *, const void *, nn_type, const int64_t *, int32_t);
  nn_status (*read)(const void *, const char *, void *, nn_type, const int64_t *, int32_t);
  int64_t (*count)(const void *);
  nn_status (*info)(void *, int64_t, nn_parameter_info *);
  const char *(*error)(const void *);
  nn_status (*contextCreate)(void **, void *, int64_t, int64_t, int64_t, uint64_t);
  void (*contextDestroy)(void *);
  nn_status (*threads)(void *, int32_t);
  const char *(*contextError)(const void *);
  nn_status (*invoke)(void *, const char *, void *const *);
};

#endif // NNC_TEST_RUNNER_LIBRARY_H
