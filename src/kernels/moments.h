// Sums, means, variances, skewness, kurtosis and least-squares lines over the last w rows, for several w at once.
//
// No running sums: a window is put together from two shorter ones that are already there,
//   S10[t] = S5[t] + S5[t - 5],   S20 = S10[t] + S10[t - 10],   S30 = S20[t] + S10[t - 20],   S60 = S30[t] + S30[t - 30]
// so a value depends only on the rows in its window (to the byte: not on where the series starts), nothing drifts, nothing
// has to be undone when a row leaves, and one NaN is gone when its window is. The shortest windows are summed directly. How a
// window is split depends on its length alone, so adding a window to the set changes no byte of the others.
//
// Variances and lines take their sums relative to the newest value r[t] of the window:
//   S = sum(y), Q = sum(y^2), P = sum(age y), C = sum(y^3), D = sum(y^4),  y = x[t - age] - r[t]
// which loses no digits to a common offset: 1e8 + noise of 1e-3 keeps 9 digits of its deviation, where n sum(x^2) - sum(x)^2 has
// none, and a constant window gives exactly 0. With e = r[t - a] - r[t] and the n_b values of the older part b rows long,
//   S = S_a + (S_b + n_b e),  Q = Q_a + (Q_b + e (2 S_b + n_b e)),  P = P_a + (P_b + a S_b + e (sum of ages of b)).
// It costs 13 operations a window instead of 3: 4 ms of the 130 for Alpha158 of 500 symbols.
//
// Rows are done in strips whose arrays stay in the first-level cache. A strip, or a part of it, whose windows hold only values
// takes the path with constant counts; the rest takes the one with counts per row. Both do the same operations in the same
// order, so on clean rows they agree to the byte.
#pragma once

#include "kernels/cells.h"

namespace hayate::kernels {

enum class Statistic : uint8_t {
  sum,    ///< of the values as they are (MomentsTask::plain)
  share,  ///< sum / values present, of booleans (plain)
  mean,
  variance,  ///< ddof 1
  deviation,
  slope,    ///< per row
  rsquare,  ///< NaN where the deviation is at most 2e-5
  residual,
  weighted_mean,
  skewness,
  kurtosis,
};

/// One window. Its rows are the newest `links[newer].window` and the `links[older].window` before them; newer = -1: summed
/// directly (at most kLongestDirect rows).
struct WindowLink {
  int64_t window = 0;
  int32_t newer = -1, older = -1;
};
inline constexpr int64_t kLongestDirect = 8;

struct MomentsOutput {
  Statistic statistic;
  int32_t link;
  Sink sink;
};

struct MomentsTask {
  Series series;
  int64_t rows = 0;
  bool plain = false;    ///< sums of the values themselves, for sum and share; otherwise relative ones
  bool squares = false;  ///< what the statistics need: Q; P, with squares; C and D, with squares
  bool ages = false;
  bool cubes = false;
  const WindowLink* links = nullptr;  ///< a link's parts come before it
  int32_t num_links = 0;
  const MomentsOutput* outputs = nullptr;
  int32_t num_outputs = 0;
  int64_t longest = 0;  ///< longest window among the links
};

struct MomentsKernels {
  /// Scratch space for a task, in doubles.
  int64_t (*scratch)(const MomentsTask&);
  /// NaN and inf are missing. Scratch must be aligned to 64 bytes.
  void (*compute)(const MomentsTask&, double* scratch);
};

const MomentsKernels& moments_kernels();

}  // namespace hayate::kernels
