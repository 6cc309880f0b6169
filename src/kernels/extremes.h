// Largest and smallest value over the last w rows, and where it stands, for several w at once. Windows overlap freely:
//   M10[t] = max(M5[t], M5[t - 5]),   M60 = max(M30[t], M30[t - 30]),   M7 = max(M5[t], M5[t - 2]).
// Values are compared as whole numbers of the same order (see keys.h), positions travel beside them: the older one stands
// unless the newer is strictly better, so the first of equal values wins.
#pragma once

#include "kernels/cells.h"

namespace hayate::kernels {

/// One window: the newest and the oldest `links[part].window` of its rows. part = -1: one row.
struct ExtremesLink {
  int64_t window = 0;
  int32_t part = -1;
};

struct ExtremesOutput {
  bool position;  ///< where the extreme stands, the oldest row of the window being 1; otherwise its value
  int32_t link;
  Sink sink;
};

struct ExtremesTask {
  Series series;  ///< float32 or float64
  int64_t rows = 0;
  bool largest = true;
  bool positions = false;  ///< some output is a position
  const ExtremesLink* links = nullptr;
  int32_t num_links = 0;
  const ExtremesOutput* outputs = nullptr;
  int32_t num_outputs = 0;
  int64_t longest = 0;
};

struct ExtremesKernels {
  int64_t (*scratch)(const ExtremesTask&);  ///< in doubles
  /// NaN and inf are skipped by values and win positions; a window without a value is NaN.
  void (*compute)(const ExtremesTask&, double* scratch);
};

const ExtremesKernels& extremes_kernels();

}  // namespace hayate::kernels
