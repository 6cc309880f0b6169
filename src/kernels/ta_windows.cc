// See ta_windows.h.
#include "kernels/ta_windows.h"

#include "kernels/moments.h"

HAYATE_TA_BEGIN
namespace {

/// How a window is doubled: begin with `first` rows, at most 7, then as often as `doublings` says 2 k or 2 k + 1.
struct Doubling {
  int64_t first;
  int doublings = 0;

  explicit Doubling(int64_t period) : first(period) {
    for (; first >= kLongestDirect; first /= 2) ++doublings;
  }
};

/// Whether a doubled window has one row more. A type, so that loops have no condition.
template <bool kIs>
struct Odd {
  static constexpr bool kIsOdd = kIs;
};

/// kSums arrays for windows of one length, and as many for those twice as long.
template <int kSums>
struct WindowArrays {
  alignas(64) double room[2][kSums][kStripRoom];
  double* now[kSums];
  double* next[kSums];

  explicit WindowArrays(int64_t period) {
    for (int s = 0; s < kSums; ++s) now[s] = room[0][s] + period - 1, next[s] = room[1][s] + period - 1;
  }
  void advance() {
    for (int s = 0; s < kSums; ++s) {
      double* const before = now[s];
      now[s] = next[s], next[s] = before;
    }
  }
};

/// begin(kRows, lo) sums windows of kRows rows in rows from `lo` on, join(k, odd, lo) those of 2 k rows (or 2 k + 1) from those of k.
template <int kSums, class Begin, class Join>
void double_windows(WindowArrays<kSums>& arrays, int64_t period, const Begin& begin, const Join& join) {
  const Doubling doubling(period);
  int64_t k = doubling.first;
  for_short_window(k, [&](auto rows) { begin(rows, k - period); });
  for (int d = doubling.doublings - 1; d >= 0; --d) {
    const int64_t wanted = period >> d;
    if (wanted % 2 == 0)
      join(k, Odd<false>(), wanted - period);
    else
      join(k, Odd<true>(), wanted - period);
    k = wanted;
    arrays.advance();
  }
}

}  // namespace

void strip_sums(const double* values, int64_t period, int64_t rows, double* sums) {
  WindowArrays<1> arrays(period);
  const auto begin = [&](auto window, int64_t lo) {
    double* __restrict out = period == decltype(window)::kRows ? sums : arrays.now[0];
    for (int64_t i = lo; i < rows; ++i) {
      double total = values[i];
      for (int age = 1; age < decltype(window)::kRows; ++age) total += values[i - age];
      out[i] = total;
    }
  };
  const auto join = [&](int64_t k, auto odd, int64_t lo) {
    const double* now = arrays.now[0];
    double* __restrict out = lo == 0 ? sums : arrays.next[0];
    for (int64_t i = lo; i < rows; ++i) {
      out[i] = now[i] + now[i - k];
      if constexpr (odd.kIsOdd) out[i] += values[i - 2 * k];
    }
  };
  double_windows(arrays, period, begin, join);
}

void strip_weighted_sums(const double* values, int64_t period, int64_t rows, double* sums) {
  WindowArrays<2> arrays(period);
  const auto begin = [&](auto window, int64_t lo) {
    constexpr int kRows = decltype(window)::kRows;
    double* __restrict plain = arrays.now[0];
    double* __restrict weighted = arrays.now[1];
    for (int64_t i = lo; i < rows; ++i) {
      double total = values[i], heavy = double(kRows) * values[i];
      for (int age = 1; age < kRows; ++age) total += values[i - age], heavy += double(kRows - age) * values[i - age];
      plain[i] = total, weighted[i] = heavy;
    }
  };
  const auto join = [&](int64_t k, auto odd, int64_t lo) {
    const double *plain = arrays.now[0], *weighted = arrays.now[1], heavier = double(k);
    double* __restrict plain_out = arrays.next[0];
    double* __restrict weighted_out = arrays.next[1];
    HAYATE_INDEPENDENT
    for (int64_t i = lo; i < rows; ++i) {
      const double total = plain[i] + plain[i - k], heavy = weighted[i] + heavier * plain[i] + weighted[i - k];
      const double oldest = odd.kIsOdd ? values[i - 2 * k] : 0;
      plain_out[i] = total + oldest;
      weighted_out[i] = odd.kIsOdd ? heavy + total + oldest : heavy;
    }
  };
  double_windows(arrays, period, begin, join);
  memcpy(sums, arrays.now[1], size_t(rows) * sizeof(double));
}

