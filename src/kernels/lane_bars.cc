// What goes from bar to bar: gains, ranges, directions and stops (lanes.h).
#include "kernels/lane_averages.h"

HAYATE_KERNELS_BEGIN
namespace {

// ---- gains and losses ---------------------------------------------------------------------------------------------------

struct Rsi : Gains {
  using Gains::Gains;
  template <bool kSettled>
  void step(State& s, const Pack* in, Pack* out) const {
    add<kSettled>(s, in[0]);
    out[0] = share(s.gain, s.gain + s.loss) * 100;
  }
};

struct Cmo : Gains {
  using Gains::Gains;
  template <bool kSettled>
  void step(State& s, const Pack* in, Pack* out) const {
    add<kSettled>(s, in[0]);
    out[0] = share(s.gain - s.loss, s.gain + s.loss) * 100;
  }
};

// ---- ranges -------------------------------------------------------------------------------------------------------------

/// The largest of high - low, |high - previous close|, |low - previous close|.
inline Pack true_range(const Pack& high, const Pack& low, const Pack& close_before) {
  const Pack up = absolute(high - close_before), down = absolute(low - close_before), range = high - low;
  const Pack wider = select(up > range, up, range);
  return select(down > wider, down, wider);
}

struct Atr : Step<3, 1> {
  struct State {
    Pack rows, close, range;
  };
  Exponential smoothing;

  explicit Atr(const double* params) : Step(params[0]), smoothing(params[0], 1 / params[0]) {}

  template <bool kSettled>
  void step(State& s, const Pack* in, Pack* out) const {
    out[0] = s.range = smoothing.next<kSettled>(s.range, true_range(in[0], in[1], s.close), s.rows - 1);
    s.close = in[2];
  }
};

/// In percent of the close; 0 where that is 0. With a period of 1 TA-Lib gives the true range as it is.
struct Natr : Atr {
  using Atr::Atr;
  template <bool kSettled>
  void step(State& s, const Pack* in, Pack* out) const {
    Atr::step<kSettled>(s, in, out);
    if (smoothing.period != 1) out[0] = select(in[2] == 0, 0, out[0] / in[2] * 100);
  }
};

/// The exponential mean of the typical price, and a number of average true ranges to both sides; both begun in the same row.
struct Keltner : Step<3, 3> {
  struct State {
    Pack rows, close, centre, range;
  };
  Exponential smoothing, of_range;
  double multiplier;

  explicit Keltner(const double* params)
      : Step(params[0] - 1 > params[1] ? params[0] - 1 : params[1]),
        smoothing(params[0]),
        of_range(params[1], 1 / params[1]),
        multiplier(params[2]) {}

  template <bool kSettled>
  void step(State& s, const Pack* in, Pack* out) const {
    // Value `period` of either mean is in row lookback + 1.
    const Pack later = s.rows - (lookback + 1);
    s.centre = smoothing.next<kSettled>(s.centre, (in[0] + in[1] + in[2]) / 3, later + smoothing.period);
    s.range = of_range.next<kSettled>(s.range, true_range(in[0], in[1], s.close), later + of_range.period);
    s.close = in[2];
    const Pack width = s.range * multiplier;
    out[0] = s.centre + width, out[1] = s.centre, out[2] = s.centre - width;
  }
};

/// Bands `multiplier` average true ranges around the middle of the bar, each moving only towards the price while the close stays on its
/// side; the trend turns when a close crosses the band it follows.
struct Supertrend : Step<3, 2> {
  struct State {
    Pack rows, gap, close, range, ceiling, floor, trend;  // trend: 1 rising, -1 falling
  };
  static constexpr int kWholeOutput = 1;
  Exponential smoothing;
  double multiplier;

  explicit Supertrend(const double* params) : Step(params[0]), smoothing(params[0], 1 / params[0]), multiplier(params[1]) {}

