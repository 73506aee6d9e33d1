// The header of a .safetensors file that anybody may have made. The checks, after those of SafetensorsReader.cpp:
//   1. the header is UTF-8, JSON, an object of tensors; `__metadata__` maps strings to strings
//   2. no name twice
//   3. sorted by place, each tensor starts where the one before it ended, and the last one ends with the file
//   4. each tensor's shape times the size of its type is its number of bytes, without overflow
// What 2 to 4 find is listed, all of it. Time is linear in the header but for the sort.
#include "runtime/Json.h"
#include "runtime/Safetensors.h"

#include <stdlib.h>
#include <sys/random.h>

namespace nnrt {

static constexpr int64_t kTensors = 1 << 20;
static constexpr size_t kName = 4096;

namespace {
struct FileType {
  char name[8];
  uint8_t bits;
  int8_t type;
};
constexpr FileType kTypes[] = {
    {"F64", 64, NN_F64}, {"F32", 32, NN_F32}, {"F16", 16, NN_F16},  {"BF16", 16, NN_BF16}, {"I64", 64, NN_I64},
    {"I32", 32, NN_I32}, {"I8", 8, NN_I8},    {"BOOL", 8, NN_BOOL}, {"U64", 64, -1},       {"U32", 32, -1},
    {"U16", 16, -1},     {"U8", 8, -1},       {"I16", 16, -1},      {"C64", 64, -1},       {"F8_E4M3", 8, -1},
    {"F8_E5M2", 8, -1},  {"F8_E8M0", 8, -1},  {"F6_E2M3", 6, -1},   {"F6_E3M2", 6, -1},    {"F4", 4, -1},
};

const FileType *findType(const char *name, size_t length) {
  for (const FileType &type : kTypes)
    if (strnlen(type.name, sizeof type.name) == length && !memcmp(type.name, name, length))
      return &type;
  return nullptr;
}

int byPlace(const void *a, const void *b) {
  auto &x = *static_cast<const FileTensor *>(a), &y = *static_cast<const FileTensor *>(b);
  if (x.begin != y.begin)
    return x.begin < y.begin ? -1 : 1;
  return x.end != y.end ? (x.end < y.end ? -1 : 1) : 0;
}

bool equal(const char *text, size_t count, const char *word) {
  return strlen(word) == count && !memcmp(text, word, count);
}
} // namespace

/// `: {"dtype": .., "shape": [..], "data_offsets": [begin, end]}`; other members are skipped.
bool SafetensorsFile::parseTensor(Json &json, FileTensor &tensor) {
  enum { kType = 1, kShape = 2, kPlace = 4 };
  int seen = 0;
  uint64_t size;
  bool first = true;
  json.take('{', "`{`");
  while (json.another('}', first, "`,` or `}`")) {
    char *key;
    size_t length;
    if (!json.string(key, length) || !json.take(':', "`:`"))
      return false;
    int member = equal(key, length, "dtype")          ? kType
                 : equal(key, length, "shape")        ? kShape
                 : equal(key, length, "data_offsets") ? kPlace
                                                      : 0;
    if (seen & member)
      return json.fail("each member of a tensor once");
    seen |= member;
    if (member == kType) {
      char *type;
      if (!json.string(type, length))
        return false;
      const FileType *found = findType(type, length);
      tensor.type = type;
      tensor.typeLength = static_cast<uint32_t>(length);
      tensor.known = found ? found->type : -1;
    } else if (member == kShape) {
      bool firstSize = true;
      json.take('[', "`[`");
      tensor.shape = json.at;
      while (json.another(']', firstSize, "`,` or `]`") && json.whole(size))
        ++tensor.rank;
      tensor.shapeLength = json.problem ? 0 : static_cast<uint32_t>(json.at - 1 - tensor.shape);
    } else if (member == kPlace) {
      json.take('[', "`[`") && json.whole(tensor.begin) && json.take(',', "`,`") && json.whole(tensor.end) &&
          json.take(']', "`]`");
    } else {
      json.skip();
    }
  }
  return !json.problem &&
         (seen == (kType | kShape | kPlace) || json.fail("`dtype`, `shape` and `data_offsets` before"));
}

/// Sizes of a shape's text, which has been parsed before.
static bool nextSize(Json &json, bool &first, uint64_t &size) {
  return json.another(']', first, "") && json.whole(size);
}

bool FileTensor::hasShape(const int64_t *sizes, int32_t count) const {
  Json json(const_cast<char *>(shape), shapeLength + 1);
  bool first = true;
  uint64_t size;
  int32_t i = 0;
  for (; nextSize(json, first, size); ++i)
    if (i >= count || size != static_cast<uint64_t>(sizes[i]))
      return false;
  return i == count;
}

void FileTensor::showShape(Text &text) const {
  Json json(const_cast<char *>(shape), shapeLength + 1);
  bool first = true;
  uint64_t size;
  text << "[";
  for (int32_t i = 0; i < 16 && nextSize(json, first, size); ++i)
    text << (i ? ", " : "") << static_cast<int64_t>(size);
  text << (rank > 16 ? ", ..]" : "]");
}

/// NULL, or what is wrong with the number of bytes.
static const char *checkSize(const FileTensor &tensor) {
  const FileType *type = findType(tensor.type, tensor.typeLength);
  if (!type)
    return nullptr; // of a later version of the format: nobody can ask for it
  Json json(const_cast<char *>(tensor.shape), tensor.shapeLength + 1);
  uint64_t bits = type->bits, product = 1, size;
  bool first = true;
  while (nextSize(json, first, size))
    if (__builtin_mul_overflow(product, size, &product))
      return "its shape is too large";
  if (__builtin_mul_overflow(product, bits, &product))
    return "its shape is too large";
  return product % 8 || product / 8 != tensor.end - tensor.begin ? "its shape does not fit its number of bytes"
                                                                 : nullptr;
}

uint64_t hashBytes(uint64_t start, const void *data, uint64_t bytes) {
  uint64_t hash = start ^ bytes, word = 0;
  auto *from = static_cast<const char *>(data);
  auto mix = [&] {
    __uint128_t product = static_cast<__uint128_t>(hash ^ word) * (0x9E3779B97F4A7C15u ^ (start << 1));
    hash = static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64) ^ start;
  };
  for (; bytes >= 8; bytes -= 8, from += 8) {
    memcpy(&word, from, 8);
    mix();
  }
  if (bytes) {
    word = 0;
    memcpy(&word, from, bytes);
    mix();
  }
  return hash ^ hash >> 29;
}

