// The order is that of the questions a reader has: is it better than luck (verdict, metrics with intervals), where does the
// number come from (curves, deciles, errors, confusion), does it last (by date), what was compared, what do the words mean.
//
// Intervals of row metrics are bootstrapped; those of IC and rank IC are the mean over dates with Newey and West's standard
// error, because the labels of neighbouring dates overlap and resampled dates would not know it. How far labels look ahead
// is not in the table, so the number of lags is Newey and West's (1994) rule for the number of dates.
#include "eval/evaluation_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "eval/page.h"
#include "exec/pool.h"

namespace hayate::eval {
namespace {

constexpr int kCurveSteps = 200;                ///< of a drawn curve: half a pixel or so
constexpr size_t kMostCurves = kFewSeries - 1;  ///< beside the line of no skill
constexpr size_t kMostInMatrix = 20;            ///< classes that a confusion matrix shows
constexpr size_t kMostClassRows = 200;          ///< rows of the table by class
constexpr size_t kMostInputs = 5;
constexpr int kMostResamples = 200, kLeastResamples = 40;
constexpr double kResampledRows = 40e6;  ///< so many rows are measured again in all, if kLeastResamples allow
constexpr int kMostBins = 40, kLeastBins = 10, kRowsPerBin = 25;

// ---- Measuring ----

int resamples_for(const EvaluationRows& rows) {
  const size_t count = std::max(rows.label.size(), rows.label_class.size()), classes = std::max<size_t>(1, rows.classes.size());
  return int(std::clamp(kResampledRows / double(std::max<size_t>(1, count * classes)), double(kLeastResamples), double(kMostResamples)));
}

bool weighs(const EvaluationRows& rows, size_t row) { return rows.weight.empty() || rows.weight[row] > 0; }

void measure_numbers(const EvaluationRows& rows, EvaluationData& out) {
  std::vector<double> label, prediction;
  for (size_t row = 0; row < rows.label.size(); ++row) {
    if (std::isnan(rows.label[row]) || std::isnan(rows.prediction[row]) || !weighs(rows, row)) continue;
    label.push_back(rows.label[row]), prediction.push_back(rows.prediction[row]);
    out.errors.push_back(prediction.back() - label.back());
  }
  out.deciles = bucket_by_prediction(label, prediction);
  out.bins = bucket_by_prediction(label, prediction, std::clamp(int(label.size()) / kRowsPerBin, kLeastBins, kMostBins));
}

/// Rows that the metrics count: with a label, a prediction, all probabilities that are known and a weight.
std::vector<size_t> counted_rows(const EvaluationRows& rows) {
  std::vector<size_t> out;
  for (size_t row = 0; row < rows.label_class.size(); ++row) {
    const bool known =
        std::none_of(rows.probability.begin(), rows.probability.end(), [&](const auto& p) { return !p.empty() && std::isnan(p[row]); });
    if (known && rows.label_class[row] >= 0 && rows.predicted_class[row] >= 0 && weighs(rows, row)) out.push_back(row);
  }
  return out;
}

ClassCurves curves_of(const EvaluationRows& rows, const std::vector<size_t>& counted, size_t k) {
  const std::vector<double> probability = probability_of(rows, k);
  std::vector<double> outcome, score, weight;
  for (const size_t row : counted) {
    outcome.push_back(size_t(rows.label_class[row]) == k), score.push_back(probability[row]);
    if (!rows.weight.empty()) weight.push_back(rows.weight[row]);
  }
  const ScoredRows scored{outcome, score, weight};
  ClassCurves out;
  out.name = rows.classes[k];
  const std::vector<CurvePoint> precision_recall = precision_recall_curve(scored);
  if (!precision_recall.empty()) out.share = precision_recall.back().y;  // at the lowest threshold every row is predicted positive
  out.roc = thin(roc_curve(scored), kCurveSteps);
  out.precision_recall = thin(precision_recall, kCurveSteps);
  out.calibration = bucket_by_prediction(outcome, score);
  return out;
}

/// The positive class of two; of more the most frequent ones, in the order of classes.
std::vector<size_t> classes_to_draw(const EvaluationRows& rows, const std::vector<size_t>& counted) {
  if (rows.classes.size() == 2) return {1};
  std::vector<int64_t> labels(rows.classes.size());
  for (const size_t row : counted) ++labels[size_t(rows.label_class[row])];
  std::vector<size_t> order(rows.classes.size());
  std::iota(order.begin(), order.end(), size_t(0));
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return labels[a] > labels[b]; });
  order.resize(std::min(order.size(), kMostCurves));
  std::sort(order.begin(), order.end());
  return order;
}

