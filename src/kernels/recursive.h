// The average with exponential weights that change with every row, and the mean absolute deviation: what can't be put together from
// shorter windows, nor from the row before.
#pragma once

#include "kernels/cells.h"

namespace hayate::kernels {

struct RecursiveTask {
  Series series;
  int64_t rows = 0;
  int64_t window = 0;  ///< of absolute_deviation; 0: all rows so far
  Sink sink;           ///< of doubles
};

struct RecursiveKernels {
  int64_t (*scratch)(const RecursiveTask&);  ///< in doubles
  /// sum(w x) / sum(w), w = (1 - alpha)^age, alpha = 2 / (rows so far + 1) anew for every row; a missing row's weight counts in sum(w).
  void (*expanding_ema)(const RecursiveTask&, double* scratch);
  /// mean(|x - mean x|)
  void (*absolute_deviation)(const RecursiveTask&, double* scratch);
};

const RecursiveKernels& recursive_kernels();

}  // namespace hayate::kernels
