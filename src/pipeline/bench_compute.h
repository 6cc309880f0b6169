// hayate bench compute: the Euclidean norms of the rows of a matrix, computed in four ways, and by Python's.
#pragma once

#include <string>
#include <vector>

#include "exec/pool.h"
#include "exec/steps.h"
#include "hayate/error.h"

namespace hayate::pipeline {

struct WayTime {
  std::string name;
  double best_seconds = 0, median_seconds = 0;
  int64_t runs = 0;               ///< 0: not counted (a peer's)
  double largest_difference = 0;  ///< from the naive loop, relative
};

struct ComputeReport {
  int64_t rows = 0, columns = 0;
  std::vector<WayTime> ways;         ///< naive loop, vectorised, parallel, parallel + vectorised, then peers
  std::vector<std::string> missing;  ///< "numba: not installed"
};

/// The first of them are hayate's own.
inline constexpr size_t kOwnWays = 4;

/// Norms that agree with the naive loop to this are the same: sums of other shape round otherwise.
inline constexpr double kNormTolerance = 1e-12;

/// Float64, drawn from (seed, cell). Wall seconds, warm, the best and the median of up to 200 runs within a second each.
Result<ComputeReport> time_row_norms(int64_t rows, int64_t columns, uint64_t seed, const std::string& python, exec::Pool& pool, exec::Steps& steps,
                                     const exec::Cancellation& cancel);

}  // namespace hayate::pipeline
