// Models: creation, what they say about their parameters, get and set, first values.
#include "Check.h"
#include "TestModel.h"
#include "runtime/Cpu.h"

#include <cmath>
#include <cstring>
#include <fstream>
#include <map>

using namespace test;

CASE(model, createRefusesWrongTables) {
  void *handle = &handle;
  nnrt_model table = model;
  table.size -= 8;
  CHECK_EQUAL(nnrt_create(&table, &handle, 0), NN_VERSION);
  CHECK(handle == nullptr);
  table = model;
  table.version = NNRT_ABI_VERSION + 1;
  CHECK_EQUAL(nnrt_create(&table, &handle, 0), NN_VERSION);
  CHECK_EQUAL(nnrt_create(nullptr, &handle, 0), NN_INVALID);
  CHECK_EQUAL(nnrt_create(&model, nullptr, 0), NN_INVALID);
}

CASE(model, createChecksTheProcessor) {
  // Linux's names of the same features, where they differ.
  std::map<std::string, std::string> kernelNames = {{"sse3", "pni"},
                                                    {"sse4.1", "sse4_1"},
                                                    {"sse4.2", "sse4_2"},
                                                    {"sahf", "lahf_lm"},
                                                    {"lzcnt", "abm"},
                                                    {"bmi", "bmi1"},
                                                    {"avxvnni", "avx_vnni"},
                                                    {"avx512vbmi2", "avx512_vbmi2"},
                                                    {"avx512vnni", "avx512_vnni"},
                                                    {"avx512bitalg", "avx512_bitalg"},
                                                    {"avx512vpopcntdq", "avx512_vpopcntdq"},
                                                    {"avx512bf16", "avx512_bf16"},
                                                    {"avx512fp16", "avx512_fp16"}};
  std::ifstream info("/proc/cpuinfo");
  std::string flags;
  while (std::getline(info, flags) && flags.compare(0, 5, "flags"))
    ;
  flags += " ";
  uint64_t has = nnrt::cpuFeatures();
#define COMPARE(BIT, NAME, ...)                                                                                        \
  {                                                                                                                    \
    std::string name = kernelNames.count(NAME) ? kernelNames[NAME] : NAME;                                             \
    bool listed = flags.find(" " + name + " ") != std::string::npos;                                                   \
    CHECK_EQUAL(name + ((has >> BIT & 1) ? " yes" : " no"), name + (listed ? " yes" : " no"));                         \
  }
  NNRT_CPU_FEATURES(COMPARE)
#undef COMPARE

  nnrt_model table = model;
  void *handle;
  uint64_t all = has, more = has | uint64_t(1) << 63;
  table.features = &all;
  CHECK_EQUAL(nnrt_create(&table, &handle, 0), NN_OK);
  nnrt_destroy(handle);
  table.features = &more;
  CHECK_EQUAL(nnrt_create(&table, &handle, 0), NN_CPU);
  CHECK(handle == nullptr);
}

CASE(model, parameterInfo) {
  Session s;
  const char *paths[] = {"fc.weight", "fc.bias", "h.2.scale", "h.3.scale", "h.4.scale",
                         "bn.mean",   "table",   "gate",      "empty"};
  const nn_type types[] = {NN_F32, NN_F32, NN_BF16, NN_BF16, NN_BF16, NN_F32, NN_I32, NN_BOOL, NN_F64};
  CHECK_EQUAL(nnrt_parameter_count(s.model), 9);
  for (int64_t i = 0; i < 9; ++i) {
    nn_parameter_info info;
    CHECK_EQUAL(nnrt_parameter_info(s.model, i, &info), NN_OK);
    CHECK_EQUAL(std::string(info.path), paths[i]);
    CHECK_EQUAL(int(info.type), int(types[i]));
    CHECK_EQUAL(info.is_buffer, i == 5);
    CHECK_EQUAL(info.rank, i == 0 || i == 6 || i == 8 ? 2 : 1);
  }
  nn_parameter_info info;
  CHECK_EQUAL(nnrt_parameter_info(s.model, 9, &info), NN_INVALID);
  CHECK_EQUAL(s.error(), "there is no parameter 9, there are 9");
  CHECK_EQUAL(nnrt_parameter_info(s.model, -1, &info), NN_INVALID);
  CHECK_EQUAL(nnrt_parameter_info(s.model, INT64_MIN, &info), NN_INVALID);
  CHECK_EQUAL(nnrt_parameter_info(s.model, 0, nullptr), NN_INVALID);
}

