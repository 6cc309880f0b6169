// A window's highest value, lowest value, deviation or rank is no sum of steps, so a fit on later steps sees little of it. Each of these is
// fitted on itself: on the windows that end at the row (and the column's own last values, without which columns that move slowly find something
// to follow by chance), then on the windows of as many rows on both sides too.
//
// Of the closes of four real prices, highest and lowest values, deviations and ranks of 3 to 61 rows around the row: the later half explains
// 0.28 to 1 of what the past leaves open; of 190 honest columns (the same functions of 3 to 250 rows before it, means, moments, flags, RSI, random
// walks, a forecast of correlation 0.3) 0.08 at most from 1,000 rows on, 0.27 over 500. Tried and dropped: without the column's own last
// values (honest 0.8 over 500 rows), on differences (leaks of 41 rows 0.05), fewer lengths of past windows than of windows around (honest 0.5).
#include "pipeline/two_sided.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "pipeline/later_fit.h"

namespace hayate::pipeline {
namespace {

constexpr int64_t kHorizons = 20;
constexpr size_t kSampleRows = 20'000, kWindowRows = 4'000, kFewestOfSymbol = 500;

/// The symbols that a fit looks at, spread over the universe: about so many rows, all of each.
std::vector<size_t> fitted_symbols(const Panel& panel) {
  const size_t stride = size_t(panel.num_rows()) / kSampleRows + 1;
  std::vector<size_t> out;
  for (size_t s = 0; s < panel.num_symbols(); s += stride) out.push_back(s);
  return out;
}

bool all_finite(std::span<const double> values) {
  return std::all_of(values.begin(), values.end(), [](double x) { return std::isfinite(x); });
}

// ---- Steps ---------------------------------------------------------------------------------------------------------------

/// What a column is fitted as, and on what.
enum class Steps : uint8_t { closes, sizes_of_closes, volumes, middles };
struct LaterKind {
  enum class Form { value, over_close, log_over_volume, log_over_middle } form;
  Steps steps;
  const char *as, *from;
  double least = 0.5;  ///< share that is too much
};
constexpr LaterKind kLaterKinds[] = {
    {LaterKind::Form::over_close, Steps::closes, "${} / $close", "the returns"},
    {LaterKind::Form::value, Steps::closes, "${}", "the returns"},
    {LaterKind::Form::value, Steps::sizes_of_closes, "${}", "the sizes of the returns"},
    {LaterKind::Form::log_over_volume, Steps::volumes, "${} / $volume", "the volumes"},
};
/// Of the close itself. The middle of a bar's range knows more than the close of the row before says, the opening does not: the first step
/// begins there. Of closes of real prices the next rows explain 0.04 at most, over 460 rows; of means of 3 and 5 rows around them 0.35 and 0.47.
constexpr LaterKind kLaterClose = {LaterKind::Form::log_over_middle, Steps::middles, "${} / ($high + $low)", "$high + $low", 0.3};

/// A column in one of its forms, and its fit.
struct Fitted {
  size_t column = 0, kind = 0;  ///< of kLaterKinds, or of kWindowKinds
  int field = -1;
  LaterFit fit;
};

/// Fits columns of a panel on steps of the close, the volume or the middle of high and low: of the last 20 rows, then of the next 20 too.
/// Deviations stay what they were, so for sizes of returns a column's own last values are past, too. Volumes swing around a level, so the next
/// ones tell of today's; it is past by itself (without it a deviation of 250 rows over the volume: 0.6).
struct StepFit {
  static constexpr int64_t kOwn = 5;

  const Panel& panel;
  Steps steps;
  int close = panel.field("close"), volume = panel.field("volume"), open = panel.field("open"), high = panel.field("high"), low = panel.field("low");
  bool sizes = steps == Steps::sizes_of_closes, volumes = steps == Steps::volumes, middles = steps == Steps::middles;
  int base = volumes ? volume : close;

