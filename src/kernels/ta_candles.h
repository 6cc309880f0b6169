// What candle patterns are made of: the bars seen backwards from the current one, and TA-Lib's eleven measures of long,
// short, near and far, each the mean range of the bars just before the one that is measured.
//
// A definition (ta_patterns.cc) is one generic function of `b`. It is used twice. With `Bars` it is the condition that runs
// on every row. With `Reading` it is run once, by the compiler: there every value is `Anything`, whose && and || evaluate
// both sides, and so the bars and means that the definition reads, hence its lookback, are known without being listed again.
//
// The means are running totals, begun at the first row and updated as in TA-Lib (add the difference of the range that
// enters and the one that leaves). On prices with a tick many comparisons are ties in exact arithmetic, decided by the
// rounding of that total: a sum over the window alone answers some of them differently. Kept for one (measure, bars ago)
// pair, as TA-Lib does, since totals begun on different rows round differently too.
#pragma once

#include <cstdint>

#include "kernels/ta.h"

namespace hayate::kernels::ta {

enum class Range { real_body, high_low, shadows };

struct Measure {
  Range range;
  int period;  ///< bars in the mean; 0: the range of the bar itself
  double factor;
};

enum Measured {
  body_long,
  body_very_long,
  body_short,
  body_doji,
  shadow_long,
  shadow_very_long,
  shadow_short,
  shadow_very_short,
  near,
  far,
  equal,
  num_measures
};

inline constexpr Measure kMeasures[num_measures] = {
    {Range::real_body, 10, 1.0},  // body_long
    {Range::real_body, 10, 3.0},  // body_very_long
    {Range::real_body, 10, 1.0},  // body_short
    {Range::high_low, 10, 0.1},   // body_doji
    {Range::real_body, 0, 1.0},   // shadow_long
    {Range::real_body, 0, 2.0},   // shadow_very_long
    {Range::shadows, 10, 1.0},    // shadow_short: of both shadows, halved
    {Range::high_low, 10, 0.1},   // shadow_very_short
    {Range::high_low, 5, 0.2},    // near
    {Range::high_low, 5, 0.6},    // far
    {Range::high_low, 5, 0.05},   // equal
};

inline constexpr int kMaxBarsAgo = 4;

/// The bars up to the current row. Every function takes how many bars ago; 0 is the current one.
class Bars {
 public:
  double penetration = 0;

  explicit Bars(const Call& call) : open_(call.inputs[0]), high_(call.inputs[1]), low_(call.inputs[2]), close_(call.inputs[3]) {}

  double open(int64_t ago) const { return open_[row - ago]; }
  double high(int64_t ago) const { return high_[row - ago]; }
  double low(int64_t ago) const { return low_[row - ago]; }
  double close(int64_t ago) const { return close_[row - ago]; }
  bool white(int64_t ago) const { return close(ago) >= open(ago); }
  bool black(int64_t ago) const { return !white(ago); }
  int color(int64_t ago) const { return white(ago) ? 1 : -1; }
  double top(int64_t ago) const { return white(ago) ? close(ago) : open(ago); }
  double bottom(int64_t ago) const { return white(ago) ? open(ago) : close(ago); }
  double body(int64_t ago) const { return distance(close(ago), open(ago)); }
  double upper(int64_t ago) const { return high(ago) - top(ago); }
  double lower(int64_t ago) const { return bottom(ago) - low(ago); }

  /// The body of one bar above, or below, that of another; the same for whole bars.
  bool gap_up(int64_t ago, int64_t from) const { return bottom(ago) > top(from); }
  bool gap_down(int64_t ago, int64_t from) const { return top(ago) < bottom(from); }
  bool bar_gap_up(int64_t ago, int64_t from) const { return low(ago) > high(from); }
  bool bar_gap_down(int64_t ago, int64_t from) const { return high(ago) < low(from); }

  double mean(Measured what, int64_t ago) const {
    const Measure& m = kMeasures[what];
    const double range = m.period ? total[what][ago] / m.period : this->range(what, ago);
    return m.factor * range / (m.range == Range::shadows ? 2.0 : 1.0);
  }
  double range(Measured what, int64_t ago) const {
    const Range kind = kMeasures[what].range;
    return kind == Range::real_body ? body(ago) : kind == Range::high_low ? high(ago) - low(ago) : upper(ago) + lower(ago);
  }

