// Cycle indicators: what Ehlers' Hilbert transform (ta_hilbert.h) says about the cycle that rules the price.
#include <cmath>

#include "kernels/lane_entry.h"
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

// What every function below hands from row to row (see run_alone in lane_entry.h).
struct Cycle {
  int64_t rows, gap;
  Hilbert hilbert;
};

struct DominantPeriod {
  using State = Cycle;
  static constexpr int kOutputs = 1;
  static constexpr bool kWhole = false;
  static constexpr int64_t kLookback = kPeriodLookback;
  bool exact;

  DominantPeriod(const double*, bool as_talib) : exact(as_talib) {}
  void step(State& s, double price, double* out) const {
    s.hilbert.step(price, kPeriodWarmUp, exact);
    out[0] = s.hilbert.smooth_period;
  }
};

struct Phasor : DominantPeriod {
  static constexpr int kOutputs = 2;
  using DominantPeriod::DominantPeriod;
  void step(State& s, double price, double* out) const {
    s.hilbert.step(price, kPeriodWarmUp, exact);
    out[0] = s.hilbert.in_phase, out[1] = s.hilbert.quadrature;
  }
};

struct DominantPhase {
  struct State : Cycle {
    double phase;
  };
  static constexpr int kOutputs = 1;
  static constexpr bool kWhole = false;
  static constexpr int64_t kLookback = kPhaseLookback;
  const Turns& table = turns();
  bool exact;

  DominantPhase(const double*, bool as_talib) : exact(as_talib) {}
  void step(State& s, double price, double* out) const {
    s.hilbert.step(price, kPhaseWarmUp, exact);
    if (s.rows > kPhaseWarmUp) s.phase = cycle_phase(s.hilbert, table, s.phase);
    out[0] = s.phase;
  }
};

struct SineWave : DominantPhase {
  static constexpr int kOutputs = 2;
  using DominantPhase::DominantPhase;
  void step(State& s, double price, double* out) const {
    DominantPhase::step(s, price, out);
    out[0] = std::sin(s.phase * kRadians), out[1] = std::sin((s.phase + 45) * kRadians);
  }
};

// The means over one cycle, newest first, and the prices that they are made of.
struct CycleMeans {
  double means[3], prices[64];

  // The newest price; its number counts from 1.
  void add(double price, int64_t number) { prices[number & 63] = price; }
  // The mean over one cycle, smoothed over four bars.
  double trendline(const Hilbert& hilbert, int64_t number) {
    const int length = cycle_length(hilbert);
    double mean = 0;
    for (int i = 0; i < length; ++i) mean += prices[(number - i) & 63];
    if (length > 0) mean /= length;
    const double line = (4 * mean + 3 * means[0] + 2 * means[1] + means[2]) / 10;
    means[2] = means[1], means[1] = means[0], means[0] = mean;
    return line;
  }
};

// Ehlers' instantaneous trendline.
struct Trendline {
  struct State : Cycle {
    CycleMeans trend;
  };
  static constexpr int kOutputs = 1;
  static constexpr bool kWhole = false;
  static constexpr int64_t kLookback = kPhaseLookback;
  bool exact;

  Trendline(const double*, bool as_talib) : exact(as_talib) {}
  void step(State& s, double price, double* out) const {
    s.hilbert.step(price, kPhaseWarmUp, exact);
    s.trend.add(price, s.rows);
    if (s.rows > kPhaseWarmUp) out[0] = s.trend.trendline(s.hilbert, s.rows);
  }
};

// 1 in a trend, 0 in a cycle. A cycle begins where sine and lead sine cross and lasts half a period; it also rules while the
// phase moves on as a cycle of the measured period would. A price 1.5 % from the trendline is a trend in any case.
struct TrendMode {
  struct State : Cycle {
    CycleMeans trend;
    double phase, sine, lead;
    int64_t bars_in_trend;
  };
  static constexpr int kOutputs = 1;
  static constexpr bool kWhole = true;
  static constexpr int64_t kLookback = kPhaseLookback;
  const Turns& table = turns();
  bool exact;

