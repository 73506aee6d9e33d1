// Sizes as polynomials. A Dim is a sum of terms with rational coefficients over powers of atoms; an atom is a free
// dimension ("B"), a floored quotient, or a sum that something was divided by. Dims are kept in normal form, so two
// sizes that are equal as expressions compare equal: `C / 2 + C / 2` is `C`, `B * N / B` is `N`.
//
// Exact quotients are written as negative powers and rational coefficients. That a quotient is exact is a condition of
// its own, which whoever divides records (see exactDiv); a Dim only says what the value is when the condition holds.
#ifndef NNC_DIALECT_DIM_H
#define NNC_DIALECT_DIM_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/Hashing.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace llvm {
class raw_ostream;
}

namespace nn {

class Dim {
public:
  /// Sizes and their products stay below this, so that index arithmetic in 64 bits can not overflow.
  static constexpr int64_t kLimit = int64_t(1) << 47;

  Dim() = default; ///< zero
  Dim(int64_t value);
  static Dim symbol(llvm::StringRef name);

  bool isConstant() const;
  bool isConstant(int64_t value) const { return isConstant() && constant() == value; }
  /// The value of a constant Dim.
  int64_t constant() const;
  std::optional<int64_t> asConstant() const;
  /// The name if this is a plain free dimension.
  std::optional<llvm::StringRef> asSymbol() const;
  /// A coefficient left the range of 64 bits on the way here; the Dim means nothing then.
  bool overflowed() const { return overflow; }

  friend Dim operator+(const Dim &a, const Dim &b);
  friend Dim operator-(const Dim &a, const Dim &b);
  friend Dim operator*(const Dim &a, const Dim &b);
  /// a / b where the remainder is known, or will be checked, to be zero. Empty if b is zero, or if both are constants
  /// and there is a remainder.
  static std::optional<Dim> exactDiv(const Dim &a, const Dim &b);
  /// True if the quotient a / b is an integer for every value of the free dimensions.
  static bool alwaysDivides(const Dim &a, const Dim &b);
  /// floor(a / b); empty if b is the constant 0.
  static std::optional<Dim> floorDiv(const Dim &a, const Dim &b);

  /// Replaces free dimensions; those for which `value` gives nothing stay.
  Dim substitute(llvm::function_ref<std::optional<Dim>(llvm::StringRef)> value) const;
  /// Calls `see` with each free dimension, in order, possibly several times.
  void forEachSymbol(llvm::function_ref<void(llvm::StringRef)> see) const;
  /// The value at given free dimensions; empty on overflow or a remainder.
  std::optional<int64_t> evaluate(llvm::function_ref<int64_t(llvm::StringRef)> value) const;

  std::string str() const;
  void print(llvm::raw_ostream &os) const;

  bool operator==(const Dim &other) const;
  bool operator!=(const Dim &other) const { return !(*this == other); }
  /// A fixed total order, that of the printed form.
  bool operator<(const Dim &other) const { return str() < other.str(); }
  friend llvm::hash_code hash_value(const Dim &d);

  // The normal form, for whoever turns a Dim into code.
  enum class AtomKind : uint8_t { Symbol, Floor, Group };
  struct Atom {
    AtomKind kind;
    std::string text;                    ///< the printed form; decides equality and order
    std::shared_ptr<const Dim> num, den; ///< Floor: both; Group: num
    bool operator==(const Atom &o) const { return text == o.text; }
    bool operator<(const Atom &o) const { return text < o.text; }
  };
  struct Factor {
    Atom atom;
    int32_t power; ///< not zero; negative for an exact quotient
    bool operator==(const Factor &o) const { return power == o.power && atom == o.atom; }
  };
  struct Term {
    int64_t num = 0, den = 1;    ///< num != 0, den > 0, reduced
    std::vector<Factor> factors; ///< sorted by atom
  };
  llvm::ArrayRef<Term> terms() const { return sum; }

private:
  static Dim ofTerm(Term term);
  static Dim ofAtom(Atom atom, int32_t power = 1);
  void add(const Term &term);
  std::vector<Term> sum; ///< sorted by factors; no two with the same factors
  bool overflow = false;
};

/// Sizes of all axes.
struct Shape {
  std::vector<Dim> dims;

  Shape() = default;
  Shape(std::initializer_list<Dim> d) : dims(d) {}
  Shape(llvm::ArrayRef<Dim> d) : dims(d.begin(), d.end()) {}

  size_t rank() const { return dims.size(); }
  const Dim &operator[](size_t i) const { return dims[i]; }
  Dim &operator[](size_t i) { return dims[i]; }
  auto begin() const { return dims.begin(); }
  auto end() const { return dims.end(); }
  bool isConstant() const;
  Dim count() const; ///< product of all sizes
  Shape rowMajorStrides() const;
  Shape substitute(llvm::function_ref<std::optional<Dim>(llvm::StringRef)> value) const;
  std::string str() const; ///< "[B, 64]"
  bool operator==(const Shape &o) const { return dims == o.dims; }
  bool operator!=(const Shape &o) const { return dims != o.dims; }
  friend llvm::hash_code hash_value(const Shape &s);
};

} // namespace nn
#endif // NNC_DIALECT_DIM_H
