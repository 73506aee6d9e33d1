// runner LIBRARY.so VALUES.expect [--float=f32|f64|bf16|f16] [--differences=PAIRINGS]
//
// Calls the entries of a compiled model and compares what they write with expected values. Each case is called six
// times, twice with one, two and three threads, with inputs and outputs at places that are aligned and not: every call
// must write the same bits, all of the output, nothing beside it, and leave its inputs alone. With pairings the
// derivatives among them are compared with central differences as well.
#include "test/runner/Differences.h"
#include "test/runner/Expectation.h"
#include "test/runner/Library.h"

#include <algorithm>
#include <cmath>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

namespace {

constexpr size_t guard = 256;
constexpr unsigned char guardByte = 0xa5, poison = 0xff;

/// Memory of a tensor between two guards. A shifted one is aligned for its element type and no better.
class Place {
public:
  Place(const Tensor &t, bool shifted) : bytes(t.bytes()) {
    size_t whole = (bytes + 2 * guard + 2 * 64) / 64 * 64;
    block.reset((unsigned char *)aligned_alloc(64, whole));
    if (!block)
      die("not enough memory for %s", t.name.c_str());
    size = whole;
    start = guard + (shifted ? byteSize(t.type) : 0);
    memset(block.get(), guardByte, size);
    memset(data(), poison, bytes);
  }
  unsigned char *data() const { return block.get() + start; }
  bool intact() const {
    for (size_t i = 0; i < size; ++i)
      if ((i < start || i >= start + bytes) && block.get()[i] != guardByte)
        return false;
    return true;
  }

private:
  struct Free {
    void operator()(void *p) const { free(p); }
  };
  std::unique_ptr<unsigned char, Free> block;
  size_t bytes, size, start;
};

std::string position(const Tensor &t, size_t index) {
  std::string text;
  for (size_t axis = t.shape.size(); axis-- > 0; index /= size_t(t.shape[axis]))
    text = std::to_string(index % size_t(t.shape[axis])) + (text.empty() ? "" : ", ") + text;
  return t.name + "[" + text + "]";
}

class Check {
public:
  Check(Library &library, const Case &c) : library(library), c(c) {
    for (const Tensor &t : c.inputs)
      graphs.push_back(t.graph ? makeGraph(t) : nullptr);
  }

  /// What was wrong is printed; `isGood` knows.
  void compareAll() {
    if (good && writes())
      for (size_t i = 0; i < c.outputs.size(); ++i)
        compare(c.outputs[i], first[i].data());
    for (size_t i = 0; good && i < c.after.size(); ++i)
      compare(c.after[i], first[c.outputs.size() + i].data());
  }
  bool isGood() const { return good; }

  void call(int32_t threads, bool shifted) {
    std::vector<int64_t> sizes = c.sizes;
    std::vector<Place> inputs, outputs;
    std::vector<void *> arguments;
    for (int64_t &size : sizes)
      arguments.push_back(&size);
    for (const Tensor &t : c.inputs) {
      fill(inputs.emplace_back(t, shifted).data(), t);
      void *graph = graphs[inputs.size() - 1];
      arguments.push_back(graph ? graph : t.kind.name == "absent" ? nullptr : inputs.back().data());
    }
    for (const Tensor &t : c.outputs)
      arguments.push_back(outputs.emplace_back(t, shifted).data());

    nn_status status = library.call(c.entry.c_str(), arguments.data());
    std::string message = status ? library.message() : "";
    if (status != c.status)
      return fail("%d threads: status %d instead of %d: %s", threads, status, c.status, message.c_str());
    if (message.find(c.message) == std::string::npos)
      return fail("the message is \"%s\", without \"%s\"", message.c_str(), c.message.c_str());

    for (size_t i = 0; i < inputs.size(); ++i) {
      std::vector<unsigned char> original(c.inputs[i].bytes());
      fill(original.data(), c.inputs[i]);
      if (!inputs[i].intact() || memcmp(original.data(), inputs[i].data(), original.size()) != 0)
        fail("%d threads: input %s was changed", threads, c.inputs[i].name.c_str());
    }
    for (size_t i = 0; i < outputs.size(); ++i)
      examine(threads, shifted, i, outputs[i]);
    for (const Tensor &t : c.after) {
      std::vector<unsigned char> bytes(t.bytes());
      if (t.averaged)
        library.useAverage(true);
      library.get(t.name.c_str(), t.type, t.shape, bytes.data());
      if (t.averaged)
        library.useAverage(false);
      sameBits(threads, shifted, size_t(&t - c.after.data()) + outputs.size(), t, std::move(bytes));
    }
  }

private:
  /// A step whose loss is not finite fails and writes it.
  bool writes() const { return c.status == NN_OK || c.status == NN_NUMERIC; }

