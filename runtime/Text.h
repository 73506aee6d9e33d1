// Text that grows: messages (bounded, for people) and headers of files (not bounded).
#ifndef NNC_RUNTIME_TEXT_H
#define NNC_RUNTIME_TEXT_H

#include "runtime/Memory.h"

#include <string.h>

namespace nnrt {

/// A NUL-terminated text. What goes beyond `limit`, or beyond the memory there is, is left out and `cut` is set.
struct Text {
  static constexpr size_t kMessage = 64 << 10;

  explicit Text(size_t limit = kMessage) : limit(limit) {}
  ~Text();
  Text(const Text &) = delete;

  const char *get() const { return data ? data : ""; }
  /// Makes room, so that this much more can be added without an allocation.
  bool reserve(size_t more);
  void clear();

  Text &add(const char *text, size_t count);
  /// A name that somebody else chose: in backquotes, shortened, control characters shown as '?'.
  Text &name(const char *text, size_t count);
  Text &name(const char *text) { return name(text, text ? strlen(text) : 0); }
  Text &shape(const int64_t *shape, int32_t rank);
  Text &operator<<(const char *text) { return add(text, text ? strlen(text) : 0); }
  Text &operator<<(int64_t number);
  Text &whole(uint64_t number);
  /// 16 digits.
  Text &hexadecimal(uint64_t number);

  char *data = nullptr;
  size_t length = 0, capacity = 0, limit;
  bool cut = false;
};

/// A list inside a message: items are separated by commas; when the text is nearly full the rest is only counted.
struct List {
  explicit List(Text &text) : text(text) {}
  /// True: add the item now. False: it is counted.
  bool next();
  /// " and 17 more", if so.
  void finish();

  Text &text;
  int64_t count = 0, left = 0;
};

} // namespace nnrt
#endif // NNC_RUNTIME_TEXT_H
