// What candle patterns are made of: the bars seen backwards from the current one, and TA-Lib's eleven measures of long,
// short, near and far, each the mean range of the bars just before the one that is measured.
//
// A definition (ta_patterns.cc) is one generic function of `b`. It is used twice. With `Bars` its values are those of several
// symbols at once, so && and || evaluate both sides: a condition costs a few instructions for a vector of symbols, and no branch
// is there to be mispredicted. With `Reading` it is run once, by the compiler: every value is `Anything`, and what is noted
// are the bars and means that it asks for, hence its lookback, which is so never listed again.
//
// The means are running totals, begun at the first row and updated as in TA-Lib (add the difference of the range that
// enters and the one that leaves). On prices with a tick many comparisons are ties in exact arithmetic, decided by the
// rounding of that total: a sum over the window alone answers some of them differently. Kept for one (measure, bars ago)
// pair, as TA-Lib does, since totals begun on different rows round differently too. So a pattern goes from row to row, as the
// functions of lanes.h: its state are those totals and the last bars, and one more day costs one row.
#pragma once

#include <cstdint>
#include <cstring>

#include "kernels/isa.h"
#include "kernels/lanes.h"

HAYATE_KERNELS_BEGIN

// ---- several symbols as one value ------------------------------------------------------------------------------------------

#if defined(__AVX512F__)
constexpr int kTogether = 8;
#elif defined(__AVX__)
constexpr int kTogether = 4;
#else
constexpr int kTogether = 2;
#endif

typedef double Doubles __attribute__((vector_size(kTogether * 8)));
typedef int64_t Flags __attribute__((vector_size(kTogether * 8)));  // all bits or none

struct Truth {
  Flags lanes;

  friend Truth operator&&(Truth a, Truth b) { return {a.lanes & b.lanes}; }
  friend Truth operator||(Truth a, Truth b) { return {a.lanes | b.lanes}; }
  friend Truth operator!=(Truth a, Truth b) { return {a.lanes ^ b.lanes}; }
  friend Truth operator!(Truth a) { return {~a.lanes}; }
};

struct Number {
  Doubles lanes;

  Number() = default;
  Number(Doubles d) : lanes(d) {}
  Number(double d) : lanes(d - Doubles{}) {}
  friend Number operator-(Number a) { return -a.lanes; }
  friend Number operator+(Number a, Number b) { return a.lanes + b.lanes; }
  friend Number operator-(Number a, Number b) { return a.lanes - b.lanes; }
  friend Number operator*(Number a, Number b) { return a.lanes * b.lanes; }
  friend Number operator/(Number a, Number b) { return a.lanes / b.lanes; }
  friend Truth operator<(Number a, Number b) { return {a.lanes < b.lanes}; }
  friend Truth operator>(Number a, Number b) { return {a.lanes > b.lanes}; }
  friend Truth operator<=(Number a, Number b) { return {a.lanes <= b.lanes}; }
  friend Truth operator>=(Number a, Number b) { return {a.lanes >= b.lanes}; }
  friend Truth operator==(Number a, Number b) { return {a.lanes == b.lanes}; }
  friend Truth operator!=(Number a, Number b) { return {a.lanes != b.lanes}; }

  static Number load(const double* from) {
    Doubles d;
    memcpy(&d, from, sizeof d);
    return d;
  }
  void store(double* to) const { memcpy(to, &lanes, sizeof lanes); }
};

static inline bool all(Truth a) {
  int64_t bits = -1;
  for (int i = 0; i < kTogether; ++i) bits &= a.lanes[i];
  return bits != 0;
}
/// The number where it is true, 0 elsewhere.
static inline Number operator*(Number a, Truth b) { return Doubles(Flags(a.lanes) & b.lanes); }
/// 1, 0 or -1.
static inline Number operator-(Truth a, Truth b) { return 1 * a - 1 * b; }
static inline Number choose(Truth which, Number a, Number b) { return Doubles((Flags(a.lanes) & which.lanes) | (Flags(b.lanes) & ~which.lanes)); }
static inline Number magnitude(Number a) { return Doubles(Flags(a.lanes) & (INT64_MAX - Flags{})); }

