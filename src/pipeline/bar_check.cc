#include "pipeline/bar_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

#include "base/strings.h"

namespace hayate::pipeline {
namespace {

constexpr int64_t kGapDays = 5, kCalendarGapDays = 14;  // the longest closure of a large exchange since 1990: 11 days (Japan, 2019)
constexpr int64_t kConstantBars = 10;
constexpr double kJumpTimesMedian = 20;
constexpr double kJump = 0.25;
constexpr double kRounding = 1e-6, kHighLowRounding = 1e-9;

size_t kind_of(std::string_view name) {
  return size_t(std::find_if(std::begin(kBarChecks), std::end(kBarChecks), [&](const BarCheck& c) { return c.kind == name; }) -
                std::begin(kBarChecks));
}

/// The findings of one symbol, counted by kind.
class Notes {
 public:
  Notes(const Panel& panel, size_t symbol) : panel_(panel), symbol_(symbol) {}

  /// `row` counts from 0; `what` and `value` are made only for findings that are kept.
  template <class What, class Value>
  void add(std::string_view name, size_t row, What what, Value value) {
    const size_t kind = kind_of(name);
    if (++count_[kind] > kMostFindings) return;
    kept_[kind].push_back({panel_.symbols[symbol_], kBarChecks[kind].kind, what(), int64_t(row) + 1, time_text(row), value()});
  }
  void add_symbol(std::string_view name, std::string what) {
    const size_t kind = kind_of(name);
    kept_[kind].push_back({panel_.symbols[symbol_], kBarChecks[kind].kind, std::move(what), 0, "", ""});
  }

  bool failed() const {
    for (size_t kind = 0; kind < kKinds; ++kind)
      if (kBarChecks[kind].severity == Severity::failure && !kept_[kind].empty()) return true;
    return false;
  }

  std::string time_text(size_t row) const {
    const int64_t time = panel_.series_times(symbol_)[row];
    return panel_.daily ? format_date(int32_t(time)) : format_timestamp(time, panel_.zone);
  }

  void move_into(BarFindings& out) {
    const bool only_failures = failed();
    for (size_t kind = 0; kind < kKinds; ++kind) {
      if (only_failures && kBarChecks[kind].severity == Severity::warning) continue;
      if (count_[kind] > kMostFindings) kept_[kind].back().what += fmt::format("; {} more like it", count_[kind] - kMostFindings);
      auto& side = kBarChecks[kind].severity == Severity::failure ? out.failures : out.warnings;
      std::move(kept_[kind].begin(), kept_[kind].end(), std::back_inserter(side));
    }
  }

 private:
  static constexpr size_t kKinds = std::size(kBarChecks);
  const Panel& panel_;
  size_t symbol_;
  int64_t count_[kKinds] = {};
  std::vector<Finding> kept_[kKinds];
};

struct NamedSeries {
  const char* name;
  std::span<const double> values;
};

/// The fields of one symbol; a field that the panel lacks is empty.
struct SymbolBars {
  std::span<const double> open, high, low, close, volume, adj_close;
  std::span<const int64_t> times;

  SymbolBars(const Panel& panel, size_t symbol)
      : open(field(panel, "open", symbol)),
        high(field(panel, "high", symbol)),
        low(field(panel, "low", symbol)),
        close(field(panel, "close", symbol)),
        volume(field(panel, "volume", symbol)),
        adj_close(field(panel, "adj_close", symbol)),
        times(panel.series_times(symbol)) {}

  size_t num_rows() const { return times.size(); }
  std::vector<NamedSeries> prices() const { return present({{"open", open}, {"high", high}, {"low", low}, {"close", close}}); }

  static std::vector<NamedSeries> present(std::vector<NamedSeries> series) {
    std::erase_if(series, [](const NamedSeries& s) { return s.values.empty(); });
    return series;
  }

