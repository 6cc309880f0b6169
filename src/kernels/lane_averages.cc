// Exponential means and what is made of them (lanes.h).
#include "kernels/lane_averages.h"

#include "kernels/ta_formulas.h"

HAYATE_KERNELS_BEGIN
namespace {

// ---- averages -----------------------------------------------------------------------------------------------------------

struct Ema : Step<1, 1> {
  struct State {
    Pack rows, mean;
  };
  Exponential smoothing;

  explicit Ema(const double* params) : Step(params[0] - 1), smoothing(params[0]) {}

  template <bool kSettled>
  void step(State& s, const Pack* in, Pack* out) const {
    out[0] = s.mean = smoothing.next<kSettled>(s.mean, in[0], s.rows);
  }
};

/// The slow mean begins in the first row, the fast one so much later that both have their first value in the same row.
struct Macd : Step<1, 3> {
  struct State {
    Pack rows, fast, slow, signal;
  };
  Exponential fast, slow, signal;

  Macd(Exponential of_fast, Exponential of_slow, double signal_rows)
      : Step(of_slow.period + signal_rows - 2), fast(of_fast), slow(of_slow), signal(signal_rows) {}
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
struct Ewm : Step<1, 1, Missing::own> {
  struct State {
    Pack rows, mean, weight;
  };
  double alpha;

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
};

template <int kMeans>
struct Chained : Step<1, 1> {
  struct State {
    Pack rows, means[kMeans];
  };
  Chain<kMeans> chain;

  explicit Chained(double period) : Step(kMeans * (period - 1)), chain{Exponential(period)} {}
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

struct T3 : Chained<6> {
  talib::TillsonWeights weights;

  explicit T3(const double* params) : Chained(params[0]), weights(params[1]) {}
  template <bool kSettled>
  void step(State& s, const Pack* in, Pack* out) const {
    chain.add<kSettled>(s.means, in[0], s.rows);
    const Pack value = s.means[5] * weights.of_six + s.means[4] * weights.of_five + s.means[3] * weights.of_four + s.means[2] * weights.of_three;
    out[0] = chain.smoothing.period == 1 ? in[0] : value;
  }
};

inline Pack percent_change(const Pack& newest, const Pack& before) { return select(before != 0, (newest / before - 1) * 100, 0); }

/// One-row rate of change of a triple exponential mean.
struct Trix : Chained<3> {
  explicit Trix(const double* params) : Chained(params[0]) { lookback += 1; }
  template <bool kSettled>
  void step(State& s, const Pack* in, Pack* out) const {
    const Pack before = s.means[2];
    chain.add<kSettled>(s.means, in[0], s.rows);
    out[0] = percent_change(s.means[2], before);
  }
};

/// 100 times the twice smoothed step over the twice smoothed size of the step. (W. Blau.)
struct Tsi : Step<1, 1> {
  struct State {
    Pack rows, before, step, smooth_step, size, smooth_size;
  };
  Exponential first, second;

  explicit Tsi(const double* params) : Step(params[0] + params[1] - 1), first(params[0]), second(params[1]) {}

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
struct TwoMeans : Step<1, 1> {
  struct State {
    Pack rows, fast, slow;
  };
  Exponential fast, slow;

  explicit TwoMeans(const double* params)
      : Step((params[0] < params[1] ? params[1] : params[0]) - 1),
        fast(params[0] < params[1] ? params[0] : params[1]),
        slow(params[0] < params[1] ? params[1] : params[0]) {}

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
struct ElderRay : Step<3, 2> {
  struct State {
    Pack rows, mean;
  };
  Exponential smoothing;

  explicit ElderRay(const double* params) : Step(params[0] - 1), smoothing(params[0]) {}

  template <bool kSettled>
  void step(State& s, const Pack* in, Pack* out) const {
    s.mean = smoothing.next<kSettled>(s.mean, in[2], s.rows);
    out[0] = in[0] - s.mean, out[1] = in[1] - s.mean;
  }
};

/// Exponential mean of the change of close times the volume. (A. Elder.)
struct Force : Step<2, 1> {
  struct State {
    Pack rows, close, mean;
  };
  Exponential smoothing;

  explicit Force(const double* params) : Step(params[0]), smoothing(params[0]) {}

  template <bool kSettled>
  void step(State& s, const Pack* in, Pack* out) const {
    out[0] = s.mean = smoothing.next<kSettled>(s.mean, (in[0] - s.close) * in[1], s.rows - 1);
    s.close = in[0];
  }
};

// ---- with values of some rows before ---------------------------------------------------------------------------------------

/// Exponential mean of 2 x - x[(period - 1) / 2 rows ago]. (J. Ehlers, R. Way.)
struct Zlema : Ema {
  static constexpr bool kLooksBack = true;
  int64_t history;

  explicit Zlema(const double* params) : Ema(params), history((int64_t(params[0]) - 1) / 2) { lookback += double(history); }
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

  explicit RangeChange(const double* params) : Ema(params), history(int64_t(params[1])) { lookback += double(history); }
  template <bool kSettled>
  void step(State& s, const Pack* in, Pack* out, double* past) const {
    s.mean = smoothing.next<kSettled>(s.mean, in[0] - in[1], s.rows);
    store(s.mean, past);
    const Pack before = load(past - history * kLanes);
    out[0] = select(before == 0, 0, (s.mean - before) / before * 100);
  }
};

/// Kaufman's adaptive average: the path is the sum of |steps|.
struct Kama : Step<1, 1> {
  struct State {
    Pack rows, value;
  };
  static constexpr bool kLooksBack = true;
  int64_t history;

  explicit Kama(const double* params) : Step(params[0] > 1 ? params[0] : 0), history(int64_t(params[0])) {}

  template <bool kSettled>
  void step(State& s, const Pack* in, Pack* out, double* past) const {
    store(in[0], past);
    Pack path = 0, newer = in[0];
    for (int64_t age = 1; age <= history; ++age) {
      const Pack older = load(past - age * kLanes);
      path = path + absolute(newer - older);
      newer = older;
    }
    const Pack moved = in[0] - newer;
    const Pack value = kaufman_step(s.value, in[0], moved, path);
    s.value = kSettled ? value : select(s.rows > double(history), value, in[0]);
    out[0] = history == 1 ? in[0] : s.value;  // a period of 1 copies
  }
};

// ---- the table ----------------------------------------------------------------------------------------------------------

/// In the order of LaneFunction.
constexpr LaneEntry kFunctions[] = {
    kEntry<Ema>, kEntry<Macd>, kEntry<MacdFix>, kEntry<Ewm>, kEntry<Rma>,      kEntry<Dema>,  kEntry<Tema>,  kEntry<T3>,          kEntry<Trix>,
    kEntry<Tsi>, kEntry<Apo>,  kEntry<Ppo>,     kEntry<Pvo>, kEntry<ElderRay>, kEntry<Force>, kEntry<Zlema>, kEntry<RangeChange>, kEntry<Kama>,
};
static_assert(int(LaneFunction::ema) + sizeof kFunctions / sizeof *kFunctions == size_t(LaneFunction::rsi));

}  // namespace

const LaneEntry& lane_entry_of_average(int number) { return kFunctions[number]; }

HAYATE_KERNELS_END