/// The hash starts with a secret, so that nobody can choose names that collide.
nn_status SafetensorsFile::findDuplicates(Text &message, List &problems) {
  uint64_t secret = 0;
  if (getrandom(&secret, sizeof secret, GRND_NONBLOCK) != sizeof secret)
    secret = reinterpret_cast<uintptr_t>(header.data) * 0x9E3779B97F4A7C15u;
  uint64_t slots = 16;
  while (slots < static_cast<uint64_t>(count) * 2)
    slots *= 2;
  ScopedBlock index;
  if (!allocate(index, static_cast<int64_t>(slots * 4)))
    return noMemory(message);
  uint32_t *slot = reinterpret_cast<uint32_t *>(index.data);
  for (int64_t i = 0; i < count; ++i) {
    const FileTensor &tensor = tensors[i];
    auto isOther = [&](const FileTensor &other) {
      return other.nameLength != tensor.nameLength || memcmp(other.name, tensor.name, tensor.nameLength);
    };
    uint64_t at = hashBytes(secret, tensor.name, tensor.nameLength) & (slots - 1);
    while (slot[at] && isOther(tensors[slot[at] - 1]))
      at = (at + 1) & (slots - 1);
    if (!slot[at])
      slot[at] = static_cast<uint32_t>(i + 1);
    else if (problems.next())
      (problems.text << "two tensors are called ").name(tensor.name, tensor.nameLength);
  }
  return NN_OK;
}

