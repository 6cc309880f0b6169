// Functions of windows over up to 16 symbols side by side (lanes.h), for programs that run other functions so: bars are brought into
// tiles and results out of them once for all, and no load crosses a line, as half of those along the rows of one symbol do. A function is
//
//   static constexpr int kInputs, kOutputs;
//   int64_t lookback;                                   // a value depends on its own row and so many before it
//   Function(const double* params, LaneLayout& layout); // adds its tracks
//   void run(const TileRun& run) const;                 // all rows and all lanes, complete or not
//
// put together from the pieces of lane_tiles.h. Rows of a run with too few before them are taken out afterwards. What a missing value has made of
// sums is gone when the window has left it.
//
// Where the 20 ns a row and symbol of bench/talib_500 go (19 outputs, AVX-512): 2.7 to write columns (1.7 when nothing but memory limits it), 2.1 to
// take them out of tiles (half of it the conversion to float32), 1.3 to bring four bars in, 0.9 to find where columns go on; 2.1 for CCI's
// distances, 1.1 for sums, 0.7 for extremes, 1.1 for squares, 0.9 for ADX, 0.8 for SAR, 0.4 to move rows; 2.5 are seven divisions and a root.
// Along the rows of one symbol after the other it was 30; with every input copied to a track of each function, packs of 8 lanes and five
// divisions more it was 24. Tried without gain: tiles of 32 rows (5 % slower), bars widened before they are turned (2 % slower), columns handed
// over 512 rows at a time, asking for the next column's place ahead.
#include <cmath>

#include "kernels/lane_tiles.h"

HAYATE_TA_BEGIN
namespace {

struct Sma {
  static constexpr int kInputs = 1, kOutputs = 1;
  int64_t lookback;
  TileAverage mean;

  Sma(const double* params, LaneLayout& layout) : lookback(int64_t(params[0]) - 1), mean(lookback + 1, Average::sma, 0, layout, 0) {}
  void run(const TileRun& run) const { mean.run(run, run.tracked(0, mean.values), run.output(0)); }
};

/// Around a plain mean.
struct Bands {
  static constexpr int kInputs = 1, kOutputs = 3;
  int64_t lookback;
  double inverse, up, down;
  LaneTrack price;
  LaneWindow squares;

  Bands(const double* params, LaneLayout& layout)
      : lookback(int64_t(params[0]) - 1),
        inverse(1 / params[0]),
        up(params[1]),
        down(params[2]),
        price(layout.add_input(lookback, 0)),
        squares(lookback + 1, LaneSums::squares, layout) {}
  void run(const TileRun& run) const {
    const double* x = run.tracked(0, price);
    double* __restrict upper = run.output(0);
    double* __restrict middle = run.output(1);
    double* __restrict lower = run.output(2);
    tile_squares(squares, run.task.state, x, run.task.rows, middle, upper);
    for (int64_t i = 0; i < run.cells(); ++i) {
      const double centre = x[i] + middle[i] * inverse, deviation = std::sqrt(variance_of(middle[i], upper[i], inverse));
      upper[i] = centre + deviation * up, middle[i] = centre, lower[i] = centre - deviation * down;
    }
  }
};

struct ChannelIndex {
  static constexpr int kInputs = 3, kOutputs = 1;
  int64_t lookback;
  LaneTrack typical;
  LaneWindow window;

  ChannelIndex(const double* params, LaneLayout& layout)
      : lookback(int64_t(params[0]) - 1), typical(layout.add(lookback)), window(lookback + 1, LaneSums::distances, layout) {}
  void run(const TileRun& run) const {
    const double *high = run.input(0), *low = run.input(1), *close = run.input(2);
    double* __restrict price = run.at(typical);
    for (int64_t i = 0; i < run.cells(); ++i) price[i] = price_sum(high[i], low[i], close[i]);
    TileRoom centre;
    double* __restrict out = run.output(0);
    tile_distances(window, run.task.state, price, run.task.rows, centre, out);
    for (int64_t i = 0; i < run.cells(); ++i) out[i] = channel_index(price[i], centre[i], out[i]);
  }
};

struct PercentRange {
  static constexpr int kInputs = 3, kOutputs = 1;
  int64_t lookback;
  Range range;

  PercentRange(const double* params, LaneLayout& layout) : lookback(int64_t(params[0]) - 1), range(params[0], layout, 0, 1) {}
  void run(const TileRun& run) const {
    TileRoom lowest;
    const double* close = run.input(2);
    double* __restrict out = run.output(0);
    range.run_inputs(run, out, lowest);
    for (int64_t i = 0; i < run.cells(); ++i) out[i] = percent_below(out[i], lowest[i], close[i]);
  }
};

struct MoneyFlowIndex {
  static constexpr int kInputs = 4, kOutputs = 1;
  int64_t lookback;
  LaneTrack typical, rising, falling;
  LaneWindow inflow, outflow;

