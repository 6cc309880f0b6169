// Price Transform: one price out of the four of a bar, and the mean distance of a price from its mean.
#include <cmath>

#include "kernels/ta_series.h"
#include "kernels/ta_table.h"

HAYATE_TA_BEGIN
namespace {

// M. D. (mean deviation) as in the CCI: the mean distance of the window's values from their mean.
void average_deviation(const Call& call) { mean_distance(input(call, 0), whole(call, 0), call.scratch[0], call.outputs[0]); }

void average_price(const Call& call) {
  const double *open = call.inputs[0], *high = call.inputs[1], *low = call.inputs[2], *close = call.inputs[3];
  for (int64_t row = 0; row < call.rows; ++row) call.outputs[0][row] = (high[row] + low[row] + close[row] + open[row]) / 4;
}

void median_price(const Call& call) {
  const double *high = call.inputs[0], *low = call.inputs[1];
  for (int64_t row = 0; row < call.rows; ++row) call.outputs[0][row] = (high[row] + low[row]) / 2.0;
}

void typical_price(const Call& call) {
  const double *high = call.inputs[0], *low = call.inputs[1], *close = call.inputs[2];
  for (int64_t row = 0; row < call.rows; ++row) call.outputs[0][row] = (high[row] + low[row] + close[row]) / 3.0;
}

void weighted_close(const Call& call) {
  const double *high = call.inputs[0], *low = call.inputs[1], *close = call.inputs[2];
  for (int64_t row = 0; row < call.rows; ++row) call.outputs[0][row] = (high[row] + low[row] + close[row] * 2.0) / 4.0;
}

// The second only where it beats the first, so never a missing second.
double larger(double a, double b) { return b > a ? b : a; }
double smaller(double a, double b) { return b < a ? b : a; }

// Heikin-Ashi: the close is the mean of the bar, the open the middle of the body before.
void heikin_ashi(const Call& call) {
  const double *open = call.inputs[0], *high = call.inputs[1], *low = call.inputs[2], *close = call.inputs[3];
  double *ha_open = call.outputs[0], *ha_high = call.outputs[1], *ha_low = call.outputs[2], *ha_close = call.outputs[3];
  for (int64_t row = 0; row < call.rows; ++row) {
    ha_close[row] = (open[row] + high[row] + low[row] + close[row]) / 4;
    ha_open[row] = row == 0 ? (open[row] + close[row]) / 2 : (ha_open[row - 1] + ha_close[row - 1]) / 2;
    ha_high[row] = larger(larger(high[row], ha_open[row]), ha_close[row]);
    ha_low[row] = smaller(smaller(low[row], ha_open[row]), ha_close[row]);
  }
}

constexpr const char* kGroup = "Price Transform";

// clang-format off
constexpr Entry kFunctions[] = {
    {.name = "AVGDEV", .group = kGroup, .title = "Average Deviation", .inputs = {"real"}, .params = {period("timeperiod", 14, 2)},
     .outputs = {"real"}, .scratch = 1, .lookback = period_lookback<-1>, .compute = average_deviation},
    {.name = "AVGPRICE", .group = kGroup, .title = "Average Price", .inputs = {"open", "high", "low", "close"}, .outputs = {"real"},
     .lookback = fixed_lookback<0>, .compute = average_price},
    {.name = "HA", .group = kGroup, .title = "Heikin-Ashi Candles", .inputs = {"open", "high", "low", "close"},
     .outputs = {"haopen", "hahigh", "halow", "haclose"}, .recursive = true, .lookback = fixed_lookback<0>, .compute = heikin_ashi},
    {.name = "MEDPRICE", .group = kGroup, .title = "Median Price", .inputs = {"high", "low"}, .outputs = {"real"}, .lookback = fixed_lookback<0>,
     .compute = median_price},
    {.name = "TYPPRICE", .group = kGroup, .title = "Typical Price", .inputs = {"high", "low", "close"}, .outputs = {"real"},
     .lookback = fixed_lookback<0>, .compute = typical_price},
    {.name = "WCLPRICE", .group = kGroup, .title = "Weighted Close Price", .inputs = {"high", "low", "close"}, .outputs = {"real"},
     .lookback = fixed_lookback<0>, .compute = weighted_close},
};
// clang-format on

}  // namespace

extern const std::span<const Entry> kPriceFunctions;
constexpr std::span<const Entry> kPriceFunctions = kFunctions;

HAYATE_TA_END
