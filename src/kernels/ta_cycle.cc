// Cycle indicators: what Ehlers' Hilbert transform (ta_hilbert.h) says about the cycle that rules the price.
#include <cmath>

#include "kernels/ta_hilbert.h"
#include "kernels/ta_series.h"
#include "kernels/ta_table.h"

HAYATE_TA_BEGIN
namespace {

constexpr int64_t kPeriodLookback = 32, kPeriodWarmUp = 12;
constexpr int64_t kPhaseLookback = 63, kPhaseWarmUp = 37;
constexpr int kLongestCycle = 50;

const double kDegrees = 45.0 / std::atan(1.0);  // in a radian
const double kRadians = 1.0 / kDegrees;         // in a degree

// Sine and cosine of i / length turns, for every whole length of a cycle. The sum over one cycle needs up to 50 of each for
// every bar: read from here it takes a tenth of the time.
struct Turns {
  double sine[kLongestCycle + 1][kLongestCycle], cosine[kLongestCycle + 1][kLongestCycle];
  Turns() {
    const double full = std::atan(1.0) * 8;
    for (int length = 1; length <= kLongestCycle; ++length) {
      for (int i = 0; i < length; ++i) sine[length][i] = std::sin(i * full / length), cosine[length][i] = std::cos(i * full / length);
    }
  }
};
const Turns& turns() {
  static const Turns table;
  return table;
}

// 0 where the price was missing.
int cycle_length(const Hilbert& h) { return h.smooth_period > 0 ? static_cast<int>(h.smooth_period + 0.5) : 0; }

// The phase of the cycle in degrees, from -45 to 315: that of the smoothed price's Fourier component of one cycle length,
// corrected for the lag of the smoothing. `before` stands when the price has no such component.
double cycle_phase(const Hilbert& h, const Turns& table, double before) {
  const int length = cycle_length(h);
  double real = 0, imaginary = 0;
  for (int i = 0; i < length; ++i) {
    real += table.sine[length][i] * h.smooth(i);
    imaginary += table.cosine[length][i] * h.smooth(i);
  }
  double phase = before;
  if (std::fabs(imaginary) > 0)
    phase = std::atan(real / imaginary) * kDegrees;
  else if (real != 0)
    phase += real < 0 ? -90 : 90;
  phase += 90;
  phase += 360 / h.smooth_period;
  if (imaginary < 0) phase += 180;
  return phase > 315 ? phase - 360 : phase;
}

// Calls emit(row, the transform after that row) for all rows.
template <class Emit>
void each_bar(const Call& call, int64_t warm_up, Emit emit) {
  Hilbert h;
  h.warm_up = warm_up, h.exact = call.exact;
  for (int64_t row = 0; row < call.rows; ++row) {
    h.step(call.inputs[0][row]);
    emit(row, h);
  }
}

void dominant_period(const Call& call) {
  each_bar(call, kPeriodWarmUp, [&](int64_t row, const Hilbert& h) { call.outputs[0][row] = row < kPeriodLookback ? kNaN : h.smooth_period; });
}

void phasor(const Call& call) {
  each_bar(call, kPeriodWarmUp, [&](int64_t row, const Hilbert& h) {
    call.outputs[0][row] = row < kPeriodLookback ? kNaN : h.in_phase;
    call.outputs[1][row] = row < kPeriodLookback ? kNaN : h.quadrature;
  });
}

void dominant_phase(const Call& call) {
  const Turns& table = turns();
  double phase = 0;
  each_bar(call, kPhaseWarmUp, [&](int64_t row, const Hilbert& h) {
    if (row >= kPhaseWarmUp) phase = cycle_phase(h, table, phase);
    call.outputs[0][row] = row < kPhaseLookback ? kNaN : phase;
  });
}

void sine_wave(const Call& call) {
  const Turns& table = turns();
  double phase = 0;
  each_bar(call, kPhaseWarmUp, [&](int64_t row, const Hilbert& h) {
    if (row >= kPhaseWarmUp) phase = cycle_phase(h, table, phase);
    call.outputs[0][row] = row < kPhaseLookback ? kNaN : std::sin(phase * kRadians);
    call.outputs[1][row] = row < kPhaseLookback ? kNaN : std::sin((phase + 45) * kRadians);
  });
}

// 1 in a trend, 0 in a cycle. A cycle begins where sine and lead sine cross and lasts half a period; it also rules while the
// phase moves on as a cycle of the measured period would. A price 1.5 % from the trendline is a trend in any case.
void trend_mode(const Call& call) {
  const Turns& table = turns();
  const double* price = call.inputs[0];
  double phase = 0, sine = 0, lead = 0, trend[3] = {};  // trend: means over one cycle, newest first
  int bars_in_trend = 0;
  each_bar(call, kPhaseWarmUp, [&](int64_t row, const Hilbert& h) {
    call.outputs[0][row] = 0;
    if (row < kPhaseWarmUp) return;
    const double phase_before = phase, sine_before = sine, lead_before = lead;
    phase = cycle_phase(h, table, phase);
    sine = std::sin(phase * kRadians), lead = std::sin((phase + 45) * kRadians);

    const int length = cycle_length(h);
    double mean = 0;
    for (int i = 0; i < length; ++i) mean += price[row - i];
    if (length > 0) mean /= length;
    const double trendline = (4 * mean + 3 * trend[0] + 2 * trend[1] + trend[2]) / 10;
    trend[2] = trend[1], trend[1] = trend[0], trend[0] = mean;

    const bool crossed = (sine > lead && sine_before <= lead_before) || (sine < lead && sine_before >= lead_before);
    bars_in_trend = crossed ? 1 : bars_in_trend + 1;
    const double turned = phase - phase_before, turn = 360 / h.smooth_period;
    const bool cycles = crossed || bars_in_trend < 0.5 * h.smooth_period || (turned > 0.67 * turn && turned < 1.5 * turn);
    const bool far_away = trendline != 0 && std::fabs((h.smooth() - trendline) / trendline) >= 0.015;
    if (row >= kPhaseLookback) call.outputs[0][row] = !cycles || far_away;
  });
}

constexpr const char* kGroup = "Cycle Indicators";

// clang-format off
constexpr Entry kFunctions[] = {
    {.name = "HT_DCPERIOD", .group = kGroup, .title = "Hilbert Transform - Dominant Cycle Period", .inputs = {"real"}, .outputs = {"real"},
     .recursive = true, .lookback = fixed_lookback<kPeriodLookback>, .compute = dominant_period},
    {.name = "HT_DCPHASE", .group = kGroup, .title = "Hilbert Transform - Dominant Cycle Phase", .inputs = {"real"}, .outputs = {"real"},
     .recursive = true, .lookback = fixed_lookback<kPhaseLookback>, .compute = dominant_phase},
    {.name = "HT_PHASOR", .group = kGroup, .title = "Hilbert Transform - Phasor Components", .inputs = {"real"}, .outputs = {"inphase", "quadrature"},
     .recursive = true, .lookback = fixed_lookback<kPeriodLookback>, .compute = phasor},
    {.name = "HT_SINE", .group = kGroup, .title = "Hilbert Transform - SineWave", .inputs = {"real"}, .outputs = {"sine", "leadsine"},
     .recursive = true, .lookback = fixed_lookback<kPhaseLookback>, .compute = sine_wave},
    {.name = "HT_TRENDMODE", .group = kGroup, .title = "Hilbert Transform - Trend vs Cycle Mode", .inputs = {"real"}, .outputs = {"integer"},
     .whole_outputs = true, .recursive = true, .lookback = fixed_lookback<kPhaseLookback>, .compute = trend_mode},
};
// clang-format on

}  // namespace

extern const std::span<const Entry> kCycleFunctions;
constexpr std::span<const Entry> kCycleFunctions = kFunctions;

HAYATE_TA_END
