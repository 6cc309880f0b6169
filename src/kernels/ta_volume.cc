// Volume indicators. Most of them add up one number a bar from the first bar on (`cumulative`): their values have a meaning
// only against each other.
#include <cmath>

#include "kernels/ta_average.h"
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

void accumulation(const Call& call) {
  const MoneyFlow flow(call);
  double total = 0;
  for (int64_t row = 0; row < call.rows; ++row) call.outputs[0][row] = total += flow(row);
}

// Fast minus slow exponential mean of the accumulation line; both begin with its first value, not with a mean.
void accumulation_oscillator(const Call& call) {
  const MoneyFlow flow(call);
  const double fast_weight = 2 / (call.params[0] + 1), slow_weight = 2 / (call.params[1] + 1);
  double total = 0, fast = 0, slow = 0;
  for (int64_t row = 0; row < call.rows; ++row) {
    total += flow(row);
    fast = row == 0 ? total : fast_weight * total + (1 - fast_weight) * fast;
    slow = row == 0 ? total : slow_weight * total + (1 - slow_weight) * slow;
    call.outputs[0][row] = fast - slow;
  }
  begun(call.outputs[0], longer_period(call.params) - 1, input(call, 0));
}

void money_flow(const Call& call) {
  const Series volume = input(call, 3);
  double *out = call.outputs[0], *volumes = call.scratch[0];
  const Series flows = sum_of(volume, whole(call, 0), MoneyFlow(call), out);
  sum(volume, whole(call, 0), volumes);
  for (int64_t row = flows.begin; row < call.rows; ++row) out[row] = volumes[row] > 0 ? out[row] / volumes[row] : 0;
}

// Exponential mean of the change of close times the volume. (A. Elder.)
void force(const Call& call) {
  const double *close = call.inputs[0], *volume = call.inputs[1];
  double* out = call.outputs[0];
  for (int64_t row = 1; row < call.rows; ++row) out[row] = (close[row] - close[row - 1]) * volume[row];
  const Series raw = begun(out, 1, input(call, 0));
  if (whole(call, 0) > 1) exponential_mean(raw, whole(call, 0), out);
}

void facilitation(const Call& call) {
  const double *high = call.inputs[0], *low = call.inputs[1], *volume = call.inputs[2];
  for (int64_t row = 0; row < call.rows; ++row) call.outputs[0][row] = ratio(high[row] - low[row], volume[row]);
}

double relative_change(const double* x, int64_t row) { return x[row - 1] == 0 ? 0 : (x[row] - x[row - 1]) / x[row - 1]; }

// An index from 1000 that follows the price on days whose volume fell (NVI) or rose (PVI), but not into missing prices.
// (P. Dysart, N. Fosback.)
template <bool rising>
void volume_index(const Call& call) {
  const double *close = call.inputs[0], *volume = call.inputs[1];
  double index = 1000;
  for (int64_t row = 0; row < call.rows; ++row) {
    const bool counts = row > 0 && (rising ? volume[row] > volume[row - 1] : volume[row] < volume[row - 1]);
    const double change = counts ? relative_change(close, row) : 0;
    if (!std::isnan(change)) index += index * change;
    call.outputs[0][row] = index;
  }
}

void price_volume_trend(const Call& call) {
  double total = 0;
  for (int64_t row = 0; row < call.rows; ++row) {
    if (row > 0) total += relative_change(call.inputs[0], row) * call.inputs[1][row];
    call.outputs[0][row] = total;
  }
}

