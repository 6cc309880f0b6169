// See ta_windows.h.
#include "kernels/ta_windows.h"

#include "kernels/moments.h"
#include "kernels/packs.h"

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

/// Where the parts of windows stand: kSums arrays for those of one length (`now`), and as many for those twice as long (`next`). Row r of
/// a part is at r * kStride. These are of a strip of one symbol, and are computed again for the rows before it.
template <int kSums>
struct StripParts {
  static constexpr int64_t kStride = 1;
  StripRoom room;
  double* now[kSums];
  double* next[kSums] = {};
  int64_t period;
  double* const* results;
  int level = 0;

  static constexpr int kArrays = 2 * kSums;
  StripParts(StripRoom arrays, int64_t rows_of_window, double* const* out) : room(arrays), period(rows_of_window), results(out) {}
  /// The parts that were next are now; the last ones are the results, where those are wanted.
  void advance(bool is_last) {
    for (int s = 0; s < kSums; ++s) {
      now[s] = next[s];
      next[s] = is_last && results[s] ? results[s] : room.array(level % 2 * kSums + s) + period - 1;
    }
    ++level;
  }
  /// Windows of `window` rows are wanted from this row on.
  int64_t first_row(int64_t window) const { return window - period; }
};

/// Of a tile of lanes: those of the rows before are there.
template <int kSums>
struct LaneParts {
  static constexpr int64_t kStride = kLanes;
  double* now[kSums];
  double* next[kSums] = {};
  const LaneWindow& window;
  double* state;
  double* const* results;
  int level = 0;

  LaneParts(const LaneWindow& of, double* at, double* const* out) : window(of), state(at), results(out) {}
  void advance(bool is_last) {
    for (int s = 0; s < kSums; ++s) now[s] = next[s], next[s] = is_last ? results[s] : window.parts[level * kSums + s].at(state);
    ++level;
  }
  int64_t first_row(int64_t) const { return 0; }
};

/// begin(kRows, lo) sums windows of kRows rows in rows from `lo` on into parts.next; join(k, odd, lo) makes there those of 2 k rows (or 2 k + 1)
/// from those of k in parts.now.
template <class Parts, class Begin, class Join>
inline void double_windows(Parts& parts, int64_t period, const Begin& begin, const Join& join) {
  const Doubling doubling(period);
  int64_t k = doubling.first;
  parts.advance(k == period);
  for_short_window(k, [&](auto rows) { begin(rows, parts.first_row(k) * Parts::kStride); });
  for (int d = doubling.doublings - 1; d >= 0; --d) {
    const int64_t wanted = period >> d, lo = parts.first_row(wanted) * Parts::kStride;
    parts.advance(d == 0);
    if (wanted % 2 == 0)
      join(k, Odd<false>(), lo);
    else
      join(k, Odd<true>(), lo);
    k = wanted;
  }
}

// Short windows of tiles: rows one after the other, so that the rows of a window stay in registers and each is loaded once. All windows of one
// length by loads alone, as along the rows of one symbol, wait for the loads.

/// join(newer, older) of the kRows newest rows; row r stands in x[r % kRows], the newest in x[kNewest].
template <int kNewest, int kAge, int kRows, class Join>
HAYATE_INLINE inline Vector join_rows(const Vector (&x)[kRows], Vector newer, const Join& join) {
  if constexpr (kAge == kRows)
    return newer;
  else
    return join_rows<kNewest, kAge + 1>(x, join(newer, x[(kNewest + kRows - kAge) % kRows]), join);
}

/// Rows kRow .. kRows - 1 of a step of kRows, of which there are `rows`.
template <int kRow, int kRows, class Join>
HAYATE_INLINE inline void step_rows(Vector (&x)[kRows], const double* values, int64_t rows, const Join& join, double* out) {
  if constexpr (kRow < kRows) {
    if (kRow >= rows) return;
    x[kRow] = *reinterpret_cast<const UnalignedVector*>(values + kRow * kLanes);
    *reinterpret_cast<UnalignedVector*>(out + kRow * kLanes) = join_rows<kRow, 1>(x, x[kRow], join);
    step_rows<kRow + 1>(x, values, rows, join, out);
  }
}

template <int kRows, class Join>
inline void join_windows(const double* values, int64_t cells, const Join& join, double* out) {
  for (int64_t lane = 0; lane < kLanes; lane += kVectorLanes) {
    Vector x[kRows];
    for (int age = 1; age < kRows; ++age) x[kRows - age] = *reinterpret_cast<const UnalignedVector*>(values + lane - age * kLanes);
    int64_t cell = lane;
    for (; cell + (kRows - 1) * kLanes < cells; cell += kRows * kLanes) step_rows<0>(x, values + cell, kRows, join, out + cell);
    step_rows<0>(x, values + cell, (cells + kLanes - 1 - cell) / kLanes, join, out + cell);
  }
}

