// TA-Lib's group Overlap Studies: averages, bands and stops on the scale of the price.
#include <cmath>

#include "kernels/ta.h"
#include "kernels/ta_average.h"
#include "kernels/ta_formulas.h"
#include "kernels/ta_hilbert.h"
#include "kernels/ta_series.h"
#include "kernels/ta_table.h"

HAYATE_TA_BEGIN

namespace {

constexpr const char* kGroup = "Overlap Studies";
// ---- averages ---------------------------------------------------------------------------------------------------------

template <Average Type>
void average_of_type(const Call& call) {
  average(input(call, 0), whole(call, 0), Type, call.scratch, call.outputs[0]);
}

// TA-Lib copies a series for a period of 1 in MA, but not in these three, where a NaN stays.
void simple_average(const Call& call) { mean(input(call, 0), whole(call, 0), call.outputs[0]); }
void triangular_average(const Call& call) { trima(input(call, 0), whole(call, 0), call.scratch, call.outputs[0]); }

template <Average Type>
int64_t lookback_of_type(const double* params) {
  return average_lookback(static_cast<int64_t>(params[0]), Type);
}

void any_average(const Call& call) { average(input(call, 0), whole(call, 0), average_type(call.params[1]), call.scratch, call.outputs[0]); }

int64_t any_average_lookback(const double* params) { return average_lookback(static_cast<int64_t>(params[0]), average_type(params[1])); }

/// Volume-weighted mean: sum(price volume) / sum(volume).
void vwma(const Call& call) {
  const Series price = input(call, 0), volume = input(call, 1);
  double* out = call.outputs[0];
  if (whole(call, 0) == 1) {
    average(price, 1, Average::sma, nullptr, out);
    return;
  }
  sum_of(price, whole(call, 0), [=](int64_t row) { return price[row] * volume[row]; }, out);
  const Series volumes = sum(volume, whole(call, 0), call.scratch[0]);
  for (int64_t row = volumes.begin; row < call.rows; ++row) out[row] /= volumes[row];
}

/// The average over as many rows as the second input says, held within minperiod and maxperiod.
/// One pass per different period; scratch[0] holds the periods still to do, 0 for rows that are done.
void variable_period(const Call& call) {
  const Series price = input(call, 0);
  const double least = call.params[0], most = call.params[1];
  const Average type = average_type(call.params[2]);
  const int64_t first = average_lookback(whole(call, 1), type);
  double *wanted = call.scratch[0], *one = call.scratch[1], *out = call.outputs[0];
  for (int64_t row = first; row < call.rows; ++row) {
    const double rows = std::trunc(call.inputs[1][row]);
    wanted[row] = rows < least ? least : rows > most ? most : rows == rows ? rows : least;
  }
  for (int64_t row = first; row < call.rows; ++row) {
    if (wanted[row] == 0) continue;
    const double length = wanted[row];
    const int64_t rows = static_cast<int64_t>(length);
    average(from(price, first - average_lookback(rows, type)), rows, type, call.scratch + 2, one);
    for (int64_t later = row; later < call.rows; ++later)
      if (wanted[later] == length) out[later] = one[later], wanted[later] = 0;
  }
  begun(out, first, price);
}

int64_t variable_period_lookback(const double* params) {
  if (params[0] > params[1]) return -1;
  return average_lookback(static_cast<int64_t>(params[1]), average_type(params[2]));
}

// ---- channels ---------------------------------------------------------------------------------------------------------

/// The means of high (1 + 4 w), close and low (1 - 4 w), with w = (high - low) / (high + low), 0 where high + low is 0.
void acceleration_bands(const Call& call) {
  const Series high = input(call, 0), low = input(call, 1), close = input(call, 2);
  double *up = call.scratch[0], *down = call.scratch[1];
  for (int64_t row = 0; row < call.rows; ++row) {
    const double both = high[row] + low[row], width = both != 0 ? 4 * (high[row] - low[row]) / both : 0;
    up[row] = high[row] * (1 + width), down[row] = low[row] * (1 - width);
  }
  const int64_t rows = whole(call, 0);
  mean({up, 0, call.rows, call.exact}, rows, call.outputs[0]);
  mean(close, rows, call.outputs[1]);
  mean({down, 0, call.rows, call.exact}, rows, call.outputs[2]);
}

int64_t bollinger_lookback(const double* params) {
  const int64_t rows = static_cast<int64_t>(params[0]), average_rows = average_lookback(rows, average_type(params[3]));
  return average_rows > rows - 1 ? average_rows : rows - 1;
}

/// Around a plain mean, which is as far from the newest price as the sum of distances says.
void plain_bollinger_bands(const Call& call) {
  const Series price = input(call, 0);
  const int64_t count = whole(call, 0);
  const double inverse = 1 / call.params[0], above = call.params[1], below = call.params[2];
  for_strips(count, count - 1, call.rows, [&](int64_t first, int64_t rows) {
    const double* x = price.values + first;
    double* __restrict upper = call.outputs[0] + first;
    double* __restrict middle = call.outputs[1] + first;
    double* __restrict lower = call.outputs[2] + first;
    strip_squares(x, count, rows, middle, upper);
    for (int64_t i = 0; i < rows; ++i) {
      const double centre = x[i] + middle[i] * inverse, deviation = std::sqrt(variance_of(middle[i], upper[i], inverse));
      upper[i] = centre + deviation * above, middle[i] = centre, lower[i] = centre - deviation * below;
    }
  });
  for (int o = 0; o < 3; ++o) begun(call.outputs[o], count - 1, price);
}

/// An average, and `nbdevup` standard deviations (around the plain mean) above and `nbdevdn` below it.
void bollinger_bands(const Call& call) {
  const Series price = input(call, 0);
  const int64_t rows = whole(call, 0), first = bollinger_lookback(call.params);
  const Average type = average_type(call.params[3]);
  if (type == Average::sma && is_composed(price, rows)) return plain_bollinger_bands(call);
  double *upper = call.outputs[0], *middle = call.outputs[1], *lower = call.outputs[2];
  average(price, rows, type, call.scratch, middle);
  variance(from(price, first - (rows - 1)), rows, call.scratch[0], upper);
  const double above = call.params[1], below = call.params[2];
  HAYATE_INDEPENDENT
  for (int64_t row = first; row < call.rows; ++row) {
    const double deviation = std::sqrt(upper[row]);
    upper[row] = middle[row] + deviation * above;
    lower[row] = middle[row] - deviation * below;
  }
  begun(middle, first, price), begun(lower, first, price);
}

/// The highest high, the lowest low, and half-way between.
void donchian(const Call& call) {
  double *upper = call.outputs[0], *middle = call.outputs[1], *lower = call.outputs[2];
  const Series highest = tracked_largest(input(call, 0), whole(call, 0), upper);
  tracked_smallest(input(call, 1), whole(call, 0), lower);
  for (int64_t row = highest.begin; row < call.rows; ++row) middle[row] = (upper[row] + lower[row]) / 2;
  begun(middle, highest.begin, highest);
}

void midpoint(const Call& call) {
  const Series highest = largest(input(call, 0), whole(call, 0), call.outputs[0]);
  const Series lowest = smallest(input(call, 0), whole(call, 0), call.scratch[0]);
  for (int64_t row = highest.begin; row < call.rows; ++row) call.outputs[0][row] = (highest[row] + lowest[row]) / 2;
}

void midprice(const Call& call) {
  const Series highest = largest(input(call, 0), whole(call, 0), call.outputs[0]);
  const Series lowest = smallest(input(call, 1), whole(call, 0), call.scratch[0]);
  for (int64_t row = highest.begin; row < call.rows; ++row) call.outputs[0][row] = (highest[row] + lowest[row]) / 2;
}

/// The exponential mean of the typical price, and `nbdev` average true ranges to both sides; both begun in the same row.
int64_t keltner_lookback(const double* params) {
  const double centre = params[0] - 1, range = params[1];
  return static_cast<int64_t>(centre > range ? centre : range);
}

// ---- stops ------------------------------------------------------------------------------------------------------------

// clang-format off
constexpr Entry kFunctions[] = {
    {.name = "ACCBANDS", .group = kGroup, .title = "Acceleration bands", .inputs = {"high", "low", "close"}, .params = {period("timeperiod", 20, 2)},
     .outputs = {"upperband", "middleband", "lowerband"}, .scratch = 2, .lookback = period_lookback<-1>, .compute = acceleration_bands},
    {.name = "BBANDS", .group = kGroup, .title = "Bollinger bands", .inputs = {"real"},
     .params = {period("timeperiod", 20, 2), real("nbdevup", 2), real("nbdevdn", 2), matype("matype", 0)},
     .outputs = {"upperband", "middleband", "lowerband"}, .scratch = kAverageScratch, .lookback = bollinger_lookback, .compute = bollinger_bands,
     .tiles = LaneFunction::bbands},
    {.name = "DEMA", .group = kGroup, .title = "Double exponential moving average", .inputs = {"real"}, .params = {period("timeperiod", 30, 1)},
     .outputs = {"real"}, .recursive = true, .lookback = lookback_of_type<Average::dema>,
     .lanes = LaneFunction::dema},
    {.name = "DONCHIAN", .group = kGroup, .title = "Donchian channels", .inputs = {"high", "low"}, .params = {period("timeperiod", 20, 2)},
     .outputs = {"upperband", "middleband", "lowerband"}, .lookback = period_lookback<-1>, .compute = donchian},
    {.name = "EMA", .group = kGroup, .title = "Exponential moving average", .inputs = {"real"}, .params = {period("timeperiod", 30, 1)},
     .outputs = {"real"}, .recursive = true, .lookback = lookback_of_type<Average::ema>, .lanes = LaneFunction::ema},
    {.name = "HMA", .group = kGroup, .title = "Hull moving average", .inputs = {"real"}, .params = {period("timeperiod", 20, 1)},
     .outputs = {"real"}, .scratch = kAverageScratch, .lookback = lookback_of_type<Average::hma>, .compute = average_of_type<Average::hma>},
    {.name = "HT_TRENDLINE", .group = kGroup, .title = "Instantaneous trendline by the Hilbert transform", .inputs = {"real"}, .outputs = {"real"},
     .recursive = true, .lookback = fixed_lookback<63>, .lanes = LaneFunction::ht_trendline},
    {.name = "KAMA", .group = kGroup, .title = "Kaufman adaptive moving average", .inputs = {"real"}, .params = {period("timeperiod", 30, 1)},
     .outputs = {"real"}, .recursive = true, .lookback = lookback_of_type<Average::kama>,
     .lanes = LaneFunction::kama},
    {.name = "KC", .group = kGroup, .title = "Keltner channels", .inputs = {"high", "low", "close"},
     .params = {period("timeperiod", 20, 2), period("atrperiod", 10, 1), real("nbdev", 2)}, .outputs = {"upperband", "middleband", "lowerband"},
     .recursive = true, .lookback = keltner_lookback, .lanes = LaneFunction::kc},
    {.name = "MA", .group = kGroup, .title = "Moving average of any type", .inputs = {"real"},
     .params = {period("timeperiod", 30, 1), matype("matype", 0)}, .outputs = {"real"}, .scratch = kAverageScratch, .lookback = any_average_lookback,
     .compute = any_average, .tiles = LaneFunction::ma},
    {.name = "MAMA", .group = kGroup, .title = "MESA adaptive moving average", .inputs = {"real"},
     .params = {real("fastlimit", 0.5, 0.01, 0.99), real("slowlimit", 0.05, 0.01, 0.99)}, .outputs = {"mama", "fama"}, .recursive = true,
     .lookback = fixed_lookback<Mama::kLookback>, .lanes = LaneFunction::mama},
    {.name = "MAVP", .group = kGroup, .title = "Moving average with a period per row", .inputs = {"real", "periods"},
     .params = {period("minperiod", 2, 1), period("maxperiod", 30, 1), matype("matype", 0)}, .outputs = {"real"}, .scratch = 2 + kAverageScratch,
     .lookback = variable_period_lookback, .compute = variable_period},
    {.name = "MIDPOINT", .group = kGroup, .title = "Middle between the largest and smallest value", .inputs = {"real"},
     .params = {period("timeperiod", 14, 2)}, .outputs = {"real"}, .scratch = 1, .lookback = period_lookback<-1>, .compute = midpoint},
    {.name = "MIDPRICE", .group = kGroup, .title = "Middle between the highest high and the lowest low", .inputs = {"high", "low"},
     .params = {period("timeperiod", 14, 2)}, .outputs = {"real"}, .scratch = 1, .lookback = period_lookback<-1>, .compute = midprice},
    {.name = "RMA", .group = kGroup, .title = "Wilder's smoothed moving average", .inputs = {"real"}, .params = {period("timeperiod", 30, 1)},
     .outputs = {"real"}, .recursive = true, .lookback = lookback_of_type<Average::rma>, .lanes = LaneFunction::rma},
    {.name = "SAR", .group = kGroup, .title = "Wilder's parabolic stop and reverse", .inputs = {"high", "low"},
     .params = {real("acceleration", 0.02, 0, kHuge), real("maximum", 0.2, 0, kHuge)}, .outputs = {"real"}, .recursive = true,
     .lookback = fixed_lookback<1>, .lanes = LaneFunction::sar},
    {.name = "SAREXT", .group = kGroup, .title = "Parabolic stop with a pace per direction; negative in falling trends", .inputs = {"high", "low"},
     .params = {real("startvalue", 0), real("offsetonreverse", 0, 0, kHuge), real("accelerationinitlong", 0.02, 0, kHuge),
                real("accelerationlong", 0.02, 0, kHuge), real("accelerationmaxlong", 0.2, 0, kHuge), real("accelerationinitshort", 0.02, 0, kHuge),
                real("accelerationshort", 0.02, 0, kHuge), real("accelerationmaxshort", 0.2, 0, kHuge)}, .outputs = {"real"}, .recursive = true,
     .lookback = fixed_lookback<1>, .lanes = LaneFunction::sarext},
    {.name = "SMA", .group = kGroup, .title = "Simple moving average", .inputs = {"real"}, .params = {period("timeperiod", 30, 1)},
     .outputs = {"real"}, .scratch = kAverageScratch, .lookback = lookback_of_type<Average::sma>, .compute = simple_average,
     .tiles = LaneFunction::sma},
    {.name = "SUPERTREND", .group = kGroup, .title = "Supertrend: stop line, and 1 or -1 for the trend", .inputs = {"high", "low", "close"},
     .params = {period("timeperiod", 10, 2), real("multiplier", 3, 0, kHuge)}, .outputs = {"supertrend", "trend"}, .whole_output = 1, .recursive = true,
     .lookback = period_lookback<0>, .lanes = LaneFunction::supertrend},
    {.name = "T3", .group = kGroup, .title = "Triple generalised double exponential moving average", .inputs = {"real"},
     .params = {period("timeperiod", 5, 1), real("vfactor", 0.7, 0, 1)}, .outputs = {"real"}, .recursive = true,
     .lookback = lookback_of_type<Average::t3>, .lanes = LaneFunction::t3},
    {.name = "TEMA", .group = kGroup, .title = "Triple exponential moving average", .inputs = {"real"}, .params = {period("timeperiod", 30, 1)},
     .outputs = {"real"}, .recursive = true, .lookback = lookback_of_type<Average::tema>,
     .lanes = LaneFunction::tema},
    {.name = "TRIMA", .group = kGroup, .title = "Triangular moving average", .inputs = {"real"}, .params = {period("timeperiod", 30, 1)},
     .outputs = {"real"}, .scratch = kAverageScratch, .lookback = lookback_of_type<Average::trima>, .compute = triangular_average},
    {.name = "VWMA", .group = kGroup, .title = "Volume-weighted moving average", .inputs = {"real", "volume"},
     .params = {period("timeperiod", 30, 1)}, .outputs = {"real"}, .scratch = 1, .lookback = period_lookback<-1>, .compute = vwma},
    {.name = "WMA", .group = kGroup, .title = "Linearly weighted moving average", .inputs = {"real"}, .params = {period("timeperiod", 30, 1)},
     .outputs = {"real"}, .scratch = kAverageScratch, .lookback = lookback_of_type<Average::wma>, .compute = average_of_type<Average::wma>},
    {.name = "ZLEMA", .group = kGroup, .title = "Zero-lag exponential moving average", .inputs = {"real"}, .params = {period("timeperiod", 30, 1)},
     .outputs = {"real"}, .recursive = true, .lookback = lookback_of_type<Average::zlema>,
     .lanes = LaneFunction::zlema},
};
// clang-format on

}  // namespace

extern const std::span<const Entry> kOverlapFunctions;
constexpr std::span<const Entry> kOverlapFunctions = kFunctions;

HAYATE_TA_END
