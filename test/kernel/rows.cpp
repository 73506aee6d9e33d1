// nn.rows against loops in f64, over lengths around every width of vector, layouts, types and sizes of team.
//
//   rows [--cpu=NAME]
#include "test/kernel/Jit.h"

#include <cmath>
#include <cstdio>
#include <cstring>
#include <functional>
#include <limits>
#include <random>

namespace {
using nnc::test::Jit;
int failures = 0, checks = 0;

void expect(bool good, const std::string &what) {
  ++checks;
  if (!good && ++failures <= 20)
    std::printf("FAIL %s\n", what.c_str());
}

const int64_t lengths[] = {0, 1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 33, 63, 64, 65, 100, 129, 300, 1023, 4097};
constexpr int64_t kRows = 5;

/// How rows lie in memory: strides of the parallel axis and of the row, for a matrix of R rows of N.
struct Layout {
  const char *name, *parallel, *row;
  int64_t across(int64_t n) const {
    return std::strcmp(name, "columns") ? std::strcmp(name, "every third") ? n : 3 * n : 1;
  }
  int64_t along() const { return std::strcmp(name, "columns") ? std::strcmp(name, "every third") ? 1 : 3 : kRows; }
};

/// A function with one nn.rows: `inputs` and `outputs` name types of element; upper-case names are rows, the others one
/// value per row.
std::string kernel(const std::string &name, const std::string &n, const Layout &layout, const std::string &arguments,
                   const std::string &results, const std::string &body) {
  bool fixed = n != "N";
  auto types = [&](const std::string &list, bool outside) {
    std::vector<std::string> all;
    for (size_t i = 0; i < list.size();) {
      size_t end = list.find(' ', i);
      std::string word = list.substr(i, end - i);
      bool row = word[0] == '*', weight = word[0] == '+';
      std::string element = row || weight ? word.substr(1) : word;
      if (!outside)
        all.push_back(row || weight
                          ? "tensor<" + (fixed ? n + "x" + element : "?x" + element + ", #nn.shape<[N]>") + ">"
                          : "tensor<" + element + ">");
      else if (row)
        all.push_back("!nn.ref<[R, " + n + "] of " + element + ", [" + layout.parallel + ", " + layout.row + "]>");
      else if (weight) // the same for all rows
        all.push_back("!nn.ref<[R, " + n + "] of " + element + ", [0, 1]>");
      else
        all.push_back("!nn.ref<[R] of " + element + ">");
      i = end == std::string::npos ? list.size() : end + 1;
    }
    return all;
  };
  auto join = [](const std::vector<std::string> &v) {
    std::string s;
    for (auto &x : v)
      s += (s.empty() ? "" : ", ") + x;
    return s;
  };
  std::vector<std::string> in = types(arguments, true), out = types(results, true);
  std::string head, inNames, outNames, inside;
  for (size_t i = 0; i < in.size(); ++i) {
    head += ", %i" + std::to_string(i) + ": " + in[i];
    inNames += (i ? ", %i" : "%i") + std::to_string(i);
    inside += (i ? ", %x" : "%x") + std::to_string(i) + ": " + types(arguments, false)[i];
  }
  for (size_t i = 0; i < out.size(); ++i) {
    head += ", %o" + std::to_string(i) + ": " + out[i];
    outNames += (i ? ", %o" : "%o") + std::to_string(i);
  }
  std::string text = "func.func @" + name + "(%team: !llvm.ptr, %tid: i32, %R: i64" + (fixed ? "" : ", %N: i64") +
                     head + ", %frame: !llvm.ptr) attributes {nn.dims = [\"R\"" + (fixed ? "" : ", \"N\"") +
                     "]} {\n  nn.rows (" + inNames + " : " + join(in) + ") into (" + outNames + " : " + join(out) +
                     ") {\n  ^bb0(" + inside + "):\n" + body +
                     "  } {row_rank = 1 : i64, parallel = #nn.shape<[R]>, row = #nn.shape<[" + n + "]>}\n  return\n}\n";
  std::string row = fixed ? n + "x" : "?x", tail = fixed ? ">" : ", #nn.shape<[N]>>"; // $f32: a row of f32
  for (const char *element : {"f32", "f64", "bf16", "f16", "i64", "i32", "i8", "i1"})
    for (size_t at; (at = text.find(std::string("$") + element)) != std::string::npos;)
      text.replace(at, std::strlen(element) + 1, "tensor<" + row + element + tail);
  return text;
}

const char *softmaxBody = R"(
    %m = nn.max %x0 {axes = array<i64>} : ($f32) -> tensor<f32>
    %mb = nn.broadcast %m {axes = array<i64>} : (tensor<f32>) -> $f32
    %d = nn.sub %x0, %mb : ($f32, $f32) -> $f32
    %e = nn.exp %d : ($f32) -> $f32
    %t = nn.sum %e {axes = array<i64>} : ($f32) -> tensor<f32>
    %tb = nn.broadcast %t {axes = array<i64>} : (tensor<f32>) -> $f32
    %r = nn.divide %e, %tb : ($f32, $f32) -> $f32
    nn.yield %r, %t : $f32, tensor<f32>
)";
// The residual h = x + y is a result as well; weights are the same for all rows.
const char *normBody = R"(
    %h = nn.add %x0, %x1 : ($f32, $f32) -> $f32
    %s = nn.sum %h {axes = array<i64>} : ($f32) -> tensor<f32>
    %n = nn.size <$N> -> tensor<f32>
    %m = nn.divide %s, %n : (tensor<f32>, tensor<f32>) -> tensor<f32>
    %mb = nn.broadcast %m {axes = array<i64>} : (tensor<f32>) -> $f32
    %d = nn.sub %h, %mb : ($f32, $f32) -> $f32
    %q = nn.mul %d, %d : ($f32, $f32) -> $f32
    %v = nn.sum %q {axes = array<i64>} : ($f32) -> tensor<f32>
    %vn = nn.divide %v, %n : (tensor<f32>, tensor<f32>) -> tensor<f32>
    %eps = nn.constant 1.0e-5 : f32 -> tensor<f32>
    %ve = nn.add %vn, %eps : (tensor<f32>, tensor<f32>) -> tensor<f32>
    %r = nn.rsqrt %ve : (tensor<f32>) -> tensor<f32>
    %rb = nn.broadcast %r {axes = array<i64>} : (tensor<f32>) -> $f32
    %u = nn.mul %d, %rb : ($f32, $f32) -> $f32
    %w = nn.mul %u, %x2 : ($f32, $f32) -> $f32
    nn.yield %h, %w : $f32, $f32
)";
const char *searchBody = R"(
    %a = nn.argmax %x0 {axis = 0 : i64} : ($f32) -> tensor<i64>
    %b = nn.argmin %x0 {axis = 0 : i64} : ($f32) -> tensor<i64>
    %c = nn.max %x0 {axes = array<i64>} : ($f32) -> tensor<f32>
    %d = nn.min %x0 {axes = array<i64>} : ($f32) -> tensor<f32>
    %s = nn.cumsum %x0 {axis = 0 : i64} : ($f32) -> $f32
    nn.yield %a, %b, %c, %d, %s : tensor<i64>, tensor<i64>, tensor<f32>, tensor<f32>, $f32
)";
// i32 is summed in i64, bool counted, bf16 summed in f32.
const char *typesBody = R"(
    %a = nn.sum %x0 {axes = array<i64>} : ($i32) -> tensor<i64>
    %b = nn.sum %x1 {axes = array<i64>} : ($i1) -> tensor<i64>
    %c = nn.any %x1 {axes = array<i64>} : ($i1) -> tensor<i1>
    %d = nn.all %x1 {axes = array<i64>} : ($i1) -> tensor<i1>
    %e = nn.sum %x2 {axes = array<i64>} : ($bf16) -> tensor<bf16>
    %f = nn.max %x0 {axes = array<i64>} : ($i32) -> tensor<i32>
    nn.yield %a, %b, %c, %d, %e, %f : tensor<i64>, tensor<i64>, tensor<i1>, tensor<i1>, tensor<bf16>, tensor<i32>
)";

