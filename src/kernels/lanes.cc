// The functions of lanes.h. Each is a struct:
//
//   struct State { Pack rows; ... };   // rows: complete rows of the run, this one included; at most settled + 1
//   static constexpr int kInputs, kOutputs;
//   static constexpr Missing kMissing;
//   double lookback;                   // rows of a run without a value (this and the next not where kMissing is `own`)
//   double settled;                    // rows after which every row is treated alike
//   template <bool kSettled> void step(State& state, const Pack* in, Pack* out) const;
//
// The state is all zeros before the first row. Almost every tile of 32 rows has no missing value and no lane that is still warming up:
// such a tile is done by step<true>, which has no counters and no conditions but the function's own; any other by step<false>. Both do
// the same operations in the same order, so where a tile begins can't show in the bytes.
//
// ns a row and symbol, 16 lanes, AVX-512 / AVX2 / baseline: EMA 0.27 / 0.27 / 0.52, MACD 0.42 / 0.42 / 0.85, RSI 0.43 / 0.46 / 0.94,
// ATR 0.34 / 0.33 / 0.64, ADX 0.96 / 1.27 / 2.6, SAR 1.16 / 1.67 / 4.3, OBV 0.20 / 0.34 / 0.48 (one symbol alone: 2 to 9). To bring a float32
// input into tiles 0.3, to take a float32 output out 0.14 and to write it 0.14. What limits: chains of 9 to 12 cycles a row in
// two packs (EMA, RSI, ATR), divisions (ADX), 40 dependent operations (SAR), memory (the rest).
#include "kernels/lanes.h"

#include "kernels/lane_entry.h"
#include "kernels/packs.h"
#include "kernels/strips.h"

HAYATE_KERNELS_BEGIN
namespace {

enum class Missing {
  begin_anew,  ///< a row with a missing input empties the state
  leave_out,   ///< and leaves it as it is
  own,         ///< the step sees it
};

// ---- averages -----------------------------------------------------------------------------------------------------------

/// An exponential mean that begins with the plain mean of its first `period` values; until then it is their sum. A period of 1 copies.
struct Exponential {
  double period, weight;
  bool copies = period == 1;

  explicit Exponential(double rows) : period(rows), weight(2 / (rows + 1)) {}
  Exponential(double rows, double of_newest) : period(rows), weight(of_newest) {}

  /// Takes value `number`, from 1; below 1 there is none yet.
  template <bool kSettled>
  Pack next(const Pack& mean, const Pack& x, const Pack& number) const {
    const Pack moved = copies ? x : (x - mean) * weight + mean;
    if constexpr (kSettled) return moved;
    const Pack sum = mean + x;
    return select(number > period, moved, select(number == period, sum / period, select(number < 1, 0, sum)));
  }
};

struct Ema {
  struct State {
    Pack rows, mean;
  };
  static constexpr int kInputs = 1, kOutputs = 1;
  static constexpr Missing kMissing = Missing::begin_anew;
  Exponential smoothing;
  double lookback, settled;

  explicit Ema(const double* params) : smoothing(params[0]), lookback(params[0] - 1), settled(params[0]) {}

  template <bool kSettled>
  void step(State& s, const Pack* in, Pack* out) const {
    out[0] = s.mean = smoothing.next<kSettled>(s.mean, in[0], s.rows);
  }
};

/// The slow mean begins in the first row, the fast one so much later that both have their first value in the same row.
struct Macd {
  struct State {
    Pack rows, fast, slow, signal;
  };
  static constexpr int kInputs = 1, kOutputs = 3;
  static constexpr Missing kMissing = Missing::begin_anew;
  Exponential fast, slow, signal;
  double lookback, settled;

  Macd(Exponential of_fast, Exponential of_slow, double signal_rows)
      : fast(of_fast), slow(of_slow), signal(signal_rows), lookback(slow.period + signal_rows - 2), settled(lookback + 1) {}
  explicit Macd(const double* params)
      : Macd(Exponential(params[0] < params[1] ? params[0] : params[1]), Exponential(params[0] < params[1] ? params[1] : params[0]), params[2]) {}

  template <bool kSettled>
  void step(State& s, const Pack* in, Pack* out) const {
    s.fast = fast.next<kSettled>(s.fast, in[0], s.rows - (slow.period - fast.period));
    s.slow = slow.next<kSettled>(s.slow, in[0], s.rows);
    out[0] = s.fast - s.slow;
    out[1] = s.signal = signal.next<kSettled>(s.signal, out[0], s.rows - (slow.period - 1));
    out[2] = out[0] - out[1];
  }
};

/// With the weights of its first publication.
struct MacdFix : Macd {
  explicit MacdFix(const double* params) : Macd(Exponential(12, 0.15), Exponential(26, 0.075), params[0]) {}
};

/// pandas ewm(alpha, adjust=True, ignore_na=False).mean(): sum(w x) / sum(w), w = (1 - alpha)^age. A missing row repeats the last value
/// and ages the weights. `rows` is 1 from the first value on.
struct Ewm {
  struct State {
    Pack rows, mean, weight;
  };
  static constexpr int kInputs = 1, kOutputs = 1;
  static constexpr Missing kMissing = Missing::own;
  double alpha, lookback = 0, settled = 0;

  explicit Ewm(const double* params) : alpha(params[0]) {}

  template <bool kSettled>
  void step(State& s, const Pack* in, Pack* out) const {
    const Pack x = in[0];
    const Mask present = x - x == 0, begun = s.rows > 0;
    const Pack aged = s.weight * (1 - alpha);
    // A constant series stays constant to the last digit.
    const Pack moved = select(present & (s.mean != x), (aged * s.mean + x) / (aged + 1), s.mean);
    s.weight = select(begun, select(present, aged + 1, aged), select(present, 1, 0));
    s.mean = select(begun, moved, select(present, x, 0));
    s.rows = select(begun | present, 1, 0);
    out[0] = select(s.rows > 0, s.mean, kNaN);
  }
};

// ---- gains and losses ---------------------------------------------------------------------------------------------------

/// Wilder's means of the steps up and of the steps down.
struct Gains {
  struct State {
    Pack rows, before, gain, loss;
  };
  static constexpr int kInputs = 1, kOutputs = 1;
  static constexpr Missing kMissing = Missing::begin_anew;
  double period, part, lookback, settled;

  explicit Gains(const double* params) : period(params[0]), part(1 / period), lookback(period), settled(period + 1) {}