// ---- measures -----------------------------------------------------------------------------------------------------------

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

constexpr Measure kMeasures[num_measures] = {
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

constexpr int kMaxBarsAgo = 4;
constexpr int kNumCells = num_measures * (kMaxBarsAgo + 1);  // (measure, bars ago) pairs
constexpr int cell(Measured what, int ago) { return what * (kMaxBarsAgo + 1) + ago; }

/// The newest bars of several symbols. Every function takes how many bars ago.
struct Bars {
  static constexpr int64_t kStride = kernels::kLanes;  ///< from a bar of a symbol to its next one

  const double *opens, *highs, *lows, *closes;  ///< at the newest bar of the first symbol
  Number totals[kNumCells];                     ///< of the means that are read
  Number penetration = 0.0;

  Bars(const double* o, const double* h, const double* l, const double* c) : opens(o), highs(h), lows(l), closes(c) {}
  void advance() { opens += kStride, highs += kStride, lows += kStride, closes += kStride; }

  Number open(int ago) const { return Number::load(opens - ago * kStride); }
  Number high(int ago) const { return Number::load(highs - ago * kStride); }
  Number low(int ago) const { return Number::load(lows - ago * kStride); }
  Number close(int ago) const { return Number::load(closes - ago * kStride); }
  Truth white(int ago) const { return close(ago) >= open(ago); }
  Truth black(int ago) const { return !white(ago); }
  Number color(int ago) const { return choose(white(ago), 1, -1); }
  Number top(int ago) const { return choose(white(ago), close(ago), open(ago)); }
  Number bottom(int ago) const { return choose(white(ago), open(ago), close(ago)); }
  Number body(int ago) const { return distance(close(ago), open(ago)); }
  Number upper(int ago) const { return high(ago) - top(ago); }
  Number lower(int ago) const { return bottom(ago) - low(ago); }

  /// The body of one bar above, or below, that of another; the same for whole bars.
  Truth gap_up(int ago, int from) const { return bottom(ago) > top(from); }
  Truth gap_down(int ago, int from) const { return top(ago) < bottom(from); }
  Truth bar_gap_up(int ago, int from) const { return low(ago) > high(from); }
  Truth bar_gap_down(int ago, int from) const { return high(ago) < low(from); }

  Number mean(Measured what, int ago) const {
    const Measure& m = kMeasures[what];
    const Number range = m.period ? totals[cell(what, ago)] / m.period : this->range(what, ago);
    return m.factor * range / (m.range == Range::shadows ? 2.0 : 1.0);
  }
  Number range(Measured what, int ago) const {
    const Range kind = kMeasures[what].range;
    return kind == Range::real_body ? body(ago) : kind == Range::high_low ? high(ago) - low(ago) : upper(ago) + lower(ago);
  }

  static Number distance(Number a, Number b) { return magnitude(a - b); }
  static Truth within(Number a, Number b, Number tolerance) { return a <= b + tolerance && a >= b - tolerance; }
};

// ---- reading a definition -----------------------------------------------------------------------------------------------

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
struct Reading {
  bool means[kNumCells] = {};  ///< those of several bars
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
    if (kMeasures[what].period) means[cell(what, ago)] = true;
    if (longest_mean < kMeasures[what].period) longest_mean = kMeasures[what].period;
    return bar(ago);
  }
  static constexpr Anything distance(Anything, Anything) { return {}; }
  static constexpr Anything within(Anything, Anything, Anything) { return {}; }

 private:
  constexpr Anything bar(int ago) {
    if (oldest_bar < ago) oldest_bar = ago;
    return {};
  }
};

HAYATE_KERNELS_END
