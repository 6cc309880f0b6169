#include <doctest/doctest.h>

#include <cmath>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "kernels/dispatch.h"
#include "kernels/ta.h"

using namespace hayate::kernels::ta;
using hayate::kernels::Isa;

namespace {

struct Bars {
  std::vector<double> open, high, low, close;

  void add(double o, double h, double l, double c) { open.push_back(o), high.push_back(h), low.push_back(l), close.push_back(c); }
  int64_t rows() const { return static_cast<int64_t>(open.size()); }
};

Bars quiet_bars(int num_bars) {
  Bars bars;
  for (int i = 0; i < num_bars; ++i) i % 2 == 0 ? bars.add(99, 102, 98, 101) : bars.add(101, 102, 98, 99);
  return bars;
}

std::vector<double> signals(const Entry& entry, const Bars& bars, double penetration = -1) {
  std::vector<double> out(bars.open.size(), 12345);
  const double* inputs[] = {bars.open.data(), bars.high.data(), bars.low.data(), bars.close.data()};
  double* outputs[] = {out.data()};
  const double param = penetration < 0 ? entry.params[0].initial : penetration;
  std::vector<double> room(size_t(lane_room(entry, &param)));
  compute(entry, {inputs, bars.rows(), &param, outputs, nullptr, false}, room.data());
  return out;
}

const Entry& pattern(const std::string& name) {
  for (const Entry& entry : pattern_functions())
    if (name == entry.name) return entry;
  FAIL("no pattern " << name);
  return pattern_functions()[0];
}

struct Shown {
  std::string line;
  const Entry* entry;
  double signal;
  Bars bars;  // the quiet ones first
};

std::vector<Shown> shown_patterns() {
  std::ifstream page("tests/cases/candle_patterns.case");
  REQUIRE(page.good());
  std::vector<Shown> all;
  for (std::string line; std::getline(page, line);) {
    if (line.empty() || line[0] == '#') continue;
    std::istringstream words(line);
    std::string name;
    Shown shown{line, nullptr, 0, quiet_bars(14)};
    words >> name >> shown.signal;
    shown.entry = &pattern(name);
    for (double o, h, l, c; words >> o >> h >> l >> c;) shown.bars.add(o, h, l, c);
    all.push_back(shown);
  }
  return all;
}

}  // namespace

TEST_CASE("every pattern is found on the bars that show it") {
  std::set<std::string> names;
  for (const Shown& shown : shown_patterns()) {
    CAPTURE(shown.line);
    CHECK(signals(*shown.entry, shown.bars).back() == shown.signal);
    names.insert(shown.entry->name);
  }
  CHECK(names.size() == 61);
  CHECK(pattern_functions().size() == 61);
}

TEST_CASE("a signal does not depend on bars before its lookback nor after its row") {
  for (const Shown& shown : shown_patterns()) {
    CAPTURE(shown.line);
    const int64_t needed = shown.entry->lookback(nullptr) + 1, skip = shown.bars.rows() - needed;
    REQUIRE(skip >= 0);
    Bars tail, longer = shown.bars;
    for (int64_t i = skip; i < shown.bars.rows(); ++i) tail.add(shown.bars.open[i], shown.bars.high[i], shown.bars.low[i], shown.bars.close[i]);
    longer.add(50, 200, 1, 150);
    CHECK(signals(*shown.entry, tail).back() == shown.signal);
    CHECK(signals(*shown.entry, longer)[shown.bars.rows() - 1] == shown.signal);
    tail = quiet_bars(static_cast<int>(needed) - 1);
    CHECK(signals(*shown.entry, tail) == std::vector<double>(needed - 1, 0.0));
  }
}

