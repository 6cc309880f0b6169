#include "kernels/ta_series.h"

#include <cmath>

#include "kernels/ta_formulas.h"

HAYATE_TA_BEGIN

Series begun(double* out, int64_t begin, Series like) {
  for (int64_t row = 0; row < begin && row < like.rows; ++row) out[row] = kNaN;
  return {out, begin, like.rows, like.exact};
}

void keep_missing(Series x, int64_t period, int64_t first, double* out) {
  bool missing = false;
  for (int64_t row = x.begin + period - 1; row < x.rows; ++row) {
    if (std::isnan(out[row])) missing = true;
    if (missing && row >= first && (row - first) % (32 * period) == 0) missing = std::isnan(out[row]);
    if (missing) out[row] = kNaN;
  }
}

namespace {

constexpr auto kAbove = [](double a, double b) { return a > b; };
constexpr auto kBelow = [](double a, double b) { return a < b; };

/// As composed_sums. A NaN at the end of a block hides the whole block and one elsewhere only itself, as in TA-Lib.
template <class Better>
Series extremes(Series x, int64_t period, Better better, double* out) {
  for (int64_t block = x.begin; block + period <= x.rows; block += period) {
    const int64_t next = block + period, stop = next + period - 1 < x.rows ? next + period - 1 : x.rows;
    double tail = x[next - 1];
    for (int64_t row = next - 1; row >= block; --row) {
      if (better(x[row], tail)) tail = x[row];
      if (row + period - 1 < x.rows) out[row + period - 1] = tail;
    }
    double head = next < stop ? x[next] : 0;
    for (int64_t row = next; row < stop; ++row) {
      if (better(x[row], head)) head = x[row];
      if (better(head, out[row])) out[row] = head;
    }
  }
  return begun(out, x.begin + period - 1, x);
}

/// out[row] = result(row, row of the extreme). Of equals in a window that is searched anew the newest with kNewest, else the oldest.
template <bool kNewest, class Better, class Result>
Series tracked_extremes(Series x, int64_t period, Better better, Result result, double* out) {
  int64_t best = -1;
  const int64_t first = x.begin + period - 1;
  for (int64_t row = first; row < x.rows; ++row) {
    if (best < row - period + 1) {
      best = row - period + 1;
      for (int64_t i = best + 1; i <= row; ++i)
        if (better(x[i], x[best]) || (kNewest && x[i] == x[best])) best = i;
    } else if (better(x[row], x[best]) || x[row] == x[best]) {
      best = row;
    }
    out[row] = result(row, best);
  }
  return begun(out, first, x);
}

template <class Better>
Series tracked_values(Series x, int64_t period, Better better, double* out) {
  return tracked_extremes<false>(x, period, better, [x](int64_t, int64_t best) { return x[best]; }, out);
}

/// The same with rows for values; of equals the newest.
template <class Better>
Series rows_of_extremes(Series x, int64_t period, Better better, double* out) {
  for (int64_t block = x.begin; block + period <= x.rows; block += period) {
    const int64_t next = block + period, stop = next + period - 1 < x.rows ? next + period - 1 : x.rows;
    int64_t tail = next - 1;
    for (int64_t row = next - 1; row >= block; --row) {
      if (better(x[row], x[tail])) tail = row;
      if (row + period - 1 < x.rows) out[row + period - 1] = static_cast<double>(tail);
    }
    int64_t head = next;
    for (int64_t row = next; row < stop; ++row) {
      if (!better(x[head], x[row])) head = row;
      if (!better(x[static_cast<int64_t>(out[row])], x[head])) out[row] = static_cast<double>(head);
    }
  }
  return begun(out, x.begin + period - 1, x);
}

/// Sums with weights 1..period. Within the later block the weights are those from its own start plus one number.
void block_weighted_sums(Series x, int64_t period, double* out) {
  for (int64_t block = x.begin; block + period <= x.rows; block += period) {
    const int64_t next = block + period, stop = next + period - 1 < x.rows ? next + period - 1 : x.rows;
    double tail = 0, weighted_tail = 0;
    for (int64_t row = next - 1; row >= block; --row) {
      tail += x[row];
      weighted_tail += tail;
      if (row + period - 1 < x.rows) out[row + period - 1] = weighted_tail;
    }
    double head = 0, weighted_head = 0;
    for (int64_t row = next; row < stop; ++row) {
      head += x[row];
      weighted_head += static_cast<double>(row - next + 1) * x[row];
      out[row] += weighted_head + static_cast<double>(period - 1 - (row - next)) * head;
    }
  }
}

/// TA-Lib's running sums, begun anew every 8 * period rows.
void running_weighted_sums(Series x, int64_t period, double* out) {
  const int64_t first = x.begin + period - 1;
  double plain = 0, weighted = 0;
  for (int64_t row = first; row < x.rows; ++row) {
    if (row == first || (row - first + 1) % (8 * period) == 0) {
      plain = weighted = 0;
      for (int64_t i = 0; i < period; ++i) {
        plain += x[row - period + 1 + i];
        weighted += static_cast<double>(i + 1) * x[row - period + 1 + i];
      }
    } else {
      weighted += static_cast<double>(period) * x[row] - plain;
      plain += x[row] - x[row - period];
    }
    out[row] = weighted;
  }
}

}  // namespace

