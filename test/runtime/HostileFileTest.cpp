// Files that are not what they should be: truncated, flipped, forged, enormous, or no files at all. The reader says
// NN_FILE, the model stays as it was.
#include "Check.h"
#include "Safetensors.h"
#include "runtime/Safetensors.h"

#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

using namespace test;

namespace {
/// Loads bytes into a model of the test's table.
struct Loader {
  nn_status load(const std::string &bytes) {
    writeFile(folder / "m", bytes);
    return nnrt_load(session.model, (folder / "m").c_str());
  }
  /// The file is refused, for this reason, and the model is as before.
  void refuse(const std::string &bytes, const char *reason) {
    nn_status status = load(bytes);
    CHECK_EQUAL(status, NN_FILE);
    CHECK_CONTAINS(session.error(), reason);
    CHECK(intact());
  }
  bool intact() { return session.getFloats("fc.bias", {3}) == std::vector<float>{5, 6, 7}; }
  void reset() { CHECK_EQUAL(session.setFloats("fc.bias", {3}, {5, 6, 7}), NN_OK); }

  Loader() { reset(); }
  Folder folder;
  Session session;
};

/// Of the processor, not of the clock on the wall: others may be busy on this machine.
double seconds(clock_t since) { return static_cast<double>(clock() - since) / CLOCKS_PER_SEC; }
} // namespace

CASE(hostile, truncationAtEveryByte) {
  Loader loader;
  std::string good = file(allTensors());
  for (size_t size = 0; size < good.size(); ++size)
    loader.refuse(good.substr(0, size), "");
  CHECK_EQUAL(loader.load(good), NN_OK);
  loader.reset();
  loader.refuse(good + "x", "bytes after the last tensor");
}

CASE(hostile, everyBitFlipped) {
  Loader loader;
  std::string good = file(allTensors());
  size_t header = good.size() - 124;
  int accepted = 0;
  std::string path = loader.folder / "m";
  writeFile(path, good);
  int descriptor = open(path.c_str(), O_WRONLY);
  for (size_t bit = 0; bit < good.size() * 8; ++bit) {
    char flipped = static_cast<char>(good[bit / 8] ^ 1 << bit % 8);
    CHECK_EQUAL(pwrite(descriptor, &flipped, 1, static_cast<off_t>(bit / 8)), 1);
    nn_status status = nnrt_load(loader.session.model, path.c_str());
    CHECK_EQUAL(pwrite(descriptor, &good[bit / 8], 1, static_cast<off_t>(bit / 8)), 1);
    CHECK(status == NN_OK || (status == NN_FILE && loader.intact() && !loader.session.error().empty()));
    CHECK(status == NN_OK || bit / 8 < header);
    accepted += status == NN_OK && bit / 8 < header;
    if (status == NN_OK)
      loader.reset();
  }
  close(descriptor);
  CHECK(accepted < 200); // a space for a tab, the name of a buffer
}

CASE(hostile, brokenHeaders) {
  Loader loader;
  loader.refuse("", "less than 8 bytes");
  loader.refuse(std::string("<\0\0\0\0\xff\xff\xff", 8), "larger than 100,000,000 bytes");
  loader.refuse(std::string("\xff\xff\xff\xff\xff\xff\xff\xff", 8), "larger than 100,000,000 bytes");
  loader.refuse(std::string("\x3c\0\0\0\0\0\0\0", 8), "longer than the file");
  loader.refuse(std::string("\xe8\x03\0\0\0\0\0\0{}", 10), "longer than the file");
  loader.refuse(file("\xff", ""), "not UTF-8 at byte 0");
  loader.refuse(file("{", ""), "byte 1 of its header: expected a string");
  loader.refuse(file("", ""), "expected `{`");
  loader.refuse(file("[]", ""), "expected `{`");
  loader.refuse(file("null", ""), "expected `{`");
  loader.refuse(file("{}{}", ""), "nothing after the header's last `}`");
  loader.refuse(file(std::string("{}\0", 3), ""), "nothing after");
  loader.refuse(file("{}", ""), "8 of its tensors missing: `fc.weight`, `fc.bias`, `h.2.scale`");
  loader.refuse(file("{\"__metadata__\":{\"a\":1}}", ""), "expected a string");
  loader.refuse(file("{\"__metadata__\":{},\"__metadata__\":{}}", ""), "`__metadata__` once");
  loader.refuse(file("{\"__metadata__\":[]}", ""), "expected `{`");
  loader.refuse(file("{\"a\":1}", ""), "expected `{`");
  loader.refuse(file("{\"a\":{}}", ""), "`dtype`, `shape` and `data_offsets`");
  loader.refuse(file("{\"a\":{\"dtype\":\"F32\",\"shape\":[]}}", ""), "`dtype`, `shape` and `data_offsets`");
  loader.refuse(file("{\"a\":{\"dtype\":\"F32\",\"dtype\":\"F32\"}}", ""), "each member of a tensor once");
  loader.refuse(file("{\"a\":{\"dtype\":5}}", ""), "expected a string");
  std::string name(5000, 'n');
  loader.refuse(file("{\"" + name + "\":{}}", ""), "at most 4096 bytes");
}

