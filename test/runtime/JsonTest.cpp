// The JSON cursor: what it takes and what it refuses.
#include "runtime/Json.h"
#include "Check.h"

#include <string>

using nnrt::Json;

/// True if all of the text is one value.
static bool isValue(std::string text) {
  Json json(text.data(), text.size());
  return json.skip() && !json.peek() && json.at == json.end;
}

/// The decoded string, or "!".
static std::string decoded(std::string text) {
  Json json(text.data(), text.size());
  char *start;
  size_t count;
  return json.string(start, count) && json.at == json.end ? std::string(start, count) : "!";
}

CASE(json, values) {
  for (const char *good :
       {"0",         "-0",        "12",    "1.5",         "-1.5e10",   "1E+5",
        "2e-3",      "\"\"",      "\"a\"", "true",        "false",     "null",
        "[]",        "{}",        "[1]",   " [ 1 , 2 ] ", "{\"a\":1}", "{\"a\":[{}, {\"b\":[]}],\"c\":null}",
        "[[[]],[]]", "\t\r\n[\n]"})
    CHECK_EQUAL(isValue(good) ? std::string("") : good, std::string(""));
  for (const char *bad :
       {"",      "01",    "+1",      "1.",       ".5",        "1e",     "1e+",      "-",        "--1",
        "\"",    "\"\\",  "\"\\x\"", "\"\n\"",   "\"\\u12\"", "tru",    "nul",      "truex",    "[",
        "[1",    "[1,",   "[1,]",    "[,]",      "{",         "{\"a\"", "{\"a\":",  "{\"a\":1", "{\"a\":1,}",
        "{a:1}", "{1:1}", "[}",      "{]",       "[1 2]",     "1 2",    "]",        "}",        ",",
        ":",     "'a'",   "NaN",     "Infinity", "//",        "[1]]",   "{\"a\" 1}"})
    CHECK_EQUAL(isValue(bad) ? std::string(bad) : "", std::string(""));
  CHECK(!isValue(std::string("1\0", 2)));
  CHECK(!isValue(std::string("\0", 1)));
}

CASE(json, depth) {
  auto nested = [](int depth, const char *open, const char *close) {
    std::string text;
    for (int i = 0; i < depth; ++i)
      text += open;
    text += "1";
    for (int i = 0; i < depth; ++i)
      text += close;
    return text;
  };
  CHECK(isValue(nested(64, "[", "]")));
  CHECK(!isValue(nested(65, "[", "]")));
  CHECK(isValue(nested(64, "{\"a\":", "}")));
  CHECK(!isValue(nested(1'000'000, "[", "]")));
  CHECK(!isValue(std::string(1'000'000, '[')));
  CHECK(isValue(nested(32, "[{\"a\":", "}]")));
}

CASE(json, strings) {
  CHECK_EQUAL(decoded("\"abc\""), "abc");
  CHECK_EQUAL(decoded("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""), "\"\\/\b\f\n\r\t");
  CHECK_EQUAL(decoded("\"\\u0041\\u00e9\\u20AC\\ud83d\\ude00\""), "A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
  CHECK_EQUAL(decoded("\"a\\u0000b\""), std::string("a\0b", 3));
  for (const char *bad : {"\"\\ud83d\"", "\"\\ude00\"", "\"\\ude00\\ude00\"", "\"\\ud83d\\u0041\"", "\"\\ud83dx\"",
                          "\"\\ud83d\\", "\"\\u\"", "\"\\u00g0\"", "\"\\U0041\"", "\"\x01\"", "abc"})
    CHECK_EQUAL(decoded(bad), "!");
  CHECK_EQUAL(decoded(std::string("\"\\\0\"", 4)), "!");
}

CASE(json, integers) {
  auto parse = [](std::string text, uint64_t &value) {
    Json json(text.data(), text.size());
    return json.whole(value) && json.at == json.end;
  };
  uint64_t value;
  CHECK(parse("0", value) && value == 0);
  CHECK(parse(" 42", value) && value == 42);
  CHECK(parse("18446744073709551615", value) && value == UINT64_MAX);
  for (const char *bad :
       {"18446744073709551616", "99999999999999999999999", "-1", "1.0", "1e3", "01", "", "x", "\"1\"", "true"})
    CHECK(!parse(bad, value));
}

CASE(json, utf8) {
  auto valid = [](const std::string &text) {
    size_t bad;
    return nnrt::validUtf8(text.data(), text.size(), &bad);
  };
  for (const char *good : {"", "abc", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80",
                           "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"})
    CHECK(valid(good));
  for (const char *bad :
       {"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc2", "\xc2\x41", "\xe0\x9f\xbf", "\xe2\x82", "\xed\xa0\x80",
        "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xf0\x90\x80", "\xff", "\xfe", "a\xe2\x82z"})
    CHECK(!valid(bad));
  size_t place = 0;
  CHECK(!nnrt::validUtf8("ab\xff", 3, &place) && place == 2);
}
