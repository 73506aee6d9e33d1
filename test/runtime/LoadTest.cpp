// Loading and saving whole models and parts of them.
#include "Check.h"
#include "Safetensors.h"

#include <cstring>

using namespace test;

CASE(load, roundTrip) {
  Folder folder;
  std::string path = folder / "m.safetensors";
  Session s;
  CHECK_EQUAL(s.setFloats("fc.bias", {3}, {-1, 0.1f, 1e-40f}), NN_OK);
  CHECK_EQUAL(nnrt_save(s.model, path.c_str()), NN_OK);
  Session t(model, 8);
  CHECK_EQUAL(nnrt_load(t.model, path.c_str()), NN_OK);
  CHECK_EQUAL(t.error(), "");
  for (int64_t i = 0; i < 9; ++i) {
    nn_parameter_info info;
    nnrt_parameter_info(s.model, i, &info);
    char a[64] = {}, b[64] = {};
    CHECK_EQUAL(nnrt_get(s.model, info.path, a, info.type, info.shape, info.rank), NN_OK);
    CHECK_EQUAL(nnrt_get(t.model, info.path, b, info.type, info.shape, info.rank), NN_OK);
    CHECK(!memcmp(a, b, sizeof a));
  }
  CHECK_EQUAL(t.getFloats("fc.bias", {3})[2], 1e-40f);
  // Saved again, the file is the same.
  std::string again = folder / "again.safetensors";
  CHECK_EQUAL(nnrt_save(t.model, again.c_str()), NN_OK);
  CHECK(readFile(path) == readFile(again));
}

CASE(load, fileLayout) {
  Folder folder;
  Session s;
  CHECK_EQUAL(nnrt_save(s.model, (folder / "m").c_str()), NN_OK);
  std::string bytes = readFile(folder / "m");
  uint64_t length;
  memcpy(&length, bytes.data(), 8);
  CHECK_EQUAL((8 + length) % 64, 0u);
  std::string header = bytes.substr(8, length);
  CHECK_CONTAINS(header, "{\"__metadata__\":{\"format\":\"pt\"},");
  CHECK_CONTAINS(header, "\"empty\":{\"dtype\":\"F64\",\"shape\":[0, 7],\"data_offsets\":[0,0]}");
  CHECK_CONTAINS(header, "\"fc.weight\":{\"dtype\":\"F32\",\"shape\":[3, 4],\"data_offsets\":[0,48]}");
  CHECK_CONTAINS(header, "\"h.2.scale\":{\"dtype\":\"BF16\",\"shape\":[5],\"data_offsets\":[92,102]}");
  CHECK_CONTAINS(header, "\"gate\":{\"dtype\":\"BOOL\",\"shape\":[2],\"data_offsets\":[122,124]}");
  CHECK_EQUAL(bytes.size(), 8 + length + 124);
}

CASE(load, converts) {
  Folder folder;
  for (nn_type type : {NN_F64, NN_F16, NN_BF16}) {
    std::vector<Tensor> tensors = allTensors();
    tensors[0] = floats("fc.weight", {3, 4}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, type);
    tensors[2] = floats("h.2.scale", {5}, {1, 2, 3, 4, 0.5}, NN_F64);
    writeFile(folder / "m", file(tensors));
    Session s;
    CHECK_EQUAL(nnrt_load(s.model, (folder / "m").c_str()), NN_OK);
    for (int i = 0; i < 12; ++i)
      CHECK_EQUAL(s.getFloats("fc.weight", {3, 4})[size_t(i)], float(i + 1));
    CHECK_EQUAL(s.getFloats("h.2.scale", {5})[4], 0.5f);
  }
}

CASE(load, listsEverythingAtOnce) {
  Folder folder;
  std::vector<Tensor> tensors = allTensors();
  tensors[0] = floats("fc.weight", {4, 3}, std::vector<float>(12), NN_F32);
  tensors[6].type = "I64";
  tensors[6].data.resize(32);
  tensors[7].type = "U8";
  tensors[2] = {"h.2.scale", "F8_FUTURE", "[5]", std::string(5, 0)};
  tensors[8] = floats("strange", {}, {1}, NN_F32);
  tensors.erase(tensors.begin() + 5);
  tensors.erase(tensors.begin() + 3);
  tensors.erase(tensors.begin() + 1);
  writeFile(folder / "m", file(tensors));
  Session s;
  CHECK_EQUAL(nnrt_load(s.model, (folder / "m").c_str()), NN_FILE);
  std::string error = s.error();
  CHECK_CONTAINS(error,
                 "/m` does not fit the model digits: 3 of its tensors missing: `fc.bias`, `h.3.scale`, `empty`; 4 of "
                 "another shape or type: ");
  CHECK_CONTAINS(error, "`fc.weight` is F32 [4, 3] in the file and F32 [3, 4] in the model");
  CHECK_CONTAINS(error, "`h.2.scale` is F8_FUTURE [5] in the file and BF16 [5] in the model");
  CHECK_CONTAINS(error, "`table` is I64 [2, 2] in the file and I32 [2, 2] in the model");
  CHECK_CONTAINS(error, "`gate` is U8 [2] in the file and BOOL [2] in the model");
  CHECK_CONTAINS(error, "; not in the model: `strange`");
  std::vector<float> image(4, 1), out;
  CHECK_EQUAL(s.forward(image, out), NN_OK);
  CHECK(out == expectForward(7, image, 1, nullptr)); // nothing has changed
}

