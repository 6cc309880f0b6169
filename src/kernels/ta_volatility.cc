// Volatility indicators: how far prices range within and between bars.
#include <cmath>

#include "kernels/ta_formulas.h"
#include "kernels/ta_series.h"
#include "kernels/ta_table.h"

HAYATE_TA_BEGIN
namespace {

Series day_range(const Call& call, double* out) {
  for (int64_t row = 0; row < call.rows; ++row) out[row] = call.inputs[0][row] - call.inputs[1][row];
  return {out, 0, call.rows, call.exact};
}

void average_day_range(const Call& call) { mean(day_range(call, call.scratch[0]), whole(call, 0), call.outputs[0]); }

void true_range(const Call& call) { true_range(input(call, 0), input(call, 1), input(call, 2), call.outputs[0]); }

// Sum of the exponential mean of high - low over the mean of that mean. (D. Dorsey.)
void mass_index(const Call& call) {
  double *once = call.scratch[0], *twice = call.scratch[1];
  const Series first = exponential_mean(day_range(call, once), whole(call, 0), once), second = exponential_mean(first, whole(call, 0), twice);
  sum_of(second, whole(call, 1), [&](int64_t row) { return mass_ratio(once[row], twice[row]); }, call.outputs[0]);
}

// The share of days that closed higher, each weighted by the deviation of the closes up to it. (D. Dorsey, 1993.)
void relative_volatility(const Call& call) {
  const Series close = input(call, 0);
  double *up = call.outputs[0], *down = call.scratch[0];
  const Series squares = variance(close, whole(call, 1), call.scratch[1], up);
  for (int64_t row = squares.begin; row < call.rows; ++row) {
    const double deviation = std::sqrt(up[row]), change = close[row] - close[row - 1];
    up[row] = change > 0 ? deviation : 0;
    down[row] = change < 0 ? deviation : 0;
  }
  const Series ups = wilder_mean(squares, whole(call, 0), up);
  wilder_mean({down, squares.begin, call.rows, call.exact}, whole(call, 0), down);
  for (int64_t row = ups.begin; row < call.rows; ++row) up[row] = share_of_ups(up[row], down[row]);
}

int64_t window_and_step(const double* params) { return static_cast<int64_t>(params[0] + params[1]) - 1; }
int64_t three_windows(const double* params) { return static_cast<int64_t>(2 * (params[0] - 1) + params[1] - 1); }
int64_t two_windows(const double* params) { return static_cast<int64_t>(params[0] + params[1]) - 2; }

constexpr const char* kGroup = "Volatility Indicators";

// clang-format off
constexpr Entry kFunctions[] = {
    {.name = "ADR", .group = kGroup, .title = "Average Day Range", .inputs = {"high", "low"}, .params = {period("timeperiod", 14, 1)},
     .outputs = {"real"}, .scratch = 1, .lookback = period_lookback<-1>, .compute = average_day_range},
    {.name = "ATR", .group = kGroup, .title = "Average True Range", .inputs = {"high", "low", "close"}, .params = {period("timeperiod", 14, 1)},
     .outputs = {"real"}, .recursive = true, .lookback = period_lookback<0>, .lanes = LaneFunction::atr},
    {.name = "CVI", .group = kGroup, .title = "Chaikin's Volatility", .inputs = {"high", "low"},
     .params = {period("timeperiod", 10, 2), period("rocperiod", 10, 1)}, .outputs = {"real"}, .recursive = true, .lookback = window_and_step,
     .lanes = LaneFunction::cvi},
    {.name = "MASSI", .group = kGroup, .title = "Mass Index", .inputs = {"high", "low"},
     .params = {period("fastperiod", 9, 2), period("slowperiod", 25, 2)}, .outputs = {"real"}, .recursive = true, .scratch = 2, .lookback = three_windows,
     .compute = mass_index, .tiles = LaneFunction::massi},
    {.name = "NATR", .group = kGroup, .title = "Normalized Average True Range", .inputs = {"high", "low", "close"},
     .params = {period("timeperiod", 14, 1)}, .outputs = {"real"}, .recursive = true, .lookback = period_lookback<0>, .lanes = LaneFunction::natr},
    {.name = "RVI", .group = kGroup, .title = "Relative Volatility Index", .inputs = {"real"},
     .params = {period("timeperiod", 14, 1), period("stddevperiod", 10, 2)}, .outputs = {"real"}, .recursive = true, .scratch = 2,
     .lookback = two_windows, .compute = relative_volatility, .tiles = LaneFunction::rvi},
    {.name = "TRANGE", .group = kGroup, .title = "True Range", .inputs = {"high", "low", "close"}, .outputs = {"real"}, .lookback = fixed_lookback<1>,
     .compute = true_range},
};
// clang-format on

}  // namespace

extern const std::span<const Entry> kVolatilityFunctions;
constexpr std::span<const Entry> kVolatilityFunctions = kFunctions;

HAYATE_TA_END
