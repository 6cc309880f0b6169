#include "pipeline/bar_check.h"

#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <limits>

#include "base/random.h"

using namespace hayate;
using pipeline::BarFindings;
using pipeline::check_bars;

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr int32_t kFirstDay = 19723;  // 2024-01-01, a Monday

/// One symbol's columns; tests spoil them.
struct Series {
  std::string name;
  std::vector<int64_t> days;
  std::vector<double> open, high, low, close, volume, adj_close;

  void erase(size_t begin, size_t end) {
    const auto cut = [&](auto& v) { v.erase(v.begin() + ptrdiff_t(begin), v.begin() + ptrdiff_t(end)); };
    cut(days), cut(open), cut(high), cut(low), cut(close), cut(volume), cut(adj_close);
  }
  /// Multiplies prices of the given rows on by `factor`, as a split does.
  void scale_from(size_t row, double factor) {
    for (auto* prices : {&open, &high, &low, &close})
      for (size_t i = row; i < prices->size(); ++i) (*prices)[i] *= factor;
  }
};

Series clean(std::string name, size_t rows = 300) {
  Series s;
  s.name = std::move(name);
  const uint64_t key = std::hash<std::string>()(s.name);
  double price = 100;
  for (size_t i = 0; i < rows; ++i) {
    const double open = price;
    price *= std::exp(0.04 * (random_unit(key, i) - 0.5));
    s.days.push_back(kFirstDay + int64_t(i / 5 * 7 + i % 5));
    s.open.push_back(open), s.close.push_back(price), s.adj_close.push_back(price);
    s.high.push_back(std::max(open, price) * 1.01), s.low.push_back(std::min(open, price) * 0.99);
    s.volume.push_back(1000 + double(i));
  }
  return s;
}

Panel panel_of(const std::vector<Series>& symbols, bool with_adj_close = true) {
  Panel panel;
  panel.fields = {"open", "high", "low", "close", "volume"};
  if (with_adj_close) panel.fields.emplace_back("adj_close");
  panel.values.resize(panel.fields.size());
  for (const Series& s : symbols) {
    panel.symbols.push_back(s.name);
    panel.times.insert(panel.times.end(), s.days.begin(), s.days.end());
    panel.offsets.push_back(int64_t(panel.times.size()));
    const std::vector<double>* columns[] = {&s.open, &s.high, &s.low, &s.close, &s.volume, &s.adj_close};
    for (size_t f = 0; f < panel.fields.size(); ++f) panel.values[f].insert(panel.values[f].end(), columns[f]->begin(), columns[f]->end());
  }
  return panel;
}

/// The findings of a universe in which one symbol is spoilt.
BarFindings spoilt(const std::function<void(Series&)>& spoil, bool with_adj_close = true, bool adj_close_used = false) {
  std::vector<Series> symbols = {clean("A"), clean("BAD"), clean("C"), clean("D")};
  spoil(symbols[1]);
  BarFindings found = check_bars(panel_of(symbols, with_adj_close), adj_close_used);
  for (const auto* side : {&found.failures, &found.warnings})
    for (const Finding& f : *side) CHECK_MESSAGE(f.symbol == "BAD", f.symbol << " " << f.kind << " " << f.what);
  return found;
}

}  // namespace

TEST_CASE("bars: clean ones give no finding") {
  const BarFindings found = spoilt([](Series&) {});
  CHECK(found.failures.empty());
  CHECK(found.warnings.empty());
  CHECK(check_bars(Panel()).failures.empty());
}

TEST_CASE("bars: each failure names its row, date and value") {
  struct Try {
    const char* kind;
    std::function<void(Series&)> spoil;
    const char *what, *value;
  };
  const Try tries[] = {
      {"price_not_positive", [](Series& s) { s.close[10] = 0; }, "close is zero", "0"},
      {"price_not_positive", [](Series& s) { s.open[10] = -5.5; }, "open is negative", "-5.5"},
      {"price_infinite", [](Series& s) { s.low[10] = kInf; }, "low is infinite", "inf"},
      {"high_below_low", [](Series& s) { s.high[10] = 9, s.low[10] = 9.5, s.open[10] = s.close[10] = 9.2; }, "high is below low", "high 9, low 9.5"},
  };
  for (const Try& t : tries) {
    const BarFindings found = spoilt(t.spoil);
    REQUIRE(found.failures.size() == 1);
    CHECK(found.warnings.empty());
    const Finding& f = found.failures[0];
    CHECK(f.kind == t.kind);
    CHECK(f.what == t.what);
    CHECK(f.value == t.value);
    CHECK(f.row == 11);
    CHECK(f.time == "2024-01-15");
  }
}

