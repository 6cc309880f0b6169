// What is added up from the first row on (lanes.h).
#include "kernels/lane_steps.h"

HAYATE_KERNELS_BEGIN
namespace {

// ---- sums from the first row on -------------------------------------------------------------------------------------------

/// Volume added on days that closed higher, subtracted on days that closed lower; the first day's is added. (J. Granville.)
struct OnBalance : Step<2, 1, Missing::leave_out> {
  struct State {
    Pack rows, close, total;
  };

  explicit OnBalance(const double*) {}

  template <bool kSettled>
  void step(State& s, const Pack* in, Pack* out) const {
    const Mask rises = kSettled ? in[0] > s.close : (in[0] > s.close) | (s.rows == 1);
    out[0] = s.total = s.total + select(rises, in[1], select(in[0] < s.close, -in[1], 0));
    s.close = in[0];
  }
};

struct Total : Step<1, 1, Missing::leave_out> {
  struct State {
    Pack rows, total;
  };

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

struct Accumulation : Step<4, 1, Missing::leave_out> {
  struct State {
    Pack rows, total;
  };

  explicit Accumulation(const double*) {}

  template <bool kSettled>
  void step(State& s, const Pack* in, Pack* out) const {
    out[0] = s.total = s.total + money_flow(in);
  }
};

/// Fast minus slow exponential mean of the accumulation line; both begin with its first value, not with a mean.
struct AccumulationOscillator : Step<4, 1, Missing::leave_out> {
  struct State {
    Pack rows, total, fast, slow;
  };
  double fast, slow;

  explicit AccumulationOscillator(const double* params)
      : Step((params[0] > params[1] ? params[0] : params[1]) - 1), fast(2 / (params[0] + 1)), slow(2 / (params[1] + 1)) {}

  template <bool kSettled>
  void step(State& s, const Pack* in, Pack* out) const {
    s.total = s.total + money_flow(in);
    s.fast = s.total * fast + s.fast * (1 - fast), s.slow = s.total * slow + s.slow * (1 - slow);
    if constexpr (!kSettled) s.fast = select(s.rows == 1, s.total, s.fast), s.slow = select(s.rows == 1, s.total, s.slow);
    out[0] = s.fast - s.slow;
  }
};

/// Summed up: the close minus the true low on days up, minus the true high on days down. (L. Williams.)
struct WilliamsAccumulation : Step<3, 1, Missing::leave_out> {
  struct State {
    Pack rows, close, total;
  };

  explicit WilliamsAccumulation(const double*) {}

  template <bool kSettled>
  void step(State& s, const Pack* in, Pack* out) const {
    // Of a missing high or low the missing one stays, as in TA-Lib.
    const Pack true_low = select(s.close < in[1], s.close, in[1]), true_high = select(s.close > in[0], s.close, in[0]);
    const Pack moved = select(in[2] > s.close, in[2] - true_low, select(in[2] < s.close, in[2] - true_high, 0));
    out[0] = s.total = s.total + (kSettled ? moved : select(s.rows == 1, 0, moved));
    s.close = in[2];
  }
};

/// 0 where the value before is 0.
inline Pack relative_change(const Pack& newest, const Pack& before) { return select(before == 0, 0, (newest - before) / before); }

struct PriceVolumeTrend : Step<2, 1, Missing::leave_out> {
  struct State {
    Pack rows, close, total;
  };

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
struct VolumeIndex : Step<2, 1, Missing::leave_out> {
  struct State {
    Pack rows, close, volume, index;
  };

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
struct WeightedPrice : Step<4, 1, Missing::leave_out> {
  struct State {
    Pack rows, paid, traded;
  };

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
struct SumSoFar : Step<1, 1, Missing::own> {
  struct State {
    Pack count, total;
  };

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
  static Pack of(const SumsSoFar& s) { return select(s.sum == 0, select(s.count > 0, s.newest, kNaN), (s.count * s.newest + s.sum) / s.count); }
};
struct VarianceOf {
  static Pack of(const SumsSoFar& s) {
    const Pack moment = s.count * s.squares - s.sum * s.sum;
    return select(moment < 0, 0, moment) * ((1 / s.count) * (1 / (s.count - 1)));
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
struct StatisticSoFar : Step<1, 1, Missing::own> {
  struct State {
    SumsSoFar sums;
    Pack infinite;
  };

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
struct ExtremeSoFar : Step<1, 1, Missing::own> {
  struct State {
    Pack rows, count, best, position, is_missing_row;
  };

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
struct FirstValue : Step<1, 1, Missing::own> {
  struct State {
    Pack rows, value;
  };

  explicit FirstValue(const double*) {}

  template <bool kSettled>
  void step(State& s, const Pack* in, Pack* out) const {
    out[0] = s.value = select(s.rows == 0, in[0], s.value);
    s.rows = 1;
  }
};

// ---- the table ----------------------------------------------------------------------------------------------------------

/// In the order of LaneFunction.
constexpr LaneEntry kFunctions[] = {
    kEntry<OnBalance>,
    kEntry<Total>,
    kEntry<Accumulation>,
    kEntry<AccumulationOscillator>,
    kEntry<WilliamsAccumulation>,
    kEntry<PriceVolumeTrend>,
    kEntry<VolumeIndex<false>>,
    kEntry<VolumeIndex<true>>,
    kEntry<WeightedPrice>,
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
static_assert(int(LaneFunction::obv) + sizeof kFunctions / sizeof *kFunctions == size_t(LaneFunction::sma));

}  // namespace

const LaneEntry& lane_entry_of_total(int number) { return kFunctions[number]; }

HAYATE_KERNELS_END
