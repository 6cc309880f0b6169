// Where a quantile of sorted values lies. (Linear interpolation, type 7 of Hyndman and Fan 1996, as numpy, pandas and qlib.)
#pragma once

#include <cstdint>

#include "kernels/isa.h"

HAYATE_KERNELS_BEGIN

/// Between the values of two ranks, `share` of the way; of no values: at rank 0.
struct Position {
  int64_t low, high;
  double share;
};

static inline Position position_of(double q, int64_t n) {
  const double position = q * double(n - 1);
  const int64_t low = n > 0 ? int64_t(position) : 0;
  return {low, low + (low + 1 < n), position - double(low)};
}

HAYATE_KERNELS_END
