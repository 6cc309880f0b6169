// See extremes.h. The smallest value is the largest of the inverted keys.
#include "kernels/extremes.h"

#include "kernels/keys.h"
#include "kernels/strips.h"

HAYATE_KERNELS_BEGIN
namespace {

constexpr int64_t kStrip = 256;

/// The arrays of one window: the best key of the values; and, with missing rows as the best there is, key and row. In a series without a
/// missing row the two keys are one array.
template <class K>
struct Arrays {
  K* value;
  K* best;
  K* row;

  bool is_one() const { return value == best; }
};

template <class Float>
struct Strip {
  using K = Key<Float>;
  const ExtremesTask* task;
  int64_t history, length, begin, rows;
  Arrays<K>* links;
  float* staging;
};

int64_t strip_length(const ExtremesTask& task) { return most(kStrip, round_up(task.longest)); }
int64_t history_of(const ExtremesTask& task) { return round_up(task.longest + 1); }

int64_t scratch(const ExtremesTask& task) {
  return (history_of(task) + strip_length(task)) * 3 * task.num_links + strip_length(task) + 64 + 4 * task.num_links;
}

template <class Float>
bool is_complete(const ExtremesTask& task) {
  const Float* __restrict rows = static_cast<const Float*>(task.series.rows);
  int32_t missing = 0;
  for (int64_t i = 0; i < task.rows; ++i) missing |= is_finite(rows[i]) ? 0 : 1;
  return missing == 0;
}

/// Rows before the series lose against everything.
template <class Float>
void lay_out(Strip<Float>& s, double* scratch) {
  using K = Key<Float>;
  const bool one = s.task->positions && is_complete<Float>(*s.task);
  s.history = history_of(*s.task), s.length = strip_length(*s.task);
  Carver carver{scratch, s.length};
  s.staging = carver.staging();
  s.links = reinterpret_cast<Arrays<K>*>(carver.next);
  carver.next += round_up(s.task->num_links * int64_t(sizeof(Arrays<K>) / sizeof(double)));
  const auto next = [&]() {
    K* rows = reinterpret_cast<K*>(carver.next) + s.history;
    carver.next += (s.history + s.length) * int64_t(sizeof(K)) / 8;
    for (int64_t i = -s.history; i < 0; ++i) rows[i] = kFirstKey<K>;
    return rows;
  };
  for (int32_t k = 0; k < s.task->num_links; ++k) {
    K* const value = next();
    s.links[k] = {value, one ? value : s.task->positions ? next() : nullptr, s.task->positions ? next() : nullptr};
  }
}

template <class Float>
void slide(const Strip<Float>& s) {
  for (int32_t k = 0; k < s.task->num_links; ++k) {
    const Arrays<Key<Float>>& a = s.links[k];
    Key<Float>* const arrays[] = {a.value, a.is_one() ? nullptr : a.best, a.row};
    for (Key<Float>* rows : arrays) slide_rows(rows, s.history, s.length);
  }
}

/// Windows of one row.
template <class Float>
void load(const Strip<Float>& s, const Arrays<Key<Float>>& out) {
  using K = Key<Float>;
  const Float* __restrict from = static_cast<const Float*>(s.task->series.rows) + s.begin;
  const K flip = s.task->largest ? 0 : -1;
  K* __restrict value = out.value;
  for (int64_t i = 0; i < s.rows && !out.is_one(); ++i) value[i] = key_of(from[i], K(kFirstKey<K> ^ flip)) ^ flip;
  if (!out.best) return;
  K* __restrict best = out.best;
  K* __restrict row = out.row;
  for (int64_t i = 0; i < s.rows; ++i) best[i] = key_of(from[i], K(kLastKey<K> ^ flip)) ^ flip;
  for (int64_t i = 0; i < s.rows; ++i) row[i] = K(s.begin + i);
}

template <class Float>
void join(const Strip<Float>& s, int64_t gap, const Arrays<Key<Float>>& part, const Arrays<Key<Float>>& out) {
  using K = Key<Float>;
  K* __restrict value = out.value;
  for (int64_t i = 0; i < s.rows && !out.is_one(); ++i) {
    const K newer = part.value[i], older = part.value[i - gap];
    value[i] = newer > older ? newer : older;
  }
  if (!out.best) return;
  K* __restrict best = out.best;
  K* __restrict row = out.row;
  for (int64_t i = 0; i < s.rows; ++i) {
    const K newer = part.best[i], older = part.best[i - gap];
    best[i] = newer > older ? newer : older;
    row[i] = newer > older ? part.row[i] : part.row[i - gap];
  }
}

template <class Float>
void emit(const Strip<Float>& s, const ExtremesOutput& output) {
  using K = Key<Float>;
  const Arrays<K>& a = s.links[output.link];
  const K* value = a.value;
  if (!output.position) {
    const K flip = s.task->largest ? 0 : -1;
    store(output.sink, s.staging, s.begin, {0, s.rows}, [=](int64_t i) HAYATE_INLINE { return number_or_nan<Float>(value[i] ^ flip); });
    return;
  }
  const K* row = a.row;
  const int64_t window = s.task->links[output.link].window;
  const K longest = K(window), begin = K(s.begin);
  store(output.sink, s.staging, s.begin, {0, s.rows}, [=](int64_t i) HAYATE_INLINE {
    const K first = begin + K(i) - longest + 1, oldest = first > 0 ? first : 0;
    return value[i] == kFirstKey<K> ? Float(kNaN) : Float(row[i] - oldest + 1);
  });
}

template <class Float>
void compute(const ExtremesTask& task, double* scratch) {
  Strip<Float> s{};
  s.task = &task;
  lay_out(s, scratch);
  for (s.begin = 0; s.begin < task.rows; s.begin += s.length) {
    if (s.begin > 0) slide(s);
    s.rows = least(s.length, task.rows - s.begin);
    for (int32_t k = 0; k < task.num_links; ++k) {
      const ExtremesLink& link = task.links[k];
      if (link.part < 0)
        load(s, s.links[k]);
      else
        join(s, link.window - task.links[link.part].window, s.links[link.part], s.links[k]);
    }
    for (int32_t o = 0; o < task.num_outputs; ++o) emit(s, task.outputs[o]);
  }
}

void compute_any(const ExtremesTask& task, double* scratch) {
  if (task.series.cell == Cell::float32) return compute<float>(task, scratch);
  compute<double>(task, scratch);
}

}  // namespace

extern const ExtremesKernels kExtremesKernels;
const ExtremesKernels kExtremesKernels = {scratch, compute_any};

HAYATE_KERNELS_END
