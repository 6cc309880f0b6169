// See quantile.h. Missing rows have the last key, so they sort behind the values.
#include "kernels/quantile.h"

#include "kernels/keys.h"
#include "kernels/strips.h"

HAYATE_KERNELS_BEGIN
namespace {

constexpr int64_t kStrip = 64;
constexpr int64_t kHistory = 64;
constexpr int64_t kArray = kHistory + kStrip;
constexpr int64_t kTogether = 32;  // rows a comparator works on

template <class Float>
struct Work {
  using K = Key<Float>;
  const QuantileTask* task;
  int64_t begin, rows;
  K* sorted[256];    // of each link: rank k of row i is sorted[link][k * kArray + i]
  K* keys;           // of every row of the series
  int32_t* present;  // values present up to and with this row
  float* staging;
  int64_t last_missing;
  int64_t masked_hi;  // rows of the strip before this one may have missing rows in their windows
};

int64_t num_ranks(const QuantileTask& task) {
  int64_t ranks = 0;
  for (int32_t k = 0; k < task.num_links; ++k) ranks += task.links[k].window;
  return ranks;
}

int64_t scratch(const QuantileTask& task) {
  const int64_t list = task.rows + 3 * kArray;
  return num_ranks(task) * kArray + 4 * list + 2 * kStrip + 256;
}

template <class Float>
void lay_out(Work<Float>& w, double* scratch) {
  using K = Key<Float>;
  Carver carver{scratch, 0, kStrip};
  w.staging = carver.staging();
  K* next = reinterpret_cast<K*>(carver.next);
  for (int32_t k = 0; k < w.task->num_links; ++k) {
    w.sorted[k] = next + kHistory;
    const int64_t size = w.task->links[k].window * kArray;
    for (int64_t i = 0; i < size; ++i) next[i] = kLastKey<K>;
    next += size;
  }
  w.keys = next + kHistory;
  w.present = reinterpret_cast<int32_t*>(w.keys + w.task->rows + kArray) + kHistory;
  const Float* __restrict from = static_cast<const Float*>(w.task->series.rows);
  const int64_t rows = w.task->rows;
  for (int64_t i = -kHistory; i < 0; ++i) w.keys[i] = kLastKey<K>, w.present[i] = 0;
  for (int64_t i = 0; i < rows; ++i) w.keys[i] = key_of(from[i], kLastKey<K>);
  for (int64_t i = rows; i < rows + kStrip; ++i) w.keys[i] = kLastKey<K>;
  int32_t present = 0;
  for (int64_t i = 0; i < rows; ++i) w.present[i] = present += w.keys[i] != kLastKey<K>;
}

template <class K>
void compare(K* __restrict a, K* __restrict b) {
  for (int64_t i = 0; i < kTogether; ++i) {
    const K x = a[i], y = b[i];
    a[i] = x < y ? x : y;
    b[i] = x < y ? y : x;
  }
}

/// The ranks of a window from those of its parts.
template <class K>
void merge(const SortedLink& link, int64_t newer_rows, const K* newer, const K* older, K* out) {
  alignas(64) K wires[kLongestMerged][kTogether];
  const int64_t older_rows = link.window - newer_rows;
  for (int64_t row = 0; row < kStrip; row += kTogether) {
    for (int64_t k = 0; k < newer_rows; ++k) memcpy(wires[k], newer + k * kArray + row, sizeof wires[0]);
    for (int64_t k = 0; k < older_rows; ++k) memcpy(wires[newer_rows + k], older + k * kArray + row - newer_rows, sizeof wires[0]);
    for (int32_t c = 0; c < link.num_comparators; ++c) compare(wires[link.comparators[c].a], wires[link.comparators[c].b]);
    for (int64_t k = 0; k < link.window; ++k) memcpy(out + k * kArray + row, wires[link.order[k]], sizeof wires[0]);
  }
}

/// The key of rank `rank` in the union of two sorted parts, for the rows of the strip.
template <class K>
void select(int64_t rank, int64_t newer_rows, int64_t older_rows, const K* newer, const K* older, K* __restrict out) {
  for (int64_t row = 0; row < kStrip; row += kTogether) {
    alignas(64) K best[kTogether];
    for (int64_t i = 0; i < kTogether; ++i) best[i] = kLastKey<K>;
    // The first `rank + 1` keys hold n of the newer part and rank + 1 - n of the older one; the largest of them is least at the right n.
    for (int64_t n = most(0, rank + 1 - older_rows); n <= least(rank + 1, newer_rows); ++n) {
      const int64_t o = rank + 1 - n;
      const K* __restrict x = n > 0 ? newer + (n - 1) * kArray + row : older + (o - 1) * kArray + row - newer_rows;
      const K* __restrict y = o > 0 ? older + (o - 1) * kArray + row - newer_rows : x;
      for (int64_t i = 0; i < kTogether; ++i) {
        const K larger = x[i] > y[i] ? x[i] : y[i];
        best[i] = larger < best[i] ? larger : best[i];
      }
    }
    for (int64_t i = 0; i < kTogether; ++i) out[row + i] = best[i];
  }
}

template <class Float>
double between(Key<Float> low, Key<Float> high, double share) {
  const double x = double(number_of<Float>(low));
  return share == 0 ? x : x + (double(number_of<Float>(high)) - x) * share;
}

/// Rows whose window holds only values: the ranks are the same for all of them.
template <class Float>
void emit_clean(Work<Float>& w, const QuantileOutput& output, Run run) {
  using K = Key<Float>;
  if (run.lo >= run.hi) return;
  const SortedLink& link = w.task->links[output.link];
  const double position = output.q * double(link.window - 1);
  const int64_t rank = int64_t(position);
  const double share = position - double(rank);
  const int64_t next = share == 0 ? rank : rank + 1;
  const K* low = w.sorted[output.link] + rank * kArray;
  const K* high = w.sorted[output.link] + next * kArray;
  alignas(64) K low_keys[kStrip], high_keys[kStrip];
  if (!link.is_part && link.newer >= 0) {
    const int64_t newer_rows = w.task->links[link.newer].window, older_rows = link.window - newer_rows;
    select(rank, newer_rows, older_rows, w.sorted[link.newer], w.sorted[link.older], low_keys);
    select(next, newer_rows, older_rows, w.sorted[link.newer], w.sorted[link.older], high_keys);
    low = low_keys, high = high_keys;
  }
  store(output.sink, w.staging, w.begin, run, [=](int64_t i) {
    const double x = double(number_of<Float>(low[i])), y = double(number_of<Float>(high[i]));
    return x + (y - x) * share;
  });
}

template <class Float>
void emit_masked(Work<Float>& w, const QuantileOutput& output, Run run) {
  using K = Key<Float>;
  const K* sorted = w.sorted[output.link];
  const int32_t* present = w.present + w.begin;
  const int64_t window = w.task->links[output.link].window;
  store(output.sink, w.staging, w.begin, run, [=, q = output.q](int64_t i) {
    const int32_t n = present[i] - present[i - window];
    if (n == 0) return kNaN;
    const double position = q * double(n - 1);
    const int64_t rank = int64_t(position);
    return between<Float>(sorted[rank * kArray + i], sorted[(rank + (rank + 1 < n)) * kArray + i], position - double(rank));
  });
}

template <class Float>
void process_strip(Work<Float>& w) {
  using K = Key<Float>;
  const QuantileTask& task = *w.task;
  int64_t first_missing = w.rows, last_missing = -1;
  for (int64_t i = 0; i < w.rows; ++i)
    if (w.keys[w.begin + i] == kLastKey<K>) first_missing = least(first_missing, i), last_missing = i;
  const Run masked = masked_run(w.begin, w.rows, kLongestMerged - 1, first_missing, last_missing, w.last_missing);
  const bool any_masked = masked.lo < masked.hi;
  for (int32_t k = 0; k < task.num_links; ++k) {
    const SortedLink& link = task.links[k];
    if (link.newer < 0)
      memcpy(w.sorted[k], w.keys + w.begin, kStrip * sizeof(K));
    else if (link.is_part || any_masked)
      merge(link, task.links[link.newer].window, w.sorted[link.newer], w.sorted[link.older], w.sorted[k]);
  }
  for (int32_t o = 0; o < task.num_outputs; ++o) {
    const QuantileOutput& output = task.outputs[o];
    if (output.link < 0) continue;
    emit_clean(w, output, {0, masked.lo});
    emit_masked(w, output, masked);
    emit_clean(w, output, {most(masked.lo, masked.hi), w.rows});
  }
  for (int32_t k = 0; k < task.num_links; ++k)
    for (int64_t rank = 0; task.links[k].is_part && rank < task.links[k].window; ++rank) slide_rows(w.sorted[k] + rank * kArray, kHistory, kStrip);
}

/// Replaces `out` by `in` in a sorted list of `size` keys, from one list to another; list[-1] is the first key, list[size] the last.
template <class K>
void replace(const K* list, K* __restrict to, int64_t size, K out, K in) {
  for (int64_t j = 0; j < size; ++j) {
    const K before = list[j - 1] >= out ? list[j] : list[j - 1], here = list[j] >= out ? list[j + 1] : list[j];
    const K capped = here < in ? here : in;
    to[j] = before > capped ? before : capped;
  }
}

/// One long window, or all rows so far, row by row.
template <class Float>
void compute_long(Work<Float>& w, const QuantileOutput& output) {
  using K = Key<Float>;
  const int64_t rows = w.task->rows, size = output.window == 0 ? rows : least(output.window, rows);
  K* list = reinterpret_cast<K*>(w.present + round_up(rows + kArray)) + 1;
  K* other = list + size + 2;
  K* const lists[] = {list, other};
  for (K* fresh : lists) {
    fresh[-1] = kFirstKey<K>;
    for (int64_t j = 0; j <= size; ++j) fresh[j] = kLastKey<K>;
  }
  for (int64_t i = 0; i < rows; ++i) {
    const bool full = output.window > 0 && i >= output.window;
    // A missing row in the list is a last key, and so is an empty place: taking out the last key takes one of them.
    replace(list, other, size, full ? w.keys[i - output.window] : kLastKey<K>, w.keys[i]);
    K* swap = list;
    list = other, other = swap;
    const int32_t n = w.present[i] - (full ? w.present[i - output.window] : 0);
    const double position = output.q * double(n - 1);
    const int64_t rank = n > 0 ? int64_t(position) : 0;
    const double value = n > 0 ? between<Float>(list[rank], list[rank + (rank + 1 < n)], position - double(rank)) : kNaN;
    store(output.sink, w.staging, i, {0, 1}, [=](int64_t) { return value; });
  }
}

template <class Float>
void compute(const QuantileTask& task, double* scratch) {
  Work<Float> w{};
  w.task = &task;
  lay_out(w, scratch);
  w.last_missing = -1;
  for (w.begin = 0; w.begin < task.rows && task.num_links > 0; w.begin += kStrip) {
    w.rows = least(kStrip, task.rows - w.begin);
    process_strip(w);
  }
  for (int32_t o = 0; o < task.num_outputs; ++o)
    if (task.outputs[o].link < 0) compute_long(w, task.outputs[o]);
}

void compute_any(const QuantileTask& task, double* scratch) {
  if (task.series.cell == Cell::float32) return compute<float>(task, scratch);
  compute<double>(task, scratch);
}

}  // namespace

extern const QuantileKernels kQuantileKernels;
const QuantileKernels kQuantileKernels = {scratch, compute_any};

HAYATE_KERNELS_END