void measure_classes(const EvaluationRows& rows, EvaluationData& out) {
  const std::vector<size_t> counted = counted_rows(rows);
  for (const size_t k : classes_to_draw(rows, counted))
    if (!probability_of(rows, k).empty()) out.curves.push_back(curves_of(rows, counted, k));
}

// ---- Values ----

struct Interval {
  double low = kUndefined, high = kUndefined;
};

/// Newey and West (1994): lags that suit a number of dates when the overlap of labels is not known.
int lags_for(size_t dates) { return int(4 * std::pow(double(dates) / 100, 2.0 / 9)); }

Trend trend_of(const EvaluationData& data, double IcDay::* value) {
  const std::vector<double> values = collect(data.days, [&](const IcDay& day) { return day.*value; });
  const auto dates = size_t(std::count_if(values.begin(), values.end(), [](double v) { return std::isfinite(v); }));
  return trend(values, lags_for(dates));
}

Interval interval_over_dates(const Trend& t) {
  const double half_width = 1.96 * t.deviation / std::sqrt(double(t.dates));
  return {t.mean - half_width, t.mean + half_width};
}

Interval interval_of(const EvaluationData& data, std::string_view metric) {
  if (metric == "ic") return interval_over_dates(trend_of(data, &IcDay::ic));
  if (metric == "rank_ic") return interval_over_dates(trend_of(data, &IcDay::rank_ic));
  for (const MetricInterval& interval : data.intervals)
    if (metric == interval.metric->name) return {interval.low, interval.high};
  return {};
}

std::string value_text(double value, int digits = 4) { return format_value(value, Format::number, digits); }
/// "0.51 to 0.55"; "" when undefined.
std::string interval_text(const Interval& interval) {
  return std::isfinite(interval.low) ? fmt::format("{} to {}", value_text(interval.low, 3), value_text(interval.high, 3)) : "";
}

size_t classes_in_labels(const Evaluation& e) {
  size_t classes = 0, size = e.classes.size();
  for (size_t row = 0; row < size; ++row)
    classes +=
        std::any_of(e.confusion.begin() + ptrdiff_t(row * size), e.confusion.begin() + ptrdiff_t((row + 1) * size), [](double w) { return w > 0; });
  return classes;
}

struct TileMetric {
  const char *metric, *title;
};
/// Shown at the top where they are defined.
constexpr TileMetric kTileMetrics[] = {
    {"rmse", "RMSE"},         {"r2", "R²"},
    {"pearson", "Pearson"},   {"hit_rate", "Hit rate"},
    {"roc_auc", "ROC AUC"},   {"accuracy", "Accuracy"},
    {"ic", "Mean IC"},        {"balanced_accuracy", "Balanced accuracy"},
    {"log_loss", "Log loss"}, {"rank_ic", "Mean rank IC"},
};

std::string tiles(const EvaluationData& data) {
  const Evaluation& e = data.evaluation;
  std::vector<Tile> shown = {{"Rows", format_count(e.rows), e.rows_left_out > 0 ? format_count(e.rows_left_out) + " left out" : "none left out"}};
  for (const TileMetric& tile : kTileMetrics)
    if (const auto value = e.value(tile.metric)) shown.push_back({tile.title, value_text(*value), interval_text(interval_of(data, tile.metric))});
  return tile_row(shown);
}

// ---- Metrics ----