TEST_CASE("bars: no price at all is a failure of the symbol") {
  const BarFindings found = spoilt([](Series& s) {
    for (auto* prices : {&s.open, &s.high, &s.low, &s.close}) std::fill(prices->begin(), prices->end(), kNaN);
  });
  REQUIRE(found.failures.size() == 1);
  CHECK(found.failures[0].kind == "no_rows");
  CHECK(found.failures[0].row == 0);
}

TEST_CASE("bars: a few findings of a kind are kept, the last one counts the rest") {
  const BarFindings found = spoilt([](Series& s) {
    for (double& p : s.close) p = -p;
  });
  REQUIRE(found.failures.size() == pipeline::kMostFindings);
  CHECK(found.failures[1].what == "close is negative");
  CHECK(found.failures[2].what == "close is negative; 297 more like it");
}

TEST_CASE("bars: adj_close counts as a price only when it is used") {
  const auto spoil = [](Series& s) { s.adj_close[7] = -1; };
  CHECK(spoilt(spoil).failures.empty());
  CHECK(spoilt(spoil, true, true).failures.at(0).what == "adj_close is negative");
}

TEST_CASE("bars: missing values, volume, range") {
  const BarFindings missing = spoilt([](Series& s) {
    s.close[3] = kNaN;
    s.open[5] = s.high[5] = s.low[5] = s.close[5] = s.volume[5] = kNaN;
    s.open[7] = s.volume[7] = kNaN;
  });
  REQUIRE(missing.warnings.size() == 3);
  CHECK(missing.warnings[0].what == "close is missing");
  CHECK(missing.warnings[1].what == "all fields are missing");
  CHECK(missing.warnings[2].what == "open, volume are missing");
  const BarFindings volume = spoilt([](Series& s) { s.volume[3] = 0, s.volume[4] = -1, s.volume[5] = kInf; });
  REQUIRE(volume.warnings.size() == 3);
  CHECK(volume.warnings[0].kind == "volume_invalid");
  CHECK(volume.warnings[2].kind == "zero_volume");
  CHECK(volume.warnings[2].row == 4);
  const BarFindings range = spoilt([](Series& s) { s.high[3] = s.close[3] * 0.999, s.low[3] = s.high[3] / 2, s.open[3] = s.low[3]; });
  REQUIRE(range.warnings.size() == 1);
  CHECK(range.warnings[0].kind == "outside_range");
  CHECK(range.warnings[0].what == "close is outside low .. high");
  CHECK(spoilt([](Series& s) { s.high[3] = std::max(s.open[3], s.close[3]) * (1 - 1e-9); }).warnings.empty());
}

TEST_CASE("bars: a gap is days that most other symbols have") {
  const BarFindings found = spoilt([](Series& s) { s.erase(100, 160); });
  REQUIRE(found.warnings.size() == 1);
  const Finding& gap = found.warnings[0];
  CHECK(gap.kind == "gap");
  CHECK(gap.what == "60 days that most other symbols have are missing since 2024-05-17");
  CHECK(gap.row == 101);
  CHECK(gap.value == "60");
  CHECK(spoilt([](Series& s) { s.erase(100, 104); }).warnings.empty());  // four days: a holiday elsewhere
  // Listed late and delisted early is no gap.
  CHECK(spoilt([](Series& s) { s.erase(0, 50), s.erase(200, 250); }).warnings.empty());
}

TEST_CASE("bars: without other symbols the calendar says what a gap is") {
  Series alone = clean("ALONE");
  alone.erase(100, 120);
  const BarFindings found = check_bars(panel_of({alone}));
  REQUIRE(found.warnings.size() == 1);
  CHECK(found.warnings[0].what == "no bar for 31 days since 2024-05-17");
}