CASE(load, unknownTensorsAndMissingBuffers) {
  Folder folder;
  std::vector<Tensor> tensors = allTensors();
  tensors[5].name = "new\nname";
  writeFile(folder / "m", file(tensors));
  Session s;
  CHECK_EQUAL(s.setFloats("bn.mean", {4}, {1, 2, 3, 4}), NN_OK);
  CHECK_EQUAL(nnrt_load(s.model, (folder / "m").c_str()), NN_OK);
  CHECK_EQUAL(s.error(), "not in the model, ignored: `new?name`; not in the file, kept as they were: `bn.mean`");
  CHECK_EQUAL(s.getFloats("bn.mean", {4})[3], 4.0f);
}

CASE(load, parts) {
  Folder folder;
  writeFile(folder / "m", file({floats("weight", {3, 4}, std::vector<float>(12, 2), NN_F32)}));
  Session s;
  CHECK_EQUAL(nnrt_load_part(s.model, "fc", (folder / "m").c_str()), NN_OK);
  CHECK_EQUAL(s.error(), "not in the file, kept as they were: `fc.bias`");
  CHECK_EQUAL(s.getFloats("fc.weight", {3, 4})[11], 2.0f);
  CHECK_EQUAL(s.getFloats("fc.bias", {3})[1], drawn(7, 1, 1));
  CHECK_EQUAL(nnrt_load_part(s.model, "h", (folder / "m").c_str()), NN_FILE);
  CHECK_CONTAINS(s.error(), "none of its tensors lies below `h`; not in the model: `weight`");
  CHECK_EQUAL(nnrt_load_part(s.model, "f", (folder / "m").c_str()), NN_INVALID);
  CHECK_EQUAL(s.error(), "the model has no parameter below `f`");
  CHECK_EQUAL(nnrt_load_part(s.model, nullptr, "x"), NN_INVALID);
  CHECK_EQUAL(nnrt_load_part(s.model, "fc", nullptr), NN_INVALID);
  CHECK_EQUAL(nnrt_load(s.model, nullptr), NN_INVALID);
  CHECK_EQUAL(s.error(), "the path of the file is NULL");
  writeFile(folder / "n", file({floats("2.scale", {5}, {5, 4, 3, 2, 1}, NN_F32)}));
  CHECK_EQUAL(nnrt_load_part(s.model, "h", (folder / "n").c_str()), NN_OK);
  CHECK_EQUAL(s.getFloats("h.2.scale", {5})[0], 5.0f);
  CHECK_EQUAL(s.getFloats("h.3.scale", {5})[0], drawn(7, 2, 5));
  writeFile(folder / "o", file({floats("fc.bias", {3}, {5, 4, 3}, NN_F32)}));
  CHECK_EQUAL(nnrt_load_part(s.model, "", (folder / "o").c_str()), NN_OK);
  CHECK_EQUAL(s.getFloats("fc.bias", {3})[2], 3.0f);
  CHECK_EQUAL(s.getFloats("fc.weight", {3, 4})[11], 2.0f);
  CHECK_EQUAL(nnrt_load(s.model, (folder / "o").c_str()), NN_FILE); // strict
}

CASE(load, packedCopiesFollow) {
  Folder folder;
  Session s;
  std::vector<float> image(8, 1), out;
  CHECK_EQUAL(s.forward(image, out), NN_OK);
  CHECK(out == expectForward(7, image, 1, nullptr));
  CHECK_EQUAL(s.setFloats("fc.weight", {3, 4}, std::vector<float>(12, 1)), NN_OK);
  CHECK_EQUAL(s.setFloats("fc.bias", {3}, {0, 0, 0}), NN_OK);
  CHECK_EQUAL(s.forward(image, out), NN_OK);
  CHECK(out == std::vector<float>(6, 4));
  double unused;
  void *arguments[] = {&unused};
  CHECK_EQUAL(nnrt_call(s.context, kUpdate, arguments), NN_OK); // adds 1 to the weight
  CHECK_EQUAL(s.forward(image, out), NN_OK);
  CHECK(out == std::vector<float>(6, 8));
  Session t(model, 20);
  CHECK_EQUAL(nnrt_save(t.model, (folder / "m").c_str()), NN_OK);
  CHECK_EQUAL(nnrt_load(s.model, (folder / "m").c_str()), NN_OK);
  CHECK_EQUAL(s.forward(image, out), NN_OK);
  CHECK(out == expectForward(20, image, 1, nullptr));
}

CASE(load, longListsAreCut) {
  Folder folder;
  std::vector<Tensor> tensors = allTensors();
  for (int i = 0; i < 20'000; ++i)
    tensors.push_back(floats("another.tensor." + std::to_string(i), {}, {1}, NN_F32));
  writeFile(folder / "m", file(tensors));
  Session s;
  CHECK_EQUAL(nnrt_load(s.model, (folder / "m").c_str()), NN_OK);
  std::string error = s.error();
  CHECK(error.size() > 60'000 && error.size() < 66'000);
  CHECK(error.substr(error.size() - 5) == " more" && error.find(" and 1") != std::string::npos);
}