std::string metrics_section(const EvaluationData& data) {
  HtmlTable table(
      "Metrics and their 95 % intervals",
      {{"Metric", nullptr, false}, {"Value"}, {"from", "interval"}, {"to", "interval"}, {"Better", nullptr, false}, {"Remark", nullptr, false}});
  for (const MetricValue& m : data.evaluation.metrics) {
    if (m.metric->better == Better::neither) continue;
    const Interval interval = interval_of(data, m.metric->name);
    table.row({{fmt::format("<a href=\"#def-{0}\">{0}</a>", m.metric->name)},
               text(format_value(m.value.value_or(kUndefined), Format::number, 5)),
               text(value_text(interval.low)),
               text(value_text(interval.high)),
               text(m.metric->better == Better::lower ? "lower" : "higher"),
               text(m.reason.empty() ? "" : "undefined: " + m.reason)});
  }
  std::string out = std::move(table).finish();
  if (data.resamples > 0)
    out +=
        note(data.date_unit == DateUnit::none
                 ? fmt::format("Intervals: the middle 95 % of {} resamples of single rows. Where rows of one date move together the truth is wider; "
                               "--by-date COL draws whole dates.",
                               data.resamples)
                 : fmt::format("Intervals: the middle 95 % of {} resamples of whole dates.", data.resamples));
  return out;
}

// ---- Classification ----

std::string series_name(const ClassCurves& c) { return "class " + shorten(c.name, 14); }

Series curve_series(const ClassCurves& c, const std::vector<CurvePoint>& curve) {
  return {.name = series_name(c), .x = collect(curve, [](const CurvePoint& p) { return p.x; }), .y = collect(curve, [](const CurvePoint& p) {
                                                                                                  return p.y;
                                                                                                })};
}

Series diagonal(const char* name, double from, double to) { return {.name = name, .x = {from, to}, .y = {from, to}}; }

bool any_drawn(const LineChart& chart) {
  return std::any_of(chart.series.begin(), chart.series.end(), [](const Series& s) { return !s.x.empty(); });
}

std::string roc_figure(const EvaluationData& data) {
  LineChart chart{.name = "ROC", .x = {.title = "false positive rate"}, .y = {.title = "true positive rate", .zero = true}, .height = 320};
  for (const ClassCurves& c : data.curves) chart.series.push_back(curve_series(c, c.roc));
  if (any_drawn(chart)) chart.series.push_back(diagonal("guessing", 0, 1));
  const auto area = data.evaluation.value("roc_auc");
  return figure(chart,
                "By falling threshold of the probability. The further above the diagonal, the better." +
                    (area ? fmt::format(" Area{}: {}.", data.evaluation.classes.size() > 2 ? ", mean over classes" : "", value_text(*area)) : ""),
                kHalf);
}

std::string precision_recall_figure(const EvaluationData& data) {
  LineChart chart{.name = "Precision and recall", .x = {.title = "recall"}, .y = {.title = "precision", .zero = true}, .height = 320};
  for (const ClassCurves& c : data.curves) chart.series.push_back(curve_series(c, c.precision_recall));
  if (data.curves.size() == 1 && any_drawn(chart)) chart.guides.push_back({data.curves[0].share, "guessing"});
  const auto area = data.evaluation.value("average_precision");
  return figure(
      chart,
      "Guessing has the share of the class as precision at every recall." + (area ? fmt::format(" Average precision: {}.", value_text(*area)) : ""),
      kHalf);
}

std::string calibration_figure(const EvaluationData& data) {
  LineChart chart{
      .name = "Calibration", .x = {.title = "mean probability of the group"}, .y = {.title = "share that are of the class"}, .height = 320};
  for (const ClassCurves& c : data.curves) {
    Series series{.name = series_name(c)};
    for (const Bucket& b : c.calibration) {
      series.x.push_back(b.mean_prediction), series.y.push_back(b.mean_label);
      series.low.push_back(b.mean_label - 2 * b.standard_error), series.high.push_back(b.mean_label + 2 * b.standard_error);
    }
    chart.series.push_back(std::move(series));
  }
  if (any_drawn(chart)) chart.series.push_back(diagonal("exact", 0, 1));
  return figure(chart, "Tenths of the rows by probability; on the diagonal a probability says what happens. Band: two standard errors.", kHalf);
}