void strip_squares(const double* values, int64_t period, int64_t rows, double* sums, double* squares) {
  WindowArrays<2> arrays(period);
  const auto begin = [&](auto window, int64_t lo) {
    double* __restrict sum = arrays.now[0];
    double* __restrict square = arrays.now[1];
    for (int64_t i = lo; i < rows; ++i) {
      double y1 = 0, y2 = 0;
      for (int age = 1; age < decltype(window)::kRows; ++age) {
        const double y = values[i - age] - values[i];
        y1 += y, y2 += y * y;
      }
      sum[i] = y1, square[i] = y2;
    }
  };
  const auto join = [&](int64_t k, auto odd, int64_t lo) {
    const double *sum = arrays.now[0], *square = arrays.now[1], count = double(k);
    double* __restrict sum_out = arrays.next[0];
    double* __restrict square_out = arrays.next[1];
    HAYATE_INDEPENDENT
    for (int64_t i = lo; i < rows; ++i) {
      const double e = values[i - k] - values[i], older = sum[i - k], moved = older + count * e;
      const double y = odd.kIsOdd ? values[i - 2 * k] - values[i] : 0;
      sum_out[i] = sum[i] + moved + y;
      square_out[i] = square[i] + (square[i - k] + e * (older + moved)) + y * y;
    }
  };
  double_windows(arrays, period, begin, join);
  memcpy(sums, arrays.now[0], size_t(rows) * sizeof(double));
  memcpy(squares, arrays.now[1], size_t(rows) * sizeof(double));
}

void strip_ages(const double* values, int64_t period, int64_t rows, double* sums, double* ages) {
  WindowArrays<2> arrays(period);
  const auto begin = [&](auto window, int64_t lo) {
    double* __restrict sum = arrays.now[0];
    double* __restrict aged = arrays.now[1];
    for (int64_t i = lo; i < rows; ++i) {
      double y1 = 0, ya = 0;
      for (int age = 1; age < decltype(window)::kRows; ++age) {
        const double y = values[i - age] - values[i];
        y1 += y, ya += double(age) * y;
      }
      sum[i] = y1, aged[i] = ya;
    }
  };
  const auto join = [&](int64_t k, auto odd, int64_t lo) {
    const double *sum = arrays.now[0], *aged = arrays.now[1], count = double(k), ages_b = count * count + count * (count - 1) / 2;
    double* __restrict sum_out = arrays.next[0];
    double* __restrict aged_out = arrays.next[1];
    HAYATE_INDEPENDENT
    for (int64_t i = lo; i < rows; ++i) {
      const double e = values[i - k] - values[i], older = sum[i - k];
      const double y = odd.kIsOdd ? values[i - 2 * k] - values[i] : 0;
      sum_out[i] = sum[i] + (older + count * e) + y;
      aged_out[i] = aged[i] + (aged[i - k] + (count * older + e * ages_b)) + 2 * count * y;
    }
  };
  double_windows(arrays, period, begin, join);
  memcpy(sums, arrays.now[0], size_t(rows) * sizeof(double));
  memcpy(ages, arrays.now[1], size_t(rows) * sizeof(double));
}