Series sum(Series x, int64_t period, double* out) {
  if (!is_composed(x, period)) return sum_of(x, period, [x](int64_t row) { return x[row]; }, out);
  const int64_t begin = x.begin + period - 1;
  for_strips(period, begin, x.rows, [&](int64_t first, int64_t rows) { strip_sums(x.values + first, period, rows, out + first); });
  return begun(out, begin, x);
}

Series mean(Series x, int64_t period, double* out) {
  const Series total = sum(x, period, out);
  const Divisor count{double(period)};
  for (int64_t row = total.begin; row < x.rows; ++row) out[row] = count.of(out[row]);
  return total;
}

Series weighted_mean(Series x, int64_t period, double* out) {
  if (is_composed(x, period))
    for_strips(period, x.begin + period - 1, x.rows,
               [&](int64_t first, int64_t rows) { strip_weighted_sums(x.values + first, period, rows, out + first); });
  else if (x.exact)
    running_weighted_sums(x, period, out);
  else
    block_weighted_sums(x, period, out);
  const Divisor weights(static_cast<double>(period * (period + 1)) / 2);
  for (int64_t row = x.begin + period - 1; row < x.rows; ++row) out[row] = weights.of(out[row]);
  return begun(out, x.begin + period - 1, x);
}

// Sums of d and d * d with d the distance from the first value of the later block. That value is in every window which
// reaches into the block, so sum(d * d) is at most period + 1 times the squared distances from the mean: what cancels is
// log10(period) digits, however far the values are from 0 and whatever stood before the window.
Series variance(Series x, int64_t period, double* scratch, double* out) {
  const double count = static_cast<double>(period), inverse = 1 / count;
  if (is_composed(x, period)) {
    with_room<2>(period, [&](StripRoom room) __attribute__((noinline)) {
      double *const sums = room.array(0), *const squares = room.array(1);
      for_strips(period, x.begin + period - 1, x.rows, [&](int64_t first, int64_t rows) {
        strip_squares(x.values + first, period, rows, sums, squares);
        HAYATE_INDEPENDENT
        for (int64_t i = 0; i < rows; ++i) out[first + i] = variance_of(sums[i], squares[i], inverse);
      });
    });
    return begun(out, x.begin + period - 1, x);
  }
  const auto of_sums = [count](double d, double dd) {
    const double v = (dd - d * d / count) / count;
    return v < 0 ? 0 : v;  // and NaN stays NaN
  };
  for (int64_t block = x.begin; block + period <= x.rows; block += period) {
    const int64_t next = block + period, stop = next + period - 1 < x.rows ? next + period - 1 : x.rows;
    const double anchor = next < x.rows ? x[next] : x[next - 1];
    double tail = 0, square_tail = 0;
    for (int64_t row = next - 1; row > block; --row) {
      const double d = x[row] - anchor;
      tail += d, square_tail += d * d;
      if (row + period - 1 < x.rows) out[row + period - 1] = tail, scratch[row + period - 1] = square_tail;
    }
    double all = 0, square_all = 0;  // the window that is the block: around its own last value
    for (int64_t row = block; row < next; ++row) {
      const double d = x[row] - x[next - 1];
      all += d, square_all += d * d;
    }
    out[next - 1] = of_sums(all, square_all);
    double head = 0, square_head = 0;
    for (int64_t row = next; row < stop; ++row) {
      const double d = x[row] - anchor;
      head += d, square_head += d * d;
      out[row] = of_sums(out[row] + head, scratch[row] + square_head);
    }
  }
  if (x.exact) keep_missing(x, period, x.begin + period - 2, out);
  return begun(out, x.begin + period - 1, x);
}

// NaN touches its own windows, with `exact` too: TA-Lib sums every window anew.
Series mean_distance(Series x, int64_t period, double* centre, double* out) {
  for_strips(period, x.begin + period - 1, x.rows,
             [&](int64_t first, int64_t rows) { strip_distances(x.values + first, period, rows, centre + first, out + first); });
  return begun(out, x.begin + period - 1, x);
}

namespace {

Series composed_extremes(Series x, bool largest, int64_t period, double* out) {
  for_strips(period, x.begin + period - 1, x.rows,
             [&](int64_t first, int64_t rows) { strip_extremes(x.values + first, largest, period, rows, out + first); });
  return begun(out, x.begin + period - 1, x);
}

template <class Better>
Series ages_of_extremes(Series x, bool largest, int64_t period, Better better, double* out) {
  if (x.exact) return tracked_extremes<true>(x, period, better, [](int64_t row, int64_t best) { return static_cast<double>(row - best); }, out);
  if (!is_composed(x, period)) {
    const Series rows_of = rows_of_extremes(x, period, better, out);
    for (int64_t row = rows_of.begin; row < x.rows; ++row) out[row] = static_cast<double>(row) - out[row];
    return rows_of;
  }
  for_strips(period, x.begin + period - 1, x.rows,
             [&](int64_t first, int64_t rows) { strip_extreme_ages(x.values + first, largest, period, rows, out + first, nullptr); });
  return begun(out, x.begin + period - 1, x);
}

}  // namespace

