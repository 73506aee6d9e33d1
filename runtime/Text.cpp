#include "runtime/Text.h"

#include <stdlib.h>

namespace nnrt {

/// Longest part of a foreign name that a message shows.
static constexpr size_t kShown = 200;
/// Kept free at the end of a message for what closes a list.
static constexpr size_t kTail = 2 * kShown + 600;

Text::~Text() { free(data); }

void Text::clear() {
  length = 0;
  cut = false;
  if (data)
    data[0] = 0;
}

bool Text::reserve(size_t more) {
  size_t need = length + more + 1;
  if (need <= capacity)
    return true;
  size_t grown = capacity * 2 > need ? capacity * 2 : need + 64;
  char *bigger = static_cast<char *>(realloc(data, grown));
  if (!bigger)
    return false;
  bigger[length] = 0;
  data = bigger;
  capacity = grown;
  return true;
}

Text &Text::add(const char *text, size_t count) {
  if (cut)
    return *this;
  if (count > limit - length) {
    count = limit - length;
    cut = true;
  }
  if (!reserve(count)) {
    cut = true;
    if (!capacity)
      return *this;
    count = capacity - 1 - length;
  }
  if (count)
    memcpy(data + length, text, count);
  length += count;
  data[length] = 0;
  return *this;
}

Text &Text::name(const char *text, size_t count) {
  size_t shown = count;
  if (shown > kShown) {
    shown = kShown;
    while (shown && (text[shown] & 0xC0) == 0x80) // not in the middle of a character
      --shown;
  }
  add("`", 1);
  size_t from = length;
  add(text, shown);
  for (size_t i = from; i < length; ++i)
    if (static_cast<unsigned char>(data[i]) < 0x20 || data[i] == 0x7F)
      data[i] = '?';
  return *this << (shown < count ? "..`" : "`");
}

Text &Text::shape(const int64_t *shape, int32_t rank) {
  *this << "[";
  for (int32_t i = 0; i < rank; ++i)
    *this << (i ? ", " : "") << shape[i];
  return *this << "]";
}

Text &Text::operator<<(int64_t number) {
  return number < 0 ? (*this << "-").whole(-static_cast<uint64_t>(number)) : whole(static_cast<uint64_t>(number));
}

Text &Text::whole(uint64_t number) {
  char digits[24];
  int at = sizeof digits;
  do
    digits[--at] = static_cast<char>('0' + number % 10);
  while (number /= 10);
  return add(digits + at, sizeof digits - at);
}

Text &Text::hexadecimal(uint64_t number) {
  char digits[16];
  for (int i = 0; i < 16; ++i)
    digits[i] = "0123456789abcdef"[number >> (60 - 4 * i) & 15];
  return add(digits, sizeof digits);
}

bool List::next() {
  ++count;
  if (left || text.length + kTail > text.limit) {
    ++left;
    return false;
  }
  text << (count > 1 ? ", " : "");
  return true;
}

void List::finish() {
  if (left)
    text << " and " << left << " more";
}

} // namespace nnrt
