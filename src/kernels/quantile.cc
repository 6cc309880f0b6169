// See quantile.h. Values of float32 are compared as whole numbers of the same order (keys.h): twice as many of these operations run
// at a time. Missing rows are beyond all values, so they sort behind them.
#include "kernels/quantile.h"

#include <utility>

#include "kernels/keys.h"
#include "kernels/quantile_position.h"
#include "kernels/strips.h"

HAYATE_KERNELS_BEGIN
namespace {

constexpr int64_t kStrip = 512;
constexpr int32_t kMostTogether = 4;  // outputs of one window that are read from one list

/// What stands in the lists: the number itself, or its key.
template <class Float>
struct RankedOf {
  using Type = double;
  static constexpr double kMissing = __builtin_inf(), kLowest = -__builtin_inf();
};
template <>
struct RankedOf<float> {
  using Type = Key<float>;
  static constexpr Type kMissing = kLastKey<Type>, kLowest = kFirstKey<Type>;
};
template <class Float>
using Ranked = typename RankedOf<Float>::Type;
template <class Float>
constexpr Ranked<Float> kMissing = RankedOf<Float>::kMissing;
template <class Float>
constexpr Ranked<Float> kLowest = RankedOf<Float>::kLowest;

template <class Float>
Ranked<Float> ranked(Float x) {
  if constexpr (sizeof(Float) == 4)
    return key_of(x, kMissing<Float>);
  else
    return is_finite(x) ? x + 0 : kMissing<Float>;  // -0 becomes 0: they are equal
}
/// Of one that is not missing.
template <class Float>
double number(Ranked<Float> x) {
  if constexpr (sizeof(Float) == 4)
    return double(number_of<Float>(x));
  else
    return x;
}

/// A rank, or a row, of every segment.
template <class Float>
struct LanesOf {
  static constexpr int64_t kCount = kShortVector / int64_t(sizeof(Float));
  typedef Ranked<Float> Type __attribute__((vector_size(kShortVector), may_alias));
};
template <class Float>
using Lanes = typename LanesOf<Float>::Type;

/// Rows of one segment: a multiple of the lanes, so that whole squares of rows and lanes can be turned over.
template <class Float>
int64_t segment_rows(int64_t rows) {
  constexpr int64_t kCount = LanesOf<Float>::kCount;
  return (rows + kCount * kCount - 1) / (kCount * kCount) * kCount;
}

/// The rows side by side and the list of one window, in vectors, and what else a task needs, in doubles.
template <class Float>
struct Sizes {
  int64_t segment, before, side, list, rows, ranks;
  explicit Sizes(const QuantileTask& task)
      : segment(segment_rows<Float>(task.rows)),
        before(least(task.longest, segment)),
        side(before + segment),
        list(least(task.longest, task.rows) + 2),
        rows(round_up(task.rows + 16)),
        ranks(round_up(segment * LanesOf<Float>::kCount)) {}
  int64_t total(const QuantileTask& task) const {
    return (side + list) * kShortVector / 8 + 2 * round_up(task.rows + 2) + 3 * rows + round_up(task.longest) + 2 * ranks * kMostTogether + kStrip +
           256;
  }
};

int64_t scratch(const QuantileTask& task) { return most(Sizes<float>(task).total(task), Sizes<double>(task).total(task)); }

template <class Float>
struct Work {
  const QuantileTask* task;
  int64_t segment;            // rows of one
  int64_t before;             // rows before a segment that its windows reach back to
  Ranked<Float>* values;      // of every row
  int32_t* present;           // values present up to and with this row; 0 before the first
  Lanes<Float>* side;         // row t of all segments is side[t], t >= -before
  Lanes<Float>* list;         // of one window, all segments
  Ranked<Float>* long_lists;  // of one long window: two lists
  uint8_t* partial;           // by row of a segment: in some segment its window has missing rows
  Ranked<Float>* ranks;       // by output of one window and row: the value below the quantile; then the value above it
  int64_t ranks_length;
  float* staging;
};

template <class Float>
void lay_out(Work<Float>& w, double* scratch) {
  const QuantileTask& task = *w.task;
  const Sizes<Float> sizes(task);
  Carver carver{scratch, kStrip};
  w.staging = carver.staging();
  const auto take = [&](int64_t doubles) {
    double* from = carver.next;
    carver.next += (doubles + 7) / 8 * 8;
    return from;
  };
  w.segment = sizes.segment, w.before = sizes.before, w.ranks_length = sizes.ranks;
  w.side = reinterpret_cast<Lanes<Float>*>(take(sizes.side * kShortVector / 8)) + w.before;
  w.list = reinterpret_cast<Lanes<Float>*>(take(sizes.list * kShortVector / 8));
  w.long_lists = reinterpret_cast<Ranked<Float>*>(take(2 * round_up(task.rows + 2)));
  w.values = reinterpret_cast<Ranked<Float>*>(take(sizes.rows));
  w.present = reinterpret_cast<int32_t*>(take(sizes.rows + round_up(task.longest))) + round_up(task.longest);
  w.partial = reinterpret_cast<uint8_t*>(take(sizes.rows));
  w.ranks = reinterpret_cast<Ranked<Float>*>(carver.next);

  const Float* __restrict from = static_cast<const Float*>(task.series.rows);
  Ranked<Float>* __restrict values = w.values;
  for (int64_t i = 0; i < task.rows; ++i) values[i] = ranked<Float>(from[i]);
  memset(w.present - task.longest, 0, size_t(task.longest) * sizeof(int32_t));
  int32_t count = 0;
  for (int64_t i = 0; i < task.rows; ++i) w.present[i] = count += values[i] != kMissing<Float>;
}

/// Puts the segments side by side; rows outside the series are missing.
template <class Float>
void lay_side_by_side(const Work<Float>& w) {
  constexpr int64_t kCount = LanesOf<Float>::kCount;
  Ranked<Float>* __restrict side = reinterpret_cast<Ranked<Float>*>(w.side);
  for (int64_t lane = 0; lane < kCount; ++lane) {
    const Ranked<Float>* __restrict values = w.values + lane * w.segment;
    const int64_t first = most(-w.before, -lane * w.segment), end = most(first, least(w.segment, w.task->rows - lane * w.segment));
    for (int64_t t = -w.before; t < first; ++t) side[t * kCount + lane] = kMissing<Float>;
    for (int64_t t = first; t < end; ++t) side[t * kCount + lane] = values[t];
    for (int64_t t = end; t < w.segment; ++t) side[t * kCount + lane] = kMissing<Float>;
  }
}

// ---- Windows that fit into a segment -------------------------------------------------------------------------------

/// Replaces `out` by `in` in the first `size` ranks of sorted lists, after which a missing value stands.
template <class Vector>
void replace(Vector* list, int64_t size, Vector out, Vector in, Vector lowest) {
  Vector before = lowest, here = list[0];
  HAYATE_UNROLL
  for (int64_t j = 0; j < size; ++j) {
    const Vector next = list[j + 1];
    const Vector kept = out > here ? here : next;
    const Vector capped = kept < in ? kept : in;
    list[j] = before > capped ? before : capped;
    before = kept, here = next;
  }
}

/// The lanes of two vectors in turn: of their first halves, or of their second halves.
template <int64_t kFrom, class Vector, size_t... kLane>
Vector zip(Vector a, Vector b, std::index_sequence<kLane...>) {
  return __builtin_shufflevector(a, b, (kFrom + int64_t(kLane) / 2 + (kLane % 2 ? int64_t(sizeof...(kLane)) : 0))...);
}

/// Turns a square of rows and lanes over, and appends it to the segments of `out`.
template <class Float>
void store_square(const Lanes<Float>* rows, int64_t segment, Ranked<Float>* out) {
  constexpr int64_t kCount = LanesOf<Float>::kCount;
  constexpr auto kLanes = std::make_index_sequence<size_t(kCount)>();
  Lanes<Float> from[kCount], to[kCount];
  for (int64_t i = 0; i < kCount; ++i) from[i] = rows[i];
  for (int64_t done = 1; done < kCount; done *= 2) {
    for (int64_t i = 0; i < kCount / 2; ++i) {
      to[2 * i] = zip<0>(from[i], from[i + kCount / 2], kLanes);
      to[2 * i + 1] = zip<kCount / 2>(from[i], from[i + kCount / 2], kLanes);
    }
    for (int64_t i = 0; i < kCount; ++i) from[i] = to[i];
  }
  for (int64_t lane = 0; lane < kCount; ++lane) memcpy(out + lane * segment, &from[lane], sizeof from[lane]);
}

/// Marks the rows of a segment that have a window with missing rows in any segment.
template <class Float>
void mark_partial(const Work<Float>& w, int64_t window) {
  memset(w.partial, 0, size_t(w.segment));
  uint8_t* __restrict partial = w.partial;
  for (int64_t first = 0; first < w.task->rows; first += w.segment) {
    const int32_t* present = w.present + first;
    const int64_t rows = least(w.segment, w.task->rows - first);
    HAYATE_INDEPENDENT
    for (int64_t t = 0; t < rows; ++t) partial[t] |= uint8_t(present[t] - present[t - window] != window);
  }
}

/// The ranks around the quantiles of outputs [first, last), which have the same window, a row of all segments at a time.
template <class Float>
void rank_segments(const Work<Float>& w, int32_t first, int32_t last) {
  using Vector = Lanes<Float>;
  constexpr int64_t kCount = LanesOf<Float>::kCount;
  const int64_t window = w.task->outputs[first].window, rows = w.task->rows;
  const Vector missing = kMissing<Float> - Vector{}, lowest = kLowest<Float> - Vector{};
  for (int64_t j = 0; j <= window; ++j) w.list[j] = missing;
  for (int64_t t = 1 - window; t < 0; ++t) replace(w.list, window + t, missing, w.side[t], lowest);
  mark_partial(w, window);
  Position full[kMostTogether];
  for (int32_t o = first; o < last; ++o) full[o - first] = position_of(w.task->outputs[o].q, int32_t(window));
  for (int64_t begin = 0; begin < w.segment; begin += kCount) {
    Vector low[kMostTogether][kCount], high[kMostTogether][kCount];
    for (int64_t k = 0; k < kCount; ++k) {
      const int64_t t = begin + k;
      replace(w.list, window, t == 0 ? missing : w.side[t - window], w.side[t], lowest);
      for (int32_t o = 0; o < last - first; ++o) low[o][k] = w.list[full[o].low], high[o][k] = w.list[full[o].high];
      for (int64_t row = t, lane = 0; w.partial[t] && row < rows; row += w.segment, ++lane) {
        const int32_t n = w.present[row] - w.present[row - window];
        for (int32_t o = 0; n != window && o < last - first; ++o) {
          const Position at = position_of(w.task->outputs[first + o].q, n);
          low[o][k][lane] = w.list[at.low][lane], high[o][k][lane] = w.list[at.high][lane];
        }
      }
    }
    for (int32_t o = 0; o < last - first; ++o) {
      store_square<Float>(low[o], w.segment, w.ranks + 2 * o * w.ranks_length + begin);
      store_square<Float>(high[o], w.segment, w.ranks + (2 * o + 1) * w.ranks_length + begin);
    }
  }
}

// ---- Longer windows ------------------------------------------------------------------------------------------------

/// Replaces `out` by `in` in a sorted list of `size` values, from one list to another; list[-1] is the lowest, list[size] missing.
template <class T>
void replace_in_one(const T* list, T* __restrict to, int64_t size, T out, T in) {
  for (int64_t j = 0; j < size; ++j) {
    const T before = list[j - 1] >= out ? list[j] : list[j - 1], here = list[j] >= out ? list[j + 1] : list[j];
    const T capped = here < in ? here : in;
    to[j] = before > capped ? before : capped;
  }
}

/// The same for one window longer than a segment, or of all rows so far, row by row.
template <class Float>
void rank_long(const Work<Float>& w, int32_t first, int32_t last) {
  const int64_t rows = w.task->rows, window = w.task->outputs[first].window, size = window == 0 ? rows : least(window, rows);
  Ranked<Float>* list = w.long_lists + 1;
  Ranked<Float>* other = list + round_up(rows + 2);
  Ranked<Float>* const lists[] = {list, other};
  for (Ranked<Float>* fresh : lists) {
    fresh[-1] = kLowest<Float>;
    for (int64_t j = 0; j <= size; ++j) fresh[j] = kMissing<Float>;
  }
  for (int64_t i = 0; i < rows; ++i) {
    const bool full = window > 0 && i >= window;
    // A missing row in the list and an empty place are the same: taking out a missing one takes one of them.
    replace_in_one(list, other, size, full ? w.values[i - window] : kMissing<Float>, w.values[i]);
    Ranked<Float>* swap = list;
    list = other, other = swap;
    for (int32_t o = first; o < last; ++o) {
      const Position at = position_of(w.task->outputs[o].q, w.present[i] - (full ? w.present[i - window] : 0));
      w.ranks[2 * (o - first) * w.ranks_length + i] = list[at.low];
      w.ranks[(2 * (o - first) + 1) * w.ranks_length + i] = list[at.high];
    }
  }
}

// ---- Outputs -------------------------------------------------------------------------------------------------------

/// Rows of a strip from the first to the last whose window misses values: they need counts of their own.
template <class Float>
Run partial_run(const Work<Float>& w, int64_t window, int64_t begin, int64_t rows) {
  const int64_t all_rows = w.task->rows;
  if (window == 0) return {0, rows};
  if (w.present[all_rows - 1] == all_rows) return {0, most(0, least(rows, window - 1 - begin))};
  const int32_t* present = w.present + begin;
  const int32_t* before = present - window;
  int32_t lo = int32_t(rows), hi = 0;
  for (int32_t i = 0; i < int32_t(rows); ++i) {
    const bool partial = present[i] - before[i] != int32_t(window);
    const int32_t from = partial ? i : int32_t(rows), to = partial ? i + 1 : 0;
    lo = from < lo ? from : lo, hi = to > hi ? to : hi;
  }
  return {least(lo, hi), hi};
}

template <class Float>
void emit(const Work<Float>& w, const QuantileOutput& output, const Ranked<Float>* low_ranks, const Ranked<Float>* high_ranks) {
  const int64_t window = output.window, all_rows = w.task->rows;
  for (int64_t begin = 0; begin < all_rows; begin += kStrip) {
    const int64_t rows = least(kStrip, all_rows - begin);
    const Ranked<Float>* low = low_ranks + begin;
    const Ranked<Float>* high = high_ranks + begin;
    const int32_t* present = w.present + begin;
    const int32_t* before = present - window;
    const Run partial = partial_run(w, window, begin, rows);
    const auto emit_full = [&, share = position_of(output.q, int32_t(window)).share](Run run) {
      if (run.lo >= run.hi) return;
      store(output.sink, w.staging, begin, run, [=](int64_t i) HAYATE_INLINE {
        const double x = number<Float>(low[i]), y = number<Float>(high[i]);
        return x + (y - x) * share;
      });
    };
    emit_full({0, partial.lo});
    if (partial.lo < partial.hi) {
      store(output.sink, w.staging, begin, partial, [=, q = output.q](int64_t i) HAYATE_INLINE {
        const int32_t n = present[i] - (window == 0 ? 0 : before[i]);
        const double position = q * double(n - 1), share = position - double(int32_t(position));
        const double x = number<Float>(low[i]), y = number<Float>(high[i]), value = x + (y - x) * share;
        return n == 0 ? kNaN : share == 0 ? x : value;
      });
    }
    emit_full({most(partial.lo, partial.hi), rows});
  }
}

template <class Float>
void compute(const QuantileTask& task, double* scratch) {
  Work<Float> w{};
  w.task = &task;
  lay_out(w, scratch);
  lay_side_by_side(w);
  for (int32_t first = 0, last; first < task.num_outputs; first = last) {
    const int64_t window = task.outputs[first].window;
    for (last = first; last < task.num_outputs && last - first < kMostTogether && task.outputs[last].window == window;) ++last;
    if (window > 0 && window <= w.segment)
      rank_segments(w, first, last);
    else
      rank_long(w, first, last);
    for (int32_t o = first; o < last; ++o)
      emit(w, task.outputs[o], w.ranks + 2 * (o - first) * w.ranks_length, w.ranks + (2 * (o - first) + 1) * w.ranks_length);
  }
}

void compute_any(const QuantileTask& task, double* scratch) {
  if (task.series.cell == Cell::float32) return compute<float>(task, scratch);
  compute<double>(task, scratch);
}

}  // namespace

extern const QuantileKernels kQuantileKernels;
const QuantileKernels kQuantileKernels = {scratch, compute_any};

HAYATE_KERNELS_END