  nn_graph *makeGraph(const Tensor &t) {
    std::vector<int64_t> source, target;
    edges(t, source, target);
    return library.graph(t.graph->sources, t.graph->targets, source, target);
  }

  /// The output of one call against guards, poison and the first call.
  void examine(int32_t threads, bool shifted, size_t i, const Place &place) {
    const Tensor &t = c.outputs[i];
    if (!place.intact())
      fail("%d threads: wrote outside of %s", threads, t.name.c_str());
    std::vector<unsigned char> bytes(place.data(), place.data() + t.bytes());
    if (!writes()) {
      for (unsigned char b : bytes)
        if (b != poison)
          return fail("%d threads: the call failed and yet wrote to %s", threads, t.name.c_str());
      return;
    }
    sameBits(threads, shifted, i, t, std::move(bytes));
  }

  /// Result `i` of the first call, or compared with that.
  void sameBits(int32_t threads, bool shifted, size_t i, const Tensor &t, std::vector<unsigned char> bytes) {
    if (first.size() <= i) {
      first.resize(i + 1);
      first[i] = std::move(bytes);
      return;
    }
    for (size_t e = 0; e < t.count(); ++e) {
      size_t at = e * byteSize(t.type);
      if (memcmp(&bytes[at], &first[i][at], byteSize(t.type)) != 0)
        return fail("%s has other bits with %d threads%s: %.17g instead of %.17g", position(t, e).c_str(), threads,
                    shifted ? ", unaligned" : "", load(bytes.data(), t.type, e), load(first[i].data(), t.type, e));
    }
  }

  void compare(const Tensor &t, const void *data) {
    if (!t.checked)
      die("%s: %s has no expected values", c.title.c_str(), t.name.c_str());
    if (t.arbitrary)
      return;
    for (const Sample &s : t.samples) {
      if (!isFloat(t.type)) {
        uint64_t got = loadInteger(data, t.type, s.index);
        if (got != uint64_t(strtoll(s.text.c_str(), nullptr, 10)))
          fail("%s is %lld, expected %s", position(t, s.index).c_str(), (long long)got, s.text.c_str());
        continue;
      }
      double got = load(data, t.type, s.index), expected = strtod(s.text.c_str(), nullptr);
      bool same = std::isfinite(expected) ? std::fabs(got - expected) <= s.tolerance
                                          : got == expected || (std::isnan(got) && std::isnan(expected));
      if (!same)
        fail("%s is %.9g, expected %s +- %.3g", position(t, s.index).c_str(), got, s.text.c_str(), s.tolerance);
    }
    if (isFloat(t.type))
      compareSums(t, data);
    else
      compareIntegerSums(t, data);
  }

  void compareSums(const Tensor &t, const void *data) {
    size_t nans = 0, positive = 0, negative = 0;
    long double sum[2] = {0, 0};
    const uint64_t keys[2] = {keyOf("first"), keyOf("second")};
    for (size_t i = 0; i < t.count(); ++i) {
      double value = load(data, t.type, i);
      nans += std::isnan(value);
      positive += std::isinf(value) && value > 0;
      negative += std::isinf(value) && value < 0;
      if (std::isfinite(value))
        for (int k = 0; k < 2; ++k)
          sum[k] += (long double)(2 * unit(keys[k], i) - 1) * value;
    }
    if (nans != t.nans || positive != t.positive || negative != t.negative)
      fail("%s has %zu NaN, %zu inf, %zu -inf; expected %zu, %zu, %zu", t.name.c_str(), nans, positive, negative,
           t.nans, t.positive, t.negative);
    for (int k = 0; k < 2; ++k)
      if (!(std::fabs(double(sum[k] - (long double)t.sum[k])) <= t.tolerance[k]))
        fail("weighted sum %d of %s is %.12Lg, expected %.12g +- %.3g", k + 1, t.name.c_str(), sum[k], t.sum[k],
             t.tolerance[k]);
  }

  void compareIntegerSums(const Tensor &t, const void *data) {
    uint64_t sum[2] = {0, 0};
    const uint64_t keys[2] = {keyOf("first"), keyOf("second")};
    for (size_t i = 0; i < t.count(); ++i)
      for (int k = 0; k < 2; ++k)
        sum[k] += bits(keys[k], i) * loadInteger(data, t.type, i);
    for (int k = 0; k < 2; ++k)
      if (sum[k] != t.integerSum[k])
        return fail("%s has a wrong element: weighted sum %d differs", t.name.c_str(), k + 1);
  }

  __attribute__((format(printf, 2, 3))) void fail(const char *format, ...) {
    if (good)
      printf("FAIL %s\n", c.title.c_str());
    good = false;
    if (++told > 6)
      return;
    va_list arguments;
    va_start(arguments, format);
    printf("     ");
    vprintf(format, arguments);
    printf("\n");
    va_end(arguments);
  }