  MoneyFlowIndex(const double* params, LaneLayout& layout)
      : lookback(int64_t(params[0])),
        typical(layout.add(1)),
        rising(layout.add(rows_before(lookback, LaneSums::plain))),
        falling(layout.add(rising.history)),
        inflow(lookback, LaneSums::plain, layout),
        outflow(lookback, LaneSums::plain, layout) {}
  void run(const TileRun& run) const {
    const double *high = run.input(0), *low = run.input(1), *close = run.input(2), *volume = run.input(3);
    double* __restrict price = run.at(typical);
    double* __restrict up = run.at(rising);
    double* __restrict down = run.at(falling);
    for (int64_t row = 0; row < run.cells(); row += kLanes) {
      HAYATE_INDEPENDENT
      for (int64_t i = row; i < row + kLanes; ++i) {
        const double newest = typical_price(high[i], low[i], close[i]), before = price[i - kLanes], flow = newest * volume[i];
        price[i] = newest;
        const bool moves = apart(newest, before);
        up[i] = moves & (newest > before) ? flow : 0, down[i] = moves & (newest < before) ? flow : 0;
      }
    }
    TileRoom spent;
    double* __restrict out = run.output(0);
    tile_sums(outflow, run.task.state, down, run.task.rows, spent);
    tile_sums(inflow, run.task.state, up, run.task.rows, out);
    for (int64_t i = 0; i < run.cells(); ++i) out[i] = money_flow_index(out[i], spent[i]);
  }
};

/// The slow stochastic, and J = 3 K - 2 D where there is room for it.
template <Average OwnDefault, int kSeries>
struct Stochastic {
  static constexpr int kInputs = 3, kOutputs = kSeries;
  Range range;
  TileAverage fast, slow;
  int64_t lookback;

  Stochastic(const double* params, LaneLayout& layout)
      : range(params[0], layout, 0, 1),
        fast(int64_t(params[1]), average_type(params[2], OwnDefault), params[0] - 1, layout),
        slow(int64_t(params[3]), average_type(params[4], OwnDefault), params[0] - 1 + double(fast.lookback()), layout),
        lookback(int64_t(params[0]) - 1 + fast.lookback() + slow.lookback()) {}
  void run(const TileRun& run) const {
    TileRoom highest, lowest;
    const double* close = run.input(2);
    double* __restrict percent = run.at(fast.values);
    range.run_inputs(run, highest, lowest);
    for (int64_t i = 0; i < run.cells(); ++i) percent[i] = percent_above(highest[i], lowest[i], close[i]);
    fast.run(run, run.at(slow.values));
    run.copy(run.at(slow.values), run.output(0));
    slow.run(run, run.output(1));
    if constexpr (kSeries == 3)
      for (int64_t i = 0; i < run.cells(); ++i) run.output(2)[i] = 3 * run.output(0)[i] - 2 * run.output(1)[i];
  }
};

/// %K of the values of a range, and its average.
struct FastStochastic {
  Range range;
  TileAverage slow;
  int64_t lookback;

  /// Of values whose first is `later` rows behind the inputs'.
  FastStochastic(const double* params, int64_t later, LaneLayout& layout, int high = -1, int low = -1)
      : range(params[0], layout, high, low),
        slow(int64_t(params[1]), average_type(params[2]), double(later) + params[0] - 1, layout),
        lookback(later + int64_t(params[0]) - 1 + slow.lookback()) {}
  void run(const TileRun& run, const double* highs, const double* lows, const double* close) const {
    TileRoom highest, lowest;
    double* __restrict percent = run.at(slow.values);
    range.run(run, highs, lows, highest, lowest);
    for (int64_t i = 0; i < run.cells(); ++i) percent[i] = percent_above(highest[i], lowest[i], close[i]);
    run.copy(percent, run.output(0));
    slow.run(run, run.output(1));
  }
};

struct StochasticOfBars : FastStochastic {
  static constexpr int kInputs = 3, kOutputs = 2;

  StochasticOfBars(const double* params, LaneLayout& layout) : FastStochastic(params, 0, layout, 0, 1) {}
  void run(const TileRun& run) const { FastStochastic::run(run, run.tracked(0, range.high), run.tracked(1, range.low), run.input(2)); }
};

struct StochasticOfStrength : FastStochastic {
  static constexpr int kInputs = 1, kOutputs = 2;
  Gains gains;
  LaneTrack words;