  static double distance(double a, double b) { return a < b ? b - a : a - b; }
  static bool within(double a, double b, double tolerance) { return a <= b + tolerance && a >= b - tolerance; }

  /// Says `setup` when there is one, and its double when the current close leaves the bar before the last setup in the
  /// direction of it, once, within three bars.
  int confirmed(int setup) {
    if (setup != 0) {
      setup_ = setup, setup_row_ = row;
      return setup;
    }
    const int64_t ago = row - setup_row_;
    if (setup_ == 0 || ago > 3 || !(setup_ > 0 ? close(0) > high(ago + 1) : close(0) < low(ago + 1))) return 0;
    const int signal = 2 * setup_;
    setup_ = 0;
    return signal;
  }

  int64_t row = 0;
  double total[num_measures][kMaxBarsAgo + 1] = {};

 private:
  const double *open_, *high_, *low_, *close_;
  int setup_ = 0;
  int64_t setup_row_ = 0;
};

/// The value of anything while a definition is only read.
struct Anything {
  constexpr Anything() = default;
  constexpr Anything(double) {}
  friend constexpr Anything operator+(Anything, Anything) { return {}; }
  friend constexpr Anything operator-(Anything, Anything) { return {}; }
  friend constexpr Anything operator-(Anything) { return {}; }
  friend constexpr Anything operator*(Anything, Anything) { return {}; }
  friend constexpr Anything operator/(Anything, Anything) { return {}; }
  friend constexpr Anything operator<(Anything, Anything) { return {}; }
  friend constexpr Anything operator>(Anything, Anything) { return {}; }
  friend constexpr Anything operator<=(Anything, Anything) { return {}; }
  friend constexpr Anything operator>=(Anything, Anything) { return {}; }
  friend constexpr Anything operator==(Anything, Anything) { return {}; }
  friend constexpr Anything operator!=(Anything, Anything) { return {}; }
  friend constexpr Anything operator&&(Anything, Anything) { return {}; }
  friend constexpr Anything operator||(Anything, Anything) { return {}; }
  friend constexpr Anything operator!(Anything) { return {}; }
};

/// Stands for Bars while a definition is only read, and notes what it reads.
class Reading {
 public:
  bool means[num_measures][kMaxBarsAgo + 1] = {};
  int oldest_bar = 0;
  int longest_mean = 0;

  Anything penetration;

  constexpr Anything open(int ago) { return bar(ago); }
  constexpr Anything high(int ago) { return bar(ago); }
  constexpr Anything low(int ago) { return bar(ago); }
  constexpr Anything close(int ago) { return bar(ago); }
  constexpr Anything white(int ago) { return bar(ago); }
  constexpr Anything black(int ago) { return bar(ago); }
  constexpr Anything color(int ago) { return bar(ago); }
  constexpr Anything top(int ago) { return bar(ago); }
  constexpr Anything bottom(int ago) { return bar(ago); }
  constexpr Anything body(int ago) { return bar(ago); }
  constexpr Anything upper(int ago) { return bar(ago); }
  constexpr Anything lower(int ago) { return bar(ago); }
  constexpr Anything gap_up(int ago, int from) { return bar(ago > from ? ago : from); }
  constexpr Anything gap_down(int ago, int from) { return bar(ago > from ? ago : from); }
  constexpr Anything bar_gap_up(int ago, int from) { return bar(ago > from ? ago : from); }
  constexpr Anything bar_gap_down(int ago, int from) { return bar(ago > from ? ago : from); }
  constexpr Anything mean(Measured what, int ago) {
    if (kMeasures[what].period) means[what][ago] = true;
    if (longest_mean < kMeasures[what].period) longest_mean = kMeasures[what].period;
    return bar(ago);
  }
  static constexpr Anything distance(Anything, Anything) { return {}; }
  static constexpr Anything within(Anything, Anything, Anything) { return {}; }
  static constexpr Anything confirmed(Anything) { return {}; }

 private:
  constexpr Anything bar(int ago) {
    if (oldest_bar < ago) oldest_bar = ago;
    return {};
  }
};

}  // namespace hayate::kernels::ta