  Library &library;
  const Case &c;
  std::vector<void *> graphs; ///< one for each input, NULL for tensors
  std::vector<std::vector<unsigned char>> first;
  bool good = true;
  int told = 0;
};

void setParameters(Library &library, const Expectation &expectation) {
  size_t known = 0;
  for (int64_t i = 0; i < library.parameterCount(); ++i) {
    nn_parameter_info info = library.parameter(i);
    Tensor t = parameterTensor(expectation, info);
    std::vector<unsigned char> data(t.bytes());
    fill(data.data(), t);
    library.set(info, data.data());
    ++known;
  }
  if (known != expectation.parameters.size())
    die("the model has %zu parameters, the values name %zu", known, expectation.parameters.size());
}

/// A case and those that follow it, on one context; returns how many went wrong.
int check(Library &library, const Expectation &expectation, size_t begin, size_t end) {
  const std::vector<Case> &cases = expectation.cases;
  std::vector<Check> checks;
  for (size_t i = begin; i < end; ++i)
    checks.emplace_back(library, cases[i]);
  auto allGood = [&] { return std::all_of(checks.begin(), checks.end(), [](const Check &c) { return c.isGood(); }); };
  bool renewed = false;
  bool changes = std::any_of(&cases[begin], &cases[end - 1] + 1, [](const Case &c) { return !c.after.empty(); });
  for (int32_t threads = 1; threads <= 3 && allGood(); ++threads)
    for (bool shifted : {false, true}) {
      if (changes) {
        library.renewModel();
        setParameters(library, expectation);
      }
      if (changes || !renewed || end - begin > 1 || !cases[begin].contextSizes.empty())
        library.renew(cases[begin].contextSizes);
      renewed = true;
      library.setThreads(threads);
      for (Check &c : checks)
        c.call(threads, shifted);
    }
  if (changes) { // whoever comes next finds what the file says
    library.renewModel();
    setParameters(library, expectation);
  }
  for (Check &c : checks)
    c.compareAll();
  return int(std::count_if(checks.begin(), checks.end(), [](const Check &c) { return !c.isGood(); }));
}

/// Returns how many cases of entries with a pairing went wrong; a pairing without any difference is one as well. The
/// cases are those of f32, which are more than those of f64: only their inputs matter.
int differences(Library &library, const Expectation &expectation, const std::vector<Pairing> &pairings) {
  int failed = 0, compared = 0;
  for (const Pairing &p : pairings) {
    int known = 0;
    library.renew({});
    library.setThreads(1);
    for (const Case &c : expectation.cases) {
      if (c.working != "f32" || c.entry != p.entry || c.status != NN_OK || c.follows)
        continue;
      int found = compareDifferences(library, expectation, c, p);
      failed += found < 0;
      known += std::abs(found);
    }
    if (!known) {
      printf("FAIL %s: no case has differences\n", p.entry.c_str());
      ++failed;
    }
    compared += known;
    if (p.step) {
      library.renewModel();
      setParameters(library, expectation);
    }
  }
  printf("%d differences of %zu entries\n", compared, pairings.size());
  return failed;
}

} // namespace

int main(int argc, char **argv) {
  std::string working = "f32";
  std::vector<Pairing> pairings;
  std::vector<std::string> files;
  for (int i = 1; i < argc; ++i) {
    std::string argument = argv[i];
    if (argument.rfind("--float=", 0) == 0)
      working = argument.substr(8);
    else if (argument.rfind("--differences=", 0) == 0)
      pairings = readPairings(argument.substr(14));
    else
      files.push_back(argument);
  }
  if (files.size() != 2)
    die("usage: runner LIBRARY.so VALUES.expect [--float=f32|f64|bf16|f16] [--differences=PAIRINGS]");
  // Small tensors are what tests are made of: they, too, shall be shared out among threads.
  setenv("NNC_WORK_PER_THREAD", "0", 1);
  Expectation expectation = readExpectation(files[1]);
  Library library(files[0].find('/') == std::string::npos ? "./" + files[0] : files[0], expectation.model);
  setParameters(library, expectation);
  int cases = 0, failed = 0;
  for (size_t i = 0, end; i < expectation.cases.size(); i = end) {
    for (end = i + 1; end < expectation.cases.size() && expectation.cases[end].follows;)
      ++end;
    if (expectation.cases[i].working != working)
      continue;
    cases += int(end - i);
    failed += check(library, expectation, i, end);
  }
  if (!cases)
    die("%s has no case for %s", files[1].c_str(), working.c_str());
  printf("%d cases, %d failed\n", cases, failed);
  if (!pairings.empty())
    failed += differences(library, expectation, pairings);
  return failed ? 1 : 0;
}