  template <bool kSettled>
  void step(State& s, const Pack* in, Pack* out) const {
    s.range = smoothing.next<kSettled>(s.range, true_range(in[0], in[1], s.close), s.rows - 1);
    const Pack middle = (in[0] + in[1]) / 2, width = s.range * multiplier, upper = middle + width, lower = middle - width;
    Mask lowers = (upper < s.ceiling) | (s.close > s.ceiling), lifts = (lower > s.floor) | (s.close < s.floor);
    const Mask begins = kSettled ? Pack(0) != 0 : s.rows <= lookback + 1;
    if constexpr (!kSettled) lowers = lowers | begins, lifts = lifts | begins;
    s.ceiling = select(lowers, upper, s.ceiling), s.floor = select(lifts, lower, s.floor);
    const Mask falls_on = ~(in[2] > s.ceiling), falls = in[2] < s.floor;
    s.trend = select(s.trend < 0, select(falls_on, -1, 1), select(falls, -1, 1));
    if constexpr (!kSettled) s.trend = select(begins, 1, s.trend);
    s.close = in[2];
    out[0] = select(s.trend < 0, s.ceiling, s.floor), out[1] = s.trend;
  }
};

/// Heikin-Ashi: the close is the mean of the bar, the open the middle of the body before.
struct HeikinAshi : Step<4, 4> {
  struct State {
    Pack rows, middle;
  };

  explicit HeikinAshi(const double*) {}

  template <bool kSettled>
  void step(State& s, const Pack* in, Pack* out) const {
    const Pack close = (in[0] + in[1] + in[2] + in[3]) / 4;
    const Pack open = kSettled ? s.middle : select(s.rows == 1, (in[0] + in[3]) / 2, s.middle);
    const auto larger = [](const Pack& a, const Pack& b) { return select(b > a, b, a); };
    const auto smaller = [](const Pack& a, const Pack& b) { return select(b < a, b, a); };
    out[0] = open, out[1] = larger(larger(in[1], open), close), out[2] = smaller(smaller(in[2], open), close), out[3] = close;
    s.middle = (open + close) / 2;
  }
};

// ---- directional movement -------------------------------------------------------------------------------------------------
//
// J. Welles Wilder's (New Concepts in Technical Trading Systems, 1978): how far a bar reaches beyond the one before, upwards or
// downwards, the larger of the two only; summed his way (sum - sum / period + newest) and set against the true range summed the same way.

/// Wilder's sums: the first period - 1 movements are added up; from then on a share of 1 / period is forgotten with every bar.
struct Movements {
  double period, part;

  explicit Movements(double rows) : period(rows), part(1 / rows) {}

  template <bool kSettled>
  Pack add(const Pack& sum, const Pack& x, const Pack& rows) const {
    const Pack kept = sum - sum * part;
    if constexpr (kSettled) return kept + x;
    return select(rows < 2, 0, select(rows <= period, sum, kept) + x);
  }

  template <bool kSettled>
  void add_plus(Pack& sum, const Pack& up, const Pack& down, const Pack& rows) const {
    sum = add<kSettled>(sum, select((up > 0) & (up > down), up, 0), rows);
  }
  template <bool kSettled>
  void add_minus(Pack& sum, const Pack& up, const Pack& down, const Pack& rows) const {
    sum = add<kSettled>(sum, select((down > 0) & (up < down), down, 0), rows);
  }
};

template <bool kPlus>
struct DirectionalMovement : Step<2, 1> {
  struct State {
    Pack rows, high, low, sum;
  };
  Movements movements;

  explicit DirectionalMovement(const double* params) : Step(params[0] > 1 ? params[0] - 1 : 1), movements(params[0]) {}

  template <bool kSettled>
  void step(State& s, const Pack* in, Pack* out) const {
    const Pack up = in[0] - s.high, down = s.low - in[1];
    if constexpr (kPlus)
      movements.add_plus<kSettled>(s.sum, up, down, s.rows);
    else
      movements.add_minus<kSettled>(s.sum, up, down, s.rows);
    s.high = in[0], s.low = in[1];
    out[0] = s.sum;
  }
};

/// The sums of both directions and of the true range.
struct Directions : Step<3, 1> {
  struct State {
    Pack rows, high, low, close, plus, minus, range;
  };
  Movements movements;

  explicit Directions(const double* params) : Step(params[0]), movements(params[0]) {}

