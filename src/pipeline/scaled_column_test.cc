// What scalers fitted to all rows leave is found, rounded too; what is honest and looks like it is not.
#include "pipeline/scaled_column.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <functional>
#include <numeric>

#include "base/random.h"

using namespace hayate;
using namespace hayate::pipeline;

namespace {

using Values = std::vector<double>;

constexpr int kSymbols = 3;

/// Random walks of `rows` rows with a column `own` still to be filled.
Panel walks(int rows, uint64_t seed) {
  Panel out;
  out.fields = {"close", "own"};
  out.values.resize(2);
  for (int s = 0; s < kSymbols; ++s) {
    out.symbols.push_back(fmt::format("S{}", s));
    double close = 50.0 + s;
    for (int row = 0; row < rows; ++row) {
      out.times.push_back(16'000 + row);
      out.values[0].push_back(close *= 1 + 0.03 * (random_unit(seed + uint64_t(s), uint64_t(row)) - 0.5));
    }
    out.offsets.push_back(int64_t(out.times.size()));
  }
  out.values[1] = out.values[0];
  return out;
}

double rounded(double x, int digits) { return digits ? std::strtod(fmt::format("{:.{}e}", x, digits - 1).c_str(), nullptr) : x; }

/// The column that `make` makes of the closes of each symbol (by_symbol), or of all rows.
Panel with_column(Panel panel, const std::function<Values(Values)>& make, bool by_symbol, int digits) {
  for (size_t s = 0; s < (by_symbol ? panel.num_symbols() : 1); ++s) {
    const auto begin = panel.values[0].begin() + panel.offsets[s],
               end = by_symbol ? panel.values[0].begin() + panel.offsets[s + 1] : panel.values[0].end();
    const Values made = make(Values(begin, end));
    std::transform(made.begin(), made.end(), panel.values[1].begin() + panel.offsets[s], [digits](double x) { return rounded(x, digits); });
  }
  return panel;
}

Values map(Values x, const std::function<double(double)>& f) {
  std::transform(x.begin(), x.end(), x.begin(), f);
  return x;
}

Values standard(Values x) {
  const double n = double(x.size()), mean = std::accumulate(x.begin(), x.end(), 0.0) / n;
  double squares = 0;
  for (const double v : x) squares += (v - mean) * (v - mean);
  return map(x, [&](double v) { return (v - mean) / std::sqrt(squares / (n - 1)); });
}

Values robust(Values x) {
  Values sorted = x;
  std::sort(sorted.begin(), sorted.end());
  const auto quantile = [&](double q) {
    const double at = q * double(sorted.size() - 1);
    return std::lerp(sorted[size_t(at)], sorted[std::min(sorted.size() - 1, size_t(at) + 1)], at - std::floor(at));
  };
  return map(x, [&](double v) { return (v - quantile(0.5)) / (quantile(0.75) - quantile(0.25)); });
}

Values range(Values x, double low) {
  const auto [least, most] = std::minmax_element(x.begin(), x.end());
  return map(x, [&, from = *least, to = *most](double v) { return v == to ? 1 : low + (1 - low) * (v - from) / (to - from); });
}

Values ranked(Values x) {
  Values sorted = x;
  std::sort(sorted.begin(), sorted.end());
  return map(x, [&](double v) { return double(std::lower_bound(sorted.begin(), sorted.end(), v) - sorted.begin() + 1) / double(x.size()); });
}

Values without_line(Values x) {
  const double n = double(x.size()), middle = (n - 1) / 2, mean = std::accumulate(x.begin(), x.end(), 0.0) / n;
  double both = 0;
  for (size_t i = 0; i < x.size(); ++i) both += (double(i) - middle) * (x[i] - mean);
  const double slope = both / (n * (n * n - 1) / 12);
  for (size_t i = 0; i < x.size(); ++i) x[i] -= mean + slope * (double(i) - middle);
  return x;
}

/// The share of rises among the moves, fading: exactly 0 or 1 until the first move the other way.
Values strength(const Values& x) {
  Values out(x.size(), std::nan(""));
  double up = 0, all = 0;
  for (size_t i = 1; i < x.size(); ++i) {
    const double move = x[i] - x[i - 1];
    up += (std::max(move, 0.0) - up) / 14, all += (std::abs(move) - all) / 14, out[i] = up / all;
  }
  return out;
}

/// Where the value stands between the lowest and the highest of the last `rows`.
Values place(const Values& x, size_t rows) {
  Values out(x.size(), std::nan(""));
  for (size_t i = 1; i < x.size(); ++i) {
    const auto [least, most] = std::minmax_element(x.begin() + ptrdiff_t(i - std::min(i, rows - 1)), x.begin() + ptrdiff_t(i) + 1);
    out[i] = (x[i] - *least) / (*most - *least);
  }
  return out;
}

Values noise(size_t count, uint64_t key) {
  Values out(count);
  for (size_t i = 0; i < count; ++i) out[i] = random_unit(key, i);
  return out;
}

}  // namespace

TEST_CASE("a column scaled by all rows is found, of each symbol and of the universe, to the digits that CSV files keep") {
  struct Scaler {
    const char* found;
    std::function<Values(Values)> make;
    bool of_universe = true;
  };
  const Scaler scalers[] = {{"standard deviation 1", standard},
                            {"quartiles 1 apart", robust},
                            {"brought to 0 .. 1", [](const Values& x) { return range(x, 0); }},
                            {"brought to -1 .. 1", [](const Values& x) { return range(x, -1); }},
                            {"the logarithm of $close", [](const Values& x) { return range(map(x, [](double v) { return std::log(v); }), 0); }},
                            {"rank among all rows", ranked},
                            {"slope 0", without_line, false}};
  for (const int rows : {60, 300, 2000})
    for (const int digits : {0, 6, 4})
      for (const Scaler& scaler : scalers)
        for (const bool by_symbol : {true, false}) {
          if (!by_symbol && !scaler.of_universe) continue;
          CAPTURE(std::string(scaler.found));
          CAPTURE(rows);
          CAPTURE(digits);
          CAPTURE(by_symbol);
          const auto why = scaled_column(with_column(walks(rows, 7), scaler.make, by_symbol, digits), "own");
          REQUIRE(why.has_value());
          CHECK(why->find(scaler.found) != std::string::npos);
          CHECK((why->find("of each symbol") != std::string::npos) == by_symbol);
        }
}

TEST_CASE("an honest column is not taken for one that was scaled by all rows") {
  const std::pair<const char*, std::function<Values(Values)>> honest[] = {
      {"the close", [](Values x) { return x; }},
      {"in another currency", [](const Values& x) { return map(x, [](double v) { return v * 1.37; }); }},
      {"since the first row", [](const Values& x) { return map(x, [first = x[0]](double v) { return v / first - 1; }); }},
      {"whole numbers", [](const Values& x) { return map(x, [](double v) { return std::round(v); }); }},
      {"strength", strength},
      {"place in 14 rows", [](const Values& x) { return place(x, 14); }},
      {"place in all rows so far", [](const Values& x) { return place(x, x.size()); }},
      {"uniform noise", [](const Values& x) { return noise(x.size(), uint64_t(1e9 * x[1])); }},
      {"tosses", [](const Values& x) { return map(noise(x.size(), uint64_t(1e9 * x[1])), [](double v) { return v < 0.5 ? -1.0 : 1.0; }); }},
      {"saturated", [](const Values& x) { return map(noise(x.size(), uint64_t(1e9 * x[1])), [](double v) { return std::tanh(40 * (v - 0.5)); }); }},
      {"a count of rows", [](Values x) { return std::iota(x.begin(), x.end(), 0.0), x; }},
      {"days of a year", [](Values x) { return std::iota(x.begin(), x.end(), 0.0), map(x, [](double v) { return std::fmod(v, 250.0); }); }},
      {"one number", [](const Values& x) { return map(x, [](double) { return 0.0; }); }},
      {"nothing", [](const Values& x) { return map(x, [](double) { return std::nan(""); }); }}};
  for (uint64_t seed = 0; seed < 40; ++seed)
    for (const int rows : {40, 60, 500})
      for (const int digits : {0, 6, 4, 2})
        for (const auto& [name, make] : honest) {
          CAPTURE(std::string(name));
          CAPTURE(rows);
          CAPTURE(digits);
          CAPTURE(seed);
          CHECK(scaled_column(with_column(walks(rows, 100 * seed), make, true, digits), "own").value_or("") == "");
        }
}

TEST_CASE("a z-score among the symbols of each date is honest") {
  Panel panel = walks(300, 5);
  for (size_t row = 0; row < 300; ++row) {
    Values of_date;
    for (size_t s = 0; s < kSymbols; ++s) of_date.push_back(panel.values[0][s * 300 + row]);
    of_date = standard(of_date);
    for (size_t s = 0; s < kSymbols; ++s) panel.values[1][s * 300 + row] = of_date[s] * std::sqrt(1.5);
  }
  CHECK(scaled_column(panel, "own").value_or("") == "");
}

TEST_CASE("closes over a value of all rows are found, over the first one not") {
  const auto over = [](double (*of)(const Values&)) { return [of](Values x) { return map(x, [by = of(x)](double v) { return v / by; }); }; };
  const auto highest = over([](const Values& x) { return *std::max_element(x.begin(), x.end()); });
  const auto average = over([](const Values& x) { return std::accumulate(x.begin(), x.end(), 0.0) / double(x.size()); });
  const auto last = over([](const Values& x) { return x.back(); }), first = over([](const Values& x) { return x.front(); });
  const auto shares = over([](const Values&) { return 1234.5; });
  for (const bool by_symbol : {true, false})
    for (const int digits : {0, 6})
      for (const uint64_t seed : {1, 2, 3}) {
        CHECK(scaled_column(with_column(walks(300, seed), highest, by_symbol, digits), "own"));
        CHECK(scaled_column(with_column(walks(300, seed), average, by_symbol, digits), "own"));
        if (by_symbol) CHECK(scaled_column(with_column(walks(300, seed), last, true, digits), "own"));
        CHECK_FALSE(scaled_column(with_column(walks(300, seed), first, by_symbol, digits), "own"));
        CHECK_FALSE(scaled_column(with_column(walks(300, seed), shares, by_symbol, digits), "own"));
      }
}

TEST_CASE("a number for each symbol that is a mean or deviation of all its rows is found, a code and a first close are not") {
  const auto constant = [](double (*of)(const Values&)) { return [of](Values x) { return Values(x.size(), of(x)); }; };
  const auto of_returns = [](const Values& x) {
    double sum = 0;
    for (size_t i = 1; i < x.size(); ++i) sum += x[i] / x[i - 1] - 1;
    return sum / double(x.size() - 1);
  };
  for (const uint64_t seed : {1, 2, 3}) {
    const auto of = [seed](const std::function<Values(Values)>& make) { return scaled_column(with_column(walks(300, seed), make, true, 0), "own"); };
    CHECK(of(constant([](const Values& x) { return std::accumulate(x.begin(), x.end(), 0.0) / double(x.size()); })));
    CHECK(of(constant([](const Values& x) { return *std::max_element(x.begin(), x.end()); })));
    CHECK(of(constant(of_returns)));
    CHECK_FALSE(of(constant([](const Values& x) { return x.front(); })));
    CHECK_FALSE(of(constant([](const Values& x) { return std::floor(x.back()); })));
    CHECK_FALSE(of(constant([](const Values&) { return 0.25; })));
  }
}

TEST_CASE("bins cut at quantiles of all rows are found, those at fixed bounds and of past rows not") {
  const auto ranks = [](const Values& x) {
    Values sorted = x, out;
    std::sort(sorted.begin(), sorted.end());
    for (const double v : x) out.push_back(double(std::lower_bound(sorted.begin(), sorted.end(), v) - sorted.begin() + 1) / double(x.size()));
    return out;
  };
  const auto cut = [&ranks](double bins) {
    return [&ranks, bins](Values x) { return map(ranks(x), [bins](double r) { return std::ceil(r * bins - 1e-9); }); };
  };
  const auto two_digits = [&ranks](Values x) { return map(ranks(x), [](double r) { return std::round(r * 100) / 100; }); };
  const auto fixed = [](Values x) { return map(x, [](double v) { return std::floor(v / 2); }); };
  const auto of_past = [](Values x) {
    Values out(x.size(), std::nan(""));
    for (size_t i = 60; i < x.size(); ++i) {
      double below = 0;
      for (size_t k = 0; k < 60; ++k) below += x[i - k] < x[i];
      out[i] = std::floor(below / 12);
    }
    return out;
  };
  const auto years = [](Values x) {
    for (size_t i = 0; i < x.size(); ++i) x[i] = double(i / 150);
    return x;
  };
  for (const uint64_t seed : {1, 2, 3}) {
    for (const double bins : {5.0, 10.0}) CHECK(scaled_column(with_column(walks(600, seed), cut(bins), true, 0), "own"));
    CHECK(scaled_column(with_column(walks(1'000, seed), two_digits, true, 0), "own"));
    for (const auto& honest : {std::function<Values(Values)>(fixed), std::function<Values(Values)>(of_past), std::function<Values(Values)>(years)})
      CHECK_FALSE(scaled_column(with_column(walks(600, seed), honest, true, 0), "own"));
  }
}