  TrendMode(const double*, bool as_talib) : exact(as_talib) {}
  void step(State& s, double price, double* out) const {
    s.hilbert.step(price, kPhaseWarmUp, exact);
    s.trend.add(price, s.rows);
    if (s.rows <= kPhaseWarmUp) return;
    const double phase_before = s.phase, sine_before = s.sine, lead_before = s.lead;
    s.phase = cycle_phase(s.hilbert, table, s.phase);
    s.sine = std::sin(s.phase * kRadians), s.lead = std::sin((s.phase + 45) * kRadians);
    const double trendline = s.trend.trendline(s.hilbert, s.rows);

    const bool crossed = (s.sine > s.lead && sine_before <= lead_before) || (s.sine < s.lead && sine_before >= lead_before);
    s.bars_in_trend = crossed ? 1 : s.bars_in_trend + 1;
    const double turned = s.phase - phase_before, period = s.hilbert.smooth_period, turn = 360 / period;
    const bool cycles = crossed || double(s.bars_in_trend) < 0.5 * period || (turned > 0.67 * turn && turned < 1.5 * turn);
    const bool far_away = trendline != 0 && std::fabs((s.hilbert.smooth() - trendline) / trendline) >= 0.015;
    out[0] = !cycles || far_away;
  }
};

struct MamaAndFama {
  struct State {
    int64_t rows, gap;
    Mama mama;
  };
  static constexpr int kOutputs = 2;
  static constexpr bool kWhole = false;
  static constexpr int64_t kLookback = Mama::kLookback;
  double fast_limit, slow_limit;
  bool exact;

  MamaAndFama(const double* params, bool as_talib) : fast_limit(params[0]), slow_limit(params[1]), exact(as_talib) {}
  void step(State& s, double price, double* out) const {
    s.mama.step(price, fast_limit, slow_limit, exact);
    out[0] = s.mama.value, out[1] = s.mama.follower;
  }
};

// In the order of LaneFunction.
constexpr LaneEntry kCycleLanes[] = {{layout_alone<DominantPeriod>, run_alone<DominantPeriod>},
                                     {layout_alone<DominantPhase>, run_alone<DominantPhase>},
                                     {layout_alone<Phasor>, run_alone<Phasor>},
                                     {layout_alone<SineWave>, run_alone<SineWave>},
                                     {layout_alone<TrendMode>, run_alone<TrendMode>},
                                     {layout_alone<Trendline>, run_alone<Trendline>},
                                     {layout_alone<MamaAndFama>, run_alone<MamaAndFama>}};
static_assert(int(LaneFunction::ht_dcperiod) + sizeof kCycleLanes / sizeof *kCycleLanes == size_t(LaneFunction::patterns));

constexpr const char* kGroup = "Cycle Indicators";

// clang-format off
constexpr Entry kFunctions[] = {
    {.name = "HT_DCPERIOD", .group = kGroup, .title = "Hilbert Transform - Dominant Cycle Period", .inputs = {"real"}, .outputs = {"real"},
     .recursive = true, .lookback = fixed_lookback<kPeriodLookback>, .lanes = LaneFunction::ht_dcperiod},
    {.name = "HT_DCPHASE", .group = kGroup, .title = "Hilbert Transform - Dominant Cycle Phase", .inputs = {"real"}, .outputs = {"real"},
     .recursive = true, .lookback = fixed_lookback<kPhaseLookback>, .lanes = LaneFunction::ht_dcphase},
    {.name = "HT_PHASOR", .group = kGroup, .title = "Hilbert Transform - Phasor Components", .inputs = {"real"}, .outputs = {"inphase", "quadrature"},
     .recursive = true, .lookback = fixed_lookback<kPeriodLookback>, .lanes = LaneFunction::ht_phasor},
    {.name = "HT_SINE", .group = kGroup, .title = "Hilbert Transform - SineWave", .inputs = {"real"}, .outputs = {"sine", "leadsine"},
     .recursive = true, .lookback = fixed_lookback<kPhaseLookback>, .lanes = LaneFunction::ht_sine},
    {.name = "HT_TRENDMODE", .group = kGroup, .title = "Hilbert Transform - Trend vs Cycle Mode", .inputs = {"real"}, .outputs = {"integer"},
     .whole_outputs = true, .recursive = true, .lookback = fixed_lookback<kPhaseLookback>, .lanes = LaneFunction::ht_trendmode},
};
// clang-format on

}  // namespace

extern const std::span<const Entry> kCycleFunctions;
constexpr std::span<const Entry> kCycleFunctions = kFunctions;

HAYATE_TA_END

HAYATE_KERNELS_BEGIN
const LaneEntry& lane_entry_of_cycle(int number) { return talib::kCycleLanes[number]; }
HAYATE_KERNELS_END
