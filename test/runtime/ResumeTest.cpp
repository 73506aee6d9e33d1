// Files that are no checkpoint of the model: all that is wrong is named, and the model stays as it was.
#include "Check.h"
#include "Safetensors.h"
#include "TrainModel.h"

#include <cstring>
#include <fcntl.h>
#include <unistd.h>

using namespace test;

namespace {
/// A model in the middle of a run, and a good checkpoint of its past.
struct Resumer : Trainer {
  Resumer() {
    steps(0, 3);
    good = everything();
    steps(3, 5);
    before = everything();
  }
  nn_status resume(const std::string &bytes) {
    writeFile(folder / "c", bytes);
    return nnrt_resume(model, (folder / "c").c_str());
  }
  /// The file is refused for all of these reasons, and everything is as before.
  void refuse(const std::string &bytes, std::vector<const char *> reasons, nn_status wanted = NN_FILE) {
    CHECK_EQUAL(resume(bytes), wanted);
    std::string message = error();
    for (const char *reason : reasons)
      CHECK_CONTAINS(message, reason);
    CHECK(everything() == before);
  }
  std::string good, before;
};

/// The file with these texts of its header replaced.
std::string forge(const std::string &file, std::vector<std::pair<std::string, std::string>> changes) {
  uint64_t length;
  memcpy(&length, file.data(), 8);
  std::string header = file.substr(8, length);
  for (const auto &[from, to] : changes) {
    size_t at = header.find(from);
    CHECK(at != std::string::npos);
    if (at != std::string::npos)
      header.replace(at, from.size(), to);
  }
  return test::file(header, file.substr(8 + length));
}
} // namespace

CASE(resume, metadata) {
  Resumer r;
  CHECK_CONTAINS(r.good, "{\"format\":\"pt\",\"nnc_checkpoint\":\"1\",\"nnc_model\":\"net\",\"nnc_seed\":\"7\","
                         "\"nnc_calls\":\"4\",\"nnc_hash\":\"");
  auto refuse = [&](const char *from, const char *to, const char *reason) {
    r.refuse(forge(r.good, {{from, to}}), {"/c` is not a checkpoint of the model net: ", reason});
  };
  for (const char *key : {"nnc_checkpoint", "nnc_model", "nnc_seed", "nnc_calls", "nnc_hash"}) {
    refuse(key, "other", (std::string("`") + key + "` is not in its metadata").c_str());
    refuse("\"format\":\"pt\"", (std::string("\"") + key + "\":\"1\"").c_str(),
           (std::string("`") + key + "` is there twice in its metadata").c_str());
  }
  for (const char *number : {"", " 7", "7 ", "+7", "-7", "07", "0x7", "7.0", "18446744073709551616", "7\\u0000", "1e3"})
    refuse("\"nnc_seed\":\"7\"", (std::string("\"nnc_seed\":\"") + number + "\"").c_str(),
           "`nnc_seed` in its metadata is `");
  refuse("\"nnc_calls\":\"4\"", "\"nnc_calls\":\"many\"",
         "`nnc_calls` in its metadata is `many`, must be a number below 2^64");
  refuse("\"nnc_hash\":\"", "\"nnc_hash\":\"0", "must be 16 hexadecimal digits");
  refuse("\"nnc_model\":\"net\"", "\"nnc_model\":\"ne\"", "it belongs to the model `ne`");
  r.refuse(forge(r.good, {{"nnc_checkpoint\":\"1\"", "nnc_checkpoint\":\"2\""}}),
           {"can not be read: it was written by another version of nnc: its format is 2, this library knows 1"},
           NN_VERSION);
  // Numbers that are sound but not those that were written.
  for (const char *change : {"\"nnc_seed\":\"8\"", "\"nnc_seed\":\"18446744073709551615\""})
    r.refuse(forge(r.good, {{"\"nnc_seed\":\"7\"", change}}), {"is damaged: its values are not those"});
  r.refuse(forge(r.good, {{"\"nnc_calls\":\"4\"", "\"nnc_calls\":\"5\""}}), {"is damaged"});
  CHECK_EQUAL(r.resume(r.good), NN_OK);
  CHECK(r.everything() == r.good);
}

CASE(resume, largestNumbers) {
  Trainer s(UINT64_MAX);
  s.steps(0, 2);
  std::string bytes = s.everything();
  CHECK_CONTAINS(bytes, "\"nnc_seed\":\"18446744073709551615\"");
  Trainer t;
  CHECK_EQUAL(nnrt_resume(t.model, (s.folder / "everything").c_str()), NN_OK);
  s.steps(2, 4);
  t.steps(2, 4);
  CHECK(s.everything() == t.everything());
}

