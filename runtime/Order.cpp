// Rows in order. An element becomes an unsigned number that is ordered as elements are: NaN is the largest, -0 is 0. In
// descending order all bits are turned, so that equal elements keep their order either way.
#include "runtime/Abi.h"

#include <string.h>

namespace {

/// The bits of a float as a number: negative ones below, in reverse.
template <typename T> uint64_t keyOfFloat(T bits, T infinity) {
  constexpr T sign = static_cast<T>(T(1) << (sizeof(T) * 8 - 1));
  T magnitude = static_cast<T>(bits & ~sign);
  if (magnitude > infinity)
    return static_cast<T>(~T(0));
  if (!magnitude)
    return sign;
  return static_cast<T>(bits & sign ? ~bits : bits | sign);
}

template <typename T> T read(const void *at) {
  T value;
  memcpy(&value, at, sizeof value);
  return value;
}

struct Row {
  const char *x;
  int64_t step; ///< in bytes
  int32_t type;
  bool descending;

  uint64_t ascendingKey(int64_t i) const {
    const char *at = x + i * step;
    switch (type) {
    case NN_F64:
      return keyOfFloat<uint64_t>(read<uint64_t>(at), 0x7ff0000000000000u);
    case NN_F32:
      return keyOfFloat<uint32_t>(read<uint32_t>(at), 0x7f800000u);
    case NN_F16:
      return keyOfFloat<uint16_t>(read<uint16_t>(at), 0x7c00u);
    case NN_BF16:
      return keyOfFloat<uint16_t>(read<uint16_t>(at), 0x7f80u);
    case NN_I64:
      return read<uint64_t>(at) ^ (uint64_t(1) << 63);
    case NN_I32:
      return read<uint32_t>(at) ^ (uint32_t(1) << 31);
    case NN_I8:
      return static_cast<uint8_t>(read<uint8_t>(at) ^ 0x80u);
    default: // bool: any nonzero byte is true
      return read<uint8_t>(at) != 0;
    }
  }
  bool isWide() const { return type == NN_F64 || type == NN_I64; }
  /// Of elements of at most 32 bits the key has 32.
  uint64_t key(int64_t i) const {
    uint64_t k = ascendingKey(i);
    return descending ? (isWide() ? ~k : ~k & 0xffffffffu) : k;
  }
};

int64_t bytesOf(int32_t type) {
  switch (type) {
  case NN_F64:
  case NN_I64:
    return 8;
  case NN_F32:
  case NN_I32:
    return 4;
  case NN_F16:
  case NN_BF16:
    return 2;
  default:
    return 1;
  }
}

/// Runs of 16 by insertion, then merges of neighbours between `items` and `other`. Returns where the result is.
template <typename Less> uint64_t *sortItems(uint64_t *items, uint64_t *other, int64_t n, Less less) {
  constexpr int64_t first = 16;
  for (int64_t from = 0; from < n; from += first) {
    int64_t to = from + first < n ? from + first : n;
    for (int64_t i = from + 1; i < to; ++i) {
      uint64_t item = items[i];
      int64_t j = i;
      for (; j > from && less(item, items[j - 1]); --j)
        items[j] = items[j - 1];
      items[j] = item;
    }
  }
  for (int64_t run = first; run < n; run *= 2) {
    for (int64_t from = 0; from < n; from += 2 * run) {
      int64_t middle = from + run < n ? from + run : n, to = from + 2 * run < n ? from + 2 * run : n;
      int64_t i = from, j = middle;
      for (int64_t k = from; k < to; ++k)
        other[k] = i < middle && (j == to || !less(items[j], items[i])) ? items[i++] : items[j++];
    }
    uint64_t *swap = items;
    items = other;
    other = swap;
  }
  return items;
}

constexpr int64_t kFew = 32;

/// The `count` first ones, kept in order while the row is read.
void pick(const Row &row, int64_t size, int64_t count, uint64_t *positions) {
  uint64_t keys[kFew];
  int64_t held = 0;
  for (int64_t i = 0; i < size && count; ++i) {
    uint64_t key = row.key(i);
    if (held == count && key >= keys[count - 1])
      continue;
    int64_t j = held < count ? held++ : count - 1;
    for (; j > 0 && key < keys[j - 1]; --j) {
      keys[j] = keys[j - 1];
      positions[j] = positions[j - 1];
    }
    keys[j] = key;
    positions[j] = static_cast<uint64_t>(i);
  }
}

/// Positions of all elements in order.
const uint64_t *sort(const Row &row, int64_t size, uint64_t *room) {
  uint64_t *other = room + size;
  if (row.isWide() || size > int64_t(0xffffffff)) {
    for (int64_t i = 0; i < size; ++i)
      room[i] = static_cast<uint64_t>(i);
    return sortItems(room, other, size, [&](uint64_t a, uint64_t b) {
      return row.key(static_cast<int64_t>(a)) < row.key(static_cast<int64_t>(b));
    });
  }
  // Key and position in one number.
  for (int64_t i = 0; i < size; ++i)
    room[i] = row.key(i) << 32 | static_cast<uint64_t>(i);
  uint64_t *sorted = sortItems(room, other, size, [](uint64_t a, uint64_t b) { return a < b; });
  for (int64_t i = 0; i < size; ++i)
    sorted[i] &= 0xffffffffu;
  return sorted;
}
} // namespace

extern "C" void nnrt_order(int32_t type, int32_t descending, const void *x, int64_t stride, void *values,
                           int64_t values_stride, int64_t *positions, int64_t positions_stride, int64_t size,
                           int64_t count, uint64_t *room) {
  int64_t bytes = bytesOf(type);
  Row row{static_cast<const char *>(x), stride * bytes, type, descending != 0};
  uint64_t few[kFew];
  const uint64_t *order = few;
  if (room)
    order = sort(row, size, room);
  else
    pick(row, size, count, few);
  char *to = static_cast<char *>(values);
  for (int64_t i = 0; i < count; ++i) {
    int64_t at = static_cast<int64_t>(order[i]);
    positions[i * positions_stride] = at;
    memcpy(to + i * values_stride * bytes, row.x + at * row.step, static_cast<size_t>(bytes));
  }
}
