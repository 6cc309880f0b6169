// See moments.h for what is computed and why this way.
#include "kernels/moments.h"

#include "kernels/strips.h"

HAYATE_KERNELS_BEGIN
namespace {

/// The sums of one window, row by row.
struct Arrays {
  double* sum;      // S, or the plain sum
  double* squares;  // Q
  double* ages;     // P
  double* cubes;    // C
  double* fourths;  // D
  int64_t history;  // rows that longer windows look back
};

/// Everything about the strip in hand. Row i of a strip is row begin + i of the series; arrays reach back `history` rows.
struct Strip {
  const MomentsTask* task;
  int64_t length, begin, rows;
  int64_t history;         // of the values
  int64_t window_history;  // of the counts
  double* values;          // r: the value, or the last one before a missing row; 0 before the first. Plain: 0 where missing
  double* present;         // 1 or 0
  double* count;           // prefix sums over the strip and its history of present, i * present, i^2 * present
  double* index;
  double* index2;
  Arrays* links;
  double* window_count;  // of one window: values, sum of their ages, sum of the squared ages
  double* window_ages;
  double* window_ages2;
  float* staging;
  double last_value;
  int64_t last_missing;  // row of the series, or a row before it that counts as missing: -1 at the start
  double all_count, all_ages, all_ages2;
  double all[5];
};

int64_t history_of(const MomentsTask& task) { return round_up(task.longest + 1); }
int64_t arrays_per_link(const MomentsTask& task) { return 1 + (task.squares ? 1 : 0) + (task.ages ? 1 : 0) + (task.cubes ? 2 : 0); }
int64_t strip_length(const MomentsTask& task) { return strip_rows(3 + arrays_per_link(task) * task.num_links, task.longest); }

int64_t scratch(const MomentsTask& task) {
  const int64_t array = history_of(task) + strip_length(task);
  return array * (5 + 3 + arrays_per_link(task) * task.num_links) + strip_length(task) + 64 +
         task.num_links * int64_t(sizeof(Arrays) / sizeof(double)) + 16;
}

/// Hands out the arrays of `s`. Rows before the series count as missing.
void lay_out(Strip& s, double* scratch) {
  const MomentsTask& task = *s.task;
  s.length = strip_length(task);
  s.window_history = history_of(task);
  s.history = round_up(longest_gap(task.links, task.num_links));
  Carver carver{scratch, s.length};
  s.values = carver.array(s.history), s.present = carver.array(s.window_history);
  s.count = carver.array(s.window_history), s.index = carver.array(s.window_history), s.index2 = carver.array(s.window_history);
  s.window_count = carver.array(0), s.window_ages = carver.array(0), s.window_ages2 = carver.array(0);
  s.staging = carver.staging();
  s.links = reinterpret_cast<Arrays*>(carver.next);
  carver.next += round_up(task.num_links * int64_t(sizeof(Arrays) / sizeof(double)));
  for (int32_t i = 0; i < task.num_links; ++i) {
    Arrays& a = s.links[i];
    a.history = round_up(gap_behind(task.links, task.num_links, i));
    a.sum = carver.array(a.history);
    a.squares = task.squares ? carver.array(a.history) : nullptr;
    a.ages = task.ages ? carver.array(a.history) : nullptr;
    a.cubes = task.cubes ? carver.array(a.history) : nullptr;
    a.fourths = task.cubes ? carver.array(a.history) : nullptr;
  }
}

void slide(const Strip& s) {
  slide_rows(s.values, s.history, s.length);
  slide_rows(s.present, s.window_history, s.length);
  for (int32_t i = 0; i < s.task->num_links; ++i) {
    const Arrays& a = s.links[i];
    double* const sums[] = {a.sum, a.squares, a.ages, a.cubes, a.fourths};
    for (double* rows : sums) slide_rows(rows, a.history, s.length);
  }
}

/// Reads rows [begin, begin + rows) of the series. Returns the first and last missing row of the strip, or rows and -1.
void load_strip(Strip& s, int64_t& first_missing, int64_t& last_missing) {
  widen(s.task->series, s.begin, s.rows, s.values);
  double* __restrict values = s.values;
  double* __restrict present = s.present;
  int64_t missing = 0;
  for (int64_t i = 0; i < s.rows; ++i) {
    present[i] = is_finite(values[i]) ? 1.0 : 0.0;
    missing |= is_finite(values[i]) ? 0 : 1;
  }
  first_missing = s.rows, last_missing = -1;
  for (int64_t i = 0; missing && i < s.rows; ++i) {
    if (present[i] != 0) {
      s.last_value = values[i];
      continue;
    }
    values[i] = s.task->plain ? 0 : s.last_value;
    first_missing = least(first_missing, i), last_missing = i;
  }
  s.last_value = values[s.rows - 1];
}

void prefix_counts(Strip& s) {
  double count = 0, index = 0, index2 = 0;
  for (int64_t i = -s.window_history; i < s.rows; ++i) {
    const double at = double(i), present = s.present[i];
    count += present, index += at * present, index2 += at * at * present;
    s.count[i] = count, s.index[i] = index, s.index2[i] = index2;
  }
}

// ---- Windows -------------------------------------------------------------------------------------------------------

/// Which sums a set of statistics needs.
enum class Level { plain, sum, squares, ages, cubes };

template <Level kLevel>
constexpr bool kHasSquares = kLevel == Level::squares || kLevel == Level::ages || kLevel == Level::cubes;

/// A window of kRows rows, summed one age after the other.
template <Level kLevel, bool kMasked, int kRows>
void sum_directly(const Strip& s, const Arrays& out, int64_t lo, int64_t hi) {
  const double* values = s.values;
  const double* present = s.present;
  double* __restrict sum = out.sum;
  double* __restrict squares = out.squares;
  double* __restrict ages = out.ages;
  double* __restrict cubes = out.cubes;
  double* __restrict fourths = out.fourths;
  HAYATE_INDEPENDENT
  for (int64_t i = lo; i < hi; ++i) {
    const double newest = values[i];
    if constexpr (kLevel == Level::plain) {
      double total = newest;
      for (int age = 1; age < kRows; ++age) total += values[i - age];
      sum[i] = total;
    } else {
      double y1 = 0, y2 = 0, ya = 0, y3 = 0, y4 = 0;
      for (int age = 1; age < kRows; ++age) {
        double y = values[i - age] - newest;
        if constexpr (kMasked) y *= present[i - age];
        y1 += y;
        if constexpr (kHasSquares<kLevel>) y2 += y * y;
        if constexpr (kLevel == Level::ages) ya += double(age) * y;
        if constexpr (kLevel == Level::cubes) y3 += y * y * y, y4 += y * y * (y * y);
      }
      sum[i] = y1;
      if constexpr (kHasSquares<kLevel>) squares[i] = y2;
      if constexpr (kLevel == Level::ages) ages[i] = ya;
      if constexpr (kLevel == Level::cubes) cubes[i] = y3, fourths[i] = y4;
    }
  }
}

template <Level kLevel, bool kMasked>
void sum_short(const Strip& s, int64_t window, const Arrays& out, int64_t lo, int64_t hi) {
  for_short_window(window, [&](auto rows) { sum_directly<kLevel, kMasked, decltype(rows)::kRows>(s, out, lo, hi); });
}

/// A window from a newer part of `a` rows and an older one.
template <Level kLevel, bool kMasked>
void join(const Strip& s, int64_t a, int64_t window, const Arrays& newer, const Arrays& older, const Arrays& out, int64_t lo, int64_t hi) {
  const double* values = s.values;
  const double* count = s.count;
  const double* index = s.index;
  const double rows_b = double(window - a), ages_b = rows_b * double(a) + rows_b * (rows_b - 1) / 2, gap = double(a);
  double* __restrict sum = out.sum;
  double* __restrict squares = out.squares;
  double* __restrict ages = out.ages;
  double* __restrict cubes = out.cubes;
  double* __restrict fourths = out.fourths;
  HAYATE_INDEPENDENT
  for (int64_t i = lo; i < hi; ++i) {
    const double sum_b = older.sum[i - a];
    if constexpr (kLevel == Level::plain) {
      sum[i] = newer.sum[i] + sum_b;
    } else {
      double n = rows_b, age = ages_b;
      if constexpr (kMasked) n = count[i - a] - count[i - window], age = double(i) * n - (index[i - a] - index[i - window]);
      const double e = values[i - a] - values[i], moved = sum_b + n * e;
      sum[i] = newer.sum[i] + moved;
      if constexpr (kHasSquares<kLevel>) {
        const double squares_b = older.squares[i - a];
        squares[i] = newer.squares[i] + (squares_b + e * (sum_b + moved));
        if constexpr (kLevel == Level::ages) ages[i] = newer.ages[i] + (older.ages[i - a] + (gap * sum_b + e * age));
        if constexpr (kLevel == Level::cubes) {
          const double cubes_b = older.cubes[i - a], ne = n * e;
          cubes[i] = newer.cubes[i] + (cubes_b + e * (3 * squares_b + e * (3 * sum_b + ne)));
          fourths[i] = newer.fourths[i] + (older.fourths[i - a] + e * (4 * cubes_b + e * (6 * squares_b + e * (4 * sum_b + ne))));
        }
      }
    }
  }
}

template <Level kLevel, bool kMasked>
void fill_link(const Strip& s, int32_t number, int64_t lo, int64_t hi) {
  const WindowLink& link = s.task->links[number];
  const Arrays& out = s.links[number];
  if (link.newer < 0) return sum_short<kLevel, kMasked>(s, link.window, out, lo, hi);
  join<kLevel, kMasked>(s, s.task->links[link.newer].window, link.window, s.links[link.newer], s.links[link.older], out, lo, hi);
}

/// All rows so far: the newest row joined to the window of all before it, row by row.
template <Level kLevel>
void fill_expanding(Strip& s, int32_t number) {
  const Arrays& out = s.links[number];
  double* all = s.all;
  for (int64_t i = 0; i < s.rows; ++i) {
    if constexpr (kLevel == Level::plain) {
      out.sum[i] = all[0] += s.values[i];
    } else {
      const double n = s.all_count, e = n > 0 ? s.values[i - 1] - s.values[i] : 0, ne = n * e;
      const double sum = all[0], squares = all[1], cubes = all[3];
      if constexpr (kLevel == Level::ages) out.ages[i] = all[2] = all[2] + (sum + e * (s.all_ages + n));
      if constexpr (kLevel == Level::cubes) {
        out.fourths[i] = all[4] = all[4] + e * (4 * cubes + e * (6 * squares + e * (4 * sum + ne)));
        out.cubes[i] = all[3] = cubes + e * (3 * squares + e * (3 * sum + ne));
      }
      if constexpr (kHasSquares<kLevel>) out.squares[i] = all[1] = squares + e * (2 * sum + ne);
      out.sum[i] = all[0] = sum + ne;
    }
    s.all_ages2 += 2 * s.all_ages + s.all_count, s.all_ages += s.all_count, s.all_count += s.present[i];
    s.window_count[i] = s.all_count, s.window_ages[i] = s.all_ages, s.window_ages2[i] = s.all_ages2;
  }
}

/// The counts of one window, row by row, for the statistics of masked rows.
void count_window(const Strip& s, int64_t window, int64_t lo, int64_t hi) {
  for (int64_t i = lo; i < hi; ++i) {
    const double at = double(i), n = s.count[i] - s.count[i - window], sum = s.index[i] - s.index[i - window];
    s.window_count[i] = n;
    s.window_ages[i] = at * n - sum;
    s.window_ages2[i] = at * at * n - 2 * at * sum + (s.index2[i] - s.index2[i - window]);
  }
}

// ---- Statistics ----------------------------------------------------------------------------------------------------

/// What a window holds: n values, 1 / n, 1 / (n - 1), the sum of their ages and n sum(age^2) - (sum of ages)^2.
struct Counts {
  double n, inverse, inverse1, ages, spread;
};

/// The arrays of one window.
struct Rows {
  const double* values;
  const double* present;
  const double* sum;
  const double* squares;
  const double* ages;
  const double* cubes;
  const double* fourths;
};

struct Sum {
  HAYATE_INLINE static inline double at(const Rows& r, int64_t i, const Counts& c) { return c.n > 0 ? r.sum[i] : kNaN; }
};
struct Share {
  HAYATE_INLINE static inline double at(const Rows& r, int64_t i, const Counts& c) { return r.sum[i] / c.n; }
};
struct Mean {
  HAYATE_INLINE static inline double at(const Rows& r, int64_t i, const Counts& c) { return r.values[i] + r.sum[i] * c.inverse; }
};
struct Variance {
  HAYATE_INLINE static inline double at(const Rows& r, int64_t i, const Counts& c) {
    const double moment = r.squares[i] - r.sum[i] * r.sum[i] * c.inverse;
    return (moment < 0 ? 0 : moment) * c.inverse1;
  }
};
struct Deviation {
  HAYATE_INLINE static inline double at(const Rows& r, int64_t i, const Counts& c) { return __builtin_sqrt(Variance::at(r, i, c)); }
};
struct Slope {
  HAYATE_INLINE static inline double at(const Rows& r, int64_t i, const Counts& c) { return (c.ages * r.sum[i] - c.n * r.ages[i]) * (1 / c.spread); }
};
struct RsquareAny {
  HAYATE_INLINE static inline double at(const Rows& r, int64_t i, const Counts& c) {
    const double both = c.ages * r.sum[i] - c.n * r.ages[i], moment = c.n * r.squares[i] - r.sum[i] * r.sum[i];
    return both * both * (1 / c.spread) / moment;
  }
};
struct Rsquare {
  HAYATE_INLINE static inline double at(const Rows& r, int64_t i, const Counts& c) {
    return Variance::at(r, i, c) > 2e-5 * 2e-5 ? RsquareAny::at(r, i, c) : kNaN;
  }
};
struct Residual {
  HAYATE_INLINE static inline double at(const Rows& r, int64_t i, const Counts& c) {
    const double fitted = (r.sum[i] + Slope::at(r, i, c) * c.ages) * c.inverse;
    return r.present[i] != 0 ? -fitted : kNaN;
  }
};
struct Skewness {
  HAYATE_INLINE static inline double at(const Rows& r, int64_t i, const Counts& c) {
    const double mean = r.sum[i] * c.inverse, m2 = r.squares[i] * c.inverse - mean * mean;
    const double m3 = r.cubes[i] * c.inverse - mean * (3 * (r.squares[i] * c.inverse) - 2 * (mean * mean));
    const double skew = __builtin_sqrt(c.n * (c.n - 1)) / (c.n - 2) * m3 / (m2 * __builtin_sqrt(m2));
    const double value = r.squares[i] == 0 ? 0 : m2 <= 1e-14 ? kNaN : skew;
    return c.n >= 3 ? value : kNaN;
  }
};
struct Kurtosis {
  HAYATE_INLINE static inline double at(const Rows& r, int64_t i, const Counts& c) {
    const double mean = r.sum[i] * c.inverse, q = r.squares[i] * c.inverse, m2 = q - mean * mean;
    const double m4 = r.fourths[i] * c.inverse - mean * (4 * (r.cubes[i] * c.inverse) - mean * (6 * q - 3 * (mean * mean)));
    const double n1 = c.n - 1;
    const double kurt = ((c.n * c.n - 1) * m4 / (m2 * m2) - 3 * (n1 * n1)) / ((c.n - 2) * (c.n - 3));
    const double value = r.squares[i] == 0 ? -3 : m2 <= 1e-14 ? kNaN : kurt;
    return c.n >= 4 ? value : kNaN;
  }
};

Counts counts_of(double n, double ages, double ages2) { return {n, 1 / n, 1 / (n - 1), ages, n * ages2 - ages * ages}; }

template <class Stat, bool kMasked>
void emit(const Strip& s, const MomentsOutput& output, int64_t lo, int64_t hi) {
  const Arrays& a = s.links[output.link];
  const Rows rows{s.values, s.present, a.sum, a.squares, a.ages, a.cubes, a.fourths};
  if constexpr (kMasked) {
    const double* n = s.window_count;
    const double* ages = s.window_ages;
    const double* ages2 = s.window_ages2;
    store(output.sink, s.staging, s.begin, {lo, hi}, [=](int64_t i) HAYATE_INLINE { return Stat::at(rows, i, counts_of(n[i], ages[i], ages2[i])); });
  } else {
    const double n = double(s.task->links[output.link].window);
    const Counts counts = counts_of(n, n * (n - 1) / 2, (n - 1) * n * (2 * n - 1) / 6);
    store(output.sink, s.staging, s.begin, {lo, hi}, [=](int64_t i) HAYATE_INLINE { return Stat::at(rows, i, counts); });
  }
}

/// sum(w x) / n with w = 1 .. m over their sum, m the rows of the window: sum(w x) = sum((m - age) (r + y)).
template <bool kMasked>
void emit_weighted_mean(const Strip& s, const MomentsOutput& output, int64_t lo, int64_t hi) {
  const Arrays& a = s.links[output.link];
  const int64_t window = s.task->links[output.link].window;
  const double *sum = a.sum, *aged = a.ages, *values = s.values, *count = s.window_count, *ages_of = s.window_ages;
  const double first = double(s.begin + 1), full = double(window);
  store(output.sink, s.staging, s.begin, {lo, hi}, [=](int64_t i) HAYATE_INLINE {
    const double so_far = first + double(i), m = !kMasked || (window > 0 && so_far >= full) ? full : so_far;
    const double n = kMasked ? count[i] : m, ages = kMasked ? ages_of[i] : m * (m - 1) / 2;
    const double weighted = m * sum[i] - aged[i] + values[i] * (m * n - ages);
    return weighted / (m * (m + 1) / 2) / n;
  });
}

template <bool kMasked>
void emit_output(const Strip& s, const MomentsOutput& output, int64_t lo, int64_t hi) {
  switch (output.statistic) {
    case Statistic::sum:
      return emit<Sum, kMasked>(s, output, lo, hi);
    case Statistic::share:
      return emit<Share, kMasked>(s, output, lo, hi);
    case Statistic::mean:
      return emit<Mean, kMasked>(s, output, lo, hi);
    case Statistic::variance:
      return emit<Variance, kMasked>(s, output, lo, hi);
    case Statistic::deviation:
      return emit<Deviation, kMasked>(s, output, lo, hi);
    case Statistic::slope:
      return emit<Slope, kMasked>(s, output, lo, hi);
    case Statistic::rsquare:
      return emit<Rsquare, kMasked>(s, output, lo, hi);
    case Statistic::rsquare_any:
      return emit<RsquareAny, kMasked>(s, output, lo, hi);
    case Statistic::residual:
      return emit<Residual, kMasked>(s, output, lo, hi);
    case Statistic::weighted_mean:
      return emit_weighted_mean<kMasked>(s, output, lo, hi);
    case Statistic::skewness:
      return emit<Skewness, kMasked>(s, output, lo, hi);
    case Statistic::kurtosis:
      return emit<Kurtosis, kMasked>(s, output, lo, hi);
  }
}

// ---- Strips --------------------------------------------------------------------------------------------------------

template <Level kLevel, bool kMasked>
void process(Strip& s, int64_t lo, int64_t hi) {
  if (lo >= hi) return;
  for (int32_t k = 0; k < s.task->num_links; ++k)
    if (s.task->links[k].window > 0) fill_link<kLevel, kMasked>(s, k, lo, hi);
  int32_t counted = -1;
  for (int32_t o = 0; o < s.task->num_outputs; ++o) {
    const MomentsOutput& output = s.task->outputs[o];
    const int64_t window = s.task->links[output.link].window;
    if (window == 0) continue;
    if (kMasked && counted != output.link) count_window(s, window, lo, hi), counted = output.link;
    emit_output<kMasked>(s, output, lo, hi);
  }
}

template <Level kLevel>
void process_expanding(Strip& s) {
  for (int32_t k = 0; k < s.task->num_links; ++k) {
    if (s.task->links[k].window > 0) continue;
    fill_expanding<kLevel>(s, k);
    for (int32_t o = 0; o < s.task->num_outputs; ++o)
      if (s.task->outputs[o].link == k) emit_output<true>(s, s.task->outputs[o], 0, s.rows);
  }
}

/// The rows of a strip whose windows may hold a missing row are one run [masked_lo, masked_hi).
template <Level kLevel>
void process_strip(Strip& s) {
  int64_t first_missing, last_missing;
  load_strip(s, first_missing, last_missing);
  const Run masked = masked_run(s.begin, s.rows, s.task->longest - 1, first_missing, last_missing, s.last_missing);
  if (masked.lo < masked.hi) prefix_counts(s);
  process<kLevel, false>(s, 0, masked.lo);
  process<kLevel, true>(s, masked.lo, masked.hi);
  process<kLevel, false>(s, most(masked.lo, masked.hi), s.rows);
  process_expanding<kLevel>(s);
}

template <Level kLevel>
void run(const MomentsTask& task, double* scratch) {
  Strip s{};
  s.task = &task;
  lay_out(s, scratch);
  s.last_missing = -1;
  for (s.begin = 0; s.begin < task.rows; s.begin += s.length) {
    if (s.begin > 0) slide(s);
    s.rows = least(s.length, task.rows - s.begin);
    process_strip<kLevel>(s);
  }
}

void compute(const MomentsTask& task, double* scratch) {
  if (task.plain) return run<Level::plain>(task, scratch);
  if (task.cubes) return run<Level::cubes>(task, scratch);
  if (task.ages) return run<Level::ages>(task, scratch);
  if (task.squares) return run<Level::squares>(task, scratch);
  return run<Level::sum>(task, scratch);
}

}  // namespace

extern const MomentsKernels kMomentsKernels;
const MomentsKernels kMomentsKernels = {scratch, compute};

HAYATE_KERNELS_END