  template <bool kSettled>
  void add(State& s, const Pack& x) const {
    const Pack step = x - s.before;
    const Mask falls = step < 0;
    const Pack up = select(falls, 0, step), down = select(falls, -step, 0);
    s.before = x;
    // The product with 1 / period as in TA-Lib: where a price stands still, STOCHRSI shows the last bit.
    const Pack gain = (s.gain * (period - 1) + up) * part, loss = (s.loss * (period - 1) + down) * part;
    if constexpr (kSettled) {
      s.gain = gain, s.loss = loss;
    } else {
      const Mask first = s.rows == 1, begins = s.rows == period + 1, moves = s.rows > period + 1;
      const Pack gains = select(first, 0, s.gain + up), losses = select(first, 0, s.loss + down);
      s.gain = select(moves, gain, select(begins, gains / period, gains));
      s.loss = select(moves, loss, select(begins, losses / period, losses));
    }
  }
};

/// part / all, 0 where `all` is not above 0.
inline Pack share(const Pack& part, const Pack& all) { return select(all > 0, part / all, 0); }

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

// ---- averages of averages -------------------------------------------------------------------------------------------------

/// Wilder's mean. TA-Lib does not copy for a period of 1, so with `exact` a NaN stays.
struct Rma : Ema {
  explicit Rma(const double* params) : Ema(params) { smoothing = {params[0], 1 / params[0]}, smoothing.copies = false; }
};

/// Exponential means of exponential means: each begins with the first value of the one before.
template <int kMeans>
struct Chain {
  Exponential smoothing;

  template <bool kSettled>
  void add(Pack* means, const Pack& x, const Pack& rows) const {
    for (int k = 0; k < kMeans; ++k) means[k] = smoothing.next<kSettled>(means[k], k == 0 ? x : means[k - 1], rows - k * (smoothing.period - 1));
  }
  /// Rows without a value, and rows until the last mean no longer begins.
  double lookback() const { return kMeans * (smoothing.period - 1); }
  double settled() const { return lookback() + 1; }
};

template <int kMeans>
struct Chained {
  struct State {
    Pack rows, means[kMeans];
  };
  static constexpr int kInputs = 1, kOutputs = 1;
  static constexpr Missing kMissing = Missing::begin_anew;
  Chain<kMeans> chain;
  double lookback, settled;

  explicit Chained(double period) : chain{Exponential(period)}, lookback(chain.lookback()), settled(chain.settled()) {}
};

/// 2 e1 - e2. (P. Mulloy, 1994.)
struct Dema : Chained<2> {
  explicit Dema(const double* params) : Chained(params[0]) {}
  template <bool kSettled>
  void step(State& s, const Pack* in, Pack* out) const {
    chain.add<kSettled>(s.means, in[0], s.rows);
    out[0] = s.means[0] * 2 - s.means[1];
  }
};

/// 3 e1 - 3 e2 + e3
struct Tema : Chained<3> {
  explicit Tema(const double* params) : Chained(params[0]) {}
  template <bool kSettled>
  void step(State& s, const Pack* in, Pack* out) const {
    chain.add<kSettled>(s.means, in[0], s.rows);
    out[0] = s.means[2] + (s.means[0] * 3 - s.means[1] * 3);
  }
};

/// Six means in a row, weighted by powers of the volume factor. (T. Tillson, 1998.)
struct T3 : Chained<6> {
  double of_six, of_five, of_four, of_three;

  explicit T3(const double* params) : Chained(params[0]) {
    const double factor = params[1], square = factor * factor, cube = square * factor;
    of_six = -cube, of_five = 3 * (square + cube), of_four = -6 * square - 3 * (factor + cube), of_three = 1 + 3 * factor + cube + 3 * square;
  }
  template <bool kSettled>
  void step(State& s, const Pack* in, Pack* out) const {
    chain.add<kSettled>(s.means, in[0], s.rows);
    const Pack value = s.means[5] * of_six + s.means[4] * of_five + s.means[3] * of_four + s.means[2] * of_three;
    out[0] = chain.smoothing.period == 1 ? in[0] : value;
  }
};

inline Pack percent_change(const Pack& newest, const Pack& before) { return select(before != 0, (newest / before - 1) * 100, 0); }

/// One-row rate of change of a triple exponential mean.
struct Trix : Chained<3> {
  explicit Trix(const double* params) : Chained(params[0]) { lookback += 1, settled += 1; }
  template <bool kSettled>
  void step(State& s, const Pack* in, Pack* out) const {
    const Pack before = s.means[2];
    chain.add<kSettled>(s.means, in[0], s.rows);
    out[0] = percent_change(s.means[2], before);
  }
};

/// 100 times the twice smoothed step over the twice smoothed size of the step. (W. Blau.)
struct Tsi {
  struct State {
    Pack rows, before, step, smooth_step, size, smooth_size;
  };
  static constexpr int kInputs = 1, kOutputs = 1;
  static constexpr Missing kMissing = Missing::begin_anew;
  Exponential first, second;
  double lookback, settled;

  explicit Tsi(const double* params) : first(params[0]), second(params[1]), lookback(params[0] + params[1] - 1), settled(lookback + 1) {}

  template <bool kSettled>
  void step(State& s, const Pack* in, Pack* out) const {
    const Pack moved = in[0] - s.before, number = s.rows - 1, second_number = s.rows - first.period;
    s.before = in[0];
    s.step = first.next<kSettled>(s.step, moved, number), s.size = first.next<kSettled>(s.size, absolute(moved), number);
    s.smooth_step = second.next<kSettled>(s.smooth_step, s.step, second_number);
    s.smooth_size = second.next<kSettled>(s.smooth_size, s.size, second_number);
    out[0] = share(s.smooth_step, s.smooth_size) * 100;
  }
};

/// Two exponential means, both from the first row on; the periods may come in either order.
struct TwoMeans {
  struct State {
    Pack rows, fast, slow;
  };
  static constexpr int kInputs = 1, kOutputs = 1;
  static constexpr Missing kMissing = Missing::begin_anew;
  Exponential fast, slow;
  double lookback, settled;

  explicit TwoMeans(const double* params)
      : fast(params[0] < params[1] ? params[0] : params[1]),
        slow(params[0] < params[1] ? params[1] : params[0]),
        lookback(slow.period - 1),
        settled(slow.period) {}

