// The series that TA-Lib's functions are made of: rolling sums and extremes, moving averages, deviations, true range.
//
// A function takes a Series, whose first value stands in row `begin`, writes every row of `out` (NaN before its own first
// value) and returns that as a Series, so calls chain without bookkeeping of lookbacks. Where a series starts matters for
// recursive averages: from(x, row) is x begun later.
//
// Windows are put together from shorter ones, see ta_windows.h. Those longer than kLongestComposed rows, and all with `exact`, are
// composed from two halves instead: rows are cut into blocks of `period`; a window is the end of one block and the start of the next, so
// a backward pass over the first and a forward pass over the second give every window in three operations a row, whatever its
// length, with the error of a plain sum of its values. Either way nothing that left the window stays behind. TA-Lib keeps running
// sums, where the rounding of a price once far away stays for ever and a NaN too; they are kept for `exact`, where its quirks are
// wanted.
//
// out must not be the input unless a function says so.
#pragma once

#include <cmath>
#include <cstdint>

#include "kernels/isa.h"
#include "kernels/ta.h"
#include "kernels/ta_windows.h"

HAYATE_TA_BEGIN

struct Series {
  const double* values;
  int64_t begin;  ///< the first row with a value; `rows` or more: none has one
  int64_t rows;
  bool exact;  ///< as in Call

  double operator[](int64_t row) const { return values[row]; }
};

static inline Series input(const Call& call, int index) { return {call.inputs[index], 0, call.rows, call.exact}; }
static inline int64_t whole(const Call& call, int param) { return static_cast<int64_t>(call.params[param]); }
/// x with its first value in row `row`, or where it was if that is later.
static inline Series from(Series x, int64_t row) { return {x.values, x.begin > row ? x.begin : row, x.rows, x.exact}; }
/// Whether the windows of `period` rows are made strip by strip, as in ta_windows.h.
static inline bool is_composed(Series x, int64_t period) { return !x.exact && period <= kLongestComposed; }
/// The Series in `out` that begins in row `begin`; the rows before are set to NaN.
Series begun(double* out, int64_t begin, Series like);

// ---- windows of `period` rows; the first value is in row x.begin + period - 1 ----------------------------------------

Series sum(Series x, int64_t period, double* out);
Series mean(Series x, int64_t period, double* out);
/// Sums of addend(row) over rows that begin where `like` does: sum_of(like, 14, [&](int64_t row) { return ...; }, out).
template <class Addend>
static Series sum_of(Series like, int64_t period, Addend addend, double* out);
/// The same of rows of which some hold nothing: `addend` is 0 where counts(row) is not. For `exact`: a window in which no row counts has
/// the sum 0, and the running sum begins anew behind it, with neither rounding nor a NaN of before.
template <class Addend, class Counts>
static Series sum_of_counted(Series like, int64_t period, Addend addend, Counts counts, double* out);
/// The same, where every row but a 0 counts.
template <class Addend>
static Series sum_of_moves(Series like, int64_t period, Addend addend, double* out);
/// The same by windows of their own with `exact` too: a NaN leaves with its row.
template <class Addend>
static Series sum_anew_of(Series like, int64_t period, Addend addend, double* out);
/// Mean with weights 1..period, the newest heaviest.
Series weighted_mean(Series x, int64_t period, double* out);
/// Mean square distance from the mean (divided by period, not period - 1), 0 or more. `scratch`: one series.
Series variance(Series x, int64_t period, double* scratch, double* out);
/// Mean distance of the values from their mean, which is `centre` away from the newest one. `centre` is a result, not scratch.
Series mean_distance(Series x, int64_t period, double* centre, double* out);
Series largest(Series x, int64_t period, double* out);
Series smallest(Series x, int64_t period, double* out);
/// The same numbers by TA-Lib's other way, which differs where values are missing: the extreme is kept until a new one comes
/// or its row leaves the window; then the whole window is searched.
Series tracked_largest(Series x, int64_t period, double* out);
Series tracked_smallest(Series x, int64_t period, double* out);
/// How many rows ago the extreme of each window stood, the newest of equals. With `exact` it is tracked.
Series age_of_largest(Series x, int64_t period, double* out);
Series age_of_smallest(Series x, int64_t period, double* out);
/// The least-squares line through each window: its value at the newest row, and its slope per row. period >= 2.
/// The value one row ahead is out + slope. `slope` is a result, not scratch.
Series regression(Series x, int64_t period, double* slope, double* out);
/// For `exact`: variance, regression and the like TA-Lib sums anew every 32 * period rows, the first time in row `first`, and
/// forgets a NaN only then. (It also does where digits were lost, which is not followed.)
void keep_missing(Series x, int64_t period, int64_t first, double* out);

