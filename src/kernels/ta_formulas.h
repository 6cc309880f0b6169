// What the rows of functions of windows are made of once their windows are summed: the same for one symbol (ta_momentum.cc,
// ta_overlap.cc) and for many side by side (lane_windows.cc).
#pragma once

#include "kernels/ta.h"
#include "kernels/vectors.h"

HAYATE_TA_BEGIN

/// Within TA-Lib's rounding two prices are the same.
inline constexpr double kSame = 1e-14;
HAYATE_INLINE static inline bool apart(double a, double b) { return !(__builtin_fabs(a - b) <= kSame * (__builtin_fabs(a) + __builtin_fabs(b))); }

/// part / all, 0 where `all` is not above 0.
HAYATE_INLINE static inline double share(double part, double all) { return all > 0 ? part / all : 0; }

HAYATE_INLINE static inline double price_sum(double high, double low, double close) { return high + low + close; }
HAYATE_INLINE static inline double typical_price(double high, double low, double close) { return Divisor(3).of(price_sum(high, low, close)); }

/// The typical price's distance from its mean, which is `centre` away from it, over 0.015 times the mean distance; 0 where all are equal. A
/// scale of all three changes nothing, so the sum of prices does for their mean.
HAYATE_INLINE static inline double channel_index(double typical, double centre, double distance) {
  const double above = -centre, same = kSame * __builtin_fabs(typical + centre), index = above / (0.015 * distance);
  const double known = index == index ? index : kNaN;  // the sign of a NaN depends on the order of operands
  return (__builtin_fabs(above) <= same) | (distance <= same) ? 0 : known;
}

/// Where the close stands between the lowest low (-100) and the highest high (0).
HAYATE_INLINE static inline double percent_below(double highest, double lowest, double close) {
  const double below = -100 * ((highest - close) / (highest - lowest));
  return apart(highest, lowest) ? below : 0;
}
/// The same from 0 to 100.
HAYATE_INLINE static inline double percent_above(double highest, double lowest, double close) {
  const double above = 100 * ((close - lowest) / (highest - lowest));
  return apart(highest, lowest) ? above : 0;
}

/// Mean square distance from the mean, of the sums of distances from the newest value and of their squares.
HAYATE_INLINE static inline double variance_of(double sum, double squares, double inverse_count) {
  const double v = (squares - sum * sum * inverse_count) * inverse_count;
  return v < 0 ? 0 : v;
}

/// (fast - slow) / slow in percent, 0 where the slow average is within 1e-14 of 0.
HAYATE_INLINE static inline double percent_apart(double fast, double slow) {
  const double percent = (fast - slow) / slow * 100;
  return __builtin_fabs(slow) < 1e-14 ? 0 : percent;
}

/// Inflow in percent of inflow and outflow, which are below 0 where prices are.
HAYATE_INLINE static inline double money_flow_index(double inflow, double outflow) {
  const double percent = 100 * share(inflow, inflow + outflow);
  return percent > 100 ? 100 : percent < 0 ? 0 : percent;
}

/// What MASSI adds up.
HAYATE_INLINE static inline double mass_ratio(double once, double twice) { return twice == 0 ? 1 : once / twice; }

/// Percent, 50 where there is neither.
HAYATE_INLINE static inline double share_of_ups(double up, double down) {
  const double percent = 100 * (up / (up + down));
  return up + down == 0 ? 50 : percent;
}

/// Of the third to the sixth of six means in a row, by powers of the volume factor. (T. Tillson, 1998.)
struct TillsonWeights {
  double of_six, of_five, of_four, of_three;

  explicit TillsonWeights(double factor) {
    const double square = factor * factor, cube = square * factor;
    of_six = -cube, of_five = 3 * (square + cube), of_four = -6 * square - 3 * (factor + cube), of_three = 1 + 3 * factor + cube + 3 * square;
  }
};

HAYATE_TA_END
