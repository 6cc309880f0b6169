// Recursive functions over up to 16 symbols side by side: lane = symbol. A row of such a function waits for the row before it, so one
// symbol alone uses a fraction of the processor (3 to 9 ns a row); 16 chains at once cost what one does.
//
// A function is a step from one row to the next with a small state, written once: a batch is the step over all rows from an
// empty state, one more day is the step over one row from the state that was kept. A lane never depends on its neighbours, and a value
// not on how the rows were cut.
//
// Missing values, as in features/talib.h: a row with a missing input is NaN and empties the state; functions that add up from the first
// row on keep it; with `exact` only the rows before the first complete one are left out.
#pragma once

#include <cstdint>

#include "kernels/cells.h"

namespace hayate::kernels {

inline constexpr int64_t kLanes = 16;
inline constexpr int64_t kLaneRows = 64;  ///< of a tile: 8 KB a series; with 32 what a tile costs whatever its rows takes 5 % more

enum class LaneFunction : uint8_t {
  none,
  // Averages, in lane_averages.cc.
  ema,
  macd,
  macdfix,
  ewm,
  rma,
  dema,
  tema,
  t3,
  trix,
  tsi,
  apo,
  ppo,
  pvo,
  eri,
  efi,
  zlema,
  cvi,
  kama,
  // From bar to bar, in lane_bars.cc.
  rsi,
  cmo,
  atr,
  natr,
  kc,
  supertrend,
  ha,
  minus_dm,
  plus_dm,
  minus_di,
  plus_di,
  dx,
  adx,
  adxr,
  sar,
  sarext,
  // Sums from the first row on, in lane_totals.cc.
  obv,
  cumsum,
  ad,
  adosc,
  wad,
  pvt,
  nvi,
  pvi,
  vwap,
  // All rows so far (N = 0), NaN and inf left out.
  so_far_sum,
  so_far_share,  ///< of booleans
  so_far_mean,
  so_far_variance,
  so_far_deviation,
  so_far_slope,
  so_far_rsquare,
  so_far_residual,
  so_far_weighted_mean,
  so_far_skewness,
  so_far_kurtosis,
  so_far_largest,
  so_far_smallest,
  so_far_index_of_largest,
  so_far_index_of_smallest,
  first_value,
  // Put together from windows and averages, in lane_windows.cc: what `compute` of their rows in the tables gives, to the byte.
  sma,
  bbands,
  cci,
  willr,
  mfi,
  stoch,
  kdj,
  stochf,
  stochrsi,
  smi,
  ma,
  bbands_any,
  macdext,
  apo_any,
  ppo_any,
  pvo_any,
  massi,
  rvi,
  // Of the Hilbert transform, in ta_cycle.cc.
  ht_dcperiod,
  ht_dcphase,
  ht_phasor,
  ht_sine,
  ht_trendmode,
  ht_trendline,
  mama,
  patterns,  ///< the first of the candle patterns, in the order of their table
};

/// Rows [0, rows) of one lane; later rows repeat the last one. rows >= 1.
struct LaneSeries {
  const void* values = nullptr;  ///< row 0
  Cell stored = Cell::float64;
  Cell cell = Cell::float64;  ///< what a value is rounded to first
  int64_t rows = 0;
};

/// One tile of one function. Cell (row, lane) of a series is series[row * kLanes + lane].
struct LaneTask {
  LaneFunction function = LaneFunction::none;
  const double* params = nullptr;
  const double* const* inputs = nullptr;
  double* const* outputs = nullptr;
  int64_t rows = 0;         ///< at most kLaneRows
  int64_t lanes = 0;        ///< those from here on are not computed
  double* state = nullptr;  ///< of all kLanes lanes, `room` doubles; zeros: no row was seen
  bool exact = false;
  bool complete = false;  ///< no input has a missing value
  /// By input: so many rows before row 0 stand before it, from the tile before this one. Null: none. Not both in turn on one state.
  const int64_t* before = nullptr;
};

struct LaneKernels {
  int64_t (*kept)(LaneFunction, const double* params);  ///< doubles that are all there is to know of the rows of one lane
  int64_t (*room)(LaneFunction, const double* params);  ///< doubles of a state, of all lanes
  /// Between a state and what is kept of one of its lanes. Without `kept`, the lane begins.
  void (*recall)(LaneFunction, const double* params, const double* kept, int64_t lane, double* state);
  void (*keep)(LaneFunction, const double* params, const double* state, int64_t lane, double* kept);
  void (*run)(const LaneTask&);
  /// How many rows of an input before a tile a function can make use of, at most kLaneRows; without them it copies every tile to keep some.
  int64_t (*before)(LaneFunction, const double* params, int input);
  /// Puts rows [row, row + rows) of `lanes` series into a tile; NaN becomes the one NaN of vectors.h. True when any value is missing.
  bool (*gather)(const LaneSeries* series, int64_t lanes, int64_t row, int64_t rows, double* tile);
  /// Asks for the lines of these rows, which a later gather() will read.
  void (*prefetch)(const LaneSeries* series, int64_t lanes, int64_t row, int64_t rows);
  /// The rows of every lane one after the other: row r of lane l goes to out[l] + r, out[l] may be null.
  void (*scatter)(const double* tile, int64_t lanes, int64_t rows, double* const* out);
  /// The same as float32 to out + l * stride + r, for all kLanes lanes.
  void (*scatter_floats)(const double* tile, int64_t rows, float* out, int64_t stride);
};

const LaneKernels& lane_kernels();

}  // namespace hayate::kernels
