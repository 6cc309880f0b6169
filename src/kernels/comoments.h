// Correlation and covariance of two series over the last w rows, for several w at once. Windows are put together as in
// moments.h, with sums relative to the newest pair of the window; rows where either side is missing do not count.
#pragma once

#include "kernels/moments.h"

namespace hayate::kernels {

struct ComomentsOutput {
  bool correlation;  ///< otherwise covariance
  bool narrow;       ///< a correlation to float32 accuracy, wherever it goes: columns that are not multiplied by anything
  int32_t link;
  Sink sink;
};

struct ComomentsTask {
  Series left, right;
  int64_t rows = 0;
  bool squares = false;  ///< correlation is wanted
  bool guarded = true;   ///< a correlation is NaN where the deviation of either side (of the pairs) is at most 2e-5
  const WindowLink* links = nullptr;
  int32_t num_links = 0;
  const ComomentsOutput* outputs = nullptr;
  int32_t num_outputs = 0;
  int64_t longest = 0;
};

struct ComomentsKernels {
  int64_t (*scratch)(const ComomentsTask&);  ///< in doubles
  void (*compute)(const ComomentsTask&, double* scratch);
};

const ComomentsKernels& comoments_kernels();

}  // namespace hayate::kernels
