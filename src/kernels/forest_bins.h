// Sorting many short columns at once, and the codes of values under given cuts.
#pragma once

#include <cstdint>

namespace hayate::kernels {

/// Columns that are sorted side by side, one in each lane.
constexpr int kSortedTogether = 16;

/// Of each column: values that are not NaN, and how many of these differ.
struct SortedCounts {
  int32_t present[kSortedTogether];
  int32_t distinct[kSortedTogether];
};

/// Value i of each column, in a cache line.
struct alignas(64) SortedRow {
  float of[kSortedTogether];
};

struct BinKernels {
  /// Sorts up to 16 columns (`num_columns`, `stride` floats apart), each the values of `rows`, into `sorted`: value i of
  /// column c at sorted[i].of[c], ascending, NaN last, -0.0 as 0.0. No branch depends on a value, and the time is that of
  /// 16 columns whatever num_columns is.
  SortedCounts (*sort_columns)(const float* columns, int64_t stride, int64_t num_columns, const int32_t* rows, int64_t num_rows, SortedRow* sorted);

  /// codes[i] = the number of cuts below values[i]; 255 for NaN. At most 254 ascending cuts.
  void (*code_values)(const float* cuts, int64_t num_cuts, const float* values, int64_t num_values, uint8_t* codes);
};

const BinKernels& bin_kernels();

}  // namespace hayate::kernels
