// Quantiles of the last w rows, for several w and several q at once.
//
// Up to kLongestMerged rows, a sorted window is merged from two sorted shorter ones that are already there,
//   sorted10[t] = merge(sorted5[t], sorted5[t - 5]),   sorted60 = merge(sorted30[t], sorted30[t - 30])
// by a fixed network of comparators, 16 rows at a time: rank k of all 16 windows is one vector. Nothing branches, nothing is
// carried from row to row, and a window that no other one is made of is not even merged: the value of rank k in two sorted
// halves is min over i of max(A[i], B[k - 1 - i]). Longer windows keep one sorted list and replace the row that leaves by the row
// that comes in one branchless pass.
// Tried and dropped: a sorted window per row kept in registers (twice the operations on AVX2); a heap (30 times slower).
#pragma once

#include "kernels/cells.h"

namespace hayate::kernels {

inline constexpr int64_t kLongestMerged = 64;

/// Puts the smaller of wires a and b on a, the larger on b.
struct Comparator {
  uint8_t a, b;
};

/// One sorted window of up to kLongestMerged rows: its newest rows are `links[newer]`, the ones before `links[older]`.
/// newer = -1: one row. Wires 0.. are the ranks of `newer`, then those of `older`; after the comparators, rank k is on wire
/// order[k].
struct SortedLink {
  int64_t window = 1;
  int32_t newer = -1, older = -1;
  const Comparator* comparators = nullptr;
  int32_t num_comparators = 0;
  const uint8_t* order = nullptr;
  bool is_part = false;  ///< of another window
};

struct QuantileOutput {
  int64_t window = 0;  ///< 0: all rows so far
  int32_t link = -1;   ///< -1: longer than kLongestMerged, or all rows so far
  double q = 0.5;
  Sink sink;
};

struct QuantileTask {
  Series series;  ///< float32 or float64
  int64_t rows = 0;
  const SortedLink* links = nullptr;  ///< a link's parts come before it
  int32_t num_links = 0;
  const QuantileOutput* outputs = nullptr;
  int32_t num_outputs = 0;
};

struct QuantileKernels {
  int64_t (*scratch)(const QuantileTask&);  ///< in doubles
  /// Linear interpolation. NaN and inf are skipped; a window without a value is NaN.
  void (*compute)(const QuantileTask&, double* scratch);
};

const QuantileKernels& quantile_kernels();

}  // namespace hayate::kernels
