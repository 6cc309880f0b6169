#include "fetch/synth.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>

#include "base/random.h"
#include "exec/pool.h"

using namespace hayate;
using fetch::synth_universe;
using fetch::SynthSpec;

namespace {

/// Three symbols with a common factor, of very different price, volume and start; the third is split without notice.
Panel like(bool with_adj_close = true) {
  Panel panel;
  panel.fields = {"open", "high", "low", "close", "volume"};
  if (with_adj_close) panel.fields.emplace_back("adj_close");
  panel.values.resize(panel.fields.size());
  const double first_price[] = {5, 100, 3000}, volume[] = {1e5, 1e7, 4e9};
  const char* names[] = {"AAA", "BBB", "CCC"};
  for (size_t s = 0; s < 3; ++s) {
    panel.symbols.emplace_back(names[s]);
    double price = first_price[s], shares = 1;
    for (size_t day = 200 * s; day < 1500; ++day) {
      const double wild = day / 100 % 3 == 0 ? 3 : 1;
      const double change = 0.01 * wild * (2 * (random_unit(1, day) - 0.5) + (random_unit(10 + s, day) - 0.5));
      if (s == 2 && day == 900) shares = 4;
      const double open = price * (1 + change / 3), close = price * (1 + change);
      const double bar[] = {open / shares,  std::max(open, close) * 1.004 / shares,     std::min(open, close) * 0.995 / shares,
                            close / shares, volume[s] * (1 + random_unit(20 + s, day)), close};
      for (size_t f = 0; f < panel.fields.size(); ++f) panel.values[f].push_back(bar[f]);
      panel.times.push_back(int64_t(10000 + day));
      price = close;
    }
    panel.offsets.push_back(panel.num_rows());
  }
  return panel;
}

Panel universe(const SynthSpec& spec, int workers = 1) {
  exec::Pool pool(workers);
  return synth_universe(like(), spec, pool).value();
}

bool same_symbol(const Panel& a, size_t i, const Panel& b, size_t j) {
  const auto equal = [](auto x, auto y) { return std::equal(x.begin(), x.end(), y.begin(), y.end()); };
  bool same = a.symbols[i] == b.symbols[j] && equal(a.series_times(i), b.series_times(j));
  for (int f = 0; f < 6; ++f) same = same && equal(a.series(f, i), b.series(f, j));
  return same;
}

/// Log returns of adj_close by date.
std::map<int64_t, double> returns_of(const Panel& panel, size_t symbol) {
  const auto adj = panel.series(panel.field("adj_close"), symbol);
  const auto times = panel.series_times(symbol);
  std::map<int64_t, double> out;
  for (size_t i = 1; i < adj.size(); ++i) out[times[i]] = std::log(adj[i] / adj[i - 1]);
  return out;
}

double correlation(const std::map<int64_t, double>& a, const std::map<int64_t, double>& b) {
  double n = 0, sa = 0, sb = 0, aa = 0, bb = 0, ab = 0;
  for (const auto& [day, x] : a) {
    const auto other = b.find(day);
    if (other == b.end()) continue;
    const double y = other->second;
    ++n, sa += x, sb += y, aa += x * x, bb += y * y, ab += x * y;
  }
  return (ab - sa * sb / n) / std::sqrt((aa - sa * sa / n) * (bb - sb * sb / n));
}

}  // namespace