// ---- recursive averages; out may be x ---------------------------------------------------------------------------------

/// Exponential mean, weight 2 / (period + 1), begun with the plain mean of the first `period` values.
Series exponential_mean(Series x, int64_t period, double* out);
/// The same with another weight of the newest value.
Series exponential_mean(Series x, int64_t period, double weight, double* out);
/// Wilder's mean: weight 1 / period, begun with the plain mean of the first `period` values.
Series wilder_mean(Series x, int64_t period, double* out);

// ---- of bars ----------------------------------------------------------------------------------------------------------

/// The largest of high - low, |high - previous close|, |low - previous close|.
static inline double true_range_of(double high, double low, double close_before) {
  const double up = std::fabs(high - close_before), down = std::fabs(low - close_before);
  double range = high - low;
  if (up > range) range = up;
  if (down > range) range = down;
  return range;
}
/// true_range_of every bar; the first value is in the second row.
Series true_range(Series high, Series low, Series close, double* out);
/// Wilder's mean of the true range: TA-Lib's ATR. period = 1: the true range itself.
Series average_true_range(Series high, Series low, Series close, int64_t period, double* out);

// ---- implementation ---------------------------------------------------------------------------------------------------

/// out[window's last row] for all windows. Both passes over a block of `period` rows: backward, the end of the block goes to
/// the row of the window that begins there; forward, the windows that ended in later rows get those rows too.
template <class Addend>
static void block_sums(Series like, int64_t period, Addend addend, double* out) {
  for (int64_t block = like.begin; block + period <= like.rows; block += period) {
    const int64_t next = block + period, stop = next + period - 1 < like.rows ? next + period - 1 : like.rows;
    double tail = 0;
    for (int64_t row = next - 1; row >= block; --row) {
      tail += addend(row);
      if (row + period - 1 < like.rows) out[row + period - 1] = tail;
    }
    double head = 0;
    for (int64_t row = next; row < stop; ++row) out[row] += head += addend(row);
  }
}

/// Strip by strip, see ta_windows.h.
template <class Addend>
static void composed_sums(Series like, int64_t period, Addend addend, double* out) {
  with_room<1>(period, [&](StripRoom room) __attribute__((noinline)) {
    double* __restrict values = room.array(0) + period - 1;
    for_strips(period, like.begin + period - 1, like.rows, [&](int64_t first, int64_t rows) {
      for (int64_t i = 1 - period; i < rows; ++i) values[i] = addend(first + i);
      strip_sums(values, period, rows, out + first);
    });
  });
}

/// TA-Lib's: what entered is added, what left is subtracted.
template <class Addend, class Counts>
static void running_sums(Series like, int64_t period, Addend addend, Counts counts, double* out) {
  double total = 0;
  int64_t idle = 0;  // rows up to this one that do not count
  for (int64_t row = like.begin; row < like.rows; ++row) {
    total += addend(row);
    idle = counts(row) ? 0 : idle + 1;
    if (idle >= period) total = 0;
    if (row < like.begin + period - 1) continue;
    out[row] = total;
    total -= addend(row - period + 1);
  }
}

template <class Addend, class Counts>
static Series sum_of_counted(Series like, int64_t period, Addend addend, Counts counts, double* out) {
  if (like.exact)
    running_sums(like, period, addend, counts, out);
  else if (is_composed(like, period))
    composed_sums(like, period, addend, out);
  else
    block_sums(like, period, addend, out);
  return begun(out, like.begin + period - 1, like);
}

template <class Addend>
static Series sum_of(Series like, int64_t period, Addend addend, double* out) {
  return sum_of_counted(like, period, addend, [](int64_t) { return true; }, out);
}

template <class Addend>
static Series sum_anew_of(Series like, int64_t period, Addend addend, double* out) {
  if (is_composed(like, period))
    composed_sums(like, period, addend, out);
  else
    block_sums(like, period, addend, out);
  return begun(out, like.begin + period - 1, like);
}

template <class Addend>
static Series sum_of_moves(Series like, int64_t period, Addend addend, double* out) {
  return sum_of_counted(like, period, addend, [addend](int64_t row) { return addend(row) != 0; }, out);
}

HAYATE_TA_END