  StochasticOfStrength(const double* params, LaneLayout& layout)
      : FastStochastic(params + 1, int64_t(params[0]), layout), gains(params), words(layout.add_words(kWords<Gains::State>)) {}
  void run(const TileRun& run) const {
    double* const strength = run.at(range.high);
    for (int64_t lane = 0; lane < run.task.lanes; lane += kPackLanes) {
      double* const word = run.task.state + words.begin * kLanes + lane;
      auto state = load_state<Gains::State>(word);
      for (int64_t cell = lane; cell < run.cells(); cell += kLanes) {
        if (run.numbers)
          state.rows = load(run.numbers + cell), gains.add<false>(state, load(run.input(0) + cell));
        else
          gains.add<true>(state, load(run.input(0) + cell));
        store(kernels::HAYATE_ISA::share(state.gain, state.gain + state.loss) * 100, strength + cell);
      }
      store_state(state, word);
    }
    FastStochastic::run(run, strength, strength, strength);
  }
};

/// The close's distance from the middle of the range over half the range, both smoothed twice, in percent, and the mean of that. (W. Blau.)
struct MomentumIndex {
  static constexpr int kInputs = 3, kOutputs = 2;
  Range range;
  LaneTrack words;
  Exponential first, second, signal;
  double later;
  int64_t lookback;

  MomentumIndex(const double* params, LaneLayout& layout)
      : range(params[0], layout, 0, 1),
        words(layout.add_words(5)),
        first(params[2]),
        second(params[1]),
        signal(params[3]),
        later(params[0] - 1),
        lookback(int64_t(params[0] + params[1] + params[2] + params[3]) - 4) {}
  void run(const TileRun& run) const {
    TileRoom highest, lowest;
    const double* close = run.input(2);
    range.run_inputs(run, highest, lowest);
    for (int64_t i = 0; i < run.cells(); ++i) {
      const double top = highest[i], bottom = lowest[i];
      highest[i] = close[i] - (top + bottom) / 2, lowest[i] = top - bottom;
    }
    const auto smooth_twice = [&](int64_t word, double* values) {
      smooth(run, first, later, words, word, values, values);
      smooth(run, second, later + first.period - 1, words, word + 1, values, values);
    };
    smooth_twice(0, highest), smooth_twice(2, lowest);
    double* __restrict index = run.output(0);
    for (int64_t i = 0; i < run.cells(); ++i) index[i] = 100 * share(highest[i], lowest[i] / 2);
    smooth(run, signal, later + first.period + second.period - 2, words, 4, index, run.output(1));
  }
};

// ---- averages of any type -----------------------------------------------------------------------------------------------

struct AnyAverage {
  static constexpr int kInputs = 1, kOutputs = 1;
  TileAverage mean;
  int64_t lookback;

  AnyAverage(const double* params, LaneLayout& layout) : mean(int64_t(params[0]), average_type(params[1]), 0, layout, 0), lookback(mean.lookback()) {}
  void run(const TileRun& run) const { mean.run(run, run.tracked(0, mean.values), run.output(0)); }
};

struct MacdOfAny {
  static constexpr int kInputs = 1, kOutputs = 3;
  struct Smoothing {
    int64_t period;
    Average type;

    explicit Smoothing(const double* params) : period(int64_t(params[0])), type(average_type(params[1])) {}
    int64_t lookback() const { return average_lookback(period, type); }
    /// With its first value in this row.
    TileAverage average(int64_t first_row, LaneLayout& layout) const { return {period, type, double(first_row - lookback()), layout, 0}; }
  };
  int64_t first;  ///< where both averages have their first value
  TileAverage fast, slow, signal;
  int64_t lookback;

  MacdOfAny(const double* params, LaneLayout& layout)
      : MacdOfAny(Smoothing(params[2] < params[0] ? params + 2 : params), Smoothing(params[2] < params[0] ? params : params + 2),
                  Smoothing(params + 4), layout) {}
  MacdOfAny(Smoothing of_fast, Smoothing of_slow, Smoothing of_signal, LaneLayout& layout)
      : first(most(of_fast.lookback(), of_slow.lookback())),
        fast(of_fast.average(first, layout)),
        slow(of_slow.average(first, layout)),
        signal(of_signal.period, of_signal.type, double(first), layout),
        lookback(first + of_signal.lookback()) {}
  void run(const TileRun& run) const {
    TileRoom slower;
    double* __restrict macd = run.output(0);
    fast.run(run, run.tracked(0, fast.values), macd), slow.run(run, run.tracked(0, slow.values), slower);
    for (int64_t i = 0; i < run.cells(); ++i) macd[i] -= slower[i];
    run.copy(macd, run.at(signal.values));
    signal.run(run, run.output(1));
    for (int64_t i = 0; i < run.cells(); ++i) run.output(2)[i] = macd[i] - run.output(1)[i];
  }
};

/// Of two averages of one type, each from the first row on.
template <class Difference>
struct Oscillator {
  static constexpr int kInputs = 1, kOutputs = 1;
  TileAverage fast, slow;
  int64_t lookback;