std::string curves_section(const EvaluationData& data) {
  if (data.curves.empty()) return note("No column probability_<class> was found, so there are no curves.");
  std::string out = side_by_side(roc_figure(data) + precision_recall_figure(data) + calibration_figure(data));
  if (data.evaluation.classes.size() == 2) return out;
  return out + note(data.curves.size() < data.evaluation.classes.size() ? fmt::format("The {} most frequent of {} classes, each against all others.",
                                                                                      data.curves.size(), data.evaluation.classes.size())
                                                                        : "Each class against all others.");
}

/// A sum of weights: exact when whole.
std::string weight_text(double value) {
  return value == std::floor(value) && std::abs(value) < 1e15 ? format_count(int64_t(value)) : format_value(value, Format::number, 6);
}

struct Margins {
  std::vector<double> labels, predictions;
};
Margins margins(const Evaluation& e) {
  const size_t size = e.classes.size();
  Margins out{std::vector<double>(size), std::vector<double>(size)};
  for (size_t i = 0; i < e.confusion.size(); ++i) out.labels[i / size] += e.confusion[i], out.predictions[i % size] += e.confusion[i];
  return out;
}

std::string confusion_table(const Evaluation& e, const Margins& sums) {
  std::vector<Head> heads = {{"Label", nullptr, false}};
  for (const std::string& name : e.classes) heads.push_back({"predicted " + shorten(name, 20)});
  heads.push_back({"All"});
  HtmlTable table("Confusion matrix: rows are labels, with shares of the row", std::move(heads));
  const size_t size = e.classes.size();
  const double total = std::accumulate(sums.labels.begin(), sums.labels.end(), 0.0);
  const auto cell = [](double value, double whole) {
    return text(whole > 0 ? fmt::format("{} ({} %)", weight_text(value), format_fixed(100 * value / whole, 1)) : weight_text(value));
  };
  for (size_t row = 0; row < size; ++row) {
    std::vector<Cell> cells = {name(e.classes[row])};
    for (size_t column = 0; column < size; ++column) {
      cells.push_back(cell(e.confusion[row * size + column], sums.labels[row]));
      cells.back().quiet = e.confusion[row * size + column] == 0;
    }
    cells.push_back(cell(sums.labels[row], total));
    table.row(cells);
  }
  std::vector<Cell> all = {text("All")};
  for (const double predictions : sums.predictions) all.push_back(cell(predictions, total));
  all.push_back(text(weight_text(total)));
  table.row(all);
  return std::move(table).finish();
}

/// What stands in the matrix, class by class; the most frequent ones when there are many.
std::string class_table(const Evaluation& e, const Margins& sums) {
  const size_t size = e.classes.size();
  std::vector<size_t> order(size);
  std::iota(order.begin(), order.end(), size_t(0));
  if (size > kMostInMatrix) std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return sums.labels[a] > sums.labels[b]; });
  HtmlTable table("By class", {{"Class", nullptr, false}, {"Labels"}, {"Predictions"}, {"Precision"}, {"Recall"}});
  for (size_t i = 0; i < std::min(size, kMostClassRows); ++i) {
    const size_t k = order[i];
    const double correct = e.confusion[k * size + k];
    table.row({name(e.classes[k]), text(weight_text(sums.labels[k])), text(weight_text(sums.predictions[k])),
               percent(correct / sums.predictions[k], 1), percent(correct / sums.labels[k], 1)});
  }
  const size_t left_out = size - std::min(size, kMostClassRows);
  return std::move(table).finish() + (left_out ? note(fmt::format("{} rarer classes are not shown.", format_count(int64_t(left_out)))) : "");
}

std::string confusion_section(const EvaluationData& data) {
  const Evaluation& e = data.evaluation;
  const Margins sums = margins(e);
  return (e.classes.size() <= kMostInMatrix ? confusion_table(e, sums) : "") + class_table(e, sums);
}

// ---- Regression ----

std::string error_figure(const EvaluationData& data) {
  const ColumnChart chart{.name = "Errors",
                          .x_title = "prediction - label",
                          .y = {.title = "rows", .format = Format::count},
                          .columns = histogram(data.errors, 24, Format::number),
                          .touching = true};
  return figure(chart,
                fmt::format("Right of 0 the prediction was too high. Half of the errors lie between {} and {}, the median is {}.",
                            value_text(quantile(data.errors, 0.25)), value_text(quantile(data.errors, 0.75)), value_text(quantile(data.errors, 0.5))),
                kHalf);
}