  template <bool kSettled>
  void add(State& s, const Pack& x) const {
    s.fast = fast.next<kSettled>(s.fast, x, s.rows), s.slow = slow.next<kSettled>(s.slow, x, s.rows);
  }
};

struct Apo : TwoMeans {
  using TwoMeans::TwoMeans;
  template <bool kSettled>
  void step(State& s, const Pack* in, Pack* out) const {
    add<kSettled>(s, in[0]);
    out[0] = s.fast - s.slow;
  }
};

/// 0 where the slow average is within 1e-14 of 0.
struct Ppo : TwoMeans {
  using TwoMeans::TwoMeans;
  template <bool kSettled>
  void step(State& s, const Pack* in, Pack* out) const {
    add<kSettled>(s, in[0]);
    out[0] = select(absolute(s.slow) < 1e-14, 0, (s.fast - s.slow) / s.slow * 100);
  }
};

/// Of the volume: 0 where there is none.
struct Pvo : TwoMeans {
  using TwoMeans::TwoMeans;
  template <bool kSettled>
  void step(State& s, const Pack* in, Pack* out) const {
    add<kSettled>(s, in[0]);
    out[0] = select(s.slow == 0, 0, (s.fast - s.slow) / s.slow) * 100;
  }
};

/// Bull power is the high minus an exponential mean of the close, bear power the low minus it. (A. Elder.)
struct ElderRay {
  struct State {
    Pack rows, mean;
  };
  static constexpr int kInputs = 3, kOutputs = 2;
  static constexpr Missing kMissing = Missing::begin_anew;
  Exponential smoothing;
  double lookback, settled;

  explicit ElderRay(const double* params) : smoothing(params[0]), lookback(params[0] - 1), settled(params[0]) {}

  template <bool kSettled>
  void step(State& s, const Pack* in, Pack* out) const {
    s.mean = smoothing.next<kSettled>(s.mean, in[2], s.rows);
    out[0] = in[0] - s.mean, out[1] = in[1] - s.mean;
  }
};

/// Exponential mean of the change of close times the volume. (A. Elder.)
struct Force {
  struct State {
    Pack rows, close, mean;
  };
  static constexpr int kInputs = 2, kOutputs = 1;
  static constexpr Missing kMissing = Missing::begin_anew;
  Exponential smoothing;
  double lookback, settled;

  explicit Force(const double* params) : smoothing(params[0]), lookback(params[0]), settled(params[0] + 1) {}

  template <bool kSettled>
  void step(State& s, const Pack* in, Pack* out) const {
    out[0] = s.mean = smoothing.next<kSettled>(s.mean, (in[0] - s.close) * in[1], s.rows - 1);
    s.close = in[0];
  }
};

// ---- ranges -------------------------------------------------------------------------------------------------------------

/// The largest of high - low, |high - previous close|, |low - previous close|.
inline Pack true_range(const Pack& high, const Pack& low, const Pack& close_before) {
  const Pack up = absolute(high - close_before), down = absolute(low - close_before), range = high - low;
  const Pack wider = select(up > range, up, range);
  return select(down > wider, down, wider);
}

struct Atr {
  struct State {
    Pack rows, close, range;
  };
  static constexpr int kInputs = 3, kOutputs = 1;
  static constexpr Missing kMissing = Missing::begin_anew;
  Exponential smoothing;
  double lookback, settled;

  explicit Atr(const double* params) : smoothing(params[0], 1 / params[0]), lookback(params[0]), settled(params[0] + 1) {}

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
struct Keltner {
  struct State {
    Pack rows, close, centre, range;
  };
  static constexpr int kInputs = 3, kOutputs = 3;
  static constexpr Missing kMissing = Missing::begin_anew;
  Exponential smoothing, of_range;
  double multiplier, lookback, settled;

  explicit Keltner(const double* params)
      : smoothing(params[0]),
        of_range(params[1], 1 / params[1]),
        multiplier(params[2]),
        lookback(params[0] - 1 > params[1] ? params[0] - 1 : params[1]),
        settled(lookback + 1) {}

  template <bool kSettled>
  void step(State& s, const Pack* in, Pack* out) const {
    // Value `period` of either mean is in row lookback + 1.
    const Pack later = s.rows - settled;
    s.centre = smoothing.next<kSettled>(s.centre, (in[0] + in[1] + in[2]) / 3, later + smoothing.period);
    s.range = of_range.next<kSettled>(s.range, true_range(in[0], in[1], s.close), later + of_range.period);
    s.close = in[2];
    const Pack width = s.range * multiplier;
    out[0] = s.centre + width, out[1] = s.centre, out[2] = s.centre - width;
  }
};

/// Bands `multiplier` average true ranges around the middle of the bar, each moving only towards the price while the close stays on its
/// side; the trend turns when a close crosses the band it follows.
struct Supertrend {
  struct State {
    Pack rows, gap, close, range, ceiling, floor, trend;  // trend: 1 rising, -1 falling
  };
  static constexpr int kInputs = 3, kOutputs = 2, kWholeOutput = 1;
  static constexpr Missing kMissing = Missing::begin_anew;
  Exponential smoothing;
  double multiplier, lookback, settled;

  explicit Supertrend(const double* params)
      : smoothing(params[0], 1 / params[0]), multiplier(params[1]), lookback(params[0]), settled(params[0] + 1) {}