TEST_CASE("synth: bars are valid, on business days, in whole ticks") {
  const Panel p = universe({.symbols = 60, .days = 1000, .seed = 3});
  CHECK(p.fields == std::vector<std::string>{"open", "high", "low", "close", "volume", "adj_close"});
  CHECK(p.symbols.front() == "S0001");
  CHECK(std::is_sorted(p.symbols.begin(), p.symbols.end()));
  bool valid = true, ticks = true, ascending = true, weekdays = true;
  for (size_t i = 0; i < size_t(p.num_rows()); ++i) {
    const double open = p.values[0][i], high = p.values[1][i], low = p.values[2][i], close = p.values[3][i], volume = p.values[4][i];
    valid = valid && high >= std::max(open, close) && low <= std::min(open, close) && low > 0 && std::isfinite(high) && volume >= 100 &&
            p.values[5][i] > 0;
    ticks = ticks && std::abs(close * 1e4 - std::round(close * 1e4)) < 1e-6 * close * 1e4 + 1e-6;
    weekdays = weekdays && (p.times[i] + 3) % 7 < 5;  // day 0 was a Thursday
  }
  for (size_t s = 0; s < p.num_symbols(); ++s)
    ascending = ascending && std::is_sorted(p.series_times(s).begin(), p.series_times(s).end(), std::less_equal<>());
  CHECK(valid);
  CHECK(ticks);
  CHECK(weekdays);
  CHECK(ascending);
}

TEST_CASE("synth: more symbols are a superset, workers change nothing, another seed is another universe") {
  const SynthSpec spec{.symbols = 20, .days = 300, .seed = 7};
  const Panel one = universe(spec), four = universe(spec, 4), more = universe({.symbols = 45, .days = 300, .seed = 7}),
              other = universe({.symbols = 20, .days = 300, .seed = 8});
  int different = 0;
  for (size_t s = 0; s < 20; ++s) {
    CHECK(same_symbol(one, s, four, s));
    CHECK(same_symbol(one, s, more, s));
    different += !same_symbol(one, s, other, s);
  }
  CHECK(different == 20);
}

TEST_CASE("synth: listings, delistings and halts; every symbol has nearly half of the days") {
  const SynthSpec spec{.symbols = 200, .days = 1000, .seed = 1};
  const Panel p = universe(spec);
  std::set<size_t> lengths;
  int late = 0, halted = 0, delisted = 0;
  const int64_t first_day = *std::min_element(p.times.begin(), p.times.end()), last_day = *std::max_element(p.times.begin(), p.times.end());
  for (size_t s = 0; s < p.num_symbols(); ++s) {
    const auto times = p.series_times(s);
    lengths.insert(times.size());
    CHECK(times.size() > 450);
    late += times.front() > first_day;
    delisted += times.back() < last_day;
    const auto business_days = [](int64_t day) { return (day - 14613) / 7 * 5 + (day - 14613) % 7; };  // since Monday 2010-01-04
    halted += int64_t(times.size()) < business_days(times.back()) - business_days(times.front()) + 1;
  }
  CHECK(lengths.size() > 50);
  CHECK((late > 30 && late < 75));
  CHECK((delisted > 0 && delisted < 25));
  CHECK(halted > 100);
  CHECK(halted < 200);
}

TEST_CASE("synth: symbols move together, but not as one") {
  const Panel p = universe({.symbols = 30, .days = 1000, .seed = 5});
  std::vector<std::map<int64_t, double>> returns;
  for (size_t s = 0; s < p.num_symbols(); ++s) returns.push_back(returns_of(p, s));
  double sum = 0, most = -1, count = 0;
  for (size_t a = 0; a < returns.size(); ++a)
    for (size_t b = a + 1; b < returns.size(); ++b) {
      const double c = correlation(returns[a], returns[b]);
      sum += c, ++count, most = std::max(most, c);
    }
  CHECK(sum / count > 0.2);
  CHECK(sum / count < 0.7);
  CHECK(most < 0.95);
}

TEST_CASE("synth: splits move close and volume, adj_close goes on") {
  const Panel p = universe({.symbols = 200, .days = 3000, .seed = 2});
  int splits = 0;
  for (size_t s = 0; s < p.num_symbols(); ++s) {
    const auto close = p.series(3, s), volume = p.series(4, s), adj = p.series(5, s);
    CHECK(adj.back() == close.back());
    for (size_t i = 1; i < close.size(); ++i) {
      const double factor = (close[i] / close[i - 1]) / (adj[i] / adj[i - 1]);
      if (std::abs(factor - 1) < 1e-9) continue;
      ++splits;
      CHECK(std::abs(std::log(adj[i] / adj[i - 1])) < 0.35);
      // Shares change by the inverse; volume follows but for its daily noise.
      if (factor <= 0.5) CHECK(volume[i] > 0.25 * volume[i - 1] / factor);
    }
  }
  CHECK(splits >= 10);
  CHECK(splits < 300);
}

