// What a missing value does to each of the 201 functions by default, and that no digits are lost where TA-Lib loses them.
#include "features/talib.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "features/ta_bars.h"
#include "features/talib_pages.h"
#include "hayate/features.h"
#include "kernels/dispatch.h"

using namespace hayate;
using kernels::ta::Entry;

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr size_t kRows = 500;

template <class Change>
void each_series(TaBars& bars, Change change) {
  for (TaSeries* series : {&bars.open, &bars.high, &bars.low, &bars.close, &bars.volume, &bars.periods}) change(*series);
}

bool same(const TaSeries& a, size_t from_a, const TaSeries& b, size_t from_b, size_t count) {
  for (size_t i = 0; i < count; ++i)
    if (std::bit_cast<uint64_t>(a[from_a + i]) != std::bit_cast<uint64_t>(b[from_b + i])) return false;
  return true;
}

/// The largest difference from row `from` on, against the usual size of the values.
double distance(const TaSeries& a, const TaSeries& b, size_t from) {
  double size = 0, apart = 0;
  for (double x : b)
    if (std::isfinite(x)) size = std::max(size, std::fabs(x));
  for (size_t row = from; row < a.size(); ++row) {
    if (std::isnan(a[row]) != std::isnan(b[row])) return 1e9;
    if (std::isfinite(b[row])) apart = std::max(apart, std::fabs(a[row] - b[row]) / size);
  }
  return apart;
}

bool all_missing(const TaSeries& values, size_t from, size_t to) {
  return std::all_of(values.begin() + ptrdiff_t(from), values.begin() + ptrdiff_t(to), [](double x) { return std::isnan(x); });
}

/// The bars behind row `row`.
TaBars behind(TaBars bars, size_t row) {
  each_series(bars, [row](TaSeries& series) { series.erase(series.begin(), series.begin() + ptrdiff_t(row) + 1); });
  return bars;
}

TaBars without(TaBars bars, size_t row) {
  each_series(bars, [row](TaSeries& series) { series.erase(series.begin() + ptrdiff_t(row)); });
  return bars;
}

/// Rows that hold row numbers count from the symbol's first row.
TaSeries moved(TaSeries values, double rows) {
  for (double& x : values) x += rows;
  return values;
}

}  // namespace

TEST_CASE("a missing value in any input touches its own windows alone, or what the page says, in every function") {
  TaBars clean = ta_walk(kRows, 3);
  for (const Entry* function : ta_functions()) {
    CAPTURE(function->name);
    const std::vector<double> params = ta_defaults(*function);
    const size_t lookback = size_t(function->lookback(params.data()));
    const std::vector<TaSeries> wanted = ta_run(*function, clean, params);
    for (int input = 0; input < function->num_inputs(); ++input)
      for (const size_t row : {size_t(150), size_t(201), size_t(263)}) {
        CAPTURE(function->inputs[input]);
        CAPTURE(row);
        TaBars bars = clean;
        bars.series(function->inputs[input])[row] = kNaN;
        const std::vector<TaSeries> got = ta_run(*function, bars, params);
        TaBars rest = behind(clean, row), others = without(clean, row);
        const std::vector<TaSeries> anew = ta_run(*function, rest, params), left_out = ta_run(*function, others, params);
        for (size_t o = 0; o < got.size(); ++o) {
          CAPTURE(o);
          CHECK(same(got[o], 0, wanted[o], 0, row));
          CHECK(std::isnan(got[o][row]));
          if (function->cumulative) {
            CHECK(same(got[o], row + 1, left_out[o], row, kRows - row - 1));
            continue;
          }
          CHECK(all_missing(got[o], row, row + lookback + 1));
          const TaSeries begun = function->row_numbers ? moved(anew[o], double(row) + 1) : anew[o];
          CHECK(same(got[o], row + lookback + 1, begun, lookback, kRows - row - 1 - lookback));
          if (!function->recursive) CHECK(distance(got[o], wanted[o], row + lookback + 1) <= 1e-9);
        }
      }
  }
}