  Oscillator(const double* params, LaneLayout& layout)
      : fast(int64_t(params[0] < params[1] ? params[0] : params[1]), average_type(params[2], Average::ema), 0, layout, 0),
        slow(int64_t(params[0] < params[1] ? params[1] : params[0]), average_type(params[2], Average::ema), 0, layout, 0),
        lookback(slow.lookback()) {}
  void run(const TileRun& run) const {
    TileRoom slower;
    double* __restrict out = run.output(0);
    fast.run(run, run.tracked(0, fast.values), out), slow.run(run, run.tracked(0, slow.values), slower);
    for (int64_t i = 0; i < run.cells(); ++i) out[i] = Difference::of(out[i], slower[i]);
  }
};
struct PlainDifference {
  static double of(double fast, double slow) { return fast - slow; }
};
struct PercentApart {
  static double of(double fast, double slow) { return percent_apart(fast, slow); }
};

/// Around an average of any type.
struct BandsOfAny {
  static constexpr int kInputs = 1, kOutputs = 3;
  double inverse, up, down;
  LaneTrack price;
  LaneWindow squares;
  TileAverage mean;
  int64_t lookback;

  BandsOfAny(const double* params, LaneLayout& layout)
      : inverse(1 / params[0]),
        up(params[1]),
        down(params[2]),
        price(layout.add_input(int64_t(params[0]) - 1, 0)),
        squares(int64_t(params[0]), LaneSums::squares, layout),
        mean(int64_t(params[0]), average_type(params[3]), 0, layout, 0),
        lookback(most(int64_t(params[0]) - 1, mean.lookback())) {}
  void run(const TileRun& run) const {
    TileRoom sums;
    double* __restrict upper = run.output(0);
    double* __restrict middle = run.output(1);
    double* __restrict lower = run.output(2);
    tile_squares(squares, run.task.state, run.tracked(0, price), run.task.rows, sums, upper);
    mean.run(run, run.tracked(0, mean.values), middle);
    for (int64_t i = 0; i < run.cells(); ++i) {
      const double deviation = std::sqrt(variance_of(sums[i], upper[i], inverse));
      upper[i] = middle[i] + deviation * up, lower[i] = middle[i] - deviation * down;
    }
  }
};

// ---- volatility ---------------------------------------------------------------------------------------------------------

/// Sum of the exponential mean of high - low over the mean of that mean. (D. Dorsey.)
struct MassIndex {
  static constexpr int kInputs = 2, kOutputs = 1;
  Exponential mean;
  LaneTrack words, ratio;
  LaneWindow sums;
  int64_t lookback;

  MassIndex(const double* params, LaneLayout& layout)
      : mean(params[0]),
        words(layout.add_words(2)),
        ratio(layout.add(int64_t(params[1]) - 1)),
        sums(int64_t(params[1]), LaneSums::plain, layout),
        lookback(int64_t(2 * (params[0] - 1) + params[1] - 1)) {}
  void run(const TileRun& run) const {
    TileRoom once, twice;
    for (int64_t i = 0; i < run.cells(); ++i) once[i] = run.input(0)[i] - run.input(1)[i];
    smooth(run, mean, 0, words, 0, once, once);
    smooth(run, mean, mean.period - 1, words, 1, once, twice);
    double* __restrict addend = run.at(ratio);
    for (int64_t i = 0; i < run.cells(); ++i) addend[i] = mass_ratio(once[i], twice[i]);
    tile_sums(sums, run.task.state, addend, run.task.rows, run.output(0));
  }
};

/// The share of days that closed higher, each weighted by the deviation of the closes up to it. (D. Dorsey, 1993.)
struct RelativeVolatility {
  static constexpr int kInputs = 1, kOutputs = 1;
  Exponential mean;
  double inverse, later;
  LaneTrack words, close;
  LaneWindow squares;
  int64_t lookback;

