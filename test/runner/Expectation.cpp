#include "test/runner/Expectation.h"

#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>

void die(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fputs("runner: ", stderr);
  vfprintf(stderr, format, arguments);
  fputc('\n', stderr);
  va_end(arguments);
  exit(2);
}

size_t Tensor::count() const {
  size_t n = 1;
  for (int64_t d : shape)
    n *= size_t(d);
  return n;
}

namespace {
class Reader {
public:
  explicit Reader(const std::string &path) : path(path), file(path) {
    if (!file)
      die("%s: can not be read", path.c_str());
  }

  Expectation read() {
    while (std::getline(file, line)) {
      ++number;
      words.clear();
      words.str(line);
      std::string first;
      if (words >> first && first[0] != '#')
        statement(first);
    }
    if (result.model.empty())
      fail("there is no `model`");
    return std::move(result);
  }

private:
  void statement(const std::string &first) {
    if (first == "model") {
      result.model = word();
    } else if (first == "param") {
      std::string name = word();
      result.parameters[name] = kind();
    } else if (first == "case" || first == "then") {
      if (first == "then" && result.cases.empty())
        fail("follows no `case`");
      result.cases.emplace_back();
      current = nullptr;
      Case &c = result.cases.back();
      c.follows = first == "then";
      c.title = line.substr(line.find(first) + 5);
      c.working = word();
      c.entry = word();
      std::vector<int64_t> *sizes = &c.sizes;
      for (std::string size; words >> size;)
        if (size == "context")
          sizes = &c.contextSizes;
        else
          sizes->push_back(strtoll(size.c_str() + size.find('=') + 1, nullptr, 10));
    } else if (result.cases.empty()) {
      fail("stands before the first `case`");
    } else if (first == "in") {
      Tensor t = tensor();
      t.kind = kind();
      result.cases.back().inputs.push_back(t);
    } else if (first == "graph") {
      result.cases.back().inputs.push_back(graph());
    } else if (first == "fails") {
      result.cases.back().status = atoi(word().c_str());
      std::getline(words >> std::ws, result.cases.back().message);
    } else if (first == "out" || first == "after" || first == "averaged") {
      current = first == "out" ? &result.cases.back().outputs : &result.cases.back().after;
      current->push_back(output());
      current->back().averaged = first == "averaged";
    } else {
      sample(first);
    }
  }

  /// name sources targets edges kind
  Tensor graph() {
    Tensor t;
    t.name = word();
    t.type = NN_I64;
    t.shape = {0};
    Graph &g = t.graph.emplace();
    for (int64_t *size : {&g.sources, &g.targets, &g.edges})
      *size = strtoll(word().c_str(), nullptr, 10);
    t.kind = {word(), {}};
    if (t.kind.name != "random" && t.kind.name != "narrow" && t.kind.name != "members")
      fail("is no kind of graph");
    return t;
  }

  Tensor output() {
    Tensor t = tensor();
    if ((words >> std::ws).eof())
      return t;
    t.checked = true;
    if (line.find("unchecked") != std::string::npos) {
      t.arbitrary = true;
      return t;
    }
    if (!isFloat(t.type)) {
      for (uint64_t &sum : t.integerSum)
        sum = strtoull(word().c_str(), nullptr, 10);
      return t;
    }
    t.nans = strtoull(word().c_str(), nullptr, 10);
    t.positive = strtoull(word().c_str(), nullptr, 10);
    t.negative = strtoull(word().c_str(), nullptr, 10);
    if (word() != "sums")
      fail("`sums` is missing");
    for (int i = 0; i < 2; ++i) {
      t.sum[i] = real();
      t.tolerance[i] = real();
    }
    return t;
  }

  void sample(const std::string &index) {
    if (!current || current->empty() || index.find_first_not_of("0123456789") != std::string::npos)
      fail("is no statement");
    Sample s{strtoull(index.c_str(), nullptr, 10), word(), 0};
    if (isFloat(current->back().type))
      s.tolerance = real();
    if (s.index >= current->back().count())
      fail("the index lies outside the tensor");
    current->back().samples.push_back(s);
  }

  /// name type [2,3]
  Tensor tensor() {
    Tensor t;
    t.name = word();
    if (auto type = typeByName(word()))
      t.type = *type;
    else
      fail("is no element type");
    std::string shape = word();
    std::istringstream sizes(shape.substr(1, shape.size() - 2));
    for (std::string size; std::getline(sizes, size, ',');)
      t.shape.push_back(strtoll(size.c_str(), nullptr, 10));
    return t;
  }

  Kind kind() {
    static const std::map<std::string, int> arity = {{"uniform", 2}, {"grid", 2},   {"int", 2},
                                                     {"count", 0},   {"absent", 0}, {"values", -1}};
    Kind k{word(), {}};
    for (std::string number; words >> number;)
      k.numbers.push_back(strtod(number.c_str(), nullptr));
    auto known = arity.find(k.name);
    if (known == arity.end() || (known->second < 0 ? k.numbers.empty() : k.numbers.size() != size_t(known->second)))
      fail("is no kind of values");
    return k;
  }

  std::string word() {
    std::string w;
    if (!(words >> w))
      fail("the line ends too early");
    return w;
  }
  double real() { return strtod(word().c_str(), nullptr); }
  [[noreturn]] void fail(const char *what) { die("%s:%d: %s: %s", path.c_str(), number, what, line.c_str()); }

  std::string path, line;
  std::ifstream file;
  std::istringstream words;
  int number = 0;
  std::vector<Tensor> *current = nullptr; ///< what samples belong to the last one of
  Expectation result;
};
} // namespace

Expectation readExpectation(const std::string &path) { return Reader(path).read(); }

void fill(void *memory, const Tensor &t) {
  uint64_t key = keyOf(t.name);
  for (size_t i = 0; i < t.count(); ++i)
    store(memory, t.type, i, element(t.kind, key, i));
}

void edges(const Tensor &t, std::vector<int64_t> &source, std::vector<int64_t> &target) {
  const Graph &g = *t.graph;
  for (int64_t e = 0; e < g.edges; ++e) {
    Edge ends = edge(t.kind.name, t.name, g.sources, g.targets, g.edges, e);
    source.push_back(ends.source);
    target.push_back(ends.target);
  }
}

Tensor parameterTensor(const Expectation &expectation, const nn_parameter_info &info) {
  auto kind = expectation.parameters.find(info.path);
  if (kind == expectation.parameters.end())
    die("the model has a parameter %s that the values say nothing about", info.path);
  Tensor t;
  t.name = info.path;
  t.type = info.type;
  t.shape.assign(info.shape, info.shape + info.rank);
  t.kind = kind->second;
  return t;
}