  template <bool kSettled>
  void add(State& s, const Pack* in) const {
    const Pack up = in[0] - s.high, down = s.low - in[1];
    movements.add_plus<kSettled>(s.plus, up, down, s.rows);
    movements.add_minus<kSettled>(s.minus, up, down, s.rows);
    s.range = movements.add<kSettled>(s.range, true_range(in[0], in[1], s.close), s.rows);
    s.high = in[0], s.low = in[1], s.close = in[2];
  }
};

template <bool kPlus>
struct DirectionalIndicator : Directions {
  using Directions::Directions;
  template <bool kSettled>
  void step(State& s, const Pack* in, Pack* out) const {
    add<kSettled>(s, in);
    const Pack side = (kPlus ? s.plus : s.minus) / s.range;
    out[0] = select(s.range > 0, movements.period == 1 ? side : side * 100, 0);
  }
};

/// 100 |DI+ - DI-| / (DI+ + DI-), where the true range cancels out, or `otherwise` while nothing moved.
inline Pack directional_index(const Pack& plus, const Pack& minus, const Pack& range, const Pack& otherwise) {
  const Pack both = plus + minus;
  return select((range > 0) & (both > 0), absolute(minus - plus) / both * 100, otherwise);
}

struct Dx : Directions {
  struct State : Directions::State {
    Pack index;
  };
  using Directions::Directions;
  template <bool kSettled>
  void step(State& s, const Pack* in, Pack* out) const {
    add<kSettled>(s, in);
    const Pack index = directional_index(s.plus, s.minus, s.range, s.index);
    out[0] = s.index = kSettled ? index : select(s.rows > movements.period, index, 0);
  }
};

/// Wilder's mean of DX, begun with a plain mean; bars without movement leave it as it is.
struct Adx : Directions {
  struct State : Directions::State {
    Pack mean;
  };
  explicit Adx(const double* params) : Directions(params) { lookback = 2 * movements.period - 1; }

  template <bool kSettled>
  void step(State& s, const Pack* in, Pack* out) const {
    add<kSettled>(s, in);
    const double period = movements.period;
    const Pack index = directional_index(s.plus, s.minus, s.range, kNaN);
    const Pack moved = select(is_missing(index), s.mean, (s.mean * (period - 1) + index) * movements.part);
    if constexpr (kSettled) {
      s.mean = moved;
    } else {
      const Pack number = s.rows - period, sum = s.mean + select(is_missing(index), 0, index);
      s.mean = select(number > period, moved, select(number == period, sum / period, select(number < 1, 0, sum)));
    }
    out[0] = s.mean;
  }
};

/// The mean of ADX and of ADX period - 1 rows before.
struct Adxr : Adx {
  static constexpr bool kLooksBack = true;
  int64_t history;

  explicit Adxr(const double* params) : Adx(params), history(int64_t(params[0]) - 1) { lookback = 3 * movements.period - 2; }
  template <bool kSettled>
  void step(State& s, const Pack* in, Pack* out, double* past) const {
    Adx::step<kSettled>(s, in, out);
    store(s.mean, past);
    out[0] = (s.mean + load(past - history * kLanes)) / 2;
  }
};

// ---- stops --------------------------------------------------------------------------------------------------------------

/// One direction of Wilder's parabolic stop: how fast it closes in on the extreme point.
struct Pace {
  double initial, step, most;
};

inline Pack lesser(const Pack& a, const Pack& b) { return select(a > b, b, a); }

/// Wilder's parabolic stop and reverse. The stop moves towards the extreme point of the trend by a factor that grows with every new
/// extreme, never into the last two bars, and jumps to the extreme point when a bar crosses it. A falling trend is computed as a
/// rising one of mirrored prices: stop and extreme are held with the sign that `trend` has.
struct Parabolic : Step<2, 1> {
  struct State {
    Pack rows, high, low, stop, extreme, factor, trend;  // trend: 1 rising, -1 falling
  };
  Pace up, down;
  double start = 0, offset = 0;

  Parabolic() : Step(1) {}