// The loops are over cells of `cells` = rows * kStride; a row before is kStride cells before.

template <class Parts>
inline void add_up(Parts parts, const double* values, int64_t period, int64_t cells) {
  constexpr int64_t kRow = Parts::kStride;
  const auto begin = [&](auto window, int64_t lo) {
    double* __restrict out = parts.next[0];
    if constexpr (kRow == kLanes)
      return join_windows<decltype(window)::kRows>(values, cells, [](Vector newer, Vector older) { return newer + older; }, out);
    for (int64_t i = lo; i < cells; ++i) {
      double total = values[i];
      for (int age = 1; age < decltype(window)::kRows; ++age) total += values[i - age * kRow];
      out[i] = total;
    }
  };
  const auto join = [&](int64_t k, auto odd, int64_t lo) {
    const double* now = parts.now[0];
    double* __restrict out = parts.next[0];
    for (int64_t i = lo; i < cells; ++i) {
      out[i] = now[i] + now[i - k * kRow];
      if constexpr (odd.kIsOdd) out[i] += values[i - 2 * k * kRow];
    }
  };
  double_windows(parts, period, begin, join);
}

template <class Parts>
inline void add_weighted(Parts parts, const double* values, int64_t period, int64_t cells) {
  constexpr int64_t kRow = Parts::kStride;
  const auto begin = [&](auto window, int64_t lo) {
    constexpr int kRows = decltype(window)::kRows;
    double* __restrict plain = parts.next[0];
    double* __restrict weighted = parts.next[1];
    for (int64_t i = lo; i < cells; ++i) {
      double total = values[i], heavy = double(kRows) * values[i];
      for (int age = 1; age < kRows; ++age) total += values[i - age * kRow], heavy += double(kRows - age) * values[i - age * kRow];
      plain[i] = total, weighted[i] = heavy;
    }
  };
  const auto join = [&](int64_t k, auto odd, int64_t lo) {
    const double *plain = parts.now[0], *weighted = parts.now[1], heavier = double(k);
    double* __restrict plain_out = parts.next[0];
    double* __restrict weighted_out = parts.next[1];
    const int64_t gap = k * kRow;
    HAYATE_INDEPENDENT
    for (int64_t i = lo; i < cells; ++i) {
      const double total = plain[i] + plain[i - gap], heavy = weighted[i] + heavier * plain[i] + weighted[i - gap];
      const double oldest = odd.kIsOdd ? values[i - 2 * gap] : 0;
      plain_out[i] = total + oldest;
      weighted_out[i] = odd.kIsOdd ? heavy + total + oldest : heavy;
    }
  };
  double_windows(parts, period, begin, join);
}

template <class Parts>
inline void add_squares(Parts parts, const double* values, int64_t period, int64_t cells) {
  constexpr int64_t kRow = Parts::kStride;
  const auto begin = [&](auto window, int64_t lo) {
    double* __restrict sum = parts.next[0];
    double* __restrict square = parts.next[1];
    for (int64_t i = lo; i < cells; ++i) {
      double y1 = 0, y2 = 0;
      for (int age = 1; age < decltype(window)::kRows; ++age) {
        const double y = values[i - age * kRow] - values[i];
        y1 += y, y2 += y * y;
      }
      sum[i] = y1, square[i] = y2;
    }
  };
  const auto join = [&](int64_t k, auto odd, int64_t lo) {
    const double *sum = parts.now[0], *square = parts.now[1], count = double(k);
    double* __restrict sum_out = parts.next[0];
    double* __restrict square_out = parts.next[1];
    const int64_t gap = k * kRow;
    HAYATE_INDEPENDENT
    for (int64_t i = lo; i < cells; ++i) {
      const double e = values[i - gap] - values[i], older = sum[i - gap], moved = older + count * e;
      const double y = odd.kIsOdd ? values[i - 2 * gap] - values[i] : 0;
      sum_out[i] = sum[i] + moved + y;
      square_out[i] = square[i] + (square[i - gap] + e * (older + moved)) + y * y;
    }
  };
  double_windows(parts, period, begin, join);
}