CASE(hostile, forgedPlaces) {
  Loader loader;
  auto one = [](const char *shape, const char *place, const char *type = "F32") {
    return std::string("{\"a\":{\"dtype\":\"") + type + "\",\"shape\":" + shape + ",\"data_offsets\":" + place + "}}";
  };
  std::string data(16, 0);
  loader.refuse(file(one("[4]", "[0,17]"), data), "after the end of the file");
  loader.refuse(file(one("[4]", "[0,15]"), data), "does not fit its number of bytes");
  loader.refuse(file(one("[3]", "[0,12]"), data), "bytes after the last tensor");
  loader.refuse(file(one("[3]", "[4,16]"), data), "does not start where");
  loader.refuse(file(one("[4]", "[16,0]"), data), "does not start where");
  loader.refuse(file(one("[0]", "[0,18446744073709551615]"), data), "after the end of the file");
  loader.refuse(file(one("[4]", "[18446744073709551615,15]"), data), "does not start where");
  loader.refuse(file(one("[4]", "[0,18446744073709551616]"), data), "an integer below 2^64");
  for (const char *place :
       {"[-1,16]", "[0.0,16]", "[0,1.6e1]", "[\"0\",16]", "[0]", "[0,16,0]", "{}", "[]", "16", "[true,16]"})
    loader.refuse(file(one("[4]", place), data), "of its header: expected");
  for (const char *shape : {"[-1]", "[1.0]", "[true]", "[4", "4", "[[4]]", "[\"4\"]", "[4,]", "[,4]", "null"})
    loader.refuse(file(one(shape, "[0,16]"), data), "of its header: expected");
  loader.refuse(file(one("[2,18446744073709551614]", "[0,16]"), data), "too large");
  loader.refuse(file(one("[2,9223372036854775807]", "[0,16]"), data), "too large");
  loader.refuse(file(one("[65536,65536,65536,65536]", "[0,16]"), data), "too large");
  loader.refuse(file(one("[4611686018427387904]", "[0,16]"), data), "too large");
  loader.refuse(file(one("[3]", "[0,2]", "F4"), "ab"), "does not fit");
  loader.refuse(file(one("[4]", "[0,2]", "F4"), "ab"), "of its tensors missing"); // sound, but not ours
  std::string many = "[1";
  for (int i = 0; i < 1000; ++i)
    many += ",1";
  loader.refuse(file(one((many + "]").c_str(), "[0,4]"), "abcd"), "of its tensors missing");
  std::string overlap = "{";
  for (int i = 0; i < 10; ++i)
    overlap += std::string(i ? "," : "") + "\"t" + std::to_string(i) +
               "\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0,16]}";
  loader.refuse(file(overlap + "}", data), "does not start where the one before it ends");
}

CASE(hostile, duplicates) {
  Loader loader;
  std::vector<Tensor> tensors = allTensors();
  tensors.push_back(tensors[1]);
  loader.refuse(file(tensors), "two tensors are called `fc.bias`");
  std::string escaped = file("{\"a\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]},"
                             "\"\\u0061\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}}",
                             "");
  loader.refuse(escaped, "two tensors are called `a`");
}

CASE(hostile, oddButValid) {
  Loader loader;
  std::vector<Tensor> tensors = allTensors();
  tensors.push_back({"", "U64", "[1]", "12345678"});
  tensors.push_back({"../../etc/passwd", "C64", "[]", "12345678"});
  tensors.push_back({"future", "F1", "[8]", "x"});
  std::string bytes = file(tensors);
  CHECK_EQUAL(loader.load(bytes), NN_OK);
  CHECK_CONTAINS(loader.session.error(), "``, `../../etc/passwd`, `future`");
  // White space around the header, members in another order, unknown members, data at an odd address.
  std::string header =
      " \n{ \"__metadata__\" : { \"a\" : \"b\" , \"a\":\"c\"} , \"fc.bias\" : { \"data_offsets\" : [ 0 , 12 ] ,\r\n"
      "\"note\":[{\"deep\":[1,2.5e3,null]}], \"shape\" : [ 3 ] , \"dtype\" : \"F32\" } }  \t ";
  while (header.size() % 2 == 0)
    header += " ";
  Folder folder;
  float values[] = {1, 2, 3};
  writeFile(folder / "n", file(header, std::string(reinterpret_cast<char *>(values), 12)));
  CHECK_EQUAL(nnrt_load_part(loader.session.model, "", (folder / "n").c_str()), NN_OK);
  CHECK_EQUAL(loader.session.getFloats("fc.bias", {3})[2], 3.0f);
}

CASE(hostile, deepNesting) {
  Loader loader;
  auto start = clock();
  for (const char *open : {"[", "{\"a\":"}) {
    std::string nested = "{\"a\":{\"x\":";
    for (int i = 0; i < 1'000'000; ++i)
      nested += open;
    loader.refuse(file(nested, ""), "fewer than 64 levels");
  }
  CHECK(seconds(start) < 5);
}

