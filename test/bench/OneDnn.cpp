#include "test/bench/OneDnn.h"

#include "test/bench/Machine.h"

#ifdef NNC_BENCH_ONEDNN
#include <dnnl.hpp>
#endif

#if !defined(NNC_BENCH_ONEDNN) || DNNL_VERSION_MAJOR != 2
namespace bench {
std::string describeOneDnn() {
  return "oneDNN 2 (Debian: libdnnl-dev) was not there when this was built: its lines are left out";
}
std::function<void()> oneDnnProduct(const Product &, Tensor, Tensor, Tensor, int) { return {}; }
std::function<void()> oneDnnLayers(int64_t, const std::vector<Linear> &, Tensor, Tensor, int) { return {}; }
std::function<void()> oneDnnElementwise(const std::string &, Tensor, Tensor) { return {}; }
std::function<void()> oneDnnRows(const std::string &, int64_t, int64_t, Tensor, Tensor) { return {}; }
} // namespace bench
#else

#include <dlfcn.h>
#include <map>

using namespace dnnl;
using Type = memory::data_type;
using Tag = memory::format_tag;

namespace bench {
namespace {
engine &cpuEngine() {
  if (vectors == Vectors::Avx2)
    set_max_cpu_isa(cpu_isa::avx2); // only the first call counts, before anything is made
  static engine e(engine::kind::cpu, 0);
  return e;
}

/// oneDNN takes its threads from the OpenMP library that it was linked with.
void setThreads(int threads) {
  static auto set = reinterpret_cast<void (*)(int)>(dlsym(RTLD_DEFAULT, "omp_set_num_threads"));
  if (set)
    set(threads);
}

memory::desc matrix(memory::dims dims, Tag tag) { return {dims, Type::f32, tag}; }
memory over(const memory::desc &desc, const Tensor &t) { return {desc, cpuEngine(), const_cast<float *>(t.data())}; }

/// The weights as the primitive wants them.
memory prepared(memory from, const memory::desc &wanted, stream &s) {
  memory to(wanted, cpuEngine());
  reorder(from, to).execute(s, from, to);
  s.wait();
  return to;
}

struct Step {
  primitive run;
  std::unordered_map<int, memory> arguments;
};

/// Holds on to the tensors.
std::function<void()> running(std::vector<Step> steps, stream s, std::vector<Tensor> alive, int threads) {
  return [=, alive = std::move(alive)]() mutable {
    setThreads(threads);
    for (Step &step : steps)
      step.run.execute(s, step.arguments);
    s.wait();
  };
}
} // namespace

std::string describeOneDnn() {
  const dnnl_version_t *v = dnnl_version();
  return "oneDNN " + std::to_string(v->major) + "." + std::to_string(v->minor) + "." + std::to_string(v->patch);
}

std::function<void()> oneDnnProduct(const Product &p, Tensor x, Tensor w, Tensor y, int threads) {
  setThreads(threads);
  stream s(cpuEngine());
  bool many = p.batch > 1;
  auto dims = [&](int64_t rows, int64_t columns) {
    return many ? memory::dims{p.batch, rows, columns} : memory::dims{rows, columns};
  };
  auto tag = [&](bool turned) { return many ? (turned ? Tag::acb : Tag::abc) : (turned ? Tag::ba : Tag::ab); };
  memory::desc left = matrix(dims(p.m, p.k), tag(p.leftTurned)), right = matrix(dims(p.k, p.n), tag(p.rightTurned));
  memory::desc result = matrix(dims(p.m, p.n), tag(false));
  matmul::primitive_desc desc({left, p.parameter ? matrix(dims(p.k, p.n), Tag::any) : right, result}, cpuEngine());
  memory weights = over(right, w);
  if (p.parameter)
    weights = prepared(weights, desc.weights_desc(), s);
  Step step{matmul(desc),
            {{DNNL_ARG_SRC, over(left, x)}, {DNNL_ARG_WEIGHTS, weights}, {DNNL_ARG_DST, over(result, y)}}};
  return running({step}, s, {x, w, y}, threads);
}

std::function<void()> oneDnnLayers(int64_t batch, const std::vector<Linear> &layers, Tensor x, Tensor y, int threads) {
  setThreads(threads);
  stream s(cpuEngine());
  std::vector<Step> steps;
  std::vector<Tensor> alive{x, y};
  int64_t in = int64_t(x.size()) / batch;
  memory given = over(matrix({batch, in}, Tag::ab), x);
  for (const Linear &layer : layers) {
    int64_t out = int64_t(layer.weight.size()) / in;
    bool last = &layer == &layers.back();
    primitive_attr attributes;
    if (layer.relu) {
      post_ops after;
      after.append_eltwise(1.0f, algorithm::eltwise_relu, 0, 0);
      attributes.set_post_ops(after);
    }
    memory::desc bias({out}, Type::f32, Tag::a), result = matrix({batch, out}, last ? Tag::ab : Tag::any);
    inner_product_forward::desc what(prop_kind::forward_inference, given.get_desc(), matrix({out, in}, Tag::any), bias,
                                     result);
    inner_product_forward::primitive_desc desc(what, attributes, cpuEngine());
    memory packed = prepared(over(matrix({out, in}, Tag::ab), layer.weight), desc.weights_desc(), s);
    memory to = last ? over(desc.dst_desc(), y) : memory(desc.dst_desc(), cpuEngine());
    steps.push_back({inner_product_forward(desc),
                     {{DNNL_ARG_SRC, given},
                      {DNNL_ARG_WEIGHTS, packed},
                      {DNNL_ARG_BIAS, over(bias, layer.bias)},
                      {DNNL_ARG_DST, to}}});
    alive.insert(alive.end(), {layer.weight, layer.bias});
    given = to;
    in = out;
  }
  return running(steps, s, alive, threads);
}

std::function<void()> oneDnnElementwise(const std::string &function, Tensor x, Tensor y) {
  static const std::map<std::string, algorithm> known = {
      {"relu", algorithm::eltwise_relu},        {"exp", algorithm::eltwise_exp},
      {"tanh", algorithm::eltwise_tanh},        {"gelu", algorithm::eltwise_gelu_erf},
      {"sigmoid", algorithm::eltwise_logistic}, {"gelu_tanh", algorithm::eltwise_gelu_tanh},
      {"log", algorithm::eltwise_log}};
  auto found = known.find(function);
  if (found == known.end())
    return {};
  setThreads(1);
  memory::desc desc({int64_t(x.size())}, Type::f32, Tag::a);
  eltwise_forward::desc what(prop_kind::forward_inference, found->second, desc, 0.0f, 0.0f);
  Step step{eltwise_forward({what, cpuEngine()}), {{DNNL_ARG_SRC, over(desc, x)}, {DNNL_ARG_DST, over(desc, y)}}};
  return running({step}, stream(cpuEngine()), {x, y}, 1);
}

std::function<void()> oneDnnRows(const std::string &kernel, int64_t m, int64_t n, Tensor x, Tensor y) {
  setThreads(1);
  memory::desc from = matrix({m, n}, Tag::ab), to = from;
  auto kind = prop_kind::forward_inference;
  primitive run;
  if (kernel == "softmax") {
    run = softmax_forward({{kind, from, 1}, cpuEngine()});
  } else if (kernel == "log_softmax") {
    run = logsoftmax_forward({{kind, from, 1}, cpuEngine()});
  } else if (kernel == "layer_norm") {
    run = layer_normalization_forward({{kind, from, 1e-5f, normalization_flags::none}, cpuEngine()});
  } else if (kernel == "sum" || kernel == "max" || kernel == "sum_columns") {
    to = kernel == "sum_columns" ? matrix({1, n}, Tag::ab) : matrix({m, 1}, Tag::ab);
    auto how = kernel == "max" ? algorithm::reduction_max : algorithm::reduction_sum;
    run = reduction({{how, from, to, 0.0f, 0.0f}, cpuEngine()});
  } else if (kernel == "transpose") {
    to = matrix({m, n}, Tag::ba);
    run = reorder(over(from, x), over(to, y));
  } else {
    return {};
  }
  // (DNNL_ARG_FROM and _TO are the same numbers.)
  Step step{run, {{DNNL_ARG_SRC, over(from, x)}, {DNNL_ARG_DST, over(to, y)}}};
  return running({step}, stream(cpuEngine()), {x, y}, 1);
}
} // namespace bench
#endif