/// sum(y), y the distance from the newest value.
template <class Parts>
inline void add_distances(Parts parts, const double* values, int64_t period, int64_t cells) {
  constexpr int64_t kRow = Parts::kStride;
  const auto begin = [&](auto window, int64_t lo) {
    double* __restrict sum = parts.next[0];
    for (int64_t i = lo; i < cells; ++i) {
      double y1 = 0;
      for (int age = 1; age < decltype(window)::kRows; ++age) y1 += values[i - age * kRow] - values[i];
      sum[i] = y1;
    }
  };
  const auto join = [&](int64_t k, auto odd, int64_t lo) {
    const double *sum = parts.now[0], count = double(k);
    double* __restrict out = parts.next[0];
    const int64_t gap = k * kRow;
    for (int64_t i = lo; i < cells; ++i) {
      const double y = odd.kIsOdd ? values[i - 2 * gap] - values[i] : 0;
      out[i] = sum[i] + (sum[i - gap] + count * (values[i - gap] - values[i])) + y;
    }
  };
  double_windows(parts, period, begin, join);
}

/// Of windows of 7 rows, and so on doubled; the last two may overlap.
template <class Parts, class Better>
inline void find_extremes(Parts parts, const double* values, Better better, int64_t period, int64_t cells) {
  constexpr int64_t kRow = Parts::kStride;
  const auto best = [better](auto newer, auto older) { return better(newer, older) ? newer : older; };
  int64_t k = least(period, kLongestDirect - 1);
  parts.advance(k == period);
  for_short_window(k, [&](auto window) {
    double* __restrict first = parts.next[0];
    if constexpr (kRow == kLanes) return join_windows<decltype(window)::kRows>(values, cells, best, first);
    for (int64_t i = parts.first_row(k) * kRow; i < cells; ++i) {
      double top = values[i];
      for (int age = 1; age < decltype(window)::kRows; ++age) top = best(top, values[i - age * kRow]);
      first[i] = top;
    }
  });
  while (k < period) {
    const int64_t wanted = least(2 * k, period), gap = (wanted - k) * kRow;
    parts.advance(wanted == period);
    const double* now = parts.now[0];
    double* __restrict next = parts.next[0];
    for (int64_t i = parts.first_row(wanted) * kRow; i < cells; ++i) next[i] = best(now[i], now[i - gap]);
    k = wanted;
  }
}

constexpr auto kAbove = [](auto a, auto b) { return a > b; };
constexpr auto kBelow = [](auto a, auto b) { return a < b; };

template <class Parts>
inline void find_extremes(Parts parts, const double* values, bool largest, int64_t period, int64_t cells) {
  return largest ? find_extremes(parts, values, kAbove, period, cells) : find_extremes(parts, values, kBelow, period, cells);
}

}  // namespace

/// Calls use(StripParts), from one place for short and long windows.
template <int kSums, class Use>
static inline void with_parts(int64_t period, double* const* results, const Use& use) {
  with_room<2 * kSums>(period, [&](StripRoom room) __attribute__((noinline)) { use(StripParts<kSums>(room, period, results)); });
}

void strip_sums(const double* values, int64_t period, int64_t rows, double* sums) {
  with_parts<1>(period, &sums, [&](auto parts) { add_up(parts, values, period, rows); });
}

void strip_weighted_sums(const double* values, int64_t period, int64_t rows, double* sums) {
  double* const results[] = {nullptr, sums};
  with_parts<2>(period, results, [&](auto parts) { add_weighted(parts, values, period, rows); });
}

void strip_squares(const double* values, int64_t period, int64_t rows, double* sums, double* squares) {
  double* const results[] = {sums, squares};
  with_parts<2>(period, results, [&](auto parts) { add_squares(parts, values, period, rows); });
}

void strip_extremes(const double* values, bool largest, int64_t period, int64_t rows, double* extreme) {
  with_parts<1>(period, &extreme, [&](auto parts) { find_extremes(parts, values, largest, period, rows); });
}

static void add_ages(StripParts<2> parts, const double* values, int64_t period, int64_t rows) {
  const auto begin = [&](auto window, int64_t lo) {
    double* __restrict sum = parts.next[0];
    double* __restrict aged = parts.next[1];
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
    const double *sum = parts.now[0], *aged = parts.now[1], count = double(k), ages_b = count * count + count * (count - 1) / 2;
    double* __restrict sum_out = parts.next[0];
    double* __restrict aged_out = parts.next[1];
    HAYATE_INDEPENDENT
    for (int64_t i = lo; i < rows; ++i) {
      const double e = values[i - k] - values[i], older = sum[i - k];
      const double y = odd.kIsOdd ? values[i - 2 * k] - values[i] : 0;
      sum_out[i] = sum[i] + (older + count * e) + y;
      aged_out[i] = aged[i] + (aged[i - k] + (count * older + e * ages_b)) + 2 * count * y;
    }
  };
  double_windows(parts, period, begin, join);
}