float ulps(double got, double want, double scale) {
  return std::abs(got - want) / std::max(1e-30, std::abs(scale) * 0x1p-23);
}
float fromBF16(uint16_t b) {
  uint32_t bits = uint32_t(b) << 16;
  float f;
  std::memcpy(&f, &bits, 4);
  return f;
}

struct Matrix {
  Layout layout;
  int64_t n;
  size_t at(int64_t r, int64_t i) const { return r * layout.across(n) + i * layout.along(); }
  size_t size() const { return 3 * n * kRows + 64; }
};

/// Runs with teams of 1 to 3 and 7 and wants the same bits.
void runTeams(const Jit &jit, const std::string &name, std::vector<int64_t> sizes, std::vector<void *> places,
              std::vector<std::pair<void *, size_t>> outputs) {
  std::vector<std::vector<char>> first;
  for (int team : {1, 2, 3, 7}) {
    jit.call(name, team, sizes, places);
    for (size_t k = 0; k < outputs.size(); ++k) {
      std::vector<char> now((char *)outputs[k].first, (char *)outputs[k].first + outputs[k].second);
      if (team == 1)
        first.push_back(now);
      else
        expect(now == first[k], name + ": team of " + std::to_string(team) + ", output " + std::to_string(k));
      if (team != 7)
        std::memset(outputs[k].first, 0x5a, outputs[k].second);
    }
  }
}

