// A cursor over JSON text in memory. Nothing recurses and nothing is allocated, so no text can exhaust anything;
// strings are decoded in place. After the first problem every call fails.
#ifndef NNC_RUNTIME_JSON_H
#define NNC_RUNTIME_JSON_H

#include <stddef.h>
#include <stdint.h>

namespace nnrt {

/// True if the bytes are well-formed UTF-8; else `bad` is the first byte that is not.
bool validUtf8(const char *text, size_t count, size_t *bad);

struct Json {
  char *begin, *at, *end; ///< *end may be read and is 0
  const char *problem;    ///< NULL, or what was expected at `at`

  Json(char *text, size_t count) : begin(text), at(text), end(text + count), problem(nullptr) {}

  bool fail(const char *expected);
  /// The next byte that is not white space, 0 at the end; it is not consumed.
  char peek();
  /// Consumes this punctuation mark, or fails.
  bool take(char mark, const char *expected);
  /// Consumes the mark if it is next.
  bool accept(char mark) { return peek() == mark && mark ? (++at, true) : false; }
  /// Between the members of an object or the elements of an array that ends with `close`: true if there is another one.
  /// `first` is true before the first and is cleared.
  bool another(char close, bool &first, const char *expected);

  /// A string. `text` points into the buffer and ends before its closing quote's old place; it may contain NULs.
  bool string(char *&text, size_t &count);
  /// An integer in 0 .. 2^64 - 1 without fraction or exponent.
  bool whole(uint64_t &value);
  /// Any value, at most 64 levels deep.
  bool skip();

private:
  bool number();
  bool hex(uint32_t &code);
};

} // namespace nnrt
#endif // NNC_RUNTIME_JSON_H
