// How the report is built. Every section is a function from ReportData to HTML text; a number is written through
// chart.h's formats and every text from outside through escape_html. There is no script: a content security policy in
// the head forbids any, so that even a flaw in escaping could not run something.
//
// A chart is drawn twice, for a desk and for a phone, and CSS shows one: text in a scaled-down drawing would be 4 px
// high. That doubles the bytes of drawings (measured: 500 symbols x 5 folds, 0.6 MB in all), which is cheap.
//
// Honesty is part of the layout: lines that add up over time stand before the band in which 95 % of forecasts without
// skill would lie; correlations inside what luck gives are grey; the best of many symbols is set against the best of as
// many coins. Standard errors of means over dates are Newey-West's, since labels of neighbouring dates overlap.
#include "eval/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <span>

#include "base/strings.h"
#include "eval/chart.h"
#include "eval/page.h"

namespace hayate::eval {
namespace {

constexpr size_t kAllSymbols = 60;  ///< so many fit into one table; beyond, the best and worst are shown first
constexpr size_t kBestAndWorst = 25;
constexpr size_t kTopFeatures = 20;
constexpr size_t kMostFindings = 200;
constexpr size_t kMostFolds = 120;
constexpr int kMostWorkers = 64;

// ---- Statistics ----

/// What the largest of `count` independent standard normal numbers is on average (the limit law of Gumbel); 2.4 % too large at 61, 1.1 % at 500.
double expected_largest(double count) {
  const double root = std::sqrt(2 * std::log(count));
  return root - (std::log(std::log(count)) + std::log(4 * M_PI)) / (2 * root) + 0.5772 / root;
}

double ratio(double error, double naive_error) { return naive_error > 0 ? error / naive_error : kUndefined; }

Trend ic_trend(const ReportData& data) {
  return trend(collect(data.dates, [](const DateScore& d) { return d.ic; }), data.label_horizon);
}
Trend rank_ic_trend(const ReportData& data) {
  return trend(collect(data.dates, [](const DateScore& d) { return d.rank_ic; }), data.label_horizon);
}
/// Per date: squared error of the naive forecast minus that of the model. Diebold and Mariano (1995) when tested.
std::vector<double> advantages(const ReportData& data) {
  return collect(data.dates, [](const DateScore& d) { return d.naive_squared_error - d.squared_error; });
}

std::string time_text(const ReportData& data, int64_t time) { return format_value(double(time), data.daily ? Format::days : Format::micros); }
Axis time_axis(const ReportData& data) { return {.format = data.daily ? Format::days : Format::micros}; }

// ---- Header ----

/// Symbols that failed and have no scores.
size_t num_failed_symbols(const ReportData& data) {
  std::set<std::string_view> failed;
  for (const Finding& failure : data.failures) failed.insert(failure.symbol);
  failed.erase("");
  for (const SymbolScore& score : data.symbols) failed.erase(score.symbol);
  return failed.size();
}

std::string relative_error_text(const ReportData& data) {
  const double change = ratio(data.universe.error, data.universe.naive_error) - 1;
  if (std::abs(change) < 0.0005) return fmt::format("{} equal to the naive forecast's", data.error_metric);
  return fmt::format("{} {} {} the naive forecast", data.error_metric, percent(std::abs(change), 1).html, change < 0 ? "below" : "above");
}

std::string tiles(const ReportData& data) {
  const UniverseScore& u = data.universe;
  const size_t failed = num_failed_symbols(data);
  std::vector<Tile> shown = {{"Symbols", format_count(int64_t(data.symbols.size())), failed ? plural(failed, "symbol") + " failed" : "none failed"},
                             {"Out-of-sample rows", format_count(u.rows), plural(size_t(u.dates), "date")}};
  if (std::isfinite(u.error)) {
    const double change = ratio(u.error, u.naive_error) - 1;
    shown.push_back({data.error_metric + " against naive",
                     std::isfinite(change) ? fmt::format("{}{}", change > 0 ? "+" : "", percent(change, 2).html) : "–",
                     fmt::format("{} against {}", format_value(u.error, Format::number, 4), format_value(u.naive_error, Format::number, 4))});
  }
  const auto tested = [](const Trend& over_time) { return fmt::format("{}, {}", t_text(over_time.t), plural(over_time.dates, "date")); };
  if (std::isfinite(u.ic)) shown.push_back({"Mean IC", format_fixed(u.ic, 4), tested(ic_trend(data))});
  if (std::isfinite(u.rank_ic)) shown.push_back({"Mean rank IC", format_fixed(u.rank_ic, 4), tested(rank_ic_trend(data))});
  if (std::isfinite(data.wall_s))
    shown.push_back({"Time", format_seconds(data.wall_s),
                     data.wall_s > 0 ? format_value(double(data.symbols.size()) / data.wall_s, Format::number) + " symbols per second" : ""});
  return tile_row(shown);
}

// ---- Results over time ----

std::string cumulative_ic_figure(const ReportData& data) {
  std::vector<double> x, ic, rank_ic;
  for (const DateScore& d : data.dates)
    if (std::isfinite(d.ic)) x.push_back(double(d.time)), ic.push_back(d.ic), rank_ic.push_back(d.rank_ic);
  return cumulative_ic_figure(time_axis(data), x, ic, rank_ic, data.label_horizon);
}

std::string advantage_figure(const ReportData& data) {
  const std::vector<double> gains = advantages(data);
  const Trend over_time = trend(gains, data.label_horizon);
  double total = 0;
  for (size_t i = 0; i < gains.size(); ++i)
    if (std::isfinite(gains[i])) total += data.dates[i].naive_squared_error;
  if (over_time.dates == 0 || !(total > 0)) return "";
  const auto x = collect(data.dates, [](const DateScore& d) { return double(d.time); });
  std::vector<double> shares = gains;
  for (double& share : shares) share /= total;
  LineChart chart{.name = "Squared error saved against the naive forecast", .x = time_axis(data), .height = 260};
  chart.y = {.title = "saved so far, share of the naive forecast's total", .format = Format::percent, .zero = true};
  chart.series = {{.name = "saved", .x = x, .y = running_sum(shares)}};
  if (std::isfinite(over_time.deviation)) chart.series.push_back(luck_band("equally good, 95 %", x, shares, over_time.deviation / total));
  return figure(chart,
                fmt::format("Where it rises the model beats the naive forecast ({}). Its end is the out-of-sample R² against it ({}).",
                            data.naive_forecast, t_text(over_time.t)),
                kWide);
}

/// Mean IC by year, month or day, whichever gives a readable number of columns.
std::string ic_by_period_figure(const ReportData& data) {
  if (data.dates.empty()) return "";
  struct Period {
    const char* name;
    double most_days;   ///< of the whole time that is cut into such periods
    size_t characters;  ///< of the ISO date that name the period
  };
  constexpr Period kPeriods[] = {{"day", 62, 10}, {"month", 4 * 366, 7}, {"year", std::numeric_limits<double>::infinity(), 4}};
  const double days = (double(data.dates.back().time) - double(data.dates.front().time)) / (data.daily ? 1 : 86'400e6);
  const Period& period = *std::find_if(std::begin(kPeriods), std::end(kPeriods), [&](const Period& p) { return days <= p.most_days; });
  std::map<std::string, std::vector<double>> periods;
  for (const DateScore& d : data.dates)
    if (std::isfinite(d.ic)) periods[time_text(data, d.time).substr(0, period.characters)].push_back(d.ic);
  if (periods.size() < 2 || periods.size() == data.dates.size()) return "";
  ColumnChart chart{.name = fmt::format("Mean IC by {}", period.name), .y = {.title = "mean IC"}};
  for (const auto& [when, values] : periods) {
    const Trend t = trend(values, data.label_horizon);
    const double half_width = t.deviation / std::sqrt(double(t.dates)) * 2;
    chart.columns.labels.push_back(when);
    chart.columns.values.push_back(t.mean);
    chart.columns.half_widths.push_back(half_width);
    chart.columns.notes.push_back(
        fmt::format("{}: mean IC {} ± {} over {}", when, format_fixed(t.mean, 3), format_fixed(half_width, 3), plural(t.dates, "date")));
  }
  return figure(chart, "Error bars: two standard errors (periods of fewer than 20 dates have none).", kHalf);
}

/// How much the IC of one date scatters around its mean: the reason why a mean needs many dates.
std::string ic_histogram_figure(const ReportData& data) {
  const auto ic = collect(data.dates, [](const DateScore& d) { return d.ic; });
  const Trend over_time = trend(ic, 0);
  if (over_time.dates < kMinDates) return "";
  const ColumnChart chart{.name = "IC of single dates",
                          .x_title = "IC",
                          .y = {.title = "dates", .format = Format::count},
                          .columns = histogram(ic, 18, Format::number),
                          .touching = true};
  return figure(chart, fmt::format("Mean {}, standard deviation {}.", format_fixed(over_time.mean, 3), format_fixed(over_time.deviation, 3)), kHalf);
}

std::string universe_table(const ReportData& data) {
  const UniverseScore& u = data.universe;
  HtmlTable table("Out of sample, whole universe",
                  {{"Metric", nullptr, false}, {"Value"}, {"t", "t"}, {"Reading", nullptr, false}, {"Dates above 0"}});
  const auto row = [&](const char* term, const std::string& title, const std::string& value, const std::vector<double>& by_date = {}) {
    const Trend over_time = trend(by_date, data.label_horizon);
    const auto above = std::count_if(by_date.begin(), by_date.end(), [](double v) { return v > 0; });
    const bool tested = std::isfinite(over_time.t);
    table.row({{fmt::format("<a href=\"#def-{}\">{}</a>", term, prose(title))},
               {prose(value)},
               tested ? number(over_time.t, 1) : Cell{},
               {tested ? judgement(over_time.t) : ""},
               over_time.dates > 0
                   ? text(fmt::format("{} of {}", percent(double(above) / double(over_time.dates), 1).html, format_count(int64_t(over_time.dates))))
                   : Cell{}});
  };
  row("error", data.error_metric, format_value(u.error, Format::number, 4));
  row("naive", "Naive " + data.error_metric, format_value(u.naive_error, Format::number, 4));
  row("ratio", "Ratio of the two", format_fixed(ratio(u.error, u.naive_error), 4), advantages(data));
  row("hit_rate", "Hit rate", percent(u.hit_rate, 1).html);
  row("ic", "Mean IC", format_fixed(u.ic, 4), collect(data.dates, [](const DateScore& d) { return d.ic; }));
  row("icir", "ICIR", format_fixed(u.icir, 3));
  row("rank_ic", "Mean rank IC", format_fixed(u.rank_ic, 4), collect(data.dates, [](const DateScore& d) { return d.rank_ic; }));
  row("icir", "Rank ICIR", format_fixed(u.rank_icir, 3));
  return std::move(table).finish();
}

// ---- Error by fold ----

std::set<std::string> fold_symbols(const ReportData& data) {
  std::set<std::string> symbols;
  for (const FoldScore& fold : data.folds) symbols.insert(fold.symbol);
  return symbols;
}

/// One line per symbol, over the first date of each test block.
std::string fold_lines(const ReportData& data, const std::set<std::string>& symbols) {
  LineChart chart{.name = data.error_metric + " against naive, by fold",
                  .x = time_axis(data),
                  .y = {.title = "error / naive error"},
                  .guides = {{1, "naive forecast"}},
                  .height = 240};
  for (const std::string& symbol : symbols) {
    Series series{.name = symbol.empty() ? "universe" : shorten(symbol, 16)};
    std::vector<const FoldScore*> folds;
    for (const FoldScore& fold : data.folds)
      if (fold.symbol == symbol) folds.push_back(&fold);
    std::stable_sort(folds.begin(), folds.end(), [](auto a, auto b) { return a->first_time < b->first_time; });
    for (const FoldScore* fold : folds) series.x.push_back(double(fold->first_time)), series.y.push_back(ratio(fold->error, fold->naive_error));
    chart.series.push_back(std::move(series));
  }
  return figure(chart, "Each point is one test block, at its first date. Below 1 the model is better.", kHalf);
}

std::map<int, std::vector<const FoldScore*>> group_folds(const ReportData& data) {
  std::map<int, std::vector<const FoldScore*>> groups;
  for (const FoldScore& fold : data.folds) groups[fold.fold].push_back(&fold);
  return groups;
}

std::vector<double> fold_ratios(const std::vector<const FoldScore*>& folds) {
  return collect(folds, [](const FoldScore* f) { return ratio(f->error, f->naive_error); });
}

/// The median over symbols and the middle half, by number of the fold.
std::string fold_quartiles(const ReportData& data) {
  Series series{.name = "median symbol"};
  for (const auto& [number, folds] : group_folds(data)) {
    const std::vector<double> ratios = fold_ratios(folds);
    series.x.push_back(number);
    series.y.push_back(quantile(ratios, 0.5));
    series.low.push_back(quantile(ratios, 0.25));
    series.high.push_back(quantile(ratios, 0.75));
  }
  const LineChart chart{.name = data.error_metric + " against naive, by fold",
                        .x = {.title = "fold", .format = Format::count},
                        .y = {.title = "error / naive error"},
                        .series = {series},
                        .guides = {{1, "naive forecast"}},
                        .height = 240};
  return figure(chart, "The median over symbols; the band holds the middle half of them. Below 1 the model is better.", kHalf);
}

std::string fold_figure(const ReportData& data) {
  if (data.folds.empty()) return "";
  const std::set<std::string> symbols = fold_symbols(data);
  return symbols.size() <= kFewSeries ? fold_lines(data, symbols) : fold_quartiles(data);
}

std::string fold_rows(const ReportData& data) {
  const int decimals = decimals_for(collect(data.folds, [](const FoldScore& f) { return f.error; }), 4);
  HtmlTable table("Every fold", {{"Fold"},
                                 {"Symbol", nullptr, false},
                                 {"Test from", nullptr, false},
                                 {"to", nullptr, false},
                                 {"Training rows"},
                                 {"Test rows"},
                                 {data.error_metric, "error"},
                                 {"Naive", "naive"},
                                 {"Ratio", "ratio"},
                                 {"Corr", "corr"}});
  for (const FoldScore& f : data.folds)
    table.row({count(f.fold), name(f.symbol.empty() ? "universe" : f.symbol), text(time_text(data, f.first_time)), text(time_text(data, f.last_time)),
               count(f.train_rows), count(f.test_rows), number(f.error, decimals), number(f.naive_error, decimals),
               number(ratio(f.error, f.naive_error), 4), number(f.corr, 3)});
  return std::move(table).finish();
}

std::string fold_groups(const ReportData& data) {
  HtmlTable table("Folds over all symbols", {{"Fold"},
                                             {"Symbols"},
                                             {"Test from", nullptr, false},
                                             {"to", nullptr, false},
                                             {"Test rows"},
                                             {"Ratio, median", "ratio"},
                                             {"lower quarter"},
                                             {"upper quarter"},
                                             {"Symbols below 1"}});
  for (const auto& [fold, folds] : group_folds(data)) {
    int64_t rows = 0, first = folds[0]->first_time, last = folds[0]->last_time;
    for (const FoldScore* f : folds) rows += f->test_rows, first = std::min(first, f->first_time), last = std::max(last, f->last_time);
    const std::vector<double> ratios = fold_ratios(folds);
    const double finite = double(std::count_if(ratios.begin(), ratios.end(), [](double r) { return std::isfinite(r); }));
    const double below = double(std::count_if(ratios.begin(), ratios.end(), [](double r) { return r < 1; }));
    table.row({count(fold), count(int64_t(folds.size())), text(time_text(data, first)), text(time_text(data, last)), count(rows),
               number(quantile(ratios, 0.5), 4), number(quantile(ratios, 0.25), 4), number(quantile(ratios, 0.75), 4),
               percent(finite > 0 ? below / finite : kUndefined, 0)});
  }
  return std::move(table).finish();
}

std::string fold_table(const ReportData& data) {
  if (data.folds.empty()) return "";
  return details("Folds as a table", data.folds.size() <= kMostFolds ? fold_rows(data) : fold_groups(data));
}

/// What each fold's search found: params that move from fold to fold say that
/// the metric hardly tells them apart.
std::string tuned_table(const ReportData& data) {
  if (data.tuned.empty()) return "";
  HtmlTable table("The search of every fold, on its training rows",
                  {{"Fold"}, {"Symbol", nullptr, false}, {"Params found", nullptr, false}, {data.tuned_metric}});
  const size_t shown = std::min<size_t>(data.tuned.size(), kMostFolds);
  const int decimals = decimals_for(collect(data.tuned, [](const TunedFold& f) { return f.value; }), 4);
  for (const TunedFold& f : std::span(data.tuned).first(shown))
    table.row({count(f.fold), name(f.symbol.empty() ? "universe" : f.symbol), text(f.params), number(f.value, decimals)});
  return details("Params found", std::move(table).finish() + (shown < data.tuned.size() ? note("The first folds; metrics.json has all.") : ""));
}

std::string results_section(const ReportData& data) {
  if (data.symbols.empty()) return note("No symbol has out-of-sample predictions.");
  std::string out = universe_table(data);
  const bool has_ic = std::any_of(data.dates.begin(), data.dates.end(), [](const DateScore& d) { return std::isfinite(d.ic); });
  if (has_ic)
    out += cumulative_ic_figure(data);
  else
    out += note("No IC: it compares symbols within a date and needs at least two of them on a date.");
  out += advantage_figure(data);
  out += side_by_side(bucket_figure(data.buckets) + ic_by_period_figure(data) + ic_histogram_figure(data) + fold_figure(data));
  return out + fold_table(data) + tuned_table(data);
}

// ---- By symbol ----

/// Beyond this a correlation over `rows` independent rows is unlikely (5 %) to be luck.
double luck_limit(double rows) { return rows > 0 ? 2 / std::sqrt(rows) : kUndefined; }

std::map<std::string_view, std::vector<double>> ratios_by_fold(const ReportData& data) {
  std::map<std::string_view, std::vector<double>> ratios;
  for (const FoldScore& fold : data.folds) ratios[fold.symbol].push_back(ratio(fold.error, fold.naive_error));
  return ratios;
}

std::string symbol_table(const ReportData& data, std::string_view caption, std::span<const SymbolScore* const> rows, bool sparklines) {
  const int decimals = decimals_for(collect(data.symbols, [](const SymbolScore& s) { return s.error; }), 4);
  const auto by_fold = ratios_by_fold(data);
  std::vector<Head> heads = {{"Symbol", nullptr, false}, {"Rows"},         {data.error_metric, "error"}, {"Naive", "naive"},
                             {"Ratio", "ratio"},         {"Corr", "corr"}, {"Hit rate", "hit_rate"}};
  sparklines = sparklines && data.folds.size() > data.symbols.size() && data.scope != "pooled";
  if (sparklines) heads.push_back({"Ratio by fold"});
  HtmlTable table(caption, std::move(heads));
  for (const SymbolScore* s : rows) {
    Cell corr = number(s->corr, 3);
    corr.quiet = std::abs(s->corr) < luck_limit(double(s->rows));
    std::vector<Cell> cells = {name(s->symbol),
                               count(s->rows),
                               number(s->error, decimals),
                               number(s->naive_error, decimals),
                               number(ratio(s->error, s->naive_error), 4),
                               corr,
                               percent(s->hit_rate, 1)};
    const auto folds = by_fold.find(s->symbol);
    if (sparklines) cells.push_back({folds == by_fold.end() ? "–" : sparkline(folds->second, "error ratio by fold")});
    table.row(cells);
  }
  return std::move(table).finish();
}

/// Two histograms over all symbols, and what luck alone would give.
std::string symbol_figures(const ReportData& data) {
  const auto ratios = collect(data.symbols, [](const SymbolScore& s) { return ratio(s.error, s.naive_error); });
  const auto corrs = collect(data.symbols, [](const SymbolScore& s) { return s.corr; });
  const auto below = std::count_if(ratios.begin(), ratios.end(), [](double r) { return r < 1; });
  const double rows = quantile(collect(data.symbols, [](const SymbolScore& s) { return double(s.rows); }), 0.5);
  const double luck = expected_largest(double(data.symbols.size())) / std::sqrt(std::max(rows, 1.0));
  const Axis symbols{.title = "symbols", .format = Format::count};
  const ColumnChart ratio_chart{.name = data.error_metric + " against naive, all symbols",
                                .x_title = "error / naive error",
                                .y = symbols,
                                .columns = histogram(ratios, 18, Format::number),
                                .touching = true};
  const ColumnChart corr_chart{.name = "Correlation over time, all symbols",
                               .x_title = "Pearson(prediction, label)",
                               .y = symbols,
                               .columns = histogram(corrs, 18, Format::number),
                               .touching = true};
  return side_by_side(figure(ratio_chart,
                             fmt::format("Below 1 the model is better: {} of {} symbols.", format_count(below), format_count(int64_t(ratios.size()))),
                             kHalf) +
                      figure(corr_chart,
                             fmt::format("With {} symbols of {} rows luck alone makes the best about {} and the worst about {}.", ratios.size(),
                                         format_count(int64_t(rows)), format_fixed(luck, 3), format_fixed(-luck, 3)),
                             kHalf));
}

std::string symbols_section(const ReportData& data) {
  if (data.symbols.empty()) return note("No symbol has out-of-sample predictions.");
  std::vector<const SymbolScore*> by_name, by_ratio;
  for (const SymbolScore& s : data.symbols) by_name.push_back(&s);
  std::stable_sort(by_name.begin(), by_name.end(), [](auto a, auto b) { return a->symbol < b->symbol; });
  const std::string grey = "Correlations in grey are within ±2/√rows, which luck alone gives 19 times in 20.";
  if (by_name.size() <= kAllSymbols) return symbol_table(data, "Out of sample, by symbol", by_name, true) + note(grey);
  for (const SymbolScore* s : by_name)
    if (std::isfinite(ratio(s->error, s->naive_error))) by_ratio.push_back(s);
  std::stable_sort(by_ratio.begin(), by_ratio.end(),
                   [](auto a, auto b) { return ratio(a->error, a->naive_error) < ratio(b->error, b->naive_error); });
  const std::span<const SymbolScore* const> ranked(by_ratio);
  const size_t shown = std::min(kBestAndWorst, ranked.size() / 2);
  std::string out = symbol_figures(data);
  out += symbol_table(data, fmt::format("The {} symbols with the smallest error ratio", shown), ranked.first(shown), true);
  out += symbol_table(data, fmt::format("The {} symbols with the largest error ratio", shown), ranked.last(shown), true);
  return out + note(grey + " The best and worst of many are mostly luck.") +
         details(fmt::format("All {} symbols", by_name.size()), symbol_table(data, "All symbols", by_name, false));
}

// ---- Newest predictions, features ----

std::string newest_table(const ReportData& data, std::string_view caption, std::span<const NewestPrediction* const> rows, int decimals) {
  std::vector<Head> heads = {{"Symbol", nullptr, false}, {"Date", nullptr, false}, {"Prediction"}};
  const bool advised = std::any_of(rows.begin(), rows.end(), [](const NewestPrediction* p) { return !p->advice.empty(); });
  if (advised) heads.insert(heads.end(), {{"Advice", nullptr, false}, {"Confidence"}, {"Reason", nullptr, false}});
  HtmlTable table(caption, heads);
  for (const NewestPrediction* p : rows) {
    std::vector<Cell> cells = {name(p->symbol), text(time_text(data, p->time)), number(p->prediction, decimals)};
    if (advised) cells.insert(cells.end(), {text(p->advice), number(p->confidence, 2), text(p->reason)});
    table.row(cells);
  }
  return std::move(table).finish();
}

std::string newest_section(const ReportData& data) {
  if (data.newest.empty()) return note("Every row has a label: there is nothing to predict yet.");
  const int decimals = decimals_for(collect(data.newest, [](const NewestPrediction& p) { return p.prediction; }), 3);
  std::vector<const NewestPrediction*> rows, latest;
  std::map<std::string_view, const NewestPrediction*> last;
  for (const NewestPrediction& p : data.newest) {
    rows.push_back(&p);
    const NewestPrediction*& kept = last[p.symbol];
    if (!kept || p.time > kept->time) kept = &p;
  }
  for (const auto& [symbol, prediction] : last)
    if (std::isfinite(prediction->prediction)) latest.push_back(prediction);
  if (latest.empty()) return note("No row without a label has a prediction.");
  std::stable_sort(latest.begin(), latest.end(), [](auto a, auto b) { return a->prediction > b->prediction; });
  std::stable_sort(rows.begin(), rows.end(), [](auto a, auto b) { return a->symbol != b->symbol ? a->symbol < b->symbol : a->time < b->time; });
  std::string out = paragraph(fmt::format("Rows that have no label yet, predicted by the last fold's model; the label is {}.",
                                          data.label.empty() ? "not known" : data.label));
  if (latest.size() <= kAllSymbols) {
    out += newest_table(data, "Newest row of each symbol, highest prediction first", latest, decimals);
  } else {
    const std::span<const NewestPrediction* const> ranked(latest);
    out += "<div class=\"pair\">" + newest_table(data, fmt::format("The {} highest", kBestAndWorst), ranked.first(kBestAndWorst), decimals) +
           newest_table(data, fmt::format("The {} lowest", kBestAndWorst), ranked.last(kBestAndWorst), decimals) + "</div>\n";
  }
  const double t = ic_trend(data).t;
  if (std::isfinite(t))
    out += note(fmt::format("Weigh them by the record: mean IC {} ({}: {}).", format_fixed(data.universe.ic, 3), t_text(t), judgement(t)));
  if (rows.size() > latest.size())
    out += details(fmt::format("All {} rows without a label", format_count(int64_t(rows.size()))),
                   newest_table(data, "Every row without a label", rows, decimals));
  return out;
}

std::string feature_table(std::string_view caption, std::span<const FeatureGain* const> features, double total) {
  HtmlTable table(caption, {{"Feature", nullptr, false}, {"Gain", "gain"}, {"Expression", nullptr, false}});
  for (const FeatureGain* f : features) table.row({name(f->feature), percent(f->gain / total, 2), code(f->expression)});
  return std::move(table).finish();
}

std::string features_section(const ReportData& data) {
  std::vector<const FeatureGain*> ranked;
  double total = 0;
  for (const FeatureGain& f : data.features)
    if (std::isfinite(f.gain)) ranked.push_back(&f), total += f.gain;
  if (ranked.empty() || !(total > 0)) return note("No feature importance was recorded.");
  std::stable_sort(ranked.begin(), ranked.end(), [](auto a, auto b) { return a->gain > b->gain; });
  BarChart chart{.name = "Share of the total gain", .format = Format::percent};
  double rest = total;
  for (size_t i = 0; i < std::min(kTopFeatures, ranked.size()); ++i) {
    chart.bars.push_back({ranked[i]->feature, ranked[i]->gain / total, ranked[i]->expression});
    rest -= ranked[i]->gain;
  }
  // The rest as a bar of its own would be the longest and press the others flat.
  std::string caption = data.importance_note.empty() ? "" : data.importance_note + ". ";
  if (!caption.empty() && caption[0] >= 'a' && caption[0] <= 'z') caption[0] = char(caption[0] - 'a' + 'A');
  if (ranked.size() > kTopFeatures)
    caption += fmt::format("The other {} features hold {}. ", ranked.size() - kTopFeatures, percent(std::max(rest, 0.0) / total, 1).html);
  const std::span<const FeatureGain* const> all(ranked);
  std::string out = side_by_side(figure(chart, caption + "Gain is counted on training rows: a feature that fits noise has gain too.", kHalf) +
                                 feature_table("Their expressions", all.first(chart.bars.size()), total));
  if (ranked.size() > kTopFeatures) out += details(fmt::format("All {} features", ranked.size()), feature_table("All features", all, total));
  return out;
}

// ---- Data ----

std::string findings_by_kind(std::string_view caption, const std::vector<Finding>& findings) {
  struct Group {
    int64_t count = 0;
    std::set<std::string_view> symbols;
    const Finding* first = nullptr;
  };
  std::map<std::string_view, Group> groups;
  for (const Finding& f : findings) {
    Group& group = groups[f.kind];
    ++group.count;
    group.symbols.insert(f.symbol);
    if (!group.first) group.first = &f;
  }
  HtmlTable table(caption, {{"Kind", nullptr, false}, {"Findings"}, {"Symbols"}, {"First of them", nullptr, false}});
  for (const auto& [kind, group] : groups)
    table.row({name(kind), count(group.count), count(int64_t(group.symbols.size())),
               text(shorten(group.first->symbol, kLongestName) + (group.first->time.empty() ? "" : " " + shorten(group.first->time, 30)) + ": " +
                    shorten(group.first->what, 200))});
  return std::move(table).finish();
}

std::string findings_listed(std::string_view caption, const std::vector<Finding>& findings) {
  HtmlTable table(
      caption,
      {{"Symbol", nullptr, false}, {"Kind", nullptr, false}, {"Row"}, {"Date", nullptr, false}, {"What", nullptr, false}, {"Value", nullptr, false}});
  for (size_t i = 0; i < std::min(findings.size(), kMostFindings); ++i) {
    const Finding& f = findings[i];
    table.row({name(f.symbol), name(f.kind), text(f.row > 0 ? format_count(f.row) : ""), text(shorten(f.time, 30)), text(shorten(f.what, 300)),
               text(shorten(f.value, 60))});
  }
  const size_t left_out = findings.size() - std::min(findings.size(), kMostFindings);
  return std::move(table).finish() + (left_out ? note(fmt::format("{} more are not shown.", format_count(int64_t(left_out)))) : "");
}

std::string data_section(const ReportData& data) {
  std::string out = subtitle("Failures");
  if (data.failures.empty())
    out += note("None: every symbol was used.");
  else
    out += note("These symbols or tasks have no result, or only a part; the others are not touched by it.") +
           (data.failures.size() > 10 ? findings_by_kind("Failures by kind", data.failures) : "") + findings_listed("Failures", data.failures);
  out += subtitle("Warnings");
  if (data.warnings.empty()) return out + note("None: the data check found nothing.");
  out += note("The bars were used as they are; nothing was repaired.") + findings_by_kind("Warnings by kind", data.warnings);
  return out + details(data.warnings.size() > kMostFindings
                           ? fmt::format("The first {} of {} warnings", kMostFindings, format_count(int64_t(data.warnings.size())))
                           : plural(data.warnings.size(), "warning"),
                       findings_listed("Warnings", data.warnings));
}

// ---- What was run ----

std::string input_summary(const ReportData& data) {
  const DataSummary& d = data.data;
  std::string out =
      fmt::format("<p>{} of {} from {}", plural(size_t(d.rows), "row"), plural(size_t(d.symbols), "symbol"), plural(d.files.size(), "file"));
  if (d.rows > 0)
    out += fmt::format(", <span class=\"whole\">{}</span> to <span class=\"whole\">{}</span>", time_text(data, d.first_time),
                       time_text(data, d.last_time));
  return out + ".</p>\n";
}

std::string run_section(const ReportData& data) {
  HtmlTable spec("Spec", {{"Key", nullptr, false}, {"Value", nullptr, false}, {"From", nullptr, false}});
  for (const SpecEntry& entry : data.spec)
    if (!entry.value.empty()) spec.row({key(entry.name), code(entry.value), text(entry.origin)});
  HtmlTable facts("Run", {{"What", nullptr, false}, {"Value", nullptr, false}});
  const auto fact = [&](std::string_view what, std::string_view value) {
    if (!value.empty()) facts.row({text(what), code(value)});
  };
  fact("Run", data.run_id);
  fact("Made", data.created);
  fact("Spec hash", data.spec_hash);
  fact("Data hash", data.data.hash);
  for (const NameValue& version : data.versions) fact(version.name, version.value);
  HtmlTable files("Input files", {{"File", nullptr, false}, {"Rows"}, {"Size"}, {"Content hash", nullptr, false}});
  for (const InputFile& f : data.data.files) files.row({text(shorten(f.path, 120)), count(f.rows), {format_bytes(f.bytes)}, code(f.hash)});
  std::string out = input_summary(data) + "<div class=\"pair\">";
  if (!spec.empty()) out += std::move(spec).finish();
  if (!facts.empty()) out += std::move(facts).finish();
  out += "</div>\n";
  if (!data.spec_toml.empty())
    out += details("The spec as TOML: save it and run it again", "<pre><code>" + escape_html(data.spec_toml) + "</code></pre>\n");
  if (!files.empty()) out += details(plural(data.data.files.size(), "input file"), std::move(files).finish());
  return out;
}

// ---- Time ----

double cpu_use(const ReportData& data) { return data.wall_s > 0 && data.workers > 0 ? data.cpu_s / (data.wall_s * data.workers) : kUndefined; }

std::string time_summary(const ReportData& data) {
  if (!std::isfinite(data.wall_s)) return note("No times were recorded.");
  std::string out = fmt::format("{} on {}", format_seconds(data.wall_s), plural(size_t(data.workers), "worker"));
  if (std::isfinite(cpu_use(data)))
    out += fmt::format(", {} of CPU: {} of the granted cores were busy", format_seconds(data.cpu_s), percent(cpu_use(data), 0).html);
  out += ".";
  if (data.peak_rss_bytes > 0) out += fmt::format(" Peak memory {}", format_bytes(data.peak_rss_bytes));
  if (data.peak_rss_bytes > 0) out += data.memory_limit_bytes > 0 ? fmt::format(" of {} allowed.", format_bytes(data.memory_limit_bytes)) : ".";
  return paragraph(out);
}

std::string step_parts(const ReportData& data) {
  if (data.steps.empty()) return "";
  BarChart chart{.name = "Seconds per step", .format = Format::seconds};
  HtmlTable table("Steps", {{"Step", nullptr, false}, {"Wall"}, {"CPU"}, {"Share"}, {"Items"}, {"per second"}});
  for (const StepTime& s : data.steps) {
    chart.bars.push_back({s.step, s.wall_s, fmt::format("{} of CPU", format_value(s.cpu_s, Format::seconds))});
    table.row({name(s.step), seconds(s.wall_s), seconds(s.cpu_s), percent(s.wall_s / data.wall_s, 1),
               text(s.items > 0 ? format_count(s.items) + (s.unit.empty() ? "" : " " + s.unit) : "–"),
               text(s.items > 0 && s.wall_s > 0 ? format_count(int64_t(double(s.items) / s.wall_s)) : "–")});
  }
  return figure(chart, "Wall time; steps may overlap.", kHalf) + std::move(table).finish();
}

std::string timeline_figure(const ReportData& data) {
  if (data.tasks.empty()) return "";
  TimelineChart chart{.name = "What each worker did", .x = {.title = "seconds since the start", .format = Format::seconds}};
  int workers = 0;
  double busy = 0;
  for (const TaskSpan& task : data.tasks) workers = std::max(workers, task.worker + 1), busy += task.end_s - task.start_s;
  for (int worker = 0; worker < std::min(workers, kMostWorkers); ++worker) chart.rows.push_back(fmt::format("worker {}", worker + 1));
  for (const TaskSpan& task : data.tasks) {
    const auto kind = std::find(chart.kinds.begin(), chart.kinds.end(), task.step);
    chart.spans.push_back({task.worker, int(kind - chart.kinds.begin()), task.start_s, task.end_s, shorten(task.key, 40)});
    if (kind == chart.kinds.end()) chart.kinds.push_back(task.step);
  }
  return figure(chart,
                fmt::format("{}, {} of work. Gaps are waiting.{}", plural(data.tasks.size(), "task"), format_seconds(busy),
                            workers > kMostWorkers ? fmt::format(" The first {} of {} workers.", kMostWorkers, workers) : ""),
                kWide);
}

std::string reuse_table(const ReportData& data) {
  if (data.reuse.empty()) return "";
  HtmlTable table("What was reused", {{"Step", nullptr, false}, {"Reused"}, {"Run"}, {"Why", nullptr, false}});
  for (const Reuse& r : data.reuse) table.row({name(r.step), count(r.reused), count(r.run), text(r.reason)});
  return std::move(table).finish();
}

std::string time_section(const ReportData& data) {
  const std::string steps = step_parts(data);
  return time_summary(data) + (steps.empty() ? "" : side_by_side(steps)) + timeline_figure(data) + reuse_table(data);
}

// ---- Definitions ----

struct Definition {
  const char *id, *name, *text;
};
/// A convention of the same id in ReportData replaces the text.
constexpr Definition kDefinitions[] = {
    {"error", "",
     "The error metric over all out-of-sample rows with a label, each predicted by a model whose training rows all end before the row's test block, "
     "less the purge."},
    {"naive", "Naive forecast", ""},
    {"ratio", "Ratio", "Error of the model / error of the naive forecast on the same rows. Below 1 the model is better."},
    {"corr", "Corr", "Pearson(prediction, label) of one symbol over time."},
    {"hit_rate", "Hit rate", "Share of rows whose prediction and label have the same sign (classification: the same class)."},
    {"ic", "IC", "Pearson(prediction, label) over the symbols of one date, for dates with at least two pairs; the mean is over dates."},
    {"rank_ic", "Rank IC", "The same with Spearman's rank correlation."},
    {"icir", "ICIR", "Mean of IC / standard deviation of IC over dates (ddof 1), not annualised."},
    {"t", "t",
     "Mean over dates / its Newey-West standard error (Bartlett weights, as many lags as the label looks ahead). Below 2 in size: not "
     "distinguishable from luck. It knows nothing of other specs that were tried."},
    {"saved", "Squared error saved",
     "Sum over dates of the naive forecast's squared error minus the model's / the naive forecast's total. Its end is the out-of-sample R² against "
     "the naive forecast."},
    {"band", "Band of luck",
     "±1.96 x the standard deviation of one date (Newey-West) x √(dates so far): at any one date 95 % of forecasts without skill are inside."},
    {"decile", "Decile", "A tenth of all out-of-sample rows, by prediction; equal predictions stay together."},
    {"gain", "Gain", "Sum over splits of the fall of impurity that the feature brought on training rows, as a share of all."},
    {"cpu", "CPU use", "CPU seconds of the process / (wall seconds x workers)."},
};

std::string definitions_section(const ReportData& data) {
  std::string shown, others;
  for (const Definition& d : kDefinitions) {
    const std::string_view id = d.id;
    const auto own = std::find_if(data.conventions.begin(), data.conventions.end(), [&](const NameValue& c) { return c.name == id; });
    std::string title = d.name, content = own == data.conventions.end() ? d.text : own->value;
    if (id == "error") title = data.error_metric;
    if (id == "naive" && content.empty()) content = data.naive_forecast;
    shown += definition(id, title, content);
  }
  for (const NameValue& c : data.conventions)
    if (std::none_of(std::begin(kDefinitions), std::end(kDefinitions), [&](const Definition& d) { return c.name == d.id; }))
      others += definition("metric-" + c.name, c.name, c.value);
  const auto list = [](const std::string& terms) { return "<dl class=\"terms\">\n" + terms + "</dl>\n"; };
  return list(shown) + (others.empty() ? "" : details("All metrics of metrics.json", list(others)));
}

// ---- Page ----

struct SectionWriter {
  const char *id, *title;
  std::string (*write)(const ReportData&);
};
constexpr SectionWriter kSections[] = {
    {"results", "Results", results_section},
    {"symbols", "By symbol", symbols_section},
    {"newest", "Newest predictions", newest_section},
    {"features", "Features", features_section},
    {"data", "Data check", data_section},
    {"run", "What was run", run_section},
    {"time", "Time and memory", time_section},
    {"definitions", "Definitions", definitions_section},
};

}  // namespace

std::string verdict(const ReportData& data) {
  const size_t failed = num_failed_symbols(data);
  if (data.symbols.empty())
    return fmt::format("No symbol has out-of-sample predictions{}.",
                       data.failures.empty() ? "" : fmt::format(": {}", plural(data.failures.size(), "failure")));
  struct Claim {
    std::string text;
    double t;
  };
  std::vector<Claim> claims;
  if (std::isfinite(ratio(data.universe.error, data.universe.naive_error)))
    claims.push_back({relative_error_text(data), trend(advantages(data), data.label_horizon).t});
  if (std::isfinite(data.universe.ic)) claims.push_back({"mean IC " + format_fixed(data.universe.ic, 3), ic_trend(data).t});
  std::string out = fmt::format(
      "{}, {}: ",
      failed ? fmt::format("{} of {}", data.symbols.size(), plural(data.symbols.size() + failed, "symbol")) : plural(data.symbols.size(), "symbol"),
      plural(size_t(data.universe.dates), "out-of-sample date"));
  if (claims.empty()) return out + "no metric is defined.";
  // One judgement for both when both are noise: said twice it would read like a formula.
  const bool all_noise = claims.size() == 2 && std::all_of(claims.begin(), claims.end(), [](const Claim& c) { return std::abs(c.t) < 2; });
  for (size_t i = 0; i < claims.size(); ++i) {
    const double t = claims[i].t;
    out += (i == 0 ? "" : all_noise ? " and " : "; ") + claims[i].text;
    if (std::isfinite(t)) out += all_noise ? fmt::format(" ({})", t_text(t)) : fmt::format(" ({}: {})", t_text(t), judgement(t));
  }
  return out + (all_noise ? ": neither is distinguishable from luck." : ".");
}

std::string render_report(const ReportData& data) {
  Page page{data.title.empty() ? "hayate run" : data.title, data.created, verdict(data), tiles(data), {}};
  for (const SectionWriter& section : kSections) page.sections.push_back({section.id, section.title, section.write(data)});
  return render_page(page);
}

}  // namespace hayate::eval
