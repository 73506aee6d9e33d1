// A number of bytes as an expression of sizes.
#ifndef NNC_COMPILER_REPORT_BYTES_H
#define NNC_COMPILER_REPORT_BYTES_H

#include "dialect/Dim.h"

namespace nnc::report {

/// A polynomial, and products of one with the largest of several such numbers.
class Bytes {
public:
  Bytes(nn::Dim sum = 0) : sum(std::move(sum)) {}
  static Bytes max(const Bytes &a, const Bytes &b);
  friend Bytes operator+(const Bytes &a, const Bytes &b);
  Bytes times(const nn::Dim &factor) const;

  const nn::Dim &polynomial() const { return sum; }
  /// Empty on overflow or a remainder.
  std::optional<int64_t> evaluate(llvm::function_ref<int64_t(llvm::StringRef)> value) const;
  void forEachSymbol(llvm::function_ref<void(llvm::StringRef)> see) const;
  /// For people: without what rounds sizes up to the alignment of places, and without what is never the largest where
  /// all sizes are at least 1.
  std::string str() const;

private:
  struct Most {
    nn::Dim times;
    std::vector<Bytes> of;
    std::string key() const; ///< of what it is the largest
  };
  Bytes simplified() const;
  bool isPolynomial() const { return most.empty(); }

  nn::Dim sum;
  std::vector<Most> most;
};

/// The same size without rounding up to the alignment of places.
nn::Dim withoutRounding(const nn::Dim &size);

} // namespace nnc::report
#endif // NNC_COMPILER_REPORT_BYTES_H
