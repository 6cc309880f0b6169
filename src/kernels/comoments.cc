// See comoments.h. The strips are those of moments.cc, with two series and no window over all rows.
#include "kernels/comoments.h"

#include "kernels/strips.h"

HAYATE_KERNELS_BEGIN
namespace {

constexpr int64_t kArraysPerLink = 5;

struct Arrays {
  double* x;  // sums relative to the newest pair: of x, y, x^2, y^2, x y
  double* y;
  double* xx;
  double* yy;
  double* xy;
  int64_t history;  // rows that longer windows look back
};

struct Strip {
  const ComomentsTask* task;
  int64_t length, begin, rows;
  int64_t history;         // of the pairs
  int64_t window_history;  // of the counts
  double* x;
  double* y;
  double* present;
  double* count;  // prefix sum of present
  Arrays* links;
  float* staging;
  double last_x, last_y;
  int64_t last_missing;
};

int64_t strip_length(const ComomentsTask& task) { return strip_rows(3 + kArraysPerLink * task.num_links, task.longest); }
int64_t history_of(const ComomentsTask& task) { return round_up(task.longest + 1); }

int64_t scratch(const ComomentsTask& task) {
  const int64_t array = history_of(task) + strip_length(task);
  return array * (4 + kArraysPerLink * task.num_links) + strip_length(task) + 64 + task.num_links * int64_t(sizeof(Arrays) / sizeof(double)) + 16;
}

void lay_out(Strip& s, double* scratch) {
  const ComomentsTask& task = *s.task;
  s.length = strip_length(task);
  s.window_history = history_of(task);
  s.history = round_up(longest_gap(task.links, task.num_links));
  Carver carver{scratch, s.length};
  s.x = carver.array(s.history), s.y = carver.array(s.history);
  s.present = carver.array(s.window_history), s.count = carver.array(s.window_history);
  s.staging = carver.staging();
  s.links = reinterpret_cast<Arrays*>(carver.next);
  carver.next += round_up(task.num_links * int64_t(sizeof(Arrays) / sizeof(double)));
  for (int32_t i = 0; i < task.num_links; ++i) {
    const int64_t history = round_up(gap_behind(task.links, task.num_links, i));
    const auto next = [&] { return carver.array(history); };
    s.links[i] = {next(), next(), task.squares ? next() : nullptr, task.squares ? next() : nullptr, next(), history};
  }
}

void slide(const Strip& s) {
  double* const pair[] = {s.x, s.y};
  for (double* array : pair) slide_rows(array, s.history, s.length);
  slide_rows(s.present, s.window_history, s.length);
  for (int32_t i = 0; i < s.task->num_links; ++i) {
    const Arrays& a = s.links[i];
    double* const sums[] = {a.x, a.y, a.xx, a.yy, a.xy};
    for (double* array : sums) slide_rows(array, a.history, s.length);
  }
}

/// Rows without a pair repeat the last pair, so that differences to them are finite.
void load_strip(Strip& s, int64_t& first_missing, int64_t& last_missing) {
  widen(s.task->left, s.begin, s.rows, s.x);
  widen(s.task->right, s.begin, s.rows, s.y);
  double* __restrict present = s.present;
  const double* __restrict x = s.x;
  const double* __restrict y = s.y;
  int64_t missing = 0;
  for (int64_t i = 0; i < s.rows; ++i) {
    const bool pair = is_finite(x[i]) & is_finite(y[i]);
    present[i] = pair ? 1.0 : 0.0;
    missing |= pair ? 0 : 1;
  }
  first_missing = s.rows, last_missing = -1;
  for (int64_t i = 0; missing && i < s.rows; ++i) {
    if (present[i] != 0) {
      s.last_x = s.x[i], s.last_y = s.y[i];
      continue;
    }
    s.x[i] = s.last_x, s.y[i] = s.last_y;
    first_missing = least(first_missing, i), last_missing = i;
  }
  s.last_x = s.x[s.rows - 1], s.last_y = s.y[s.rows - 1];
}

void prefix_counts(Strip& s) {
  double count = 0;
  for (int64_t i = -s.window_history; i < s.rows; ++i) s.count[i] = count += s.present[i];
}

/// A window of kRows rows, summed one age after the other.
template <bool kSquares, bool kMasked, int kRows>
void sum_directly(const Strip& s, const Arrays& out, int64_t lo, int64_t hi) {
  const double* x = s.x;
  const double* y = s.y;
  const double* present = s.present;
  double* __restrict sum_x = out.x;
  double* __restrict sum_y = out.y;
  double* __restrict sum_xx = out.xx;
  double* __restrict sum_yy = out.yy;
  double* __restrict sum_xy = out.xy;
  HAYATE_INDEPENDENT
  for (int64_t i = lo; i < hi; ++i) {
    double total_x = 0, total_y = 0, total_xx = 0, total_yy = 0, total_xy = 0;
    for (int age = 1; age < kRows; ++age) {
      double dx = x[i - age] - x[i], dy = y[i - age] - y[i];
      if constexpr (kMasked) dx *= present[i - age], dy *= present[i - age];
      total_x += dx, total_y += dy, total_xy += dx * dy;
      if constexpr (kSquares) total_xx += dx * dx, total_yy += dy * dy;
    }
    sum_x[i] = total_x, sum_y[i] = total_y, sum_xy[i] = total_xy;
    if constexpr (kSquares) sum_xx[i] = total_xx, sum_yy[i] = total_yy;
  }
}

template <bool kSquares, bool kMasked>
void sum_short(const Strip& s, int64_t window, const Arrays& out, int64_t lo, int64_t hi) {
  for_short_window(window, [&](auto rows) { sum_directly<kSquares, kMasked, decltype(rows)::kRows>(s, out, lo, hi); });
}

template <bool kSquares, bool kMasked>
void join(const Strip& s, int64_t a, int64_t window, const Arrays& newer, const Arrays& older, const Arrays& out, int64_t lo, int64_t hi) {
  const double* x = s.x;
  const double* y = s.y;
  const double* count = s.count;
  const double rows_b = double(window - a);
  double* __restrict sum_x = out.x;
  double* __restrict sum_y = out.y;
  double* __restrict sum_xx = out.xx;
  double* __restrict sum_yy = out.yy;
  double* __restrict sum_xy = out.xy;
  HAYATE_INDEPENDENT
  for (int64_t i = lo; i < hi; ++i) {
    const double n = kMasked ? count[i - a] - count[i - window] : rows_b;
    const double dx = x[i - a] - x[i], dy = y[i - a] - y[i];
    const double x_b = older.x[i - a], y_b = older.y[i - a];
    const double moved_x = x_b + n * dx, moved_y = y_b + n * dy;
    sum_x[i] = newer.x[i] + moved_x;
    sum_y[i] = newer.y[i] + moved_y;
    sum_xy[i] = newer.xy[i] + (older.xy[i - a] + (dx * moved_y + dy * x_b));
    if constexpr (kSquares) {
      sum_xx[i] = newer.xx[i] + (older.xx[i - a] + dx * (x_b + moved_x));
      sum_yy[i] = newer.yy[i] + (older.yy[i - a] + dy * (y_b + moved_y));
    }
  }
}

struct Rows {
  const double* x;
  const double* y;
  const double* xx;
  const double* yy;
  const double* xy;
};

struct Covariance {
  HAYATE_INLINE static inline double at(const Rows& r, int64_t i, double n, bool) { return (r.xy[i] - r.x[i] * r.y[i] * (1 / n)) * (1 / (n - 1)); }
};

struct Correlation {
  HAYATE_INLINE static inline double at(const Rows& r, int64_t i, double n, bool guarded) {
    const double inverse = 1 / n, bound = guarded ? 2e-5 * 2e-5 * (n - 1) : 0;
    const double xx = r.xx[i] - r.x[i] * r.x[i] * inverse, yy = r.yy[i] - r.y[i] * r.y[i] * inverse;
    const double value = (r.xy[i] - r.x[i] * r.y[i] * inverse) / __builtin_sqrt(xx * yy);
    return (xx > bound) & (yy > bound) ? value : kNaN;
  }
};

template <class Stat, bool kMasked>
void emit(const Strip& s, const ComomentsOutput& output, int64_t lo, int64_t hi) {
  const Arrays& a = s.links[output.link];
  const Rows rows{a.x, a.y, a.xx, a.yy, a.xy};
  const int64_t window = s.task->links[output.link].window;
  const bool guarded = s.task->guarded;
  const double* count = s.count;
  if constexpr (kMasked) {
    store(output.sink, s.staging, s.begin, {lo, hi}, [=](int64_t i) HAYATE_INLINE { return Stat::at(rows, i, count[i] - count[i - window], guarded); });
  } else {
    const double n = double(window);
    store(output.sink, s.staging, s.begin, {lo, hi}, [=](int64_t i) HAYATE_INLINE { return Stat::at(rows, i, n, guarded); });
  }
}

template <bool kSquares, bool kMasked>
void process(Strip& s, int64_t lo, int64_t hi) {
  if (lo >= hi) return;
  for (int32_t k = 0; k < s.task->num_links; ++k) {
    const WindowLink& link = s.task->links[k];
    if (link.newer < 0)
      sum_short<kSquares, kMasked>(s, link.window, s.links[k], lo, hi);
    else
      join<kSquares, kMasked>(s, s.task->links[link.newer].window, link.window, s.links[link.newer], s.links[link.older], s.links[k], lo, hi);
  }
  for (int32_t o = 0; o < s.task->num_outputs; ++o) {
    const ComomentsOutput& output = s.task->outputs[o];
    if (kSquares && output.correlation)
      emit<Correlation, kMasked>(s, output, lo, hi);
    else
      emit<Covariance, kMasked>(s, output, lo, hi);
  }
}

template <bool kSquares>
void process_strip(Strip& s) {
  int64_t first_missing, last_missing;
  load_strip(s, first_missing, last_missing);
  const Run masked = masked_run(s.begin, s.rows, s.task->longest - 1, first_missing, last_missing, s.last_missing);
  if (masked.lo < masked.hi) prefix_counts(s);
  process<kSquares, false>(s, 0, masked.lo);
  process<kSquares, true>(s, masked.lo, masked.hi);
  process<kSquares, false>(s, most(masked.lo, masked.hi), s.rows);
}

template <bool kSquares>
void run(const ComomentsTask& task, double* scratch) {
  Strip s{};
  s.task = &task;
  lay_out(s, scratch);
  s.last_missing = -1;
  for (s.begin = 0; s.begin < task.rows; s.begin += s.length) {
    if (s.begin > 0) slide(s);
    s.rows = least(s.length, task.rows - s.begin);
    process_strip<kSquares>(s);
  }
}

void compute(const ComomentsTask& task, double* scratch) { return task.squares ? run<true>(task, scratch) : run<false>(task, scratch); }

}  // namespace

extern const ComomentsKernels kComomentsKernels;
const ComomentsKernels kComomentsKernels = {scratch, compute};

HAYATE_KERNELS_END