 private:
  static std::span<const double> field(const Panel& panel, const char* name, size_t symbol) {
    const int index = panel.field(name);
    return index < 0 ? std::span<const double>() : panel.series(index, symbol);
  }
};

auto number(double value) {
  return [value] { return format_shortest(value); };
}

void check_prices(const SymbolBars& bars, bool adj_close_used, Notes& notes) {
  std::vector<NamedSeries> prices = bars.prices();
  if (adj_close_used && !bars.adj_close.empty()) prices.push_back({"adj_close", bars.adj_close});
  bool any = prices.empty();
  for (const auto& [name, values] : prices)
    for (size_t row = 0; row < values.size(); ++row) {
      const double price = values[row];
      any = any || !std::isnan(price);
      if (std::isinf(price))
        notes.add("price_infinite", row, [&] { return fmt::format("{} is infinite", name); }, number(price));
      else if (price <= 0)
        notes.add("price_not_positive", row, [&] { return fmt::format("{} is {}", name, price < 0 ? "negative" : "zero"); }, number(price));
    }
  if (!any) notes.add_symbol("no_rows", "no bar has a price");
}

void check_range(const SymbolBars& bars, Notes& notes) {
  if (bars.high.empty() || bars.low.empty()) return;
  for (size_t row = 0; row < bars.num_rows(); ++row) {
    const double high = bars.high[row], low = bars.low[row];
    if (std::isfinite(low) && high < low * (1 - kHighLowRounding))
      notes.add(
          "high_below_low", row, [] { return "high is below low"; },
          [&] { return fmt::format("high {}, low {}", format_shortest(high), format_shortest(low)); });
    for (const auto& [name, values] : SymbolBars::present({{"open", bars.open}, {"close", bars.close}})) {
      const double price = values[row];
      if (price > high * (1 + kRounding) || price < low * (1 - kRounding))
        notes.add(
            "outside_range", row, [&, n = name] { return fmt::format("{} is outside low .. high", n); },
            [&] { return fmt::format("{} in {} .. {}", format_shortest(price), format_shortest(low), format_shortest(high)); });
    }
  }
}

void check_missing(const SymbolBars& bars, Notes& notes) {
  std::vector<NamedSeries> series = bars.prices();
  if (!bars.volume.empty()) series.push_back({"volume", bars.volume});
  for (size_t row = 0; row < bars.num_rows(); ++row) {
    const auto missing = [&](const NamedSeries& s) { return std::isnan(s.values[row]); };
    if (std::none_of(series.begin(), series.end(), missing)) continue;
    const auto names = [&] {
      std::vector<std::string> lacking;
      for (const NamedSeries& s : series)
        if (missing(s)) lacking.emplace_back(s.name);
      return (lacking.size() == series.size() ? "all fields are" : join(lacking, ", ") + (lacking.size() == 1 ? " is" : " are")) + " missing";
    };
    notes.add("missing_values", row, names, [] { return ""; });
  }
}

void check_volume(const SymbolBars& bars, Notes& notes) {
  for (size_t row = 0; row < bars.volume.size(); ++row) {
    const double volume = bars.volume[row];
    if (volume == 0)
      notes.add("zero_volume", row, [] { return "nothing was traded"; }, number(volume));
    else if (volume < 0 || std::isinf(volume))
      notes.add("volume_invalid", row, [&] { return volume < 0 ? "volume is negative" : "volume is infinite"; }, number(volume));
  }
}

int64_t day_of(const Panel& panel, int64_t time) {
  if (panel.daily) return time;
  return time >= 0 ? time / kMicrosecondsPerDay : (time + 1) / kMicrosecondsPerDay - 1;
}

/// The days of the universe, and on which of them a symbol without a bar is the exception: more than half of the other
/// symbols that are listed (between their first and last bar) have one.
class Calendar {
 public:
  explicit Calendar(const Panel& panel) {
    for (size_t s = 0; s < panel.num_symbols(); ++s) add_days(panel, s);
    std::vector<int64_t> listed(days_.size() + 1, 0), present(days_.size(), 0);
    for (size_t s = 0; s < panel.num_symbols(); ++s) count(panel, s, listed, present);
    expected_before_.assign(days_.size() + 1, 0);
    int64_t listed_now = 0;
    for (size_t d = 0; d < days_.size(); ++d) {
      listed_now += listed[d];
      expected_before_[d + 1] = expected_before_[d] + (2 * present[d] > listed_now - 1);
    }
  }

  /// Days strictly between two of a symbol's own days on which it was expected to have a bar.
  int64_t expected_between(int64_t from, int64_t to) const { return expected_before_[index(to)] - expected_before_[index(from) + 1]; }

 private:
  size_t index(int64_t day) const { return size_t(std::lower_bound(days_.begin(), days_.end(), day) - days_.begin()); }