  /// The state in the second row: the first trend goes down when the low fell by more than the high rose.
  void begin(State& s, const Mask& second, const Pack& high, const Pack& low) const {
    const Pack rise = high - s.high, fall = s.low - low;
    const Mask falls = start == 0 ? (fall > 0) & (rise < fall) : Pack(start) < 0;
    const Pack stop = start == 0 ? select(falls, -s.high, s.low) : select(falls, -absolute(Pack(start)), start);
    s.trend = select(second, select(falls, -1, 1), s.trend);
    s.stop = select(second, stop, s.stop);
    s.extreme = select(second, select(falls, -low, high), s.extreme);
    s.factor = select(second, select(falls, down.initial, up.initial), s.factor);
    s.high = select(second, high, s.high), s.low = select(second, low, s.low);
  }

  /// The stop of this bar, mirrored.
  template <bool kSettled>
  Pack advance(State& s, const Pack& high, const Pack& low) const {
    if constexpr (!kSettled) begin(s, s.rows == 2, high, low);
    const Mask fell = s.trend < 0;
    const Mask crossed = select(fell, -high, low) <= s.stop, falls = fell ^ crossed;
    // Seen from the trend that this bar leaves behind it.
    const Pack top = select(falls, -low, high), bottom = select(falls, -high, low), bottom_before = select(falls, -s.high, s.low);
    Pack turned = lesser(lesser(-s.extreme, bottom_before), bottom);
    if (offset != 0) turned = turned + select(falls, turned * offset, -turned * offset);
    const Pack stop = select(crossed, turned, s.stop);
    const Mask beyond = crossed | (top > s.extreme);
    const Pack pushed = lesser(s.factor + select(falls, down.step, up.step), select(falls, down.most, up.most));
    s.factor = select(crossed, select(falls, down.initial, up.initial), select(beyond, pushed, s.factor));
    s.extreme = select(beyond, top, s.extreme);
    s.trend = select(falls, -1, 1);
    s.stop = lesser(lesser(stop + s.factor * (s.extreme - stop), bottom_before), bottom);
    s.high = high, s.low = low;
    return stop;
  }
};

struct Sar : Parabolic {
  explicit Sar(const double* params) {
    const double most = params[1], step = params[0] < most ? params[0] : most;
    up = down = {step, step, most};
  }
  template <bool kSettled>
  void step(State& s, const Pack* in, Pack* out) const {
    const Pack stop = advance<kSettled>(s, in[0], in[1]);
    out[0] = select(s.trend < 0, -stop, stop);
  }
};

/// With paces per direction, an offset on reversal and a start of one's choice; stops of falling trends are negative.
struct SarExtended : Parabolic {
  static Pace pace(const double* p) { return {p[0] < p[2] ? p[0] : p[2], p[1] < p[2] ? p[1] : p[2], p[2]}; }

  explicit SarExtended(const double* params) { start = params[0], offset = params[1], up = pace(params + 2), down = pace(params + 5); }
  template <bool kSettled>
  void step(State& s, const Pack* in, Pack* out) const {
    out[0] = advance<kSettled>(s, in[0], in[1]);
  }
};

// ---- the table ----------------------------------------------------------------------------------------------------------

/// In the order of LaneFunction.
constexpr LaneEntry kFunctions[] = {
    kEntry<Rsi>,
    kEntry<Cmo>,
    kEntry<Atr>,
    kEntry<Natr>,
    kEntry<Keltner>,
    kEntry<Supertrend>,
    kEntry<HeikinAshi>,
    kEntry<DirectionalMovement<false>>,
    kEntry<DirectionalMovement<true>>,
    kEntry<DirectionalIndicator<false>>,
    kEntry<DirectionalIndicator<true>>,
    kEntry<Dx>,
    kEntry<Adx>,
    kEntry<Adxr>,
    kEntry<Sar>,
    kEntry<SarExtended>,
};
static_assert(int(LaneFunction::rsi) + sizeof kFunctions / sizeof *kFunctions == size_t(LaneFunction::obv));

}  // namespace

const LaneEntry& lane_entry_of_bars(int number) { return kFunctions[number]; }

HAYATE_KERNELS_END