  template <bool kSettled>
  void step(State& s, const Pack* in, Pack* out) const {
    s.range = smoothing.next<kSettled>(s.range, true_range(in[0], in[1], s.close), s.rows - 1);
    const Pack middle = (in[0] + in[1]) / 2, width = s.range * multiplier, upper = middle + width, lower = middle - width;
    Mask lowers = (upper < s.ceiling) | (s.close > s.ceiling), lifts = (lower > s.floor) | (s.close < s.floor);
    const Mask begins = kSettled ? Pack(0) != 0 : s.rows <= settled;
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
struct HeikinAshi {
  struct State {
    Pack rows, middle;
  };
  static constexpr int kInputs = 4, kOutputs = 4;
  static constexpr Missing kMissing = Missing::begin_anew;
  double lookback = 0, settled = 1;

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
struct DirectionalMovement {
  struct State {
    Pack rows, high, low, sum;
  };
  static constexpr int kInputs = 2, kOutputs = 1;
  static constexpr Missing kMissing = Missing::begin_anew;
  Movements movements;
  double lookback, settled;

  explicit DirectionalMovement(const double* params) : movements(params[0]), lookback(params[0] > 1 ? params[0] - 1 : 1), settled(params[0] + 1) {}

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
struct Directions {
  struct State {
    Pack rows, high, low, close, plus, minus, range;
  };
  static constexpr int kInputs = 3, kOutputs = 1;
  static constexpr Missing kMissing = Missing::begin_anew;
  Movements movements;
  double lookback, settled;

  explicit Directions(const double* params) : movements(params[0]), lookback(params[0]), settled(params[0] + 1) {}

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
  explicit Adx(const double* params) : Directions(params) { lookback = 2 * movements.period - 1, settled = 2 * movements.period; }

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

// ---- what looks back over a fixed number of rows too ------------------------------------------------------------------------
//
// Such a function says how many rows of one value it keeps (`history`); past[0] is this row's, to be set first, past[-k * kLanes]
// that of k rows before. Values from before the last missing row are never used.

/// The mean of ADX and of ADX period - 1 rows before.
struct Adxr : Adx {
  static constexpr bool kLooksBack = true;
  int64_t history;

  explicit Adxr(const double* params) : Adx(params), history(int64_t(params[0]) - 1) { lookback = 3 * movements.period - 2, settled = lookback; }
  template <bool kSettled>
  void step(State& s, const Pack* in, Pack* out, double* past) const {
    Adx::step<kSettled>(s, in, out);
    store(s.mean, past);
    out[0] = (s.mean + load(past - history * kLanes)) / 2;
  }
};

/// Exponential mean of 2 x - x[(period - 1) / 2 rows ago]. (J. Ehlers, R. Way.)
struct Zlema : Ema {
  static constexpr bool kLooksBack = true;
  int64_t history;

  explicit Zlema(const double* params) : Ema(params), history((int64_t(params[0]) - 1) / 2) {
    lookback += double(history), settled += double(history);
  }
  template <bool kSettled>
  void step(State& s, const Pack* in, Pack* out, double* past) const {
    store(in[0], past);
    const Pack ahead = in[0] + (in[0] - load(past - history * kLanes));
    out[0] = s.mean = smoothing.next<kSettled>(s.mean, ahead, s.rows - double(history));
  }
};

/// Change over rocperiod rows of the exponential mean of high - low, in percent. (M. Chaikin.)
struct RangeChange : Ema {
  static constexpr int kInputs = 2;
  static constexpr bool kLooksBack = true;
  int64_t history;

  explicit RangeChange(const double* params) : Ema(params), history(int64_t(params[1])) { lookback += double(history), settled = lookback; }
  template <bool kSettled>
  void step(State& s, const Pack* in, Pack* out, double* past) const {
    s.mean = smoothing.next<kSettled>(s.mean, in[0] - in[1], s.rows);
    store(s.mean, past);
    const Pack before = load(past - history * kLanes);
    out[0] = select(before == 0, 0, (s.mean - before) / before * 100);
  }
};

/// Kaufman's adaptive average: the weight goes from (2/31)^2 to (2/3)^2 with the efficiency ratio |x - x[period]| / sum |steps|.
struct Kama {
  struct State {
    Pack rows, value;
  };
  static constexpr int kInputs = 1, kOutputs = 1;
  static constexpr Missing kMissing = Missing::begin_anew;
  static constexpr bool kLooksBack = true;
  int64_t history;
  double lookback, settled;

  explicit Kama(const double* params) : history(int64_t(params[0])), lookback(params[0] > 1 ? params[0] : 0), settled(params[0]) {}

  template <bool kSettled>
  void step(State& s, const Pack* in, Pack* out, double* past) const {
    constexpr double kFastest = 2.0 / (2 + 1), kSlowest = 2.0 / (30 + 1);
    store(in[0], past);
    Pack path = 0, newer = in[0];
    for (int64_t age = 1; age <= history; ++age) {
      const Pack older = load(past - age * kLanes);
      path = path + absolute(newer - older);
      newer = older;
    }
    const Pack moved = in[0] - newer;
    const Pack ratio = select((path <= moved) | (path == 0), 1, absolute(moved / path));
    const Pack weight = ratio * (kFastest - kSlowest) + kSlowest;
    const Pack value = s.value + (in[0] - s.value) * (weight * weight);
    s.value = kSettled ? value : select(s.rows > settled, value, in[0]);
    out[0] = history == 1 ? in[0] : s.value;  // a period of 1 copies
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
struct Parabolic {
  struct State {
    Pack rows, high, low, stop, extreme, factor, trend;  // trend: 1 rising, -1 falling
  };
  static constexpr int kInputs = 2, kOutputs = 1;
  static constexpr Missing kMissing = Missing::begin_anew;
  double lookback = 1, settled = 2;
  Pace up, down;
  double start = 0, offset = 0;

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

// ---- sums from the first row on -------------------------------------------------------------------------------------------

/// Volume added on days that closed higher, subtracted on days that closed lower; the first day's is added. (J. Granville.)
struct OnBalance {
  struct State {
    Pack rows, close, total;
  };
  static constexpr int kInputs = 2, kOutputs = 1;
  static constexpr Missing kMissing = Missing::leave_out;
  double lookback = 0, settled = 1;

  explicit OnBalance(const double*) {}

  template <bool kSettled>
  void step(State& s, const Pack* in, Pack* out) const {
    const Mask rises = kSettled ? in[0] > s.close : (in[0] > s.close) | (s.rows == 1);
    out[0] = s.total = s.total + select(rises, in[1], select(in[0] < s.close, -in[1], 0));
    s.close = in[0];
  }
};

struct Total {
  struct State {
    Pack rows, total;
  };
  static constexpr int kInputs = 1, kOutputs = 1;
  static constexpr Missing kMissing = Missing::leave_out;
  double lookback = 0, settled = 0;

  explicit Total(const double*) {}

  template <bool kSettled>
  void step(State& s, const Pack* in, Pack* out) const {
    out[0] = s.total = s.total + in[0];
  }
};

/// Volume signed by where in the bar it closed: from -volume at the low to +volume at the high. (M. Chaikin.)
inline Pack money_flow(const Pack* in) {
  const Pack range = in[0] - in[1];
  return select(range > 0, ((in[2] - in[1]) - (in[0] - in[2])) / range * in[3], 0);
}

struct Accumulation {
  struct State {
    Pack rows, total;
  };
  static constexpr int kInputs = 4, kOutputs = 1;
  static constexpr Missing kMissing = Missing::leave_out;
  double lookback = 0, settled = 0;

  explicit Accumulation(const double*) {}

  template <bool kSettled>
  void step(State& s, const Pack* in, Pack* out) const {
    out[0] = s.total = s.total + money_flow(in);
  }
};

/// Fast minus slow exponential mean of the accumulation line; both begin with its first value, not with a mean.
struct AccumulationOscillator {
  struct State {
    Pack rows, total, fast, slow;
  };
  static constexpr int kInputs = 4, kOutputs = 1;
  static constexpr Missing kMissing = Missing::leave_out;
  double fast, slow, lookback, settled;

  explicit AccumulationOscillator(const double* params)
      : fast(2 / (params[0] + 1)), slow(2 / (params[1] + 1)), lookback((params[0] > params[1] ? params[0] : params[1]) - 1), settled(lookback + 1) {}

  template <bool kSettled>
  void step(State& s, const Pack* in, Pack* out) const {
    s.total = s.total + money_flow(in);
    s.fast = s.total * fast + s.fast * (1 - fast), s.slow = s.total * slow + s.slow * (1 - slow);
    if constexpr (!kSettled) s.fast = select(s.rows == 1, s.total, s.fast), s.slow = select(s.rows == 1, s.total, s.slow);
    out[0] = s.fast - s.slow;
  }
};

/// Summed up: the close minus the true low on days up, minus the true high on days down. (L. Williams.)
struct WilliamsAccumulation {
  struct State {
    Pack rows, close, total;
  };
  static constexpr int kInputs = 3, kOutputs = 1;
  static constexpr Missing kMissing = Missing::leave_out;
  double lookback = 0, settled = 1;

  explicit WilliamsAccumulation(const double*) {}

  template <bool kSettled>
  void step(State& s, const Pack* in, Pack* out) const {
    const Pack true_low = select(in[1] < s.close, in[1], s.close), true_high = select(in[0] > s.close, in[0], s.close);
    const Pack moved = select(in[2] > s.close, in[2] - true_low, select(in[2] < s.close, in[2] - true_high, 0));
    out[0] = s.total = s.total + (kSettled ? moved : select(s.rows == 1, 0, moved));
    s.close = in[2];
  }
};

/// 0 where the value before is 0.
inline Pack relative_change(const Pack& newest, const Pack& before) { return select(before == 0, 0, (newest - before) / before); }

struct PriceVolumeTrend {
  struct State {
    Pack rows, close, total;
  };
  static constexpr int kInputs = 2, kOutputs = 1;
  static constexpr Missing kMissing = Missing::leave_out;
  double lookback = 0, settled = 1;

  explicit PriceVolumeTrend(const double*) {}

  template <bool kSettled>
  void step(State& s, const Pack* in, Pack* out) const {
    const Pack moved = relative_change(in[0], s.close) * in[1];
    out[0] = s.total = s.total + (kSettled ? moved : select(s.rows == 1, 0, moved));
    s.close = in[0];
  }
};

/// An index from 1000 that follows the price on days whose volume fell (NVI) or rose (PVI), but not into missing prices.
/// (P. Dysart, N. Fosback.)
template <bool kRising>
struct VolumeIndex {
  struct State {
    Pack rows, close, volume, index;
  };
  static constexpr int kInputs = 2, kOutputs = 1;
  static constexpr Missing kMissing = Missing::leave_out;
  double lookback = 0, settled = 1;

  explicit VolumeIndex(const double*) {}

  template <bool kSettled>
  void step(State& s, const Pack* in, Pack* out) const {
    const Pack change = relative_change(in[0], s.close);
    const Mask counts = (kRising ? in[1] > s.volume : in[1] < s.volume) & (change == change);
    const Pack index = select(counts, s.index + s.index * change, s.index);
    out[0] = s.index = kSettled ? index : select(s.rows == 1, 1000, index);
    s.close = in[0], s.volume = in[1];
  }
};

/// Volume-weighted mean price since the first bar, not since the start of a day.
struct WeightedPrice {
  struct State {
    Pack rows, paid, traded;
  };
  static constexpr int kInputs = 4, kOutputs = 1;
  static constexpr Missing kMissing = Missing::leave_out;
  double lookback = 0, settled = 0;

  explicit WeightedPrice(const double*) {}

  template <bool kSettled>
  void step(State& s, const Pack* in, Pack* out) const {
    const Pack money = (in[0] + in[1] + in[2]) / 3 * in[3];
    const Mask counts = money == money;
    s.paid = s.paid + select(counts, money, 0), s.traded = s.traded + select(counts, in[3], 0);
    out[0] = select(s.traded == 0, 0, s.paid / s.traded);
  }
};

// ---- all rows so far ------------------------------------------------------------------------------------------------------
//
// Sums are relative to the newest value, as those of moments.h: the newest row is joined to all before it. A missing row adds nothing, but
// the values before it are a row older.

inline Mask is_present(const Pack& x) { return x - x == 0; }

template <bool kMean>
struct SumSoFar {
  struct State {
    Pack count, total;
  };
  static constexpr int kInputs = 1, kOutputs = 1;
  static constexpr Missing kMissing = Missing::own;

  explicit SumSoFar(const double*) {}

  template <bool kSettled>
  void step(State& s, const Pack* in, Pack* out) const {
    const Mask present = is_present(in[0]);
    s.count = s.count + select(present, 1, 0), s.total = s.total + select(present, in[0], 0);
    out[0] = select(s.count > 0, kMean ? s.total / s.count : s.total, kNaN);
  }
};

/// The sums of distances y from the newest value: y, y^2, age y, y^3 and y^4; and of the ages of the values, and of their squares.
struct SumsSoFar {
  Pack rows, count, ages, ages2, newest, sum, squares, aged, cubes, fourths;

  void add(const Pack& x) {
    const Mask present = is_present(x);
    const Pack value = select(present, x, newest), e = select(count > 0, newest - value, 0), ne = count * e;
    aged = aged + (sum + e * (ages + count));
    fourths = fourths + e * (cubes * 4 + e * (squares * 6 + e * (sum * 4 + ne)));
    cubes = cubes + e * (squares * 3 + e * (sum * 3 + ne));
    squares = squares + e * (sum * 2 + ne);
    sum = sum + ne, newest = value;
    ages2 = ages2 + (ages * 2 + count), ages = ages + count, count = count + select(present, 1, 0), rows = rows + 1;
  }
};

inline Pack square_root(Pack x) {
  for (Vector& part : x.v)
    for (int i = 0; i < kVectorLanes; ++i) part[i] = __builtin_sqrt(part[i]);
  return x;
}

/// What is made of them, as in moments.cc. 1 / n comes first there too.
struct MeanOf {
  static Pack of(const SumsSoFar& s) { return s.newest + s.sum * (1 / s.count); }
};
struct VarianceOf {
  static Pack of(const SumsSoFar& s) {
    const Pack moment = s.squares - s.sum * s.sum * (1 / s.count);
    return select(moment < 0, 0, moment) * (1 / (s.count - 1));
  }
};
struct DeviationOf {
  static Pack of(const SumsSoFar& s) { return square_root(VarianceOf::of(s)); }
};
/// The line through the values. An infinite value leaves none from then on.
struct SlopeOf {
  static constexpr bool kIsLine = true;
  static Pack spread(const SumsSoFar& s) { return s.count * s.ages2 - s.ages * s.ages; }
  static Pack both(const SumsSoFar& s) { return s.ages * s.sum - s.count * s.aged; }
  static Pack of(const SumsSoFar& s) { return both(s) * (1 / spread(s)); }
};
struct RsquareOf : SlopeOf {
  static Pack of(const SumsSoFar& s) { return both(s) * both(s) * (1 / spread(s)) / (s.count * s.squares - s.sum * s.sum); }
};
struct ResidualOf : SlopeOf {
  static constexpr bool kIsOfRow = true;
  static Pack of(const SumsSoFar& s) { return -((s.sum + SlopeOf::of(s) * s.ages) * (1 / s.count)); }
};
struct WeightedMeanOf {
  static Pack of(const SumsSoFar& s) {
    const Pack weighted = s.rows * s.sum - s.aged + s.newest * (s.rows * s.count - s.ages);
    return weighted / (s.rows * (s.rows + 1) / 2) / s.count;
  }
};
struct SkewnessOf {
  static Pack of(const SumsSoFar& s) {
    const Pack n = s.count, inverse = 1 / n, mean = s.sum * inverse, m2 = s.squares * inverse - mean * mean;
    const Pack m3 = s.cubes * inverse - mean * (3 * (s.squares * inverse) - 2 * (mean * mean));
    const Pack skew = square_root(n * (n - 1)) / (n - 2) * m3 / (m2 * square_root(m2));
    return select(n >= 3, select(s.squares == 0, 0, select(m2 <= 1e-14, kNaN, skew)), kNaN);
  }
};
struct KurtosisOf {
  static Pack of(const SumsSoFar& s) {
    const Pack n = s.count, inverse = 1 / n, mean = s.sum * inverse, q = s.squares * inverse, m2 = q - mean * mean, n1 = n - 1;
    const Pack m4 = s.fourths * inverse - mean * (4 * (s.cubes * inverse) - mean * (6 * q - 3 * (mean * mean)));
    const Pack kurt = ((n * n - 1) * m4 / (m2 * m2) - 3 * (n1 * n1)) / ((n - 2) * (n - 3));
    return select(n >= 4, select(s.squares == 0, -3, select(m2 <= 1e-14, kNaN, kurt)), kNaN);
  }
};

template <class Stat>
struct StatisticSoFar {
  struct State {
    SumsSoFar sums;
    Pack infinite;
  };
  static constexpr int kInputs = 1, kOutputs = 1;
  static constexpr Missing kMissing = Missing::own;

  explicit StatisticSoFar(const double*) {}

  template <bool kSettled>
  void step(State& s, const Pack* in, Pack* out) const {
    s.sums.add(in[0]);
    out[0] = Stat::of(s.sums);
    if constexpr (requires { Stat::kIsLine; }) {
      s.infinite = select(is_missing(in[0]) | is_present(in[0]), s.infinite, 1);
      out[0] = select(s.infinite > 0, kNaN, out[0]);
    }
    if constexpr (requires { Stat::kIsOfRow; }) out[0] = select(is_present(in[0]), out[0], kNaN);
    out[0] = select(is_missing(out[0]), kNaN, out[0]);
  }
};

/// The best value. As in extremes.h: a missing row is not looked at for it, but wins the position, and the first of equals does.
template <bool kLargest, bool kPosition>
struct ExtremeSoFar {
  struct State {
    Pack rows, count, best, position, is_missing_row;
  };
  static constexpr int kInputs = 1, kOutputs = 1;
  static constexpr Missing kMissing = Missing::own;

  explicit ExtremeSoFar(const double*) {}

  template <bool kSettled>
  void step(State& s, const Pack* in, Pack* out) const {
    const Mask present = is_present(in[0]);
    const Mask better = present & ((s.count == 0) | (kLargest ? in[0] > s.best : in[0] < s.best));
    s.rows = s.rows + 1;
    s.best = select(better, in[0] + 0, s.best);
    s.position = select((better | ~present) & (s.is_missing_row == 0), s.rows, s.position);
    s.is_missing_row = select(present, s.is_missing_row, 1), s.count = s.count + select(present, 1, 0);
    out[0] = select(s.count > 0, kPosition ? s.position : s.best, kNaN);
  }
};

/// That of the first row, missing or not.
struct FirstValue {
  struct State {
    Pack rows, value;
  };
  static constexpr int kInputs = 1, kOutputs = 1;
  static constexpr Missing kMissing = Missing::own;

  explicit FirstValue(const double*) {}

  template <bool kSettled>
  void step(State& s, const Pack* in, Pack* out) const {
    out[0] = s.value = select(s.rows == 0, in[0], s.value);
    s.rows = 1;
  }
};

// ---- tiles --------------------------------------------------------------------------------------------------------------

template <class State>
constexpr int kWords = int(sizeof(State) / sizeof(Pack));

template <class State>
inline Pack& word(State& state, int w) {
  return reinterpret_cast<Pack*>(&state)[w];
}
template <class State>
inline const Pack& word(const State& state, int w) {
  return reinterpret_cast<const Pack*>(&state)[w];
}

template <class State>
inline State load_state(const double* from) {
  State state;
  for (int w = 0; w < kWords<State>; ++w) word(state, w) = load(from + w * kLanes);
  return state;
}

template <class State>
inline void store_state(const State& state, double* to) {
  for (int w = 0; w < kWords<State>; ++w) store(word(state, w), to + w * kLanes);
}

template <class State>
inline State select(const Mask& where, const State& a, const State& b) {
  State out;
  for (int w = 0; w < kWords<State>; ++w) word(out, w) = select(where, word(a, w), word(b, w));
  return out;
}

template <class Function>
inline void load_inputs(const LaneTask& task, int64_t cell, Pack* in) {
  for (int i = 0; i < Function::kInputs; ++i) in[i] = load(task.inputs[i] + cell);
}

template <class Function>
constexpr bool kLooksBack = requires { Function::kLooksBack; };

/// Where the values that a function looks back to stand: behind the words of its state those of the rows before the tile, then its own.
template <class Function>
inline double* past_of(const Function& function, const LaneTask& task, int64_t lane) {
  if constexpr (kLooksBack<Function>) return task.state + (kWords<typename Function::State> + function.history) * kLanes + lane;
  return nullptr;
}

template <bool kSettled, class Function>
inline void step(const Function& function, typename Function::State& state, const Pack* in, Pack* out, double* past) {
  if constexpr (kLooksBack<Function>)
    function.template step<kSettled>(state, in, out, past);
  else
    function.template step<kSettled>(state, in, out);
}

/// No row is missing and no lane is warming up.
template <class Function>
void run_settled(const Function& function, const LaneTask& task, int64_t lane) {
  double* const past = past_of(function, task, lane);
  auto state = load_state<typename Function::State>(task.state + lane);
  for (int64_t cell = lane; cell < task.rows * kLanes; cell += kLanes) {
    Pack in[Function::kInputs], out[Function::kOutputs];
    load_inputs<Function>(task, cell, in);
    step<true>(function, state, in, out, past + (cell - lane));
    for (int o = 0; o < Function::kOutputs; ++o) store(out[o], task.outputs[o] + cell);
  }
  store_state(state, task.state + lane);
}

template <class Function>
constexpr bool kHasWholeOutput = requires { Function::kWholeOutput; };

template <class Function>
void run_unsettled(const Function& function, const LaneTask& task, int64_t lane) {
  using State = typename Function::State;
  double* const past = past_of(function, task, lane);
  auto state = load_state<State>(task.state + lane);
  // What stands where a row has no value. Whole numbers are 0 in the first rows of a series, NaN in those behind a missing row.
  const auto nothing = [&](const State& before, const Mask& skipped, int output) -> Pack {
    if constexpr (kHasWholeOutput<Function>)
      if (output == Function::kWholeOutput) return task.exact ? Pack(0) : select(skipped | (before.gap > 0), kNaN, 0);
    return kNaN;
  };
  for (int64_t cell = lane; cell < task.rows * kLanes; cell += kLanes) {
    Pack in[Function::kInputs], out[Function::kOutputs];
    load_inputs<Function>(task, cell, in);
    Mask skipped = is_missing(in[0]);
    for (int i = 1; i < Function::kInputs; ++i) skipped = skipped | is_missing(in[i]);
    if (task.exact) skipped = skipped & (state.rows == 0);
    State next = state;
    next.rows = select(state.rows > function.settled, state.rows, state.rows + 1);
    step<false>(function, next, in, out, past + (cell - lane));
    const Mask empty = skipped | (next.rows <= function.lookback);
    for (int o = 0; o < Function::kOutputs; ++o) store(select(empty, nothing(state, skipped, o), out[o]), task.outputs[o] + cell);
    State emptied = {};
    if constexpr (kHasWholeOutput<Function>) emptied.gap = 1;
    state = select(skipped, Function::kMissing == Missing::leave_out ? state : emptied, next);
  }
  store_state(state, task.state + lane);
}

template <class Function>
void run_function(const LaneTask& task) {
  const Function function(task.params);
  for (int64_t lane = 0; lane < task.lanes; lane += kPackLanes) {
    if constexpr (Function::kMissing == Missing::own) {
      run_settled(function, task, lane);
    } else {
      if (task.complete && all(load(task.state + lane) > function.settled))
        run_settled(function, task, lane);
      else
        run_unsettled(function, task, lane);
    }
  }
  if constexpr (kLooksBack<Function>) {
    double* const kept = task.state + kWords<typename Function::State> * kLanes;
    memmove(kept, kept + task.rows * kLanes, size_t(function.history * kLanes) * sizeof(double));
  }
}

template <class Function>
int64_t words_of([[maybe_unused]] const double* params) {
  if constexpr (kLooksBack<Function>) return kWords<typename Function::State> + Function(params).history;
  return kWords<typename Function::State>;
}

template <class Function>
constexpr LaneEntry kEntry = {words_of<Function>, run_function<Function>};

/// In the order of LaneFunction, without `none` and those that stand in ta_cycle.cc and ta_patterns.cc.
constexpr LaneEntry kFunctions[] = {
    kEntry<Ema>,
    kEntry<Macd>,
    kEntry<MacdFix>,
    kEntry<Rsi>,
    kEntry<Cmo>,
    kEntry<Atr>,
    kEntry<Natr>,
    kEntry<DirectionalMovement<false>>,
    kEntry<DirectionalMovement<true>>,
    kEntry<DirectionalIndicator<false>>,
    kEntry<DirectionalIndicator<true>>,
    kEntry<Dx>,
    kEntry<Adx>,
    kEntry<Sar>,
    kEntry<SarExtended>,
    kEntry<OnBalance>,
    kEntry<Ewm>,
    kEntry<Rma>,
    kEntry<Dema>,
    kEntry<Tema>,
    kEntry<T3>,
    kEntry<Trix>,
    kEntry<Tsi>,
    kEntry<Apo>,
    kEntry<Ppo>,
    kEntry<Pvo>,
    kEntry<ElderRay>,
    kEntry<Force>,
    kEntry<Keltner>,
    kEntry<Supertrend>,
    kEntry<HeikinAshi>,
    kEntry<Total>,
    kEntry<Accumulation>,
    kEntry<AccumulationOscillator>,
    kEntry<WilliamsAccumulation>,
    kEntry<PriceVolumeTrend>,
    kEntry<VolumeIndex<false>>,
    kEntry<VolumeIndex<true>>,
    kEntry<WeightedPrice>,
    kEntry<Adxr>,
    kEntry<Zlema>,
    kEntry<RangeChange>,
    kEntry<Kama>,
    kEntry<SumSoFar<false>>,
    kEntry<SumSoFar<true>>,
    kEntry<StatisticSoFar<MeanOf>>,
    kEntry<StatisticSoFar<VarianceOf>>,
    kEntry<StatisticSoFar<DeviationOf>>,
    kEntry<StatisticSoFar<SlopeOf>>,
    kEntry<StatisticSoFar<RsquareOf>>,
    kEntry<StatisticSoFar<ResidualOf>>,
    kEntry<StatisticSoFar<WeightedMeanOf>>,
    kEntry<StatisticSoFar<SkewnessOf>>,
    kEntry<StatisticSoFar<KurtosisOf>>,
    kEntry<ExtremeSoFar<true, false>>,
    kEntry<ExtremeSoFar<false, false>>,
    kEntry<ExtremeSoFar<true, true>>,
    kEntry<ExtremeSoFar<false, true>>,
    kEntry<FirstValue>,
};
static_assert(sizeof kFunctions / sizeof *kFunctions + 1 == size_t(LaneFunction::ht_dcperiod));

const LaneEntry& entry_of(LaneFunction function) {
  if (function >= LaneFunction::ht_dcperiod && function < LaneFunction::patterns)
    return lane_entry_of_cycle(int(function) - int(LaneFunction::ht_dcperiod));
  return function >= LaneFunction::patterns ? lane_entry_of_pattern(int(function) - int(LaneFunction::patterns)) : kFunctions[size_t(function) - 1];
}

int64_t words(LaneFunction function, const double* params) { return entry_of(function).words(params); }
void run(const LaneTask& task) { entry_of(task.function).run(task); }

// ---- between series and tiles -------------------------------------------------------------------------------------------

/// kVectorLanes rows of as many series, or the other way round.
inline void transpose(Vector* x) {
#if defined(__AVX2__)
  static_assert(kVectorLanes == 4);
  const Vector a = __builtin_shufflevector(x[0], x[1], 0, 4, 2, 6), b = __builtin_shufflevector(x[0], x[1], 1, 5, 3, 7);
  const Vector c = __builtin_shufflevector(x[2], x[3], 0, 4, 2, 6), d = __builtin_shufflevector(x[2], x[3], 1, 5, 3, 7);
  x[0] = __builtin_shufflevector(a, c, 0, 1, 4, 5), x[1] = __builtin_shufflevector(b, d, 0, 1, 4, 5);
  x[2] = __builtin_shufflevector(a, c, 2, 3, 6, 7), x[3] = __builtin_shufflevector(b, d, 2, 3, 6, 7);
#else
  static_assert(kVectorLanes == 2);
  const Vector a = __builtin_shufflevector(x[0], x[1], 0, 2);
  x[1] = __builtin_shufflevector(x[0], x[1], 1, 3), x[0] = a;
#endif
}

/// The rows of the next tile: 16 lanes of several series are more streams than the processor follows by itself.
inline void prefetch_next(const LaneSeries& series, int64_t rows) {
  const int64_t width = series.stored == Cell::boolean ? 1 : series.stored == Cell::float32 ? 4 : 8;
  const char* next = static_cast<const char*>(series.values) + rows * width;
  for (int64_t byte = 0; byte < kLaneRows * width && rows < series.rows; byte += 64) __builtin_prefetch(next + byte);
}

/// `rows` values of a series as float64.
void widen(const LaneSeries& series, int64_t rows, double* out) {
  prefetch_next(series, rows);
  const int64_t stored = least(rows, series.rows);
  if (series.stored == Cell::boolean) {
    const uint8_t* values = static_cast<const uint8_t*>(series.values);
    for (int64_t i = 0; i < stored; ++i) out[i] = double(values[i]);
  } else if (series.stored == Cell::float32) {
    const float* values = static_cast<const float*>(series.values);
    for (int64_t i = 0; i < stored; ++i) out[i] = double(values[i]);
  } else if (series.cell == Cell::float32) {
    const double* values = static_cast<const double*>(series.values);
    for (int64_t i = 0; i < stored; ++i) out[i] = double(float(values[i]));
  } else {
    memcpy(out, series.values, size_t(stored) * sizeof(double));
  }
  for (int64_t i = stored; i < round_up(rows); ++i) out[i] = out[stored - 1];
}

bool gather(const LaneSeries* series, int64_t lanes, int64_t rows, double* tile) {
  alignas(64) double values[kVectorLanes][kLaneRows];
  VectorMask missing = {};
  for (int64_t lane = 0; lane < lanes; lane += kVectorLanes) {
    for (int64_t i = 0; i < kVectorLanes; ++i) widen(series[lane + i < lanes ? lane + i : lane], rows, values[i]);
    for (int64_t row = 0; row < rows; row += kVectorLanes) {
      Vector x[kVectorLanes];
      for (int i = 0; i < kVectorLanes; ++i) x[i] = *reinterpret_cast<const UnalignedVector*>(values[i] + row);
      transpose(x);
      for (int i = 0; i < kVectorLanes; ++i) {
        const VectorMask empty = x[i] != x[i];
        missing |= empty;
        *reinterpret_cast<UnalignedVector*>(tile + (row + i) * kLanes + lane) = empty ? Vector{} + kNaN : x[i];
      }
    }
  }
  // A pack may hold more lanes than there are.
  for (int64_t lane = (lanes + kVectorLanes - 1) / kVectorLanes * kVectorLanes; lane % kPackLanes != 0; ++lane)
    for (int64_t row = 0; row < rows; ++row) tile[row * kLanes + lane] = tile[row * kLanes];
  int64_t any = 0;
  for (int i = 0; i < kVectorLanes; ++i) any |= missing[i];
  return any != 0;
}

/// kVectorLanes values from each of as many rows, to as many lanes.
inline void scatter_square(Vector* x, double* const* out, int64_t row) {
  transpose(x);
  for (int i = 0; i < kVectorLanes; ++i)
    if (out[i]) *reinterpret_cast<UnalignedVector*>(out[i] + row) = x[i];
}
inline void scatter_square(Vector* x, float* const* out, int64_t row) {
#if defined(__AVX2__)
  __m128 narrow[kVectorLanes];
  for (int i = 0; i < kVectorLanes; ++i) narrow[i] = _mm256_cvtpd_ps(x[i]);
  _MM_TRANSPOSE4_PS(narrow[0], narrow[1], narrow[2], narrow[3]);
  for (int i = 0; i < kVectorLanes; ++i)
    if (out[i]) _mm_storeu_ps(out[i] + row, narrow[i]);
#else
  for (int i = 0; i < kVectorLanes; ++i)
    for (int k = 0; k < kVectorLanes && out[i]; ++k) out[i][row + k] = float(x[k][i]);
#endif
}

template <class Float>
void scatter_as(const double* tile, int64_t lanes, int64_t rows, Float* const* out) {
  for (int64_t lane = 0; lane < lanes; lane += kVectorLanes) {
    Float* to[kVectorLanes];
    for (int64_t i = 0; i < kVectorLanes; ++i) to[i] = lane + i < lanes ? out[lane + i] : nullptr;
    int64_t row = 0;
    for (; row + kVectorLanes <= rows; row += kVectorLanes) {
      Vector x[kVectorLanes];
      for (int i = 0; i < kVectorLanes; ++i) x[i] = *reinterpret_cast<const UnalignedVector*>(tile + (row + i) * kLanes + lane);
      scatter_square(x, to, row);
    }
    for (; row < rows; ++row)
      for (int64_t i = 0; i < kVectorLanes; ++i)
        if (to[i]) to[i][row] = Float(tile[row * kLanes + lane + i]);
  }
}

void scatter(const double* tile, int64_t lanes, int64_t rows, double* const* out) { scatter_as(tile, lanes, rows, out); }
void scatter_floats(const double* tile, int64_t lanes, int64_t rows, float* const* out) { scatter_as(tile, lanes, rows, out); }

}  // namespace

extern const LaneKernels kLaneKernels;
const LaneKernels kLaneKernels = {words, run, gather, scatter, scatter_floats};

HAYATE_KERNELS_END