  size_t shared_past() const { return size_t(volumes ? kHorizons + 1 : 2 * kHorizons); }
  LaterFit fit() const { return {shared_past(), size_t(sizes ? kOwn : 0), size_t(kHorizons)}; }
  /// Whether a column can be fitted on these steps.
  bool takes(int own) const {
    if (close < 0 || base < 0 || own < 0) return false;
    return middles ? open >= 0 && high >= 0 && low >= 0 : own != base;
  }

  /// `kinds`: what the kind of each fit says.
  void run(std::span<Fitted> fits, std::span<const LaterKind> kinds) const {
    SharedRows shared(shared_past() + size_t(kHorizons));
    std::vector<double> levels, rows, one(shared.columns()), own;
    std::vector<int64_t> places;
    for (const size_t s : fitted_symbols(panel)) {
      const int64_t begin = panel.offsets[s], num_rows = panel.offsets[s + 1] - begin;
      const auto at = [&](int field, int64_t row) { return panel.values[size_t(field)][size_t(begin + row)]; };
      levels.clear(), rows.clear(), places.clear();
      for (int64_t row = 0; row < num_rows; ++row) levels.push_back(std::log(middles ? (at(high, row) + at(low, row)) / 2 : at(base, row)));
      const auto step = [&](int64_t row) { return levels[size_t(row)] - levels[size_t(row - 1)]; };
      for (int64_t row = std::max(kHorizons, num_rows - int64_t(kSampleRows)); row + kHorizons < num_rows; ++row) {
        size_t n = 0;
        for (int64_t k = 0; k < kHorizons; ++k) one[n++] = step(row - k);
        for (int64_t k = 0; k < kHorizons && !volumes; ++k) one[n++] = std::abs(step(row - k));
        if (volumes) one[n++] = levels[size_t(row)];
        for (int64_t k = 1; k <= kHorizons; ++k)
          one[n++] = sizes ? std::abs(step(row + k)) : middles && k == 1 ? levels[size_t(row + 1)] - std::log(at(open, row + 1)) : step(row + k);
        if (all_finite(one)) rows.insert(rows.end(), one.begin(), one.end()), places.push_back(row);
      }
      shared.assign(rows);
      for (Fitted& f : fits) {
        const auto value = [&](int64_t row) {
          const double y = at(f.field, row);
          switch (kinds[f.kind].form) {
            case LaterKind::Form::value:
              return y;
            case LaterKind::Form::over_close:
              return y / at(close, row);
            default:
              return std::log(y) - levels[size_t(row)];
          }
        };
        own.clear();
        for (const int64_t row : places) {
          for (int64_t k = 1; k <= kOwn && sizes; ++k) own.push_back(value(row - k));
          own.push_back(value(row));
        }
        f.fit.add(shared, own);
      }
    }
  }
};

// ---- Windows -------------------------------------------------------------------------------------------------------------

struct WindowKind {
  enum class Of { highest, lowest, deviation, rank } of;
  const char *series, *said;
  bool over;  ///< the column over the series, as prices are; or as it stands
  /// Over few rows more is chance: of 71 fitted values, more than is_later() allows for.
  static double least(size_t rows) { return 0.3 + 40 / double(rows); }
};
using Of = WindowKind::Of;
/// Of the close and the volume alone: the next high tells of today's close what today's high does not (means of closes over the high: 0.5).
constexpr WindowKind kWindowKinds[] = {
    {Of::highest, "close", "the highest", true},        {Of::highest, "close", "the highest", false},
    {Of::lowest, "close", "the lowest", true},          {Of::lowest, "close", "the lowest", false},
    {Of::deviation, "close", "the deviation of", true}, {Of::deviation, "close", "the deviation of", false},
    {Of::rank, "close", "the rank of", false},          {Of::highest, "volume", "the highest", true},
    {Of::lowest, "volume", "the lowest", true},         {Of::deviation, "volume", "the deviation of", true},
    {Of::rank, "volume", "the rank of", false},
};

/// Rows on one side, or on each of the two.
constexpr int64_t kSides[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 25, 30};
constexpr int64_t kLongSides[] = {45, 60, 90, 120, 250};  // of the past alone
constexpr int64_t kOwnValues = 3;

/// A window that grows, of values over today's.
class GrowingWindow {
 public:
  void add(double x) {
    const double step = x - 1;
    count_ += 1, sum_ += step, squares_ += step * step;
    highest_ = std::max(highest_, x), lowest_ = std::min(lowest_, x);
    below_ += x < 1 ? 1 : x == 1 ? 0.5 : 0;
    is_finite_ &= std::isfinite(x);
  }
  double value(Of of) const {
    if (!is_finite_) return std::numeric_limits<double>::quiet_NaN();
    switch (of) {
      case Of::highest:
        return highest_;
      case Of::lowest:
        return lowest_;
      case Of::deviation:
        return std::sqrt(std::max(0.0, squares_ - sum_ * sum_ / count_) / count_);
      case Of::rank:
        return below_ / count_;
    }
    return 0;
  }

