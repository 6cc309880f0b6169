// What holds for every function of a group, and what is exact for a few of them.
#include <doctest/doctest.h>

#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "kernels/ta.h"

using namespace hayate::kernels::ta;

namespace {

constexpr double kUnwritten = 12345.678;

std::vector<Entry> all_functions() {
  std::vector<Entry> all;
  for (auto functions :
       {volume_functions, volatility_functions, price_functions, statistic_functions, math_functions, cycle_functions, pattern_functions})
    for (const Entry& entry : functions()) all.push_back(entry);
  return all;
}

const Entry& function(const std::string& name) {
  static const std::vector<Entry> all = all_functions();
  for (const Entry& entry : all)
    if (name == entry.name) return entry;
  FAIL("no function " << name);
  return all[0];
}

using Column = std::vector<double>;

/// A small generator of its own: kernels include nothing from above them.
struct Random {
  uint64_t state;
  double uniform() {
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    return static_cast<double>(state >> 11) * 0x1p-53;
  }
};

struct Bars {
  Column open, high, low, close, volume;

  const Column& column(const std::string& name) const {
    return name == "open"                      ? open
           : name == "high" || name == "real0" ? high
           : name == "low" || name == "real1"  ? low
           : name == "volume"                  ? volume
                                               : close;
  }
  Bars rows(int64_t from, int64_t count) const {
    const auto cut = [&](const Column& c) { return Column(c.begin() + from, c.begin() + from + count); };
    return {cut(open), cut(high), cut(low), cut(close), cut(volume)};
  }
};

Bars walk(int num_rows, double price, double step, uint64_t seed = 7) {
  Random random{seed};
  Bars bars;
  for (int i = 0; i < num_rows; ++i) {
    const double open = price * (1 + step * (random.uniform() - 0.5)), close = open * (1 + 2 * step * (random.uniform() - 0.5));
    bars.open.push_back(open), bars.close.push_back(price = close);
    bars.high.push_back(std::fmax(open, close) * (1 + step * random.uniform()));
    bars.low.push_back(std::fmin(open, close) * (1 - step * random.uniform()));
    bars.volume.push_back(std::floor(1e6 * random.uniform()));
  }
  return bars;
}

Bars constant(int num_rows, double price) {
  const Column same(num_rows, price);
  return {same, same, same, same, Column(num_rows, 1000)};
}

Column initial_params(const Entry& entry) {
  Column params;
  for (const Param& param : entry.params)
    if (param.name) params.push_back(param.initial);
  return params;
}

std::vector<Column> run(const Entry& entry, const Bars& bars, const Column& params, bool exact = false) {
  std::vector<const double*> inputs;
  std::vector<Column> outputs, scratch(entry.scratch, Column(bars.close.size(), std::nan("")));
  std::vector<double*> output_rows, scratch_rows;
  for (const char* name : entry.inputs)
    if (name) inputs.push_back(bars.column(name).data());
  for (const char* name : entry.outputs)
    if (name) outputs.push_back(Column(bars.close.size(), kUnwritten));
  for (Column& column : outputs) output_rows.push_back(column.data());
  for (Column& column : scratch) scratch_rows.push_back(column.data());
  Column room(static_cast<size_t>(lane_room(entry, params.data())));
  compute(entry, {inputs.data(), static_cast<int64_t>(bars.close.size()), params.data(), output_rows.data(), scratch_rows.data(), exact},
          room.data());
  return outputs;
}

Column run(const std::string& name, const Bars& bars, const Column& params) { return run(function(name), bars, params)[0]; }

bool same_bits(const Column& a, const Column& b, size_t rows) {
  for (size_t i = 0; i < rows; ++i)
    if (std::bit_cast<uint64_t>(a[i]) != std::bit_cast<uint64_t>(b[i])) return false;
  return true;
}

/// NaN (0 in whole outputs) before the lookback and nowhere else, nothing left unwritten.
void check_rows(const Entry& entry, const Column& out, int64_t lookback) {
  for (int64_t row = 0; row < static_cast<int64_t>(out.size()); ++row) {
    CAPTURE(row);
    REQUIRE(out[row] != kUnwritten);
    if (row < lookback)
      REQUIRE((entry.whole_outputs ? out[row] == 0 : std::isnan(out[row])));
    else
      REQUIRE(std::isfinite(out[row]));
  }
}

}  // namespace

