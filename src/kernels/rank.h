// Rank of the newest value among the last w rows, as a share, for several w at once: one pass over the ages counts the values
// below and above, and every window takes what was counted up to its length. For windows up to 60 this beats trees and
// sorted windows by far: 16 rows at a time, 4 operations an age.
#pragma once

#include "kernels/cells.h"

namespace hayate::kernels {

struct RankOutput {
  int64_t window;  ///< ascending; 0, all rows so far, stands last
  Sink sink;
};

struct RankTask {
  Series series;  ///< float32 or float64
  int64_t rows = 0;
  const RankOutput* outputs = nullptr;
  int32_t num_outputs = 0;
  int64_t longest = 0;
};

struct RankKernels {
  int64_t (*scratch)(const RankTask&);  ///< in doubles
  /// (values below + (values equal + 1) / 2) / values present; NaN on a missing row. NaN and inf are missing.
  void (*compute)(const RankTask&, double* scratch);
};

const RankKernels& rank_kernels();

}  // namespace hayate::kernels