TEST_CASE("recursive functions come back to the values of the unbroken series, others never left them") {
  // Where they begin decides these for as long as a trend lasts, or by how the phase is counted.
  const auto keeps_a_state = [](const std::string& name) {
    return name == "SAR" || name == "SAREXT" || name == "SUPERTREND" || name == "MAMA" || name.starts_with("HT_");
  };
  TaBars clean = ta_walk(2'500, 5);
  for (const Entry* function : ta_functions()) {
    CAPTURE(function->name);
    if (function->cumulative || function->row_numbers || keeps_a_state(function->name)) continue;
    TaBars bars = clean;
    each_series(bars, [](TaSeries& series) { series[300] = kNaN; });
    const std::vector<double> params = ta_defaults(*function);
    const std::vector<TaSeries> wanted = ta_run(*function, clean, params), got = ta_run(*function, bars, params);
    bool apart = false;
    for (size_t o = 0; o < got.size(); ++o) {
      CHECK(distance(got[o], wanted[o], 2'000) <= 1e-9);
      apart |= distance(got[o], wanted[o], 301 + size_t(function->lookback(params.data()))) > 1e-7;
    }
    CHECK(apart == function->recursive);  // so the table's flag is what the numbers say
  }
}

TEST_CASE("what is a window gives the same bytes wherever the series begins") {
  TaBars bars = ta_walk(700, 21);
  for (const Entry* function : ta_functions()) {
    CAPTURE(function->name);
    const TalibCall call{function, ta_defaults(*function), false};
    if (!call.is_windowed()) continue;
    const size_t lookback = size_t(call.lookback());
    const std::vector<TaSeries> wanted = ta_run(*function, bars, call.params);
    for (const size_t row : {size_t(0), size_t(1), size_t(6), size_t(37), size_t(300), size_t(333)}) {
      CAPTURE(row);
      TaBars rest = behind(bars, row);
      const std::vector<TaSeries> got = ta_run(*function, rest, call.params);
      for (size_t o = 0; o < got.size(); ++o) CHECK(same(got[o], lookback, wanted[o], row + 1 + lookback, 700 - row - 1 - lookback));
    }
  }
}

TEST_CASE("scattered missing values leave every window without one intact") {
  TaBars clean = ta_walk(2'000, 7), bars = clean;
  std::vector<size_t> rows;
  for (size_t t = 0; t < 2'000; ++t)
    if (random_unit(9, t) < 0.003) rows.push_back(t);
  each_series(bars, [&](TaSeries& series) {
    for (const size_t t : rows) series[t] = kNaN;
  });
  for (const Entry* function : ta_functions()) {
    if (function->cumulative || function->recursive) continue;
    CAPTURE(function->name);
    const std::vector<double> params = ta_defaults(*function);
    const int64_t lookback = function->lookback(params.data());
    const std::vector<TaSeries> wanted = ta_run(*function, clean, params), got = ta_run(*function, bars, params);
    for (size_t t = 200; t < 2'000; ++t) {
      const bool touched = std::any_of(rows.begin(), rows.end(), [&](size_t row) { return row <= t && int64_t(t - row) <= lookback; });
      for (size_t o = 0; o < got.size(); ++o) {
        CAPTURE(t);
        REQUIRE(std::isnan(got[o][t]) == touched);
        if (!touched) REQUIRE(std::fabs(got[o][t] - wanted[o][t]) <= 1e-9 * (1e-3 + std::fabs(wanted[o][t])));
      }
    }
  }
}

TEST_CASE("a value over a window is made of the rows of its window alone, to the byte, on every instruction set") {
  TaBars bars = ta_walk(900, 19);
  for (const int period : {2, 7, 8, 20, 31, 250}) {
    std::vector<std::vector<TaSeries>> of_baseline;
    for (const auto isa : {kernels::Isa::baseline, kernels::Isa::avx2, kernels::Isa::avx512}) {
      kernels::set_isa(isa);
      size_t number = 0;
      for (const Entry* function : ta_functions()) {
        CAPTURE(function->name);
        CAPTURE(period);
        std::vector<double> params = ta_defaults(*function);
        if (function->num_params() > 0 && function->params[0].whole) params[0] = std::max<double>(period, function->params[0].least);
        if (function->lookback(params.data()) < 0 || function->lookback(params.data()) > 600) continue;
        const size_t lookback = size_t(function->lookback(params.data()));
        const bool by_window = TalibCall{function, params, false}.is_windowed();
        const std::vector<TaSeries> all = ta_run(*function, bars, params);
        for (const size_t row : {size_t(0), size_t(57), size_t(130)}) {
          TaBars rest = behind(bars, row);
          const std::vector<TaSeries> later = ta_run(*function, rest, params);
          for (size_t o = 0; by_window && o < all.size(); ++o) CHECK(same(all[o], row + 1 + lookback, later[o], lookback, 900 - row - 1 - lookback));
        }
        if (isa == kernels::Isa::baseline) of_baseline.push_back(all);
        for (size_t o = 0; o < all.size(); ++o) CHECK(same(all[o], 0, of_baseline[number][o], 0, 900));
        ++number;
      }
    }
  }
  kernels::set_isa(kernels::detected_isa());
}

TEST_CASE("with compat talib row numbers count from the first row of the series, missing or not") {
  TaBars bars = ta_walk(60, 3);
  const auto whole = ta_run(*find_talib("MAXINDEX"), bars, {5}, true)[0];
  for (size_t t = 0; t < 10; ++t) bars.close[t] = kNaN;
  const auto late = ta_run(*find_talib("MAXINDEX"), bars, {5}, true)[0];
  for (size_t t = 0; t < 60; ++t) CHECK(late[t] == (t < 14 ? 0 : whole[t]));
}

TEST_CASE("whole numbers are 0 in the lookback of a series, and NaN where a window holds a missing row") {
  TaBars bars = ta_walk(100, 3);
  bars.close[40] = kNaN;
  const auto rows = ta_run(*find_talib("MAXINDEX"), bars, {5});
  for (size_t t = 0; t < 100; ++t) {
    CAPTURE(t);
    if (t < 4) CHECK(rows[0][t] == 0);
    if (t >= 40 && t < 45) CHECK(std::isnan(rows[0][t]));
    if (t < 4 || (t >= 40 && t < 45)) continue;
    const size_t at = size_t(rows[0][t]);
    CHECK((at <= t && t - at < 5));
    CHECK(bars.close[at] == *std::max_element(bars.close.begin() + ptrdiff_t(t) - 4, bars.close.begin() + ptrdiff_t(t) + 1));
  }
  const auto trend = ta_run(*find_talib("SUPERTREND"), bars, {10, 3})[1];
  CHECK(trend[5] == 0);
  CHECK(std::isnan(trend[45]));
  CHECK(std::fabs(trend[60]) == 1);
}

TEST_CASE("a lookback that the graph declares is the rows without a value, also of whole numbers over an input with one") {
  const std::vector<std::string> fields = {"open", "high", "low", "close", "volume"};
  const auto lookback = [&](const char* text) {
    const NamedExpression named{"x", text};
    return Program::compile({&named, 1}, fields).value().lookback(0);
  };
  CHECK(lookback("ta.MAXINDEX($close, timeperiod=5)") == 0);
  CHECK(lookback("ta.MAXINDEX(Ref($close, 3), timeperiod=5)") == 7);
  CHECK(lookback("ta.MAX(Ref($close, 3), timeperiod=5)") == 7);
}

// ---- digits -------------------------------------------------------------------------------------------------------------

namespace {

using Real = long double;

struct Line {
  Real end, start, slope;
};

Line line_of(const TaSeries& x, size_t row, size_t period) {
  Real mean = 0, across = 0, squares = 0;
  const Real middle = Real(period - 1) / 2;
  for (size_t i = 0; i < period; ++i) mean += Real(x[row - i]);
  mean /= Real(period);
  for (size_t i = 0; i < period; ++i) {
    const Real place = middle - Real(i);
    across += place * (Real(x[row - i]) - mean), squares += place * place;
  }
  const Real slope = across / squares;
  return {mean + middle * slope, mean - middle * slope, slope};
}

Real variance_of(const TaSeries& x, size_t row, size_t period) {
  Real mean = 0, squares = 0;
  for (size_t i = 0; i < period; ++i) mean += Real(x[row - i]) / Real(period);
  for (size_t i = 0; i < period; ++i) squares += (Real(x[row - i]) - mean) * (Real(x[row - i]) - mean);
  return squares / Real(period);
}

Real co_moment(const TaSeries& x, const TaSeries& y, size_t row, size_t period) {
  Real mean_x = 0, mean_y = 0, sum = 0;
  for (size_t i = 0; i < period; ++i) mean_x += Real(x[row - i]), mean_y += Real(y[row - i]);
  mean_x /= Real(period), mean_y /= Real(period);
  for (size_t i = 0; i < period; ++i) sum += (Real(x[row - i]) - mean_x) * (Real(y[row - i]) - mean_y);
  return sum;
}

struct Prices {
  double price, step;
};

}  // namespace

TEST_CASE("deviations, bands, lines and correlations keep their digits at prices of a millionth, a billionth and with a large offset") {
  for (const auto [price, step] :
       {Prices{1e-6, 1e-2}, Prices{1e-6, 1e-5}, Prices{1e-9, 1e-3}, Prices{1e8, 1e-11}, Prices{50, 1e-2}, Prices{1e9, 1e-3}}) {
    CAPTURE(price);
    CAPTURE(step);
    TaBars bars = ta_walk(600, 13, price, step);
    bars.volume = bars.high;  // real1 of CORREL and BETA
    const TaSeries& x = bars.close;
    for (const size_t period : {size_t(2), size_t(5), size_t(20), size_t(61)}) {
      CAPTURE(period);
      const double n = double(period);
      const auto run = [&](const char* name, std::vector<double> params) { return ta_run(*find_talib(name), bars, std::move(params)); };
      const auto variance = run("VAR", {n, 1})[0], deviation = run("STDDEV", {n, 1})[0];
      const auto bands = run("BBANDS", {n, 2, 2, 0});
      const auto end = run("LINEARREG", {n})[0], start = run("LINEARREG_INTERCEPT", {n})[0], slope = run("LINEARREG_SLOPE", {n})[0],
                 angle = run("LINEARREG_ANGLE", {n})[0], next = run("TSF", {n})[0];
      const auto correlation = run("CORREL", {n})[0];
      for (size_t row = 70; row < 600; ++row) {
        CAPTURE(row);
        const Real squares = variance_of(x, row, period), spread = std::sqrt(squares);
        const Line line = line_of(x, row, period);
        const auto near = [](double got, Real wanted, Real scale) { return std::fabs(Real(got) - wanted) <= 1e-9L * scale; };
        REQUIRE(near(variance[row], squares, squares));
        REQUIRE(near(deviation[row], spread, spread));
        // What is on the scale of the price can be no closer than the last bits of a price: 1e-9 of this is 1e-15 of it.
        const Real stored = Real(std::fabs(x[row])) * 1e-6L;
        REQUIRE(near(bands[0][row] - bands[1][row], 2 * spread, 2 * spread + stored));
        REQUIRE(near(bands[1][row] - bands[2][row], 2 * spread, 2 * spread + stored));
        REQUIRE(near(end[row], line.end, spread + stored));
        REQUIRE(near(start[row], line.start, spread + stored));
        REQUIRE(near(next[row], line.end + line.slope, spread + stored));
        REQUIRE(near(slope[row], line.slope, spread));
        REQUIRE(near(angle[row], std::atan(line.slope) * 180 / 3.14159265358979323846L, spread * 60));
        const Real xy = co_moment(x, bars.high, row, period), yy = co_moment(bars.high, bars.high, row, period), xx = squares * Real(period);
        REQUIRE(near(correlation[row], xy / std::sqrt(xx * yy), 1));
      }
    }
  }
}

TEST_CASE("beta near a millionth") {
  TaBars bars = ta_walk(400, 17, 1e-6, 1e-2);
  bars.volume = bars.high;
  const auto beta = ta_run(*find_talib("BETA"), bars, {20})[0];
  const auto returns = [](const TaSeries& x) {
    TaSeries out(x.size(), 0);
    for (size_t t = 1; t < x.size(); ++t) out[t] = double((Real(x[t]) - Real(x[t - 1])) / Real(x[t - 1]));
    return out;
  };
  const TaSeries of_x = returns(bars.close), of_y = returns(bars.high);
  for (size_t row = 20; row < 400; ++row) {
    const Real wanted = co_moment(of_x, of_y, row, 20) / co_moment(of_x, of_x, row, 20);
    REQUIRE(std::fabs(Real(beta[row]) - wanted) <= 1e-9L * (1 + std::fabs(wanted)));
  }
}

TEST_CASE("with exact, one missing input stays in the sums of money flows and of accumulation, as in TA-Lib") {
  TaBars bars = ta_walk(100, 3, 44, 1e-2);
  bars.high[50] = bars.low[50] = kNaN;
  for (const auto& [name, params] : {std::pair("MFI", std::vector<double>{5}), std::pair("WAD", std::vector<double>{})}) {
    CAPTURE(name);
    const TaSeries values = ta_run(*find_talib(name), bars, params, true)[0];
    CHECK_FALSE(all_missing(values, 49, 50));
    CHECK(all_missing(values, 50, 100));
  }
}

TEST_CASE("with exact, a price that stands still for a whole window leaves nothing of earlier rows, as in TA-Lib 0.8.2") {
  TaBars bars = ta_walk(200, 3, 44, 1e-2);
  for (TaSeries* series : {&bars.open, &bars.high, &bars.low, &bars.close}) std::fill(series->begin() + 100, series->begin() + 130, 44);
  struct Still {
    const char* name;
    std::vector<double> params;
    double value;
  };
  for (const Still& still : {Still{"MFI", {5}, 0}, Still{"CMOU", {5}, 0}, Still{"ER", {5}, 1}, Still{"VHF", {5}, 0}, Still{"VORTEX", {5}, 0},
                             Still{"ULTOSC", {3, 5, 7}, 0}, Still{"KAMA", {5}, 44}, Still{"MA", {5, 6}, 44}}) {
    CAPTURE(still.name);
    for (const bool exact : {true, false}) {
      CAPTURE(exact);
      const TaSeries values = ta_run(*find_talib(still.name), bars, still.params, exact)[0];
      // The averages take 20 rows more to come close.
      CHECK(values[129] == doctest::Approx(still.value).epsilon(1e-6));
      if (still.value != 44)
        for (size_t row = 108; row < 130; ++row) REQUIRE(values[row] == still.value);
    }
  }
}

TEST_CASE("bands around an average of type 7 have it from the first row on, whatever the period") {
  TaBars bars = ta_walk(200, 5, 40, 2e-2);
  for (const double period : {20.0, 40.0, 90.0}) {
    CAPTURE(period);
    const TaSeries middle = ta_run(*find_talib("BBANDS"), bars, {period, 2, 2, 7})[1], average = ta_run(*find_talib("MA"), bars, {period, 7})[0];
    const size_t first = std::max<size_t>(32, size_t(period) - 1);
    CHECK(all_missing(middle, 0, first));
    CHECK(same(middle, first, average, first, 200 - first));
  }
}

TEST_CASE("money flows of prices below zero stay within 0 and 100, and an oscillator of no volume is 0") {
  TaBars bars = ta_walk(200, 5, 40, 2e-2);
  each_series(bars, [](TaSeries& series) {
    for (double& x : series) x -= 40;
  });
  for (double& x : bars.volume) x = std::fabs(x) + 1;
  const TaSeries flows = ta_run(*find_talib("MFI"), bars, {5})[0];
  for (size_t row = 5; row < 200; ++row) CHECK((flows[row] >= 0 && flows[row] <= 100));
  std::fill(bars.volume.begin() + 100, bars.volume.end(), 0);
  for (const bool exact : {true, false}) CHECK(ta_run(*find_talib("PVO"), bars, {3, 5, 0}, exact)[0][150] == 0);
}
