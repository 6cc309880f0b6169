// Statistic functions over windows: deviation, line fits, correlation of two series, percentiles.
#include <cmath>
#include <cstring>

#include "kernels/ta_series.h"
#include "kernels/ta_table.h"

HAYATE_TA_BEGIN
namespace {

// ---- one series -------------------------------------------------------------------------------------------------------

// The parameter nbdev of VAR does nothing, as in TA-Lib.
void variances(const Call& call) { variance(input(call, 0), whole(call, 0), call.scratch[0], call.outputs[0]); }

void deviation(const Call& call) {
  double* out = call.outputs[0];
  const Series squares = variance(input(call, 0), whole(call, 0), call.scratch[0], out);
  for (int64_t row = squares.begin; row < call.rows; ++row) out[row] = std::sqrt(out[row]) * call.params[1];
}

// formula(value of the line at the newest row, its slope) of every window.
template <class Formula>
void of_line(const Call& call, Formula formula) {
  double *out = call.outputs[0], *slope = call.scratch[0];
  const Series line = regression(input(call, 0), whole(call, 0), slope, out);
  for (int64_t row = line.begin; row < call.rows; ++row) out[row] = formula(out[row], slope[row]);
}

void line_end(const Call& call) { regression(input(call, 0), whole(call, 0), call.scratch[0], call.outputs[0]); }
void line_slope(const Call& call) { regression(input(call, 0), whole(call, 0), call.outputs[0], call.scratch[0]); }
void line_angle(const Call& call) {
  const double degrees = 180.0 / (4.0 * std::atan(1.0));
  of_line(call, [degrees](double, double slope) { return std::atan(slope) * degrees; });
}
void line_start(const Call& call) {
  const double steps = call.params[0] - 1;
  of_line(call, [steps](double end, double slope) { return end - steps * slope; });
}
void line_next(const Call& call) {
  of_line(call, [](double end, double slope) { return end + slope; });
}

// The first place of `sorted` that does not order before x.
int64_t place(const double* sorted, int64_t size, double x) {
  int64_t low = 0, high = size;
  while (low < high) {
    const int64_t middle = (low + high) / 2;
    if (sorted[middle] < x)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

// TA-Lib's ways into a sorted window, which missing values put out of order: the rows before the first window come from the back, behind
// their equals; later ones from the front, behind their equals; the one to remove is the first that is not below it.
int64_t place_from_back(const double* sorted, int64_t size, double x) {
  while (size > 0 && sorted[size - 1] > x) --size;
  return size;
}
int64_t place_from_front(const double* sorted, int64_t size, double x) {
  int64_t at = 0;
  while (at < size && sorted[at] <= x) ++at;
  return at;
}
int64_t place_to_remove(const double* sorted, int64_t size, double x) {
  int64_t at = 0;
  while (at < size - 1 && sorted[at] < x) ++at;
  return at;
}

// Nearest rank: the smallest value that `percentile` percent of the window do not exceed. The window is kept sorted.
void percentile(const Call& call) {
  const Series x = input(call, 0);
  const int64_t period = whole(call, 0), rank = static_cast<int64_t>(std::ceil(call.params[1] / 100 * static_cast<double>(period)));
  double* sorted = call.scratch[0];
  int64_t size = 0;
  const auto move = [sorted](int64_t to, int64_t from, int64_t count) {
    std::memmove(sorted + to, sorted + from, static_cast<size_t>(count) * sizeof(double));
  };
  for (int64_t row = 0; row < x.rows; ++row) {
    if (size == period) {
      const double left = x[row - period];
      const int64_t old = call.exact ? place_to_remove(sorted, size, left) : place(sorted, size, left);
      move(old, old + 1, --size - old);
    }
    const auto place_of = !call.exact ? place : row < period - 1 ? place_from_back : place_from_front;
    const int64_t spot = place_of(sorted, size, x[row]);
    move(spot + 1, spot, size++ - spot);
    sorted[spot] = x[row];
    if (size == period) call.outputs[0][row] = sorted[rank < 1 ? 0 : rank - 1];
  }
  begun(call.outputs[0], period - 1, x);
}

// How many of the `period` values before are below this one, in percent.
void percent_rank(const Call& call) {
  const Series x = input(call, 0);
  const int64_t period = whole(call, 0);
  const double count = static_cast<double>(period);
  double* out = call.outputs[0];
  constexpr int64_t kTogether = 32;  // rows whose counts stay in registers
  int64_t row = period;
  for (; row + kTogether <= x.rows; row += kTogether) {
    const double* newest = x.values + row;
    double below[kTogether] = {};
    for (int64_t age = 1; age <= period; ++age)
      for (int64_t i = 0; i < kTogether; ++i) below[i] += newest[i - age] < newest[i] ? 1.0 : 0.0;
    for (int64_t i = 0; i < kTogether; ++i) out[row + i] = 100 * below[i] / count;
  }
  for (; row < x.rows; ++row) {
    double below = 0;
    for (int64_t age = 1; age <= period; ++age) below += x[row - age] < x[row] ? 1.0 : 0.0;
    out[row] = 100 * below / count;
  }
  begun(call.outputs[0], period, x);
}

// ---- two series -------------------------------------------------------------------------------------------------------

struct Pair {
  double x, y;
};

// Sums over the rows of a window, of distances from one of its rows.
struct Moments {
  double x = 0, y = 0, xx = 0, xy = 0, yy = 0;

  void add(Pair from, Pair to) {
    const double dx = to.x - from.x, dy = to.y - from.y;
    x += dx, y += dy, xx += dx * dx, xy += dx * dy, yy += dy * dy;
  }
  Moments plus(const Moments& other) const { return {x + other.x, y + other.y, xx + other.xx, xy + other.xy, yy + other.yy}; }
};

constexpr int kMomentsScratch = 5;

void store(const Moments& m, double* const* series, int64_t row) {
  series[0][row] = m.x, series[1][row] = m.y, series[2][row] = m.xx, series[3][row] = m.xy, series[4][row] = m.yy;
}
Moments stored(double* const* series, int64_t row) { return {series[0][row], series[1][row], series[2][row], series[3][row], series[4][row]}; }

// Strip by strip (ta_windows.h), distances taken from the newest row.
template <class At, class Formula>
void of_composed_moments(Series like, int64_t period, At at, Formula formula, double* out) {
  with_room<7>(period, [&](StripRoom room) __attribute__((noinline)) {
    double* __restrict x = room.array(5) + period - 1;
    double* __restrict y = room.array(6) + period - 1;
    double* const sums[] = {room.array(0), room.array(1), room.array(2), room.array(3), room.array(4)};
    for_strips(period, like.begin + period - 1, like.rows, [&](int64_t first, int64_t rows) {
      for (int64_t i = 1 - period; i < rows; ++i) {
        const Pair pair = at(first + i);
        x[i] = pair.x, y[i] = pair.y;
      }
      strip_products(x, y, period, rows, sums);
      HAYATE_INDEPENDENT
      for (int64_t i = 0; i < rows; ++i) out[first + i] = formula(Moments{sums[0][i], sums[1][i], sums[2][i], sums[3][i], sums[4][i]});
    });
  });
}

// out[row] = formula(moments of the window that ends there), from blocks, as the variance in ta_series.cc is: distances
// are taken from the first row of the later block, or from the last row where the window is a block, so no digits are lost
// to how far the values are from 0. `at(row)` gives the pair of a row, from `like.begin` on.
template <class At, class Formula>
void of_moments(Series like, int64_t period, At at, double* const* scratch, Formula formula, double* out) {
  if (is_composed(like, period)) {
    of_composed_moments(like, period, at, formula, out);
    begun(out, like.begin + period - 1, like);
    return;
  }
  for (int64_t block = like.begin; block + period <= like.rows; block += period) {
    const int64_t next = block + period, stop = next + period - 1 < like.rows ? next + period - 1 : like.rows;
    Moments all;
    for (int64_t row = block; row < next; ++row) all.add(at(next - 1), at(row));
    out[next - 1] = formula(all);
    if (next == stop) continue;
    Moments tail, head;
    for (int64_t row = next - 1; row > block; --row) {
      tail.add(at(next), at(row));
      if (row + period - 1 < like.rows) store(tail, scratch, row + period - 1);
    }
    for (int64_t row = next; row < stop; ++row) {
      head.add(at(next), at(row));
      out[row] = formula(stored(scratch, row).plus(head));
    }
  }
  begun(out, like.begin + period - 1, like);
}

// TA-Lib answers 0 where a window is constant, and so where it holds a missing value or has not yet forgotten one.
void missing_to_zero(Series like, int64_t period, double* out) {
  if (like.exact) keep_missing(like, period, like.begin + period - 2, out);
  for (int64_t row = like.begin + period - 1; row < like.rows; ++row) {
    if (std::isnan(out[row])) out[row] = 0;
  }
}

void correlation(const Call& call) {
  const double *x = call.inputs[0], *y = call.inputs[1], count = call.params[0];
  const auto formula = [count](const Moments& m) {
    const double product = (m.xx - m.x * m.x / count) * (m.yy - m.y * m.y / count);
    const double value = (m.xy - m.x * m.y / count) / std::sqrt(product);
    return product <= 0 ? 0 : value;
  };
  of_moments(input(call, 0), whole(call, 0), [=](int64_t row) { return Pair{x[row], y[row]}; }, call.scratch, formula, call.outputs[0]);
  missing_to_zero(input(call, 0), whole(call, 0), call.outputs[0]);
}

// Slope of the second series' returns over the first's.
void beta(const Call& call) {
  const double *x = call.inputs[0], *y = call.inputs[1], count = call.params[0];
  const auto change = [](const double* price, int64_t row) {
    const double value = (price[row] - price[row - 1]) / price[row - 1];
    return price[row - 1] == 0 ? 0 : value;
  };
  const auto formula = [count](const Moments& m) {
    const double squares = m.xx * count - m.x * m.x;
    const double value = (m.xy * count - m.x * m.y) / squares;
    return squares == 0 ? 0 : value;
  };
  const Series returns = from(input(call, 0), 1);
  const int64_t period = whole(call, 0);
  double* out = call.outputs[0];
  of_moments(returns, period, [=](int64_t row) { return Pair{change(x, row), change(y, row)}; }, call.scratch, formula, out);
  if (!call.exact) return missing_to_zero(returns, period, out);
  // TA-Lib answers 0 where the squares are not above 0, which those of a missing value are not; one in the other series alone stays NaN.
  double* squares = call.scratch[0];
  sum_anew_of(returns, period, [=](int64_t row) { return change(x, row) - change(x, row); }, squares);
  keep_missing(returns, period, returns.begin + period - 2, squares), keep_missing(returns, period, returns.begin + period - 2, out);
  for (int64_t row = returns.begin + period - 1; row < call.rows; ++row)
    if (std::isnan(squares[row])) out[row] = 0;
}

constexpr const char* kGroup = "Statistic Functions";

// clang-format off
constexpr Entry kFunctions[] = {
    {.name = "BETA", .group = kGroup, .title = "Beta", .inputs = {"real0", "real1"}, .params = {period("timeperiod", 5, 1)}, .outputs = {"real"},
     .scratch = kMomentsScratch, .lookback = period_lookback<0>, .compute = beta},
    {.name = "CORREL", .group = kGroup, .title = "Pearson's Correlation Coefficient (r)", .inputs = {"real0", "real1"},
     .params = {period("timeperiod", 30, 1)}, .outputs = {"real"}, .scratch = kMomentsScratch, .lookback = period_lookback<-1>,
     .compute = correlation},
    {.name = "LINEARREG", .group = kGroup, .title = "Linear Regression", .inputs = {"real"}, .params = {period("timeperiod", 14, 2)},
     .outputs = {"real"}, .scratch = 1, .lookback = period_lookback<-1>, .compute = line_end},
    {.name = "LINEARREG_ANGLE", .group = kGroup, .title = "Linear Regression Angle", .inputs = {"real"}, .params = {period("timeperiod", 14, 2)},
     .outputs = {"real"}, .scratch = 1, .lookback = period_lookback<-1>, .compute = line_angle},
    {.name = "LINEARREG_INTERCEPT", .group = kGroup, .title = "Linear Regression Intercept", .inputs = {"real"},
     .params = {period("timeperiod", 14, 2)}, .outputs = {"real"}, .scratch = 1, .lookback = period_lookback<-1>, .compute = line_start},
    {.name = "LINEARREG_SLOPE", .group = kGroup, .title = "Linear Regression Slope", .inputs = {"real"}, .params = {period("timeperiod", 14, 2)},
     .outputs = {"real"}, .scratch = 1, .lookback = period_lookback<-1>, .compute = line_slope},
    {.name = "PERCENTILE", .group = kGroup, .title = "Percentile (nearest rank)", .inputs = {"real"},
     .params = {period("timeperiod", 30, 2), real("percentile", 50, 0, 100)}, .outputs = {"real"}, .scratch = 1, .lookback = period_lookback<-1>,
     .compute = percentile},
    {.name = "PERCENTRANK", .group = kGroup, .title = "Percent Rank", .inputs = {"real"}, .params = {period("timeperiod", 100, 2)},
     .outputs = {"real"}, .lookback = period_lookback<0>, .compute = percent_rank},
    {.name = "STDDEV", .group = kGroup, .title = "Standard Deviation", .inputs = {"real"}, .params = {period("timeperiod", 5, 2), real("nbdev", 1)},
     .outputs = {"real"}, .scratch = 1, .lookback = period_lookback<-1>, .compute = deviation},
    {.name = "TSF", .group = kGroup, .title = "Time Series Forecast", .inputs = {"real"}, .params = {period("timeperiod", 14, 2)},
     .outputs = {"real"}, .scratch = 1, .lookback = period_lookback<-1>, .compute = line_next},
    {.name = "VAR", .group = kGroup, .title = "Variance", .inputs = {"real"}, .params = {period("timeperiod", 5, 1), real("nbdev", 1)},
     .outputs = {"real"}, .scratch = 1, .lookback = period_lookback<-1>, .compute = variances},
};
// clang-format on

}  // namespace

extern const std::span<const Entry> kStatisticFunctions;
constexpr std::span<const Entry> kStatisticFunctions = kFunctions;

HAYATE_TA_END