TEST_CASE("every row is written, the lookback with nothing in it, for any number of rows") {
  for (const Entry& entry : all_functions()) {
    CAPTURE(entry.name);
    const Column params = initial_params(entry);
    const int64_t lookback = entry.lookback(params.data());
    // Prices below 1 are in the domain of every function.
    const Bars bars = walk(300, 0.5, 0.01);
    for (int64_t rows : {int64_t{0}, int64_t{1}, int64_t{2}, lookback, lookback + 1, lookback + 2, int64_t{64}, int64_t{300}}) {
      CAPTURE(rows);
      for (bool exact : {false, true})
        for (const Column& out : run(entry, bars.rows(0, rows), params, exact)) check_rows(entry, out, lookback);
    }
  }
}

TEST_CASE("parameters at their limits") {
  const Bars bars = walk(300, 0.5, 0.01);
  for (const Entry& entry : all_functions()) {
    for (int which = 0; which < static_cast<int>(initial_params(entry).size()); ++which) {
      const Param& param = entry.params[which];
      for (double value : {param.least, param.whole ? param.least + 1 : param.initial / 2, param.most}) {
        if (std::fabs(value) > 1e30) continue;  // reals without a limit
        CAPTURE(entry.name);
        CAPTURE(param.name);
        CAPTURE(value);
        CHECK(param.least <= param.initial);
        CHECK(param.initial <= param.most);
        Column params = initial_params(entry);
        params[which] = value;
        for (const Column& out : run(entry, bars, params)) check_rows(entry, out, entry.lookback(params.data()));
      }
    }
  }
}

TEST_CASE("no row depends on a later one") {
  const Bars bars = walk(400, 0.5, 0.01);
  for (const Entry& entry : all_functions()) {
    CAPTURE(entry.name);
    const Column params = initial_params(entry);
    const std::vector<Column> all = run(entry, bars, params);
    for (int64_t rows : {65, 100, 131, 250, 399}) {
      CAPTURE(rows);
      const std::vector<Column> cut = run(entry, bars.rows(0, rows), params);
      for (size_t i = 0; i < all.size(); ++i) CHECK(same_bits(all[i], cut[i], static_cast<size_t>(rows)));
    }
  }
}

TEST_CASE("windows forget what was before them") {
  // Prices a billion times higher up to row 100 leave no digit behind.
  const Bars bars = walk(400, 0.5, 0.01);
  Bars jump = bars;
  for (Column* column : {&jump.open, &jump.high, &jump.low, &jump.close, &jump.volume})
    for (int i = 0; i < 100; ++i) (*column)[i] *= 1e9;
  for (const Entry& entry : all_functions()) {
    const Column params = initial_params(entry);
    const std::string name = entry.name;
    if (entry.recursive || entry.cumulative || entry.group == std::string("Pattern Recognition")) continue;
    CAPTURE(name);
    const std::vector<Column> plain = run(entry, bars, params), after = run(entry, jump, params);
    for (size_t i = 0; i < plain.size(); ++i)
      for (int64_t row = 100 + entry.lookback(params.data()); row < 400; ++row) {
        CAPTURE(row);
        REQUIRE(after[i][row] == doctest::Approx(plain[i][row]).epsilon(1e-9));
      }
  }
}

TEST_CASE("windows of any length are written to the last row, and hold what the rows in them say") {
  for (const double period : {257.0, 300.0, 1000.0, 4097.0}) {
    for (const Entry& entry : all_functions()) {
      Column params = initial_params(entry);
      bool has_period = false;
      for (int i = 0; i < entry.num_params(); ++i)
        if (entry.params[i].whole && entry.params[i].most >= period) params[size_t(i)] = period, has_period = true;
      const int64_t lookback = entry.lookback(params.data());
      if (!has_period || lookback < 0) continue;
      CAPTURE(entry.name);
      CAPTURE(period);
      const Bars bars = walk(int(lookback) + 700, 0.5, 0.001);
      const std::vector<Column> all = run(entry, bars, params);
      for (const Column& out : all) check_rows(entry, out, lookback);
      if (entry.recursive || entry.cumulative || entry.row_numbers || entry.group == std::string("Pattern Recognition")) continue;
      const std::vector<Column> alone = run(entry, bars.rows(699, lookback + 1), params);
      for (size_t i = 0; i < all.size(); ++i) CHECK(alone[i].back() == doctest::Approx(all[i].back()).epsilon(1e-9));
    }
  }
}