void checkSoftmax(const Jit &jit, const std::string &name, Matrix m, std::vector<int64_t> sizes, std::mt19937 &random) {
  std::vector<float> x(m.size()), y(m.size(), 9), t(kRows);
  std::normal_distribution<float> normal(0, 4);
  for (float &v : x)
    v = normal(random);
  runTeams(jit, name, sizes, {x.data(), y.data(), t.data()}, {{t.data(), kRows * 4}});
  for (int64_t r = 0; r < kRows; ++r) {
    double high = -1e300, sum = 0;
    for (int64_t i = 0; i < m.n; ++i)
      high = std::max<double>(high, x[m.at(r, i)]);
    for (int64_t i = 0; i < m.n; ++i)
      sum += std::exp(x[m.at(r, i)] - high);
    expect(ulps(t[r], sum, sum) < 8, name + ": sum");
    for (int64_t i = 0; i < m.n; ++i) {
      double want = std::exp(x[m.at(r, i)] - high) / sum;
      expect(ulps(y[m.at(r, i)], want, want) < 24, name + ": element " + std::to_string(i));
    }
  }
}

void checkNorm(const Jit &jit, const std::string &name, Matrix m, std::vector<int64_t> sizes, std::mt19937 &random) {
  std::vector<float> x(m.size()), y(m.size()), w(m.size()), h(m.size()), u(m.size());
  std::normal_distribution<float> normal(1, 2);
  for (auto *v : {&x, &y, &w})
    for (float &f : *v)
      f = normal(random);
  runTeams(jit, name, sizes, {x.data(), y.data(), w.data(), h.data(), u.data()}, {});
  for (int64_t r = 0; r < kRows; ++r) {
    double mean = 0, var = 0;
    for (int64_t i = 0; i < m.n; ++i)
      mean += double(x[m.at(r, i)] + y[m.at(r, i)]) / m.n;
    for (int64_t i = 0; i < m.n; ++i)
      var += std::pow(double(x[m.at(r, i)] + y[m.at(r, i)]) - mean, 2) / m.n;
    for (int64_t i = 0; i < m.n; ++i) {
      double sum = x[m.at(r, i)] + y[m.at(r, i)], want = (sum - mean) / std::sqrt(var + 1e-5) * w[i];
      expect(h[m.at(r, i)] == float(sum), name + ": residual");
      if (m.n > 1)
        expect(std::abs(u[m.at(r, i)] - want) < 2e-5 * (1 + std::abs(want)), name + ": element " + std::to_string(i));
    }
  }
}

void checkSearch(const Jit &jit, const std::string &name, Matrix m, std::vector<int64_t> sizes, std::mt19937 &random) {
  if (m.n == 0)
    return;
  std::vector<float> x(m.size()), c(kRows), d(kRows), s(m.size());
  std::vector<int64_t> a(kRows), b(kRows);
  for (float &v : x)
    v = int(random() % 40) - 20; // many equals
  float inf = std::numeric_limits<float>::infinity(), nan = std::nanf("");
  for (int64_t i = 0; i < m.n; ++i)
    x[m.at(1, i)] = -inf, x[m.at(2, i)] = inf;
  if (m.n > 2)
    x[m.at(3, m.n - 2)] = nan, x[m.at(3, m.n / 2)] = nan;
  runTeams(jit, name, sizes, {x.data(), a.data(), b.data(), c.data(), d.data(), s.data()},
           {{a.data(), kRows * 8}, {c.data(), kRows * 4}});
  for (int64_t r = 0; r < kRows; ++r) {
    int64_t high = 0, low = 0;
    float sum = 0;
    for (int64_t i = 0; i < m.n; ++i) {
      float v = x[m.at(r, i)], h = x[m.at(r, high)], l = x[m.at(r, low)];
      if (v > h || (std::isnan(v) && !std::isnan(h)))
        high = i;
      if (v < l || (std::isnan(v) && !std::isnan(l)))
        low = i;
      sum += v;
      float got = s[m.at(r, i)];
      expect(got == sum || (std::isnan(got) && std::isnan(sum)), name + ": running sum");
    }
    expect(a[r] == high && b[r] == low, name + ": positions " + std::to_string(a[r]) + ", " + std::to_string(b[r]));
    auto same = [](float p, float q) { return p == q || (std::isnan(p) && std::isnan(q)); };
    expect(same(c[r], x[m.at(r, high)]) && same(d[r], x[m.at(r, low)]), name + ": largest, smallest");
  }
}

