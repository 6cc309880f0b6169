// See lane_order.h. A family is done by groups of lanes that fill a vector, kStep rows at a time. After kLineRows rows the lanes' lines of every
// column are complete: they are turned over in registers and leave by non-temporal stores.
#include "kernels/lane_order.h"

#include "kernels/intrinsics.h"
#include "kernels/keys.h"
#include "kernels/quantile_position.h"
#include "kernels/strips.h"

HAYATE_KERNELS_BEGIN
namespace {

#if defined(__AVX512F__)
constexpr int64_t kLongVector = 64;
#else
constexpr int64_t kLongVector = kShortVector;
#endif
constexpr int64_t kStep = 8, kLineRows = 16;
static_assert(kLanes == 16 && kLaneTileRows % kLineRows == 0 && kLineRows % kStep == 0);

template <class T, int64_t kCount>
struct VectorOf {
  typedef T Type __attribute__((vector_size(kCount * int64_t(sizeof(T))), may_alias));
};
template <class T, int64_t kCount>
using Vector = typename VectorOf<T, kCount>::Type;

template <class V, class T>
HAYATE_INLINE inline V load(const T* from) {
  return *reinterpret_cast<const V*>(from);
}
template <class V, class T>
HAYATE_INLINE inline void save(T* to, V x) {
  *reinterpret_cast<V*>(to) = x;
}

/// What results are computed in: eight, four or two lanes of float64.
constexpr int64_t kWide = kLongVector / 8;
using Wide = Vector<double, kWide>;
using Narrow = Vector<float, kWide>;

/// g++ 12 widens eight floats by halves.
HAYATE_INLINE inline Wide widen(Narrow x) {
#if defined(__AVX512F__)
  return Wide(_mm512_cvtps_pd(__m256(x)));
#else
  return __builtin_convertvector(x, Wide);
#endif
}
HAYATE_INLINE inline Narrow narrow(Wide x) { return __builtin_convertvector(x, Narrow); }

// ---- Columns -------------------------------------------------------------------------------------------------------

/// Sixteen rows of one lane into its column, where it has them.
void store_line(const float* line, int64_t lane, int64_t row, int64_t column, const LaneTile& tile) {
  float* to = tile.out[lane] + column + row;
  const int64_t first = most(tile.first[lane] - row, 0), last = least(tile.last[lane] - row, kLineRows);
  if (first == 0 && last == kLineRows) return stream_line(to, line);
  for (int64_t r = first; r < last; ++r) to[r] = line[r];
}

#if defined(__SSE2__)
#if defined(__AVX512F__)
using Lines = __m512;
#define HAYATE_LINES(name) _mm512_##name
#elif defined(__AVX2__)
using Lines = __m256;
#define HAYATE_LINES(name) _mm256_##name
#else
using Lines = __m128;
#define HAYATE_LINES(name) _mm_##name
#endif

/// Four lanes of every fourth row, as many as fill a register.
HAYATE_INLINE inline Lines fourth_rows(const float* from, int64_t stride) {
  const auto quad = [&](int64_t row) HAYATE_INLINE { return _mm_load_ps(from + row * stride); };
#if defined(__AVX512F__)
  const __m512 half = _mm512_insertf32x4(_mm512_castps128_ps512(quad(0)), quad(4), 1);
  return _mm512_insertf32x4(_mm512_insertf32x4(half, quad(8), 2), quad(12), 3);
#elif defined(__AVX2__)
  return _mm256_insertf128_ps(_mm256_castps128_ps256(quad(0)), quad(4), 1);
#else
  return quad(0);
#endif
}

/// Four lanes of sixteen rows, `stride` floats from row to row, into their columns.
HAYATE_INLINE inline void flush_quad(const float* from, int64_t stride, int64_t lane, int64_t row, int64_t column, const LaneTile& tile) {
  constexpr int64_t kFloats = int64_t(sizeof(Lines) / sizeof(float));
  alignas(64) float line[4][kLineRows];
  for (int64_t part = 0; part < kLineRows; part += kFloats) {
    const float* at = from + part * stride;
    const Lines a = fourth_rows(at, stride), b = fourth_rows(at + stride, stride), c = fourth_rows(at + 2 * stride, stride),
                d = fourth_rows(at + 3 * stride, stride);
    const auto low = HAYATE_LINES(castps_pd)(HAYATE_LINES(unpacklo_ps)(a, b)), low2 = HAYATE_LINES(castps_pd)(HAYATE_LINES(unpacklo_ps)(c, d));
    const auto high = HAYATE_LINES(castps_pd)(HAYATE_LINES(unpackhi_ps)(a, b)), high2 = HAYATE_LINES(castps_pd)(HAYATE_LINES(unpackhi_ps)(c, d));
    const Lines turned[4] = {
        HAYATE_LINES(castpd_ps)(HAYATE_LINES(unpacklo_pd)(low, low2)), HAYATE_LINES(castpd_ps)(HAYATE_LINES(unpackhi_pd)(low, low2)),
        HAYATE_LINES(castpd_ps)(HAYATE_LINES(unpacklo_pd)(high, high2)), HAYATE_LINES(castpd_ps)(HAYATE_LINES(unpackhi_pd)(high, high2))};
    for (int64_t l = 0; l < 4; ++l) {
      if (tile.whole)
        HAYATE_LINES(stream_ps)(tile.out[lane + l] + column + row + part, turned[l]);
      else
        HAYATE_LINES(store_ps)(line[l] + part, turned[l]);
    }
  }
  for (int64_t l = 0; l < 4 && !tile.whole; ++l) store_line(line[l], lane + l, row, column, tile);
}
#endif

/// kCount lanes of sixteen rows, row after row.
template <int64_t kCount>
void flush(const float* from, int64_t lane, int64_t row, int64_t column, const LaneTile& tile) {
#if defined(__SSE2__)
  if constexpr (kCount % 4 == 0) {
    for (int64_t l = 0; l < kCount; l += 4) flush_quad(from + l, kCount, lane + l, row, column, tile);
    return;
  }
#endif
  for (int64_t l = 0; l < kCount; ++l) {
    alignas(64) float line[kLineRows];
    for (int64_t r = 0; r < kLineRows; ++r) line[r] = from[r * kCount + l];
    store_line(line, lane + l, row, column, tile);
  }
}

/// Stores value(r, lane) of kStep rows of kCount lanes, a Wide at a time; `cell` is the first one's. `staging`: the rows of a column.
template <int64_t kCount, class Value>
HAYATE_INLINE inline void put(const LaneSink& sink, float* staging, int64_t cell, const Value& value) {
  for (int64_t lane = 0; lane < kCount; lane += kWide) {
    for (int64_t r = 0; r < kStep; ++r) {
      Wide x = value(r, lane);
      const int64_t at = cell + r * kLanes + lane;
      if (sink.inverse) x = 1 / (x + sink.offset), x = x == x ? x : kNaN - Wide{};
      if (sink.doubles) save(sink.doubles + at, x);
      if (sink.column < 0) continue;
      const Wide factor = sink.scale ? load<Wide>(sink.scale + at) : sink.number - Wide{};
      save(staging + r * kCount + lane, narrow(x * factor));
    }
  }
}

/// A column and nothing else, as it is.
bool is_plain(const LaneSink& sink) { return sink.column >= 0 && !sink.doubles && !sink.scale && sink.number == 1; }

// ---- Keys ----------------------------------------------------------------------------------------------------------

/// Lanes of float32 or float64 values in one vector of kBytes, and their keys.
template <class F, int64_t kBytes>
struct Lanes {
  using Float = F;
  using K = Key<Float>;
  static constexpr int64_t kCount = kBytes / int64_t(sizeof(K)), kGroups = kernels::kLanes / kCount;
  using Values = Vector<Float, kCount>;
  using Keys = Vector<K, kCount>;
  static constexpr int kSign = int(sizeof(K)) * 8 - 1;