TEST_CASE("bars: a close that does not move") {
  const auto spoil = [](size_t bars) {
    return [bars](Series& s) {
      for (size_t i = 50; i < 50 + bars; ++i) s.open[i] = s.high[i] = s.low[i] = s.close[i] = s.adj_close[i] = s.close[50];
    };
  };
  const BarFindings found = spoilt(spoil(30));
  REQUIRE(found.warnings.size() == 1);
  CHECK(found.warnings[0].kind == "constant_run");
  CHECK(found.warnings[0].what == "close stays the same for 30 bars");
  CHECK(found.warnings[0].row == 51);
  CHECK(spoilt(spoil(9)).warnings.empty());
}

TEST_CASE("bars: a wrong price jumps and comes back") {
  const BarFindings found = spoilt([](Series& s) { s.close[80] *= 10, s.high[80] *= 10; }, false);
  REQUIRE(found.warnings.size() == 2);
  CHECK(found.warnings[0].kind == "jump");
  CHECK(found.warnings[0].row == 81);
  CHECK(found.warnings[0].what.find("and back on the next bar") != std::string::npos);
  CHECK(found.warnings[1].what.find("and back") == std::string::npos);
}

TEST_CASE("bars: a split is told from adj_close, or guessed without one") {
  const auto split = [](double factor) { return [factor](Series& s) { s.scale_from(100, factor); }; };
  const BarFindings told = spoilt(split(0.5));
  REQUIRE(told.warnings.size() == 1);
  CHECK(told.warnings[0].kind == "unadjusted_split");
  CHECK(told.warnings[0].row == 101);
  CHECK(told.warnings[0].what == "close carries a 2:1 split that adj_close takes out; adjust = \"adj_close\" would use that");
  CHECK(spoilt(split(0.5), true, true).warnings.empty());
  CHECK(spoilt(split(0.8), true).warnings.at(0).what.find("5:4 split") != std::string::npos);
  CHECK(spoilt(split(10), false).warnings.at(0).what == "close moves like a 1:10 split, and there is no adj_close");
  CHECK(spoilt(split(1 / 3.0), false).warnings.at(0).kind == "unadjusted_split");
  // adj_close falls with it: a crash.
  const BarFindings crash = spoilt([](Series& s) {
    s.scale_from(100, 0.5);
    for (size_t i = 100; i < s.adj_close.size(); ++i) s.adj_close[i] *= 0.5;
  });
  REQUIRE(crash.warnings.size() == 1);
  CHECK(crash.warnings[0].kind == "jump");
}

TEST_CASE("bars: one row, and minutes") {
  CHECK(spoilt([](Series& s) { s.erase(1, 300); }).warnings.empty());
  // Three quiet hours of one day are neither a gap nor a constant run.
  Series minutes = clean("M");
  for (size_t i = 0; i < minutes.days.size(); ++i)
    minutes.days[i] = int64_t(kFirstDay) * 86'400'000'000 + int64_t(i) * 60'000'000 * (i > 100 ? 2 : 1);
  for (size_t i = 50; i < 300; ++i) minutes.close[i] = minutes.open[i] = minutes.high[i] = minutes.low[i] = minutes.adj_close[i] = minutes.close[49];
  Panel panel = panel_of({minutes});
  panel.daily = false;
  for (const Finding& f : check_bars(panel).warnings) CHECK_MESSAGE(false, f.kind << " " << f.what);
  panel.values[3][5] = -1;
  CHECK(check_bars(panel).failures.at(0).time.starts_with("2024-01-01T00:05"));
}

TEST_CASE("bars: every kind of the table can be found") {
  std::vector<std::string> seen;
  const auto note = [&](const BarFindings& found) {
    for (const auto* side : {&found.failures, &found.warnings})
      for (const Finding& f : *side) seen.push_back(f.kind);
  };
  note(spoilt([](Series& s) { s.close[1] = -1, s.close[2] = kInf, s.high[3] = s.low[3] / 2; }));
  note(spoilt([](Series& s) {
    s.close[1] = kNaN, s.volume[2] = -1, s.volume[3] = 0, s.open[4] *= 3, s.scale_from(200, 0.5);
    for (size_t i = 20; i < 40; ++i) s.close[i] = s.close[20], s.high[i] = 1e3, s.low[i] = 1;
    for (size_t i = 150; i < 200; ++i) s.adj_close[i] *= 7;
    s.erase(100, 120);
  }));
  seen.push_back("no_rows");  // stands alone; checked above
  for (const pipeline::BarCheck& check : pipeline::kBarChecks) CHECK_MESSAGE(std::count(seen.begin(), seen.end(), check.kind) > 0, check.kind);
}
