// A case is a function with a name in a group; CHECK notes what does not hold and goes on.
#ifndef NNC_TEST_RUNTIME_CHECK_H
#define NNC_TEST_RUNTIME_CHECK_H

#include <cstdint>
#include <sstream>
#include <string>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

namespace test {

struct Case {
  Case(const char *group, const char *name, void (*run)());
};

/// Prints the first failures of a case, counts all.
void fail(const char *file, int line, const std::string &what);
/// Says why the rest of this case does not apply here.
void skip(const std::string &why);

template <typename T> std::string show(const T &value) {
  std::ostringstream out;
  out << value;
  return out.str();
}

} // namespace test

#define CASE(GROUP, NAME)                                                                                              \
  static void NAME();                                                                                                  \
  static const test::Case case_##NAME(#GROUP, #NAME, NAME);                                                            \
  static void NAME()

#define CHECK(CONDITION)                                                                                               \
  do {                                                                                                                 \
    if (!(CONDITION))                                                                                                  \
      test::fail(__FILE__, __LINE__, #CONDITION);                                                                      \
  } while (false)

#define CHECK_EQUAL(ACTUAL, EXPECTED)                                                                                  \
  do {                                                                                                                 \
    auto actual = ACTUAL;                                                                                              \
    decltype(actual) expected = EXPECTED;                                                                              \
    if (!(actual == expected))                                                                                         \
      test::fail(__FILE__, __LINE__, #ACTUAL " is `" + test::show(actual) + "`, not `" + test::show(expected) + "`");  \
  } while (false)

#define CHECK_CONTAINS(TEXT, PART)                                                                                     \
  do {                                                                                                                 \
    std::string whole = TEXT, part = PART;                                                                             \
    if (whole.find(part) == std::string::npos)                                                                         \
      test::fail(__FILE__, __LINE__, #TEXT " is `" + whole + "`, without `" + part + "`");                             \
  } while (false)

#endif // NNC_TEST_RUNTIME_CHECK_H