/// Sorts the tensors by place.
void SafetensorsFile::findMisplaced(List &problems) {
  bool sorted = true;
  for (int64_t i = 1; i < count && sorted; ++i)
    sorted = byPlace(&tensors[i - 1], &tensors[i]) <= 0;
  if (!sorted)
    qsort(tensors, static_cast<size_t>(count), sizeof(FileTensor), byPlace);
  uint64_t place = 0, data = static_cast<uint64_t>(before.st_size) - dataStart;
  for (int64_t i = 0; i < count; ++i) {
    const FileTensor &tensor = tensors[i];
    const char *problem = tensor.begin != place       ? "it does not start where the one before it ends"
                          : tensor.end < tensor.begin ? "it ends before it starts"
                          : tensor.end > data         ? "it ends after the end of the file"
                                                      : checkSize(tensor);
    if (problem && problems.next())
      (problems.text << "tensor ").name(tensor.name, tensor.nameLength) << ": " << problem;
    place = tensor.end;
  }
  if (place < data && problems.next())
    problems.text << "bytes after the last tensor";
}

/// `{"key": "value", ..}`.
bool SafetensorsFile::parseMetadata(Json &json) {
  char *key, *value;
  size_t keyLength, length;
  bool first = true;
  json.take('{', "`{`");
  while (json.another('}', first, "`,` or `}`")) {
    if (!json.string(key, keyLength) || !json.take(':', "`:`") || !json.string(value, length))
      break;
    for (int32_t i = 0; i < fieldCount; ++i)
      if (equal(key, keyLength, fields[i].key)) {
        fields[i].value = value;
        fields[i].length = static_cast<uint32_t>(length);
        ++fields[i].times;
      }
  }
  return !json.problem;
}

nn_status SafetensorsFile::parse(Text &message, Text *problems) {
  uint64_t length = dataStart - 8;
  size_t bad;
  if (!validUtf8(header.data, length, &bad)) {
    nn_status status = fail(message, "its header is not UTF-8 at byte ");
    message << static_cast<int64_t>(bad);
    return status;
  }

  // The shortest tensor takes more than 40 bytes, so this table is at most 1.6 times as large as the header.
  int64_t most = static_cast<int64_t>(length / 40) + 1;
  most = most < kTensors ? most : kTensors;
  if (!allocate(table, most * static_cast<int64_t>(sizeof(FileTensor))))
    return noMemory(message);
  tensors = reinterpret_cast<FileTensor *>(table.data);
  Json json(header.data, length);
  bool first = true, metadata = false;
  json.take('{', "`{`");
  while (json.another('}', first, "`,` or `}`")) {
    char *name;
    size_t nameLength;
    if (!json.string(name, nameLength) || !json.take(':', "`:`"))
      break;
    if (equal(name, nameLength, "__metadata__")) {
      if (metadata) {
        json.fail("`__metadata__` once");
        break;
      }
      metadata = true;
      parseMetadata(json);
      continue;
    }
    if (nameLength > kName || count == most) {
      json.fail(nameLength > kName ? "a name of at most 4096 bytes" : "at most 1,048,576 tensors");
      break;
    }
    FileTensor &tensor = tensors[count++];
    tensor.name = name;
    tensor.nameLength = static_cast<uint32_t>(nameLength);
    parseTensor(json, tensor);
  }
  if (!json.problem && (json.peek() || json.at != json.end))
    json.fail("nothing after the header's last `}`");
  if (json.problem) {
    nn_status status = fail(message, "byte ");
    message << static_cast<int64_t>(json.at - json.begin) << " of its header: expected " << json.problem;
    return status;
  }

  Text own;
  List list(problems ? *problems : own);
  if (nn_status status = findDuplicates(message, list))
    return status;
  findMisplaced(list);
  list.finish();
  return problems || !list.count ? NN_OK : fail(message, own.get());
}

} // namespace nnrt