Series largest(Series x, int64_t period, double* out) {
  return is_composed(x, period) ? composed_extremes(x, true, period, out) : extremes(x, period, kAbove, out);
}
Series smallest(Series x, int64_t period, double* out) {
  return is_composed(x, period) ? composed_extremes(x, false, period, out) : extremes(x, period, kBelow, out);
}
Series tracked_largest(Series x, int64_t period, double* out) { return x.exact ? tracked_values(x, period, kAbove, out) : largest(x, period, out); }
Series tracked_smallest(Series x, int64_t period, double* out) { return x.exact ? tracked_values(x, period, kBelow, out) : smallest(x, period, out); }
Series age_of_largest(Series x, int64_t period, double* out) { return ages_of_extremes(x, true, period, kAbove, out); }
Series age_of_smallest(Series x, int64_t period, double* out) { return ages_of_extremes(x, false, period, kBelow, out); }

// With y centred on the anchor of its block (as in variance) and the rows of a window numbered from its middle, the slope is
// sum(row * y) / sum(row * row) and the level at the newest row is the mean plus half the window times the slope.
Series regression(Series x, int64_t period, double* slope, double* out) {
  const double count = static_cast<double>(period), half = (count - 1) / 2, squares = count * (count * count - 1) / 12;
  const double per_row = 1 / count, per_square = 1 / squares;
  if (is_composed(x, period)) {
    with_room<2>(period, [&](StripRoom room) __attribute__((noinline)) {
      double *const sums = room.array(0), *const ages = room.array(1);
      for_strips(period, x.begin + period - 1, x.rows, [&](int64_t first, int64_t rows) {
        strip_ages(x.values + first, period, rows, sums, ages);
        HAYATE_INDEPENDENT
        for (int64_t i = 0; i < rows; ++i) {
          const double rise = (half * sums[i] - ages[i]) * per_square;
          slope[first + i] = rise;
          out[first + i] = x.values[first + i] + (sums[i] * per_row + half * rise);
        }
      });
    });
    begun(slope, x.begin + period - 1, x);
    return begun(out, x.begin + period - 1, x);
  }
  const auto finish = [&](int64_t row, double anchor, double total, double weighted) {  // weights 1..period
    slope[row] = (weighted - (half + 1) * total) / squares;
    out[row] = anchor + total / count + half * slope[row];
  };
  for (int64_t block = x.begin; block + period <= x.rows; block += period) {
    const int64_t next = block + period, stop = next + period - 1 < x.rows ? next + period - 1 : x.rows;
    const double anchor = next < x.rows ? x[next] : x[next - 1];
    double tail = 0, weighted_tail = 0;
    for (int64_t row = next - 1; row > block; --row) {
      tail += x[row] - anchor;
      weighted_tail += tail;
      if (row + period - 1 < x.rows) out[row + period - 1] = tail, slope[row + period - 1] = weighted_tail;
    }
    double all = 0, weighted_all = 0;
    for (int64_t row = block; row < next; ++row) {
      const double d = x[row] - x[next - 1];
      all += d, weighted_all += static_cast<double>(row - block + 1) * d;
    }
    finish(next - 1, x[next - 1], all, weighted_all);
    double head = 0, weighted_head = 0;
    for (int64_t row = next; row < stop; ++row) {
      const double d = x[row] - anchor;
      head += d;
      weighted_head += static_cast<double>(row - next + 1) * d;
      finish(row, anchor, out[row] + head, slope[row] + weighted_head + static_cast<double>(period - 1 - (row - next)) * head);
    }
  }
  if (x.exact) {
    keep_missing(x, period, x.begin + period - 1, slope);
    keep_missing(x, period, x.begin + period - 1, out);
  }
  begun(slope, x.begin + period - 1, x);
  return begun(out, x.begin + period - 1, x);
}

Series exponential_mean(Series x, int64_t period, double* out) { return exponential_mean(x, period, 2.0 / static_cast<double>(period + 1), out); }

Series exponential_mean(Series x, int64_t period, double weight, double* out) {
  const int64_t first = x.begin + period - 1;
  if (first < x.rows) {
    double value = 0;
    for (int64_t row = x.begin; row <= first; ++row) value += x[row];
    out[first] = value /= static_cast<double>(period);
    for (int64_t row = first + 1; row < x.rows; ++row) out[row] = value = (x[row] - value) * weight + value;
  }
  return begun(out, first, x);
}

Series wilder_mean(Series x, int64_t period, double* out) { return exponential_mean(x, period, 1 / static_cast<double>(period), out); }

Series true_range(Series high, Series low, Series close, double* out) {
  const int64_t first = close.begin + 1;
  for (int64_t row = first; row < close.rows; ++row) out[row] = true_range_of(high[row], low[row], close[row - 1]);
  return begun(out, first, close);
}

Series average_true_range(Series high, Series low, Series close, int64_t period, double* out) {
  return wilder_mean(true_range(high, low, close, out), period, out);
}

HAYATE_TA_END