CASE(hostile, aMillionTensors) {
  Loader loader;
  std::vector<Tensor> tensors;
  for (int i = 0; i < 1'000'000; ++i)
    tensors.push_back({"t" + std::to_string(i), "U8", "[1]", "x"});
  for (const Tensor &tensor : allTensors())
    tensors.push_back(tensor);
  std::string bytes = file(tensors);
  auto start = clock();
  CHECK_EQUAL(loader.load(bytes), NN_OK);
  CHECK_CONTAINS(loader.session.error().substr(60'000), " more");
  CHECK(seconds(start) < (SANITIZED ? 60 : 6));
  loader.reset();
  // The same in the reverse order of their places, all in one place, all of one name.
  std::string reverse = "{", same = "{", name = "{";
  for (int i = 0; i < 1'000'000; ++i) {
    std::string place = "[" + std::to_string(999'999 - i) + "," + std::to_string(1'000'000 - i) + "]}";
    std::string text =
        std::string(i ? "," : "") + "\"t" + std::to_string(i) + "\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":";
    reverse += text + place;
    same += text + "[0,1]}";
    name += std::string(i ? "," : "") + "\"t\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}";
  }
  start = clock();
  loader.refuse(file(reverse + "}", std::string(1'000'000, 'x')), "of its tensors missing");
  loader.refuse(file(same + "}", "x"), "does not start where");
  loader.refuse(file(name + "}", ""), "two tensors are called `t`");
  std::string tooMany = "{";
  for (int i = 0; i < 1'100'000; ++i)
    tooMany += std::string(i ? "," : "") + "\"" + std::to_string(i) +
               "\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}";
  loader.refuse(file(tooMany + "}", ""), "at most 1,048,576 tensors");
  CHECK(seconds(start) < (SANITIZED ? 100 : 12));
}

CASE(hostile, notRegularFiles) {
  Loader loader;
  auto refuse = [&](const std::string &path, const char *reason) {
    CHECK_EQUAL(nnrt_load(loader.session.model, path.c_str()), NN_FILE);
    CHECK_CONTAINS(loader.session.error(), reason);
    CHECK(loader.intact());
  };
  CHECK_EQUAL(mkfifo((loader.folder / "pipe").c_str(), 0600), 0);
  int listener = socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address = {AF_UNIX, {}};
  strncpy(address.sun_path, (loader.folder / "socket").c_str(), sizeof address.sun_path - 1);
  CHECK_EQUAL(bind(listener, reinterpret_cast<sockaddr *>(&address), sizeof address), 0);
  alarm(20); // a reader that waits would wait for ever
  refuse(loader.folder / "pipe", "is not a regular file");
  refuse(loader.folder.path, "is not a regular file");
  refuse("/dev/zero", "is not a regular file");
  refuse("/dev/null", "is not a regular file");
  refuse(loader.folder / "socket", "can not be opened");
  refuse(loader.folder / "nothing", "can not be opened: No such file or directory");
  refuse("", "can not be opened: No such file or directory");
  refuse(std::string(5000, 'x'), "can not be opened: File name too long");
  refuse(loader.folder / "nothing/x", "can not be opened");
  alarm(0);
  close(listener);
}

CASE(hostile, largeSparseFile) {
  // More than 4 GB, nearly all of it a hole, and a tensor that is not in the model at all.
  Loader loader;
  std::string header = "{\"big\":{\"dtype\":\"U8\",\"shape\":[5000000000],\"data_offsets\":[0,5000000000]},"
                       "\"fc.bias\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[5000000000,5000000012]}}";
  std::string bytes = file(header, "");
  writeFile(loader.folder / "m", bytes);
  CHECK_EQUAL(truncate((loader.folder / "m").c_str(), static_cast<off_t>(bytes.size() + 5'000'000'012)), 0);
  CHECK_EQUAL(nnrt_load_part(loader.session.model, "", (loader.folder / "m").c_str()), NN_OK);
  CHECK_EQUAL(loader.session.getFloats("fc.bias", {3})[2], 0.0f);
}

CASE(hostile, changedWhileRead) {
  Folder folder;
  std::string path = folder / "m", good = file(allTensors());
  char buffer[64];
  for (bool shorter : {true, false}) {
    writeFile(path, good);
    nnrt::SafetensorsFile reader;
    nnrt::Text message;
    CHECK_EQUAL(reader.open(path.c_str(), message), NN_OK);
    CHECK(reader.read(reader.tensors[0], 0, buffer, 0, message) && reader.unchanged(message));
    if (shorter) {
      CHECK_EQUAL(truncate(path.c_str(), static_cast<off_t>(good.size() - 130)), 0);
      int64_t last = reader.count - 1;
      while (reader.tensors[last].begin == reader.tensors[last].end)
        --last;
      CHECK(!reader.read(reader.tensors[last], 0, buffer, 1, message));
      CHECK_CONTAINS(message.get(), "became shorter");
    } else {
      writeFile(path, good + "more");
    }
    message.clear();
    CHECK(!reader.unchanged(message));
    CHECK_CONTAINS(message.get(), "was changed while it was read");
  }
}