  HAYATE_INLINE static Keys all(K x) { return x - Keys{}; }
  /// As key_of; a missing value has the last key.
  HAYATE_INLINE static Keys keys_of(Values x) {
    const Keys bits = Keys(x + Float(0)), key = bits ^ ((bits >> kSign) & kLastKey<K>);
    return x - x == 0 ? key : all(kLastKey<K>);
  }
  HAYATE_INLINE static Values numbers_of(Keys key) { return Values(key ^ ((key >> kSign) & kLastKey<K>)); }
  HAYATE_INLINE static bool is_zero(Keys x) {
    K any = 0;
    for (int64_t l = 0; l < kCount; ++l) any |= x[l];
    return any == 0;
  }
};

/// kStep rows of numbers of one vector each, on their way to Wides.
template <class T, int64_t kCount>
struct Rows {
  alignas(64) T values[kStep * kCount];

  HAYATE_INLINE void set(int64_t r, Vector<T, kCount> x) { save(values + r * kCount, x); }
  HAYATE_INLINE Wide get(int64_t r, int64_t lane) const {
    if constexpr (sizeof(T) == 4)
      return widen(load<Narrow>(values + r * kCount + lane));
    else
      return load<Wide>(values + r * kCount + lane);
  }
};

constexpr int32_t kMostTogether = 4;

/// Outputs [first, end) have one window and are read from one list.
int32_t end_of_list(const LaneOrderTask& task, int32_t first) {
  int32_t end = first + 1;
  while (end < task.num_outputs && end - first < kMostTogether && task.outputs[end].window == task.outputs[first].window) ++end;
  return end;
}

/// State: the rows of columns until a line is complete; then by group of lanes the newest rows, keys and how many values there were up to
/// each, in rings of whole steps, and the sorted windows with a missing value behind each.
template <class L>
struct State {
  using Keys = typename L::Keys;
  static constexpr int64_t kStaged = kLineRows * L::kCount;
  int64_t ring, group_keys, doubles;
  float* staging;
  Keys* groups;