void strip_products(const double* x, const double* y, int64_t period, int64_t rows, double* const* sums) {
  WindowArrays<5> arrays(period);
  const auto begin = [&](auto window, int64_t lo) {
    double* __restrict sum_x = arrays.now[0];
    double* __restrict sum_y = arrays.now[1];
    double* __restrict sum_xx = arrays.now[2];
    double* __restrict sum_xy = arrays.now[3];
    double* __restrict sum_yy = arrays.now[4];
    HAYATE_INDEPENDENT
    for (int64_t i = lo; i < rows; ++i) {
      double x1 = 0, y1 = 0, x2 = 0, xy = 0, y2 = 0;
      for (int age = 1; age < decltype(window)::kRows; ++age) {
        const double dx = x[i - age] - x[i], dy = y[i - age] - y[i];
        x1 += dx, y1 += dy, x2 += dx * dx, xy += dx * dy, y2 += dy * dy;
      }
      sum_x[i] = x1, sum_y[i] = y1, sum_xx[i] = x2, sum_xy[i] = xy, sum_yy[i] = y2;
    }
  };
  const auto join = [&](int64_t k, auto odd, int64_t lo) {
    const double *sum_x = arrays.now[0], *sum_y = arrays.now[1], *sum_xx = arrays.now[2], *sum_xy = arrays.now[3], *sum_yy = arrays.now[4];
    double* __restrict out_x = arrays.next[0];
    double* __restrict out_y = arrays.next[1];
    double* __restrict out_xx = arrays.next[2];
    double* __restrict out_xy = arrays.next[3];
    double* __restrict out_yy = arrays.next[4];
    const double count = double(k);
    HAYATE_INDEPENDENT
    for (int64_t i = lo; i < rows; ++i) {
      const double dx = x[i - k] - x[i], dy = y[i - k] - y[i], older_x = sum_x[i - k], older_y = sum_y[i - k];
      const double moved_x = older_x + count * dx, moved_y = older_y + count * dy;
      const double last_x = odd.kIsOdd ? x[i - 2 * k] - x[i] : 0, last_y = odd.kIsOdd ? y[i - 2 * k] - y[i] : 0;
      out_x[i] = sum_x[i] + moved_x + last_x, out_y[i] = sum_y[i] + moved_y + last_y;
      out_xx[i] = sum_xx[i] + (sum_xx[i - k] + dx * (older_x + moved_x)) + last_x * last_x;
      out_xy[i] = sum_xy[i] + (sum_xy[i - k] + (dx * moved_y + dy * older_x)) + last_x * last_y;
      out_yy[i] = sum_yy[i] + (sum_yy[i - k] + dy * (older_y + moved_y)) + last_y * last_y;
    }
  };
  double_windows(arrays, period, begin, join);
  for (int s = 0; s < 5; ++s) memcpy(sums[s], arrays.now[s], size_t(rows) * sizeof(double));
}

// ---- Distances from the mean -----------------------------------------------------------------------------------------

namespace {

/// The distances of kRows rows side by side: a row's own sum is a chain of additions that wait for each other.
template <int kRows>
void sum_distances(const double* newest, const double* means, int64_t period, double* distances) {
  double sums[kRows] = {};
  for (int64_t age = period - 1; age >= 0; --age)
    for (int i = 0; i < kRows; ++i) sums[i] += __builtin_fabs(newest[i - age] - newest[i] - means[i]);
  for (int i = 0; i < kRows; ++i) distances[i] = sums[i] / double(period);
}

}  // namespace

namespace {

/// sum(y), y the distance from the newest value.
void distances_from_newest(const double* values, int64_t period, int64_t rows, double* __restrict sums) {
  if (period > kLongestComposed) {
    for (int64_t i = 0; i < rows; ++i) sums[i] = 0;
    for (int64_t age = period - 1; age > 0; --age)
      for (int64_t i = 0; i < rows; ++i) sums[i] += values[i - age] - values[i];
    return;
  }
  WindowArrays<1> arrays(period);
  const auto begin = [&](auto window, int64_t lo) {
    double* __restrict sum = arrays.now[0];
    for (int64_t i = lo; i < rows; ++i) {
      double y1 = 0;
      for (int age = 1; age < decltype(window)::kRows; ++age) y1 += values[i - age] - values[i];
      sum[i] = y1;
    }
  };
  const auto join = [&](int64_t k, auto odd, int64_t lo) {
    const double *sum = arrays.now[0], count = double(k);
    double* __restrict out = arrays.next[0];
    for (int64_t i = lo; i < rows; ++i) {
      const double y = odd.kIsOdd ? values[i - 2 * k] - values[i] : 0;
      out[i] = sum[i] + (sum[i - k] + count * (values[i - k] - values[i])) + y;
    }
  };
  double_windows(arrays, period, begin, join);
  memcpy(sums, arrays.now[0], size_t(rows) * sizeof(double));
}

}  // namespace

