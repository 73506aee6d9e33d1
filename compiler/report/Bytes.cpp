#include "compiler/report/Bytes.h"
#include "compiler/memory/Places.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace nnc;
using namespace nnc::report;
using llvm::StringRef;
using nn::Dim;

/// floor((x + 63) / 64), which a term is a multiple of 64 of: x. Empty for all other atoms.
static std::optional<Dim> roundedUp(const Dim::Atom &atom) {
  if (atom.kind != Dim::AtomKind::Floor || !atom.den->isConstant(kAlignment))
    return std::nullopt;
  return *atom.num - Dim(kAlignment - 1);
}

Dim nnc::report::withoutRounding(const Dim &size) {
  Dim result = 0;
  for (const Dim::Term &term : size.terms()) {
    Dim product = term.num;
    bool rounded = false;
    for (const Dim::Factor &factor : term.factors) {
      std::optional<Dim> inside = roundedUp(factor.atom);
      if (inside && !rounded && factor.power == 1 && term.num % kAlignment == 0 && term.den == 1) {
        rounded = true;
        product = *Dim::exactDiv(product, kAlignment) * *inside;
        continue;
      }
      Dim atom = factor.atom.kind == Dim::AtomKind::Symbol  ? Dim::symbol(factor.atom.text)
                 : factor.atom.kind == Dim::AtomKind::Floor ? *Dim::floorDiv(*factor.atom.num, *factor.atom.den)
                                                            : *factor.atom.num;
      for (int32_t i = 0; i < std::abs(factor.power); ++i)
        product = factor.power > 0 ? product * atom : *Dim::exactDiv(product, atom);
    }
    result = result + *Dim::exactDiv(product, term.den);
  }
  return result;
}

/// Whether a >= b where all sizes are at least 1: no coefficient of their difference is negative when each size is
/// written as 1 + x.
static bool isNeverLess(const Dim &a, const Dim &b) {
  Dim difference = (a - b).substitute([](StringRef name) { return std::optional(Dim::symbol(name) + Dim(1)); });
  return !difference.overflowed() && llvm::all_of(difference.terms(), [](const Dim::Term &term) {
    return term.num >= 0 && llvm::all_of(term.factors, [](const Dim::Factor &factor) {
             return factor.atom.kind == Dim::AtomKind::Symbol && factor.power > 0;
           });
  });
}

std::string Bytes::Most::key() const {
  return llvm::join(llvm::map_range(of, [](const Bytes &b) { return b.sum.str() + "|" + b.str(); }), ", ");
}

Bytes Bytes::max(const Bytes &a, const Bytes &b) {
  Most both{1, {}};
  for (const Bytes *side : {&a, &b}) {
    bool isLargest = side->sum.isConstant(0) && side->most.size() == 1 && side->most[0].times.isConstant(1);
    for (const Bytes &one : isLargest ? side->most[0].of : std::vector<Bytes>{*side})
      if (!one.isPolynomial() ||
          llvm::none_of(both.of, [&](const Bytes &o) { return o.isPolynomial() && o.sum == one.sum; }))
        both.of.push_back(one);
  }
  if (both.of.size() == 1)
    return both.of[0];
  Bytes result;
  result.most.push_back(std::move(both));
  return result;
}

Bytes nnc::report::operator+(const Bytes &a, const Bytes &b) {
  Bytes result = a;
  result.sum = a.sum + b.sum;
  for (const Bytes::Most &more : b.most) {
    auto same = llvm::find_if(result.most, [&](const Bytes::Most &m) { return m.key() == more.key(); });
    if (same == result.most.end())
      result.most.push_back(more);
    else
      same->times = same->times + more.times;
  }
  return result;
}

Bytes Bytes::times(const Dim &factor) const {
  Bytes result(sum * factor);
  for (const Most &m : most)
    result.most.push_back({m.times * factor, m.of});
  return result;
}

std::optional<int64_t> Bytes::evaluate(llvm::function_ref<int64_t(StringRef)> value) const {
  std::optional<int64_t> total = sum.evaluate(value);
  for (const Most &m : most) {
    int64_t largest = 0, product = 0;
    for (const Bytes &one : m.of) {
      std::optional<int64_t> size = one.evaluate(value);
      if (!size)
        return std::nullopt;
      largest = std::max(largest, *size);
    }
    std::optional<int64_t> times = m.times.evaluate(value);
    if (!total || !times || llvm::MulOverflow(*times, largest, product) || llvm::AddOverflow(*total, product, *total))
      return std::nullopt;
  }
  return total;
}

void Bytes::forEachSymbol(llvm::function_ref<void(StringRef)> see) const {
  sum.forEachSymbol(see);
  for (const Most &m : most) {
    m.times.forEachSymbol(see);
    for (const Bytes &one : m.of)
      one.forEachSymbol(see);
  }
}

Bytes Bytes::simplified() const {
  Bytes result(withoutRounding(sum));
  for (const Most &m : most) {
    std::vector<Bytes> of;
    for (const Bytes &one : m.of) {
      Bytes simple = one.simplified();
      auto covers = [](const Bytes &large, const Bytes &small) {
        // What is there at all takes one unit of the alignment.
        if (small.isPolynomial() && small.sum.isConstant() && small.sum.constant() <= kAlignment)
          return true;
        return large.isPolynomial() && small.isPolynomial() && isNeverLess(large.sum, small.sum);
      };
      if (llvm::any_of(of, [&](const Bytes &other) { return covers(other, simple); }))
        continue;
      llvm::erase_if(of, [&](const Bytes &other) { return covers(simple, other); });
      of.push_back(std::move(simple));
    }
    llvm::stable_sort(of, [](const Bytes &a, const Bytes &b) { // so that equal ones meet; numbers last
      auto key = [](const Bytes &x) { return std::pair(x.isPolynomial() && x.sum.isConstant(), x.str()); };
      return key(a) < key(b);
    });
    Bytes largest;
    if (of.size() == 1)
      largest = of[0].times(m.times);
    else
      largest.most.push_back({m.times, std::move(of)});
    result = result + largest;
  }
  return result;
}

std::string Bytes::str() const {
  Bytes simple = simplified();
  std::vector<std::string> parts;
  if (!simple.sum.isConstant(0) || simple.most.empty())
    parts.push_back(simple.sum.str());
  for (const Most &m : simple.most) {
    std::string text = "max(" + llvm::join(llvm::map_range(m.of, [](const Bytes &b) { return b.str(); }), ", ") + ")";
    if (m.times.isConstant(1))
      parts.push_back(text);
    else
      parts.push_back((m.times.terms().size() > 1 ? "(" + m.times.str() + ")" : m.times.str()) + " * " + text);
  }
  return llvm::join(parts, " + ");
}
