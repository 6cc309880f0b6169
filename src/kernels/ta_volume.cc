// Volume indicators. Most of them add up one number a bar from the first bar on (`cumulative`): their values have a meaning
// only against each other.
#include <cmath>

#include "kernels/ta_average.h"
#include "kernels/ta_formulas.h"
#include "kernels/ta_table.h"

HAYATE_TA_BEGIN
namespace {

int64_t shorter_period(const double* params) { return static_cast<int64_t>(params[0] < params[1] ? params[0] : params[1]); }
int64_t longer_period(const double* params) { return static_cast<int64_t>(params[0] < params[1] ? params[1] : params[0]); }

// 0 where there is nothing to divide by.
double ratio(double above, double below) { return below == 0 ? 0 : above / below; }

// Volume signed by where in the bar it closed: from -volume at the low to +volume at the high. (M. Chaikin.)
struct MoneyFlow {
  const double *high, *low, *close, *volume;

  explicit MoneyFlow(const Call& call) : high(call.inputs[0]), low(call.inputs[1]), close(call.inputs[2]), volume(call.inputs[3]) {}
  double operator()(int64_t row) const {
    const double range = high[row] - low[row];
    return range > 0 ? ((close[row] - low[row]) - (high[row] - close[row])) / range * volume[row] : 0;
  }
};

void money_flow(const Call& call) {
  const Series volume = input(call, 3);
  double *out = call.outputs[0], *volumes = call.scratch[0];
  const Series flows = sum_of(volume, whole(call, 0), MoneyFlow(call), out);
  sum(volume, whole(call, 0), volumes);
  for (int64_t row = flows.begin; row < call.rows; ++row) out[row] = volumes[row] > 0 ? out[row] / volumes[row] : 0;
}

void facilitation(const Call& call) {
  const double *high = call.inputs[0], *low = call.inputs[1], *volume = call.inputs[2];
  for (int64_t row = 0; row < call.rows; ++row) call.outputs[0][row] = ratio(high[row] - low[row], volume[row]);
}

// 100 (fast - slow) / slow. The periods may come in either order.
void volume_oscillator(const Call& call) {
  const Series volume = input(call, 0);
  const Average type = average_type(call.params[2], Average::ema);
  double *fast = call.outputs[0], *slow = call.scratch[0], *const *scratch = call.scratch + 1;
  average(volume, shorter_period(call.params), type, scratch, fast);
  const Series both = average(volume, longer_period(call.params), type, scratch, slow);
  for (int64_t row = both.begin; row < call.rows; ++row) fast[row] = percent_apart(fast[row], slow[row]);
  begun(fast, both.begin, volume);
}

// Volume over the mean volume of the bars before.
void relative_volume(const Call& call) {
  const Series volume = input(call, 0);
  double *out = call.outputs[0], *means = call.scratch[0];
  const int64_t period = whole(call, 0);
  mean(volume, period, means);
  for (int64_t row = period; row < call.rows; ++row) out[row] = volume[row] / means[row - 1];
  begun(out, period, volume);
}

int64_t longer_window(const double* params) { return longer_period(params) - 1; }
int64_t oscillator(const double* params) { return average_lookback(longer_period(params), average_type(params[2], Average::ema)); }

constexpr const char* kGroup = "Volume Indicators";

// clang-format off
constexpr Entry kFunctions[] = {
    {.name = "AD", .group = kGroup, .title = "Chaikin A/D Line", .inputs = {"high", "low", "close", "volume"}, .outputs = {"real"},
     .cumulative = true, .lookback = fixed_lookback<0>, .lanes = LaneFunction::ad},
    {.name = "ADOSC", .group = kGroup, .title = "Chaikin A/D Oscillator", .inputs = {"high", "low", "close", "volume"},
     .params = {period("fastperiod", 3, 2), period("slowperiod", 10, 2)}, .outputs = {"real"}, .cumulative = true, .lookback = longer_window,
     .lanes = LaneFunction::adosc},
    {.name = "CMF", .group = kGroup, .title = "Chaikin Money Flow", .inputs = {"high", "low", "close", "volume"},
     .params = {period("timeperiod", 20, 2)}, .outputs = {"real"}, .scratch = 1, .lookback = period_lookback<-1>, .compute = money_flow},
    {.name = "EFI", .group = kGroup, .title = "Elder's Force Index", .inputs = {"close", "volume"}, .params = {period("timeperiod", 13, 1)},
     .outputs = {"real"}, .recursive = true, .lookback = period_lookback<0>, .lanes = LaneFunction::efi},
    {.name = "MARKETFI", .group = kGroup, .title = "Market Facilitation Index", .inputs = {"high", "low", "volume"}, .outputs = {"real"},
     .lookback = fixed_lookback<0>, .compute = facilitation},
    {.name = "NVI", .group = kGroup, .title = "Negative Volume Index", .inputs = {"close", "volume"}, .outputs = {"real"}, .cumulative = true,
     .lookback = fixed_lookback<0>, .lanes = LaneFunction::nvi},
    {.name = "OBV", .group = kGroup, .title = "On Balance Volume", .inputs = {"real", "volume"}, .outputs = {"real"}, .cumulative = true,
     .lookback = fixed_lookback<0>, .lanes = LaneFunction::obv},
    {.name = "PVI", .group = kGroup, .title = "Positive Volume Index", .inputs = {"close", "volume"}, .outputs = {"real"}, .cumulative = true,
     .lookback = fixed_lookback<0>, .lanes = LaneFunction::pvi},
    {.name = "PVO", .group = kGroup, .title = "Percentage Volume Oscillator", .inputs = {"volume"},
     .params = {period("fastperiod", 12, 2), period("slowperiod", 26, 2), matype("matype", 1)}, .outputs = {"real"}, .recursive = true, .scratch = 1 + kAverageScratch,
     .lookback = oscillator, .compute = volume_oscillator, .tiles = LaneFunction::pvo_any, .lanes = LaneFunction::pvo, .lanes_matype = 2},
    {.name = "PVT", .group = kGroup, .title = "Price Volume Trend", .inputs = {"close", "volume"}, .outputs = {"real"}, .cumulative = true,
     .lookback = fixed_lookback<0>, .lanes = LaneFunction::pvt},
    {.name = "RVOL", .group = kGroup, .title = "Relative Volume", .inputs = {"volume"}, .params = {period("timeperiod", 20, 1)}, .outputs = {"real"},
     .scratch = 1, .lookback = period_lookback<0>, .compute = relative_volume},
    {.name = "VWAP", .group = kGroup, .title = "Volume Weighted Average Price", .inputs = {"high", "low", "close", "volume"}, .outputs = {"real"},
     .cumulative = true, .lookback = fixed_lookback<0>, .lanes = LaneFunction::vwap},
};
// clang-format on

}  // namespace

extern const std::span<const Entry> kVolumeFunctions;
constexpr std::span<const Entry> kVolumeFunctions = kFunctions;

HAYATE_TA_END