  State(const LaneOrderTask& task, double* state) {
    ring = (task.longest + 2 * kStep - 1) / kStep * kStep;
    group_keys = 2 * ring;
    for (int32_t first = 0; first < task.num_outputs && !task.ranks; first = end_of_list(task, first)) group_keys += task.outputs[first].window + 1;
    doubles = task.num_outputs * kStaged / 2 + group_keys * L::kGroups * int64_t(sizeof(Keys) / sizeof(double));
    staging = reinterpret_cast<float*>(state);
    groups = reinterpret_cast<Keys*>(state + task.num_outputs * kStaged / 2);
  }
  void begin() const {
    for (int64_t group = 0; group < L::kGroups; ++group) {
      Keys* keys = groups + group * group_keys;
      for (int64_t i = 0; i < group_keys; ++i) keys[i] = i >= ring && i < 2 * ring ? Keys{} : L::all(kLastKey<typename L::K>);
    }
  }
};

/// kStep rows of one group.
template <class L>
struct Step {
  using Keys = typename L::Keys;
  const State<L>& state;
  Keys *keys, *counts, *lists;
  int64_t at;  ///< in the rings
  int64_t cell;
  float* staging;  ///< of the first output

  Step(const State<L>& s, int64_t group, const LaneTile& tile, int64_t row)
      : state(s),
        keys(s.groups + group * s.group_keys),
        counts(keys + s.ring),
        lists(counts + s.ring),
        at((tile.row + row) % s.ring),
        cell(row * kLanes + group * L::kCount),
        staging(s.staging + row % kLineRows * L::kCount) {}