void strip_distances(const double* values, int64_t period, int64_t rows, double* means, double* distances) {
  distances_from_newest(values, period, rows, means);
  for (int64_t i = 0; i < rows; ++i) means[i] /= double(period);
  constexpr int kTogether = 32;
  int64_t i = 0;
  for (; i + kTogether <= rows; i += kTogether) sum_distances<kTogether>(values + i, means + i, period, distances + i);
  for (; i < rows; ++i) sum_distances<1>(values + i, means + i, period, distances + i);
}

// ---- Extremes ------------------------------------------------------------------------------------------------------

namespace {

constexpr auto kAbove = [](double a, double b) { return a > b; };
constexpr auto kBelow = [](double a, double b) { return a < b; };

template <class Better>
void extremes(const double* values, Better better, int64_t period, int64_t rows, double* out) {
  WindowArrays<1> arrays(period);
  const auto best = [better](double newer, double older) { return better(newer, older) ? newer : older; };
  int64_t k = least(period, kLongestDirect - 1);
  for_short_window(k, [&](auto window) {
    double* __restrict first = k == period ? out : arrays.now[0];
    for (int64_t i = k - period; i < rows; ++i) {
      double top = values[i];
      for (int age = 1; age < decltype(window)::kRows; ++age) top = best(top, values[i - age]);
      first[i] = top;
    }
  });
  while (k < period) {
    const int64_t wanted = least(2 * k, period), gap = wanted - k;
    const double* now = arrays.now[0];
    double* __restrict next = wanted == period ? out : arrays.next[0];
    for (int64_t i = wanted - period; i < rows; ++i) next[i] = best(now[i], now[i - gap]);
    k = wanted;
    arrays.advance();
  }
}

/// Ages beside the values. Of equals the newer part's stands with kNewest, else the older part's.
template <bool kNewest, class Better>
void extreme_ages(const double* values, Better better, int64_t period, int64_t rows, double* out) {
  WindowArrays<2> arrays(period);
  memcpy(arrays.now[0] - (period - 1), values - (period - 1), size_t(period - 1 + rows) * sizeof(double));
  memset(arrays.now[1] - (period - 1), 0, size_t(period - 1 + rows) * sizeof(double));
  for (int64_t k = 1; k < period;) {
    const int64_t wanted = least(2 * k, period), gap = wanted - k;
    const double *value = arrays.now[0], *age = arrays.now[1];
    double* __restrict next = arrays.next[0];
    double* __restrict next_age = arrays.next[1];
    HAYATE_INDEPENDENT
    for (int64_t i = wanted - period; i < rows; ++i) {
      const double newer = value[i], older = value[i - gap], old_age = age[i - gap] + double(gap);
      const bool takes_newer = kNewest ? !better(older, newer) : better(newer, older);
      next[i] = takes_newer ? newer : older;
      next_age[i] = takes_newer ? age[i] : old_age;
    }
    k = wanted;
    arrays.advance();
  }
  memcpy(out, arrays.now[1], size_t(rows) * sizeof(double));
}

template <class Better>
void both_ages(const double* values, Better better, int64_t period, int64_t rows, double* newest, double* oldest) {
  extreme_ages<true>(values, better, period, rows, newest);
  if (oldest) extreme_ages<false>(values, better, period, rows, oldest);
}

}  // namespace

void strip_extremes(const double* values, bool largest, int64_t period, int64_t rows, double* extreme) {
  return largest ? extremes(values, kAbove, period, rows, extreme) : extremes(values, kBelow, period, rows, extreme);
}

void strip_extreme_ages(const double* values, bool largest, int64_t period, int64_t rows, double* newest, double* oldest) {
  return largest ? both_ages(values, kAbove, period, rows, newest, oldest) : both_ages(values, kBelow, period, rows, newest, oldest);
}

HAYATE_TA_END