  /// Most symbols bring no new day, which one pass over both finds out; sorting the days of all takes 20 times as long.
  void add_days(const Panel& panel, size_t symbol) {
    std::vector<int64_t> own;
    for (const int64_t time : panel.series_times(symbol))
      if (const int64_t day = day_of(panel, time); own.empty() || own.back() != day) own.push_back(day);
    if (std::includes(days_.begin(), days_.end(), own.begin(), own.end())) return;
    std::vector<int64_t> both;
    std::set_union(days_.begin(), days_.end(), own.begin(), own.end(), std::back_inserter(both));
    days_ = std::move(both);
  }

  void count(const Panel& panel, size_t symbol, std::vector<int64_t>& listed, std::vector<int64_t>& present) const {
    const std::span<const int64_t> times = panel.series_times(symbol);
    if (times.empty()) return;
    size_t at = index(day_of(panel, times.front()));
    ++listed[at];
    int64_t last = days_[at] - 1;
    for (const int64_t time : times) {
      const int64_t day = day_of(panel, time);
      while (days_[at] < day) ++at;
      if (day != last) ++present[at];
      last = day;
    }
    --listed[at + 1];
  }

  std::vector<int64_t> days_, expected_before_;
};

void check_gaps(const Panel& panel, const SymbolBars& bars, const Calendar& calendar, Notes& notes) {
  for (size_t row = 1; row < bars.num_rows(); ++row) {
    const int64_t from = day_of(panel, bars.times[row - 1]), to = day_of(panel, bars.times[row]);
    if (to - from <= kGapDays) continue;
    const int64_t expected = calendar.expected_between(from, to);
    if (expected >= kGapDays)
      notes.add(
          "gap", row, [&] { return fmt::format("{} days that most other symbols have are missing since {}", expected, notes.time_text(row - 1)); },
          [&] { return std::to_string(expected); });
    else if (to - from > kCalendarGapDays)
      notes.add(
          "gap", row, [&] { return fmt::format("no bar for {} days since {}", to - from, notes.time_text(row - 1)); },
          [&] { return std::to_string(to - from); });
  }
}

void check_constant(const Panel& panel, const SymbolBars& bars, Notes& notes) {
  for (size_t begin = 0, end; begin < bars.close.size(); begin = end) {
    int64_t days = 1;
    for (end = begin + 1; end < bars.close.size() && bars.close[end] == bars.close[begin]; ++end)
      days += day_of(panel, bars.times[end]) != day_of(panel, bars.times[end - 1]);
    if (days >= kConstantBars)
      notes.add("constant_run", begin, [&] { return fmt::format("close stays the same for {} bars", end - begin); }, number(bars.close[begin]));
  }
}

/// From one bar with a close to the next, as ratios.
struct Move {
  size_t from, to;
  double close;
  double value;   ///< what a holder saw: of adj_close where both bars have one, else of close
  bool adjusted;  ///< both bars have one
};

bool is_price(std::span<const double> values, size_t row) { return !values.empty() && values[row] > 0 && std::isfinite(values[row]); }

std::vector<Move> moves_of(const SymbolBars& bars) {
  std::vector<Move> moves;
  moves.reserve(bars.close.size());
  size_t from = bars.close.size();
  for (size_t row = 0; row < bars.close.size(); ++row) {
    if (!is_price(bars.close, row)) continue;
    if (from < row) {
      const double close = bars.close[row] / bars.close[from];
      const bool adjusted = is_price(bars.adj_close, row) && is_price(bars.adj_close, from);
      moves.push_back({from, row, close, adjusted ? bars.adj_close[row] / bars.adj_close[from] : close, adjusted});
    }
    from = row;
  }
  return moves;
}

/// How far a ratio is from 1, alike for a rise and its way back: 1.25 and 0.8 are both 0.25.
double size_of(double ratio) { return std::max(ratio, 1 / ratio) - 1; }

double median_size(const std::vector<Move>& moves) {
  std::vector<double> sizes;
  for (const Move& m : moves) sizes.push_back(size_of(m.value));
  const auto middle = sizes.begin() + ptrdiff_t(sizes.size() / 2);
  std::nth_element(sizes.begin(), middle, sizes.end());
  return *middle;
}

struct SplitRatio {
  int shares, for_shares;
};
constexpr SplitRatio kSplitRatios[] = {{6, 5}, {5, 4},  {4, 3},  {3, 2},  {2, 1},  {5, 2},  {3, 1},  {4, 1},  {5, 1},  {6, 1},  {7, 1},
                                       {8, 1}, {10, 1}, {12, 1}, {15, 1}, {20, 1}, {25, 1}, {30, 1}, {40, 1}, {50, 1}, {100, 1}};

/// "2:1 split" for a log move near -log(2), "1:2 split" near log(2); "" when no ratio of at least `least` is that near.
std::string split_name(double log_move, double tolerance, double least) {
  for (const auto& [shares, for_shares] : kSplitRatios) {
    const double ratio = double(shares) / for_shares;
    if (ratio < least || std::abs(std::abs(log_move) - std::log(ratio)) > tolerance) continue;
    return log_move < 0 ? fmt::format("{}:{} split", shares, for_shares) : fmt::format("{}:{} split", for_shares, shares);
  }
  return "";
}

/// With an adj_close its ratio to close moves by exactly the split (and dividends: a few percent). Without one the ratio must be
/// large and the fit is looser; it shows best at the open, before the day's own move blurs it.
std::string split_of(const SymbolBars& bars, const Move& m, double usual) {
  if (m.adjusted) return split_name(std::log(m.close / m.value), 0.03, 1.2);
  const double open = is_price(bars.open, m.to) ? bars.open[m.to] / bars.close[m.from] : m.close;
  return size_of(m.close) > kJumpTimesMedian / 2 * usual ? split_name(std::log(open), 0.05, 1.5) : "";
}

std::string from_to(std::span<const double> values, const Move& m) {
  return fmt::format("{} -> {}", format_shortest(values[m.from]), format_shortest(values[m.to]));
}

std::string split_text(const Move& m, const std::string& split) {
  if (m.adjusted) return fmt::format("close carries a {} that adj_close takes out; adjust = \"adj_close\" would use that", split);
  return fmt::format("close moves like a {}, and there is no adj_close", split);
}

/// `next`: the move after this one, or nullptr.
std::string jump_text(const Move& m, const Move* next, double usual) {
  const bool returns = next && std::abs(std::log(m.value * next->value)) < 0.2 * std::abs(std::log(m.value));
  return fmt::format("{} moves by {:+.0f} %{}{}", m.adjusted ? "adj_close" : "close", 100 * (m.value - 1),
                     usual > 0 ? fmt::format(", {:.0f} times its median move", size_of(m.value) / usual) : "",
                     returns ? ", and back on the next bar: a wrong price?" : "");
}

void check_moves(const SymbolBars& bars, bool adj_close_used, Notes& notes) {
  const std::vector<Move> moves = moves_of(bars);
  if (moves.empty()) return;
  const double usual = median_size(moves), jump = std::max(kJump, kJumpTimesMedian * usual);
  for (size_t i = 0; i < moves.size(); ++i) {
    const Move& m = moves[i];
    if (size_of(m.value) < 0.1 && size_of(m.close) < 0.1) continue;  // nearly all; logs and names cost more than the rest together
    const std::string split = split_of(bars, m, usual);
    if (!split.empty() && !(m.adjusted && adj_close_used))
      notes.add("unadjusted_split", m.to, [&] { return split_text(m, split); }, [&] { return from_to(bars.close, m); });
    if (size_of(m.value) < jump || (!m.adjusted && !split.empty())) continue;
    notes.add(
        "jump", m.to, [&] { return jump_text(m, i + 1 < moves.size() ? &moves[i + 1] : nullptr, usual); },
        [&] { return from_to(m.adjusted ? bars.adj_close : bars.close, m); });
  }
}

}  // namespace

BarFindings check_bars(const Panel& panel, bool adj_close_used) {
  BarFindings out;
  const Calendar calendar(panel);
  for (size_t symbol = 0; symbol < panel.num_symbols(); ++symbol) {
    const SymbolBars bars(panel, symbol);
    Notes notes(panel, symbol);
    check_prices(bars, adj_close_used, notes);
    check_range(bars, notes);
    if (!notes.failed()) {
      check_missing(bars, notes);
      check_volume(bars, notes);
      check_gaps(panel, bars, calendar, notes);
      check_constant(panel, bars, notes);
      check_moves(bars, adj_close_used, notes);
    }
    notes.move_into(out);
  }
  return out;
}

}  // namespace hayate::pipeline