  /// Where row r - lag stands in a ring.
  HAYATE_INLINE int64_t row(int64_t r, int64_t lag = 0) const {
    const int64_t i = at + r - lag;
    return i < 0 ? i + state.ring : i;
  }
  void read(const Series& series) const {
    Keys count = counts[row(-1)];
    for (int64_t r = 0; r < kStep; ++r) {
      const Keys key = L::keys_of(load<typename L::Values>(static_cast<const typename L::Float*>(series.rows) + cell + r * kLanes));
      keys[at + r] = key;
      counts[at + r] = count -= key != L::all(kLastKey<typename L::K>);  // a true comparison is -1
    }
  }
  HAYATE_INLINE Keys present(int64_t r, int64_t window) const { return counts[at + r] - counts[row(r, window)]; }
  float* staged(int32_t output) const { return staging + output * State<L>::kStaged; }
};

// ---- Quantiles -----------------------------------------------------------------------------------------------------

/// Replaces `out` by `in` in the first `size` ranks of sorted lists, after which a missing value stands.
template <class L>
HAYATE_INLINE inline void replace(typename L::Keys* list, int64_t size, typename L::Keys out, typename L::Keys in) {
  using Keys = typename L::Keys;
  Keys before = L::all(kFirstKey<typename L::K>), here = list[0];
  HAYATE_UNROLL
  for (int64_t j = 0; j < size; ++j) {
    const Keys next = list[j + 1];
    const Keys kept = out > here ? here : next;
    const Keys capped = kept < in ? kept : in;
    list[j] = before > capped ? before : capped;
    before = kept, here = next;
  }
}

/// The values around the quantiles of windows that are full, row by row of a step.
template <class L>
struct Around {
  Position at[kMostTogether];
  Rows<typename L::Float, L::kCount> low[kMostTogether], high[kMostTogether];

