// The table of lane functions, and the way between series and tiles: to bring a float32 input into tiles takes 0.3 ns a row and symbol, to
// take a float32 output out 0.1 (0.14 without AVX-512) and to write it 0.14.
#include "kernels/lanes.h"

#include "kernels/intrinsics.h"
#include "kernels/lane_entry.h"
#include "kernels/packs.h"
#include "kernels/strips.h"

HAYATE_KERNELS_BEGIN
namespace {

const LaneEntry& entry_of(LaneFunction function) {
  const auto number_from = [function](LaneFunction first) { return int(function) - int(first); };
  if (function >= LaneFunction::patterns) return lane_entry_of_pattern(number_from(LaneFunction::patterns));
  if (function >= LaneFunction::ht_dcperiod) return lane_entry_of_cycle(number_from(LaneFunction::ht_dcperiod));
  if (function >= LaneFunction::sma) return lane_entry_of_window(number_from(LaneFunction::sma));
  if (function >= LaneFunction::obv) return lane_entry_of_total(number_from(LaneFunction::obv));
  if (function >= LaneFunction::rsi) return lane_entry_of_bars(number_from(LaneFunction::rsi));
  return lane_entry_of_average(number_from(LaneFunction::ema));
}

int64_t kept(LaneFunction function, const double* params) { return entry_of(function).layout(params).kept; }
int64_t room(LaneFunction function, const double* params) { return entry_of(function).layout(params).rows * kLanes; }

/// Calls move(row of the state, number of the kept double) for all that is kept of a lane.
template <class Move>
void for_kept(const LaneLayout& layout, const Move& move) {
  int64_t next = 0;
  for (int t = 0; t < layout.num_tracks; ++t)
    for (int64_t row = 0; row < layout.tracks[t].history; ++row) move(layout.tracks[t].begin + row, next++);
}
void recall(LaneFunction function, const double* params, const double* kept, int64_t lane, double* state) {
  for_kept(entry_of(function).layout(params), [&](int64_t row, int64_t number) { state[row * kLanes + lane] = kept ? kept[number] : 0; });
}
void keep(LaneFunction function, const double* params, const double* state, int64_t lane, double* kept) {
  for_kept(entry_of(function).layout(params), [&](int64_t row, int64_t number) { kept[number] = state[row * kLanes + lane]; });
}
void run(const LaneTask& task) { entry_of(task.function).run(task); }

int64_t before(LaneFunction function, const double* params, int input) {
  const LaneLayout layout = entry_of(function).layout(params);
  int64_t rows = 0;
  for (int t = 0; t < layout.num_tracks; ++t)
    if (layout.inputs[t] == input && layout.tracks[t].history <= kLaneRows) rows = most(rows, layout.tracks[t].history);
  return rows;
}

// ---- between series and tiles -------------------------------------------------------------------------------------------

constexpr int kTurned = int(kShortVector / 8);
typedef double TurnedRow __attribute__((vector_size(kShortVector)));
typedef int64_t TurnedMask __attribute__((vector_size(kShortVector)));
typedef TurnedRow UnalignedTurnedRow __attribute__((aligned(8), may_alias));

/// kTurned rows of as many series, or the other way round.
inline void transpose(TurnedRow* x) {
#if defined(__AVX2__)
  static_assert(kTurned == 4);
  const TurnedRow a = __builtin_shufflevector(x[0], x[1], 0, 4, 2, 6), b = __builtin_shufflevector(x[0], x[1], 1, 5, 3, 7);
  const TurnedRow c = __builtin_shufflevector(x[2], x[3], 0, 4, 2, 6), d = __builtin_shufflevector(x[2], x[3], 1, 5, 3, 7);
  x[0] = __builtin_shufflevector(a, c, 0, 1, 4, 5), x[1] = __builtin_shufflevector(b, d, 0, 1, 4, 5);
  x[2] = __builtin_shufflevector(a, c, 2, 3, 6, 7), x[3] = __builtin_shufflevector(b, d, 2, 3, 6, 7);
#else
  static_assert(kTurned == 2);
  const TurnedRow a = __builtin_shufflevector(x[0], x[1], 0, 2);
  x[1] = __builtin_shufflevector(x[0], x[1], 1, 3), x[0] = a;
#endif
}

int64_t width_of(Cell cell) { return cell == Cell::boolean ? 1 : cell == Cell::float32 ? 4 : 8; }

/// Lines that begin in these rows, or hold the first: the rows before have asked for it.
void prefetch(const LaneSeries* series, int64_t lanes, int64_t row, int64_t rows) {
  for (int64_t lane = 0; lane < lanes; ++lane) {
    const int64_t width = width_of(series[lane].stored), bytes = least(rows, series[lane].rows - row) * width;
    const char* const next = static_cast<const char*>(series[lane].values) + row * width;
    for (int64_t byte = int64_t(-reinterpret_cast<uintptr_t>(next) & 63); byte < bytes; byte += 64) __builtin_prefetch(next + byte);
  }
}

template <class Float>
inline void widen(const Float* values, int64_t rows, double* out) {
  for (int64_t i = 0; i < rows; ++i) out[i] = double(values[i]);
}

/// Rows [row, row + rows) of a series as float64.
void widen(const LaneSeries& series, int64_t row, int64_t rows, double* out) {
  const int64_t first = least(row, series.rows - 1), stored = least(rows, series.rows - first);
  const char* const values = static_cast<const char*>(series.values) + first * width_of(series.stored);
  if (series.stored == Cell::boolean) {
    widen(reinterpret_cast<const uint8_t*>(values), stored, out);
  } else if (series.stored == Cell::float32) {
    widen(reinterpret_cast<const float*>(values), stored, out);
  } else {
    memcpy(out, values, size_t(stored) * sizeof(double));
    for (int64_t i = 0; i < stored && series.cell == Cell::float32; ++i) out[i] = double(float(out[i]));
  }
  for (int64_t i = stored; i < round_up(rows); ++i) out[i] = out[stored - 1];
}

/// kTurned series, whatever they are. Whether any value is missing.
bool gather_vector(const LaneSeries* const* series, int64_t first, int64_t rows, double* tile) {
  alignas(64) double values[kTurned][kLaneRows];
  TurnedMask missing = {};
  for (int64_t i = 0; i < kTurned; ++i) widen(*series[i], first, rows, values[i]);
  for (int64_t row = 0; row < rows; row += kTurned) {
    TurnedRow x[kTurned];
    for (int i = 0; i < kTurned; ++i) x[i] = *reinterpret_cast<const UnalignedTurnedRow*>(values[i] + row);
    transpose(x);
    for (int i = 0; i < kTurned; ++i) {
      const TurnedMask empty = x[i] != x[i];
      missing |= empty;
      *reinterpret_cast<UnalignedTurnedRow*>(tile + (row + i) * kLanes) = empty ? TurnedRow{} + kNaN : x[i];
    }
  }
  int64_t any = 0;
  for (int i = 0; i < kTurned; ++i) any |= missing[i];
  return any != 0;
}

#if defined(__AVX2__)
/// The same of float32 without a missing value, which is what bars almost always are; false where they are not, or not `rows` of them.
bool gather_floats(const LaneSeries* const* series, int64_t first, int64_t rows, double* tile) {
  for (int64_t i = 0; i < kTurned; ++i)
    if (series[i]->stored != Cell::float32 || series[i]->rows < first + rows || rows % 8 != 0) return false;
  const float* from[kTurned];
  for (int64_t i = 0; i < kTurned; ++i) from[i] = static_cast<const float*>(series[i]->values) + first;
  __m256 missing = _mm256_setzero_ps();
  for (int64_t row = 0; row < rows; row += 8) {
    __m256 x[4];
    for (int i = 0; i < 4; ++i) {
      x[i] = _mm256_loadu_ps(from[i] + row);
      missing = _mm256_or_ps(missing, _mm256_cmp_ps(x[i], x[i], _CMP_UNORD_Q));
    }
    const __m256 a = _mm256_unpacklo_ps(x[0], x[1]), b = _mm256_unpackhi_ps(x[0], x[1]), c = _mm256_unpacklo_ps(x[2], x[3]),
                 d = _mm256_unpackhi_ps(x[2], x[3]);
    // Rows r and r + 4 of the four lanes.
    const __m256 both[] = {_mm256_shuffle_ps(a, c, 0x44), _mm256_shuffle_ps(a, c, 0xee), _mm256_shuffle_ps(b, d, 0x44),
                           _mm256_shuffle_ps(b, d, 0xee)};
    for (int r = 0; r < 4; ++r) {
      _mm256_storeu_pd(tile + (row + r) * kLanes, _mm256_cvtps_pd(_mm256_castps256_ps128(both[r])));
      _mm256_storeu_pd(tile + (row + r + 4) * kLanes, _mm256_cvtps_pd(_mm256_extractf128_ps(both[r], 1)));
    }
  }
  return _mm256_movemask_ps(missing) == 0;
}
#else
bool gather_floats(const LaneSeries* const*, int64_t, int64_t, double*) { return false; }
#endif

bool gather(const LaneSeries* series, int64_t lanes, int64_t first, int64_t rows, double* tile) {
  bool missing = false;
  for (int64_t lane = 0; lane < lanes; lane += kTurned) {
    const LaneSeries* of[kTurned];
    for (int64_t i = 0; i < kTurned; ++i) of[i] = series + (lane + i < lanes ? lane + i : lane);
    if (!gather_floats(of, first, rows, tile + lane)) missing |= gather_vector(of, first, rows, tile + lane);
  }
  // A pack may hold more lanes than there are.
  for (int64_t lane = (lanes + kTurned - 1) / kTurned * kTurned; lane % kPackLanes != 0; ++lane)
    for (int64_t row = 0; row < rows; ++row) tile[row * kLanes + lane] = tile[row * kLanes];
  return missing;
}

void scatter(const double* tile, int64_t lanes, int64_t rows, double* const* out) {
  for (int64_t lane = 0; lane < lanes; lane += kTurned) {
    double* to[kTurned];
    for (int64_t i = 0; i < kTurned; ++i) to[i] = lane + i < lanes ? out[lane + i] : nullptr;
    int64_t row = 0;
    for (; row + kTurned <= rows; row += kTurned) {
      TurnedRow x[kTurned];
      for (int i = 0; i < kTurned; ++i) x[i] = *reinterpret_cast<const UnalignedTurnedRow*>(tile + (row + i) * kLanes + lane);
      transpose(x);
      for (int i = 0; i < kTurned; ++i)
        if (to[i]) *reinterpret_cast<UnalignedTurnedRow*>(to[i] + row) = x[i];
    }
    for (; row < rows; ++row)
      for (int64_t i = 0; i < kTurned; ++i)
        if (to[i]) to[i][row] = tile[row * kLanes + lane + i];
  }
}

/// kSquare rows of some lanes from `tile`, row by row, to rows of floats.
#if defined(__AVX2__)
constexpr int64_t kSquare = 8, kSquareLanes = 4;
inline void scatter_square(const double* tile, float* out, int64_t stride) {
  __m256 x[4];  // rows r and r + 4 of four lanes
  for (int r = 0; r < 4; ++r) {
    const __m128 first = _mm256_cvtpd_ps(_mm256_loadu_pd(tile + r * kLanes)), second = _mm256_cvtpd_ps(_mm256_loadu_pd(tile + (r + 4) * kLanes));
    x[r] = _mm256_insertf128_ps(_mm256_castps128_ps256(first), second, 1);
  }
  const __m256 a = _mm256_unpacklo_ps(x[0], x[1]), b = _mm256_unpackhi_ps(x[0], x[1]), c = _mm256_unpacklo_ps(x[2], x[3]),
               d = _mm256_unpackhi_ps(x[2], x[3]);
  _mm256_storeu_ps(out, _mm256_shuffle_ps(a, c, 0x44)), _mm256_storeu_ps(out + stride, _mm256_shuffle_ps(a, c, 0xee));
  _mm256_storeu_ps(out + 2 * stride, _mm256_shuffle_ps(b, d, 0x44)), _mm256_storeu_ps(out + 3 * stride, _mm256_shuffle_ps(b, d, 0xee));
}
#else
constexpr int64_t kSquare = 2, kSquareLanes = 2;
inline void scatter_square(const double* tile, float* out, int64_t stride) {
  for (int lane = 0; lane < 2; ++lane)
    for (int r = 0; r < 2; ++r) out[lane * stride + r] = float(tile[r * kLanes + lane]);
}
#endif

#if defined(__AVX512F__)
/// Four vectors of four rows or lanes, 128 bits each from another place: element e of block b of x[k] becomes element k of block b of x[e].
inline void turn_blocks(__m512* x) {
  const __m512 a = _mm512_unpacklo_ps(x[0], x[1]), b = _mm512_unpackhi_ps(x[0], x[1]), c = _mm512_unpacklo_ps(x[2], x[3]),
               d = _mm512_unpackhi_ps(x[2], x[3]);
  x[0] = _mm512_shuffle_ps(a, c, 0x44), x[1] = _mm512_shuffle_ps(a, c, 0xee);
  x[2] = _mm512_shuffle_ps(b, d, 0x44), x[3] = _mm512_shuffle_ps(b, d, 0xee);
}
/// 128 bits from each of four places. Inserts from memory take no shuffle.
inline __m512 four_blocks(const float* a, const float* b, const float* c, const float* d) {
  __m512 x = _mm512_castps128_ps512(_mm_loadu_ps(a));
  x = _mm512_insertf32x4(x, _mm_loadu_ps(b), 1);
  x = _mm512_insertf32x4(x, _mm_loadu_ps(c), 2);
  return _mm512_insertf32x4(x, _mm_loadu_ps(d), 3);
}
/// Whoever reads these floats from here on does so from memory: the compiler would take them apart in registers, with twice the shuffles.
inline void settle(const float* floats) { asm volatile("" : : "r"(floats) : "memory"); }

/// 16 rows of all lanes.
inline void scatter_sixteen(const double* tile, float* out, int64_t stride) {
  alignas(64) float narrow[16 * kLanes];
  for (int64_t row = 0; row < 16; ++row)
    for (int64_t lane = 0; lane < kLanes; lane += 8)
      _mm256_store_ps(narrow + row * kLanes + lane, _mm512_cvtpd_ps(_mm512_loadu_pd(tile + row * kLanes + lane)));
  settle(narrow);
  for (int64_t lane = 0; lane < kLanes; lane += 4) {
    __m512 x[4];
    for (int64_t k = 0; k < 4; ++k) {
      const float* const at = narrow + k * kLanes + lane;
      x[k] = four_blocks(at, at + 4 * kLanes, at + 8 * kLanes, at + 12 * kLanes);
    }
    turn_blocks(x);
    for (int64_t k = 0; k < 4; ++k) _mm512_storeu_ps(out + (lane + k) * stride, x[k]);
  }
}
#endif

void scatter_floats(const double* tile, int64_t rows, float* out, int64_t stride) {
  int64_t row = 0;
#if defined(__AVX512F__)
  for (; row + 16 <= rows; row += 16) scatter_sixteen(tile + row * kLanes, out + row, stride);
#endif
  for (; row + kSquare <= rows; row += kSquare)
    for (int64_t lane = 0; lane < kLanes; lane += kSquareLanes) scatter_square(tile + row * kLanes + lane, out + lane * stride + row, stride);
  for (; row < rows; ++row)
    for (int64_t lane = 0; lane < kLanes; ++lane) out[lane * stride + row] = float(tile[row * kLanes + lane]);
}

}  // namespace

extern const LaneKernels kLaneKernels;
const LaneKernels kLaneKernels = {kept, room, recall, keep, run, before, gather, prefetch, scatter, scatter_floats};

HAYATE_KERNELS_END
