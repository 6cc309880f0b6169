// Pieces of functions over tiles of lanes: exponential means, windows and the averages of ta_average.h. A piece adds what it keeps to the
// function's layout, and computes all rows and all lanes of a tile, complete or not; what the rows with too few before them hold is taken out at
// the end. The bytes are those of ta_series.cc and ta_average.cc.
#pragma once

#include "kernels/lane_averages.h"
#include "kernels/ta_average.h"
#include "kernels/ta_formulas.h"
#include "kernels/ta_hilbert.h"
#include "kernels/ta_windows.h"

HAYATE_TA_BEGIN
namespace {

/// A tile at work.
struct TileRun {
  const LaneTask& task;
  const double* numbers;  ///< of each cell's row in the run of complete rows, from 1; null when all are beyond the function's lookback

  int64_t cells() const { return task.rows * kLanes; }
  const double* input(int i) const { return task.inputs[i]; }
  double* output(int o) const { return task.outputs[o]; }
  /// Row 0 of a track.
  double* at(const LaneTrack& track) const { return track.at(task.state); }
  /// Input `i` with rows before it, as many as its track has.
  const double* tracked(int i, const LaneTrack& track) const {
    return has_before(task, i, track.history) ? task.inputs[i] : copy(task.inputs[i], at(track));
  }
  double* copy(const double* from, double* to) const {
    memcpy(to, from, size_t(cells()) * sizeof(double));
    return to;
  }
};

/// Room for a series of which no row before the tile is wanted.
struct TileRoom {
  alignas(64) double cells[kLanes * kLaneRows];
  operator double*() { return cells; }
};

/// One exponential mean after the other over a tile: word `number` of `words` goes from row to row. The first value is `later` rows behind
/// the inputs'. `out` may be `x`.
void smooth(const TileRun& run, const Exponential& mean, double later, const LaneTrack& words, int64_t number, const double* x, double* out) {
  for (int64_t lane = 0; lane < run.task.lanes; lane += kPackLanes) {
    double* const word = run.task.state + (words.begin + number) * kLanes + lane;
    Pack value = load(word);
    for (int64_t cell = lane; cell < run.cells(); cell += kLanes) {
      if (run.numbers)
        value = mean.next<false>(value, load(x + cell), load(run.numbers + cell) - later);
      else
        value = mean.next<true>(value, load(x + cell), 0);
      store(value, out + cell);
    }
    store(value, word);
  }
}

/// A mean of windows of the values of a track: plain, or with weights that grow to the newest row.
struct WindowMean {
  Divisor divisor{1};
  bool is_weighted = false;
  LaneWindow sums;

  WindowMean() = default;
  WindowMean(int64_t rows, bool weighted, LaneLayout& layout)
      : divisor(weighted ? double(rows * (rows + 1)) / 2 : double(rows)),
        is_weighted(weighted),
        sums(rows, weighted ? LaneSums::weighted : LaneSums::plain, layout) {}
  void run(const TileRun& run, const double* values, double* __restrict out) const {
    (is_weighted ? tile_weighted_sums : tile_sums)(sums, run.task.state, values, run.task.rows, out);
    for (int64_t i = 0; i < run.cells(); ++i) out[i] = divisor.of(out[i]);
  }
};

/// average() of ta_average.h. The values to average are in the track `values`, or are an input; the first is `later` rows
/// behind the inputs'.
class TileAverage {
 public:
  LaneTrack values;

  TileAverage(int64_t rows, Average of, double rows_later, LaneLayout& layout, int input = -1)
      : type_(rows <= 1 ? Average::none : of), period_(rows), later_(rows_later) {
    values = layout.add_input(history(), input);
    switch (type_) {
      case Average::sma:
      case Average::own_default:
      case Average::wma:
        means_[0] = {rows, type_ == Average::wma, layout};
        return;
      case Average::trima:
        means_[0] = {rows / 2 + 1 - (rows % 2 == 0), false, layout}, between_ = layout.add(rows / 2), means_[1] = {rows / 2 + 1, false, layout};
        return;
      case Average::hma:
        means_[0] = {most(rows / 2, 1), true, layout}, means_[1] = {rows, true, layout};
        between_ = layout.add(hma_smoothing(rows) - 1), means_[2] = {hma_smoothing(rows), true, layout};
        return;
      case Average::kama:
        words_ = layout.add_words(1), between_ = layout.add(rows - 1), means_[0] = {rows, false, layout};
        return;
      default:
        words_ = layout.add_words(type_ == Average::mama   ? kMamaWords
                                  : type_ == Average::t3   ? 6
                                  : type_ == Average::tema ? 3
                                  : type_ == Average::dema ? 2
                                                           : 1);
    }
  }

  int64_t lookback() const { return average_lookback(period_, type_); }

  /// Of what the track holds.
  void run(const TileRun& run, double* out) const { this->run(run, run.at(values), out); }
  /// Of a series that has as many rows before it.
  void run(const TileRun& run, const double* x, double* out) const {
    switch (type_) {
      case Average::sma:
      case Average::own_default:
      case Average::wma:
        return means_[0].run(run, x, out);
      case Average::trima:
        means_[0].run(run, x, run.at(between_));
        return means_[1].run(run, run.at(between_), out);
      case Average::hma:
        return run_hull(run, x, out);
      case Average::kama:
        return run_kaufman(run, x, out);
      case Average::ema:
        return smooth(run, Exponential(double(period_)), later_, words_, 0, x, out);
      case Average::rma:
        return smooth(run, Exponential(double(period_), 1 / double(period_)), later_, words_, 0, x, out);
      case Average::zlema:
        return run_zero_lag(run, x, out);
      case Average::dema:
      case Average::tema:
      case Average::t3:
        return run_chain(run, x, out);
      case Average::mama:
        return run_mama(run, x, out);
      default:
        run.copy(x, out);
    }
  }