// 100 (fast - slow) / slow. The periods may come in either order.
void volume_oscillator(const Call& call) {
  const Series volume = input(call, 0);
  const Average type = average_type(call.params[2], Average::ema);
  double *fast = call.outputs[0], *slow = call.scratch[0], *const *scratch = call.scratch + 1;
  average(volume, shorter_period(call.params), type, scratch, fast);
  const Series both = average(volume, longer_period(call.params), type, scratch, slow);
  for (int64_t row = both.begin; row < call.rows; ++row) fast[row] = ratio(fast[row] - slow[row], slow[row]) * 100;
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

// Since the first bar, not since the start of a day.
void weighted_price(const Call& call) {
  const double *high = call.inputs[0], *low = call.inputs[1], *close = call.inputs[2], *volume = call.inputs[3];
  double paid = 0, traded = 0;
  for (int64_t row = 0; row < call.rows; ++row) {
    const double money = (high[row] + low[row] + close[row]) / 3 * volume[row];
    if (!std::isnan(money)) paid += money, traded += volume[row];
    call.outputs[0][row] = ratio(paid, traded);
  }
}

int64_t longer_window(const double* params) { return longer_period(params) - 1; }
int64_t oscillator(const double* params) { return average_lookback(longer_period(params), average_type(params[2], Average::ema)); }

constexpr const char* kGroup = "Volume Indicators";

// clang-format off
constexpr Entry kFunctions[] = {
    {.name = "AD", .group = kGroup, .title = "Chaikin A/D Line", .inputs = {"high", "low", "close", "volume"}, .outputs = {"real"},
     .cumulative = true, .lookback = fixed_lookback<0>, .compute = accumulation},
    {.name = "ADOSC", .group = kGroup, .title = "Chaikin A/D Oscillator", .inputs = {"high", "low", "close", "volume"},
     .params = {period("fastperiod", 3, 2), period("slowperiod", 10, 2)}, .outputs = {"real"}, .cumulative = true, .lookback = longer_window,
     .compute = accumulation_oscillator},
    {.name = "CMF", .group = kGroup, .title = "Chaikin Money Flow", .inputs = {"high", "low", "close", "volume"},
     .params = {period("timeperiod", 20, 2)}, .outputs = {"real"}, .scratch = 1, .lookback = period_lookback<-1>, .compute = money_flow},
    {.name = "EFI", .group = kGroup, .title = "Elder's Force Index", .inputs = {"close", "volume"}, .params = {period("timeperiod", 13, 1)},
     .outputs = {"real"}, .recursive = true, .lookback = period_lookback<0>, .compute = force},
    {.name = "MARKETFI", .group = kGroup, .title = "Market Facilitation Index", .inputs = {"high", "low", "volume"}, .outputs = {"real"},
     .lookback = fixed_lookback<0>, .compute = facilitation},
    {.name = "NVI", .group = kGroup, .title = "Negative Volume Index", .inputs = {"close", "volume"}, .outputs = {"real"}, .cumulative = true,
     .lookback = fixed_lookback<0>, .compute = volume_index<false>},
    {.name = "OBV", .group = kGroup, .title = "On Balance Volume", .inputs = {"real", "volume"}, .outputs = {"real"}, .cumulative = true,
     .lookback = fixed_lookback<0>, .lanes = LaneFunction::obv},
    {.name = "PVI", .group = kGroup, .title = "Positive Volume Index", .inputs = {"close", "volume"}, .outputs = {"real"}, .cumulative = true,
     .lookback = fixed_lookback<0>, .compute = volume_index<true>},
    {.name = "PVO", .group = kGroup, .title = "Percentage Volume Oscillator", .inputs = {"volume"},
     .params = {period("fastperiod", 12, 2), period("slowperiod", 26, 2), matype("matype", 1)}, .outputs = {"real"}, .recursive = true, .scratch = 1 + kAverageScratch,
     .lookback = oscillator, .compute = volume_oscillator},
    {.name = "PVT", .group = kGroup, .title = "Price Volume Trend", .inputs = {"close", "volume"}, .outputs = {"real"}, .cumulative = true,
     .lookback = fixed_lookback<0>, .compute = price_volume_trend},
    {.name = "RVOL", .group = kGroup, .title = "Relative Volume", .inputs = {"volume"}, .params = {period("timeperiod", 20, 1)}, .outputs = {"real"},
     .scratch = 1, .lookback = period_lookback<0>, .compute = relative_volume},
    {.name = "VWAP", .group = kGroup, .title = "Volume Weighted Average Price", .inputs = {"high", "low", "close", "volume"}, .outputs = {"real"},
     .cumulative = true, .lookback = fixed_lookback<0>, .compute = weighted_price},
};
// clang-format on

}  // namespace

extern const std::span<const Entry> kVolumeFunctions;
constexpr std::span<const Entry> kVolumeFunctions = kFunctions;

HAYATE_TA_END