std::string bins_figure(const EvaluationData& data) {
  LineChart chart{.name = "Prediction against label", .x = {.title = "mean prediction of the group"}, .y = {.title = "mean label"}, .height = 240};
  Series means{.name = "mean label"};
  for (const Bucket& b : data.bins) {
    means.x.push_back(b.mean_prediction), means.y.push_back(b.mean_label);
    means.low.push_back(b.mean_label - 2 * b.standard_error), means.high.push_back(b.mean_label + 2 * b.standard_error);
  }
  chart.series.push_back(std::move(means));
  if (!data.bins.empty()) chart.series.push_back(diagonal("exact", data.bins.front().mean_prediction, data.bins.back().mean_prediction));
  return figure(
      chart,
      fmt::format("{} of equal size, by prediction. A line flatter than the diagonal: predictions are too bold; steeper: too timid. Band: two "
                  "standard errors as if rows were independent.",
                  plural(data.bins.size(), "group")),
      kHalf);
}

std::string predictions_section(const EvaluationData& data) {
  if (data.errors.empty()) return note("No row has a label and a prediction.");
  return side_by_side(bucket_figure(data.deciles) + bins_figure(data) + error_figure(data)) +
         (data.columns.weight.empty() ? "" : note("Rows count alike in these drawings; weights count in the metrics."));
}

// ---- By date ----

Axis date_axis(const EvaluationData& data) {
  switch (data.date_unit) {
    case DateUnit::day:
      return {.format = Format::days};
    case DateUnit::microsecond:
      return {.format = Format::micros};
    case DateUnit::number:
      return {.title = data.columns.by_date};
    default:
      return {.title = "dates in order", .format = Format::count};
  }
}

std::string dates_section(const EvaluationData& data) {
  std::vector<double> x, ic, rank_ic;
  for (const IcDay& day : data.days)
    if (std::isfinite(day.ic)) x.push_back(double(day.date)), ic.push_back(day.ic), rank_ic.push_back(day.rank_ic);
  if (x.empty()) return note("No date has an IC: it needs two rows of one date whose predictions and labels differ.");
  const Trend over_time = trend_of(data, &IcDay::ic);
  return paragraph(fmt::format("Mean IC {} over {} of {} ({}{}).", format_fixed(over_time.mean, 4), format_count(int64_t(x.size())),
                               plural(data.days.size(), "date"), t_text(over_time.t),
                               std::isfinite(over_time.t) ? fmt::format(": {}", judgement(over_time.t)) : "")) +
         cumulative_ic_figure(date_axis(data), x, ic, rank_ic, lags_for(x.size()));
}

// ---- What was compared, definitions ----

std::string inputs_section(const EvaluationData& data) {
  const Evaluation& e = data.evaluation;
  HtmlTable facts("What was compared", {{"What", nullptr, false}, {"Value", nullptr, false}});
  const auto fact = [&](std::string_view what, std::string_view value) {
    if (!value.empty()) facts.row({text(what), code(shorten(value, 120))});
  };
  for (size_t i = 0; i < std::min(data.inputs.size(), kMostInputs); ++i) fact("Input", data.inputs[i]);
  if (data.inputs.size() > kMostInputs) fact("", plural(data.inputs.size() - kMostInputs, "more file"));
  fact("Problem", problem_name(e.problem));
  fact("Label", data.columns.label);
  fact("Prediction", data.columns.prediction);
  fact("Weight", data.columns.weight);
  fact("Date", data.columns.by_date);
  if (e.classes.size() == 2) fact("Positive class", e.classes[1]);
  if (e.classes.size() > 2) fact("Classes", format_count(int64_t(e.classes.size())));
  return std::move(facts).finish() + note(e.rows_left_out > 0
                                              ? fmt::format("{} of {} left out: a label, a prediction or a weight is missing, or the weight is 0.",
                                                            format_count(e.rows_left_out), plural(size_t(e.rows + e.rows_left_out), "row"))
                                              : fmt::format("{}, none left out.", plural(size_t(e.rows), "row")));
}