 private:
  /// Rows of values before the tile.
  int64_t history() const {
    if (type_ == Average::kama) return period_;
    if (type_ == Average::zlema) return (period_ - 1) / 2;
    if (type_ == Average::sma || type_ == Average::own_default) return rows_before(period_, LaneSums::plain);
    return type_ == Average::wma || type_ == Average::trima || type_ == Average::hma ? period_ - 1 : 0;
  }

  void run_hull(const TileRun& run, const double* x, double* out) const {
    TileRoom half;
    double* const ahead = run.at(between_);
    means_[0].run(run, x, half), means_[1].run(run, x, ahead);
    for (int64_t i = 0; i < run.cells(); ++i) ahead[i] = 2 * half[i] - ahead[i];
    means_[2].run(run, ahead, out);
  }

  void run_zero_lag(const TileRun& run, const double* x, double* out) const {
    const int64_t lag = (period_ - 1) / 2;
    for (int64_t i = 0; i < run.cells(); ++i) out[i] = x[i] + (x[i] - x[i - lag * kLanes]);
    smooth(run, Exponential(double(period_)), later_ + double(lag), words_, 0, out, out);
  }

  /// Of means of means.
  void run_chain(const TileRun& run, const double* x, double* out) const {
    const Exponential mean{double(period_)};
    const int count = type_ == Average::t3 ? 6 : type_ == Average::tema ? 3 : 2;
    TileRoom means[6];
    for (int k = 0; k < count; ++k) smooth(run, mean, later_ + k * (mean.period - 1), words_, k, k == 0 ? x : means[k - 1], means[k]);
    const TillsonWeights w(0.7);
    for (int64_t i = 0; i < run.cells(); ++i)
      out[i] = count == 2   ? 2 * means[0][i] - means[1][i]
               : count == 3 ? means[2][i] + (3 * means[0][i] - 3 * means[1][i])
                            : w.of_six * means[5][i] + w.of_five * means[4][i] + w.of_four * means[3][i] + w.of_three * means[2][i];
  }

  void run_kaufman(const TileRun& run, const double* x, double* out) const {
    double* const steps = run.at(between_);
    for (int64_t i = 0; i < run.cells(); ++i) steps[i] = __builtin_fabs(x[i] - x[i - kLanes]);
    tile_sums(means_[0].sums, run.task.state, steps, run.task.rows, out);
    for (int64_t lane = 0; lane < run.task.lanes; lane += kPackLanes) {
      double* const word = run.task.state + words_.begin * kLanes + lane;
      Pack value = load(word);
      for (int64_t cell = lane; cell < run.cells(); cell += kLanes) {
        const Pack newest = load(x + cell), moved = kaufman_step(value, newest, newest - load(x + cell - period_ * kLanes), load(out + cell));
        value = run.numbers ? select(load(run.numbers + cell) - later_ > double(period_), moved, newest) : moved;
        store(value, out + cell);
      }
      store(value, word);
    }
  }

  /// Lane after lane, since it branches by what it reads.
  void run_mama(const TileRun& run, const double* x, double* out) const {
    for (int64_t lane = 0; lane < run.task.lanes; ++lane) {
      double* const word = run.task.state + words_.begin * kLanes + lane;
      double words[kMamaWords];
      Mama mama;
      for (int64_t w = 0; w < kMamaWords; ++w) words[w] = word[w * kLanes];
      memcpy(&mama, words, sizeof mama);
      for (int64_t cell = lane; cell < run.cells(); cell += kLanes) {
        const double number = run.numbers ? run.numbers[cell] - later_ : 2;
        if (number == 1) mama = Mama();
        if (number >= 1) mama.step(x[cell], 0.5, 0.05, false);
        out[cell] = mama.value;
      }
      memcpy(words, &mama, sizeof mama);
      for (int64_t w = 0; w < kMamaWords; ++w) word[w * kLanes] = words[w];
    }
  }

  static constexpr int64_t kMamaWords = int64_t(sizeof(Mama) / sizeof(double));
  static_assert(sizeof(Mama) % sizeof(double) == 0);

  Average type_;
  int64_t period_;
  double later_;
  LaneTrack between_, words_;
  WindowMean means_[3];
};

/// The highest of one series and the lowest of another.
struct Range {
  LaneTrack high, low;
  LaneWindow highest, lowest;

  /// Of these inputs.
  Range(double rows, LaneLayout& layout, int of_high = -1, int of_low = -1)
      : high(layout.add_input(rows_before(int64_t(rows), LaneSums::extreme), of_high)),
        low(layout.add_input(high.history, of_low)),
        highest(int64_t(rows), LaneSums::extreme, layout),
        lowest(int64_t(rows), LaneSums::extreme, layout) {}
  void run(const TileRun& run, const double* highs, const double* lows, double* top, double* bottom) const {
    tile_extremes(highest, run.task.state, highs, true, run.task.rows, top);
    tile_extremes(lowest, run.task.state, lows, false, run.task.rows, bottom);
  }
  /// Of the first two inputs.
  void run_inputs(const TileRun& run, double* top, double* bottom) const { this->run(run, run.tracked(0, high), run.tracked(1, low), top, bottom); }
};

}  // namespace
HAYATE_TA_END
