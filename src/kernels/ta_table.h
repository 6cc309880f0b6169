// What the rows of the tables of functions are written with.
#pragma once

#include "kernels/isa.h"
#include "kernels/ta.h"

HAYATE_TA_BEGIN

inline constexpr double kLongest = 100'000, kHuge = 3e37;  // TA-Lib's limits

static constexpr Param period(const char* name, double initial, double least) { return {name, initial, least, kLongest}; }
static constexpr Param real(const char* name, double initial, double least = -kHuge, double most = kHuge) {
  return {name, initial, least, most, false};
}
/// A type of moving average, see Average in ta_average.h.
static constexpr Param matype(const char* name, double initial) { return {name, initial, 0, 13}; }

/// The lookback of a window that is the first parameter.
template <int Shift>
static int64_t period_lookback(const double* params) {
  return static_cast<int64_t>(params[0]) + Shift;
}

template <int64_t Rows>
static int64_t fixed_lookback(const double*) {
  return Rows;
}

HAYATE_TA_END