CASE(model, nullHandles) {
  int64_t shape[] = {1};
  void *arguments[] = {shape};
  nn_parameter_info info;
  void *context = &context, *notOne = shape;
  for (void *handle : {static_cast<void *>(nullptr), notOne}) {
    CHECK_EQUAL(nnrt_load(handle, "x"), NN_INVALID);
    CHECK_EQUAL(nnrt_load_part(handle, "", "x"), NN_INVALID);
    CHECK_EQUAL(nnrt_save(handle, "x"), NN_INVALID);
    CHECK_EQUAL(nnrt_get(handle, "x", shape, NN_F32, shape, 1), NN_INVALID);
    CHECK_EQUAL(nnrt_set(handle, "x", shape, NN_F32, shape, 1), NN_INVALID);
    CHECK_EQUAL(nnrt_parameter_count(handle), 0);
    CHECK_EQUAL(nnrt_parameter_info(handle, 0, &info), NN_INVALID);
    CHECK_EQUAL(nnrt_context_create(&context, handle, nullptr, 0), NN_INVALID);
    CHECK(context == nullptr);
    CHECK_EQUAL(nnrt_reset(handle), NN_INVALID);
    CHECK_EQUAL(nnrt_context_set_threads(handle, 1), NN_INVALID);
    CHECK_EQUAL(nnrt_call(handle, 0, arguments), NN_INVALID);
    CHECK_EQUAL(nnrt_call_by_name(handle, "forward", arguments), NN_INVALID);
    CHECK_CONTAINS(nnrt_error(handle), "the model is NULL");
    CHECK_CONTAINS(nnrt_context_error(handle), "the context is NULL");
    nnrt_destroy(handle);
    nnrt_context_destroy(handle);
  }
  Session s;
  CHECK_EQUAL(nnrt_call(s.model, 0, arguments), NN_INVALID); // a model is not a context
  CHECK_EQUAL(nnrt_get(s.context, "x", shape, NN_F32, shape, 1), NN_INVALID);
  CHECK_EQUAL(nnrt_context_create(nullptr, s.model, nullptr, 0), NN_INVALID);
}

CASE(model, statusTexts) {
  for (int status = -1; status < 9; ++status)
    CHECK(nn_status_text(status) && *nn_status_text(status));
  CHECK_EQUAL(std::string(nn_status_text(NN_OK)), "success");
}

CASE(model, getAndSetConvert) {
  Session s;
  std::vector<float> values = {1, 2.5, -3, 4, 5, 6, 7, 8, 9, 10, 11, NAN};
  CHECK_EQUAL(s.setFloats("fc.weight", {3, 4}, values), NN_OK);
  int64_t shape[] = {3, 4};
  double wide[12];
  CHECK_EQUAL(nnrt_get(s.model, "fc.weight", wide, NN_F64, shape, 2), NN_OK);
  for (int i = 0; i < 11; ++i)
    CHECK_EQUAL(wide[i], double(values[size_t(i)]));
  CHECK(std::isnan(wide[11]));
  uint16_t half[12];
  CHECK_EQUAL(nnrt_get(s.model, "fc.weight", half, NN_F16, shape, 2), NN_OK);
  CHECK_EQUAL(half[1], 0x4100);
  CHECK_EQUAL(s.setFloats("h.3.scale", {5}, {1, 2, 3, 4, 1.0 / 3}), NN_OK);
  CHECK_EQUAL(s.getFloats("h.3.scale", {5})[4], 0.333984375f);
  CHECK_EQUAL(nnrt_get(s.model, "empty", nullptr, NN_F32, (shape[0] = 0, shape[1] = 7, shape), 2), NN_OK);
  int32_t table[] = {1, -2, INT32_MIN, INT32_MAX}, back[4];
  shape[0] = shape[1] = 2;
  CHECK_EQUAL(nnrt_set(s.model, "table", table, NN_I32, shape, 2), NN_OK);
  CHECK_EQUAL(nnrt_get(s.model, "table", back, NN_I32, shape, 2), NN_OK);
  CHECK(!memcmp(table, back, sizeof back));
}