CASE(resume, allThatIsWrongAtOnce) {
  Resumer r;
  r.refuse(
      forge(r.good,
            {{"\"nnc_seed\":\"7\"", "\"nnc_seed\":\"x\""},
             {"\"nnc_calls\":\"4\",", ""},
             {"\"train_step/m/fc.weight\"", "\"train_step/n/fc.weight\""},
             {"\"bn.mean\"", "\"bn.var\""},
             {"\"fc.weight\":{\"dtype\":\"F32\",\"shape\":[3, 4]", "\"fc.weight\":{\"dtype\":\"F32\",\"shape\":[4, 3]"},
             {"\"h.2.scale\":{\"dtype\":\"BF16\"", "\"h.2.scale\":{\"dtype\":\"F16\""},
             {"\"train_step/step\":{\"dtype\":\"I64\",\"shape\":[]",
              "\"train_step/step\":{\"dtype\":\"I64\",\"shape\":[2]"}}),
      {"`nnc_seed` in its metadata is `x`, must be a number below 2^64, `nnc_calls` is not in its metadata; ",
       "it is not a valid .safetensors file: tensor `train_step/step`: its shape does not fit its number of bytes; ",
       "2 of its tensors missing: `bn.mean`, `train_step/m/fc.weight`; ",
       "3 of another shape or type: ", "`fc.weight` is F32 [4, 3] in the file and F32 [3, 4] in the model",
       "`h.2.scale` is F16 [5] in the file and BF16 [5] in the model", // no conversions here
       "`train_step/step` is I64 [2] in the file and I64 [] in the model",
       "; not in the model: ", "`train_step/n/fc.weight`", "`bn.var`"});
}

CASE(resume, forgedPlaces) {
  Resumer r;
  // Two tensors in one place, one beyond the end; both are named, with what else is wrong.
  r.refuse(forge(r.good, {{"\"data_offsets\":[8,16]", "\"data_offsets\":[0,8]"}, {"bn.mean", "bn.mead"}}),
           {"does not start where the one before it ends", "`bn.mean`", "`bn.mead`"});
  r.refuse(forge(r.good, {{"\"data_offsets\":[0,8]", "\"data_offsets\":[0,18446744073709551615]"}}),
           {"tensor `train_step/step`: it ends after the end of the file", "does not start where"});
  r.refuse(forge(r.good, {{"\"turn_step/step\"", "\"train_step/step\""}}),
           {"two tensors are called `train_step/step`", "1 of its tensors missing: `turn_step/step`"});
  r.refuse(r.good + "x", {"bytes after the last tensor"});
  // More tensors than the model has, most of them twice.
  std::vector<Tensor> many;
  for (int i = 0; i < 100; ++i)
    many.push_back({"fc.weight", "F32", "[3,4]", std::string(48, 'x')});
  r.refuse(file(many), {"two tensors are called `fc.weight`", "its metadata is not that of a checkpoint"});
}

CASE(resume, otherModels) {
  Resumer r;
  Session digits(model);
  CHECK_EQUAL(nnrt_checkpoint(digits.model, (r.folder / "d").c_str()), NN_OK);
  std::string other = readFile(r.folder / "d");
  r.refuse(other, {"it belongs to the model `digits`; ", "12 of its tensors missing: `h.1.scale`, `train_step/step`, ",
                   "not in the model: ", "`fc.bias`"});
  CHECK_EQUAL(nnrt_save(r.model, (r.folder / "w").c_str()), NN_OK);
  r.refuse(readFile(r.folder / "w"),
           {"its metadata is not that of a checkpoint (a file of weights alone is read by load); "
            "11 of its tensors missing: `train_step/step`"});
  CHECK_EQUAL(nnrt_resume(r.model, (r.folder / "nothing").c_str()), NN_FILE);
  CHECK_CONTAINS(r.error(), "can not be opened: No such file or directory");
}

CASE(resume, truncationAtEveryByte) {
  Resumer r;
  std::vector<float> out = r.run();
  for (size_t size = 0; size < r.good.size(); ++size) {
    CHECK_EQUAL(r.resume(r.good.substr(0, size)), NN_FILE);
    CHECK(!r.error().empty() && r.run() == out);
  }
  CHECK(r.everything() == r.before);
  CHECK_EQUAL(r.resume(r.good), NN_OK);
}

CASE(resume, everyBitFlipped) {
  Resumer r;
  std::string path = r.folder / "c";
  writeFile(path, r.good);
  std::vector<float> out = r.run();
  int descriptor = open(path.c_str(), O_WRONLY), accepted = 0;
  for (size_t bit = 0; bit < r.good.size() * 8; ++bit) {
    char flipped = static_cast<char>(r.good[bit / 8] ^ 1 << bit % 8);
    CHECK_EQUAL(pwrite(descriptor, &flipped, 1, static_cast<off_t>(bit / 8)), 1);
    nn_status status = nnrt_resume(r.model, path.c_str());
    CHECK_EQUAL(pwrite(descriptor, &r.good[bit / 8], 1, static_cast<off_t>(bit / 8)), 1);
    if (status == NN_OK) { // in "format" or in what does not count as text
      ++accepted;
      CHECK(r.everything() == r.good);
      r.steps(3, 5);
      continue;
    }
    CHECK(status != NN_MEMORY && !r.error().empty() && r.run() == out);
  }
  CHECK(r.everything() == r.before);
  close(descriptor);
  CHECK(accepted < 150);
}

CASE(resume, tornInTheMiddle) {
  // Zeros where a block of the disk was never written.
  Resumer r;
  uint64_t header;
  memcpy(&header, r.good.data(), 8);
  for (size_t at = 8 + header; at < r.good.size(); at += 64) {
    std::string torn = r.good;
    memset(torn.data() + at, 0, std::min<size_t>(64, torn.size() - at));
    if (torn != r.good)
      r.refuse(torn, {"is damaged: its values are not those that were written"});
  }
}