TEST_CASE("every instruction set gives the same signals for any number of rows") {
  Bars bars;
  uint32_t state = 1;
  const auto below = [&](uint32_t bound) { return static_cast<int>((state = state * 1664525 + 1013904223) / 65536 % bound); };
  for (int i = 0, close = 1000; i < 1500; ++i) {
    const int open = close + below(9) - 4, low = open - below(12), high = open + below(12);
    close = low + below(static_cast<uint32_t>(high - low) + 1);
    bars.add(open / 100.0, high / 100.0, low / 100.0, close / 100.0);
  }
  const Isa active = hayate::kernels::active_isa();
  for (size_t which = 0; which < 61; ++which) {
    hayate::kernels::set_isa(Isa::baseline);
    const std::vector<double> all = signals(pattern_functions()[which], bars);
    CAPTURE(pattern_functions()[which].name);
    for (Isa isa : {Isa::baseline, Isa::avx2, Isa::avx512}) {
      hayate::kernels::set_isa(isa);
      for (int64_t rows = 1; rows <= 300; rows += rows < 40 ? 1 : 13) {
        Bars some = bars;
        for (auto* column : {&some.open, &some.high, &some.low, &some.close}) column->resize(static_cast<size_t>(rows));
        REQUIRE(signals(pattern_functions()[which], some) == std::vector<double>(all.begin(), all.begin() + rows));
      }
      CHECK(signals(pattern_functions()[which], bars) == all);
    }
  }
  hayate::kernels::set_isa(active);
}

TEST_CASE("prices times a power of two give the same signals") {
  for (const Shown& shown : shown_patterns()) {
    CAPTURE(shown.line);
    Bars scaled;
    const double by = 0x1p-60;
    for (int64_t i = 0; i < shown.bars.rows(); ++i)
      scaled.add(shown.bars.open[i] * by, shown.bars.high[i] * by, shown.bars.low[i] * by, shown.bars.close[i] * by);
    CHECK(signals(*shown.entry, scaled) == signals(*shown.entry, shown.bars));
  }
}

TEST_CASE("lookbacks are TA-Lib's") {
  const std::pair<const char*, int64_t> some[] = {{"CDL2CROWS", 12},          {"CDL3BLACKCROWS", 13}, {"CDL3LINESTRIKE", 8},
                                                  {"CDL3OUTSIDE", 3},         {"CDLENGULFING", 2},    {"CDLDOJI", 10},
                                                  {"CDLGAPSIDESIDEWHITE", 7}, {"CDLHIKKAKE", 5},      {"CDLHIKKAKEMOD", 10},
                                                  {"CDLMATCHINGLOW", 6},      {"CDLMATHOLD", 14},     {"CDLXSIDEGAP3METHODS", 2}};
  for (auto [name, rows] : some) {
    CAPTURE(name);
    CHECK(pattern(name).lookback(nullptr) == rows);
  }
}

TEST_CASE("penetration moves the price that has to be reached") {
  Bars bars = quiet_bars(14);
  bars.add(100, 104, 100, 104);
  bars.add(105, 105, 101.5, 101.5);  // 2.5 of the 4 of the first body
  const Entry& cover = pattern("CDLDARKCLOUDCOVER");
  CHECK(cover.params[0].initial == 0.5);
  CHECK(signals(cover, bars).back() == -100);
  CHECK(signals(cover, bars, 0.6).back() == -100);
  CHECK(signals(cover, bars, 0.63).back() == 0);
  CHECK(signals(cover, bars, 0).back() == -100);
}

TEST_CASE("ties in exact arithmetic are decided by the running total, as in TA-Lib") {
  // Prices in cents: a body of one cent is often exactly a tenth of the mean range of ten bars.
  Bars bars;
  uint32_t state = 1;
  const auto below = [&](uint32_t bound) { return (state = state * 1664525 + 1013904223) / 65536 % bound; };
  for (int i = 0; i < 5000; ++i) {
    const uint32_t low = 10 + below(50), range = 8 + below(5), open = low + below(range), close = open + below(2);
    bars.add(open / 100.0, (low + range) / 100.0, low / 100.0, close / 100.0);
  }
  const auto range = [&](int i) { return bars.high[i] - bars.low[i]; };
  const auto is_doji = [&](int i, double total) { return std::fabs(bars.close[i] - bars.open[i]) <= 0.1 * (total / 10); };
  const std::vector<double> found = signals(pattern("CDLDOJI"), bars);
  double total = 0;
  int decided_otherwise = 0;
  for (int i = 0; i < 5000; ++i) {
    if (i >= 10) {
      double window = 0;
      for (int k = i - 10; k < i; ++k) window += range(k);
      REQUIRE(found[i] == (is_doji(i, total) ? 100 : 0));
      decided_otherwise += is_doji(i, total) != is_doji(i, window);
    }
    total += i < 10 ? range(i) : range(i) - range(i - 10);
  }
  CHECK(decided_otherwise > 0);  // else this test shows nothing
}