void strip_ages(const double* values, int64_t period, int64_t rows, double* sums, double* ages) {
  double* const results[] = {sums, ages};
  with_parts<2>(period, results, [&](auto parts) { add_ages(parts, values, period, rows); });
}

static void add_products(StripParts<5> parts, const double* x, const double* y, int64_t period, int64_t rows) {
  const auto begin = [&](auto window, int64_t lo) {
    double* __restrict sum_x = parts.next[0];
    double* __restrict sum_y = parts.next[1];
    double* __restrict sum_xx = parts.next[2];
    double* __restrict sum_xy = parts.next[3];
    double* __restrict sum_yy = parts.next[4];
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
    const double *sum_x = parts.now[0], *sum_y = parts.now[1], *sum_xx = parts.now[2], *sum_xy = parts.now[3], *sum_yy = parts.now[4];
    double* __restrict out_x = parts.next[0];
    double* __restrict out_y = parts.next[1];
    double* __restrict out_xx = parts.next[2];
    double* __restrict out_xy = parts.next[3];
    double* __restrict out_yy = parts.next[4];
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
  double_windows(parts, period, begin, join);
}

void strip_products(const double* x, const double* y, int64_t period, int64_t rows, double* const* sums) {
  with_parts<5>(period, sums, [&](auto parts) { add_products(parts, x, y, period, rows); });
}

// ---- Distances from the mean -----------------------------------------------------------------------------------------

namespace {

/// Of kPacks packs side by side, since the sum of one is a chain of additions that wait for each other: `means`, the sum of distances y from the
/// newest value, becomes their mean m, and `distances` the mean of |y - m|. As much lies above a mean as below it, so that is twice the
/// mean of max(y, m) - m: of four operations a row and cell, three on the adders, two are left.
template <int64_t kRow, int kPacks>
inline void sum_distances(const double* values, int64_t period, double* means, double* distances) {
  const double count = double(period), inverse = 1 / count;
  Pack newest[kPacks], mean[kPacks], sums[kPacks];
  for (int p = 0; p < kPacks; ++p) newest[p] = load(values + p * kPackLanes), mean[p] = load(means + p * kPackLanes) * inverse, sums[p] = 0;
  for (int64_t age = period - 1; age >= 0; --age)
    for (int p = 0; p < kPacks; ++p) sums[p] = sums[p] + larger_of(load(values + p * kPackLanes - age * kRow) - newest[p], mean[p]);
  for (int p = 0; p < kPacks; ++p) {
    store(mean[p], means + p * kPackLanes);
    store((sums[p] - mean[p] * count) * 2 * inverse, distances + p * kPackLanes);
  }
}

/// Of one cell.
template <int64_t kRow>
inline void sum_distance(const double* newest, int64_t period, double* mean, double* distance) {
  const double count = double(period), inverse = 1 / count;
  *mean *= inverse;
  double sum = 0;
  for (int64_t age = period - 1; age >= 0; --age) {
    const double y = newest[-age * kRow] - *newest;
    sum += y > *mean ? y : *mean;
  }
  *distance = (sum - *mean * count) * 2 * inverse;
}

template <int64_t kRow>
void distances_from_means(const double* values, int64_t period, int64_t cells, double* means, double* distances) {
  constexpr int kTogether = 2, kCells = kTogether * kPackLanes;
  int64_t i = 0;
  for (; i + kCells <= cells; i += kCells) sum_distances<kRow, kTogether>(values + i, period, means + i, distances + i);
  for (; i < cells; ++i) sum_distance<kRow>(values + i, period, means + i, distances + i);
}

void add_long_distances(const double* values, int64_t period, int64_t rows, double* __restrict sums) {
  for (int64_t i = 0; i < rows; ++i) sums[i] = 0;
  for (int64_t age = period - 1; age > 0; --age)
    for (int64_t i = 0; i < rows; ++i) sums[i] += values[i - age] - values[i];
}

}  // namespace

void strip_distances(const double* values, int64_t period, int64_t rows, double* means, double* distances) {
  if (period > ta::kLongestComposed)
    add_long_distances(values, period, rows, means);
  else
    with_parts<1>(period, &means, [&](auto parts) { add_distances(parts, values, period, rows); });
  distances_from_means<1>(values, period, rows, means, distances);
}

// ---- Extremes ------------------------------------------------------------------------------------------------------

namespace {

/// Ages beside the values. Of equals the newer part's stands with kNewest, else the older part's.
template <bool kNewest, class Better>
void extreme_ages(StripParts<2> parts, const double* values, Better better, int64_t period, int64_t rows) {
  parts.advance(period == 1);
  const size_t held = size_t(period - 1 + rows) * sizeof(double);
  memcpy(parts.next[0] - (period - 1), values - (period - 1), held), memset(parts.next[1] - (period - 1), 0, held);
  for (int64_t k = 1; k < period;) {
    const int64_t wanted = least(2 * k, period), gap = wanted - k;
    parts.advance(wanted == period);
    const double *value = parts.now[0], *age = parts.now[1];
    double* __restrict next = parts.next[0];
    double* __restrict next_age = parts.next[1];
    HAYATE_INDEPENDENT
    for (int64_t i = wanted - period; i < rows; ++i) {
      const double newer = value[i], older = value[i - gap], old_age = age[i - gap] + double(gap);
      const bool takes_newer = kNewest ? !better(older, newer) : better(newer, older);
      next[i] = takes_newer ? newer : older;
      next_age[i] = takes_newer ? age[i] : old_age;
    }
    k = wanted;
  }
}

template <class Better>
void both_ages(const double* values, Better better, int64_t period, int64_t rows, double* newest, double* oldest) {
  double *const newest_results[] = {nullptr, newest}, *const oldest_results[] = {nullptr, oldest};
  with_parts<2>(period, newest_results, [&](auto parts) { extreme_ages<true>(parts, values, better, period, rows); });
  if (oldest) with_parts<2>(period, oldest_results, [&](auto parts) { extreme_ages<false>(parts, values, better, period, rows); });
}

}  // namespace

void strip_extreme_ages(const double* values, bool largest, int64_t period, int64_t rows, double* newest, double* oldest) {
  return largest ? both_ages(values, kAbove, period, rows, newest, oldest) : both_ages(values, kBelow, period, rows, newest, oldest);
}

// ---- Tiles of lanes --------------------------------------------------------------------------------------------------

int64_t rows_before(int64_t period, LaneSums sums) {
  if (sums == LaneSums::extreme) return least(period, kLongestDirect - 1) - 1;
  if (sums == LaneSums::distances || sums == LaneSums::squares) return period - 1;
  const Doubling doubling(period);
  int64_t rows = doubling.first - 1;
  for (int d = doubling.doublings - 1; d >= 0; --d)
    if ((period >> d) % 2 != 0) rows = (period >> d) - 1;
  return rows;
}

LaneWindow::LaneWindow(int64_t rows, LaneSums sums, LaneLayout& layout) : period(rows) {
  int next = 0;
  const auto keep = [&](int64_t history) {
    for (int s = 0; s < (sums == LaneSums::squares || sums == LaneSums::weighted ? 2 : 1); ++s) parts[next++] = layout.add(history);
  };
  const Doubling doubling(period);
  for (int64_t k = kLongestDirect - 1; k < period && sums == LaneSums::extreme; k *= 2) keep(least(2 * k, period) - k);
  for (int d = doubling.doublings; d > 0 && sums != LaneSums::extreme; --d) keep(period >> d);
}

void tile_sums(const LaneWindow& window, double* state, const double* values, int64_t rows, double* sums) {
  add_up(LaneParts<1>(window, state, &sums), values, window.period, rows * kLanes);
}

void tile_weighted_sums(const LaneWindow& window, double* state, const double* values, int64_t rows, double* sums) {
  alignas(64) double plain[kLaneRows * kLanes];
  double* const results[] = {plain, sums};
  add_weighted(LaneParts<2>(window, state, results), values, window.period, rows * kLanes);
}

void tile_squares(const LaneWindow& window, double* state, const double* values, int64_t rows, double* sums, double* squares) {
  double* const results[] = {sums, squares};
  add_squares(LaneParts<2>(window, state, results), values, window.period, rows * kLanes);
}

void tile_distances(const LaneWindow& window, double* state, const double* values, int64_t rows, double* means, double* distances) {
  add_distances(LaneParts<1>(window, state, &means), values, window.period, rows * kLanes);
  distances_from_means<kLanes>(values, window.period, rows * kLanes, means, distances);
}

void tile_extremes(const LaneWindow& window, double* state, const double* values, bool largest, int64_t rows, double* extremes) {
  find_extremes(LaneParts<1>(window, state, &extremes), values, largest, window.period, rows * kLanes);
}

HAYATE_TA_END
