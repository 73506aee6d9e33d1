#include "runtime/Json.h"

#include <string.h>

namespace nnrt {

bool validUtf8(const char *text, size_t count, size_t *bad) {
  const unsigned char *s = reinterpret_cast<const unsigned char *>(text);
  size_t i = 0;
  while (i < count) {
    *bad = i;
    unsigned c = s[i];
    if (c < 0x80) {
      ++i;
      continue;
    }
    size_t more = c >= 0xF0 ? 3 : c >= 0xE0 ? 2 : 1;
    if (c < 0xC2 || c > 0xF4 || more >= count - i)
      return false;
    // The second byte rules out overlong forms, surrogates and what lies beyond U+10FFFF.
    unsigned low = c == 0xE0 ? 0xA0 : c == 0xF0 ? 0x90 : 0x80;
    unsigned high = c == 0xED ? 0x9F : c == 0xF4 ? 0x8F : 0xBF;
    if (s[i + 1] < low || s[i + 1] > high)
      return false;
    for (size_t k = 2; k <= more; ++k)
      if ((s[i + k] & 0xC0) != 0x80)
        return false;
    i += more + 1;
  }
  return true;
}

bool Json::fail(const char *expected) {
  if (!problem)
    problem = expected;
  return false;
}

char Json::peek() {
  if (problem)
    return 0;
  while (at < end && (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r'))
    ++at;
  return at < end ? *at : 0;
}

bool Json::take(char mark, const char *expected) { return accept(mark) || fail(expected); }

bool Json::another(char close, bool &first, const char *expected) {
  if (accept(close))
    return false;
  if (!first && !take(',', expected))
    return false;
  first = false;
  return !problem;
}

bool Json::hex(uint32_t &code) {
  code = 0;
  if (end - at < 4)
    return fail("four hexadecimal digits");
  for (int i = 0; i < 4; ++i, ++at) {
    char c = *at;
    int digit = c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
    if (digit < 0)
      return fail("four hexadecimal digits");
    code = code * 16 + static_cast<uint32_t>(digit);
  }
  return true;
}

/// Writes a code point, at most as many bytes as its escape had.
static char *encode(char *to, uint32_t code) {
  if (code < 0x80) {
    *to++ = static_cast<char>(code);
    return to;
  }
  int more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
  constexpr uint8_t lead[] = {0, 0xC0, 0xE0, 0xF0};
  *to++ = static_cast<char>(lead[more] | code >> (6 * more));
  while (more--)
    *to++ = static_cast<char>(0x80 | (code >> (6 * more) & 0x3F));
  return to;
}

bool Json::string(char *&text, size_t &count) {
  if (!take('"', "a string"))
    return false;
  text = at;
  char *to = at;
  while (at < end && *at != '"') {
    if (static_cast<unsigned char>(*at) < 0x20)
      return fail("no control character in a string");
    if (*at != '\\') {
      *to++ = *at++;
      continue;
    }
    ++at;
    static constexpr char marks[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
    const char *mark = at < end && *at ? strchr(marks, *at) : nullptr;
    if (mark) {
      *to++ = meanings[mark - marks];
      ++at;
      continue;
    }
    if (at == end || *at != 'u')
      return fail("an escape sequence of JSON");
    ++at;
    uint32_t code, low;
    if (!hex(code))
      return false;
    if (code >= 0xD800 && code < 0xE000) { // a pair of surrogates
      if (code >= 0xDC00 || end - at < 2 || at[0] != '\\' || at[1] != 'u')
        return fail("a pair of surrogates");
      at += 2;
      if (!hex(low))
        return false;
      if (low < 0xDC00 || low >= 0xE000)
        return fail("a pair of surrogates");
      code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    }
    to = encode(to, code);
  }
  if (at == end)
    return fail("the end of the string");
  ++at;
  count = static_cast<size_t>(to - text);
  return true;
}

bool Json::whole(uint64_t &value) {
  char *start = (peek(), at);
  value = 0;
  for (; at < end && *at >= '0' && *at <= '9'; ++at) {
    uint64_t digit = static_cast<uint64_t>(*at - '0');
    if (value > (UINT64_MAX - digit) / 10)
      return fail("an integer below 2^64");
    value = value * 10 + digit;
  }
  bool leadingZero = at - start > 1 && *start == '0';
  if (problem || at == start || leadingZero || (at < end && (*at == '.' || (*at | 32) == 'e')))
    return fail("an integer, 0 or more");
  return true;
}

bool Json::number() {
  auto digits = [this] {
    char *start = at;
    while (at < end && *at >= '0' && *at <= '9')
      ++at;
    return at - start;
  };
  if (*at == '-')
    ++at;
  char *first = at;
  auto count = digits();
  bool good = count == 1 || (count > 1 && *first != '0');
  if (at < end && *at == '.')
    ++at, good &= digits() > 0;
  if (at < end && (*at | 32) == 'e') {
    ++at;
    if (at < end && (*at == '+' || *at == '-'))
      ++at;
    good &= digits() > 0;
  }
  return good || fail("a number");
}

bool Json::skip() {
  uint64_t objects = 0; // one bit per open level, the innermost lowest: is it an object?
  int depth = 0;
  bool first = false; // nothing stands before the next value in its container
  char *text;
  size_t count;
  for (;;) {
    char c = peek();
    if (c == '{' || c == '[') {
      if (depth == 64)
        return fail("fewer than 64 levels of nesting");
      ++at, ++depth;
      objects = objects << 1 | (c == '{');
      first = true;
    } else if (c == '"') {
      string(text, count);
    } else if (c == '-' || (c >= '0' && c <= '9')) {
      number();
    } else {
      static constexpr char words[][6] = {"true", "false", "null"};
      const char *word = c == 't' ? words[0] : c == 'f' ? words[1] : words[2];
      size_t length = strlen(word);
      if (problem || static_cast<size_t>(end - at) < length || memcmp(at, word, length))
        return fail("a value");
      at += length;
    }
    // The value is complete, or a container has just been opened: close containers until another value comes.
    for (;;) {
      if (problem)
        return false;
      if (!depth)
        return true;
      bool object = objects & 1;
      if (another(object ? '}' : ']', first, object ? "`,` or `}`" : "`,` or `]`")) {
        if (object && !(string(text, count) && take(':', "`:`")))
          return false;
        break;
      }
      first = false;
      --depth;
      objects >>= 1;
    }
  }
}

} // namespace nnrt