CASE(model, getAndSetRefuse) {
  Session s;
  float data[12] = {};
  int64_t shape[] = {3, 4}, wrong[] = {4, 3};
  auto refused = [&](nn_status status, const char *text) {
    CHECK_EQUAL(status, NN_INVALID);
    CHECK_CONTAINS(s.error(), text);
  };
  refused(nnrt_set(s.model, "fc.weight", data, NN_F32, wrong, 2), "`fc.weight` has the shape [3, 4], not [4, 3]");
  refused(nnrt_set(s.model, "fc.weight", data, NN_F32, shape, 1), "[3, 4], not [3]");
  refused(nnrt_set(s.model, "fc.weight", data, NN_F32, shape, -1), "one of rank -1");
  refused(nnrt_set(s.model, "fc.weight", data, NN_F32, nullptr, 2), "the shape is NULL");
  refused(nnrt_set(s.model, "fc.weight", nullptr, NN_F32, shape, 2), "the data is NULL");
  refused(nnrt_set(s.model, nullptr, data, NN_F32, shape, 2), "the path is NULL");
  refused(nnrt_set(s.model, "fc.wight", data, NN_F32, shape, 2), "there is no parameter `fc.wight`");
  refused(nnrt_set(s.model, "h.#.scale", data, NN_F32, shape, 1), "there is no parameter `h.#.scale`");
  refused(nnrt_set(s.model, "h.02.scale", data, NN_F32, shape, 1), "there is no parameter");
  refused(nnrt_set(s.model, "h.1.scale", data, NN_F32, shape, 1), "there is no parameter");
  refused(nnrt_set(s.model, "h.5.scale", data, NN_F32, shape, 1), "there is no parameter");
  refused(nnrt_set(s.model, "fc.weight", data, NN_I32, shape, 2),
          "has the type F32, which is not converted to or from I32");
  int64_t four[] = {2, 2};
  refused(nnrt_get(s.model, "table", data, NN_F32, four, 2), "has the type I32");
  refused(nnrt_get(s.model, "table", data, NN_I64, four, 2), "has the type I32");
  refused(nnrt_get(s.model, "fc.weight", nullptr, NN_F32, shape, 2), "the data is NULL");
  std::string longName(100'000, 'x');
  refused(nnrt_get(s.model, longName.c_str(), data, NN_F32, shape, 2), "..`");
  refused(nnrt_get(s.model, "a\nb", data, NN_F32, shape, 2), "`a?b`");
  for (int i = 0; i < 12; ++i)
    CHECK_EQUAL(s.getFloats("fc.weight", {3, 4})[size_t(i)], drawn(7, 0, i));
  CHECK_EQUAL(s.setFloats("fc.weight", {3, 4}, std::vector<float>(12)), NN_OK);
  CHECK_EQUAL(s.error(), "");
}

CASE(model, manyFailuresOfSharedCalls) {
  Session s;
  float x;
  int64_t shape[] = {1};
  for (int i = 0; i < 1000; ++i)
    CHECK_EQUAL(nnrt_get(s.model, ("p" + std::to_string(i)).c_str(), &x, NN_F32, shape, 1), NN_INVALID);
  CHECK_CONTAINS(s.error(), "could not be kept");
  CHECK_EQUAL(nnrt_set(s.model, "q", &x, NN_F32, shape, 1), NN_INVALID);
  CHECK_EQUAL(s.error(), "there is no parameter `q`");
}

CASE(model, firstValues) {
  Session s;
  // What is set first is not drawn; the other copies of its stack are.
  CHECK_EQUAL(s.setFloats("h.3.scale", {5}, {1, 2, 3, 4, 5}), NN_OK);
  for (int i = 0; i < 5; ++i) {
    CHECK_EQUAL(s.getFloats("h.2.scale", {5})[size_t(i)], drawn(7, 2, i));
    CHECK_EQUAL(s.getFloats("h.3.scale", {5})[size_t(i)], float(i + 1));
    CHECK_EQUAL(s.getFloats("h.4.scale", {5})[size_t(i)], drawn(7, 2, 10 + i));
  }
  Session other(model, 8);
  CHECK_EQUAL(other.getFloats("fc.bias", {3})[2], drawn(8, 1, 2));
}

CASE(model, parametersWithoutInitialiser) {
  Session s(bare);
  double out = -1;
  void *arguments[] = {&out};
  CHECK_EQUAL(nnrt_call(s.context, 0, arguments), NN_INVALID);
  CHECK_EQUAL(s.contextError(), "read: these parameters have no values, load or set them: `free`, `other`");
  Folder folder;
  CHECK_EQUAL(nnrt_save(s.model, (folder / "x").c_str()), NN_INVALID);
  CHECK_CONTAINS(s.error(), "`free`, `other`");
  CHECK(folder.names().empty());
  CHECK_EQUAL(s.setFloats("free", {2}, {3, 4}), NN_OK);
  CHECK_EQUAL(nnrt_call(s.context, 0, arguments), NN_INVALID);
  CHECK_EQUAL(s.contextError(), "read: these parameters have no values, load or set them: `other`");
  CHECK_EQUAL(out, -1.0);
  float x[2];
  int64_t shape[] = {1, 2};
  CHECK_EQUAL(nnrt_get(s.model, "other", x, NN_F32, shape, 2), NN_INVALID);
  CHECK_EQUAL(s.error(), "`other` has no value, load or set it");
  CHECK_EQUAL(s.setFloats("other", {1, 2}, {1, 2}), NN_OK);
  CHECK_EQUAL(nnrt_call(s.context, 0, arguments), NN_OK);
  memcpy(x, &out, 8);
  CHECK(x[0] == 3 && x[1] == 4);
}
