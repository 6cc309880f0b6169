// Quantiles of the last w rows, for several w and several q at once.
//
// A window is a sorted list; from one row to the next, one value leaves and one comes in, in one pass without branches:
//   b[j] = a[j] >= out ? a[j + 1] : a[j],   a[j] = max(b[j - 1], min(b[j], in)).
// The series is cut into as many segments as a vector has lanes, and the lists of all segments are kept side by side, so a pass
// treats as many rows as there are lanes: 5 operations a rank. A segment begins with the rows that its first window reaches back
// to. Windows longer than a segment keep one list, whose ranks lie side by side instead.
//
// Measured for Alpha158 (5 windows up to 60, two quantiles each, 2,500 rows): see bench/alpha158_500. Tried and dropped: merging
// sorted windows from shorter ones by networks of comparators (half of the time went into storing wires); a sorted list per row
// in registers (twice the operations on AVX2); a heap (30 times slower).
#pragma once

#include "kernels/cells.h"

namespace hayate::kernels {

struct QuantileOutput {
  int64_t window = 0;  ///< ascending; 0, all rows so far, stands last
  double q = 0.5;
  Sink sink;
};

struct QuantileTask {
  Series series;  ///< float32 or float64
  int64_t rows = 0;
  const QuantileOutput* outputs = nullptr;
  int32_t num_outputs = 0;
  int64_t longest = 0;  ///< longest window of the outputs
};

struct QuantileKernels {
  int64_t (*scratch)(const QuantileTask&);  ///< in doubles
  /// Linear interpolation. NaN and inf are skipped; a window without a value is NaN.
  void (*compute)(const QuantileTask&, double* scratch);
};

const QuantileKernels& quantile_kernels();

}  // namespace hayate::kernels
