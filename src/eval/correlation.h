// Means and central moments of two columns, and the correlation they give.
#pragma once

#include <cstdint>
#include <span>

namespace hayate::eval {

/// Moments of the rows in which x, y and the weight are numbers and the weight is above 0. `weight` may be empty (all 1).
///
/// Two passes: means first, then sums of products of deviations, from which the square of the summed deviation (zero but
/// for the rounding of the mean) is taken off again (Chan, Golub, LeVeque 1983). One pass of raw squares would lose all
/// digits of prices near 1e8 that move by 1e-3.
struct Moments {
  int64_t rows = 0;
  double weight = 0;
  double mean_x = 0, mean_y = 0;
  double min_x = 0, max_x = 0, min_y = 0, max_y = 0;
  double xx = 0, yy = 0, xy = 0;  ///< weighted sums of products of deviations
  bool constant_x() const { return min_x == max_x; }
  bool constant_y() const { return min_y == max_y; }
};
Moments moments(std::span<const double> x, std::span<const double> y, std::span<const double> weight = {});

/// Weighted correlation in [-1, 1]; NaN with fewer than two rows, a constant side or an infinite value.
double correlation(std::span<const double> x, std::span<const double> y, std::span<const double> weight = {});

}  // namespace hayate::eval