TEST_CASE("constant prices") {
  const Bars bars = constant(200, 0.7);
  const auto last = [&](const char* name) { return run(name, bars, initial_params(function(name))).back(); };
  for (const char* name :
       {"STDDEV", "VAR", "AVGDEV", "LINEARREG_SLOPE", "LINEARREG_ANGLE", "CORREL", "BETA", "TRANGE", "ATR", "NATR", "ADR", "CVI", "CMF", "AD",
        "ADOSC",  "EFI", "PVT",    "MARKETFI",        "PERCENTRANK",     "PVO"}) {
    CAPTURE(name);
    CHECK(last(name) == 0);
  }
  for (const char* name : {"LINEARREG", "LINEARREG_INTERCEPT", "TSF", "MAX", "MIN", "PERCENTILE", "MEDPRICE"}) {
    CAPTURE(name);
    CHECK(last(name) == 0.7);
  }
  CHECK(last("RVI") == 50);
  CHECK(last("RVOL") == 1);
  CHECK(last("MASSI") == doctest::Approx(25).epsilon(1e-12));
  CHECK(last("NVI") == 1000);
  CHECK(last("OBV") == 1000);
  CHECK(last("VWAP") == doctest::Approx(0.7).epsilon(1e-12));
  CHECK(last("HA") == doctest::Approx(0.7).epsilon(1e-12));
  for (const Entry& entry : cycle_functions())
    for (const Column& out : run(entry, bars, {})) CHECK(std::isfinite(out.back()));
}

TEST_CASE("no volume") {
  Bars bars = walk(100, 50, 0.01);
  bars.volume.assign(100, 0);
  for (const char* name : {"CMF", "MARKETFI", "VWAP", "PVO", "AD", "OBV"}) {
    CAPTURE(name);
    CHECK(run(name, bars, initial_params(function(name))).back() == 0);
  }
  CHECK(std::isnan(run("RVOL", bars, {20}).back()));  // 0 / 0, as in TA-Lib
  bars.volume[99] = 1;
  CHECK(std::isinf(run("RVOL", bars, {20}).back()));
}

TEST_CASE("deviations keep their digits at any level") {
  for (auto [price, step] : {std::pair{1e-6, 1e-3}, std::pair{1e-9, 1e-2}, std::pair{1e8, 1e-11}, std::pair{50.0, 0.01}, std::pair{1e9, 0.1}}) {
    CAPTURE(price);
    const Bars bars = walk(500, price, step);
    for (int64_t period : {2, 5, 33}) {
      CAPTURE(period);
      const Column deviation = run("STDDEV", bars, {static_cast<double>(period), 1});
      const Column line = run("LINEARREG_SLOPE", bars, {static_cast<double>(period)});
      for (int64_t row = period - 1; row < 500; ++row) {
        long double mean = 0, squares = 0, slope = 0, distances = 0;
        for (int64_t i = 0; i < period; ++i) mean += static_cast<long double>(bars.close[row - i]) / static_cast<long double>(period);
        for (int64_t i = 0; i < period; ++i) {
          const long double d = bars.close[row - i] - mean, x = static_cast<long double>(period - 1) / 2 - static_cast<long double>(i);
          squares += d * d, slope += x * d, distances += x * x;
        }
        const double expected = static_cast<double>(std::sqrt(squares / static_cast<long double>(period)));
        REQUIRE(deviation[row] == doctest::Approx(expected).scale(0).epsilon(1e-9));
        REQUIRE(std::fabs(line[row] - static_cast<double>(slope / distances)) <= 1e-9 * expected);
      }
    }
  }
}

