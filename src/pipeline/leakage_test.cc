// A clean spec passes; each kind of leak, planted, is found and named. tests/python/test_check.py does the same through the command.
#include "pipeline/leakage.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <functional>
#include <tuple>

#include "base/random.h"
#include "hayate/features.h"
#include "hayate/table.h"

using namespace hayate;
using namespace hayate::pipeline;

namespace {

constexpr int kDays = 400;

/// Three random walks with a column `next5`, the return of the next 5 rows, `later`, the close of tomorrow, `filled`, a close
/// with gaps filled from behind, `held`, one with gaps filled from before, and `scaled`, the z-score of the close over all rows.
std::string bars_with_leaks() {
  static const std::string path = [] {
    const auto folder = std::filesystem::temp_directory_path() / "hayate_leakage_test";
    std::filesystem::create_directories(folder);
    std::ofstream file(folder / "bars.csv");
    file << "symbol,date,open,high,low,close,volume,next5,later,mood,filled,held,scaled\n";
    for (const char symbol : {'A', 'B', 'C'}) {
      const uint64_t key = random_key(3, Stage::synth, uint64_t(symbol));
      std::vector<double> close{100};
      for (int i = 1; i < kDays + 5; ++i) close.push_back(close.back() * (1 + 0.02 * (random_unit(key, uint64_t(i)) - 0.5)));
      double mean = 0, squares = 0;
      for (int i = 0; i < kDays; ++i) mean += close[size_t(i)] / kDays;
      for (int i = 0; i < kDays; ++i) squares += (close[size_t(i)] - mean) * (close[size_t(i)] - mean);
      const auto at = [&](int i) { return close[size_t(i)]; };
      for (int i = 0; i < kDays; ++i) {
        const double x = close[size_t(i)], mood = random_unit(key, uint64_t(10'000 + i));
        file << symbol << ',' << format_date(16'000 + i) << ',' << x * 0.999 << ',' << x * 1.01 << ',' << x * 0.99 << ',' << x << ','
             << 1000 + 100 * mood << ',' << (i + 5 < kDays ? std::to_string(close[size_t(i) + 5] / x - 1) : "") << ',' << close[size_t(i) + 1] << ','
             << mood << ',' << at(i + (i % 7 < 3 ? 3 - i % 7 : 0)) << ',' << at(i % 7 < 3 ? std::max(0, i - 1 - i % 7) : i) << ','
             << (x - mean) / std::sqrt(squares / kDays) << '\n';
      }
    }
    return (folder / "bars.csv").string();
  }();
  return path;
}

/// Four random walks with means of 3, 11 and 41 rows around each row (`around3`) and before it (`behind3`), deviations and means of returns and
/// volumes around it (`spread`, `change`, `traded`), and what is honest: `past_spread`, another walk, a line. With
/// `close_too` the close is a mean of 5 rows around it.
std::string smoothed_bars(bool close_too = false) {
  const auto folder = std::filesystem::temp_directory_path() / "hayate_leakage_test";
  std::filesystem::create_directories(folder);
  const auto path = folder / (close_too ? "smoothed_close.csv" : "smoothed.csv");
  std::ofstream file(path);
  file << "symbol,date,open,high,low,close,volume,adj_close,walk,trend,change,spread,past_spread,traded";
  for (const int days : {3, 11, 41}) file << ",around" << days << ",behind" << days;
  file << '\n';
  constexpr int kMargin = 50;
  for (const char symbol : {'A', 'B', 'C', 'D'}) {
    const uint64_t key = random_key(5, Stage::synth, uint64_t(symbol));
    std::vector<double> close{100}, walk{0}, volume;
    for (int i = 0; i < kDays + 2 * kMargin; ++i) {
      close.push_back(close.back() * (1 + 0.05 * (random_unit(key, uint64_t(i)) - 0.5)));
      walk.push_back(walk.back() + random_unit(key, uint64_t(20'000 + i)) - 0.5);
      volume.push_back(1e5 * (1 + random_unit(key, uint64_t(40'000 + i))));
    }
    const auto mean = [](int from, int to, const auto& value) {
      double sum = 0;
      for (int i = from; i < to; ++i) sum += value(i);
      return sum / (to - from);
    };
    const auto price = [&](int i) { return close[size_t(i)]; };
    const auto step = [&](int i) { return price(i) / price(i - 1) - 1; };
    const auto square = [&](int i) { return step(i) * step(i); };
    for (int i = kMargin; i < kMargin + kDays; ++i) {
      const double x = close_too ? mean(i - 2, i + 3, price) : price(i), open = price(i - 1), high = std::max(price(i), open);
      file << symbol << ',' << format_date(16'000 + i) << ',' << open << ',' << high << ',' << std::min(price(i), open) << ',' << x << ','
           << volume[size_t(i)] << ',' << x / 2 << ',' << walk[size_t(i)] << ',' << i << ',' << mean(i - 2, i + 3, step) << ','
           << std::sqrt(mean(i - 2, i + 3, square)) << ',' << std::sqrt(mean(i - 9, i + 1, square)) << ','
           << mean(i - 5, i + 6, [&](int j) { return volume[size_t(j)]; });
      for (const int days : {3, 11, 41}) file << ',' << mean(i - days / 2, i + days / 2 + 1, price) << ',' << mean(i - days + 1, i + 1, price);
      file << '\n';
    }
  }
  return path.string();
}

RunSpec spec_of(std::vector<std::string> expressions) {
  RunSpec spec;
  spec.universe.input = {bars_with_leaks()};
  spec.features.expressions = std::move(expressions);
  spec.split.train_days = 150, spec.split.test_days = 100, spec.split.purge_days = -1;
  spec.model.params = "num_trees=2";
  return spec;
}

LeakOutcome checked(const RunSpec& spec) {
  exec::Steps steps;
  const exec::Cancellation cancel;
  auto outcome = check_leakage(spec, {}, steps, cancel);
  if (!outcome.ok()) FAIL(outcome.error().what, " ", outcome.error().where);
  CHECK(outcome.value().notes.size() == std::size(kLeakChecks));
  return std::move(outcome.value());
}

bool finds(const LeakOutcome& outcome, const std::string& check, const std::string& feature) {
  for (const LeakFinding& finding : outcome.findings)
    if (finding.check == check && finding.feature == feature) return !finding.time.empty() && !finding.what.empty();
  return false;
}

std::string all_of(const LeakOutcome& outcome) {
  std::string out;
  for (const LeakFinding& finding : outcome.findings) out += finding.check + " " + finding.feature + ": " + finding.what + "\n";
  return out;
}

}  // namespace

TEST_CASE("a clean spec passes: windows, fading memories, cross-sections, processors, both scopes") {
  RunSpec spec =
      spec_of({"a = Mean($close,5)/$close", "b = EMA($close,12)/$close", "c = CSRank($close/Ref($close,5)-1)", "d = Mean(CSZScore($volume),10)",
               "e = ta.RSI($close,timeperiod=7)", "f = Delta(ta.OBV($close,$volume),5)", "g = $mood", "h = ta.LINEARREG($close,timeperiod=10)/$close",
               "i = ta.BBANDS($close,timeperiod=5,nbdevup=2,nbdevdn=2,matype=6).upperband/$close"});
  spec.features.processors = {"cs_zscore", "robust_zscore", "fillna(0)"};
  for (const char* scope : {"symbol", "pooled"}) {
    spec.model.scope = scope;
    const LeakOutcome outcome = checked(spec);
    CHECK_MESSAGE(outcome.clean(), all_of(outcome));
  }
  spec.features.set = {"alpha158"}, spec.features.expressions = {}, spec.features.processors = {};
  const LeakOutcome outcome = checked(spec);
  CHECK_MESSAGE(outcome.clean(), all_of(outcome));
}

TEST_CASE("a feature that looks ahead is found three times: as text, by the cut, as the label") {
  const LeakOutcome outcome = checked(spec_of({"ok = Mean($close,5)/$close", "leak = Ref($close,-2)/Ref($close,-1)-1"}));
  CHECK(finds(outcome, "look_ahead", "leak"));
  CHECK(finds(outcome, "future_cut", "leak"));
  CHECK(finds(outcome, "label_equal", "leak"));
  for (const LeakFinding& finding : outcome.findings) CHECK(finding.feature == "leak");
}

TEST_CASE("a feature that depends on where the bars begin is found") {
  const LeakOutcome outcome = checked(spec_of({"ok = EMA($close,5)", "first = $close/Ref($close,0)", "so_far = Mean($close,0)/$close",
                                               "obv = ta.OBV($close,$volume)", "row = ta.MAXINDEX($close,timeperiod=5)"}));
  CHECK(finds(outcome, "moved_start", "first"));
  CHECK(finds(outcome, "moved_start", "so_far"));
  CHECK(finds(outcome, "moved_start", "obv"));
  CHECK(finds(outcome, "moved_start", "row"));
  CHECK(outcome.findings.size() == 4);
  for (const LeakFinding& finding : outcome.findings) CHECK(finding.what.find("it counts from the first bar of a symbol") != std::string::npos);
}

TEST_CASE("of the sets, essential16 alone has a feature that counts from the first bar: obv") {
  for (const FeatureSet& set : feature_sets()) {
    RunSpec spec = spec_of({});
    spec.features.set = {std::string(set.name)};
    const LeakOutcome outcome = checked(spec);
    if (set.name == "essential16") CHECK(finds(outcome, "moved_start", "obv"));
    CHECK_MESSAGE(outcome.findings.size() == (set.name == "essential16" ? 1 : 0), all_of(outcome));
  }
}

TEST_CASE("a column that was computed from the future is found, and the feature made of it") {
  const LeakOutcome outcome = checked(spec_of({"signal = 3*$next5+1", "ok = $mood", "tomorrow = $later/$open"}));
  CHECK(finds(outcome, "label_equal", "signal"));
  CHECK(finds(outcome, "future_column", "$next5"));
  CHECK(finds(outcome, "future_column", "$later"));
  CHECK_FALSE(finds(outcome, "future_column", "$mood"));
  CHECK_FALSE(finds(outcome, "label_equal", "ok"));

  const LeakOutcome made = checked(spec_of({"filled = $filled/$open", "held = $held/$open", "scaled = $scaled"}));
  CHECK(finds(made, "future_column", "$filled"));
  CHECK(finds(made, "future_column", "$scaled"));
  CHECK_MESSAGE(made.findings.size() == 2, all_of(made));
}

TEST_CASE("a column that was smoothed over both sides is found, one that was smoothed over the past is not") {
  std::vector<std::string> leaks, honest;
  for (const int days : {3, 11, 41}) {
    leaks.push_back(fmt::format("around{} = $around{}/$close", days, days));
    honest.push_back(fmt::format("behind{} = $behind{}/$close", days, days));
  }
  leaks.insert(leaks.end(), {"change = $change", "spread = $spread", "traded = $traded/$volume"});
  honest.insert(honest.end(), {"walk = $walk", "past_spread = $past_spread", "trend = $trend"});
  RunSpec spec = spec_of(leaks);
  spec.universe.input = {smoothed_bars()};
  const LeakOutcome outcome = checked(spec);
  for (const char* column : {"$around3", "$around11", "$around41", "$change", "$spread", "$traded"})
    CHECK_MESSAGE(finds(outcome, "future_column", column), column);
  spec.features.expressions = honest;
  for (const char* adjust : {"none", "adj_close"}) {
    spec.universe.adjust = adjust;
    const LeakOutcome clean = checked(spec);
    CHECK_MESSAGE(clean.clean(), all_of(clean));
  }
}

TEST_CASE("highest and lowest values, deviations and ranks of windows around the row are found, those of windows before it are not") {
  const auto folder = std::filesystem::temp_directory_path() / "hayate_leakage_test";
  std::filesystem::create_directories(folder);
  const auto path = folder / "windows.csv";
  std::vector<std::string> leaks, honest;
  {
    std::ofstream file(path);
    file << "symbol,date,open,high,low,close,volume";
    for (const char* function : {"highest", "lowest", "deviation", "rank"})
      for (const int side : {2, 10}) {
        const std::string name = fmt::format("{}{}", function, side);
        file << ",around_" << name << ",before_" << name;
        leaks.push_back(fmt::format("a_{} = $around_{}", name, name)), honest.push_back(fmt::format("b_{} = $before_{}", name, name));
      }
    file << ",busiest,busy\n";
    leaks.emplace_back("busiest = $busiest"), honest.emplace_back("busy = $busy");
    constexpr int kMargin = 30;
    for (const char symbol : {'A', 'B', 'C', 'D'}) {
      const uint64_t key = random_key(8, Stage::synth, uint64_t(symbol));
      std::vector<double> close{100}, volume{1e5};
      for (int i = 1; i < kDays + 2 * kMargin; ++i) {
        close.push_back(close.back() * (1 + 0.05 * (random_unit(key, uint64_t(i)) - 0.5)));
        volume.push_back(std::round(1e5 * (1 + random_unit(key, uint64_t(20'000 + i)))));
      }
      const auto window = [&](const std::vector<double>& x, const std::string& function, int from, int to, int today) {
        const std::vector<double> part(x.begin() + from, x.begin() + to);
        double mean = 0, squares = 0, below = 0;
        for (const double v : part) mean += v / double(part.size()), below += v <= x[size_t(today)];
        for (const double v : part) squares += (v - mean) * (v - mean);
        return function == "highest"     ? *std::max_element(part.begin(), part.end())
               : function == "lowest"    ? *std::min_element(part.begin(), part.end())
               : function == "deviation" ? std::sqrt(squares / double(part.size() - 1))
                                         : below / double(part.size());
      };
      for (int i = kMargin; i < kMargin + kDays; ++i) {
        const double x = close[size_t(i)];
        file << symbol << ',' << format_date(16'000 + i) << ',' << close[size_t(i) - 1] << ',' << x * 1.05 << ',' << x * 0.94 << ',' << x << ','
             << volume[size_t(i)];
        for (const char* function : {"highest", "lowest", "deviation", "rank"})
          for (const int side : {2, 10})
            file << ',' << window(close, function, i - side, i + side + 1, i) << ',' << window(close, function, i - 2 * side, i + 1, i);
        file << ',' << window(volume, "highest", i - 5, i + 6, i) << ',' << window(volume, "highest", i - 10, i + 1, i) << '\n';
      }
    }
  }
  RunSpec spec = spec_of(leaks);
  spec.universe.input = {path.string()};
  const LeakOutcome outcome = checked(spec);
  for (const std::string& leak : leaks) CHECK_MESSAGE(finds(outcome, "future_column", leak.substr(leak.find('$'))), leak);
  spec.features.expressions = honest;
  const LeakOutcome clean = checked(spec);
  CHECK_MESSAGE(clean.clean(), all_of(clean));
}

TEST_CASE(
    "windows that hold later rows are found on short panels: medians, ranks, z-scores, weights, shifted deviations; those of the past are not") {
  const auto folder = std::filesystem::temp_directory_path() / "hayate_leakage_test";
  std::filesystem::create_directories(folder);
  const auto path = folder / "short.csv";
  constexpr int kRows = 130;
  std::vector<std::string> leaks, honest;
  {
    std::ofstream file(path);
    file << "symbol,date,open,high,low,close,volume";
    const auto sorted = [](const std::vector<double>& x, int from, int to) {
      std::vector<double> part(x.begin() + from, x.begin() + to);
      std::sort(part.begin(), part.end());
      return part;
    };
    const auto spread = [](const std::vector<double>& x, int from, int to) {
      double mean = 0, squares = 0;
      for (int i = from; i < to; ++i) mean += x[size_t(i)] / (to - from);
      for (int i = from; i < to; ++i) squares += (x[size_t(i)] - mean) * (x[size_t(i)] - mean);
      return std::pair(mean, std::sqrt(squares / (to - from - 1)));
    };
    using Values = std::vector<double>;
    // Of the window from `a` rows before the row to `b` rows after it.
    const std::vector<std::tuple<std::string, int, std::function<double(const Values&, int, int, int)>>> makers = {
        {"median", 2, [&](const Values& x, int at, int a, int b) { return sorted(x, at - a, at + b + 1)[size_t((a + b) / 2)]; }},
        {"ratio", 5, [&](const Values& x, int at, int a, int b) { return sorted(x, at - a, at + b + 1)[size_t((a + b) / 2)] / x[size_t(at)] - 1; }},
        {"rank", 30,
         [&](const Values& x, int at, int a, int b) {
           const auto part = sorted(x, at - a, at + b + 1);
           return double(std::lower_bound(part.begin(), part.end(), x[size_t(at)]) - part.begin() + 1) / (a + b + 1);
         }},
        {"score", 4,
         [&](const Values& x, int at, int a, int b) {
           const auto [mean, deviation] = spread(x, at - a, at + b + 1);
           return (x[size_t(at)] - mean) / deviation;
         }},
        {"risk", 3,
         [&](const Values& x, int at, int a, int b) {
           Values steps(x.size(), 0);
           for (size_t i = 1; i < x.size(); ++i) steps[i] = x[i] / x[i - 1] - 1;
           return 16 * spread(steps, at - a, at + b + 1).second;
         }},
        {"weights", 4,
         [](const Values& x, int at, int a, int b) {
           double sum = 0, total = 0;
           for (int k = -a; k <= b; ++k) sum += std::exp(-k * k / 6.0) * x[size_t(at + k)], total += std::exp(-k * k / 6.0);
           return sum / total / x[size_t(at)];
         }},
    };
    for (const auto& [name, side, make] : makers) {
      file << ",around_" << name << ",before_" << name;
      leaks.push_back(fmt::format("a_{} = $around_{}", name, name)), honest.push_back(fmt::format("b_{} = $before_{}", name, name));
    }
    file << '\n';
    constexpr int kMargin = 70;
    for (const char symbol : {'A', 'B', 'C'}) {
      const uint64_t key = random_key(12, Stage::synth, uint64_t(symbol));
      std::vector<double> close{100};
      for (int i = 1; i < kRows + 2 * kMargin; ++i) close.push_back(close.back() * (1 + 0.05 * (random_unit(key, uint64_t(i)) - 0.5)));
      for (int i = kMargin; i < kMargin + kRows; ++i) {
        // Bars open at the last close: tomorrow's open is known.
        const double x = close[size_t(i)], open = close[size_t(i) - 1];
        file << fmt::format("{},{},{},{},{},{},{}", symbol, format_date(16'000 + i), open, std::max(x, open) * 1.01, std::min(x, open) * 0.99, x,
                            1000 + i % 7);
        for (const auto& [name, side, make] : makers)
          file << fmt::format(",{},{}", i < kMargin + side || i + side >= kMargin + kRows ? std::nan("") : make(close, i, side, side),
                              make(close, i, 2 * side + 2, 0));  // not the same window a few rows later
        file << '\n';
      }
    }
  }
  RunSpec spec = spec_of(leaks);
  spec.split.train_days = 60, spec.split.test_days = 20;
  spec.universe.input = {path.string()};
  const LeakOutcome outcome = checked(spec);
  for (const std::string& leak : leaks) CHECK_MESSAGE(finds(outcome, "future_column", leak.substr(leak.find('$'))), leak);
  CHECK_MESSAGE(
      all_of(outcome).find("$around_median is the median of $close over the window from 2 rows before to 2 rows after its row") != std::string::npos,
      all_of(outcome));
  spec.features.expressions = honest;
  const LeakOutcome clean = checked(spec);
  CHECK_MESSAGE(clean.clean(), all_of(clean));
}

TEST_CASE("bars that were smoothed together are found: prices, or the volume") {
  const auto folder = std::filesystem::temp_directory_path() / "hayate_leakage_test";
  std::filesystem::create_directories(folder);
  for (const char* what : {"none", "prices", "volume"}) {
    const auto path = folder / "together.csv";
    std::ofstream file(path);
    file << "symbol,date,open,high,low,close,volume\n";
    for (const char symbol : {'A', 'B', 'C', 'D'}) {
      const uint64_t key = random_key(9, Stage::synth, uint64_t(symbol));
      std::vector<double> close{100}, volume{1e5};
      for (int i = 1; i < kDays + 10; ++i) {
        close.push_back(close.back() * (1 + 0.05 * (random_unit(key, uint64_t(i)) - 0.5)));
        volume.push_back(1e5 * (1 + random_unit(key, uint64_t(20'000 + i))));
      }
      const auto mean = [](int side, int at, const auto& value) {
        double sum = 0;
        for (int i = at - side; i <= at + side; ++i) sum += value(i) / (2 * side + 1);
        return sum;
      };
      const auto price = [&](int i) { return close[size_t(i)]; };
      const auto open = [&](int i) { return close[size_t(i) - 1]; };
      const auto high = [&](int i) { return std::max(price(i), open(i)) * (1 + 0.01 * random_unit(key, uint64_t(40'000 + i))); };
      const auto low = [&](int i) { return std::min(price(i), open(i)) * (1 - 0.01 * random_unit(key, uint64_t(60'000 + i))); };
      const int side = what == std::string("prices") ? 2 : 0;
      for (int i = 5; i < kDays + 5; ++i)
        file << symbol << ',' << format_date(16'000 + i) << ',' << mean(side, i, open) << ',' << mean(side, i, high) << ',' << mean(side, i, low)
             << ',' << mean(side, i, price) << ',' << mean(what == std::string("volume") ? 2 : 0, i, [&](int j) { return volume[size_t(j)]; })
             << '\n';
    }
    file.close();
    RunSpec spec = spec_of({"a = Mean($close,5)/$close"});
    spec.universe.input = {path.string()};
    const LeakOutcome outcome = checked(spec);
    CHECK(finds(outcome, "future_column", "$close") == (what == std::string("prices")));
    CHECK(finds(outcome, "future_column", "$volume") == (what == std::string("volume")));
    CHECK_MESSAGE(outcome.findings.size() == (what == std::string("none") ? 0 : 1), all_of(outcome));
  }
}

TEST_CASE("gaps on straight lines to a later row are found, those that were held are not") {
  const auto folder = std::filesystem::temp_directory_path() / "hayate_leakage_test";
  std::filesystem::create_directories(folder);
  const auto path = folder / "lines.csv";
  std::ofstream file(path);
  file << "symbol,date,open,high,low,close,volume,line,held,rough\n";
  for (const char symbol : {'A', 'B'}) {
    const uint64_t key = random_key(12, Stage::synth, uint64_t(symbol));
    std::vector<double> close{100};
    for (int i = 1; i < kDays; ++i) close.push_back(close.back() * (1 + 0.05 * (random_unit(key, uint64_t(i)) - 0.5)));
    const auto is_known = [&](int i) { return i == 0 || i == kDays - 1 || random_unit(key, uint64_t(10'000 + i)) < 0.5; };
    for (int i = 0; i < kDays; ++i) {
      int before = i, after = i;
      while (!is_known(before)) --before;
      while (!is_known(after)) ++after;
      const double today = close[size_t(i)], from = close[size_t(before)], to = close[size_t(after)];
      const double line = before == after ? today : std::lerp(from, to, double(i - before) / double(after - before));
      const double rough = is_known(i) ? today : today * (1 + 0.01 * random_unit(key, uint64_t(30'000 + i)));
      file << fmt::format("{},{},{:.6f},{:.6f},{:.6f},{:.6f},1000,{:.6f},{:.6f},{:.6f}\n", symbol, format_date(16'000 + i), today, today * 1.01,
                          today * 0.99, today, line, from, rough);
    }
  }
  file.close();
  RunSpec spec = spec_of({"a = $line/$open"});
  spec.universe.input = {path.string()};
  const LeakOutcome found = checked(spec);
  CHECK_MESSAGE(finds(found, "future_column", "$line"), all_of(found));
  CHECK(all_of(found).find("gaps on straight lines to a later row") != std::string::npos);
  spec.features.expressions = {"a = $held/$open", "b = $rough/$open"};
  const LeakOutcome clean = checked(spec);
  CHECK_MESSAGE(clean.clean(), all_of(clean));
}

TEST_CASE("a column that is another one a row early is found, the one that is a row late is not; without missing ends a note says so") {
  const auto folder = std::filesystem::temp_directory_path() / "hayate_leakage_test";
  std::filesystem::create_directories(folder);
  const auto path = folder / "shifted.csv";
  std::ofstream file(path);
  file << "symbol,date,open,high,low,close,volume,mood,early,late,other,other_early\n";
  for (const char symbol : {'A', 'B'}) {
    const uint64_t key = random_key(10, Stage::synth, uint64_t(symbol));
    double close = 100;
    const auto mood = [&](int i) { return i < 0 || i >= kDays ? std::string() : std::to_string(random_unit(key, uint64_t(10'000 + i))); };
    const auto other = [&](int i) { return random_unit(key, uint64_t(30'000 + i)); };
    for (int i = 0; i < kDays; ++i) {
      close *= 1 + 0.05 * (random_unit(key, uint64_t(i)) - 0.5);
      file << symbol << ',' << format_date(16'000 + i) << ',' << close << ',' << close * 1.01 << ',' << close * 0.99 << ',' << close << ',' << 1000
           << ',' << mood(i) << ',' << mood(i + 1) << ',' << mood(i - 1) << ',' << other(i) << ',' << other(i + 1) << '\n';
    }
  }
  file.close();
  RunSpec spec = spec_of({"a = $early"});
  spec.universe.input = {path.string()};
  CHECK(finds(checked(spec), "future_column", "$early"));
  spec.features.expressions = {"a = $mood", "b = $late"};
  const LeakOutcome clean = checked(spec);
  CHECK_MESSAGE(clean.clean(), all_of(clean));
  spec.features.expressions = {"a = $other_early"};
  const LeakOutcome unknown = checked(spec);
  CHECK(unknown.clean());
  CHECK(unknown.notes[4].find("$other_early is $other of 1 row later: one of the two is shifted") != std::string::npos);
}

TEST_CASE("a close that was smoothed over both sides is found, though every return is made of it") {
  RunSpec spec = spec_of({"a = Mean($close,5)/$close"});
  spec.universe.input = {smoothed_bars()};
  CHECK(checked(spec).clean());
  spec.universe.input = {smoothed_bars(true)};
  CHECK(finds(checked(spec), "future_column", "$close"));
}

TEST_CASE("a processor that is fitted on test rows is found") {
  RunSpec spec = spec_of({"a = Mean($close,5)/$close"});
  spec.features.processors = {"winsorize(0.05)"}, spec.features.fit = "all";
  for (const char* scope : {"symbol", "pooled"}) {
    spec.model.scope = scope;
    const LeakOutcome outcome = checked(spec);
    CHECK(finds(outcome, "scaler_rows", "a"));
    CHECK(outcome.findings.size() == 1);
  }
  spec.features.fit = "train";
  CHECK(checked(spec).clean());
}

TEST_CASE("a purge that is shorter than the label's horizon is found") {
  RunSpec spec = spec_of({"a = Mean($close,5)/$close"});
  spec.label.expression = "TripleBarrier($close,horizon=10,window=20,up=2,down=2)", spec.split.purge_days = 3;
  for (const char* scope : {"symbol", "pooled"}) {
    spec.model.scope = scope;
    const LeakOutcome outcome = checked(spec);
    CHECK(finds(outcome, "fold_overlap", "label"));
    CHECK(outcome.findings.size() == (spec.model.scope == "pooled" ? 1 : 3));
  }
  spec.split.purge_days = 10;
  CHECK(checked(spec).clean());
}

TEST_CASE("prices of thousands with two digits, and what holds for a while, are compared as fast as others") {
  const auto path = std::filesystem::temp_directory_path() / "hayate_leakage_test" / "held.csv";
  std::filesystem::create_directories(path.parent_path());
  std::ofstream file(path);
  file << "symbol,date,open,high,low,close,volume,so_far,weekly\n";
  double close = 3'000, highest = 0, held = 0;
  for (int i = 0; i < 1'200; ++i) {
    close = std::round(100 * close * (1 + 0.04 * (random_unit(77, uint64_t(i)) - 0.5))) / 100;
    highest = std::max(highest, close);
    if (i % 5 == 0) held = close;
    file << fmt::format("A,{},{},{},{},{},{},{},{}\n", format_date(16'000 + i), close, close + 1, close - 1, close, 1'000 + i % 7, highest, held);
  }
  file.close();
  RunSpec spec = spec_of({"a = $close / $so_far", "b = $weekly / $close"});
  spec.universe.input = {path.string()};
  const auto begin = std::chrono::steady_clock::now();
  const LeakOutcome outcome = checked(spec);
  CHECK_MESSAGE(outcome.clean(), all_of(outcome));
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(10));  // it was 90 s
}