TEST_CASE("synth: calm and wild times stay together") {
  const Panel p = universe({.symbols = 12, .days = 2000, .seed = 4});
  double sum = 0;
  for (size_t s = 0; s < p.num_symbols(); ++s) {
    const auto adj = p.series(5, s);
    std::map<int64_t, double> today, tomorrow;
    for (size_t i = 2; i < adj.size(); ++i) {
      today[int64_t(i)] = std::abs(std::log(adj[i - 1] / adj[i - 2]));
      tomorrow[int64_t(i)] = std::abs(std::log(adj[i] / adj[i - 1]));
    }
    sum += correlation(today, tomorrow);
  }
  CHECK(sum / double(p.num_symbols()) > 0.05);
}

TEST_CASE("synth: the model's scale does not matter, only its shape") {
  const Panel p = universe({.symbols = 60, .days = 500, .seed = 1});
  for (size_t s = 0; s < p.num_symbols(); ++s) {
    const auto volume = p.series(4, s), close = p.series(3, s);
    CHECK(*std::max_element(volume.begin(), volume.end()) < 1e10);
    CHECK(close[0] > 2);
    CHECK(close[0] < 600);
  }
}

TEST_CASE("synth: without adj_close an unadjusted split is not drawn") {
  exec::Pool pool(1);
  const Panel p = synth_universe(like(false), {.symbols = 9, .days = 3000, .seed = 1}, pool).value();
  for (size_t s = 0; s < p.num_symbols(); ++s)
    for (const auto& [day, change] : returns_of(p, s)) CHECK(std::abs(change) < 0.3);
}

TEST_CASE("synth: what can't be imitated is refused") {
  exec::Pool pool(1);
  Panel bars = like();
  CHECK(synth_universe(bars, {.symbols = 0}, pool).error().kind == Kind::usage);
  CHECK(synth_universe(bars, {.symbols = 1, .days = 1}, pool).error().what == "--days is 1, expected 2 to 100000");
  bars.fields[4] = "turnover";
  CHECK(synth_universe(bars, {}, pool).error().what == "the bars to imitate have no column 'volume'");
  bars = like();
  for (double& close : bars.values[3]) close = std::numeric_limits<double>::quiet_NaN();
  CHECK(synth_universe(bars, {}, pool).error().what == "0 usable bars to imitate, at least 20 of one symbol are needed");
  CHECK(synth_universe(Panel(), {}, pool).error().kind == Kind::input);
  bars = like();
  bars.daily = false;
  CHECK(synth_universe(bars, {}, pool).error().what == "the bars to imitate are not daily");
}

TEST_CASE("synth: hostile bars give valid bars") {
  exec::Pool pool(1);
  Panel bars = like();
  for (size_t i = 0; i < bars.times.size(); ++i) {
    if (random_unit(9, i) < 0.1) bars.values[i % 6][i] = i % 4 == 0 ? 0 : i % 4 == 1 ? -1 : std::numeric_limits<double>::quiet_NaN();
    if (i % 97 == 0) bars.values[i % 6][i] = std::numeric_limits<double>::infinity();
  }
  const Panel p = synth_universe(bars, {.symbols = 10, .days = 200}, pool).value();
  for (const std::vector<double>& column : p.values)
    CHECK(std::all_of(column.begin(), column.end(), [](double v) { return v > 0 && std::isfinite(v); }));
  Panel flat = like();
  for (std::vector<double>& column : flat.values) std::fill(column.begin(), column.end(), 50.0);
  const Panel q = synth_universe(flat, {.symbols = 3, .days = 50}, pool).value();
  CHECK(q.values[3][0] == q.values[3][10]);
}