TEST_CASE("correlation and beta against their definitions") {
  for (double offset : {0.0, 1e6}) {
    Bars bars = walk(300, 50, 0.01);
    for (int i = 0; i < 300; ++i) bars.high[i] += offset, bars.low[i] += offset;
    const Column correlation = run("CORREL", bars, {30}), beta = run("BETA", bars, {5});
    const auto moments = [](auto x, auto y, int64_t from, int64_t count) {
      long double mx = 0, my = 0, xx = 0, xy = 0, yy = 0;
      for (int64_t i = from; i < from + count; ++i) mx += x(i), my += y(i);
      mx /= static_cast<long double>(count), my /= static_cast<long double>(count);
      for (int64_t i = from; i < from + count; ++i) xx += (x(i) - mx) * (x(i) - mx), xy += (x(i) - mx) * (y(i) - my), yy += (y(i) - my) * (y(i) - my);
      return std::array{xx, xy, yy};
    };
    const auto high = [&](int64_t i) { return static_cast<long double>(bars.high[i]); };
    const auto low = [&](int64_t i) { return static_cast<long double>(bars.low[i]); };
    const auto high_return = [&](int64_t i) { return high(i) / high(i - 1) - 1; };
    const auto low_return = [&](int64_t i) { return low(i) / low(i - 1) - 1; };
    for (int64_t row = 30; row < 300; ++row) {
      const auto of_prices = moments(high, low, row - 29, 30), of_returns = moments(high_return, low_return, row - 4, 5);
      REQUIRE(correlation[row] == doctest::Approx(static_cast<double>(of_prices[1] / std::sqrt(of_prices[0] * of_prices[2]))).epsilon(1e-9));
      REQUIRE(beta[row] == doctest::Approx(static_cast<double>(of_returns[1] / of_returns[0])).epsilon(1e-6 + 1e-9 * (offset > 0 ? 1e3 : 1)));
    }
  }
}

TEST_CASE("rows of extremes: the newest of equals as it comes, the oldest when the last one left") {
  const Bars bars{{}, {}, {}, {1, 3, 3, 2, 1, 1, 1, 5, 5, 5}, {}};
  CHECK(run("MAXINDEX", bars, {3}) == Column{0, 0, 1, 1, 2, 3, 4, 7, 8, 9});
  CHECK(run("MININDEX", bars, {3}) == Column{0, 0, 0, 3, 4, 5, 6, 6, 6, 7});
  CHECK(run(function("MINMAXINDEX"), bars, {3})[1] == run("MAXINDEX", bars, {3}));
}

TEST_CASE("percentiles take the nearest rank and count what is below") {
  const Bars bars{{}, {}, {}, {15, 20, 35, 40, 50}, {}};
  for (auto [percent, value] :
       {std::pair{0.0, 15.0}, std::pair{5.0, 15.0}, std::pair{30.0, 20.0}, std::pair{40.0, 20.0}, std::pair{50.0, 35.0}, std::pair{100.0, 50.0}})
    CHECK(run("PERCENTILE", bars, {5, percent}).back() == value);
  CHECK(run("PERCENTRANK", bars, {4}).back() == 100);
  const Bars ties{{}, {}, {}, {2, 1, 3, 2}, {}};
  CHECK(run("PERCENTRANK", ties, {3}).back() == doctest::Approx(100.0 / 3));
}

TEST_CASE("with exact a missing value stays as long as TA-Lib keeps it, without it a run begins anew") {
  Bars bars = walk(300, 50, 0.01);
  bars.close[100] = std::numeric_limits<double>::quiet_NaN();
  const auto last_missing = [&](const char* name, const Column& params) {
    const Column out = run(function(name), bars, params, true)[0];
    int64_t row = 299;
    while (row > 90 && std::isfinite(out[row])) --row;
    return row;
  };
  CHECK(last_missing("SUM", {5}) == 299);        // a running sum never forgets
  CHECK(last_missing("VAR", {5, 1}) == 162);     // summed anew in row 163
  CHECK(last_missing("LINEARREG", {5}) == 163);  //
  CHECK(last_missing("AVGDEV", {5}) == 104);     // window by window
}

TEST_CASE("names are unique and entries complete") {
  const std::vector<Entry> all = all_functions();
  CHECK(all.size() == 129);
  for (const Entry& a : all) {
    CAPTURE(a.name);
    int same = 0;
    for (const Entry& b : all) same += std::string(a.name) == b.name;
    CHECK(same == 1);
    CHECK(a.title);
    CHECK(a.inputs[0]);
    CHECK(a.outputs[0]);
    CHECK(a.lookback(initial_params(a).data()) >= 0);
  }
}
