// TA-Lib's group Momentum Indicators: how fast, how far and how steadily a price moves.
//
// What divides by a sum of movements or of ranges gives 0 where that sum is 0 (or NaN, with `exact`), as TA-Lib does;
// exceptions are said where they are.
#include <cmath>

#include "kernels/ta.h"
#include "kernels/ta_average.h"
#include "kernels/ta_formulas.h"
#include "kernels/ta_series.h"
#include "kernels/ta_table.h"

HAYATE_TA_BEGIN

namespace {

constexpr const char* kGroup = "Momentum Indicators";

Series series(const double* values, const Call& call) { return {values, 0, call.rows, call.exact}; }

// ---- one price against an earlier one ---------------------------------------------------------------------------------

/// change(newest, before), 0 where the price before is 0.
template <class Change>
void against_before(const Call& call, Change change) {
  const Series x = input(call, 0);
  const int64_t period = whole(call, 0);
  for (int64_t row = period; row < call.rows; ++row) call.outputs[0][row] = x[row - period] != 0 ? change(x[row], x[row - period]) : 0;
  begun(call.outputs[0], period, x);
}

double percent_change(double newest, double before) { return (newest / before - 1) * 100; }

void mom(const Call& call) {
  const Series x = input(call, 0);
  const int64_t period = whole(call, 0);
  for (int64_t row = period; row < call.rows; ++row) call.outputs[0][row] = x[row] - x[row - period];
  begun(call.outputs[0], period, x);
}
void roc(const Call& call) { against_before(call, percent_change); }
void rocp(const Call& call) {
  against_before(call, [](double newest, double before) { return (newest - before) / before; });
}
void rocr(const Call& call) {
  against_before(call, [](double newest, double before) { return newest / before; });
}
void rocr100(const Call& call) {
  against_before(call, [](double newest, double before) { return newest / before * 100; });
}

/// Weighted mean of the sum of two rates of change. (E. Coppock, 1962.)
void coppock(const Call& call) {
  const Series x = input(call, 0);
  const int64_t one = whole(call, 1), other = whole(call, 2), longer = one > other ? one : other;
  const auto change = [x](int64_t row, int64_t period) { return x[row - period] != 0 ? percent_change(x[row], x[row - period]) : 0; };
  for (int64_t row = longer; row < call.rows; ++row) call.scratch[0][row] = change(row, one) + change(row, other);
  weighted_mean(from(series(call.scratch[0], call), longer), whole(call, 0), call.outputs[0]);
}

int64_t coppock_lookback(const double* params) { return static_cast<int64_t>((params[1] > params[2] ? params[1] : params[2]) + params[0]) - 1; }

/// The price of half a period (and one row) ago minus the mean of the period.
int64_t dpo_shift(double period) { return static_cast<int64_t>(period) / 2 + 1; }

int64_t dpo_lookback(const double* params) {
  const int64_t of_mean = static_cast<int64_t>(params[0]) - 1, of_price = dpo_shift(params[0]);
  return of_mean > of_price ? of_mean : of_price;
}

void dpo(const Call& call) {
  const Series x = input(call, 0);
  const int64_t first = dpo_lookback(call.params), shift = dpo_shift(call.params[0]);
  const Series centre = mean(from(x, first - whole(call, 0) + 1), whole(call, 0), call.scratch[0]);
  for (int64_t row = first; row < call.rows; ++row) call.outputs[0][row] = x[row - shift] - centre[row];
  begun(call.outputs[0], first, x);
}

/// How far the price is, in percent, from where the line through the `period` rows before it pointed. (T. Chande.)
void fosc(const Call& call) {
  const Series x = input(call, 0);
  const Series line = regression(x, whole(call, 0), call.scratch[0], call.scratch[1]);
  for (int64_t row = line.begin + 1; row < call.rows; ++row) {
    const double forecast = line[row - 1] + call.scratch[0][row - 1];
    call.outputs[0][row] = x[row] != 0 ? 100 * (x[row] - forecast) / x[row] : 0;
  }
  begun(call.outputs[0], line.begin + 1, x);
}

// ---- two averages -----------------------------------------------------------------------------------------------------

void median_prices(const Call& call, double* out) {
  for (int64_t row = 0; row < call.rows; ++row) out[row] = (call.inputs[0][row] + call.inputs[1][row]) / 2;
}

struct FastAndSlow {
  Series fast, slow;
};

struct Smoothing {
  int64_t period;
  Average type;
};

/// Two averages that have their first value in the same row: the one that needs fewer rows begins later.
FastAndSlow fast_and_slow(Series x, Smoothing fast, Smoothing slow, double* const* scratch, double* fast_out, double* slow_out) {
  if (slow.period < fast.period) {
    const Smoothing shorter = slow;
    slow = fast, fast = shorter;
  }
  const int64_t fast_rows = average_lookback(fast.period, fast.type), slow_rows = average_lookback(slow.period, slow.type);
  const int64_t first = x.begin + (fast_rows > slow_rows ? fast_rows : slow_rows);
  const Series fast_mean = average(from(x, first - fast_rows), fast.period, fast.type, scratch, fast_out);
  return {fast_mean, average(from(x, first - slow_rows), slow.period, slow.type, scratch, slow_out)};
}

int64_t price_averages_lookback(const double* params) {
  return average_lookback(static_cast<int64_t>(params[0] > params[1] ? params[0] : params[1]), average_type(params[2], Average::ema));
}

/// difference(fast, slow) of two averages of one type, each from the first row on.
template <class Difference>
void price_oscillator(const Call& call, Difference difference) {
  const Average type = average_type(call.params[2], Average::ema);
  const int64_t fast_period = whole(call, 0), slow_period = whole(call, 1);
  const Series x = input(call, 0);
  double* out = call.outputs[0];
  const Series fast = average(x, fast_period < slow_period ? fast_period : slow_period, type, call.scratch + 1, out);
  const Series slow = average(x, fast_period < slow_period ? slow_period : fast_period, type, call.scratch + 1, call.scratch[0]);
  for (int64_t row = slow.begin; row < call.rows; ++row) out[row] = difference(fast[row], slow[row]);
  begun(out, slow.begin, x);
}

void apo(const Call& call) {
  price_oscillator(call, [](double fast, double slow) { return fast - slow; });
}

void ppo(const Call& call) {
  price_oscillator(call, [](double fast, double slow) { return percent_apart(fast, slow); });
}

/// The mean of the middle of the bars over a short time minus that over a long one. (B. Williams.) scratch[0] and [1] are used.
Series awesome(const Call& call, double* out) {
  median_prices(call, call.scratch[0]);
  const Series middle = series(call.scratch[0], call);
  const Series fast = mean(middle, whole(call, 0), out), slow = mean(middle, whole(call, 1), call.scratch[1]);
  const int64_t first = from(fast, slow.begin).begin;
  for (int64_t row = first; row < call.rows; ++row) out[row] = fast[row] - slow[row];
  return begun(out, first, middle);
}

void ao(const Call& call) { awesome(call, call.outputs[0]); }

int64_t ao_lookback(const double* params) { return static_cast<int64_t>(params[0] > params[1] ? params[0] : params[1]) - 1; }

/// AO minus its own mean.
void ac(const Call& call) {
  const Series oscillator = awesome(call, call.scratch[2]);
  const Series centre = mean(oscillator, whole(call, 2), call.outputs[0]);
  for (int64_t row = centre.begin; row < call.rows; ++row) call.outputs[0][row] = oscillator[row] - centre[row];
}

int64_t ac_lookback(const double* params) { return ao_lookback(params) + static_cast<int64_t>(params[2]) - 1; }

/// The rest of every MACD: `macd` is fast minus slow, its average is the signal; all three begin where the signal does.
void macd_from(const Call& call, FastAndSlow averages, Smoothing signal) {
  double *macd = call.outputs[0], *histogram = call.outputs[2];
  for (int64_t row = averages.slow.begin; row < call.rows; ++row) macd[row] = averages.fast[row] - averages.slow[row];
  const Series difference = from(series(macd, call), averages.slow.begin);
  const Series smooth = average(difference, signal.period, signal.type, call.scratch + 1, call.outputs[1]);
  for (int64_t row = smooth.begin; row < call.rows; ++row) histogram[row] = macd[row] - smooth[row];
  begun(macd, smooth.begin, smooth), begun(histogram, smooth.begin, smooth);
}

int64_t macd_lookback(const double* params) { return static_cast<int64_t>((params[0] > params[1] ? params[0] : params[1]) + params[2]) - 2; }

int64_t macdfix_lookback(const double* params) { return 26 - 1 + static_cast<int64_t>(params[0]) - 1; }

void macdext(const Call& call) {
  const auto averages = fast_and_slow(input(call, 0), {whole(call, 0), average_type(call.params[1])}, {whole(call, 2), average_type(call.params[3])},
                                      call.scratch + 1, call.outputs[0], call.scratch[0]);
  macd_from(call, averages, {whole(call, 4), average_type(call.params[5])});
}

int64_t macdext_lookback(const double* params) {
  const int64_t fast = average_lookback(static_cast<int64_t>(params[0]), average_type(params[1]));
  const int64_t slow = average_lookback(static_cast<int64_t>(params[2]), average_type(params[3]));
  return (fast > slow ? fast : slow) + average_lookback(static_cast<int64_t>(params[4]), average_type(params[5]));
}

int64_t trix_lookback(const double* params) { return 3 * (static_cast<int64_t>(params[0]) - 1) + 1; }

int64_t tsi_lookback(const double* params) { return static_cast<int64_t>(params[0] + params[1]) - 1; }

/// Mean of close - open. (T. Chande.)
void qstick(const Call& call) {
  for (int64_t row = 0; row < call.rows; ++row) call.scratch[0][row] = call.inputs[1][row] - call.inputs[0][row];
  mean(series(call.scratch[0], call), whole(call, 0), call.outputs[0]);
}

// ---- gains and losses -------------------------------------------------------------------------------------------------

/// Calls emit(row, gain, loss) with Wilder's means of the steps up and of the steps down, from row `period` on.
template <class Emit>
void wilder_gains(Series x, int64_t period, Emit emit) {
  const double count = static_cast<double>(period), part = 1 / count;
  double gain = 0, loss = 0;
  for (int64_t row = x.begin + 1; row < x.rows; ++row) {
    const double step = x[row] - x[row - 1];
    if (row > x.begin + period) gain *= count - 1, loss *= count - 1;
    if (step < 0)
      loss -= step;
    else
      gain += step;
    if (row < x.begin + period) continue;
    // The product with 1 / period as in TA-Lib: where a price stands still, STOCHRSI shows the last bit.
    gain *= part, loss *= part;
    emit(row, gain, loss);
  }
}

Series relative_strength(Series x, int64_t period, double* out) {
  wilder_gains(x, period, [out](int64_t row, double gain, double loss) { out[row] = 100 * share(gain, gain + loss); });
  return begun(out, x.begin + period, x);
}

/// CMO with plain sums over the period.
void cmou(const Call& call) {
  const Series x = input(call, 0), steps = from(x, 1);
  const auto step_up = [x](int64_t row) { return x[row] > x[row - 1] ? x[row] - x[row - 1] : 0; };
  const auto step_down = [x](int64_t row) { return x[row] < x[row - 1] ? x[row - 1] - x[row] : 0; };
  const auto moved = [x](int64_t row) { return x[row] > x[row - 1] || x[row] < x[row - 1]; };
  const Series gains = sum_of_counted(steps, whole(call, 0), step_up, moved, call.outputs[0]);
  const Series losses = sum_of_counted(steps, whole(call, 0), step_down, moved, call.scratch[0]);
  for (int64_t row = gains.begin; row < call.rows; ++row) {
    const double gain = gains[row], loss = losses[row];
    call.outputs[0][row] = 100 * share(gain - loss, gain + loss);
  }
}

/// The gains of bars that closed above their open, in percent of all distances from open to close; 50 where there are none.
void imi(const Call& call) {
  const Series open = input(call, 0), close = input(call, 1);
  const int64_t period = whole(call, 0);
  if (!call.exact) {
    double* out = call.outputs[0];
    const Series gains = sum_of(close, period, [=](int64_t row) { return close[row] > open[row] ? close[row] - open[row] : 0; }, out);
    const Series sizes = sum_of(close, period, [=](int64_t row) { return std::fabs(close[row] - open[row]); }, call.scratch[0]);
    for (int64_t row = gains.begin; row < call.rows; ++row) {
      const double percent = 100 * (gains[row] / sizes[row]);
      out[row] = sizes[row] == 0 ? 50 : percent;
    }
    return;
  }
  for (int64_t row = period - 1; row < call.rows; ++row) {
    double gain = 0, loss = 0;
    for (int64_t i = row - period + 1; i <= row; ++i) {
      if (close[i] > open[i])
        gain += close[i] - open[i];
      else
        loss += open[i] - close[i];
    }
    call.outputs[0][row] = gain + loss == 0 ? 50 : 100 * (gain / (gain + loss));
  }
  begun(call.outputs[0], period - 1, open);
}

/// The money (typical price times volume) of rising bars in percent of that of rising and falling ones.
void mfi(const Call& call) {
  const Series high = input(call, 0), low = input(call, 1), close = input(call, 2), volume = input(call, 3);
  const int64_t period = whole(call, 0);
  double* typical = call.outputs[0];
  double* rising = call.scratch[1];
  double* falling = call.scratch[2];
  for (int64_t row = 0; row < call.rows; ++row) typical[row] = typical_price(high[row], low[row], close[row]);
  for (int64_t row = 1; row < call.rows; ++row) {
    const double flow = typical[row] * volume[row];
    const bool moves = apart(typical[row], typical[row - 1]);
    rising[row] = moves && typical[row] > typical[row - 1] ? flow : 0;
    falling[row] = moves && typical[row] < typical[row - 1] ? flow : 0;
    if (call.exact && std::isnan(flow)) rising[row] = flow;  // TA-Lib's sums keep it
  }
  const auto moved = [=](int64_t row) { return rising[row] != 0 || falling[row] != 0; };
  const Series steps = from(high, 1);
  const Series outflow = sum_of_counted(steps, period, [=](int64_t row) { return falling[row]; }, moved, call.scratch[0]);
  const Series inflow = sum_of_counted(steps, period, [=](int64_t row) { return rising[row]; }, moved, call.outputs[0]);
  for (int64_t row = inflow.begin; row < call.rows; ++row)
    call.outputs[0][row] = call.exact && std::isnan(inflow[row]) ? inflow[row] : money_flow_index(inflow[row], outflow[row]);
}

/// How straight the way was: |x - x[period]| over the sum of the steps; 1 where nothing moved. (P. Kaufman.)
void er(const Call& call) {
  const Series x = input(call, 0);
  const int64_t period = whole(call, 0);
  const Series path = sum_of_moves(from(x, 1), period, [x](int64_t row) { return std::fabs(x[row] - x[row - 1]); }, call.outputs[0]);
  for (int64_t row = path.begin; row < call.rows; ++row) {
    const double moved = std::fabs(x[row] - x[row - period]);
    call.outputs[0][row] = path[row] <= moved ? 1 : moved / path[row];
  }
}

/// The span between the largest and smallest value of the window over the sum of the steps. (A. White.)
void vhf(const Call& call) {
  const Series x = input(call, 0), steps = from(x, 1);
  const int64_t period = whole(call, 0);
  const Series path = sum_anew_of(steps, period, [x](int64_t row) { return std::fabs(x[row] - x[row - 1]); }, call.outputs[0]);
  const Series highest = largest(steps, period, call.scratch[0]), lowest = smallest(steps, period, call.scratch[1]);
  for (int64_t row = path.begin; row < call.rows; ++row) call.outputs[0][row] = share(highest[row] - lowest[row], path[row]);
}

// ---- the close within the bar or the range ----------------------------------------------------------------------------

/// (close - open) / (high - low), 0 where the bar has no height.
void bop(const Call& call) {
  const Series open = input(call, 0), high = input(call, 1), low = input(call, 2), close = input(call, 3);
  for (int64_t row = 0; row < call.rows; ++row) {
    const double height = high[row] - low[row];
    call.outputs[0][row] = height <= 0 ? 0 : (close[row] - open[row]) / height;
  }
}

/// The typical price's distance from its mean over 0.015 times the mean distance; 0 where all are equal. (D. Lambert.)
void cci(const Call& call) {
  const double *high = call.inputs[0], *low = call.inputs[1], *close = call.inputs[2];
  double* typical = call.scratch[0];
  for (int64_t row = 0; row < call.rows; ++row) typical[row] = price_sum(high[row], low[row], close[row]);
  const Series x = series(typical, call), distances = mean_distance(x, whole(call, 0), call.scratch[1], call.outputs[0]);
  double* __restrict out = call.outputs[0];
  const double* centre = call.scratch[1];
  for (int64_t row = distances.begin; row < call.rows; ++row) out[row] = channel_index(typical[row], centre[row], out[row]);
}

/// Three shares of the true range that lie below the close, over a short, a middle and a long period, weighted 4, 2 and 1.
void ultosc(const Call& call) {
  const Series high = input(call, 0), low = input(call, 1), close = input(call, 2);
  int64_t shortest = whole(call, 0), middle = whole(call, 1), longest = whole(call, 2);
  const auto order = [](int64_t& a, int64_t& b) {
    if (a <= b) return;
    const int64_t c = a;
    a = b, b = c;
  };
  order(shortest, middle), order(middle, longest), order(shortest, middle);
  const auto pressure = [=](int64_t row) { return close[row] - (low[row] < close[row - 1] ? low[row] : close[row - 1]); };
  const auto range = [=](int64_t row) { return true_range_of(high[row], low[row], close[row - 1]); };
  const Series bars = from(close, longest);
  double* out = call.outputs[0];
  for (int64_t row = longest; row < call.rows; ++row) out[row] = 0;
  const auto add = [&](int64_t period, double weight) {
    const Series first = from(close, longest - period + 1);
    const auto moved = [range](int64_t row) { return range(row) != 0; };
    const Series pressures = sum_of_counted(first, period, pressure, moved, call.scratch[0]);
    const Series ranges = sum_of_counted(first, period, range, moved, call.scratch[1]);
    for (int64_t row = longest; row < call.rows; ++row) out[row] += weight * share(pressures[row], ranges[row]);
  };
  add(shortest, 4), add(middle, 2), add(longest, 1);
  for (int64_t row = longest; row < call.rows; ++row) out[row] = 100 * (out[row] / 7);
  begun(out, longest, bars);
}

int64_t ultosc_lookback(const double* params) {
  const double longer = params[0] > params[1] ? params[0] : params[1];
  return static_cast<int64_t>(longer > params[2] ? longer : params[2]);
}

/// Where the close stands between the lowest low (-100) and the highest high (0).
void willr(const Call& call) {
  const Series highest = largest(input(call, 0), whole(call, 0), call.outputs[0]);
  const Series lowest = smallest(input(call, 1), whole(call, 0), call.scratch[0]), close = input(call, 2);
  double* out = call.outputs[0];
  for (int64_t row = highest.begin; row < call.rows; ++row) out[row] = percent_below(highest[row], lowest[row], close[row]);
  if (!call.exact) return;
  // A missing high or low leaves the close outside of the others.
  for (int64_t row = highest.begin; row < call.rows; ++row) out[row] = out[row] < -100 ? -100 : out[row] > 0 ? 0 : out[row];
}

/// Where the close stands between the lowest low (0) and the highest high (100) of `period` rows; `scratch` is one series.
Series stochastic(Series high, Series low, Series close, int64_t period, double* scratch, double* out) {
  const Series highest = tracked_largest(high, period, out), lowest = tracked_smallest(low, period, scratch);
  for (int64_t row = highest.begin; row < close.rows; ++row) out[row] = percent_above(highest[row], lowest[row], close[row]);
  return highest;
}

/// The stochastic's %K in outputs[0], and in outputs[1] its average %D; both begin where %D does.
void fast_stochastic(const Call& call, Series high, Series low, Series close, int64_t period, Smoothing smoothing) {
  const Series fast = stochastic(high, low, close, period, call.scratch[0], call.outputs[0]);
  const Series slow = average(fast, smoothing.period, smoothing.type, call.scratch, call.outputs[1]);
  begun(call.outputs[0], slow.begin, slow);
}

void stochf(const Call& call) {
  fast_stochastic(call, input(call, 0), input(call, 1), input(call, 2), whole(call, 0), {whole(call, 1), average_type(call.params[2])});
}

int64_t stochf_lookback(const double* params) {
  return static_cast<int64_t>(params[0]) - 1 + average_lookback(static_cast<int64_t>(params[1]), average_type(params[2]));
}

void stochrsi(const Call& call) {
  const Series strength = relative_strength(input(call, 0), whole(call, 0), call.scratch[kAverageScratch]);
  fast_stochastic(call, strength, strength, strength, whole(call, 1), {whole(call, 2), average_type(call.params[3])});
}

int64_t stochrsi_lookback(const double* params) { return static_cast<int64_t>(params[0]) + stochf_lookback(params + 1); }

/// %K smoothed once (outputs[0]) and once more (outputs[1]); both begin where the second does.
void slow_stochastic(const Call& call, Average own_default) {
  double* fast = call.scratch[kAverageScratch];
  const Series first = stochastic(input(call, 0), input(call, 1), input(call, 2), whole(call, 0), call.scratch[0], fast);
  const Series second = average(first, whole(call, 1), average_type(call.params[2], own_default), call.scratch, call.outputs[0]);
  const Series third = average(second, whole(call, 3), average_type(call.params[4], own_default), call.scratch, call.outputs[1]);
  begun(call.outputs[0], third.begin, third);
}

template <Average OwnDefault>
int64_t stoch_lookback(const double* params) {
  return static_cast<int64_t>(params[0]) - 1 + average_lookback(static_cast<int64_t>(params[1]), average_type(params[2], OwnDefault)) +
         average_lookback(static_cast<int64_t>(params[3]), average_type(params[4], OwnDefault));
}

void stoch(const Call& call) { slow_stochastic(call, Average::sma); }

/// The slow stochastic by Wilder's means, and J = 3 K - 2 D.
void kdj(const Call& call) {
  slow_stochastic(call, Average::rma);
  const double *k = call.outputs[0], *d = call.outputs[1];
  for (int64_t row = 0; row < call.rows; ++row) call.outputs[2][row] = 3 * k[row] - 2 * d[row];
}

/// The close's distance from the middle of the range over half the range, both smoothed twice, in percent. (W. Blau.)
void smi(const Call& call) {
  const Series highest = tracked_largest(input(call, 0), whole(call, 0), call.scratch[0]);
  const Series lowest = tracked_smallest(input(call, 1), whole(call, 0), call.scratch[1]);
  double *distance = call.outputs[0], *span = call.scratch[0];
  for (int64_t row = highest.begin; row < call.rows; ++row) {
    distance[row] = call.inputs[2][row] - (highest[row] + lowest[row]) / 2;
    span[row] = highest[row] - lowest[row];
  }
  const auto smooth = [&](double* values) {
    return exponential_mean(exponential_mean(from(series(values, call), highest.begin), whole(call, 2), values), whole(call, 1), values);
  };
  const Series distances = smooth(distance), spans = smooth(span);
  for (int64_t row = distances.begin; row < call.rows; ++row) call.outputs[0][row] = 100 * share(distances[row], spans[row] / 2);
  const Series signal = exponential_mean(distances, whole(call, 3), call.outputs[1]);
  begun(call.outputs[0], signal.begin, signal);
}

int64_t smi_lookback(const double* params) { return static_cast<int64_t>(params[0] + params[1] + params[2] + params[3]) - 4; }

// ---- bars against bars ------------------------------------------------------------------------------------------------

/// 100 when the extreme of the last period + 1 rows is the newest of them, 0 when it is the oldest.
void aroon(const Call& call) {
  const int64_t period = whole(call, 0);
  const double count = static_cast<double>(period), percent = 100 / count;
  const Series lowest = age_of_smallest(input(call, 1), period + 1, call.outputs[0]);
  const Series highest = age_of_largest(input(call, 0), period + 1, call.outputs[1]);
  for (int64_t row = lowest.begin; row < call.rows; ++row) call.outputs[0][row] = percent * (count - lowest[row]);
  for (int64_t row = highest.begin; row < call.rows; ++row) call.outputs[1][row] = percent * (count - highest[row]);
}

void aroonosc(const Call& call) {
  const int64_t period = whole(call, 0);
  const double percent = 100 / static_cast<double>(period);
  const Series highest = age_of_largest(input(call, 0), period + 1, call.outputs[0]);
  const Series lowest = age_of_smallest(input(call, 1), period + 1, call.scratch[0]);
  for (int64_t row = highest.begin; row < call.rows; ++row) call.outputs[0][row] = percent * (lowest[row] - highest[row]);
}

/// The distances from each high to the low before it, and from each low to the high before it, over the true ranges.
/// (E. Botes, D. Siepman.)
void vortex(const Call& call) {
  const Series high = input(call, 0), low = input(call, 1), close = input(call, 2), bars = from(close, 1);
  const int64_t period = whole(call, 0);
  const Series up = sum_of(bars, period, [=](int64_t row) { return std::fabs(high[row] - low[row - 1]); }, call.outputs[0]);
  const Series down = sum_of(bars, period, [=](int64_t row) { return std::fabs(low[row] - high[row - 1]); }, call.outputs[1]);
  const Series range = sum_of_moves(bars, period, [=](int64_t row) { return true_range_of(high[row], low[row], close[row - 1]); }, call.scratch[0]);
  for (int64_t row = range.begin; row < call.rows; ++row)
    call.outputs[0][row] = share(up[row], range[row]), call.outputs[1][row] = share(down[row], range[row]);
}

/// 100 in the row that completes a swing: `rightbars` after a bar whose extreme is beyond those of `leftbars` rows before it
/// and `rightbars` rows after it; else 0. (B. Williams.)
template <class Beyond>
void swings(Series x, int64_t left, int64_t right, Beyond beyond, double* out) {
  if (x.exact) {  // TA-Lib holds the bar against the first row, and asks of the others whether one is as far, which a missing one is not
    for (int64_t row = left + right; row < x.rows; ++row) {
      const double* middle = x.values + row - right;
      bool is_swing = beyond(*middle, middle[-left]);
      for (int64_t away = 1 - left; away <= right; ++away) is_swing &= away == 0 || !(beyond(middle[away], *middle) || middle[away] == *middle);
      out[row] = is_swing ? 100 : 0;
    }
    for (int64_t row = 0; row < left + right && row < x.rows; ++row) out[row] = 0;
    return;
  }
  for (int64_t row = 0; row < left + right && row < x.rows; ++row) out[row] = 0;
  for_strips(left + right, left + right, x.rows, [&](int64_t first, int64_t rows) {
    const double* middle = x.values + first - right;
    double* __restrict swing = out + first;
    for (int64_t i = 0; i < rows; ++i) swing[i] = 100;
    for (int64_t away = -left; away <= right; ++away)
      for (int64_t i = 0; away != 0 && i < rows; ++i) swing[i] = beyond(middle[i], middle[i + away]) ? swing[i] : 0;
  });
}

void fractal(const Call& call) {
  swings(input(call, 0), whole(call, 0), whole(call, 1), [](double a, double b) { return a > b; }, call.outputs[0]);
  swings(input(call, 1), whole(call, 0), whole(call, 1), [](double a, double b) { return a < b; }, call.outputs[1]);
}

int64_t fractal_lookback(const double* params) { return static_cast<int64_t>(params[0] + params[1]); }

// ---- directional movement: in lane_bars.cc --------------------------------------------------------------------------------

int64_t dm_lookback(const double* params) { return params[0] > 1 ? static_cast<int64_t>(params[0]) - 1 : 1; }
int64_t adx_lookback(const double* params) { return 2 * static_cast<int64_t>(params[0]) - 1; }
int64_t adxr_lookback(const double* params) { return 3 * static_cast<int64_t>(params[0]) - 2; }

// clang-format off
constexpr Entry kFunctions[] = {
    {.name = "AC", .group = kGroup, .title = "Accelerator oscillator: AO minus its mean", .inputs = {"high", "low"},
     .params = {period("fastperiod", 5, 2), period("slowperiod", 34, 2), period("signalperiod", 5, 2)}, .outputs = {"real"}, .scratch = 3,
     .lookback = ac_lookback, .compute = ac},
    {.name = "ADX", .group = kGroup, .title = "Average directional movement index", .inputs = {"high", "low", "close"},
     .params = {period("timeperiod", 14, 2)}, .outputs = {"real"}, .recursive = true, .lookback = adx_lookback, .lanes = LaneFunction::adx},
    {.name = "ADXR", .group = kGroup, .title = "Average directional movement index rating", .inputs = {"high", "low", "close"},
     .params = {period("timeperiod", 14, 2)}, .outputs = {"real"}, .recursive = true, .lookback = adxr_lookback, .lanes = LaneFunction::adxr},
    {.name = "AO", .group = kGroup, .title = "Awesome oscillator: two means of the middle of the bar", .inputs = {"high", "low"},
     .params = {period("fastperiod", 5, 2), period("slowperiod", 34, 2)}, .outputs = {"real"}, .scratch = 2, .lookback = ao_lookback, .compute = ao},
    {.name = "APO", .group = kGroup, .title = "Absolute price oscillator: difference of two averages", .inputs = {"real"},
     .params = {period("fastperiod", 12, 2), period("slowperiod", 26, 2), matype("matype", 1)}, .outputs = {"real"}, .recursive = true,
     .scratch = 1 + kAverageScratch, .lookback = price_averages_lookback, .compute = apo, .tiles = LaneFunction::apo_any, .lanes = LaneFunction::apo, .lanes_matype = 2},
    {.name = "AROON", .group = kGroup, .title = "How long ago the extremes of the period were", .inputs = {"high", "low"},
     .params = {period("timeperiod", 14, 2)}, .outputs = {"aroondown", "aroonup"}, .lookback = period_lookback<0>, .compute = aroon},
    {.name = "AROONOSC", .group = kGroup, .title = "Aroon up minus Aroon down", .inputs = {"high", "low"}, .params = {period("timeperiod", 14, 2)},
     .outputs = {"real"}, .scratch = 1, .lookback = period_lookback<0>, .compute = aroonosc},
    {.name = "BOP", .group = kGroup, .title = "Balance of power: body over height of the bar", .inputs = {"open", "high", "low", "close"},
     .outputs = {"real"}, .lookback = fixed_lookback<0>, .compute = bop},
    {.name = "CCI", .group = kGroup, .title = "Commodity channel index", .inputs = {"high", "low", "close"}, .params = {period("timeperiod", 14, 2)},
     .outputs = {"real"}, .scratch = 2, .lookback = period_lookback<-1>, .compute = cci, .tiles = LaneFunction::cci},
    {.name = "CMO", .group = kGroup, .title = "Chande momentum oscillator with Wilder's means", .inputs = {"real"},
     .params = {period("timeperiod", 14, 2)}, .outputs = {"real"}, .recursive = true, .lookback = period_lookback<0>, .lanes = LaneFunction::cmo},
    {.name = "CMOU", .group = kGroup, .title = "Chande momentum oscillator with plain sums", .inputs = {"real"},
     .params = {period("timeperiod", 14, 2)}, .outputs = {"real"}, .scratch = 1, .lookback = period_lookback<0>, .compute = cmou},
    {.name = "COPPOCK", .group = kGroup, .title = "Coppock curve", .inputs = {"real"},
     .params = {period("wmaperiod", 10, 1), period("roc1period", 11, 1), period("roc2period", 14, 1)}, .outputs = {"real"}, .scratch = 1,
     .lookback = coppock_lookback, .compute = coppock},
    {.name = "DPO", .group = kGroup, .title = "Detrended price oscillator", .inputs = {"real"}, .params = {period("timeperiod", 20, 2)},
     .outputs = {"real"}, .scratch = 1, .lookback = dpo_lookback, .compute = dpo},
    {.name = "DX", .group = kGroup, .title = "Directional movement index", .inputs = {"high", "low", "close"},
     .params = {period("timeperiod", 14, 2)}, .outputs = {"real"}, .recursive = true, .lookback = period_lookback<0>, .lanes = LaneFunction::dx},
    {.name = "ER", .group = kGroup, .title = "Kaufman efficiency ratio", .inputs = {"real"}, .params = {period("timeperiod", 10, 2)},
     .outputs = {"real"}, .lookback = period_lookback<0>, .compute = er},
    {.name = "ERI", .group = kGroup, .title = "Elder ray index: bull and bear power", .inputs = {"high", "low", "close"},
     .params = {period("timeperiod", 13, 1)}, .outputs = {"bullpower", "bearpower"}, .recursive = true, .lookback = period_lookback<-1>, .lanes = LaneFunction::eri},
    {.name = "FOSC", .group = kGroup, .title = "Forecast oscillator: distance from the line ahead, in percent", .inputs = {"real"},
     .params = {period("timeperiod", 5, 2)}, .outputs = {"real"}, .scratch = 2, .lookback = period_lookback<0>, .compute = fosc},
    {.name = "FRACTAL", .group = kGroup, .title = "Williams fractal: rows that complete a swing", .inputs = {"high", "low"},
     .params = {period("leftbars", 2, 1), period("rightbars", 2, 1)}, .outputs = {"swinghigh", "swinglow"}, .whole_outputs = true,
     .lookback = fractal_lookback, .compute = fractal},
    {.name = "IMI", .group = kGroup, .title = "Intraday momentum index", .inputs = {"open", "close"}, .params = {period("timeperiod", 14, 2)},
     .outputs = {"real"}, .scratch = 1, .lookback = period_lookback<-1>, .compute = imi},
    {.name = "KDJ", .group = kGroup, .title = "KDJ stochastic", .inputs = {"high", "low", "close"},
     .params = {period("fastk_period", 9, 1), period("slowk_period", 3, 1), matype("slowk_matype", 13), period("slowd_period", 3, 1),
                matype("slowd_matype", 13)}, .outputs = {"k", "d", "j"}, .recursive = true, .scratch = 1 + kAverageScratch,
     .lookback = stoch_lookback<Average::rma>, .compute = kdj, .tiles = LaneFunction::kdj},
    {.name = "MACD", .group = kGroup, .title = "Moving average convergence and divergence", .inputs = {"real"},
     .params = {period("fastperiod", 12, 2), period("slowperiod", 26, 2), period("signalperiod", 9, 1)},
     .outputs = {"macd", "macdsignal", "macdhist"}, .recursive = true, .lookback = macd_lookback, .lanes = LaneFunction::macd},
    {.name = "MACDEXT", .group = kGroup, .title = "MACD with averages of any type", .inputs = {"real"},
     .params = {period("fastperiod", 12, 2), matype("fastmatype", 0), period("slowperiod", 26, 2), matype("slowmatype", 0),
                period("signalperiod", 9, 1), matype("signalmatype", 0)}, .outputs = {"macd", "macdsignal", "macdhist"},
     .scratch = 1 + kAverageScratch, .lookback = macdext_lookback, .compute = macdext, .tiles = LaneFunction::macdext},
    {.name = "MACDFIX", .group = kGroup, .title = "MACD with the weights 0.15 and 0.075", .inputs = {"real"},
     .params = {period("signalperiod", 9, 1)}, .outputs = {"macd", "macdsignal", "macdhist"}, .recursive = true, .lookback = macdfix_lookback, .lanes = LaneFunction::macdfix},
    {.name = "MFI", .group = kGroup, .title = "Money flow index", .inputs = {"high", "low", "close", "volume"},
     .params = {period("timeperiod", 14, 2)}, .outputs = {"real"}, .scratch = 3, .lookback = period_lookback<0>, .compute = mfi,
     .tiles = LaneFunction::mfi},
    {.name = "MINUS_DI", .group = kGroup, .title = "Minus directional indicator", .inputs = {"high", "low", "close"},
     .params = {period("timeperiod", 14, 1)}, .outputs = {"real"}, .recursive = true, .lookback = period_lookback<0>, .lanes = LaneFunction::minus_di},
    {.name = "MINUS_DM", .group = kGroup, .title = "Minus directional movement", .inputs = {"high", "low"}, .params = {period("timeperiod", 14, 1)},
     .outputs = {"real"}, .recursive = true, .lookback = dm_lookback, .lanes = LaneFunction::minus_dm},
    {.name = "MOM", .group = kGroup, .title = "Momentum: difference from the price before", .inputs = {"real"},
     .params = {period("timeperiod", 10, 1)}, .outputs = {"real"}, .lookback = period_lookback<0>, .compute = mom},
    {.name = "PLUS_DI", .group = kGroup, .title = "Plus directional indicator", .inputs = {"high", "low", "close"},
     .params = {period("timeperiod", 14, 1)}, .outputs = {"real"}, .recursive = true, .lookback = period_lookback<0>, .lanes = LaneFunction::plus_di},
    {.name = "PLUS_DM", .group = kGroup, .title = "Plus directional movement", .inputs = {"high", "low"}, .params = {period("timeperiod", 14, 1)},
     .outputs = {"real"}, .recursive = true, .lookback = dm_lookback, .lanes = LaneFunction::plus_dm},
    {.name = "PPO", .group = kGroup, .title = "Percentage price oscillator", .inputs = {"real"},
     .params = {period("fastperiod", 12, 2), period("slowperiod", 26, 2), matype("matype", 1)}, .outputs = {"real"}, .recursive = true,
     .scratch = 1 + kAverageScratch, .lookback = price_averages_lookback, .compute = ppo, .tiles = LaneFunction::ppo_any, .lanes = LaneFunction::ppo, .lanes_matype = 2},
    {.name = "QSTICK", .group = kGroup, .title = "Mean of close minus open", .inputs = {"open", "close"}, .params = {period("timeperiod", 10, 1)},
     .outputs = {"real"}, .scratch = 1, .lookback = period_lookback<-1>, .compute = qstick},
    {.name = "ROC", .group = kGroup, .title = "Rate of change in percent", .inputs = {"real"}, .params = {period("timeperiod", 10, 1)},
     .outputs = {"real"}, .lookback = period_lookback<0>, .compute = roc},
    {.name = "ROCP", .group = kGroup, .title = "Rate of change as a fraction", .inputs = {"real"}, .params = {period("timeperiod", 10, 1)},
     .outputs = {"real"}, .lookback = period_lookback<0>, .compute = rocp},
    {.name = "ROCR", .group = kGroup, .title = "Rate of change as a ratio", .inputs = {"real"}, .params = {period("timeperiod", 10, 1)},
     .outputs = {"real"}, .lookback = period_lookback<0>, .compute = rocr},
    {.name = "ROCR100", .group = kGroup, .title = "Rate of change as a ratio times 100", .inputs = {"real"}, .params = {period("timeperiod", 10, 1)},
     .outputs = {"real"}, .lookback = period_lookback<0>, .compute = rocr100},
    {.name = "RSI", .group = kGroup, .title = "Relative strength index", .inputs = {"real"}, .params = {period("timeperiod", 14, 2)},
     .outputs = {"real"}, .recursive = true, .lookback = period_lookback<0>, .lanes = LaneFunction::rsi},
    {.name = "SMI", .group = kGroup, .title = "Stochastic momentum index", .inputs = {"high", "low", "close"},
     .params = {period("timeperiod", 13, 2), period("fastperiod", 2, 2), period("slowperiod", 25, 2), period("signalperiod", 9, 2)},
     .outputs = {"smi", "smisignal"}, .recursive = true, .scratch = 2, .lookback = smi_lookback, .compute = smi,
     .tiles = LaneFunction::smi},
    {.name = "STOCH", .group = kGroup, .title = "Slow stochastic", .inputs = {"high", "low", "close"},
     .params = {period("fastk_period", 5, 1), period("slowk_period", 3, 1), matype("slowk_matype", 0), period("slowd_period", 3, 1),
                matype("slowd_matype", 0)}, .outputs = {"slowk", "slowd"}, .scratch = 1 + kAverageScratch, .lookback = stoch_lookback<Average::sma>,
     .compute = stoch, .tiles = LaneFunction::stoch},
    {.name = "STOCHF", .group = kGroup, .title = "Fast stochastic", .inputs = {"high", "low", "close"},
     .params = {period("fastk_period", 5, 1), period("fastd_period", 3, 1), matype("fastd_matype", 0)}, .outputs = {"fastk", "fastd"},
     .scratch = kAverageScratch, .lookback = stochf_lookback, .compute = stochf, .tiles = LaneFunction::stochf},
    {.name = "STOCHRSI", .group = kGroup, .title = "Fast stochastic of RSI", .inputs = {"real"},
     .params = {period("timeperiod", 14, 2), period("fastk_period", 5, 1), period("fastd_period", 3, 1), matype("fastd_matype", 0)},
     .outputs = {"fastk", "fastd"}, .recursive = true, .scratch = 1 + kAverageScratch, .lookback = stochrsi_lookback, .compute = stochrsi,
     .tiles = LaneFunction::stochrsi},
    {.name = "TRIX", .group = kGroup, .title = "One-row rate of change of a triple exponential mean", .inputs = {"real"},
     .params = {period("timeperiod", 30, 1)}, .outputs = {"real"}, .recursive = true, .lookback = trix_lookback, .lanes = LaneFunction::trix},
    {.name = "TSI", .group = kGroup, .title = "True strength index", .inputs = {"real"},
     .params = {period("firstperiod", 25, 2), period("secondperiod", 13, 2)}, .outputs = {"real"}, .recursive = true, .lookback = tsi_lookback, .lanes = LaneFunction::tsi},
    {.name = "ULTOSC", .group = kGroup, .title = "Ultimate oscillator", .inputs = {"high", "low", "close"},
     .params = {period("timeperiod1", 7, 1), period("timeperiod2", 14, 1), period("timeperiod3", 28, 1)}, .outputs = {"real"}, .scratch = 2,
     .lookback = ultosc_lookback, .compute = ultosc},
    {.name = "VHF", .group = kGroup, .title = "Vertical horizontal filter", .inputs = {"real"}, .params = {period("timeperiod", 28, 2)},
     .outputs = {"real"}, .scratch = 2, .lookback = period_lookback<0>, .compute = vhf},
    {.name = "VORTEX", .group = kGroup, .title = "Vortex indicator", .inputs = {"high", "low", "close"}, .params = {period("timeperiod", 14, 1)},
     .outputs = {"plusvi", "minusvi"}, .scratch = 1, .lookback = period_lookback<0>, .compute = vortex},
    {.name = "WAD", .group = kGroup, .title = "Williams' accumulation and distribution", .inputs = {"high", "low", "close"}, .outputs = {"real"},
     .cumulative = true, .lookback = fixed_lookback<0>, .lanes = LaneFunction::wad},
    {.name = "WILLR", .group = kGroup, .title = "Williams' %R", .inputs = {"high", "low", "close"}, .params = {period("timeperiod", 14, 2)},
     .outputs = {"real"}, .scratch = 1, .lookback = period_lookback<-1>, .compute = willr, .tiles = LaneFunction::willr},
};
// clang-format on

}  // namespace

extern const std::span<const Entry> kMomentumFunctions;
constexpr std::span<const Entry> kMomentumFunctions = kFunctions;

HAYATE_TA_END
