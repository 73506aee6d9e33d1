#include "dialect/Dim.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/raw_ostream.h"

#include <algorithm>
#include <numeric>

using namespace nn;
using llvm::StringRef;

namespace {
// What no program means. Beyond this a size counts as overflowed: a few lines could ask for 2^30 terms.
constexpr size_t mostTerms = 1000, mostProducts = 4096, longestAtom = 4096;
constexpr int32_t highestPower = 1000;

int64_t floorQuotient(int64_t a, int64_t b) {
  int64_t q = a / b;
  return q * b != a && (a < 0) != (b < 0) ? q - 1 : q;
}
/// The order of terms: more factors first, then by name, so that "2 * B * N + B + 1" prints as people write it.
int compare(const std::vector<Dim::Factor> &a, const std::vector<Dim::Factor> &b) {
  if (a.size() != b.size())
    return a.size() > b.size() ? -1 : 1;
  for (auto [x, y] : llvm::zip(a, b)) {
    if (x.atom.text != y.atom.text)
      return x.atom.text < y.atom.text ? -1 : 1;
    if (x.power != y.power)
      return x.power > y.power ? -1 : 1;
  }
  return 0;
}
/// num / den in lowest terms with a positive denominator.
void reduce(int64_t &num, int64_t &den) {
  if (den < 0)
    num = -num, den = -den;
  if (int64_t g = std::gcd(num, den); g > 1)
    num /= g, den /= g;
}
bool isIntegral(const Dim::Term &t) {
  return t.den == 1 && llvm::all_of(t.factors, [](const Dim::Factor &f) { return f.power > 0; });
}
} // namespace

Dim::Dim(int64_t value) {
  if (value)
    sum.push_back({value, 1, {}});
}

Dim Dim::ofTerm(Term term) {
  Dim d;
  d.sum.push_back(std::move(term));
  return d;
}

Dim Dim::ofAtom(Atom atom, int32_t power) {
  bool tooLong = atom.text.size() > longestAtom;
  Dim d = ofTerm({1, 1, {{std::move(atom), power}}});
  d.overflow = tooLong;
  return d;
}

Dim Dim::symbol(StringRef name) { return ofAtom({AtomKind::Symbol, name.str(), nullptr, nullptr}); }

bool Dim::isConstant() const { return sum.empty() || (sum.size() == 1 && sum[0].factors.empty() && sum[0].den == 1); }

int64_t Dim::constant() const { return sum.empty() ? 0 : sum[0].num; }

std::optional<int64_t> Dim::asConstant() const {
  if (isConstant() && !overflow)
    return constant();
  return std::nullopt;
}

std::optional<StringRef> Dim::asSymbol() const {
  if (sum.size() != 1 || sum[0].num != 1 || sum[0].den != 1 || sum[0].factors.size() != 1)
    return std::nullopt;
  const Factor &f = sum[0].factors[0];
  if (f.power != 1 || f.atom.kind != AtomKind::Symbol)
    return std::nullopt;
  return StringRef(f.atom.text);
}

void Dim::add(const Term &term) {
  auto at = llvm::find_if(sum, [&](const Term &t) { return compare(t.factors, term.factors) >= 0; });
  if (at == sum.end() || compare(at->factors, term.factors) != 0) {
    sum.insert(at, term);
    return;
  }
  int64_t a, b, num, den;
  overflow = overflow || __builtin_mul_overflow(at->num, term.den, &a) ||
             __builtin_mul_overflow(term.num, at->den, &b) || __builtin_add_overflow(a, b, &num) ||
             __builtin_mul_overflow(at->den, term.den, &den);
  if (overflow)
    return;
  reduce(num, den);
  if (num == 0)
    sum.erase(at);
  else
    at->num = num, at->den = den;
}

Dim nn::operator+(const Dim &a, const Dim &b) {
  Dim r = a;
  r.overflow |= b.overflow || a.sum.size() + b.sum.size() > mostTerms;
  if (r.overflow)
    return r;
  for (const Dim::Term &t : b.sum)
    r.add(t);
  return r;
}

