// The modified Gram-Schmidt process: row by row, what lies along the rows before is taken away. R has a positive
// diagonal by construction, so the signs of Q are settled. In f64, because it loses some digits where rows are nearly
// dependent.
#include "runtime/Abi.h"

#include <math.h>
#include <string.h>

/// In eight chains, so that the additions need not wait for each other.
static double dot(const double *a, const double *b, int64_t n) {
  double sums[8] = {};
  int64_t i = 0;
  for (; i + 8 <= n; i += 8)
    for (int k = 0; k < 8; ++k)
      sums[k] += a[i + k] * b[i + k];
  for (int k = 0; i < n; ++i, ++k)
    sums[k] += a[i] * b[i];
  return ((sums[0] + sums[4]) + (sums[2] + sums[6])) + ((sums[1] + sums[5]) + (sums[3] + sums[7]));
}

extern "C" void nnrt_orthonormalize(const double *x, double *q, int64_t rows, int64_t columns) {
  memcpy(q, x, sizeof(double) * static_cast<size_t>(rows * columns));
  for (int64_t i = 0; i < rows; ++i) {
    double *row = q + i * columns, length = sqrt(dot(row, row, columns));
    for (int64_t k = 0; k < columns; ++k)
      row[k] /= length;
    for (int64_t j = i + 1; j < rows; ++j) {
      double *other = q + j * columns, along = dot(row, other, columns);
      for (int64_t k = 0; k < columns; ++k)
        other[k] -= along * row[k];
    }
  }
}
