// See moments.h for what is computed and why this way.
#include "kernels/moments.h"

#include <utility>

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
  float* staging;  // of kMostTogether columns
  const double* ones;
  double last_value;
  int64_t last_missing;  // row of the series, or a row before it that counts as missing: -1 at the start
};

/// Statistics that share most of what they read and compute are made in one loop when all go to columns: mean and deviation; slope,
/// fit and residual. Roots and quotients then run beside the multiplications of the others.
constexpr int32_t kMostTogether = 3;
constexpr int64_t kStagingGap = 32;   // floats from one column's staging to the next, beyond its rows
constexpr int64_t kCountStrip = 512;  // rows

int64_t history_of(const MomentsTask& task) { return round_up(task.longest + 1); }
int64_t arrays_per_link(const MomentsTask& task) { return 1 + (task.squares ? 1 : 0) + (task.ages ? 1 : 0) + (task.cubes ? 2 : 0); }
int64_t strip_length(const MomentsTask& task) { return strip_rows(3 + arrays_per_link(task) * task.num_links, task.longest); }

int64_t scratch(const MomentsTask& task) {
  if (task.series.cell == Cell::boolean && task.plain) return (history_of(task) + task.rows) / 2 + kCountStrip + 64;
  const int64_t array = history_of(task) + strip_length(task);
  return array * (5 + 3 + arrays_per_link(task) * task.num_links) + (kMostTogether + 1) * (strip_length(task) + kStagingGap) + 64 +
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
  carver.next += (kMostTogether - 1) * (s.length + kStagingGap) / 2;
  double* ones = carver.array(0);
  for (int64_t i = 0; i < s.length; ++i) ones[i] = 1;
  s.ones = ones;
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

/// Which sums a set of statistics needs.
enum class Level { plain, sum, squares, ages, cubes };

/// Whether the statistics of a level look at the ages of the values that are present.
template <Level kLevel>
constexpr bool kCountsAges = kLevel == Level::ages;

template <Level kLevel>
void prefix_counts(Strip& s) {
  double count = 0, index = 0, index2 = 0;
  if (!kCountsAges<kLevel>) {
    for (int64_t i = -s.window_history; i < s.rows; ++i) s.count[i] = count += s.present[i];
    return;
  }
  for (int64_t i = -s.window_history; i < s.rows; ++i) {
    const double at = double(i), present = s.present[i];
    count += present, index += at * present, index2 += at * at * present;
    s.count[i] = count, s.index[i] = index, s.index2[i] = index2;
  }
}

// ---- Windows -------------------------------------------------------------------------------------------------------

template <Level kLevel>
constexpr bool kHasSquares = kLevel == Level::squares || kLevel == Level::ages || kLevel == Level::cubes;

/// What a loop over windows does with a plain sum besides keeping it: nothing, or what its output wants.
struct Nothing {
  HAYATE_INLINE void operator()(int64_t, double) const {}
};
struct ToSeries {
  double* __restrict to;
  HAYATE_INLINE void operator()(int64_t i, double sum) const { to[i] = sum; }
};
struct ToInverse {
  double* __restrict to;
  double offset;
  HAYATE_INLINE void operator()(int64_t i, double sum) const { to[i] = 1 / (sum + offset); }
};
struct ToBoth {
  double* __restrict to;
  float* __restrict narrow;
  const double* __restrict scale;
  HAYATE_INLINE void operator()(int64_t i, double sum) const { to[i] = sum, narrow[i] = float(sum * scale[i]); }
};

/// A window of kRows rows, summed one age after the other.
template <Level kLevel, bool kMasked, int kRows, class Also>
void sum_directly(const Strip& s, const Arrays& out, int64_t lo, int64_t hi, Also also) {
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
      also(i, total);
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

/// A window from a newer part of `a` rows and an older one.
template <Level kLevel, bool kMasked, class Also>
void join(const Strip& s, int64_t a, int64_t window, const Arrays& newer, const Arrays& older, const Arrays& out, int64_t lo, int64_t hi, Also also) {
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
      const double total = newer.sum[i] + sum_b;
      sum[i] = total;
      also(i, total);
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

template <Level kLevel, bool kMasked, class Also>
void fill_link(const Strip& s, int32_t number, int64_t lo, int64_t hi, Also also) {
  const WindowLink& link = s.task->links[number];
  const Arrays& out = s.links[number];
  if (link.newer < 0)
    for_short_window(link.window, [&](auto rows) { sum_directly<kLevel, kMasked, decltype(rows)::kRows>(s, out, lo, hi, also); });
  else
    join<kLevel, kMasked>(s, s.task->links[link.newer].window, link.window, s.links[link.newer], s.links[link.older], out, lo, hi, also);
}

/// The only output of a link, or null.
const MomentsOutput* only_output_of(const MomentsTask& task, int32_t link) {
  const MomentsOutput* only = nullptr;
  for (int32_t o = 0; o < task.num_outputs; ++o) {
    if (task.outputs[o].link != link) continue;
    if (only) return nullptr;
    only = &task.outputs[o];
  }
  return only;
}

/// Sums of values without a missing row and the output made of them, in one loop. False: the output is still to be made.
bool fill_and_emit(const Strip& s, int32_t number, int64_t lo, int64_t hi) {
  const MomentsOutput* output = only_output_of(*s.task, number);
  const Sink* sink = output && output->statistic == Statistic::sum ? &output->sink : nullptr;
  if (!sink || !sink->doubles || (sink->column && !sink->scale)) return fill_link<Level::plain, false>(s, number, lo, hi, Nothing()), false;
  double* to = sink->doubles + s.begin;
  if (sink->inverse) return fill_link<Level::plain, false>(s, number, lo, hi, ToInverse{to, sink->offset}), true;
  if (!sink->column) return fill_link<Level::plain, false>(s, number, lo, hi, ToSeries{to}), true;
  fill_link<Level::plain, false>(s, number, lo, hi, ToBoth{to, s.staging, sink->scale + s.begin});
  append(*sink->column, s.begin + lo, s.staging + lo, hi - lo);
  return true;
}

/// The counts of one window, row by row, for the statistics of masked rows.
template <Level kLevel>
void count_window(const Strip& s, int64_t window, int64_t lo, int64_t hi) {
  if (!kCountsAges<kLevel>) {
    for (int64_t i = lo; i < hi; ++i) s.window_count[i] = s.count[i] - s.count[i - window];
    return;
  }
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
/// The sum of the values first, then one rounding: of whole numbers and of float32 values, whose sums are exact, windows of the same values have the
/// same mean in whatever order they come. Rank and IdxMax of means see ties.
struct Mean {
  HAYATE_INLINE static inline double at(const Rows& r, int64_t i, const Counts& c) {
    const double mean = Divisor(c.n, c.inverse).of(c.n * r.values[i] + r.sum[i]);
    return r.sum[i] == 0 && c.n > 0 ? r.values[i] : mean;
  }
};
struct Variance {
  HAYATE_INLINE static inline double at(const Rows& r, int64_t i, const Counts& c) {
    const double moment = c.n * r.squares[i] - r.sum[i] * r.sum[i];
    return (moment < 0 ? 0 : moment) * (c.inverse * c.inverse1);
  }
};
struct Deviation {
  HAYATE_INLINE static inline double at(const Rows& r, int64_t i, const Counts& c) { return __builtin_sqrt(Variance::at(r, i, c)); }
};
struct Slope {
  HAYATE_INLINE static inline double at(const Rows& r, int64_t i, const Counts& c) { return (c.ages * r.sum[i] - c.n * r.ages[i]) * (1 / c.spread); }
};
struct Rsquare {
  HAYATE_INLINE static inline double at(const Rows& r, int64_t i, const Counts& c) {
    const double both = c.ages * r.sum[i] - c.n * r.ages[i], moment = c.n * r.squares[i] - r.sum[i] * r.sum[i];
    const double value = both * both * (1 / c.spread) / moment;
    return Variance::at(r, i, c) > 2e-5 * 2e-5 ? value : kNaN;
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
    const double so_far = first + double(i), m = !kMasked || so_far >= full ? full : so_far;
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
      return;  // of booleans, see count_flags
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

// ---- Statistics of one window together -----------------------------------------------------------------------------

/// A column's staging and what its values are multiplied by.
struct Column {
  float* __restrict to;
  const double* __restrict scale;
};

template <class... Stats, bool kMasked, size_t... kOutput>
void emit_columns(const Strip& s, const MomentsOutput* first, std::bool_constant<kMasked>, std::index_sequence<kOutput...>, int64_t lo, int64_t hi) {
  const Arrays& a = s.links[first->link];
  const Rows rows{s.values, s.present, a.sum, a.squares, a.ages, a.cubes, a.fourths};
  const double n = double(s.task->links[first->link].window);
  const Counts full = counts_of(n, n * (n - 1) / 2, (n - 1) * n * (2 * n - 1) / 6);
  const double* count = s.window_count;
  const double* ages = s.window_ages;
  const double* ages2 = s.window_ages2;
  const Column columns[] = {
      {s.staging + int64_t(kOutput) * (s.length + kStagingGap), first[kOutput].sink.scale ? first[kOutput].sink.scale + s.begin : s.ones}...};
  HAYATE_INDEPENDENT
  for (int64_t i = lo; i < hi; ++i) {
    const Counts counts = kMasked ? counts_of(count[i], ages[i], ages2[i]) : full;
    ((columns[kOutput].to[i] = float(Stats::at(rows, i, counts) * columns[kOutput].scale[i])), ...);
  }
  (append(*first[kOutput].sink.column, s.begin + lo, columns[kOutput].to + lo, hi - lo), ...);
}

template <class... Stats>
struct Together {
  static constexpr int32_t kCount = int32_t(sizeof...(Stats));
  template <bool kMasked>
  static void emit(const Strip& s, const MomentsOutput* first, int64_t lo, int64_t hi) {
    emit_columns<Stats...>(s, first, std::bool_constant<kMasked>(), std::index_sequence_for<Stats...>(), lo, hi);
  }
};

/// Makes the outputs from `output` on that can be made together, or that one alone. Returns how many.
template <bool kMasked>
int32_t emit_next(const Strip& s, const MomentsOutput* output, int32_t left, int64_t lo, int64_t hi) {
  const auto follows = [&]<size_t kCount>(const Statistic(&wanted)[kCount]) {
    for (int32_t k = 0; k < int32_t(kCount); ++k) {
      if (k == left || output[k].statistic != wanted[k] || output[k].link != output->link) return false;
      if (!output[k].sink.column || output[k].sink.doubles || output[k].sink.number != 1) return false;
    }
    return true;
  };
  const auto made = [&](auto together) {
    decltype(together)::template emit<kMasked>(s, output, lo, hi);
    return decltype(together)::kCount;
  };
  using enum Statistic;
  if (follows({mean, deviation})) return made(Together<Mean, Deviation>());
  if (follows({slope, rsquare, residual})) return made(Together<Slope, Rsquare, Residual>());
  if (follows({slope, residual})) return made(Together<Slope, Residual>());
  if (follows({slope, rsquare})) return made(Together<Slope, Rsquare>());
  emit_output<kMasked>(s, *output, lo, hi);
  return 1;
}

// ---- Strips --------------------------------------------------------------------------------------------------------

template <Level kLevel, bool kMasked>
void process(Strip& s, int64_t lo, int64_t hi) {
  if (lo >= hi) return;
  uint64_t made = 0;  // links whose output is there already
  for (int32_t k = 0; k < s.task->num_links; ++k) {
    if constexpr (kLevel == Level::plain && !kMasked) {
      if (k < 64) {
        made |= uint64_t(fill_and_emit(s, k, lo, hi)) << k;
        continue;
      }
    }
    fill_link<kLevel, kMasked>(s, k, lo, hi, Nothing());
  }
  int32_t counted = -1;
  for (int32_t o = 0; o < s.task->num_outputs;) {
    const MomentsOutput& output = s.task->outputs[o];
    const int64_t window = s.task->links[output.link].window;
    if (output.link < 64 && made >> output.link & 1) {
      ++o;
      continue;
    }
    if (kMasked && counted != output.link) count_window<kLevel>(s, window, lo, hi), counted = output.link;
    o += emit_next<kMasked>(s, &output, s.task->num_outputs - o, lo, hi);
  }
}

/// The rows of a strip whose windows may hold a missing row are one run [masked_lo, masked_hi).
template <Level kLevel>
void process_strip(Strip& s) {
  int64_t first_missing, last_missing;
  load_strip(s, first_missing, last_missing);
  const Run masked = masked_run(s.begin, s.rows, s.task->longest - 1, first_missing, last_missing, s.last_missing);
  if (masked.lo < masked.hi) prefix_counts<kLevel>(s);
  process<kLevel, false>(s, 0, masked.lo);
  process<kLevel, true>(s, masked.lo, masked.hi);
  process<kLevel, false>(s, most(masked.lo, masked.hi), s.rows);
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

// ---- Booleans ------------------------------------------------------------------------------------------------------

/// How many of the rows of a window hold: a difference of two counts, exact whatever came before. No row is missing.
struct Flags {
  const MomentsTask* task;
  int32_t* count;  // rows that hold up to and with this one; 0 before the first
  float* staging;
};

/// Rows [begin, begin + rows) of the series.
template <class Held>
void emit_flags(const Flags& f, const MomentsOutput& output, int64_t begin, int64_t rows, int64_t window, const Held& held) {
  const bool full = begin + 1 >= window, is_sum = output.statistic == Statistic::sum;
  const Run all{0, rows};
  if (is_sum) return store(output.sink, f.staging, begin, all, [=](int64_t i) { return double(held(i)); });
  if (!full)
    return store(output.sink, f.staging, begin, all, [=](int64_t i) {
      const int64_t so_far = begin + i + 1;
      return double(held(i)) / double(so_far < window ? so_far : window);
    });
  // A quotient of whole numbers below 2^24 is the same when it is rounded to float32 at once.
  if (is_plain_column(output.sink) && window < 1 << 24) {
    return store(output.sink, f.staging, begin, all, [=, n = float(window)](int64_t i) { return float(held(i)) / n; });
  }
  if (window >= 1 << 20) return store(output.sink, f.staging, begin, all, [=, n = double(window)](int64_t i) { return double(held(i)) / n; });
  // 1 / n in two parts, of which the upper has 24 bits: its product with a count is exact, and the sum of both products is the rounded quotient,
  // since that is farther from the middle between two doubles than the lower one's error. A fifth faster than dividing.
  const double n = double(window), upper = double(float(1 / n)), lower = (1 - upper * n) / n;
  store(output.sink, f.staging, begin, all, [=](int64_t i) { return double(held(i)) * upper + double(held(i)) * lower; });
}

void count_flags(const MomentsTask& task, double* scratch) {
  const int64_t history = history_of(task);
  Carver carver{scratch, kCountStrip};
  Flags f{&task, nullptr, carver.staging()};
  f.count = reinterpret_cast<int32_t*>(carver.next) + history;
  for (int64_t i = -history; i < 0; ++i) f.count[i] = 0;
  const uint8_t* __restrict flags = static_cast<const uint8_t*>(task.series.rows);
  int32_t held = 0;
  for (int64_t i = 0; i < task.rows; ++i) f.count[i] = held += flags[i];
  for (int64_t begin = 0; begin < task.rows; begin += kCountStrip) {
    const int64_t rows = least(kCountStrip, task.rows - begin);
    const int32_t* count = f.count + begin;
    for (int32_t o = 0; o < task.num_outputs; ++o) {
      const int64_t window = task.links[task.outputs[o].link].window;
      const int64_t partial = most(0, least(rows, window - 1 - begin));
      const auto emit_rows = [&](int64_t from, int64_t to) {
        const int32_t* now = count + from;
        emit_flags(f, task.outputs[o], begin + from, to - from, window, [=](int64_t i) { return now[i] - now[i - window]; });
      };
      if (partial > 0) emit_rows(0, partial);
      if (partial < rows) emit_rows(partial, rows);
    }
  }
}

void compute(const MomentsTask& task, double* scratch) {
  if (task.series.cell == Cell::boolean && task.plain) return count_flags(task, scratch);
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