Dim nn::operator-(const Dim &a, const Dim &b) { return a + Dim(-1) * b; }

Dim nn::operator*(const Dim &a, const Dim &b) {
  Dim r;
  r.overflow = a.overflow || b.overflow || a.sum.size() * b.sum.size() > mostProducts;
  if (r.overflow)
    return r;
  for (const Dim::Term &x : a.sum)
    for (const Dim::Term &y : b.sum) {
      Dim::Term t = x;
      r.overflow =
          r.overflow || __builtin_mul_overflow(x.num, y.num, &t.num) || __builtin_mul_overflow(x.den, y.den, &t.den);
      if (r.overflow)
        return r;
      reduce(t.num, t.den);
      for (const Dim::Factor &f : y.factors) {
        auto at = llvm::find_if(t.factors, [&](const Dim::Factor &g) { return !(g.atom < f.atom); });
        if (at == t.factors.end() || !(at->atom == f.atom))
          t.factors.insert(at, f);
        else if ((at->power += f.power) == 0)
          t.factors.erase(at);
        else
          r.overflow |= std::abs(at->power) > highestPower;
      }
      r.add(t);
    }
  return r;
}

std::optional<Dim> Dim::exactDiv(const Dim &a, const Dim &b) {
  if (b.sum.empty())
    return std::nullopt;
  if (a.overflow || b.overflow) {
    Dim r;
    r.overflow = true;
    return r;
  }
  if (b.sum.size() == 1) { // a monomial: the inverse is a monomial as well
    Term inverse = b.sum[0];
    std::swap(inverse.num, inverse.den);
    reduce(inverse.num, inverse.den);
    for (Factor &f : inverse.factors)
      f.power = -f.power;
    Dim r = a * ofTerm(inverse);
    if (a.isConstant() && b.isConstant() && !r.isConstant())
      return std::nullopt;
    return r;
  }
  if (a.sum.size() == b.sum.size()) { // a multiple of b by a constant or a monomial?
    std::optional<Dim> ratio = exactDiv(ofTerm(a.sum[0]), ofTerm(b.sum[0]));
    if (ratio && *ratio * b == a)
      return ratio;
  }
  auto group = std::make_shared<const Dim>(b);
  return a * ofAtom({AtomKind::Group, "(" + b.str() + ")", group, nullptr}, -1);
}

bool Dim::alwaysDivides(const Dim &a, const Dim &b) {
  std::optional<Dim> q = exactDiv(a, b);
  return q && llvm::all_of(q->sum, isIntegral);
}

std::optional<Dim> Dim::floorDiv(const Dim &a, const Dim &b) {
  if (b.sum.empty())
    return std::nullopt;
  if (a.overflow || b.overflow)
    return exactDiv(a, b);
  if (alwaysDivides(a, b))
    return exactDiv(a, b);
  Dim whole, rest = a;
  if (b.isConstant()) { // take out what b divides: floor((3 L + 5) / 2) is L + 2 + floor((L + 1) / 2)
    rest = Dim();
    for (const Term &t : a.sum) {
      int64_t q = isIntegral(t) ? floorQuotient(t.num, b.constant()) : 0;
      if (q)
        whole.add({q, 1, t.factors});
      if (int64_t r = t.num - q * b.constant())
        rest.add({r, t.den, t.factors});
    }
    if (rest.isConstant())
      return whole + Dim(floorQuotient(rest.constant(), b.constant()));
  }
  auto num = std::make_shared<const Dim>(rest), den = std::make_shared<const Dim>(b);
  return whole + ofAtom({AtomKind::Floor, "floordiv(" + rest.str() + ", " + b.str() + ")", num, den});
}

