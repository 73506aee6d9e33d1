#include "test/runner/Formula.h"

#include <cmath>
#include <cstring>

// Contracting a product and a sum would give other bits than Python.
#pragma STDC FP_CONTRACT OFF

static const struct {
  const char *name;
  nn_type type;
  size_t bytes;
} types[] = {{"f64", NN_F64, 8}, {"f32", NN_F32, 4}, {"f16", NN_F16, 2}, {"bf16", NN_BF16, 2},
             {"i64", NN_I64, 8}, {"i32", NN_I32, 4}, {"i8", NN_I8, 1},   {"bool", NN_BOOL, 1}};

std::optional<nn_type> typeByName(const std::string &name) {
  for (auto &t : types)
    if (name == t.name)
      return t.type;
  return std::nullopt;
}
size_t byteSize(nn_type type) { return types[type].bytes; }
bool isFloat(nn_type type) { return type <= NN_BF16; }

template <typename T> static T get(const void *memory, size_t i) {
  T value;
  memcpy(&value, (const char *)memory + i * sizeof(T), sizeof(T));
  return value;
}
template <typename T> static void put(void *memory, size_t i, T value) {
  memcpy((char *)memory + i * sizeof(T), &value, sizeof(T));
}

static float fromBf16(uint16_t half) {
  uint32_t word = uint32_t(half) << 16;
  float value;
  memcpy(&value, &word, 4);
  return value;
}
static uint16_t toBf16(float value) {
  uint32_t word;
  memcpy(&word, &value, 4);
  if (std::isnan(value))
    return uint16_t(word >> 16 | 0x40);
  return uint16_t((word + 0x7fff + (word >> 16 & 1)) >> 16);
}

double load(const void *memory, nn_type type, size_t i) {
  switch (type) {
  case NN_F64:
    return get<double>(memory, i);
  case NN_F32:
    return get<float>(memory, i);
  case NN_F16:
    return double(get<_Float16>(memory, i));
  case NN_BF16:
    return fromBf16(get<uint16_t>(memory, i));
  default:
    return double(int64_t(loadInteger(memory, type, i)));
  }
}

uint64_t loadInteger(const void *memory, nn_type type, size_t i) {
  switch (type) {
  case NN_I64:
    return uint64_t(get<int64_t>(memory, i));
  case NN_I32:
    return uint64_t(int64_t(get<int32_t>(memory, i)));
  case NN_I8:
    return uint64_t(int64_t(get<int8_t>(memory, i)));
  default:
    return get<uint8_t>(memory, i);
  }
}

void store(void *memory, nn_type type, size_t i, double value) {
  switch (type) {
  case NN_F64:
    return put(memory, i, value);
  case NN_F32:
    return put(memory, i, float(value));
  case NN_F16: // by way of f32, as the script does
    return put(memory, i, _Float16(float(value)));
  case NN_BF16:
    return put(memory, i, toBf16(float(value)));
  case NN_I64:
    return put(memory, i, int64_t(value));
  case NN_I32:
    return put(memory, i, int32_t(value));
  case NN_I8:
    return put(memory, i, int8_t(value));
  case NN_BOOL:
    return put(memory, i, uint8_t(value));
  }
}

uint64_t keyOf(const std::string &name) { // FNV-1a
  uint64_t key = 0xcbf29ce484222325;
  for (unsigned char c : name)
    key = (key ^ c) * 0x100000001b3;
  return key;
}
uint64_t bits(uint64_t key, size_t i) { // splitmix64
  uint64_t z = key + (i + 1) * 0x9e3779b97f4a7c15;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
  z = (z ^ z >> 27) * 0x94d049bb133111eb;
  return z ^ z >> 31;
}
double unit(uint64_t key, size_t i) { return double(bits(key, i) >> 11) * 0x1p-53; }

Edge edge(const std::string &kind, const std::string &name, int64_t sources, int64_t targets, int64_t edges,
          int64_t e) {
  if (kind == "members")
    return {e, e * targets / edges};
  int64_t part = kind == "narrow" ? 2 : 1, s = (sources + part - 1) / part, t = (targets + part - 1) / part;
  return {int64_t(double(s) * unit(keyOf(name + ".source"), size_t(e))),
          int64_t(double(t) * unit(keyOf(name + ".target"), size_t(e)))};
}

double element(const Kind &kind, uint64_t key, size_t i) {
  const std::vector<double> &n = kind.numbers;
  if (kind.name == "uniform") {
    double scaled = (n[1] - n[0]) * unit(key, i);
    return n[0] + scaled;
  }
  if (kind.name == "grid")
    return (std::floor((2 * n[0] + 1) * unit(key, i)) - n[0]) / n[1];
  if (kind.name == "int")
    return n[0] + std::floor((n[1] - n[0]) * unit(key, i));
  if (kind.name == "values")
    return n[i % n.size()];
  return double(i); // count
}