  HAYATE_INLINE void set(int32_t o, int64_t r, const typename L::Keys* list) {
    low[o].set(r, L::numbers_of(list[at[o].low])), high[o].set(r, L::numbers_of(list[at[o].high]));
  }
  HAYATE_INLINE Wide value(int32_t o, int64_t r, int64_t lane) const {
    const Wide x = low[o].get(r, lane), y = high[o].get(r, lane);
    return x + (y - x) * at[o].share;
  }
};

/// Every window of the step full of values.
template <class L>
void full_quantiles(const Step<L>& s, const LaneOrderOutput* outputs, int32_t first, int32_t last, typename L::Keys* list) {
  const int64_t window = outputs[first].window;
  Around<L> around;
  for (int32_t o = first; o < last; ++o) around.at[o - first] = position_of(outputs[o].q, window);
  for (int64_t r = 0; r < kStep; ++r) {
    replace<L>(list, window, s.keys[s.row(r, window)], s.keys[s.at + r]);
    for (int32_t o = 0; o < last - first; ++o) around.set(o, r, list);
  }
  for (int32_t o = first; o < last; ++o)
    put<L::kCount>(outputs[o].sink, s.staged(o), s.cell, [&](int64_t r, int64_t lane) HAYATE_INLINE { return around.value(o - first, r, lane); });
}

/// The quantile of the n values of one lane.
template <class L>
double partial_quantile(const typename L::Keys* list, int64_t lane, double q, int64_t n) {
  const Position at = position_of(q, n);
  const double x = double(number_of<typename L::Float>(list[at.low][lane])), y = double(number_of<typename L::Float>(list[at.high][lane]));
  return n == 0 ? kNaN : at.share == 0 ? x : x + (y - x) * at.share;
}

/// The same where windows miss values: those are done over, lane by lane.
template <class L>
void partial_quantiles(const Step<L>& s, const LaneOrderOutput* outputs, int32_t first, int32_t last, typename L::Keys* list) {
  using K = typename L::K;
  const int64_t window = outputs[first].window;
  Around<L> around;
  Rows<double, L::kCount> partial[kMostTogether];
  typename L::Keys differs[kStep];
  for (int32_t o = first; o < last; ++o) around.at[o - first] = position_of(outputs[o].q, window);
  for (int64_t r = 0; r < kStep; ++r) {
    replace<L>(list, window, s.keys[s.row(r, window)], s.keys[s.at + r]);
    const auto present = s.present(r, window);
    differs[r] = present ^ L::all(K(window));
    for (int32_t o = 0; o < last - first; ++o) around.set(o, r, list);
    for (int64_t lane = 0; lane < L::kCount && !L::is_zero(differs[r]); ++lane)
      for (int32_t o = first; o < last && differs[r][lane] != 0; ++o)
        partial[o - first].values[r * L::kCount + lane] = partial_quantile<L>(list, lane, outputs[o].q, present[lane]);
  }
  for (int32_t o = first; o < last; ++o) {
    Rows<double, L::kCount> values;
    for (int64_t r = 0; r < kStep; ++r) {
      for (int64_t lane = 0; lane < L::kCount; lane += kWide) save(values.values + r * L::kCount + lane, around.value(o - first, r, lane));
      for (int64_t lane = 0; lane < L::kCount && !L::is_zero(differs[r]); ++lane)
        if (differs[r][lane] != 0) values.values[r * L::kCount + lane] = partial[o - first].values[r * L::kCount + lane];
    }
    put<L::kCount>(outputs[o].sink, s.staged(o), s.cell, [&](int64_t r, int64_t lane) HAYATE_INLINE { return values.get(r, lane); });
  }
}

template <class L>
void quantiles(const Step<L>& s, const LaneOrderTask& task) {
  typename L::Keys* list = s.lists;
  for (int32_t first = 0, last; first < task.num_outputs; first = last) {
    const int64_t window = task.outputs[first].window;
    last = end_of_list(task, first);
    typename L::Keys differs = {};
    for (int64_t r = 0; r < kStep; ++r) differs |= s.present(r, window) ^ L::all(typename L::K(window));
    if (L::is_zero(differs))
      full_quantiles(s, task.outputs, first, last, list);
    else
      partial_quantiles(s, task.outputs, first, last, list);
    list += window + 1;
  }
}

// ---- Ranks ---------------------------------------------------------------------------------------------------------

/// As in rank.cc: with b = values below - values above, missing ones among these, the rank of w rows is (b + w + 1) / 2 over the values present.
template <class L>
void ranks(const Step<L>& s, const LaneOrderTask& task) {
  using Keys = typename L::Keys;
  using K = typename L::K;
  Keys balance[kStep] = {}, now[kStep];
  for (int64_t r = 0; r < kStep; ++r) now[r] = s.keys[s.at + r];
  int64_t counted = 1;
  for (int32_t o = 0; o < task.num_outputs; ++o) {
    const LaneOrderOutput& output = task.outputs[o];
    for (; counted < output.window; ++counted) {
      const Keys* const from = s.keys + s.at - counted;
      const int64_t wrapped = least(most(counted - s.at, 0), kStep);  // rows that stand at the end of the ring
      for (int64_t r = 0; r < kStep; ++r) {
        const Keys old = from[r < wrapped ? r + s.state.ring : r];
        balance[r] += (old > now[r]) - (now[r] > old);
      }
    }
    const K both = K(output.window + 1);
    if constexpr (sizeof(K) == 4) {
      if (is_plain(output.sink)) {
        using Values = typename L::Values;
        for (int64_t r = 0; r < kStep; ++r) {
          const Values rank = __builtin_convertvector(balance[r] + both, Values) / __builtin_convertvector(2 * s.present(r, output.window), Values);
          save(s.staged(o) + r * L::kCount, now[r] == L::all(kLastKey<K>) ? kNaN32 - Values{} : rank);
        }
        continue;
      }
    }
    Rows<double, L::kCount> values;
    for (int64_t r = 0; r < kStep; ++r) {
      const Keys present = s.present(r, output.window);
      for (int64_t lane = 0; lane < L::kCount; ++lane)
        values.values[r * L::kCount + lane] =
            now[r][lane] == kLastKey<K> ? kNaN : double(int32_t(balance[r][lane] + both)) / double(2 * present[lane]);
    }
    put<L::kCount>(output.sink, s.staged(o), s.cell, [&](int64_t r, int64_t lane) HAYATE_INLINE { return values.get(r, lane); });
  }
}

// ---- Tiles ---------------------------------------------------------------------------------------------------------

template <class L>
void run_lanes(const LaneOrderTask& task, const LaneTile& tile, double* words) {
  const State<L> state(task, words);
  for (int64_t group = 0; group < L::kGroups; ++group) {
    for (int64_t row = 0; row < kLaneTileRows; row += kStep) {
      const Step<L> step(state, group, tile, row);
      step.read(task.series);
      task.ranks ? ranks(step, task) : quantiles(step, task);
      if ((row + kStep) % kLineRows != 0) continue;
      for (int32_t o = 0; o < task.num_outputs; ++o)
        if (task.outputs[o].sink.column >= 0)
          flush<L::kCount>(state.staging + o * State<L>::kStaged, group * L::kCount, row + kStep - kLineRows, task.outputs[o].sink.column, tile);
    }
  }
}

/// Calls take with the lanes of a task: short vectors for ranks, whose comparisons of long ones are masks, which have to become numbers.
template <class Take>
auto with_lanes(const LaneOrderTask& task, const Take& take) {
  if (task.series.cell == Cell::float32) return task.ranks ? take(Lanes<float, kShortVector>()) : take(Lanes<float, kLongVector>());
  return take(Lanes<double, kLongVector>());
}

int64_t words(const LaneOrderTask& task) {
  return with_lanes(task, [&](auto lanes) { return State<decltype(lanes)>(task, nullptr).doubles; });
}
void begin(const LaneOrderTask& task, double* state) {
  with_lanes(task, [&](auto lanes) { State<decltype(lanes)>(task, state).begin(); });
}
void run(const LaneOrderTask& task, const LaneTile& tile, double* state) {
  with_lanes(task, [&](auto lanes) { run_lanes<decltype(lanes)>(task, tile, state); });
}

void store(const float* cells, int64_t column, const LaneTile& tile) {
  for (int64_t row = 0; row < kLaneTileRows; row += kLineRows) flush<kLanes>(cells + row * kLanes, 0, row, column, tile);
}

template <class From, class To>
void read_lane(const From* from, int64_t first, int64_t last, To* __restrict cells) {
  constexpr To kMissing = sizeof(To) == 4 ? To(kNaN32) : To(kNaN);
  for (int64_t r = 0; r < first; ++r) cells[r * kLanes] = kMissing;
  for (int64_t r = first; r < last; ++r) cells[r * kLanes] = from[r] == from[r] ? To(from[r]) : kMissing;
  for (int64_t r = most(first, last); r < kLaneTileRows; ++r) cells[r * kLanes] = kMissing;
}

#if defined(__SSE2__)
/// Four lanes of float32 that have all rows.
void read_quad(const float* const* from, float* cells) {
  for (int64_t r = 0; r < kLaneTileRows; r += 4) {
    __m128 x[4];
    for (int64_t l = 0; l < 4; ++l) {
      const __m128 value = _mm_loadu_ps(from[l] + r), known = _mm_cmpeq_ps(value, value);
      x[l] = _mm_or_ps(_mm_and_ps(known, value), _mm_andnot_ps(known, _mm_set1_ps(kNaN32)));
    }
    _MM_TRANSPOSE4_PS(x[0], x[1], x[2], x[3]);
    for (int64_t k = 0; k < 4; ++k) _mm_store_ps(cells + (r + k) * kLanes, x[k]);
  }
}
#endif

template <class From, class To>
void read_lanes(const void* const* from, const LaneTile& tile, void* cells) {
  To* to = static_cast<To*>(cells);
  for (int64_t l = 0; l < kLanes; ++l) read_lane(static_cast<const From*>(from[l]), tile.first[l], tile.last[l], to + l);
}

void read(const void* const* from, Cell stored, Cell cell, const LaneTile& tile, void* cells) {
#if defined(__SSE2__)
  if (stored == Cell::float32 && cell == Cell::float32 && tile.whole) {
    for (int64_t l = 0; l < kLanes; l += 4) {
      const float* const quad[] = {static_cast<const float*>(from[l]), static_cast<const float*>(from[l + 1]), static_cast<const float*>(from[l + 2]),
                                   static_cast<const float*>(from[l + 3])};
      read_quad(quad, static_cast<float*>(cells) + l);
    }
    return;
  }
#endif
  if (stored == Cell::float32 && cell == Cell::float32) return read_lanes<float, float>(from, tile, cells);
  if (stored == Cell::float32) return read_lanes<float, double>(from, tile, cells);
  if (cell == Cell::float32) return read_lanes<double, float>(from, tile, cells);
  read_lanes<double, double>(from, tile, cells);
}

void fence() {
#if defined(__SSE2__)
  _mm_sfence();
#endif
}

}  // namespace

extern const LaneOrderKernels kLaneOrderKernels;
const LaneOrderKernels kLaneOrderKernels = {words, begin, run, store, read, fence};

HAYATE_KERNELS_END