Dim Dim::substitute(llvm::function_ref<std::optional<Dim>(StringRef)> value) const {
  Dim r;
  r.overflow = overflow;
  for (const Term &t : sum) {
    Dim product = ofTerm({t.num, t.den, {}});
    for (const Factor &f : t.factors) {
      Dim base;
      switch (f.atom.kind) {
      case AtomKind::Symbol:
        base = value(f.atom.text).value_or(symbol(f.atom.text));
        break;
      case AtomKind::Floor:
        base = floorDiv(f.atom.num->substitute(value), f.atom.den->substitute(value)).value_or(Dim());
        break;
      case AtomKind::Group:
        base = f.atom.num->substitute(value);
        break;
      }
      for (int32_t i = 0; i < std::abs(f.power); ++i)
        product = f.power > 0 ? product * base : exactDiv(product, base).value_or(Dim());
    }
    r = r + product;
  }
  return r;
}

void Dim::forEachSymbol(llvm::function_ref<void(StringRef)> see) const {
  for (const Term &t : sum)
    for (const Factor &f : t.factors) {
      if (f.atom.kind == AtomKind::Symbol)
        see(f.atom.text);
      if (f.atom.num)
        f.atom.num->forEachSymbol(see);
      if (f.atom.den)
        f.atom.den->forEachSymbol(see);
    }
}

std::optional<int64_t> Dim::evaluate(llvm::function_ref<int64_t(StringRef)> value) const {
  if (overflow)
    return std::nullopt;
  Dim d = substitute([&](StringRef name) { return std::optional<Dim>(Dim(value(name))); });
  return d.asConstant();
}

void Dim::print(llvm::raw_ostream &os) const {
  if (sum.empty()) {
    os << 0;
    return;
  }
  for (auto [i, t] : llvm::enumerate(sum)) {
    int64_t n = t.num;
    if (i)
      os << (n < 0 ? " - " : " + ");
    else if (n < 0)
      os << "-";
    n = n < 0 ? -n : n;
    bool first = true;
    auto times = [&](const llvm::Twine &text) {
      os << (first ? "" : " * ") << text;
      first = false;
    };
    if (n != 1 || llvm::none_of(t.factors, [](const Factor &f) { return f.power > 0; }))
      times(llvm::Twine(n));
    for (const Factor &f : t.factors)
      for (int32_t k = 0; k < f.power; ++k)
        times(f.atom.text);
    for (const Factor &f : t.factors)
      for (int32_t k = 0; k < -f.power; ++k)
        os << " / " << f.atom.text;
    if (t.den != 1)
      os << " / " << t.den;
  }
}

std::string Dim::str() const {
  std::string s;
  llvm::raw_string_ostream os(s);
  print(os);
  return s;
}

bool Dim::operator==(const Dim &other) const {
  return overflow == other.overflow && sum.size() == other.sum.size() &&
         llvm::all_of(llvm::zip(sum, other.sum), [](auto pair) {
           const auto &[a, b] = pair;
           return a.num == b.num && a.den == b.den && a.factors == b.factors;
         });
}

llvm::hash_code nn::hash_value(const Dim &d) {
  llvm::hash_code h = llvm::hash_value(d.sum.size());
  for (const Dim::Term &t : d.sum) {
    h = llvm::hash_combine(h, t.num, t.den);
    for (const Dim::Factor &f : t.factors)
      h = llvm::hash_combine(h, f.power, f.atom.text);
  }
  return h;
}

bool Shape::isConstant() const {
  return llvm::all_of(dims, [](const Dim &d) { return d.isConstant(); });
}

Dim Shape::count() const {
  Dim n = 1;
  for (const Dim &d : dims)
    n = n * d;
  return n;
}

Shape Shape::rowMajorStrides() const {
  Shape s;
  s.dims.assign(rank(), Dim(1));
  for (size_t i = rank(); i-- > 1;)
    s[i - 1] = s[i] * dims[i];
  return s;
}

Shape Shape::substitute(llvm::function_ref<std::optional<Dim>(StringRef)> value) const {
  Shape s;
  for (const Dim &d : dims)
    s.dims.push_back(d.substitute(value));
  return s;
}

std::string Shape::str() const {
  std::string s = "[";
  for (auto [i, d] : llvm::enumerate(dims))
    s += (i ? ", " : "") + d.str();
  return s + "]";
}

llvm::hash_code nn::hash_value(const Shape &s) { return llvm::hash_combine_range(s.dims.begin(), s.dims.end()); }