std::string definitions_section(const EvaluationData& data) {
  std::string out = "<dl class=\"terms\">\n";
  for (const MetricValue& m : data.evaluation.metrics) out += definition(m.metric->name, m.metric->name, m.metric->convention);
  out +=
      definition("interval", "95 % interval",
                 "The middle 95 % of the metric over resamples: rows, or whole dates, drawn with replacement, as many as there are. ic and rank_ic: "
                 "mean ± 1.96 Newey-West standard errors over dates.");
  if (!data.days.empty())
    out += definition("t", "t",
                      "Mean over dates / its Newey-West standard error (Bartlett weights, 4 (dates / 100)^(2/9) lags). Below 2 in size: not "
                      "distinguishable from luck. It knows nothing of other predictions that were tried.");
  return out + "</dl>\n";
}

}  // namespace

Result<std::vector<MetricInterval>> metric_intervals(const EvaluationRows& rows, int resamples, exec::Pool& pool) {
  Bootstrap bootstrap{.resamples = resamples};
  if (rows.date_unit != DateUnit::none) bootstrap.group = rows.date;
  if (rows.problem == Problem::regression) return bootstrap_regression(rows.label, rows.prediction, rows.weight, bootstrap, pool);
  return bootstrap_classification(class_predictions(rows), bootstrap, pool);
}

Result<EvaluationData> measure_evaluation(const EvaluationRows& rows, Evaluation evaluation, exec::Pool& pool) {
  EvaluationData out;
  rows.problem == Problem::regression ? measure_numbers(rows, out) : measure_classes(rows, out);
  out.resamples = resamples_for(rows);
  HY_TRY(out.intervals, metric_intervals(rows, out.resamples, pool));
  out.days = ic_days(rows), out.date_unit = rows.date_unit;
  out.evaluation = std::move(evaluation);
  return out;
}

std::string evaluation_verdict(const EvaluationData& data) {
  struct Candidate {
    const char *metric, *title;
    double luck;
  };
  const Evaluation& e = data.evaluation;
  if (e.rows == 0) return "No row has a label and a prediction.";
  const Candidate candidates[] = {{"pearson", "correlation", 0},
                                  {"roc_auc", "ROC AUC", 0.5},
                                  {"balanced_accuracy", "balanced accuracy", 1.0 / double(std::max<size_t>(1, classes_in_labels(e)))}};
  const auto best = std::find_if(std::begin(candidates), std::end(candidates), [&](const Candidate& c) { return e.value(c.metric).has_value(); });
  std::string out = plural(size_t(e.rows), "row") + ": ";
  if (best == std::end(candidates)) return out + "no metric compares these predictions with luck.";
  const Interval interval = interval_of(data, best->metric);
  out += fmt::format("{} {}", best->title, value_text(*e.value(best->metric), 3));
  if (!std::isfinite(interval.low)) return out + ".";
  const std::string luck = value_text(best->luck);
  return out + fmt::format(" (95 %: {}): {}.", interval_text(interval),
                           interval.low > best->luck    ? fmt::format("better than luck, which gives {}", luck)
                           : interval.high < best->luck ? fmt::format("worse than luck, which gives {}", luck)
                                                        : fmt::format("not distinguishable from luck, which gives {}", luck));
}

std::string render_evaluation(const EvaluationData& data) {
  const bool classes = data.evaluation.problem == Problem::classification;
  Page page{"hayate evaluate",
            fmt::format("{} against {}", shorten(data.columns.prediction, kLongestName), shorten(data.columns.label, kLongestName)),
            evaluation_verdict(data),
            tiles(data),
            {}};
  page.sections.push_back({"metrics", "Metrics", metrics_section(data)});
  if (classes) {
    page.sections.push_back({"curves", "Curves", curves_section(data)});
    page.sections.push_back({"confusion", "Confusion", confusion_section(data)});
  } else {
    page.sections.push_back({"predictions", "Predictions and labels", predictions_section(data)});
  }
  if (data.date_unit != DateUnit::none) page.sections.push_back({"dates", "By date", dates_section(data)});
  page.sections.push_back({"input", "What was compared", inputs_section(data)});
  page.sections.push_back({"definitions", "Definitions", definitions_section(data)});
  return render_page(page);
}

}  // namespace hayate::eval