  RelativeVolatility(const double* params, LaneLayout& layout)
      : mean(params[0], 1 / params[0]),
        inverse(1 / params[1]),
        later(params[1] - 1),
        words(layout.add_words(2)),
        close(layout.add_input(int64_t(params[1]) - 1, 0)),
        squares(int64_t(params[1]), LaneSums::squares, layout),
        lookback(int64_t(params[0] + params[1]) - 2) {
    mean.copies = false;
  }
  void run(const TileRun& run) const {
    TileRoom down, sums;
    const double* x = run.tracked(0, close);
    double* __restrict up = run.output(0);
    tile_squares(squares, run.task.state, x, run.task.rows, sums, up);
    for (int64_t i = 0; i < run.cells(); ++i) {
      const double deviation = std::sqrt(variance_of(sums[i], up[i], inverse)), change = x[i] - x[i - kLanes];
      up[i] = change > 0 ? deviation : 0, down[i] = change < 0 ? deviation : 0;
    }
    smooth(run, mean, later, words, 0, up, up), smooth(run, mean, later, words, 1, down, down);
    for (int64_t i = 0; i < run.cells(); ++i) up[i] = share_of_ups(up[i], down[i]);
  }
};

// ---- tiles --------------------------------------------------------------------------------------------------------------

/// Numbers the rows of every lane's run, up to most + 1: 0 where an input is missing. Word 0 of the state is the number of the last row.
void number_rows(const LaneTask& task, int num_inputs, double most, double* numbers) {
  for (int64_t lane = 0; lane < task.lanes; lane += kPackLanes) {
    Pack number = load(task.state + lane);
    for (int64_t cell = lane; cell < task.rows * kLanes; cell += kLanes) {
      Mask missing = is_missing(load(task.inputs[0] + cell));
      for (int i = 1; i < num_inputs; ++i) missing = missing | is_missing(load(task.inputs[i] + cell));
      number = select(missing, 0, select(number > most, number, number + 1));
      store(number, numbers + cell);
    }
    store(number, task.state + lane);
  }
}

/// NaN where the number is not above `lookback`.
void take_out(const double* numbers, double lookback, int64_t cells, double* out) {
  for (int64_t i = 0; i < cells; ++i) out[i] = numbers[i] > lookback ? out[i] : kNaN;
}

bool is_settled(const LaneTask& task, double most) {
  bool settled = task.complete;
  for (int64_t lane = 0; settled && lane < task.lanes; lane += kPackLanes) settled = all(load(task.state + lane) > most);
  return settled;
}

template <class Function>
LaneLayout layout_of(const double* params) {
  LaneLayout layout(1);
  const Function function(params, layout);
  return layout;
}

template <class Function>
void run_function(const LaneTask& task) {
  LaneLayout layout(1);
  const Function function(task.params, layout);
  const double lookback = double(function.lookback), most = lookback + 1;
  if (is_settled(task, most)) {
    function.run({task, nullptr});
  } else {
    TileRoom numbers;
    number_rows(task, Function::kInputs, most, numbers);
    function.run({task, numbers});
    for (int o = 0; o < Function::kOutputs; ++o) take_out(numbers, lookback, task.rows * kLanes, task.outputs[o]);
  }
  slide_tracks(layout, task);
}

template <class Function>
constexpr LaneEntry kEntry = {layout_of<Function>, run_function<Function>};

/// In the order of LaneFunction.
constexpr LaneEntry kFunctions[] = {
    kEntry<Sma>,
    kEntry<Bands>,
    kEntry<ChannelIndex>,
    kEntry<PercentRange>,
    kEntry<MoneyFlowIndex>,
    kEntry<Stochastic<Average::sma, 2>>,
    kEntry<Stochastic<Average::rma, 3>>,
    kEntry<StochasticOfBars>,
    kEntry<StochasticOfStrength>,
    kEntry<MomentumIndex>,
    kEntry<AnyAverage>,
    kEntry<BandsOfAny>,
    kEntry<MacdOfAny>,
    kEntry<Oscillator<PlainDifference>>,
    kEntry<Oscillator<PercentApart>>,
    kEntry<Oscillator<PercentApart>>,
    kEntry<MassIndex>,
    kEntry<RelativeVolatility>,
};
static_assert(int(LaneFunction::sma) + sizeof kFunctions / sizeof *kFunctions == size_t(LaneFunction::ht_dcperiod));

}  // namespace
HAYATE_TA_END

HAYATE_KERNELS_BEGIN

const LaneEntry& lane_entry_of_window(int number) { return talib::kFunctions[number]; }

HAYATE_KERNELS_END