 private:
  double count_ = 0, sum_ = 0, squares_ = 0, highest_ = -1, lowest_ = std::numeric_limits<double>::infinity(), below_ = 0;
  bool is_finite_ = true;
};

/// Fits columns on windows of a series. Past: 20 steps of the series and their sizes, windows that end at the row, the column's last values (over
/// today's series where it is). Later: windows around it, 20 steps. Windows are cut at the ends of a symbol. The newest rows of each symbol do: 4,000 together.
struct WindowFit {
  static constexpr size_t kSharedPast = size_t(2 * kHorizons) + std::size(kSides) + std::size(kLongSides);
  static constexpr size_t kLater = std::size(kSides) + size_t(kHorizons);

  const Panel& panel;
  Of of;
  int series;

  static LaterFit fit() { return {kSharedPast, size_t(kOwnValues + 1), kLater}; }

  void run(std::span<Fitted> fits) const {
    SharedRows shared(kSharedPast + kLater);
    std::vector<double> rows, one(shared.columns()), own;
    std::vector<int64_t> places;
    const std::vector<size_t> symbols = fitted_symbols(panel);
    const auto rows_of_each = int64_t(std::max(kWindowRows / symbols.size(), kFewestOfSymbol));
    for (const size_t s : symbols) {
      const std::span<const double> x = panel.series(series, s);
      const auto num_rows = int64_t(x.size());
      const int64_t first = std::max(kHorizons, num_rows - kHorizons - rows_of_each);
      std::vector<double> steps(x.size(), std::numeric_limits<double>::quiet_NaN());
      for (int64_t row = std::max<int64_t>(1, first - kHorizons); row < num_rows; ++row)
        steps[size_t(row)] = std::log(x[size_t(row)] / x[size_t(row - 1)]);
      rows.clear(), places.clear();
      for (int64_t row = first; row + kHorizons < num_rows; ++row) {
        size_t n = 0;
        const double today = x[size_t(row)];
        for (int64_t k = 0; k < kHorizons; ++k) one[n++] = steps[size_t(row - k)];
        for (int64_t k = 0; k < kHorizons; ++k) one[n++] = std::abs(one[size_t(k)]);
        GrowingWindow past, around;
        past.add(1), around.add(1);
        int64_t reached = 0;
        const auto grow_past = [&](int64_t to) {
          for (; reached < to; ++reached)
            if (row - reached > 0) past.add(x[size_t(row - reached - 1)] / today);
          one[n++] = past.value(of);
        };
        for (const int64_t side : kSides) grow_past(side);
        for (const int64_t side : kLongSides) grow_past(side);
        int64_t at = 1;
        for (const int64_t side : kSides) {
          for (; at <= side; ++at) {
            if (row - at >= 0) around.add(x[size_t(row - at)] / today);
            if (row + at < num_rows) around.add(x[size_t(row + at)] / today);
          }
          one[n++] = around.value(of);
        }
        for (int64_t k = 1; k <= kHorizons; ++k) one[n++] = steps[size_t(row + k)];
        if (all_finite(one)) rows.insert(rows.end(), one.begin(), one.end()), places.push_back(row);
      }
      shared.assign(rows);
      for (Fitted& f : fits) {
        const std::span<const double> values = panel.series(f.field, s);
        const bool over = kWindowKinds[f.kind].over;
        own.clear();
        for (const int64_t row : places) {
          const double today = over ? x[size_t(row)] : 1;
          for (int64_t k = 1; k <= kOwnValues; ++k) own.push_back(values[size_t(row - k)] / today);
          own.push_back(over ? 1 / today : 0);
          own.push_back(values[size_t(row)] / today);
        }
        f.fit.add(shared, own);
      }
    }
  }
};

// ---- Steps that follow from steps ------------------------------------------------------------------------------------------

/// What markets do not do. Returns of real closes follow from the 20 before by 0.03 at most; volumes swing back (the correlation of two steps
/// in a row is -0.2 to -0.5), and only so much of their steps follows from those before. A mean of 2 rows or more leaves 0.48 and more, and
/// steps that go on.
struct StepRule {
  const char* field;
  size_t steps;
  double share, least_correlation;
  bool daily_only;  ///< the hours of a day have volumes of their own
};
constexpr StepRule kStepRules[] = {{"close", 20, 0.4, 0.1, false}, {"volume", 60, 0.3, -0.1, true}};

/// The share of a step that follows from those before, and the correlation with the last one.
struct StepShare {
  LaterShare fit;
  double correlation = 0;
};
StepShare step_share(const Panel& panel, const StepRule& rule) {
  const int field = panel.field(rule.field);
  StepShare out;
  if (field < 0) return out;
  LaterFit fit(0, 0, rule.steps);
  SharedRows shared(rule.steps);
  std::vector<double> rows, one(rule.steps), own;
  double products = 0, squares = 0;
  for (const size_t s : fitted_symbols(panel)) {
    const std::span<const double> x = panel.series(field, s);
    rows.clear(), own.clear();
    const auto step = [&](size_t row) { return std::log(x[row] / x[row - 1]); };
    for (size_t row = std::max(rule.steps + 1, x.size() - std::min(x.size(), kSampleRows)); row < x.size(); ++row) {
      for (size_t k = 1; k <= rule.steps; ++k) one[k - 1] = step(row - k);
      const double next = step(row);
      if (!all_finite(one) || !std::isfinite(next)) continue;
      rows.insert(rows.end(), one.begin(), one.end()), own.push_back(next);
      products += next * one.front(), squares += next * next;
    }
    shared.assign(rows), fit.add(shared, own);
  }
  out.fit = fit.result(), out.correlation = squares > 0 ? products / squares : 0;
  return out;
}

std::string two_sided_text(const std::string& subject, const std::string& source, const LaterShare& share) {
  return fmt::format(
      "{:.3g} % of what the past leaves open of {} follows from {}, over {} rows: it is made of rows on both sides, as by a centred window",
      100 * share.share, subject, source, share.rows);
}

/// What the largest share that is too much says of a column; shares are those of kLaterKinds, then those of kWindowKinds.
std::optional<std::string> two_sided_verdict(const std::string& column, std::span<const LaterShare> shares) {
  constexpr size_t kSteps = std::size(kLaterKinds);
  std::optional<size_t> best;
  for (size_t i = 0; i < shares.size(); ++i)
    if (shares[i].is_later(i < kSteps ? kLaterKinds[i].least : WindowKind::least(shares[i].rows)) && (!best || shares[i].share > shares[*best].share))
      best = i;
  if (!best) return std::nullopt;
  if (*best < kSteps) {
    const LaterKind& kind = kLaterKinds[*best];
    return two_sided_text(fmt::format(fmt::runtime(kind.as), column), fmt::format("{} of the next {} rows", kind.from, kHorizons), shares[*best]);
  }
  const WindowKind& kind = kWindowKinds[*best - kSteps];
  return two_sided_text(kind.over ? fmt::format("${} / ${}", column, kind.series) : "$" + column,
                        fmt::format("{} ${} of windows around the row", kind.said, kind.series), shares[*best]);
}

/// Of so many columns at a time that their fits are a few megabytes.
constexpr size_t kTogether = 32;

std::vector<std::optional<std::string>> verdicts_of(const Panel& panel, std::span<const std::string> columns, exec::Pool& pool) {
  constexpr size_t kSteps = std::size(kLaterKinds), kWindows = std::size(kWindowKinds);
  using Shares = std::array<LaterShare, kSteps + kWindows>;
  std::vector<Shares> shares(columns.size());
  // One task for each set of rows that fits share.
  std::vector<std::function<void()>> tasks;
  const auto fits_of = [&](size_t kinds, auto is_fitted, const auto& fit) {
    std::vector<Fitted> out;
    for (size_t c = 0; c < columns.size(); ++c)
      for (size_t kind = 0; kind < kinds; ++kind)
        if (const int field = panel.field(columns[c]); is_fitted(kind, field)) out.push_back({c, kind, field, fit});
    return out;
  };
  const auto keep = [&](std::span<const Fitted> fits, size_t first) {
    for (const Fitted& f : fits) shares[f.column][first + f.kind] = f.fit.result();
  };
  for (const Steps steps : {Steps::closes, Steps::sizes_of_closes, Steps::volumes})
    tasks.emplace_back([&, steps] {
      const StepFit of_steps{panel, steps};
      std::vector<Fitted> fits =
          fits_of(kSteps, [&](size_t kind, int field) { return kLaterKinds[kind].steps == steps && of_steps.takes(field); }, of_steps.fit());
      if (!fits.empty()) of_steps.run(fits, kLaterKinds), keep(fits, 0);
    });
  for (const char* name : {"close", "volume"})
    for (const Of of : {Of::highest, Of::lowest, Of::deviation, Of::rank})
      tasks.emplace_back([&, name, of] {
        const WindowFit of_windows{panel, of, panel.field(name)};
        std::vector<Fitted> fits = fits_of(
            kWindows,
            [&](size_t kind, int field) {
              return kWindowKinds[kind].of == of && std::string_view(kWindowKinds[kind].series) == name && field >= 0 && field != of_windows.series;
            },
            WindowFit::fit());
        if (of_windows.series >= 0 && !fits.empty()) of_windows.run(fits), keep(fits, kSteps);
      });
  pool.run(int64_t(tasks.size()), [&](int64_t i, int) { tasks[size_t(i)](); });
  std::vector<std::optional<std::string>> out;
  for (size_t c = 0; c < columns.size(); ++c) out.push_back(two_sided_verdict(columns[c], shares[c]));
  return out;
}

}  // namespace

std::vector<std::optional<std::string>> two_sided_columns(const Panel& panel, const std::vector<std::string>& columns, exec::Pool& pool) {
  std::vector<std::optional<std::string>> out;
  for (size_t first = 0; first < columns.size(); first += kTogether)
    for (auto& verdict : verdicts_of(panel, std::span(columns).subspan(first, std::min(kTogether, columns.size() - first)), pool))
      out.push_back(std::move(verdict));
  return out;
}

std::optional<std::string> smoothed_bar(const Panel& panel, const std::string& column) {
  if (const StepFit of_middles{panel, Steps::middles}; column == "close" && of_middles.takes(of_middles.close)) {
    std::vector<Fitted> fits{{0, 0, of_middles.close, of_middles.fit()}};
    of_middles.run(fits, std::span(&kLaterClose, 1));
    if (const LaterShare share = fits[0].fit.result(); share.is_later(kLaterClose.least))
      return two_sided_text(fmt::format(fmt::runtime(kLaterClose.as), column), fmt::format("{} of the next {} rows", kLaterClose.from, kHorizons),
                            share);
  }
  for (const StepRule& rule : kStepRules) {
    if (column != rule.field || (rule.daily_only && !panel.daily)) continue;
    const StepShare steps = step_share(panel, rule);
    if (steps.fit.is_later(rule.share) && steps.correlation > rule.least_correlation)
      return fmt::format(
          "{:.3g} % of each change of ${} follows from the {} changes before it, over {} rows: it was smoothed, and a window around a "
          "row holds rows that are still to come; give the bars as they were traded",
          100 * steps.fit.share, column, rule.steps, steps.fit.rows);
  }
  return std::nullopt;
}

}  // namespace hayate::pipeline