void checkTypes(const Jit &jit, const std::string &name, Matrix m, std::vector<int64_t> sizes, std::mt19937 &random) {
  std::vector<int32_t> x(m.size()), f(kRows);
  std::vector<uint8_t> p(m.size()), c(kRows), d(kRows);
  std::vector<uint16_t> h(m.size()), e(kRows);
  std::vector<int64_t> a(kRows), b(kRows);
  for (size_t i = 0; i < x.size(); ++i)
    x[i] = int32_t(random()), p[i] = random() % 4 ? random() % 100 + 1 : 0, h[i] = 0x3f80 + random() % 200;
  for (int64_t i = 0; i < m.n; ++i)
    p[m.at(1, i)] = 0, p[m.at(2, i)] = 2;
  runTeams(jit, name, sizes, {x.data(), p.data(), h.data(), a.data(), b.data(), c.data(), d.data(), e.data(), f.data()},
           {{a.data(), kRows * 8}, {e.data(), kRows * 2}});
  for (int64_t r = 0; r < kRows; ++r) {
    int64_t sum = 0, count = 0;
    int32_t most = INT32_MIN;
    double floats = 0;
    for (int64_t i = 0; i < m.n; ++i) {
      sum += x[m.at(r, i)], count += p[m.at(r, i)] != 0, floats += fromBF16(h[m.at(r, i)]);
      most = std::max(most, x[m.at(r, i)]);
    }
    expect(a[r] == sum && b[r] == count, name + ": sums of integers");
    expect(c[r] == (count > 0) && d[r] == (count == m.n), name + ": any, all");
    expect(std::abs(fromBF16(e[r]) - floats) <= 0.0041 * floats, name + ": sum of bf16");
    expect(m.n == 0 || f[r] == most, name + ": largest integer");
  }
}

using Check = void(const Jit &, const std::string &, Matrix, std::vector<int64_t>, std::mt19937 &);
struct Case {
  const char *name, *inputs, *outputs, *body;
  Check *check;
};
const Case cases[] = {
    {"softmax", "*f32", "*f32 f32", softmaxBody, checkSoftmax},
    {"norm", "*f32 *f32 +f32", "*f32 *f32", normBody, checkNorm},
    {"search", "*f32", "i64 i64 f32 f32 *f32", searchBody, checkSearch},
    {"types", "*i32 *i1 *bf16", "i64 i64 i1 i1 bf16 i32", typesBody, checkTypes},
};
} // namespace

int main(int argc, char **argv) {
  std::string cpu = argc > 1 ? std::string(argv[1]).substr(std::strlen("--cpu=")) : "";
  std::mt19937 random(1);
  for (const Case &c : cases) {
    const Layout layouts[] = {{"rows", "$N", "1"}, {"columns", "1", "5"}, {"every third", "3 * $N", "3"}};
    std::string text;
    std::vector<std::function<void(const Jit &)>> runs;
    for (const Layout &layout : layouts)
      for (int64_t length : lengths) {
        // Small ones known when compiling; all by one function that takes the length.
        for (bool fixed : {true, false}) {
          if (fixed && (length == 0 || length > 300))
            continue;
          std::string n = fixed ? std::to_string(length) : "N";
          std::string name = std::string(c.name) + "_" + (layout.name[0] == 'e' ? "third" : layout.name) + "_" + n;
          auto fill = [&](std::string s) {
            for (size_t at; (at = s.find("$N")) != std::string::npos;)
              s.replace(at, 2, n);
            return s;
          };
          std::string parallel = fill(layout.parallel);
          Layout filled{layout.name, parallel.c_str(), layout.row};
          if (fixed || text.find("@" + name + "(") == std::string::npos)
            text += kernel(name, n, filled, c.inputs, c.outputs, fill(c.body));
          Matrix m{layout, length};
          std::vector<int64_t> sizes = fixed ? std::vector<int64_t>{kRows} : std::vector<int64_t>{kRows, length};
          runs.push_back([=, &c, &random](const Jit &jit) { c.check(jit, name, m, sizes, random); });
        }
      }
    Jit jit(text, cpu);
    for (auto &run : runs)
      run(jit);
  }
  std::printf("%d checks, %d failed\n", checks, failures);
  return failures != 0;
}
