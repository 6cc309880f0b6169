// The functions of lanes.h. Each is a struct:
//
//   struct State { Pack rows; ... };   // rows: complete rows of the run, this one included; at most settled + 1
//   static constexpr int kInputs, kOutputs;
//   static constexpr Missing kMissing;
//   double lookback;                   // rows of a run without a value
//   double settled;                    // rows after which every row is treated alike
//   template <bool kSettled> void step(State& state, const Pack* in, Pack* out) const;
//
// The state is all zeros before the first row. Almost every tile of 32 rows has no missing value and no lane that is still warming up:
// such a tile is done by step<true>, which has no counters and no conditions but the function's own; any other by step<false>. Both do
// the same operations in the same order, so where a tile begins can't show in the bytes.
#include "kernels/lanes.h"

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

  explicit Exponential(double rows) : period(rows), weight(2 / (rows + 1)) {}
  Exponential(double rows, double of_newest) : period(rows), weight(of_newest) {}

  /// Takes value `number`, from 1; below 1 there is none yet.
  template <bool kSettled>
  Pack next(const Pack& mean, const Pack& x, const Pack& number) const {
    const Pack moved = period == 1 ? x : (x - mean) * weight + mean;
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

// ---- directional movement: see ta_directional.h ---------------------------------------------------------------------------

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

/// No row is missing and no lane is warming up.
template <class Function>
void run_settled(const Function& function, const LaneTask& task, int64_t lane) {
  auto state = load_state<typename Function::State>(task.state + lane);
  for (int64_t cell = lane; cell < task.rows * kLanes; cell += kLanes) {
    Pack in[Function::kInputs], out[Function::kOutputs];
    load_inputs<Function>(task, cell, in);
    function.template step<true>(state, in, out);
    for (int o = 0; o < Function::kOutputs; ++o) store(out[o], task.outputs[o] + cell);
  }
  store_state(state, task.state + lane);
}

template <class Function>
void run_unsettled(const Function& function, const LaneTask& task, int64_t lane) {
  using State = typename Function::State;
  auto state = load_state<State>(task.state + lane);
  for (int64_t cell = lane; cell < task.rows * kLanes; cell += kLanes) {
    Pack in[Function::kInputs], out[Function::kOutputs];
    load_inputs<Function>(task, cell, in);
    Mask skipped = is_missing(in[0]);
    for (int i = 1; i < Function::kInputs; ++i) skipped = skipped | is_missing(in[i]);
    if (task.exact) skipped = skipped & (state.rows == 0);
    State next = state;
    next.rows = select(state.rows > function.settled, state.rows, state.rows + 1);
    function.template step<false>(next, in, out);
    const Mask empty = skipped | (next.rows <= function.lookback);
    for (int o = 0; o < Function::kOutputs; ++o) store(select(empty, kNaN, out[o]), task.outputs[o] + cell);
    state = select(skipped, Function::kMissing == Missing::leave_out ? state : State{}, next);
  }
  store_state(state, task.state + lane);
}

template <class Function>
void run_function(const LaneTask& task) {
  const Function function(task.params);
  for (int64_t lane = 0; lane < task.lanes; lane += kPackLanes) {
    if (Function::kMissing == Missing::own || (task.complete && all(load(task.state + lane) > function.settled)))
      run_settled(function, task, lane);
    else
      run_unsettled(function, task, lane);
  }
}

template <class Function>
int64_t words_of(const double*) {
  return kWords<typename Function::State>;
}

struct Entry {
  int64_t (*words)(const double* params);
  void (*run)(const LaneTask&);
};

template <class Function>
constexpr Entry kEntry = {words_of<Function>, run_function<Function>};

/// In the order of LaneFunction, without `none`.
constexpr Entry kFunctions[] = {
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
};
static_assert(sizeof kFunctions / sizeof *kFunctions == size_t(LaneFunction::ewm));

const Entry& entry_of(LaneFunction function) { return kFunctions[size_t(function) - 1]; }

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

/// kLaneRows values of a series from `row` on, as float64.
void widen(const LaneSeries& series, int64_t rows, double* out) {
  const int64_t stored = least(rows, series.rows);
  if (series.stored == Cell::float32) {
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

template <class Float>
void scatter_as(const double* tile, int64_t lanes, int64_t rows, Float* const* out) {
  alignas(64) double values[kVectorLanes][kLaneRows];
  for (int64_t lane = 0; lane < lanes; lane += kVectorLanes) {
    for (int64_t row = 0; row < rows; row += kVectorLanes) {
      Vector x[kVectorLanes];
      for (int i = 0; i < kVectorLanes; ++i) x[i] = *reinterpret_cast<const UnalignedVector*>(tile + (row + i) * kLanes + lane);
      transpose(x);
      for (int i = 0; i < kVectorLanes; ++i) *reinterpret_cast<UnalignedVector*>(values[i] + row) = x[i];
    }
    for (int64_t i = 0; i < kVectorLanes && lane + i < lanes; ++i) {
      Float* to = out[lane + i];
      if (!to) continue;
      for (int64_t row = 0; row < rows; ++row) to[row] = Float(values[i][row]);
    }
  }
}

void scatter(const double* tile, int64_t lanes, int64_t rows, double* const* out) { scatter_as(tile, lanes, rows, out); }
void scatter_floats(const double* tile, int64_t lanes, int64_t rows, float* const* out) { scatter_as(tile, lanes, rows, out); }

}  // namespace

extern const LaneKernels kLaneKernels;
const LaneKernels kLaneKernels = {words, run, gather, scatter, scatter_floats};

HAYATE_KERNELS_END
